"""The flows on a real Prefect server: runs are recorded, and schedules really start them.

A server and a runner that import well may still never schedule a run, when their libraries do not
fit together: so the proof is a run that a schedule made, and that came through.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]

#: Serves a flow of ours as a person would, every few seconds.
SERVE = """
from datetime import timedelta
from flows.sync_directory import sync_directory
sync_directory.serve(name="guard", interval=timedelta(seconds=3), pause_on_shutdown=False)
"""

PATIENCE_S = 240


@dataclass
class Server:
    """A Prefect server of this module's own."""

    url: str
    environment: dict[str, str]

    def ask(self, what: str, **body: Any) -> Any:
        """Ask its API for what it holds."""
        answer = requests.post(f"{self.url}/{what}/filter", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with all that it starts, and end all of it afterwards."""
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _until(question: Any) -> Any:
    """Ask again and again, until there is an answer."""
    pause = threading.Event()
    for _ in range(PATIENCE_S * 5):
        answer = question()
        if answer:
            return answer
        pause.wait(0.2)
    pytest.fail(f"no answer within {PATIENCE_S} s")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a Prefect server on a free port, with a home of its own."""
    folder = tmp_path_factory.mktemp("prefect")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_PORT": str(port),  # --port would leave the pages asking port 4200
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "DO_NOT_TRACK": "1",
    }
    found = Server(environment["PREFECT_API_URL"], environment)

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail((folder / "log").read_text()[-2000:])
        try:
            return requests.get(f"{found.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "prefect", "server", "start"]
        options = {"stdout": log, "stderr": log, "cwd": folder, "env": {**kept, **environment}}
        with _process(command, **options) as process:
            _until(answers)
            yield found


def test_a_send_is_recorded_as_a_flow_run_without_any_secret(showroom, server):
    """Where a server is named, the command is a run there: its steps are tasks, its document whole.

    Neither its parameters nor anything else that the server shows holds a key or a token.
    """
    ran = showroom.run(
        "send", "--start", "2026-09-22", "--end", "2026-09-22", "--user", "Kofi Mensah",
        "--dry-run", "--json", **server.environment,
    )  # fmt: skip

    assert ran.code in {0, 3}, ran.err
    assert ran.document["dry_run"]
    assert ran.document["counts"]["ready"] > 0
    [flow] = server.ask("flows", flows={"name": {"any_": ["send-time"]}})
    [run] = server.ask("flow_runs", flows={"id": {"any_": [flow["id"]]}})
    assert run["state"]["type"] == "COMPLETED"
    assert run["parameters"]["users"] == ["Kofi Mensah"]
    assert run["parameters"]["dry_run"] is True

    def tasks() -> Any:
        rows = server.ask("task_runs", flow_runs={"id": {"any_": [run["id"]]}})
        return [row for row in rows if row["state"]["type"] == "COMPLETED"][1:] and rows

    names = {row["name"].rpartition("-")[0] for row in _until(tasks)}  # recorded a little later
    assert names == {"look-around", "look-up-partners", "extract"}
    shown = [run, server.ask("task_runs"), server.ask("logs"), ran.err]
    quickbooks = showroom.world["quickbooks"]
    for secret in (
        showroom.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        quickbooks["client_secret"],
        quickbooks["refresh_token"],
        (showroom.folder / "clockbooks.key").read_text(),
    ):
        assert secret not in str(shown)


def test_a_schedule_starts_runs_that_come_through(synced, server):
    """Guard: a served flow of ours gets a run by its schedule, and that run completes."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept, **synced.environment, **server.environment}
    log_path = synced.folder / "log"
    with log_path.open("wb") as log:
        options = {"stdout": log, "stderr": log, "cwd": ROOT, "env": environment}
        with _process([sys.executable, "-c", SERVE], **options) as process:

            def completed() -> Any:
                assert process.poll() is None, log_path.read_text()
                runs = server.ask("flow_runs", deployments={"name": {"any_": ["guard"]}})
                broken = [run for run in runs if run["state"]["type"] in {"FAILED", "CRASHED"}]
                assert not broken, log_path.read_text()
                return [
                    run
                    for run in runs
                    if run["auto_scheduled"] and run["state"]["type"] == "COMPLETED"
                ]

            [run, *_] = _until(completed)

    assert run["created_by"]["type"] == "SCHEDULE"
