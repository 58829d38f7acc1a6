"""Shortens a failing history to what it needs to fail: delta debugging over its events."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]


def kind_of(problem: str) -> str:
    """Return what a problem is about, without the ids, days and numbers of one history."""
    return re.sub(r"[0-9a-f]{24}|[\d-]+|\(.*\)|“.*”", "#", problem.rpartition(" — ")[2])


def shrink(
    events: Sequence[Event], fails: Callable[[list[Event]], bool], *, plays: int = 60
) -> list[Event]:
    """Return events that still fail, of which none can be left out: as far as *plays* allow.

    Args:
        events: What failed.
        fails: Plays events and says whether they fail in the same way.
        plays: How many times they may be played.
    """
    left = [plays]

    def still_fails(tried: list[Event]) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(tried)

    kept = _without_parts(list(events), still_fails)
    for nth in range(len(kept) - 1, -1, -1):
        for simpler in _simpler(kept[nth]):
            tried = [*kept[:nth], simpler, *kept[nth + 1 :]]
            if still_fails(tried):
                kept = tried
    return kept


def _without_parts(kept: list[Event], fails: Callable[[list[Event]], bool]) -> list[Event]:
    """Leave out ever smaller parts, the last events first: what comes later matters less."""
    size = max(len(kept) // 2, 1)
    while True:
        first = len(kept) - size
        while first > -size and kept:
            tried = kept[: max(first, 0)] + kept[first + size :]
            if len(tried) < len(kept) and fails(tried):
                kept = tried
            first -= size
        if size == 1:
            return kept
        size = max(size // 2, 1)


def _simpler(event: Event) -> Iterator[Event]:
    """Yield an event with less trouble in it."""
    if event["do"] not in {"run", "review"}:
        return
    if event["faults"]:
        yield {**event, "faults": []}
        yield from ({**event, "faults": [fault]} for fault in event["faults"][:-1])
    stop = event["stop"]
    if stop:
        yield {**event, "stop": None}
        meanwhile = stop["meanwhile"]
        for nth in range(len(meanwhile)):
            fewer = [*meanwhile[:nth], *meanwhile[nth + 1 :]]
            yield {**event, "stop": {**stop, "meanwhile": fewer}}
