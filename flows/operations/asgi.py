"""What the guard of Prefect's page needs of ASGI: bodies, answers, headers and addresses."""

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The largest request, in bytes, that the guard inspects.
MOST_BYTES = 5_000_000

_SECURITY_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?")


class RequestRefused(Exception):  # noqa: N818 - named for what happens, as connectors.errors
    """A request that is not passed on.

    Attributes:
        status: The HTTP status.
        headers: More headers of the answer.
    """

    def __init__(self, status: int, why: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(why)
        self.status = status
        self.headers = list(headers)


async def read_body(receive: Receive) -> bytes:
    """Read the whole body of a request.

    Raises:
        RequestRefused: It is too large.
    """
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise RequestRefused(413, f"This is more than {MOST_BYTES:,} bytes.")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields *body*, which was read, and then whatever else comes."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return left.pop() if left else await receive()

    return receive_again


def whole_answer(scope: Scope, use: Callable[[Message, bytes], Awaitable[None]]) -> Send:
    """Return a `send` that collects an answer, uncompressed, and leaves it to *use* to send it."""
    replace_header(scope, b"accept-encoding", None)
    start: list[Message] = []
    body: list[bytes] = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
        elif message["type"] == "http.response.body":
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                await use(start[0], b"".join(body))

    return collect


def with_security_headers(send: Send) -> Send:
    """Add the headers that keep the page out of frames and its address private."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", [])}
            more = [header for header in _SECURITY_HEADERS if header[0] not in own]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return add


async def answer_json(
    send: Send, status: int, document: Any, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with a JSON document that nobody may store."""
    kind = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *headers]})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def headers_of(scope: Scope, name: bytes) -> list[str]:
    """Return all values of a header; its name in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def replace_header(scope: Scope, name: bytes, value: bytes | None) -> None:
    """Set a header to one value, or remove it."""
    kept = [(key, old) for key, old in scope["headers"] if key.lower() != name]
    scope["headers"] = [*kept, (name, value)] if value is not None else kept


def peer_of(scope: Scope) -> str:
    """Return the address at the other end of the connection, whatever headers say."""
    return str((scope.get("client") or ("",))[0])


def host_in(header: str) -> str | None:
    """Return the host of a Host header, in lower case and without its port."""
    found = _HOST.fullmatch(header)
    return found and found.group(1).strip("[]").lower()


def is_ip(text: str) -> bool:
    """Return whether *text* is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(peer: str) -> bool:
    """Return whether an address is one of this machine's own."""
    if not is_ip(peer):
        return False
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None)  # a listener on :: sees IPv4 so
    return bool((mapped or address).is_loopback)


def network_of(peer: str) -> str:
    """Return what counts as one guesser.

    A local user has all of this machine's loopback addresses; in IPv6, somebody has a whole /64.
    """
    if is_loopback(peer):
        return "loopback"
    if ":" not in peer or not is_ip(peer) or "::ffff:" in peer.lower():
        return peer
    return str(ipaddress.ip_network(f"{peer.partition('%')[0]}/64", strict=False))
