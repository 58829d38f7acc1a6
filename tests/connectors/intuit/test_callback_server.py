"""The doorstep on loopback: who is let in, who is turned away, and what each is shown."""

import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests

from connectors.errors import AskPerson
from connectors.intuit.callback_pages import page
from connectors.intuit.callback_server import open_doorstep
from connectors.intuit.consent import Answer, NotGiven

GOOD = {"code": "AB11x", "state": "right", "realmId": "77"}


@pytest.fixture
def told():
    """Give what the terminal was told."""
    return []


@pytest.fixture
def doorstep(told):
    """Give a doorstep at a free port that awaits an answer with the state `right`."""
    with open_doorstep(None, told.append) as opened:
        opened.expect("right")
        yield opened


def _visit(doorstep, **query):
    return requests.get(doorstep.redirect_uri, params=query, timeout=10)


class Guest:
    """A browser that waits for its page, in a thread of its own."""

    def __init__(self, doorstep, **query):
        """Send the request."""
        self.answer = None
        self.thread = threading.Thread(target=self._go, args=(doorstep, query))
        self.thread.start()

    def _go(self, doorstep, query):
        self.answer = _visit(doorstep, **query)

    def end(self):
        """Wait for the page."""
        self.thread.join()
        return self.answer


def test_the_page_is_shown_once_it_is_known_what_became_of_the_answer(doorstep):
    """The browser waits for the exchange, and gets a page without script or memory."""
    guest = Guest(doorstep, **GOOD)

    visit = doorstep.wait(10)
    assert visit.answer == Answer("AB11x", "77")
    assert guest.answer is None
    visit.show("All is <well>", "run `clockbooks sync`", good=True)

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


def test_a_second_answer_is_refused_even_to_the_same_question(doorstep):
    """One answer is accepted, and is not repeatable."""
    guest = Guest(doorstep, **GOOD)
    visit = doorstep.wait(10)

    second = _visit(doorstep, **GOOD)
    visit.show("Done", good=True)

    assert guest.end().status_code == 200
    assert second.status_code == 410
    assert "This is over" in second.text
    assert _visit(doorstep, **GOOD).status_code == 410


def test_ten_answers_at_once_are_one(doorstep):
    """However they race, one is taken."""
    guests = [Guest(doorstep, **GOOD) for _ in range(10)]

    doorstep.wait(10).show("Done", good=True)

    statuses = sorted(guest.end().status_code for guest in guests)
    assert statuses == [200] + [410] * 9


def test_a_wrong_state_does_not_use_up_the_chance(doorstep, told):
    """It gets its page, the terminal is told, and the right answer is still taken."""
    wrong = _visit(doorstep, **GOOD | {"state": "wrong"})
    refusal = _visit(doorstep, error="access_denied")
    assert [wrong.status_code, refusal.status_code] == [400, 400]
    assert len(told) == 2
    assert "Still waiting" in told[0]

    guest = Guest(doorstep, **GOOD)
    doorstep.wait(10).show("Done", good=True)

    assert guest.end().status_code == 200


def test_a_refusal_is_an_answer(doorstep):
    """Intuit's `access_denied` with our state ends the wait."""
    guest = Guest(doorstep, state="right", error="access_denied")

    visit = doorstep.wait(10)
    visit.show("Refused")

    assert isinstance(visit.answer, NotGiven)
    assert guest.end().status_code == 400


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/callback/", "/Callback"])
def test_other_paths_are_not_there_and_do_not_count(doorstep, told, path):
    """A browser's own questions end nothing."""
    base = doorstep.redirect_uri.removesuffix("/callback")
    answer = requests.get(base + path, params=GOOD, timeout=10)

    assert answer.status_code == 404
    assert told == []
    guest = Guest(doorstep, **GOOD)
    doorstep.wait(10).show("Done", good=True)
    assert guest.end().status_code == 200


def test_another_name_for_this_machine_is_a_trick(doorstep):
    """A page elsewhere whose name leads here (DNS rebinding) is shown nothing."""
    answer = requests.get(
        doorstep.redirect_uri, params=GOOD, headers={"Host": "evil.example"}, timeout=10
    )

    assert answer.status_code == 404


def test_it_listens_on_this_machine_alone(doorstep):
    """The address is 127.0.0.1, at a port that was free; another loopback address has nobody."""
    parts = urlsplit(doorstep.redirect_uri)

    assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")
    with closing(socket.socket()) as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", parts.port))


def test_nobody_comes(doorstep):
    """The wait ends, with what to do; who comes later is told that it is over."""
    with pytest.raises(AskPerson, match=r"within 0\.01 seconds"):
        doorstep.wait(0.01)

    assert _visit(doorstep, **GOOD).status_code == 410


def test_before_the_question_is_asked_no_answer_is_taken():
    """A doorstep that expects nothing lets nobody in."""
    with open_doorstep(None, print) as early:
        assert _visit(early, **GOOD).status_code == 410


def test_a_registered_address_is_served_on_its_port_and_path(told):
    """The address stays as it was registered, also by the name of localhost."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    uri = f"http://localhost:{port}/intuit/back"

    with open_doorstep(uri, told.append) as opened:
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
            open_doorstep(f"http://127.0.0.1:{port}/", print),
        ):
            pass


def test_a_page_shows_texts_as_texts():
    """A company called like a tag, or with a lone backquote, is only a name."""
    text = page("<script>x</script>", ["a ` b <i>", "`<b>`"], good=True).decode()

    assert "<script" not in text
    assert "a ` b &lt;i&gt;" in text
    assert "<code>&lt;b&gt;</code>" in text
