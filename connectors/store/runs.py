"""Runs and their leases: who is at work, and who has gone silent."""

from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import writing
from connectors.errors import TryAgain
from schemas.tables import runs


def start_run(engine: sa.Engine, connection_id: int, *, now: datetime, lease: timedelta) -> str:
    """Record that a run has begun, and give its id."""
    run_id = str(uuid4())
    with writing(engine) as connection:
        connection.execute(
            runs.insert().values(
                id=run_id, connection_id=connection_id, started_at=now, lease_until=now + lease
            )
        )
    return run_id


def renew_lease(engine: sa.Engine, run_id: str, *, now: datetime, lease: timedelta) -> bool:
    """Let a run count as alive until *lease* from *now*, unless its lease is over already.

    Returns:
        Whether it still lives. A lease that is over is never revived: another run may have taken
        over what this one held.
    """
    with writing(engine) as connection:
        return renew_within(connection, run_id, now=now, lease=lease)


def renew_within(
    connection: sa.Connection, run_id: str, *, now: datetime, lease: timedelta
) -> bool:
    alive = sa.and_(runs.c.id == run_id, runs.c.finished_at.is_(None), runs.c.lease_until >= now)
    change = runs.update().where(alive).values(lease_until=now + lease)
    return connection.execute(change).rowcount == 1


def finish_run(engine: sa.Engine, run_id: str, *, now: datetime) -> None:
    """Record that a run has ended: what it still claims is in doubt from now on."""
    with writing(engine) as connection:
        connection.execute(runs.update().where(runs.c.id == run_id).values(finished_at=now))


def lease_over() -> TryAgain:
    """Say that a run was asleep or cut off for so long that others count it as dead."""
    return TryAgain(
        "The run was out of touch with the database for longer than its lease"
        " (CLOCKBOOKS_LEASE_S), so another run may have taken over. Run the command again."
    )
