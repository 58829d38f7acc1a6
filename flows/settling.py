"""Asks QuickBooks about entries in doubt, and settles them: by what it holds, never by hope.

1. Doubts of dead runs are taken over, so that one run alone settles them.
2. QuickBooks is asked for the TimeActivities of those days that are younger than the claim. What
   the ledger does not account for yet is compared by content, as a multiset: what is found is sent.
3. What is not found, once QuickBooks can no longer be at work on it, is handed over again under
   the same request id, bId and bytes. A QuickBooks that remembers gives its first answer; one that
   has forgotten creates it now; either way it is there once.
4. A replay that is refused as a replay (600, 6000) proves nothing: the books are asked again, and
   what still is not there is released, to be sent anew.

Whatever is not clear after that stays in doubt for the next run.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

from connectors import ledger
from connectors.errors import Refused, TryAgain, Unsure
from connectors.faults import Fault
from connectors.ledger import Claim, Doubt
from connectors.quickbooks import Created, NotCreated
from flows.live_run import LiveRun, live_run
from flows.token_life import expiry_notes
from flows.world import World
from schemas.words import Proof
from transforms.settling import content_of, content_of_body, pair_up

#: How far QuickBooks' own machines may disagree about the time.
CLOCK_MARGIN = timedelta(minutes=2)

#: Faults with which a replay may be refused although the first call went through (FACTS, QBO, 3).
REPLAY_CODES = frozenset({"600", "6000"})


@dataclass
class Settled:
    """What became of the entries in doubt, by entry id.

    Attributes:
        sent: QuickBooks has them.
        refused: QuickBooks refused them.
        released: QuickBooks does not have them; they may be sent anew.
        in_doubt: Still not clear.
        notes: What a person should know besides.
    """

    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """What a person should know; empty when nothing was in doubt."""
        parts = [
            f"{len(ids):,} {what}"
            for ids, what in (
                (self.sent, "QuickBooks has"),
                (self.refused, "it refused"),
                (self.released, "it does not have, so they may go anew"),
                (self.in_doubt, "are still not clear"),
            )
            if ids
        ]
        return (
            f"Entries in doubt from earlier runs were settled: {', '.join(parts)}." if parts else ""
        )


def settle_alone(world: World) -> Settled:
    """Settle in a run of its own, without sending anything new: `clockbooks settle`."""
    world.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    with live_run(world) as live:
        settled = settle(world, live)
    settled.notes += expiry_notes(world)
    return settled


def settled_document(settled: Settled) -> dict[str, Any]:
    """Give what became of the entries in doubt as its JSON document."""
    return {**asdict(settled), "told": settled.told}


def settle(world: World, live: LiveRun) -> Settled:
    """Settle what dead runs of this connection left in doubt.

    Args:
        world: What to work with; its QuickBooks has been asked for the company before.
        live: The run that settles.

    Raises:
        TryAgain: QuickBooks could not be read; all stays in doubt.
        AskPerson: QuickBooks does not let us in; all stays in doubt.
    """
    settled = Settled()
    doubts = ledger.take_doubts(
        world.engine, world.connection.id, live.id, now=world.now(), at_work=world.at_work
    )
    missing = _find_in_books(world, live, doubts, settled)
    quiet = [
        doubt
        for doubt in missing
        if doubt.quiet_from is not None and doubt.quiet_from <= world.now()
    ]
    settled.in_doubt += [doubt.entry_id for doubt in missing if doubt not in quiet]
    unproven = _replay_all(world, live, quiet, settled)
    for doubt in _find_in_books(world, live, unproven, settled):
        ledger.release(world.engine, _claim_of(live, [doubt]))
        settled.released.append(doubt.entry_id)
    return settled


def _find_in_books(
    world: World, live: LiveRun, doubts: Sequence[Doubt], settled: Settled
) -> list[Doubt]:
    """Record as sent what QuickBooks holds, and give back the doubts that it does not."""
    if not doubts:
        return []
    times = [doubt.qbo_time for doubt in doubts if doubt.qbo_time is not None]
    activities = world.quickbooks.time_activities(
        min(doubt.txn_date for doubt in doubts),
        max(doubt.txn_date for doubt in doubts),
        created_from=min(times) - CLOCK_MARGIN if len(times) == len(doubts) else None,
    )
    by_id = {str(activity["Id"]): activity for activity in activities}
    accounted = ledger.accounted(world.engine, world.connection.id, list(by_id))
    pairs = pair_up(
        [(doubt.entry_id, content_of_body(doubt.body)) for doubt in doubts],
        [(id_, content_of(found)) for id_, found in by_id.items() if id_ not in accounted],
    )
    for doubt in doubts:
        if doubt.entry_id in pairs:
            id_ = pairs[doubt.entry_id]
            found = Created(doubt.bid, id_, str(by_id[id_].get("SyncToken", "0")))
            ledger.settle_sent(
                world.engine, doubt, found, run_id=live.id, proof=Proof.BOOKS, now=world.now()
            )
            settled.sent.append(doubt.entry_id)
    return [doubt for doubt in doubts if doubt.entry_id not in pairs]


def _replay_all(
    world: World, live: LiveRun, doubts: Sequence[Doubt], settled: Settled
) -> list[Doubt]:
    """Hand over again, under the same ids; give back what was refused as a replay."""
    unproven: list[Doubt] = []
    while doubts:
        twins: list[Doubt] = []
        for _, group in groupby(doubts, key=lambda doubt: doubt.request_id):
            same_request = list(group)
            outcomes = _replay_in_parts(world, live, same_request)
            for doubt in same_request:
                outcome = outcomes.get(doubt.bid)
                if outcome is None:
                    settled.in_doubt.append(doubt.entry_id)
                elif isinstance(outcome, Created):
                    twin = ledger.settle_sent(
                        world.engine,
                        doubt,
                        outcome,
                        run_id=live.id,
                        proof=Proof.ANSWER,
                        now=world.now(),
                    )
                    settled.sent.append(doubt.entry_id)
                    if twin is not None:
                        # Whether this run found it in the books, or an earlier one.
                        settled.sent = [id_ for id_ in settled.sent if id_ != twin.entry_id]
                        twins.append(twin)
                elif outcome.fault.code in REPLAY_CODES:
                    unproven.append(doubt)
                else:
                    ledger.record(
                        world.engine,
                        _claim_of(live, [doubt]),
                        [outcome],
                        now=world.now(),
                        qbo_time=world.quickbooks.time,
                        company_state=None,
                    )
                    settled.refused.append(doubt.entry_id)
        doubts = twins
    return unproven


def _replay_in_parts(
    world: World, live: LiveRun, doubts: Sequence[Doubt]
) -> dict[str, Created | NotCreated]:
    """Repeat what is left of one batch, in batches of the size that QuickBooks answers just now.

    What counts for it are request id and bId of each item (FACTS, QBO, section 3). After a part
    that was not answered the others wait for the next time.
    """
    outcomes: dict[str, Created | NotCreated] = {}
    left = list(doubts)
    while left:
        size = world.quickbooks.pacer.batch_size()
        part, left = left[:size], left[size:]
        found = _replay(world, live, part)
        outcomes |= found
        if not found:
            break
    return outcomes


def _replay(
    world: World, live: LiveRun, doubts: Sequence[Doubt]
) -> dict[str, Created | NotCreated]:
    """Repeat what is left of one batch; an empty answer leaves all of it in doubt."""
    made = _claim_of(live, doubts)
    try:
        outcomes = world.quickbooks.create_time_activities(
            made.for_quickbooks, request_id=made.request_id, check=live.check
        )
    except TryAgain:
        return {}
    except Unsure:
        ledger.doubt(world.engine, made.request_id, now=world.now(), at_work=world.at_work)
        return {}
    except Refused as error:
        refusal = Fault(error.code or "600", str(error), "", "")
        return {doubt.bid: NotCreated(doubt.bid, refusal) for doubt in doubts}
    return {outcome.bid: outcome for outcome in outcomes}


def _claim_of(live: LiveRun, doubts: Sequence[Doubt]) -> Claim:
    items = tuple((doubt.entry_id, doubt.bid, doubt.body) for doubt in doubts)
    return Claim(live.id, doubts[0].request_id, items)
