"""Holds ready entries back where QuickBooks has time of the same person and day that nobody knows.

Somebody may have put them there already: by hand, by another tool, or from a database that was
lost. Days with ready entries are looked at once, and again where time was rejected or taken back;
what is found there holds entries back until an entry accounts for it (`clockbooks adopt`), it is
gone from QuickBooks, or somebody says that it is other work (`not_in_books`).
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
    look = _look(context, keys, keep=not request.dry_run)
    unknown = _by_key(look.rows, set(keys.values()))
    if not unknown:
        return plan, {}
    if request.not_in_books:
        return plan, {key: [row.time_activity_id for row in rows] for key, rows in unknown.items()}
    unknown = _by_key(_still_there(context, look, unknown), set(keys.values()))
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
        rows: The unknown time.
        fresh: Ids that were read just now.
        keep: Whether the run may leave a trace.
    """

    keep: bool
    rows: list[UnknownRow] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)


def _look(context: RunContext, keys: Mapping[str, Key], *, keep: bool) -> _Look:
    """Look at days that nobody looked at yet, and take what was found on the others.

    Where time was rejected or taken back, somebody may have typed it in by now: its days are looked
    at each time.
    """
    held = context.store.ledger.held(list(keys))
    is_out = held["state"].isin([LedgerState.RECALLED, LedgerState.REFUSED])
    freed = {*held.loc[is_out, "entry_id"], *context.store.outcomes.rejected(list(keys))}
    days = sorted({day for _, day in keys.values()})
    store, look = context.store.unknown_time, _Look(keep)
    looked = store.looked(days) - {keys[entry_id][1] for entry_id in freed}
    for window in _windows([day for day in days if day not in looked]):
        found = unknown_rows(read_unknown(context, window[0], window[-1]))
        look.fresh |= {row.time_activity_id for row in found}
        look.rows += found
        if keep:
            store.remember(window, found)
    look.rows += [row for row in store.of(days) if row.time_activity_id not in look.fresh]
    return look


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


def _still_there(
    context: RunContext, look: _Look, unknown: Mapping[Key, Sequence[UnknownRow]]
) -> list[UnknownRow]:
    """Return the unknown time that is still in the books and still unknown, as it is now."""
    rows = [row for found in unknown.values() for row in found]
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
