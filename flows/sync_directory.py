"""The Prefect flow `sync-directory`: compares both directories and keeps the links."""

from typing import Any

from prefect import flow

from flows.context import open_context
from flows.directory.sync import Create, SyncRequest, create_sides, sync
from flows.directory.sync_report import sync_document
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.pages.publish import page_context, show_sync, then_status
from flows.review.review_links import review_links


@flow(name="sync-directory", flow_run_name=run_name)
@without_traceback
@then_status
@in_words
def sync_directory(
    connection: str | None = None,
    create: Create | None = None,
    dry_run: bool = False,
    review: bool = False,
) -> dict[str, Any]:
    """Link users and projects whose names match, and report what is missing.

    Returns the JSON document of `clockbooks sync --json`.

    Args:
        connection: Which connection; empty for the only one, or for a run of each.
        create: Where to create what is missing; empty for nowhere.
        dry_run: Change nothing; report what would be linked and created.
        review: Then ask on this run's page, by its Resume button, about all who have no partner:
            link them, create them, never send their time, or leave them open.
    """
    # Who forgets to choose a company does not create anything in all of them.
    of_all = run_for_all(connection, scheduled_only=create is not None or review)
    if of_all:
        return of_all
    request = SyncRequest(create=create_sides(create), dry_run=dry_run)
    with open_context(connection or None) as context, run_lock(context) as not_now:
        if not_now:
            return not_now
        place = page_context(context, "")
        document = (
            review_links(context, request, lambda found: show_sync(found, place))
            if review and not dry_run
            else sync_document(run_as_task(sync, context, request))
        )
        show_sync(document, place)
        return document
