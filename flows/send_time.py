"""The Prefect flow `send-time`: the job as a run that people can schedule, watch and start.

The steps are those of `flows.sending.send`; here each one becomes a task, because each touches the
outside. No task is retried: HTTP calls retry where that is safe, and the ledger alone decides what
is sent again.
"""

# Prefect's form takes the words beside a field from the docstring; those of `Field` it drops.
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from flows.context import RunContext, open_context
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import ended, shown, without_traceback
from flows.operations.parameters import with_options
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.operations.terminal import TerminalCallbacks, callbacks, shortened
from flows.pages.publish import followed, page_context, show_result, then_status
from flows.review.review import give_back, rejection, send_reviewed
from flows.sending.request import JobRequest, SendRequest, days_of
from flows.sending.send import send
from flows.sending.totals import Totals
from schemas.words import PlanState


@flow(name="send-time", flow_run_name=run_name)
@without_traceback
@then_status
@with_options(JobRequest)
def send_time(
    *,
    start: date | None = None,
    end: date | None = None,
    last_days: Annotated[int | None, Field(ge=1, le=366)] = None,
    connection: str | None = None,
    options: dict[str, Any],
    review: bool = False,
) -> dict[str, Any]:
    """Send the time entered in Clockify on some days to QuickBooks, each entry once.

    Safe to run again over the same days: what the ledger holds is not sent twice. Starts as a dry
    run unless told otherwise. Returns the JSON document of `clockbooks send --json`; of
    long lists the beginning.

    Args:
        start: First day, in the connection's time zone; or use last_days instead.
        end: Last day, included.
        last_days: This many days before today instead of start and end, as a schedule needs it.
            Today is left out: its hours are not all there yet.
        connection: Which connection; empty for the only one. Of several, a scheduled run starts a
            run for each, but not for a review.
        review: Stop after the plan, and send what somebody approves on this run's page, by its
            Resume button.
    """
    # A review waits on the page of a run of its own: one that is part of another cannot.
    of_all = None if review else run_for_all(connection, scheduled_only=True)
    if of_all:
        return of_all
    with (
        callbacks() as watched,
        open_context(connection or None) as context,
        run_lock(context) as not_now,
    ):
        if not_now:
            return not_now
        today = context.now().astimezone(context.timezone).date()
        first, last = days_of(start, end, last_days, today=today)
        request = SendRequest(start=first, end=last, **options)
        return _in_pages(context, request, watched, review=review and not request.dry_run)


def _in_pages(
    context: RunContext, request: SendRequest, watched: TerminalCallbacks, *, review: bool
) -> dict[str, Any]:
    """Send, with or without a review, and show in Prefect's pages what comes of it."""
    report, seen, plan = watched.report, Totals(), None
    report.followers.append(seen)
    progress = followed(watched.progress, page_context(context, report.currency))
    give_back(context)
    if review:
        document, plan = send_reviewed(
            context, request, report, lambda: seen.overview, progress=progress, run=run_as_task
        )
    else:
        document = send(
            context, request, report, approve=watched.approve, progress=progress, run=run_as_task
        )
    show_result(document, seen.overview, page_context(context, report.currency), plan)
    short = shortened(document)
    if plan is not None and plan.state is PlanState.REJECTED:
        return shown(Completed(name="Rejected", message=rejection(plan), data=short))
    return ended(document, short, connection=context.connection.name)
