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
   variables or commands, no blocks, no automations that start something.
5. *Who decides.* Records whom a proxy on this machine vouches for, when somebody answers a plan.

Pure ASGI, and nothing of Prefect's is imported: it is tested alone.
"""

import asyncio
import base64
import hmac
import ipaddress
import json
import logging
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The page that signs a browser in; see `SignIn`.
SIGN_IN = "/clockbooks/sign-in"

#: Seconds for which a sign-in link works.
SIGN_IN_S = 900

#: Wrong guesses per address within `GUESSING_S` seconds; further ones are not checked.
GUESSES, GUESSING_S = 10, 60

#: Addresses whose guesses are remembered; beyond that, the oldest are forgotten.
GUESSERS = 1000

#: The largest request, in bytes, that the guard inspects.
MOST_BYTES = 5_000_000

#: Actions that an automation may have: those of our own watch, and those that stop something.
HARMLESS = frozenset({"change-flow-run-state", "send-notification", "do-nothing", "cancel-flow-run",
                      "suspend-flow-run"})  # fmt: skip

_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

#: Health checks need no password.
_OPEN = frozenset({"/api/health", "/api/ready"})

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?")

#: What runners and workers read before they run anything.
_CODE = re.compile(r"/api/(deployments|work_pools)/[^/]+/?")

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
        keep_identity: Records who answered, given a flow run's id and a name, which is `None` when
            nobody vouches.
    """

    login: str
    chosen: str | None = None
    names: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    numbers: bool = False
    origins: frozenset[str] = frozenset()
    entrypoints: frozenset[str] = frozenset()
    job_variables: dict[str, Any] = field(default_factory=dict)
    user_header: str | None = None
    keep_identity: Callable[[str, str | None], None] | None = None


class TurnedAway(Exception):  # noqa: N818 - named for what happens, as connectors.errors
    """A request that is refused.

    Attributes:
        status: The HTTP status.
        headers: More headers of the answer.
    """

    def __init__(self, status: int, why: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(why)
        self.status = status
        self.headers = list(headers)


class Guesses:
    """Counts wrong passwords by address, so that only a few a minute are checked."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Return the seconds until the next guess from *address* is checked; 0 means now."""
        wrong = self._wrong.get(_network(address))
        if wrong is None or len(wrong) < GUESSES:
            return 0
        return max(0, round(wrong[0] + GUESSING_S - self._now() + 0.5))

    def wrong(self, address: str) -> None:
        """Count a wrong guess."""
        network = _network(address)
        self._wrong.setdefault(network, deque(maxlen=GUESSES)).append(self._now())
        self._wrong.move_to_end(network)
        while len(self._wrong) > GUESSERS:
            self._wrong.popitem(last=False)


class SignIn:
    """One-time links that sign a browser in.

    Prefect's pages read the login from the browser's local storage, which only a page of this
    server can fill. Ours gets its token from the fragment of its address, which browsers neither
    send nor log, and exchanges it for the login.
    """

    def __init__(self, login: str, now: Callable[[], float] = time.monotonic) -> None:
        self._login = login
        self._now = now
        self._until: dict[str, float] = {}

    def offer(self) -> str:
        """Return the path of a new link."""
        token = secrets.token_urlsafe(32)
        self._until[token] = self._now() + SIGN_IN_S
        return f"{SIGN_IN}#{token}"

    def take(self, token: str) -> str | None:
        """Return what Prefect's pages store as login; `None` for a used, old or unknown token."""
        until = self._until.pop(token, None)
        if until is None or until < self._now():
            return None
        return base64.b64encode(self._login.encode()).decode()


class PageGuard:
    """The ASGI application to serve: it passes on to Prefect's what is allowed."""

    def __init__(
        self, app: App, rules: Rules, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._rules = rules
        self._guesses = Guesses(now)
        self.sign_in = SignIn(rules.login, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_origin(scope)
        except TurnedAway:
            await send({"type": "websocket.close", "code": 1008})  # before it opens: HTTP 403
            return
        asked = False

        async def listen() -> Message:
            """Pass messages on; the first one carries the login."""
            nonlocal asked
            message = await receive()
            if asked or message["type"] != "websocket.receive":
                return message
            asked = True
            return self._first_message(message, _peer(scope))

        await self._app(scope, listen, send)

    def _first_message(self, message: Message, peer: str) -> Message:
        """Replace a right login by Prefect's own, and drop a wrong one."""
        raw = message.get("text") or message.get("bytes") or b""
        try:
            told = json.loads(raw)
            self._check_login(told["token"], peer)
            told["token"] = self._rules.login
        except (ValueError, KeyError, TypeError, RecursionError, TurnedAway):
            return {"type": "websocket.receive", "text": "{}"}
        return {"type": "websocket.receive", "text": json.dumps(told)}

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        try:
            self._check_origin(scope)
            if path == SIGN_IN:
                await self._sign_in(scope, receive, send)
                return
            scope = {**scope, "headers": list(scope["headers"])}
            who = self._take_identity(scope)
            if path.startswith("/api/") and scope["method"] != "OPTIONS":
                if path not in _OPEN:
                    self._check_password(scope)
                if scope["method"] in {"POST", "PUT", "PATCH", "DELETE"}:
                    receive = await self._check_what_runs(scope, receive)
        except TurnedAway as refused:
            await _answer(send, refused.status, {"detail": str(refused)}, refused.headers)
            return
        resumed = _RESUME.fullmatch(path)
        if resumed and scope["method"] == "POST" and self._rules.keep_identity:
            send = self._keeping(send, scope, resumed.group(1), who)
        elif scope["method"] == "GET" and (read := _CODE.fullmatch(path)):
            send = self._only_ours(send, scope, read.group(1))
        await self._app(scope, receive, send)

    # 1 and 2: names and origins

    def _check_origin(self, scope: Scope) -> None:
        hosts = _all(scope, b"host")
        host = _host(hosts[0]) if len(hosts) == 1 else None
        if host is None or not (
            host in self._rules.names or (self._rules.numbers and _is_ip(host))
        ):
            raise TurnedAway(
                421,
                "This server does not go by that name. Open it under its own address, or add the"
                " name to CLOCKBOOKS_UI_HOSTS.",
            )
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")}
        origins = _all(scope, b"origin")
        foreign = any(origin.lower() not in own | self._rules.origins for origin in origins)
        # A link from elsewhere, as in a notice, only reads.
        follows = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and not origins
        sites = set(_all(scope, b"sec-fetch-site"))
        if foreign or (not follows and sites - {"same-origin", "none"}):
            raise TurnedAway(403, "Pages of other sites may not use this server.")

    # 3: the password

    def _check_password(self, scope: Scope) -> None:
        given = _all(scope, b"authorization")
        if len(given) != 1:
            raise TurnedAway(401, "This server needs its password; `clockbooks ui` says which.")
        scheme, _, coded = given[0].partition(" ")
        try:
            login = base64.b64decode(coded.strip(), validate=True).decode()
        except ValueError:
            login = ""
        self._check_login(login if scheme.lower() == "basic" else "", _peer(scope))
        ours = base64.b64encode(self._rules.login.encode())
        _replace(scope, b"authorization", b"Basic " + ours)

    def _check_login(self, login: str, peer: str) -> None:
        """Check a login.

        Raises:
            TurnedAway: It is wrong, or too many were wrong just before.
        """
        if _same(login, self._rules.login):
            return
        wait_s = self._guesses.wait_s(peer)
        if wait_s:
            after = [(b"retry-after", str(wait_s).encode())]
            raise TurnedAway(429, f"Too many wrong passwords: wait {wait_s} seconds.", after)
        if self._rules.chosen is not None and _same(login, self._rules.chosen):
            return
        self._guesses.wrong(peer)
        raise TurnedAway(401, "The password is wrong.")

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await _show_sign_in(send)
            return
        body = await _read(receive)
        try:
            login = self.sign_in.take(json.loads(body)["token"])
        except (ValueError, KeyError, TypeError, RecursionError):
            login = None
        await _answer(send, 200 if login else 403, {"login": login})

    # 4: what runs

    async def _check_what_runs(self, scope: Scope, receive: Receive) -> Receive:
        """Inspect what a request writes, and return a `receive` that yields it again.

        Raises:
            TurnedAway: It would run something that is not ours.
        """
        kind, *rest = scope["path"].strip("/").split("/")[1:] or [""]
        if kind not in _CHECKS:
            return receive
        body = await _read(receive)
        try:
            told = json.loads(body) if body else {}
            parts = told if isinstance(told, list) else [told]
            why = [_CHECKS[kind](self._rules, scope["method"], rest, part) for part in parts]
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise TurnedAway(400, "This is not what Prefect takes.") from None
        for what in filter(None, why):
            raise TurnedAway(
                403,
                f"{what} is not Clockbooks' own: this server runs the deployments of prefect.yaml,"
                " and nothing else.",
            )
        if not body:
            return _handing_over(body, receive)
        body = json.dumps(told).encode()  # exactly what was checked, however Prefect parses JSON
        _replace(scope, b"content-length", str(len(body)).encode())
        return _handing_over(body, receive)

    def _only_ours(self, send: Send, scope: Scope, kind: str) -> Send:
        """Withhold deployments and work pools that are not ours: to run one, it is read here first.

        It may have been planted before there was a guard, or directly in Prefect's database.
        """

        async def look(start: Message, body: bytes) -> None:
            found = json.loads(body) if start["status"] == 200 else {}
            why = _CHECKS[kind](self._rules, "GET", [], found) if found else None
            if why:
                detail = f"{why} is not Clockbooks' own: delete it, or deploy it anew."
                await _answer(send, 403, {"detail": detail})
                return
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return _whole_answer(scope, look)

    # 5: who decides

    def _take_identity(self, scope: Scope) -> str | None:
        """Remove the user's header, and return its value if a proxy on this machine set it."""
        if self._rules.user_header is None:
            return None
        name = self._rules.user_header.lower().encode()
        told = [value.strip() for value in _all(scope, name)]
        _replace(scope, name, None)
        if not _is_loopback(_peer(scope)) or len(told) != 1 or not told[0].isprintable():
            return None
        return told[0][:200] or None

    def _keeping(self, send: Send, scope: Scope, run_id: str, who: str | None) -> Send:
        """Record who answered once Prefect accepts the answer; of two at once, it accepts one."""
        keep = self._rules.keep_identity
        assert keep is not None  # noqa: S101 - for mypy; the caller asked

        async def look(start: Message, body: bytes) -> None:
            taken = start["status"] in {200, 201} and json.loads(body).get("status") == "ACCEPT"
            if taken:
                try:
                    await asyncio.to_thread(keep, str(UUID(run_id)), who)
                except Exception:  # the answer counts all the same, but not as verified
                    logger.exception("Could not record who answered.")
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return _whole_answer(scope, look)


def _deployment(rules: Rules, method: str, rest: list[str], part: dict[str, Any]) -> str | None:
    """Return what is not ours in a deployment or in a run of one."""
    whole = method == "GET" or (method == "POST" and not rest)
    entrypoint = part.get("entrypoint")
    if (whole or entrypoint is not None) and entrypoint not in rules.entrypoints:
        return f"The entrypoint {entrypoint!r}"
    if part.get("pull_steps"):
        return "A pull step"
    if part.get("path") not in (None, "", "."):
        return "A path"
    return _run(rules, method, rest, part)


def _run(rules: Rules, method: str, rest: list[str], part: dict[str, Any]) -> str | None:
    if part.get("job_variables") not in (None, {}, rules.job_variables):
        return "A job's variable"
    if part.get("storage_document_id") or part.get("infrastructure_document_id"):
        return "A block"
    # Answers to plans come through Resume only; see `PageGuard._keeping`.
    key = rest[2] if method == "DELETE" and len(rest) > 2 else part.get("key")
    if rest[1:2] == ["input"] and str(key).endswith("-response"):
        return "An answer without Resume"
    if _leads_answer_astray(part.get("state") or {}):
        return "A pause that keeps its answer elsewhere"
    return None


def _leads_answer_astray(state: dict[str, Any]) -> bool:
    """Return whether a pause reads its form or keeps its answer under keys other than Prefect's.

    Resume would then be recorded for an older answer (`prefect.input.run_input` makes the keys).
    """
    details = state.get("state_details") or {}
    keys = details.get("run_input_keyset")
    if not keys:
        return False
    name = state.get("name") or str(state.get("type"))
    base = f"{name.lower()}-{details.get('pause_key')}"
    return any(keys.get(kind) != f"{base}-{kind}" for kind in ("response", "schema"))


def _pool(_: Rules, _method: str, _rest: list[str], part: dict[str, Any]) -> str | None:
    """Return what differs from Prefect's own template of a process pool."""
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


def _block(_: Rules, _method: str, _rest: list[str], part: dict[str, Any]) -> str | None:
    # Our own, for notices, has its type and what Prefect's client adds; no field begins with _.
    given = {name for name in part.get("data") or {} if not name.startswith("_")}
    given.discard("block_type_slug")
    return f"A block's {min(given)}" if given else None


def _automation(_: Rules, _method: str, _rest: list[str], part: dict[str, Any]) -> str | None:
    for name in ("actions", "actions_on_trigger", "actions_on_resolve"):
        for action in part.get(name) or []:
            if action.get("type") not in HARMLESS:
                return f"An automation's {action.get('type')!r}"
    return None


_CHECKS: dict[str, Callable[[Rules, str, list[str], dict[str, Any]], str | None]] = {
    "deployments": _deployment,
    "flow_runs": _run,
    "work_pools": _pool,
    "block_documents": _block,
    "automations": _automation,
}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise TurnedAway(413, f"This is more than {MOST_BYTES:,} bytes.")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def _handing_over(body: bytes, receive: Receive) -> Receive:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def hand_over() -> Message:
        return left.pop() if left else await receive()

    return hand_over


def _whole_answer(scope: Scope, look: Callable[[Message, bytes], Awaitable[None]]) -> Send:
    """Collect an answer, uncompressed, and let *look* send it."""
    _replace(scope, b"accept-encoding", None)
    start: list[Message] = []
    body: list[bytes] = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
        elif message["type"] == "http.response.body":
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                await look(start[0], b"".join(body))

    return collect


def _with_headers(send: Send) -> Send:
    """Add the headers that keep the page out of frames and its address private."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", [])}
            more = [header for header in _HEADERS if header[0] not in own]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return add


async def _answer(
    send: Send, status: int, told: Any, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    kind = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *headers]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


_SCRIPT = """\
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
fetch(location.pathname, {method: "POST", body: JSON.stringify({token})})
  .then((answer) => answer.json())
  .then(({login}) => {
    if (!login) throw 0;
    localStorage.setItem("prefect-password", login);
    location.replace("/");
  })
  .catch(() => {
    document.body.textContent = "This link was used, or is too old. Log in with the password:" +
      " clockbooks ui says where it is.";
  });
"""


async def _show_sign_in(send: Send) -> None:
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self';"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Clockbooks</title>'
        f'</head><body>Signing in …<script nonce="{nonce}">{_SCRIPT}</script></body></html>'
    )
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", f"{policy} frame-ancestors 'none'".encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page.encode()})


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _replace(scope: Scope, name: bytes, value: bytes | None) -> None:
    kept = [(key, old) for key, old in scope["headers"] if key.lower() != name]
    scope["headers"] = [*kept, (name, value)] if value is not None else kept


def _same(given: Any, right: str) -> bool:
    return hmac.compare_digest(str(given).encode(errors="replace"), right.encode())


def _peer(scope: Scope) -> str:
    """Return the address at the other end of the connection, whatever headers say."""
    return str((scope.get("client") or ("",))[0])


def _host(header: str) -> str | None:
    found = _HOST.fullmatch(header)
    return found and found.group(1).strip("[]").lower()


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(peer: str) -> bool:
    if not _is_ip(peer):
        return False
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None)  # a listener on :: sees IPv4 so
    return bool((mapped or address).is_loopback)


def _network(peer: str) -> str:
    """Return what counts as one guesser.

    A local user has all of this machine's loopback addresses; in IPv6, somebody has a whole /64.
    """
    if _is_loopback(peer):
        return "loopback"
    if ":" not in peer or not _is_ip(peer) or "::ffff:" in peer.lower():
        return peer
    return str(ipaddress.ip_network(f"{peer.partition('%')[0]}/64", strict=False))
