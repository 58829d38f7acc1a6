"""One call: repeated while that is safe, and silent about what is secret."""

import contextlib
import socket
import threading
import traceback
from decimal import Decimal

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AskPerson, NotAuthorized, Refused, Throttled, TryAgain, Unsure
from connectors.http import ATTEMPTS, Failure, Http, HttpRequest, classify, read_json
from connectors.quickbooks.faults import fault_of

SECRETS = ("key-9f3a", "token-77b1", "query-51cd", "body-e02b")
GOOD = '{"good": true}'


def describe(response):
    fault = fault_of(response.content)
    if fault is None:
        return Failure("without an explanation", "", None)
    own = {429: Throttled, 401: NotAuthorized}.get(response.status_code, Refused)
    return Failure(str(fault), fault.code, own if response.status_code < 500 else None)


@pytest.fixture
def build():
    """Return a client whose waits are noted instead of waited."""
    made = []

    def make(**fields):
        slept = []
        options = {"service": "Books", "timeout_s": 5, "describe": describe, "sleep": slept.append}
        client = Http(**{**options, **fields})
        client.slept = slept
        made.append(client)
        return client

    yield make
    for client in made:
        client.session.close()


def call(client, url, *, read, **options):
    method = "GET" if read else "POST"
    secret = {"Authorization": f"Bearer {SECRETS[1]}", "X-Api-Key": SECRETS[0]}
    body = None if read else f'"{SECRETS[3]}"'.encode()
    request = HttpRequest(method, f"{url}/v3/thing", read, {"query": SECRETS[2]}, body)
    return client.send(request, headers=options.pop("headers", lambda: secret), **options)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


# --- what a failed call means ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "read"),
    [
        (None, TryAgain),
        (429, Throttled),
        (401, NotAuthorized),
        (301, Refused),
        (307, Refused),
        (400, Refused),
        (403, Refused),
        (404, Refused),
        (408, TryAgain),
        (499, Refused),
        (500, TryAgain),
        (502, TryAgain),
        (503, TryAgain),
        (504, TryAgain),
        (599, TryAgain),
    ],
)
def test_a_failed_read_says_what_to_do_next(status, read):
    """A read may always be tried again, unless trying gives the same answer."""
    assert classify(read=True, status=status) is read


@given(st.integers(100, 599) | st.none())
def test_a_status_alone_proves_nothing_about_a_write(status):
    """Something on the way may have given it, after the work was done."""
    assert classify(read=False, status=status) is Unsure


@pytest.mark.parametrize("proves", [Throttled, NotAuthorized, Refused])
def test_the_services_own_word_is_proof(proves):
    """What the service itself says of a call counts, for reads and writes."""
    assert classify(read=False, status=400, proves=proves) is proves
    assert classify(read=True, status=400, proves=proves) is proves


# --- reads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [500, 502, 503, 504, "drop", "cut"])
def test_a_read_is_repeated_until_it_is_answered(build, script, trouble):
    """A broken answer, silence or a lost one costs a read a wait, and nothing else."""
    failure = {"drop": script.DROP, "cut": script.CUT}.get(trouble, (trouble, "<html>"))
    script.answers = [failure, failure, GOOD]
    client = build()

    assert call(client, script.url, read=True).json() == {"good": True}
    assert len(script.asked) == 3
    assert len(client.slept) == 2
    assert all(0 <= wait_s <= 60 for wait_s in client.slept)


def test_a_read_gives_up_after_some_attempts(build, script):
    """A service that stays broken ends the command, with a word to try later."""
    script.answers = [(503, "")]
    client = build()

    with pytest.raises(TryAgain, match="Run the command again later"):
        call(client, script.url, read=True)

    assert len(script.asked) == ATTEMPTS
    assert len(client.slept) == ATTEMPTS - 1


def test_a_read_that_is_not_answered_in_time_is_silence(build, script):
    """A service that hangs counts as one that did not answer."""
    script.answers = [script.DROP]
    client = build(timeout_s=0.05)

    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(TryAgain) as raised:
        call(client, f"http://127.0.0.1:{deaf.getsockname()[1]}", read=True)

    assert "did not answer (ReadTimeout)" in str(raised.value)


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_not_repeated(build, script, read, status):
    """The same call would get the same answer: its words, its code and its trace id are kept."""
    body = '{"Fault":{"Error":[{"Message":"No","Detail":"Not so","code":"6000"}],"type":"X"}}'
    script.answers = [(status, body, {"intuit_tid": "tid-1"})]

    with pytest.raises(Refused) as raised:
        call(build(), script.url, read=read)

    error = raised.value
    assert (error.status, error.code, error.trace_id) == (status, "6000", "tid-1")
    assert "Not so (code 6000)" in str(error)
    assert len(script.asked) == 1


@pytest.mark.parametrize("header", ["intuit_tid", "Intuit-Tid", "intuit-tid"])
def test_the_trace_id_is_found_in_both_spellings(build, script, header):
    """Intuit's support asks for the id; it was documented with one name and seen with another."""
    script.answers = [(400, "{}", {header: "tid-2"})]

    with pytest.raises(Refused) as raised:
        call(build(), script.url, read=True)

    assert raised.value.trace_id == "tid-2"


# --- writes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [500, 502, 503, 504, "drop", "cut"])
def test_a_write_without_a_clear_answer_is_never_repeated(build, script, trouble):
    """The service may have done it: exactly one request is made, and the caller is told."""
    script.answers = [
        {"drop": script.DROP, "cut": script.CUT}.get(trouble, (trouble, "<html>")),
        GOOD,
    ]
    client = build()

    with pytest.raises(Unsure):
        call(client, script.url, read=False)

    assert len(script.asked) == 1
    assert client.slept == []


def test_a_write_that_is_not_answered_in_time_is_unsure(build):
    """A caller who gave up waiting does not know what happened."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(Unsure):
        call(build(timeout_s=0.05), f"http://127.0.0.1:{deaf.getsockname()[1]}", read=False)


def test_a_throttled_write_is_repeated_with_the_same_bytes(build, script):
    """QuickBooks' own throttle did nothing, so the same call may go again."""
    throttle = (429, '<Fault type="SERVICE"><Error code="3001"/></Fault>')
    script.answers = [throttle, throttle, GOOD]

    call(build(), script.url, read=False)

    assert {asked.body for asked in script.asked} == {f'"{SECRETS[3]}"'.encode()}
    assert len(script.asked) == 3


@pytest.mark.parametrize("read", [True, False])
def test_a_call_that_never_left_may_be_repeated(build, read):
    """Nobody listened, so not a byte left: nothing was done, not even by a write."""
    client = build()

    with pytest.raises(TryAgain) as raised:
        call(client, closed_port(), read=read)

    assert len(client.slept) == ATTEMPTS - 1
    assert "Check the network and the address" in str(raised.value)


@pytest.mark.parametrize("read", [True, False])
def test_credentials_that_are_refused_are_not_tried_again(build, script, read):
    """401 is for the caller to solve, and what it says is not repeated: it may name the token."""
    body = f'{{"fault":{{"error":[{{"code":"3200","detail":"Token expired: {SECRETS[1]}"}}]}}}}'
    script.answers = [(401, body)]

    with pytest.raises(NotAuthorized) as raised:
        call(build(), script.url, read=read)

    assert SECRETS[1] not in str(raised.value)
    assert len(script.asked) == 1


# --- waits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "waited_s"), [("17", 17), ("300", 300), ("86400", 300)])
def test_the_wait_is_what_the_service_asks_for(build, script, status, asked, waited_s):
    """Retry-After is honored, to the second, up to five minutes."""
    script.answers = [(status, "", {"Retry-After": asked}), GOOD]
    client = build()

    call(client, script.url, read=True)

    assert client.slept == [waited_s]


@pytest.mark.parametrize(
    "asked", ["soon", "", "-5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "\xb2"]
)
def test_a_wait_that_cannot_be_read_is_our_own(build, script, asked):
    """A Retry-After of another form is no reason to fail, or to wait for ever."""
    script.answers = [(503, "", {"Retry-After": asked}), GOOD]
    client = build()

    call(client, script.url, read=True)

    (wait_s,) = client.slept
    assert 0 <= wait_s <= 60


def test_whoever_gives_turns_waits_after_a_throttle(build, script):
    """Each attempt's end is told; who lets others wait too takes the wait from the call itself."""
    told = []

    def ended(error):
        told.append(error)
        if error is not None:
            told[-1], error.wait_s = (type(error), error.wait_s), 0

    script.answers = [(429, ""), (429, "", {"Retry-After": "33"}), (503, ""), GOOD]
    client = build()

    call(client, script.url, read=True, ended=ended)

    assert told == [(Throttled, None), (Throttled, 33), (TryAgain, None), None]
    assert client.slept == [0, 0, 0]


def test_a_throttle_may_be_left_to_the_caller(build, script):
    """Who forms another batch after a throttle gets it back at once; other trouble is resent."""
    script.answers = [(503, ""), (429, ""), GOOD]

    with pytest.raises(Throttled):
        call(build(), script.url, read=True, resend_throttled=False)

    assert len(script.asked) == 2


@pytest.mark.parametrize(("trouble", "timed_out"), [("deaf", True), (504, True), (503, False)])
def test_silence_is_told_from_other_trouble(build, script, trouble, timed_out):
    """Batches are halved after a timeout, its gateway's too, and after nothing else."""
    script.answers = [(trouble, "")]
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        silent = trouble == "deaf"
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}" if silent else script.url
        with pytest.raises(Unsure) as raised:
            call(build(timeout_s=0.05 if silent else 5), address, read=False)

    assert raised.value.timed_out is timed_out


def test_credentials_are_fresh_for_each_attempt(build, script):
    """A token that ran out while a call waited is not sent again."""
    script.answers = [(503, ""), (429, ""), GOOD]
    tokens = iter(["one", "two", "three"])

    call(build(), script.url, read=True, headers=lambda: {"Authorization": next(tokens)})

    assert [asked.headers["authorization"] for asked in script.asked] == ["one", "two", "three"]


# --- secrets -----------------------------------------------------------------------------------


class Tap:
    """A server that notes what reaches it, and answers once it has a whole request."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.is_connected, self.came = threading.Event(), b""
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        peer, _ = self.listener.accept()
        self.is_connected.set()
        with peer:
            while piece := peer.recv(1 << 16):
                self.came += piece
                if self.came.endswith(SECRETS[3].encode() + b'"'):
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()


def test_the_last_look_comes_when_only_the_bytes_are_left(build):
    """A process that is suspended while it connects looks again: nothing of the call has left."""
    client = build()
    with Tap() as tap:
        seen = []

        def look():
            assert tap.is_connected.wait(5)
            seen.append(len(tap.came))

        assert call(client, tap.url, read=False, check=look).status_code == 200
        client.session.close()

    assert seen[0] == 0
    assert len(seen) == 2  # the headers, then the body


@pytest.mark.parametrize("after", [0, 1])
def test_no_body_leaves_after_a_look_that_fails(build, after):
    """Whoever may not send any more says so: the service never has a whole request."""
    client, looks = build(), []

    def look():
        looks.append(1)
        if len(looks) > after:
            raise AskPerson("Another run has taken over.")

    with Tap() as tap:
        with pytest.raises(AskPerson, match="taken over"):
            call(client, tap.url, read=False, check=look)
        client.session.close()

    assert SECRETS[3].encode() not in tap.came
    assert bool(tap.came) is bool(after)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("read", [True, False])
def test_redirects_are_not_followed(build, script, status, read):
    """A redirect would carry the key to another address."""
    script.answers = [(status, "", {"Location": f"{script.url}/elsewhere"}), GOOD]

    with pytest.raises(Refused if read else Unsure):
        call(build(), script.url, read=read)

    assert [asked.path for asked in script.asked] == ["/v3/thing"]


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize(
    "trouble", ["drop", "cut", "closed", "timeout", 302, 400, 401, 403, 429, 500, 503]
)
def test_errors_never_bear_a_secret(build, script, read, trouble):
    """Neither the text nor the whole traceback has the query, the key, the token or the body."""
    answers = {"drop": script.DROP, "cut": script.CUT}
    script.answers = [answers.get(trouble, (trouble, "<html>"))]
    address = closed_port() if trouble == "closed" else script.url

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        if trouble == "timeout":
            address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises((TryAgain, Unsure, Refused)) as raised:
            call(build(timeout_s=0.05 if trouble == "timeout" else 5), address, read=read)

    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.args)
    assert not [secret for secret in SECRETS if secret in told]


def test_a_name_and_a_password_in_the_address_are_not_told(build):
    """An address may bear credentials too."""
    address = closed_port().replace("http://", "http://someone:pass-40aa@")

    with pytest.raises(TryAgain) as raised:
        call(build(), address, read=True)

    assert "pass-40aa" not in "".join(traceback.format_exception(raised.value))


def test_our_credentials_beat_those_of_the_machine(build, script, tmp_path, monkeypatch):
    """A .netrc on the machine must not take the place of the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login nobody password nothing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    script.answers = [GOOD]

    call(build(), script.url, read=True)

    assert script.asked[0].headers["authorization"] == f"Bearer {SECRETS[1]}"


# --- answers -----------------------------------------------------------------------------------


def answered(content):
    response = requests.Response()
    response._content = content  # noqa: SLF001 - requests has no other way in
    return response


def test_numbers_are_exact():
    """Money is read digit by digit: floats never decide."""
    assert read_json("Books", answered(b'{"rate": 0.1}')) == {"rate": Decimal("0.1")}


@pytest.mark.parametrize("escape", [b"\\u0000", b"\\ud83d"])
def test_what_no_database_holds_is_replaced(escape):
    """A NUL or half an emoji must not stop a run: a mark stands in its place."""
    content = b'{"rows": [{"name": "a' + escape + b'b"}]}'
    assert read_json("Books", answered(content)) == {"rows": [{"name": "a\ufffdb"}]}


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"cut', b"\xff\xfe", b"[" * 100_000, b"1e99999999999999999999"],
    ids=lambda content: repr(content[:10]),
)
def test_an_answer_that_is_not_json_may_be_asked_for_again(content):
    """A proxy's page or half an answer is trouble on the way, and its text is not told."""
    with pytest.raises(TryAgain, match=rf"Books .* \(not JSON, {len(content)} bytes\)"):
        read_json("Books", answered(content))


@given(st.binary())
def test_no_bytes_break_the_reader(content):
    """Whatever comes is JSON, or asks to be tried again."""
    with contextlib.suppress(TryAgain):
        read_json("Books", answered(content))
