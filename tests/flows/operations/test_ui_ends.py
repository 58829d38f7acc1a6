"""How `clockbooks ui` ends, starts again, and says what is in its way."""

import os
import signal
import socket
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

#: All networks of a machine.
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the test is about

NIGHTLY = "settle/hourly"


@pytest.mark.slow
def test_a_second_start_finds_everything_as_it_was(synced, running_ui, until):
    """Whatever died is found, what was switched on is on, and what was missed runs once.

    First the machine dies in the middle of a run, and days go by. Then it is stopped in the middle
    of a run, as one does: that run is canceled, and no process is left behind.
    """
    with running_ui(synced) as ui:
        deployment = ui.deployment(NIGHTLY)
        _switch_on(ui, deployment)
        ui.call("PATCH", f"deployments/{deployment['id']}", {"parameters": {"connection": "none"}})
        paused = ui.deployment("sync-directory/nightly")["id"]
        ui.call("PATCH", f"deployments/{paused}", {"paused": True})
        until(lambda: len(_runs(ui, deployment, "SCHEDULED")) >= 3)
        dead = _start_one_that_hangs(ui, until)
        for process in _processes(synced):
            os.kill(process, signal.SIGKILL)
    missed = _let_days_go_by(synced.folder / "prefect" / "prefect.db", deployment["id"])
    assert missed >= 3

    with running_ui(synced) as ui:
        assert f"{missed - 1:,} scheduled runs were missed" in ui.said
        assert "1 runs crashed when this was last stopped" in ui.said
        assert ui.state(dead)["type"] == "CRASHED"
        assert "clockbooks settle" in ui.state(dead)["message"]
        again = ui.deployment(NIGHTLY)
        assert [plan["active"] for plan in again["schedules"]] == [True]
        assert again["parameters"] == {"connection": "none"}
        assert ui.deployment("sync-directory/nightly")["paused"]
        [made_up_for] = until(lambda: _runs(ui, deployment, "FAILED"))
        assert "No connection is called 'none'" in made_up_for["state"]["message"]
        assert len(_runs(ui, deployment, "CANCELLED")) == missed - 1

        running = _start_one_that_hangs(ui, until)
        assert ui.stop() == 0, ui.said
        assert "Stopped." in ui.said
        assert not _processes(synced)
    with sqlite3.connect(synced.folder / "prefect" / "prefect.db") as database:
        query = "SELECT state_type FROM flow_run WHERE id = ?"
        assert database.execute(query, [running]).fetchone() == ("CANCELLED",)


def test_what_is_in_the_way_of_a_start_is_told(synced):
    """A taken port, or an unusable address, ends the command with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = synced.run("ui", "--port", port)
        assert ran.code == 1
        assert f"Port {port} of 127.0.0.1 cannot be used" in ran.err
        assert "--port" in ran.err

    ran = synced.run("ui", CLOCKBOOKS_NOTIFY="json://127.0.0.1 nonsense-secret")
    assert ran.code == 1
    assert "CLOCKBOOKS_NOTIFY: address number 2" in ran.err
    assert "nonsense-secret" not in ran.err


@pytest.mark.slow
def test_others_need_the_password(synced, running_ui):
    """Where others can reach it, nobody gets in without the password, which its owner can read.

    So it is from the first start on. A second one beside it says where the first is.
    """
    with running_ui(synced, "--host", EVERYWHERE, "--server-only", first_start=True) as ui:
        kept = synced.folder / "prefect" / "password"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert str(kept) in ui.said
        assert requests.post(f"{ui.url}/flows/filter", json={}, timeout=10).status_code == 401
        ui.login = ("clockbooks", kept.read_text())
        assert ui.ask("flows") == []
        assert kept.read_text() not in ui.said

        ran = synced.run("ui", "--port", "4999")
        assert ran.code == 1
        assert "`clockbooks ui` is already running, at http://" in ran.err
        assert ui.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_an_old_prefect_says_that_a_newer_one_made_its_database(synced, running_ui):
    """If Prefect's database cannot be opened, a sentence says so, and Clockbooks' own is safe."""
    folder = synced.folder / "prefect"
    folder.mkdir()
    with sqlite3.connect(folder / "prefect.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('from_the_future')")

    with running_ui(synced) as ui:
        assert ui.process.wait(timeout=60) == 1
        assert "Prefect's server did not start" in ui.said
        assert "database is not affected" in ui.said


@pytest.mark.slow
def test_runs_that_nobody_starts_are_told(synced, running_ui, until, webhook):
    """A late run, and one whose worker died before it began, are reported, with what to do.

    The second is marked as crashed, so that it does not look as if somebody were at it.
    """
    told = {"CLOCKBOOKS_NOTIFY": webhook.url, "CLOCKBOOKS_LATE_AFTER_S": "10"}
    with running_ui(synced, "--server-only", **told) as ui:
        flow = ui.call("POST", "flows/", {"name": "nobody-starts-it"})["id"]
        due = {"scheduled_time": "2026-01-05T02:00:00Z"}
        late = {"type": "SCHEDULED", "name": "Scheduled", "state_details": due}
        ui.call("POST", "flow_runs/", {"flow_id": flow, "state": late})
        pending = {"flow_id": flow, "state": {"type": "PENDING", "name": "Pending"}}
        orphan = ui.call("POST", "flow_runs/", pending)["id"]

        text = until(lambda: webhook.told("nobody-starts-it is late"))
        assert "Is `clockbooks ui` or a worker running?" in text
        state = ui.ended(orphan, patience_s=600)
        assert state["type"] == "CRASHED"
        assert until(lambda: webhook.told("nobody-starts-it Crashed", "clockbooks settle"))


def _switch_on(ui: Any, deployment: Any) -> None:
    [plan] = deployment["schedules"]
    path = f"deployments/{deployment['id']}/schedules/{plan['id']}"
    ui.call("PATCH", path, {"active": True})


def _start_one_that_hangs(ui: Any, until: Any) -> str:
    """Start a send that Clockify keeps waiting, and wait until it does."""
    ui.house.clockify.faults.plan(".*", "hang", times=5)
    run_id: str = ui.start("send-time/by-hand", start="2026-09-22", end="2026-09-22")
    until(lambda: ui.state(run_id)["type"] == "RUNNING")
    return run_id


def _processes(house: Any) -> list[int]:
    """Return the processes that belong to a house: `clockbooks ui` and all that it started."""
    mark = f"CLOCKBOOKS_DATABASE_URL=sqlite:///{house.folder}/clockbooks.db".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def _let_days_go_by(prefect: Path, deployment_id: str) -> int:
    """Move the runs that are planned three days back, and return how many of them were missed."""
    with sqlite3.connect(prefect) as database:
        columns = ("expected_start_time", "next_scheduled_start_time")
        moved = ", ".join(
            f"{name} = strftime('%Y-%m-%d %H:%M:%f000', {name}, '-3 days')" for name in columns
        )
        mine = "deployment_id = ? AND state_type = 'SCHEDULED'"
        database.execute(f"UPDATE flow_run SET {moved} WHERE {mine}", [deployment_id])
        past = "expected_start_time < strftime('%Y-%m-%d %H:%M:%f000', 'now')"
        query = f"SELECT count(*) FROM flow_run WHERE {mine} AND {past}"
        return int(database.execute(query, [deployment_id]).fetchone()[0])


def _runs(ui: Any, deployment: Any, kind: str) -> list[Any]:
    chosen = {"id": {"any_": [deployment["id"]]}}
    states = {"state": {"type": {"any_": [kind]}}}
    found: list[Any] = ui.ask("flow_runs", deployments=chosen, flow_runs=states)
    return found
