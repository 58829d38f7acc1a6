"""Lets calls to one company wait for their turn; all processes that serve it share its pace.

The pace (`connectors.quickbooks.rate_limit.pace`) is kept in the database, in one row a company,
and changed under a lock on that row: SELECT … FOR UPDATE on PostgreSQL, BEGIN IMMEDIATE on SQLite.
A process that dies loses its place by itself, once its calls could not be answered any more.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import uuid4

from connectors.quickbooks.rate_limit.model import (
    MARGIN_MS,
    SECOND_MS,
    Call,
    End,
    Measure,
    Rules,
    Want,
)
from connectors.quickbooks.rate_limit.pace import Pace

Answer = TypeVar("Answer")

#: Nobody sleeps longer than this without looking whether the call is still wanted.
NAP_MS = 250


class Shelf(Protocol):
    """Where a pace is kept."""

    def change(self, work: Callable[[Pace], tuple[Answer, bool]]) -> Answer:
        """Let *work* have the pace for itself; it says whether what it changed is to be kept."""


class OwnShelf:
    """Keeps the pace in this process, for calls before there is a connection."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._lock = threading.Lock()

    def change(self, work: Callable[[Pace], tuple[Answer, bool]]) -> Answer:
        """See `Shelf`."""
        with self._lock:
            return work(self._pace)[0]


@dataclass
class Turn:
    """Permission for one call, now.

    Attributes:
        id: Its key in the pace.
        entries: How many entries it may carry; 0 for a call that is no batch.
        granted_ms: When it was given, in milliseconds of the epoch.
        left_ms: When its first byte left; `None` before.
    """

    id: int
    entries: int
    granted_ms: int
    left_ms: int | None = None


@dataclass(frozen=True)
class Pacer:
    """Says when the next call may begin, and learns from how it ended.

    Attributes:
        rules: The quotas of the settings.
        now: The time of day; machines that serve the same company need the same one.
        sleep: Waits some seconds.
        shelf: Where the pace is kept.
        owner: This process: what is in flight here is known, what others have is told.
    """

    rules: Rules
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    shelf: Shelf = field(default_factory=OwnShelf)
    owner: str = field(default_factory=lambda: uuid4().hex[:8])

    def turn(self, want: Want) -> Turn:
        """Wait until a call may begin."""
        turn = None
        while turn is None:
            turn = self.turn_while(lambda: True, want)
        return turn

    def turn_while(self, wanted: Callable[[], bool], want: Want) -> Turn | None:
        """Wait until a call may begin, or is not wanted any more: `None`.

        Args:
            wanted: Asked again and again while it waits; it may do something else meanwhile.
            want: What is to be called.
        """
        while wanted():
            answer = self.shelf.change(lambda pace: self._begin(pace, want))
            if isinstance(answer, Call):
                return Turn(answer.id, answer.entries, answer.begun_ms)
            self._wait_ms(answer, wanted)
        return None

    def _wait_ms(self, wait_ms: int, wanted: Callable[[], bool]) -> None:
        """Wait in naps; their sum is the end, should the clock be set back meanwhile."""
        until_ms, slept_ms = self._now_ms() + wait_ms, 0
        while slept_ms < wait_ms and (left_ms := until_ms - self._now_ms()) > 0 and wanted():
            nap_ms = min(left_ms, NAP_MS)
            self.sleep(nap_ms / 1000)
            slept_ms += nap_ms

    def leaves(self, turn: Turn) -> None:
        """Note that the first byte of a call leaves now; where that took long, tell all others."""
        left_ms = turn.left_ms = self._now_ms()
        if left_ms - turn.granted_ms > MARGIN_MS[SECOND_MS]:

            def date_anew(pace: Pace) -> tuple[None, bool]:
                pace.left(turn.id, left_ms)
                return None, True

            self.shelf.change(date_anew)

    def ended(self, turn: Turn, how: End, *, pause_s: float | None = None) -> int:
        """Report how a call ended.

        Args:
            turn: Its turn.
            how: How it ended.
            pause_s: How many seconds the service asks everybody to wait, if it says.

        Returns:
            How often in a row the service has refused now.
        """
        pause_ms = None if pause_s is None else round(pause_s * 1000)

        def note(pace: Pace) -> tuple[int, bool]:
            now_ms = self._now_ms()
            pace.end(turn.id, how, self.rules, now_ms, left_ms=turn.left_ms, pause_ms=pause_ms)
            return pace.refusals, True

        return self.shelf.change(note)

    def batch_size(self) -> int:
        """Say how many entries a batch carries at most, just now."""
        return self.shelf.change(lambda pace: (pace.size(self.rules), False))

    def told(self) -> list[str]:
        """Say what a person should know about the company's pace."""
        pace = self.shelf.change(lambda pace: (pace, False))
        minute, second, flight = (pace.limits[measure].allowed for measure in Measure)
        parts = [
            f"{minute:,} entries a minute" if minute is not None else "",
            f"{second:,} calls a second" if second is not None else "",
            f"{flight:,} calls at once" if flight is not None else "",
        ]
        limits = ", ".join(part for part in parts if part)
        strict = (
            f"QuickBooks takes only about {limits} of this company, less than the settings say:"
            " Clockbooks keeps to that, and tries now and then whether it takes more."
        )
        slow = (
            f"QuickBooks did not answer batches of {self.rules.batch_size} in time: they go with"
            f" {pace.slow_size} entries until it is quicker."
        )
        return [strict][: bool(limits)] + [slow][: pace.slow_size is not None]

    def _begin(self, pace: Pace, want: Want) -> tuple[Call | int, bool]:
        now_ms = self._now_ms()
        set_back = pace.set_back(now_ms)
        answer = pace.begin(replace(want, owner=self.owner), self.rules, now_ms)
        return answer, set_back or isinstance(answer, Call)

    def _now_ms(self) -> int:
        return round(self.now().timestamp() * 1000)
