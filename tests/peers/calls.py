"""Notes how each call of another program's client ended; peers' interpreters run this."""

import atexit
import json
import sys
from collections.abc import Callable
from typing import Any

_ended: dict[str, str] = {}


def call(name: str, work: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
    """Make one call, and return what it returns; `None` where it failed.

    Args:
        name: What it is called in the report; each name once.
        work: The peer's own function.
        arguments: What it is given.
        options: What it is given by name.
    """
    assert name not in _ended, name
    try:
        answer = work(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the report
        _ended[name] = f"{type(error).__name__}: {error} {getattr(error, 'detail', '')}".strip()
        return None
    _ended[name] = ""
    return answer


def check(name: str, *, holds: bool) -> None:
    """Note where the answers do not say what they must: such calls have not passed."""
    if not holds:
        _ended[name] = "AssertionError"


@atexit.register
def _report() -> None:
    """Print every call with what went wrong; an empty text where nothing did."""
    json.dump(_ended, sys.stdout)
