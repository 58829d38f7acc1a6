"""Twenty companies on two workers that share PostgreSQL, one of which is killed in the middle."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from kept_environment import kept_environment

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import load_scenario, settings_for
from connectors.standins.server import serving
from schemas.tables import connections, ledger

ROOT = Path(__file__).parents[3]

COMPANIES = 20
WINDOW = {"start": "2026-09-21", "end": "2026-09-25"}

#: Dead runs are found soon, and QuickBooks is never at work for long.
SOON = {
    "CLOCKBOOKS_LEASE_S": "20",
    "CLOCKBOOKS_QBO_AT_WORK_S": "2",
    "CLOCKBOOKS_QBO_BATCH_SIZE": "5",
    "CLOCKBOOKS_QBO_CONCURRENCY": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
}


class Companies:
    """Two addresses behind which every company has its own stand-ins.

    Clockify knows a company by its key, QuickBooks by its realm; Intuit's tokens are asked for by
    whichever company is just being connected.
    """

    def __init__(self, make: Any, scenario: dict[str, Any], folder: Path) -> None:
        self.houses = {
            f"c{number:02d}": _house(make, scenario, folder, number) for number in range(COMPANIES)
        }
        self.connecting: Any = None

    def clockify(self, scope: Any) -> Any:
        """Return the Clockify that a request is for."""
        key = dict(scope["headers"]).get(b"x-api-key", b"").decode()
        return next(one.clockify for one in self.houses.values() if key in one.clockify.api_keys)

    def quickbooks(self, scope: Any) -> Any:
        """Return the QuickBooks that a request is for."""
        by_realm = {one.scenario["quickbooks"]["realm_id"]: one for one in self.houses.values()}
        parts = scope["path"].split("/")
        realm = parts[parts.index("company") + 1] if "company" in parts else None
        return by_realm.get(realm, self.connecting).quickbooks


class Door:
    """An ASGI application that hands each request to the stand-in that it is for."""

    def __init__(self, find: Callable[[Any], Any]) -> None:
        self.find = find

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand one request over."""
        await self.find(scope).app(scope, receive, send)


def _house(make: Any, scenario: dict[str, Any], folder: Path, number: int) -> Any:
    own = deepcopy(scenario)
    tracker, books = own["clockify"], own["quickbooks"]
    tracker["workspace"]["id"] = f"64aa{number:020d}"
    tracker["api_keys"] = {f"key-of-company-{number:02d}": next(iter(tracker["api_keys"].values()))}
    books["realm_id"] = f"91303{number:04d}"
    books["refresh_token"] = f"RT1-company-{number:02d}-{'x' * 20}"
    lifted = Switches(batches_per_minute=None, requests_per_minute=None, requests_per_second=None)
    clockify = ClockifyStandin(own, switches=ClockifySwitches(requests_per_second=None))
    return make(clockify, QuickBooksStandin(own, switches=lifted), own, folder)


@contextmanager
def _worker(home: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run one worker, with a home of its own as on a machine of its own."""
    home.mkdir()
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "clockbooks"]
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "--limit", "3"], stdout=log, stderr=log, start_new_session=True, cwd=home,
            env={**environment, "PREFECT_HOME": str(home)},
        ) as process,
    ):  # fmt: skip
        try:
            yield process
        finally:
            _kill_all(home)


def _kill_all(home: Path) -> int:
    """Kill the machine whose home this is: worker and runs; return how many processes it had."""
    killed = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if f"PREFECT_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
                killed += 1
    return killed


def _prefect(environment: dict[str, str], *arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def companies(shared_house: Any, tmp_path: Path, postgres_database: Any) -> Iterator[Any]:
    """Yield twenty connected companies, on a PostgreSQL of their own."""
    scenario = load_scenario(ROOT / "data" / "demo_scenario.yaml")
    built = Companies(type(shared_house), scenario, tmp_path)
    with (
        postgres_database() as url,
        serving(Door(built.clockify)) as clockify_url,
        serving(Door(built.quickbooks)) as quickbooks_url,
    ):
        for name, house in built.houses.items():
            house.environment = {
                **{key: value for key, value in shared_house.environment.items() if "QBO" in key},
                **settings_for(
                    house.scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url
                ),
                "CLOCKBOOKS_DATABASE_URL": url,
                "CLOCKBOOKS_SECRET_KEY": "one-key-for-all-machines",
                **SOON,
            }
            built.connecting = house
            joined = house.connect("--connection", name)
            assert joined.code == 0, joined.err
            ran = house.run("sync", "--connection", name)
            assert ran.code == 0, ran.err
        yield built


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_all_companies_end_right_when_a_worker_is_killed(
    companies, tmp_path, running_ui, until, postgres_database, becomes, booked, reckon
):
    """One run a company on whichever worker is free; what a dead worker held, the other takes over.

    In the end each company's books hold each entry once, the ledger says the same, and the parent
    names every company.
    """
    house = next(iter(companies.houses.values()))
    with postgres_database() as prefect_url, ExitStack() as machines:
        server = house.environment | {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": prefect_url.replace("psycopg", "asyncpg")
        }
        del server["CLOCKBOOKS_CLOCKIFY_API_KEY"]
        house.environment = server
        ui = machines.enter_context(running_ui(house, "--server-only"))
        kept = kept_environment()
        environment = kept | server | {"PREFECT_API_URL": ui.url, "DO_NOT_TRACK": "1"}
        environment["PREFECT_API_AUTH_STRING"] = ":".join(ui.login)
        own = environment | {"PREFECT_HOME": str(tmp_path / "operator")}
        _prefect(own, "work-pool", "create", "clockbooks", "--type", "process")
        _prefect(own, "--no-prompt", "deploy", "--all")

        machines.enter_context(_worker(tmp_path / "first", environment))
        wanted = {"approved_only": False, "sync": False, "dry_run": False, "last_days": None}
        parent = ui.start("send-all/nightly", **WINDOW, **wanted)
        until(lambda: ui.state(parent)["type"] == "RUNNING")
        machines.enter_context(_worker(tmp_path / "second", environment))
        until(lambda: "Task run 'Check Clockify" in (tmp_path / "second" / "log").read_text())
        assert _kill_all(tmp_path / "second") > 1
        state = ui.ended(parent, patience_s=1200)
        rows = ui.ask("flow_runs", flows={"name": {"any_": ["send-time"]}})

    kinds = Counter(row["state"]["name"] for row in rows)
    assert state["name"] in {"Completed", "PartlyDone"}, state
    assert kinds["Crashed"] >= 1, kinds
    assert len(rows) == COMPANIES + kinds["Crashed"]
    assert "Failed" not in kinds
    for name, one in companies.houses.items():
        going = [
            entry
            for id_, entry in one.clockify.entries.items()
            if becomes[id_] == "sent" and _is_inside(entry)
        ]
        assert booked(one) == Counter(reckon(one, entry) for entry in going), name
        assert _ledger(server["CLOCKBOOKS_DATABASE_URL"], name) == set(one.quickbooks.activities)


def _is_inside(entry: dict[str, Any]) -> bool:
    start = datetime.fromisoformat(entry["start"]).astimezone(ZoneInfo("America/Chicago"))
    return WINDOW["start"] <= start.date().isoformat() <= WINDOW["end"]


def _ledger(url: str, name: str) -> set[str]:
    """Return the TimeActivities that a connection's ledger calls sent."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    query = (
        sa.select(ledger.c.time_activity_id, ledger.c.state)
        .join(connections)
        .where(connections.c.name == name)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    assert {row.state for row in rows} == {"sent"}
    return {row.time_activity_id for row in rows}
