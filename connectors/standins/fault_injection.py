"""Planned failures: an ASGI wrapper that lets a stand-in break as the real services do.

A fault strikes requests whose `METHOD /path` matches, after letting some pass, a number of
times. Faults are planned from Python (`faults.plan(...)`) or over HTTP: `POST /_standin/faults`
with the same fields as JSON, `DELETE /_standin/faults` to clear. The real services have no such
address.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "drop_before",  # the connection breaks, nothing was done
    "drop_after",  # the work is done, the connection breaks before the answer
    "cut",  # the work is done, the answer breaks in its middle
    "hang",  # no work, no answer, until the caller gives up
    "hang_after",  # the work is done, no answer until the caller gives up
    "answer",  # no work; the answer given in the fault
    "answer_after",  # the work is done; the answer given in the fault instead of the real one
    "gather",  # no failure: the answers to all struck requests begin when the last has come
    "edit",  # the work is done; the real answer's JSON is edited by the fault's function
]


@dataclass
class Fault:
    """One planned failure.

    Attributes:
        where: Regular expression searched in `METHOD /path?query`.
        kind: What happens.
        skip: Matching requests to let pass first.
        times: Matching requests to strike then.
        status: HTTP status of an `answer`.
        body: Body of an `answer`.
        content_type: Content type of an `answer`.
        headers: Further headers of an `answer`.
        edit: For `edit`: takes the decoded JSON answer and gives the one to send.
    """

    where: str
    kind: Kind
    skip: int = 0
    times: int = 1
    status: int = 500
    body: str = ""
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)
    edit: Callable[[Any], Any] | None = None


class Faults:
    """The failures planned for one stand-in, in the order in which they were planned.

    Attributes:
        struck: How many requests they have struck so far.
    """

    def __init__(self) -> None:
        self.struck = 0
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, where: str, kind: Kind, **fields: Any) -> None:
        """Plan one failure; the fields are those of `Fault`."""
        with self._lock:
            self._planned.append(Fault(where, kind, **fields))

    def clear(self) -> None:
        """Forget every failure that is still planned."""
        with self._lock:
            self._planned.clear()

    def strike(self, request: str) -> Fault | None:
        """Take the failure for *request* (`METHOD /path?query`), if one is due."""
        with self._lock:
            for fault in self._planned:
                if fault.times and re.search(fault.where, request):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    self.struck += 1
                    return fault
        return None


def with_faults(app: Any, faults: Faults) -> Any:
    """Wrap the ASGI application *app* so that *faults* strike its requests."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["path"] == "/_standin/faults":
            await _control(scope["method"], faults, receive, send)
            return
        query = scope["query_string"].decode()
        fault = faults.strike(f"{scope['method']} {scope['path']}" + (f"?{query}" if query else ""))
        if fault is None:
            await app(scope, receive, send)
        elif fault.kind == "gather":
            while fault.times:  # noqa: ASYNC110 - nobody but the other requests ends it
                await asyncio.sleep(0.01)
            await app(scope, receive, send)
        else:
            await _break(app, fault, scope, receive, send)

    return wrapped


async def _break(app: Any, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
    # uvicorn's own connection: ASGI has no word for "hang up without an answer".
    transport = receive.__self__.transport
    answer: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        answer.append(message)

    if fault.kind in {"drop_after", "cut", "hang_after", "answer_after", "edit"}:
        await app(scope, receive, keep)
    if fault.kind in {"drop_before", "drop_after"}:
        transport.abort()
    elif fault.kind in {"hang", "hang_after"}:
        # Until the caller hangs up, or the server stops; the transport has no event to wait for.
        while not transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    elif fault.kind == "cut":
        body = b"".join(message.get("body", b"") for message in answer[1:])
        await send(answer[0])  # its Content-Length promises the whole body
        await send(
            {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        )
        transport.abort()
    elif fault.kind == "edit":
        body = b"".join(message.get("body", b"") for message in answer[1:])
        if fault.edit is None:
            raise ValueError("a fault of kind 'edit' needs a function")
        edited = json.dumps(fault.edit(json.loads(body))).encode()
        await _answer(send, answer[0]["status"], edited, {"content-type": "application/json"})
    else:
        headers = {"content-type": fault.content_type, **fault.headers}
        await _answer(send, fault.status, fault.body.encode(), headers)


async def _answer(send: Any, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _control(method: str, faults: Faults, receive: Any, send: Any) -> None:
    if method == "DELETE":
        faults.clear()
    else:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        faults.plan(**json.loads(body))
    await _answer(send, 204, b"", {})
