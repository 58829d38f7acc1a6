"""One view over all connections: what was sent, what is left, and what needs a person."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from connectors.store.connection_store import ConnectionStore
from connectors.store.connections import find_connection
from connectors.store.reads import Reads
from flows.connections import list_connections
from flows.context import open_installation, utc_now
from schemas.words import State, Verdict

#: Members of a row that come from the list of connections.
_LISTED = ("connection", "company", "timezone", "state", "consent_ends_at", "synced_at")


def status(name: str | None) -> dict[str, Any]:
    """Return the JSON document of `clockbooks status`, of every connection or the one called so.

    Raises:
        AskPerson: There is none of that name.
    """
    rows = list_connections.listed(name)
    with open_installation() as (settings, engine):
        month, used = Reads(engine, settings.qbo_client_id or "", utc_now).of_month()
        found = [_row(engine, row) for row in rows]
    return {
        "connections": found,
        "reads": {"month": month, "used": used, "allowance": settings.qbo_reads_per_month},
    }


def _row(engine: sa.Engine, listed: dict[str, Any]) -> dict[str, Any]:
    store = ConnectionStore(engine, find_connection(engine, listed["connection"]).id, utc_now)
    sent_at, left = store.outcomes.sent_at(), store.outcomes.left_behind()
    known = store.drift.known()
    rejected, skipped = (left.get(state, (0, 0)) for state in (State.REJECTED, State.SKIPPED))
    return {
        **{name: listed[name] for name in _LISTED},
        "sent_at": sent_at.isoformat() if sent_at else None,
        "rejected": {"entries": rejected[0], "minutes": rejected[1]},
        "skipped": {"entries": skipped[0], "minutes": skipped[1]},
        "in_doubt": store.open_claims.number(),
        "drifted": sum(row.entry_id is not None and row.verdict != Verdict.UNSENT for row in known),
        "waiting_plans": len(store.plans.waiting()),
    }


def needs_person(row: Mapping[str, Any]) -> bool:
    """Whether somebody has to do something about a connection."""
    left = row["rejected"]["entries"] or row["in_doubt"] or row["drifted"] or row["waiting_plans"]
    return bool(left) or row["state"] != "connected"
