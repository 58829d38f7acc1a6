"""What `clockbooks ui` puts in order when it starts: runs that died with it, and runs it missed.

Here too is how all runs of Prefect's that fit are read, however many.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed

from flows.operations.final_states import WHAT_DIED

#: How many rows Prefect's server gives at once.
PAGE = 200


def bury_the_dead(client: SyncPrefectClient) -> int:
    """Say of the runs that an earlier `clockbooks ui` left running that they crashed.

    Right only while nobody else runs served deployments. Runs of a work pool are their workers',
    and those of commands are no deployment's: their heartbeats tell.

    Returns:
        How many there were.
    """
    left = every_run(
        client,
        state={"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}},
        deployment_id={"is_null_": False},
    )
    dead = [run for run in left if run.work_pool_name is None]
    for run in dead:
        client.set_flow_run_state(run.id, Crashed(message=WHAT_DIED), force=True)
    return len(dead)


def skip_the_missed(client: SyncPrefectClient, *, now: datetime) -> int:
    """Leave, of the scheduled runs whose time has passed, the last of each kind alone.

    Prefect would start all of them together. Each goes over the same days, so one is enough. What
    a person planned for a time is no schedule's, and runs; so does what somebody decided about
    while nothing ran here: such a run begins again.

    Returns:
        How many are left out.
    """
    kinds: dict[tuple[Any, str], list[FlowRun]] = defaultdict(list)
    for run in every_run(
        client,
        state={"type": {"any_": ["SCHEDULED"]}},
        deployment_id={"is_null_": False},
        expected_start_time={"before_": now.isoformat()},
    ):
        if run.auto_scheduled and run.work_pool_name is None and not run.run_count:
            kinds[run.deployment_id, repr(sorted(run.parameters.items()))].append(run)
    missed = [run for runs in kinds.values() for run in runs[:-1]]  # the earliest come first
    for run in missed:
        state: State[Any] = Cancelled(
            name="Missed", message="Clockbooks was not running then; a later run does its work."
        )
        client.set_flow_run_state(run.id, state, force=True)
    return len(missed)


def every_run(client: SyncPrefectClient, **wanted: Any) -> list[FlowRun]:
    """Give all runs that fit, page by page, the earliest first."""
    found: list[FlowRun] = []
    chosen = FlowRunFilter.model_validate(wanted)
    while True:
        page = client.read_flow_runs(
            flow_run_filter=chosen,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < PAGE:
            return found
