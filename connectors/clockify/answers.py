"""What Clockify's answers say: rows, pages and errors.

Source: FACTS, Clockify, section 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from connectors.errors import AskPerson, NotAuthorized, Refused, Throttled, TryAgain
from connectors.http import Failure


def describe_error(response: requests.Response) -> Failure:
    """Read `{"message", "code"}`; the message may repeat what was sent: kept short (1.4)."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping) or "message" not in body:
        return Failure("without an explanation", "", None)
    refusals = {401: NotAuthorized, 429: Throttled}
    status = response.status_code
    proves = refusals.get(status, Refused) if 400 <= status < 500 else None
    return Failure(str(body["message"])[:200], str(body.get("code", "")), proves)


def unknown_workspace(workspace_id: str, known: Sequence[Mapping[str, Any]]) -> AskPerson:
    """Return the error that lists the workspaces, when none is the one that was asked for."""
    names = ", ".join(f"{found.get('name')} ({found.get('id')})" for found in known) or "none"
    return AskPerson(
        f"The Clockify key does not see the workspace {workspace_id!r}. It sees: {names}.",
        to_do="Set CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID to one of them.",
    )


def missing_route(error: Refused) -> bool:
    """Return whether a refusal means that the service has no such address: 1.4."""
    return error.status in {404, 405}


def text_of(row: Mapping[str, Any], member: str) -> str:
    """Return a member as text without blanks at its ends; empty where there is none."""
    return str(row.get(member) or "").strip()


def is_last(response: requests.Response) -> bool:
    """Return whether a page says that it is the last one."""
    return response.headers.get("Last-Page", "").lower() == "true"


def objects_of(answer: Any) -> list[dict[str, Any]]:
    """Return an answer that is a list of objects.

    Raises:
        TryAgain: It is none.
    """
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise TryAgain(
            "Clockify sent something other than a list of objects. Nothing was changed.",
            to_do="Run the command again.",
        )
    return answer
