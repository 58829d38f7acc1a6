"""Intuit's token service: redeems the code of a consent, and exchanges refresh tokens (RFC 6749).

Source: FACTS, QBO, section 8.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from connectors.bounds import bounded
from connectors.errors import AskPerson, TryAgain
from connectors.hosts import LOOPBACK
from connectors.http import CONNECT_TIMEOUT_S, not_trusted, untrusted
from connectors.masking import remember

#: Seconds to wait for Intuit's token service, to the last byte of its answer.
TIMEOUT_S = 30

#: Bytes of its answers; tokens have some 5 kB.
LARGEST_ANSWER = 1 << 20

#: What the OAuth library and we run into when an answer is no token: other JSON, other types.
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)

CONSENT_ENDED = (
    "Intuit no longer accepts the stored consent. The ledger and the links are kept; nothing was"
    " sent."
)
CONNECT_AGAIN = "Run `clockbooks connect` again."

#: The last one asks for the end of the consent that no refresh puts off (FACTS, QBO, section 8).
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "x-include-refresh-token-hard-expires-in": "true",
}


class InvalidGrant(AskPerson):
    """Intuit does not accept a refresh token or a code, and never will."""


@dataclass(frozen=True)
class Tokens:
    """What Intuit gives for a refresh token or a code.

    Attributes:
        access_token: Opens the company's API; lives an hour.
        access_expires_at: When it ends, UTC.
        refresh_token: Is exchanged for the next access token.
        refresh_expires_at: When it ends, UTC; `None` when Intuit did not say.
        consent_expires_at: When the consent ends, however often it is refreshed, UTC; `None` when
            Intuit did not say.
    """

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime | None
    consent_expires_at: datetime | None = None


@dataclass(frozen=True)
class OAuthApp:
    """The Intuit app in whose name Clockbooks acts."""

    client_id: str
    client_secret: str
    token_url: str

    def refresh(
        self,
        refresh_token: str,
        *,
        now: Callable[[], datetime],
        ended: str = f"{CONSENT_ENDED} {CONNECT_AGAIN}",
    ) -> Tokens:
        """Exchange *refresh_token* for new tokens; *ended* is for a person, if Intuit refuses it.

        Raises:
            InvalidGrant: Intuit refuses the refresh token; final.
            AskPerson: Intuit refuses the app; final.
            TryAgain: Intuit could not be reached, or gave no clear answer.
        """
        remember(refresh_token)
        return self._ask(
            OAuth2Session(self.client_id),
            lambda session, how: session.refresh_token(
                self.token_url, refresh_token=refresh_token, **how
            ),
            kept=refresh_token,
            now=now,
            again="Run the command again.",
            ended=ended,
        )

    def redeem(
        self,
        code: str,
        *,
        redirect_uri: str,
        now: Callable[[], datetime],
        ended: str,
        verifier: str | None = None,
    ) -> Tokens:
        """Redeem the authorization *code* of a consent, which works once, for its first tokens.

        The redirect address and PKCE's *verifier* are the question's; *ended* is for a person, if
        Intuit does not accept the code.

        Raises:
            InvalidGrant: Intuit refuses the code; final.
            AskPerson: Intuit refuses the app; final.
            TryAgain: Intuit could not be reached, or gave no clear answer.
        """
        remember(code)
        return self._ask(
            OAuth2Session(self.client_id, redirect_uri=redirect_uri),
            lambda session, how: session.fetch_token(
                self.token_url, code=code, code_verifier=verifier, **how
            ),
            kept="",  # a consent without a refresh token is none
            now=now,
            again="Run `clockbooks connect` again for a new consent.",
            ended=ended,
        )

    def _ask(
        self,
        session: OAuth2Session,
        ask: Callable[[OAuth2Session, dict[str, Any]], dict[str, Any]],
        *,
        kept: str,
        now: Callable[[], datetime],
        again: str,
        ended: str,
    ) -> Tokens:
        """Ask Intuit for tokens; *kept* is the refresh token that stays if none comes back."""
        allow_plain_loopback(self.token_url)
        remember(self.client_secret)
        how = {
            # Explicitly with Basic: the library's automatic refresh sends none.
            "auth": HTTPBasicAuth(self.client_id, self.client_secret),
            "timeout": (CONNECT_TIMEOUT_S, TIMEOUT_S),
            "headers": _HEADERS,
        }
        try:
            with bounded(session, LARGEST_ANSWER):
                session.max_redirects = 0  # one would carry the secret elsewhere
                return _read(ask(session, how), kept, now())
        except OAuth2Error as error:
            raise _refusal(error, again, ended) from None
        except (requests.RequestException, *_UNREADABLE) as error:
            if untrusted(error):
                raise not_trusted("Intuit's token service", self.token_url) from None
            trouble = f"Intuit's token service gave no clear answer ({type(error).__name__})."
            raise TryAgain(trouble, to_do=again) from None


def _refusal(error: OAuth2Error, again: str, ended: str) -> Exception:
    if error.error == "invalid_client":
        return AskPerson(
            "Intuit does not know the app.",
            to_do="Check CLOCKBOOKS_QBO_CLIENT_ID and CLOCKBOOKS_QBO_CLIENT_SECRET against the"
            " app's keys at developer.intuit.com.",
        )
    if error.error == "invalid_grant":
        return InvalidGrant(ended)
    return TryAgain("Intuit's token service returned no token.", to_do=again)


def _read(answer: dict[str, Any], refresh_token: str, now: datetime) -> Tokens:
    refresh_s = answer.get("x_refresh_token_expires_in")
    consent_s = answer.get("x_refresh_token_hard_expires_in")
    given = (answer["access_token"], answer.get("refresh_token", refresh_token))
    if not all(isinstance(token, str) and token for token in given):
        raise TypeError("a token is no text")
    remember(*given)
    return Tokens(
        access_token=given[0],
        access_expires_at=now + timedelta(seconds=int(answer.get("expires_in", 3600))),
        refresh_token=given[1],
        refresh_expires_at=now + timedelta(seconds=int(refresh_s)) if refresh_s else None,
        consent_expires_at=now + timedelta(seconds=int(consent_s)) if consent_s else None,
    )


def allow_plain_loopback(url: str) -> None:
    """Let oauthlib talk plain HTTP to a stand-in on this machine; it has no finer switch."""
    address = urlsplit(url)
    if address.scheme == "http" and address.hostname in LOOPBACK:
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
