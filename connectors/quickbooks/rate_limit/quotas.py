"""The published quotas: 40 batches, 500 calls a minute, 10 a second; settings override them.

Sliding-window log: every call of the last minute is kept, so that no window of the service's ever
holds more than a quota (FACTS, QBO, 2.2), where a token bucket lets a burst on top of its rate.
Calls are spaced as well, so that a surprise costs one or two refusals and not ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.quickbooks.rate_limit.model import MARGIN_MS, MINUTE_MS, SECOND_MS, Call, Kind
from connectors.quickbooks.rate_limit.windows import wait_ms

#: A minute's batches leave over this part of the minute at least: a surprise is met by few.
BURST = 10


@dataclass(frozen=True)
class Quotas:
    """A company's quotas, as the settings have them."""

    requests_per_minute: int
    requests_per_second: int
    batches_per_minute: int
    in_flight: int
    batch_size: int
    timeout_ms: int

    def published(self, kind: Kind) -> int:
        """Return the most that the settings allow of a kind."""
        batches = min(self.batches_per_minute, self.requests_per_minute)
        return {
            Kind.BATCHES: batches * self.batch_size,
            Kind.CALLS: self.requests_per_minute,
            Kind.SIZE: self.batch_size,
        }[kind]


def published_waits(calls: Sequence[Call], call: Call, quotas: Quotas) -> list[int]:
    """Return the wait for each quota, and for the distance to the last call, in milliseconds.

    Args:
        calls: The calls of the last minute.
        call: The call that is to begin.
        quotas: The quotas.
    """
    batches = [other for other in calls if other.entries]
    spaces = [(calls, (SECOND_MS + MARGIN_MS[SECOND_MS]) // quotas.requests_per_second)]
    limits = [
        (calls, quotas.requests_per_minute, MINUTE_MS),
        (calls, quotas.requests_per_second, SECOND_MS),
    ]
    if call.entries:
        spaces.append((batches, MINUTE_MS // BURST // quotas.batches_per_minute))
        limits.append((batches, quotas.batches_per_minute, MINUTE_MS))
    return [
        *(some[-1].begun_ms + space - call.begun_ms for some, space in spaces if some),
        *(wait_ms([(c.begun_ms, 1) for c in some], most, window, 1, call.begun_ms)
          for some, most, window in limits),
    ]  # fmt: skip
