"""Settles entries in doubt: by what QuickBooks holds, never by hope.

docs/exactly-once.md has the steps: doubts of dead runs are taken over, by one run alone; looked for
in the books, as a multiset, while a row that may be a live run's is left to it; and handed over
again under the same request id, bId and bytes, once QuickBooks can no longer be at work on them.
Whatever is not clear after that stays in doubt for the next run, or for a person
(`flows.sending.settle_by_hand`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done, created_at
from connectors.store.books import InFlight
from connectors.store.change_rows import OpenChange
from connectors.store.claims_in_doubt import Doubt
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.sending.mend import mend_settled
from flows.sending.replay import claim_of, replay
from flows.sending.run_lease import RunLease, run_lease
from flows.sending.settled import Settled, describe
from schemas.words import Operation, Proof
from transforms.identity.match_books import (
    CLOCK_MARGIN,
    Found,
    Matches,
    Wanted,
    content_of,
    content_of_body,
    match_books,
    place_of,
)


def settle_alone(context: RunContext) -> Settled:
    """Settle in a run of its own, without sending anything new: `clockbooks settle`.

    Nothing in doubt needs no call: reads are metered (FACTS, QBO, 13.2).
    """
    has_doubts = context.store.open_claims.number() > 0 or bool(context.store.parts.open())
    if has_doubts:
        context.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    with run_lease(context) as lease:
        settled = settle(context, lease) if has_doubts else Settled()
    settled.notes += expiry_notes(context)
    return settled


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
    of_lines = context.store.lines.whole([*settled.ids, *(doubt.entry_id for doubt in doubts)])
    quiet = []
    for doubt, near in find_in_books(context, doubts, settled, lease):
        if not _is_quiet(context, doubt):
            settled.in_doubt.append(doubt.entry_id)
        elif near is None:
            quiet.append(doubt)
        else:
            _keep(context, doubt, near, settled)
    unproven = replay(context, lease, quiet, settled)
    for doubt, near in find_in_books(context, unproven, settled, lease):
        if near is None:
            context.store.ledger.release(claim_of(lease, [doubt]))
            settled.released.append(doubt.entry_id)
        else:
            _keep(context, doubt, near, settled)
    mend_settled(context, lease, settled)
    settled.tell_of_all(of_lines)
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
        entry_id, row = one.claim.items[0][0], rows.get(one.time_activity_id)
        if _is_made(one, row):
            found = None
            if row is not None:
                found = Done("", one.time_activity_id, str(row.get("SyncToken", "0")))
            changes.settle(one, found, qbo_time=qbo_time)
            (settled.recalled if found is None else settled.updated).append(entry_id)
        elif _is_other(one, row) or _is_quiet(context, one):
            changes.release(one.claim)
            settled.unchanged.append(entry_id)
        else:
            settled.in_doubt.append(entry_id)


def _is_made(one: OpenChange, row: Mapping[str, Any] | None) -> bool:
    """Whether the books are as a change makes them; each update gives a new SyncToken."""
    if one.claim.operation == Operation.DELETE:
        return row is None
    same = row is not None and content_of(row) == content_of_body(one.claim.items[0][2])
    return same and _is_other(one, row)


def _is_other(one: OpenChange, row: Mapping[str, Any] | None) -> bool:
    """Whether a TimeActivity is gone, or another one than a change asks for, so that none comes."""
    return row is None or row.get("SyncToken") != json.loads(one.claim.items[0][2])["SyncToken"]


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
    return Wanted(key, content_of_body(one.body), since, place_of(json.loads(one.body)))


def found_of(row: Mapping[str, Any]) -> Found:
    """Return what a TimeActivity of the books is compared by."""
    return Found(str(row["Id"]), content_of(row), created_at(row), place_of(row))


def _keep(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Keep a doubt, and tell a person what to look for, unless a live run decides it."""
    settled.in_doubt.append(doubt.entry_id)
    if near:
        describe(context, doubt, near, settled)
