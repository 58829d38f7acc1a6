"""The Clockify stand-in's rate routes: PUT alone, in minor units (FACTS 2.8).

A rate with `since` is applied to what was tracked from then on, on plans with HISTORIC_RATES.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from connectors.standins.clockify.http import ADMINS_ONLY, Caller, CurrentCaller
from connectors.standins.clockify.people import workspace_row
from connectors.standins.clockify.rates import Rate, RateKey, currency_of, membership_of, price
from connectors.standins.clockify.rows import project_row, task_row
from connectors.standins.clockify.state import Row
from connectors.standins.clockify.times import parse_instant, stored


async def asked_key(request: Request) -> RateKey:
    """Return which rate a route sets."""
    return "costRate" if request.url.path.endswith("/cost-rate") else "hourlyRate"


AskedKey = Annotated[RateKey, Depends(asked_key)]

router = APIRouter(prefix="/workspaces/{workspace_id}", dependencies=[ADMINS_ONLY])


@router.put("/hourly-rate")
@router.put("/cost-rate")
async def rate_workspace(caller: CurrentCaller, body: Rate, key: AskedKey) -> JSONResponse:
    state = caller.state
    _set(caller, key, state.workspace, body, state.currency["code"], lambda _: True)
    return JSONResponse(workspace_row(state))


@router.put("/users/{user_id}/hourly-rate")
@router.put("/users/{user_id}/cost-rate")
async def rate_member(
    caller: CurrentCaller, user_id: str, body: Rate, key: AskedKey
) -> JSONResponse:
    state = caller.state
    user = state.find("User", user_id)
    _set(caller, key, user, body, state.currency["code"], lambda entry: entry["userId"] == user_id)
    return JSONResponse(workspace_row(state))


@router.put("/projects/{project_id}/users/{user_id}/hourly-rate")
@router.put("/projects/{project_id}/users/{user_id}/cost-rate")
async def rate_project_member(
    caller: CurrentCaller, project_id: str, user_id: str, body: Rate, key: AskedKey
) -> JSONResponse:
    state = caller.state
    project = state.find("Project", project_id)
    state.find("User", user_id)
    _set(
        caller,
        key,
        membership_of(project, user_id),
        body,
        currency_of(state, project),
        lambda entry: (entry["userId"], entry.get("projectId")) == (user_id, project_id),
    )
    return JSONResponse(project_row(state, project))


@router.put("/projects/{project_id}/tasks/{task_id}/hourly-rate")
@router.put("/projects/{project_id}/tasks/{task_id}/cost-rate")
async def rate_task(
    caller: CurrentCaller, project_id: str, task_id: str, body: Rate, key: AskedKey
) -> JSONResponse:
    state = caller.state
    project, task = state.find("Project", project_id), state.find("Task", task_id)
    caller.needs_feature("TASK_RATES")
    currency = currency_of(state, project)
    _set(caller, key, task, body, currency, lambda entry: entry.get("taskId") == task_id)
    return JSONResponse(task_row(state, task))


def _set(
    caller: Caller,
    key: RateKey,
    priced: Row,
    body: Rate,
    currency: str,
    is_meant: Callable[[Row], bool],
) -> None:
    """Set a rate, and apply it to what was tracked since then, if the body says when."""
    since = None if body.since is None else parse_instant(body.since)
    if since is not None:
        caller.needs_feature("HISTORIC_RATES")
    if key == "costRate":
        caller.needs_feature("LABOR_COST")
    priced[key] = {"amount": body.amount, "currency": currency}
    for entry in caller.state.entries.values():
        if since is not None and entry["start"] >= stored(since) and is_meant(entry):
            price(caller.state, entry)
