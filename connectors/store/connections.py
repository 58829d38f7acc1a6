"""The connections of a database: which workspace is joined to which company, and their names."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.database import writing
from connectors.encryption import Vault
from connectors.errors import AskPerson
from connectors.intuit.oauth_app import Tokens
from connectors.store.credentials import locked_columns
from schemas.tables import connections, list_copies, secrets

#: The connection of `clockbooks demo`: it is not chosen as soon as there is a real one.
DEMO = "demo"


@dataclass(frozen=True)
class Connection:
    """One workspace joined to one company.

    Attributes:
        id: Its key in the database.
        name: What people call it: `--connection NAME`.
        workspace_id: Clockify's id.
        workspace_name: Its name when it was connected.
        realm_id: QuickBooks' id of the company.
        company_name: Its name when it was connected.
        timezone: IANA name; decides on which day an entry falls.
        link_vendors: Whether contractors may be linked.
        synced_at: When both directories were last compared; `None` before the first time.
    """

    id: int
    name: str
    workspace_id: str
    workspace_name: str
    realm_id: str
    company_name: str
    timezone: str
    link_vendors: bool
    synced_at: datetime | None


@dataclass(frozen=True)
class Joined:
    """A `Connection` that `connect` found out, ready to be stored; key and tokens are secrets."""

    workspace_id: str
    workspace_name: str
    realm_id: str
    company_name: str
    timezone: str
    api_key: str
    tokens: Tokens


def find_connection(engine: sa.Engine, name: str | None) -> Connection:
    """Find a connection by its name, or the only one there is.

    Raises:
        AskPerson: There is none, or several and no name.
    """
    known = {connection.name: connection for connection in all_connections(engine)}
    if not known:
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        place = f" The database is {Path(file).absolute()}." if file else ""
        raise AskPerson(f"Nothing is connected yet: run `clockbooks connect` first.{place}")
    if name is not None:
        if name not in known:
            raise AskPerson(f"No connection is called {name!r}. There are: {', '.join(known)}.")
        return known[name]
    real = [connection for connection in known.values() if connection.name != DEMO]
    chosen = real or list(known.values())
    if len(chosen) > 1:
        raise AskPerson(
            f"There are several connections: add --connection with one of {', '.join(known)}."
        )
    return chosen[0]


def all_connections(engine: sa.Engine) -> list[Connection]:
    """Return all connections, by name."""
    query = sa.select(connections).order_by(connections.c.name)
    with engine.connect() as connection:
        return [_read(row) for row in connection.execute(query)]


def store_connection(
    engine: sa.Engine, name: str, joined: Joined, *, vault: Vault, now: datetime
) -> Connection:
    """Store a new connection, or new secrets for the one of that name.

    Its ledger and links stay, and so does its time zone: it says on which day an entry falls.

    Raises:
        AskPerson: The name belongs to another workspace or company, or they to another name.
    """
    both = {"workspace_id": joined.workspace_id, "realm_id": joined.realm_id}
    seen = {
        "workspace_name": joined.workspace_name,
        "company_name": joined.company_name,
        "connected_at": now,
    }
    locked = {
        "clockify_api_key": vault.lock(joined.api_key),
        **locked_columns(joined.tokens, vault),
        "changed_at": now,
    }
    with writing(engine) as connection:
        known = [_read(row) for row in connection.execute(sa.select(connections))]
        _check_free(name, joined, known)
        found = next((row.id for row in known if row.name == name), None)
        if found is None:
            insert = connections.insert().values(
                name=name, link_vendors=True, timezone=joined.timezone, **both, **seen
            )
            found = connection.execute(insert.returning(connections.c.id)).scalar_one()
        else:
            mine = connections.c.id == found
            anew = {"pay_types_as_of": None}  # a sync looks back as far as the first one
            connection.execute(connections.update().where(mine).values(**seen, **anew))
            for table in (secrets, list_copies):  # a sync reads whole lists after that
                connection.execute(table.delete().where(table.c.connection_id == found))
        connection.execute(secrets.insert().values(connection_id=found, **locked))
    return find_connection(engine, name)


def has_consent_of(engine: sa.Engine, realm_id: str) -> bool:
    """Return whether some connection has tokens of the company *realm_id*."""
    query = sa.select(secrets).join(connections).where(connections.c.realm_id == realm_id)
    with engine.connect() as connection:
        return connection.execute(query).first() is not None


def delete_connection(engine: sa.Engine, name: str) -> None:
    """Delete a connection with all that hangs on it: only for what was never real."""
    with writing(engine) as connection:
        connection.execute(connections.delete().where(connections.c.name == name))


def _check_free(name: str, joined: Joined, known: Sequence[Connection]) -> None:
    for other in known:
        same = (other.workspace_id, other.realm_id) == (joined.workspace_id, joined.realm_id)
        if other.name == name and not same:
            raise AskPerson(
                f"The connection {name!r} joins {other.workspace_name!r} and"
                f" {other.company_name!r}, not {joined.workspace_name!r} and"
                f" {joined.company_name!r}: choose another name with --connection."
            )
        if other.name != name and same:
            raise AskPerson(
                f"{joined.workspace_name!r} and {joined.company_name!r} are already joined, as"
                f" {other.name!r}: a second ledger for them would send everything twice."
                f" Use --connection {other.name}."
            )


def _read(row: Any) -> Connection:
    return Connection(**{field.name: getattr(row, field.name) for field in fields(Connection)})
