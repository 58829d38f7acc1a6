"""Webhooks are told what happens; a switch has them come twice, late or out of order."""

import json

import pytest
from clockify_studio import ACME, ADA, BO, CY, HOUR, ONE, RUNNING, URGENT, WEB, refusal

from connectors.standins.server import serving

WEEK = {"period": "WEEKLY", "periodStart": "2026-08-03T00:00:00Z"}


class Receiver:
    """An ASGI application that keeps what it is sent, and answers as it is told to."""

    def __init__(self):
        self.got, self.answers = [], []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.got.append((headers, json.loads(body)))
        status = self.answers.pop(0) if self.answers else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def served():
    """Give one receiver's server for all tests."""
    receiver = Receiver()
    with serving(receiver) as receiver.url:
        yield receiver


@pytest.fixture
def receiver(served):
    """Give a receiver that has got nothing yet."""
    served.got, served.answers = [], []
    return served


@pytest.fixture
def listen(api, receiver):
    """Give a way to have the receiver told of an event."""

    def register(event, source="WORKSPACE_ID", ids=()):
        body = {"name": "ours", "url": receiver.url, "webhookEvent": event}
        more = {"triggerSourceType": source, "triggerSource": list(ids)}
        answer = api.at("POST", "/webhooks", json=body | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return register


@pytest.fixture
def told(clockify, receiver):
    """Give what has been told: events, and the bodies' ids."""

    def read():
        clockify.outbox.wait()
        return [(headers["clockify-webhook-event-type"], body["id"])
                for headers, body in receiver.got]  # fmt: skip

    return read


def test_a_delivery_is_signed_and_flat(api, clockify, receiver, listen):
    """FACTS 7: the signature is the webhook's own token; the body is our guess."""
    webhook = listen("TIME_ENTRY_UPDATED")
    body = HOUR | {"projectId": WEB, "tagIds": [URGENT], "description": "edited"}
    api.at("PUT", f"/time-entries/{ONE}", json=body)
    clockify.outbox.wait()

    ((headers, told),) = receiver.got
    assert headers["clockify-signature"] == webhook["authToken"]
    assert len(webhook["authToken"]) == 32
    assert headers["clockify-webhook-event-type"] == "TIME_ENTRY_UPDATED"
    assert (told["id"], told["description"], told["projectId"]) == (ONE, "edited", WEB)
    assert told["project"] == {
        "id": WEB, "name": "Website", "clientId": ACME, "clientName": "Acme",
    }  # fmt: skip
    assert (told["user"]["name"], told["tags"]) == ("Ada Byron", [{"id": URGENT, "name": "urgent"}])


def test_each_event_has_its_name(api, listen, told):
    """FACTS 7: of entries, timers, projects, clients, tags and tasks."""
    events = ["NEW_TIME_ENTRY", "NEW_TIMER_STARTED", "TIMER_STOPPED", "TIME_ENTRY_UPDATED",
              "TIME_ENTRY_DELETED", "TAG_UPDATED"]  # fmt: skip
    for event in events:
        listen(event)
    made = api.at("POST", "/time-entries", json=HOUR).json()["id"]
    started = api.at("POST", "/time-entries", json={"start": HOUR["start"]}).json()["id"]
    api.at("PATCH", f"/user/{CY}/time-entries", json={"end": HOUR["end"]})
    api.at("PUT", f"/time-entries/{made}", json=HOUR | {"description": "edited"})
    api.at("DELETE", f"/time-entries/{ONE}")
    api.at("PUT", f"/tags/{URGENT}", json={"name": "now"})

    ids = [made, started, RUNNING, made, ONE, URGENT]
    assert told() == list(zip(events, ids, strict=True))


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("NEW_CLIENT", "POST", "/clients", {"name": "Newco"}),
        ("CLIENT_UPDATED", "PUT", f"/clients/{ACME}", {"name": "Acme Inc."}),
        ("NEW_PROJECT", "POST", "/projects", {"name": "Shop"}),
        ("PROJECT_UPDATED", "PUT", f"/projects/{WEB}", {"name": "Site"}),
        ("NEW_TAG", "POST", "/tags", {"name": "later"}),
        ("TAG_DELETED", "DELETE", f"/tags/{URGENT}", None),
        ("NEW_TASK", "POST", f"/projects/{WEB}/tasks", {"name": "Build"}),
        ("USER_DEACTIVATED_ON_WORKSPACE", "PUT", f"/users/{BO}", {"status": "INACTIVE"}),
        ("NEW_APPROVAL_REQUEST", "POST", "/approval-requests", WEEK),
    ],
)
def test_other_things_are_told_of(api, listen, told, name, method, path, body):
    """FACTS 7."""
    listen(name)
    assert api.at(method, path, json=body).status_code in {200, 201}
    assert [event for event, _ in told()] == [name]


def test_a_decision_on_an_approval_request_is_told(api, listen, told):
    """FACTS 7: new and changed have words of their own."""
    listen("APPROVAL_REQUEST_STATUS_UPDATED")
    id_ = api.at("POST", "/approval-requests", json=WEEK).json()["id"]
    api.at("PATCH", f"/approval-requests/{id_}", json={"state": "APPROVED"})
    assert told() == [("APPROVAL_REQUEST_STATUS_UPDATED", id_)]


def test_what_a_test_changes_is_told_once_it_is_noticed(clockify, listen, told):
    """The stand-in's rows can be edited without its API."""
    listen("TIME_ENTRY_UPDATED")
    clockify.entries[ONE]["description"] = "edited"
    assert told() == []
    clockify.changes.notice()
    assert told() == [("TIME_ENTRY_UPDATED", ONE)]


@pytest.mark.parametrize(
    ("source", "ids", "count"),
    [
        ("PROJECT_ID", [WEB], 1),
        ("PROJECT_ID", ["f" * 24], 0),
        ("USER_ID", [ADA, BO], 1),
        ("TAG_ID", [URGENT], 1),
        ("TASK_ID", ["f" * 24], 0),
        ("WORKSPACE_ID", [], 1),
    ],
)
def test_a_webhook_hears_of_its_sources_alone(api, listen, told, source, ids, count):
    """FACTS 7: `triggerSource` names what is listened to."""
    listen("NEW_TIME_ENTRY", source, ids)
    api.at("POST", "/time-entries", json=HOUR | {"projectId": WEB, "tagIds": [URGENT]})
    assert len(told()) == count


def test_deliveries_can_be_repeated_late_and_out_of_order(api, clockify, switches, listen, told):
    """FACTS 7: none of it is known, so a webhook says no more than "look again"."""
    listen("TIME_ENTRY_UPDATED")
    switches.webhooks_held = switches.webhooks_backwards = True
    switches.webhook_deliveries = 2
    for id_ in (ONE, f"{0x102:024x}"):
        clockify.entries[id_]["description"] = "edited"
        api.at("POST", "/tags", json={"name": id_})
    assert told() == []

    clockify.outbox.release()
    assert [int(id_, 16) - 0x100 for _, id_ in told()] == [2, 2, 1, 1]


def test_a_delivery_can_be_tried_again(api, switches, receiver, listen, told):
    """FACTS 7: whether the real ones are is not known; the log has every attempt."""
    webhook = listen("NEW_TAG")
    switches.webhook_attempts = 3
    receiver.answers = [500, 200]
    api.at("POST", "/tags", json={"name": "later"})
    assert len(told()) == 2

    path = f"/webhooks/{webhook['id']}/logs"
    logs = api.at("POST", path, json={"sortByNewest": True}).json()
    assert [log["statusCode"] for log in logs] == [200, 500]
    failed = api.at("POST", path, json={"status": "FAILED", "from": "2026-08-01T00:00:00Z"}).json()
    assert [log["statusCode"] for log in failed] == [500]
    assert api.at("GET", path).status_code == 405


def test_a_receiver_that_is_not_there_harms_nobody(api, clockify, listen):
    """The write is done, and the log says what happened."""
    webhook = listen("NEW_TAG")
    clockify.webhooks[webhook["id"]]["url"] = "http://127.0.0.1:9/"
    assert api.at("POST", "/tags", json={"name": "later"}).status_code == 201
    clockify.outbox.wait()
    assert [log["statusCode"] for log in clockify.outbox.logs] == [0]


def test_the_body_can_have_an_envelope(api, clockify, switches, receiver, listen):
    """FACTS 7: the sources disagree."""
    listen("NEW_TIME_ENTRY")
    switches.webhook_envelope = True
    api.at("POST", "/time-entries", json=HOUR)
    clockify.outbox.wait()
    ((_, body),) = receiver.got
    assert (body["event"], set(body)) == ("NEW_TIME_ENTRY", {"event", "timeEntry"})


def test_a_new_token_signs_from_then_on(api, clockify, receiver, listen):
    """FACTS 7 and the OpenAPI: PATCH gives another token, and the old one ends."""
    webhook = listen("NEW_TAG")
    renewed = api.at("PATCH", f"/webhooks/{webhook['id']}/token").json()["authToken"]
    api.at("POST", "/tags", json={"name": "later"})
    clockify.outbox.wait()
    assert receiver.got[0][0]["clockify-signature"] == renewed != webhook["authToken"]


def test_webhooks_are_listed_replaced_and_deleted(api, plain, listen, told):
    """FACTS 7: the list is an object, unpaged; only admins see it."""
    webhook = listen("NEW_TAG")
    assert api.list("/webhooks", page=9) == {"workspaceWebhookCount": 1, "webhooks": [webhook]}
    assert plain.at("GET", "/webhooks").status_code == 403
    path = f"/webhooks/{webhook['id']}"
    keys = ("url", "webhookEvent", "triggerSourceType", "triggerSource")
    other = {key: webhook[key] for key in keys} | {"name": "renamed", "webhookEvent": "NEW_TASK"}
    assert api.at("PUT", path, json=other).json()["name"] == "renamed"
    api.at("POST", "/tags", json={"name": "later"})
    assert told() == []
    assert api.at("DELETE", path).status_code == 200
    assert refusal(api.at("GET", path)) == (400, 501, "Webhook doesn't belong to Workspace")


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"name": None}, 400, "Webhook already exists"),
        ({"name": ""}, 400, "length must be between 2 and 30"),
        ({"name": "x" * 31}, 400, "length must be between 2 and 30"),
        ({"url": ""}, 400, None),
        ({"webhookEvent": "NEW_INVOICE"}, 501, None),
        ({"triggerSourceType": "EXPENSE_ID"}, 501, None),
    ],
)
def test_a_bad_webhook_is_refused(api, receiver, change, status, message):
    """FACTS 7: a missing name in misleading words; what the stand-in never tells, with 501."""
    body = {"name": "ours", "url": receiver.url, "webhookEvent": "NEW_TAG",
            "triggerSourceType": "WORKSPACE_ID", "triggerSource": []}  # fmt: skip
    found = refusal(api.at("POST", "/webhooks", json=body | change))
    assert found[0] == status
    assert message in {None, found[2]}


@pytest.mark.parametrize(
    ("plan", "limit"), [("FREE", 3), ("STANDARD_2021", 10), ("ENTERPRISE_2021", 100)]
)
def test_the_plan_says_how_many_webhooks_a_user_has(clockify, listen, api, plan, limit):
    """FACTS 7: 3, 10 or 100."""
    clockify.workspace["featureSubscriptionType"] = plan
    webhook = listen("NEW_TAG")
    for number in range(limit - 1):
        clockify.webhooks[f"{number:024x}"] = webhook | {"id": f"{number:024x}"}
    keys = ("name", "url", "webhookEvent", "triggerSourceType", "triggerSource")
    assert api.at("POST", "/webhooks", json={k: webhook[k] for k in keys}).status_code == 400
