"""Keeps the rows of files on disk while they are imported, so that memory stays flat.

Files come in any order, overlap, and may have a million rows; what is decided together are the rows
of one day. So all rows go into a table of their own first, a SQLite file that only its owner can
read and that is gone when the import ends, and come back in slices of whole days.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

#: dtype of each staged column; instants are microseconds since 1970, UTC.
DTYPES: Mapping[str, str] = {
    "file": "int64",
    "line": "int64",
    "user_name": "str",
    "user_email": "str",
    "client_name": "str",
    "project_name": "str",
    "task_name": "str",
    "tags": "str",
    "description": "str",
    "start_us": "Int64",
    "end_us": "Int64",
    "day": "str",
    "duration_s": "Int64",
    "slack_s": "Int64",
    "billable": "boolean",
    "entry_type": "str",
    "rate_micros": "Int64",
    "currency": "str",
    "approved": "boolean",
}


class Staging:
    """The rows of an import, on disk.

    Attributes:
        rows: How many there are.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.rows = 0
        columns = ", ".join(f'"{name}"' for name in DTYPES)
        database.execute(f"CREATE TABLE entries ({columns})")

    def add(self, rows: pd.DataFrame) -> None:
        """Keep rows with the columns of `DTYPES`."""
        plain = rows[list(DTYPES)].astype(object)
        values = plain.where(plain.notna(), None).itertuples(index=False, name=None)
        marks = ", ".join("?" * len(DTYPES))
        with self._database:
            self._database.executemany(f"INSERT INTO entries VALUES ({marks})", values)
        self.rows += len(rows)

    def distinct(self, *names: str) -> pd.DataFrame:
        """Give the different values that some columns have together."""
        columns = ", ".join(f'"{name}"' for name in names)
        found = self._database.execute(f"SELECT DISTINCT {columns} FROM entries ORDER BY {columns}")
        return _frame(found.fetchall(), names)

    def slices(self, at_least: int) -> Iterator[pd.DataFrame]:
        """Give the rows by day, in slices of whole days with *at_least* so many rows.

        Within a slice they stand by file and line.
        """
        self._database.execute("CREATE INDEX IF NOT EXISTS by_day ON entries (day)")
        counted = self._database.execute("SELECT day, count(*) FROM entries GROUP BY day")
        first, rows = None, 0
        for day, number in counted.fetchall():
            first, rows = first or day, rows + number
            if rows >= at_least:
                yield self._between(first, day)
                first, rows = None, 0
        if first is not None:
            yield self._between(first, "9999")

    def _between(self, first: str, last: str) -> pd.DataFrame:
        query = "SELECT * FROM entries WHERE day BETWEEN ? AND ? ORDER BY file, line"
        return _frame(self._database.execute(query, (first, last)).fetchall(), list(DTYPES))


@contextmanager
def staging() -> Iterator[Staging]:
    """Open an empty staging for a block; its file is deleted afterwards, whatever happens."""
    with (
        tempfile.TemporaryDirectory(prefix="clockbooks-") as folder,  # its owner's alone
        closing(sqlite3.connect(Path(folder) / "rows.db", check_same_thread=False)) as database,
    ):
        database.execute("PRAGMA journal_mode = OFF")  # nobody needs it after a crash
        database.execute("PRAGMA synchronous = OFF")
        yield Staging(database)


def _frame(rows: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(names), dtype=object)
    return frame.astype({name: DTYPES[name] for name in names})
