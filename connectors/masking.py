"""Keeps secrets out of whatever is written for people: errors, logs, tracebacks.

A secret is known in two ways: by its value, once it has passed through our hands (`remember`), and
by its looks, for those that only a library or a service has seen. Known values are hidden
everywhere; looks decide in errors and logs alone, because a description may look like anything.
"""

import base64
import logging
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

#: What takes a secret's place.
HIDDEN = "[secret]"

#: Characters of a secret, at least: a shorter text is none worth the name, and would hide half of
#: every word. The settings refuse those.
SHORTEST = 8

#: Members and parameters whose values are secrets, in JSON, forms and addresses.
_NAMES = (
    r"access_token|refresh_token|id_token|client_secret|code|code_verifier|password|api_key"
    r"|x-api-key|x_api_key|token"
)

_LOOKS = (
    (re.compile(r"(?i)\b(Bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b(Basic)\s+(?=[A-Za-z]*[0-9+/=])[A-Za-z0-9+/=]{12,}"), rf"\1 {HIDDEN}"),
    # Intuit's: refresh tokens and codes (AB1…, RT1-…), access tokens (a JWT).
    (re.compile(r"\b(?:AB1|RT1-)[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+)*"), HIDDEN),
    (
        re.compile(rf"""(?i)(['"]?\b(?:{_NAMES})['"]?\s*[:=]\s*b?['"]?)[^\s'"&,;)}}\[]{{6,}}"""),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{HIDDEN}@"),  # a password in an address
)

_known: set[str] = set()
_any_known: list[re.Pattern[str]] = []
_lock = threading.Lock()


def remember(*secrets: str) -> None:
    """Hide these values from now on, as they are, in addresses and in base64."""
    forms = {
        form
        for secret in secrets
        if len(secret) >= SHORTEST
        for form in (secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1],
                     base64.b64encode(secret.encode(errors="replace")).decode().rstrip("="))
    }  # fmt: skip
    with _lock:
        if forms <= _known:
            return
        _known.update(forms)
        longest_first = sorted(_known, key=len, reverse=True)
        _any_known[:] = [re.compile("|".join(map(re.escape, longest_first)))]


def hide_known(text: str) -> str:
    """Take the values that are known to be secret out of *text*."""
    for pattern in tuple(_any_known):
        text = pattern.sub(HIDDEN, text)
    return text


def mask(text: str) -> str:
    """Take out of *text* what is known to be secret, and what looks like it."""
    text = hide_known(text)
    for pattern, instead in _LOOKS:
        text = pattern.sub(instead, text)
    return text


def guard_logs() -> None:
    """Mask every log record where it is made.

    A filter on a logger misses its children, one on a handler those that come later; the factory
    makes the records of all.
    """
    factory = logging.getLogRecordFactory()
    if getattr(factory, "masks", False):
        return

    def masked(*args: Any, **options: Any) -> logging.LogRecord:
        record = factory(*args, **options)
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001 - a record that cannot be written, by anybody
            text = f"{record.msg!r} cannot be written with its arguments ({type(error).__name__})"
        hidden = mask(text)
        if hidden != text or not isinstance(record.msg, str):
            record.msg, record.args = hidden, None
        if record.exc_info and record.exc_info[0] is not None:
            # A formatter takes the text that is there; it would write the error's own otherwise.
            record.exc_text = mask("".join(traceback.format_exception(*record.exc_info))).rstrip()
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
        return record

    masked.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masked)


def guard_tracebacks() -> None:
    """Mask the tracebacks of errors that nobody caught; local variables never stand in them."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))

    def show_in_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
            show(told.exc_type, told.exc_value, told.exc_traceback)

    sys.excepthook = show
    threading.excepthook = show_in_thread


def log_everything() -> None:
    """Write the log of all that runs to standard error: for CLOCKBOOKS_DEBUG=1."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
