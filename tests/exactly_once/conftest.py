"""What the proofs of "exactly once" share: a small world, a bomb, a clock, and a laboratory.

The laboratory runs the real code against the stand-ins in this process. A bomb lets a "process" die
at a chosen point: from then on nothing of it reaches the database or the network, not even its
clean-up.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
import sqlalchemy as sa

from connectors.errors import ClockbooksError
from flows.connecting import connect
from flows.sending import SendRequest, send
from flows.settling import settle_alone
from flows.syncing import sync
from flows.world import Clock, World, open_world
from schemas.tables import ledger
from transforms.settling import content_of, content_of_body

USER = "64d0000000000000000000a1"
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
def small_world() -> dict[str, Any]:
    """Give one person, one customer and six entries on five days, two of them twins."""
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

    Points lie before and after each commit, each request and each answer.

    Attributes:
        at: The point at which it dies; `None` for never.
        points: The points passed so far.
        visit: Called at each point with its name: something else that happens just then.
    """

    def __init__(self) -> None:
        self.at: int | None = None
        self.points: list[str] = []
        self.visit: Callable[[str], None] | None = None

    def reset(self, at: int | None = None) -> None:
        """Begin a new process, which dies at point *at*, or not at all."""
        self.at = at
        self.points = []

    def point(self, name: str) -> None:
        """Pass a point, or die; who is dead stays dead."""
        if self.at is not None and len(self.points) >= self.at:
            raise CrashedError(name)
        self.points.append(name)
        if self.visit is not None:
            self.visit(name)


class SimulatedClock:
    """A clock that moves only when somebody sleeps, or a test lets time pass."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 9, 8, tzinfo=UTC)
        self.ran_s = 0.0

    def now(self) -> datetime:
        """Give the time of day, and let it move a little, as it does."""
        self.sleep(0.001)
        return self.time

    def monotonic(self) -> float:
        """Give seconds that only grow, whatever becomes of the time of day."""
        self.sleep(0.001)
        return self.ran_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)
        self.ran_s += seconds

    def jump(self, seconds: float) -> None:
        """Set this machine's time of day, forwards or back."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Lab:
    """Runs jobs against a small pair of services, and looks into the books afterwards.

    Attributes:
        world: What the services are loaded with.
        build: Puts a house behind the addresses; see the suite's `open_street`.
        folder: Where the databases go.
        bomb: Lets a process die.
        ours: The clock of the machine that Clockbooks runs on.
        theirs: QuickBooks' own clock.
    """

    world: dict[str, Any]
    build: Callable[..., Any]
    folder: Path
    bomb: Bomb
    ours: SimulatedClock = field(default_factory=SimulatedClock)
    theirs: SimulatedClock = field(default_factory=SimulatedClock)
    opened: int = 0

    def set_clocks(self) -> None:
        """Let both machines begin at the same time again."""
        self.ours, self.theirs = SimulatedClock(), SimulatedClock()

    @contextmanager
    def open(self, **switches: Any) -> Iterator[Any]:
        """Open both services anew, connected and synced, for one case."""
        self.opened += 1
        folder = self.folder / str(self.opened)
        folder.mkdir()
        house = self.build(self.world, folder, now=self.theirs.now, **switches)
        before = dict(os.environ)
        os.environ.update(house.environment | SETTINGS)
        self.bomb.reset()
        try:
            connect(
                None,
                realm_id=self.world["quickbooks"]["realm_id"],
                refresh_token=self.world["quickbooks"]["refresh_token"],
                allow_payroll=False,
            )
            self.run(sync)
            yield house
        finally:
            os.environ.clear()
            os.environ.update(before)

    def run(self, job: Callable[[World], Any]) -> bool:
        """Run a job in a process of its own, and say whether it came through."""
        clock = Clock(now=self.ours.now, monotonic=self.ours.monotonic, sleep=self.pass_time)
        try:
            with open_world(None, clock=clock) as world:
                job(world)
        except (CrashedError, ClockbooksError):
            return False
        return True

    def send(self) -> bool:
        """Send the week."""
        return self.run(lambda world: send(world, WINDOW))

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
        """Give the contents that an undisturbed send books, twins counted."""
        with self.open() as house:
            assert self.send()
            return self.books(house)

    def books(self, house: Any) -> Counter[Any]:
        """Give the contents in QuickBooks' own books, twins counted."""
        return Counter(content_of(found) for found in house.quickbooks.activities.values())

    def ledger(self, house: Any) -> list[Any]:
        """Give the rows of the ledger."""
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


@pytest.fixture
def bomb(monkeypatch: pytest.MonkeyPatch) -> Bomb:
    """Put the points into the two things that outlive a process: the database and the network."""
    bomb = Bomb()
    dialect = sa.dialects.sqlite.pysqlite.SQLiteDialect_pysqlite
    commit = dialect.do_commit
    call = requests.adapters.HTTPAdapter.send

    def committing(self: Any, connection: Any) -> None:
        bomb.point("before a commit")
        commit(self, connection)
        bomb.point("after a commit")

    def calling(self: Any, request: Any, **options: Any) -> Any:
        bomb.point(f"before a request: {request.method} {request.path_url.partition('?')[0]}")
        answer = call(self, request, **options)
        try:
            bomb.point("after an answer")
        except CrashedError:
            answer.close()  # the system closes a dead process's connections
            raise
        return answer

    monkeypatch.setattr(dialect, "do_commit", committing)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", calling)
    return bomb


@pytest.fixture
def lab(
    small_world: dict[str, Any], open_street: Callable[..., Any], tmp_path: Path, bomb: Bomb
) -> Iterator[Lab]:
    """Give the laboratory."""
    with open_street() as build:
        yield Lab(small_world, build, tmp_path, bomb)
