"""Intuit's OAuth 2 tokens: encrypted at rest, refreshed in time, by one process at a time.

The new refresh token is committed before the access token is used: Intuit changes it about once a
day and lets the old one live a day more (FACTS, QBO, section 8). So a process that dies between
Intuit's answer and the commit costs nothing for a day: the old token buys again.
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
from connectors.http import CONNECT_TIMEOUT_S, not_trusted, untrusted
from connectors.masking import remember

#: Seconds to wait for Intuit's token service, to the last byte of its answer.
TIMEOUT_S = 30

#: Bytes of its answers; tokens have some 5 kB.
LARGEST_ANSWER = 1 << 20

#: What the OAuth library and we run into when an answer is no token: other JSON, other types.
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)

RECONNECT = (
    "Intuit no longer accepts the stored consent: run `clockbooks connect` again."
    " The ledger and the links stay; nothing was sent."
)

#: The last one asks for the end of the consent that no refresh puts off (FACTS, QBO, section 8).
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "x-include-refresh-token-hard-expires-in": "true",
}


class InvalidGrantError(Exception):
    """Intuit refuses the refresh token."""


@dataclass(frozen=True)
class Tokens:
    """What Intuit gives.

    Attributes:
        access_token: Opens the company's API; lives an hour.
        access_expires_at: When it ends, UTC.
        refresh_token: Buys the next access token.
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
    """The Intuit app in whose name Clockbooks acts.

    Attributes:
        client_id: Its id.
        client_secret: Its secret.
        token_url: Where tokens are bought.
    """

    client_id: str
    client_secret: str
    token_url: str

    def refresh(
        self, refresh_token: str, *, now: Callable[[], datetime], ended: str = RECONNECT
    ) -> Tokens:
        """Buy new tokens for *refresh_token*.

        Args:
            refresh_token: A secret.
            now: The clock.
            ended: What to tell a person when Intuit no longer accepts the refresh token.

        Raises:
            AskPerson: Intuit refuses the token or the app; final.
            TryAgain: Intuit could not be reached, or gave no clear answer.
        """
        try:
            return self.exchange(refresh_token, now=now)
        except InvalidGrantError:
            raise AskPerson(ended) from None

    def exchange(self, refresh_token: str, *, now: Callable[[], datetime]) -> Tokens:
        """Buy new tokens, as `refresh` does; a refused refresh token is told apart."""
        remember(refresh_token)
        return self._buy(
            OAuth2Session(self.client_id),
            lambda session, how: session.refresh_token(
                self.token_url, refresh_token=refresh_token, **how
            ),
            kept=refresh_token,
            now=now,
            again="Run the command again.",
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
        """Buy the first tokens of a consent for its authorization *code*, which works once.

        Args:
            code: From Intuit's redirect; a secret for the minutes that it lives.
            redirect_uri: The address to which Intuit sent it, as it was asked for.
            now: The clock.
            ended: What to tell a person when Intuit does not accept the code.
            verifier: PKCE's, where the question had its hash; a secret.

        Raises:
            AskPerson: Intuit refuses the code or the app; final.
            TryAgain: Intuit could not be reached, or gave no clear answer.

        Source: FACTS, QBO, section 8.
        """
        remember(code)
        try:
            return self._buy(
                OAuth2Session(self.client_id, redirect_uri=redirect_uri),
                lambda session, how: session.fetch_token(
                    self.token_url, code=code, code_verifier=verifier, **how
                ),
                kept="",  # a consent without a refresh token is none
                now=now,
                again="Run `clockbooks connect` again: the consent has to be given anew.",
            )
        except InvalidGrantError:
            raise AskPerson(ended) from None

    def _buy(
        self,
        session: OAuth2Session,
        ask: Callable[[OAuth2Session, dict[str, Any]], dict[str, Any]],
        *,
        kept: str,
        now: Callable[[], datetime],
        again: str,
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
            raise self._refusal(error, again) from None
        except (requests.RequestException, *_UNREADABLE) as error:
            if untrusted(error):
                raise AskPerson(not_trusted("Intuit's token service", self.token_url)) from None
            raise TryAgain(
                f"Intuit's token service did not answer clearly ({type(error).__name__}). {again}"
            ) from None

    def _refusal(self, error: OAuth2Error, again: str) -> Exception:
        if error.error == "invalid_client":
            return AskPerson(
                "Intuit does not know the app: check CLOCKBOOKS_QBO_CLIENT_ID and"
                " CLOCKBOOKS_QBO_CLIENT_SECRET against the app's keys at developer.intuit.com."
            )
        if error.error == "invalid_grant":
            return InvalidGrantError()
        return TryAgain(f"Intuit's token service gave no token. {again}")


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
    """Let oauthlib talk plain HTTP to a stand-in on this machine; it knows no finer switch."""
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname in {
        "127.0.0.1",
        "localhost",
        "::1",
    }:
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
