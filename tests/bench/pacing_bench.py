"""How near the loader comes to QuickBooks' own limit, beside a peer, in scaled time.

The loader runs for real, over loopback, with its claims and its ledger on SQLite. Time is scaled by
one clock for it, the peer and the stand-in, so that minutes of quota take seconds. What is
counted begins with the first batch's arrival at the stand-in and ends with the last answer.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from memory_bench import _with_many
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.exceptions import QuickbooksException
from quickbooks.objects.base import Ref
from quickbooks.objects.timeactivity import TimeActivity

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import settings_for
from connectors.standins.server import serving
from flows.connections.connect import Pasted, connect
from flows.context import Clock, open_context
from flows.directory.sync import SyncRequest, sync
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

#: Answers of a batch of 30, in seconds of the stand-in's clock.
LATENCIES_S = (0.3, 2.0, 10.0)

#: The slowest service that one object of a batch can have alone.
LEAST_LATENCY_S = 0.1

#: A minute's wait, which Intuit advises after a 429.
ADVISED_S = 60

WINDOW = SendRequest(date(2026, 9, 1), date(2026, 9, 30))


@dataclass(frozen=True)
class Rule:
    """How the stand-in meters.

    Attributes:
        name: For the table.
        by_item: Whether every entry of a batch counts as one of 500 requests a minute.
        entries: How many entries are sent.
    """

    name: str
    by_item: bool
    entries: int


#: How much faster than the wall all clocks run here. Our own milliseconds count as many times, so
#: that a larger scale would measure this machine, and no minute of quota.
SCALE = 6

#: Some minutes' worth each, the last of them half full.
RULES = (
    Rule("40 batches a minute", by_item=False, entries=4_200),
    Rule("500 entries a minute", by_item=True, entries=3_250),
)

#: How many entries both send: one minute's worth, and two.
PEER_ENTRIES = (1_200, 2_400)


class ScaledClock:
    """A clock that runs faster than the wall's; the same one in every process that is told both.

    Attributes:
        began: Its time when it was made.
        wall: The machine's monotonic seconds then.
    """

    def __init__(
        self, scale: int, *, began: datetime | None = None, wall: float | None = None
    ) -> None:
        self.scale = scale
        self.began = began or datetime.now(UTC)
        self.wall = time.monotonic() if wall is None else wall

    def now(self) -> datetime:
        """Return its time."""
        return self.began + timedelta(seconds=(time.monotonic() - self.wall) * self.scale)

    def sleep(self, seconds: float) -> None:
        """Wait some of its seconds."""
        time.sleep(seconds / self.scale)


@dataclass
class SlowService:
    """Lets the stand-in take its time: an answer comes as late as its entries ask; a 429 at once.

    Attributes:
        standin: The stand-in.
        clock: Its clock.
        latency_s: Of a batch of 30.
        arrived: When the first write came.
        ended: When the last one was answered.
    """

    standin: QuickBooksStandin
    clock: ScaledClock
    latency_s: float
    arrived: datetime | None = None
    ended: datetime | None = None
    writes: int = field(default=0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        is_batch = scope["path"].endswith("/batch")
        if scope["method"] != "POST" or not (is_batch or scope["path"].endswith("/timeactivity")):
            await self.standin.app(scope, receive, send)
            return
        began = self.clock.now()
        self.arrived = self.arrived or began
        self.writes += 1
        answer: list[dict[str, Any]] = []

        async def keep(message: dict[str, Any]) -> None:
            answer.append(message)

        await self.standin.app(scope, receive, keep)
        if answer[0]["status"] == 200:
            alone_s = max(self.latency_s / 30, LEAST_LATENCY_S)
            wanted_s = self.latency_s if is_batch else alone_s
            left_s = wanted_s - (self.clock.now() - began).total_seconds()
            await asyncio.sleep(max(left_s, 0) / self.clock.scale)
        for message in answer:
            await send(message)
        self.ended = self.clock.now()

    @property
    def took_s(self) -> float:
        """Return the seconds from the first write to the last answer."""
        assert self.arrived is not None
        assert self.ended is not None
        return (self.ended - self.arrived).total_seconds()


def perfect_s(rule: Rule, latency_s: float, *, at_once: int = 10, a_second: int = 10) -> float:
    """Compute how long a loader without any cost or doubt of its own takes: the share's measure.

    It knows the stand-in's rule, fills every minute of it from its first instant on, keeps to the
    settings' 10 calls a second and 10 at once, and needs no margin.
    """
    sizes: list[int] = []
    a_minute = [30] * 40 if not rule.by_item else [30] * 16 + [20]
    while (left := rule.entries - sum(sizes)) > 0:
        sizes.append(min(a_minute[len(sizes) % len(a_minute)], left))
    begun: list[float] = []
    for nth in range(len(sizes)):
        starts = [0.0]
        for before, distance_s in (
            (len(a_minute), 60),
            (a_second, 1),
            (at_once, latency_s),
        ):
            if nth >= before:
                starts.append(begun[nth - before] + distance_s)
        begun.append(max(starts))
    return begun[-1] + latency_s


def share_of_the_ceiling() -> Iterator[str]:
    """Measure the loader under each rule and latency, and yield the table line by line."""
    yield "## Share of the ceiling: the loader at QuickBooks' limit"
    yield ""
    yield "| quota | s a batch | entries | taken s | perfect s | share | 429s | target |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for rule in RULES:
        for latency_s in LATENCIES_S:
            service = _load(rule, latency_s)
            best_s = perfect_s(rule, latency_s)
            yield (
                f"| {rule.name} | {latency_s:g} | {rule.entries:,} | {service.took_s:.0f} |"
                f" {best_s:.0f} | {best_s / service.took_s:.3f} | {service.standin.throttled} |"
                " ≥ 0.95, ≤ 5 |"
            )
    yield ""
    yield (
        "Share: time of a loader that knows the rule and costs nothing ÷ time taken, from the first"
        f" batch's arrival to the last answer, both on a clock of {SCALE} times the wall's speed."
    )


def beside_the_peer() -> Iterator[str]:
    """Measure python-quickbooks against the same stand-in, and yield the table line by line."""
    yield "## Beside python-quickbooks, 40 batches and 500 requests a minute"
    yield ""
    yield "| s a batch | entries | loader | `batch_create` | its 429s | times | one by one |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for latency_s in LATENCIES_S:
        one_by_one = _peer(600, latency_s, batches=False)
        for entries in PEER_ENTRIES if latency_s < 10 else PEER_ENTRIES[:1]:
            rule = Rule("", by_item=False, entries=entries)
            ours, peer = _load(rule, latency_s), _peer(entries, latency_s, batches=True)
            yield (
                f"| {latency_s:g} | {entries:,} | {ours.took_s:.0f} s | {peer.took_s:.0f} s |"
                f" {peer.standin.throttled} | {peer.took_s / ours.took_s:.2f} |"
                f" {600 / one_by_one.took_s * 60:.0f} a minute |"
            )
    yield ""
    yield (
        "The peer knows no pacing, and stops at a 429 with an error. It is counted kindly: whoever"
        f" calls it waits the {ADVISED_S} s that Intuit advises, and sends the slice again. One"
        " object alone is answered in a thirtieth of a batch's time, but in no less than 0.1 s. The"
        " longer the job, the more the quota alone decides: at 2 s a batch, one after another has"
        " 30 of the 40 batches a minute, so 1.33 times is all that a very long one can gain."
    )


def _load(rule: Rule, latency_s: float) -> SlowService:
    """Let the loader send, and return how the service fared."""
    clock = ScaledClock(SCALE)
    scenario = _with_many(rule.entries)
    with (
        _serving(scenario, clock, latency_s, by_item=rule.by_item) as (service, environment),
        tempfile.TemporaryDirectory() as folder,
        _settings(environment, folder),
    ):
        realm, token = (scenario["quickbooks"][name] for name in ("realm_id", "refresh_token"))
        connect(None, consent=Pasted(realm, token), allow_payroll=None)
        with open_context(None) as opened:
            sync(opened, SyncRequest())
        scaled = Clock(now=clock.now, sleep=clock.sleep)
        with open_context(None, clock=scaled) as opened, closing(Report()) as report:
            result = send(opened, WINDOW, report)
            sent = result["counts"]["sent"]
        if sent != rule.entries:
            raise SystemExit(f"only {sent} of {rule.entries} were sent: {result['stopped']}")
    return service


def _peer(entries: int, latency_s: float, *, batches: bool) -> SlowService:
    """Let python-quickbooks send as many, and return how the service fared."""
    clock = ScaledClock(SCALE)
    scenario = _with_many(1)
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the peer would not speak to loopback else
    with _serving(scenario, clock, latency_s, by_item=False) as (service, environment):
        # What it asks of an `AuthClient`; the real one would ask Intuit for addresses first.
        auth = SimpleNamespace(
            client_id="id",
            environment="sandbox",
            access_token=service.standin.access_token(),
            refresh_token="",
        )
        client = QuickBooks(auth_client=auth, company_id=service.standin.realm_id, minorversion=75)
        client.sandbox_api_url_v3 = f"{environment['CLOCKBOOKS_QBO_URL']}/v3"
        employee = next(iter(service.standin.employees))
        activities = [_activity(employee, nth) for nth in range(entries)]
        size = 30 if batches else 1
        for first in range(0, entries, size):
            some = activities[first : first + size]
            _kindly(
                clock,
                (lambda some=some: batch_create(some, qb=client))
                if batches
                else (lambda some=some: some[0].save(qb=client)),
            )
        client.session.close()
        if len(service.standin.activities) != entries:
            raise SystemExit(f"the peer sent {len(service.standin.activities)} of {entries}")
    return service


def _kindly(clock: ScaledClock, call: Callable[[], Any]) -> None:
    while True:
        try:
            call()
        except QuickbooksException:
            clock.sleep(ADVISED_S)
        else:
            return


def _activity(employee: str, nth: int) -> TimeActivity:
    activity = TimeActivity()
    activity.NameOf = "Employee"
    activity.EmployeeRef = Ref()
    activity.EmployeeRef.value = employee
    activity.TxnDate = "2026-09-02"
    activity.Hours, activity.Minutes = 1, 0
    activity.Description = f"Drawings of item {nth}"
    return activity


@contextmanager
def _serving(
    scenario: dict[str, Any], clock: ScaledClock, latency_s: float, *, by_item: bool
) -> Iterator[tuple[SlowService, dict[str, str]]]:
    clockify = ClockifyStandin(scenario, switches=ClockifySwitches(requests_per_second=None))
    quickbooks = QuickBooksStandin(
        scenario, now=clock.now, switches=Switches(counts_batch_items=by_item)
    )
    service = SlowService(quickbooks, clock, latency_s)
    with serving(clockify.app) as clockify_url, serving(service) as quickbooks_url:
        yield (
            service,
            settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url),
        )


@contextmanager
def _settings(environment: dict[str, str], folder: str) -> Iterator[None]:
    """Let the settings be those of a case; a lease that scaled time does not outlast."""
    before = dict(os.environ)
    os.environ.update(environment)
    os.environ["CLOCKBOOKS_DATABASE_URL"] = f"sqlite:///{Path(folder)}/clockbooks.db"
    os.environ["CLOCKBOOKS_LEASE_S"] = "36000"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
