"""Stands in front of Prefect's server: who may come in, and what may be run.

Prefect's server trusts whoever reaches it. Without this guard, any web page that somebody visits
could start a send, and whoever has the password could run any command. It checks each request:

1. *Name.* The server answers to its own names only, because another site's name can be made to lead
   here (DNS rebinding).
2. *Origin.* Requests and WebSockets from pages of other sites are refused.
3. *Password.* Prefect checks it too. The guard slows down wrong guesses of a password that a person
   chose. Our own password is too long to guess, so it is never held up: nobody can keep our own
   commands and workers out by guessing.
4. *What runs.* Deployments run the flows of prefect.yaml and nothing else: no pull steps, no job
   variables or commands, no blocks, no automations that start something (`page_rules`).
5. *Who decides.* An answer to a plan that comes with the name of somebody whom a proxy on this
   machine logged in gets an id, which Prefect keeps in it. The name is recorded for this id, so
   that it counts for this very answer, and for nothing else that the run may come to read.

Pure ASGI, and nothing of Prefect's is imported: it is tested alone.
"""

import asyncio
import base64
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flows.operations.asgi import (
    App,
    Message,
    Receive,
    RequestRefused,
    Scope,
    Send,
    answer_json,
    headers_of,
    host_in,
    is_ip,
    is_loopback,
    peer_of,
    read_body,
    replace_header,
    replay,
    whole_answer,
    with_security_headers,
)
from flows.operations.page_logins import SIGN_IN, Guesses, SignIn, show_sign_in
from flows.operations.page_rules import OwnCode, Request, what_is_wrong

#: Health checks need no password.
_OPEN = frozenset({"/api/health", "/api/ready"})

#: What runners and workers read before they run anything.
_CODE = re.compile(r"/api/(deployments|work_pools)/[^/]+/?")

#: The WebSockets that are passed on. A worker's own brings and takes templates of work pools that
#: nobody checked: workers do without it, by requests.
_SOCKETS = frozenset({
    "/api/events/in", "/api/events/out", "/api/logs/out", "/api/task_runs/subscriptions/scheduled",
})  # fmt: skip

_RESUME = re.compile(r"/api/flow_runs/([0-9a-fA-F-]{32,36})/resume/?")

logger = logging.getLogger("clockbooks.page")


@dataclass(frozen=True)
class Rules:
    """What the guard enforces.

    Attributes:
        login: The `user:password` that Prefect accepts, made by us.
        chosen: The `user:password` that a person chose, if any.
        names: The server's host names, in lower case.
        numbers: Whether any IP address will do as host too; DNS rebinding needs a name.
        origins: Further origins of its own pages, in lower case: those behind a proxy.
        entrypoints: The code that deployments may run.
        job_variables: The only job variables that they may have.
        user_header: The header in which a proxy on this machine names the user.
        keep_identity: Records who answered: a flow run's id, the answer's id, and a name.
    """

    login: str
    chosen: str | None = None
    names: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    numbers: bool = False
    origins: frozenset[str] = frozenset()
    entrypoints: frozenset[str] = frozenset()
    job_variables: dict[str, Any] = field(default_factory=dict)
    user_header: str | None = None
    keep_identity: Callable[[str, str, str], None] | None = None


class PageGuard:
    """The ASGI application to serve: it passes on to Prefect's what is allowed."""

    def __init__(
        self, app: App, rules: Rules, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._rules = rules
        self._own_code = OwnCode(rules.entrypoints, rules.job_variables)
        self._guesses = Guesses(now)
        self.sign_in = SignIn(rules.login, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, with_security_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_origin(scope)
            allowed = scope["path"] in _SOCKETS
        except RequestRefused:
            allowed = False
        if not allowed:
            await send({"type": "websocket.close", "code": 1008})  # before it opens: HTTP 403
            return
        logged_in = False

        async def receive_with_login() -> Message:
            """Pass messages on; the first one carries the login."""
            nonlocal logged_in
            message = await receive()
            if logged_in or message["type"] != "websocket.receive":
                return message
            logged_in = True
            return self._first_message(message, peer_of(scope))

        await self._app(scope, receive_with_login, send)

    def _first_message(self, message: Message, peer: str) -> Message:
        """Replace a right login by Prefect's own, and drop a wrong one."""
        raw = message.get("text") or message.get("bytes") or b""
        try:
            document = json.loads(raw)
            self._check_login(document["token"], peer)
            document["token"] = self._rules.login
        except (ValueError, KeyError, TypeError, RecursionError, RequestRefused):
            return {"type": "websocket.receive", "text": "{}"}
        return {"type": "websocket.receive", "text": json.dumps(document)}

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        scope = {**scope, "headers": list(scope["headers"])}
        try:
            self._check_origin(scope)
            if path == SIGN_IN:
                await self._sign_in(scope, receive, send)
                return
            person = self._take_identity(scope)
            if path.startswith("/api/") and scope["method"] != "OPTIONS":
                if path not in _OPEN:
                    self._check_password(scope)
                if scope["method"] in {"POST", "PUT", "PATCH", "DELETE"}:
                    receive, send = await self._check_write(scope, receive, send, person)
        except RequestRefused as refused:
            await answer_json(send, refused.status, {"detail": str(refused)}, refused.headers)
            return
        if scope["method"] == "GET" and (code := _CODE.fullmatch(path)):
            send = self._only_ours(send, scope, code.group(1))
        await self._app(scope, receive, send)

    # 1 and 2: names and origins

    def _check_host(self, scope: Scope) -> str:
        hosts = headers_of(scope, b"host")
        host = host_in(hosts[0]) if len(hosts) == 1 else None
        if host is None or not (host in self._rules.names or (self._rules.numbers and is_ip(host))):
            raise RequestRefused(
                421,
                "This server does not go by that name. Open it under its own address, or add the"
                " name to CLOCKBOOKS_UI_HOSTS.",
            )
        return hosts[0].lower()

    def _check_origin(self, scope: Scope) -> None:
        host = self._check_host(scope)
        own = {f"{scheme}://{host}" for scheme in ("http", "https")}
        origins = headers_of(scope, b"origin")
        foreign = any(origin.lower() not in own | self._rules.origins for origin in origins)
        # A link from elsewhere, as in a notice, only reads.
        follows = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and not origins
        sites = set(headers_of(scope, b"sec-fetch-site"))
        if foreign or (not follows and sites - {"same-origin", "none"}):
            raise RequestRefused(403, "Pages of other sites may not use this server.")

    # 3: the password

    def _check_password(self, scope: Scope) -> None:
        given = headers_of(scope, b"authorization")
        if len(given) != 1:
            raise RequestRefused(401, "This server needs its password; `clockbooks ui` says which.")
        scheme, _, coded = given[0].partition(" ")
        try:
            login = base64.b64decode(coded.strip(), validate=True).decode()
        except ValueError:
            login = ""
        self._check_login(login if scheme.lower() == "basic" else "", peer_of(scope))
        ours = base64.b64encode(self._rules.login.encode())
        replace_header(scope, b"authorization", b"Basic " + ours)

    def _check_login(self, login: str, peer: str) -> None:
        """Refuse a login that is wrong, or any but ours after too many wrong ones."""
        if _same(login, self._rules.login):
            return
        wait_s = self._guesses.wait_s(peer)
        if wait_s:
            after = [(b"retry-after", str(wait_s).encode())]
            raise RequestRefused(429, f"Too many wrong passwords: wait {wait_s} seconds.", after)
        if self._rules.chosen is not None and _same(login, self._rules.chosen):
            return
        self._guesses.wrong(peer)
        raise RequestRefused(401, "The password is wrong.")

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await show_sign_in(send)
            return
        body = await read_body(receive)
        try:
            login = self.sign_in.take(json.loads(body)["token"])
        except (ValueError, KeyError, TypeError, RecursionError):
            login = None
        await answer_json(send, 200 if login else 403, {"login": login})

    # 4: what runs

    async def _check_write(
        self, scope: Scope, receive: Receive, send: Send, person: str | None
    ) -> tuple[Receive, Send]:
        """Refuse a request that would run something not ours; else return what yields it again."""
        kind, *path = scope["path"].strip("/").split("/")[1:] or [""]
        request = Request(scope["method"], kind, tuple(path), from_person=person is not None)
        if not request.is_checked:
            return receive, send
        body = await read_body(receive)
        try:
            document = json.loads(body) if body else {}
            parts = document if isinstance(document, list) else [document]
            wrong = [what_is_wrong(self._own_code, request, part) for part in parts]
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise RequestRefused(400, "This is not what Prefect takes.") from None
        for what in filter(None, wrong):
            raise RequestRefused(
                403,
                f"{what} is not Clockbooks' own: this server runs the deployments of prefect.yaml,"
                " and nothing else.",
            )
        if not body:
            return replay(body, receive), send
        if resumed := _RESUME.fullmatch(scope["path"]):
            send = self._identify(document, scope, send, resumed.group(1), person)
        body = json.dumps(
            document
        ).encode()  # exactly what was checked: Prefect's parser is another
        replace_header(scope, b"content-length", str(len(body)).encode())
        return replay(body, receive), send

    def _only_ours(self, send: Send, scope: Scope, kind: str) -> Send:
        """Withhold deployments and work pools that are not ours: to run one, it is read here first.

        It may have been planted before there was a guard, or directly in Prefect's database.
        """

        async def check(start: Message, body: bytes) -> None:
            found = json.loads(body) if start["status"] == 200 else {}
            wrong = found and what_is_wrong(self._own_code, Request("GET", kind), found)
            if wrong:
                detail = f"{wrong} is not Clockbooks' own: delete it, or deploy it anew."
                await answer_json(send, 403, {"detail": detail})
                return
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return whole_answer(scope, check)

    # 5: who decides

    def _take_identity(self, scope: Scope) -> str | None:
        """Remove the user's header, and return its value if a proxy on this machine set it."""
        if self._rules.user_header is None:
            return None
        name = self._rules.user_header.lower().encode()
        values = [value.strip() for value in headers_of(scope, name)]
        replace_header(scope, name, None)
        if not is_loopback(peer_of(scope)) or len(values) != 1 or not values[0].isprintable():
            return None
        return values[0][:200] or None

    def _identify(
        self, document: Any, scope: Scope, send: Send, run_id: str, person: str | None
    ) -> Send:
        """Give an answer its id, and record whose it is once Prefect accepts it.

        An id that comes with an answer is dropped: it may be another answer's.
        """
        answer = document.get("run_input") if isinstance(document, dict) else None
        if not isinstance(answer, dict):
            return send
        answer.pop("answer_id", None)
        keep = self._rules.keep_identity
        if person is None or keep is None:
            return send
        answer_id = answer["answer_id"] = secrets.token_hex(16)

        async def record(start: Message, body: bytes) -> None:
            if start["status"] in {200, 201} and json.loads(body).get("status") == "ACCEPT":
                try:
                    await asyncio.to_thread(keep, str(UUID(run_id)), answer_id, person)
                except Exception:  # the answer counts all the same, but not as verified
                    logger.exception("Could not record who answered.")
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return whole_answer(scope, record)


def _same(given: Any, right: str) -> bool:
    return hmac.compare_digest(str(given).encode(errors="replace"), right.encode())
