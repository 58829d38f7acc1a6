"""The rate limiter: lets a call to a company wait until it has a permit.

All processes that serve a company share its pace (`connectors.quickbooks.rate_limit.pace`). It is
kept in the database, in one row a company, and changed under a lock on that row: SELECT … FOR
UPDATE on PostgreSQL, BEGIN IMMEDIATE on SQLite. The calls of a process that died stop counting once
they could not be answered any more.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import uuid4

from connectors.quickbooks.rate_limit.model import MARGIN_MS, SECOND_MS, Call, End, Kind, Want
from connectors.quickbooks.rate_limit.pace import Pace
from connectors.quickbooks.rate_limit.quotas import Quotas

Answer = TypeVar("Answer")

#: The longest sleep between two looks whether the call is still wanted.
POLL_MS = 250

#: What a level counts, as people are told.
WORDS = {
    Kind.BATCHES: "entries a minute",
    Kind.CALLS: "other calls a minute",
    Kind.SIZE: "entries a batch",
}

#: Below this part of what the settings allow, in percent, people are told.
TOLD = 95


class PaceStore(Protocol):
    """Where a pace is kept."""

    def change(self, work: Callable[[Pace], tuple[Answer, bool]]) -> Answer:
        """Let *work* have the pace for itself; it returns whether its change is to be kept."""


class LocalPaceStore:
    """Keeps the pace in this process, for calls before there is a connection."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._lock = threading.Lock()

    def change(self, work: Callable[[Pace], tuple[Answer, bool]]) -> Answer:
        """See `PaceStore`."""
        with self._lock:
            return work(self._pace)[0]


@dataclass
class Permit:
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
class RateLimiter:
    """Gives permits for calls, and learns from how they ended.

    Attributes:
        quotas: The quotas of the settings.
        now: The time of day; machines that serve the same company need the same one.
        sleep: Waits some seconds.
        store: Where the pace is kept.
        owner: This process, whose own calls in flight it knows for certain.
    """

    quotas: Quotas
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    store: PaceStore = field(default_factory=LocalPaceStore)
    owner: str = field(default_factory=lambda: uuid4().hex[:8])

    def acquire(self, want: Want) -> Permit:
        """Wait until a call may begin."""
        permit = None
        while permit is None:
            permit = self.acquire_while(lambda: True, want)
        return permit

    def acquire_while(self, wanted: Callable[[], bool], want: Want) -> Permit | None:
        """Wait until a call may begin, or is not *wanted* any more, which is asked repeatedly."""
        while wanted():
            answer = self.store.change(lambda pace: self._begin(pace, want))
            if isinstance(answer, Call):
                return Permit(answer.id, answer.entries, answer.begun_ms)
            self._wait_ms(answer, wanted)
        return None

    def _wait_ms(self, wait_ms: int, wanted: Callable[[], bool]) -> None:
        """Poll until then; the sum of the pauses ends it, should the clock be set back."""
        until_ms, slept_ms = self._now_ms() + wait_ms, 0
        while slept_ms < wait_ms and (left_ms := until_ms - self._now_ms()) > 0 and wanted():
            pause_ms = min(left_ms, POLL_MS)
            self.sleep(pause_ms / 1000)
            slept_ms += pause_ms

    def leaves(self, permit: Permit) -> None:
        """Note that a call's first byte leaves now; where that took long, let all others know."""
        left_ms = permit.left_ms = self._now_ms()
        if left_ms - permit.granted_ms > MARGIN_MS[SECOND_MS]:

            def date_anew(pace: Pace) -> tuple[None, bool]:
                pace.left(permit.id, left_ms)
                return None, True

            self.store.change(date_anew)

    def ended(self, permit: Permit, how: End, *, pause_s: float | None = None) -> int:
        """Report how a call ended, and return how often in a row the service has refused now.

        The service may have asked everybody to wait for *pause_s* seconds.
        """
        pause_ms = None if pause_s is None else round(pause_s * 1000)

        def note(pace: Pace) -> tuple[int, bool]:
            now_ms = self._now_ms()
            pace.end(permit.id, how, self.quotas, now_ms, left_ms=permit.left_ms, pause_ms=pause_ms)
            return pace.refusals, True

        return self.store.change(note)

    def batch_size(self) -> int:
        """Return how many entries a batch carries at most, just now."""
        return self.store.change(lambda pace: (pace.size(self.quotas, self._now_ms()), False))

    def notes(self) -> list[str]:
        """Return what a person should know about the company's pace."""
        pace = self.store.change(lambda pace: (pace, False))
        limits = " and ".join(
            f"{level.allowed:,} {WORDS[kind]}"
            for kind, level in pace.levels.items()
            if level.allowed is not None
            and 100 * level.allowed < TOLD * self.quotas.published(kind)
        )
        strict = (
            f"QuickBooks accepts only about {limits} from this company, less than the settings"
            " allow. Clockbooks stays within that, and tries now and then whether it accepts more."
        )
        slow = (
            f"QuickBooks did not answer batches of {self.quotas.batch_size} in time: batches have"
            f" {pace.slow_size} entries until it is faster."
        )
        return [strict][: bool(limits)] + [slow][: pace.slow_size is not None]

    def _begin(self, pace: Pace, want: Want) -> tuple[Call | int, bool]:
        now_ms = self._now_ms()
        set_back = pace.set_back(now_ms)
        answer = pace.begin(replace(want, owner=self.owner), self.quotas, now_ms)
        return answer, set_back or isinstance(answer, Call)

    def _now_ms(self) -> int:
        return round(self.now().timestamp() * 1000)
