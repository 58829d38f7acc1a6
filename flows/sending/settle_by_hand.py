"""Settles one entry in doubt by what a person found in QuickBooks, as far as that can be true."""

from collections.abc import Sequence

from connectors.errors import AskPerson
from connectors.store.claims_in_doubt import Doubt
from flows.connections.unknown_time import unknown_rows
from flows.context import RunContext
from flows.sending.mend import mend_settled
from flows.sending.replay import claim_of
from flows.sending.run_lease import RunLease, run_lease
from flows.sending.settle_doubts import find_in_books, found_of, record_found, wanted_of
from flows.sending.settled import Settled, described
from schemas.words import LedgerState
from transforms.identity.match_books import Found, content_of_body, is_younger, may_be


def take_word(context: RunContext, entry_id: str, time_activity_id: str | None) -> Settled:
    """Take a person's word for one entry in doubt: `clockbooks settle --entry`.

    It is the TimeActivity *time_activity_id*; `None` means that QuickBooks does not have it.

    Raises:
        AskPerson: The entry is not in doubt, or QuickBooks says otherwise.
        TryAgain: QuickBooks could not be read.
    """
    context.quickbooks.company()  # tells QuickBooks' clock, and whether it lets us in
    of_lines = context.store.lines.whole([entry_id])
    entry_id = next(iter(of_lines), entry_id)  # a line is known by its first entry
    with run_lease(context) as lease:
        doubts = context.store.doubts.take(lease.run_id, at_work=context.at_work)
        doubt = next((one for one in doubts if one.entry_id == entry_id), None)
        if doubt is None:
            raise AskPerson(_not_in_doubt(context, entry_id))
        if doubt.quiet_from is None or doubt.quiet_from > context.now():
            raise AskPerson(
                f"QuickBooks may still be working on entry {entry_id}. Look again in a few"
                " minutes, then run this."
            )
        if time_activity_id is not None:
            others = [one for one in doubts if one.entry_id != entry_id]
            settled = _is_there(context, lease, doubt, others, time_activity_id)
        else:
            settled = _is_not_there(context, lease, doubt, of_lines.get(entry_id, [entry_id]))
        mend_settled(context, lease, settled)
        settled.tell_of_all(of_lines)
        return settled


def _not_in_doubt(context: RunContext, entry_id: str) -> str:
    state = context.store.ledger.state_of(entry_id)
    if state == LedgerState.SENDING:
        return (
            f"Another run is sending entry {entry_id} now. Wait until it ends, then run this again."
        )
    return f"Entry {entry_id} is not in doubt. `clockbooks entries --state in-doubt` lists what is."


def _is_there(
    context: RunContext, lease: RunLease, doubt: Doubt, others: Sequence[Doubt], id_: str
) -> Settled:
    rows = context.quickbooks.time_activities_by_id([id_])
    if not rows:
        raise AskPerson(f"QuickBooks has no TimeActivity {id_}. Check the id; nothing was changed.")
    why = _why_not(context, doubt, others, found_of(rows[0]))
    if why:
        raise AskPerson(f"TimeActivity {id_} {why} Nothing was changed.")
    record_found(context, lease, doubt, rows[0])
    return Settled(sent=[doubt.entry_id])


def _why_not(
    context: RunContext, doubt: Doubt, others: Sequence[Doubt], found: Found
) -> str | None:
    """Explain why a TimeActivity cannot be an entry in doubt; `None` if it may be."""
    wanted = wanted_of(doubt)
    holder = context.store.books.holder(found.id)
    if holder is not None:
        return f"is entry {holder} already, so it cannot be {doubt.entry_id} too."
    if not is_younger(wanted, found):
        return f"existed before entry {doubt.entry_id} was handed over."
    if found.content == wanted.content:
        return None
    _, elsewhere = context.store.books.accounted([found.id])
    bodies = [one.body for one in others] + [one.body for one in elsewhere]
    if found.content in map(content_of_body, bodies):
        return "is just like another entry that is in doubt. Run `clockbooks settle`."
    if not may_be(wanted, found):
        return (
            f"has hardly anything in common with the entry: {described(context, doubt)}. Check the"
            " id; if it is right, first correct the person and day in QuickBooks."
        )
    return None


def _is_not_there(
    context: RunContext, lease: RunLease, doubt: Doubt, entry_ids: Sequence[str]
) -> Settled:
    settled = Settled()
    missing = find_in_books(context, [doubt], settled, lease)
    if not missing:
        settled.notes.append("QuickBooks has an equal TimeActivity, so the entry counts as sent.")
        return settled
    context.store.ledger.release(claim_of(lease, [doubt]))
    settled.released.append(doubt.entry_id)
    for _, near in missing:
        if near:  # whoever says so has seen them: the next send need not ask again
            rows = unknown_rows(context.quickbooks.time_activities_by_id(near))
            others = context.store.unknown_time.others(rows)
            new = [row for row in rows if row.time_activity_id not in others]
            context.store.unknown_time.remember([], new)
            context.store.unknown_time.call_other_than(entry_ids, new)
            settled.notes.append(
                f"TimeActivity {', '.join(near)} looks like it. Make sure that it is other work:"
                " the next send books the entry again. Other entries of the person and day it"
                " still holds back."
            )
    return settled
