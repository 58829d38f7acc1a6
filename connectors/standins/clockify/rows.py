"""How the Clockify stand-in's core host spells what it holds (FACTS 2.5 to 2.7 and 3)."""

from decimal import Decimal

from connectors.standins.clockify.people import user_row
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

    A whole number stays an integer; anything else keeps four decimals (FACTS 1.7).
    """
    exact = (Decimal(rate_seconds) / 3600).quantize(Decimal("0.0001"))
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def client_row(state: State, client: Row) -> Row:
    return {
        "id": client["id"],
        "name": client["name"],
        "email": client.get("email"),
        "workspaceId": state.workspace_id,
        "archived": bool(client.get("archived")),
        "address": client.get("address"),
        "note": client.get("note"),
        "ccEmails": client.get("ccEmails"),
        "currencyId": state.currency["id"],
        "currencyCode": client.get("currency") or state.currency["code"],
    }


def project_row(state: State, project: Row, *, hydrated: bool = False) -> Row:
    """Show a project; *hydrated* trades the client's name for what belongs to the project."""
    client = state.clients.get(project.get("clientId") or "")
    row = {
        "id": project["id"],
        "name": project["name"],
        "hourlyRate": project.get("hourlyRate") or _money(state, 0),
        "clientId": client["id"] if client else "",
        "workspaceId": state.workspace_id,
        "billable": bool(project.get("billable")),
        "memberships": project.get("memberships", []),
        "color": project.get("color", "#9C27B0"),
        "estimate": {"estimate": "PT0S", "type": "AUTO"},
        "archived": bool(project.get("archived")),
        "duration": "PT0S",  # not summed: nobody here reads it, and it would visit every entry
        "note": project.get("note", ""),
        "costRate": project.get("costRate"),
        "timeEstimate": NO_TIME_ESTIMATE,
        "budgetEstimate": None,
        "estimateReset": None,
        "template": False,
        "public": project.get("public", True),
    }
    if not hydrated:
        return {**row, "clientName": client["name"] if client else ""}
    tasks = [task for task in state.tasks.values() if task["projectId"] == project["id"]]
    return {
        **row,
        "client": client_row(state, client) if client else None,
        "tasks": [{**task_row(state, task), "favorite": False} for task in tasks],
        "customFields": [],
        "currency": {"id": state.currency["id"], "code": state.currency["code"]},
        "favorite": False,
    }


def task_row(state: State, task: Row) -> Row:
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
        "hourlyRate": task.get("hourlyRate"),
        "costRate": task.get("costRate"),
    }


def tag_row(state: State, tag: Row) -> Row:
    return {
        "id": tag["id"],
        "name": tag["name"],
        "workspaceId": state.workspace_id,
        "archived": bool(tag.get("archived")),
    }


def entry_row(state: State, entry: Row, *, hydrated: bool = False, with_user: bool = True) -> Row:
    """Show a time entry; *hydrated* adds what its ids point at, and keeps the ids (FACTS 3)."""
    currency = entry.get("currency") or state.currency["code"]
    finished = entry["end"] is not None
    row = {
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
            "duration": iso_duration(seconds_of(entry)) if finished else None,
        },
        "customFieldValues": [],
        "type": entry.get("type", "REGULAR"),
        "kioskId": None,
        "hourlyRate": {"amount": entry.get("rate") or 0, "currency": currency},
        "costRate": {"amount": 0, "currency": currency},
        "isLocked": bool(entry.get("approved")),
    }
    if not hydrated:
        return row
    user = state.users.get(entry["userId"]) if with_user else None
    return {**row, "user": user_row(state, user) if user else None, **_belongings(state, entry)}


def _belongings(state: State, entry: Row) -> Row:
    task = state.tasks.get(entry.get("taskId") or "")
    project = state.projects.get(entry.get("projectId") or "")
    tags = [state.tags[id_] for id_ in entry.get("tagIds") or [] if id_ in state.tags]
    return {
        "task": task_row(state, task) if task else None,
        "project": project_row(state, project) if project else None,
        "tags": [tag_row(state, tag) for tag in tags],
        "kiosk": None,
    }


def _money(state: State, minor_units: int) -> Row:
    return {"amount": minor_units, "currency": state.currency["code"]}
