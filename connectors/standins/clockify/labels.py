"""The Clockify stand-in's tasks, tags, user groups and custom fields (FACTS 2.5, 2.7 and 3)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    AskedPage,
    CurrentCaller,
    SortOrder,
    Unpaged,
    contains,
    many,
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
from connectors.standins.clockify.rows import custom_field_row, group_row, tag_row, task_row
from connectors.standins.clockify.state import Row, refuse

router = APIRouter(prefix="/workspaces/{workspace_id}")


class TaskQuery(AskedPage):
    """Which of a project's tasks to list."""

    name: str = ""
    strict_name_search: bool = False
    is_active: bool | None = None
    sort_column: Literal["ID", "NAME"] = "ID"
    sort_order: SortOrder = "ASCENDING"


class TagQuery(AskedPage):
    """Which tags to list."""

    name: str = ""
    strict_name_search: bool = False
    excluded_ids: list[str] = Field(default=[])
    archived: bool | None = None
    sort_column: Literal["ID", "NAME"] = "NAME"
    sort_order: SortOrder = "ASCENDING"


class GroupQuery(AskedPage):
    """Which user groups to list: OpenAPI, `getUserGroups`."""

    name: str = ""
    sort_column: Literal["ID", "NAME"] = "NAME"
    sort_order: SortOrder = "ASCENDING"


class CustomFieldQuery(Unpaged):
    """Which custom fields to list."""

    name: str = ""
    status: Literal["INACTIVE", "VISIBLE", "INVISIBLE"] | None = None
    entity_type: Literal["TIMEENTRY", "USER"] | None = None


class WrittenTask(Written):
    """The body that makes or replaces a task."""

    status: Literal["ACTIVE", "DONE", "ALL"] = "ACTIVE"


class WrittenCustomField(BaseModel):
    """The body that makes a custom field."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    name: str
    type: Literal["TXT", "NUMBER", "DROPDOWN_SINGLE", "DROPDOWN_MULTIPLE", "CHECKBOX", "LINK"]
    entity_type: Literal["TIMEENTRY", "USER"] = "TIMEENTRY"
    status: Literal["INACTIVE", "VISIBLE", "INVISIBLE"] = "VISIBLE"
    description: str = ""
    allowed_values: list[str] = Field(default=[])
    workspace_default_value: Any = None


@router.get("/projects/{project_id}/tasks")
async def list_tasks(
    caller: CurrentCaller, project_id: str, asked: Annotated[TaskQuery, Query()]
) -> JSONResponse:
    state = caller.state
    state.find("Project", project_id)
    rows = [
        task
        for task in state.tasks.values()
        if task["projectId"] == project_id
        and is_named(task["name"], asked.name, strict=asked.strict_name_search)
        and fits(_is_open(task), asked.is_active)
    ]
    rows = in_order(rows, asked.sort_column, asked.sort_order)
    return paged(state, rows, asked, lambda row: task_row(state, row, rates=caller.sees_rates))


@router.get("/projects/{project_id}/tasks/{task_id}")
async def show_task(caller: CurrentCaller, project_id: str, task_id: str) -> JSONResponse:
    caller.state.find("Project", project_id)
    task = caller.state.find("Task", task_id)
    return JSONResponse(task_row(caller.state, task, rates=caller.sees_rates))


@router.post("/projects/{project_id}/tasks")
async def create_task(caller: CurrentCaller, project_id: str, body: WrittenTask) -> JSONResponse:
    state = caller.state
    state.find("Project", project_id)
    must_be_allowed(caller, "whoCanCreateTasks")
    siblings = [task for task in state.tasks.values() if task["projectId"] == project_id]
    name = free_name(state, "Task", body.name, siblings)
    task = {"id": state.new_id(), "name": name, "projectId": project_id, "status": body.status}
    state.tasks[task["id"]] = task
    return JSONResponse(task_row(state, task), 201)


@router.put("/projects/{project_id}/tasks/{task_id}")
async def replace_task(
    caller: CurrentCaller, project_id: str, task_id: str, body: WrittenTask
) -> JSONResponse:
    state = caller.state
    state.find("Project", project_id)
    task = state.find("Task", task_id)
    caller.must_be_admin()
    siblings = [other for other in state.tasks.values() if other["projectId"] == project_id]
    task["name"] = free_name(state, "Task", body.name, siblings, but=task)
    task["status"] = body.status
    return JSONResponse(task_row(state, task))


@router.delete("/projects/{project_id}/tasks/{task_id}")
async def delete_task(caller: CurrentCaller, project_id: str, task_id: str) -> JSONResponse:
    """Delete a task that is done (FACTS 2.7); entries keep its id."""
    state = caller.state
    state.find("Project", project_id)
    task = deleted(caller, "Task", task_id, state.tasks, _is_open)
    return JSONResponse(task_row(state, task))


def _is_open(task: Row) -> bool:
    return bool(task.get("status", "ACTIVE") == "ACTIVE")


@router.get("/tags")
async def list_tags(caller: CurrentCaller, asked: Annotated[TagQuery, Query()]) -> JSONResponse:
    excluded = many(asked.excluded_ids)
    rows = [
        tag
        for tag in caller.state.tags.values()
        if is_named(tag["name"], asked.name, strict=asked.strict_name_search)
        and fits(tag.get("archived", False), asked.archived)
        and tag["id"] not in excluded
    ]
    rows = in_order(rows, asked.sort_column, asked.sort_order)
    return paged(caller.state, rows, asked, lambda row: tag_row(caller.state, row))


@router.get("/tags/{tag_id}")
async def show_tag(caller: CurrentCaller, tag_id: str) -> JSONResponse:
    return JSONResponse(tag_row(caller.state, caller.state.find("Tag", tag_id)))


@router.post("/tags")
async def create_tag(caller: CurrentCaller, body: Written) -> JSONResponse:
    state = caller.state
    must_be_allowed(caller, "whoCanCreateTags")
    name = free_name(state, "Tag", body.name, state.tags.values())
    tag = {"id": state.new_id(), "name": name}
    state.tags[tag["id"]] = tag
    return JSONResponse(tag_row(state, tag), 201)


@router.put("/tags/{tag_id}")
async def replace_tag(caller: CurrentCaller, tag_id: str, body: Written) -> JSONResponse:
    """Replace a tag: a body that says only its name takes it out of the archive (FACTS 2.5)."""
    state = caller.state
    tag = state.find("Tag", tag_id)
    caller.must_be_admin()
    tag["name"] = free_name(state, "Tag", body.name, state.tags.values(), but=tag)
    tag["archived"] = bool(body.archived)
    return JSONResponse(tag_row(state, tag))


@router.delete("/tags/{tag_id}")
async def delete_tag(caller: CurrentCaller, tag_id: str) -> JSONResponse:
    """Delete a tag, archived or not; entries lose it, and its name is free again."""
    state = caller.state
    tag = state.find("Tag", tag_id)
    caller.must_be_admin()
    del state.tags[tag_id]
    for entry in state.entries.values():
        if tag_id in (entry.get("tagIds") or []):
            entry["tagIds"] = [id_ for id_ in entry["tagIds"] if id_ != tag_id]
    return JSONResponse(tag_row(state, tag))


@router.get("/user-groups")
async def list_groups(caller: CurrentCaller, asked: Annotated[GroupQuery, Query()]) -> JSONResponse:
    groups = caller.state.user_groups.values()
    rows = [group for group in groups if contains(group["name"], asked.name)]
    rows = in_order(rows, asked.sort_column, asked.sort_order)
    return paged(caller.state, rows, asked, lambda row: group_row(caller.state, row))


@router.get("/custom-fields")
async def list_custom_fields(
    caller: CurrentCaller, asked: Annotated[CustomFieldQuery, Query()]
) -> JSONResponse:
    rows = [
        field
        for field in caller.state.custom_fields.values()
        if contains(field["name"], asked.name)
        and asked.status in {None, field.get("status", "VISIBLE")}
        and asked.entity_type in {None, field.get("entityType", "TIMEENTRY")}
    ]
    return JSONResponse([custom_field_row(caller.state, field) for field in rows])


@router.post("/custom-fields")
async def create_custom_field(caller: CurrentCaller, body: WrittenCustomField) -> JSONResponse:
    state = caller.state
    caller.must_be_admin()
    caller.needs_feature("CUSTOM_FIELDS")
    if state.is_taken(body.name, state.custom_fields.values()):
        refuse("Custom field with this name already exists")
    field: Row = {"id": state.new_id(), **body.model_dump(by_alias=True)}
    state.custom_fields[field["id"]] = field
    return JSONResponse(custom_field_row(state, field), 201)


@router.delete("/custom-fields/{field_id}")
async def delete_custom_field(caller: CurrentCaller, field_id: str) -> Response:
    caller.state.find("Custom field", field_id)
    caller.must_be_admin()
    del caller.state.custom_fields[field_id]
    return Response(status_code=204)
