"""What comes from Clockify: time entries, and the directory of users and projects."""

from pandera.typing import Series

from schemas.frames import UTC_US, Frame, column


class TimeEntries(Frame):
    """One Clockify time entry per row, before it is rounded and judged."""

    entry_id: Series[str] = column(
        "Clockify's id of the entry; the key of the ledger. Its parts have `/2`, `/3` behind it.",
        source="_id (report), id (core host)",
        unique=True,
        str_length={"min_value": 1, "max_value": 60},
        str_matches=r"^[^/]*$",
    )
    user_id: Series[str] = column("Who worked.", source="userId", str_length={"min_value": 1})
    user_name: Series[str] = column(
        "Their name; every deleted user reads DeletedUser.", source="userName", nullable=True
    )
    user_email: Series[str] = column("Their e-mail address.", source="userEmail", nullable=True)
    project_id: Series[str] = column(
        "Id of the project; empty without one.", source="projectId", nullable=True
    )
    project_name: Series[str] = column("Name of the project.", source="projectName", nullable=True)
    client_id: Series[str] = column(
        "Id of the project's client; empty without one.", source="clientId", nullable=True
    )
    client_name: Series[str] = column(
        "Name of the project's client.", source="clientName", nullable=True
    )
    task_name: Series[str] = column("Name of the task.", source="taskName", nullable=True)
    tags: Series[str] = column(
        "Names of the tags, joined by a comma.", source="tags[].name", nullable=True
    )
    description: Series[str] = column("What was done; may be empty.", source="description")
    start: Series[UTC_US] = column("Start.", source="timeInterval.start", unit="UTC")
    end: Series[UTC_US] = column(
        "End; empty while the timer runs.", source="timeInterval.end", unit="UTC", nullable=True
    )
    duration_s: Series["Int64"] = column(
        "Worked time before rounding; empty while the timer runs.",
        source="timeInterval.duration",
        unit="s",
        nullable=True,
        ge=0,
    )
    billable: Series["boolean"] = column("Whether the customer pays for it.", source="billable")
    entry_type: Series[str] = column(
        "Kind of time. Reports of mid-2023 have no type: those entries are REGULAR.",
        source="type",
        isin=["REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"],
    )
    rate_micros: Series["Int64"] = column(
        "Hourly billable rate that Clockify reports for the entry; empty when it reports none."
        " In millionths, because a rate may have fractions of a cent.",
        source="rate (hundredths of the currency unit; FACTS, Clockify, 1.7), earnedRate",
        unit="millionths of the currency unit",
        nullable=True,
        ge=0,
    )
    currency: Series[str] = column(
        "Currency of the rate, ISO 4217; the workspace's when the entry names none.",
        source="currency, else workspace.currencies[isDefault]",
        nullable=True,
    )
    approved: Series[bool] = column(
        "Whether its timesheet was approved; true for every row when nobody asked.",
        source="membership in a report with approvalState APPROVED",
    )


class Users(Frame):
    """One Clockify user per row, active or not."""

    clockify_id: Series[str] = column("Clockify's id.", source="id", unique=True)
    name: Series[str] = column(
        "Name; empty for users who never signed in, DeletedUser for every deleted one.",
        source="name",
        nullable=True,
    )
    email: Series[str] = column("E-mail address.", source="email", nullable=True)
    active: Series[bool] = column(
        "False for deleted accounts and deactivated members, whose account still reads ACTIVE.",
        source="status, memberships[].membershipStatus",
    )
    invited: Series["boolean"] = column(
        "Whether they have yet to accept an invitation; empty for those known from files alone.",
        source="status, memberships[].membershipStatus",
        nullable=True,
    )


class Clients(Frame):
    """One Clockify client per row, archived ones too."""

    clockify_id: Series[str] = column("Clockify's id.", source="id", unique=True)
    name: Series[str] = column("Name.", source="name", str_length={"min_value": 1})
    active: Series[bool] = column("False when archived.", source="archived")


class Projects(Frame):
    """One Clockify project per row, archived ones too."""

    clockify_id: Series[str] = column("Clockify's id.", source="id", unique=True)
    name: Series[str] = column("Name.", source="name", str_length={"min_value": 1})
    client_id: Series[str] = column(
        "Id of its client; empty without one.", source="clientId", nullable=True
    )
    client_name: Series[str] = column(
        "Name of its client; empty without one.", source="clientName", nullable=True
    )
    active: Series[bool] = column("False when archived.", source="archived")
