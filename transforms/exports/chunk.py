"""A chunk of an export, by field: its texts, with the faults and notes found in them."""

from dataclasses import dataclass, field

import pandas as pd

from schemas.exports import LINES_NAMED, BadCell, Note
from transforms.exports.formats import Format


@dataclass
class Cells:
    """The trimmed cells of a chunk; missing ones are empty. Those who read them report to it.

    Attributes:
        frame: Text columns in the file's order, with the line as the index.
        format: Which column holds what.
        bad: The faulty cells; their rows are not read.
    """

    frame: pd.DataFrame
    format: Format
    bad: list[BadCell] = field(default_factory=list)
    _noted: list[tuple[pd.Index, str, str]] = field(default_factory=list)
    _texts: dict[str, pd.Series] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the file has a column for a field."""
        return name in self.format.columns

    def first_of(self, *names: str) -> str:
        """Return the first of the fields for which the file has a column."""
        return next((name for name in names if self.has(name)), names[0])

    def all(self, value: object, dtype: str) -> pd.Series:
        """Return a column with the same value in all rows."""
        return pd.Series(value, index=self.frame.index, dtype=dtype)

    def text(self, name: str) -> pd.Series:
        """Return a field's column; empty texts if there is none."""
        if name not in self._texts:
            self._texts[name] = self._read(name)
        return self._texts[name]

    def _read(self, name: str) -> pd.Series:
        if not self.has(name):
            return self.all("", "str")
        texts = self.frame.iloc[:, self.format.columns[name]].astype("str").fillna("")
        # PostgreSQL cannot store NUL.
        return texts.str.strip().str.replace("\x00", "\ufffd", regex=False)

    def fault(self, rows: pd.Series, name: str, why: str) -> None:
        """Report a field's cell as faulty in some rows, which are then not read."""
        if not rows.any():
            return
        texts = self.text(name)[rows]
        column, short = "", self.all(value=False, dtype="bool")
        if self.has(name):
            column = self.format.column(name)
            short = self.frame.iloc[:, self.format.columns[name]].isna()
        ends = "The row ends before this column. Complete the row, or export again."
        self.bad += [
            BadCell(int(line), column, text[:80], ends if short[line] else why)
            for line, text in texts.items()
        ]

    def note(self, rows: pd.Series, kind: str, text: str) -> None:
        """Note something about rows that are read all the same."""
        self._noted.append((rows.index[rows], kind, text))

    def bad_lines(self) -> pd.Index:
        """Return the lines of the rows that are not read."""
        return pd.Index([cell.line for cell in self.bad], dtype="int64").unique()

    def notes(self) -> list[Note]:
        """Return the notes on rows that are read. Call it once all columns were read."""
        notes = []
        for noted, kind, text in self._noted:
            lines = noted.difference(self.bad_lines())
            if len(lines):
                notes.append(Note(kind, text, len(lines), tuple(map(int, lines[:LINES_NAMED]))))
        return notes
