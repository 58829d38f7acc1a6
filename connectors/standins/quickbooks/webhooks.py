"""What QuickBooks' stand-in tells a webhook, in both of Intuit's forms (FACTS 9).

Nothing leaves by itself: `Webhooks.deliver` sends what is due by the stand-in's clock, so that a
test says when. Switches make it late, turn its order round, and send it more than once.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import requests

from connectors.standins.quickbooks.company import Change, Company
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import PACIFIC, write_json

TIMEOUT_S = 3
RETRIES = [timedelta(minutes=minutes) for minutes in (20, 30, 50)]
TRIED_AGAIN = {0, 408, 500, 502, 503, 504}  # 0: no answer in time


@dataclass
class Message:
    """One notification: the same bytes each time that it is tried."""

    body: bytes
    due: datetime
    waits: list[timedelta] = field(default_factory=lambda: list(RETRIES))


class Webhooks:
    """The endpoint of one app.

    Attributes:
        url: Where notifications go; nothing is gathered before it is set.
        verifier_token: Signs them; the app knows it from the developer portal.
        waiting: Messages that are not delivered yet.
        is_blacklisted: Whether Intuit gave the endpoint up.
    """

    def __init__(
        self, company: Company, *, now: Callable[[], datetime], switches: Switches
    ) -> None:
        self.company = company
        self.now = now
        self.switches = switches
        self.url = ""
        self.verifier_token = "not a real verifier token"  # noqa: S105 - of no one
        self.waiting: list[Message] = []
        self.is_blacklisted = False
        self._told = 0  # how many of the company's changes are in messages

    def listen(self, url: str) -> None:
        """Send what happens from now on to *url*."""
        self.url, self.is_blacklisted = url, False
        self._told = len(self.company.changes)

    def deliver(self) -> list[int]:
        """Send what is due, and return the status of each answer; 0 where none came in time."""
        self._gather()
        due = [message for message in self.waiting if message.due <= self.now()]
        if self.switches.webhooks_backwards:
            due.reverse()
        copies = [message for message in due for _ in range(self.switches.webhook_deliveries)]
        return [self._send(message) for message in copies if not self.is_blacklisted]

    def _gather(self) -> None:
        """Put what happened since the last time into messages."""
        changes = self.company.changes[self._told :] if self.url else []
        size = self.switches.webhook_events or len(changes)
        delay = timedelta(seconds=self.switches.webhook_delay_s)
        for start in range(0, len(changes), max(size, 1)):
            events = changes[start : start + size]
            number = self._told + start
            body = self._cloud_events(events, number)
            if self.switches.webhook_form == "eventNotifications":
                body = self._event_notifications(events)
            self.waiting.append(Message(body.encode(), events[-1].moment + delay))
        self._told = len(self.company.changes)

    def _send(self, message: Message) -> int:
        status = self._post(message)
        if status in TRIED_AGAIN and message.waits:
            message.due = self.now() + message.waits.pop(0)
        elif message in self.waiting:
            self.waiting.remove(message)
            self.is_blacklisted = status in TRIED_AGAIN
        return status

    def _post(self, message: Message) -> int:
        key = self.verifier_token.encode()
        signature = base64.b64encode(hmac.digest(key, message.body, hashlib.sha256)).decode()
        old = self.switches.webhook_form == "eventNotifications"
        headers = {
            "Content-Type": "application/json" if old else "application/cloudevents+json",
            "intuit-signature": signature,
            "intuit-created-time": f"{self.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "intuit-t-id": str(uuid.uuid4()),
            "intuit-notification-schema-version": "0.1",
        }
        try:
            return requests.post(
                self.url,
                data=message.body,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            return 0

    def _event_notifications(self, changes: Sequence[Change]) -> str:
        entities = [
            {
                "name": change.entity,
                "id": change.id,
                "operation": change.operation,
                "lastUpdated": f"{change.moment.astimezone(PACIFIC):%Y-%m-%dT%H:%M:%S%z}",
            }
            for change in changes
        ]
        event = {"realmId": self.company.realm_id, "dataChangeEvent": {"entities": entities}}
        return write_json({"eventNotifications": [event]})

    def _cloud_events(self, changes: Sequence[Change], number: int) -> str:
        realm = self.company.realm_id
        return write_json(
            [
                {
                    "specversion": "1.0",
                    "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{realm}/{n}")),
                    "source": "intuit.dGhlIHN0YW5kLWlu",
                    "type": f"qbo.{change.entity.lower()}.{change.operation.lower()}d.v1",
                    "datacontenttype": "application/json",
                    "time": f"{change.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
                    "intuitentityid": change.id,
                    "intuitaccountid": realm,
                    "data": {},
                }
                for n, change in enumerate(changes, start=number)
            ]
        )
