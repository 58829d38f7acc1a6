"""Says in time that Intuit's consent will end, so that no run is the first to notice."""

from datetime import datetime, timedelta

from connectors.store.credentials import Lifetimes
from flows.context import RunContext

#: A person is told this long before they must connect again.
NOTICE = timedelta(days=14)


def expiry_notes(context: RunContext) -> list[str]:
    """Give a note when the consent ends soon; most of the time there is none."""
    found = context.store.credentials.lifetimes()
    if found is None or not ends_soon(found, context.now()):
        return []
    note = (
        f"Intuit's consent ends on {_day(context, found.until)}: run `clockbooks connect` again"
        " before. The ledger and the links stay."
    )
    return [note]


def ends_soon(found: Lifetimes, now: datetime) -> bool:
    """Say whether a person must connect again within `NOTICE`."""
    return found.until is not None and found.until - now <= NOTICE


def _day(context: RunContext, end: datetime | None) -> str:
    return f"{end.astimezone(context.timezone):%Y-%m-%d}" if end else "an unknown day"
