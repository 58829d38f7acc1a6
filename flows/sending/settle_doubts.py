"""Asks QuickBooks about entries in doubt, and settles them: by what it holds, never by hope.

1. Doubts of dead runs are taken over, so that one run alone settles them.
2. QuickBooks is asked for the TimeActivities that are younger than the claim. What no connection to
   the company accounts for yet is compared by content, as a multiset: what is found is sent. A row
   that may be a live run's is left to it.
3. What is not found, once QuickBooks can no longer be at work on it, is handed over again under
   the same request id, bId and bytes. A QuickBooks that remembers gives its first answer; one that
   has forgotten creates it now; either way it is there once. But not while the books hold a row
   that may be the entry, edited since: then a person must say.
4. A replay of an item that is refused as a replay (6000) proves nothing: the books are asked again,
   and what still is not there is released, to be sent anew. Any other answer keeps the doubt.

Whatever is not clear after that stays in doubt for the next run, or for a person (`take_word`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from connectors.quickbooks.batch import Created, NotCreated, created_at
from connectors.quickbooks.client import BUSINESS_CODE
from connectors.store.books import InFlight
from connectors.store.doubts import Doubt
from connectors.store.ledger import Claim
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.sending.run_lease import LiveRun, live_run
from schemas.words import LedgerState, Proof
from transforms.identity.match_books import (
    Found,
    Wanted,
    content_of,
    content_of_body,
    is_younger,
    match_books,
    may_be,
)
from transforms.plan.explain import hours

#: How far QuickBooks' own machines may disagree about the time.
CLOCK_MARGIN = timedelta(minutes=2)

#: Doubts that are described to a person one by one.
MOST_DESCRIBED = 10


@dataclass
class Settled:
    """What became of the entries in doubt, by entry id.

    Attributes:
        sent: QuickBooks has them.
        refused: QuickBooks refused them.
        released: QuickBooks does not have them; they may be sent anew.
        in_doubt: Still not clear.
        replayed: Those of `sent` that QuickBooks created only when they were handed over again.
        notes: What a person should know besides.
    """

    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
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
        late = f" QuickBooks created {len(self.replayed):,} of them only now." * bool(self.replayed)
        return (
            f"Entries in doubt from earlier runs were settled: {', '.join(parts)}.{late}"
            if parts
            else ""
        )


def settle_alone(context: RunContext) -> Settled:
    """Settle in a run of its own, without sending anything new: `clockbooks settle`."""
    context.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    with live_run(context) as live:
        settled = settle(context, live)
    settled.notes += expiry_notes(context)
    return settled


def settled_document(settled: Settled) -> dict[str, Any]:
    """Give what became of the entries in doubt as its JSON document."""
    return {**asdict(settled), "message": settled.told, "told": settled.told}


def settle(context: RunContext, live: LiveRun) -> Settled:
    """Settle what dead runs of this connection left in doubt.

    Args:
        context: What to work with; its QuickBooks has been asked for the company before.
        live: The run that settles.

    Raises:
        TryAgain: QuickBooks could not be read; all stays in doubt.
        AskPerson: QuickBooks does not let us in; all stays in doubt.
    """
    settled = Settled()
    doubts = context.store.doubts.take(live.id, at_work=context.at_work)
    quiet = []
    for doubt, near in _find_in_books(context, doubts, settled, live):
        if doubt.quiet_from is None or doubt.quiet_from > context.now():
            settled.in_doubt.append(doubt.entry_id)
        elif near is None:
            quiet.append(doubt)
        else:
            _keep(context, doubt, near, settled)
    unproven = _replay_all(context, live, quiet, settled)
    for doubt, near in _find_in_books(context, unproven, settled, live):
        if near is None:
            context.store.ledger.release(_claim_of(live, [doubt]))
            settled.released.append(doubt.entry_id)
        else:
            _keep(context, doubt, near, settled)
    return settled


def _find_in_books(
    context: RunContext, doubts: Sequence[Doubt], settled: Settled, live: LiveRun
) -> list[tuple[Doubt, list[str] | None]]:
    """Record as sent what QuickBooks holds.

    Returns:
        The doubts that it does not hold. With each, the ids of TimeActivities that may be the
        entry, edited since; empty where a live run's may be; `None` where nothing is like it.
    """
    if not doubts:
        return []
    times = [doubt.qbo_time for doubt in doubts if doubt.qbo_time is not None]
    activities = context.quickbooks.time_activities(
        min(doubt.txn_date for doubt in doubts),
        max(doubt.txn_date for doubt in doubts),
        created_from=min(times) - CLOCK_MARGIN if len(times) == len(doubts) else None,
    )
    by_id = {str(activity["Id"]): activity for activity in activities}
    accounted, others = context.store.books.accounted(list(by_id))
    matches = match_books(
        [_wanted(doubt) for doubt in doubts],
        [_wanted(one, str(nth)) for nth, one in enumerate(others) if one.alive],
        [_found(row) for id_, row in by_id.items() if id_ not in accounted],
        {content_of_body(one.body) for one in others if not one.alive},
    )
    missing: list[tuple[Doubt, list[str] | None]] = []
    for doubt in doubts:
        if doubt.entry_id in matches.found:
            id_ = matches.found[doubt.entry_id]
            found = Created(doubt.bid, id_, str(by_id[id_].get("SyncToken", "0")))
            try:
                context.store.doubts.settle(doubt, found, run_id=live.id, proof=Proof.BOOKS)
            except TryAgain:  # another entry has it by now
                missing.append((doubt, []))
            else:
                settled.sent.append(doubt.entry_id)
        elif doubt.entry_id in matches.in_flight:
            missing.append((doubt, []))
        else:
            missing.append((doubt, matches.near.get(doubt.entry_id)))
    return missing


def _wanted(one: Doubt | InFlight, key: str = "") -> Wanted:
    since = None if one.qbo_time is None else one.qbo_time - CLOCK_MARGIN
    key = one.entry_id if isinstance(one, Doubt) else key
    return Wanted(key, content_of_body(one.body), since)


def _found(row: Mapping[str, Any]) -> Found:
    return Found(str(row["Id"]), content_of(row), created_at(row))


def _keep(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Keep a doubt, and say what a person can look for, unless a live run decides it."""
    settled.in_doubt.append(doubt.entry_id)
    if near:
        _describe(context, doubt, near, settled)


def _describe(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Say what to look for in QuickBooks, and how to say what was found."""
    if len(settled.notes) > MOST_DESCRIBED:
        return
    if len(settled.notes) == MOST_DESCRIBED:
        settled.notes.append(
            "More entries are in doubt: `clockbooks entries --state in-doubt` lists them all."
        )
        return
    looks = f" TimeActivity {', '.join(near[:3])} looks like it." if near else ""
    at = near[0] if near else "TIMEACTIVITY_ID"
    settled.notes.append(
        f"Entry {doubt.entry_id} is in doubt. Look in QuickBooks for"
        f" {_described(context, doubt)}.{looks} If it is there, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-there {at}`. If it is not, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-not-there`, and the next send takes it."
    )


def _described(context: RunContext, doubt: Doubt) -> str:
    """Describe a TimeActivity as QuickBooks shows it: length, person, day, text."""
    content = content_of_body(doubt.body)
    known = context.store.links.stored()
    kind, id_ = content.person
    names = known.loc[
        (known["qbo_kind"] == kind.lower()) & (known["qbo_id"] == id_), "qbo_name"
    ].tolist()
    person = names[0] if names else f"{kind} {id_}"
    text = f", {content.description[:60]!r}" if content.description else ""
    return f"{hours(int(content.minutes) * 60)} of {person} on {content.day}{text}"


def take_word(context: RunContext, entry_id: str, time_activity_id: str | None) -> Settled:
    """Take a person's word for one entry in doubt: `clockbooks settle --entry`.

    Args:
        context: What to work with.
        entry_id: The entry.
        time_activity_id: The TimeActivity that it is; `None` if QuickBooks does not have it.

    Raises:
        AskPerson: The entry is not in doubt, or QuickBooks says otherwise.
        TryAgain: QuickBooks could not be read.
    """
    context.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    with live_run(context) as live:
        doubts = context.store.doubts.take(live.id, at_work=context.at_work)
        doubt = next((one for one in doubts if one.entry_id == entry_id), None)
        if doubt is None:
            raise AskPerson(_not_in_doubt(context, entry_id))
        if doubt.quiet_from is None or doubt.quiet_from > context.now():
            raise AskPerson(
                f"QuickBooks may still be at work on entry {entry_id}. Look again in a few"
                " minutes, then run this."
            )
        if time_activity_id is not None:
            others = [one for one in doubts if one.entry_id != entry_id]
            return _is_there(context, live, doubt, others, time_activity_id)
        return _is_not_there(context, live, doubt)


def _not_in_doubt(context: RunContext, entry_id: str) -> str:
    state = context.store.ledger.state_of(entry_id)
    if state == LedgerState.SENDING:
        return (
            f"Another run is sending entry {entry_id} now. Wait for its end, then run this again."
        )
    return f"Entry {entry_id} is not in doubt. `clockbooks entries --state in-doubt` lists what is."


def _is_there(
    context: RunContext, live: LiveRun, doubt: Doubt, others: Sequence[Doubt], id_: str
) -> Settled:
    row = context.quickbooks.time_activity(id_)
    if row is None:
        raise AskPerson(f"QuickBooks has no TimeActivity {id_}. Check the id; nothing was changed.")
    why = _why_not(context, doubt, others, _found(row))
    if why:
        raise AskPerson(f"TimeActivity {id_} {why} Nothing was changed.")
    found = Created(doubt.bid, str(row["Id"]), str(row.get("SyncToken", "0")))
    context.store.doubts.settle(doubt, found, run_id=live.id, proof=Proof.BOOKS)
    return Settled(sent=[doubt.entry_id])


def _why_not(
    context: RunContext, doubt: Doubt, others: Sequence[Doubt], found: Found
) -> str | None:
    """Say why a TimeActivity cannot be an entry in doubt, whoever says so; `None` if it may be."""
    wanted = _wanted(doubt)
    holder = context.store.books.holder(found.id)
    if holder is not None:
        return f"is entry {holder} already, and cannot be {doubt.entry_id} too."
    if not is_younger(wanted, found):
        return f"was there before entry {doubt.entry_id} was handed over."
    if found.content == wanted.content:
        return None
    _, elsewhere = context.store.books.accounted([found.id])
    bodies = [one.body for one in others] + [one.body for one in elsewhere]
    if found.content in map(content_of_body, bodies):
        return "is just like another entry whose fate is not clear yet. Run `clockbooks settle`."
    if not may_be(wanted, found):
        return (
            f"has hardly anything in common with the entry: {_described(context, doubt)}. Check the"
            " id; if it is right, first correct its person and day in QuickBooks."
        )
    return None


def _is_not_there(context: RunContext, live: LiveRun, doubt: Doubt) -> Settled:
    settled = Settled()
    missing = _find_in_books(context, [doubt], settled, live)
    if not missing:
        settled.notes.append("QuickBooks has an equal TimeActivity, so the entry counts as sent.")
        return settled
    context.store.ledger.release(_claim_of(live, [doubt]))
    settled.released.append(doubt.entry_id)
    for _, near in missing:
        if near:
            settled.notes.append(
                f"TimeActivity {', '.join(near)} looks like it. Make sure that it is other work:"
                " the next send books the entry again."
            )
    return settled


def _replay_all(
    context: RunContext, live: LiveRun, doubts: Sequence[Doubt], settled: Settled
) -> list[Doubt]:
    """Hand over again, under the same ids; give back what was refused as a replay."""
    unproven: list[Doubt] = []
    began = context.quickbooks.time
    while doubts:
        twins: list[Doubt] = []
        for _, group in groupby(doubts, key=lambda doubt: doubt.request_id):
            same_request = list(group)
            outcomes = _replay_in_parts(context, live, same_request)
            for doubt in same_request:
                outcome = outcomes.get(doubt.bid)
                if outcome is None:
                    settled.in_doubt.append(doubt.entry_id)
                    _describe(context, doubt, [], settled)
                elif isinstance(outcome, Created):
                    try:
                        twin = context.store.doubts.settle(
                            doubt, outcome, run_id=live.id, proof=Proof.ANSWER
                        )
                    except TryAgain:  # the answer to another entry's call
                        settled.in_doubt.append(doubt.entry_id)
                        _describe(context, doubt, [], settled)
                        continue
                    if began and outcome.created_at and outcome.created_at >= began - CLOCK_MARGIN:
                        settled.replayed.append(doubt.entry_id)
                    settled.sent.append(doubt.entry_id)
                    if twin is not None:
                        # Whether this run found it in the books, or an earlier one.
                        settled.sent = [id_ for id_ in settled.sent if id_ != twin.entry_id]
                        twins.append(twin)
                elif outcome.fault.code == BUSINESS_CODE:
                    unproven.append(doubt)
                else:
                    context.store.ledger.record(
                        _claim_of(live, [doubt]),
                        [outcome],
                        qbo_time=context.quickbooks.time,
                        company_state=None,
                    )
                    settled.refused.append(doubt.entry_id)
        doubts = twins
    return unproven


def _replay_in_parts(
    context: RunContext, live: LiveRun, doubts: Sequence[Doubt]
) -> dict[str, Created | NotCreated]:
    """Repeat what is left of one batch, in batches of the size that QuickBooks answers just now.

    What counts for it are request id and bId of each item (FACTS, QBO, section 3). After a part
    that was not answered the others wait for the next time.
    """
    outcomes: dict[str, Created | NotCreated] = {}
    left = list(doubts)
    while left:
        size = context.quickbooks.limiter.batch_size()
        part, left = left[:size], left[size:]
        found = _replay(context, live, part)
        outcomes |= found
        if not found:
            break
    return outcomes


def _replay(
    context: RunContext, live: LiveRun, doubts: Sequence[Doubt]
) -> dict[str, Created | NotCreated]:
    """Repeat what is left of one batch; an empty answer leaves all of it in doubt."""
    made = _claim_of(live, doubts)
    try:
        outcomes = context.quickbooks.create_time_activities(
            made.for_quickbooks, request_id=made.request_id, check=live.check
        )
    except (TryAgain, Refused):  # nothing was begun now; of the first call that says nothing
        return {}
    except Unsure:
        context.store.ledger.leave_in_doubt(made, at_work=context.at_work)
        return {}
    return {outcome.bid: outcome for outcome in outcomes}


def _claim_of(live: LiveRun, doubts: Sequence[Doubt]) -> Claim:
    items = tuple((doubt.entry_id, doubt.bid, doubt.body) for doubt in doubts)
    return Claim(live.id, doubts[0].request_id, items)
