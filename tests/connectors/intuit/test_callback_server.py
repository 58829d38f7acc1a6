"""The callback server on loopback: which answers it accepts, and what each browser is shown."""

import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests

from connectors.errors import AskPerson
from connectors.intuit.callback_pages import page
from connectors.intuit.callback_server import open_callback_server
from connectors.intuit.consent import Answer, NotGiven

GOOD = {"code": "AB11x", "state": "right", "realmId": "77"}


@pytest.fixture
def told():
    """Return the messages at the terminal."""
    return []


@pytest.fixture
def server(told):
    """Return a callback server at a free port that awaits an answer with the state `right`."""
    with open_callback_server(None, told.append) as opened:
        opened.expect("right")
        yield opened


def _get(server, **query):
    return requests.get(server.redirect_uri, params=query, timeout=10)


class Guest:
    """A browser that waits for its page, in a thread of its own."""

    def __init__(self, server, **query):
        """Send the request."""
        self.answer = None
        self.thread = threading.Thread(target=self._go, args=(server, query))
        self.thread.start()

    def _go(self, server, query):
        self.answer = _get(server, **query)

    def end(self):
        """Wait for the page."""
        self.thread.join()
        return self.answer


def test_the_page_is_shown_once_it_is_known_what_became_of_the_answer(server):
    """The browser waits for the exchange, and gets a page without script or memory."""
    guest = Guest(server, **GOOD)

    callback = server.wait(10)
    assert callback.answer == Answer("AB11x", "77")
    assert guest.answer is None
    callback.show("All is <well>", "run `clockbooks sync`", good=True)

    answer = guest.end()
    assert answer.status_code == 200
    assert "All is &lt;well&gt;" in answer.text
    assert "<code>clockbooks sync</code>" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Python" not in answer.headers["Server"]
    for secret in ("AB11x", "right"):
        assert secret not in answer.text


def test_a_second_answer_is_refused_even_to_the_same_question(server):
    """One answer is accepted, and is not repeatable."""
    guest = Guest(server, **GOOD)
    callback = server.wait(10)

    second = _get(server, **GOOD)
    callback.show("Done", good=True)

    assert guest.end().status_code == 200
    assert second.status_code == 410
    assert "No answer is expected" in second.text
    assert _get(server, **GOOD).status_code == 410


def test_ten_answers_at_once_are_one(server):
    """However they race, one is taken."""
    guests = [Guest(server, **GOOD) for _ in range(10)]

    server.wait(10).show("Done", good=True)

    statuses = sorted(guest.end().status_code for guest in guests)
    assert statuses == [200] + [410] * 9


def test_a_wrong_state_does_not_use_up_the_chance(server, told):
    """It gets its page, the terminal is told, and the right answer is still taken."""
    wrong = _get(server, **GOOD | {"state": "wrong"})
    refusal = _get(server, error="access_denied")
    assert [wrong.status_code, refusal.status_code] == [400, 400]
    assert len(told) == 2
    assert "Still waiting" in told[0]

    guest = Guest(server, **GOOD)
    server.wait(10).show("Done", good=True)

    assert guest.end().status_code == 200


def test_a_refusal_is_an_answer(server):
    """Intuit's `access_denied` with our state ends the wait."""
    guest = Guest(server, state="right", error="access_denied")

    callback = server.wait(10)
    callback.show("Refused")

    assert isinstance(callback.answer, NotGiven)
    assert guest.end().status_code == 400


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/callback/", "/Callback"])
def test_other_paths_are_not_there_and_do_not_count(server, told, path):
    """A browser's own questions end nothing."""
    base = server.redirect_uri.removesuffix("/callback")
    answer = requests.get(base + path, params=GOOD, timeout=10)

    assert answer.status_code == 404
    assert told == []
    guest = Guest(server, **GOOD)
    server.wait(10).show("Done", good=True)
    assert guest.end().status_code == 200


def test_another_name_for_this_machine_is_a_trick(server):
    """A page elsewhere whose name leads here (DNS rebinding) is shown nothing."""
    answer = requests.get(
        server.redirect_uri, params=GOOD, headers={"Host": "evil.example"}, timeout=10
    )

    assert answer.status_code == 404


def test_it_listens_on_this_machine_alone(server):
    """The address is 127.0.0.1, at a port that was free; another loopback address has nobody."""
    parts = urlsplit(server.redirect_uri)

    assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")
    with closing(socket.socket()) as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", parts.port))


def test_nobody_comes(server):
    """The wait ends, with what to do; who comes later is told that it is over."""
    with pytest.raises(AskPerson, match=r"within 0\.01 seconds"):
        server.wait(0.01)

    assert _get(server, **GOOD).status_code == 410


def test_before_the_question_is_asked_no_answer_is_taken():
    """A callback server that expects nothing lets nobody in."""
    with open_callback_server(None, print) as early:
        assert _get(early, **GOOD).status_code == 410


def test_a_registered_address_is_served_on_its_port_and_path(told):
    """The address stays as it was registered, also by the name of localhost."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    uri = f"http://localhost:{port}/intuit/back"

    with open_callback_server(uri, told.append) as opened:
        opened.expect("right")
        assert opened.redirect_uri == uri
        here = uri.replace("localhost", "127.0.0.1")
        assert requests.get(here.replace("back", "x"), timeout=10).status_code == 404
        assert requests.get(here, timeout=10).status_code == 400


def test_a_port_that_is_taken_is_told():
    """With what to do, and before anybody is asked for anything."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(AskPerson, match=rf"port {port}.*--no-browser"),
            open_callback_server(f"http://127.0.0.1:{port}/", print),
        ):
            pass


def test_a_page_shows_texts_as_texts():
    """A company called like a tag, or with a lone backquote, is only a name."""
    text = page("<script>x</script>", ["a ` b <i>", "`<b>`"], good=True).decode()

    assert "<script" not in text
    assert "a ` b &lt;i&gt;" in text
    assert "<code>&lt;b&gt;</code>" in text
