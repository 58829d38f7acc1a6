"""How many requests the Clockify stand-in takes (FACTS 1.3)."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi.responses import JSONResponse, PlainTextResponse, Response

from connectors.standins.clockify.switches import Switches

HOUR_S = 3600


class Throttle:
    """Counts a workspace's requests in sliding windows; what it refuses is not counted.

    Attributes:
        refused: How many requests were answered 429.
    """

    def __init__(
        self, workspace: dict[str, Any], *, now: Callable[[], datetime], switches: Switches
    ) -> None:
        self.refused = 0
        self._workspace, self._now, self._switches = workspace, now, switches
        self._second: deque[float] = deque()  # times of the requests of the last second
        self._hour: deque[float] = deque()  # and of the last hour, on the free plan

    def admits(self) -> bool:
        """Count one request in, or refuse it."""
        moment = self._now().timestamp()
        is_free = self._workspace.get("featureSubscriptionType") == "FREE"
        windows = [
            (self._second, 1, self._switches.requests_per_second),
            (self._hour, HOUR_S, self._switches.free_requests_per_hour if is_free else None),
        ]
        for times, window_s, limit in windows:
            while times and times[0] <= moment - window_s:
                times.popleft()
            if limit is not None and len(times) >= limit:
                self.refused += 1
                return False
        for times, _, limit in windows:
            if limit is not None:
                times.append(moment)
        return True

    def answer(self) -> Response:
        """Return a 429; its body is our guess."""
        wait_s = self._switches.retry_after_s
        headers = None if wait_s is None else {"Retry-After": str(wait_s)}
        if self._switches.throttles_in_json:
            body = {"message": "Too many requests", "code": 429}
            return JSONResponse(body, 429, headers=headers)
        return PlainTextResponse("Too Many Requests", 429, headers=headers)
