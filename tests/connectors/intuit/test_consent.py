"""The question to a person, what counts as its answer, and taking a consent back."""

import base64
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AskPerson, TryAgain
from connectors.intuit import consent
from connectors.intuit.consent import NotGiven, NotOurs, question, read_answer, revoke
from connectors.intuit.oauth_app import OAuthApp
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches

REDIRECT = "http://127.0.0.1:4567/callback"
SCENARIO = {
    "realm_id": "77",
    "client_id": "the-client",
    "client_secret": "the-secret-of-the-app",
    "refresh_token": "refresh-token-of-the-consent",
}
NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)


def _query(**parts: str) -> str:
    return urlencode({"code": "AB11x", "state": "right", "realmId": "77", **parts})


def test_the_question_asks_for_the_books_alone_with_a_new_state_each_time():
    """OAuth 2's parameters, one scope, and a `state` of 256 bits that never comes twice."""
    asked = [
        question("the-client", authorize_url="https://intuit.example/c", redirect_uri=REDIRECT)
        for _ in range(50)
    ]

    query = parse_qs(urlsplit(asked[0].address).query)
    assert query == {
        "response_type": ["code"],
        "client_id": ["the-client"],
        "redirect_uri": [REDIRECT],
        "scope": ["com.intuit.quickbooks.accounting"],
        "state": [asked[0].state],
    }
    assert len({one.state for one in asked}) == 50
    assert min(len(one.state) for one in asked) >= 43
    assert asked[0].state not in repr(asked[0]).replace(asked[0].address, "")


def test_a_whole_answer_gives_code_and_company():
    """The company is the one that the person chose."""
    answer = read_answer(_query(), state="right")

    assert (answer.code, answer.realm_id) == ("AB11x", "77")
    assert "AB11x" not in repr(answer)


@pytest.mark.parametrize(
    "query",
    [
        _query(state="wrong"),
        _query(state=""),
        _query(state="righ"),
        _query(state="right "),
        "",
        "error=access_denied",
        "error=access_denied&state=wrong",
        _query() + "&state=right",
        "code=AB11x&realmId=77",
        _query(state="ri\udcffght".encode("utf-8", "replace").decode()),
    ],
)
def test_an_answer_with_another_state_is_not_ours_whatever_else_it_says(query):
    """A refusal too: else any page could end the wait."""
    with pytest.raises(NotOurs):
        read_answer(query, state="right")


def test_states_are_compared_in_constant_time(monkeypatch):
    """How much of a guess is right must not show in the time that the answer takes."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with pytest.raises(NotOurs):
        read_answer(_query(state="guess"), state="right")

    assert compared == [(b"guess", b"right")]


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ({"error": "access_denied"}, "The consent was refused"),
        ({"error": "invalid_scope"}, "Intuit did not ask for the consent"),
        ({"error": "<b>\x1b[2J"}, "Intuit did not ask for the consent"),
        ({"error": ""}, "Intuit did not ask for the consent"),
        ({"code": ""}, "The answer has no code"),
        ({"code": "x" * 513}, "The answer has no code"),
        ({"realmId": ""}, "The answer names no company"),
        ({"realmId": "77/../1"}, "The answer names no company"),
        ({"realmId": "\u0667"}, "The answer names no company"),
    ],
)
def test_an_answer_that_is_none_is_told(parts, title):
    """Each way has its own words, and repeats nothing that could do harm."""
    with pytest.raises(NotGiven) as caught:
        read_answer(_query(**parts), state="right")

    assert caught.value.title == title
    assert "\x1b" not in str(caught.value)
    assert "<b>" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(query):
    """Whatever somebody pastes ends in a sentence, never in a traceback."""
    with pytest.raises(NotGiven):
        read_answer(query, state="a-state-that-no-text-guesses")


@pytest.fixture
def standin(clock):
    """Return Intuit."""
    return QuickBooksStandin(SCENARIO, now=lambda: clock.now, switches=Switches())


@pytest.fixture
def intuit(serve, standin):
    """Return Intuit's address."""
    return serve(standin.app)


@pytest.fixture
def app(intuit):
    """Return the app that Intuit knows."""
    return OAuthApp("the-client", "the-secret-of-the-app", f"{intuit}/oauth2/v1/tokens/bearer")


def _redeem(app, code, clock, redirect_uri=REDIRECT):
    return app.redeem(
        code, redirect_uri=redirect_uri, now=lambda: clock.now, ended="the code is no good"
    )


def test_a_code_buys_tokens_once(app, standin, clock):
    """The second time, and with another redirect address, Intuit refuses it."""
    code = standin.oauth.new_code(REDIRECT)

    tokens = _redeem(app, code, clock)

    standin.oauth.check(f"Bearer {tokens.access_token}")
    assert tokens.refresh_expires_at > clock.now
    for bad in (code, standin.oauth.new_code("http://127.0.0.1:1/callback"), "unknown"):
        with pytest.raises(AskPerson, match="the code is no good"):
            _redeem(app, bad, clock)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, '{"error":"invalid_client"}'), AskPerson),
        ((500, "<html>"), TryAgain),
        ((302, "", {"location": "http://127.0.0.1:9/"}), TryAgain),
        ('{"access_token":"a-token"}', TryAgain),  # without a refresh token it is no consent
        ("[]", TryAgain),
    ],
)
def test_an_exchange_without_tokens_is_told_and_followed_nowhere(script, clock, answer, error):
    """One call goes out, with Basic authentication; neither code nor secret is in the message."""
    script.answers = [answer]
    app = OAuthApp("the-client", "the-secret-of-the-app", f"{script.url}/token")

    with pytest.raises(error) as caught:
        _redeem(app, "AB11-the-code", clock)

    assert len(script.asked) == 1
    basic = base64.b64encode(b"the-client:the-secret-of-the-app").decode()
    assert script.asked[0].headers["authorization"] == f"Basic {basic}"
    assert b"client_secret" not in script.asked[0].body
    for secret in ("AB11-the-code", "the-secret-of-the-app"):
        assert secret not in str(caught.value)


def test_a_consent_is_revoked_once(app, intuit, standin):
    """The second time it has ended already, which is as good."""
    url = f"{intuit}/v2/oauth2/tokens/revoke"

    assert revoke(app, url, SCENARIO["refresh_token"]) is True
    assert revoke(app, url, SCENARIO["refresh_token"]) is False
    assert standin.oauth._consents == []  # noqa: SLF001 - what the stand-in holds


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, '{"error":"invalid_client"}'), AskPerson),
        ((400, '{"error":"invalid_client"}'), AskPerson),
        ((503, "busy"), TryAgain),
        ((429, "busy"), TryAgain),
        ((302, "", {"location": "http://127.0.0.1:9/"}), TryAgain),
    ],
)
def test_a_revocation_that_failed_is_told_without_the_token(script, answer, error):
    """The token goes to Intuit's address alone, as JSON, and stands in no message."""
    script.answers = [answer]
    app = OAuthApp("the-client", "the-secret-of-the-app", "")

    with pytest.raises(error) as caught:
        revoke(app, f"{script.url}/revoke", "the-refresh-token")

    assert "the-refresh-token" not in str(caught.value)
    assert len(script.asked) == 1
    assert json.loads(script.asked[0].body) == {"token": "the-refresh-token"}


def test_nobody_waits_long_for_a_revocation():
    """Five seconds at most: other commands do it by the way."""
    assert sum(consent.REVOKE_TIMEOUT_S) <= 5
