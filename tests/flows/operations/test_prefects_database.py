"""Prefect's database stays small, however long `clockbooks ui` runs."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.standins.scenario import load_scenario

SEASON = Path(__file__).parents[2] / "support" / "prefect_season.py"

#: Runs are kept for 90 days; after 30 more, what goes is what comes.
DAYS = 120

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


@pytest.mark.slow
def test_a_season_of_hourly_runs_stays_small_and_the_next_run_comes_through(
    open_house: Any,
    shared_house: Any,
    tmp_path: Path,
    running_ui: Any,
    until: Any,
    demo_scenario: Path,
) -> None:
    """Four months of a run an hour and three a night stay below 200 MB; old runs leave nothing."""
    with open_house(load_scenario(demo_scenario), tmp_path) as house:
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, tmp_path / name)
        database = tmp_path / "prefect" / "prefect.db"
        with running_ui(house) as ui:
            _runs_through(ui, until, "settle/hourly")  # makes what is made once
            before = _copied(database, tmp_path / "before.db")
            _runs_through(ui, until, "settle/hourly")
            hourly = _copied(database, tmp_path / "hourly.db")
            _runs_through(ui, until, *NIGHTLY)
            assert ui.stop() == 0, ui.said

        done = subprocess.run(
            [sys.executable, str(SEASON), str(before), str(hourly), str(DAYS)],
            cwd=tmp_path,
            env=house._environment({}),  # noqa: SLF001 - as its commands have it
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        print(found)  # noqa: T201 - the figure is the proof
        assert found["peak_bytes"] < 200 * 10**6
        runs = found["rows"]["flow_run"]
        assert 89 * 27 <= runs <= 91 * 27
        with closing(sqlite3.connect(database)) as rows:
            for table in ("log", "artifact", "artifact_collection"):
                orphans = f"SELECT count(*) FROM {table} WHERE flow_run_id NOT IN (SELECT id FROM flow_run)"  # noqa: E501 - a table of Prefect's
                assert rows.execute(orphans).fetchone() == (0,), table

        with running_ui(house) as ui:
            _runs_through(ui, until, "settle/hourly")
