"""Runs a send or an import as a flow: with or without a review, shown in Prefect's pages."""

from typing import Any

from prefect.states import Completed

from flows.context import RunContext
from flows.operations.final_states import ended, shown
from flows.operations.tasks import run_as_task
from flows.operations.terminal_callbacks import TerminalCallbacks, shortened
from flows.pages.publish import followed, page_context, show_result
from flows.review.jobs import Job
from flows.review.review import do_reviewed, give_back, rejection
from flows.sending.totals import Totals
from schemas.words import PlanState


def run_in_pages(
    context: RunContext, job: Job, watched: TerminalCallbacks, *, review: bool
) -> dict[str, Any]:
    """Do a job, and show in Prefect's pages what comes of it.

    A *review* that is no dry run stops after the plan, and goes on once somebody has decided.
    Returns the job's document, shortened, in a state that says what is left.
    """
    report, seen, plan = watched.report, Totals(), None
    report.followers.append(seen)
    progress = followed(watched.progress, page_context(context, report.currency))
    give_back(context)
    if review and not job.request.dry_run:
        document, plan = do_reviewed(
            context, job, report, lambda: seen.overview, progress=progress, run=run_as_task
        )
    else:
        document = job.now(
            context, report, approve=watched.approve, progress=progress, run=run_as_task
        )
    show_result(document, seen.overview, page_context(context, report.currency), plan)
    short = shortened(document)
    if plan is not None and plan.state is PlanState.REJECTED:
        return shown(Completed(name="Rejected", message=rejection(plan), data=short))
    return ended(document, short, connection=context.connection.name)
