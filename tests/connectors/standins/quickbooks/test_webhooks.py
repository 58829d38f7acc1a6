"""Webhooks of the QuickBooks stand-in: what they say, how they are signed, and when they come."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from connectors.standins.server import serving


class Endpoint:
    """An endpoint that notes what arrives, and answers with the status that a test wants."""

    def __init__(self):
        """Answer 200 at first."""
        self.status = 200
        self.came = []

    async def __call__(self, scope, receive, send):
        """Note one message."""
        message = await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.came.append((headers, message["body"]))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def bodies(self):
        return [json.loads(body) for _, body in self.came]


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[Endpoint, str]]:
    """Serve one endpoint for all tests."""
    endpoint = Endpoint()
    with serving(endpoint) as url:
        yield endpoint, url


@pytest.fixture
def endpoint(qbo, address):
    """Give the endpoint, forgetful, with the company's webhooks sent there."""
    served, url = address
    served.status, served.came = 200, []
    qbo.standin.webhooks.listen(url)
    return served


def events(body):
    """Return what a message says in either form: entity, id, operation."""
    if isinstance(body, list):
        parts = [(event["type"].split("."), event["intuitentityid"]) for event in body]
        return [(entity, id_, operation) for (_, entity, operation, _), id_ in parts]
    (one,) = body["eventNotifications"]
    changed = one["dataChangeEvent"]["entities"]
    return [(row["name"], row["id"], row["operation"]) for row in changed]


def change_much(qbo):
    qbo.create()
    qbo.create()
    qbo.standin.people.edit_time("1", Hours=1)
    qbo.standin.people.invoice("21", "1")
    qbo.post("/timeactivity", {"Id": "2", "SyncToken": "0"}, operation="delete")


CHANGES = [
    ("TimeActivity", "1", "Create"),
    ("TimeActivity", "2", "Create"),
    ("TimeActivity", "1", "Update"),
    ("TimeActivity", "1", "Update"),  # billed
    ("Invoice", "1", "Create"),
    ("TimeActivity", "2", "Delete"),
]


def test_what_happens_together_comes_together(qbo, endpoint):
    """FACTS 9: creations, updates and deletions, the API's and people's, in one message."""
    change_much(qbo)

    assert qbo.standin.webhooks.deliver() == [200]

    (body,) = endpoint.bodies()
    assert events(body) == CHANGES
    (one,) = body["eventNotifications"]
    assert one["realmId"] == qbo.standin.realm_id
    assert one["dataChangeEvent"]["entities"][0]["lastUpdated"] == "2026-03-04T09:30:15-0800"
    assert qbo.standin.webhooks.deliver() == []


def test_the_new_form_is_a_list_of_cloud_events(qbo, endpoint):
    """FACTS 9: each with an id of its own, in UTC, with realm and entity as attributes."""
    qbo.switches.webhook_form = "CloudEvents"
    change_much(qbo)
    qbo.standin.webhooks.deliver()

    ((headers, _),) = endpoint.came
    (body,) = endpoint.bodies()
    first = body[0]
    assert [(e.lower(), i, f"{o.lower()}d") for e, i, o in CHANGES] == events(body)
    assert len({event["id"] for event in body}) == len(CHANGES)
    assert (first["specversion"], first["type"]) == ("1.0", "qbo.timeactivity.created.v1")
    assert first["intuitaccountid"] == qbo.standin.realm_id
    assert first["time"] == "2026-03-04T17:30:15.250000Z"
    assert headers["content-type"] == "application/cloudevents+json"


@pytest.mark.parametrize("webhook_form", ["eventNotifications", "CloudEvents"])
def test_each_message_is_signed(qbo, endpoint, webhook_form):
    """FACTS 9: base64 of the HMAC-SHA256 of the raw body, with the verifier token."""
    qbo.switches.webhook_form = webhook_form
    qbo.create(Description="Zoë")
    qbo.standin.webhooks.deliver()

    ((headers, body),) = endpoint.came
    key = qbo.standin.webhooks.verifier_token.encode()
    expected = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    assert headers["intuit-signature"] == expected
    assert {"intuit-created-time", "intuit-t-id", "intuit-notification-schema-version"} <= set(
        headers
    )


@pytest.mark.parametrize("webhook_form", ["eventNotifications", "CloudEvents"])
def test_a_message_may_come_more_than_once(qbo, endpoint, webhook_form):
    """FACTS 9: the same bytes, so that an id seen before can be told."""
    qbo.switches.webhook_form = webhook_form
    qbo.switches.webhook_deliveries = 2
    qbo.create()

    assert qbo.standin.webhooks.deliver() == [200, 200]

    first, second = (body for _, body in endpoint.came)
    assert first == second


def test_messages_may_come_late_and_out_of_order(qbo, endpoint):
    """FACTS 9: the order is not promised, nor how soon."""
    qbo.switches.webhook_delay_s = 60
    qbo.switches.webhook_events = 1
    qbo.switches.webhooks_backwards = True
    qbo.create()
    qbo.standin.people.delete_time("1")
    assert qbo.standin.webhooks.deliver() == []

    qbo.clock.advance(60)
    qbo.standin.webhooks.deliver()

    assert [events(body)[0][2] for body in endpoint.bodies()] == ["Delete", "Create"]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_refused_message_is_tried_again_and_then_dropped(qbo, endpoint, status):
    """FACTS 9: after 20, 30 and 50 minutes; then the endpoint is blacklisted."""
    endpoint.status = status
    webhooks = qbo.standin.webhooks
    qbo.create()
    assert webhooks.deliver() == [status]
    assert webhooks.deliver() == []
    for minutes in (20, 30, 50):
        qbo.clock.advance(minutes * 60 - 1)
        assert webhooks.deliver() == []
        qbo.clock.advance(1)
        assert webhooks.deliver() == [status]

    assert (webhooks.waiting, webhooks.is_blacklisted) == ([], True)
    qbo.standin.people.edit_time("1", Hours=1)
    endpoint.status = 200
    assert webhooks.deliver() == []


def test_other_answers_end_a_message(qbo, endpoint):
    """FACTS 9: only some statuses are tried again; a 400 is an answer."""
    endpoint.status = 400
    qbo.create()

    assert qbo.standin.webhooks.deliver() == [400]
    qbo.clock.advance(3600)
    assert qbo.standin.webhooks.deliver() == []
    assert not qbo.standin.webhooks.is_blacklisted


def test_who_does_not_answer_is_tried_again(qbo, endpoint):
    """FACTS 9: an endpoint that is not there gets its message once it is."""
    webhooks = qbo.standin.webhooks
    there, webhooks.url = webhooks.url, "http://127.0.0.1:1/"
    qbo.create()
    assert webhooks.deliver() == [0]
    webhooks.url = there
    qbo.clock.advance(20 * 60)

    assert webhooks.deliver() == [200]
    assert events(endpoint.bodies()[0]) == [("TimeActivity", "1", "Create")]


def test_nothing_changed_says_nothing(qbo, endpoint):
    """FACTS 5.3: deactivating twice is no change, and no event; neither is a refusal."""
    gone = {"Id": "55", "SyncToken": "0", "sparse": True, "Active": False}
    qbo.post("/employee", gone)
    qbo.post("/employee", gone | {"SyncToken": "1"})
    qbo.create(Hours=-1)

    qbo.standin.webhooks.deliver()

    assert events(endpoint.bodies()[0]) == [("Employee", "55", "Update")]
