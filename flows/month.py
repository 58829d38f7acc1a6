"""The Prefect flow `month`: how much of a month's time is in QuickBooks, on a page."""

from typing import Any

from prefect import flow

from flows.context import open_context
from flows.operations.fan_out import run_for_all
from flows.operations.final_states import without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_names import run_name
from flows.pages.publish import page_context, show_month
from flows.sending.month import month as add_up


@flow(name="month", flow_run_name=run_name)
@without_traceback
@in_words
def month(
    *,
    month: str | None = None,
    connection: str | None = None,
    approved_only: bool | None = None,
) -> dict[str, Any]:
    """Show how much of a month's time is in QuickBooks, and why the rest is not.

    Returns the JSON document of `clockbooks month --json`.

    Args:
        month: Such as 2026-10; empty for the last one.
        connection: Which connection; empty for the only one, or for a run of each.
        approved_only: Only approved time may go; empty for what the settings say.
    """
    of_all = run_for_all(connection)
    if of_all:
        return of_all
    with open_context(connection or None) as context:
        document = add_up(context, month or None, approved_only=approved_only)
        show_month(document, page_context(context, document["currency"]))
        return document
