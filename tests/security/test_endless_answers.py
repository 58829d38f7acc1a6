"""Services, or what is on the way to them, that answer without end: too much, or too slowly."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
import requests

from connectors import http
from connectors.bounds import bounded
from connectors.errors import AskPerson, TryAgain, Unsure
from connectors.http import Failure, Http, HttpRequest
from connectors.intuit import consent, oauth_app
from connectors.intuit.consent import revoke
from connectors.intuit.oauth_app import OAuthApp

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GOOD = OK + b"Content-Length: 2\r\n\r\n{}"


@contextmanager
def answering(pieces, pause_s=0.0):
    """Serve a raw answer, piece by piece, on each connection; return its address."""
    over = threading.Event()
    connections = []

    def answer(connection):
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            for piece in pieces():
                connection.sendall(piece)
                if over.wait(pause_s):
                    return
            connection.shutdown(socket.SHUT_WR)
            over.wait(10)

    def accept(listener):
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(threading.Thread(target=answer, args=(connection,)))
                connections[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for one in (thread, *connections):
                one.join()


def drip(start, rest=b"x", times=10_000):
    """Answer with *start* at once, and then a byte at a time."""
    return lambda: [start, *[rest] * times]


#: Where a byte every 20 ms keeps a caller whose timeout starts anew with each.
SLOW = {
    "the status": drip(b"HTTP/1.1 200 ", b"O"),
    "interim answers": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a header": drip(OK + b"X-A: "),
    "headers": drip(OK, b"A: b\r\n", 90),
    "the body": drip(OK + b"Content-Length: 90000\r\n\r\n"),
    "a body without a length": drip(OK + b"Connection: close\r\n\r\n"),
    "chunks": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the length of a chunk": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    "an error's body": drip(b"HTTP/1.1 429 Too Many\r\nContent-Length: 90000\r\n\r\n"),
}

PACK = zlib.compressobj(9, zlib.DEFLATED, 31)
BOMB = PACK.compress(b"[" + b" " * (64 << 20)) + PACK.flush()

#: Answers that are short on the way and long in memory, or just long.
LONG = {
    "gzip": [OK + b"Content-Encoding: gzip\r\n\r\n", BOMB],
    "gzip in gzip": [OK + b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(BOMB)],
    "plain": [OK + b"\r\n", *[b" " * (1 << 20)] * 20],
    "chunks": [OK + b"Transfer-Encoding: chunked\r\n\r\n",
               *[b"100000\r\n" + b" " * (1 << 20) + b"\r\n"] * 20],
    "a promise of a terabyte": [OK + b"Content-Length: 1099511627776\r\n\r\n",
                                *[b" " * (1 << 20)] * 20],
    "a refusal": [b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\n\r\n", BOMB],
    "a throttle": [b"HTTP/1.1 429 No\r\nContent-Encoding: gzip\r\n\r\n", BOMB],
}  # fmt: skip


@pytest.fixture
def books():
    """Yield a function to call a service, once."""
    made = []

    def call(address, *, read, timeout_s=60):
        client = Http("Books", timeout_s, describe=lambda _: Failure("no", "", None))
        client.sleep = lambda _: pytest.fail("the call was sent again")
        made.append(client)
        request = HttpRequest(
            "GET" if read else "POST", address, read, data=None if read else b"{}"
        )
        return client.send(request, headers=dict)

    yield call
    for client in made:
        client.session.close()


@pytest.mark.parametrize("where", SLOW)
def test_a_byte_at_a_time_does_not_outlive_the_timeout(books, where):
    """The timeout is for the whole answer; a write without one is in doubt, and timed out."""
    begun = time.monotonic()
    with answering(SLOW[where], pause_s=0.02) as address, pytest.raises(Unsure) as raised:
        books(address, read=False, timeout_s=0.3)

    assert time.monotonic() - begun < 3
    assert raised.value.timed_out


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("read", [True, False])
def test_an_answer_without_end_is_cut(books, monkeypatch, what, read):
    """A write is in doubt whatever the status was; a read is not repeated, and says why."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", 2 << 20)
    tracemalloc.start()
    with answering(lambda: LONG[what]) as address:
        with pytest.raises(AskPerson if read else Unsure) as raised:
            books(address, read=read)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "more than 2 MB" in str(raised.value)
    assert peak < 24 << 20


def test_an_answer_within_the_bounds_is_read(books):
    """Also over a connection that was used before."""
    pieces = [OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b" " * (8 << 20) + b"{}")]
    with answering(lambda: pieces) as address:
        assert books(address, read=True).content.endswith(b" {}")
    with answering(lambda: [GOOD]) as address:
        assert books(address, read=False).json() == {}


def test_a_connection_is_used_again_after_a_slow_answer():
    """What is left of one answer's time is not the time of the next."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                for _ in range(2):
                    connection.recv(1 << 16)
                    time_up.wait(0.2)
                    connection.sendall(GOOD)

        time_up = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with bounded(requests.Session(), 100) as session:
            for _ in range(2):
                assert session.get(address, timeout=0.35).json() == {}
        thread.join()


TOKEN_CALLS = {
    "a refresh": lambda app, _: app.refresh("RT1-x", now=lambda: datetime.now(UTC)),
    "a code": lambda app, _: app.redeem(
        "AB11x", redirect_uri="http://127.0.0.1:1/", now=lambda: datetime.now(UTC), ended="ended"
    ),
    "a revocation": lambda app, url: revoke(app, url, "RT1-x"),
}


@pytest.mark.parametrize("call", TOKEN_CALLS)
@pytest.mark.parametrize("attack", ["slow", "long"])
def test_the_token_service_is_held_to_the_same(monkeypatch, call, attack):
    """No clear answer: the stored token stays, and the next run asks again."""
    slow = attack == "slow"
    timeout_s = 0.3 if slow else 60
    monkeypatch.setattr(oauth_app, "TIMEOUT_S", timeout_s)
    monkeypatch.setattr(consent, "REVOKE_TIMEOUT_S", (2, timeout_s))
    pieces = drip(OK + b"Content-Length: 90000\r\n\r\n") if slow else lambda: LONG["gzip"]
    begun = time.monotonic()
    tracemalloc.start()

    with answering(pieces, 0.02 if slow else 0) as url, pytest.raises(TryAgain):
        TOKEN_CALLS[call](OAuthApp("client", "a-client-secret", url), url)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 << 20
    assert time.monotonic() - begun < (5 if slow else timeout_s)


def test_the_bound_leaves_room_for_real_answers():
    """A page of 5000 rows of 2 kB each, six times over."""
    assert http.LARGEST_ANSWER > 6 * 5000 * 2000
