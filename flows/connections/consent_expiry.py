"""Warns before Intuit's consent ends, so that no run is the first to notice."""

from datetime import datetime, timedelta

from connectors.store.credentials import Lifetimes
from flows.context import RunContext

#: How long before the end people are warned that they must connect again.
NOTICE = timedelta(days=14)


def expiry_notes(context: RunContext) -> list[str]:
    """Return a note if the consent ends soon; usually there is none."""
    found = context.store.credentials.lifetimes()
    if found is None or found.until is None or not ends_soon(found, context.now()):
        return []
    day = f"{found.until.astimezone(context.timezone):%Y-%m-%d}"
    note = (
        f"Intuit's consent ends on {day}: run `clockbooks connect` again before then. The ledger"
        " and the links stay."
    )
    return [note]


def ends_soon(found: Lifetimes, now: datetime) -> bool:
    """Whether a person must connect again within `NOTICE`."""
    return found.until is not None and found.until - now <= NOTICE
