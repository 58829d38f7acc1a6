"""Attack: somebody guesses the page's password, sends hostile JSON, or moves an answer."""

import asyncio
import base64
import json

import pytest

from flows.operations.page_guard import PageGuard, Rules
from flows.operations.page_logins import GUESSES, SIGN_IN, Guesses


@pytest.mark.parametrize("other", ["127.0.0.2", "127.9.9.9", "::1", "::ffff:127.0.0.3"])
def test_a_local_user_is_one_guesser(other):
    """A local user can come from any loopback address, and gets no more guesses for it."""
    guesses = Guesses(lambda: 0.0)
    for _ in range(GUESSES):
        guesses.wrong("127.0.0.1")

    assert guesses.wait_s(other) > 0
    assert guesses.wait_s("192.0.2.7") == 0


def test_deeply_nested_json_signs_nobody_in():
    """The sign-in answers 403; nothing ends with a traceback."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"[" * 100_000, "more_body": False}

    async def send(message):
        sent.append(message)

    async def prefect(*_):
        pytest.fail("it came through")

    scope = {"type": "http", "method": "POST", "path": SIGN_IN, "client": ("127.0.0.1", 1),
             "headers": [(b"host", b"127.0.0.1:4200")]}  # fmt: skip
    asyncio.run(PageGuard(prefect, Rules(login="clockbooks:ours"))(scope, receive, send))

    assert sent[0]["status"] == 403


PREFIX = "suspended-plan-7-1"


@pytest.mark.parametrize("path", ["/api/flow_runs/", "/api/flow_runs/bulk_set_state",
                                  "/api/flow_runs/abababab/set_state"])  # fmt: skip
@pytest.mark.parametrize(
    ("response", "schema", "status"),
    [
        (f"{PREFIX}-response", f"{PREFIX}-schema", 200),
        ("junk", f"{PREFIX}-schema", 403),
        (f"{PREFIX}-response", "junk", 403),
    ],
)
def test_no_pause_keeps_its_answer_elsewhere(path, response, schema, status):
    """Otherwise an approver's Resume would be recorded for an answer that somebody else gave."""
    keys = {"response": response, "schema": schema, "description": f"{PREFIX}-description"}
    details = {"pause_key": "plan-7-1", "run_input_keyset": keys}
    state = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    body = json.dumps({"state": state, "force": True}).encode()
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    async def prefect(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    login = b"Basic " + base64.b64encode(b"clockbooks:ours")
    scope = {"type": "http", "method": "POST", "path": path, "client": ("127.0.0.1", 1),
             "headers": [(b"host", b"127.0.0.1:4200"), (b"authorization", login)]}  # fmt: skip
    asyncio.run(PageGuard(prefect, Rules(login="clockbooks:ours"))(scope, receive, send))

    assert sent[0]["status"] == status
