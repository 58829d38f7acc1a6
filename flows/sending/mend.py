"""Takes back what QuickBooks took of an entry of which it does not have the other parts.

QuickBooks answers each item of a batch by itself. So it may refuse one part of an entry and take
another one, also in a run that died before it could do anything about that. What was billed or
edited meanwhile, or lies in closed books, stays, and a person is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from connectors.errors import AskPerson, Refused, TryAgain
from connectors.store.change_rows import Wanted
from connectors.store.parts import PartRow, is_broken
from flows.context import RunContext
from flows.sending.batches import Ended
from flows.sending.invoices import invoiced_meanwhile
from flows.sending.load_changes import HELD_BY_OTHERS, Changes
from flows.sending.run_lease import RunLease
from flows.sending.settled import Settled
from schemas.part_ids import whole_id
from schemas.words import Operation, Reason, State
from transforms.identity.match_books import content_of, content_of_body
from transforms.plan.explain import refused
from transforms.reconciliation.bodies import deletion
from transforms.reconciliation.judge import is_billed


@dataclass
class Mended:
    """What became of parts that stood alone.

    Attributes:
        ended: How each ended that was taken back, or may have been.
        notes: What a person should know besides.
    """

    ended: dict[str, Ended] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def taken_back(self) -> list[str]:
        """Those that QuickBooks does not have any more."""
        return [id_ for id_, one in self.ended.items() if one.state == State.REJECTED]


def mend(context: RunContext, lease: RunLease) -> Mended:
    """Take back parts of which QuickBooks does not have the others, and close what is whole.

    Entries of which a part is on its way, or in doubt, are left for the next run.
    """
    mended, open_ = Mended(), context.store.parts.open()
    broken = {id_: rows for id_, rows in open_.items() if is_broken(rows)}
    if broken:
        try:
            _take_back(context, lease, broken, mended)
        except (AskPerson, Refused, TryAgain) as error:
            mended.notes.append(f"{_incomplete(broken)} The next run takes it back. {error}")
    if open_:
        context.store.parts.close(open_)
    return mended


def mend_settled(context: RunContext, lease: RunLease, settled: Settled) -> None:
    """Mend after doubts were settled, and tell what was taken back as they are told."""
    mended = mend(context, lease)
    back = set(mended.taken_back)
    settled.sent = [id_ for id_ in settled.sent if id_ not in back]
    settled.replayed = [id_ for id_ in settled.replayed if id_ not in back]
    settled.recalled += sorted(back - set(settled.recalled))
    settled.notes += mended.notes


def _take_back(
    context: RunContext, lease: RunLease, broken: Mapping[str, Sequence[PartRow]], mended: Mended
) -> None:
    """Take back what is there of some entries: all parts of one, or none."""
    sent = _sent(context, broken)
    ended = _delete(context, lease, sent, mended)
    left = {row.entry_id for row in context.store.sent.of(list(sent))}
    for id_, row in sent.items():
        whole, one = whole_id(id_), ended.get(id_, HELD_BY_OTHERS)
        if id_ not in left:
            mended.ended[id_] = _taken_back(context, broken[whole])
            mended.notes.append(_BACK.format(row.time_activity_id, id_))
        elif one.state == State.IN_DOUBT:
            mended.ended[id_] = one
        else:
            mended.notes.append(_STAYS.format(whole, id_, row.time_activity_id, one.detail))


def why_stuck(context: RunContext, broken: Mapping[str, Sequence[PartRow]]) -> dict[str, str]:
    """Say what stays of entries of which QuickBooks has only some parts, and why.

    Returns:
        A sentence by the id of each whole entry.
    """
    sent = _sent(context, broken)
    stays, _ = _look(context, sent)
    return {
        whole_id(id_): _STAYS.format(
            whole_id(id_), id_, row.time_activity_id, stays.get(id_, "The next run takes it back.")
        )
        for id_, row in sorted(sent.items(), key=lambda item: item[0] in stays)
    }


def _sent(context: RunContext, units: Mapping[str, Sequence[PartRow]]) -> dict[str, Any]:
    ids = [row.entry_id for rows in units.values() for row in rows]
    return {row.entry_id: row for row in context.store.sent.of(ids)}


def _look(
    context: RunContext, sent: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Mapping[str, Any]]]:
    """Return why parts cannot be taken back, and what QuickBooks has of all of them.

    Where one part of an entry stays, all of them do.
    """
    closed = context.quickbooks.company().closed_until
    ids = [row.time_activity_id for row in sent.values()]
    books: dict[str, Mapping[str, Any]]
    books = {str(row["Id"]): row for row in context.quickbooks.time_activities_by_id(ids)}
    stays = {
        id_: why
        for id_, row in sent.items()
        if row.time_activity_id in books
        and (why := _why_it_stays(row, books[row.time_activity_id], closed))
    }
    return stays, books


def _delete(
    context: RunContext, lease: RunLease, sent: Mapping[str, Any], mended: Mended
) -> dict[str, Ended]:
    """Delete what may be deleted of some rows of `SentEntries`, and return how each ended."""
    stays, books = _look(context, sent)
    looked_at = context.quickbooks.time
    stuck = set(map(whole_id, stays))
    ended = {
        id_: Ended(State.SENT, detail=stays.get(id_, "It stays as long as another part does."))
        for id_ in sent
        if whole_id(id_) in stuck
    }
    there: list[Wanted] = []
    gone: list[Wanted] = []
    for id_, row in sent.items():
        change = Wanted(id_, row.time_activity_id, "", date=row.txn_date, unit=whole_id(id_))
        if id_ in ended:
            continue
        if row.time_activity_id in books:
            there.append(replace(change, body=deletion(books[row.time_activity_id])))
        else:
            gone.append(change)
    context.store.changes.gone(lease.run_id, gone)
    for some in Changes(context, lease, Operation.DELETE, there).run():
        ended |= some
    were = {one.entry_id: books[one.time_activity_id] for one in there}
    for id_, to_check in invoiced_meanwhile(context, were, looked_at).items():
        mended.notes.append(f"Entry {id_}: {to_check}")
    return ended


def _why_it_stays(row: Any, activity: Mapping[str, Any], closed: date | None) -> str | None:
    """Say why a part cannot be taken back; `None` if it can."""
    if is_billed(activity):
        return "It is on an invoice. Take it off the invoice in QuickBooks; the next run goes on."
    if closed is not None and min(row.txn_date, content_of(activity).day) <= closed.isoformat():
        return f"The books are closed through {closed}. Reopen them; the next run goes on."
    is_as_sent = content_of(activity) == content_of_body(row.body)
    if not is_as_sent or row.sync_token not in {None, activity.get("SyncToken")}:
        return (
            f"Somebody edited it in QuickBooks. `clockbooks recall --entry {row.entry_id} --prefer"
            " clockify` takes it back all the same."
        )
    return None


def _taken_back(context: RunContext, rows: Sequence[PartRow]) -> Ended:
    refusals = context.store.ledger.refusals([row.entry_id for row in rows])
    why = f" {refused(refusals[0].fault)}" if refusals else ""
    text = f"QuickBooks does not have another part of this entry, so this one was taken back.{why}"
    return Ended(State.REJECTED, Reason.QBO_REFUSED, text)


def _incomplete(broken: Mapping[str, Sequence[PartRow]]) -> str:
    return f"QuickBooks has only a part of {', '.join(sorted(broken)[:20])}."


_BACK = (
    "TimeActivity {} was taken out of QuickBooks: part {} of an entry of which QuickBooks does not"
    " have the others."
)

_STAYS = "QuickBooks has only a part of entry {}: {}, TimeActivity {}. {}"
