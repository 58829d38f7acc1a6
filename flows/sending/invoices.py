"""Finds invoices that may have time on them which was deleted meanwhile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.errors import AskPerson, Refused, TryAgain
from connectors.quickbooks.batch import part_of
from flows.context import RunContext
from transforms.identity.match_books import CLOCK_MARGIN


def invoiced_meanwhile(
    context: RunContext, deleted: Mapping[str, Mapping[str, Any]], looked_at: datetime | None
) -> dict[str, str]:
    """Find deleted TimeActivities that may have come onto an invoice after our look.

    Whether QuickBooks deletes billed time is not known, nor whether an invoice keeps its link to it
    then (FACTS, QBO, 12): so each invoice of its customer counts that is as young.

    Args:
        context: What to work with.
        deleted: TimeActivities as they were, by entry id.
        looked_at: QuickBooks' own clock when they were not on an invoice yet.

    Returns:
        For each such entry, what to check.
    """
    billable = {id_: row for id_, row in deleted.items() if row.get("BillableStatus") == "Billable"}
    if not billable or looked_at is None:
        return {}
    try:
        invoices = context.quickbooks.invoices(changed_from=looked_at - CLOCK_MARGIN)
    except (TryAgain, Refused, AskPerson) as error:
        text = f"Check that it did not come onto an invoice meanwhile: {error}"
        return dict.fromkeys(billable, text)
    numbers = {
        part_of(one, "CustomerRef").get("value"): str(one.get("DocNumber") or one.get("Id"))
        for one in invoices
    }
    customers = {id_: part_of(row, "CustomerRef").get("value") for id_, row in billable.items()}
    return {
        id_: f"Invoice {numbers[customer]} of its customer was made or changed while it was"
        " deleted: check in QuickBooks whether its time is on it."
        for id_, customer in customers.items()
        if customer in numbers
    }
