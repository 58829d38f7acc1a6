"""Attack: somebody on this machine guesses the page's password, or sends it hostile JSON."""

import asyncio

import pytest

from flows.page_guard import GUESSES, SIGN_IN, Guesses, PageGuard, Rules


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
