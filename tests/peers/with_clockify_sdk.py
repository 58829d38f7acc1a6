"""Calls all that clockify-sdk offers for what the stand-in has.

Arguments: address, workspace, key.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import clockify_sdk
from calls import call, check
from clockify_sdk.config import Config

ADDRESS, WORKSPACE, KEY = sys.argv[1:]
Config.BASE_URL, Config.REPORTS_URL = f"{ADDRESS}/api/v1", f"{ADDRESS}/report/v1"
MORNING = datetime(2026, 11, 25, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def keep(manager: Any, name: str, *above: str, **members: Any) -> dict[str, Any]:
    """Create, list, read, change and create again one thing that has a name; return the second."""
    made = call(f"{name}.create", manager.create, *above, name=f"SDK's {name}", **members)
    rows = call(f"{name}.get_all", manager.get_all, *above)
    check(f"{name} is listed", holds=made["id"] in [row["id"] for row in rows])
    call(f"{name}.get_by_id", manager.get_by_id, *above, made["id"])
    changed = call(f"{name}.update", manager.update, *above, made["id"], name=f"New {name}")
    check(f"{name} was renamed", holds=changed["name"] == f"New {name}")
    return made


def keep_time(clockify: Any, project: str, task: str) -> None:
    """Create, list, read, change and delete time; read it in the report."""
    made = call("time_entries.create", clockify.time_entries.create, MORNING, MORNING + HOUR)
    more = {"project_id": project, "task_id": task, "description": "SDK's work", "billable": True}
    call(
        "time_entries.create with all",
        clockify.time_entries.create,
        MORNING,
        MORNING + HOUR,
        **more,
    )
    call("time_entries.create as a timer", clockify.time_entries.create, MORNING)
    call("time_entries.get_all_in_progress", clockify.time_entries.get_all_in_progress)
    rows = call(
        "time_entries.get_by_user_id", clockify.time_entries.get_by_user_id, clockify.user_id
    )
    check("time is listed", holds=made["id"] in [row["id"] for row in rows])
    call("time_entries.get_by_id", clockify.time_entries.get_by_id, made["id"])
    changed = call(
        "time_entries.update",
        clockify.time_entries.update,
        made["id"],
        MORNING,
        MORNING + HOUR,
        **more,
    )
    check("time was changed", holds=changed["description"] == "SDK's work")
    call("time_entries.delete", clockify.time_entries.delete, made["id"])
    report = call(
        "reports.get_detailed", clockify.reports.get_detailed, MORNING - DAY, MORNING + DAY
    )
    check("the report has it", holds=len(report["timeentries"]) > 0)


clockify = call("Clockify", clockify_sdk.Clockify, KEY)
check("the workspace is found", holds=clockify.workspace_id == WORKSPACE)
call("get_workspaces", clockify.get_workspaces)
call("users.get_current_user", clockify.users.get_current_user)
call("users.get_all", clockify.users.get_all)
client = keep(clockify.clients, "client", note="n", email="c@peer.example")
project = keep(clockify.projects, "project", client_id=client["id"], billable=True, color="#9C27B0")
task = keep(clockify.tasks, "task", project["id"], assignee_ids=[clockify.user_id], estimate="PT1H")
call("projects.get_tasks", clockify.projects.get_tasks, project["id"])
keep_time(clockify, project["id"], task["id"])
