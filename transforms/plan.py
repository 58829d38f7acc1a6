"""The whole decision: entries, links and ledger in; every entry with the state it ends in, out.

Pure: a dry run shows the plan, a real run sends exactly its `ready` rows.
"""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from schemas.plan import Plan
from schemas.quickbooks import Company
from schemas.words import STATE_OF, Kind, LedgerState, Reason, State
from transforms.days import local_days
from transforms.explain import explain
from transforms.rounding import NO_ROUNDING, Rounding, billed_minutes

#: Clockify's own integration sends nothing longer (FACTS, Clockify, section 8); nor do we.
LONGEST_S = (23 * 60 + 55) * 60
LONGEST_SHOWN = "23 h 55 min"


@dataclass(frozen=True)
class Filters:
    """What of the window takes part in a send; empty means everything.

    Attributes:
        user_ids: Clockify's ids of users.
        client_ids: Clockify's ids of clients.
        project_ids: Clockify's ids of projects.
        billable: Only billable entries, only non-billable ones, or both.
    """

    user_ids: frozenset[str] = frozenset()
    client_ids: frozenset[str] = frozenset()
    project_ids: frozenset[str] = frozenset()
    billable: bool | None = None


@dataclass(frozen=True)
class Rules:
    """What a run decides by.

    Attributes:
        timezone: Whose calendar says on which day an entry falls.
        rounding: How durations become billed minutes.
        approved_only: Whether entries without approval stay behind.
        filters: What takes part.
        company: The QuickBooks company: its currency and closing date.
        tracker: Where time is tracked, for people.
    """

    timezone: ZoneInfo
    company: Company
    tracker: str = "Clockify"
    rounding: Rounding = NO_ROUNDING
    approved_only: bool = False
    filters: Filters = field(default_factory=Filters)


def make_plan(
    entries: pd.DataFrame,
    *,
    held: pd.DataFrame,
    links: pd.DataFrame,
    unlinked: pd.DataFrame,
    rules: Rules,
) -> pd.DataFrame:
    """Judge every entry.

    Args:
        entries: `TimeEntries`, or `FileEntries`.
        held: What the ledger holds of them: `entry_id`, `state`, `time_activity_id`.
        links: `Links` of the connection.
        unlinked: `Unlinked` of the connection's last sync.
        rules: What to decide by.

    Returns:
        `Plan`, one row for each entry, in the order of *entries*.
    """
    judged = _with_partners(entries.reset_index(drop=True), held, links, unlinked)
    days = judged.get("day")
    judged["date"] = local_days(judged["start"], rules.timezone) if days is None else days
    judged["minutes"] = billed_minutes(judged["duration_s"], rules.rounding)
    judged["reason"] = _first_reason(judged, rules)
    states = {str(reason): str(state) for reason, state in STATE_OF.items()}
    judged["state"] = judged["reason"].map(states).fillna(str(State.READY))
    judged["detail"] = explain(judged, rules.company, LONGEST_SHOWN, rules.tracker)
    judged["rate_micros"] = judged["rate_micros"].where(judged["billable"])
    return Plan.validate(judged[list(Plan.to_schema().columns)])


def _with_partners(
    entries: pd.DataFrame, held: pd.DataFrame, links: pd.DataFrame, unlinked: pd.DataFrame
) -> pd.DataFrame:
    """Put beside each entry its links, why there are none, and what the ledger holds of it."""
    judged = entries.rename(
        columns={"user_name": "user", "project_name": "project", "client_name": "client"}
    )
    judged["billable"] = judged["billable"].astype(bool)
    people = links[links["kind"] == Kind.USER].set_index("clockify_id")
    customers = links[links["kind"] == Kind.PROJECT].set_index("clockify_id")
    judged["qbo_kind"] = judged["user_id"].map(people["qbo_kind"])
    judged["qbo_person_id"] = judged["user_id"].map(people["qbo_id"])
    judged["qbo_customer_id"] = judged["project_id"].map(customers["qbo_id"])
    for kind, key in ((Kind.USER, "user_id"), (Kind.PROJECT, "project_id")):
        lost = unlinked[unlinked["kind"] == kind].set_index("clockify_id")
        judged[f"{kind}_problem"] = judged[key].map(lost["problem"])
        judged[f"{kind}_candidates"] = judged[key].map(lost["candidates"])
    by_entry = held.set_index("entry_id")
    judged["held"] = judged["entry_id"].map(by_entry["state"])
    judged["time_activity_id"] = judged["entry_id"].map(by_entry["time_activity_id"])
    judged["time_activity_id"] = judged["time_activity_id"].where(
        judged["held"] == LedgerState.SENT
    )
    return judged


def _first_reason(judged: pd.DataFrame, rules: Rules) -> pd.Series:
    """Give the first reason that applies, in the order of the domain's table.

    One stands earlier than in the table: what the ledger holds as handed over is in doubt
    whatever else became of the entry since, because QuickBooks may have it.
    """
    ambiguous_user = judged["user_problem"] == "ambiguous"
    ambiguous_project = judged["project_problem"] == "ambiguous"
    no_person = judged["qbo_person_id"].isna()
    no_customer = judged["project_id"].notna() & judged["qbo_customer_id"].isna()
    billable = judged["billable"]
    company = rules.company
    closed = company.closed_until.isoformat() if company.closed_until else ""
    too_long = (judged["duration_s"] > LONGEST_S) | (judged["minutes"] * 60 > LONGEST_S)
    priced = judged["rate_micros"].notna()
    foreign = judged["currency"].notna() & (judged["currency"] != company.currency)
    applies = {
        Reason.RUNNING: judged["duration_s"].isna(),
        Reason.ALREADY_SENT: judged["held"] == LedgerState.SENT,
        Reason.UNCONFIRMED: judged["held"] == LedgerState.SENDING,
        Reason.FILTERED: ~_takes_part(judged, rules.filters),
        Reason.NOT_APPROVED: ~judged["approved"] & rules.approved_only,
        Reason.BREAK: judged["entry_type"] != "REGULAR",
        Reason.TOO_LONG: too_long.fillna(value=False),
        Reason.ROUNDS_TO_ZERO: (judged["minutes"] == 0).fillna(value=False),
        Reason.BILLABLE_WITHOUT_PROJECT: billable & judged["project_id"].isna(),
        Reason.UNLINKED_USER: no_person & ~ambiguous_user,
        Reason.UNLINKED_PROJECT: no_customer & ~ambiguous_project,
        Reason.AMBIGUOUS_NAME: (no_person & ambiguous_user) | (no_customer & ambiguous_project),
        Reason.BOOKS_CLOSED: judged["date"] <= closed,
        Reason.RATE_CURRENCY: billable & priced & foreign & (company.currency != ""),
        Reason.BILLABLE_WITHOUT_RATE: billable & ~priced,
    }
    conditions = [condition.to_numpy(dtype=bool) for condition in applies.values()]
    words = np.array([*map(str, applies), None], dtype=object)
    chosen = np.select(conditions, range(len(conditions)), default=-1)
    return pd.Series(words[chosen], index=judged.index, dtype="str")


def _takes_part(judged: pd.DataFrame, filters: Filters) -> pd.Series:
    takes_part = pd.Series(True, index=judged.index)
    for column, ids in (
        ("user_id", filters.user_ids),
        ("client_id", filters.client_ids),
        ("project_id", filters.project_ids),
    ):
        if ids:
            takes_part &= judged[column].isin(ids)
    if filters.billable is not None:
        takes_part &= judged["billable"] == filters.billable
    return takes_part
