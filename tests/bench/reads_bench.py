"""What a company's month of schedules reads from QuickBooks, which Intuit meters by the month.

The demo's studio works through October with every schedule on: each night brings the approved hours
of the day before, each Monday its customers are billed for the week before last. All jobs run in
this process on one clock; what is counted is what arrived at the stand-in.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from pacing_bench import _settings
from sync_bench import ROOT

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin
from connectors.standins.scenario import load_scenario, settings_for
from connectors.standins.server import serving
from flows.connections.connect import Pasted, connect
from flows.context import Clock, RunContext, open_context
from flows.directory.sync import SyncRequest, sync
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send
from flows.sending.settle_doubts import settle_alone

#: The first midnight, UTC, and how many days follow.
BEGIN, DAYS = datetime(2026, 10, 1, tzinfo=UTC), 31

#: What the free tier lets an app read in a month.
ALLOWANCE = 500_000

TARGET = 1_500


class HandClock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        """Return its time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on by so much."""
        self.time += timedelta(seconds=seconds)


def _sync(context: RunContext) -> None:
    sync(context, SyncRequest())


def _send(context: RunContext) -> None:
    today = context.now().date()
    request = SendRequest(today - timedelta(days=34), today, approved_only=True, sync=True)
    with closing(Report()) as report:
        send(context, request, report)


def _reconcile(context: RunContext) -> None:
    today = context.now().date()
    request = ReconcileRequest(start=today - timedelta(days=13), end=today)
    with closing(ReconcileReport()) as report:
        reconcile(context, request, report)


#: The schedules of prefect.yaml: their hours and minutes, and what they do.
SCHEDULES: dict[str, tuple[list[tuple[int, int]], Callable[[RunContext], Any]]] = {
    "`sync-directory/nightly`": ([(1, 30)], _sync),
    "`send-time/nightly`": ([(2, 0)], _send),
    "`reconcile/nightly`": ([(4, 0)], _reconcile),
    "`settle/hourly`": ([(hour, 0) for hour in range(24)], settle_alone),
}


def reads_of_a_month() -> Iterator[str]:
    """Measure what each schedule reads, and yield the table line by line."""
    reads = _month()
    yield f"## Reads of one company in a month of {DAYS} days, by schedule"
    yield ""
    yield "| schedule | runs | reads | fewest a run | most a run |"
    yield "| --- | --- | --- | --- | --- |"
    for name, counts in reads.items():
        yield (f"| {name} | {len(counts):,} | {sum(counts):,} | {min(counts)} | {max(counts)} |")
    yield ""
    yield f"| switched on | reads a month | companies that fit {ALLOWANCE:,} | target |"
    yield "| --- | --- | --- | --- |"
    for what, chosen in {
        "`send-time/nightly`, `settle/hourly`": ("`send-time/nightly`", "`settle/hourly`"),
        "all of them": tuple(SCHEDULES),
    }.items():
        total = sum(sum(reads[name]) for name in chosen)
        yield f"| {what} | {total:,} | {ALLOWANCE // total:,} | ≥ {TARGET:,} |"
    yield ""
    yield (
        "The demo's studio, without rules: twelve people, new approved hours each working night,"
        " billed every week, a few entries that cannot go. Each page of a list is a read."
    )


def _month() -> dict[str, list[int]]:
    """Let all schedules run for a month; return the reads of each run."""
    scenario, clock = load_scenario(ROOT / "data" / "demo_scenario.yaml"), HandClock()
    quick = ClockifySwitches(requests_per_second=None)
    clockify = ClockifyStandin(scenario, now=clock.now, switches=quick)
    quickbooks = QuickBooksStandin(scenario, now=clock.now)
    reads: dict[str, list[int]] = {name: [] for name in SCHEDULES}
    with (
        serving(clockify.app) as clockify_url,
        serving(quickbooks.app) as quickbooks_url,
        tempfile.TemporaryDirectory() as folder,
        _settings(
            settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url), folder
        ),
    ):
        realm, token = (scenario["quickbooks"][name] for name in ("realm_id", "refresh_token"))
        connect(None, consent=Pasted(realm, token), allow_payroll=None)
        runs = sorted(
            (BEGIN + timedelta(days=day, hours=hour, minutes=minute), name)
            for name, (times, _) in SCHEDULES.items()
            for hour, minute in times
            for day in range(DAYS)
        )
        for at, name in runs:
            clock.time = max(at, clock.time)
            if name == "`sync-directory/nightly`" and at.weekday() == 0:
                _bill(quickbooks, at)
            before = len(quickbooks.requests)
            with open_context(None, clock=Clock(now=clock.now, sleep=clock.sleep)) as context:
                SCHEDULES[name][1](context)
            reads[name].append(_reads(quickbooks, before))
    return reads


def _reads(quickbooks: QuickBooksStandin, first: int) -> int:
    return sum(
        method == "GET" and path.startswith("/v3/")
        for method, path, _ in quickbooks.requests[first:]
    )


def _bill(quickbooks: QuickBooksStandin, at: datetime) -> None:
    """Put all billable time that is older than a week on invoices."""
    due: dict[str, list[str]] = defaultdict(list)
    last = f"{at - timedelta(days=7):%Y-%m-%d}"
    for id_, row in quickbooks.activities.items():
        if row["BillableStatus"] == "Billable" and row["TxnDate"] <= last:
            due[row["CustomerRef"]["value"]].append(id_)
    for customer_id, ids in due.items():
        quickbooks.people.invoice(customer_id, *ids, TxnDate=f"{at:%Y-%m-%d}")
