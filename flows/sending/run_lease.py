"""The lease of a run: while it is renewed, no other run takes over what this one has claimed.

Once it is over, `connectors.store.claims_in_doubt` hands the claims to the next run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from connectors.store.runs import lease_over
from flows.context import RunContext
from flows.heartbeat import kept_alive


class RunLease:
    """A run of a connection, with a lease on what it claims."""

    def __init__(self, context: RunContext, *, approved_only: bool | None = None) -> None:
        self._context = context
        self._until = context.now() + context.lease
        self.run_id = context.store.runs.start(
            context.lease, context.actor, approved_only=approved_only
        )

    def check(self) -> None:
        """Make sure, just before something is sent, that the run still counts as alive.

        A machine that was suspended may wake up in the middle of a batch that others have settled.

        Raises:
            TryAgain: The lease is over.
        """
        if self._context.now() > self._until:
            raise lease_over()

    def renewed(self, until: datetime) -> None:
        """Note that the lease was renewed."""
        self._until = max(self._until, until)

    def renew(self) -> bool:
        """Renew the lease; `False` when it is over, and others may have settled what it held."""
        now, lease = self._context.now(), self._context.lease
        alive = self._context.store.runs.renew(self.run_id, lease)
        if alive:
            self.renewed(now + lease)
        return alive


@contextmanager
def run_lease(context: RunContext, *, approved_only: bool | None = None) -> Iterator[RunLease]:
    """Start a run, keep it alive for the block, and finish it whatever happens.

    When no renewal gets through, `RunLease.check` still watches the clock. *approved_only* says
    whether the run sends approved entries alone.
    """
    lease = RunLease(context, approved_only=approved_only)
    try:
        with kept_alive(f"lease of {lease.run_id}", context.lease, lease.renew):
            yield lease
    finally:
        context.store.runs.finish(lease.run_id)
    if context.settings.history_years is not None:
        years = timedelta(days=366 * context.settings.history_years)  # never too early
        context.store.history.drop_before(context.now() - years)
