"""The run lock: which run of a connection is at work, over all processes and machines.

One row a connection. Who holds it says so again and again; when it stops, its lease runs out and
the next one takes the lock. It saves work and keeps runs apart in time; that nothing goes twice is
the ledger's doing, and holds without it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.database import insert_into, writing
from connectors.store.scope import ConnectionScope
from schemas.tables import turns


@dataclass(frozen=True)
class RunLock:
    """Who holds the lock.

    Attributes:
        holder: An id of its own.
        what: What it does: a flow's name.
        since: Since when, UTC.
        until: When its lease runs out, UTC.
    """

    holder: str
    what: str
    since: datetime
    until: datetime


class RunLocks(ConnectionScope):
    """The run lock of one connection."""

    def take(self, holder: str, what: str, *, lease: timedelta) -> RunLock:
        """Take the lock if it is free or its lease has run out, and return who holds it now.

        It counts for the *lease* from now; see `renew`.
        """
        now = self.now()
        mine = {"holder": holder, "what": what, "since": now, "until": now + lease}
        insert = insert_into(self.engine, turns).values(connection_id=self.connection_id, **mine)
        statement = insert.on_conflict_do_update(
            index_elements=[turns.c.connection_id],
            set_=mine,
            where=sa.or_(turns.c.until < now, turns.c.holder == holder),
        )
        with writing(self.engine) as connection:
            connection.execute(statement)
            row = connection.execute(sa.select(turns).where(self._own(turns))).one()
        return RunLock(row.holder, row.what, row.since, row.until)

    def renew(self, holder: str, *, lease: timedelta) -> bool:
        """Let the lock count until *lease* from now, and return whether *holder* still has it."""
        until = self.now() + lease
        with writing(self.engine) as connection:
            renewal = turns.update().where(self._held_by(holder)).values(until=until)
            return connection.execute(renewal).rowcount == 1

    def release(self, holder: str) -> None:
        """Leave the lock to the next one, where *holder* still has it."""
        with writing(self.engine) as connection:
            connection.execute(turns.delete().where(self._held_by(holder)))

    def _held_by(self, holder: str) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(turns), turns.c.holder == holder)
