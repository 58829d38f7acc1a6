"""What the proofs of "exactly once" share: a small scenario, a bomb, a clock, and a laboratory.

The laboratory runs the real code against the stand-ins in this process. A bomb lets a "process" die
at a chosen point: from then on nothing of it reaches the database or the network, not even its
clean-up. The office has no bomb: there the installed command runs, and is really killed.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
import sqlalchemy as sa
from crash_points import CHANGED, COMMITTED
from forked_command import Forked

from connectors.errors import ClockbooksError
from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.scenario import settings_for
from connectors.standins.server import serving
from connectors.store.pace import SharedPaceStore
from flows.audit.verify import verified
from flows.connections.connect import Pasted, connect
from flows.context import Clock, RunContext, open_context
from flows.directory.sync import sync
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send
from flows.sending.settle_doubts import settle_alone
from schemas.tables import ledger
from transforms.identity.match_books import content_of, content_of_body

USER = "64d0000000000000000000a1"
NEIGHBOR = "64aa000000000000000000b2"
PROJECT = "64b0000000000000000000b1"
WORKSPACE = "64aa000000000000000000a1"


def _entry(number: int, day: int, minutes: int, description: str) -> dict[str, Any]:
    start = f"2026-03-{day:02d}T09:{number:02d}:00Z"
    hours, rest = divmod(number + minutes, 60)
    return {
        "id": f"64ee{number:020d}",
        "userId": USER,
        "projectId": PROJECT,
        "taskId": None,
        "tagIds": [],
        "description": description,
        "start": start,
        "end": f"2026-03-{day:02d}T{9 + hours:02d}:{rest:02d}:00Z",
        "billable": True,
        "type": "REGULAR",
        "rate": 7550,
        "currency": "USD",
        "approved": True,
    }


@pytest.fixture
def small_scenario() -> dict[str, Any]:
    """Return one person, one customer and six entries on five days, two of them twins."""
    return {
        "clockify": {
            "api_keys": {"small-key": USER},
            "workspace": {
                "id": WORKSPACE,
                "name": "Small",
                "features": ["QUICKBOOKS_INTEGRATION"],
                "featureSubscriptionType": "PRO_2021",
                "currencies": [{"id": "1" * 24, "code": "USD", "isDefault": True}],
                "workspaceSettings": {"timeRoundingInReports": False},
            },
            "users": [
                {
                    "id": USER,
                    "name": "Ada Small",
                    "email": "ada@small.example",
                    "status": "ACTIVE",
                    "settings": {"timeZone": "UTC"},
                    "membershipStatus": "ACTIVE",
                    "roles": ["OWNER"],
                }
            ],
            "clients": [],
            "projects": [
                {
                    "id": PROJECT,
                    "name": "Garden",
                    "clientId": "",
                    "billable": True,
                    "archived": False,
                }
            ],
            "tasks": [],
            "tags": [],
            "entries": [
                _entry(1, 2, 30, "Digging"),
                _entry(2, 3, 45, "Twin"),
                _entry(3, 3, 45, "Twin"),
                _entry(4, 4, 60, "Planting"),
                _entry(5, 5, 75, "Watering"),
                _entry(6, 6, 90, ""),
            ],
        },
        "quickbooks": {
            "realm_id": "123",
            "client_id": "small-client",
            "client_secret": "small-secret-of-the-app",
            "refresh_token": "small-refresh-token-0001",
            "company": {
                "CompanyName": "Small",
                "Country": "US",
                "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
            },
            "preferences": {
                "AccountingInfoPrefs": {},
                "TimeTrackingPrefs": {"UseServices": True},
                "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
                "OtherPrefs": {"NameValue": []},
            },
            "customers": [{"Id": "21", "DisplayName": "Garden"}],
            "employees": [
                {"Id": "55", "DisplayName": "Ada Small", "GivenName": "Ada", "FamilyName": "Small"}
            ],
            "vendors": [],
            "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
        },
    }


WINDOW = SendRequest(date(2026, 3, 2), date(2026, 3, 6))

#: Batches of two, so that six entries make a first, a middle and a last one.
SETTINGS = {
    "CLOCKBOOKS_QBO_BATCH_SIZE": "2",
    "CLOCKBOOKS_QBO_CONCURRENCY": "1",
    "CLOCKBOOKS_QBO_TIMEOUT_S": "5",
    "CLOCKBOOKS_TIMEZONE": "UTC",
}


class CrashedError(BaseException):
    """The process is gone: not an `Exception`, so that no code of ours takes it for trouble."""


class Bomb:
    """Counts the points at which a process may die, and lets it die at one of them.

    Points lie before and after each commit, each request and each answer. Commits of the pace have
    none: they lie beside others, change nothing of what is sent, and would double the cases.

    Attributes:
        at: The point at which it dies; `None` for never.
        points: The points passed so far.
        visit: Called at each point with its name: something else that happens just then.
    """

    def __init__(self) -> None:
        self.at: int | None = None
        self.points: list[str] = []
        self.pacing = threading.local()
        self.visit: Callable[[str], None] | None = None

    def reset(self, at: int | None = None) -> None:
        """Begin a new process, which dies at point *at*, or not at all."""
        self.at = at
        self.points = []

    def point(self, name: str) -> None:
        """Pass a point, or die; who is dead stays dead."""
        if self.at is not None and len(self.points) >= self.at:
            raise CrashedError(name)
        if getattr(self.pacing, "now", False):
            return
        self.points.append(name)
        if self.visit is not None:
            self.visit(name)


def _reads(request: Any) -> bool:
    return request.method == "GET" or "/reports/" in request.path_url


class SimulatedClock:
    """A clock that moves only when somebody sleeps, or a test lets time pass."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 9, 8, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time of day, and let it move a little, as it does."""
        self.sleep(0.001)
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Set this machine's time of day, forwards or back."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Lab:
    """Runs jobs against a small pair of services, and looks into the books afterwards.

    Attributes:
        scenario: What the services are loaded with.
        build: Puts a house behind the addresses; see the suite's `build_house`.
        folder: Where the databases go.
        bomb: Lets a process die.
        ours: The clock of the machine that Clockbooks runs on.
        theirs: QuickBooks' own clock.
        known: What earlier cases of the session found out, and later ones need not.
        connection: Whose jobs these are; `None` for the only one.
        environment: What its settings say besides.
    """

    scenario: dict[str, Any]
    build: Callable[..., Any]
    folder: Path
    bomb: Bomb
    ours: SimulatedClock = field(default_factory=SimulatedClock)
    theirs: SimulatedClock = field(default_factory=SimulatedClock)
    known: dict[Any, Any] = field(default_factory=dict)
    opened: int = 0
    connection: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def set_clocks(self) -> None:
        """Let both machines begin at the same time again."""
        self.ours, self.theirs = SimulatedClock(), SimulatedClock()

    @contextmanager
    def open(self, database_url: str | None = None, **switches: Any) -> Iterator[Any]:
        """Open both services anew, connected and synced, for one case; on SQLite by default.

        Whatever happened in it, history and ledger say the same afterwards.
        """
        self.opened += 1
        folder = self.folder / str(self.opened)
        folder.mkdir()
        house = self.build(self.scenario, folder, now=self.theirs.now, **switches)
        if database_url is not None:
            house.environment["CLOCKBOOKS_DATABASE_URL"] = database_url
        before = dict(os.environ)
        os.environ.update(house.environment | SETTINGS)
        self.bomb.reset()
        try:
            self._connect(house)
            yield house
            self.bomb.reset()
            check_history()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _connect(self, house: Any) -> None:
        """Connect and sync, or take over what an earlier case of the same directory came to."""
        directory = json.dumps(
            self.scenario | {"clockify": self.scenario["clockify"] | {"entries": 0}}
        )
        on_sqlite = house.environment["CLOCKBOOKS_DATABASE_URL"].startswith("sqlite")
        if directory not in self.known or not on_sqlite:
            realm, token = (
                self.scenario["quickbooks"][name] for name in ("realm_id", "refresh_token")
            )
            connect(None, consent=Pasted(realm, token), allow_payroll=None)
            self.run(sync)
            files = {one.name: one.read_bytes() for one in house.folder.glob("clockbooks.*")}
            if on_sqlite:
                self.known[directory] = files, deepcopy(house.quickbooks.oauth._consents)  # noqa: SLF001
        else:
            files, consents = self.known[directory]
            for name, content in files.items():
                (house.folder / name).touch(mode=0o600)  # as the product leaves them
                (house.folder / name).write_bytes(content)
            house.quickbooks.oauth._consents = deepcopy(consents)  # noqa: SLF001

    @contextmanager
    def open_neighbor(self, house: Any) -> Iterator["Lab"]:
        """Connect another workspace, with entries of the same ids, to the same company."""
        scenario = deepcopy(self.scenario)
        scenario["clockify"]["workspace"]["id"] = NEIGHBOR
        scenario["clockify"]["api_keys"] = {"neighbor-key": USER}
        unthrottled = ClockifySwitches(requests_per_second=None)
        clockify = ClockifyStandin(scenario, now=self.theirs.now, switches=unthrottled)
        with serving(clockify.app) as url:
            own = house.environment["CLOCKBOOKS_QBO_URL"]
            settings = settings_for(scenario, clockify_url=url, quickbooks_url=own)
            home = {"CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": WORKSPACE}
            neighbor = replace(
                self,
                connection="neighbor",
                environment=settings
                | {
                    "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": NEIGHBOR,
                    "CLOCKBOOKS_CLOCKIFY_REQUESTS_PER_SECOND": "100000",
                },
            )
            with neighbor.acting():
                connect(
                    "neighbor",
                    consent=Pasted(
                        scenario["quickbooks"]["realm_id"], scenario["quickbooks"]["refresh_token"]
                    ),
                    allow_payroll=None,
                )
            assert neighbor.run(sync)
            self.connection, self.environment = "main", house.environment | home
            yield neighbor
            self.connection, self.environment = None, {}

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Let the environment be that of this connection for a block."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def run(self, job: Callable[[RunContext], Any]) -> bool:
        """Run a job in a process of its own, and return whether it came through."""
        clock = Clock(now=self.ours.now, sleep=self.pass_time)
        try:
            with self.acting(), open_context(self.connection, clock=clock) as context:
                job(context)
        except (CrashedError, ClockbooksError):
            return False
        return True

    def send(self, **options: Any) -> bool:
        """Send the week."""
        request = replace(WINDOW, **options)
        with closing(Report()) as report:
            return self.run(lambda context: send(context, request, report))

    def settle(self) -> bool:
        """Settle what is in doubt."""
        return self.run(settle_alone)

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both machines."""
        self.ours.sleep(seconds)
        self.theirs.sleep(seconds)

    def recover(self, house: Any) -> None:
        """Let leases pass and both services come to rest; then settle, and send."""
        self.bomb.reset()
        house.quickbooks.faults.clear()
        house.clockify.faults.clear()
        self.pass_time(600)
        assert self.settle()
        assert self.send()

    def plan(self) -> Counter[Any]:
        """Return the contents that an undisturbed send books, twins counted."""
        return self._undisturbed()[0]

    def points(self) -> list[str]:
        """Name the points that an undisturbed send passes."""
        return self._undisturbed()[1]

    def _undisturbed(self) -> tuple[Counter[Any], list[str]]:
        """Send once without trouble, in this session, for all cases of this scenario."""
        key = "undisturbed", json.dumps(self.scenario)
        if key not in self.known:
            with self.open() as house:
                self.bomb.reset()
                assert self.send()
                self.known[key] = self.books(house), list(self.bomb.points)
        return deepcopy(self.known[key])

    def books(self, house: Any) -> Counter[Any]:
        """Return the contents in QuickBooks' own books, twins counted."""
        return Counter(content_of(found) for found in house.quickbooks.activities.values())

    def ledger(self, house: Any) -> list[Any]:
        """Return the rows of the ledger."""
        engine = sa.create_engine(house.environment["CLOCKBOOKS_DATABASE_URL"])
        with engine.connect() as connection:
            rows = list(connection.execute(sa.select(ledger)))
        engine.dispose()
        return rows

    def check_each_once(self, house: Any) -> None:
        """Hold the ledger against the books: all is settled, and both say the same."""
        rows = self.ledger(house)
        assert {row.state for row in rows} <= {"sent"}
        assert {row.time_activity_id for row in rows} == set(house.quickbooks.activities)
        for row in rows:
            booked = house.quickbooks.activities[row.time_activity_id]
            assert content_of_body(row.body) == content_of(booked)


def check_history() -> None:
    """Hold the chain of the history against tampering, and the ledger against the history."""
    found = verified(None)
    assert found["is_valid"], [one["broken"] or one["problems"] for one in found["connections"]]


@pytest.fixture
def bomb(monkeypatch: pytest.MonkeyPatch) -> Bomb:
    """Put the points into the two things that outlive a process: the database and the network."""
    bomb = Bomb()
    dialect = sa.engine.default.DefaultDialect  # of both databases
    commit = dialect.do_commit
    call = requests.adapters.HTTPAdapter.send
    change = SharedPaceStore.change

    def committing(self: Any, connection: Any) -> None:
        bomb.point("before a commit")
        commit(self, connection)
        bomb.point(COMMITTED)

    def calling(self: Any, request: Any, **options: Any) -> Any:
        bomb.point(f"before a request: {request.method} {request.path_url.partition('?')[0]}")
        answer = call(self, request, **options)
        try:
            bomb.point("after an answer" if _reads(request) else CHANGED)
        except CrashedError:
            answer.close()  # the system closes a dead process's connections
            raise
        return answer

    def pacing(store: SharedPaceStore, work: Any) -> Any:
        bomb.pacing.now = True
        try:
            return change(store, work)
        finally:
            bomb.pacing.now = False

    monkeypatch.setattr(SharedPaceStore, "change", pacing)
    monkeypatch.setattr(dialect, "do_commit", committing)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", calling)
    return bomb


@pytest.fixture(scope="session")
def known() -> dict[Any, Any]:
    """Keep what one laboratory found out, for all of this process."""
    return {}


@pytest.fixture
def lab(
    small_scenario: dict[str, Any],
    build_house: Callable[..., Any],
    tmp_path: Path,
    bomb: Bomb,
    known: dict[Any, Any],
) -> Lab:
    """Return the laboratory."""
    return Lab(small_scenario, build_house, tmp_path, bomb, known=known)


# --- real processes ------------------------------------------------------------------------------

FORTNIGHT = ("--start", "2026-03-02", "--end", "2026-03-13")

#: Small batches, several in flight, so that there is much to be killed in the middle of.
SMALL_BATCHES = {
    "CLOCKBOOKS_QBO_BATCH_SIZE": "5",
    "CLOCKBOOKS_QBO_CONCURRENCY": "3",
    "CLOCKBOOKS_TIMEZONE": "UTC",
}

#: Work on one item: a batch of five takes a twentieth of a second, unless its caller is killed.
LATENCY_S = 0.01


def many_entries(number: int = 120) -> list[dict[str, Any]]:
    """Return entries of which every fourth is a twin, and every twelfth a triplet."""
    entries = []
    for nth in range(number):
        like = nth - nth % 12 if nth % 12 in {4, 8} else nth - 1 if nth % 4 == 3 else nth
        entry = _entry(like % 12, 2 + like % 11, 15 + like % 90, f"Row {like}")
        entries.append(entry | {"id": f"64ee{nth:020d}"})
    return entries


def as_booked(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return how the books must hold a regular entry, computed without our own code."""
    start, end = (datetime.fromisoformat(entry[name]) for name in ("start", "end"))
    minutes = (end - start) // timedelta(minutes=1)
    return "55", "21", str(start.date()), minutes, "Billable", Decimal("75.5"), entry["description"]


def booked(activity: dict[str, Any]) -> tuple[Any, ...]:
    """Return the same for a TimeActivity in the books."""
    return (
        activity["EmployeeRef"]["value"],
        activity["CustomerRef"]["value"],
        activity["TxnDate"],
        activity["Hours"] * 60 + activity["Minutes"],
        activity["BillableStatus"],
        activity["HourlyRate"],
        activity["Description"],
    )


@dataclass
class Office:
    """Both services with a fortnight of time, and the installed command at work on it.

    Attributes:
        house: Both services, connected and synced.
        wanted: How each entry must stand in the books in the end, by its id.
        started: Every process that was started here.
    """

    house: Any
    wanted: dict[str, tuple[Any, ...]]
    started: list[Forked] = field(default_factory=list)

    @property
    def quickbooks(self) -> Any:
        """The stand-in of QuickBooks."""
        return self.house.quickbooks

    def start(self, command: str = "send", *options: str, **environment: str) -> Forked:
        """Start `clockbooks send` for the fortnight, or `clockbooks settle`."""
        arguments = self._arguments(command, *options)
        self.started.append(self.house.fork(*arguments, **environment))
        return self.started[-1]

    def run(self, command: str = "send", *options: str) -> Any:
        """Run the same in this process, where nobody kills it and nothing runs beside it."""
        return self.house.run(*self._arguments(command, *options))

    def _arguments(self, command: str, *options: str) -> tuple[str, ...]:
        return command, *((*FORTNIGHT, "--yes") if command == "send" else ()), *options

    def close(self) -> None:
        """Leave no process behind, when a test fails."""
        for process in self.started:
            with process:  # waits
                process.kill()

    def watch(self, process: Forked, true: Callable[[], bool]) -> bool:
        """Wait until something is true, and say so; or until the process has ended before."""
        end_s = time.monotonic() + 60
        while process.poll() is None:
            if true():
                return True
            assert time.monotonic() < end_s, "nothing happens any more"
            time.sleep(0.0005)  # between two looks
        return False

    def end(self, process: Forked) -> tuple[int, str]:
        """Wait until a process has ended by itself, and return its exit code and its output."""
        out, words = process.communicate(timeout=120)
        assert process.returncode in {0, 1, 3}, words
        for trouble in ("Traceback", "deadlock", "database is locked", "sqlalche.me"):
            assert trouble not in out + words, words
        return process.returncode, out if process.returncode != 1 else words

    def come_to_rest(self) -> None:
        """Let nothing fail any more; then settle, and send, until nothing is in doubt."""
        self.quickbooks.faults.clear()
        for _ in range(8):
            for command in ("settle", "send"):
                ran = self.run(command)
                assert ran.code in {0, 3}, ran.err
                assert "rejected" not in ran.out, ran.out
            if ran.code == 0:
                return
        raise AssertionError(f"it never came to rest: {ran.out}")

    def check_each_once(self) -> None:
        """Hold the books and the ledger against the entries: each there, once, as it should be."""
        activities = self.quickbooks.activities
        assert Counter(map(booked, activities.values())) == Counter(self.wanted.values())
        rows = self.ledger()
        assert {row.state for row in rows} == {"sent"}
        assert {row.entry_id for row in rows} == set(self.wanted)
        assert Counter(row.time_activity_id for row in rows) == Counter(list(activities))
        for row in rows:
            assert booked(activities[row.time_activity_id]) == self.wanted[row.entry_id]

    def ledger(self) -> list[Any]:
        """Return the rows of the ledger."""
        with self.database() as connection:
            return list(connection.execute(sa.select(ledger)))

    @contextmanager
    def database(self) -> Iterator[sa.Connection]:
        """Look into the database that the processes work on."""
        engine = sa.create_engine(self.house.environment["CLOCKBOOKS_DATABASE_URL"])
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


@pytest.fixture
def open_office(
    small_scenario: dict[str, Any],
    build_house: Callable[..., Any],
    empty_database: str,
    tmp_path: Path,
    in_this_process: None,  # noqa: ARG001 - for what is neither killed nor at work beside others
) -> Callable[..., Any]:
    """Return a function to open an office for a block, with the switches of QuickBooks as given."""

    @contextmanager
    def open_(**switches: Any) -> Iterator[Office]:
        entries = many_entries()
        wanted = {entry["id"]: as_booked(entry) for entry in entries}
        assert max(Counter(wanted.values()).values()) == 3, "there are twins and triplets"
        pause = entries[0] | {"id": "64ee" + "9" * 20, "type": "BREAK"}
        small_scenario["clockify"]["entries"] = [*entries, pause]  # a break is not worked time
        house = build_house(small_scenario, tmp_path, latency_s=LATENCY_S, **switches)
        house.environment |= SMALL_BATCHES | {"CLOCKBOOKS_DATABASE_URL": empty_database}
        assert house.connect().code == 0
        assert house.run("sync").code == 0
        with closing(Office(house, wanted)) as office:
            yield office
        ran = house.run("audit", "verify")
        assert ran.code == 0, ran.out

    return open_
