"""Adopts time: entries that QuickBooks has already, from elsewhere, count as sent.

1. Entries and TimeActivities of the window are read, and compared slice by slice, in whole days.
2. What is equal, nearly the same, and unknown is shown; somebody approves it, or not.
3. Equal ones become `sent` in the ledger. About each that is nearly the same, somebody is asked.
   What somebody deleted or edited in QuickBooks meanwhile is left alone.

Nothing is sent, and nothing in QuickBooks changes. An entry that was adopted although it differs
stands in the ledger as it would be sent, so that a later comparison with QuickBooks shows how the
two differ.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, Refused, TryAgain
from connectors.store.scope import records
from connectors.store.staging import StagedEntries, staging_entries
from flows.adopting.report import AdoptReport, Near
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import RunContext
from flows.sending import match_ledger
from flows.sending.extract import extract, stale
from flows.sending.facts import Facts, LinkState, read_links, read_rates, with_defaults
from flows.sending.judge import by_the_rules
from flows.sending.plan import Slice
from flows.sending.request import SendRequest
from flows.sending.run_lease import RunLease, run_lease
from flows.sending.send import look_around
from flows.sending.settle_doubts import settle
from flows.sending.spool import Spool
from schemas.part_ids import in_parts, whole_id
from schemas.words import State
from transforms.identity.match_books import Content, whole_content_of
from transforms.identity.match_unknown import Comparison, One, differences, match_unknown
from transforms.plan.activities import to_activities
from transforms.plan.hold_back import set_outcomes
from transforms.reconciliation.sides import read

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """What some whole days have in common with the books.

    Attributes:
        one: The entries that may be adopted, and what the ledger held of them; `None` without any.
        bodies: What would be sent of them, by id.
        rows: The TimeActivities that no ledger knows, by id; as they are now, once they were read
            again.
        found: What both have in common.
    """

    one: Slice | None
    bodies: dict[str, str]
    rows: dict[str, Row]
    found: Comparison


@dataclass
class _Job:
    """One adoption.

    Attributes:
        context: What it works with.
        report: Where it adds up what it finds.
        lease: The run; `None` for a dry run, which leaves no trace.
        parts: What was compared; kept on disk.
    """

    context: RunContext
    report: AdoptReport
    lease: RunLease | None
    parts: Spool[Part] = field(default_factory=Spool)


def adopt(
    context: RunContext,
    days: tuple[date, date],
    report: AdoptReport,
    *,
    dry_run: bool,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    ask: Callable[[Near], bool] | None = None,
) -> dict[str, Any]:
    """Take entries that QuickBooks has already into the ledger.

    Safe to run again: what was adopted is not looked at any more.

    Args:
        context: What to work with.
        days: First and last local day.
        report: Where the lists of the document are kept; closed by whoever made it.
        dry_run: Show what would be adopted, and leave no trace.
        approve: Is shown the document before anything is adopted; `False` ends the run.
        ask: Decides about an entry that is nearly a TimeActivity; `None` adopts none of these.

    Returns:
        The JSON document of `clockbooks adopt`.

    Raises:
        AskPerson: Something must be fixed first; nothing was adopted.
        TryAgain: A service could not be read; nothing was adopted.
    """
    request = SendRequest(*days, dry_run=dry_run, approved_only=False, allow_payroll=True)
    request = replace(request, overtime="none")  # what others entered goes over as it is
    request = with_defaults(request, context.settings)
    facts = look_around(context, request)
    with ExitStack() as stack:
        lease = None if dry_run else stack.enter_context(run_lease(context))
        job = _Job(context, report, lease)
        stack.callback(job.parts.close)
        if lease is not None:
            report.notes += settle(context, lease).messages
        staged = stack.enter_context(staging_entries())
        link_state = read_links(context, request)
        facts = read_rates(context, facts, link_state)
        report.names(link_state.links)
        report.notes += extract(context, request, days, facts, staged)
        report.notes += stale(context, staged, link_state)
        for part in _compare(context, facts, days, staged, link_state):
            _show(report, part)
            if lease is not None:
                job.parts.extend([part])
        shown = report.document(None)
        if lease is None or (approve is not None and not approve(shown)):
            return shown
        report.begin()
        try:
            for part in job.parts:
                _adopt_part(job, lease, part, ask)
        except (TryAgain, Refused, AskPerson) as error:
            if not report.has_adopted:
                raise
            report.end_early(error)
        return report.document(lease.run_id)


def _compare(
    context: RunContext,
    facts: Facts,
    days: tuple[date, date],
    staged: StagedEntries,
    link_state: LinkState,
) -> Iterator[Part]:
    """Compare the window's entries with the books, in parts of whole days.

    Entries of days on which the books are closed, or that are not approved, are compared too: they
    may be in the books all the same.
    """
    company = replace(facts.company, closed_until=None)
    facts = replace(facts, rules=replace(facts.rules, company=company, approved_only=False))
    first, last = days
    taken: set[str] = set()
    for one in by_the_rules(context, facts, staged, link_state):
        until = min(date.fromisoformat(one.plan.loc[~_is_later(one.plan), "date"].max()), last)
        yield (part := _part(context, (first, until), one, taken))
        taken |= set(part.rows)
        first = until + timedelta(days=1)
    if first <= last:
        yield _part(context, (first, last), None, taken)


def _is_later(plan: pd.DataFrame) -> pd.Series:
    return plan["entry_id"].str.contains("/", regex=False).astype(bool)


def _part(
    context: RunContext, days: tuple[date, date], one: Slice | None, taken: Collection[str]
) -> Part:
    """Compare the entries of a slice with the books of its days, but for what earlier ones took.

    Of the days after them, on which later parts lie, only what is equal to a part counts.
    """
    named = [f"{day:%Y-%m-%d}" for day in pd.date_range(*days)]
    until = named[-1] if one is None else max(named[-1], one.plan["date"].max())
    unknown = read_unknown(context, named[0], until, but_edited=True)
    rows: dict[str, Row] = {str(row["Id"]): row for row in unknown if row["Id"] not in taken}
    for id_ in context.store.unknown_time.others(unknown_rows(unknown)):
        rows.pop(id_, None)  # an earlier slice may have taken it
    bodies = {}
    if one is not None:
        one = replace(one, plan=one.plan[one.plan["state"] == State.READY])
        activities = to_activities(one.plan)
        bodies = dict(zip(activities["entry_id"], activities["body"], strict=True))
    theirs = {id_: whole_content_of(row) for id_, row in rows.items()}
    mine = {whole_content_of(read(body)) for body in bodies.values()}
    found = match_unknown(
        [One(id_, whole_content_of(read(body))) for id_, body in bodies.items()],
        [One(id_, row) for id_, row in theirs.items() if row.day <= named[-1] or row in mine],
    )
    still = [id_ for id_ in found.unknown if theirs[id_].day <= named[-1]]
    found = replace(found, unknown=still)
    rows = {id_: rows[id_] for id_ in _of(found)}
    return Part(one, bodies, rows, found)


def _of(found: Comparison) -> list[str]:
    """Return the TimeActivities of a comparison."""
    return [*found.equal.values(), *found.sums, *found.near.values(), *found.unknown]


def _show(report: AdoptReport, part: Part) -> None:
    """Add what would become of a part to the report."""
    report.add_adopted(part.found.equal)
    report.add_near(_near(report, part, part.found.near))
    report.add_near(_sums(report, part))
    report.add_unknown(part.rows[id_] for id_ in part.found.unknown)


def _adopt_part(job: _Job, lease: RunLease, part: Part, ask: Callable[[Near], bool] | None) -> None:
    """Adopt what is equal, and what somebody says is the same; keep what stays unknown."""
    report, found = job.report, part.found
    adopted = _record(job, lease, part, found.equal)
    left: dict[str, str] = {}
    ids = pd.Series(list(part.bodies), dtype="str")
    parts = set(ids[in_parts(ids)])  # of an entry, all are adopted or none
    for near in _near(report, part, found.near):
        pair = {near.entry_id: near.time_activity_id}
        yes = ask is not None and near.entry_id not in parts and ask(near)
        done = _record(job, lease, part, pair) if yes else {}
        adopted |= done
        left |= {} if done or near.time_activity_id not in part.rows else pair
    report.add_near(_near(report, part, left))
    report.add_near(_sums(report, part))
    mine = set(adopted.values())
    lost = [id_ for id_ in found.equal.values() if id_ not in mine and id_ in part.rows]
    accounted, _ = job.context.store.books.accounted(lost)
    unknown = [*found.unknown, *(id_ for id_ in lost if id_ not in accounted)]
    report.add_unknown(part.rows[id_] for id_ in unknown)
    still = [part.rows[id_] for id_ in (*unknown, *left.values(), *found.sums)]
    shown = unknown_rows(still)
    job.context.store.unknown_time.remember({(row.person, row.day) for row in shown}, shown)


def _record(job: _Job, lease: RunLease, part: Part, pairs: Mapping[str, str]) -> dict[str, str]:
    """Record and report entries as sent, as TimeActivities; return those that could be."""
    unchanged = _unchanged(job, part, pairs)
    divided = {whole_id(id_) for id_ in pairs.keys() - unchanged.keys()}
    pairs = {id_: row for id_, row in unchanged.items() if whole_id(id_) not in divided}
    if part.one is None or not pairs:
        return {}
    match_ledger.keep(job.context, part.one.match)
    plan = part.one.plan[part.one.plan["entry_id"].isin(list(pairs))]
    rows = [
        row
        | {
            "body": part.bodies[row["entry_id"]],
            "time_activity_id": pairs[row["entry_id"]],
            "sync_token": str(part.rows[pairs[row["entry_id"]]].get("SyncToken", "0")),
        }
        for row in records(plan[["entry_id", "date", "minutes"]])
    ]
    store = job.context.store
    done = store.adoptions.adopt(
        lease.run_id, rows, part.one.match.contents, lease=job.context.lease
    )
    ended = plan[plan["entry_id"].isin(done)]
    sent = pd.DataFrame({"state": State.SENT}, index=ended.index)
    store.outcomes.keep(lease.run_id, set_outcomes(ended, sent))
    adopted = {id_: pairs[id_] for id_ in pairs if id_ in done}
    job.report.add_adopted(adopted)
    return adopted


def _unchanged(job: _Job, part: Part, pairs: Mapping[str, str]) -> dict[str, str]:
    """Read TimeActivities again, and return the pairs of those that are as they were compared."""
    ids = list(pairs.values())
    now = {row["Id"]: row for row in job.context.quickbooks.time_activities_by_id(ids)}
    same = {id_ for id_ in now if whole_content_of(now[id_]) == whole_content_of(part.rows[id_])}
    for id_ in {*ids} - now.keys():
        del part.rows[id_]
    part.rows.update(now)
    return {entry_id: id_ for entry_id, id_ in pairs.items() if id_ in same}


def _near(report: AdoptReport, part: Part, pairs: Mapping[str, str]) -> Iterator[Near]:
    """Describe entries that are nearly a TimeActivity."""
    for entry_id, row, mine, theirs in _contents(part, list(pairs.items())):
        yield report.near(entry_id, row, mine, theirs, differences(mine, theirs))


def _sums(report: AdoptReport, part: Part) -> Iterator[Near]:
    """Describe entries that add up to one TimeActivity: none of them can be it."""
    for id_, entry_ids in part.found.sums.items():
        pairs = [(entry_id, id_) for entry_id in entry_ids]
        for entry_id, row, mine, theirs in _contents(part, pairs):
            differs = differences(mine, theirs)
            yield report.near(entry_id, row, mine, theirs, differs, sum_of=entry_ids)


def _contents(
    part: Part, pairs: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Row, Content, Content]]:
    for entry_id, id_ in pairs:
        row = part.rows.get(id_)
        if row is not None:  # deleted meanwhile
            mine = read(part.bodies[entry_id])
            yield entry_id, row, whole_content_of(mine), whole_content_of(row)
