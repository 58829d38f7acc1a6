"""The callback server: waits on this machine for the browser that comes back from Intuit's consent.

It listens on the loopback alone, takes one answer to our question, and shows what became of it only
once that is known. Any other request gets a page, and does not end the wait.
"""

import errno
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from connectors.bounds import read_in_time
from connectors.errors import AskPerson
from connectors.intuit.callback_pages import HEADERS, page
from connectors.intuit.consent import Answer, NotGiven, NotOurs, read_answer

HOST = "127.0.0.1"

#: Names by which a browser may call this machine; any other is an attack (DNS rebinding).
NAMES = frozenset({HOST, "localhost"})

#: The path of an address that we choose ourselves.
PATH = "/callback"

#: Seconds for the last page to reach the browser, before the server goes away.
LAST_PAGE_S = 5

#: Seconds that a browser may take for its whole request, and how many bytes of it.
REQUEST_S = 10
LONGEST_REQUEST = 64 << 10

#: How many requests may be on their way at once. One more, and the oldest is cut off: a browser
#: sends its own within milliseconds.
MOST_AT_ONCE = 32

#: Rejected requests that are reported; a flood should not bury the question.
MOST_REPORTED = 5


@dataclass
class Callback:
    """A browser that came back with an answer to our question, and waits for a page.

    Attributes:
        answer: The consent, or why there is none; `None` for a rejected request.
        pages: The one page that it waits for, with its HTTP status.
        shown: Set once the page was sent.
    """

    answer: Answer | NotGiven | None
    pages: "queue.SimpleQueue[tuple[int, bytes]]" = field(default_factory=queue.SimpleQueue)
    shown: threading.Event = field(default_factory=threading.Event)

    def show(self, title: str, *words: str, good: bool = False) -> None:
        """Show the browser what became of its answer, and wait until it has the page."""
        self.pages.put((200 if good else 400, page(title, words, good=good)))
        self.shown.wait(LAST_PAGE_S)


class CallbackServer:
    """Waits at the address to which Intuit sends the browser."""

    def __init__(self, redirect_uri: str, path: str, tell: Callable[[str], None]) -> None:
        self.redirect_uri = redirect_uri
        self._path = path
        self._tell = tell
        self._state: str | None = None  # none: no answer is awaited, or no more
        self._lock = threading.Lock()
        self._rejected = 0
        self._callbacks: queue.SimpleQueue[Callback] = queue.SimpleQueue()

    def expect(self, state: str) -> None:
        """Take the one answer that has this *state*."""
        with self._lock:
            self._state = state

    def wait(self, timeout_s: float) -> Callback:
        """Wait for the browser.

        Raises:
            AskPerson: It did not come in time.
        """
        try:
            return self._callbacks.get(timeout=timeout_s)
        except queue.Empty:
            with self._lock:
                self._state = None
        # An answer may have come in just before the wait ended.
        try:
            return self._callbacks.get_nowait()
        except queue.Empty:
            raise AskPerson(
                f"The consent was not given within {timeout_s:g} seconds. Nothing was stored; run"
                " `clockbooks connect` again, with a larger --timeout-s if you need more time."
            ) from None

    def receive(self, target: str, host: str) -> Callback:
        """Answer one request; its page is there, or comes once the consent is used."""
        parts = urlsplit(target)
        if parts.path != self._path or host not in NAMES:
            return _rejection(404, "There is nothing here", "This address is only for Intuit.")
        try:
            callback = self._accept(parts.query)
        except NotOurs as error:
            self._report(error)
            return _rejection(400, error.title, str(error))
        if callback is None:
            return _rejection(
                410,
                "No answer is expected",
                "`clockbooks connect` already has its one answer, or no longer waits for it.",
            )
        self._callbacks.put(callback)
        return callback

    def _report(self, error: NotOurs) -> None:
        with self._lock:
            self._rejected += 1
            number = self._rejected
        if number <= MOST_REPORTED:
            last = " No more of them are reported." if number == MOST_REPORTED else ""
            self._tell(f"Rejected a request: {error} Still waiting for yours.{last}")

    def _accept(self, query: str) -> Callback | None:
        with self._lock:
            if self._state is None:
                return None
            try:
                answer: Answer | NotGiven = read_answer(query, state=self._state)
            except NotOurs:
                raise
            except NotGiven as error:
                answer = error
            self._state = None  # used: no second answer, not even to the same question
        return Callback(answer)


@contextmanager
def open_callback_server(
    redirect_uri: str | None, tell: Callable[[str], None]
) -> Iterator[CallbackServer]:
    """Wait at *redirect_uri*, `http://localhost:PORT/PATH` or with 127.0.0.1, or at any free port.

    Raises:
        AskPerson: The port is taken, or may not be used.
    """
    parts = urlsplit(redirect_uri or f"http://{HOST}:0{PATH}")
    port = 80 if parts.port is None else parts.port
    try:
        servers = _listen(parts.hostname, port)
    except OSError as error:
        raise AskPerson(
            f"The port {port} of --redirect-uri cannot be used ({error.strerror}): stop what uses"
            " it, register another address at developer.intuit.com, or use --no-browser."
        ) from None
    address = redirect_uri or f"http://{HOST}:{servers[0].server_port}{PATH}"
    receiver = CallbackServer(address, parts.path or "/", tell)
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(_serving(server, receiver))
        yield receiver


def _listen(host: str | None, port: int) -> "list[_Server]":
    """Listen on 127.0.0.1, and for the name `localhost` on ::1 too.

    A browser tries ::1 first: whoever else listened there would get the code.
    """
    servers = [_Server((HOST, port), _Request)]
    if host == "localhost":
        try:
            servers.append(_Server6(("::1", port), _Request))
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                servers[0].server_close()
                raise
    return servers


@contextmanager
def _serving(server: "_Server", receiver: CallbackServer) -> Iterator[None]:
    server.receiver = receiver
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="callback server")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    # Browsers keep sockets open that they never use: do not wait for those at the end.
    daemon_threads = True
    request_queue_size = MOST_AT_ONCE
    receiver: CallbackServer

    def __init__(self, *args: Any) -> None:
        self._unread: dict[int, socket.socket] = {}  # by its id; the first one came first
        self._lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._unread) >= MOST_AT_ONCE:
                oldest = self._unread.pop(next(iter(self._unread)))
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            self._unread[id(request)] = request
        super().process_request(request, client_address)

    def request_read(self, request: socket.socket) -> None:
        """Note that a request was read to its end, or its connection has closed."""
        with self._lock:
            if self._unread.get(id(request)) is request:
                del self._unread[id(request)]

    def shutdown_request(self, request: Any) -> None:
        self.request_read(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that hung up."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Request(BaseHTTPRequestHandler):
    server: _Server
    server_version = "Clockbooks"
    sys_version = ""
    timeout = REQUEST_S

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = read_in_time(self.connection, REQUEST_S, LONGEST_REQUEST)

    def do_GET(self) -> None:
        self.connection.settimeout(REQUEST_S)  # for the answer
        self.server.request_read(self.connection)
        host = (self.headers.get("Host") or "").partition(":")[0].lower()
        callback = self.server.receiver.receive(self.path, host)
        status, body = callback.pages.get()
        try:
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        finally:
            callback.shown.set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log nothing: the request has the code in it."""


def _rejection(status: int, title: str, *words: str) -> Callback:
    callback = Callback(None)
    callback.pages.put((status, page(title, [*words, "You may close this page."], good=False)))
    return callback
