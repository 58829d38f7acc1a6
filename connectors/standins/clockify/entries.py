"""The Clockify stand-in's time entries on the core host (FACTS 3).

There is no list of everybody's entries: one user at a time, or the running ones. Writes are the
few that a test or a person needs: new entries, deletion, the invoiced mark.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    Caller,
    CurrentCaller,
    Page,
    PageAsked,
    contains,
    deny,
    many,
    paged,
)
from connectors.standins.clockify.rows import entry_row
from connectors.standins.clockify.state import Row, State, refuse, zone_of
from connectors.standins.clockify.times import bound, first_second, parse, stored

router = APIRouter(prefix="/workspaces/{workspace_id}")

Flag = Annotated[bool, Query()]


class WrittenEntry(BaseModel):
    """The body that makes a time entry; without `end` it starts a timer."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    start: str
    end: str | None = None
    billable: bool = False
    description: str = ""
    project_id: str | None = None
    task_id: str | None = None
    tag_ids: list[str] | None = None
    type: Literal["REGULAR", "BREAK"] = "REGULAR"


class Invoiced(BaseModel):
    """The body that marks entries as invoiced, or takes the mark away."""

    model_config = ConfigDict(alias_generator=to_camel)

    time_entry_ids: list[str]
    invoiced: bool


@router.get("/user/{user_id}/time-entries")
async def list_entries(  # noqa: PLR0913 - one argument a query field, as FastAPI wants them
    *,
    caller: CurrentCaller,
    page: PageAsked,
    user_id: str,
    description: str = "",
    start: str | None = None,
    end: str | None = None,
    project: str | None = None,
    task: str | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
    project_required: Annotated[bool, Query(alias="project-required")] = False,
    task_required: Annotated[bool, Query(alias="task-required")] = False,
    in_progress: Annotated[bool | None, Query(alias="in-progress")] = None,
    hydrated: Flag = False,
) -> JSONResponse:
    state, wanted_tags = caller.state, many(tags or [])
    state.find("User", user_id)
    first, after = _window(caller, start, end)
    rows = [
        entry
        for entry in _of_user(state, user_id, first, after, running=bool(in_progress))
        if contains(entry.get("description"), description)
        and _has(entry.get("projectId"), project, required=project_required)
        and _has(entry.get("taskId"), task, required=task_required)
        and (not wanted_tags or wanted_tags & set(entry.get("tagIds") or []))
    ]
    rows = _newest_first(_visible(caller, rows))
    return paged(rows, page, lambda entry: entry_row(state, entry, hydrated=hydrated))


@router.get("/time-entries/status/in-progress")
async def list_running(
    caller: CurrentCaller,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(alias="page-size", ge=1)] = 10,
) -> JSONResponse:
    entries = list(caller.state.entries.values())
    rows = _newest_first(_visible(caller, [entry for entry in entries if entry["end"] is None]))
    asked = Page(page, min(page_size, 1000))  # a default and a limit of this route alone
    return paged(rows, asked, lambda entry: entry_row(caller.state, entry))


@router.get("/time-entries/{entry_id}")
async def show_entry(
    *, caller: CurrentCaller, entry_id: str, hydrated: Flag = False
) -> JSONResponse:
    entry = caller.state.find("Time entry", entry_id)
    if not _visible(caller, [entry]):
        deny()
    # Alone, even a hydrated entry has no user (FACTS 3).
    return JSONResponse(entry_row(caller.state, entry, hydrated=hydrated, with_user=False))


@router.post("/time-entries")
async def create_entry(caller: CurrentCaller, body: WrittenEntry) -> JSONResponse:
    return _created(caller, caller.user["id"], body)


@router.post("/user/{user_id}/time-entries")
async def create_entry_for(caller: CurrentCaller, user_id: str, body: WrittenEntry) -> JSONResponse:
    caller.state.find("User", user_id)
    if user_id != caller.user["id"]:
        caller.must_be_admin()
    return _created(caller, user_id, body)


@router.delete("/time-entries/{entry_id}")
async def delete_entry(caller: CurrentCaller, entry_id: str) -> Response:
    entry = caller.state.find("Time entry", entry_id)
    if entry["userId"] != caller.user["id"]:
        caller.must_be_admin()
    if entry.get("approved"):
        deny()  # locked for everyone, admins too (FACTS 6)
    del caller.state.entries[entry_id]
    return Response(status_code=204)


@router.patch("/time-entries/invoiced")
async def mark_invoiced(caller: CurrentCaller, body: Invoiced) -> Response:
    caller.must_be_admin()
    entries = [caller.state.find("Time entry", id_) for id_ in body.time_entry_ids]
    for entry in entries:
        entry["invoiced"] = body.invoiced
    return Response(status_code=200)  # with an empty body (FACTS 3)


def _window(caller: Caller, start: str | None, end: str | None) -> tuple[str, str]:
    """Return the window's edges as entries spell them: from the first, to before the second."""
    zone = zone_of(caller.user)  # the key's account; it may be the workspace's (FACTS 11)
    edges = [
        None if text is None else first_second(bound(text, zone, needs_offset=True))
        for text in (start, end)
    ]
    return edges[0] or "", edges[1] or "~"  # "~" sorts after every date


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


def _newest_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda entry: (entry["start"], entry["id"]), reverse=True)


def _created(caller: Caller, user_id: str, body: WrittenEntry) -> JSONResponse:
    state = caller.state
    _check_references(state, body)
    start, end = _moment(body.start), None if body.end is None else _moment(body.end)
    if end is not None and end < start:
        refuse("Start time is greater than end time")
    project: Row = state.projects.get(body.project_id or "", {})
    rate: Any = (project.get("hourlyRate") or {}).get("amount")
    entry = {
        "id": state.new_id(),
        "userId": user_id,
        **body.model_dump(by_alias=True),
        "start": start,
        "end": end,
        "rate": rate if body.billable else None,
        "currency": state.currency["code"],
        "approved": False,
    }
    state.entries[entry["id"]] = entry
    return JSONResponse(entry_row(state, entry), 201)


def _check_references(state: State, body: WrittenEntry) -> None:
    for kind, id_ in (("Project", body.project_id), ("Task", body.task_id)):
        if id_ is not None:
            state.find(kind, id_)
    for id_ in body.tag_ids or []:
        state.find("Tag", id_)


def _moment(text: str) -> str:
    try:
        moment = parse(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        refuse("Start and end must be in the format yyyy-MM-ddThh:mm:ssZ")
    return stored(moment)
