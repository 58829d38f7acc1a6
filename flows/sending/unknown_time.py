"""Holds ready entries back where QuickBooks has time of the same person and day that nobody knows.

Somebody may have put them there already: by hand, by another tool, or from a database that was
lost. So the days of ready entries are read before any of them goes, by each run, and once more
after a person has looked at the plan. What is found there holds entries back until an entry
accounts for it (`clockbooks adopt`), it is gone from QuickBooks, or somebody says that it is other
work (`not_in_books`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from connectors.errors import TryAgain
from connectors.store.unknown_time import UnknownRow
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import RunContext
from flows.sending.plan import RunPlan, Slice
from flows.sending.request import JobRequest
from flows.text import named
from schemas.words import Reason, State
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
    wanted = set(keys.values())
    shown = _by_key(context.store.unknown_time.of(_days(wanted)), wanted)
    unknown = _read(context, wanted, keep=not request.dry_run)
    other = _called_other(request, unknown, shown)
    called = {id_ for ids in other.values() for id_ in ids}
    details = {}
    for entry_id, key in keys.items():
        if left := [row for row in unknown.get(key, []) if row.time_activity_id not in called]:
            details[entry_id] = _detail(key, left)
    return hold_back(plan, Reason.MAYBE_IN_BOOKS, details), other


def look_again(context: RunContext, plan: RunPlan) -> None:
    """Read company and days again: somebody may have changed them while a person saw the plan.

    Raises:
        NotReady: The company accepts no time any more.
        TryAgain: Its books were closed through a later day, or somebody put time there that may be
            an entry of the plan.
    """
    plan.read_company_again(context)
    for one in plan.slices:
        unknown = _read(context, set(_keys(_ready(one))), keep=True)
        called = {id_ for ids in one.other.values() for id_ in ids}
        found = [row.time_activity_id for rows in unknown.values() for row in rows]
        if new := [id_ for id_ in found if id_ not in called]:
            raise TryAgain(
                "Since the plan was made, somebody put time into QuickBooks that may be one of"
                f" these entries: TimeActivity {named(new, _MOST_NAMED)}. Nothing was sent.",
                to_do="Run the command again.",
            )


def keep_other(context: RunContext, one: Slice) -> None:
    """Keep that somebody called unknown time other work, where entries go in spite of it."""
    if one.other:
        going = set(_keys(_ready(one)))
        ids = [id_ for key, ids in one.other.items() if key in going for id_ in ids]
        context.store.unknown_time.call_other(ids)


def _ready(one: Slice) -> pd.DataFrame:
    return one.plan[one.plan["state"] == State.READY]


def _called_other(
    request: JobRequest,
    unknown: Mapping[Key, Sequence[UnknownRow]],
    shown: Mapping[Key, Sequence[UnknownRow]],
) -> dict[Key, list[str]]:
    """Return the unknown time that the request calls other work.

    Where an earlier run has shown some, nobody can have meant what was put there since.
    """
    if not request.not_in_books:
        return {}
    other = {}
    for key, rows in unknown.items():
        ids = [row.time_activity_id for row in rows]
        if key in shown or request.only_what_was_shown:
            before = {row.time_activity_id for row in shown.get(key, [])}
            ids = [id_ for id_ in ids if id_ in before]
        other[key] = ids
    return other


def _read(
    context: RunContext, wanted: Collection[Key], *, keep: bool
) -> dict[Key, list[UnknownRow]]:
    """Read the unknown time of some people and days; *keep* it as shown."""
    store, found = context.store.unknown_time, []
    for window in _windows(_days(wanted)):
        rows = unknown_rows(read_unknown(context, window[0], window[-1]))
        others = store.others(rows)
        rows = [row for row in rows if row.time_activity_id not in others]
        if keep:
            store.remember(window, rows)
        found += rows
    return _by_key(found, wanted)


def _days(keys: Iterable[Key]) -> list[str]:
    return sorted({day for _, day in keys})


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
