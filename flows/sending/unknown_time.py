"""Holds ready entries back where QuickBooks has time of the same person and day that nobody knows.

Somebody may have put them there already: by hand, by another tool, or from a database that was
lost. So the days of ready entries are read before any of them goes, by each run, and once more
after a person has looked at the plan. What is found there holds entries back until an entry
accounts for it (`clockbooks adopt`), it is gone from QuickBooks, or somebody says that it is other
work (`not_in_books`), or that one entry is not it (`flows.sending.settle_by_hand`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from connectors.errors import TryAgain
from connectors.store.unknown_time import UnknownRow
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import RunContext
from flows.sending.plan import Look, RunPlan, Slice
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
) -> tuple[pd.DataFrame, Look]:
    """Reject ready entries that may be in the books, unless the request says otherwise."""
    ready = plan[plan["state"] == State.READY]
    if ready.empty:
        return plan, Look()
    unknown = _read(context, set(_keys(ready)))
    other = _called_other(context, request, unknown)
    found = _may_be(context, ready, unknown, other)
    details = {entry_id: _detail(rows) for entry_id, rows in found.items()}
    plan = hold_back(plan, Reason.MAYBE_IN_BOOKS, details)
    if request.not_in_books and request.only_what_was_shown:  # else a retry would take it for shown
        unknown = {
            key: [row for row in rows if row.time_activity_id in other]
            for key, rows in unknown.items()
        }
    return plan, Look(unknown, other)


def look_again(context: RunContext, plan: RunPlan) -> None:
    """Read company and days again: somebody may have changed them while a person saw the plan.

    Raises:
        NotReady: The company accepts no time any more.
        TryAgain: Its books were closed through a later day, or somebody put time there that may be
            an entry of the plan.
    """
    plan.read_company_again(context)
    for one in plan.slices:
        unknown = _read(context, set(_keys(_ready(one))))
        found = _may_be(context, _ready(one), unknown, one.look.other)
        if new := sorted({row.time_activity_id for rows in found.values() for row in rows}):
            raise TryAgain(
                "Since the plan was made, somebody put time into QuickBooks that may be one of"
                f" these entries: TimeActivity {named(new, _MOST_NAMED)}. Nothing was sent.",
                to_do="Run the command again.",
            )


def keep_shown(context: RunContext, one: Slice) -> None:
    """Keep what a run shows of unknown time: what comes later, nobody has seen."""
    unknown = one.look.unknown
    rows = [row for found in unknown.values() for row in found]
    context.store.unknown_time.remember(unknown.keys(), rows)


def keep_look(context: RunContext, one: Slice) -> None:
    """Keep also what somebody called other work, where entries go in spite of it."""
    keep_shown(context, one)
    going = {row for key in set(_keys(_ready(one))) for row in one.look.unknown[key]}
    other = [row.time_activity_id for row in going if row.time_activity_id in one.look.other]
    context.store.unknown_time.call_other(sorted(other))


def _ready(one: Slice) -> pd.DataFrame:
    return one.plan[one.plan["state"] == State.READY]


def _may_be(
    context: RunContext,
    ready: pd.DataFrame,
    unknown: Mapping[Key, Sequence[UnknownRow]],
    other: Collection[str],
) -> dict[str, list[UnknownRow]]:
    """Return the unknown time that may be ready entries, by entry, but for *other* work."""
    left = {
        id_: [row for row in unknown[key] if row.time_activity_id not in other]
        for id_, key in zip(ready["entry_id"], _keys(ready), strict=True)
    }
    left = {id_: rows for id_, rows in left.items() if rows}
    said = context.store.unknown_time.other_than(list(left))
    left |= {id_: [row for row in left[id_] if row not in rows] for id_, rows in said.items()}
    return {id_: rows for id_, rows in left.items() if rows}


def _called_other(
    context: RunContext, request: JobRequest, unknown: Mapping[Key, Sequence[UnknownRow]]
) -> frozenset[str]:
    """Return the unknown time that the request calls other work.

    Where an earlier run has shown some of these days, nobody means what was put there since.
    """
    if not request.not_in_books:
        return frozenset()
    ids = {row.time_activity_id for rows in unknown.values() for row in rows}
    shown = {row.time_activity_id for row in context.store.unknown_time.of(_days(unknown))}
    return frozenset(ids & shown if shown or request.only_what_was_shown else ids)


def _read(context: RunContext, wanted: Collection[Key]) -> dict[Key, list[UnknownRow]]:
    """Read the unknown time of some people and days; each has a list."""
    found: dict[Key, list[UnknownRow]] = {key: [] for key in wanted}
    for window in _windows(_days(wanted)):
        rows = unknown_rows(read_unknown(context, window[0], window[-1]))
        others = context.store.unknown_time.others(rows)
        for row in rows:
            key = row.person, row.day
            if key in found and row.time_activity_id not in others:
                found[key].append(row)
    return found


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


def _keys(plan: pd.DataFrame) -> list[Key]:
    people = plan["qbo_kind"] + ":" + plan["qbo_person_id"]
    return list(zip(people, plan["date"], strict=True))


def _detail(rows: Sequence[UnknownRow]) -> str:
    ids = [row.time_activity_id for row in rows]
    return maybe_in_books(rows[0].day, sum(row.minutes for row in rows), named(ids, _MOST_NAMED))
