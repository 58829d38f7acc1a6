"""The stand-in takes as many requests as the real service, and refuses in its words."""

from datetime import timedelta

import pytest
import requests
from clockify_studio import HOUR, NOW, SCENARIO, WEB, refusal

from connectors.standins.clockify.app import ClockifyStandin, Switches


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """Give the stand-in's clock."""
    return Clock()


@pytest.fixture
def clockify(clock, switches):
    """Give the workspace on a clock that can be set."""
    return ClockifyStandin(SCENARIO, now=clock, switches=switches)


def statuses(api, count):
    return [api("GET", "/user").status_code for _ in range(count)]


def test_fifty_requests_a_second_are_taken(api, clockify, clock):
    """FACTS 1.3: then 429, on both hosts, until the second is over; the body is our guess."""
    assert statuses(api, 51) == [200] * 50 + [429]
    refused = api.ask_report()
    assert refusal(refused) == (429, 429, "Too many requests")
    assert "Retry-After" not in refused.headers
    assert clockify.throttle.refused == 2
    clock.now += timedelta(seconds=1)
    assert statuses(api, 1) == [200]


@pytest.mark.parametrize("switches", [Switches(free_requests_per_hour=3)])
def test_a_free_workspace_has_few_requests_an_hour(api, plain, clockify, clock):
    """FACTS 1.3: 30 for the whole workspace, whoever asks; here 3."""
    assert Switches().free_requests_per_hour == 30
    clockify.workspace["featureSubscriptionType"] = "FREE"
    assert statuses(api, 2) + statuses(plain, 2) == [200, 200, 200, 429]
    clock.now += timedelta(minutes=59)
    assert statuses(api, 1) == [429]
    clock.now += timedelta(minutes=1)
    assert statuses(plain, 1) == [200]


@pytest.mark.parametrize(
    "switches", [Switches(requests_per_second=1, throttles_in_json=False, retry_after_s=7)]
)
def test_a_429_can_be_plain_text_with_a_wait(api):
    """FACTS 1.3 and 11: neither its body nor its headers are known."""
    assert statuses(api, 1) == [200]
    refused = api("GET", "/user")
    assert (refused.status_code, refused.text) == (429, "Too Many Requests")
    assert refused.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "switches", [Switches(requests_per_second=None, free_requests_per_hour=None)]
)
def test_limits_can_be_lifted(api):
    """For tests that are not about them."""
    assert statuses(api, 60) == [200] * 60


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nothing", 404),
        ("GET", f"/projects/{WEB}/hourly-rate", 404),
        ("GET", "/projects/", 404),
        ("POST", "/webhooks/nothing/at/all", 404),
        ("PATCH", "", 405),
        ("GET", "/time-entries", 405),
        ("DELETE", "/clients", 405),
        ("PUT", "/entities/created", 405),
    ],
)
def test_no_refusal_is_fastapis_own(api, method, path, code):
    """FACTS 1.4: message and number; 404 for no route, 405 for no such verb on it."""
    answer = api.at(method, path)
    assert (answer.status_code, answer.json()["code"]) == (code, 3000)
    assert set(answer.json()) == {"message", "code"}


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b"[]", b"null", b'{"start": 1}'])
def test_a_bad_body_is_refused_in_clockifys_words(api, body):
    """FACTS 1.4: 3002 where it cannot be parsed, else 501."""
    headers = api.headers | {"Content-Type": "application/json"}
    answer = api.at("POST", "/time-entries", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (
        400, 3002 if body[:1] in {b"{", b"\xff"} and len(body) < 3 else 501,
    )  # fmt: skip
    assert set(answer.json()) == {"message", "code"}


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"page": "one"}, 3000, "to required type 'java.lang.Integer'"),
        ({"archived": "maybe"}, 3000, "to required type 'java.lang.Boolean'"),
        ({"page": "0"}, 501, "must be greater than or equal to 1"),
        ({"access": "SECRET"}, 501, "from the following set: PUBLIC, PRIVATE."),
    ],
)
def test_a_bad_query_value_is_refused_in_clockifys_words(api, query, code, message):
    """FACTS 1.4: as far as words were seen."""
    found = refusal(api.at("GET", "/projects", params=query))
    assert found[:2] == (400, code)
    assert message in found[2]


def test_what_breaks_in_the_stand_in_is_no_html(api, clockify):
    """FACTS 1.4: even then the body is message and code."""
    clockify.settings["lockTimeEntries"] = "not a date"
    answer = api.at("POST", "/time-entries", json=HOUR, headers={"X-Api-Key": "plain"})
    assert refusal(answer) == (500, 3000, "Internal server error")


def test_a_request_without_a_key_counts_for_nobody(api, clockify):
    """FACTS 1.2: it is refused before any limit."""
    for _ in range(3):
        assert requests.get(f"{api.address}/api/v1/user", timeout=10).status_code == 401
    assert clockify.throttle.refused == 0
    assert statuses(api, 50) == [200] * 50
