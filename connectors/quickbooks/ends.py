"""What the end of a call says about QuickBooks' limits."""

from typing import Protocol

from connectors.errors import NeverLeft, Throttled, Unsure
from connectors.quickbooks.rate_limit.model import End


class ReadMeter(Protocol):
    """Counts the reads that Intuit meters by the month (FACTS, QBO, 13.2)."""

    def add(self) -> None:
        """Count one read."""

    def close(self) -> None:
        """Keep what was counted."""


class NoMeter:
    """Counts nothing."""

    def add(self) -> None:
        """See `ReadMeter`."""

    def close(self) -> None:
        """See `ReadMeter`."""


def end_of(error: Exception | None) -> End:
    """Return what the end of a call says about the service's limits."""
    match error:
        case None:
            return End.TAKEN
        case Throttled():
            return End.REFUSED
        case NeverLeft():
            return End.NEVER_LEFT
        case Unsure(timed_out=True):
            return End.SILENT
        case Unsure(throttled=True):
            return End.REFUSED
        case _:
            return End.UNCLEAR
