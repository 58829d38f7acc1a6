"""Settles entries in doubt: by what QuickBooks holds, never by hope.

docs/exactly-once.md has the steps: doubts of dead runs are taken over, by one run alone; looked for
in the books, as a multiset, while a row that may be a live run's is left to it; and handed over
again under the same request id, bId and bytes, once QuickBooks can no longer be at work on them.
Whatever is not clear after that stays in doubt for the next run, or for a person
(`flows.sending.settle_by_hand`).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from connectors.errors import Refused, TryAgain, Unsure
from connectors.quickbooks.answers import BUSINESS_CODE
from connectors.quickbooks.batch import Done, NotDone, Outcome, created_at
from connectors.store.books import InFlight
from connectors.store.change_rows import OpenChange
from connectors.store.claims_in_doubt import Doubt
from connectors.store.ledger import Claim
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.sending.run_lease import RunLease, run_lease
from schemas.words import Operation, Proof
from transforms.identity.match_books import (
    CLOCK_MARGIN,
    Found,
    Matches,
    Wanted,
    content_of,
    content_of_body,
    match_books,
)
from transforms.plan.explain import duration_text

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
        updated: Sent entries whose repair QuickBooks has made.
        recalled: Sent entries whose TimeActivities are gone, by a repair or a recall.
        unchanged: Sent entries whose repair or recall QuickBooks has not made.
        notes: What a person should know besides.
    """

    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    recalled: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The result in a sentence or two; empty when nothing was in doubt."""
        outcomes = [
            (self.sent, "in QuickBooks"),
            (self.refused, "refused by QuickBooks"),
            (self.released, "not in QuickBooks, so the next send takes them"),
            (self.updated, "updated"),
            (self.recalled, "taken out of QuickBooks"),
            (self.unchanged, "sent and not changed"),
            (self.in_doubt, "still unconfirmed"),
        ]
        parts = [f"{len(ids):,} {what}" for ids, what in outcomes if ids]
        if not parts:
            return ""
        late = f" QuickBooks created {len(self.replayed):,} of them only now." * bool(self.replayed)
        checked = sum(len(ids) for ids, _ in outcomes)
        return f"Checked {checked:,} unconfirmed entries of earlier runs: {', '.join(parts)}.{late}"


def settle_alone(context: RunContext) -> Settled:
    """Settle in a run of its own, without sending anything new: `clockbooks settle`."""
    context.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    with run_lease(context) as lease:
        settled = settle(context, lease)
    settled.notes += expiry_notes(context)
    return settled


def settled_document(settled: Settled) -> dict[str, Any]:
    """Return what became of the entries in doubt as a JSON document."""
    # `told` is the older name of `message`.
    return {**asdict(settled), "message": settled.message, "told": settled.message}


def settle(context: RunContext, lease: RunLease) -> Settled:
    """Settle what dead runs of this connection left in doubt.

    QuickBooks must have been asked for the company before: its answer tells the time there.

    Raises:
        TryAgain: QuickBooks could not be read; all stays in doubt.
        AskPerson: QuickBooks does not let us in; all stays in doubt.
    """
    settled = Settled()
    _settle_changes(context, lease, settled)
    doubts = context.store.doubts.take(lease.run_id, at_work=context.at_work)
    quiet = []
    for doubt, near in find_in_books(context, doubts, settled, lease):
        if not _is_quiet(context, doubt):
            settled.in_doubt.append(doubt.entry_id)
        elif near is None:
            quiet.append(doubt)
        else:
            _keep(context, doubt, near, settled)
    unproven = _replay_all(context, lease, quiet, settled)
    for doubt, near in find_in_books(context, unproven, settled, lease):
        if near is None:
            context.store.ledger.release(claim_of(lease, [doubt]))
            settled.released.append(doubt.entry_id)
        else:
            _keep(context, doubt, near, settled)
    return settled


def _settle_changes(context: RunContext, lease: RunLease, settled: Settled) -> None:
    """Find out by Id whether QuickBooks has made the changes in doubt.

    One that was not made is given up: its SyncToken is outdated, or QuickBooks can no longer be at
    work on it. A deletion that was made may leave a claim for what is created in its place.
    """
    changes = context.store.changes
    taken = changes.take(lease.run_id, at_work=context.at_work)
    ids = [one.time_activity_id for one in taken]
    rows = {str(row.get("Id")): row for row in context.quickbooks.time_activities_by_id(ids)}
    qbo_time = context.quickbooks.time
    for one in taken:
        entry_id, _, body = one.claim.items[0]
        row, asked = rows.get(one.time_activity_id), json.loads(body)
        deletes = one.claim.operation == Operation.DELETE
        if row is None and deletes:
            changes.settle(one, None, qbo_time=qbo_time)
            settled.recalled.append(entry_id)
        elif row is not None and not deletes and content_of(row) == content_of_body(body):
            found = Done("", one.time_activity_id, str(row.get("SyncToken", "0")))
            changes.settle(one, found, qbo_time=qbo_time)
            settled.updated.append(entry_id)
        elif row is None or row.get("SyncToken") != asked["SyncToken"] or _is_quiet(context, one):
            changes.release(one.claim)
            settled.unchanged.append(entry_id)
        else:
            settled.in_doubt.append(entry_id)


def _is_quiet(context: RunContext, one: Doubt | OpenChange) -> bool:
    """Whether QuickBooks can no longer be at work on a call."""
    return one.quiet_from is not None and one.quiet_from <= context.now()


def find_in_books(
    context: RunContext, doubts: Sequence[Doubt], settled: Settled, lease: RunLease
) -> list[tuple[Doubt, list[str] | None]]:
    """Record as sent what QuickBooks holds.

    Returns:
        The doubts that it does not hold. With each, the ids of TimeActivities that may be the
        entry, edited since; empty where a live run's may be; `None` where nothing is like it.
    """
    if not doubts:
        return []
    by_id = _activities_since(context, doubts)
    matches = _match(context, doubts, by_id)
    missing: list[tuple[Doubt, list[str] | None]] = []
    for doubt in doubts:
        entry_id = doubt.entry_id
        if entry_id in matches.found:
            try:
                record_found(context, lease, doubt, by_id[matches.found[entry_id]])
                settled.sent.append(entry_id)
            except TryAgain:  # another entry has it by now
                missing.append((doubt, []))
        elif entry_id in matches.in_flight:
            missing.append((doubt, []))
        else:
            missing.append((doubt, matches.near.get(entry_id)))
    return missing


def _activities_since(context: RunContext, doubts: Sequence[Doubt]) -> dict[str, Mapping[str, Any]]:
    """Return QuickBooks' TimeActivities of some doubts' days, by id, if younger than the claims."""
    days = [doubt.txn_date for doubt in doubts]
    times = [doubt.qbo_time for doubt in doubts if doubt.qbo_time is not None]
    since = min(times) - CLOCK_MARGIN if len(times) == len(doubts) else None
    activities = context.quickbooks.time_activities(min(days), max(days), created_from=since)
    return {str(activity["Id"]): activity for activity in activities}


def _match(
    context: RunContext, doubts: Sequence[Doubt], by_id: Mapping[str, Mapping[str, Any]]
) -> Matches:
    accounted, others = context.store.books.accounted(list(by_id))
    return match_books(
        [wanted_of(doubt) for doubt in doubts],
        [wanted_of(one, str(nth)) for nth, one in enumerate(others) if one.alive],
        [found_of(row) for id_, row in by_id.items() if id_ not in accounted],
        {content_of_body(one.body) for one in others if not one.alive},
    )


def record_found(
    context: RunContext, lease: RunLease, doubt: Doubt, row: Mapping[str, Any]
) -> None:
    """Record that an entry is a TimeActivity of the books.

    Raises:
        TryAgain: Another entry is, by now.
    """
    created = Done(doubt.bid, str(row["Id"]), str(row.get("SyncToken", "0")))
    context.store.doubts.settle(doubt, created, run_id=lease.run_id, proof=Proof.BOOKS)


def wanted_of(one: Doubt | InFlight, key: str = "") -> Wanted:
    """Return what to look for in the books."""
    since = None if one.qbo_time is None else one.qbo_time - CLOCK_MARGIN
    key = one.entry_id if isinstance(one, Doubt) else key
    return Wanted(key, content_of_body(one.body), since)


def found_of(row: Mapping[str, Any]) -> Found:
    """Return what a TimeActivity of the books is compared by."""
    return Found(str(row["Id"]), content_of(row), created_at(row))


def _keep(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Keep a doubt, and tell a person what to look for, unless a live run decides it."""
    settled.in_doubt.append(doubt.entry_id)
    if near:
        _describe(context, doubt, near, settled)


def _describe(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Note what to look for in QuickBooks, and how to report what was found."""
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
        f" {described(context, doubt)}.{looks} If it is there, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-there {at}`. If it is not, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-not-there`, and the next send takes it."
    )


def described(context: RunContext, doubt: Doubt) -> str:
    """Describe a TimeActivity as QuickBooks shows it: length, person, day, text."""
    content = content_of_body(doubt.body)
    known = context.store.links.stored()
    kind, id_ = content.person
    names = known.loc[
        (known["qbo_kind"] == kind.lower()) & (known["qbo_id"] == id_), "qbo_name"
    ].tolist()
    person = names[0] if names else f"{kind} {id_}"
    text = f", {content.description[:60]!r}" if content.description else ""
    return f"{duration_text(int(content.minutes) * 60)} of {person} on {content.day}{text}"


def _replay_all(
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
    for twin in _replay_all(context, lease, doubts, settled, first_calls=request_ids):
        _keep_unanswered(context, twin, settled)  # its refusal was that of a replay
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
    _describe(context, doubt, [], settled)


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
        answered = _replay(context, lease, part)
        outcomes |= answered
        if not answered:
            break
    return outcomes


def _replay(context: RunContext, lease: RunLease, doubts: Sequence[Doubt]) -> dict[str, Outcome]:
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
