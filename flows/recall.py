"""The Prefect flow `recall`: takes sent time back out of QuickBooks."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.states import Completed

from connectors.errors import AskPerson
from flows.context import open_context
from flows.operations.final_states import ended, shown, without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.operations.terminal_callbacks import callbacks, shortened
from flows.pages.publish import followed, page_context, show_recall
from flows.reconciliation.recall import RecallReport, RecallRequest
from flows.reconciliation.recall import recall as take_back
from flows.review.review_changes import review_changes


@flow(name="recall", flow_run_name=run_name)
@without_traceback
@in_words
def recall(
    *,
    run_id: str | None = None,
    entry_ids: list[str] = [],
    start: date | None = None,
    end: date | None = None,
    users: list[str] = [],
    projects: list[str] = [],
    connection: str | None = None,
    prefer_clockify: bool = False,
    dry_run: bool = True,
    review: bool = False,
) -> dict[str, Any]:
    """Take sent time back out of QuickBooks, and free its entries for another send.

    What is on an invoice or in closed books stays. Starts as a dry run unless told otherwise.
    Returns the JSON document of `clockbooks recall --json`; of long lists the beginning.

    Args:
        run_id: What this run sent, by the run_id of its result; or entries, or days.
        entry_ids: These entries.
        start: First day, in the connection's time zone.
        end: Last day, included.
        users: Of these users alone: their names.
        projects: Of these projects alone: their names.
        connection: Which connection; empty for the only one.
        prefer_clockify: Also what somebody edited in QuickBooks.
        dry_run: Show what would be taken back; change nothing.
        review: Stop before that, and take back what somebody approves on this run's page, by its
            Resume button.
    """
    if [bool(run_id), bool(entry_ids), bool(start and end)].count(True) != 1:
        raise AskPerson("Use one of run_id, entry_ids, and start with end.")
    request = RecallRequest(
        run_id=run_id or None,
        entry_ids=tuple(entry_ids),
        start=start,
        end=end,
        users=tuple(users),
        projects=tuple(projects),
        prefer_clockify=prefer_clockify,
        dry_run=dry_run,
    )
    with (
        callbacks(RecallReport) as watched,
        open_context(connection or None) as context,
        run_lock(context) as not_now,
    ):
        if not_now:
            return not_now
        place = page_context(context, "")
        acting, approve = context, watched.approve
        if review and not dry_run:
            reviewed = review_changes(
                context, take_back, request, RecallReport, lambda plan, _: show_recall(plan, place)
            )
            if reviewed.rejection:
                return shown(Completed(name="Rejected", message=reviewed.rejection, data={}))
            acting, approve = reviewed.context, reviewed.approve
        document = run_as_task(
            take_back,
            acting,
            request,
            watched.report,
            approve=approve,
            progress=followed(watched.progress, place),
        )
        show_recall(document, place)
        return ended(document, shortened(document), connection=context.connection.name)
