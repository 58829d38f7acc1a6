"""Turns the names or ids that people type as filters into the ids that Clockify filters by."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.clockify.client import Clockify
from connectors.errors import AskPerson
from transforms.directory.names import same_form
from transforms.plan.judge import Filters


def resolve_filters(
    clockify: Clockify,
    users: Sequence[str],
    clients: Sequence[str],
    projects: Sequence[str],
    billable: bool | None,  # noqa: FBT001 - one of three
) -> Filters:
    """Find the ids that people mean.

    A list is read only for a filter that is used. With a filter on clients, a project's name needs
    to be unique only among theirs.

    Raises:
        AskPerson: Nothing has that name, or more than one has.
    """
    client_rows = clockify.clients() if clients else []
    client_ids = frozenset(_id_of("client", name, client_rows) for name in clients)
    user_rows = clockify.users() if users else []
    project_rows = clockify.projects() if projects else []
    if client_ids:
        project_rows = [row for row in project_rows if row.get("clientId") in client_ids]
    return Filters(
        user_ids=frozenset(_id_of("user", name, user_rows) for name in users),
        client_ids=client_ids,
        project_ids=frozenset(_id_of("project", name, project_rows) for name in projects),
        billable=billable,
    )


def _id_of(kind: str, wanted: str, rows: Sequence[Mapping[str, Any]]) -> str:
    for row in rows:
        if row.get("id") == wanted:
            return wanted
    found = [row for row in rows if same_form(row.get("name") or "") == same_form(wanted)]
    if len(found) == 1:
        return str(found[0]["id"])
    if not found:
        raise AskPerson(
            f"Clockify has no {kind} {wanted!r}: use the {kind}'s exact name, or its id."
            " Nothing was sent."
        )
    choices = "; ".join(f"{row['id']}{_of_client(row)}" for row in found)
    raise AskPerson(
        f"Clockify has {len(found)} {kind}s named {wanted!r}: use the id of the right one:"
        f" {choices}. Nothing was sent."
    )


def _of_client(row: Mapping[str, Any]) -> str:
    return f" (of {row['clientName']})" if row.get("clientName") else ""
