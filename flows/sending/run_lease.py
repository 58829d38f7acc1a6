"""A run that says it is alive for as long as it is, so that nobody takes over what it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from connectors.store.runs import lease_over
from flows.context import RunContext
from flows.heartbeat import kept_alive


class LiveRun:
    """One run of a connection, with a lease on what it claims.

    Attributes:
        id: Its key in the database, and `run_id` in JSON.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._lease_until = context.now() + context.lease
        self.id = context.store.runs.start(context.lease)

    def check(self) -> None:
        """Make sure, just before something is sent, that the run still counts as alive.

        A machine that slept may wake up in the middle of a batch that others have settled since.

        Raises:
            TryAgain: Its lease is over.
        """
        if self._context.now() > self._lease_until:
            raise lease_over()

    def renewed(self, until: datetime) -> None:
        """Take note that the lease was renewed."""
        self._lease_until = max(self._lease_until, until)

    def renew(self) -> bool:
        """Renew the lease; `False` when it is over, and others may have settled what it held."""
        now = self._context.now()
        alive = self._context.store.runs.renew(self.id, self._context.lease)
        if alive:
            self.renewed(now + self._context.lease)
        return alive


@contextmanager
def live_run(context: RunContext) -> Iterator[LiveRun]:
    """Begin a run, keep it alive for the block, and end it whatever happens.

    While no renewal gets through, `LiveRun.check` watches the clock.
    """
    run = LiveRun(context)
    try:
        with kept_alive(f"lease of {run.id}", context.lease, run.renew):
            yield run
    finally:
        context.store.runs.finish(run.id)
