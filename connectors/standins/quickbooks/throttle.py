"""What stands before the books: throttles and the memory of request ids (FACTS 2.2 and 3)."""

from collections import deque
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json

LONGEST_KEY = 50
LONGEST_BATCH_REQUEST_ID = 36
LONGEST_BID = 10


class Throttle:
    """Counts requests in sliding windows; what it refuses is not counted, as it was not done."""

    def __init__(self, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.refused = 0
        self._second: deque[float] = deque()  # times of requests in the last second
        self._minute: deque[float] = deque()
        self._batches: deque[float] = deque()

    def admit(self, *, batch_items: int | None) -> None:
        """Count one request in, or refuse it.

        Args:
            batch_items: How many items its batch has; `None` when it is no batch.
        """
        switches, moment = self.switches, self.now().timestamp()
        self._forget_old(moment)
        is_batch = batch_items is not None
        cost = max(batch_items or 1, 1) if switches.counts_batch_items else 1
        if (
            _over(len(self._second) + 1, switches.requests_per_second)
            or _over(len(self._minute) + cost, switches.requests_per_minute)
            or (is_batch and _over(len(self._batches) + 1, switches.batches_per_minute))
        ):
            self.refused += 1
            raise faults.throttled()
        self._second.append(moment)
        self._minute.extend([moment] * cost)
        if is_batch:
            self._batches.append(moment)

    def _forget_old(self, moment: float) -> None:
        for times, window_s in ((self._second, 1), (self._minute, 60), (self._batches, 60)):
            while times and times[0] <= moment - window_s:
                times.popleft()


def _over(count: int, limit: int | None) -> bool:
    return limit is not None and count > limit


class Memory:
    """The answers of writes that were done, by request id and bId.

    An answer is kept whether it is an object or a fault. The content of the write is not part of
    its identity: what the real service does with other content is not known.
    """

    def __init__(self, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.in_progress: set[str] = set()
        self._answers: dict[tuple[str, str | None], tuple[datetime, Json]] = {}

    def recall(self, request_id: str, bid: str | None) -> Json | None:
        """Return the answer that this write had before; `None` when it is to be done now."""
        _check_lengths(request_id, bid)
        switches = self.switches
        if not request_id or not switches.remembers_request_ids:
            return None
        when, answer = self._answers.get((request_id, bid), (None, None))
        if when is None or answer is None:
            return None
        age_s = (self.now() - when).total_seconds()
        limit_s = switches.forgets_request_ids_after_s
        if limit_s is not None and age_s > limit_s:
            return None
        if switches.replay_answers_6000:
            raise FaultError(
                "6000",
                "An unexpected error occurred while accessing or saving your data. "
                "Please wait a few minutes and try again.",
            )
        return deepcopy(answer)

    def keep(self, request_id: str, bid: str | None, answer: Json) -> None:
        if request_id:
            self._answers[request_id, bid] = (self.now(), deepcopy(answer))

    def begin(self, request_id: str) -> None:
        """Note that a request runs; refuse a second one that comes while it does."""
        if request_id in self.in_progress and self.switches.answers_600_in_progress:
            raise FaultError("600", "Duplicate Request ID : the first one is still in progress.")
        if request_id:
            self.in_progress.add(request_id)

    def end(self, request_id: str) -> None:
        self.in_progress.discard(request_id)


def _check_lengths(request_id: str, bid: str | None) -> None:
    """Refuse ids that are too long; in a batch, the service joins the two (FACTS 3)."""
    if not request_id:
        return
    joined = request_id + (bid or "")
    if len(joined) > LONGEST_KEY:
        raise faults.business(
            f"You cannot enter more than {LONGEST_KEY} characters in the request_id field. "
            f"You tried entering {joined}, which is {len(joined)} characters."
        )
    if bid is not None and (len(request_id) > LONGEST_BATCH_REQUEST_ID or len(bid) > LONGEST_BID):
        raise FaultError(
            "2130",
            f"In a batch, the request id may have {LONGEST_BATCH_REQUEST_ID} characters "
            f"and each bId {LONGEST_BID}.",
        )
