"""Attack: somebody who reads the code of a consent, and knows the app, redeems it for tokens."""

from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from connectors.errors import AskPerson
from connectors.intuit.consent import offers_pkce, question, read_answer
from connectors.intuit.oauth_app import OAuthApp
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.server import serving
from flows.context import utc_now

REDIRECT = "http://127.0.0.1:4567/callback"
SCENARIO = {
    "realm_id": "77",
    "client_id": "the-client",
    "client_secret": "the-secret-of-the-app",
    "refresh_token": "refresh-token-of-the-consent",
}


@pytest.fixture(params=[True, False], ids=["offered", "not offered"])
def intuit(request):
    """Serve Intuit, which offers PKCE in its discovery document, or does not."""
    standin = QuickBooksStandin(SCENARIO, switches=Switches(offers_pkce=request.param))
    with serving(standin.app) as url:
        yield url, request.param


def _asked(url):
    discovered = offers_pkce(f"{url}/.well-known/openid_configuration")
    return question(
        "the-client", authorize_url=f"{url}/connect/oauth2", redirect_uri=REDIRECT, pkce=discovered
    )


def _consented(asked):
    """Allow, as a person does on Intuit's page; return the code that the browser brings."""
    page = requests.get(asked.address, timeout=10).text
    fields = {
        part.split('"')[0]: part.split('value="')[1].split('"')[0]
        for part in page.split('type="hidden" name="')[1:]
    }
    address = urlsplit(asked.address)
    landed = requests.post(
        address._replace(query="").geturl(),
        data={**fields, "decision": "allow"},
        allow_redirects=False,
        timeout=10,
    ).headers["location"]
    return read_answer(urlsplit(landed).query, state=asked.state).code


def _redeem(url, code, verifier):
    app = OAuthApp("the-client", "the-secret-of-the-app", f"{url}/oauth2/v1/tokens/bearer")
    return app.redeem(
        code, redirect_uri=REDIRECT, verifier=verifier, now=utc_now, ended="not accepted"
    )


@pytest.mark.parametrize("intuit", [True], indirect=True)
@pytest.mark.parametrize("guess", [None, "x" * 43])
def test_a_stolen_code_buys_nothing_where_pkce_is_offered(intuit, guess):
    """Id, secret and code do not do: what only our process knows is asked for as well."""
    url, _ = intuit
    code = _consented(_asked(url))

    with pytest.raises(AskPerson, match="not accepted"):
        _redeem(url, code, guess)


def test_our_own_consent_works_either_way(intuit):
    """The challenge goes only where it is offered, hashed; its secret is shown nowhere."""
    url, offered = intuit
    asked = _asked(url)
    query = dict(parse_qsl(urlsplit(asked.address).query))

    tokens = _redeem(url, _consented(asked), asked.verifier)

    assert tokens.access_token
    assert query.get("code_challenge_method") == ("S256" if offered else None)
    assert ("code_challenge" in query) is (asked.verifier is not None) is offered
    assert str(asked.verifier) not in asked.address
    assert str(asked.verifier) not in repr(asked) or not offered


@pytest.mark.parametrize(
    "body", ["[]", "{", '{"code_challenge_methods_supported": 7}', "x" * 99_999]
)
def test_a_document_that_is_none_offers_nothing(body):
    """Whatever stands there, the consent goes on without PKCE; nothing large is read."""

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    with serving(app) as url:
        assert offers_pkce(url) is False
    assert offers_pkce(url) is False  # nobody there any more
