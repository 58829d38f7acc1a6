"""A run that says it is alive for as long as it is, so that nobody takes over what it holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from connectors import ledger
from flows.world import World

#: A lease is renewed this often while it lasts; some renewals may fail before it is over.
BEATS_PER_LEASE = 4


class LiveRun:
    """One run of a connection, with a lease on what it claims.

    Attributes:
        id: Its key in the database, and `run_id` in JSON.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = threading.Event()
        self._lease_until = world.now() + world.lease
        self.id = ledger.start_run(
            world.engine, world.connection.id, now=world.now(), lease=world.lease
        )

    def check(self) -> None:
        """Make sure, just before something is sent, that the run still counts as alive.

        A machine that slept may wake up in the middle of a batch that others have settled since.

        Raises:
            TryAgain: Its lease is over.
        """
        if self._world.now() > self._lease_until:
            raise ledger.lease_over()

    def renewed(self, until: datetime) -> None:
        """Take note that the lease was renewed."""
        self._lease_until = max(self._lease_until, until)

    def beat(self) -> None:
        """Renew the lease again and again until the run ends; runs in a thread of its own."""
        pause_s = self._world.lease.total_seconds() / BEATS_PER_LEASE
        while not self._ended.wait(pause_s):
            now = self._world.now()
            try:
                alive = ledger.renew_lease(
                    self._world.engine, self.id, now=now, lease=self._world.lease
                )
            except sa.exc.SQLAlchemyError:
                continue  # the next beat may get through; until then `check` watches the clock
            if not alive:
                return
            self.renewed(now + self._world.lease)

    def end(self) -> None:
        """Let the heart stop."""
        self._ended.set()


@contextmanager
def live_run(world: World) -> Iterator[LiveRun]:
    """Begin a run, keep it alive for the block, and end it whatever happens."""
    run = LiveRun(world)
    heart = threading.Thread(target=run.beat, name=f"lease of {run.id}", daemon=True)
    heart.start()
    try:
        yield run
    finally:
        run.end()
        heart.join()
        ledger.finish_run(world.engine, run.id, now=world.now())
