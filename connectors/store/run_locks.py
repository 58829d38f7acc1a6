"""Functions on the turns: which run of a connection is at work, over all processes and machines.

One row a connection. Who holds it says so again and again; when it stops, its lease runs out and
the next one takes the turn. It saves work and keeps runs apart in time; that nothing goes twice is
the ledger's doing, and holds without it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.database import insert_into, writing
from schemas.tables import turns


@dataclass(frozen=True)
class Turn:
    """Somebody's turn.

    Attributes:
        holder: Who has it.
        what: What it does: a flow's name.
        since: Since when, UTC.
        until: When its lease runs out, UTC.
    """

    holder: str
    what: str
    since: datetime
    until: datetime


def take(
    engine: sa.Engine,
    connection_id: int,
    *,
    holder: str,
    what: str,
    now: datetime,
    lease: timedelta,
) -> Turn:
    """Take the connection's turn if it is free or its lease has run out, and say who has it now.

    Args:
        engine: The database.
        connection_id: Whose turn.
        holder: Who wants it; an id of its own.
        what: What for.
        now: The time, UTC.
        lease: How long it counts from now; see `renew`.
    """
    mine = {"holder": holder, "what": what, "since": now, "until": now + lease}
    insert = insert_into(engine, turns).values(connection_id=connection_id, **mine)
    statement = insert.on_conflict_do_update(
        index_elements=[turns.c.connection_id],
        set_=mine,
        where=sa.or_(turns.c.until < now, turns.c.holder == holder),
    )
    with writing(engine) as connection:
        connection.execute(statement)
        row = connection.execute(
            sa.select(turns).where(turns.c.connection_id == connection_id)
        ).one()
    return Turn(row.holder, row.what, row.since, row.until)


def renew(
    engine: sa.Engine, connection_id: int, *, holder: str, now: datetime, lease: timedelta
) -> bool:
    """Let the turn count until *lease* from now, and say whether *holder* still has it."""
    mine = sa.and_(turns.c.connection_id == connection_id, turns.c.holder == holder)
    with writing(engine) as connection:
        found = connection.execute(turns.update().where(mine).values(until=now + lease))
    return bool(found.rowcount)


def give_back(engine: sa.Engine, connection_id: int, *, holder: str) -> None:
    """Leave the turn to the next one, where *holder* still has it."""
    mine = sa.and_(turns.c.connection_id == connection_id, turns.c.holder == holder)
    with writing(engine) as connection:
        connection.execute(turns.delete().where(mine))
