"""What the flows that change something share: callbacks to a terminal, and a short result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flows.progress import Progress
from flows.sending.report import Report

#: Most entries and rows in the result of a flow run; `clockbooks entries` has all of them.
MOST_RETURNED = 10_000


@dataclass(frozen=True)
class TerminalCallbacks:
    """How a run asks and informs the person at the terminal that started it.

    Attributes:
        approve: Shown the plan as a document; `None` to send without asking.
        progress: Told how far the run is.
        report: Where the whole document's lists are, of the job's own type.
    """

    approve: Callable[[dict[str, Any]], bool] | None
    progress: Progress
    report: Any


_callbacks: ContextVar[TerminalCallbacks | None] = ContextVar("callbacks", default=None)


@contextmanager
def calling_back(callbacks: TerminalCallbacks) -> Iterator[None]:
    """Let the flow runs of this block call back to a terminal."""
    token = _callbacks.set(callbacks)
    try:
        yield
    finally:
        _callbacks.reset(token)


@contextmanager
def callbacks(make_report: Callable[[], Any] = Report) -> Iterator[TerminalCallbacks]:
    """Yield this flow run's callbacks; without a terminal, ones that ask and inform nobody."""
    found = _callbacks.get()
    if found is not None:
        yield found
        return
    report = make_report()
    try:
        yield TerminalCallbacks(None, Progress(), report)
    finally:
        report.close()


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that Prefect can carry: lists, not files, and no endless ones."""
    short = dict(document)
    for name in {"entries", "set_aside", "marks", "unmarks"} & document.keys():
        short[name] = list(islice(document[name], MOST_RETURNED))
        left_out = len(document[name]) - len(short[name])
        if left_out:
            note = f"This result leaves out {left_out:,} more {name.replace('_', ' ')}."
            short["notes"] = [*short["notes"], note]
    return short
