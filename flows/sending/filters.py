"""Turns the names or ids that people type as filters into the ids that Clockify filters by."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.clockify.client import Clockify
from connectors.errors import AskPerson
from flows.sending.request import JobRequest
from transforms.directory.names import same_form
from transforms.directory.near_misses import did_you_mean
from transforms.plan.judge import Filters

Rows = Sequence[Mapping[str, Any]]


def resolve_filters(clockify: Clockify, request: JobRequest) -> Filters:
    """Find the ids that people mean.

    A list is read only for a filter that is used. With a filter on clients, a project's name needs
    to be unique only among theirs. A task's name means that task of every project. Descriptions
    are compared here: how Clockify searches them is not published.

    Raises:
        AskPerson: Nothing has that name, or more than one has.
    """
    client_ids = frozenset(_found("client", request.clients, clockify.clients))

    def projects() -> Rows:
        return [
            row
            for row in clockify.projects()
            if not client_ids or row.get("clientId") in client_ids
        ]

    user_ids = frozenset(_found("user", request.users, clockify.users))
    return Filters(
        user_ids=with_groups(clockify, user_ids, request.groups),
        client_ids=client_ids,
        project_ids=frozenset(_found("project", request.projects, projects)),
        tasks=_found("task", request.tasks, clockify.tasks),
        tags=_found("tag", request.tags, clockify.tags),
        description=request.description or "",
        billable=request.billable,
    )


def with_groups(
    clockify: Clockify, user_ids: frozenset[str], groups: Sequence[str]
) -> frozenset[str]:
    """Return those of some users, or of all if there are none, who are in one of some groups.

    Raises:
        AskPerson: There is no such group, or none of the users is in one.
    """
    if not groups:
        return user_ids
    rows = clockify.user_groups()
    wanted = _found("group", groups, lambda: rows)
    members = {str(id_) for row in rows if row["id"] in wanted for id_ in row.get("userIds") or ()}
    chosen = frozenset(members & user_ids if user_ids else members)
    if not chosen:  # an empty filter would let everybody pass
        who = "None of these users" if user_ids else "Nobody"
        raise AskPerson(f"{who} is in the group {' or '.join(groups)}. Nothing was sent.")
    return chosen


def _found(kind: str, wanted: Sequence[str], read: Callable[[], Rows]) -> dict[str, str]:
    """Return the names of what people mean by its ids."""
    rows = read() if wanted else []
    return {row["id"]: row.get("name") or "" for name in wanted for row in _meant(kind, name, rows)}


def _meant(kind: str, wanted: str, rows: Rows) -> Rows:
    by_id = [row for row in rows if row.get("id") == wanted]
    found = by_id or [row for row in rows if same_form(row.get("name") or "") == same_form(wanted)]
    if len(found) == 1 or (found and kind == "task"):
        return found
    if not found:
        raise AskPerson(
            f"Clockify has no {kind} {wanted!r}: use the {kind}'s exact name, or its id."
            f"{did_you_mean(wanted, [row['name'] for row in rows if row.get('name')])}"
            " Nothing was sent."
        )
    choices = "; ".join(f"{row['id']}{_of_client(row)}" for row in found)
    raise AskPerson(
        f"Clockify has {len(found)} {kind}s named {wanted!r}: use the id of the right one:"
        f" {choices}. Nothing was sent."
    )


def _of_client(row: Mapping[str, Any]) -> str:
    return f" (of {row['clientName']})" if row.get("clientName") else ""
