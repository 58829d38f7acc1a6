"""What the installed command costs before it does anything: start, and runs with nothing to do.

Times are of the wall, the shortest of several, because a database server's work is part of them;
every figure stands beside one of the same run.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from big_ledger import fill
from own_postgres import empty_postgres
from sync_bench import COMMAND, ROOT, Cost, _house, _run

from connectors.standins.scenario import expected_reasons, load_scenario

#: How often each is measured; the shortest counts.
TIMES = 3

#: Rows of the ledgers; the last only where it is asked for, because filling takes minutes.
LEDGERS = [10_000, 100_000, 1_000_000]
LARGEST = 10_000_000

WINDOW = ("--start", "2026-09-01", "--end", "2026-09-30")


def start_up() -> Iterator[str]:
    """Measure the start of the command beside Python's own, and yield the table line by line."""
    yield "## Start"
    yield ""
    yield "| command | shortest wall s | target |"
    yield "| --- | --- | --- |"
    for words, target in (
        ([sys.executable, "-c", "pass"], ""),
        ([str(COMMAND), "--version"], "< 0.3"),
        ([str(COMMAND), "--help"], "< 0.3"),
        ([sys.executable, "-c", "import prefect"], ""),
        ([sys.executable, "-c", "import pandas, pandera.pandas, sqlalchemy"], ""),
        ([sys.executable, "-c", "import flows.cli.dispatch"], ""),
        ([sys.executable, "-c", "import flows.send_time"], ""),
    ):
        shown = " ".join([Path(words[0]).name, *words[1:]])
        yield f"| `{shown}` | {_shortest(lambda words=words: _call(words)):.2f} | {target} |"


def nothing_to_do(*, largest: bool) -> Iterator[str]:
    """Measure a send that finds nothing new at growing ledgers, and yield the table line by line.

    Args:
        largest: Whether to fill ledgers of `LARGEST` rows too.
    """
    yield "## A send that finds nothing new, by rows of the ledger"
    yield ""
    yield "| database | rows | wall s | CPU s | wall / at 10,000 rows | target |"
    yield "| --- | --- | --- | --- | --- | --- |"
    sizes = [*LEDGERS, LARGEST] if largest else LEDGERS
    for name, database in (("SQLite", _sqlite), ("PostgreSQL", empty_postgres)):
        first = None
        with database() as url:
            for rows, cost, wall_s in _grown(url, sizes):
                first = first or wall_s
                ratio = f"{wall_s / first:.2f}"
                yield f"| {name} | {rows:,} | {wall_s:.2f} | {cost.cpu_s:.2f} | {ratio} | ≤ 1.3 |"
    yield ""
    yield "The command's whole run, with the stand-ins on loopback and no Prefect server."
    if not largest:
        yield f"{LARGEST:,} rows are measured by `python tests/bench --largest`; not in this run."


def _grown(url: str, sizes: list[int]) -> Iterator[tuple[int, Cost, float]]:
    """Yield what a send of nothing costs at each size; one database grows from size to size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with connected(good_entries(), folder, url) as environment:
            send = ("send", *WINDOW, "--yes", "--json")
            _run(send, environment, folder)
            engine = sa.create_engine(url)
            filled = 0
            for rows in sizes:
                fill(engine, 1, first=filled + 1, last=rows)
                filled = rows
                costs: list[Cost] = []
                wall_s = _shortest(lambda kept=costs: kept.append(_run(send, environment, folder)))
                yield rows, min(costs, key=lambda cost: cost.cpu_s), wall_s
            engine.dispose()


@contextmanager
def connected(scenario: dict[str, Any], folder: Path, url: str) -> Iterator[dict[str, str]]:
    """Connect and sync a scenario, and return the environment of its commands."""
    with _house(scenario, folder) as environment:
        environment |= {"CLOCKBOOKS_DATABASE_URL": url}
        books = scenario["quickbooks"]
        connect = ("connect", "--realm-id", books["realm_id"], "--refresh-token-file", "-")
        _run(connect, environment, folder, books["refresh_token"])
        _run(("sync",), environment, folder)
        yield environment


def good_entries() -> dict[str, Any]:
    """Return the demo's scenario with those entries alone that go."""
    path = ROOT / "data" / "demo_scenario.yaml"
    scenario = load_scenario(path)
    becomes = expected_reasons(path, approved_only=False)
    kept = [entry for entry in scenario["clockify"]["entries"] if becomes[entry["id"]] == "sent"]
    return scenario | {"clockify": scenario["clockify"] | {"entries": kept}}


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/clockbooks.db"


def _call(words: list[str]) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ), cwd=ROOT)


def _shortest(work: Callable[[], Any]) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)
