"""One limit that a service was found to have: between the most it took and the least it refused.

    taken ≤ allowed < aim < refused

Held at *allowed*. While the bracket is wide it is halved: *aim* is tried next, with a batch that
just fits. Later everything beyond is tried again, one call at a time and at growing distances, so
that refusals stay rare for ever and a squeeze that has passed is noticed within minutes.
"""

from dataclasses import dataclass

#: The first distance to the next try beyond: of a rule that was never seen to be otherwise; of one
#: that came suddenly, and may go so (another app at work); of one that may not be to blame at all.
RULE_MS, SUDDEN_MS, DOUBTFUL_MS = 300_000, 60_000, 10_000

#: The longest distance.
LONGEST_MS = 86_400_000

#: The bracket is halved while it is wider than this part of what is allowed.
FINE = 25


@dataclass
class Limit:
    """What is known of one limit; levels are calls or entries, as its measure counts.

    Attributes:
        taken: The highest level that the service was seen to take.
        allowed: What we keep to; `None` where nothing but the settings is known to hold.
        refused: The lowest level that it refused since; `None` if none.
        aim: The level to try next, within the bracket.
        probe_ms: When more than all this is tried, in milliseconds of the epoch.
        gap_ms: The distance that led there.
        raised: How often it was raised since it was last refused.
    """

    taken: int = 0
    allowed: int | None = None
    refused: int | None = None
    aim: int | None = None
    probe_ms: int = 0
    gap_ms: int = 0
    raised: int = 0

    def reach(self, now_ms: int) -> float:
        """Return up to which level a careful call may go now."""
        if self.allowed is None or now_ms >= self.probe_ms:
            return float("inf")
        return self.aim or self.allowed

    def next_level(self, now_ms: int) -> float:
        """Return the level to which calls are spaced in a second: one more, when that is tried."""
        if self.allowed is None:
            return float("inf")
        return self.allowed + (now_ms >= self.probe_ms)

    def took(self, level: int, most: int, now_ms: int) -> bool:
        """Note that a level was taken, and return whether that moved the limit.

        From *most* on the settings' own limits hold: nothing more is to be learned.
        """
        self.taken = max(self.taken, level)
        if self.allowed is None or level <= self.allowed:
            return False
        self.allowed = level
        self.raised += 1
        if now_ms >= self.probe_ms:
            self.gap_ms //= 2  # it has grown: the next refusal is nearer to the truth
        if self.refused is not None and self.refused <= level:
            self.refused = None
        self._halve()
        if level >= most:
            self.allowed = self.refused = self.aim = None
        return True

    def refuse(self, level: int, cost: int, *, certain: bool, sudden: bool, now_ms: int) -> None:
        """Note that a level was refused, by this limit or perhaps by another.

        Args:
            level: The level.
            cost: What of it the refused call itself counted.
            certain: Whether no other limit can be to blame.
            sudden: Whether the level had been taken before.
            now_ms: The time, in milliseconds of the epoch.
        """
        self.allowed = max(self.taken, level - cost, 1)
        least = min(level, self.refused or level)
        self.refused = least if least > self.allowed else None
        # Before any call as large was taken, the service may have been refusing all of them.
        doubtful = not certain or self.taken < cost
        first_ms = DOUBTFUL_MS if doubtful else SUDDEN_MS if sudden else RULE_MS
        tried_in_vain = self.gap_ms and now_ms >= self.probe_ms
        self.gap_ms = min(max(first_ms, self.gap_ms * (2 if tried_in_vain else 1)), LONGEST_MS)
        self.probe_ms = now_ms + self.gap_ms
        self.raised = 0
        self._halve()

    def _halve(self) -> None:
        """Choose the level to try next: the middle of the bracket, while that is worth a try."""
        self.aim = None
        if self.allowed is not None and self.refused is not None:
            wide = (self.refused - self.allowed) * FINE > self.allowed
            middle = (self.allowed + self.refused) // 2
            self.aim = middle if wide and middle > self.allowed else None
