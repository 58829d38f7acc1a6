"""The Prefect flow `settle`: checks entries in doubt with QuickBooks, and sends nothing new."""

from typing import Any

from prefect import flow

from flows.context import open_context
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import ended, without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.pages.publish import then_status
from flows.sending.settle_doubts import settle_alone
from flows.sending.settled import settled_document


@flow(name="settle", flow_run_name=run_name)
@without_traceback
@then_status
@in_words
def settle(connection: str | None = None) -> dict[str, Any]:
    """Find out what became of entries that QuickBooks never confirmed.

    Returns the JSON document of `clockbooks settle --json`.

    Args:
        connection: Which connection; empty for the only one, or for a run of each.
    """
    of_all = run_for_all(connection)
    if of_all:
        return of_all
    with open_context(connection or None) as context, run_lock(context) as not_now:
        if not_now:
            return not_now
        settled = settled_document(run_as_task(settle_alone, context))
        return ended(settled, settled, connection=context.connection.name)
