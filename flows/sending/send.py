"""The main job, step by step and without Prefect: extract, judge, show, execute.

1. Clockify's entries of the window are read page by page, and staged on disk.
2. They come back in slices of whole days; each is judged, added up, and kept on disk as the plan.
3. Somebody looks at the plan as a whole, and approves it once, or not.
4. The slices of the plan are loaded and recorded, one after the other.

Nothing is held for the whole window: memory stays flat. Each step touches the outside in one way
only, so that the Prefect flow can show them one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd

from connectors.store.staging import staging_entries
from flows.connections.consent_expiry import expiry_notes
from flows.connections.send_options import choice_notes
from flows.context import RunContext
from flows.progress import Progress
from flows.sending.canary import canary_notes
from flows.sending.execute import execute
from flows.sending.extract import extract, stale
from flows.sending.facts import (
    Facts,
    call_directly,
    check_both_sides,
    read_links,
    read_rules,
    rule_notes,
    with_defaults,
)
from flows.sending.filters import resolve_filters
from flows.sending.judge import judge_slices
from flows.sending.plan import RunPlan, Slice, open_plan
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.unknown_time import look_again
from flows.sending.workweeks import open_workweeks
from flows.text import activities, entries, hours, named
from schemas.words import Hours, State
from transforms.plan.hold_back import set_outcomes

#: What of an entry's contents QuickBooks shows; a renamed project is the same one.
COMPARED = ["person", "day", "start", "duration_s", "project_id", "task", "description"]

#: Ids that a note names; the others are counted.
MOST_NAMED = 20


def send(
    context: RunContext,
    request: SendRequest,
    report: Report,
    *,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_directly,
) -> dict[str, Any]:
    """Send the entries of a window to QuickBooks, each once, and explain every other one.

    Safe to run again over the same days: what the ledger holds is not sent twice.

    Args:
        context: What to work with.
        request: What to do.
        report: Where the lists of the document are kept; closed by whoever made it.
        approve: Is shown the plan as a document before anything is sent; `False` ends the run.
        progress: Is notified of how far the load has come.
        run: Runs each step that touches the outside.

    Returns:
        The JSON document of `clockbooks send`.

    Raises:
        AskPerson: Something must be fixed first; nothing was sent.
        TryAgain: A service could not be read, or took nothing at all; nothing was sent.
    """
    with make_plan(context, request, report, run=run) as plan:
        shown = report.document(None)
        if request.dry_run or (approve is not None and not approve(shown)):
            return shown
        if approve is not None:
            run(look_again, context, plan)
        return execute(context, plan, progress=progress, run=run)


@contextmanager
def make_plan(
    context: RunContext,
    request: SendRequest,
    report: Report,
    *,
    run: Callable[..., Any] = call_directly,
) -> Iterator[RunPlan]:
    """Read and judge the entries of a window; for the block the plan can be executed.

    See `send` for the arguments and the errors.
    """
    request = with_defaults(request, context.settings)
    report.members["connection"] = context.connection.name
    facts = run(look_around, context, request)
    report.company = facts.company
    with open_plan(context, facts.company, report, run, request) as plan:
        late = _Late(context, plan.settled.replayed)
        with staging_entries() as staged:
            link_state = run(read_links, context, request)
            facts = run(read_rules, context, facts, link_state)
            report.notes += choice_notes(facts.rules, request) + rule_notes(facts)
            days = (request.start, request.end)
            report.notes += run(extract, context, request, days, facts, staged)
            report.notes += stale(context, staged, link_state) + expiry_notes(context)
            report.set_aside.extend(staged.problems(report.first_day))
            with open_workweeks(context, facts, link_state, staged, days, run=run) as weeks:
                slices = judge_slices(context, request, facts, staged, link_state, weeks)
                plan.become(map(late.mark, slices))
        report.notes += [*ready_notes(context, plan), *_clash_notes(plan.clashing), *late.notes()]
        report.notes += canary_notes(context, plan)
        yield plan


def look_around(context: RunContext, request: SendRequest) -> Facts:
    """Check both sides, and read what the plan depends on."""
    facts = check_both_sides(context, request)
    return replace(facts, filters=resolve_filters(context.clockify, request))


class _Late:
    """Entries of earlier runs that QuickBooks created only when this run handed them over again.

    They went as they were when they were claimed, and count as sent by this run.
    """

    def __init__(self, context: RunContext, entry_ids: Sequence[str]) -> None:
        claimed = context.store.contents.as_claimed(entry_ids)
        self._claimed = claimed.set_index("entry_id")[COMPARED]
        self._unseen = set(entry_ids)
        self._changed: list[str] = []

    def mark(self, one: Slice) -> Slice:
        """Count the late entries of a slice as sent, and notice which have changed since."""
        rows = one.plan.index[one.plan["entry_id"].isin(self._claimed.index)]
        if rows.empty:
            return one
        ids = one.plan.loc[rows, "entry_id"]
        now = one.match.contents.frame.reindex(ids)[COMPARED]
        then = self._claimed.reindex(ids)
        same = (now.eq(then) | (now.isna() & then.isna())).all(axis="columns")
        self._changed += same.index[~same].tolist()
        self._unseen -= set(ids)
        sent = pd.DataFrame({"state": State.SENT, "reason": None, "detail": None}, index=rows)
        return replace(one, plan=set_outcomes(one.plan, sent))

    def notes(self) -> list[str]:
        """Name the late entries that have changed or gone in Clockify since."""
        notes = []
        if self._changed:
            notes.append(
                "Changed in Clockify after an earlier run had handed them over; QuickBooks has them"
                f" as they were then: {named(self._changed, MOST_NAMED)}."
            )
        if self._unseen:
            notes.append(
                "Sent for an earlier run, and since then deleted in Clockify or moved to other"
                f" days: {named(sorted(self._unseen), MOST_NAMED)}."
            )
        return notes


def ready_notes(context: RunContext, plan: RunPlan) -> list[str]:
    """Say how many TimeActivities the ready entries go as, where those are fewer, and overtime.

    How many nobody knows where one goes first, alone: which one is, and how many follow it so.
    """
    notes, ready = [], plan.report.count(State.READY)
    if plan.activities != ready and not canary_notes(context, plan):
        notes.append(f"{entries(ready)} go as {activities(plan.activities)}.")
    names = {Hours.OVERTIME: "overtime", Hours.DOUBLE_TIME: "double time"}
    sums = {name: plan.minutes_by_hours[kind] for kind, name in names.items()}
    told = ", ".join(f"{name}: {hours(minutes)}" for name, minutes in sums.items() if minutes)
    if told:
        notes.append(f"{told.capitalize()}.")
    return notes


def _clash_notes(entry_ids: Sequence[str]) -> list[str]:
    """Name the entries that would go although something like them went from a file."""
    if not entry_ids:
        return []
    note = (
        f"{len(entry_ids):,} of the entries may have been sent from a file before they were"
        " edited: an entry from that file has the same person and begins in the same minute, is"
        " as long on that day and project, or differs only in its day:"
        f" {named(entry_ids, MOST_NAMED)}. Those that go count as other work. If they"
        " are not, delete what was sent from the file in QuickBooks."
    )
    return [note]
