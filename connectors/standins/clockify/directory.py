"""The Clockify stand-in's directory: clients, projects, tasks, tags (FACTS 2.5 to 2.7).

An archived client or project keeps its name reserved until it is deleted, and can be deleted
only once archived. Two clients may have projects of the same name.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    Caller,
    CurrentCaller,
    PageAsked,
    SortOrder,
    contains,
    deny,
    many,
    paged,
)
from connectors.standins.clockify.rows import client_row, project_row, tag_row, task_row
from connectors.standins.clockify.state import Row, State, refuse

router = APIRouter(prefix="/workspaces/{workspace_id}")

Status = Literal["ACTIVE", "ARCHIVED", "ALL"]
Strict = Annotated[bool, Query(alias="strict-name-search")]
SortColumn = Annotated[str, Query(alias="sort-column")]
Order = Annotated[SortOrder, Query(alias="sort-order")]
Ids = Annotated[list[str] | None, Query()]

LONGEST = {"Client": 100, "Project": 250, "Task": 1000, "Tag": 100}
SHORTEST = {"Project": 2}  # of the others, one character will do


class Written(BaseModel):
    """What a write may say; `None` where it says nothing. Unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    name: str | None = None
    archived: bool | None = None


class WrittenClient(Written):
    """The body that makes or replaces a client."""

    email: str | None = None
    address: str | None = None
    note: str | None = None
    cc_emails: list[str] | None = None


class WrittenProject(Written):
    """The body that makes or replaces a project."""

    client_id: str | None = None
    billable: bool | None = None
    is_public: bool | None = None
    color: str | None = None
    note: str | None = None
    hourly_rate: dict[str, Any] | None = None
    cost_rate: dict[str, Any] | None = None


@router.get("/clients")
async def list_clients(
    *,
    caller: CurrentCaller,
    page: PageAsked,
    name: str = "",
    archived: bool | None = None,
    column: SortColumn = "NAME",
    order: Order = "ASCENDING",
) -> JSONResponse:
    rows = [
        client
        for client in caller.state.clients.values()
        if contains(client["name"], name) and _fits(client.get("archived", False), archived)
    ]
    return paged(_sorted(rows, column, order), page, lambda row: client_row(caller.state, row))


@router.get("/clients/{client_id}")
async def show_client(caller: CurrentCaller, client_id: str) -> JSONResponse:
    return JSONResponse(client_row(caller.state, caller.state.find("Client", client_id)))


@router.post("/clients")
async def create_client(caller: CurrentCaller, body: WrittenClient) -> JSONResponse:
    state = caller.state
    _may_create(caller, "whoCanCreateProjectsAndClients")
    name = _free_name(state, "Client", body.name, state.clients.values())
    client: Row = {"id": state.new_id(), "name": name, "archived": False}
    # ccEmails and the currency are dropped on creation (FACTS 2.5).
    client |= body.model_dump(include={"email", "address", "note"})
    state.clients[client["id"]] = client
    return JSONResponse(client_row(state, client), 201)


@router.put("/clients/{client_id}")
async def replace_client(
    *,
    caller: CurrentCaller,
    client_id: str,
    body: WrittenClient,
    archive_projects: Annotated[bool, Query(alias="archive-projects")] = False,
) -> JSONResponse:
    state = caller.state
    client = state.find("Client", client_id)
    caller.must_be_admin()
    others = [other for other in state.clients.values() if other is not client]
    client["name"] = _free_name(state, "Client", body.name, others)
    client["archived"] = bool(body.archived)
    client["ccEmails"] = body.cc_emails
    client |= body.model_dump(include={"email", "address", "note"})
    if client["archived"] and archive_projects:
        for project in state.projects.values():
            if project.get("clientId") == client_id:
                project["archived"] = True
    return JSONResponse(client_row(state, client))


@router.delete("/clients/{client_id}")
async def delete_client(caller: CurrentCaller, client_id: str) -> JSONResponse:
    state = caller.state
    client = state.find("Client", client_id)
    caller.must_be_admin()
    if not client.get("archived"):
        refuse("Cannot delete an active client")
    del state.clients[client_id]
    for project in state.projects.values():
        if project.get("clientId") == client_id:
            project["clientId"] = ""
    return JSONResponse(client_row(state, client))


@router.get("/projects")
async def list_projects(  # noqa: PLR0913 - one argument a query field, as FastAPI wants them
    *,
    caller: CurrentCaller,
    page: PageAsked,
    name: str = "",
    strict: Strict = False,
    archived: bool | None = None,
    billable: bool | None = None,
    clients: Ids = None,
    contains_client: Annotated[bool, Query(alias="contains-client")] = True,
    client_status: Annotated[Status, Query(alias="client-status")] = "ALL",
    access: Literal["PUBLIC", "PRIVATE"] | None = None,
    hydrated: bool = False,
    column: SortColumn = "ID",
    order: Order = "ASCENDING",
) -> JSONResponse:
    state, wanted = caller.state, many(clients or [])

    def is_wanted(project: Row) -> bool:
        client = state.clients.get(project.get("clientId") or "")
        return (
            _named(project["name"], name, strict=strict)
            and _fits(project.get("archived", False), archived)
            and _fits(project.get("billable", False), billable)
            and (not wanted or (project.get("clientId") in wanted) == contains_client)
            and (client is None or _has_status(client, client_status))
            and (access is None or project.get("public", True) == (access == "PUBLIC"))
        )

    rows = [project for project in state.projects.values() if is_wanted(project)]
    return paged(
        _sorted(rows, column, order), page, lambda row: project_row(state, row, hydrated=hydrated)
    )


@router.get("/projects/{project_id}")
async def show_project(
    *,
    caller: CurrentCaller,
    project_id: str,
    hydrated: bool = False,
) -> JSONResponse:
    project = caller.state.find("Project", project_id)
    return JSONResponse(project_row(caller.state, project, hydrated=hydrated))


@router.post("/projects")
async def create_project(caller: CurrentCaller, body: WrittenProject) -> JSONResponse:
    state = caller.state
    _may_create(caller, "whoCanCreateProjectsAndClients")
    project: Row = {"id": state.new_id(), "archived": False, "clientId": ""}
    _write_project(state, project, body)
    project["memberships"] = [
        {
            "userId": caller.user["id"],
            "hourlyRate": None,
            "costRate": None,
            "targetId": project["id"],
            "membershipType": "PROJECT",
            "membershipStatus": "ACTIVE",
        }
    ]
    state.projects[project["id"]] = project
    return JSONResponse(project_row(state, project), 201)


@router.put("/projects/{project_id}")
async def replace_project(
    caller: CurrentCaller, project_id: str, body: WrittenProject
) -> JSONResponse:
    project = caller.state.find("Project", project_id)
    caller.must_be_admin()
    changed = dict(project)
    _write_project(caller.state, changed, body)
    project |= changed
    return JSONResponse(project_row(caller.state, project))


@router.delete("/projects/{project_id}")
async def delete_project(caller: CurrentCaller, project_id: str) -> JSONResponse:
    project = caller.state.find("Project", project_id)
    caller.must_be_admin()
    if not project.get("archived"):
        refuse("Cannot delete an active project")
    del caller.state.projects[project_id]
    return JSONResponse(project_row(caller.state, project))


@router.get("/projects/{project_id}/tasks")
async def list_tasks(
    *,
    caller: CurrentCaller,
    page: PageAsked,
    project_id: str,
    name: str = "",
    strict: Strict = False,
    is_active: Annotated[bool | None, Query(alias="is-active")] = None,
    column: SortColumn = "ID",
    order: Order = "ASCENDING",
) -> JSONResponse:
    state = caller.state
    state.find("Project", project_id)
    rows = [
        task
        for task in state.tasks.values()
        if task["projectId"] == project_id
        and _named(task["name"], name, strict=strict)
        and _fits(task.get("status", "ACTIVE") == "ACTIVE", is_active)
    ]
    return paged(_sorted(rows, column, order), page, lambda row: task_row(state, row))


@router.get("/projects/{project_id}/tasks/{task_id}")
async def show_task(caller: CurrentCaller, project_id: str, task_id: str) -> JSONResponse:
    caller.state.find("Project", project_id)
    task = caller.state.find("Task", task_id)
    return JSONResponse(task_row(caller.state, task))


@router.post("/projects/{project_id}/tasks")
async def create_task(caller: CurrentCaller, project_id: str, body: Written) -> JSONResponse:
    state = caller.state
    state.find("Project", project_id)
    _may_create(caller, "whoCanCreateTasks")
    siblings = [task for task in state.tasks.values() if task["projectId"] == project_id]
    name = _free_name(state, "Task", body.name, siblings)
    task = {"id": state.new_id(), "name": name, "projectId": project_id}
    state.tasks[task["id"]] = task
    return JSONResponse(task_row(state, task), 201)


@router.get("/tags")
async def list_tags(
    *,
    caller: CurrentCaller,
    page: PageAsked,
    name: str = "",
    strict: Strict = False,
    archived: bool | None = None,
    column: SortColumn = "NAME",
    order: Order = "ASCENDING",
) -> JSONResponse:
    rows = [
        tag
        for tag in caller.state.tags.values()
        if _named(tag["name"], name, strict=strict) and _fits(tag.get("archived", False), archived)
    ]
    return paged(_sorted(rows, column, order), page, lambda row: tag_row(caller.state, row))


@router.get("/tags/{tag_id}")
async def show_tag(caller: CurrentCaller, tag_id: str) -> JSONResponse:
    return JSONResponse(tag_row(caller.state, caller.state.find("Tag", tag_id)))


@router.post("/tags")
async def create_tag(caller: CurrentCaller, body: Written) -> JSONResponse:
    state = caller.state
    _may_create(caller, "whoCanCreateTags")
    name = _free_name(state, "Tag", body.name, state.tags.values())
    tag = {"id": state.new_id(), "name": name}
    state.tags[tag["id"]] = tag
    return JSONResponse(tag_row(state, tag), 201)


@router.get("/custom-fields")
async def list_custom_fields(caller: CurrentCaller) -> JSONResponse:  # noqa: ARG001 - the key is checked
    """Show no custom fields: this workspace has none."""
    return JSONResponse([])


def _write_project(state: State, project: Row, body: WrittenProject) -> None:
    """Write *body* into *project*; omitted rates are kept (FACTS 2.6), as is what has no default.

    Nothing is written when something is refused: a new project is not stored yet.
    """
    client_id = project["clientId"] if body.client_id is None else body.client_id
    if client_id:
        state.find("Client", client_id)
    _check_color(body.color)
    siblings = [
        other
        for other in state.projects.values()
        if (other.get("clientId") or "") == client_id and other["id"] != project["id"]
    ]
    project["name"] = _free_name(state, "Project", body.name, siblings)
    project["clientId"] = client_id
    project["archived"] = bool(body.archived)
    project["billable"] = bool(body.billable)
    project["public"] = bool(body.is_public)
    kept = {
        "color": body.color,
        "note": body.note,
        "hourlyRate": body.hourly_rate,
        "costRate": body.cost_rate,
    }
    project |= {key: value for key, value in kept.items() if value is not None}


def _check_color(color: str | None) -> None:
    if color is not None and not re.fullmatch("#[0-9a-fA-F]{6}", color):
        refuse("color is not valid: it must match ^#(?:[0-9a-fA-F]{6}){1}$")


def _free_name(state: State, kind: str, name: str | None, neighbours: Iterable[Row]) -> str:
    """Return the name that a write asks for, or refuse it."""
    name = (name or "").strip()
    shortest, longest = SHORTEST.get(kind, 1), LONGEST[kind]
    if not shortest <= len(name) <= longest:
        refuse(f"{kind} name has to be between {shortest} and {longest} characters long")
    if state.is_taken(name, neighbours):
        refuse(f"{kind} with this name already exists")
    return name


def _may_create(caller: Caller, permission: str) -> None:
    allowed = caller.state.settings["entityCreationPermissions"].get(permission, "ADMINS")
    manages = "PROJECT_MANAGER" in (caller.user.get("roles") or [])
    if not (
        caller.is_admin
        or allowed == "EVERYONE"
        or (allowed == "ADMINS_AND_PROJECT_MANAGERS" and manages)
    ):
        deny()


def _sorted(rows: list[Row], column: str, order: SortOrder) -> list[Row]:
    field = "name" if column == "NAME" else "id"
    return sorted(rows, key=lambda row: str(row[field]).lower(), reverse=order == "DESCENDING")


def _named(name: str, wanted: str, *, strict: bool) -> bool:
    return name == wanted if strict and wanted else contains(name, wanted)


def _fits(value: bool, wanted: bool | None) -> bool:  # noqa: FBT001 - two truths compared
    return wanted is None or bool(value) == wanted


def _has_status(row: Row, status: Status) -> bool:
    return status == "ALL" or bool(row.get("archived")) == (status == "ARCHIVED")
