"""The Clockify stand-in's time entries on the core host, as they are read (FACTS 3).

There is no list of everybody's entries: one user at a time, or the running ones.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from connectors.standins.clockify.http import (
    AskedPage,
    Caller,
    CurrentCaller,
    Hydrated,
    contains,
    deny,
    many,
    paged,
)
from connectors.standins.clockify.rows import entry_row
from connectors.standins.clockify.state import Row, State, zone_of
from connectors.standins.clockify.times import bound, first_second

router = APIRouter(prefix="/workspaces/{workspace_id}")

LARGEST_RUNNING_PAGE = 1000


class EntryQuery(AskedPage):
    """Which of a user's entries to list."""

    description: str = ""
    start: str | None = None
    end: str | None = None
    project: str | None = None
    task: str | None = None
    tags: list[str] = Field(default=[])
    project_required: bool = False
    task_required: bool = False
    in_progress: bool | None = None
    get_week_before: str | None = None
    hydrated: bool = False


class RunningQuery(AskedPage):
    """The timers that run: ten a page, a default of this route alone."""

    page_size: int = 10


@router.get("/user/{user_id}/time-entries")
async def list_entries(
    caller: CurrentCaller, user_id: str, asked: Annotated[EntryQuery, Query()]
) -> JSONResponse:
    state, wanted_tags = caller.state, many(asked.tags)
    state.find("User", user_id)
    first, after = _window(caller, asked.start, asked.end)
    in_week = _in_week_before(caller, asked.get_week_before)
    rows = [
        entry
        for entry in _of_user(state, user_id, first, after, running=bool(asked.in_progress))
        if in_week(entry)
        and contains(entry.get("description"), asked.description)
        and _has(entry.get("projectId"), asked.project, required=asked.project_required)
        and _has(entry.get("taskId"), asked.task, required=asked.task_required)
        and (not wanted_tags or wanted_tags & set(entry.get("tagIds") or []))
    ]
    rows = _in_order(state, _visible(caller, rows))
    return paged(
        state,
        rows,
        asked,
        lambda entry: entry_row(state, entry, hydrated=asked.hydrated, rates=caller.sees_rates),
    )


@router.get("/time-entries/status/in-progress")
async def list_running(
    caller: CurrentCaller, asked: Annotated[RunningQuery, Query()]
) -> JSONResponse:
    state = caller.state
    running = [entry for entry in list(state.entries.values()) if entry["end"] is None]
    return paged(
        state,
        _in_order(state, _visible(caller, running)),
        asked,
        lambda entry: entry_row(state, entry, rates=caller.sees_rates),
        largest=LARGEST_RUNNING_PAGE,
    )


@router.get("/time-entries/{entry_id}")
async def show_entry(
    caller: CurrentCaller, entry_id: str, asked: Annotated[Hydrated, Query()]
) -> JSONResponse:
    entry = caller.state.find("Time entry", entry_id)
    if not _visible(caller, [entry]):
        deny()
    # Alone, even a hydrated entry has no user (FACTS 3).
    row = entry_row(
        caller.state, entry, hydrated=asked.hydrated, with_user=False, rates=caller.sees_rates
    )
    return JSONResponse(row)


def _window(caller: Caller, start: str | None, end: str | None) -> tuple[str, str]:
    """Return the window's edges as entries spell them: from the first, to before the second."""
    zone = zone_of(caller.state.window_user(caller.user))
    edges = [
        None if text is None else first_second(bound(text, zone, needs_offset=True))
        for text in (start, end)
    ]
    return edges[0] or "", edges[1] or "~"  # "~" sorts after every date


def _in_week_before(caller: Caller, text: str | None) -> Callable[[Row], bool]:
    """Return a test: began in the week before then, and has a project or a task (OpenAPI)."""
    if text is None:
        return lambda _entry: True
    end = bound(text, zone_of(caller.state.window_user(caller.user)), needs_offset=True)
    first, after = first_second(end - timedelta(weeks=1)), first_second(end)
    return lambda entry: (
        first <= entry["start"] < after and bool(entry.get("projectId") or entry.get("taskId"))
    )


def _visible(caller: Caller, rows: list[Row]) -> list[Row]:
    """Hide others' entries from one who may see only their own: without a word (FACTS 2.3)."""
    if caller.sees_all_entries:
        return rows
    return [entry for entry in rows if entry["userId"] == caller.user["id"]]


def _of_user(state: State, user_id: str, first: str, after: str, *, running: bool) -> list[Row]:
    entries = list(state.entries.values())  # tests write meanwhile
    return [
        entry
        for entry in entries
        if entry["userId"] == user_id
        and first <= entry["start"] < after
        and (entry["end"] is None or not running)
    ]


def _has(id_: str | None, wanted: str | None, *, required: bool) -> bool:
    return wanted in {None, id_} and bool(id_ or not required)


def _in_order(state: State, rows: list[Row]) -> list[Row]:
    newest_first = state.switches.entry_order == "newest"
    return sorted(rows, key=lambda entry: (entry["start"], entry["id"]), reverse=newest_first)
