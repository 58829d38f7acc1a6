"""OAuth of the QuickBooks stand-in: refresh, rotation, consent, revocation."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.standins.quickbooks.app import QuickBooksStandin, Switches

CLIENT = ("ABclient", "s3cret")
BACK = "http://localhost:8765/callback"
ASK = {
    "client_id": "ABclient",
    "response_type": "code",
    "scope": "com.intuit.quickbooks.accounting",
    "redirect_uri": BACK,
    "state": "st&te",
}


class Clock:
    moment = datetime(2026, 3, 4, 17, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def advance(self, **span):
        self.moment += timedelta(**span)


class Client:
    def __init__(self, base, standin, clock):
        self.base, self.standin, self.clock = base, standin, clock

    def token(self, *, auth=CLIENT, headers=None, **form):
        return requests.post(
            f"{self.base}/oauth2/v1/tokens/bearer",
            data=form,
            auth=auth,
            headers=headers,
            timeout=10,
        )

    def refresh(self, value, **more):
        return self.token(grant_type="refresh_token", refresh_token=value, **more)

    def decide(self, decision, **changes):
        """Press a button of the consent page, with the form's own hidden fields."""
        page = requests.get(f"{self.base}/connect/oauth2", params=ASK | changes, timeout=10)
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        hidden = {name: value.replace("&amp;", "&") for name, value in hidden.items()}
        answer = requests.post(
            f"{self.base}/connect/oauth2",
            data=hidden | {"decision": decision},
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code == 302
        target = urlsplit(answer.headers["location"])
        assert f"{target.scheme}://{target.netloc}{target.path}" == BACK
        return {name: values[0] for name, values in parse_qs(target.query).items()}

    def works(self, access_token):
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        url = f"{self.base}/v3/company/77/preferences"
        return requests.get(url, headers=headers, timeout=10).status_code == 200


@pytest.fixture
def intuit(serve):
    clock = Clock()
    standin = QuickBooksStandin(
        {
            "realm_id": "77",
            "client_id": "ABclient",
            "client_secret": "s3cret",
            "refresh_token": "AB1first",
        },
        now=clock,
        switches=Switches(),
    )
    return Client(serve(standin.app), standin, clock)


def error(response):
    return response.status_code, response.text


def test_a_refresh_gives_an_access_token_for_an_hour(intuit):
    """The answer has the documented members; the token opens the API until it expires."""
    answer = intuit.refresh("AB1first").json()

    assert list(answer) == [
        "token_type", "expires_in", "refresh_token", "x_refresh_token_expires_in", "access_token"
    ]  # fmt: skip
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["x_refresh_token_expires_in"] == 8_726_400
    assert intuit.works(answer["access_token"])
    intuit.clock.advance(seconds=3600)
    assert not intuit.works(answer["access_token"])


def test_the_client_may_also_stand_in_the_body(intuit):
    """client_secret_post is allowed; a wrong client is 401 with one word."""
    body = {"client_id": "ABclient", "client_secret": "s3cret"}
    assert intuit.refresh("AB1first", auth=None, **body).ok
    wrong = (401, '{"error":"invalid_client"}')
    assert error(intuit.refresh("AB1first", auth=None)) == wrong
    assert error(intuit.refresh("AB1first", auth=("ABclient", "no"))) == wrong


def test_a_bad_refresh_token_is_final(intuit):
    """400, 25 bytes, no description."""
    answer = intuit.refresh("AB1unknown")

    assert error(answer) == (400, '{"error":"invalid_grant"}')
    assert len(answer.content) == 25
    assert error(intuit.token(grant_type="password")) == (400, '{"error":"unsupported_grant_type"}')


def test_the_refresh_token_changes_once_a_day_and_the_old_one_lives_a_day_more(intuit):
    """Within a day the same value comes back; then a new one, with a day's grace."""
    assert intuit.refresh("AB1first").json()["refresh_token"] == "AB1first"
    intuit.clock.advance(hours=24)
    second = intuit.refresh("AB1first").json()["refresh_token"]
    assert second != "AB1first"

    intuit.clock.advance(hours=23)
    assert intuit.refresh("AB1first").json()["refresh_token"] == second
    intuit.clock.advance(hours=1)
    assert error(intuit.refresh("AB1first"))[0] == 400
    assert intuit.refresh(second).ok


def test_rotation_may_be_as_strict_as_can_be(intuit):
    """By switch: every refresh brings a new token, and the old one is dead at once."""
    intuit.standin.switches.rotates_every_refresh = True

    second = intuit.refresh("AB1first").json()["refresh_token"]

    assert error(intuit.refresh("AB1first"))[0] == 400
    third = intuit.refresh(second).json()["refresh_token"]
    assert len({"AB1first", second, third}) == 3


def test_refresh_tokens_end_after_101_days_and_consents_after_five_years(intuit):
    """The first by disuse; the second for good, said only to those who ask."""
    asks = {"x-include-refresh-token-hard-expires-in": "true"}
    answer = intuit.refresh("AB1first", headers=asks).json()
    assert answer["x_refresh_token_hard_expires_in"] == 5 * 365 * 86_400

    intuit.clock.advance(seconds=8_726_400)
    assert error(intuit.refresh("AB1first"))[0] == 400


def test_allow_gives_a_code_that_works_once(intuit):
    """State and realm come back with it; the token of the new consent opens the API."""
    result = intuit.decide("allow")
    assert (result["state"], result["realmId"]) == ("st&te", "77")
    grant = {"grant_type": "authorization_code", "code": result["code"], "redirect_uri": BACK}

    answer = intuit.token(**grant)

    assert intuit.works(answer.json()["access_token"])
    assert intuit.refresh(answer.json()["refresh_token"]).ok
    assert error(intuit.token(**grant)) == (400, '{"error":"invalid_grant"}')


def test_a_code_is_bound_to_its_address_and_to_a_few_minutes(intuit):
    """Another redirect URI, or too late: invalid_grant."""
    grant = {"grant_type": "authorization_code", "redirect_uri": BACK}
    other = intuit.decide("allow")["code"]
    assert error(intuit.token(**grant | {"code": other, "redirect_uri": "http://x"}))[0] == 400
    late = intuit.decide("allow")["code"]
    intuit.clock.advance(minutes=5)
    assert error(intuit.token(**grant, code=late))[0] == 400


@pytest.mark.parametrize("offers_pkce", [True, False])
def test_a_code_may_be_bound_to_a_secret_of_the_caller(intuit, offers_pkce):
    """PKCE, where the discovery document offers it; otherwise a challenge is ignored (FACTS 8)."""
    intuit.standin.switches.offers_pkce = offers_pkce
    url = f"{intuit.base}/.well-known/openid_configuration"
    found = requests.get(url, timeout=10).json()
    grant = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": "wrong"}

    code = intuit.decide("allow", code_challenge="no hash of that")["code"]

    assert ("code_challenge_methods_supported" in found) is offers_pkce
    assert intuit.token(**grant, code=code).ok is not offers_pkce


def test_a_code_may_live_for_less(intuit):
    """How long is recalled, not verified (FACTS 8)."""
    intuit.standin.switches.code_life_s = 0
    code = intuit.decide("allow")["code"]

    answer = intuit.token(grant_type="authorization_code", redirect_uri=BACK, code=code)

    assert error(answer)[0] == 400


def test_deny_and_an_odd_scope_come_back_as_errors(intuit):
    """access_denied after the page, invalid_scope without it, state in both."""
    assert intuit.decide("deny") == {"error": "access_denied", "state": "st&te"}
    answer = requests.get(
        f"{intuit.base}/connect/oauth2",
        params=ASK | {"scope": "all"},
        allow_redirects=False,
        timeout=10,
    )
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["invalid_scope"]


def test_a_strangers_app_gets_no_page_and_no_redirect(intuit):
    """An unknown client is told so, and nobody is sent anywhere."""
    answer = requests.get(
        f"{intuit.base}/connect/oauth2",
        params=ASK | {"client_id": "other"},
        allow_redirects=False,
        timeout=10,
    )

    assert answer.status_code == 400


def test_revoking_either_token_ends_both(intuit):
    """Disconnect: 200 and an empty body, then neither token works."""
    tokens = intuit.refresh("AB1first").json()
    url = f"{intuit.base}/v2/oauth2/tokens/revoke"
    gone = {"token": tokens["refresh_token"]}
    assert requests.post(url, json=gone, timeout=10).status_code == 401

    answer = requests.post(url, json=gone, auth=CLIENT, timeout=10)

    assert error(answer) == (200, "")
    assert not intuit.works(tokens["access_token"])
    assert error(intuit.refresh("AB1first"))[0] == 400
    assert requests.post(url, json=gone, auth=CLIENT, timeout=10).status_code == 400


def test_discovery_names_the_stand_ins_own_addresses(intuit):
    """A client that starts from the discovery document stays on loopback."""
    found = requests.get(f"{intuit.base}/.well-known/openid_configuration", timeout=10).json()

    assert found["token_endpoint"] == f"{intuit.base}/oauth2/v1/tokens/bearer"
    assert found["authorization_endpoint"] == f"{intuit.base}/connect/oauth2"
    assert found["revocation_endpoint"] == f"{intuit.base}/v2/oauth2/tokens/revoke"
    assert requests.get(found["jwks_uri"], timeout=10).json() == {"keys": []}
    user = {"Authorization": f"Bearer {intuit.standin.access_token()}"}
    assert requests.get(found["userinfo_endpoint"], headers=user, timeout=10).json()["sub"]
    assert requests.get(found["userinfo_endpoint"], timeout=10).status_code == 401


def test_discovery_has_the_members_of_intuits(intuit, shared_samples):
    """The document of the SDK's own tests has no member more (FACTS 8)."""
    sample = shared_samples("qbo/samples") / "oauth-dotnet-sdk/discovery.json"
    url = f"{intuit.base}/.well-known/openid_sandbox_configuration/"
    ours = requests.get(url, timeout=10).json()

    assert list(ours) == list(json.loads(sample.read_text()))


def test_odd_requests_are_answered_without_a_framework_showing(intuit):
    """Wrong methods, addresses and bytes: a bare status, or one word of OAuth (FACTS 8)."""
    wrong = requests.get(f"{intuit.base}/oauth2/v1/tokens/bearer", timeout=10)
    assert (wrong.status_code, wrong.content, wrong.headers["Allow"]) == (405, b"", "POST")
    assert error(requests.get(f"{intuit.base}/nowhere", timeout=10)) == (404, "")
    assert error(requests.get(f"{intuit.base}/connect/oauth2/", timeout=10)) == (404, "")
    url = f"{intuit.base}/oauth2/v1/tokens/bearer"
    answer = requests.post(url, data=b"\xff", auth=CLIENT, timeout=10)
    assert error(answer) == (400, '{"error":"unsupported_grant_type"}')


@pytest.mark.parametrize("status", [400, 401])
def test_a_wrong_client_has_either_status(intuit, status):
    """401 by the book; 400 was seen too (FACTS 8)."""
    intuit.standin.switches.bad_client_status = status
    assert intuit.refresh("AB1first", auth=("ABclient", "no")).status_code == status
