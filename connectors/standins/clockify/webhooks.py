"""The Clockify stand-in's webhooks: made, changed, given new tokens, and their logs (FACTS 7)."""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    ADMINS_ONLY,
    Asked,
    Caller,
    CurrentCaller,
    Unpaged,
    not_modelled,
)
from connectors.standins.clockify.outbox import EVENTS, SOURCES
from connectors.standins.clockify.rows import SHOWN, entry_row
from connectors.standins.clockify.state import Row, State, refuse, shown_name
from connectors.standins.clockify.times import parse_instant, stored

LOGS_KEPT = timedelta(days=7)


class WebhookQuery(Unpaged):
    """Which webhooks to list; all of them were made by users here."""

    type: Literal["USER_CREATED", "SYSTEM", "ADDON"] | None = None


class WrittenWebhook(BaseModel):
    """The body that makes or replaces a webhook."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    name: str | None = None
    url: str = Field(min_length=1)
    webhook_event: str
    trigger_source_type: str
    trigger_source: list[str]


class LogQuery(Asked):
    """Which page of logs; unlike elsewhere, the first one is 0."""

    page: int = Field(default=0, ge=0)
    size: int = Field(default=50, ge=1)


class LogSearch(BaseModel):
    """Which logs to show."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    since: str | None = Field(default=None, alias="from")
    to: str | None = None
    sort_by_newest: bool = False
    status: Literal["ALL", "SUCCEEDED", "FAILED"] = "ALL"


router = APIRouter(prefix="/workspaces/{workspace_id}/webhooks", dependencies=[ADMINS_ONLY])


@router.get("")
async def list_webhooks(
    caller: CurrentCaller, asked: Annotated[WebhookQuery, Query()]
) -> JSONResponse:
    rows = list(caller.state.webhooks.values()) if asked.type in {None, "USER_CREATED"} else []
    return JSONResponse({"workspaceWebhookCount": len(rows), "webhooks": rows})


@router.post("")
async def create_webhook(caller: CurrentCaller, body: WrittenWebhook) -> JSONResponse:
    state = caller.state
    _check_number(caller)
    webhook: Row = {"id": state.new_id(), "userId": caller.user["id"], **_content(body)}
    webhook |= {
        "workspaceId": state.workspace_id,
        "authToken": _token(webhook["id"]),
        "enabled": True,
        "deliveryEnabled": True,
        "planEnabled": True,
    }
    state.webhooks[webhook["id"]] = webhook
    return JSONResponse(webhook, 201)


@router.get("/{webhook_id}")
async def show_webhook(caller: CurrentCaller, webhook_id: str) -> JSONResponse:
    return JSONResponse(caller.state.find("Webhook", webhook_id))


@router.put("/{webhook_id}")
async def replace_webhook(
    caller: CurrentCaller, webhook_id: str, body: WrittenWebhook
) -> JSONResponse:
    webhook = caller.state.find("Webhook", webhook_id)
    webhook |= _content(body)
    return JSONResponse(webhook)


@router.delete("/{webhook_id}")
async def delete_webhook(caller: CurrentCaller, webhook_id: str) -> Response:
    caller.state.find("Webhook", webhook_id)
    del caller.state.webhooks[webhook_id]
    return Response(status_code=200)


@router.patch("/{webhook_id}/token")
async def renew_token(caller: CurrentCaller, webhook_id: str) -> JSONResponse:
    """Give a new token; what is signed with the old one is not to be trusted any more."""
    webhook = caller.state.find("Webhook", webhook_id)
    webhook["authToken"] = _token(webhook["authToken"])
    return JSONResponse(webhook)


@router.post("/{webhook_id}/logs")
async def list_logs(
    caller: CurrentCaller, webhook_id: str, asked: Annotated[LogQuery, Query()], body: LogSearch
) -> JSONResponse:
    state = caller.state
    state.find("Webhook", webhook_id)
    kept = stored(state.now() - LOGS_KEPT)
    since = max(kept, stored(parse_instant(body.since)) if body.since else kept)
    until = stored(parse_instant(body.to)) if body.to else "~"
    rows = [
        log
        for log in state.outbox.logs
        if log["webhookId"] == webhook_id
        and since <= log["respondedAt"] <= until
        and body.status in {"ALL", "SUCCEEDED" if 200 <= log["statusCode"] < 300 else "FAILED"}
    ]
    if body.sort_by_newest:
        rows.reverse()
    return JSONResponse(rows[asked.page * asked.size : (asked.page + 1) * asked.size])


def _content(body: WrittenWebhook) -> Row:
    """Return what a body makes of a webhook, or refuse it."""
    if body.name is None:
        refuse("Webhook already exists")  # so misleading is the real one
    if not 2 <= len(body.name) <= 30:
        refuse("length must be between 2 and 30")
    if body.webhook_event not in EVENTS:
        not_modelled(f"webhookEvent {body.webhook_event}")
    if body.trigger_source_type not in SOURCES:
        not_modelled(f"triggerSourceType {body.trigger_source_type}")
    return body.model_dump(by_alias=True)


def _check_number(caller: Caller) -> None:
    """Refuse more webhooks than the plan has: for a user, and for the workspace."""
    plan = str(caller.state.workspace.get("featureSubscriptionType", "FREE"))
    for_user, for_all = (3, 3) if plan == "FREE" else (10, 100)
    if plan.startswith("ENTERPRISE"):
        for_user, for_all = 100, 300
    webhooks = caller.state.webhooks.values()
    own = [webhook for webhook in webhooks if webhook["userId"] == caller.user["id"]]
    if len(own) >= for_user or len(webhooks) >= for_all:
        refuse("Webhook limit reached")  # the text is ours


def _token(seed: str) -> str:
    """Make a token of 32 characters; like all of this stand-in, the same one every time."""
    return sha256(f"token {seed}".encode()).hexdigest()[:32]


def told(state: State, kind: str, row: Row) -> Row:
    """Show a row as a webhook tells of it: flat, its ids beside what they name (FACTS 7).

    No delivery was ever captured: this is what receivers read of them.
    """
    if kind != "TIME_ENTRY":
        return SHOWN[kind](state, row)
    user = state.users.get(row["userId"], {})
    project, task = state.project_of(row), state.task_of(row)
    client = state.client_of(project)
    return {
        **entry_row(state, row),
        "user": {"id": row["userId"], "name": shown_name(user), "status": user.get("status")},
        "project": {
            "id": project["id"],
            "name": project["name"],
            "clientId": client.get("id", ""),
            "clientName": client.get("name", ""),
        }
        if project
        else None,
        "task": {"id": task["id"], "name": task["name"]} if task else None,
        "tags": [{"id": tag["id"], "name": tag["name"]} for tag in state.tags_of(row)],
    }
