"""Gives running timers, which come from the core host, the shape of the detailed report's rows."""

from collections.abc import Mapping, Sequence
from typing import Any


def as_report_rows(
    running: Sequence[Mapping[str, Any]],
    users: Sequence[Mapping[str, Any]],
    projects: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return running timers as rows of a report, with names beside the ids.

    Args:
        running: `GET …/time-entries/status/in-progress` (FACTS, Clockify, section 3).
        users: The workspace's users, for their names.
        projects: The workspace's projects, for their names and clients.
    """
    user_of = {user.get("id"): user for user in users}
    project_of = {project.get("id"): project for project in projects}
    rows = []
    for timer in running:
        user = user_of.get(timer.get("userId"), {})
        project = project_of.get(timer.get("projectId"), {})
        rate = timer.get("hourlyRate")
        rows.append(
            {
                "_id": timer.get("id"),
                **{name: timer.get(name) for name in _SAME},
                "userName": user.get("name"),
                "userEmail": user.get("email"),
                "projectName": project.get("name"),
                "clientId": project.get("clientId"),
                "clientName": project.get("clientName"),
                "rate": rate.get("amount") if isinstance(rate, Mapping) else None,
                "currency": rate.get("currency") if isinstance(rate, Mapping) else None,
            }
        )
    return rows


_SAME = ("userId", "projectId", "description", "billable", "type", "timeInterval")
