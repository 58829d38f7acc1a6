"""The deployments of prefect.yaml, for `clockbooks ui` to serve.

Prefect's own `deploy` reads the same file for work pools.
"""

import asyncio
from datetime import datetime
from importlib import import_module
from typing import Any

import yaml
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.server.schemas.schedules import SCHEDULE_TYPES
from prefect.types.entrypoint import EntrypointType
from pydantic import TypeAdapter

from flows.installed import FILES

PREFECT_YAML = FILES / "prefect.yaml"

#: The members of a deployment that we read. A test holds the file to them, because Prefect silently
#: ignores others. `work_pool` is for those who run workers.
MEMBERS = {"name", "description", "entrypoint", "parameters", "schedules", "work_pool"}


def listed() -> list[dict[str, Any]]:
    """Return the deployments in prefect.yaml."""
    found: list[dict[str, Any]] = yaml.safe_load(PREFECT_YAML.read_text())["deployments"]
    return found


def to_serve(client: SyncPrefectClient) -> list[RunnerDeployment]:
    """Return the deployments: new ones as in prefect.yaml, known ones as the server has them.

    So a restart keeps the schedules and parameters that somebody changed in Prefect's pages.
    """
    return [_deployment(item, client) for item in listed()]


def next_runs(client: SyncPrefectClient, now: datetime) -> dict[str, datetime]:
    """Return when each deployment runs next whose schedule is on, on the schedule's own clock."""
    found = {}
    for item in listed():
        name = f"{flow_of(item).name}/{item['name']}"
        known = _known(name, client)
        if known is None or known.paused:
            continue
        dates = [next_date(row.schedule, now) for row in known.schedules if row.active]
        if coming := [one for one in dates if one is not None]:
            found[name] = min(coming)
    return found


def next_date(schedule: Any, now: datetime) -> datetime | None:
    """Return the next date of a schedule; only the server's classes can compute it."""
    computable = TypeAdapter(SCHEDULE_TYPES).validate_python(schedule.model_dump())
    return next(iter(asyncio.run(computable.get_dates(1, start=now))), None)


def flow_of(item: dict[str, Any]) -> Flow[..., Any]:
    """Return the flow that a deployment's entrypoint names, such as `flows.settle.settle`."""
    module, _, name = item["entrypoint"].rpartition(".")
    found: Flow[..., Any] = getattr(import_module(module), name)
    return found


def _deployment(item: dict[str, Any], client: SyncPrefectClient) -> RunnerDeployment:
    flow = flow_of(item)
    known = _known(f"{flow.name}/{item['name']}", client)
    # By module, which is found from any folder; a path would be relative to the current one.
    deployment = RunnerDeployment.from_flow(
        flow,
        name=item["name"],
        description=item["description"],
        parameters=_parameters(item, known, flow),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    if known is None:
        deployment.schedules = [_schedule(row) for row in item.get("schedules", [])]
    else:
        # Prefect keeps what was never set.
        deployment.model_fields_set.difference_update({"schedules", "paused"})
    return deployment


def _known(name: str, client: SyncPrefectClient) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _parameters(
    item: dict[str, Any], known: DeploymentResponse | None, flow: Flow[..., Any]
) -> dict[str, Any]:
    if known is None:
        return dict(item.get("parameters", {}))
    # A parameter that this version no longer has would fail every run.
    there = flow.parameters.properties
    return {name: value for name, value in known.parameters.items() if name in there}


def _schedule(row: dict[str, Any]) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=row["cron"], timezone=row["timezone"]),
        slug=row["slug"],
        active=row["active"],
    )


def entrypoints() -> frozenset[str]:
    """Return the entrypoints that may be run: those in prefect.yaml."""
    return frozenset(item["entrypoint"] for item in listed())


def job_variables() -> dict[str, Any]:
    """Return the job variables for workers, which are the same for all deployments."""
    found: dict[str, Any] = listed()[0]["work_pool"]["job_variables"]
    return found
