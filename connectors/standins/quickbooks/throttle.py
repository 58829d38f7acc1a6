"""What stands before the books: throttles and the memory of request ids (FACTS 2.2 and 3)."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json, write_json

MOST_BATCHES_OF_ALL_APPS = 120  # a minute
LONGEST_KEY = 50
LONGEST_BATCH_REQUEST_ID = 36
LONGEST_BID = 10


class Throttle:
    """Counts requests in sliding windows; what it refuses is not counted, as it was not done."""

    def __init__(self, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.refused = 0
        self.in_flight = 0
        self._second: deque[float] = deque()  # times of requests in the last second
        self._minute: deque[float] = deque()
        self._batches: deque[float] = deque()
        self._reads: Counter[str] = Counter()  # by month

    @contextmanager
    def admitted(self, *, batch_items: int | None, reads: bool) -> Iterator[None]:
        """Count one request in for as long as it takes, or refuse it.

        Args:
            batch_items: How many items its batch has; `None` when it is no batch.
            reads: Whether it is one of the metered reads (FACTS 13.2).
        """
        moment = self.now()
        self._forget_old(moment.timestamp())
        month = f"{moment:%Y-%m}"
        if self._is_too_much(batch_items, self._reads[month] + reads):
            self.refused += 1
            raise faults.throttled(self.switches.throttle_status)
        self._second.append(moment.timestamp())
        self._minute.extend([moment.timestamp()] * self._cost(batch_items))
        self._reads[month] += reads
        if batch_items is not None:
            self._batches.append(moment.timestamp())
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def _is_too_much(self, batch_items: int | None, reads: int) -> bool:
        switches = self.switches
        requests = len(self._minute) + self._cost(batch_items) + switches.others_requests
        batches = len(self._batches) + (batch_items is not None)
        limits = [
            (self.in_flight + 1, switches.requests_in_flight),
            (len(self._second) + 1, switches.requests_per_second),
            (requests, switches.requests_per_minute),
            (reads, switches.reads_per_month),
        ]
        if batch_items is not None:
            limits.append((batches, switches.batches_per_minute))
        if batch_items is not None and switches.others_batches:
            limits.append((batches + switches.others_batches, MOST_BATCHES_OF_ALL_APPS))
        return any(limit is not None and count > limit for count, limit in limits)

    def _cost(self, batch_items: int | None) -> int:
        return max(batch_items or 1, 1) if self.switches.counts_batch_items else 1

    def _forget_old(self, moment: float) -> None:
        for times, window_s in ((self._second, 1), (self._minute, 60), (self._batches, 60)):
            while times and times[0] <= moment - window_s:
                times.popleft()


@dataclass(frozen=True)
class Kept:
    """One answer, when it was given, and to what."""

    moment: datetime
    content: bytes
    answer: Json


class Memory:
    """The answers of writes that were done, by request id and bId: objects and faults alike."""

    def __init__(self, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.in_progress: set[str] = set()
        self._answers: dict[tuple[str, str | None], Kept] = {}

    def recall(self, request_id: str, bid: str | None, work: Json) -> Json | None:
        """Return the answer that this write had before; `None` when it is to be done now."""
        _check_lengths(request_id, bid)
        kept = self._answers.get((request_id, bid))
        if kept is None or not self._is_remembered(kept.moment):
            return None
        if self.switches.replay_answers_6000:
            raise FaultError(
                "6000",
                "An unexpected error occurred while accessing or saving your data. "
                "Please wait a few minutes and try again.",
            )
        if kept.content != _digest(work):
            match self.switches.other_content:
                case "refused":
                    raise FaultError("600", "Duplicate Request ID : it came with other content.")
                case "done":
                    return None
        return deepcopy(kept.answer)

    def _is_remembered(self, moment: datetime) -> bool:
        limit_s = self.switches.forgets_request_ids_after_s
        if not self.switches.remembers_request_ids:
            return False
        return limit_s is None or (self.now() - moment).total_seconds() < limit_s

    def keep(self, request_id: str, bid: str | None, work: Json, answer: Json) -> None:
        if request_id:
            self._answers[request_id, bid] = Kept(self.now(), _digest(work), deepcopy(answer))

    def answered(self, request_id: str, bid: str | None = None) -> Json:
        """Return what a write was answered, remembered or not; empty when there was none."""
        kept = self._answers.get((request_id, bid))
        return deepcopy(kept.answer) if kept else {}

    def begin(self, request_id: str) -> None:
        """Note that a request runs; refuse a second one that comes while it does."""
        if request_id in self.in_progress and self.switches.answers_600_in_progress:
            raise FaultError("600", "Duplicate Request ID : the first one is still in progress.")
        if request_id:
            self.in_progress.add(request_id)

    def end(self, request_id: str) -> None:
        self.in_progress.discard(request_id)


def _digest(work: Json) -> bytes:
    return sha256(write_json(work).encode(errors="replace")).digest()


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
