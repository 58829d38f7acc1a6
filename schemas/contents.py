"""The contents by which two entries are the same work, because rows of files have no id."""

from pandera.typing import Series

from schemas.frames import UTC_US, Frame, column
from schemas.words import Source

#: The rate of a file that does not tell any.
UNTOLD = "untold"


class Contents(Frame):
    """The content of one entry per row, as far as its source says.

    A missing text means that the source has no such column; an empty one, that it says none.
    """

    entry_id: Series[str] = column("Key of the ledger.", source="TimeEntries", unique=True)
    source: Series[str] = column(
        "Whether Clockify gave the id, or we did for a row of a file.",
        source="the flow",
        isin=list(Source),
    )
    user_id: Series[str] = column("Who worked: Clockify's id.", source="TimeEntries.user_id")
    person: Series[str] = column(
        "Who worked: QuickBooks' kind and id; empty for a person without a link.",
        source="Links",
        nullable=True,
    )
    day: Series[str] = column("Local day, YYYY-MM-DD.", source="TimeEntries.start or .day")
    start: Series[UTC_US] = column(
        "Start; empty when the source gives only the day.",
        source="TimeEntries.start",
        unit="UTC",
        nullable=True,
    )
    wall: Series[str] = column(
        "Start as the source's own clock showed it, YYYY-MM-DDTHH:MM, no matter which time zone it"
        " was read in; empty when the source gives only the day.",
        source="the file; for Clockify's own entries, the connection's time zone",
        nullable=True,
    )
    duration_s: Series["Int64"] = column(
        "Worked time.", source="TimeEntries.duration_s", unit="s", ge=0
    )
    slack_s: Series["Int64"] = column(
        "By how much that may be off, because the source shows it rounded.",
        source="the format of the file; 0 from Clockify's own interface",
        unit="s",
        ge=0,
    )
    project_id: Series[str] = column(
        "Clockify's id of the project.", source="TimeEntries.project_id", nullable=True
    )
    project: Series[str] = column(
        "Name of the project.", source="TimeEntries.project_name", nullable=True
    )
    client: Series[str] = column(
        "Name of its client.", source="TimeEntries.client_name", nullable=True
    )
    task: Series[str] = column("Name of the task.", source="TimeEntries.task_name", nullable=True)
    description: Series[str] = column(
        "SHA-256 of the normalized description, shortened.",
        source="TimeEntries.description",
        nullable=True,
    )
    rate: Series[str] = column(
        "Hourly rate that the source reports, with its currency: `75500000 USD`; empty where it"
        " reports none, or the entry is not billable; `untold` of a file without rates.",
        source="TimeEntries.rate_micros, .currency",
        unit="millionths of the currency unit",
        nullable=True,
    )
    hours: Series[str] = column(
        "Which hours of the person's workweek it went as, behind the settings by which that was"
        " computed: `weekly sunday overtime`; empty where no rule for overtime decides.",
        source="transforms.plan.overtime",
        nullable=True,
    )
