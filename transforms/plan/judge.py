"""Every rule about which entries go: entries, links and ledger in, a plan out.

A dry run shows the plan; a real run sends exactly its `ready` rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from schemas.part_ids import in_parts
from schemas.plan import Plan
from schemas.quickbooks import Company
from schemas.words import IN_BOOKS, STATE_OF, Kind, LedgerState, Problem, Reason, State
from transforms.directory.names import without_case as plain
from transforms.entries.local_days import local_days, shown
from transforms.plan.descriptions import Template, described
from transforms.plan.explain import explain
from transforms.plan.lookups import ledger_state, link_state
from transforms.plan.overtime import Overtime
from transforms.plan.parts import LONGEST_S
from transforms.plan.rates import RateRules, is_foreign, rated
from transforms.plan.rounding import NO_ROUNDING, Rounding, minutes_by_day, minutes_by_part
from transforms.plan.rules import RuleBook, meets_any, place
from transforms.plan.summary import amount_cents

LONGEST_SHOWN = "23 h 55 min"


@dataclass(frozen=True)
class Filters:
    """Which entries of the days take part in a send; an empty filter lets all pass.

    Attributes:
        user_ids: Clockify's ids of users.
        client_ids: Clockify's ids of clients.
        project_ids: Clockify's ids of projects.
        tasks: Names of tasks, by Clockify's ids.
        tags: Names of tags, by Clockify's ids.
        description: What the description has in it; case is ignored.
        billable: True for billable entries only, false for non-billable ones, `None` for both.
    """

    user_ids: frozenset[str] = frozenset()
    client_ids: frozenset[str] = frozenset()
    project_ids: frozenset[str] = frozenset()
    tasks: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    billable: bool | None = None


@dataclass(frozen=True)
class JudgeRules:
    """The choices by which a run judges its entries.

    Attributes:
        timezone: The time zone that decides on which day an entry falls.
        company: The QuickBooks company, for its currency and closing date.
        tracker: Where time is tracked, for people.
        rounding: How durations become billed minutes.
        rates: Which rate billable time goes at.
        by_day: Whether a person's day on a project is rounded as a whole.
        by_midnight: Whether an entry is booked on each of its days, in parts.
        joins: Whether entries of a person's day that differ in time and text alone go as one.
        template: How descriptions are written; `None` leaves them as they are.
        marked: Whether descriptions end with the entry's id.
        approved_only: Whether entries without approval stay behind.
        overtime: By which limits hours get the pay types of rules for them; `None` for none.
        first_day: Nothing of an earlier day goes; YYYY-MM-DD, or empty for no limit.
        filters: Which entries take part.
        book: Which service item, class, location and pay type they get.
    """

    timezone: ZoneInfo
    company: Company
    tracker: str = "Clockify"
    rounding: Rounding = NO_ROUNDING
    rates: RateRules = field(default_factory=RateRules)
    by_day: bool = False
    by_midnight: bool = False
    joins: bool = False
    template: Template | None = None
    marked: bool = False
    approved_only: bool = False
    overtime: Overtime | None = None
    first_day: str = ""
    filters: Filters = field(default_factory=Filters)
    book: RuleBook = field(default_factory=RuleBook)


def judge_entries(
    entries: pd.DataFrame,
    *,
    held: pd.DataFrame,
    links: pd.DataFrame,
    unlinked: pd.DataFrame,
    rules: JudgeRules,
) -> pd.DataFrame:
    """Judge every entry: give it the state it ends in, a reason and an explanation.

    Args:
        entries: `TimeEntries`, with the parts of some in their place, or `FileEntries`.
        held: Their rows in the ledger: `entry_id`, `state`, `time_activity_id`, `minutes`
            and `before_min`.
        links: `Links` of the connection.
        unlinked: `Unlinked` of the connection's last sync.
        rules: The choices of this run.

    Returns:
        `Plan`, one row for each entry, in the order of *entries*.
    """
    entries = entries.reset_index(drop=True)
    judged = _looked_up(entries, held, links, unlinked)
    people = judged[["qbo_kind", "qbo_person_id"]]
    judged = judged.join(place(entries, rules.book, rules.company, people))
    judged["date"] = (
        entries["day"].to_numpy()
        if "day" in entries
        else local_days(judged["start"], rules.timezone)
    )
    rates = rated(judged, rules.rates, rules.company)
    judged[list(rates)] = rates
    judged["rate_of"] = judged["qbo_item_id"].map(rules.rates.names)
    judged["minutes"] = (
        minutes_by_day(judged, rules.rounding)
        if rules.by_day
        else minutes_by_part(judged, rules.rounding)
    )
    if "cut_minutes" in judged:
        judged["minutes"] = judged["cut_minutes"].fillna(judged["minutes"])
    as_sent = in_parts(judged["entry_id"]) & judged["sent_minutes"].notna()
    judged["minutes"] = judged["minutes"].mask(as_sent, judged["sent_minutes"])
    if rules.template is not None or rules.marked:
        judged["description"] = described(
            judged, rules.template, rules.timezone, marked=rules.marked
        )
    applies = {
        reason: applies.to_numpy(dtype=bool, na_value=False)
        for reason, applies in _conditions(entries, judged, rules).items()
    }
    reasons = np.select(list(applies.values()), list(map(str, applies)), default="")
    judged["reason"] = pd.Series(reasons, dtype="str").replace("", None)
    judged["state"] = judged["reason"].map(STATE_OF).fillna(State.READY)
    judged["detail"] = explain(judged, rules.company, LONGEST_SHOWN, rules.tracker)
    judged["rate_micros"] = judged["rate_micros"].where(judged["billable"])
    priced = judged["rate_micros"].notna() & judged["minutes"].notna()
    priced &= ~is_foreign(judged, rules.company)
    some = judged[priced]
    amounts = amount_cents(some["minutes"], some["rate_micros"], some["before_min"])
    judged["amount_cents"] = amounts.reindex(judged.index).astype("Int64")
    judged["start"] = shown(judged["start"], rules.timezone)
    return Plan.validate(judged[list(Plan.to_schema().columns)])


def _looked_up(
    entries: pd.DataFrame, held: pd.DataFrame, links: pd.DataFrame, unlinked: pd.DataFrame
) -> pd.DataFrame:
    """Add to each entry what is known about its user, its project and itself."""
    person = link_state(entries["user_id"], Kind.USER, links, unlinked)
    customer = link_state(entries["project_id"], Kind.PROJECT, links, unlinked)
    known = ledger_state(entries["entry_id"], held)
    return entries.rename(
        columns={"user_name": "user", "project_name": "project", "client_name": "client"}
    ).assign(
        billable=entries["billable"].astype(bool),
        qbo_kind=person["qbo_kind"],
        qbo_person_id=person["qbo_id"],
        qbo_customer_id=customer["qbo_id"],
        user_problem=person["problem"],
        user_candidates=person["candidates"],
        project_problem=customer["problem"],
        project_candidates=customer["candidates"],
        ledger_state=known["state"],
        time_activity_id=known["time_activity_id"].where(known["state"] == LedgerState.SENT),
        sent_minutes=known["minutes"].where(known["state"] == LedgerState.SENT),
        before_min=known["before_min"].where(known["state"].isin(IN_BOOKS)).fillna(0),
    )


def _conditions(
    entries: pd.DataFrame, judged: pd.DataFrame, rules: JudgeRules
) -> dict[Reason, pd.Series]:
    """Return which rows each reason applies to, in the order in which reasons are given.

    The order is that of `Reason`, except that `unconfirmed` comes early: an entry that was handed
    over is in doubt, whatever else has changed since, because QuickBooks may have it.
    """
    company = rules.company
    duration_s, minutes, billable = judged["duration_s"], judged["minutes"], judged["billable"]
    has_project = judged["project_id"].notna()
    has_rate = judged["rate_micros"].notna()
    no_person = judged["qbo_person_id"].isna()
    no_customer = has_project & judged["qbo_customer_id"].isna()
    unclear_person = no_person & (judged["user_problem"] == Problem.AMBIGUOUS)
    unclear_customer = no_customer & (judged["project_problem"] == Problem.AMBIGUOUS)
    closed_until = company.closed_until.isoformat() if company.closed_until else ""
    return {
        Reason.RUNNING: duration_s.isna(),
        Reason.ALREADY_SENT: judged["ledger_state"] == LedgerState.SENT,
        Reason.UNCONFIRMED: judged["ledger_state"] == LedgerState.SENDING,
        Reason.FILTERED: ~_takes_part(entries, rules.filters),
        Reason.NOT_APPROVED: ~judged["approved"] & rules.approved_only,
        Reason.EXCLUDED: judged[["user_problem", "project_problem"]]
        .eq(Problem.EXCLUDED)
        .any(axis=1),
        Reason.TOO_EARLY: judged["date"] < rules.first_day,
        Reason.BREAK: judged["entry_type"] != "REGULAR",
        Reason.TOO_LONG: (duration_s > LONGEST_S) | (minutes > LONGEST_S // 60),
        Reason.ROUNDS_TO_ZERO: minutes == 0,
        Reason.BILLABLE_WITHOUT_PROJECT: billable & ~has_project,
        Reason.UNLINKED_USER: no_person & ~unclear_person,
        Reason.UNLINKED_PROJECT: no_customer & ~unclear_customer,
        Reason.AMBIGUOUS_NAME: unclear_person | unclear_customer,
        Reason.BOOKS_CLOSED: judged["date"] <= closed_until,
        Reason.RATE_CURRENCY: billable & has_rate & is_foreign(judged, company),
        Reason.BILLABLE_WITHOUT_RATE: billable & ~has_rate,
        Reason.CLASS_REQUIRED: judged["rule_problem"].notna() | judged["lacking"].notna(),
    }


def _takes_part(entries: pd.DataFrame, filters: Filters) -> pd.Series:
    takes_part = pd.Series(True, index=entries.index)
    for column, ids in (
        ("user_id", filters.user_ids),
        ("client_id", filters.client_ids),
        ("project_id", filters.project_ids),
    ):
        if ids:
            takes_part &= entries[column].isin(ids)
    for condition, names in (("task", filters.tasks), ("tag", filters.tags)):
        if names:
            takes_part &= meets_any(entries, condition, set(names.values()))
    if filters.description:
        texts, wanted = entries["description"].map(plain), plain(filters.description)
        takes_part &= texts.map(lambda text: wanted in text).astype(bool)
    if filters.billable is not None:
        takes_part &= entries["billable"] == filters.billable
    return takes_part
