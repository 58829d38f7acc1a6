"""What is read from a time export: its entries, faulty cells and notes.

An export is a table that a time tracker wrote for people: it has names, not ids, and shows days and
times in the time zone and format of the person who exported it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pandera.typing import Series

from schemas.frames import UTC_US, Frame, column

#: A note names so many lines; its count says how many there are.
LINES_NAMED = 20


class DateOrder(StrEnum):
    """The order of the numbers in a date."""

    MDY = "mdy"
    DMY = "dmy"
    YMD = "ymd"


class NotAnExport(ValueError):  # noqa: N818 - it is what the file is, not what went wrong
    """The table is not a list of time entries; the text says what it looks like and what to do."""


class UndecidedDates(NotAnExport):
    """Nothing shows the order of day and month, or the dates contradict the one that was given."""


class WrongMapping(ValueError):  # noqa: N818 - as NotAnExport
    """A mapping of columns that cannot be applied; the text says why."""


@dataclass(frozen=True)
class BadCell:
    """Why a row of an export cannot be read.

    Attributes:
        line: The row's first line in the file, from 1; in a spreadsheet, the number of the row.
        column: The name of the column; empty if the whole row is meant.
        value: The cell's text, at most 80 characters.
        why: What is wrong and what to do, for a person.
    """

    line: int
    column: str
    value: str
    why: str


@dataclass(frozen=True)
class Note:
    """Something that a person should know about rows that were read all the same.

    Attributes:
        kind: A word shared by all notes that mean the same, to count them.
        text: What was found, and what was done about it.
        count: The number of rows; 0 if the note is about the whole file.
        lines: The lines of the first rows, at most `LINES_NAMED`.
    """

    kind: str
    text: str
    count: int = 0
    lines: tuple[int, ...] = ()


def add_up(notes: Iterable[Note]) -> list[Note]:
    """Merge notes with the same text, such as those from several chunks of one file."""
    sums: dict[tuple[str, str], Note] = {}
    for note in notes:
        key = (note.kind, note.text)
        before = sums.get(key, Note(note.kind, note.text))
        sums[key] = Note(
            note.kind,
            note.text,
            before.count + note.count,
            (before.lines + note.lines)[:LINES_NAMED],
        )
    return list(sums.values())


class ExportEntries(Frame):
    """One row of an export as it was read, before it is rounded, linked and judged."""

    line: Series["Int64"] = column(
        "Line of the file on which the row begins, from 1.", source="the file", unit="line", ge=1
    )
    user_name: Series[str] = column("Who worked.", source="User, First+Last Name", nullable=True)
    user_email: Series[str] = column("Their e-mail address.", source="Email", nullable=True)
    project_name: Series[str] = column(
        "Name of the project; empty without one.", source="Project", nullable=True
    )
    client_name: Series[str] = column(
        "Name of the client; empty without one.", source="Client", nullable=True
    )
    task_name: Series[str] = column(
        "Name of the task; empty without one.", source="Task", nullable=True
    )
    tags: Series[str] = column(
        "Tags as in the file, joined by a comma.", source="Tags", nullable=True
    )
    description: Series[str] = column(
        "What was done; may be empty.", source="Description (Clockify, Toggl), Notes (Harvest)"
    )
    start: Series[UTC_US] = column(
        "Start; empty when the export has only days.",
        source="Start Date, Start Time",
        unit="UTC",
        nullable=True,
    )
    end: Series[UTC_US] = column(
        "End; empty when the export has only days.",
        source="End Date, End Time, else start and Duration",
        unit="UTC",
        nullable=True,
    )
    day: Series[str] = column(
        "Local date of the start, YYYY-MM-DD.",
        source="Start Date, Date",
        str_matches=r"^\d{4}-\d\d-\d\d$",
    )
    duration_s: Series["Int64"] = column(
        "End minus start; without an end, the duration that the row gives.",
        source="Start, End; else Duration or Hours",
        unit="s",
        ge=0,
    )
    billable: Series["boolean"] = column(
        "Whether the customer pays; false for every row when no column says so.", source="Billable"
    )
    entry_type: Series[str] = column(
        "Kind of time; REGULAR when no column says otherwise.",
        source="Type",
        isin=["REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"],
    )
    rate_micros: Series["Int64"] = column(
        "Hourly billable rate; empty for none, which exports also write as 0.00.",
        source="Billable Rate (major units; FACTS, Clockify, 1.7)",
        unit="millionths of the currency unit",
        nullable=True,
        ge=0,
    )
    currency: Series[str] = column(
        "Currency of the rate, ISO 4217.",
        source="Currency, else the header's label where it is a code, else the connection's",
        nullable=True,
    )
    approved: Series["boolean"] = column(
        "Whether the time was approved; empty when the export does not say.",
        source="Approved? (Harvest)",
        nullable=True,
    )
    has_clock: Series[bool] = column(
        "Whether start and end are known, or only the day.", source="the columns there are"
    )
    start_local: Series[str] = column(
        "Start as shown, YYYY-MM-DDTHH:MM, with :SS when seconds were shown.",
        source="Start Date, Start Time",
        nullable=True,
    )
    end_local: Series[str] = column(
        "End as shown, in the same form; empty when the row shows none.",
        source="End Date, End Time",
        nullable=True,
    )
    precision_s: Series["Int64"] = column(
        "Precision of start and end: 1, or 60 when either lacks seconds.",
        source="Start Time, End Time; Duration where there is no end",
        unit="s",
        isin=[1, 60],
    )
