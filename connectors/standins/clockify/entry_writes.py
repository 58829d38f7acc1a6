"""The Clockify stand-in's time entries on the core host, as they are written (FACTS 3).

A PUT replaces: what it leaves out is cleared. There is no idempotency key: two equal POSTs make
two entries.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.changes import MARKS
from connectors.standins.clockify.http import Asked, Caller, CurrentCaller, Hydrated, many
from connectors.standins.clockify.locks import must_be_after_lock_date, must_be_open
from connectors.standins.clockify.rates import price
from connectors.standins.clockify.rows import entry_row, written_row
from connectors.standins.clockify.state import Row, State, refuse
from connectors.standins.clockify.times import parse_instant, stored

router = APIRouter(prefix="/workspaces/{workspace_id}")

LONGEST_DESCRIPTION = 3000

# What a setting requires, and the words of the refusal; only the first ones were seen.
REQUIRED = {
    "forceProjects": (
        "projectId",
        "Project is either required field or given project is archived.",
    ),
    "forceTasks": ("taskId", "Task is required field."),
    "forceTags": ("tagIds", "Tag is required field."),
    "forceDescription": ("description", "Description is required field."),
}


class WrittenCustomField(BaseModel):
    """One custom field's value, under the word for writes: `customFields`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    custom_field_id: str
    source_type: Literal["WORKSPACE", "PROJECT", "TIMEENTRY"] = "WORKSPACE"
    value: Any = None


class WrittenEntry(BaseModel):
    """The body that makes or replaces a time entry; without `end` the timer runs.

    The word for reads, `customFieldValues`, is ignored without a word, as are all unknown members.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    start: str
    end: str | None = None
    billable: bool = False
    description: str | None = Field(default="", max_length=LONGEST_DESCRIPTION)
    project_id: str | None = None
    task_id: str | None = None
    tag_ids: list[str] | None = None
    type: Literal["REGULAR", "BREAK"] = "REGULAR"
    custom_fields: list[WrittenCustomField] = Field(default=[], max_length=50)


class OneOfMany(WrittenEntry):
    """One entry of a bulk edit; what it leaves out is cleared, but for its start."""

    id: str
    start: str = ""


class Stop(BaseModel):
    """The body that stops a timer."""

    end: str


class Invoiced(BaseModel):
    """The body that marks entries as invoiced, or takes the mark away."""

    model_config = ConfigDict(alias_generator=to_camel)

    time_entry_ids: list[str] = Field(min_length=1)
    invoiced: bool


class DeleteQuery(Asked):
    """Which entries to delete."""

    time_entry_ids: list[str]


@router.post("/time-entries")
async def create_entry(caller: CurrentCaller, body: WrittenEntry) -> JSONResponse:
    return _created(caller, caller.user["id"], body)


@router.post("/user/{user_id}/time-entries")
async def create_entry_for(caller: CurrentCaller, user_id: str, body: WrittenEntry) -> JSONResponse:
    caller.state.find("User", user_id)
    if user_id != caller.user["id"]:
        caller.must_be_admin()
        caller.needs_feature("ADD_TIME_FOR_OTHERS")
    return _created(caller, user_id, body)


@router.post("/user/{user_id}/time-entries/{entry_id}/duplicate")
async def duplicate_entry(caller: CurrentCaller, user_id: str, entry_id: str) -> JSONResponse:
    state = caller.state
    entry = _of_user(caller, user_id, entry_id)
    copy = {key: value for key, value in entry.items() if key not in MARKS} | {"id": state.new_id()}
    price(state, copy)
    state.entries[copy["id"]] = copy
    return JSONResponse(written_row(state, copy), 201)


@router.put("/time-entries/{entry_id}")
async def replace_entry(caller: CurrentCaller, entry_id: str, body: WrittenEntry) -> JSONResponse:
    entry = _own(caller, entry_id)
    _replace(caller, entry, _checked(caller, body))
    return JSONResponse(written_row(caller.state, entry))


@router.put("/user/{user_id}/time-entries")
async def replace_entries(
    caller: CurrentCaller,
    user_id: str,
    asked: Annotated[Hydrated, Query()],
    body: list[OneOfMany],
) -> JSONResponse:
    """Replace several entries of a user: all of them, or none when one is refused."""
    state, entries, contents = caller.state, [], []
    for one in body:
        entry = _of_user(caller, user_id, one.id)
        one.start = one.start or entry["start"]
        entries.append(entry)
        contents.append(_checked(caller, one))
    for entry, content in zip(entries, contents, strict=True):
        _replace(caller, entry, content)
    show = entry_row if asked.hydrated else written_row
    more: Row = {"hydrated": True} if asked.hydrated else {}
    return JSONResponse([show(state, entry, **more) for entry in entries])


@router.patch("/user/{user_id}/time-entries")
async def stop_timer(caller: CurrentCaller, user_id: str, body: Stop) -> JSONResponse:
    """Stop the timer that a user has running; without one the answer is our guess."""
    state = caller.state
    state.find("User", user_id)
    running = [
        entry
        for entry in state.entries.values()
        if entry["userId"] == user_id and entry["end"] is None
    ]
    if not running:
        refuse("Time entry doesn't belong to Workspace")
    entry = _own(caller, running[-1]["id"])
    end = stored(parse_instant(body.end))
    _check_order(entry["start"], end)
    _check_required(state, entry)
    entry["end"] = end
    return JSONResponse(written_row(state, entry))


@router.delete("/time-entries/{entry_id}")
async def delete_entry(caller: CurrentCaller, entry_id: str) -> Response:
    _own(caller, entry_id)
    del caller.state.entries[entry_id]
    return Response(status_code=204)


@router.delete("/user/{user_id}/time-entries")
async def delete_entries(
    caller: CurrentCaller, user_id: str, asked: Annotated[DeleteQuery, Query()]
) -> JSONResponse:
    """Delete several entries of a user: all of them, or none when one is refused."""
    state = caller.state
    entries = [_of_user(caller, user_id, id_) for id_ in sorted(many(asked.time_entry_ids))]
    for entry in entries:
        del state.entries[entry["id"]]
    return JSONResponse([written_row(state, entry) for entry in entries])


@router.patch("/time-entries/invoiced")
async def mark_invoiced(caller: CurrentCaller, body: Invoiced) -> Response:
    """Mark entries, locked ones too: time is approved before it is billed."""
    caller.must_be_admin()
    entries = [caller.state.find("Time entry", id_) for id_ in body.time_entry_ids]
    for entry in entries:
        entry["invoiced"] = body.invoiced
    return Response(status_code=200)  # with an empty body


def _own(caller: Caller, entry_id: str) -> Row:
    """Look up an entry that the caller may change: their own, or any one's for an admin."""
    entry = caller.state.find("Time entry", entry_id)
    if entry["userId"] != caller.user["id"]:
        caller.must_be_admin()
    must_be_open(caller, entry)
    return entry


def _of_user(caller: Caller, user_id: str, entry_id: str) -> Row:
    caller.state.find("User", user_id)
    if caller.state.find("Time entry", entry_id)["userId"] != user_id:
        refuse("Time entry doesn't belong to Workspace")
    return _own(caller, entry_id)


def _created(caller: Caller, user_id: str, body: WrittenEntry) -> JSONResponse:
    state = caller.state
    if state.settings["timeTrackingMode"] == "STOPWATCH_ONLY" and body.end is not None:
        refuse("Manual time tracking is disabled on Workspace")  # the text is ours
    content = _checked(caller, body)
    if not caller.may_change_billable:
        project = state.projects.get(content["projectId"] or "", {})
        content["billable"] = bool(project.get("billable"))
    entry = {"id": state.new_id(), "userId": user_id, **content, "approved": False}
    price(state, entry)
    state.entries[entry["id"]] = entry
    return JSONResponse(written_row(state, entry), 201)


def _replace(caller: Caller, entry: Row, content: Row) -> None:
    """Replace what a body says of an entry; it keeps its rate unless what it hangs on changes."""
    before = (entry.get("projectId"), bool(entry.get("billable")))
    if not caller.may_change_billable:
        content["billable"] = before[1]
    entry |= content
    if before != (entry["projectId"], entry["billable"]):
        price(caller.state, entry)


def _checked(caller: Caller, body: WrittenEntry) -> Row:
    """Return what a body makes of an entry, or refuse it."""
    state = caller.state
    _check_references(state, body)
    start = stored(parse_instant(body.start))
    end = None if body.end is None else stored(parse_instant(body.end))
    if end is not None:
        _check_order(start, end)
    must_be_after_lock_date(caller, start)
    content = body.model_dump(by_alias=True, exclude={"id", "custom_fields"})
    content |= {
        "start": start,
        "end": end,
        "description": body.description or "",
        "projectId": body.project_id or None,
        "taskId": body.task_id or None,
        "customFields": {field.custom_field_id: field.value for field in body.custom_fields},
    }
    if end is not None:
        _check_required(state, content)
    return content


def _check_references(state: State, body: WrittenEntry) -> None:
    """Refuse ids of nothing; an archived project is accepted, as it was seen to be (FACTS 1.4)."""
    if body.project_id:
        state.find("Project", body.project_id)
    if body.task_id and state.find("Task", body.task_id)["projectId"] != body.project_id:
        refuse("Task doesn't belong to Project")  # the text is ours
    for id_ in body.tag_ids or []:
        state.find("Tag", id_)
    for field in body.custom_fields:
        state.find("Custom field", field.custom_field_id)


def _check_order(start: str, end: str) -> None:
    if end < start:
        refuse("Start time is greater than end time")


def _check_required(state: State, content: Row) -> None:
    """Refuse finished time that lacks what the workspace requires (FACTS 1.4 and 2.2)."""
    for setting, (key, why) in REQUIRED.items():
        if state.settings[setting] and not content.get(key):
            refuse(f"Time entry couldn't be created. {why}")
