"""Opens everything that a run needs, and closes it afterwards: settings, database, services."""

import os
import pwd
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connectors.clockify.client import Clockify
from connectors.database import closing_database
from connectors.encryption import Vault, keys_from_file
from connectors.errors import AskPerson
from connectors.intuit.oauth_app import OAuthApp
from connectors.quickbooks.client import QuickBooks
from connectors.quickbooks.rate_limit.limiter import RateLimiter
from connectors.quickbooks.rate_limit.quotas import Quotas
from connectors.store.actors import Actor
from connectors.store.connection_store import ConnectionStore
from connectors.store.connections import DEMO, Connection, all_connections, find_connection
from connectors.store.pace import SharedPaceStore
from connectors.store.reads import Reads
from connectors.store.tokens import TokenStore
from flows.server_address import check_server_address
from flows.settings import Settings, read_settings, required, strangers_told, with_own
from flows.text import tell_aside
from schemas.words import ActorKind

#: A warning about a passphrase that an earlier version used.
OUTDATED = (
    "The stored secrets are encrypted the way an earlier version did it, which makes a passphrase"
    " quick to guess. Run `clockbooks rotate-key` once."
)


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


#: Names the working folder for runs that `clockbooks ui` starts in an empty one.
WORKING_FOLDER = "CLOCKBOOKS_WORKING_FOLDER"


@dataclass(frozen=True)
class Clock:
    """Where time comes from; tests bring their own, so that none waits."""

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep


REAL_CLOCK = Clock()


@dataclass(frozen=True)
class RunContext:
    """What a run works with.

    Attributes:
        settings: The connection's own settings, and the environment's where it has none.
        engine: The database.
        connection: The workspace and the company that are connected.
        store: What the database holds for the connection.
        clockify: The workspace.
        quickbooks: The company.
        reads: Counts what is read from it.
        timezone: It decides on which day an entry falls.
        now: The clock.
        actor: Who runs it, for the history.
    """

    settings: Settings
    engine: sa.Engine
    connection: Connection
    store: ConnectionStore
    clockify: Clockify
    quickbooks: QuickBooks
    reads: Reads
    timezone: ZoneInfo
    now: Callable[[], datetime]
    actor: Actor

    @property
    def lease(self) -> timedelta:
        """How long a run counts as alive after its last sign of life."""
        return timedelta(seconds=self.settings.lease_s)

    @property
    def at_work(self) -> timedelta:
        """How long QuickBooks may still be working on a call after a timeout.

        Its own limit is 120 s (FACTS, QBO, 2.2); the default adds half a minute.
        """
        return timedelta(seconds=self.settings.qbo_at_work_s)


@contextmanager
def open_installation() -> Iterator[tuple[Settings, sa.Engine]]:
    """Open the database without a connection.

    Raises:
        AskPerson: A setting is wrong, or the database cannot be opened.
    """
    settings = start()
    with closing_database(settings.database_url) as engine:
        yield settings, engine


def start() -> Settings:
    """Read the settings, and warn of hosts that are not the services' own, before any call.

    Raises:
        AskPerson: A setting is wrong, or a worker reaches Prefect's server in plain text.
    """
    if "PREFECT__FLOW_RUN_ID" in os.environ:  # a run, which reports to Prefect's server
        check_server_address()
        if folder := os.environ.get(WORKING_FOLDER):
            os.chdir(folder)
    settings = read_settings()
    for warning in strangers_told(settings):
        tell_aside(warning)
    return settings


@contextmanager
def open_store(
    name: str | None, *, clock: Clock = REAL_CLOCK
) -> Iterator[tuple[Settings, ConnectionStore, Connection]]:
    """Open the database with a connection, but neither service.

    Raises:
        AskPerson: See `open_installation`; or no connection fits.
    """
    with open_installation() as (_, engine):
        found = find_connection(engine, name)
        store = ConnectionStore(engine, found.id, clock.now)
        yield with_own(store.settings.stored()), store, found


@contextmanager
def open_context(name: str | None, *, clock: Clock = REAL_CLOCK) -> Iterator[RunContext]:
    """Open the database and both services for the connection *name*, or the only one.

    Raises:
        AskPerson: See `open_store`; or the connection is disconnected, or the environment speaks
            of another workspace.
    """
    with open_store(name, clock=clock) as (settings, store, connection):
        engine = store.engine
        store.credentials.check_connected(connection.name)
        vault = open_vault(settings)
        clockify = Clockify(
            url=settings.clockify_url,
            reports_url=settings.clockify_reports_url,
            api_key=clockify_key(settings, store, connection, vault),
            workspace_id=connection.workspace_id,
            requests_per_second=settings.clockify_requests_per_second,
            sleep=clock.sleep,
        )
        tokens = TokenStore(
            engine,
            connection.id,
            clock.now,
            app=oauth_app(settings),
            vault=vault,
            sleep=clock.sleep,
        )
        reads = Reads(engine, settings.qbo_client_id or "", clock.now)
        quickbooks = open_company(
            settings, connection.realm_id, tokens.access_token, tokens.renew, reads, clock
        )
        with closing(clockify), closing(quickbooks):
            yield RunContext(
                settings=settings,
                engine=engine,
                connection=connection,
                store=store,
                clockify=clockify,
                quickbooks=quickbooks,
                reads=reads,
                timezone=settings.zone or ZoneInfo(connection.timezone),
                now=clock.now,
                actor=_actor(),
            )


def _actor() -> Actor:
    """Return who runs this: a run of Prefect's, or the user of this process."""
    if flow_run_id := os.environ.get("PREFECT__FLOW_RUN_ID"):
        return Actor(ActorKind.FLOW_RUN, flow_run_id)
    user_id = os.getuid()  # not what the environment says, which anybody can set
    with suppress(KeyError):  # a container's user may have no name
        return Actor(ActorKind.USER, pwd.getpwuid(user_id).pw_name)
    return Actor(ActorKind.USER, f"uid {user_id}")


def clockify_key(
    settings: Settings, store: ConnectionStore, connection: Connection, vault: Vault
) -> str:
    """Return the Clockify key of a connection: its own, or the environment's.

    The environment's key counts for a connection if CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID names its
    workspace, or if there is no other connection. Otherwise one key could be used for a workspace
    that it was not made for.

    Raises:
        AskPerson: The environment names another workspace, and there is no other connection.
    """
    wanted, key = settings.clockify_workspace_id, settings.clockify_api_key
    real = [other.id for other in all_connections(store.engine) if other.name != DEMO]
    alone = real == [connection.id]
    if alone and wanted not in {None, connection.workspace_id}:
        raise AskPerson(
            f"CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID is {wanted!r}, but the connection"
            f" {connection.name!r} was made with {connection.workspace_id!r}"
            f" ({connection.workspace_name}): unset it, or connect that workspace too."
        )
    if key is not None and (alone or wanted == connection.workspace_id):
        return key.get_secret_value()
    return store.credentials.clockify_key(vault)


def open_vault(settings: Settings) -> Vault:
    """Open what encrypts the secrets; it notices if another process rotates the key."""
    return Vault(
        *secret_keys(settings),
        source=lambda: secret_keys(read_settings()),
        outdated=lambda: tell_aside(OUTDATED),
    )


def secret_keys(settings: Settings) -> list[str]:
    """Return the keys of the secrets, the newest first: from the settings, else the key file."""
    new, old = settings.secret_key, settings.old_secret_key
    keys = keys_from_file(settings.key_file) if new is None else [new.get_secret_value()]
    return [*keys, *([old.get_secret_value()] if old else [])]


def oauth_app(settings: Settings) -> OAuthApp:
    """Return the Intuit app.

    Raises:
        AskPerson: Its id or secret is not set.
    """
    return OAuthApp(
        client_id=required(settings.qbo_client_id, "CLOCKBOOKS_QBO_CLIENT_ID"),
        client_secret=required(settings.qbo_client_secret, "CLOCKBOOKS_QBO_CLIENT_SECRET"),
        token_url=settings.qbo_token_url,
    )


def open_company(
    settings: Settings,
    realm_id: str,
    access_token: Callable[[], str],
    renew: Callable[[str], str],
    reads: Reads,
    clock: Clock = REAL_CLOCK,
) -> QuickBooks:
    """Open a company; all processes on the database share its rate limit."""
    quotas = Quotas(
        requests_per_minute=settings.qbo_requests_per_minute,
        requests_per_second=settings.qbo_requests_per_second,
        batches_per_minute=settings.qbo_batches_per_minute,
        in_flight=settings.qbo_concurrency,
        batch_size=settings.qbo_batch_size,
        timeout_ms=round(settings.qbo_timeout_s * 1000),
    )
    store = SharedPaceStore(reads.engine, realm_id, settings.qbo_url)
    limiter = RateLimiter(quotas, now=clock.now, sleep=clock.sleep, store=store)
    return QuickBooks(
        url=settings.qbo_url,
        realm_id=realm_id,
        access_token=access_token,
        renew=renew,
        limiter=limiter,
        timeout_s=settings.qbo_timeout_s,
        meter=reads,
        sleep=clock.sleep,
    )
