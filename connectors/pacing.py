"""Keeps calls to one QuickBooks company within its quotas, and lets all pause after a throttle.

A sliding-window log (each quota remembers when its last calls began) never lets more through in
any window than the quota says, where a token bucket would allow a burst on top of its rate.
Quotas: FACTS, QBO, 2.2. Shared by the threads of one process.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Quota:
    """At most *calls* begin in any *window_s* seconds."""

    calls: int
    window_s: float
    begun_s: deque[float] = field(default_factory=deque)

    def wait_s(self, now_s: float) -> float:
        """Say how many seconds to wait until one more call fits."""
        while self.begun_s and now_s - self.begun_s[0] >= self.window_s:
            self.begun_s.popleft()
        if len(self.begun_s) < self.calls:
            return 0
        return self.begun_s[0] + self.window_s - now_s


class Pacer:
    """Says when the next call may begin."""

    def __init__(
        self,
        *,
        requests_per_minute: int,
        requests_per_second: int,
        batches_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._requests = [Quota(requests_per_minute, 60), Quota(requests_per_second, 1)]
        self._batches = Quota(batches_per_minute, 60)
        self._paused_until_s = 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait_turn(self, *, batch: bool = False) -> None:
        """Wait until one more call, or one more batch, fits all quotas, and count it."""
        quotas = [*self._requests, self._batches] if batch else self._requests
        while (wait_s := self._take(quotas)) > 0:
            self._sleep(wait_s)

    def pause(self, seconds: float) -> None:
        """Let nobody begin for *seconds*: the service has throttled one of us."""
        with self._lock:
            self._paused_until_s = max(self._paused_until_s, self._clock() + seconds)

    def _take(self, quotas: Sequence[Quota]) -> float:
        with self._lock:
            now_s = self._clock()
            waits = [self._paused_until_s - now_s, *(quota.wait_s(now_s) for quota in quotas)]
            longest_s = max(waits)
            if longest_s > 0:
                return longest_s
            for quota in quotas:
                quota.begun_s.append(now_s)
            return 0
