"""What the pace of a company is made of: calls, and how they end.

Times are whole milliseconds of the epoch.
"""

from dataclasses import dataclass
from enum import StrEnum

SECOND_MS, MINUTE_MS = 1_000, 60_000

#: By how much a window is longer than the service's. For a second a fifth, which costs nothing:
#: 10 in 1.2 s are the 500 a minute that are published beside it.
MARGIN_MS = {SECOND_MS: 200, MINUTE_MS: 500}


class Kind(StrEnum):
    """What of our calls a service may limit."""

    BATCHES = "batches"  # entries a minute, in batches
    CALLS = "calls"  # other calls a minute
    SIZE = "size"  # entries a batch


class End(StrEnum):
    """How a call ended, as far as it says something about the service's limits."""

    OUT = "out"  # it has not ended yet
    TAKEN = "taken"  # the service worked on it, or at least looked at it
    REFUSED = "refused"  # throttled
    SILENT = "silent"  # no answer in time
    UNCLEAR = "unclear"  # something else went wrong
    NEVER_LEFT = "never_left"  # the service has not seen it


@dataclass(frozen=True)
class Want:
    """What somebody would like to call.

    Attributes:
        entries: How many entries a batch is to carry; 0 for a call that is no batch.
        exactly: Whether all of them must go at once; otherwise fewer may.
        owner: The process that asks.
    """

    entries: int = 0
    exactly: bool = False
    owner: str = ""


@dataclass
class Call:
    """One call of the last minute, or one that is in flight."""

    id: int
    begun_ms: int
    entries: int  # 0: no batch
    until_ms: int  # past it, a call that is out counts as dead
    owner: str  # the process that calls
    end: End = End.OUT
    granted_ms: int = 0  # when it was allowed to begin; `begun_ms` follows its first byte

    def __post_init__(self) -> None:
        """Read the end where it comes as text."""
        self.end = End(self.end)

    @property
    def kind(self) -> Kind:
        """Which of the two it counts as."""
        return Kind.BATCHES if self.entries else Kind.CALLS

    @property
    def cost(self) -> int:
        """What it counts a minute: its entries, or one call that carries none."""
        return max(self.entries, 1)
