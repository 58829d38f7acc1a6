"""How the Clockify stand-in's core host spells what it holds (FACTS 2.5 to 2.7 and 3)."""

from collections.abc import Callable, Iterable

from connectors.standins.clockify.locks import is_locked
from connectors.standins.clockify.people import shown_membership, user_row
from connectors.standins.clockify.rates import currency_of
from connectors.standins.clockify.state import Row, State
from connectors.standins.clockify.times import iso_duration, seconds_of

NO_TIME_ESTIMATE = {
    "estimate": "PT0S",
    "type": "AUTO",
    "resetOption": None,
    "active": False,
    "includeNonBillable": True,
}


def minor_units(rate_seconds: int) -> int | float:
    """Turn seconds times a rate, the rate in minor units an hour, into minor units.

    A whole number stays an integer; anything else is a float, as the real one was seen to send:
    885877.7777777782 (FACTS 1.7).
    """
    whole, rest = divmod(rate_seconds, 3600)
    return rate_seconds / 3600 if rest else whole


def summed_amount(entries: Iterable[Row], rate: str) -> int | float:
    """Add up what entries earn or cost as the real one does: it drifts as floats do (FACTS 1.7)."""
    total: float = 0
    for entry in entries:
        total += minor_units((entry.get(rate) or 0) * seconds_of(entry))
    return total


def client_row(state: State, client: Row) -> Row:
    code = client.get("currency") or state.currency["code"]
    return {
        "id": client["id"],
        "name": client["name"],
        "email": client.get("email"),
        "workspaceId": state.workspace_id,
        "archived": bool(client.get("archived")),
        "address": client.get("address"),
        "note": client.get("note"),
        "ccEmails": client.get("ccEmails"),
        "currencyId": state.currency_id(code),
        "currencyCode": code,
    }


def project_row(state: State, project: Row, *, hydrated: bool = False, rates: bool = True) -> Row:
    """Show a project; *hydrated* trades the client's name for what belongs to the project."""
    client = state.client_of(project)
    code = currency_of(state, project)
    none = None if state.switches.no_client_is_null else ""
    row = {
        "id": project["id"],
        "name": project["name"],
        "hourlyRate": _rate(project, code) if rates else None,
        "clientId": client.get("id", none),
        "workspaceId": state.workspace_id,
        "billable": bool(project.get("billable")),
        "memberships": [
            shown_membership(one, rates=rates) for one in project.get("memberships", [])
        ],
        "color": project.get("color", "#9C27B0"),
        "estimate": {"estimate": "PT0S", "type": "AUTO"},
        "archived": bool(project.get("archived")),
        "duration": "PT0S",  # not summed: nobody here reads it, and it would visit every entry
        "note": project.get("note", ""),
        "costRate": project.get("costRate") if rates else None,
        "timeEstimate": NO_TIME_ESTIMATE,
        "budgetEstimate": None,
        "estimateReset": None,
        "template": False,
        "public": project.get("public", True),
    }
    if not hydrated:
        return {**row, "clientName": client.get("name", none)}
    tasks = [task for task in state.tasks.values() if task["projectId"] == project["id"]]
    return {
        **row,
        "client": client_row(state, client) if client else None,
        "tasks": [{**task_row(state, task, rates=rates), "favorite": False} for task in tasks],
        "customFields": [],
        "currency": {"id": state.currency_id(code), "code": code},
        "favorite": False,
    }


def task_row(state: State, task: Row, *, rates: bool = True) -> Row:
    project = state.projects.get(task["projectId"], {})
    return {
        "id": task["id"],
        "name": task["name"],
        "projectId": task["projectId"],
        "assigneeIds": [],
        "assigneeId": None,
        "userGroupIds": [],
        "estimate": "PT0S",
        "status": task.get("status", "ACTIVE"),
        "budgetEstimate": 0,
        "duration": "PT0S",
        "billable": bool(project.get("billable")),
        "hourlyRate": task.get("hourlyRate") if rates else None,
        "costRate": task.get("costRate") if rates else None,
    }


def tag_row(state: State, tag: Row) -> Row:
    return {
        "id": tag["id"],
        "name": tag["name"],
        "workspaceId": state.workspace_id,
        "archived": bool(tag.get("archived")),
    }


def group_row(state: State, group: Row) -> Row:
    return {
        "id": group["id"],
        "name": group["name"],
        "workspaceId": state.workspace_id,
        "userIds": list(group["userIds"]),
    }


def custom_field_row(state: State, field: Row) -> Row:
    return {
        "id": field["id"],
        "workspaceId": state.workspace_id,
        "name": field["name"],
        "type": field["type"],
        "entityType": field.get("entityType", "TIMEENTRY"),
        "status": field.get("status", "VISIBLE"),
        "description": field.get("description", ""),
        "placeholder": "",
        "allowedValues": field.get("allowedValues", []),
        "onlyAdminCanEdit": False,
        "required": False,
        "workspaceDefaultValue": field.get("workspaceDefaultValue"),
        "projectDefaultValues": [],
    }


def written_row(state: State, entry: Row) -> Row:
    """Show a time entry as the answer to a write: without rates (OpenAPI)."""
    return {
        "id": entry["id"],
        "description": entry.get("description") or "",
        "tagIds": entry.get("tagIds"),
        "userId": entry["userId"],
        "billable": bool(entry.get("billable")),
        "taskId": entry.get("taskId"),
        "projectId": entry.get("projectId"),
        "workspaceId": state.workspace_id,
        "timeInterval": {
            "start": entry["start"],
            "end": entry["end"],
            "duration": None if entry["end"] is None else iso_duration(seconds_of(entry)),
        },
        "customFieldValues": _custom_values(state, entry),
        "type": entry.get("type", "REGULAR"),
        "kioskId": None,
        "isLocked": is_locked(state, entry),
    }


def entry_row(
    state: State,
    entry: Row,
    *,
    hydrated: bool = False,
    with_user: bool = True,
    rates: bool = True,
) -> Row:
    """Show a time entry; *hydrated* adds what its ids point at, and keeps the ids (FACTS 3)."""
    currency = entry.get("currency") or state.currency["code"]
    row = {
        **written_row(state, entry),
        "hourlyRate": {"amount": entry.get("rate") or 0, "currency": currency} if rates else None,
        "costRate": {"amount": entry.get("cost") or 0, "currency": currency} if rates else None,
    }
    if not hydrated:
        return row
    user = state.users.get(entry["userId"]) if with_user else None
    shown = user_row(state, user, rates=rates) if user else None
    return {**row, "user": shown, **_belongings(state, entry, rates=rates)}


def _custom_values(state: State, entry: Row) -> list[Row]:
    """Show every custom field of time entries: those without a value, too, as `null`."""
    values = entry.get("customFields") or {}
    of_source = state.switches.custom_value_type == "source"
    return [
        {
            "customFieldId": field["id"],
            "timeEntryId": entry["id"],
            "value": values.get(field["id"]),
            "name": field["name"],
            "type": "WORKSPACE" if of_source else field["type"],
        }
        for field in state.custom_fields.values()
        if field.get("entityType", "TIMEENTRY") == "TIMEENTRY"
        and field.get("status", "VISIBLE") != "INACTIVE"
    ]


def _belongings(state: State, entry: Row, *, rates: bool) -> Row:
    task, project = state.task_of(entry), state.project_of(entry)
    return {
        "task": task_row(state, task, rates=rates) if task else None,
        "project": project_row(state, project, rates=rates) if project else None,
        "tags": [tag_row(state, tag) for tag in state.tags_of(entry)],
        "kiosk": None,
    }


def _rate(priced: Row, currency: str) -> Row:
    """Show a rate in the currency that counts now; zero where there is none (FACTS 2.6)."""
    given = priced.get("hourlyRate") or {"amount": 0}
    return {"amount": given["amount"], "currency": given.get("currency") or currency}


# What the change feed and webhooks show, by its words for it (FACTS 3).
SHOWN: dict[str, Callable[[State, Row], Row]] = {
    "CLIENTS": client_row,
    "PROJECTS": project_row,
    "TAGS": tag_row,
    "TASKS": task_row,
    "TIME_ENTRY": entry_row,
}
