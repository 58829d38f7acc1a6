"""How a sync grows: time and memory of the installed command for growing directories.

Both stand-ins serve made-up directories on loopback from this process; what is measured is the
process of the command alone, from its start to its end.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import load_scenario, settings_for
from connectors.standins.server import serving

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "clockbooks"

#: Users and customers of each size; the largest is what is promised.
SIZES = [(1_250, 5_000), (2_500, 10_000), (5_000, 20_000)]

#: How often each size is measured; the shortest counts.
TIMES = 3


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes:
        cpu_s: Processor time of its processes, in seconds.
        peak_mib: Most memory that it held, in MiB.
        wall_s: Time from its start to its end, in seconds.
    """

    cpu_s: float
    peak_mib: float
    wall_s: float


def compare_directories() -> Iterator[str]:
    """Measure a first sync for each size, and yield the table line by line.

    Half of the users and projects bear the name of their partner, a quarter is a letter off, and a
    quarter has nobody: near misses are what could grow with the square of the names.
    """
    yield "## Sync: both directories compared, links and near misses found"
    yield ""
    yield "| users | projects, customers | CPU s | per name | peak MiB | more per name |"
    yield "| --- | --- | --- | --- | --- | --- |"
    empty = _measure(0, 0)
    first: tuple[float, float] | None = None
    for users, customers in SIZES:
        cost = _measure(users, customers)
        names = 2 * (users + customers)
        each = ((cost.cpu_s - empty.cpu_s) / names, (cost.peak_mib - empty.peak_mib) / names)
        first = first or each
        yield (
            f"| {users:,} | {customers:,} | {cost.cpu_s:.1f} | {each[0] / first[0]:.2f} times |"
            f" {cost.peak_mib:.0f} | {each[1] / first[1]:.2f} times |"
        )
    yield ""
    yield (
        f"An empty sync takes {empty.cpu_s:.1f} s and {empty.peak_mib:.0f} MiB. Linear growth is"
        " 1.00 times the first row's share per name."
    )


def _measure(users: int, customers: int) -> Cost:
    scenario = _scenario(users, customers)
    with tempfile.TemporaryDirectory() as folder, _house(scenario, Path(folder)) as environment:
        token = scenario["quickbooks"]["refresh_token"]
        realm_id = scenario["quickbooks"]["realm_id"]
        connect = ("connect", "--realm-id", realm_id, "--refresh-token-file", "-")
        _run(connect, environment, Path(folder), token)
        costs = [
            _run(("sync", "--dry-run", "--json"), environment, Path(folder)) for _ in range(TIMES)
        ]
    return Cost(min(c.cpu_s for c in costs), min(c.peak_mib for c in costs))


def _run(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, text: str = ""
) -> Cost:
    """Run the command, and return what its process alone took."""
    words = [sys.executable, "-c", _LAUNCHER, str(folder / "cost"), str(COMMAND), *arguments]
    with (folder / "out").open("wb") as out:
        done = subprocess.run(
            words, input=text.encode(), stdout=out, cwd=folder, env=environment, check=False
        )
    if done.returncode:
        raise SystemExit(f"clockbooks {arguments[0]} ended with {done.returncode}")
    cpu_s, peak_kib, wall_s = (folder / "cost").read_text().split()
    return Cost(float(cpu_s), int(peak_kib) / 1024, float(wall_s))


#: Starts the command from a small process: a child's peak counts what its parent held before.
_LAUNCHER = """
import resource, subprocess, sys, time
start_s = time.perf_counter()
code = subprocess.call(sys.argv[2:])
wall_s = time.perf_counter() - start_s
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    file.write(f"{used.ru_utime + used.ru_stime} {used.ru_maxrss} {wall_s}")
sys.exit(code)
"""


def _scenario(users: int, customers: int) -> dict[str, Any]:
    """Make two directories, in the manner of `compare_directories`."""
    scenario = load_scenario(ROOT / "data" / "demo_scenario.yaml")
    admin = scenario["clockify"]["users"][:1]
    scenario["clockify"] |= {
        "users": admin
        + [
            {"id": f"{n:024x}", "name": _here("Person", n), "email": f"p{n}@example.com"}
            for n in range(1, users + 1)
        ],
        "clients": [],
        "projects": [
            {"id": f"{n:024x}", "name": _here("Customer", n), "clientId": ""}
            for n in range(1, customers + 1)
        ],
        "tasks": [],
        "tags": [],
        "entries": [],
    }
    scenario["quickbooks"] |= {
        "employees": [
            {"Id": str(n), "DisplayName": _name("Person", n), "GivenName": "P"}
            for n in range(1, users + 1)
        ],
        "vendors": [],
        "customers": [
            {"Id": str(100_000 + n), "DisplayName": _name("Customer", n)}
            for n in range(1, customers + 1)
        ],
    }
    return scenario


def _name(word: str, number: int) -> str:
    """Spell a number in letters: a name of its own, which no other one is a letter from."""
    letters = "".join(chr(97 + int(digit)) * 2 for digit in f"{number:06d}")
    return f"{word} {letters}"


def _here(word: str, number: int) -> str:
    """Return the name in Clockify: the same, a letter off, or another one."""
    name = _name(word, number)
    return (name, name, f"{name}q", f"Other {name[::-1]}")[number % 4]


@contextmanager
def _house(scenario: dict[str, Any], folder: Path) -> Iterator[dict[str, str]]:
    clockify = ClockifyStandin(scenario, switches=ClockifySwitches(requests_per_second=None))
    lifted = Switches(batches_per_minute=None, requests_per_minute=None, requests_per_second=None)
    quickbooks = QuickBooksStandin(scenario, switches=lifted)
    with serving(clockify.app) as clockify_url, serving(quickbooks.app) as quickbooks_url:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        yield kept | {
            "CLOCKBOOKS_DATABASE_URL": f"sqlite:///{folder}/clockbooks.db",
            **settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url),
            "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "100000",
            "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100000",
        }
