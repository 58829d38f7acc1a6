"""Hands updates and deletions to QuickBooks in batches, as a send does what is new."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.quickbooks.batch import Done, NotDone, Outcome
from connectors.store.change_rows import Wanted
from connectors.store.claim_records import Claim
from flows.context import RunContext
from flows.sending.batches import BatchLoader, Ended
from flows.sending.run_lease import RunLease
from schemas.words import Operation, Reason, State
from transforms.plan.explain import refused

#: Faults that say that a TimeActivity is another by now, or gone (FACTS, QBO, 7.2).
OUTDATED = frozenset({"5010", "610"})

HELD_BY_OTHERS = Ended(
    State.REJECTED,
    Reason.NOT_ATTEMPTED,
    "Another run is changing it or has changed it, or it may be an older entry that is in doubt."
    " Run `clockbooks settle` for each connection to this company, then this command again.",
)


class Changes(BatchLoader):
    """Updates or deletions.

    Attributes:
        outdated: Entries whose TimeActivities were other ones by then.
        anew: Request ids under which replacements were claimed.
        billed: Entries whose TimeActivities were on an invoice by then.
    """

    def __init__(
        self,
        context: RunContext,
        lease: RunLease,
        operation: Operation,
        wanted: Sequence[Wanted],
    ) -> None:
        rows = [{"entry_id": one.entry_id, "unit": one.unit, "wanted": one} for one in wanted]
        super().__init__(context, lease, rows)
        self.outdated: set[str] = set()
        self.anew: set[str] = set()
        self.billed: set[str] = set()
        self._operation = operation
        self._changes = context.store.changes

    def _claim(self, batch: Sequence[dict[str, Any]], qbo_time: datetime | None) -> Claim | None:
        return self._changes.claim(
            self._lease.run_id,
            self._operation,
            [row["wanted"] for row in batch],
            lease=self._context.lease,
            qbo_time=qbo_time,
        )

    def _release(self, made: Claim) -> None:
        self._changes.release(made)

    def _record(self, made: Claim, outcomes: Sequence[Outcome]) -> set[str]:
        entry_of = {bid: entry_id for entry_id, bid, _ in made.items}
        done = self._changes.record(made, outcomes, qbo_time=self._context.quickbooks.time)
        self.anew |= {done.anew} if done.anew else set()
        recorded = done.bids
        self.outdated.update(
            entry_of[one.bid]
            for one in outcomes
            if isinstance(one, NotDone) and one.fault.code in OUTDATED and one.bid in recorded
        )
        self.billed.update(
            entry_of[one.bid] for one in outcomes if isinstance(one, Done) and one.is_billed
        )
        return recorded

    def _answered(self, outcome: Outcome) -> Ended:
        if isinstance(outcome, NotDone):
            return Ended(State.REJECTED, Reason.QBO_REFUSED, refused(str(outcome.fault)))
        return Ended(State.SENT, time_activity_id=outcome.qbo_id)

    def _held_by_others(self, lost: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        return dict.fromkeys((row["entry_id"] for row in lost), HELD_BY_OTHERS)
