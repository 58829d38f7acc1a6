"""Hands entries to QuickBooks in batches, several in flight: permit, claim, call, record.

A batch is formed when the rate limit permits it (`connectors.quickbooks.rate_limit.limiter`), as
large as it may be then; the claim and the call follow at once. A batch that is throttled is
released, and its entries wait at the head of the queue for another permit. The parts of an entry
are never divided between batches.

The order is what makes it safe: the claim is committed before the first byte leaves, and what is
not answered clearly stays claimed, in doubt, until QuickBooks is asked
(`flows.sending.settle_doubts`).
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from connectors.errors import AskPerson, Refused, Throttled, TryAgain, Unsure
from connectors.http import ATTEMPTS
from connectors.quickbooks.answers import TOO_LARGE_CODE
from connectors.quickbooks.batch import Done, Outcome
from connectors.quickbooks.rate_limit.limiter import Permit
from connectors.quickbooks.rate_limit.model import End, Want
from connectors.store.claim_records import Claim
from flows.context import RunContext
from flows.sending.run_lease import RunLease
from schemas.part_ids import whole_id
from schemas.words import Reason, State

#: Batches in a row without a clear answer after which a load ends: more would only add doubts.
MOST_UNCLEAR = 5


@dataclass(frozen=True)
class Ended:
    """How one entry of a load ended; the words are those of the plan's columns."""

    state: State
    reason: Reason | None = None
    detail: str | None = None
    time_activity_id: str | None = None


class BatchLoader(ABC):
    """What one load still has to hand over, and what its workers share.

    Attributes:
        halted: Why the load ends early; `None` while it goes on.
    """

    def __init__(
        self, context: RunContext, lease: RunLease, rows: Sequence[dict[str, Any]]
    ) -> None:
        """Begin with *rows*, which have an `entry_id` each, and a `unit` if they go together."""
        self.halted: str | None = None
        self._context = context
        self._lease = lease
        self._most = context.settings.qbo_concurrency
        self._waiting = deque(rows)
        self._unclear = 0
        self._lock = threading.Lock()

    @abstractmethod
    def _claim(self, batch: Sequence[dict[str, Any]], qbo_time: datetime | None) -> Claim | None:
        """Claim a batch; `None` if others have all of it."""

    @abstractmethod
    def _release(self, made: Claim) -> None:
        """Give back a claim of which QuickBooks has certainly done nothing."""

    @abstractmethod
    def _record(self, made: Claim, outcomes: Sequence[Outcome]) -> set[str]:
        """Record what was answered, and return the bIds that count."""

    @abstractmethod
    def _answered(self, outcome: Outcome) -> Ended:
        """Return how an entry ended by an answer that counts."""

    @abstractmethod
    def _held_by_others(self, lost: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        """Return the outcome of rows that another run claimed after our plan was made."""

    def run(self) -> Iterator[dict[str, Ended]]:
        """Send everything, and yield how entries ended, by id, as soon as that is known."""
        flying: set[Future[dict[str, Ended]]] = set()
        with ThreadPoolExecutor(max_workers=self._most) as workers:
            try:
                while self._waiting or flying:
                    permit = self._next_permit(flying)
                    if permit is not None:
                        flying.add(workers.submit(self._send_batch, permit, self._take(permit)))
                    elif flying:
                        wait(flying, return_when=FIRST_COMPLETED)
                    elif self.halted is not None:
                        break
                    yield from _landed(flying)
            except BaseException:
                self._halt("The run was stopped.")  # what is in flight ends; nothing new begins
                raise
        if self._waiting and self.halted is not None:
            yield _not_attempted(self._waiting, self.halted)

    def _next_permit(self, flying: set[Future[dict[str, Ended]]]) -> Permit | None:
        """Wait until the next batch may go; `None` if none may, or an answer comes first."""

        def nothing_new() -> bool:
            return self.halted is None and not any(one.done() for one in flying)

        wanted = len(self._waiting)
        if not wanted or len(flying) >= self._most or self.halted is not None:
            return None
        limiter, want = self._context.quickbooks.limiter, Want(wanted)
        with self._lock:
            together = self._together()
        if together > 1 and together > limiter.batch_size():
            want = Want(together, exactly=True)
        return limiter.acquire_while(nothing_new, want)

    def _take(self, permit: Permit) -> list[dict[str, Any]]:
        """Take as many as a permit is for, but no part of an entry without the others."""
        batch: list[dict[str, Any]] = []
        with self._lock:
            while number := self._together():
                if batch and len(batch) + number > permit.entries:
                    break
                batch += [self._waiting.popleft() for _ in range(number)]
        return batch

    def _together(self) -> int:
        """Return how many rows at the head of the queue go together; 0 if none waits."""
        if not self._waiting:
            return 0
        unit = self._waiting[0].get("unit")
        same = takewhile(lambda row: unit is not None and row["unit"] == unit, self._waiting)
        return max(1, sum(1 for _ in same))

    def _halt(self, reason: str) -> None:
        """Let no worker start another batch."""
        with self._lock:
            self.halted = self.halted or reason

    def _send_batch(self, permit: Permit, batch: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        """Claim, call, record: one batch that may go now."""
        made = self._claim_alive(batch)
        if made is None:
            self._context.quickbooks.limiter.ended(permit, End.NEVER_LEFT)
            if self.halted is not None:
                return _not_attempted(batch, self.halted)
            return self._held_by_others(batch)
        mine = [entry_id for entry_id, _, _ in made.items]
        ended = self._held_by_others([row for row in batch if row["entry_id"] not in mine])
        try:
            return ended | self._call(made, mine, permit)
        except Throttled as error:
            return ended | self._put_back(error, [row for row in batch if row["entry_id"] in mine])

    def _put_back(self, error: Throttled, batch: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        """Put a throttled batch back, unless QuickBooks has throttled too often in a row."""
        if error.in_a_row >= ATTEMPTS:
            self._halt(str(error))
            return _not_attempted(batch, str(error))
        with self._lock:
            self._waiting.extendleft(reversed(batch))
        return {}

    def _claim_alive(self, batch: Sequence[dict[str, Any]]) -> Claim | None:
        """Claim a batch; `None` if others have all of it, or the load ends."""
        if self.halted is not None or not batch:
            return None
        now = self._context.now()
        try:
            made = self._claim(batch, self._context.quickbooks.time)
        except TryAgain as error:
            self._halt(str(error))
            return None
        self._lease.renewed(now + self._context.lease)
        return made

    def _call(self, made: Claim, mine: Sequence[str], permit: Permit) -> dict[str, Ended]:
        try:
            outcomes = self._context.quickbooks.write_time_activities(
                made.for_quickbooks,
                request_id=made.request_id,
                operation=made.operation,
                check=self._lease.check,
                permit=permit,
            )
        except Throttled:
            self._release(made)
            raise
        except (TryAgain, AskPerson) as error:
            self._release(made)  # certainly nothing was done
            self._halt(str(error))
            return dict.fromkeys(mine, not_handed_over(str(error)))
        except Refused as error:
            self._release(made)
            return dict.fromkeys(mine, _refused_whole(error, mine))
        except Unsure as error:
            self._context.store.ledger.leave_in_doubt(made, at_work=self._context.at_work)
            self._unclear += 1
            if self._unclear >= MOST_UNCLEAR:
                self._halt(f"{self._unclear} batches in a row got no clear answer. {error}")
            return dict.fromkeys(mine, in_doubt(str(error)))
        self._unclear = 0
        return self._ended(made, mine, outcomes)

    def _ended(
        self, made: Claim, mine: Sequence[str], outcomes: Sequence[Outcome]
    ) -> dict[str, Ended]:
        recorded = self._record(made, outcomes)
        if len(recorded) < len(mine):
            self._context.store.ledger.leave_in_doubt(made, at_work=self._context.at_work)
        entry_of = {bid: entry_id for entry_id, bid, _ in made.items}
        answered = {
            entry_of[one.bid]: self._answered(one) if one.bid in recorded else _contradicted(one)
            for one in outcomes
        }
        unanswered = in_doubt("QuickBooks' answer does not mention it.")
        return {entry_id: answered.get(entry_id, unanswered) for entry_id in mine}


def _landed(flying: set[Future[dict[str, Ended]]]) -> Iterator[dict[str, Ended]]:
    """Remove the batches that have come back, and yield how their entries ended."""
    for done in [one for one in flying if one.done()]:
        flying.remove(done)
        yield done.result()


def _contradicted(outcome: Outcome) -> Ended:
    named = f", TimeActivity {outcome.qbo_id}," if isinstance(outcome, Done) else ""
    return in_doubt(
        f"QuickBooks' answer{named} contradicts the ledger: it came late, or belongs to another"
        " call. Compare the two in QuickBooks."
    )


def _refused_whole(error: Refused, entry_ids: Sequence[str]) -> Ended:
    text = f"QuickBooks refused the whole batch: {error} None of it was created."
    if error.code == TOO_LARGE_CODE:
        text += _ONE_ENTRY if len({*map(whole_id, entry_ids)}) == 1 else _SMALLER
    return Ended(State.REJECTED, Reason.QBO_REFUSED, text)


_SMALLER = " Lower CLOCKBOOKS_QBO_BATCH_SIZE, then send again."

_ONE_ENTRY = (
    " All parts of an entry go in one batch, so split the entry in Clockify where it has too many,"
    " then send again."
)


def _not_attempted(rows: Iterable[Mapping[str, Any]], why: str) -> dict[str, Ended]:
    return dict.fromkeys((row["entry_id"] for row in rows), not_handed_over(why))


def not_handed_over(why: str) -> Ended:
    """Return the end of an entry of which QuickBooks was not even asked."""
    text = f"It was not handed to QuickBooks, because the run ended early: {why}"
    return Ended(State.REJECTED, Reason.NOT_ATTEMPTED, text)


def in_doubt(why: str) -> Ended:
    """Return the end of an entry of which nobody knows it."""
    text = (
        f"{why} QuickBooks may or may not have the entry. The next send, or `clockbooks settle`,"
        " asks it first; until then the entry is not sent again."
    )
    return Ended(State.IN_DOUBT, Reason.UNCONFIRMED, text)
