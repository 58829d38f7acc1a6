"""What a scheduled run with nothing to do costs beside an empty flow, both as a runner starts them.

A runner starts `python -m prefect.engine` for each run, which imports the flow and talks to the
server; measured is that process, from its start to its end.
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
from sync_bench import ROOT, _run

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
    """Measure both, and give the table line by line."""
    parameters = {"start": WINDOW[1], "end": WINDOW[3], "dry_run": False}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty.py").write_text(_EMPTY)
        url = f"sqlite:///{folder}/clockbooks.db"
        with connected(good_entries(), folder, url) as at, _server(folder, at) as environment:
            _run(("send", *WINDOW, "--yes", "--json"), at, folder)
            took = {
                "an empty flow": _shortest(environment, f"{folder}/empty.py:empty", {}),
                "`send-time`, all sent before": _shortest(
                    environment, f"{ROOT}/flows/send_time.py:send_time", parameters
                ),
            }
    empty = next(iter(took.values()))
    yield "## A scheduled run with nothing to do, as Prefect's runner starts it"
    yield ""
    yield "| flow | shortest wall s | / the empty flow |"
    yield "| --- | --- | --- |"
    for what, wall_s in took.items():
        yield f"| {what} | {wall_s:.2f} | {wall_s / empty:.2f} |"


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
    """Run a Prefect server for a block, and give the environment of its runs."""
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
