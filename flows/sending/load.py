"""Sends the ready entries of a slice in batches, several in flight: permit, claim, call, record.

A batch is formed when the rate limit permits it (`connectors.quickbooks.rate_limit.limiter`), as
large as it may be then; the claim and the call follow at once. A batch that is throttled is
released, and its entries wait at the head of the queue for another permit.

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
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, Refused, Throttled, TryAgain, Unsure
from connectors.http import ATTEMPTS
from connectors.quickbooks.batch import Done, Outcome
from connectors.quickbooks.rate_limit.limiter import Permit
from connectors.quickbooks.rate_limit.model import End, Want
from connectors.store.ledger import Claim
from flows.context import RunContext
from flows.progress import Progress
from flows.sending.plan import Slice
from flows.sending.run_lease import RunLease
from schemas.quickbooks import Company
from schemas.words import LedgerState, Reason, State
from transforms.plan.activities import to_activities
from transforms.plan.explain import refused
from transforms.plan.hold_back import set_outcomes

#: Batches in a row without a clear answer after which a load ends: more would only add doubts.
MOST_UNCLEAR = 5


@dataclass(frozen=True)
class Ended:
    """How one entry of a load ended; the words are those of the plan's columns."""

    state: State
    reason: Reason | None = None
    detail: str | None = None
    time_activity_id: str | None = None


#: Stands with each entry until its end is known.
_STOPPED = "it was stopped, unless it is still at work. The next send takes it."


def load(
    context: RunContext, lease: RunLease, company: Company, one: Slice, progress: Progress
) -> tuple[pd.DataFrame, str | None]:
    """Send the ready rows of a slice.

    Returns its plan with the final states, and why the load ended early, if it did.
    """
    ready = one.plan[one.plan["state"] == State.READY]
    # Whatever ends this run: `clockbooks entries` names what it meant to hand over, and lets the
    # ledger say how far it came.
    context.store.outcomes.keep(lease.run_id, not_loaded(ready, _STOPPED))
    activities = to_activities(ready).merge(ready[["entry_id", "minutes", "date"]], on="entry_id")
    rows = activities.to_dict("records")
    loader = _Creations(context, lease, rows, company, one)
    ended: dict[str, Ended] = {}
    for answers in loader.run():
        ended |= answers
        progress.moved(len(answers))
    return _with_outcomes(one.plan, ended), loader.halted


def not_loaded(plan: pd.DataFrame, why: str) -> pd.DataFrame:
    """Return the plan, its ready rows not attempted because the run ended early."""
    ready = plan.loc[plan["state"] == State.READY, "entry_id"]
    return _with_outcomes(plan, dict.fromkeys(ready, _not_handed_over(why)))


class BatchLoader(ABC):
    """What one load still has to hand over, and what its workers share.

    Attributes:
        halted: Why the load ends early; `None` while it goes on.
    """

    def __init__(
        self, context: RunContext, lease: RunLease, rows: Sequence[dict[str, Any]]
    ) -> None:
        """Begin with *rows*, which have an `entry_id` each."""
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
        return self._context.quickbooks.limiter.acquire_while(nothing_new, Want(wanted))

    def _take(self, permit: Permit) -> list[dict[str, Any]]:
        with self._lock:
            number = min(permit.entries, len(self._waiting))
            return [self._waiting.popleft() for _ in range(number)]

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
            return dict.fromkeys(mine, _not_handed_over(str(error)))
        except Refused as error:
            self._release(made)
            return dict.fromkeys(mine, _refused_whole(error))
        except Unsure as error:
            self._context.store.ledger.leave_in_doubt(made, at_work=self._context.at_work)
            self._unclear += 1
            if self._unclear >= MOST_UNCLEAR:
                self._halt(f"{self._unclear} batches in a row got no clear answer. {error}")
            return dict.fromkeys(mine, _in_doubt(str(error)))
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
        unanswered = _in_doubt("QuickBooks' answer does not mention it.")
        return {entry_id: answered.get(entry_id, unanswered) for entry_id in mine}


class _Creations(BatchLoader):
    """The new TimeActivities of one slice."""

    def __init__(
        self,
        context: RunContext,
        lease: RunLease,
        rows: Sequence[dict[str, Any]],
        company: Company,
        one: Slice,
    ) -> None:
        super().__init__(context, lease, rows)
        self._ledger = context.store.ledger
        self._company = company
        self._contents = one.match.contents
        self._alone = one.alone

    def _claim(self, batch: Sequence[dict[str, Any]], qbo_time: datetime | None) -> Claim | None:
        return self._ledger.claim(
            self._lease.run_id,
            batch,
            self._contents,
            lease=self._context.lease,
            qbo_time=qbo_time,
            has_payroll=self._company.has_payroll,
            alone=self._alone,
        )

    def _release(self, made: Claim) -> None:
        self._ledger.release(made)

    def _record(self, made: Claim, outcomes: Sequence[Outcome]) -> set[str]:
        return self._ledger.record(
            made,
            outcomes,
            qbo_time=self._context.quickbooks.time,
            company_state=self._company.state,
        )

    def _answered(self, outcome: Outcome) -> Ended:
        if isinstance(outcome, Done):
            return Ended(State.SENT, time_activity_id=outcome.qbo_id)
        return Ended(State.REJECTED, Reason.QBO_REFUSED, refused(str(outcome.fault)))

    def _held_by_others(self, lost: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        if not lost:
            return {}
        entry_ids = [*(row["entry_id"] for row in lost), *self._taken_by_others()]
        ended = dict.fromkeys(entry_ids, _in_doubt("Another run is sending it."))
        for row in self._ledger.held(entry_ids).itertuples(index=False):
            if row.state == LedgerState.SENT:
                text = f"Another run sent it meanwhile, as TimeActivity {row.time_activity_id}."
                ended[row.entry_id] = Ended(
                    State.SKIPPED, Reason.ALREADY_SENT, text, row.time_activity_id
                )
        return ended

    def _taken_by_others(self) -> list[str]:
        """Drop what waits here and another run has taken already; return the ids.

        A run that comes second would otherwise spend a permit on each batch that the first one has.
        """
        with self._lock:
            ids = [row["entry_id"] for row in self._waiting]
        theirs = self._ledger.taken_by_others(ids, run_id=self._lease.run_id)
        with self._lock:
            gone = [row["entry_id"] for row in self._waiting if row["entry_id"] in theirs]
            self._waiting = deque(row for row in self._waiting if row["entry_id"] not in theirs)
        return gone


def _landed(flying: set[Future[dict[str, Ended]]]) -> Iterator[dict[str, Ended]]:
    """Remove the batches that have come back, and yield how their entries ended."""
    for done in [one for one in flying if one.done()]:
        flying.remove(done)
        yield done.result()


def _contradicted(outcome: Outcome) -> Ended:
    named = f", TimeActivity {outcome.qbo_id}," if isinstance(outcome, Done) else ""
    return _in_doubt(
        f"QuickBooks' answer{named} contradicts the ledger: it came late, or belongs to another"
        " call. Compare the two in QuickBooks."
    )


def _refused_whole(error: Refused) -> Ended:
    text = f"QuickBooks refused the whole batch: {error} None of it was created."
    return Ended(State.REJECTED, Reason.QBO_REFUSED, text)


def _not_attempted(rows: Iterable[Mapping[str, Any]], why: str) -> dict[str, Ended]:
    return dict.fromkeys((row["entry_id"] for row in rows), _not_handed_over(why))


def _not_handed_over(why: str) -> Ended:
    text = f"It was not handed to QuickBooks, because the run ended early: {why}"
    return Ended(State.REJECTED, Reason.NOT_ATTEMPTED, text)


def _in_doubt(why: str) -> Ended:
    text = (
        f"{why} QuickBooks may or may not have the entry. The next send, or `clockbooks settle`,"
        " asks it first; until then the entry is not sent again."
    )
    return Ended(State.IN_DOUBT, Reason.UNCONFIRMED, text)


def _with_outcomes(plan: pd.DataFrame, ended: dict[str, Ended]) -> pd.DataFrame:
    ids = plan.loc[plan["entry_id"].isin(list(ended)), "entry_id"]
    return set_outcomes(plan, pd.DataFrame([vars(ended[id_]) for id_ in ids], index=ids.index))
