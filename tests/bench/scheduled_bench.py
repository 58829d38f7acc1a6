"""What Prefect adds: to a scheduled run, beside an empty flow; and to a command, where it is seen.

A runner starts `python -m prefect.engine` for each run, which imports the flow and talks to the
server; measured is that process, from its start to its end. A command runs without Prefect where no
server is named; beside it stands what a flow of nothing costs there.
"""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from command_bench import WINDOW, connected, good_entries
from sync_bench import COMMAND, ROOT, _run

#: How often each is measured; the shortest counts.
TIMES = 3

#: How long a server may take to start.
PATIENCE_S = 300

_EMPTY = '''
from prefect import flow

@flow(name="empty")
def empty() -> None:
    """Do nothing."""
'''


def scheduled_run() -> Iterator[str]:
    """Measure both, and yield the table line by line."""
    parameters = {"start": WINDOW[1], "end": WINDOW[3], "dry_run": False}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty.py").write_text(_EMPTY)
        url = f"sqlite:///{folder}/clockbooks.db"
        with connected(good_entries(), folder, url) as at, _server(folder, at) as environment:
            _run(("send", *WINDOW, "--yes", "--json"), at, folder)
            scheduled = {
                "an empty flow": _shortest(environment, f"{folder}/empty.py:empty", {}),
                "`send-time`, all sent before": _shortest(
                    environment, f"{ROOT}/flows/send_time.py:send_time", parameters
                ),
            }
            send = [str(COMMAND), "send", *WINDOW, "--yes", "--json"]
            flow = [sys.executable, "-c", "from empty import empty; empty()"]
            typed = {
                "`clockbooks send`, no server named": _command(send, at, folder),
                "`clockbooks send`, seen in a server": _command(send, environment, folder),
                "an empty flow, no server named: Prefect starts its own": _command(
                    flow, at | {"PREFECT_HOME": str(folder / "own")}, folder
                ),
            }
    for title, took in (
        ("## A scheduled run with nothing to do, as Prefect's runner starts it", scheduled),
        ("## A command with nothing to do, and what Prefect would add", typed),
    ):
        first = next(iter(took.values()))
        yield from (title, "", "| run | shortest wall s | / the first |", "| --- | --- | --- |")
        for what, wall_s in took.items():
            yield f"| {what} | {wall_s:.2f} | {wall_s / first:.2f} |"
        if took is scheduled:
            yield ""


def _command(words: list[str], environment: dict[str, str], folder: Path) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        subprocess.run(words, env=environment, cwd=folder, check=True, capture_output=True)
        took.append(time.perf_counter() - begun)
    return min(took)


def _shortest(environment: dict[str, str], entrypoint: str, parameters: dict[str, Any]) -> float:
    took = []
    for _ in range(TIMES):
        api = environment["PREFECT_API_URL"]
        flow_id = _post(f"{api}/flows/", name="bench")["id"]
        pending = {"type": "PENDING", "name": "Pending"}
        run = _post(f"{api}/flow_runs/", flow_id=flow_id, parameters=parameters, state=pending)
        at = environment | {"PREFECT__FLOW_ENTRYPOINT": entrypoint}
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "prefect.engine", run["id"]],
            env=at, cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        took.append(time.perf_counter() - begun)
        ended = requests.get(f"{api}/flow_runs/{run['id']}", timeout=30).json()
        if ended["state"]["type"] != "COMPLETED":
            sys.exit(f"{entrypoint} ended as {ended['state']}")
    return min(took)


def _post(url: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(url, json=body, timeout=30)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


@contextmanager
def _server(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Run a Prefect server for a block, and yield the environment of its runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = environment | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, cwd=folder, **quiet) as server:  # type: ignore[call-overload]
        try:
            api = f"http://127.0.0.1:{port}/api"
            _until_healthy(api)
            yield environment | {"PREFECT_API_URL": api}
        finally:
            server.terminate()


def _until_healthy(api: str) -> None:
    pause, begun = threading.Event(), time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        try:
            if requests.get(f"{api}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pause.wait(0.5)
    sys.exit("the Prefect server did not start")
