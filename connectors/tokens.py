"""Intuit's OAuth 2 tokens: encrypted at rest, refreshed in time, by one process at a time.

The new refresh token is committed before the access token is used: Intuit changes it about once a
day and lets the old one live a day more (FACTS, QBO, section 8).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from connectors.database import writing
from connectors.errors import AskPerson, TryAgain
from connectors.http import CONNECT_TIMEOUT_S
from connectors.secrets import Vault
from schemas.tables import secrets

#: Seconds to wait for Intuit's token service.
TIMEOUT_S = 30

#: A token with less life than this is renewed before it is used.
MARGIN = timedelta(minutes=5)

#: What the OAuth library and we run into when an answer is no token: other JSON, other types.
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)

RECONNECT = (
    "Intuit no longer accepts the stored consent: run `clockbooks connect` again."
    " The ledger and the links stay; nothing was sent."
)


@dataclass(frozen=True)
class Tokens:
    """What Intuit gives.

    Attributes:
        access_token: Opens the company's API; lives an hour.
        access_expires_at: When it ends, UTC.
        refresh_token: Buys the next access token.
        refresh_expires_at: When it ends, UTC; `None` when Intuit did not say.
    """

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime | None


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
        _allow_loopback(self.token_url)
        try:
            with OAuth2Session(self.client_id) as session:
                session.max_redirects = 0  # one would carry the refresh token elsewhere
                # Explicitly with Basic: the library's automatic refresh sends none.
                answer = session.refresh_token(
                    self.token_url,
                    refresh_token=refresh_token,
                    auth=HTTPBasicAuth(self.client_id, self.client_secret),
                    timeout=(CONNECT_TIMEOUT_S, TIMEOUT_S),
                )
            return _read(answer, refresh_token, now())
        except OAuth2Error as error:
            raise self._refusal(error, ended) from None
        except (requests.RequestException, *_UNREADABLE) as error:
            raise TryAgain(
                f"Intuit's token service did not answer clearly ({type(error).__name__})."
                " Run the command again."
            ) from None

    def _refusal(self, error: OAuth2Error, ended: str) -> Exception:
        if error.error == "invalid_client":
            return AskPerson(
                "Intuit does not know the app: check CLOCKBOOKS_QBO_CLIENT_ID and"
                " CLOCKBOOKS_QBO_CLIENT_SECRET against the app's keys at developer.intuit.com."
            )
        if error.error == "invalid_grant":
            return AskPerson(ended)
        return TryAgain("Intuit's token service gave no token. Run the command again.")


class TokenStore:
    """The tokens of one connection, in the database.

    Any number of threads and processes may ask; one at a time refreshes, the others find the new
    token when their turn comes.
    """

    def __init__(
        self,
        engine: sa.Engine,
        connection_id: int,
        *,
        app: OAuthApp,
        vault: Vault,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._connection_id = connection_id
        self._app = app
        self._vault = vault
        self._now = now

    def access_token(self) -> str:
        """Give an access token that lives for some minutes yet, refreshing it when it does not."""
        with self._engine.connect() as connection:
            row = connection.execute(self._mine()).one()
        if row.access_expires_at - self._now() > MARGIN:
            return self._vault.unlock(row.access_token)
        return self._refreshed(row.access_token)

    def renew(self, refused_token: str) -> str:
        """Give another access token than *refused_token*, which the API has just refused."""
        with self._engine.connect() as connection:
            row = connection.execute(self._mine()).one()
        token = self._vault.unlock(row.access_token)
        return token if token != refused_token else self._refreshed(row.access_token)

    def _refreshed(self, stale: str) -> str:
        # The row is locked while Intuit is asked: a second process waits, then sees the new token.
        with writing(self._engine) as connection:
            row = connection.execute(self._mine().with_for_update()).one()
            if row.access_token != stale:
                return self._vault.unlock(row.access_token)
            tokens = self._app.refresh(self._vault.unlock(row.refresh_token), now=self._now)
            connection.execute(
                secrets.update()
                .where(secrets.c.connection_id == self._connection_id)
                .values(**locked_columns(tokens, self._vault), changed_at=self._now())
            )
        return tokens.access_token

    def _mine(self) -> sa.Select[Any]:
        return sa.select(secrets).where(secrets.c.connection_id == self._connection_id)


def locked_columns(tokens: Tokens, vault: Vault) -> dict[str, Any]:
    """Give the columns of `secrets` for *tokens*, encrypted."""
    return {
        "access_token": vault.lock(tokens.access_token),
        "access_expires_at": tokens.access_expires_at,
        "refresh_token": vault.lock(tokens.refresh_token),
        "refresh_expires_at": tokens.refresh_expires_at,
    }


def _read(answer: dict[str, Any], refresh_token: str, now: datetime) -> Tokens:
    refresh_s = answer.get("x_refresh_token_expires_in")
    given = (answer["access_token"], answer.get("refresh_token", refresh_token))
    if not all(isinstance(token, str) and token for token in given):
        raise TypeError("a token is no text")
    return Tokens(
        access_token=given[0],
        access_expires_at=now + timedelta(seconds=int(answer.get("expires_in", 3600))),
        refresh_token=given[1],
        refresh_expires_at=now + timedelta(seconds=int(refresh_s)) if refresh_s else None,
    )


def _allow_loopback(url: str) -> None:
    """Let oauthlib talk plain HTTP to a stand-in on this machine; it knows no finer switch."""
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname in {
        "127.0.0.1",
        "localhost",
        "::1",
    }:
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
