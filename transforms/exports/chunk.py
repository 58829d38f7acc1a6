"""A chunk of an export seen by field: the texts, and what is wrong or worth telling about them."""

from dataclasses import dataclass, field

import pandas as pd

from schemas.exports import LINES_NAMED, BadCell, Note
from transforms.exports.formats import Format


@dataclass
class Cells:
    """A chunk's cells, trimmed; what is not there is empty. Its readers report to it.

    Attributes:
        frame: Text columns in the file's order, with the line as the index.
        format: Which column holds what.
        bad: The cells for which rows are not read.
    """

    frame: pd.DataFrame
    format: Format
    bad: list[BadCell] = field(default_factory=list)
    _noted: list[tuple[pd.Index, str, str]] = field(default_factory=list)
    _texts: dict[str, pd.Series] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Say whether the file has a column for that field."""
        return name in self.format.columns

    def first_of(self, *names: str) -> str:
        """Give the first of those fields that the file has a column for."""
        return next((name for name in names if self.has(name)), names[0])

    def all(self, value: object, dtype: str) -> pd.Series:
        """Give a column of one value."""
        return pd.Series(value, index=self.frame.index, dtype=dtype)

    def text(self, name: str) -> pd.Series:
        """Give a field's column, empty where there is none."""
        if name not in self._texts:
            self._texts[name] = self._read(name)
        return self._texts[name]

    def _read(self, name: str) -> pd.Series:
        if not self.has(name):
            return self.all("", "str")
        texts = self.frame.iloc[:, self.format.columns[name]].astype("str").fillna("")
        # PostgreSQL holds no NUL
        return texts.str.strip().str.replace("\x00", "\ufffd", regex=False)

    def fault(self, rows: pd.Series, name: str, why: str) -> None:
        """Report the cell of that field in each of those rows: they are not read."""
        if not rows.any():
            return
        texts = self.text(name)[rows]
        column, short = "", self.all(value=False, dtype="bool")
        if self.has(name):
            column = self.format.column(name)
            short = self.frame.iloc[:, self.format.columns[name]].isna()
        ends = "The row ends before this column. Complete it, or export again."
        self.bad += [
            BadCell(int(line), column, text[:80], ends if short[line] else why)
            for line, text in texts.items()
        ]

    def note(self, rows: pd.Series, kind: str, text: str) -> None:
        """Tell something about rows that are read all the same."""
        self._noted.append((rows.index[rows], kind, text))

    def bad_lines(self) -> pd.Index:
        """Give the lines of the rows that are not read."""
        return pd.Index([cell.line for cell in self.bad], dtype="int64").unique()

    def notes(self) -> list[Note]:
        """Give what was told of rows that are read, once all columns were."""
        notes = []
        for noted, kind, text in self._noted:
            lines = noted.difference(self.bad_lines())
            if len(lines):
                notes.append(Note(kind, text, len(lines), tuple(map(int, lines[:LINES_NAMED]))))
        return notes
