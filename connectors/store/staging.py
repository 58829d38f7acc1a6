"""Keeps the rows of a run on disk until they are judged, so that memory stays flat.

Pages and files come in any order, overlap, and may hold a million rows; what is decided together
are the rows of one day. So all rows go into a table of their own first, a SQLite file that only its
owner can read and that is gone when the run ends, and come back in slices of whole days.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.database import chunks
from schemas.clockify import TimeEntries
from schemas.file_entries import FileEntries
from schemas.frames import Frame


def _dtypes(frame: type[Frame]) -> dict[str, str]:
    """Return the dtype of each column of a frame; instants are microseconds since 1970, UTC."""
    dtypes: dict[str, str] = {}
    for name, column in frame.to_schema().columns.items():
        dtype = str(column.dtype.type)
        dtypes |= {f"{name}_us": "Int64"} if dtype.startswith("datetime") else {name: dtype}
    return dtypes


#: dtype of each column of a Clockify entry: those of `TimeEntries`, and the local day.
ENTRY: Mapping[str, str] = _dtypes(TimeEntries) | {"day": "str"}

#: The same for a row of a file, by its number: those of `FileEntries` but the ids, given later.
FILE_ROW: Mapping[str, str] = {
    name: dtype for name, dtype in _dtypes(FileEntries).items() if not name.endswith("_id")
} | {"file": "int64"}


class Staging:
    """Rows on disk, with a `day` each.

    Attributes:
        rows: How many were added.
    """

    def __init__(
        self, database: sqlite3.Connection, dtypes: Mapping[str, str], *, order: Sequence[str]
    ) -> None:
        """Make an empty table of columns with *dtypes*; `day` (YYYY-MM-DD) is one of them."""
        self._database = database
        self._dtypes = dtypes
        self._order = ", ".join(order)
        self.rows = 0
        database.execute(f"CREATE TABLE entries ({', '.join(map(_quoted, dtypes))})")

    def add(self, rows: pd.DataFrame) -> None:
        """Keep rows; whatever else they have besides the staging's columns is left out."""
        marks = ", ".join("?" * len(self._dtypes))
        with self._database:
            self._database.executemany(
                f"INSERT INTO entries VALUES ({marks})", _plain(rows[list(self._dtypes)])
            )
        self.rows += len(rows)

    def distinct(self, *names: str) -> pd.DataFrame:
        """Return the different values that some columns have together."""
        columns = ", ".join(map(_quoted, names))
        found = self._database.execute(
            f"SELECT DISTINCT {columns} FROM entries WHERE day IS NOT NULL ORDER BY {columns}"
        )
        return self._frame(found.fetchall(), names)

    def slices(self, at_least: int) -> Iterator[pd.DataFrame]:
        """Yield the rows by day, in slices of whole days with *at_least* so many rows."""
        for first, last in self.windows(at_least):
            yield self.between(first, last)

    def windows(self, at_least: int) -> list[tuple[str, str]]:
        """Return the first and the last day (YYYY-MM-DD) of each of `slices`."""
        self._database.execute("CREATE INDEX IF NOT EXISTS by_day ON entries (day)")
        counted = self._database.execute(
            "SELECT day, count(*) FROM entries WHERE day IS NOT NULL GROUP BY day"
        )
        windows: list[tuple[str, str]] = []
        first, rows = None, 0
        for day, number in counted.fetchall():
            first, rows = first or day, rows + number
            if rows >= at_least:
                windows.append((first, day))
                first, rows = None, 0
        return [*windows, (first, day)] if first is not None else windows

    def between(self, first: str, last: str) -> pd.DataFrame:
        """Return the rows of some days (YYYY-MM-DD), the last one included."""
        columns = ", ".join(map(_quoted, self._dtypes))
        query = f"SELECT {columns} FROM entries WHERE day BETWEEN ? AND ? ORDER BY {self._order}"
        return self._frame(self._database.execute(query, (first, last)).fetchall(), self._dtypes)

    def _frame(self, rows: Sequence[Any], names: Sequence[str] | Mapping[str, str]) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=list(names), dtype=object)
        return frame.astype({name: self._dtypes[name] for name in names})


class StagedEntries(Staging):
    """The entries of a window: the latest row of each id counts, good or bad."""

    def __init__(self, database: sqlite3.Connection) -> None:
        super().__init__(database, ENTRY, order=("start_us", "entry_id"))
        database.execute("ALTER TABLE entries ADD COLUMN problem")
        database.execute("ALTER TABLE entries ADD COLUMN bad_day")  # of rows with a problem
        database.execute("CREATE UNIQUE INDEX by_id ON entries (entry_id)")

    def add(self, rows: pd.DataFrame) -> None:
        """Keep good rows, in place of what their ids had before."""
        names = [*ENTRY, "problem"]
        self._replace(names, _plain(rows.assign(problem=None)[names]))
        self.rows += len(rows)

    def set_aside(self, found: Sequence[tuple[str | None, str, str | None]]) -> None:
        """Keep id, problem and day of bad rows; an id takes the place of what it had before.

        The day is `None` where nobody can say when the row begins.
        """
        self._replace(["entry_id", "problem", "bad_day"], found)

    def _replace(self, names: Sequence[str], values: Any) -> None:
        columns, marks = ", ".join(map(_quoted, names)), ", ".join("?" * len(names))
        with self._database:
            self._database.executemany(
                f"INSERT OR REPLACE INTO entries ({columns}) VALUES ({marks})", values
            )

    def mark(self) -> int:
        """Return a mark for `forget_since`."""
        (latest,) = self._database.execute("SELECT coalesce(max(rowid), 0) FROM entries").fetchone()
        return int(latest)

    def forget_since(self, mark: int) -> None:
        """Forget the rows, good and bad, that came after a mark."""
        with self._database:
            self._database.execute("DELETE FROM entries WHERE rowid > ?", (mark,))

    def keep_days(self, first: str, last: str) -> None:
        """Forget the rows of all days but *first* to *last* (YYYY-MM-DD), the bad ones too."""
        with self._database:
            self._database.execute(
                "DELETE FROM entries WHERE coalesce(day, bad_day) NOT BETWEEN ? AND ?",
                (first, last),
            )

    def present(self, entry_ids: Sequence[str]) -> set[str]:
        """Return those of some ids that have a row, good or bad."""
        found: set[str] = set()
        for some in chunks(entry_ids):
            marks = ", ".join("?" * len(some))
            query = f"SELECT entry_id FROM entries WHERE entry_id IN ({marks})"
            found |= {id_ for (id_,) in self._database.execute(query, some)}
        return found

    def problems(self, first_day: str = "") -> Iterator[dict[str, str | None]]:
        """Yield `entry_id` and `problem` of the bad rows, in the order in which they came.

        Those that are known to be of a day before *first_day* are left out.
        """
        found = self._database.execute(
            "SELECT entry_id, problem FROM entries WHERE problem IS NOT NULL"
            " AND coalesce(bad_day, ?) >= ? ORDER BY rowid",
            (first_day, first_day),
        )
        for entry_id, problem in found:
            yield {"entry_id": entry_id, "problem": problem}


@contextmanager
def staging() -> Iterator[Staging]:
    """Open an empty staging of `FILE_ROW`s for a block; they stand by file and line."""
    with _own_database() as database:
        yield Staging(database, FILE_ROW, order=("file", "line"))


@contextmanager
def staging_entries() -> Iterator[StagedEntries]:
    """Open an empty staging of `ENTRY`s for a block; they stand by start and id."""
    with _own_database() as database:
        yield StagedEntries(database)


@contextmanager
def _own_database() -> Iterator[sqlite3.Connection]:
    """Make a database for a block; its file is deleted afterwards, whatever happens."""
    with (
        tempfile.TemporaryDirectory(prefix="clockbooks-") as folder,  # its owner's alone
        closing(sqlite3.connect(Path(folder) / "rows.db", check_same_thread=False)) as database,
    ):
        database.execute("PRAGMA journal_mode = OFF")  # nobody needs it after a crash
        database.execute("PRAGMA synchronous = OFF")
        yield database


def _plain(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    plain = rows.astype(object)
    yield from plain.where(plain.notna(), None).itertuples(index=False, name=None)


def _quoted(name: str) -> str:
    return f'"{name}"'
