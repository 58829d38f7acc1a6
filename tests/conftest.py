"""What the tests share: both stand-ins over loopback, a database, and the installed command."""

import fcntl
import gc
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import known_statements
import pandas as pd
import published
import pytest
import requests
from forked_command import Forked
from hypothesis import settings
from kept_environment import kept_environment
from own_postgres import empty_postgres, running_postgres
from typer import testing
from xdist.scheduler import LoadScopeScheduling

from connectors import masking
from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import load_scenario, settings_for
from connectors.standins.server import serving
from connectors.store.claim_records import PlanContents
from flows.cli.main import app
from flows.context import utc_now
from schemas.contents import Contents

ROOT = Path(__file__).parent.parent
DEMO_SCENARIO = ROOT / "data" / "demo_scenario.yaml"

#: Vendors' samples stand beside the project, where they may; their licenses keep them out of it.
SHARED = ROOT.parent / "shared"

#: The service's limits, out of the way of tests that are not about them.
LIFTED = {"requests_per_second": None, "requests_per_minute": None, "batches_per_minute": None}

COMMAND = Path(sys.executable).parent / "clockbooks"

#: `make test` looks at a few examples of each rule, `make test-slow` at many. No deadline: a slow
#: machine is no failure.
settings.register_profile("suite", max_examples=12, deadline=None)
settings.register_profile("deep", max_examples=400, deadline=None)
settings.load_profile("suite")

# Typer makes all commands anew for each call in this process, which takes as long as some of them.
testing._get_command = cache(testing._get_command)  # noqa: SLF001


known_statements.share()


def _keep_files_in_memory(folder: Path, needed_bytes: int) -> None:
    """Let temporary files live in *folder*, if it has room: hundreds of databases wait for a disk.

    Commands that tests start find it in the environment, as the workers of xdist do.
    """
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return
    may_run = not os.statvfs(folder).f_flag & os.ST_NOEXEC  # PostgreSQL's programs are copied there
    if may_run and shutil.disk_usage(folder).free > needed_bytes:
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL for the whole run: the workers of xdist find it in the environment."""
    published.hold_all()
    _keep_files_in_memory(Path("/dev/shm"), 6 * 2**30)  # noqa: S108 - pytest makes a folder of its own
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        server = ExitStack()
        server.enter_context(running_postgres("fsync=off", "max_connections=300"))
        config.add_cleanup(server.close)


@cache
def _starts_a_server(module: str) -> bool:
    text = (ROOT / module).read_text()
    return "def ui(" in text or "def address(" in text


class _OneServer(LoadScopeScheduling):
    """Keeps the tests of a module that starts a server of Prefect's in one worker."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if _starts_a_server(module) else nodeid


@pytest.hookimpl(optionalhook=True)  # xdist may be switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Start each such server once; xdist 3.8's own groups do nothing with pytest 9.2."""
    return _OneServer(config, log)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all modules: walking them takes a tenth of the time."""
    gc.freeze()


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)


@dataclass
class House:
    """Both services on loopback, and the settings with which the command finds them."""

    clockify: ClockifyStandin
    quickbooks: QuickBooksStandin
    scenario: dict[str, Any]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    forked: int = 0

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the installed command as a user would, in an empty folder of its own."""
        done = subprocess.run(
            [str(COMMAND), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self.folder,
            env=self._environment(environment),
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def run_here(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the command in this process: starting Python takes most of a test's time."""
        with chdir(self.folder):
            done = testing.CliRunner().invoke(
                app,
                arguments,
                input=stdin,
                env=self._only_here(environment),
            )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    def start(
        self, *arguments: str, stdin: int = subprocess.DEVNULL, **environment: str
    ) -> subprocess.Popen[str]:
        """Start the installed command, and leave it to the caller to see it end."""
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(environment),
        )

    def fork(
        self,
        *arguments: str,
        talks: bool = False,
        terminal: int | None = None,
        **environment: str,
    ) -> Forked:
        """Start the command as `start` does, in a process that need not import it first.

        Whoever talks with it has its `stdin` and `stderr`; a terminal is all of its streams.
        """
        self.forked += 1
        log = f"forked-{self.forked}"
        given = self._environment(environment)
        return Forked(arguments, given, self.folder, log, talks=talks, terminal=terminal)

    def _only_here(self, more: dict[str, str]) -> dict[str, str | None]:
        """Return what to change in this process, whatever settings other tests left in it."""
        left = [name for name in os.environ if name.startswith("CLOCKBOOKS_")]
        return {"COLUMNS": None, **dict.fromkeys(left), **self.environment, **more}

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = kept_environment()
        return {**kept, **self.environment, **more}

    def connect(self, *arguments: str, **environment: str) -> Ran:
        """Connect with the stand-in's refresh token, given on standard input."""
        realm_id = self.scenario["quickbooks"]["realm_id"]
        options = ["--realm-id", realm_id, "--refresh-token-file", "-", *arguments]
        token = self.scenario["quickbooks"]["refresh_token"]
        return self.run("connect", *options, stdin=token, **environment)


class Relay:
    """An ASGI application that hands each request to another one, which may be exchanged."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand one request over."""
        await self.app(scope, receive, send)


@contextmanager
def house_builder() -> Iterator[Callable[..., House]]:
    """Serve two addresses, and give a way to put houses behind them, one after another.

    Starting servers is what takes time: proofs with hundreds of cases exchange what is served.
    """
    clockify_relay, quickbooks_relay = Relay(), Relay()
    with serving(clockify_relay) as clockify_url, serving(quickbooks_relay) as quickbooks_url:

        def build(
            scenario: dict[str, Any],
            folder: Path,
            *,
            now: Callable[[], datetime] = utc_now,
            **switches: Any,
        ) -> House:
            """Put a house there with *scenario*; limits are lifted unless *switches* set them."""
            clockify = ClockifyStandin(
                scenario, now=now, switches=ClockifySwitches(requests_per_second=None)
            )
            quickbooks = QuickBooksStandin(
                scenario, now=now, switches=Switches(**{**LIFTED, **switches})
            )
            clockify_relay.app, quickbooks_relay.app = clockify.app, quickbooks.app
            environment = {
                "CLOCKBOOKS_DATABASE_URL": f"sqlite:///{folder}/clockbooks.db",
                **settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url),
                "CLOCKBOOKS_CLOCKIFY_REQUESTS_PER_SECOND": "100000",
                "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "100000",
                "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "100000",
                "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100000",
            }
            return House(clockify, quickbooks, scenario, folder, environment)

        yield build


@contextmanager
def open_house(scenario: dict[str, Any], folder: Path, **options: Any) -> Iterator[House]:
    """Serve both stand-ins with *scenario* for a block; see `house_builder` for the options."""
    with house_builder() as build:
        yield build(scenario, folder, **options)


@pytest.fixture(autouse=True)
def _answers_as_published() -> Iterator[None]:
    """Hold every answer of a stand-in against what its vendor published."""
    yield
    broken, published.BROKEN[:] = published.BROKEN[:5], []
    assert not broken, "\n".join(broken)


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """Forget what passed as secret in this process: a command knows its own alone."""
    masking._known.clear()  # noqa: SLF001 - nobody but a test has reason to
    masking._any_known.clear()  # noqa: SLF001


@pytest.fixture(name="open_house", scope="session")
def open_house_fixture() -> Callable[..., Any]:
    """Return `open_house` to tests that need a scenario of their own."""
    return open_house


@pytest.fixture(scope="session")
def build_house() -> Iterator[Callable[..., House]]:
    """Put houses behind the same two addresses all session long; see `house_builder`."""
    with house_builder() as build:
        yield build


@cache
def _demo_scenario() -> bytes:
    return pickle.dumps(load_scenario(DEMO_SCENARIO))


@pytest.fixture
def house(build_house: Callable[..., House], tmp_path: Path) -> House:
    """Return both services with the demo's scenario, not connected yet."""
    return build_house(pickle.loads(_demo_scenario()), tmp_path)  # noqa: S301 - our own


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let houses run each command in this process.

    For tests of what a command does; how it is started, others prove.
    """
    monkeypatch.setattr(House, "run", House.run_here)


@pytest.fixture
def in_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let houses run each command in a process that need not import it; see `House.fork`.

    For tests of what a process writes; a command that reads standard input is none of them.
    """

    def run(house: House, *arguments: str, **environment: str) -> Ran:
        with house.fork(*arguments, **environment) as process:
            out, err = process.communicate(timeout=120)
            return Ran(process.wait(), out, err)

    monkeypatch.setattr(House, "run", run)


@pytest.fixture
def connected(house: House) -> House:
    """Return both services with the demo's scenario, connected and synced."""
    assert house.connect().code == 0
    assert house.run("sync").code == 0
    return house


@pytest.fixture(scope="session")
def postgres_database() -> Callable[..., Any]:
    """Return a function to have an empty PostgreSQL database for a block."""
    return empty_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_database: Callable[..., Any]
) -> Iterator[str]:
    """Yield the address of a database without any table, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/clockbooks.db"
    else:
        with postgres_database() as url:
            yield url


@pytest.fixture(scope="session")
def shared_samples() -> Callable[[str], Path]:
    """Return the path of a vendor's sample, or skip where the samples are not."""

    def find(name: str) -> Path:
        path = SHARED / "reference" / name
        if not path.exists():
            pytest.skip(f"the vendors' samples are not beside the project: {name}")
        return path

    return find


def _same(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    named = known[known["source"] == "file"].set_index("description")["entry_id"]
    return rows["description"].map(named)


@pytest.fixture(scope="session")
def about() -> Callable[..., PlanContents]:
    """Return a maker of what entries are about, from ids: `row of e1` of a file is about `e1`."""

    def make(*ids: str, source: str = "clockify", since: int = 0) -> PlanContents:
        rows = [
            {"entry_id": id_, "source": source, "description": id_.removeprefix("row of ")}
            for id_ in ids
        ]
        alike = {"user_id": "u1", "day": "2026-03-02", "duration_s": 3600, "slack_s": 0}
        names = list(Contents.to_schema().columns)
        frame = pd.DataFrame([row | alike for row in rows], columns=names, dtype=object)
        return PlanContents(
            Contents.validate(frame).set_index("entry_id", drop=False), since, _same
        )

    return make


#: So long a test waits for Prefect on a busy machine, in seconds.
PATIENCE_S = 240

#: Prefect as quick as it goes.
QUICK = {
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
}


def until(question: Callable[[], Any], *, patience_s: int = PATIENCE_S) -> Any:
    """Ask again and again, until there is an answer."""
    pause = threading.Event()
    for _ in range(patience_s * 5):
        answer = question()
        if answer:
            return answer
        pause.wait(0.2)
    pytest.fail(f"no answer within {patience_s} s")


@dataclass
class Ui:
    """A running `clockbooks ui`: its process, what it prints, and its API.

    Attributes:
        house: The house whose environment it has.
        process: The command's process.
        url: The API's address.
        log: Where both its outputs go.
        login: User and password; the browser's and the commands' own find them by themselves.
    """

    house: Any
    process: subprocess.Popen[bytes]
    url: str
    log: Path
    login: tuple[str, str] | None = None

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call Prefect's API."""

        def answered() -> Any:
            answer = requests.request(
                method, f"{self.url}/{path}", json=body, timeout=30, auth=self.login
            )
            return None if answer.status_code == 503 else answer  # its database is busy: again

        answer = until(lambda: [found] if (found := answered()) is not None else None)[0]
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def ask(self, what: str, **body: Any) -> Any:
        """Ask for rows of a kind."""
        return self.call("POST", f"{what}/filter", body)

    def deployment(self, name: str) -> Any:
        """Return the deployment `flow/name`."""
        return self.call("GET", f"deployments/name/{name}")

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run of a deployment, as the page's button does."""
        path = f"deployments/{self.deployment(name)['id']}/create_flow_run"
        return str(self.call("POST", path, {"parameters": parameters})["id"])

    def state(self, run_id: str) -> Any:
        """Return a run's state."""
        return self.call("GET", f"flow_runs/{run_id}")["state"]

    def ended(self, run_id: str, *, patience_s: int = PATIENCE_S) -> Any:
        """Wait until a run has ended, and return its state."""
        ends = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

        def final() -> Any:
            assert self.process.poll() is None, self.said
            state = self.state(run_id)
            return state if state["type"] in ends else None

        return until(final, patience_s=patience_s)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database as Prefect's server makes it: all its migrations take half of a start.

    The workers of xdist share one.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / "prefect.db"
    with (folder / "prefect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            environment = {**kept_environment(), "PREFECT_HOME": str(folder / "prefect")}
            subprocess.run(command, env=environment, capture_output=True, check=True)
            shutil.move(folder / "prefect" / "prefect.db", made)
    return made


@contextmanager
def _running_ui(
    prefect_database: Path,
    house: Any,
    *options: str,
    command: Sequence[str] = ("ui",),
    first_start: bool = False,
    **environment: str,
) -> Iterator[Ui]:
    home = house.folder / "prefect"
    if not (first_start or home.exists()):
        home.mkdir(mode=0o700)
        shutil.copy(prefect_database, home)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = kept_environment()
    log = house.folder / "ui.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [str(COMMAND), *command, "--port", str(port), *options],
            stdout=out,
            stderr=out,
            cwd=house.folder,
            env={**kept, **house.environment, **QUICK, **environment},
            start_new_session=True,
        ) as process,
    ):
        ui = Ui(house, process, f"http://127.0.0.1:{port}/api", log)
        try:
            told = "it logs in once"  # its last words, wherever its lines are broken
            until(lambda: told in " ".join(ui.said.split()) or process.poll() is not None)
            folders = house.folder, house.folder / "data"  # without a database file
            files = [folder / "prefect" / "password" for folder in folders]
            passwords = [file.read_text() for file in files if file.exists()]
            ui.login = ("clockbooks", passwords[0]) if passwords else None
            yield ui
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def running_ui(prefect_database: Path) -> Callable[..., Any]:
    """Return a function to have `clockbooks ui` run for a block, ready when the block begins."""
    return partial(_running_ui, prefect_database)


@pytest.fixture(scope="session")
def demo_scenario() -> Path:
    """Return the demo's scenario, to be loaded."""
    return DEMO_SCENARIO


@pytest.fixture(name="until", scope="session")
def until_fixture() -> Callable[..., Any]:
    """Return `until`."""
    return until
