"""What the Clockify stand-in tells its webhooks, and how it gets there (FACTS 7).

Deliveries leave one after another, after the answer to what caused them. How often, when and in
which order the real ones come is not known: switches repeat them, hold them back, turn them round.
"""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from connectors.standins.clockify.changes import Change
from connectors.standins.clockify.switches import Switches

Row = dict[str, Any]

TIMEOUT_S = 10

# What a trigger source names, and where a row has it.
SOURCES = {
    "WORKSPACE_ID": "",
    "PROJECT_ID": "projectId",
    "USER_ID": "userId",
    "TASK_ID": "taskId",
    "TAG_ID": "tagIds",
}
NAMES = {"CLIENTS": "CLIENT", "PROJECTS": "PROJECT", "TAGS": "TAG", "TASKS": "TASK"}
EVENTS = {
    "NEW_TIME_ENTRY",
    "NEW_TIMER_STARTED",
    "TIMER_STOPPED",
    "TIME_ENTRY_UPDATED",
    "TIME_ENTRY_DELETED",
    "NEW_APPROVAL_REQUEST",
    "APPROVAL_REQUEST_STATUS_UPDATED",
    "USER_ACTIVATED_ON_WORKSPACE",
    "USER_DEACTIVATED_ON_WORKSPACE",
    *(f"NEW_{name}" for name in NAMES.values()),
    *(f"{name}_UPDATED" for name in NAMES.values()),
    *(f"{name}_DELETED" for name in NAMES.values()),
}


@dataclass(frozen=True)
class Delivery:
    """One event for one webhook, as it was when it happened."""

    webhook: Row
    event: str
    body: bytes


class Outbox:
    """The deliveries, waiting and done.

    Attributes:
        held: What waits for `release`, because a switch holds it back.
        logs: What was delivered, as `webhooks/{id}/logs` shows it.
    """

    def __init__(
        self, webhooks: dict[str, Row], *, now: Callable[[], datetime], switches: Switches
    ) -> None:
        self.held: list[Delivery] = []
        self.logs: list[Row] = []
        self._webhooks, self._now, self._switches = webhooks, now, switches
        self._worker: ThreadPoolExecutor | None = None  # started by the first delivery
        self._last: Future[None] | None = None

    def publish(self, event: str, row: Row, shown: Callable[[], Row]) -> None:
        """Tell every webhook that listens to *event* of *row*, in the words that *shown* gives."""
        listening = [
            webhook
            for webhook in self._webhooks.values()
            if webhook["enabled"] and webhook["webhookEvent"] == event and _fits(webhook, row)
        ]
        if not listening:
            return
        body = shown()
        if self._switches.webhook_envelope:
            body = {"event": event, _envelope_key(event): body}
        for webhook in listening:
            delivery = Delivery(dict(webhook), event, json.dumps(body).encode())
            if self._switches.webhooks_held:
                self.held.append(delivery)
            else:
                self._send(delivery)

    def release(self) -> None:
        """Send what is held back, in order or the other way round."""
        held, self.held = self.held, []
        for delivery in reversed(held) if self._switches.webhooks_backwards else held:
            self._send(delivery)

    def wait(self) -> None:
        """Return when every delivery under way has been tried."""
        if self._last is not None:
            self._last.result(timeout=60)

    def _send(self, delivery: Delivery) -> None:
        self._worker = self._worker or ThreadPoolExecutor(1, "Clockify's webhooks")
        for _ in range(self._switches.webhook_deliveries):
            self._last = self._worker.submit(self._post, delivery)

    def _post(self, delivery: Delivery) -> None:
        headers = {
            "Content-Type": "application/json",
            "Clockify-Signature": delivery.webhook["authToken"],
            "Clockify-Webhook-Event-Type": delivery.event,
        }
        for _ in range(self._switches.webhook_attempts):
            try:
                answer = requests.post(
                    delivery.webhook["url"],
                    data=delivery.body,
                    headers=headers,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
                status, text = answer.status_code, answer.text
            except requests.RequestException as error:
                status, text = 0, type(error).__name__
            self._log(delivery, status, text)
            if 200 <= status < 300:
                return

    def _log(self, delivery: Delivery, status: int, text: str) -> None:
        id_ = f"{len(self.logs) + 1:024x}"
        self.logs.append(
            {
                "id": id_,
                "webhookId": delivery.webhook["id"],
                "webhookEventStatusId": id_,
                "requestBody": delivery.body.decode(),
                "respondedAt": f"{self._now():%Y-%m-%dT%H:%M:%SZ}",
                "responseBody": text,
                "statusCode": status,
            }
        )


def event_of(change: Change) -> str:
    """Name the event of a change."""
    if change.kind != "TIME_ENTRY":
        name = NAMES[change.kind]
        return f"NEW_{name}" if change.what == "created" else f"{name}_{change.what.upper()}"
    before, after = change.before or {}, change.after or {}
    if change.what == "created":
        return "NEW_TIME_ENTRY" if after["end"] else "NEW_TIMER_STARTED"
    if change.what == "updated" and before["end"] is None and after["end"] is not None:
        return "TIMER_STOPPED"
    return f"TIME_ENTRY_{change.what.upper()}"


def _fits(webhook: Row, row: Row) -> bool:
    """Return whether a row belongs to what a webhook listens to."""
    kind = webhook["triggerSourceType"]
    if kind == "WORKSPACE_ID":
        return True
    named = row.get(SOURCES[kind])
    ids = {row["id"], *(named if isinstance(named, list) else [named])}
    return bool(ids & set(webhook["triggerSource"]))


def _envelope_key(event: str) -> str:
    """Name the member of the envelope that one of the notes shows: `timeEntry` (FACTS 7)."""
    if "TIMER" in event or "TIME_ENTRY" in event:
        return "timeEntry"
    return "payload"
