"""The Prefect flow `reconcile`: compares sent time with both services; repairs it if told to."""

# Prefect's form takes the words beside a field from the docstring; those of `Field` it drops.
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from flows.context import open_context
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import reconciled, shown, without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.operations.terminal_callbacks import callbacks, shortened
from flows.pages.publish import followed, page_context, show_drift, then_status
from flows.reconciliation.reconcile import reconcile as compare_and_repair
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from flows.review.review_changes import review_changes
from flows.sending.request import days_of


@flow(name="reconcile", flow_run_name=run_name)
@without_traceback
@then_status
@in_words
def reconcile(
    *,
    start: date | None = None,
    end: date | None = None,
    last_days: Annotated[int | None, Field(ge=1, le=366)] = None,
    connection: str | None = None,
    repair: bool = False,
    prefer_clockify: bool = False,
    entry_ids: list[str] = [],
    resend: bool = False,
    mark_invoiced: bool = False,
    rounding: str | None = None,
    dry_run: bool = False,
    review: bool = False,
) -> dict[str, Any]:
    """Compare what was sent with Clockify and QuickBooks, and repair what has changed since.

    Only compares unless told otherwise. Returns the JSON document of `clockbooks reconcile --json`;
    of long lists the beginning.

    Args:
        start: First day, in the connection's time zone; or a number of last days instead.
        end: Last day, included.
        last_days: This many days before today instead of start and end, as a schedule needs it.
        connection: Which connection; empty for the only one. Of several, a scheduled run starts a
            run for each, but not for a review.
        repair: Repair what may be repaired. What somebody edited in QuickBooks stays, and so does
            what is on an invoice or in closed books.
        prefer_clockify: Overwrite what somebody edited in QuickBooks, too.
        entry_ids: Overwrite these entries in QuickBooks, whoever edited them there.
        resend: Send again what somebody deleted in QuickBooks.
        mark_invoiced: Mark entries that are on an invoice as invoiced in Clockify, and take our own
            marks off those that are on none any more.
        rounding: As for a send, as nearest:15; for time that has changed.
        dry_run: Change nothing, whatever else is said.
        review: Stop before a repair or marks, and make the changes that somebody approves on this
            run's page, by its Resume button.
    """
    # A review waits on the page of a run of its own: one that is part of another cannot.
    of_all = None if review else run_for_all(connection, scheduled_only=True)
    if of_all:
        return of_all
    with (
        callbacks(ReconcileReport) as watched,
        open_context(connection or None) as context,
        run_lock(context) as not_now,
    ):
        if not_now:
            return not_now
        today = context.now().astimezone(context.timezone).date()
        first, last = days_of(start, end, last_days, today=today)
        request = ReconcileRequest(
            start=first,
            end=last,
            repair=repair,
            prefer_clockify=prefer_clockify,
            entry_ids=tuple(entry_ids),
            resend=resend,
            mark_invoiced=mark_invoiced,
            rounding=rounding or None,
            dry_run=dry_run,
        )
        acting, approve = context, watched.approve
        if review and (repair or mark_invoiced) and not dry_run:
            reviewed = review_changes(
                context,
                compare_and_repair,
                request,
                ReconcileReport,
                lambda plan, report: show_drift(plan, page_context(context, report.currency)),
            )
            if reviewed.rejection:
                return shown(Completed(name="Rejected", message=reviewed.rejection, data={}))
            acting, approve = reviewed.context, reviewed.approve
        document = run_as_task(
            compare_and_repair,
            acting,
            request,
            watched.report,
            approve=approve,
            progress=followed(watched.progress, page_context(context, "")),
        )
        show_drift(document, page_context(context, watched.report.currency))
        return reconciled(document, shortened(document), connection=context.connection.name)
