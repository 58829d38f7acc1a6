"""Consents that Intuit has still to be told to end; kept until it was told.

The secrets of a connection become a revocation in one transaction, before Intuit is asked: so a
crash in between neither leaves usable secrets behind, nor forgets what is to be revoked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

import sqlalchemy as sa

from connectors.database import writing
from schemas.tables import connections, revocations, secrets

#: How often one token is tried again, at most.
PAUSE = timedelta(hours=1)


class Taken(Enum):
    """What became of a connection's secrets."""

    NOTHING = auto()  # there were none
    BUSY = auto()  # somebody is refreshing them: its answer is to be waited for
    SET_APART = auto()  # to be revoked
    DEAD = auto()  # deleted; their consent has ended already


@dataclass(frozen=True)
class Revocation:
    """A token to be revoked.

    Attributes:
        id: Its key in the database.
        connection_name: What the connection is called that it belonged to.
        refresh_token: Encrypted.
        problem: Why the last try failed; `None` before the first.
    """

    id: int
    connection_name: str
    refresh_token: str
    problem: str | None


def set_apart(engine: sa.Engine, connection_id: int, *, now: datetime) -> Taken:
    """Delete a connection's secrets, and keep the refresh token to be revoked while it lives.

    While another process refreshes (FACTS, QBO, section 8: the token may change thereby), nothing
    is done: the token that is revoked must be the last one.
    """
    mine = secrets.c.connection_id == connection_id
    with writing(engine) as connection:
        row = connection.execute(sa.select(secrets).where(mine).with_for_update()).one_or_none()
        if row is None:
            return Taken.NOTHING
        if row.refresher is not None and row.refresher_until and row.refresher_until > now:
            return Taken.BUSY
        connection.execute(secrets.delete().where(mine))
        ends = [end for end in (row.refresh_expires_at, row.consent_expires_at) if end]
        if row.consent_ended_at is not None or any(end <= now for end in ends):
            return Taken.DEAD
        connection.execute(
            revocations.insert().values(
                connection_id=connection_id, refresh_token=row.refresh_token, asked_at=now
            )
        )
    return Taken.SET_APART


def claim(
    engine: sa.Engine, *, now: datetime, connection_id: int | None = None, pause: timedelta = PAUSE
) -> list[Revocation]:
    """Take the revocations that were not tried for a while, so that nobody else tries them now.

    Args:
        engine: The database.
        now: The time.
        connection_id: Only those of this connection.
        pause: How long nobody has tried them; none takes all.
    """
    due = sa.or_(revocations.c.tried_at.is_(None), revocations.c.tried_at <= now - pause)
    if connection_id is not None:
        due &= revocations.c.connection_id == connection_id
    with engine.connect() as connection:  # nearly always there are none, and nobody need wait
        if connection.execute(sa.select(revocations.c.id).where(due)).first() is None:
            return []
    with writing(engine) as connection:
        # One statement: of two processes, the second finds them tried just now.
        update = revocations.update().where(due).values(tried_at=now)
        taken = connection.execute(update.returning(revocations.c.id)).scalars().all()
        query = (
            sa.select(revocations, connections.c.name)
            .join(connections)
            .where(revocations.c.id.in_(taken))
            .order_by(revocations.c.id)
        )
        return [
            Revocation(row.id, row.name, row.refresh_token, row.problem)
            for row in connection.execute(query)
        ]


def pending(engine: sa.Engine) -> set[int]:
    """Give the ids of the connections that have something to be revoked yet."""
    with engine.connect() as connection:
        return set(connection.execute(sa.select(revocations.c.connection_id)).scalars())


def done(engine: sa.Engine, id_: int) -> None:
    """Forget a revocation: Intuit was told."""
    with writing(engine) as connection:
        connection.execute(revocations.delete().where(revocations.c.id == id_))


def failed(engine: sa.Engine, id_: int, problem: str) -> None:
    """Note why a revocation could not be done."""
    with writing(engine) as connection:
        connection.execute(
            revocations.update().where(revocations.c.id == id_).values(problem=problem)
        )


def forget(engine: sa.Engine, connection_id: int) -> None:
    """Forget all revocations of a connection, untold: only when a person says so."""
    with writing(engine) as connection:
        connection.execute(revocations.delete().where(revocations.c.connection_id == connection_id))
