"""Runs and their leases: which runs are alive. `claims_in_doubt` takes over what dead ones hold."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import writing
from connectors.errors import NeverLeft
from connectors.store.actors import Actor
from connectors.store.scope import ConnectionScope
from schemas.tables import runs


class Runs(ConnectionScope):
    """The runs of one connection."""

    def start(
        self,
        lease: timedelta,
        actor: Actor | None = None,
        *,
        approved_only: bool | None = None,
    ) -> str:
        """Record that a run has begun, who runs it and what it sends, and return its id."""
        run_id, now = str(uuid4()), self.now()
        values: dict[str, Any] = {"id": run_id, "started_at": now, "lease_until": now + lease}
        values["approved_only"] = approved_only
        with writing(self.engine) as connection:
            values["actor_id"] = actor and actor.known_in(connection)
            connection.execute(runs.insert().values(connection_id=self.connection_id, **values))
        return run_id

    def renew(self, run_id: str, lease: timedelta) -> bool:
        """Let a run count as alive until *lease* from now, unless its lease is over already.

        Returns:
            Whether it is alive. A lease that is over is never revived: another run may have taken
            over what this one held.
        """
        now = self.now()
        with writing(self.engine) as connection:
            return self.renew_within(connection, run_id, now=now, lease=lease)

    def renew_within(
        self, connection: sa.Connection, run_id: str, *, now: datetime, lease: timedelta
    ) -> bool:
        """Renew a lease within a transaction; see `renew`."""
        alive = sa.and_(
            self._own(runs),
            runs.c.id == run_id,
            runs.c.finished_at.is_(None),
            runs.c.lease_until >= now,
        )
        change = runs.update().where(alive).values(lease_until=now + lease)
        return connection.execute(change).rowcount == 1

    def set_plan(self, run_id: str, plan_id: int) -> None:
        """Record which approved plan a run is about to send."""
        mine = sa.and_(self._own(runs), runs.c.id == run_id)
        with writing(self.engine) as connection:
            connection.execute(runs.update().where(mine).values(plan_id=plan_id))

    def finish(self, run_id: str) -> None:
        """Record that a run has ended: what it still claims is in doubt from now on."""
        now = self.now()
        mine = sa.and_(self._own(runs), runs.c.id == run_id)
        with writing(self.engine) as connection:
            connection.execute(runs.update().where(mine).values(finished_at=now))


def lease_over() -> NeverLeft:
    """Return the error of a run that slept, or was cut off, until others counted it as dead."""
    return NeverLeft(
        "The run was out of touch with the database for longer than its lease"
        " (CLOCKBOOKS_LEASE_S), so another run may have taken over. Run the command again."
    )
