"""What may be written to Prefect's server: the deployments of prefect.yaml, and nothing else runs.

Pure functions of a request's JSON. Each returns what is wrong, as the subject of a sentence, or
`None`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Actions that an automation may have: those of our own watch, and those that stop something.
HARMLESS = frozenset({"change-flow-run-state", "send-notification", "do-nothing", "cancel-flow-run",
                      "suspend-flow-run"})  # fmt: skip


@dataclass(frozen=True)
class OwnCode:
    """What may run: the code of deployments, with these job variables or none."""

    entrypoints: frozenset[str]
    job_variables: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What is asked of Prefect's API; for a `GET`, the part that is looked at is the answer.

    Attributes:
        method: The HTTP method.
        kind: What it is about: the first name of the path, as in `flow_runs`.
        path: The names that follow.
        from_person: Whether a proxy says who asks: somebody, and no process of ours.
    """

    method: str
    kind: str
    path: tuple[str, ...] = ()
    from_person: bool = False

    @property
    def is_checked(self) -> bool:
        """Whether there are rules for it."""
        return self.kind in _CHECKS


def what_is_wrong(own: OwnCode, request: Request, part: dict[str, Any]) -> str | None:
    """Return what in a request's document, or in one of a list, is not allowed."""
    return _CHECKS[request.kind](own, request, part)


def _deployment(own: OwnCode, request: Request, part: dict[str, Any]) -> str | None:
    """Check a deployment, or a run of one."""
    whole = request.method == "GET" or (request.method == "POST" and not request.path)
    entrypoint = part.get("entrypoint")
    if (whole or entrypoint is not None) and entrypoint not in own.entrypoints:
        return f"The entrypoint {entrypoint!r}"
    if part.get("pull_steps"):
        return "A pull step"
    if part.get("path") not in (None, "", "."):
        return "A path"
    return _run(own, request, part)


def _run(own: OwnCode, request: Request, part: dict[str, Any]) -> str | None:
    if part.get("job_variables") not in (None, {}, own.job_variables):
        return "A job's variable"
    if part.get("storage_document_id") or part.get("infrastructure_document_id"):
        return "A block"
    return _question(request, part) or _answer(request, part)


def _question(request: Request, part: dict[str, Any]) -> str | None:
    """Keep people from asking in a run's name, and from having Prefect forget what was asked."""
    if request.path[1:2] == ("input",) and request.method == "DELETE":
        return "An input that is deleted"
    state = part.get("state") or {}
    keys = _details(state).get("run_input_keyset")
    asks = bool(keys) or (request.path[1:] == ("input",) and "value" in part)
    if asks and request.from_person:
        return "A question that no run asks"
    # Prefect deletes what is kept under a pause's keys: they are those that it makes itself.
    return "A pause with the keys of another" if keys and keys != _own_keys(state) else None


def _details(state: dict[str, Any]) -> dict[str, Any]:
    return state.get("state_details") or {}


def _own_keys(state: dict[str, Any]) -> dict[str, str]:
    """Return the keys that Prefect makes for a pause."""
    name = state.get("name") or str(state.get("type"))
    base = f"{name.lower()}-{_details(state).get('pause_key')}"
    return {kind: f"{base}-{kind}" for kind in ("description", "response", "schema")}


def _answer(request: Request, part: dict[str, Any]) -> str | None:
    """Let answers come by Resume alone, and as what they are; see `PageGuard`."""
    if request.path[1:] == ("input",) and str(part.get("key")).endswith("-response"):
        return "An answer without Resume"
    answer = part.get("run_input")
    if isinstance(answer, dict) and "__prefect_kind" in answer:
        return "An answer that Prefect makes of something else"
    return None


def _pool(_: OwnCode, _request: Request, part: dict[str, Any]) -> str | None:
    """Compare a work pool with Prefect's own template of a process pool."""
    if part.get("type") not in {None, "process"}:
        return f"A work pool of the type {part['type']!r}"
    if any((part.get("storage_configuration") or {}).values()):
        return "A work pool's storage"
    template = part.get("base_job_template") or {}
    job = template.get("job_configuration", {})
    filled = {name for name, value in job.items() if value != f"{{{{ {name} }}}}"}
    properties = template.get("variables", {}).get("properties", {})
    given = {
        name
        for name in ("command", "env", "working_dir")
        if properties.get(name, {}).get("default")
    }
    return f"A work pool's {min(filled | given)}" if filled | given else None


def _block(_: OwnCode, _request: Request, part: dict[str, Any]) -> str | None:
    # Our own, for notices, has its type and what Prefect's client adds; no field begins with _.
    given = {name for name in part.get("data") or {} if not name.startswith("_")}
    given.discard("block_type_slug")
    return f"A block's {min(given)}" if given else None


def _automation(_: OwnCode, _request: Request, part: dict[str, Any]) -> str | None:
    for name in ("actions", "actions_on_trigger", "actions_on_resolve"):
        for action in part.get(name) or []:
            if action.get("type") not in HARMLESS:
                return f"An automation's {action.get('type')!r}"
    return None


_CHECKS: dict[str, Callable[[OwnCode, Request, dict[str, Any]], str | None]] = {
    "deployments": _deployment,
    "flow_runs": _run,
    "work_pools": _pool,
    "block_documents": _block,
    "automations": _automation,
}
