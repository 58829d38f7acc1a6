"""Takes sent time back out of QuickBooks, and frees its entries: `clockbooks recall`.

Killed halfway, the same command goes on where it was: what is recalled is not sent any more.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from connectors.errors import AskPerson
from connectors.quickbooks.client import IDS_A_QUERY
from flows.connections.requirements import check_company
from flows.context import RunContext
from flows.progress import Progress
from flows.reconciliation.findings import Finding
from flows.reconciliation.repair import Repaired, in_units, repair
from flows.reconciliation.sides import LOOKS, looks_of_sent, sent_of
from flows.reconciliation.units import unit_of, united, with_other_parts
from flows.sending.entry_list import is_named
from flows.sending.mend import mend
from flows.sending.run_lease import run_lease
from flows.sending.sent_tags import keep_tags
from flows.sending.settle_doubts import settle
from flows.sending.spool import Spool
from flows.text import entries, named
from schemas.part_ids import part_number, whole_id
from schemas.words import Block, Reason, Repair, State, Verdict
from transforms.reconciliation.judge import Judged, Step, is_billed
from transforms.reconciliation.sides import books_values, ledger_values, own_share, was_touched

#: Ids that a note names; the others are counted.
_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class RecallRequest:
    """Which sent entries to take back.

    Attributes:
        run_id: Those that this run sent.
        entry_ids: These.
        start: Those of days from this one on.
        end: To this day, included.
        users: Of these users alone: names.
        projects: Of these projects alone: names.
        prefer_clockify: Also those that somebody edited in QuickBooks.
        dry_run: Show them, change nothing.
    """

    run_id: str | None = None
    entry_ids: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    prefer_clockify: bool = False
    dry_run: bool = False


class RecallReport:
    """The result of a recall; the list is kept on disk.

    Attributes:
        notes: What a person should know besides.
        latest: The document that was made last.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.notes: list[str] = []
        self.latest: dict[str, Any] = {}
        self._items = Spool[dict[str, Any]]()
        self._counts: Counter[tuple[str, str]] = Counter()

    def begin(self) -> None:
        """Start again from zero."""
        self._items.close()
        self._items = Spool[dict[str, Any]]()
        self._counts = Counter()

    def add(self, one: Finding, state: State, reason: str | None, detail: str | None) -> None:
        """Add how an entry ended."""
        self._counts[state, reason or ""] += 1
        item = {"entry_id": one.entry_id, "state": str(state), "reason": reason, "detail": detail}
        item |= {name: one.looks[name] for name in LOOKS}
        self._items.extend([item | {"time_activity_id": one.time_activity_id}])

    def document(self, run_id: str | None) -> dict[str, Any]:
        """Return the JSON document; *run_id* is `None` for a plan, which leaves no trace."""
        counts = {
            "recalled": self._counts[State.RECALLED, ""],
            "refused": {
                reason: n for (state, reason), n in self._counts.items() if state == State.REJECTED
            },
            "in_doubt": self._counts[State.IN_DOUBT, Reason.UNCONFIRMED],
        }
        if run_id is None:
            counts["ready"] = self._counts[State.READY, ""]
        self.latest = {
            "run_id": run_id,
            "dry_run": run_id is None,
            "counts": counts,
            "entries": self._items,
            "notes": list(self.notes),
        }
        return self.latest

    def close(self) -> None:
        """Delete the list."""
        self._items.close()


def recall(
    context: RunContext,
    request: RecallRequest,
    report: RecallReport,
    *,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take sent entries back out of QuickBooks; see `reconcile` for the arguments.

    Raises:
        AskPerson: Nothing fits, or something must be fixed first; nothing was changed.
        TryAgain: QuickBooks could not be read; nothing was changed.
    """
    company = context.quickbooks.company()
    check_company(company, allow_payroll=True)
    progress = progress or Progress()
    judge_again = partial(_judge, prefer_clockify=request.prefer_clockify)
    with ExitStack() as stack:
        lease = None if request.dry_run else stack.enter_context(run_lease(context))
        if lease is not None:
            report.notes += settle(context, lease).messages
        chosen = Spool[Finding]()
        stack.callback(chosen.close)
        chosen.extend(_chosen(request, *_rows(context, request, report), report))
        for one in _judged(
            context, chosen, partial(judge_again, closed_until=company.closed_until)
        ):
            _add_plan(report, one)
        document = report.document(None)
        if lease is None or (approve is not None and not approve(document)):
            return document
        report.begin()
        progress.begun(len(chosen))
        for done in repair(context, lease, chosen, judge_again, progress):
            if done.repair == Repair.DELETED:
                context.store.drift.forget_entries([done.finding.entry_id or ""])
            _add_done(report, done)
        report.notes += mend(context, lease).notes
        report.notes += keep_tags(context, context.settings.sent_tag)
        return report.document(lease.run_id)


def _rows(
    context: RunContext, request: RecallRequest, report: RecallReport
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return what was sent by the run, of the entries or for the days; note what was not.

    Of an entry in parts, all parts are there. Returns which ones are in parts, too.
    """
    store = context.store.sent
    if request.run_id is not None:
        rows = store.of_run(request.run_id)
    elif not request.entry_ids:
        assert request.start is not None, "neither a run, entries nor days"  # noqa: S101
        last = request.end or date.max
        rows = store.between(request.start.isoformat(), last.isoformat())
    else:
        wanted = dict.fromkeys(request.entry_ids)
        units = context.store.parts.units(wanted)
        parts = [part.entry_id for unit in units.values() for part in unit]
        rows = store.of(list(dict.fromkeys([*wanted, *parts])))
        there = {row.entry_id for row in rows}
        report.notes += [
            f"Entry {id_} is not in QuickBooks as sent from here."
            for id_ in request.entry_ids
            if id_ not in there and whole_id(id_) not in units
        ]
        return rows, units
    rows, units = with_other_parts(context, rows)
    return _without_adopted(context, rows, report), units


def _chosen(
    request: RecallRequest, rows: Sequence[Any], units: Mapping[str, Any], report: RecallReport
) -> Iterator[Finding]:
    """Yield those of the chosen people and projects; refuse where there are none."""
    fits = [
        is_named(row.user, request.users) and is_named(row.project, request.projects)
        for row in rows
    ]
    # A line goes whole, also where a project of it was not asked for.
    of_lines = {row.line for row, fit in zip(rows, fits, strict=True) if fit} - {None}
    fitting = [row for row, fit in zip(rows, fits, strict=True) if fit or row.line in of_lines]
    asked = {row.entry_id for row, fit in zip(rows, fits, strict=True) if fit}
    if request.entry_ids:
        asked &= {*request.entry_ids}
    report.notes += _along(fitting, asked)
    if not fitting:
        raise AskPerson(
            " ".join(["Nothing was sent that fits.", *report.notes]),
            to_do="`clockbooks entries --state sent` lists what was.",
        )
    for row in sorted(fitting, key=_first_day_of(fitting)):
        sent = sent_of(row, unit_of(row, units))
        yield Finding(row.entry_id, row.time_activity_id, _TAKE_BACK, looks_of_sent(row), sent)


def _along(rows: Sequence[Any], asked: Collection[str]) -> list[str]:
    """Name the entries that nobody asked for, and that are in a line with some that were."""
    ids = [row.entry_id for row in rows if row.line and row.entry_id not in asked]
    if not ids:
        return []
    verb = "goes or stays" if len(ids) == 1 else "go or stay"
    note = (
        f"{entries(len(ids))} that you did not ask for {verb} with the others, being in one"
        f" TimeActivity with them: {named(ids, _MOST_NAMED)}."
    )
    return [note]


def _first_day_of(rows: Sequence[Any]) -> Callable[[Any], tuple[str, str, int]]:
    """Return a key that keeps the parts of an entry, and a line, together, by its first day."""

    def unit(row: Any) -> str:
        return row.line or whole_id(row.entry_id)

    days: dict[str, str] = {}
    for row in rows:
        days[unit(row)] = min(days.get(unit(row), row.txn_date), row.txn_date)
    return lambda row: (days[unit(row)], unit(row), row.before_min or part_number(row.entry_id))


def _without_adopted(context: RunContext, rows: Sequence[Any], report: RecallReport) -> list[Any]:
    """Leave out what was not sent but adopted, and note how to take that back."""
    ids = [row.entry_id for row in rows]
    wholes = {whole_id(id_) for id_ in context.store.sent.adopted(ids)}
    adopted = {id_ for id_ in ids if whole_id(id_) in wholes}
    if adopted:
        report.notes.append(
            f"{len(adopted):,} entries stay in QuickBooks: their time was there before, and was"
            " only adopted. `clockbooks recall --entry ID` deletes it all the same."
        )
    return [row for row in rows if row.entry_id not in adopted]


def _judged(
    context: RunContext, chosen: Spool[Finding], judge_again: Callable[..., Judged]
) -> Iterator[Finding]:
    for some in in_units(chosen, IDS_A_QUERY):
        ids = [one.time_activity_id or "" for one in some]
        by_id = {row["Id"]: row for row in context.quickbooks.time_activities_by_id(ids)}
        yield from united(
            [replace(one, judged=judge_again(one, by_id.get(one.time_activity_id))) for one in some]
        )


def _judge(
    one: Finding,
    activity: Mapping[str, Any] | None,
    closed_until: date | None,
    *,
    prefer_clockify: bool,
) -> Judged:
    """Decide whether an entry may be taken back; see `transforms.reconciliation.judge`."""
    assert one.sent is not None, "only sent entries are recalled"  # noqa: S101
    activity = own_share(one.sent, activity)
    if activity is None:
        return replace(_TAKE_BACK, step=Step.FORGET)
    if is_billed(activity):
        text = "It is on an invoice. Take it off the invoice in QuickBooks first."
        return replace(_TAKE_BACK, step=None, blocked=Block.BILLED, detail=text)
    sent, books = ledger_values(one.sent), books_values(activity, one.sent.body)
    if closed_until and min(sent["date"], books["date"]) <= closed_until.isoformat():
        text = f"The books are closed through {closed_until}. Reopen them in QuickBooks first."
        return replace(_TAKE_BACK, step=None, blocked=Block.BOOKS_CLOSED, detail=text)
    if (sent != books or was_touched(one.sent, activity)) and not prefer_clockify:
        text = (
            "Somebody edited it in QuickBooks, if only its service, class or cost. Add --prefer"
            " clockify to take it back anyway."
        )
        return Judged(Verdict.CHANGED_IN_QUICKBOOKS, text)
    return _TAKE_BACK


#: What is to become of a sent entry.
_TAKE_BACK = Judged(Verdict.UNSENT, step=Step.DELETE)


def _add_plan(report: RecallReport, one: Finding) -> None:
    if one.judged.step is not None:
        report.add(one, State.READY, None, None)
    else:
        report.add(one, State.REJECTED, _reason(one), one.judged.detail)


def _add_done(report: RecallReport, done: Repaired) -> None:
    if done.repair == Repair.DELETED:
        report.add(done.finding, State.RECALLED, None, done.detail or None)
        if done.detail:
            report.notes.append(f"Entry {done.finding.entry_id}: {done.detail}")
    elif done.repair == Repair.IN_DOUBT:
        report.add(done.finding, State.IN_DOUBT, Reason.UNCONFIRMED, done.detail)
    else:
        reason = done.reason or _reason(done.finding)
        report.add(done.finding, State.REJECTED, reason, done.detail)


def _reason(one: Finding) -> str:
    if one.judged.blocked is not None:
        return str(one.judged.blocked)
    if one.judged.verdict == Verdict.CHANGED_IN_QUICKBOOKS:
        return str(Verdict.CHANGED_IN_QUICKBOOKS)
    return str(Reason.NOT_ATTEMPTED)
