"""Stands before a stand-in: counts what a process asks, stops it there, and notes who changed what.

A *stop* waits for the nth request of a kind. What the nemesis does then happens while the request
is held; afterwards the work is done, or never was, as the stop says.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs

PRODUCT, PEOPLE = "clockbooks", "people"


@dataclass
class Stop:
    """One place in a process's conversation with a service.

    Attributes:
        where: `METHOD /path` of the request, with one `*` for anything; empty for any.
        skip: Requests to let pass first.
        work: When the service does the work: `never`, `at once` (before whatever happens
            meanwhile) or `late` (after it).
        holds: Whether the request waits for what happens meanwhile.
        due: Until when late work is done at the latest, whoever asks then: the service has a limit.
        hit: Whether a request is there.
        reached: Set once it waits.
        done: Set once its work was done.
    """

    where: str
    skip: int
    work: str
    holds: bool = True
    due: datetime | None = None
    hit: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    _go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _worked: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def takes(self, request: str) -> bool:
        """Whether this is the request, and none was before."""
        begins, _, ends = self.where.partition("*")
        if self.hit or not (request.startswith(begins) and request.endswith(ends)):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hit = True
        return True

    async def wait(self) -> None:
        """Hold the request until somebody releases it."""
        self._loop = asyncio.get_running_loop()
        self.reached.set()
        if self.holds:
            await self._go_on.wait()

    def release(self) -> None:
        """Let the request go on."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._go_on.set)

    def has_worked(self) -> None:
        """Note that the work was done."""
        self.done.set()
        self._worked.set()

    async def finish(self) -> None:
        """Have late work done now."""
        self._go_on.set()
        await self._worked.wait()


@dataclass(frozen=True)
class Change:
    """One change of one row of the books.

    Attributes:
        who: `PRODUCT` or `PEOPLE`.
        id: The TimeActivity.
        before: The row as it was; `None` for a new one.
        after: The row as it is; `None` once it is deleted.
        closed_until: Until which day the books were closed then.
        repeats: Whether it came of a call whose request id had been used before.
    """

    who: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    closed_until: str | None
    repeats: bool = False


class Journal:
    """Everything that happened to the books, and who did it."""

    def __init__(self, quickbooks: Any) -> None:
        self.changes: list[Change] = []
        self._quickbooks = quickbooks
        self._last: dict[str, Any] = {}

    @property
    def closed_until(self) -> str | None:
        """The day until which the books are closed."""
        settings = self._quickbooks.preferences.get("AccountingInfoPrefs", {})
        return settings.get("BookCloseDate")

    def note(self, who: str, *, repeats: bool = False) -> None:
        """Put what has changed since the last look down to somebody."""
        now = self._quickbooks.activities
        for id_ in [*self._last, *(id_ for id_ in now if id_ not in self._last)]:
            before, after = self._last.get(id_), now.get(id_)
            if before != after:
                change = Change(who, id_, before, deepcopy(after), self.closed_until, repeats)
                self.changes.append(change)
        self._last = deepcopy(now)


class _Replayed:
    """What an application receives, read before: `transport` is what faults hang up with."""

    def __init__(self, receive: Any, messages: list[Any]) -> None:
        self.transport = receive.__self__.transport
        self._receive, self._messages = receive, messages

    async def receive(self) -> Any:
        return self._messages.pop(0) if self._messages else await self._receive()


class Gate:
    """An ASGI application that passes requests on to another one."""

    def __init__(self) -> None:
        self.app: Any = None
        self.now: Callable[[], datetime] = partial(datetime.now, UTC)
        self.journal: Journal | None = None
        self.stops: list[Stop] = []
        self.requests = 0
        self._asked: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass one request on, or hold it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self._loop = asyncio.get_running_loop()
        self.requests += 1
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        inner = _Replayed(receive, messages).receive
        for late in self.stops:
            if late.hit and late.due is not None and late.due <= self.now():
                await late.finish()
        asked = parse_qs(scope["query_string"].decode()).get("requestid", [""])[0]
        scope.setdefault("state", {})["repeats"] = asked in self._asked
        self._asked |= {asked} - {""}
        request = f"{scope['method']} {scope['path']}"
        stop = next((one for one in self.stops if one.takes(request)), None)
        if stop is None:
            await self._work(scope, inner, send)
        elif stop.work == "at once":
            await self._work_and_wait(stop, scope, inner, send)
        else:
            await stop.wait()
            if stop.work == "never":
                receive.__self__.transport.abort()
            else:
                await self._work(scope, inner, send)
            stop.has_worked()

    async def _work_and_wait(self, stop: Stop, scope: Any, receive: Any, send: Any) -> None:
        answer: list[Any] = []

        async def keep(message: Any) -> None:  # an application awaits it
            answer.append(message)

        await self._work(scope, receive, keep)
        await stop.wait()
        for message in answer:
            await send(message)

    async def _work(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        if self.journal is not None:
            self.journal.note(PRODUCT, repeats=scope["state"]["repeats"])

    def people(self, act: Callable[[], Any]) -> Any:
        """Let people do something in the service's pages, between two requests."""
        if self._loop is None or self.journal is None:
            return self._acted(act)
        done: Future[Any] = Future()

        def act_now() -> None:
            try:
                done.set_result(self._acted(act))
            except BaseException as error:  # noqa: BLE001 - for whoever asked
                done.set_exception(error)

        self._loop.call_soon_threadsafe(act_now)
        return done.result(timeout=30)

    def _acted(self, act: Callable[[], Any]) -> Any:
        if self.journal is None:
            return act()
        self.journal.note(PRODUCT)
        done = act()
        self.journal.note(PEOPLE)
        return done
