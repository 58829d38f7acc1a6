"""What comes from a file: rows of an export, with our own ids and what its columns can tell."""

from pandera.typing import Series

from schemas.clockify import TimeEntries
from schemas.frames import UTC_US, column


class FileEntries(TimeEntries):
    """One row of an export a row: a `TimeEntries` that may know no clock, only a day."""

    start: Series[UTC_US] = column(
        "Start; empty where the file tells only the day.",
        source="Start Date, Start Time",
        unit="UTC",
        nullable=True,
    )
    day: Series[str] = column(
        "Local day of the start, YYYY-MM-DD.", source="Start Date, in the connection's time zone"
    )
    wall: Series[str] = column(
        "Start as the file shows it, YYYY-MM-DDTHH:MM; empty where it tells only the day.",
        source="Start Date, Start Time",
        nullable=True,
    )
    slack_s: Series["Int64"] = column(
        "By how much the duration may be off, because the file shows or rounds it so.",
        source="the format of the file",
        unit="s",
        ge=0,
    )
    file: Series[str] = column("Name of the file.", source="the command")
    line: Series["Int64"] = column("Line of the file at which the row begins.", source="the file")

    class Config:
        """See `TimeEntries`."""

        coerce = True
        strict = True
