"""The Prefect flow `send-time`: the job as a run that people can schedule, watch and start.

The steps are those of `flows.sending.send`; here each one becomes a task, because each touches the
outside. No task is retried: HTTP calls retry where that is safe, and the ledger alone decides what
is sent again.
"""

# Prefect's form takes the words beside a field from the docstring; those of `Field` it drops.
from datetime import date
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.context import open_context
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import without_traceback
from flows.operations.parameters import with_options
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.terminal_callbacks import callbacks
from flows.pages.publish import then_status
from flows.review.in_pages import run_in_pages
from flows.review.jobs import SendJob
from flows.sending.request import SendRequest, days_of


@flow(name="send-time", flow_run_name=run_name)
@without_traceback
@then_status
@with_options(SendRequest)
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
        start: First day, in the connection's time zone; or a number of last days instead.
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
        job = SendJob(SendRequest(start=first, end=last, **options))
        return run_in_pages(context, job, watched, review=review)
