"""A run that says it is alive for as long as it is, so that nobody takes over what it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from connectors.store import runs
from flows.context import World
from flows.heartbeat import kept_alive


class LiveRun:
    """One run of a connection, with a lease on what it claims.

    Attributes:
        id: Its key in the database, and `run_id` in JSON.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._lease_until = world.now() + world.lease
        self.id = runs.start_run(
            world.engine, world.connection.id, now=world.now(), lease=world.lease
        )

    def check(self) -> None:
        """Make sure, just before something is sent, that the run still counts as alive.

        A machine that slept may wake up in the middle of a batch that others have settled since.

        Raises:
            TryAgain: Its lease is over.
        """
        if self._world.now() > self._lease_until:
            raise runs.lease_over()

    def renewed(self, until: datetime) -> None:
        """Take note that the lease was renewed."""
        self._lease_until = max(self._lease_until, until)

    def renew(self) -> bool:
        """Renew the lease; `False` when it is over, and others may have settled what it held."""
        now = self._world.now()
        alive = runs.renew_lease(self._world.engine, self.id, now=now, lease=self._world.lease)
        if alive:
            self.renewed(now + self._world.lease)
        return alive


@contextmanager
def live_run(world: World) -> Iterator[LiveRun]:
    """Begin a run, keep it alive for the block, and end it whatever happens.

    While no renewal gets through, `LiveRun.check` watches the clock.
    """
    run = LiveRun(world)
    try:
        with kept_alive(f"lease of {run.id}", world.lease, run.renew):
            yield run
    finally:
        runs.finish_run(world.engine, run.id, now=world.now())
