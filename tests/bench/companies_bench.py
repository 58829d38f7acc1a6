"""Many companies at once: how their sends share worker processes, each at its own company's pace.

Run by itself with a file, this is one worker: it sends one connection after another, as a worker of
Prefect's does with its flow runs. All workers share one database on PostgreSQL.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any

from memory_bench import _with_many
from own_postgres import empty_postgres
from pacing_bench import WINDOW, ScaledClock, SlowService, _serving, _settings

from flows.connections.connect import Pasted, connect
from flows.context import Clock, open_context
from flows.directory.sync import SyncRequest, sync
from flows.sending.report import Report
from flows.sending.send import send

#: How many connections; the larger number only where it is asked for: it takes half an hour.
CONNECTIONS, LARGEST = 12, 200

#: How many entries each has.
ENTRIES = 500

WORKERS = (1, 2, 4)

#: Answers of a batch, in seconds of the scaled clock; how much faster than the wall's that runs.
LATENCY_S, SCALE = 2.0, 2


def many_companies(*, largest: bool) -> Iterator[str]:
    """Measure each number of workers, and yield the table line by line.

    Args:
        largest: Whether to take `LARGEST` connections.
    """
    connections = LARGEST if largest else CONNECTIONS
    yield f"## {connections} connections with {ENTRIES} entries each, by worker processes"
    yield ""
    yield "| workers | taken s | entries a minute | times one worker | 429s |"
    yield "| --- | --- | --- | --- | --- |"
    first = None
    for workers in WORKERS:
        took_s, refused = _measure(workers, connections)
        first = first or took_s
        a_minute = connections * ENTRIES / took_s * 60
        yield (f"| {workers} | {took_s:.0f} | {a_minute:,.0f} | {first / took_s:.2f} | {refused} |")
    yield ""
    yield (
        f"Batches take {LATENCY_S:g} s; PostgreSQL; seconds of a clock {SCALE} times the wall's,"
        " from the first batch's arrival at any company to the last answer. Every entry was held"
        " against the companies' books: each is there, once."
    )


def _measure(workers: int, connections: int) -> tuple[float, int]:
    """Let so many processes send everything; return the seconds it took, and the refusals."""
    clock = ScaledClock(SCALE)
    services: list[SlowService] = []
    jobs: list[dict[str, Any]] = []
    with ExitStack() as stack:
        url = stack.enter_context(empty_postgres())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key = folder / "key"
        for nth in range(connections):
            scenario = _company(nth)
            opened = stack.enter_context(_serving(scenario, clock, LATENCY_S, by_item=False))
            service, environment = opened
            environment |= {
                "CLOCKBOOKS_DATABASE_URL": url,
                "CLOCKBOOKS_SECRET_KEY": _key(key),
                "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": scenario["clockify"]["workspace"]["id"],
            }
            services.append(service)
            jobs.append({"name": f"company-{nth}", "environment": environment})
            _join(scenario, jobs[-1], folder)
        processes = [
            _start(folder / f"{first}.json", jobs[first::workers], clock)
            for first in range(workers)
        ]
        if sum(process.wait() != 0 for process in processes):
            raise SystemExit("a worker failed")
    for service in services:
        booked = {row["Description"] for row in service.standin.activities.values()}
        if len(booked) != ENTRIES or len(service.standin.activities) != ENTRIES:
            raise SystemExit("an entry is missing, or there twice")
    began = min(service.arrived for service in services if service.arrived)
    ended = max(service.ended for service in services if service.ended)
    return (ended - began).total_seconds(), sum(one.standin.throttled for one in services)


def _company(nth: int) -> dict[str, Any]:
    """Return the demo's scenario with many entries, as a company and a workspace of its own."""
    scenario = _with_many(ENTRIES)
    workspace, realm = scenario["clockify"]["workspace"], f"{9_000_000 + nth}"
    scenario["clockify"]["workspace"] = workspace | {"id": f"64aa{nth:020d}"}
    scenario["quickbooks"] = scenario["quickbooks"] | {"realm_id": realm}
    return scenario


def _key(path: Path) -> str:
    """Return one key for all processes."""
    from cryptography.fernet import Fernet

    if not path.exists():
        path.write_bytes(Fernet.generate_key())
    return path.read_text()


def _join(scenario: dict[str, Any], job: dict[str, Any], folder: Path) -> None:
    books = scenario["quickbooks"]
    with _settings(job["environment"], str(folder)):
        os.environ["CLOCKBOOKS_DATABASE_URL"] = job["environment"]["CLOCKBOOKS_DATABASE_URL"]
        pasted = Pasted(books["realm_id"], books["refresh_token"])
        connect(job["name"], consent=pasted, allow_payroll=None)
        with open_context(job["name"]) as opened:
            sync(opened, SyncRequest())


def _start(path: Path, jobs: list[dict[str, Any]], clock: ScaledClock) -> subprocess.Popen[bytes]:
    path.write_text(
        json.dumps({"jobs": jobs, "began": clock.began.isoformat(), "wall": clock.wall})
    )
    return subprocess.Popen([sys.executable, __file__, str(path)], cwd=path.parent)


def work(path: Path) -> None:
    """Send one connection after another: what one worker does."""
    told = json.loads(path.read_text())
    clock = ScaledClock(SCALE, began=datetime.fromisoformat(told["began"]), wall=told["wall"])
    for job in told["jobs"]:
        os.environ.update(job["environment"] | {"CLOCKBOOKS_LEASE_S": "36000"})
        scaled = Clock(now=clock.now, sleep=clock.sleep)
        with open_context(job["name"], clock=scaled) as context, closing(Report()) as report:
            send(context, WINDOW, report)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
