"""What is known to be secret, or looks like it, stands in no log, error or traceback."""

import base64
import io
import logging
import sys
import threading
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import masking
from connectors.errors import Refused
from connectors.masking import HIDDEN, guard_logs, guard_tracebacks, mask, remember


@given(secret=st.text(st.characters(codec="utf-8"), min_size=8), around=st.text(max_size=9))
def test_a_known_secret_is_hidden_in_every_form(secret, around):
    """As it is, in an address, and in base64."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masking, "_known", set())
        patched.setattr(masking, "_any_known", [])
        remember(secret)
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            assert form not in masking.hide_known(f"{around}{form}{around}") or form in HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcDEF123.x-y_z",
        "Authorization: Basic dGhlLWNsaWVudDp0aGUtc2VjcmV0",
        '{"refresh_token": "abcDEF123"}',
        "grant_type=refresh_token&refresh_token=abcDEF123&x=1",
        "?code=abcDEF123&state=1",
        "AB1" + "abcDEF123" * 4,
        "RT1-" + "abcDEF123" * 4,
        "eyJ" + "abcDEF123" * 4 + ".abcDEF123",
        "postgresql://user:abcDEF123@host/db",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text):
    """Those that only a library or a service has seen."""
    hidden = mask(text)

    assert HIDDEN in hidden
    assert "abcDEF123" not in hidden
    assert "dGhlLW" not in hidden


def test_plain_words_stay():
    """A name or a description is not taken for a secret."""
    text = "Basic training for Bearer of news: customer 'Basic English' has no token (code 6240)"

    assert mask(text) == text


def test_an_error_masks_what_a_service_put_into_it():
    """Every error of ours passes through the same place."""
    error = Refused("Token expired: eyJabcdefghijklmnop123", status=401)

    assert str(error) == f"Token expired: {HIDDEN}"


@pytest.fixture
def guarded():
    """Guard logs and tracebacks, and take the guard off afterwards."""
    before = logging.getLogRecordFactory()
    hooks = sys.excepthook, threading.excepthook
    guard_logs()
    guard_tracebacks()
    yield io.StringIO()
    logging.setLogRecordFactory(before)
    sys.excepthook, threading.excepthook = hooks


def test_records_of_every_logger_are_masked(guarded):
    """Messages, arguments and tracebacks, of libraries' loggers too, with any handler."""
    remember("a-known-secret-value")
    logger = logging.getLogger("some.library.of.others")
    handler = logging.StreamHandler(guarded)
    logger.addHandler(handler)
    try:
        logger.warning("sent %s and %s", "a-known-secret-value", {"access_token": "abcDEF123"})
        try:
            int("a-known-secret-value")
        except ValueError:
            logger.exception("failed")
        logger.warning("plain %d", 7)
    finally:
        logger.removeHandler(handler)

    text = guarded.getvalue()
    assert "a-known-secret-value" not in text
    assert "abcDEF123" not in text
    assert "ValueError: invalid literal for int() with base 10: '[secret]'" in text
    assert "plain 7" in text


@pytest.mark.usefixtures("guarded")
def test_a_traceback_that_nobody_caught_is_masked(capsys):
    """Neither in the main thread nor in another one."""
    remember("a-known-secret-value")

    def fail():
        raise ValueError("a-known-secret-value")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    written = capsys.readouterr().err
    assert written.count("ValueError: [secret]") == 2
    assert "a-known-secret-value" not in written
