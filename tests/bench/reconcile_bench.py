"""What a reconciliation costs while nothing differs: time beside a bare loop, and memory.

The entries were really sent before. Both stand-ins run in this process; the command and the bare
loop are processes of their own, measured from their start to their end.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_bench import WINDOW
from memory_bench import _NO_QUOTAS, _with_many
from sync_bench import ROOT, Cost, _run

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import settings_for
from connectors.standins.server import serving

#: Entries of the month that is timed, and of those whose memory is compared.
TIMED = 20_000
HELD = [10_000, 100_000]

#: How often each is timed; the shortest counts.
TIMES = 3

BARE = Path(__file__).with_name("bare_reader.py")


@dataclass(frozen=True)
class Month:
    """A month that was sent.

    Attributes:
        environment: Of commands that work on it.
        folder: Their working folder.
        token: An access token of QuickBooks.
        realm_id: The company.
    """

    environment: dict[str, str]
    folder: Path
    token: str
    realm_id: str

    def reconcile(self) -> Cost:
        """Reconcile it; the command fails if anything differs."""
        return _run(("reconcile", *WINDOW, "--json"), self.environment, self.folder)

    def read(self) -> str:
        """Read it in a bare loop, and return how many rows each service gave."""
        words = [sys.executable, str(BARE), self.token, self.realm_id]
        environment = self.environment | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
        return done.stdout


def reconciling() -> Iterator[str]:
    """Measure reconciliations without drift, and yield the tables line by line."""
    with _sent(TIMED) as month:
        if month.read() != f"{TIMED} {TIMED}":
            sys.exit("the bare loop did not read all entries")
        bare_s, command_s = _shortest(month.read), _shortest(month.reconcile)
        cpu_s = month.reconcile().cpu_s
    yield f"## Reconciling {TIMED:,} entries that agree"
    yield ""
    yield "| what | shortest wall s | / bare | target |"
    yield "| --- | --- | --- | --- |"
    yield f"| both services' pages in a bare loop | {bare_s:.2f} | 1.00 | |"
    yield f"| `clockbooks reconcile` | {command_s:.2f} | {command_s / bare_s:.2f} | ≤ 2.5 |"
    yield ""
    yield f"The command's own processor time is {cpu_s:.2f} s."
    yield ""
    yield "## Memory of a reconciliation, by entries in its window"
    yield ""
    yield "| entries | peak MiB | CPU s | peak / at the row before | target |"
    yield "| --- | --- | --- | --- | --- |"
    before = None
    for entries in HELD:
        with _sent(entries) as month:
            cost = month.reconcile()
        ratio, target = (f"{cost.peak_mib / before:.2f}", "≤ 1.3") if before else ("", "")
        yield f"| {entries:,} | {cost.peak_mib:.0f} | {cost.cpu_s:.1f} | {ratio} | {target} |"
        before = cost.peak_mib


@contextmanager
def _sent(entries: int) -> Iterator[Month]:
    """Send a month of so many entries, and keep both stand-ins for the block."""
    scenario = _with_many(entries)
    clockify = ClockifyStandin(scenario, switches=ClockifySwitches(requests_per_second=None))
    lifted = Switches(batches_per_minute=None, requests_per_minute=None, requests_per_second=None)
    quickbooks = QuickBooksStandin(scenario, switches=lifted)
    realm_id = scenario["quickbooks"]["realm_id"]
    with (
        serving(clockify.app) as clockify_url,
        serving(quickbooks.app) as quickbooks_url,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        kept = {one: os.environ[one] for one in ("PATH", "HOME", "LANG") if one in os.environ}
        environment = {
            **kept,
            **settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url),
            **_NO_QUOTAS,
            "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": scenario["clockify"]["workspace"]["id"],
            "CLOCKBOOKS_DATABASE_URL": f"sqlite:///{folder}/clockbooks.db",
        }
        connect = ("connect", "--realm-id", realm_id, "--refresh-token-file", "-")
        _run(connect, environment, folder, scenario["quickbooks"]["refresh_token"])
        _run(("sync",), environment, folder)
        _run(("send", *WINDOW, "--yes", "--json"), environment, folder)
        yield Month(environment, folder, quickbooks.access_token(), realm_id)


def _shortest(work: Callable[[], Any]) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)
