"""What the pace of a company is made of: calls, how they end, and what may limit them.

Times are whole milliseconds of the epoch.
"""

from dataclasses import dataclass
from enum import StrEnum

SECOND_MS, MINUTE_MS = 1_000, 60_000

#: By how much a window is longer than the service's. For a second a fifth, which costs nothing:
#: 10 in 1.2 s are the 500 a minute that are published beside it.
MARGIN_MS = {SECOND_MS: 200, MINUTE_MS: 500}


class Measure(StrEnum):
    """What of our calls a service may limit."""

    MINUTE = "minute"  # entries, and calls that carry none, in the last minute
    SECOND = "second"  # calls in the last second
    FLIGHT = "flight"  # calls at once


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
    at_once: int  # calls in flight when it began, itself included
    owner: str  # the process that calls
    beyond: bool = False  # whether it tries more than was ever taken
    end: End = End.OUT
    granted_ms: int = 0  # when it was allowed to begin; `begun_ms` follows its first byte

    def __post_init__(self) -> None:
        """Read the end where it comes as text."""
        self.end = End(self.end)

    def cost(self, measure: Measure) -> int:
        """Return what it counts: one call, or its entries where entries are counted."""
        return max(self.entries, 1) if measure is Measure.MINUTE else 1


@dataclass
class Hypothesis:
    """What may have caused a refusal: the levels of the call that was refused."""

    levels: dict[Measure, int]
    costs: dict[Measure, int]
    sudden: bool  # whether all of it had been taken before
    entries: int = 0  # of the call that was refused; 0 where it was no batch
    test_id: int | None = None  # the call that goes alone, to find out

    def __post_init__(self) -> None:
        """Read the measures where they come as text."""
        self.levels = {Measure(name): level for name, level in self.levels.items()}
        self.costs = {Measure(name): cost for name, cost in self.costs.items()}
