"""Executes a plan slice by slice: load it, keep how each entry ended, add it up."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from connectors.errors import TryAgain
from flows.context import RunContext
from flows.progress import Progress
from flows.sending import match_ledger
from flows.sending.canary import send_canary
from flows.sending.facts import call_directly
from flows.sending.load import load_whole, not_loaded
from flows.sending.plan import RunPlan
from flows.sending.sent_tags import keep_tags, want_tag
from flows.sending.unknown_time import keep_look
from schemas.part_ids import whole_id
from schemas.words import Reason, State
from transforms.identity.same_work import superseded

#: What only a preview tells: no table keeps it.
PREVIEWED = ("decided_by", "rate_from")


def execute(
    context: RunContext,
    plan: RunPlan,
    *,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_directly,
) -> dict[str, Any]:
    """Send exactly the ready rows of a plan, and report how every entry ended.

    Once the load of a slice ends early, no other one begins; nor does any, where QuickBooks does
    not take the one entry that goes first. Returns the JSON document.

    Raises:
        TryAgain: The load ended early, before QuickBooks had taken anything.
    """
    assert plan.lease is not None, "a dry run cannot be executed"  # noqa: S101
    progress, report = progress or Progress(), plan.report
    progress.begun(report.count(State.READY))
    report.begin()
    if plan.sent_tag:
        want_tag(context, (one.plan for one in plan.slices))
    canary = send_canary(context, plan, progress, run)
    report.stopped = canary.stopped
    for one in plan.slices:
        one = one.ending(canary.with_outcomes(one.plan))  # noqa: PLW2901
        match_ledger.keep(context, one.match)
        if report.stopped is None:
            keep_look(context, one)
            ended, report.stopped = load_whole(context, plan, one, progress, run)
        else:
            ended = not_loaded(one.plan, report.stopped)
        repeated = ended["entry_id"].isin(list(one.match.repeated))
        _keep_outcomes(context, plan.lease.run_id, ended[~repeated])
        report.add(ended.drop(columns=list(PREVIEWED)))
    if report.stopped and not canary.is_refused and not report.count(State.SENT, State.IN_DOUBT):
        raise TryAgain(f"Nothing was sent. {report.stopped}")
    report.notes += context.quickbooks.limiter.notes()
    report.notes += keep_tags(context, plan.sent_tag)
    return report.document(plan.lease.run_id)


def _keep_outcomes(context: RunContext, run_id: str, ended: pd.DataFrame) -> None:
    """Keep how entries ended for `clockbooks entries`, in place of what was said before."""
    outcomes = context.store.outcomes
    outcomes.keep(run_id, ended)
    days = ended["date"].unique().tolist()
    before = outcomes.unsent(days)
    outcomes.forget(superseded(ended, before))
    # Of an entry that had more parts before, or that another run has sent whole meanwhile.
    ids = set(ended["entry_id"])
    there = set(ended.loc[ended["reason"] != Reason.ALREADY_SENT, "entry_id"])
    parts = [id_ for id_ in outcomes.later_parts(days) if whole_id(id_) in ids and id_ not in there]
    outcomes.forget(parts)
