"""The lease of a run: while it is renewed, no other run takes over what this one has claimed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from connectors.store import runs
from flows.context import RunContext
from flows.heartbeat import kept_alive


class RunLease:
    """A run of a connection, with a lease on what it claims.

    Attributes:
        run_id: The run's key in the database, and `run_id` in JSON.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._until = context.now() + context.lease
        self.run_id = runs.start_run(
            context.engine, context.connection.id, now=context.now(), lease=context.lease
        )

    def check(self) -> None:
        """Make sure, just before something is sent, that the run still counts as alive.

        A machine that was suspended may wake up in the middle of a batch that others have settled.

        Raises:
            TryAgain: The lease is over.
        """
        if self._context.now() > self._until:
            raise runs.lease_over()

    def renewed(self, until: datetime) -> None:
        """Note that the lease was renewed."""
        self._until = max(self._until, until)

    def renew(self) -> bool:
        """Renew the lease; `False` when it is over, and others may have settled what it held."""
        now = self._context.now()
        context = self._context
        alive = runs.renew_lease(context.engine, self.run_id, now=now, lease=context.lease)
        if alive:
            self.renewed(now + context.lease)
        return alive


@contextmanager
def run_lease(context: RunContext) -> Iterator[RunLease]:
    """Start a run, keep it alive for the block, and finish it whatever happens.

    When no renewal gets through, `RunLease.check` still watches the clock.
    """
    lease = RunLease(context)
    try:
        with kept_alive(f"lease of {lease.run_id}", context.lease, lease.renew):
            yield lease
    finally:
        runs.finish_run(context.engine, lease.run_id, now=context.now())
