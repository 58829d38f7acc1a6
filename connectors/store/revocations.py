"""Consents that Intuit has still to end, kept until it was asked to.

The secrets of a connection become a revocation in one transaction, before Intuit is asked: so a
crash in between neither leaves usable secrets behind, nor forgets what is to be revoked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

import sqlalchemy as sa

from connectors.database import writing
from connectors.store.scope import ConnectionScope
from schemas.tables import connections, list_copies, revocations, secrets

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


class Revocations(ConnectionScope):
    """The revocations of one connection."""

    def set_apart(self) -> Taken:
        """Delete the connection's secrets, and keep the refresh token to be revoked while it lives.

        The copy of QuickBooks' lists goes with them: without them it serves nobody.

        While another process refreshes (FACTS, QBO, section 8: the token may change thereby),
        nothing is done: the token that is revoked must be the last one.
        """
        mine, now = self._own(secrets), self.now()
        with writing(self.engine) as connection:
            row = connection.execute(sa.select(secrets).where(mine).with_for_update()).one_or_none()
            if row is None:
                return Taken.NOTHING
            if row.refresher is not None and row.refresher_until and row.refresher_until > now:
                return Taken.BUSY
            for table in (secrets, list_copies):
                connection.execute(table.delete().where(self._own(table)))
            ends = [end for end in (row.refresh_expires_at, row.consent_expires_at) if end]
            if row.consent_ended_at is not None or any(end <= now for end in ends):
                return Taken.DEAD
            revocation = {"refresh_token": row.refresh_token, "asked_at": now}
            connection.execute(
                revocations.insert().values(connection_id=self.connection_id, **revocation)
            )
        return Taken.SET_APART

    def claim(self) -> list[Revocation]:
        """Take all of them, however lately they were tried; see `claim_due`."""
        return _claim(self.engine, self._own(revocations), now=self.now())

    def pending(self) -> bool:
        """Return whether something is still to be revoked."""
        return self.connection_id in all_pending(self.engine)

    def forget(self) -> None:
        """Forget all of them, though Intuit was not asked: only when a person says so."""
        with writing(self.engine) as connection:
            connection.execute(revocations.delete().where(self._own(revocations)))


def claim_due(engine: sa.Engine, *, now: datetime) -> list[Revocation]:
    """Take what no connection has tried for a while, so that nobody else tries it now."""
    tried = revocations.c.tried_at
    return _claim(engine, sa.or_(tried.is_(None), tried <= now - PAUSE), now=now)


def _claim(engine: sa.Engine, due: sa.ColumnElement[bool], *, now: datetime) -> list[Revocation]:
    with engine.connect() as connection:  # nearly always there are none, and nobody need wait
        if connection.execute(sa.select(revocations.c.id).where(due)).first() is None:
            return []
    with writing(engine) as connection:
        # One statement: of two processes, the second finds them tried just now.
        update = revocations.update().where(due).values(tried_at=now)
        taken = connection.scalars(update.returning(revocations.c.id)).all()
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


def all_pending(engine: sa.Engine) -> set[int]:
    """Return the ids of all connections that have something to be revoked yet."""
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(revocations.c.connection_id)))


def done(engine: sa.Engine, revocation: Revocation) -> None:
    """Forget a revocation: Intuit has ended the consent."""
    with writing(engine) as connection:
        connection.execute(revocations.delete().where(revocations.c.id == revocation.id))


def failed(engine: sa.Engine, revocation: Revocation, problem: str) -> None:
    """Note why a revocation could not be done."""
    with writing(engine) as connection:
        mine = revocations.c.id == revocation.id
        connection.execute(revocations.update().where(mine).values(problem=problem))
