"""The Clockify stand-in's clients and projects (FACTS 2.5 and 2.6).

An archived client or project keeps its name reserved until it is deleted, and can be deleted
only once archived. Two clients may have projects of the same name.
"""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    Asked,
    AskedPage,
    CurrentCaller,
    Hydrated,
    SortOrder,
    contains,
    many,
    not_modelled,
    paged,
)
from connectors.standins.clockify.names import (
    Written,
    deleted,
    fits,
    free_name,
    in_order,
    is_named,
    must_be_allowed,
)
from connectors.standins.clockify.rates import Rate, currency_of, membership_of
from connectors.standins.clockify.rows import client_row, project_row
from connectors.standins.clockify.state import Row, State, refuse

router = APIRouter(prefix="/workspaces/{workspace_id}")

Status = Literal["ACTIVE", "ARCHIVED", "ALL"]

MOST_CC_EMAILS = 3


class ClientQuery(AskedPage):
    """Which clients to list."""

    name: str = ""
    archived: bool | None = None
    sort_column: Literal["ID", "NAME"] = "NAME"
    sort_order: SortOrder = "ASCENDING"


class ProjectQuery(AskedPage):
    """Which projects to list."""

    name: str = ""
    strict_name_search: bool = False
    archived: bool | None = None
    billable: bool | None = None
    clients: list[str] = Field(default=[])
    contains_client: bool = True
    client_status: Status = "ALL"
    users: list[str] = Field(default=[])
    contains_user: bool = True
    user_status: Literal["PENDING", "ACTIVE", "DECLINED", "INACTIVE", "ALL"] = "ALL"
    is_template: bool = False
    access: Literal["PUBLIC", "PRIVATE"] | None = None
    hydrated: bool = False
    sort_column: Literal["ID", "NAME", "CLIENT_NAME", "DURATION", "BUDGET", "PROGRESS"] = "ID"
    sort_order: SortOrder = "ASCENDING"


class ShowQuery(Hydrated):
    """How to show one project."""

    custom_field_entity_type: Literal["TIMEENTRY", "USER"] = "TIMEENTRY"  # projects here have none


class ReplaceQuery(Asked):
    """What else the replacement of a client does."""

    archive_projects: bool = False
    mark_tasks_as_done: bool = False


class WrittenClient(Written):
    """The body that makes or replaces a client."""

    email: str | None = None
    address: str | None = Field(default=None, max_length=3000)
    note: str | None = Field(default=None, max_length=3000)
    cc_emails: list[str] | None = None
    currency_id: str | None = None


class WrittenProject(Written):
    """The body that makes or replaces a project."""

    client_id: str | None = None
    billable: bool | None = None
    is_public: bool | None = None
    color: str | None = None
    note: str | None = Field(default=None, max_length=16384)
    hourly_rate: Rate | None = None
    cost_rate: Rate | None = None


class Member(BaseModel):
    """Somebody whom a new project has as a member from the beginning."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    user_id: str
    hourly_rate: Rate | None = None


class NewProject(WrittenProject):
    """The body that makes a project: with members and tasks, if it likes."""

    memberships: list[Member] = Field(default=[])
    tasks: list[Written] = Field(default=[])


@router.get("/clients")
async def list_clients(
    caller: CurrentCaller, asked: Annotated[ClientQuery, Query()]
) -> JSONResponse:
    rows = [
        client
        for client in caller.state.clients.values()
        if contains(client["name"], asked.name)
        and fits(client.get("archived", False), asked.archived)
    ]
    rows = in_order(rows, asked.sort_column, asked.sort_order)
    return paged(caller.state, rows, asked, lambda row: client_row(caller.state, row))


@router.get("/clients/{client_id}")
async def show_client(caller: CurrentCaller, client_id: str) -> JSONResponse:
    return JSONResponse(client_row(caller.state, caller.state.find("Client", client_id)))


@router.post("/clients")
async def create_client(caller: CurrentCaller, body: WrittenClient) -> JSONResponse:
    state = caller.state
    must_be_allowed(caller, "whoCanCreateProjectsAndClients")
    name = free_name(state, "Client", body.name, state.clients.values())
    client: Row = {"id": state.new_id(), "name": name, "archived": False}
    # ccEmails and the currency are dropped on creation (FACTS 2.5).
    client |= body.model_dump(include={"email", "address", "note"})
    state.clients[client["id"]] = client
    return JSONResponse(client_row(state, client), 201)


@router.put("/clients/{client_id}")
async def replace_client(
    caller: CurrentCaller,
    client_id: str,
    asked: Annotated[ReplaceQuery, Query()],
    body: WrittenClient,
) -> JSONResponse:
    """Replace a client: its `ccEmails` go when left out, its currency stays (FACTS 2.5)."""
    state = caller.state
    client = state.find("Client", client_id)
    caller.must_be_admin()
    name = free_name(state, "Client", body.name, state.clients.values(), but=client)
    if len(body.cc_emails or []) > MOST_CC_EMAILS:
        refuse("Number of additional emails must be less than 3")  # so the real one says
    if body.currency_id is not None:
        client["currency"] = state.currency_by_id(body.currency_id)["code"]
    client |= {"name": name, "archived": bool(body.archived), "ccEmails": body.cc_emails}
    client |= body.model_dump(include={"email", "address", "note"})
    if client["archived"]:
        _archive_belongings(state, client_id, asked)
    return JSONResponse(client_row(state, client))


def _archive_belongings(state: State, client_id: str, asked: ReplaceQuery) -> None:
    projects = [row for row in state.projects.values() if row.get("clientId") == client_id]
    ids = {project["id"] for project in projects}
    if asked.archive_projects:
        for project in projects:
            project["archived"] = True
    if asked.mark_tasks_as_done:
        for task in state.tasks.values():
            if task["projectId"] in ids:
                task["status"] = "DONE"


@router.delete("/clients/{client_id}")
async def delete_client(caller: CurrentCaller, client_id: str) -> JSONResponse:
    state = caller.state
    client = deleted(caller, "Client", client_id, state.clients)
    for project in state.projects.values():
        if project.get("clientId") == client_id:
            project["clientId"] = ""
    return JSONResponse(client_row(state, client))


@router.get("/projects")
async def list_projects(
    caller: CurrentCaller, asked: Annotated[ProjectQuery, Query()]
) -> JSONResponse:
    state = caller.state
    clients, users = many(asked.clients), many(asked.users)
    if asked.sort_column in {"DURATION", "BUDGET", "PROGRESS"}:
        not_modelled(f"sort-column {asked.sort_column}")

    def is_wanted(project: Row) -> bool:
        client = state.client_of(project)
        members = {one["userId"] for one in project.get("memberships", [])}
        if asked.user_status != "ALL":
            members = {id_ for id_ in members if _membership(state, id_) == asked.user_status}
        return (
            is_named(project["name"], asked.name, strict=asked.strict_name_search)
            and fits(project.get("archived", False), asked.archived)
            and fits(project.get("billable", False), asked.billable)
            and (not clients or (project.get("clientId") in clients) == asked.contains_client)
            and (not users or bool(members & users) == asked.contains_user)
            and (not client or _has_status(client, asked.client_status))
            and (asked.access is None or project.get("public", True) == (asked.access == "PUBLIC"))
        )

    rows = [] if asked.is_template else [row for row in state.projects.values() if is_wanted(row)]
    rows = in_order(rows, asked.sort_column, asked.sort_order)
    if asked.sort_column == "CLIENT_NAME":
        rows = _by_client_name(state, rows, asked.sort_order)
    rates = caller.sees_rates
    return paged(
        state,
        rows,
        asked,
        lambda row: project_row(state, row, hydrated=asked.hydrated, rates=rates),
    )


@router.get("/projects/{project_id}")
async def show_project(
    caller: CurrentCaller, project_id: str, asked: Annotated[ShowQuery, Query()]
) -> JSONResponse:
    state, rates = caller.state, caller.sees_rates
    project = state.find("Project", project_id)
    return JSONResponse(project_row(state, project, hydrated=asked.hydrated, rates=rates))


@router.post("/projects")
async def create_project(caller: CurrentCaller, body: NewProject) -> JSONResponse:
    state = caller.state
    must_be_allowed(caller, "whoCanCreateProjectsAndClients")
    project: Row = {"id": state.new_id(), "archived": False, "clientId": ""}
    _write_project(state, project, body)
    currency = currency_of(state, project)
    membership_of(project, caller.user["id"])  # its maker becomes a member
    for member in body.memberships:
        membership = membership_of(project, state.find("User", member.user_id)["id"])
        if member.hourly_rate is not None:
            rate = {"amount": member.hourly_rate.amount, "currency": currency}
            membership["hourlyRate"] = rate
    tasks: list[Row] = []
    for written in body.tasks:
        name = free_name(state, "Task", written.name, tasks)
        tasks.append({"id": state.new_id(), "name": name, "projectId": project["id"]})
    state.tasks |= {task["id"]: task for task in tasks}
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
    project = deleted(caller, "Project", project_id, caller.state.projects)
    return JSONResponse(project_row(caller.state, project))


def _write_project(state: State, project: Row, body: WrittenProject) -> None:
    """Write *body* into *project*; omitted rates are kept (FACTS 2.6), as is what has no default.

    Nothing is written when something is refused: a new project is not stored yet.
    """
    client_id = project["clientId"] if body.client_id is None else body.client_id
    if client_id:
        state.find("Client", client_id)
    _check_color(body.color)
    siblings = [
        other for other in state.projects.values() if (other.get("clientId") or "") == client_id
    ]
    project["name"] = free_name(state, "Project", body.name, siblings, but=project)
    project["clientId"] = client_id
    project["archived"] = bool(body.archived)
    project["billable"] = bool(body.billable)
    project["public"] = bool(body.is_public)
    for key, rate in (("hourlyRate", body.hourly_rate), ("costRate", body.cost_rate)):
        if rate is not None:
            project[key] = {"amount": rate.amount, "currency": currency_of(state, project)}
    kept = {"color": body.color, "note": body.note}
    project |= {key: value for key, value in kept.items() if value is not None}


def _check_color(color: str | None) -> None:
    if color is not None and not re.fullmatch("#[0-9a-fA-F]{6}", color):
        refuse("color is not valid: it must match ^#(?:[0-9a-fA-F]{6}){1}$")


def _by_client_name(state: State, rows: list[Row], order: SortOrder) -> list[Row]:
    names = {id_: client["name"].lower() for id_, client in state.clients.items()}
    return sorted(
        rows,
        key=lambda row: names.get(row.get("clientId") or "", ""),
        reverse=order == "DESCENDING",
    )


def _membership(state: State, user_id: str) -> str:
    status: str = state.users.get(user_id, {}).get("membershipStatus", "INACTIVE")
    return status


def _has_status(row: Row, status: Status) -> bool:
    return status == "ALL" or bool(row.get("archived")) == (status == "ARCHIVED")
