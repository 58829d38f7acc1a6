"""The whole decision: entries, links and ledger in; every entry with the state it ends in, out.

Pure: a dry run shows the plan, a real run sends exactly its `ready` rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.frames import checked
from schemas.plan import Plan
from schemas.quickbooks import Company
from schemas.words import STATE_OF, Kind, Reason, State
from transforms.entries.arrow import cells, int64s, spelled, texts, whole_numbers
from transforms.entries.local_days import local_days
from transforms.plan.explain import explain
from transforms.plan.lookups import Held, Partners
from transforms.plan.rounding import NO_ROUNDING, Rounding, billed_minutes

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
    entries = entries.reset_index(drop=True)
    person = Partners.of(entries["user_id"], Kind.USER, links, unlinked)
    customer = Partners.of(entries["project_id"], Kind.PROJECT, links, unlinked)
    known = Held.of(entries["entry_id"], held)
    billable = entries["billable"].to_numpy(dtype=bool)
    plan = {
        name: entries[_FROM_ENTRIES.get(name, name)]
        for name in ("entry_id", "user", "project", "client", "description")
    }
    days = entries.get("day")
    plan["date"] = local_days(entries["start"], rules.timezone) if days is None else days
    plan["minutes"] = billed_minutes(entries["duration_s"], rules.rounding)
    plan["billable"] = pd.Series(billable)
    rate_micros, no_rate = whole_numbers(entries["rate_micros"])
    plan["rate_micros"] = int64s(np.where(billable, rate_micros, 0), no_rate | ~billable)
    plan["qbo_kind"] = texts(person.spell(person.qbo_kind))
    plan["qbo_person_id"] = texts(person.spell(person.qbo_id))
    plan["qbo_customer_id"] = texts(customer.spell(customer.qbo_id))
    plan["time_activity_id"] = texts(known.time_activity_id)
    reason = _first_reason(entries, plan, person, customer, known, rules)
    plan["reason"] = texts(spelled(reason, [*map(str, _ORDER), None]))
    plan["state"] = texts(spelled(reason, [*(STATE_OF[why] for why in _ORDER), State.READY]))
    plan["detail"] = _details(entries, plan, person, customer, reason, rules)
    columns = list(Plan.to_schema().columns)
    return checked(Plan, pd.DataFrame({name: plan[name] for name in columns}, copy=False))


#: Columns of `Plan` that are called otherwise in `TimeEntries`.
_FROM_ENTRIES = {"user": "user_name", "project": "project_name", "client": "client_name"}

#: The reasons in the order of the domain's table. One stands earlier than there: what the ledger
#: holds as handed over is in doubt whatever else became of the entry since, because QuickBooks
#: may have it.
_ORDER = [
    Reason.RUNNING, Reason.ALREADY_SENT, Reason.UNCONFIRMED, Reason.FILTERED, Reason.NOT_APPROVED,
    Reason.BREAK, Reason.TOO_LONG, Reason.ROUNDS_TO_ZERO, Reason.BILLABLE_WITHOUT_PROJECT,
    Reason.UNLINKED_USER, Reason.UNLINKED_PROJECT, Reason.AMBIGUOUS_NAME, Reason.BOOKS_CLOSED,
    Reason.RATE_CURRENCY, Reason.BILLABLE_WITHOUT_RATE,
]  # fmt: skip


def _first_reason(
    entries: pd.DataFrame,
    plan: Mapping[str, pd.Series],
    person: Partners,
    customer: Partners,
    known: Held,
    rules: Rules,
) -> np.ndarray:
    """Give the place in `_ORDER` of the first reason that applies; -1 where none does."""
    company = rules.company
    closed = company.closed_until.isoformat() if company.closed_until else ""
    duration_s, running = whole_numbers(entries["duration_s"])
    minutes, _ = whole_numbers(plan["minutes"])
    billable = plan["billable"].to_numpy()
    priced = ~whole_numbers(entries["rate_micros"])[1]
    no_person = ~person.linked
    no_customer = customer.present & ~customer.linked
    ambiguous = (no_person & person.ambiguous) | (no_customer & customer.ambiguous)
    foreign = _flags(pc.not_equal(cells(entries["currency"]), company.currency))
    applies = {
        Reason.RUNNING: running,
        Reason.ALREADY_SENT: known.sent,
        Reason.UNCONFIRMED: known.sending,
        Reason.FILTERED: ~_takes_part(entries, billable, rules.filters),
        Reason.NOT_APPROVED: ~entries["approved"].to_numpy(dtype=bool) & rules.approved_only,
        Reason.BREAK: _flags(pc.not_equal(cells(entries["entry_type"]), "REGULAR")),
        Reason.TOO_LONG: ~running & ((duration_s > LONGEST_S) | (minutes > LONGEST_S // 60)),
        Reason.ROUNDS_TO_ZERO: ~running & (minutes == 0),
        Reason.BILLABLE_WITHOUT_PROJECT: billable & ~customer.present,
        Reason.UNLINKED_USER: no_person & ~person.ambiguous,
        Reason.UNLINKED_PROJECT: no_customer & ~customer.ambiguous,
        Reason.AMBIGUOUS_NAME: ambiguous,
        Reason.BOOKS_CLOSED: _flags(pc.less_equal(cells(plan["date"]), closed)),
        Reason.RATE_CURRENCY: billable & priced & foreign & (company.currency != ""),
        Reason.BILLABLE_WITHOUT_RATE: billable & ~priced,
    }
    first = np.full(len(entries), -1)
    for place, reason in reversed(list(enumerate(_ORDER))):
        first[applies[reason]] = place
    return first


def _flags(found: pa.Array) -> np.ndarray:
    """Give the truth of each cell; of a missing one it is false."""
    flags: np.ndarray = found.fill_null(False).to_numpy(zero_copy_only=False)
    return flags


_TOLD_OF_THE_PLAN = [
    "reason", "user", "project", "client", "minutes", "time_activity_id", "qbo_person_id",
]  # fmt: skip
_TOLD_OF_THE_ENTRY = ["user_id", "project_id", "entry_type", "duration_s", "currency"]


def _details(
    entries: pd.DataFrame,
    plan: Mapping[str, pd.Series],
    person: Partners,
    customer: Partners,
    reason: np.ndarray,
    rules: Rules,
) -> pd.Series:
    """Explain the rows that have a reason: few of them, as a rule."""
    rows = np.flatnonzero(reason >= 0)
    judged = pd.DataFrame(
        {
            **{name: plan[name].take(rows) for name in _TOLD_OF_THE_PLAN},
            **{name: entries[name].take(rows) for name in _TOLD_OF_THE_ENTRY},
        }
    )
    for name, partners in (("user", person), ("project", customer)):
        of_rows = replace(partners, codes=partners.codes[rows])
        judged[f"{name}_problem"] = texts(of_rows.spell(partners.problem)).set_axis(rows)
        judged[f"{name}_candidates"] = texts(of_rows.spell(partners.candidates)).set_axis(rows)
    told = cells(explain(judged, rules.company, LONGEST_SHOWN, rules.tracker))
    place = np.full(len(entries), -1)
    place[rows] = np.arange(len(rows))
    return texts(told.take(pa.array(place, mask=place < 0)))


def _takes_part(entries: pd.DataFrame, billable: np.ndarray, filters: Filters) -> np.ndarray:
    takes_part = np.ones(len(entries), dtype=bool)
    for column, ids in (
        ("user_id", filters.user_ids),
        ("client_id", filters.client_ids),
        ("project_id", filters.project_ids),
    ):
        if ids:
            takes_part &= entries[column].isin(ids).to_numpy(dtype=bool)
    if filters.billable is not None:
        takes_part &= billable == filters.billable
    return takes_part
