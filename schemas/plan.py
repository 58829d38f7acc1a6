"""The plan: every entry of a run, judged, and what is sent for those that go."""

from pandera.typing import Series

from schemas.frames import Frame, column
from schemas.words import QboKind, RateSource, Reason, State


class Plan(Frame):
    """One entry per row, with the state it ends in; `ready` rows are what would be sent."""

    entry_id: Series[str] = column("Key of the ledger.", source="TimeEntries", unique=True)
    state: Series[str] = column("How the entry ends.", source="the rules", isin=list(State))
    reason: Series[str] = column(
        "Why it does not go; empty when it does.",
        source="the rules",
        isin=list(Reason),
        nullable=True,
    )
    detail: Series[str] = column(
        "What a person can do about it, in one or two sentences; empty when it goes.",
        source="the rules",
        nullable=True,
    )
    date: Series[str] = column(
        "Local day on which the entry starts, YYYY-MM-DD; QuickBooks' TxnDate.",
        source="TimeEntries.start in the connection's time zone",
    )
    minutes: Series["Int64"] = column(
        "Time after rounding; empty while the timer runs.",
        source="TimeEntries.duration_s, rounded",
        unit="min",
        nullable=True,
    )
    user: Series[str] = column("Who worked.", source="TimeEntries.user_name", nullable=True)
    project: Series[str] = column(
        "Name of the project.", source="TimeEntries.project_name", nullable=True
    )
    client: Series[str] = column(
        "Name of the client.", source="TimeEntries.client_name", nullable=True
    )
    description: Series[str] = column("What was done.", source="TimeEntries.description")
    billable: Series[bool] = column(
        "Whether the customer pays for it.", source="TimeEntries.billable"
    )
    rate_micros: Series["Int64"] = column(
        "Hourly rate; only for billable entries.",
        source="TimeEntries.rate_micros, or QuickBooks",
        unit="millionths of the currency unit",
        nullable=True,
    )
    rate_from: Series[str] = column(
        "Where the rate comes from, or should come from; empty where it is the entry's own.",
        source="the settings `rate`, `missing_rate` and `foreign_rate`",
        isin=[RateSource.ITEM, RateSource.PERSON, RateSource.ZERO],
        nullable=True,
    )
    qbo_kind: Series[str] = column(
        "Whether the worker is an employee or a vendor.",
        source="Links",
        isin=list(QboKind),
        nullable=True,
    )
    qbo_person_id: Series[str] = column(
        "QuickBooks' id of the worker.", source="Links.qbo_id", nullable=True
    )
    qbo_customer_id: Series[str] = column(
        "QuickBooks' id of the customer; empty without a project.",
        source="Links.qbo_id",
        nullable=True,
    )
    qbo_item_id: Series[str] = column(
        "QuickBooks' id of the service item; empty where no rule gives one.",
        source="Rules.qbo_id",
        nullable=True,
    )
    qbo_class_id: Series[str] = column(
        "QuickBooks' id of the class; likewise.", source="Rules.qbo_id", nullable=True
    )
    qbo_department_id: Series[str] = column(
        "QuickBooks' id of the location; likewise.", source="Rules.qbo_id", nullable=True
    )
    qbo_pay_type_id: Series[str] = column(
        "QuickBooks' id of the employee's pay type; likewise, and empty for vendors.",
        source="PayTypes.pay_type_id",
        nullable=True,
    )
    decided_by: Series[str] = column(
        "Which rules gave these, by number: `item 3, class 1`; empty where none did.",
        source="Rules.number",
        nullable=True,
    )
    time_activity_id: Series[str] = column(
        "QuickBooks' id, once sent.", source="the ledger", nullable=True
    )
    start: Series[str] = column(
        "When it begins, on the connection's clock, with the offset from UTC: ISO 8601. Empty where"
        " a file has no clock times.",
        source="TimeEntries.start in the connection's time zone",
        nullable=True,
    )
    amount_cents: Series["Int64"] = column(
        "Minutes times hourly rate; only for billable entries whose rate is in the company's"
        " currency.",
        source="minutes, rate_micros",
        unit="hundredths of the currency unit",
        nullable=True,
    )


class Activities(Frame):
    """One TimeActivity to create per row, for one `ready` entry of the plan."""

    entry_id: Series[str] = column("Key of the ledger.", source="Plan", unique=True)
    body: Series[str] = column(
        "The TimeActivity as QuickBooks reads it: a JSON object, to the byte.", source="Plan"
    )
