"""The job, step by step and without Prefect: extract, plan, review, load, record.

1. Clockify's entries of the window are read page by page, and staged on disk.
2. They come back in slices of whole days; each is judged, added up, and kept on disk as a plan.
3. Somebody looks at the plan as a whole, and approves it once, or not.
4. The slices of the plan are loaded and recorded, one after the other.

Nothing is held for the whole window: memory stays flat. Each step touches the outside in one way
only, so that the Prefect flow can show them one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from connectors.store.staging import StagedEntries, staging_entries
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.progress import Progress
from flows.sending.execute import carry_out
from flows.sending.extract import extract, stale
from flows.sending.filters import resolve_filters
from flows.sending.judge import KeptPlan, Slice, judged
from flows.sending.report import Report
from flows.sending.request import (
    Facts,
    JobRequest,
    call_plainly,
    look_at_both_sides,
    look_up_partners,
    with_defaults,
)
from flows.sending.run_lease import live_run
from flows.sending.settle_doubts import Settled, settle
from schemas.words import State

#: What of an entry's contents QuickBooks shows; a renamed project is the same one.
COMPARED = ["person", "day", "start", "duration_s", "project_id", "task", "description"]

#: Ids that a note names.
MOST_NAMED = 20


@dataclass(frozen=True)
class SendRequest(JobRequest):
    """What somebody asks a send to do.

    Attributes:
        start: First local day.
        end: Last local day, included.
    """

    start: date
    end: date


def send(
    context: RunContext,
    request: SendRequest,
    report: Report,
    *,
    sieve: Callable[[Slice], Slice] = lambda one: one,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_plainly,
) -> dict[str, Any]:
    """Carry the entries of a window into QuickBooks, each once, and explain every other one.

    Safe to run again over the same days: what the ledger holds is not sent twice.

    Args:
        context: What to work with.
        request: What to do.
        report: Where the lists of the document are kept; closed by whoever made it.
        sieve: Holds back what is not to go, slice by slice, before the plan is shown.
        approve: Shown the plan as a document before anything is sent; `False` leaves it at that.
        progress: Told how far the load has come.
        run: Runs each step that touches the outside.

    Returns:
        The JSON document of `clockbooks send`.

    Raises:
        AskPerson: Something must be mended first; nothing was sent.
        TryAgain: A service could not be read, or took nothing at all; nothing was sent.
    """
    request = with_defaults(request, context.settings)
    progress = progress or Progress()
    facts = run(look_around, context, request)
    report.currency = facts.company.currency
    if request.dry_run:
        with staging_entries() as staged:
            clashes = _Clashes()
            for one in map(sieve, _slices(context, request, facts, staged, report, run)):
                report.add(one.plan)
                clashes.look_at(one)
        report.notes += clashes.notes()
        return _document(context, report, None)
    with live_run(context) as live, KeptPlan[Slice]() as plan:
        settled = run(settle, context, live)
        with staging_entries() as staged:
            late, clashes = _Late(context, settled), _Clashes()
            slices = map(late.mark, _slices(context, request, facts, staged, report, run))
            for one in map(sieve, slices):
                report.add(one.plan)
                plan.add(one)
                clashes.look_at(one)
        report.notes += clashes.notes()
        report.notes += [settled.told] if settled.told else []
        report.notes += [*settled.notes, *late.notes()]
        if approve is not None and not approve(_document(context, report, None)):
            return report.latest
        progress.begun(report.tally.ready)
        carry_out(context, live, facts.company, plan, report, progress, run)
        report.notes += context.quickbooks.limiter.notes()
        return _document(context, report, live.id)


class _Late:
    """Entries of earlier runs that QuickBooks created only when this run handed them over again.

    They went as they were when they were claimed, and count as sent by this run.
    """

    def __init__(self, context: RunContext, settled: Settled) -> None:
        self._unseen = set(settled.replayed)
        self._changed: list[str] = []
        claimed = context.store.contents.as_claimed(settled.replayed)
        self._claimed = claimed.set_index("entry_id")

    def mark(self, one: Slice) -> Slice:
        """Count the late entries of a slice as sent, and notice which have changed since."""
        late = one.plan["entry_id"].isin(self._claimed.index)
        if not late.any():
            return one
        ids = one.plan.loc[late, "entry_id"]
        now = one.recognised.contents.set_index("entry_id").reindex(ids)[COMPARED]
        then = self._claimed.reindex(ids)[COMPARED]
        same = (now.eq(then) | (now.isna() & then.isna())).all(axis="columns")
        self._changed += same.index[~same].tolist()
        self._unseen -= set(ids)
        plan = one.plan.copy()
        plan.loc[late, "state"] = str(State.SENT)
        plan.loc[late, ["reason", "detail"]] = None
        return replace(one, plan=plan)

    def notes(self) -> list[str]:
        """Name the late entries that Clockify says otherwise by now, or did not say here."""
        notes = []
        if self._changed:
            notes.append(
                "Changed in Clockify after an earlier run had handed them over; QuickBooks has them"
                f" as they were then: {_some(self._changed)}."
            )
        if self._unseen:
            notes.append(
                "Sent for an earlier run, and deleted in Clockify since or of other days:"
                f" {_some(sorted(self._unseen))}."
            )
        return notes


class _Clashes:
    """Entries that would go although something like them went from a file."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def look_at(self, one: Slice) -> None:
        """Notice those of a slice."""
        ready = one.plan.loc[one.plan["state"] == State.READY, "entry_id"]
        self._ids += ready[ready.isin(one.recognised.clashing)].tolist()

    def notes(self) -> list[str]:
        """Name them, and say what to do."""
        if not self._ids:
            return []
        told = (
            f"{len(self._ids):,} of the entries may have been sent from a file before they were"
            " edited, which sent an entry of the same person that begins in the same minute, or"
            f" differs in its day alone: {_some(self._ids)}. They count as other work. If they are"
            " not, delete what was sent from the file in QuickBooks."
        )
        return [told]


def _some(ids: Sequence[str]) -> str:
    """Name some ids, and count the rest."""
    more = f" and {len(ids) - MOST_NAMED:,} more" if len(ids) > MOST_NAMED else ""
    return ", ".join(ids[:MOST_NAMED]) + more


def look_around(context: RunContext, request: SendRequest) -> Facts:
    """Check both sides, and read what the plan depends on."""
    facts = look_at_both_sides(context, request)
    filters = resolve_filters(
        context.clockify, request.users, request.clients, request.projects, request.billable
    )
    return replace(facts, filters=filters)


def _slices(
    context: RunContext,
    request: SendRequest,
    facts: Facts,
    staged: StagedEntries,
    report: Report,
    run: Callable[..., Any],
) -> Iterator[Slice]:
    """Read the window to its end, and give its slices; what is no entry goes into the report."""
    partners = run(look_up_partners, context, request)
    days = (request.start, request.end)
    report.notes += run(extract, context, request, days, facts, staged)
    report.notes += stale(context, staged, partners) + expiry_notes(context)
    report.set_aside.extend(staged.problems())
    return judged(context, request, facts, staged, partners)


def _document(context: RunContext, report: Report, run_id: str | None) -> dict[str, Any]:
    return report.document(run_id, connection=context.connection.name)
