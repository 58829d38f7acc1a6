"""How much memory a send holds, and how fast pages are read, as its window grows.

Memory is the peak of the command's own process; the stand-ins run in this one.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from command_bench import WINDOW, connected, good_entries
from sync_bench import Cost, _run

from connectors.clockify.client import REPORT_PAGE, Clockify
from connectors.prefetch import read_ahead
from connectors.standins.clockify.app import ClockifyStandin, Switches
from connectors.standins.scenario import settings_for
from connectors.standins.server import serving

#: Entries of the sends whose plan is made, and of those that are really sent.
PLANNED = [10_000, 100_000, 1_000_000]
SENT = [10_000, 100_000]

#: Entries whose pages are read.
READ = 50_000

_NO_QUOTAS = {
    "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "1000000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "1000000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "1000000",
}


def memory_of_a_send() -> Iterator[str]:
    """Measure the peak memory of sends, and yield the table line by line."""
    yield "## Memory of a send, by entries in its window"
    yield ""
    yield "| send | entries | peak MiB | CPU s | peak / at the row before | target |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for what, option, sizes in (("plan", "--dry-run", PLANNED), ("real", "--yes", SENT)):
        before = None
        for entries in sizes:
            cost = peak_of(entries, option)
            ratio = f"{cost.peak_mib / before:.2f}" if before else ""
            target = "≤ 1.3" if entries == PLANNED[-1] else ""
            yield (
                f"| {what} | {entries:,} | {cost.peak_mib:.0f} | {cost.cpu_s:.1f} | {ratio} |"
                f" {target} |"
            )
            before = cost.peak_mib
    yield ""
    yield "Plan: `--dry-run --json`. Real: quotas lifted; read, judged, sent, recorded and told."


def peak_of(entries: int, option: str) -> Cost:
    """Return what a send of so many entries costs, with one option more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/clockbooks.db"
        with connected(_with_many(entries), folder, url) as at:
            return _run(("send", *WINDOW, option, "--json"), at | _NO_QUOTAS, folder)


def reading_pages() -> Iterator[str]:
    """Measure how fast pages of the report are read, and yield the table line by line."""
    scenario = good_entries()
    with _own_process(READ) as url:
        at = settings_for(scenario, clockify_url=url, quickbooks_url="")
        at["CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID"] = scenario["clockify"]["workspace"]["id"]
        pages = {
            "`requests` and `json.loads` in a bare loop": lambda: _bare(at),
            "ours: checked, one page ahead, nothing done with it": lambda: _ours(at),
        }
        took = {what: min(_timed(read) for _ in range(3)) for what, read in pages.items()}
    number = READ / REPORT_PAGE
    first = next(iter(took.values()))
    yield f"## Reading {READ:,} entries in pages of {REPORT_PAGE:,}, from the stand-in"
    yield ""
    yield "| reader | pages a second | / bare |"
    yield "| --- | --- | --- |"
    for what, wall_s in took.items():
        yield f"| {what} | {number / wall_s:.1f} | {first / wall_s:.2f} |"
    yield ""
    yield "The stand-in, in a process of its own, makes each page in most of that time."


@contextmanager
def _own_process(entries: int) -> Iterator[str]:
    """Serve a workspace from another process for a block, and yield its address."""
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(entries, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("enough")
        process.join()


def _serve(entries: int, pipe: Connection) -> None:
    unthrottled = Switches(requests_per_second=None)
    with serving(ClockifyStandin(_with_many(entries), switches=unthrottled).app) as url:
        pipe.send(url)
        pipe.recv()


def _bare(at: dict[str, str]) -> int:
    rows, page = 0, 0
    session = requests.Session()
    while True:
        page += 1
        answer = session.post(
            f"{at['CLOCKBOOKS_CLOCKIFY_REPORTS_URL']}/workspaces/"
            f"{at['CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID']}/reports/detailed",
            headers={"X-Api-Key": at["CLOCKBOOKS_CLOCKIFY_API_KEY"]},
            json={
                "dateRangeStart": "2026-09-01T00:00:00.000",
                "dateRangeEnd": "2026-09-30T23:59:59.999",
                "timeZone": "UTC",
                "exportType": "JSON",
                "sortOrder": "ASCENDING",
                "detailedFilter": {"page": page, "pageSize": REPORT_PAGE, "sortColumn": "DATE"},
            },
            timeout=60,
        )
        rows += len(answer.json()["timeentries"])
        if answer.headers["Last-Page"] == "true":
            return rows


def _ours(at: dict[str, str]) -> int:
    clockify = Clockify(
        url=at["CLOCKBOOKS_CLOCKIFY_URL"],
        reports_url=at["CLOCKBOOKS_CLOCKIFY_REPORTS_URL"],
        api_key=at["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        workspace_id=at["CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID"],
    )
    report = clockify.report((date(2026, 9, 1), date(2026, 9, 30)), timezone=ZoneInfo("UTC"))
    rows = sum(map(len, read_ahead(report)))
    clockify.close()
    return rows


def _timed(read: Callable[[], int]) -> float:
    begun = time.perf_counter()
    if read() != READ:
        sys.exit("a reader did not read all entries")
    return time.perf_counter() - begun


def _with_many(entries: int) -> dict[str, Any]:
    """Return the demo's scenario with one entry repeated, each made when it is asked for."""
    scenario = good_entries()
    one = scenario["clockify"]["entries"][0]
    begun = datetime(2026, 9, 2, 14, tzinfo=UTC)
    step = timedelta(days=26) / entries
    scenario["clockify"]["entries"] = (
        one
        | {
            "id": f"{number:024x}",
            "description": f"Drawings of item {number}",
            "start": f"{begun + number * step:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{begun + number * step + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        for number in range(entries)
    )
    return scenario
