"""The Prefect flow `send-time`: the job as a run that people can schedule, watch and start.

The steps are those of `flows.sending.send`; here each one becomes a task, because each touches the
outside. No task is retried: HTTP calls retry where that is safe, and the ledger alone decides what
is sent again.
"""

# No `from __future__ import annotations` here: Prefect's runner could not resolve the parameters.
# Prefect's form takes the words beside a field from the docstring; those of `Field` it drops.
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from flows.context import RunContext, open_context
from flows.operations.final_states import ended, shown
from flows.operations.run_lock import turn
from flows.operations.tasks import run_as_task
from flows.operations.terminal import TerminalCallbacks, callbacks, shortened
from flows.pages.publish import Seen, followed, here, show_result
from flows.review.review import give_back, rejection, send_reviewed
from flows.sending.report import Report
from flows.sending.request import JobRequest, days_of
from flows.sending.send import SendRequest, send
from schemas.words import PlanState


@flow(name="send-time")
def send_time(
    start: date | None = None,
    end: date | None = None,
    last_days: Annotated[int | None, Field(ge=1, le=366)] = None,
    connection: str | None = None,
    users: list[str] = [],
    clients: list[str] = [],
    projects: list[str] = [],
    billable: bool | None = None,
    approved_only: bool | None = None,
    rounding: str | None = None,
    dry_run: bool = True,
    review: bool = False,
    allow_payroll: bool | None = None,
    retry_refused: bool = False,
    sync: bool | None = None,
) -> dict[str, Any]:
    """Send the time entered in Clockify on some days to QuickBooks, each entry once.

    Safe to run again over the same days: what the ledger holds is not sent twice. Starts as a dry
    run unless told otherwise. Returns the JSON document of `clockbooks send --json`; of
    long lists the beginning.

    Args:
        start: First day, in the connection's time zone; or say last_days instead.
        end: Last day, included.
        last_days: So many days before today instead of start and end, as a schedule needs it.
            Today is left out: its hours are not all there yet.
        connection: Which connection; empty for the only one.
        users: Only these users: names or ids.
        clients: Only these clients: names or ids.
        projects: Only these projects: names or ids.
        billable: Only billable entries, only others, or both.
        approved_only: Leave entries whose timesheet is not approved; empty for what the settings
            say.
        rounding: nearest:15, up:6, none; empty for what the settings say, else the workspace's own.
        dry_run: Show the plan; send nothing.
        review: Stop after the plan, and send what somebody approves on this run's page, by its
            Resume button.
        allow_payroll: Try a company with QuickBooks Payroll; empty for what the settings say.
        retry_refused: Try entries again that QuickBooks refused, changed or not.
        sync: Compare both directories first; empty for what the settings say.
    """
    chosen = JobRequest(
        users=tuple(users),
        clients=tuple(clients),
        projects=tuple(projects),
        billable=billable,
        approved_only=approved_only,
        rounding=rounding or None,
        dry_run=dry_run,
        allow_payroll=allow_payroll,
        retry_refused=retry_refused,
        sync=sync,
    )
    with (
        callbacks(Report) as watched,
        open_context(connection or None) as context,
        turn(context) as why_not,
    ):
        if why_not:
            return why_not
        today = context.now().astimezone(context.timezone).date()
        first, last = days_of(start, end, last_days, today=today)
        request = SendRequest(start=first, end=last, **vars(chosen))
        return _in_pages(context, request, watched, review=review and not dry_run)


def _in_pages(
    context: RunContext, request: SendRequest, watched: TerminalCallbacks[Report], *, review: bool
) -> dict[str, Any]:
    """Send, with or without a review, and show in Prefect's pages what comes of it."""
    report, seen, plan = watched.report, Seen(), None
    report.followers.append(seen)
    progress = followed(watched.progress, here(context, report.currency))
    give_back(context)
    if review:
        document, plan = send_reviewed(
            context, request, report, lambda: seen.overview, progress=progress, run=run_as_task
        )
    else:
        document = send(
            context, request, report, approve=watched.approve, progress=progress, run=run_as_task
        )
    show_result(document, seen.overview, here(context, report.currency), plan)
    short = shortened(document)
    if plan is not None and plan.state is PlanState.REJECTED:
        return shown(Completed(name="Rejected", message=rejection(plan), data=short))
    return ended(document, short, connection=context.connection.name)
