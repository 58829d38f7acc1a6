"""Reads the entries of a window, page by page, into the staging.

The window is widened by a day at each side and cut again by the entries' own instants: the service
reads its bounds on a wall clock (FACTS, Clockify, 1.6). The next page is fetched while the last
ones are read; a page is forgotten once its rows are staged.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain
from typing import Any

import pandas as pd

from connectors.clockify import missing_route
from connectors.errors import Refused
from connectors.reading_ahead import read_ahead
from connectors.staging import ENTRY, StagedEntries
from flows.jobs import Facts, JobRequest, Partners
from flows.world import World
from schemas.words import Kind
from transforms.days import local_days, month_slices
from transforms.entries import SetAside, read_report
from transforms.timers import as_report_rows

#: Rows that are read together: enough to be fast by columns, few enough to be small.
_ROWS_AT_ONCE = 5000


def extract(
    world: World,
    request: JobRequest,
    days: tuple[date, date],
    facts: Facts,
    staged: StagedEntries,
) -> list[str]:
    """Read the window's entries, running timers too.

    Args:
        world: What to work with.
        request: Says whether it matters which are approved; if not, all count as approved.
        days: First and last local day.
        facts: Whom and what to ask for.
        staged: Where the entries go; of rows with the same id the last one counts.

    Returns:
        What a person should know besides.
    """
    approvals = bool(request.approved_only)
    if approvals:
        for page in read_ahead(_pages(world, days, facts, approved_only=True)):
            staged.approve([str(row.get("_id")) for row in page if isinstance(row, dict)])
    for rows in _together(read_ahead(_pages(world, days, facts, approved_only=False))):
        _stage(world, rows, facts, staged, approvals=approvals)
    notes: list[str] = []
    try:
        running = world.clockify.running()
    except Refused as error:
        if not missing_route(error):
            raise
        running = []
        notes.append("Clockify did not tell which timers are running now.")
    if running:
        timers = as_report_rows(running, world.clockify.users(), world.clockify.projects())
        _stage(world, timers, facts, staged, approvals=approvals)
    staged.keep_days(*(day.isoformat() for day in days))
    return notes


def _pages(
    world: World, days: tuple[date, date], facts: Facts, *, approved_only: bool
) -> Iterator[list[Any]]:
    chosen = {
        "users": facts.filters.user_ids,
        "clients": facts.filters.client_ids,
        "projects": facts.filters.project_ids,
    }
    first, last = days[0] - timedelta(days=1), days[1] + timedelta(days=1)
    for start, end in month_slices(first, last):
        yield from world.clockify.report(
            start,
            end,
            timezone=world.timezone,
            filters={name: sorted(ids) for name, ids in chosen.items() if ids},
            billable=facts.filters.billable,
            approved_only=approved_only,
        )


def _together(pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Put pages together, to `_ROWS_AT_ONCE` rows or a page more."""
    some: list[list[Any]] = []
    for page in pages:
        some.append(page)
        if sum(map(len, some)) >= _ROWS_AT_ONCE:
            yield list(chain(*some))
            some = []
    if some:
        yield list(chain(*some))


def _stage(
    world: World, rows: list[Any], facts: Facts, staged: StagedEntries, *, approvals: bool
) -> None:
    """Stage the rows that are entries, with their local days, and note what the others lack."""
    approved = None
    if approvals:
        ids = [row.get("_id") for row in rows if isinstance(row, dict)]
        approved = staged.approved([id_ for id_ in ids if isinstance(id_, str)])
    read = read_report(rows, currency=facts.currency, approved_ids=approved)
    staged.add(
        read.entries.assign(
            start_us=read.entries["start"].astype("int64"),
            end_us=_microseconds(read.entries["end"]),
            day=local_days(read.entries["start"], world.timezone),
        )
    )
    staged.set_aside(_with_days(read.set_aside, world))


def _with_days(found: list[SetAside], world: World) -> list[tuple[str | None, str, str | None]]:
    """Give id, problem and local day of rows that are no entries; the day where it is known."""
    starts = pd.Series(pd.to_datetime([row.start for row in found], utc=True)).dropna()
    days = local_days(starts, world.timezone).to_dict()
    return [(row.entry_id, row.problem, days.get(place)) for place, row in enumerate(found)]


def _microseconds(instants: pd.Series) -> pd.Series:
    return instants.astype("int64").astype("Int64").mask(instants.isna())


def as_entries(staged: pd.DataFrame) -> pd.DataFrame:
    """Give staged rows as `TimeEntries` again."""
    entries = staged.assign(start=instants(staged["start_us"]), end=instants(staged["end_us"]))
    return entries[[_TIMES.get(name, name) for name in ENTRY if name != "day"]]


#: What the staging keeps as numbers.
_TIMES = {"start_us": "start", "end_us": "end"}


def instants(us: pd.Series) -> pd.Series:
    """Turn microseconds since 1970, UTC, into instants."""
    return pd.to_datetime(us.astype("Int64"), unit="us", utc=True).dt.as_unit("us")


def stale(world: World, staged: StagedEntries, partners: Partners) -> list[str]:
    """Say when entries belong to users or projects that the last sync has not seen."""
    found = {
        kind: set(staged.distinct(f"{kind}_id")[f"{kind}_id"].dropna()) - partners.known(kind)
        for kind in (Kind.USER, Kind.PROJECT)
    }
    counted = [f"{len(ids):,} {kind}{'s'[: len(ids) > 1]}" for kind, ids in found.items() if ids]
    if not counted:
        return []
    synced = partners.synced_at
    since = (
        f"newer than the last sync ({synced.astimezone(world.timezone):%Y-%m-%d %H:%M})"
        if synced
        else "unknown, because there was no sync yet"
    )
    are = "is" if sum(map(len, found.values())) == 1 else "are"
    told = f"{' and '.join(counted)} with entries here {are} {since}"
    return [f"{told}: run `clockbooks sync`, or send with --sync."]
