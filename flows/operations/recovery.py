"""Cleans up when `clockbooks ui` starts: runs that crashed with it, and runs that it missed."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed

from flows.operations.final_states import CRASHED

#: How many rows Prefect's server returns at a time.
PAGE = 200


def mark_crashed_runs(client: SyncPrefectClient) -> int:
    """Mark the runs as crashed that an earlier `clockbooks ui` left running; return their number.

    That is right only while nobody else serves the deployments. Runs of work pools belong to their
    workers, and those of commands to no deployment: their heartbeats show whether they live.
    """
    left = every_run(
        client,
        state={"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}},
        deployment_id={"is_null_": False},
    )
    crashed = [run for run in left if run.work_pool_name is None]
    for run in crashed:
        client.set_flow_run_state(run.id, Crashed(message=CRASHED), force=True)
    return len(crashed)


def skip_missed_runs(client: SyncPrefectClient, *, now: datetime) -> int:
    """Cancel the scheduled runs that were missed, but for the last of each kind; return how many.

    Prefect would start all of them together, although each covers the same days. Runs that a person
    scheduled still run, and so do runs that start again after a decision.
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
            name="Missed", message="Clockbooks was not running then. A later run does its work."
        )
        client.set_flow_run_state(run.id, state, force=True)
    return len(missed)


def every_run(client: SyncPrefectClient, **wanted: Any) -> list[FlowRun]:
    """Return all runs that fit, the earliest first."""
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
