"""Lets deployed runs of a connection work one after the other, and skips runs that come too late.

For runs of deployments: scheduled ones, and those that somebody started in Prefect's page. A
command that a person types waits for nobody; the ledger keeps it apart from the others.

Prefect's own limits do not help: they count a deployment and not a connection, give a run's slot
away while it is paused, and keep it when its machine dies. So the lock is in our database, under a
lease (`connectors.store.run_locks`), as the claims of the ledger are.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Completed

from connectors.store.run_locks import RunLock
from flows.connections.disconnect import catch_up
from flows.context import RunContext, utc_now
from flows.heartbeat import kept_alive
from flows.operations.final_states import shown

#: Seconds between two attempts to take the lock.
PAUSE_S = 2.0

#: The state of a run that did nothing, because another does its work.
SKIPPED = "Skipped"

logger = logging.getLogger("prefect.flow_runs.clockbooks")


@contextmanager
def run_lock(context: RunContext) -> Iterator[dict[str, Any] | None]:
    """Hold the connection's run lock for the block, unless this run is not to work.

    Yields `None`, or the state that the flow is to return instead of working: see
    `flows.operations.final_states.shown`.

    With the setting `second_run` at `wait`, it waits for a run that is working; at `skip`, it
    leaves the work to that one. A run that starts again, because somebody decided about its plan
    or retries it, always waits: nobody else does its work.
    """
    run = own_run()
    if run is None or run.deployment_id is None:
        yield None
        return
    missed = why_missed()
    if missed:
        yield missed
        return
    holder = str(uuid4())
    waits = run.run_count > 1 or context.settings.second_run == "wait"
    other = _take(context, holder, what=flow_run.flow_name or "run", waits=waits)
    if other is not None:
        yield _skipped(
            f"{other.what} has been working for {context.connection.name} since"
            f" {other.since:%Y-%m-%d %H:%M} UTC, and CLOCKBOOKS_SECOND_RUN is skip."
        )
        return
    with _held(context, holder):
        yield None
    for note in catch_up():  # a machine that runs only flows revokes consents too
        logger.info("%s", note)


def why_missed() -> dict[str, Any] | None:
    """Return the state of a run whose time was missed, if a later run does its work."""
    run = own_run()
    if run is None or run.run_count > 1 or not _is_overtaken(run):
        return None
    return _skipped("Its time was missed: a later run does its work.")


def own_run() -> FlowRun | None:
    """Return the flow run that this is; `None` if it is none."""
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _skipped(why: str) -> dict[str, Any]:
    return shown(Completed(name=SKIPPED, message=why))


def _is_overtaken(run: FlowRun) -> bool:
    """Whether a scheduled run starts so late that a later one of the same kind is due already.

    After an outage Prefect starts every run that was missed; only the last of them is to work.
    """
    if not run.auto_scheduled or run.deployment_id is None or run.expected_start_time is None:
        return False
    later = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        expected_start_time=FlowRunFilterExpectedStartTime(
            after_=run.expected_start_time, before_=utc_now()
        ),
    )
    with get_client(sync_client=True) as client:
        due = client.read_flow_runs(
            flow_run_filter=later, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=50
        )
    return any(
        other.id != run.id
        and other.auto_scheduled
        and other.state_type != StateType.CANCELLED
        and other.parameters == run.parameters
        for other in due
    )


def _take(context: RunContext, holder: str, *, what: str, waits: bool) -> RunLock | None:
    """Take the lock, waiting if *waits*; if not, return who has it."""
    awaited = ""
    while True:
        lock = context.store.run_lock.take(holder, what, lease=context.lease)
        if lock.holder == holder:
            return None
        if not waits:
            return lock
        if awaited != lock.holder:
            logger.info("Waiting: %s is working for %s.", lock.what, context.connection.name)
            awaited = lock.holder
        time.sleep(PAUSE_S)  # whoever has it may be on another machine: nothing wakes us


@contextmanager
def _held(context: RunContext, holder: str) -> Iterator[None]:
    """Keep the lock for the block, and give it back at its end."""
    lock = context.store.run_lock

    def renew() -> bool:
        return lock.renew(holder, lease=context.lease)

    try:
        with kept_alive(f"run lock {holder}", context.lease, renew):
            yield
    finally:
        lock.release(holder)
