"""Entries that come from a file: rows of an export, under ids of our own."""

from pandera.typing import Series

from schemas.clockify import TimeEntries
from schemas.frames import UTC_US, column


class FileEntries(TimeEntries):
    """One row of an export: like `TimeEntries`, but perhaps with a day and no clock time."""

    start: Series[UTC_US] = column(
        "Start; empty when the file gives only the day.",
        source="Start Date, Start Time",
        unit="UTC",
        nullable=True,
    )
    day: Series[str] = column(
        "Local day of the start, YYYY-MM-DD.", source="Start Date, in the connection's time zone"
    )
    wall: Series[str] = column(
        "Start as the file shows it, YYYY-MM-DDTHH:MM; empty when it gives only the day.",
        source="Start Date, Start Time",
        nullable=True,
    )
    slack_s: Series["Int64"] = column(
        "By how much the duration may be off, because the file shows it rounded.",
        source="the format of the file",
        unit="s",
        ge=0,
    )
    file: Series[str] = column("Name of the file.", source="the command")
    line: Series["Int64"] = column(
        "Line of the file at which the row begins.", source="the file", unit="line"
    )
