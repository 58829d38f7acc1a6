"""A level that a service was found to take, and the search for a higher one.

What is allowed is what worked. A higher level is tried at growing distances; one that is refused is
tried half as high above what worked, so that refusals stay rare for ever and the end of a squeeze
is still noticed within minutes.
"""

from dataclasses import dataclass
from math import isqrt

#: By how much the distance grows with each try in vain, and the longest.
GROWTH, LONGEST_MS = 2, 86_400_000

#: From this distance on, what was proven once counts no more. A level that falls all of a sudden
#: begins below it: whatever took it away may go as it came.
FORGOTTEN_MS = 720_000

#: A try in vain shows at least that the service takes so much of what was reached, in percent.
SAFE = 60

#: A try that would gain less than this part is not worth a refusal: it aims at twice as much.
FINE = 20


@dataclass
class Level:
    """What is known of one level: entries or calls a minute, or entries a batch.

    Attributes:
        first_ms: The first distance to a try.
        proof_ms: How long a try must last to prove its level.
        proven: The highest that was taken for long.
        allowed: What we keep to; `None` where nothing but the settings is known to hold.
        aim: What is tried next.
        try_ms: When, in milliseconds of the epoch.
        gap_ms: The distance that led there.
    """

    first_ms: int
    proof_ms: int
    proven: int = 0
    allowed: int | None = None
    aim: int = 0
    try_ms: int = 0
    gap_ms: int = 0

    def most(self, now_ms: int) -> int | None:
        """Return up to which level calls may go now; `None` where only the settings hold."""
        return self.aim if self.is_trying(now_ms) else self.allowed

    def is_trying(self, now_ms: int) -> bool:
        """Return whether more than what is allowed is tried."""
        return self.allowed is not None and self.aim > self.allowed and now_ms >= self.try_ms

    def took(self, level: int, published: int, now_ms: int) -> None:
        """Note that a level was taken; a try that has lasted raises what is allowed."""
        is_over = self.is_trying(now_ms) and now_ms >= self.try_ms + self.proof_ms
        if self.allowed is None or level <= self.allowed or is_over:
            self.proven = max(self.proven, level)
        if self.allowed is not None and level > self.allowed and is_over:
            self.allowed = min(level, published)
            self._try(self.proven, published, now_ms + (self.gap_ms > self.first_ms) * self.gap_ms)

    def refused(
        self, less: int, published: int, now_ms: int, *, reached: int = 0, by_chance: bool = False
    ) -> None:
        """Note a refusal: keep to *less*, and to no less than what was allowed before a try.

        The call would have *reached* so much with the minute before. A refusal that may be
        *by_chance* says nothing of what was proven.
        """
        too_much = reached
        if self.allowed is not None and self.is_trying(now_ms):
            self.allowed = max(self.allowed, less)
            self.gap_ms = min(self.gap_ms * GROWTH, LONGEST_MS)
            if self.gap_ms >= FORGOTTEN_MS and not by_chance:
                self.proven = self.allowed
            too_much = self.aim
        else:
            self.allowed = max(less, 1)
            self.gap_ms = max(min(self.gap_ms, FORGOTTEN_MS // GROWTH), self.first_ms)
        self._try(max(isqrt(self.allowed * too_much), self.proven), published, now_ms + self.gap_ms)

    def _try(self, aim: int, published: int, try_ms: int) -> None:
        least = self.allowed or 0
        is_worth_it = (aim - least) * FINE > least
        self.aim, self.try_ms = min(aim if is_worth_it else 2 * least, published), try_ms
