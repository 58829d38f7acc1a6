"""Reads the rows of a time export as entries; the entry point of this package.

    header ──► recognize ──► Format            which column holds what
    chunks ──► Survey.feed … conclude          how this file writes days and numbers
    chunks ──► read_rows ──► ReadRows          entries, bad cells, notes

Only the whole file shows how it writes days and numbers, so there are two passes. Each keeps one
chunk at a time: a million rows need no more memory than ten thousand.
"""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pandas as pd

from schemas.exports import BadCell, DateOrder, ExportEntries, Note
from transforms.exports.cells import (
    Mark,
    currency_code,
    decimal_mark,
    number_wanted,
    read_each,
    read_micros,
    read_type,
    read_yes,
)
from transforms.exports.chunk import Cells
from transforms.exports.date_order import DateSurvey
from transforms.exports.durations import Writing, read_times
from transforms.exports.formats import Format, parse_mapping, recognize

__all__ = [
    "Conclusion", "Format", "ReadRows", "Survey", "parse_mapping", "read_rows", "recognize",
]  # fmt: skip

_TEXTS = {
    "email": "user_email",
    "project": "project_name",
    "client": "client_name",
    "task": "task_name",
    "tags": "tags",
}


@dataclass(frozen=True)
class Conclusion:
    """How a file writes days and numbers.

    Attributes:
        order: The order of day, month and year.
        because: What decided the order, for people.
        decimal_mark: `None` if nothing in the file shows it.
        notes: What a person should know about the file.
    """

    order: DateOrder
    because: str
    decimal_mark: Mark | None
    notes: tuple[Note, ...]


@dataclass
class Survey:
    """What the whole file shows about its days and numbers, in a fixed amount of memory.

    Attributes:
        format: The file's format.
        file_name: Its name, which may have the range of its days.
        spreadsheet: Whether numbers come from typed cells, whose decimal mark is a point.
        rows: How many rows were fed.
    """

    format: Format
    file_name: str = ""
    spreadsheet: bool = False
    rows: int = 0
    _dates: DateSurvey = field(default_factory=DateSurvey)
    _marks: dict[str, str] = field(default_factory=dict)  # an example for each mark seen

    def feed(self, frame: pd.DataFrame) -> None:
        """Take in a chunk of the file's rows: text columns, with the line as the index."""
        cells = Cells(frame, self.format)
        self.rows += len(frame)
        for name in ("start_date", "end_date", "created"):
            if name in self.format.columns:
                self._dates.feed(cells.text(name), starts=name == "start_date")
        for name in ("hours", "duration", "rate", "amount"):
            if name in self.format.columns and len(self._marks) < 2:
                for line, text in cells.text(name).drop_duplicates().items():
                    mark = decimal_mark(text)
                    if mark in {".", ","}:
                        self._marks.setdefault(str(mark), f"{text!r} on line {line}")

    def conclude(self, date_order: DateOrder | None = None) -> Conclusion:
        """Conclude how the file is written, once all chunks were fed.

        Args:
            date_order: The order that a person chose.

        Raises:
            UndecidedDates: Day and month cannot be told apart, or *date_order* is contradicted.
        """
        decided = self._dates.decide(file_name=self.file_name, given=date_order)
        # Typed cells have a point. If cells of text have commas, 1.000 could be either again.
        marks = set(self._marks) | ({"."} if self.spreadsheet else set())
        mark: Mark | None = None
        if len(marks) == 1:
            mark = "." if "." in marks else ","
        notes = []
        if len(self._marks) == 2:
            examples = " and ".join(self._marks.values())
            notes.append(
                Note(
                    "mixed_numbers",
                    f"Numbers are written in two ways, such as {examples}. Each was read on its"
                    " own.",
                )
            )
        return Conclusion(decided.order, decided.because, mark, tuple(notes))


@dataclass(frozen=True)
class ReadRows:
    """A chunk of an export, once read: each of its rows is in *entries* or in *bad*.

    Attributes:
        entries: `ExportEntries`, in the file's order.
        bad: The faulty cells of rows that were not read; a row may have several.
        notes: What a person should know about rows that were read all the same.
    """

    entries: pd.DataFrame
    bad: list[BadCell]
    notes: list[Note]

    @property
    def bad_rows(self) -> int:
        """How many rows were not read."""
        return len({cell.line for cell in self.bad})


def read_rows(
    frame: pd.DataFrame,
    fmt: Format,
    *,
    order: DateOrder,
    timezone: ZoneInfo,
    currency: str | None,
    decimal_mark: Mark | None = ".",
    spreadsheet: bool = False,
) -> ReadRows:
    """Read a chunk of rows.

    Args:
        frame: Text columns in the file's order; the index is the line, and is unique. Cells that
            a short row lacks are missing.
        fmt: Which column holds what.
        order: The order of day and month, as concluded from the whole file.
        timezone: The time zone of the export, which no export says (FACTS, Clockify, 9.1).
        currency: ISO 4217 code for rates whose currency the file does not say.
        decimal_mark: As concluded from the whole file.
        spreadsheet: Whether the texts come from typed cells.
    """
    cells = Cells(frame, fmt)
    writing = Writing(order, decimal_mark, spreadsheet)
    entries = pd.DataFrame({"line": frame.index}, index=frame.index)
    entries["user_name"] = _who(cells)
    for name, target in _TEXTS.items():
        text = cells.text(name)
        entries[target] = text.mask(text == "")
    entries["description"] = cells.text("description")
    entries = entries.join(read_times(cells, writing, timezone))
    entries["billable"] = _flag(cells, "billable", absent=False)
    entries["approved"] = _flag(cells, "approved", absent=None)
    entries["entry_type"] = _entry_type(cells)
    entries["rate_micros"] = _rate(cells, decimal_mark)
    entries["currency"] = _currency(cells, currency)
    good = entries[~entries.index.isin(cells.bad_lines())]
    good = good[list(ExportEntries.to_schema().columns)].reset_index(drop=True)
    bad = sorted(cells.bad, key=lambda cell: cell.line)
    return ReadRows(ExportEntries.validate(good), bad, cells.notes())


def _who(cells: Cells) -> pd.Series:
    names = cells.text("user")
    parts = (cells.text("first_name") + " " + cells.text("last_name")).str.strip()
    names = names.where(names != "", parts)
    cells.fault(
        (names == "") & (cells.text("email") == ""),
        cells.first_of("user", "email", "last_name"),
        "The row does not say who worked. Add the name in the file.",
    )
    return names.mask(names == "")


def _flag(cells: Cells, name: str, *, absent: bool | None) -> pd.Series:
    """Read yes or no; *absent* is the value without a column, and `None` allows empty cells."""
    if not cells.has(name):
        return cells.all(absent, "boolean")
    texts = cells.text(name)
    values = read_each(texts, read_yes, dtype="boolean")
    unsaid = values.isna() if absent is not None else values.isna() & (texts != "")
    cells.fault(unsaid, name, "This is neither yes nor no. Write Yes or No.")
    return values


def _entry_type(cells: Cells) -> pd.Series:
    types = read_each(cells.text("type"), read_type, dtype="str")
    cells.fault(
        types.isna(),
        "type",
        "This is not a type of entry. Write Regular for worked time, Break, Holiday or Time off.",
    )
    return types


def _rate(cells: Cells, mark: Mark | None) -> pd.Series:
    texts = cells.text("rate")
    micros = read_each(texts, lambda text: read_micros(text, mark))
    why = f"This is not an hourly rate. {number_wanted(mark)}"
    cells.fault(micros.isna() & (texts != ""), "rate", why)
    return micros.mask((micros == 0).fillna(value=False))  # exports write 0.00 for no rate


def _currency(cells: Cells, default: str | None) -> pd.Series:
    """Return the row's currency (`Euro - EUR`), else the header's, else the connection's."""
    texts = cells.text("currency")
    codes = read_each(texts, currency_code, dtype="str")
    otherwise = cells.format.currency or default
    cells.note(
        codes.isna() & (texts != "") & (cells.text("rate") != ""),
        "unknown_currency",
        "The currency is not an ISO 4217 code, so the rate was taken to be in"
        f" {otherwise or 'an unknown currency'}.",
    )
    return codes.fillna(otherwise) if otherwise else codes
