"""The callback server awaits a person's browser while others flood it: the browser gets in."""

import socket
import threading
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
import requests

from connectors.intuit import callback_server
from connectors.intuit.callback_server import open_callback_server
from connectors.intuit.consent import Answer

GOOD = {"code": "AB11x", "state": "right", "realmId": "77"}


@pytest.fixture
def told():
    """Return the messages at the terminal."""
    return []


@pytest.fixture
def server(told):
    """Return a callback server that awaits an answer with the state `right`."""
    with open_callback_server(None, told.append) as opened:
        opened.expect("right")
        yield opened


def open_connection(server):
    """Open a connection, and say nothing yet."""
    parts = urlsplit(server.redirect_uri)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def comes_in(server):
    """Bring the right answer as a browser does; return whether it was taken."""
    got = []
    browser = threading.Thread(
        target=lambda: got.append(requests.get(server.redirect_uri, params=GOOD, timeout=20))
    )
    browser.start()
    callback = server.wait(20)
    callback.show("Done", good=True)
    browser.join()
    return callback.answer == Answer("AB11x", "77") and got[0].status_code == 200


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET /callback?",
        b"GET / HTTP/1.1\r\nX-A: ",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n",
    ],
)
def test_a_request_that_drips_is_hung_up_on(server, monkeypatch, start):
    """A byte now and then does not keep a thread: the time is for the whole request."""
    monkeypatch.setattr(callback_server, "REQUEST_S", 0.3)
    begun = time.monotonic()
    with open_connection(server) as guest, suppress(BrokenPipeError, ConnectionResetError):
        guest.settimeout(0.02)
        guest.sendall(start)
        while time.monotonic() - begun < 5:
            guest.sendall(b"x")
            with suppress(TimeoutError):
                if not guest.recv(1 << 16):
                    break

    assert time.monotonic() - begun < 4
    assert comes_in(server)


def test_a_request_without_end_is_hung_up_on(server):
    """Headers by the megabyte are read no further than 64 kB."""
    sent = 0
    with open_connection(server) as guest, suppress(BrokenPipeError, ConnectionResetError):
        guest.sendall(b"GET /callback HTTP/1.1\r\n")
        for _ in range(100):
            guest.sendall(b"X-A: " + b"x" * 60_000 + b"\r\n")
            sent += 60_000
        while guest.recv(1 << 16):
            pass
        sent = 0  # it was all read

    assert sent
    assert comes_in(server)


def test_a_body_is_not_read(server):
    """Nothing that the server takes has one."""
    with open_connection(server) as guest:
        guest.sendall(b"POST /callback HTTP/1.1\r\nContent-Length: 1099511627776\r\n\r\n")
        assert guest.recv(1 << 16).startswith(b"HTTP/1.0 501")

    assert comes_in(server)


def test_hundreds_of_silent_guests_do_not_keep_the_browser_out(server, until):
    """There is room for some; the one that came first makes room for the next."""
    before = threading.active_count()
    with ExitStack() as guests:
        for _ in range(300):
            guests.enter_context(open_connection(server))

        assert comes_in(server)
        # Those that were sent away are gone soon, not at once.
        most = before + callback_server.MOST_AT_ONCE + 5
        until(lambda: threading.active_count() <= most)


def test_a_flood_of_forged_answers_does_not_bury_the_question(server, told):
    """Some are told of; and the right answer is still taken."""
    for n in range(40):
        answer = requests.get(server.redirect_uri, params=GOOD | {"state": str(n)}, timeout=10)
        assert answer.status_code == 400

    assert 1 <= len(told) <= 6
    assert "No more" in told[-1]
    assert comes_in(server)
