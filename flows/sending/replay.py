"""Hands claims over again, under the same request id, bId and bytes: QuickBooks does none twice.

How long it remembers them is written nowhere (FACTS, QBO, section 3), so what it answers is taken
for no more than it proves.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from connectors.quickbooks.answers import BUSINESS_CODE
from connectors.quickbooks.batch import Done, NotDone, Outcome
from connectors.store.claim_records import Claim
from connectors.store.claims_in_doubt import Doubt
from flows.context import RunContext
from flows.sending.run_lease import RunLease
from flows.sending.settled import Settled, describe
from schemas.words import Proof
from transforms.identity.match_books import CLOCK_MARGIN


def replay(
    context: RunContext,
    lease: RunLease,
    doubts: Sequence[Doubt],
    settled: Settled,
    *,
    first_calls: Collection[str] = (),
) -> list[Doubt]:
    """Hand doubts over again, under the same ids; return those that were refused as replays.

    *first_calls* are request ids that QuickBooks was never called with: a refusal of theirs counts.
    """
    unproven: list[Doubt] = []
    began = context.quickbooks.time
    while doubts:
        twins: list[Doubt] = []
        for doubt, outcome in _answers(context, lease, doubts):
            if outcome is None:
                _keep_unanswered(context, doubt, settled)
            elif isinstance(outcome, Done):
                twins += _record_created(context, lease, doubt, outcome, settled, began)
            elif outcome.fault.code == BUSINESS_CODE and doubt.request_id not in first_calls:
                unproven.append(doubt)
            else:
                _record_refused(context, lease, doubt, outcome)
                settled.refused.append(doubt.entry_id)
        doubts = twins
    return unproven


def create_claimed(context: RunContext, lease: RunLease, request_ids: Collection[str]) -> Settled:
    """Create what this run has just claimed anew under some ids: nothing of it was called yet."""
    settled = Settled()
    doubts = [one for one in context.store.doubts.of(lease.run_id) if one.request_id in request_ids]
    try:
        for twin in replay(context, lease, doubts, settled, first_calls=request_ids):
            _keep_unanswered(context, twin, settled)  # its refusal was that of a replay
    except AskPerson:  # the next run creates the rest
        known = {*settled.sent, *settled.refused, *settled.in_doubt}
        settled.in_doubt += [one.entry_id for one in doubts if one.entry_id not in known]
    return settled


def _answers(
    context: RunContext, lease: RunLease, doubts: Sequence[Doubt]
) -> Iterator[tuple[Doubt, Outcome | None]]:
    """Hand doubts over again, request by request, and yield the answer to each."""
    for _, group in groupby(doubts, key=lambda doubt: doubt.request_id):
        same_request = list(group)
        outcomes = _replay_in_parts(context, lease, same_request)
        for doubt in same_request:
            yield doubt, outcomes.get(doubt.bid)


def _keep_unanswered(context: RunContext, doubt: Doubt, settled: Settled) -> None:
    settled.in_doubt.append(doubt.entry_id)
    describe(context, doubt, [], settled)


def _record_created(
    context: RunContext,
    lease: RunLease,
    doubt: Doubt,
    created: Done,
    settled: Settled,
    began: datetime | None,
) -> list[Doubt]:
    """Record what QuickBooks created; return the twin, if any, that had been taken for it."""
    try:
        twin = context.store.doubts.settle(doubt, created, run_id=lease.run_id, proof=Proof.ANSWER)
    except TryAgain:  # the answer to another entry's call
        _keep_unanswered(context, doubt, settled)
        return []
    if began and created.created_at and created.created_at >= began - CLOCK_MARGIN:
        settled.replayed.append(doubt.entry_id)
    settled.sent.append(doubt.entry_id)
    if twin is None:
        return []
    # Whether this run found it in the books, or an earlier one.
    settled.sent = [id_ for id_ in settled.sent if id_ != twin.entry_id]
    return [twin]


def _record_refused(context: RunContext, lease: RunLease, doubt: Doubt, outcome: NotDone) -> None:
    context.store.ledger.record(
        claim_of(lease, [doubt]), [outcome], qbo_time=context.quickbooks.time, company_state=None
    )


def _replay_in_parts(
    context: RunContext, lease: RunLease, doubts: Sequence[Doubt]
) -> dict[str, Outcome]:
    """Repeat what is left of one batch, in batches of the size that QuickBooks can answer now.

    It recognizes each item by request id and bId (FACTS, QBO, section 3). After a part that was
    not answered, the others wait for the next run.
    """
    outcomes: dict[str, Outcome] = {}
    left = list(doubts)
    while left:
        size = context.quickbooks.limiter.batch_size()
        part, left = left[:size], left[size:]
        answered = _replay_part(context, lease, part)
        outcomes |= answered
        if not answered:
            break
    return outcomes


def _replay_part(
    context: RunContext, lease: RunLease, doubts: Sequence[Doubt]
) -> dict[str, Outcome]:
    """Repeat a part of one batch; an empty answer leaves all of it in doubt."""
    made = claim_of(lease, doubts)
    try:
        outcomes = context.quickbooks.write_time_activities(
            made.for_quickbooks, request_id=made.request_id, check=lease.check
        )
    except (TryAgain, Refused):  # nothing was begun now; the first call is as unclear as before
        return {}
    except Unsure:
        context.store.ledger.leave_in_doubt(made, at_work=context.at_work)
        return {}
    return {outcome.bid: outcome for outcome in outcomes}


def claim_of(lease: RunLease, doubts: Sequence[Doubt]) -> Claim:
    """Return the claim that some doubts of one request were."""
    items = tuple((doubt.entry_id, doubt.bid, doubt.body) for doubt in doubts)
    return Claim(lease.run_id, doubts[0].request_id, items)
