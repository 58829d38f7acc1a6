"""Lists the connections: which workspace with which company, and until when."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.store.connection_settings import ConnectionSettings
from connectors.store.connections import Connection, all_connections, find_connection
from connectors.store.credentials import Lifetimes, all_lifetimes
from connectors.store.revocations import all_pending
from flows.connections.consent_expiry import ends_soon
from flows.context import open_installation, utc_now


def listed(name: str | None) -> list[dict[str, Any]]:
    """Return every connection, or the one called *name*.

    Raises:
        AskPerson: There is none of that name.
    """
    with open_installation() as (_, engine):
        given = all_lifetimes(engine)
        pending = all_pending(engine)
        found = all_connections(engine) if name is None else [find_connection(engine, name)]
        return [
            _row(engine, one, given.get(one.id), pending=one.id in pending, now=utc_now())
            for one in found
        ]


def state(consent: Lifetimes | None, now: datetime) -> str:
    """Return the state of a connection, in words."""
    if consent is None:
        return "disconnected"
    if consent.ended_at is not None or (consent.until is not None and consent.until <= now):
        return "consent ended"
    if ends_soon(consent, now):
        return "consent ends soon"
    return "connected"


def _row(
    engine: sa.Engine, one: Connection, consent: Lifetimes | None, *, pending: bool, now: datetime
) -> dict[str, Any]:
    own = ConnectionSettings(engine, one.id, utc_now).stored()
    ends_at = (consent.ended_at or consent.until) if consent else None
    return {
        "connection": one.name,
        "workspace_id": one.workspace_id,
        "workspace": one.workspace_name,
        "realm_id": one.realm_id,
        "company": one.company_name,
        "timezone": own.get("timezone", one.timezone),
        "state": state(consent, now),
        "consent_ends_at": ends_at.isoformat() if ends_at else None,
        "revocation_pending": pending,
        "synced_at": one.synced_at.isoformat() if one.synced_at else None,
        "settings": own,
    }
