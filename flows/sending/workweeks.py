"""Knows how much of each entry is overtime: by all time of its person in the workweek.

That is more than a run is asked for: other days, what its filters leave out, what is rejected. So
whole weeks are read besides, without filters, and a day more at either end: a night may begin
before the week, and another time zone moves an entry by a day. What was sent, and has not moved
since, counts as it is in the books, for whom and on which day it is there, whatever links and zones
say now; all else counts as it would go now. A report that lacks what was sent is not believed
before Clockify says of that entry that it is gone. Running timers do not count, nor do entries that
are too long to go: they are mistakes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, Refused
from connectors.quickbooks.batch import instant_of, part_of
from connectors.store.scope import records
from connectors.store.staging import StagedEntries, staging_entries
from flows.connections.rule_state import without_overtime
from flows.context import RunContext
from flows.sending.extract import Days, as_entries, extract
from flows.sending.facts import Facts, LinkState, call_directly
from flows.sending.request import SendRequest
from schemas.part_ids import whole_id
from schemas.words import Hours, Kind, LedgerState, QboKind, Source, Target
from transforms.plan.judge import Filters
from transforms.plan.overtime import Overtime, divided, in_words, where_paid_alike
from transforms.plan.parts import LONGEST_S, with_parts
from transforms.plan.rounding import minutes_by_part
from transforms.plan.rules import decide
from transforms.reconciliation.sides import moved

_KEYS = ["entry_id", "day"]
_COLUMNS = [*_KEYS, "minutes", "start", "person"]
_DTYPES = {"minutes": "int64", "person": "str"}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class WeekHours:
    """What is known of the hours of some workweeks.

    Attributes:
        minutes: Minutes of each of `Hours`, by whole entry and day, where rules tell them apart.
        changed: Of sent entries that would go as other hours now, what to say of that.
    """

    minutes: pd.DataFrame
    changed: Mapping[str, str] = field(default_factory=dict)


class Workweeks:
    """The workweeks that a run's days are in.

    Attributes:
        facts: By which limits and rules hours are told apart.
    """

    def __init__(
        self,
        context: RunContext,
        facts: Facts,
        link_state: LinkState,
        staged: StagedEntries,
        around: StagedEntries,
    ) -> None:
        """Take what the run has staged, and whole weeks, which count where that says nothing."""
        links = link_state.links
        employees = links[(links["kind"] == Kind.USER) & (links["qbo_kind"] == QboKind.EMPLOYEE)]
        self.facts = facts
        self._context, self._staged, self._around = context, staged, around
        self._employees = dict(zip(employees["clockify_id"], employees["qbo_id"], strict=True))
        self._asked: dict[str, date | None] = {}

    def of(self, first: str, last: str) -> WeekHours:
        """Return the hours of the workweeks that have some days, YYYY-MM-DD.

        Raises:
            TryAgain: Clockify could not be asked for an entry.
        """
        overtime, book = self.facts.rules.overtime, self.facts.rules.book
        assert overtime is not None, "opened only with overtime"  # noqa: S101
        week = _weeks(overtime, first, last)
        entries = self._entries(*_and_a_day_more(*week))
        sent = self._sent(entries, *week)
        time = self._time(entries, self._as_booked(entries, sent, *week), *week)
        numbers = {
            kind: decide(entries.assign(hours=str(kind)), book, Target.PAY_TYPE).fillna(0)
            for kind in Hours
        }
        decided = pd.DataFrame(numbers).set_axis(pd.Index(entries["entry_id"]))
        found = divided(time, overtime).set_axis(pd.MultiIndex.from_frame(time[_KEYS]))
        found = found[found.index.isin(decided.index, level="entry_id")]
        rules = decided.loc[found.index.get_level_values("entry_id")].set_axis(found.index)
        minutes = where_paid_alike(found, rules)
        return WeekHours(minutes, self._changed(minutes, sent))

    def _entries(self, first: str, last: str) -> pd.DataFrame:
        """Return the finished work of some days, each entry once."""
        around, staged = self._around.between(first, last), self._staged.between(first, last)
        known = self._staged.present(around["entry_id"].tolist())
        rows = pd.concat([staged, around[~around["entry_id"].isin(known)]], ignore_index=True)
        is_work = rows["duration_s"].notna() & (rows["entry_type"] == "REGULAR")
        return as_entries(rows[is_work]).reset_index(drop=True)

    def _sent(self, entries: pd.DataFrame, first: str, last: str) -> dict[str, list[Any]]:
        """Return what the books have of entries that are there whole, by the id of the entry."""
        store = self._context.store
        booked = [
            row for row in store.sent.between(first, last) if row.contents_source != Source.FILE
        ]
        ids = sorted({*entries["entry_id"], *(whole_id(row.entry_id) for row in booked)})
        units = store.parts.units(ids)
        found: dict[str, list[Any]] = {}
        wanted = {*ids, *(row.entry_id for rows in units.values() for row in rows)}
        for row in store.sent.of(sorted(wanted)):
            if row.entry_id in wanted:
                found.setdefault(whole_id(row.entry_id), []).append(row)
        for whole, rows in units.items():
            if any(row.state != LedgerState.SENT for row in rows):
                found.pop(whole, None)
        return found

    def _as_booked(
        self, entries: pd.DataFrame, sent: Mapping[str, list[Any]], first: str, last: str
    ) -> dict[str, list[Any]]:
        """Return those of sent entries that count as they are in the books."""
        known = {row["entry_id"]: row for row in records(entries)}
        lacking = sorted(sent.keys() - known.keys())
        there = self._staged.present(lacking) | self._around.present(lacking)
        problems = (*self._staged.problems(), *self._around.problems())
        unreadable = {row["entry_id"] for row in problems}

        def counts(id_: str) -> bool:
            if id_ in known:
                return not any(_has_moved(row, known[id_]) for row in sent[id_])
            return id_ in unreadable or (id_ not in there and self._is_there(id_, first, last))

        return {id_: rows for id_, rows in sent.items() if counts(id_)}

    def _is_there(self, entry_id: str, first: str, last: str) -> bool:
        """Ask Clockify whether it has an entry on some days, though a report lacks it."""
        if entry_id not in self._asked:
            try:
                entry = self._context.clockify.entry(entry_id)
            except Refused:  # nobody knows: it stays as it is in the books
                return True
            start = instant_of(part_of(entry or {}, "timeInterval").get("start"))
            self._asked[entry_id] = None if start is None else start.date()
        begins = self._asked[entry_id]
        before, after = map(date.fromisoformat, _and_a_day_more(first, last))
        return begins is not None and before <= begins <= after

    def _time(
        self, entries: pd.DataFrame, booked: Mapping[str, list[Any]], first: str, last: str
    ) -> pd.DataFrame:
        """Return person, day, start and minutes of each entry on each of its days."""
        rules = self.facts.rules
        rows = [(id_, *_booked(row)) for id_, rows in booked.items() for row in rows]
        elsewhere = self._context.store.sent.of_neighbors(first, last)
        rows += [(f"{row.connection_id} {row.entry_id}", *_booked(row)) for row in elsewhere]
        kept = pd.DataFrame(rows, columns=_COLUMNS)
        is_ours = entries["user_id"].isin(list(self._employees))
        others = entries[is_ours & ~entries["entry_id"].isin(list(booked))]
        if rules.by_midnight:
            others = with_parts(others, self.facts.zones, rules.timezone, rules.rounding)
        minutes = minutes_by_part(others, rules.rounding)
        wholes = others["entry_id"].map(whole_id)
        others = others.assign(
            entry_id=wholes,
            minutes=minutes,
            start=wholes.map(entries.set_index("entry_id")["start"]),
            person=others["user_id"].map(self._employees),
        )
        others = others[(others["duration_s"] <= LONGEST_S) & (minutes <= LONGEST_S // 60)]
        time = pd.concat(
            [kept.astype(_DTYPES), others[_COLUMNS].astype(_DTYPES)], ignore_index=True
        )
        time = time[time["day"].between(first, last) & time["person"].notna()]
        about = {"minutes": "sum", "start": "min", "person": "first"}
        return time.groupby(_KEYS, as_index=False).agg(about)

    def _changed(self, minutes: pd.DataFrame, sent: Mapping[str, list[Any]]) -> dict[str, str]:
        """Say of sent entries what they would go as now, if that is something else."""
        totals = minutes.groupby(level="entry_id").sum()
        changed = {}
        for id_ in sent.keys() & set(totals.index):
            was = self._went_as(sent[id_])
            if was is None:
                continue
            now = totals.loc[id_]
            same_kind = set(now.index[now > 0]) == set(was.index[was > 0])
            if not same_kind or (len(was[was > 0]) > 1 and (was != now).any()):
                changed[id_] = _CHANGED.format(was=in_words(was), now=in_words(now))
        return changed

    def _went_as(self, rows: list[Any]) -> pd.Series | None:
        """Return the minutes of each kind as which an entry went; `None` by other settings."""
        was = dict.fromkeys(Hours, 0)
        for row in rows:
            by, _, kind = (row.contents_hours or "").rpartition(" ")
            if by != str(self.facts.rules.overtime):
                return None
            was[Hours(kind)] += row.minutes
        return pd.Series(was)


_CHANGED = (
    "Time of its workweek, or a rule, has changed since, and its overtime with that: it went as"
    " {was}, and would go as {now}."
)


def _weeks(overtime: Overtime, first: str, last: str) -> tuple[str, str]:
    """Return the workweeks of what begins on some days, and may go on for a night."""
    return overtime.weeks(first, (date.fromisoformat(last) + _DAY).isoformat())


def _and_a_day_more(first: str, last: str) -> tuple[str, str]:
    """Return the day before some days, and the day after them."""
    begin, end = date.fromisoformat(first) - _DAY, date.fromisoformat(last) + _DAY
    return begin.isoformat(), end.isoformat()


def _booked(row: Any) -> tuple[str, int, Any, str | None]:
    """Return day and minutes of a sent row, when its work began, and whose it is in the books."""
    person = part_of(json.loads(row.body), "EmployeeRef").get("value")
    return (
        row.txn_date,
        row.minutes,
        row.contents_start or pd.Timestamp(row.txn_date, tz="UTC"),
        person,
    )


def _has_moved(row: Any, entry: Mapping[str, Any]) -> bool:
    """Whether an entry begins or ends at another time than when it was sent."""
    if row.contents_entry_id is None:
        return True
    names = ("start", "day", "duration_s", "slack_s")
    before = {name: getattr(row, f"contents_{name}") for name in names}
    return moved(before, {**entry, "slack_s": 0})


@contextmanager
def open_workweeks(
    context: RunContext,
    facts: Facts,
    link_state: LinkState,
    staged: StagedEntries,
    days: Days,
    *,
    run: Callable[..., Any] = call_directly,
) -> Iterator[Workweeks | None]:
    """Read the workweeks of some days for a block; `None` where overtime is not computed.

    Raises:
        AskPerson: No rule says what overtime is.
        TryAgain: Clockify could not be read.
    """
    overtime = facts.rules.overtime
    if overtime is None:
        yield None
        return
    if why := without_overtime(facts.rules.book.rules, overtime):
        raise AskPerson(why)
    week = _and_a_day_more(*_weeks(overtime, *map(str, days)))
    first, last = map(date.fromisoformat, week)
    request = SendRequest(first, last, approved_only=False)
    with staging_entries() as around:
        run(extract, context, request, (first, last), replace(facts, filters=Filters()), around)
        yield Workweeks(context, facts, link_state, staged, around)
