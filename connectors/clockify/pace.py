"""When the next call to Clockify may begin: so many a second, and fewer where that is too many.

Source: FACTS, Clockify, 1.3: 50 a second on paid plans, and third parties say 10 for a key.
"""

import time
from collections.abc import Callable
from threading import Lock

from connectors.errors import Throttled, TryAgain, Unsure

#: The longest pause between two calls, in seconds.
SLOWEST_S = 10.0

#: What a pause becomes after a call that was throttled, and after one that was not.
SLOWER, FASTER = 2.0, 0.9


class Pace:
    """Begins calls apart from each other, for all threads that share a client.

    Each throttled call doubles the pause, and each other one takes a tenth of it off again, until
    it is as short as the setting says.
    """

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shortest_s = self._pause_s = 1 / per_second
        self._sleep, self._clock = sleep, clock
        self._free_at_s = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Wait until a call may begin."""
        with self._lock:
            now_s = self._clock()
            begins_s = max(now_s, self._free_at_s)
            self._free_at_s = begins_s + self._pause_s
        if begins_s > now_s:
            self._sleep(begins_s - now_s)

    def ended(self, error: Exception | None) -> None:
        """Learn from how a call ended; where it says how long to wait, nobody calls sooner."""
        throttled = isinstance(error, Throttled) or (isinstance(error, Unsure) and error.throttled)
        with self._lock:
            change = SLOWER if throttled else FASTER
            self._pause_s = max(min(self._pause_s * change, SLOWEST_S), self._shortest_s)
            if isinstance(error, TryAgain) and error.wait_s is not None:
                self._free_at_s = max(self._free_at_s, self._clock() + error.wait_s)
