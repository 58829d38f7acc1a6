"""What the flows of a send and of an import share: who watches a run, and what it gives back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flows.progress import Progress
from flows.sending.report import Report

#: So many entries and rows are in what a flow run returns; all are in `clockbooks entries`.
MOST_RETURNED = 10_000


@dataclass(frozen=True)
class Watcher:
    """Who is shown what a run does: the command line; nobody on a server.

    Attributes:
        approve: Shown the plan as a document; `None` to send without asking.
        progress: Told how far it has come.
        report: Where the whole document's lists are.
    """

    approve: Callable[[dict[str, Any]], bool] | None
    progress: Progress
    report: Report


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let the flow runs of this block be shown to somebody at a terminal."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def watcher() -> Iterator[Watcher]:
    """Give who watches this flow run; where nobody does, a report that is forgotten afterwards."""
    found = _watcher.get()
    if found is not None:
        yield found
        return
    report = Report()
    try:
        yield Watcher(None, Progress(), report)
    finally:
        report.close()


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """Give a document that Prefect can carry: lists, not files, and no endless ones."""
    short = dict(document)
    for name in ("entries", "set_aside"):
        short[name] = list(islice(document[name], MOST_RETURNED))
        left_out = len(document[name]) - len(short[name])
        if left_out:
            told = f"{left_out:,} more {name.replace('_', ' ')} are left out of this result."
            short["notes"] = [*short["notes"], told]
    return short
