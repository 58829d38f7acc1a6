"""Prefect's database stays small, and its server's memory flat, while `clockbooks ui` runs."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from connectors.standins.scenario import load_scenario
from flows.context import utc_now

SEASON = Path(__file__).parents[2] / "support" / "prefect_season.py"

#: Runs are kept for 90 days; after 10 more, what goes is what comes.
DAYS = 100

#: Seconds that an hour of the schedule takes here: as long as a run may need on a busy machine.
HOUR_S = 30

#: Runs a day that the server is told of, of those that are only copied.
TOLD = 3

NIGHTLY = ("sync-directory/nightly", "send-time/nightly", "reconcile/nightly")


def _copied(database: Path, to: Path) -> Path:
    """Copy a database, with what is still in its log."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def _runs_through(ui: Any, until: Any, *names: str) -> None:
    """Let deployments run, until all that they leave is written down."""

    def is_written(run_id: str) -> bool:
        ends = ["prefect.flow-run.Completed", "prefect.flow-run.PartlyDone"]
        of_run = {"event": {"prefix": ends}, "resource": {"id": [f"prefect.flow-run.{run_id}"]}}
        logs = ui.ask("logs", logs={"flow_run_id": {"any_": [run_id]}})
        has_event = ui.call("POST", "events/filter", {"filter": of_run, "limit": 1})["events"]
        return bool(has_event) and any("Finished in state" in row["message"] for row in logs)

    for name in names:
        run_id = ui.start(name)
        assert ui.ended(run_id)["type"] == "COMPLETED", ui.said
        until(lambda run_id=run_id: is_written(run_id))


def _one_more_run(ui: Any, flow_id: str) -> None:
    """Let the server hear what it hears of a run that works: states, a line of log, an artifact."""
    state = {"type": "RUNNING", "name": "Running"}
    run_id = ui.call("POST", "flow_runs/", {"flow_id": flow_id, "state": state})["id"]
    line = {
        "name": "clockbooks",
        "level": 20,
        "message": "Nothing in doubt.",
        "flow_run_id": run_id,
    }
    ui.call("POST", "logs/", [line | {"timestamp": str(utc_now())}])
    ui.call("POST", "artifacts/", {"type": "markdown", "data": "Fine.", "flow_run_id": run_id})
    done = {"state": {"type": "COMPLETED", "name": "Completed"}}
    ui.call("POST", f"flow_runs/{run_id}/set_state", done)


def _resident_mb(process: Any) -> float:
    """Return how much memory a process has for itself, without its code."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    kb = dict(line.split(":", 1) for line in status.splitlines())
    return int(kb["RssAnon"].split()[0]) / 1000


def _season(ui: Any, season: Any, flow_id: str) -> tuple[list[float], dict[str, Any]]:
    """Let each day pass in turn; return the server's memory after each, and what came of it."""
    memory_mb = []
    for _ in range(DAYS):
        season.stdin.write("\n")
        season.stdin.flush()
        assert season.stdout.readline(), season.stderr.read()
        for _ in range(TOLD):
            _one_more_run(ui, flow_id)
        memory_mb.append(_resident_mb(ui.process))
    return memory_mb, json.loads(season.stdout.read())


def _scheduled(ui: Any, deployment_id: str, since: datetime) -> list[Any]:
    """Return the runs of a schedule that were to begin between some time and now, in order."""
    due = {"expected_start_time": {"after_": str(since), "before_": str(utc_now())}}
    runs = ui.ask(
        "flow_runs",
        deployments={"id": {"any_": [deployment_id]}},
        flow_runs=due,
        sort="EXPECTED_START_TIME_ASC",
    )
    return [run for run in runs if run["auto_scheduled"]]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_a_season_of_hourly_runs_stays_small_in_flat_memory_and_misses_no_run(
    open_house: Any,
    shared_house: Any,
    tmp_path: Path,
    running_ui: Any,
    until: Any,
    demo_scenario: Path,
) -> None:
    """A hundred days beside one `clockbooks ui` stay below 200 MB; old runs leave nothing.

    Real: the server, Prefect's vacuum, a run of each kind, and a schedule whose runs all begin and
    complete, with none left out between them. Simulated: the season, of which a day takes a second
    or two, and the schedule's hour, `HOUR_S`. What the season's runs leave in the database is
    copied from the real ones to each hour and night; the server is told of `TOLD` a day, which do
    no work. So its memory is held against a database that fills, not against all its requests.
    """
    with open_house(load_scenario(demo_scenario), tmp_path) as house:
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, tmp_path / name)
        database = tmp_path / "prefect" / "prefect.db"
        with running_ui(house) as ui:
            looks = []
            # The first makes what is made once.
            for number, names in enumerate((["settle/hourly"], ["settle/hourly"], NIGHTLY)):
                _runs_through(ui, until, *names)
                looks.append(str(_copied(database, tmp_path / f"{number}.db")))
            deployment = ui.deployment("settle/hourly")
            path = f"deployments/{deployment['id']}/schedules"
            since = utc_now()
            [schedule] = ui.call("POST", path, [{"active": True, "schedule": {"interval": HOUR_S}}])
            with subprocess.Popen(
                [sys.executable, str(SEASON), *looks, str(DAYS)],
                cwd=tmp_path,
                env=house._environment({}),  # noqa: SLF001 - as its commands have it
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as season:
                memory_mb, found = _season(ui, season, deployment["flow_id"])
            scheduled = _scheduled(ui, deployment["id"], since)
            for run in scheduled:
                assert ui.ended(run["id"])["type"] == "COMPLETED", ui.said
            ui.call("PATCH", f"{path}/{schedule['id']}", {"active": False})
            assert ui.stop() == 0, ui.said

        print(found, len(scheduled), memory_mb[::10])  # noqa: T201 - the figures are the proof
        assert found["peak_bytes"] < 200 * 10**6
        begins = [datetime.fromisoformat(run["expected_start_time"]) for run in scheduled]
        assert len(begins) > 1
        assert {(b - a).total_seconds() for a, b in pairwise(begins)} == {HOUR_S}
        third = DAYS // 3
        assert median(memory_mb[-third:]) < 1.05 * median(memory_mb[third : 2 * third])
        with closing(sqlite3.connect(database)) as rows:
            of_season = "SELECT count(*) FROM flow_run WHERE start_time < ?"
            [runs] = rows.execute(of_season, [str(since.replace(tzinfo=None))]).fetchone()
            assert 89 * 27 <= runs <= 91 * 27
            for table in ("log", "artifact", "artifact_collection"):
                orphans = f"SELECT count(*) FROM {table} WHERE flow_run_id NOT IN (SELECT id FROM flow_run)"  # noqa: E501 - a table of Prefect's
                assert rows.execute(orphans).fetchone() == (0,), table
