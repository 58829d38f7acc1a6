"""Reads the entries of a window, page by page, into the staging.

The window is widened at each side, and what starts outside of it is dropped afterwards:
the service reads the bounds on a wall clock (FACTS, Clockify, 1.6). The next page is fetched while
the last ones are read; a page is dropped once its rows are staged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, partial
from itertools import chain
from typing import Any

import pandas as pd

from connectors.clockify.answers import missing_route
from connectors.clockify.client import READINGS
from connectors.clockify.report import Moved
from connectors.errors import Refused, TryAgain
from connectors.prefetch import read_ahead
from connectors.store.staging import StagedEntries
from flows.context import RunContext
from flows.sending.facts import Facts, LinkState
from flows.sending.request import JobRequest
from schemas.clockify import TimeEntries
from schemas.words import Kind, Problem
from transforms.directory.names import DELETED_USER
from transforms.entries.local_days import local_days, month_slices, workers_days
from transforms.entries.read_report import SetAside, read_report
from transforms.entries.running_timers import as_report_rows

#: Rows that are read together: enough to be fast by columns, few enough to be small.
_ROWS_AT_ONCE = 5000

#: Returns the currency of each of Clockify's clients, by id.
Currencies = Callable[[], dict[Any, Any]]

#: First and last day.
Days = tuple[date, date]


def extract(
    context: RunContext,
    request: JobRequest,
    days: tuple[date, date],
    facts: Facts,
    staged: StagedEntries,
) -> list[str]:
    """Read the window's entries, running timers too.

    Of rows with the same id the last one counts. Unless the request is for approved entries only,
    all count as approved. Returns notes for a person.

    Raises:
        TryAgain: The report could not be read, or changed each time that it was read.
    """
    notes = _stage_running(context, request, facts, staged)

    @cache
    def currencies() -> dict[Any, Any]:
        return {row.get("id"): row.get("currencyCode") for row in context.clockify.clients()}

    margin = timedelta(days=2 if facts.zones else 1)  # clocks of the world are 26 hours apart
    first, last = days[0] - margin, days[1] + margin
    reading = _Reading(context, request, facts, staged, currencies)
    unread = parts = month_slices(first, last)
    for _ in range(READINGS):
        for part in unread:
            reading.read(part)
        # An entry may move to a part that was read, from one that was not.
        unread = [part for part in parts if reading.has_changed(part)] if len(parts) > 1 else []
        if not unread:
            break
    else:
        raise TryAgain(
            f"Clockify's entries changed each of the {READINGS} times that they were read. Nothing"
            " was sent; run the command again."
        )
    staged.keep_days(*(day.isoformat() for day in days))
    return notes


def _stage_running(
    context: RunContext, request: JobRequest, facts: Facts, staged: StagedEntries
) -> list[str]:
    """Read the running timers: before the report, which has those that are stopped meanwhile."""
    try:
        running = context.clockify.running()
    except Refused as error:
        if not missing_route(error):
            raise
        return ["Clockify did not say which timers are running now."]
    if running:
        timers = as_report_rows(running, context.clockify.users(), context.clockify.projects())
        _stage(context, timers, facts, staged, approved=not request.approved_only)
    return []


@dataclass
class _Reading:
    """Reads the report, some days at a time, and notices what changes meanwhile."""

    context: RunContext
    request: JobRequest
    facts: Facts
    staged: StagedEntries
    currencies: Currencies
    _counts: dict[Days, object] = field(default_factory=dict)

    def read(self, days: Days) -> None:
        """Stage the report of some days; start again when it changes meanwhile."""
        for left in reversed(range(READINGS)):
            mark = self.staged.mark()
            try:
                self._stage_all(days)
                break
            except Moved as error:
                if not left:
                    raise TryAgain(f"{error} That happened {READINGS} times in a row.") from None
                self.staged.forget_since(mark)

    def has_changed(self, days: Days) -> bool:
        """Whether the report of some days has another count of entries than when it was read."""
        now: list[object] = []
        try:
            next(self._pages(days, counted=now.append), None)
        except Moved:
            return True
        return now != [self._counts[days]]

    def _stage_all(self, days: Days) -> None:
        """Stage all entries, then the approved ones in place of those.

        So what counts as approved is what it was in the very answer that called it approved.
        """
        asked = bool(self.request.approved_only)
        pages = self._pages(days, counted=partial(self._counts.__setitem__, days))
        self._stage_pages(pages, approved=not asked)
        if asked:
            pages = self._pages(days, approved_only=True)
            # Rows without an id cannot replace any, and were set aside before.
            with_id = (
                [row for row in page if isinstance(row, dict) and row.get("_id")] for page in pages
            )
            self._stage_pages(with_id, approved=True)

    def _stage_pages(self, pages: Iterator[list[Any]], *, approved: bool) -> None:
        for rows in _together(read_ahead(_with_currencies(pages, self.currencies))):
            _stage(self.context, rows, self.facts, self.staged, approved=approved)

    def _pages(self, days: Days, **more: Any) -> Iterator[list[Any]]:
        filters = self.facts.filters
        chosen = {
            "users": filters.user_ids,
            "clients": filters.client_ids,
            "projects": filters.project_ids,
            "tasks": filters.tasks,
            "tags": filters.tags,
        }
        return self.context.clockify.report(
            days,
            timezone=self.context.timezone,
            filters={name: sorted(ids) for name, ids in chosen.items() if ids},
            billable=filters.billable,
            **more,
        )


def _with_currencies(pages: Iterator[list[Any]], currencies: Currencies) -> Iterator[list[Any]]:
    """Fill in the client's currency where a row names none; clients are read only then."""
    for page in pages:
        for row in page:
            if isinstance(row, dict) and not row.get("currency"):
                client_id = row.get("clientId")
                if isinstance(client_id, str) and client_id:
                    row["currency"] = currencies().get(client_id)
        yield page


def _together(pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Join pages to `_ROWS_AT_ONCE` rows, or a page more."""
    some: list[list[Any]] = []
    for page in pages:
        some.append(page)
        if sum(map(len, some)) >= _ROWS_AT_ONCE:
            yield list(chain(*some))
            some = []
    if some:
        yield list(chain(*some))


def _stage(
    context: RunContext, rows: list[Any], facts: Facts, staged: StagedEntries, *, approved: bool
) -> None:
    """Stage the rows that are entries, with their local days, and set the others aside."""
    read = read_report(rows, currency=facts.currency, approved=approved, own_tags=facts.own_tags)
    staged.add(
        read.entries.assign(
            start_us=read.entries["start"].astype("int64"),
            end_us=microseconds(read.entries["end"]),
            day=workers_days(
                read.entries["start"], read.entries["user_id"], facts.zones, context.timezone
            ),
        )
    )
    staged.set_aside(_with_days(read.set_aside, context))


def _with_days(
    found: list[SetAside], context: RunContext
) -> list[tuple[str | None, str, str | None]]:
    """Return id, problem and, where it is known, local day of rows that are no entries."""
    starts = pd.Series(pd.to_datetime([row.start for row in found], utc=True)).dropna()
    days = local_days(starts, context.timezone).to_dict()
    return [(row.entry_id, row.problem, days.get(place)) for place, row in enumerate(found)]


def microseconds(instants: pd.Series) -> pd.Series:
    """Return instants as microseconds since 1970, UTC."""
    return instants.astype("int64").astype("Int64").mask(instants.isna())


def as_entries(staged: pd.DataFrame) -> pd.DataFrame:
    """Return staged rows as `TimeEntries` again, with their `day`."""
    entries = staged.assign(start=instants(staged["start_us"]), end=instants(staged["end_us"]))
    return entries[[*TimeEntries.to_schema().columns, "day"]]


def instants(us: pd.Series) -> pd.Series:
    """Permit microseconds since 1970, UTC, into instants."""
    return pd.to_datetime(us.astype("Int64"), unit="us", utc=True).dt.as_unit("us")


def stale(context: RunContext, staged: StagedEntries, link_state: LinkState) -> list[str]:
    """Note when entries belong to users or projects that the last sync has not seen.

    No sync sees a deleted user whom Clockify lists no more: such an id is kept, to link it by hand.
    """
    people = staged.distinct("user_id", "user_name")
    deleted = set(people.loc[people["user_name"] == DELETED_USER, "user_id"].dropna())
    projects = staged.distinct("project_id")["project_id"]
    users = set(people["user_id"].dropna()) - link_state.known(Kind.USER)
    if gone := users & deleted:
        row = {"kind": Kind.USER, "clockify_name": DELETED_USER, "problem": Problem.GONE}
        context.store.links.add_gone(
            [row | {"clockify_id": id_, "candidates": ""} for id_ in sorted(gone)]
        )
    unseen = {
        Kind.USER: users - deleted,
        Kind.PROJECT: set(projects.dropna()) - link_state.known(Kind.PROJECT),
    }
    counted = [f"{len(ids):,} {kind}{'s'[: len(ids) > 1]}" for kind, ids in unseen.items() if ids]
    if not counted:
        return []
    synced = link_state.synced_at
    since = (
        f"newer than the last sync ({synced.astimezone(context.timezone):%Y-%m-%d %H:%M})"
        if synced
        else "unknown, because there was no sync yet"
    )
    are = "is" if sum(map(len, unseen.values())) == 1 else "are"
    subject = f"{' and '.join(counted)} with entries here {are} {since}"
    return [f"{subject}: run `clockbooks sync`, or let the send compare the directories first."]
