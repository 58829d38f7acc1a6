"""Holds ready entries back where QuickBooks has time of the same person and day that nobody knows.

Somebody may have put them there already: by hand, by another tool, or from a database that was
lost. Days with ready entries are looked at once, and again where time stayed behind or was taken
back; what is found there holds entries back until an entry accounts for it (`clockbooks adopt`), it
is gone from QuickBooks, or somebody says that it is other work (`not_in_books`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pandas as pd

from connectors.store.unknown_time import UnknownRow
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import RunContext
from flows.sending.plan import Slice
from flows.sending.request import JobRequest
from flows.text import named
from schemas.part_ids import whole_id
from schemas.words import LedgerState, Reason, State
from transforms.plan.explain import maybe_in_books
from transforms.plan.hold_back import hold_back

#: Kind and id of a person, and a day.
Key = tuple[str, str]

#: TimeActivities that a sentence names; the others are counted.
_MOST_NAMED = 3


def hold_back_unknown(
    context: RunContext, request: JobRequest, plan: pd.DataFrame
) -> tuple[pd.DataFrame, Mapping[Key, list[str]]]:
    """Reject the plan's ready entries that may be in the books, unless the request says otherwise.

    Returns:
        The plan; and the TimeActivities that the request calls other work.
    """
    ready = plan[plan["state"] == State.READY]
    if ready.empty:
        return plan, {}
    keys = dict(zip(ready["entry_id"], _keys(ready), strict=True))
    last = max((day for id_, (_, day) in keys.items() if id_ == whole_id(id_)), default="")
    look = _Look(context, keep=not request.dry_run, last=last)
    held_before, wanted = _look_at(look, keys), set(keys.values())
    unknown = _by_key(look.rows, wanted)
    if request.not_in_books:
        return plan, {key: [row.time_activity_id for row in rows] for key, rows in unknown.items()}
    rows = _still_there(look, unknown)
    gone = (held_before | unknown.keys()) - _by_key(rows, wanted).keys()
    rows += look.read({day for _, day in gone})  # it may have been typed in anew
    unknown = _by_key({row.time_activity_id: row for row in rows}.values(), wanted)
    details = {
        entry_id: _detail(key, unknown[key]) for entry_id, key in keys.items() if key in unknown
    }
    return hold_back(plan, Reason.MAYBE_IN_BOOKS, details), {}


def keep_other(context: RunContext, one: Slice) -> None:
    """Keep that somebody called unknown time other work, where entries go in spite of it."""
    if one.other:
        going = set(_keys(one.plan[one.plan["state"] == State.READY]))
        ids = [id_ for key, ids in one.other.items() if key in going for id_ in ids]
        context.store.unknown_time.call_other(ids)


@dataclass
class _Look:
    """What is known of the unknown time of some days.

    Attributes:
        context: Where to look.
        keep: Whether the run may leave a trace.
        last: The last day of the send; those after it may not be over, and are not remembered.
        rows: The unknown time.
        fresh: Ids that were read just now.
        days: Days that were read just now.
    """

    context: RunContext
    keep: bool
    last: str
    rows: list[UnknownRow] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def read(self, days: Collection[str]) -> list[UnknownRow]:
        """Return the unknown time of those days that were not read just now."""
        store, rows = self.context.store.unknown_time, []
        for window in _windows(sorted({*days} - self.days)):
            found = unknown_rows(read_unknown(self.context, window[0], window[-1]))
            others = store.others(row.time_activity_id for row in found)
            rows += [row for row in found if row.time_activity_id not in others]
            self.days |= {*window}
            if self.keep:
                over = [day for day in window if day <= self.last]
                store.remember(over, [row for row in found if row.day in over])
        self.fresh |= {row.time_activity_id for row in rows}
        return rows


def _look_at(look: _Look, keys: Mapping[str, Key]) -> set[Key]:
    """Look at days that nobody looked at yet, and take what was found on the others.

    Where time stayed behind or was taken back, whatever the reason, somebody may have typed it in
    by now: its days are looked at each time. Where unknown time held it back, that is asked for.

    Returns:
        People and days whose entries were held back by unknown time.
    """
    context, store = look.context, look.context.store.unknown_time
    ids = {*keys, *map(whole_id, keys)}  # a part may have stayed behind with its whole entry
    held = context.store.ledger.held(list(ids))
    is_out = held["state"].isin([LedgerState.RECALLED, LedgerState.REFUSED])
    out, reasons = set(held.loc[is_out, "entry_id"]), context.store.outcomes.reasons(ids)
    last = {id_: reasons.get(id_, reasons.get(whole_id(id_))) for id_ in keys}
    held_before = {id_ for id_, reason in last.items() if reason == Reason.MAYBE_IN_BOOKS}
    judged = {id_ for id_, reason in last.items() if reason is not None} - held_before
    judged |= {id_ for id_ in keys if not out.isdisjoint([id_, whole_id(id_)])}
    again = {keys[id_][1] for id_ in judged}
    days = sorted({day for _, day in keys.values()})
    look.rows += look.read({*days} - (store.looked(days) - again))
    look.rows += [row for row in store.of(days) if row.time_activity_id not in look.fresh]
    return {keys[id_] for id_ in held_before}


def _windows(days: Sequence[str]) -> Iterator[list[str]]:
    """Join days, in order, to windows without a gap."""
    window: list[str] = []
    for day in days:
        if window and date.fromisoformat(day) - date.fromisoformat(window[-1]) > timedelta(days=1):
            yield window
            window = []
        window.append(day)
    if window:
        yield window


def _still_there(look: _Look, unknown: Mapping[Key, Sequence[UnknownRow]]) -> list[UnknownRow]:
    """Return the unknown time that is still in the books and still unknown, as it is now."""
    context, rows = look.context, [row for found in unknown.values() for row in found]
    ids = [row.time_activity_id for row in rows]
    accounted, _ = context.store.books.accounted(ids)
    old = [id_ for id_ in ids if id_ not in look.fresh and id_ not in accounted]
    now = unknown_rows(context.quickbooks.time_activities_by_id(old)) if old else []
    gone = set(old) - {row.time_activity_id for row in now}
    if look.keep:
        context.store.unknown_time.forget(sorted(gone | accounted))
        context.store.unknown_time.remember([], now)
    fresh = [row for row in rows if row.time_activity_id in look.fresh - accounted]
    return [*fresh, *now]


def _by_key(rows: Iterable[UnknownRow], wanted: Collection[Key]) -> dict[Key, list[UnknownRow]]:
    found: dict[Key, list[UnknownRow]] = defaultdict(list)
    for row in rows:
        if (row.person, row.day) in wanted:
            found[row.person, row.day].append(row)
    return dict(found)


def _keys(plan: pd.DataFrame) -> list[Key]:
    people = plan["qbo_kind"] + ":" + plan["qbo_person_id"]
    return list(zip(people, plan["date"], strict=True))


def _detail(key: Key, rows: Sequence[UnknownRow]) -> str:
    ids = [row.time_activity_id for row in rows]
    return maybe_in_books(key[1], sum(row.minutes for row in rows), named(ids, _MOST_NAMED))
