"""Intuit's consent: the question to a person, what their browser brings back, and taking it back.

OAuth 2 with an authorization code (FACTS, QBO, section 8). The code is redeemed by
`connectors.intuit.oauth_app`.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import requests
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from connectors.bounds import bounded
from connectors.errors import AskPerson, TryAgain
from connectors.intuit.oauth_app import LARGEST_ANSWER, OAuthApp, allow_plain_loopback
from connectors.masking import remember

#: The only thing that is asked for: the books. No profile, no e-mail, no payments.
SCOPE = "com.intuit.quickbooks.accounting"

#: Seconds to wait for Intuit when a consent is taken back: a connection, and an answer.
#: Together no more than 5: other commands wait while it is tried again.
REVOKE_TIMEOUT_S = (2, 3)

#: Seconds to wait for Intuit's discovery document, and the most of it that is read, in bytes.
DISCOVERY_TIMEOUT_S = 5
DISCOVERY_SIZE = 64 * 1024

#: Longest authorization code (FACTS, QBO, section 8).
LONGEST_CODE = 512

_REALM_ID = re.compile(r"[0-9]{1,64}", re.ASCII)


class NotGiven(AskPerson):
    """The consent was not given, or did not arrive whole.

    Attributes:
        title: What happened, in a few words.
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__(text)
        self.title = title


class NotOurs(NotGiven):
    """An answer to another question than ours: somebody else's, an old one, or a forged one."""


@dataclass(frozen=True)
class Question:
    """What a person is asked in their browser.

    Attributes:
        address: Intuit's page, with the question.
        redirect_uri: Where Intuit sends the browser with the answer.
        state: Comes back with the answer, and shows that it is one to this question.
        verifier: PKCE's: whoever has the code needs it to redeem the code (RFC 7636); a secret.
            `None` where Intuit does not offer PKCE.
    """

    address: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str | None = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """A consent, as the browser brings it.

    Attributes:
        code: Is redeemed for the first tokens, once, within minutes; a secret.
        realm_id: The company that the person chose.
    """

    code: str = field(repr=False)
    realm_id: str


def offers_pkce(discovery_url: str) -> bool:
    """Return whether Intuit's discovery document offers PKCE with S256; no answer means no.

    Nothing else is taken from it: addresses come from the settings.

    Source: RFC 8414, `code_challenge_methods_supported`.
    """
    try:
        with bounded(requests.Session(), DISCOVERY_SIZE) as session:
            response = session.get(
                discovery_url,
                headers={"Accept": "application/json"},
                timeout=DISCOVERY_TIMEOUT_S,
                allow_redirects=False,
            )
        return "S256" in response.json()["code_challenge_methods_supported"]
    except (requests.RequestException, ValueError, TypeError, LookupError):
        return False


def question(
    client_id: str, *, authorize_url: str, redirect_uri: str, pkce: bool = False
) -> Question:
    """Make a new question, whose `state` nobody can guess.

    With *pkce*, Intuit gets the hash of a secret, for which it asks with the code.
    """
    allow_plain_loopback(authorize_url)
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(32) if pkce else None
    more: dict[str, str] = {}
    if verifier is not None:
        remember(verifier)
        hashed = hashlib.sha256(verifier.encode()).digest()
        shown = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
        more = {"code_challenge": shown, "code_challenge_method": "S256"}
    with OAuth2Session(client_id, redirect_uri=redirect_uri, scope=[SCOPE]) as session:
        address, _ = session.authorization_url(authorize_url, state=state, **more)
    return Question(address=address, redirect_uri=redirect_uri, state=state, verifier=verifier)


def read_answer(query: str, *, state: str) -> Answer:
    """Read the query of the address to which Intuit sent the browser; *state* is the question's.

    Raises:
        NotOurs: It answers another question.
        NotGiven: The person refused, or Intuit did, or the answer is not whole.
    """
    given = parse_qs(query, keep_blank_values=True)
    # Looked at first, refusals included: else any page could end the wait with an `error`.
    if not hmac.compare_digest(_only(given, "state").encode(errors="replace"), state.encode()):
        raise NotOurs(
            "This answer is not for this request",
            "The answer does not belong to this `clockbooks connect`: it may come from an earlier"
            " one, or from another page. Nothing was stored.",
        )
    error = _only(given, "error")
    if error == "access_denied":
        raise NotGiven(
            "The consent was refused",
            "The consent was refused on Intuit's page. Nothing was stored; run"
            " `clockbooks connect` again to give your consent.",
        )
    if error or "error" in given:
        raise NotGiven(
            "Intuit did not ask for the consent",
            f"Intuit refused the request ({_word(error)}): check that the app at"
            f" developer.intuit.com has the scope {SCOPE} and this redirect address. Nothing was"
            " stored.",
        )
    code, realm_id = _only(given, "code"), _only(given, "realmId")
    if not 0 < len(code) <= LONGEST_CODE:
        raise NotGiven(
            "The answer has no code",
            "Intuit's answer has no usable code. Nothing was stored; run `clockbooks connect`"
            " again; if you paste the address, paste all of it.",
        )
    if not _REALM_ID.fullmatch(realm_id):
        raise NotGiven(
            "The answer names no company",
            "Intuit's answer names no company (realmId). Nothing was stored; run"
            " `clockbooks connect` again, and choose a company on Intuit's page.",
        )
    return Answer(code=code, realm_id=realm_id)


def revoke(app: OAuthApp, revoke_url: str, refresh_token: str) -> bool:
    """End a consent at Intuit, and return whether it was still there: an ended one is as good.

    Raises:
        AskPerson: Intuit does not know the app.
        TryAgain: Intuit could not be reached, or gave no clear answer.

    Source: FACTS, QBO, section 8.
    """
    remember(refresh_token, app.client_secret)
    try:
        with bounded(requests.Session(), LARGEST_ANSWER) as session:
            response = session.post(
                revoke_url,
                json={"token": refresh_token},
                headers={"Accept": "application/json"},
                auth=HTTPBasicAuth(app.client_id, app.client_secret),
                timeout=REVOKE_TIMEOUT_S,
                allow_redirects=False,  # one would carry the token elsewhere
            )
    except requests.RequestException as error:
        # `from None`: the library's text has what was sent.
        raise TryAgain(f"Intuit did not answer ({type(error).__name__}).") from None
    if response.status_code == 200:
        return True
    # A wrong app is answered with 401, and was seen to be with 400 too.
    if response.status_code in {401, 403} or "invalid_client" in response.text:
        raise AskPerson(
            "Intuit does not know the app: check CLOCKBOOKS_QBO_CLIENT_ID and"
            " CLOCKBOOKS_QBO_CLIENT_SECRET."
        )
    if response.status_code == 400:
        return False
    raise TryAgain(f"Intuit answered {response.status_code}.")


def _only(given: dict[str, list[str]], name: str) -> str:
    """Return the one value of a parameter; one that is given twice is as good as none."""
    values = given.get(name, [])
    return values[0] if len(values) == 1 else ""


def _word(error: str) -> str:
    """Return an error's name as Intuit spells it, if it is a name."""
    return error if re.fullmatch(r"[a-z_]{1,40}", error) else "for an unknown reason"
