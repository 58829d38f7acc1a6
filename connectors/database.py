"""Opens the database, on SQLite or PostgreSQL, and brings it up to date by itself."""

import hashlib
import os
import sqlite3
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import tenacity
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from sqlalchemy.dialects import postgresql, sqlite

from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK
from schemas.tables import REVISION, metadata

#: Seconds that a writer waits for another writer of the same SQLite file.
SQLITE_PATIENCE_S = 60

#: Seconds that a writer may pause before PostgreSQL undoes what it began: a machine that is
#: suspended just then must not hold up all others.
IDLE_S = 60

#: Any number; the same in every process, so that one transaction at a time changes the ledger.
LEDGER_LOCK = 0x6C656467

#: How many values one statement carries: SQLite takes 32,766 variables, PostgreSQL 65,535.
CHUNK = 1000

#: Any number; the same in every process, so that only one of them migrates at a time.
MIGRATION_LOCK = 0x636C6F63

#: PostgreSQL's code for what a role may not do.
_NO_RIGHT = "42501"

#: The arguments of a PostgreSQL address that say nothing about where it leads, beside the host.
_KEEP_HOST = frozenset({
    "host", "port", "user", "password", "ssl", "sslmode", "sslrootcert", "sslcert", "sslkey",
    "sslpassword", "gssencmode", "connect_timeout", "application_name", "options",
    "client_encoding", "target_session_attrs", "keepalives", "keepalives_idle",
    "keepalives_interval", "keepalives_count", "tcp_user_timeout",
})  # fmt: skip

_NEEDS_OWNER = (
    "The database's tables must be created or upgraded, and the role of"
    " CLOCKBOOKS_DATABASE_URL may not do that. Run `clockbooks connections` once with the address"
    " of the role that owns the tables (docs/security.md); nothing was changed."
)

_NOT_ENCRYPTED = (
    "The database was not opened: beyond this machine the connection must be encrypted, and the"
    " server's certificate must be trusted for its name. Set up TLS on the server and name its"
    " authority with sslrootcert=FILE in CLOCKBOOKS_DATABASE_URL; or set another sslmode there."
)


def open_database(url: str) -> sa.Engine:
    """Connect to the database at *url*, make or migrate its tables, and return the engine.

    Raises:
        AskPerson: It cannot be reached, or was made by a newer Clockbooks.
    """
    try:
        engine = _engine(url)
        try:
            _bring_up_to_date(engine)
        except BaseException:
            engine.dispose()  # nobody else will close its connections
            raise
    except (sa.exc.SQLAlchemyError, OSError, ImportError, ValueError) as error:
        # The driver's text may have the password in it: say only what kind of error it is.
        text = str(getattr(error, "orig", ""))
        if "SSL" in text or "certificate" in text:
            raise AskPerson(_NOT_ENCRYPTED) from None
        if getattr(getattr(error, "orig", None), "sqlstate", None) == _NO_RIGHT:
            raise AskPerson(_NEEDS_OWNER) from None
        raise AskPerson(
            "The database cannot be opened: check CLOCKBOOKS_DATABASE_URL, that the server runs"
            f" and that the folder can be written to ({type(error).__name__})."
        ) from None
    return engine


def stays_here(address: sa.URL) -> bool:
    """Return whether *address* leads no further than this machine, whoever reads it.

    True for SQLite, and for PostgreSQL on a loopback or Unix host. An argument such as `service`,
    `hostaddr` or `conninfo` could replace the host, and another driver could read it differently:
    both count as elsewhere.
    """
    if address.get_backend_name() == "sqlite":
        return address.get_driver_name() == "pysqlite"
    if not _names_its_host(address):
        return False
    hosts = _hosts(address)
    if not hosts and os.environ.get("PGSERVICE"):
        return False  # whatever a file says
    return all(host in LOOPBACK or host.startswith("/") for host in hosts)


def _names_its_host(address: sa.URL) -> bool:
    """Return whether nothing in a PostgreSQL address but its host says where it leads."""
    name = address.database or ""
    return (
        address.drivername in {"postgresql+psycopg", "postgresql+asyncpg"}
        and "=" not in name
        and "://" not in name
        and not set(address.query) - _KEEP_HOST
    )


def _hosts(address: sa.URL) -> list[str]:
    """Return the hosts of an address; libpq takes those that are missing from the environment."""
    arguments = address.get_dialect()().create_connect_args(address)[1]
    hosts: list[str] = []
    for named in (arguments.get("host") or os.environ.get("PGHOST"), os.environ.get("PGHOSTADDR")):
        hosts += named if isinstance(named, list) else str(named or "").split(",")
    return [host for host in hosts if host]


def _verified(address: sa.URL) -> dict[str, str]:
    """Return libpq's arguments for a connection that nobody can read or impersonate.

    By default libpq goes on in plain text where a server, or somebody in between, offers no TLS.
    """
    mode = str(address.query.get("sslmode", ""))
    if address.get_backend_name() != "postgresql" or (not mode and stays_here(address)):
        return {}
    arguments = {} if mode else {"sslmode": "verify-full"}
    if (mode or "verify-full").startswith("verify-") and _lacks_root(address):
        # The wheel's libpq looks for the system's certificates in a folder that no system has.
        arguments["sslrootcert"] = ssl.get_default_verify_paths().cafile or DEFAULT_CA_BUNDLE_PATH
    return arguments


def _lacks_root(address: sa.URL) -> bool:
    """Return whether no file with trusted certificates is named, or the system's are."""
    if "sslrootcert" in address.query:
        return address.query["sslrootcert"] == "system"
    own_root = Path.home() / ".postgresql/root.crt"
    return not (os.environ.get("PGSSLROOTCERT") or own_root.exists())


def database_trouble(error: BaseException) -> str | None:
    """Return a sentence on why the database failed, and on what is kept.

    Returns:
        The sentence; `None` for any other error, also a mistake in a statement.
    """
    lasting = (
        sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError, sa.exc.TimeoutError,
    )  # fmt: skip
    if not isinstance(error, lasting) and type(error) is not sa.exc.DatabaseError:
        return None
    # The driver's text may have names and the password in it: it is searched, not shown.
    text = str(getattr(error, "orig", error)).lower()
    if "is full" in text or "no space left" in text:
        what = "The database's disk is full: free some space"
    elif "locked" in text:
        what = "The database is locked by another process: wait until that ends"
    elif getattr(error, "connection_invalidated", False):
        what = "The connection to the database was lost: check that its server runs"
    else:
        kind = type(getattr(error, "orig", error)).__name__
        what = f"The database failed ({kind}): check that its server runs and its disk works"
    return f"{what}, then run the command again. The ledger keeps what was handed over."


def _engine(url: str) -> sa.Engine:
    # Parameters are hidden in errors: they have names, descriptions and tokens in them.
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        arguments: dict[str, Any] = dict(_verified(address))
        if address.get_driver_name() == "psycopg":
            arguments["cursor_factory"] = _cursor_without_pipelines()
        return sa.create_engine(
            address, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
        )
    if address.database and address.database != ":memory:":
        _make_file(Path(address.database))
    engine = sa.create_engine(
        address, connect_args={"timeout": SQLITE_PATIENCE_S}, hide_parameters=True
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(driver_connection: sqlite3.Connection, _record: object) -> None:
        driver_connection.isolation_level = None  # we say BEGIN ourselves
        cursor = driver_connection.cursor()
        _use_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
        driver_connection.create_function("sha256", 1, _sha256, deterministic=True)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, when another
        # process writes in between: so a writer takes the lock at once.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _cursor_without_pipelines() -> Any:
    """Return a class of cursors that execute a statement for each row, one after the other.

    psycopg's own send rows in a pipeline. In one, PostgreSQL counts whoever is suspended as active,
    whatever IDLE_S says, and the locks stay.
    """
    import psycopg  # here: SQLite does without it

    class Cursor(psycopg.Cursor[Any]):
        def executemany(
            self,
            query: Any,
            params_seq: Iterable[Any],
            *,
            returning: bool = False,  # noqa: ARG002 - SQLAlchemy never asks for it
        ) -> None:
            for params in params_seq:
                self.execute(query, params)

    return Cursor


def _sha256(data: bytes | None) -> str | None:
    """Do for SQLite's statements what PostgreSQL has built in."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def _make_file(path: Path) -> None:
    """Make a new database file readable by its owner alone: names, hours and rates are in it.

    SQLite gives the files that it keeps beside it the same rights. One that is there stays as it
    is: somebody may share it on purpose.
    """
    if str(path).startswith("file:"):
        return  # an address of SQLite's own, with options
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Let readers go on while somebody writes.

    While another process does the same to a new file, SQLite says at once that it is locked, and
    does not wait as it does for writers: so we do.
    """
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_busy),
        stop=tenacity.stop_after_delay(SQLITE_PATIENCE_S),
        wait=tenacity.wait_random(min=0.01, max=0.05),
        reraise=True,
    ):
        with attempt:
            cursor.execute("PRAGMA journal_mode = WAL")


def _is_busy(error: BaseException) -> bool:
    busy = sqlite3.SQLITE_BUSY  # and its kin, in the low byte
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF == busy


@contextmanager
def closing_database(url: str) -> Iterator[sa.Engine]:
    """Open the database for a block, and close its connections afterwards; see `open_database`."""
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that writes: committed at the end of the block, undone by an error."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            most_ms = round(IDLE_S * 1000)
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout={most_ms}")
        yield connection


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that reads, and sees nothing that others write meanwhile."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":  # SQLite's are so anyway
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            # What is streamed is read to its end: a plan for the first rows may take for ever.
            connection.execute(sa.text("SET LOCAL cursor_tuple_fraction = 1"))
        yield connection


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def _bring_up_to_date(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == REVISION:
            return
    _migrate(engine)


def _migrate(engine: sa.Engine) -> None:
    # Imported here: a run on a database that is up to date does not wait for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "schemas:migrations")
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        revision = _revision(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise AskPerson(
                f"The database was made by a newer Clockbooks (its tables are at {revision}, this"
                f" version knows {REVISION}): update Clockbooks. Nothing was changed."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _comment(connection)


def _comment(connection: sa.Connection) -> None:
    """Describe every table and column, where the database keeps comments."""
    if connection.dialect.supports_comments:
        for table in metadata.sorted_tables:
            connection.execute(sa.schema.SetTableComment(table))
            for column in table.columns:
                connection.execute(sa.schema.SetColumnComment(column))


@contextmanager
def changing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that changes rows of several entries, one at a time over all processes.

    SQLite has one writer anyway. On PostgreSQL two runs that come to the same entries in different
    orders, because somebody moved them meanwhile, would otherwise wait for each other: a deadlock.
    """
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LEDGER_LOCK)))
        yield connection


def insert_into(where: sa.Engine | sa.Connection, table: sa.Table) -> Any:
    """Begin an INSERT that can say what to do ON CONFLICT, which each dialect has as its own."""
    return (postgresql if where.dialect.name == "postgresql" else sqlite).insert(table)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut values into pieces that one statement carries."""
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]
