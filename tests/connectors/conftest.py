"""What these tests share: one server on loopback, scripted answers, and databases of both kinds."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa

from connectors.database import open_database
from connectors.encryption import Vault
from connectors.intuit.oauth_app import Tokens
from connectors.quickbooks.batch import Done
from connectors.quickbooks.client import QuickBooks
from connectors.quickbooks.rate_limit.limiter import Permit
from connectors.quickbooks.rate_limit.model import End, Want
from connectors.standins.server import serving
from connectors.store import connections
from connectors.store.connection_store import ConnectionStore
from schemas.tables import batches, metadata
from schemas.tables import ledger as table

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)


# --- over HTTP ---------------------------------------------------------------------------------


class Relay:
    """An ASGI application that hands each request to the one that a test puts behind it."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand one request over."""
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def relay() -> Iterator[tuple[Relay, str]]:
    """Return one server for all tests; starting one for each would take the most time of all."""
    app = Relay()
    with serving(app) as address:
        yield app, address


@pytest.fixture
def serve(relay: tuple[Relay, str]) -> Iterator[Callable[[Any], str]]:
    """Return a way to serve an application, which takes the place of the one before."""
    app, address = relay

    def put(served: Any) -> str:
        app.app = served
        return address

    yield put
    app.app = None


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """An ASGI application that gives the answers of a list; the last one from then on.

    An answer is a body, or (status, body), or (status, body, headers), or a function of the
    request that gives one of these. `Script.DROP` hangs up; `Script.CUT` does in mid-answer.
    """

    DROP = object()
    CUT = object()

    answers: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note the request, and answer it."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        request = Asked(scope["method"], scope["path"], query, headers, body)
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        await self._give(answer, receive, send)

    async def _give(self, answer: Any, receive: Any, send: Any) -> None:
        if answer is self.DROP or answer is self.CUT:
            if answer is self.CUT:
                await _start(send, 200, {"content-length": "100"})
                await send({"type": "http.response.body", "body": b'{"half', "more_body": True})
            receive.__self__.transport.abort()  # uvicorn's own: ASGI has no word for hanging up
            return
        status, content, headers = (
            (*answer, {})[:3] if isinstance(answer, tuple) else (200, answer, {})
        )
        content = content.encode() if isinstance(content, str) else content
        await _start(send, status, {"content-length": str(len(content)), **headers})
        await send({"type": "http.response.body", "body": content})


async def _start(send: Any, status: int, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


@pytest.fixture
def script(serve: Callable[[Any], str]) -> Script:
    """Return a server whose answers the test writes."""
    served = Script()
    served.url = serve(served)
    return served


class Permits(list[int]):
    """A limiter that lets everybody through, and notes how many entries each batch had."""

    def acquire(self, want: Want) -> Permit:
        """Note one call; 0 where it is no batch."""
        self.append(want.entries)
        return Permit(len(self), want.entries, 0)

    def leaves(self, permit: Permit) -> None:
        """Let it go."""

    def ended(self, permit: Permit, how: End, *, pause_s: float | None = None) -> int:  # noqa: ARG002 - the real one's
        """Do not wait."""
        return 1


@pytest.fixture
def permits() -> Permits:
    """Return what `open_books` paces with, unless the test brings a limiter."""
    return Permits()


@pytest.fixture
def open_books(permits: Permits) -> Iterator[Callable[..., QuickBooks]]:
    """Return a way to open a QuickBooks company at an address; waits are noted, not waited."""
    opened: list[QuickBooks] = []

    def make(url: str, **options: Any) -> QuickBooks:
        slept: list[float] = []
        known = {
            "realm_id": "77",
            "access_token": lambda: "token",
            "renew": lambda refused: refused,
            "limiter": permits,
            "timeout_s": 10,
            "sleep": slept.append,
        }
        books = QuickBooks(url=url, **{**known, **options})
        books.slept = slept
        opened.append(books)
        return books

    yield make
    for books in opened:
        books.close()


# --- databases ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_engine(postgres_database: Callable[..., Any]) -> Iterator[sa.Engine]:
    """Return one PostgreSQL database with tables for all tests: `engine` empties it for each."""
    with postgres_database() as url:
        opened = open_database(url)
        yield opened
        opened.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with empty tables, to be copied: making them takes a test's time."""
    path = tmp_path_factory.mktemp("migrated") / "clockbooks.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Return a database with empty tables, on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        opened = request.getfixturevalue("postgres_engine")
        emptying = ";".join(f"DELETE FROM {table}" for table in reversed(metadata.sorted_tables))
        with opened.begin() as connection:
            connection.exec_driver_sql(emptying)
        yield opened
    else:
        path = shutil.copy(request.getfixturevalue("migrated"), tmp_path)
        opened = open_database(f"sqlite:///{path}")
        yield opened
        opened.dispose()


@pytest.fixture
def vault() -> Vault:
    """Return a vault with a key of its own."""
    return Vault("T3J0kV8m0M0y0m0xq0n9p0Q4v7m3u2y1a0b9c8d7e6s=")


@pytest.fixture
def joined() -> Callable[..., connections.Joined]:
    """Return what `connect` found out, as the test wants it."""

    def make(**fields: Any) -> connections.Joined:
        tokens = Tokens(
            "access-1", NOW + timedelta(hours=1), "refresh-1", NOW + timedelta(days=101)
        )
        known = {
            "workspace_id": "w1",
            "workspace_name": "Studio",
            "realm_id": "77",
            "company_name": "Studio Ltd",
            "timezone": "UTC",
            "api_key": "clockify-key",
            "tokens": tokens,
        }
        return connections.Joined(**{**known, **fields})

    return make


@pytest.fixture
def connection_id(
    engine: sa.Engine, vault: Vault, joined: Callable[..., connections.Joined]
) -> int:
    """Return the id of a stored connection."""
    return connections.store_connection(engine, "studio", joined(), vault=vault, now=NOW).id


@pytest.fixture
def clock() -> SimpleNamespace:
    """Return a clock that moves only when somebody sleeps: `time` and `monotonic` go together."""
    state = SimpleNamespace(now=NOW, seconds=0.0, slept=[])

    def sleep(seconds: float) -> None:
        state.slept.append(seconds)
        state.seconds += seconds
        state.now += timedelta(seconds=seconds)

    state.sleep = sleep
    return state


# --- the ledger --------------------------------------------------------------------------------

LEASE = timedelta(minutes=10)


def _ready(*ids, units):
    return [
        {"entry_id": id_, "body": f'{{"Description":"{id_}"}}', "minutes": 60, "date": "2026-03-02"}
        | {"unit": units.get(id_)}
        for id_ in ids
    ]


class Book:
    """The ledger of one connection, with a run and a clock at hand."""

    def __init__(self, engine, connection_id, clock, about):
        self.engine, self.clock, self.about = engine, clock, about
        self.store = ConnectionStore(engine, connection_id, lambda: clock.now)
        self.run_id = self.start()

    def start(self, lease=LEASE):
        return self.store.runs.start(lease)

    def claim(self, *ids, run_id=None, source="clockify", since=0, units=()):
        return self.store.ledger.claim(
            run_id or self.run_id,
            _ready(*ids, units=dict(units)),
            self.about(*ids, source=source, since=since),
            lease=LEASE,
            qbo_time=self.clock.now - timedelta(hours=8),
        )

    def record(self, made, *outcomes):
        self.store.ledger.record(made, outcomes, qbo_time=self.clock.now, company_state="plus")

    def send(self, id_, activity="100"):
        made = self.claim(id_)
        self.record(made, Done("1", activity, "0"))
        return made

    def states(self, *ids):
        rows = self.store.ledger.held(ids or self.ids())
        return dict(zip(rows["entry_id"], rows["state"], strict=True))

    def holders(self, *ids):
        query = sa.select(table.c.entry_id, table.c.run_id).where(table.c.entry_id.in_(ids))
        with self.engine.connect() as connection:
            return {row.entry_id: row.run_id for row in connection.execute(query)}

    def ids(self):
        with self.engine.connect() as connection:
            return list(connection.scalars(sa.select(table.c.entry_id)))

    def row(self, id_):
        with self.engine.connect() as connection:
            return connection.execute(sa.select(table).where(table.c.entry_id == id_)).one()

    def batch(self, request_id):
        query = sa.select(batches).where(batches.c.request_id == request_id)
        with self.engine.connect() as connection:
            return connection.execute(query).one_or_none()


@pytest.fixture
def book(
    engine: sa.Engine, connection_id: int, clock: SimpleNamespace, about: Callable[..., Any]
) -> Book:
    """Return an empty ledger, and a run that fills it."""
    return Book(engine, connection_id, clock, about)
