"""Reads all three sides of some days, and judges each sent entry; yields them some days at a time.

Clockify is read by its report, as a send reads it, and QuickBooks by queries over TxnDate. What is
missing on one side is looked for by its id before it counts as gone: it may have moved to other
days. Nothing is held for the whole window.
"""

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from typing import Any

import pandas as pd

from connectors.errors import Refused
from connectors.prefetch import read_ahead
from connectors.quickbooks.batch import created_at, instant_of, part_of
from connectors.store.books import InFlight
from connectors.store.scope import records
from connectors.store.staging import StagedEntries, staging_entries
from flows.connections.unknown_time import check_whole
from flows.context import RunContext
from flows.reconciliation.findings import NEVER_SENT, Finding, compared, unknown, unsent
from flows.reconciliation.request import ReconcileRequest
from flows.reconciliation.sides import is_from_file, now_of, sent_of
from flows.reconciliation.units import (
    as_whole,
    on_its_days,
    unit_of,
    united,
    with_other_hours,
    with_other_parts,
)
from flows.sending import match_ledger
from flows.sending.extract import as_entries, extract
from flows.sending.facts import Facts, LinkState
from flows.sending.match_ledger import LedgerMatch
from flows.sending.request import SendRequest
from flows.sending.split import cut, in_their_parts
from flows.sending.workweeks import Workweeks, open_workweeks
from schemas.part_ids import whole_id
from schemas.words import Kind, LedgerState
from transforms.entries.local_days import local_days, month_slices
from transforms.identity.match_books import (
    CLOCK_MARGIN,
    Found,
    Wanted,
    content_of,
    content_of_body,
    match_books,
)
from transforms.plan.judge import judge_entries
from transforms.reconciliation.sides import Now
from transforms.reconciliation.totals import Share

#: Entries that are compared at once, more or less: whole days.
SLICE_ROWS = 5_000


class Comparison:
    """One reconciliation's reading.

    Attributes:
        rules: What entries are judged by.
        notes: What a person should know besides; complete once all parts were read.
        on_their_way: What QuickBooks has of entries of others that are on their way, or in doubt;
            likewise.
        unreadable: Sent entries that could not be compared; likewise.
    """

    def __init__(
        self,
        context: RunContext,
        request: ReconcileRequest,
        facts: Facts,
        link_state: LinkState,
        anew: Facts,
    ) -> None:
        """Take what the days are read and judged by; *anew* is what the next send judges by."""
        self.notes: list[str] = []
        self._began_at = context.quickbooks.time
        self._context, self._request, self._facts = context, request, facts
        self._link_state, self._anew = link_state, anew
        self._weeks: Workweeks | None = None
        rules = request.rules(facts.company.closed_until)
        of_lines = context.store.lines.whole(request.entry_ids).values()
        self.rules = replace(rules, entry_ids={*rules.entry_ids, *chain(*of_lines)})
        self._window = (request.start.isoformat(), request.end.isoformat())
        self._send = self._as_send()
        links = link_state.links
        people = links[links["kind"] == Kind.USER]
        self._people = {
            f"{kind.capitalize()}:{id_}"
            for kind, id_ in zip(people["qbo_kind"], people["qbo_id"], strict=True)
        }
        self.unreadable: list[str] = []
        self.on_their_way: list[Share] = []
        self._without_length: list[str] = []
        self._seen: set[str | None] = set()

    def parts(self) -> Iterator[list[Finding]]:
        """Read and compare the window; yield what was found on some days, also what agrees.

        Raises:
            TryAgain: A service could not be read, or changed while it was read.
        """
        with staging_entries() as staged, _loaded_set_aside():
            days = (self._request.start, self._request.end)
            self.notes += extract(self._context, self._send, days, self._facts, staged)
            windows = self._windows(staged)
            in_books = read_ahead(self._activities(*days) for days in windows)
            with self._in_weeks(days, staged):
                for (first, last), activities in zip(windows, in_books, strict=True):
                    yield self._part(first, last, activities, staged)
        if self.unreadable:
            self.notes.append(
                f"{len(self.unreadable):,} sent entries could not be compared, because Clockify"
                " refuses to show them, or its answer about them cannot be read:"
                f" {', '.join(self.unreadable[:20])}."
            )
        if self._without_length:
            self.notes.append(
                f"{len(self._without_length):,} TimeActivities count as no time, because how long"
                f" they are cannot be read: {', '.join(self._without_length[:20])}."
            )

    @contextmanager
    def _in_weeks(self, days: tuple[date, date], staged: StagedEntries) -> Iterator[None]:
        """Know the workweeks of some days for a block, where overtime is computed."""
        before, facts = self._weeks, self._anew
        with open_workweeks(self._context, facts, self._link_state, staged, days) as self._weeks:
            yield
        self._weeks = before

    def _as_send(self) -> SendRequest:
        """Return the send whose entries are read; it asks for approvals where they matter."""
        matters = self._request.approved_only or self._context.store.sent.any_approved()
        return replace(self._request.as_send, approved_only=bool(matters))

    def _windows(self, staged: StagedEntries) -> list[tuple[str, str]]:
        """Return the first and the last day of each part; together they are the whole window."""
        lasts = [last for _, last in staged.windows(SLICE_ROWS)][:-1]
        nexts = [(date.fromisoformat(last) + timedelta(days=1)).isoformat() for last in lasts]
        start, end = self._window
        return list(zip([start, *nexts], [*lasts, end], strict=True))

    def _part(
        self,
        first: str,
        last: str,
        activities: Mapping[str, Mapping[str, Any]],
        staged: StagedEntries,
    ) -> list[Finding]:
        now, aliases = self._clockify(staged.between(first, last))
        accounted, in_flight = self._context.store.books.accounted(list(activities))
        sent = self._sent(first, last, now, aliases)
        sent |= self._moved_in(activities.keys() & accounted, sent, staged)
        rows, units = with_other_parts(self._context, list(sent.values()))
        known = {aliases.get(row.entry_id, row.entry_id) for row in rows}
        rows = [row for row in rows if unit_of(row, units) not in self._seen]
        sent = {aliases.get(row.entry_id, row.entry_id): row for row in rows}
        compared = self._compare_sent(sent, units, now, activities, staged, (first, last))
        findings = [
            *united(compared),
            *(
                unsent(id_, one, self._window)
                for id_, one in now.items()
                if id_ not in known and one.reason not in NEVER_SENT
            ),
            *self._unknown_of(
                {id_: row for id_, row in activities.items() if id_ not in accounted}, in_flight
            ),
        ]
        self._without_length += [
            one.time_activity_id or ""
            for one in findings
            if one.judged.sides.get("quickbooks", {}).get("minutes", 0) is None
        ]
        return findings

    def _sent(
        self, first: str, last: str, now: Iterable[str], aliases: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what was sent for some days, or is in Clockify on them, by Clockify's ids."""
        store = self._context.store
        of_days = store.sent.between(first, last)
        ids = {row.entry_id for row in of_days}
        moved = store.sent.of([id_ for id_ in [*now, *aliases] if id_ not in ids])
        return {aliases.get(row.entry_id, row.entry_id): row for row in [*of_days, *moved]}

    def _compare_sent(
        self,
        sent: Mapping[str, Any],
        units: Collection[str],
        now: Mapping[str, Now],
        activities: Mapping[str, Mapping[str, Any]],
        staged: StagedEntries,
        days: tuple[str, str],
    ) -> Iterator[Finding]:
        """Compare what was sent; look elsewhere for what is missing on these days."""
        lacking = [id_ for id_ in sent if id_ not in now]
        elsewhere, gone = self._elsewhere(lacking, sent, staged)
        missing = {row.time_activity_id for row in sent.values()} - activities.keys()
        others = self._activities_by_id(sorted(missing))
        check_whole(others.values(), days, self._began_at)
        by_id, in_clockify = {**activities, **others}, {**elsewhere, **now}
        units = {*units, *(whole_id(id_) for id_, one in in_clockify.items() if one.other_hours)}
        unread = {id_ for id_ in sent if id_ not in in_clockify and id_ not in gone}
        with_unread = {sent[id_].line for id_ in unread} - {None}
        whole = [id_ for id_, row in sent.items() if row.line in with_unread]
        self.unreadable += [id_ for id_ in whole if id_ not in unread]
        for id_, row in sent.items():
            if id_ not in unread and id_ not in whole:
                unit, activity = unit_of(row, units), by_id.get(row.time_activity_id)
                self._seen |= {unit} - {None}
                side = sent_of(row, unit)
                found = compared(
                    side, row, in_clockify.get(id_), activity, self.rules, self._window
                )
                # Clockify's id, also while a dry run keeps a file's.
                yield replace(found, entry_id=id_)

    def _unknown_of(
        self, activities: Mapping[str, Mapping[str, Any]], in_flight: Sequence[InFlight]
    ) -> Iterator[Finding]:
        """Judge what nobody's ledger accounts for, but for what entries on their way may be."""
        ours = {id_: row for id_, row in activities.items() if _person(row) in self._people}
        on_their_way = _of_others(ours, in_flight)
        for id_, row in ours.items():
            finding = unknown(id_, row, self._window)
            if id_ in on_their_way:
                self.on_their_way += finding.shares
            else:
                yield finding

    def _moved_in(
        self, accounted: AbstractSet[str], sent: Mapping[str, Any], staged: StagedEntries
    ) -> dict[str, Any]:
        """Return entries that were sent for days outside, and moved to these in QuickBooks."""
        known = {row.time_activity_id for row in sent.values()}
        rows = self._context.store.sent.of_activities(sorted(accounted - known))
        first, last = self._window
        outside = [row for row in rows if not first <= row.txn_date <= last]
        present = staged.present([whole_id(row.entry_id) for row in outside])
        return {row.entry_id: row for row in outside if whole_id(row.entry_id) not in present}

    def _clockify(self, rows: pd.DataFrame) -> tuple[dict[str, Now], dict[str, str]]:
        """Return Clockify's entries and parts of entries, by id.

        An entry that went in parts has those that were sent: its time is spread over them, and what
        it is about, and whether it may go, is the whole's.

        Returns:
            Those; and the ids of entries that were sent from a file.
        """
        if rows.empty:
            return {}, {}
        facts = self._facts
        whole = as_entries(rows).reset_index(drop=True)
        match = match_ledger.match_entries(self._context, whole, self._link_state.links)
        days = whole["day"].min(), whole["day"].max()
        hours = self._weeks.of(*days) if self._weeks else None
        parts, match = in_their_parts(self._context, facts, whole, match, hours)
        sent = match.held.loc[match.held["state"] == LedgerState.SENT, "entry_id"].map(whole_id)
        approved = self._approved(whole, set(sent))
        entries = parts.assign(
            approved=parts["approved"] | parts["entry_id"].map(whole_id).isin(approved)
        )
        if not self._request.dry_run:
            self._context.store.contents.adopt(match.own_ids)
        aliases = match.own_ids if self._request.dry_run else {}
        plan = self._plan(on_its_days(entries, whole, match.units), match)
        contents = {row["entry_id"]: row for row in records(match.contents.frame)}
        now = now_of(entries, plan, contents, facts.rules)
        changed = hours.changed if hours else {}
        now |= with_other_hours(now, changed)
        if units := {*match.units, *changed}:
            anew = cut(facts, whole[whole["entry_id"].isin(units)], hours)
            now |= as_whole(now, self._plan(anew, match, self._anew), units)
        return now, dict(aliases)

    def _plan(
        self, entries: pd.DataFrame, match: LedgerMatch, facts: Facts | None = None
    ) -> pd.DataFrame:
        links, facts = self._link_state, facts or self._facts
        return judge_entries(
            entries,
            held=match.held[match.held["state"] != LedgerState.SENT],
            links=links.links,
            unlinked=links.unlinked,
            rules=replace(facts.rules, approved_only=bool(self._request.approved_only)),
        )

    def _approved(self, entries: pd.DataFrame, sent: AbstractSet[str]) -> set[str]:
        """Read once more which sent entries are approved, of those that seem not to be.

        Approvals come in an answer of their own. One that is cut or empty withdraws none.
        """
        doubtful = entries[~entries["approved"] & entries["entry_id"].isin(sent)]
        if doubtful.empty:
            return set()
        days = local_days(doubtful["start"], self._context.timezone)
        day = timedelta(days=1)  # the service reads the bounds on a wall clock of its own
        first, last = (date.fromisoformat(one) for one in (days.min(), days.max()))
        return {
            str(row.get("_id"))
            for part in month_slices(first - day, last + day)
            for page in self._context.clockify.report(
                part, timezone=self._context.timezone, approved_only=True
            )
            for row in page
        }

    def _elsewhere(
        self, ids: Sequence[str], sent: Mapping[str, Any], staged: StagedEntries
    ) -> tuple[dict[str, Now], set[str]]:
        """Look for sent entries that Clockify does not have on these days.

        Returns:
            Those that it has on days outside of the window, and those that it does not have at all.
            The others belong to another part, or could not be read.
        """
        from_files = {id_ for id_ in ids if is_from_file(sent[id_])}
        wholes = {whole_id(id_) for id_ in ids}
        # Of a line, all entries are compared at once, also those of other days by now.
        present = staged.present(sorted(wholes - {id_ for id_ in ids if sent[id_].line}))
        unreadable = present & {row["entry_id"] or "" for row in staged.problems()}
        self.unreadable += sorted(unreadable)
        days, gone = self._days_of(sorted(wholes - present - from_files))
        moved: dict[str, Now] = {}
        for day in sorted(set(days.values())):
            moved |= self._of_day(day, {id_ for id_, its_day in days.items() if its_day == day})
        self.unreadable += sorted(days.keys() - set(map(whole_id, moved)))
        gone |= from_files - present
        return moved, {id_ for id_ in ids if whole_id(id_) in gone}

    def _days_of(self, ids: Sequence[str]) -> tuple[dict[str, date], set[str]]:
        """Ask Clockify for entries one by one; return the days of some, and which are gone."""
        days, gone = {}, set()
        for id_ in ids:
            try:
                entry = self._context.clockify.entry(id_)
            except Refused:
                self.unreadable.append(id_)
                continue
            start = instant_of(part_of(entry or {}, "timeInterval").get("start"))
            if entry is None:
                gone.add(id_)
            elif start is None or entry.get("id") != id_:
                self.unreadable.append(id_)
            else:
                zone = self._facts.zone_of(str(entry.get("userId")))
                days[id_] = start.astimezone(zone).date()
        return days, gone

    def _of_day(self, day: date, ids: set[str]) -> dict[str, Now]:
        with staging_entries() as staged:
            extract(self._context, self._send, (day, day), self._facts, staged)
            for rows in staged.slices(SLICE_ROWS):
                with self._in_weeks((day, day), staged):
                    return self._clockify(rows[rows["entry_id"].isin(ids)])[0]
        return {}

    def _activities(self, first: str, last: str) -> dict[str, dict[str, Any]]:
        rows = self._context.quickbooks.time_activities(first, last, created_from=None)
        return {str(row["Id"]): row for row in rows}

    def _activities_by_id(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._context.quickbooks.time_activities_by_id(ids)
        return {str(row["Id"]): row for row in rows}


@contextmanager
def _loaded_set_aside() -> Iterator[None]:
    """Keep the garbage collector from going through what is loaded already, which stays anyway."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _person(activity: Mapping[str, Any]) -> str:
    return ":".join(content_of(activity).person)


def _of_others(activities: Mapping[str, Any], in_flight: Sequence[InFlight]) -> set[str]:
    """Return TimeActivities that entries on their way may be: equal ones are counted."""
    claims = [
        Wanted(str(nth), content_of_body(one.body), one.qbo_time and one.qbo_time - CLOCK_MARGIN)
        for nth, one in enumerate(in_flight)
    ]
    found = [Found(id_, content_of(row), created_at(row)) for id_, row in activities.items()]
    return set(match_books(claims, [], found).found.values()) if claims else set()
