"""Prefect's server, and its page as far as a review needs it: start a run, answer it, retry it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from processes import Process, Zygote
from requests.adapters import HTTPAdapter
from urllib3 import Retry

#: So long the server may take to start, in seconds.
START_S = 240

#: Prefect's database was busy, and did nothing: again.
_BUSY = Retry(
    10, connect=0, read=0, allowed_methods=None, status_forcelist=[503], backoff_factor=0.2
)


class Desk:
    """Where somebody looks at plans and decides."""

    def __init__(self, api: str, home: Path, zygote: Zygote) -> None:
        self.api, self.home, self.zygote = api, home, zygote
        self._deployment: str | None = None
        self._http = requests.Session()
        self._http.mount(api, HTTPAdapter(max_retries=_BUSY))

    def start(self, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> str:
        """Start a run as the form does, and return its id: a process does it next."""
        if self._deployment is None:
            process = self.process(environment, self.home, fork=False)
            process.ended.wait(START_S)
            self._deployment = process.out.strip()
        path = f"deployments/{self._deployment}/create_flow_run"
        return str(self._call("POST", path, {"parameters": dict(parameters)})["id"])

    def process(
        self, environment: Mapping[str, str], folder: Path, *run_id: str, fork: bool = True
    ) -> Process:
        """Do what a runner does with a run: a process, from the top."""
        environment = {**environment, "PREFECT_HOME": str(self.home)}
        return self.zygote.start(["review", self.api, *run_id], environment, folder, fork=fork)

    def state(self, run_id: str) -> str:
        """Return the type of a run's state: PAUSED where it waits for somebody."""
        return str(self._call("GET", f"flow_runs/{run_id}")["state"]["type"])

    def answer(self, run_id: str, **answer: Any) -> None:
        """Press Resume, and fill in the form."""
        self._call("POST", f"flow_runs/{run_id}/resume", {"run_input": answer})

    def become(self, run_id: str, *states: str) -> None:
        """Put a run into states, one after the other: as a crash, or somebody who cancels it."""
        for state in states:
            body = {"state": {"type": state}, "force": True}
            self._call("POST", f"flow_runs/{run_id}/set_state", body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.api}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def open_desk(home: Path, zygote: Zygote) -> Iterator[Desk]:
    """Run a Prefect server for a block."""
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start"]
    api = f"http://127.0.0.1:{port}/api"
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            until_s = time.monotonic() + START_S
            while process.poll() is None and time.monotonic() < until_s and not _answers(api):
                time.sleep(0.2)  # it does not tell when it is ready
            yield Desk(api, home, zygote)
        finally:
            process.terminate()


def _answers(api: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{api}/health", timeout=5).ok
    return False
