"""Intuit's OAuth 2 tokens: encrypted at rest, refreshed in time, by one process at a time.

The new refresh token is committed before the access token is used: Intuit changes it about once a
day and lets the old one live a day more (FACTS, QBO, section 8). So a process that dies between
Intuit's answer and the commit costs nothing for a day: the old token buys again.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
import sqlalchemy as sa
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from connectors.bounds import bounded
from connectors.database import writing
from connectors.encryption import Vault
from connectors.errors import AskPerson, TryAgain
from connectors.http import CONNECT_TIMEOUT_S, not_trusted, untrusted
from connectors.masking import remember
from schemas.tables import secrets

#: Seconds to wait for Intuit's token service, to the last byte of its answer.
TIMEOUT_S = 30

#: Bytes of its answers; tokens have some 5 kB.
LARGEST_ANSWER = 1 << 20

#: A token with less life than this is renewed before it is used.
MARGIN = timedelta(minutes=5)

#: What the OAuth library and we run into when an answer is no token: other JSON, other types.
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)

RECONNECT = (
    "Intuit no longer accepts the stored consent: run `clockbooks connect` again."
    " The ledger and the links stay; nothing was sent."
)

DISCONNECTED = "The connection is disconnected: run `clockbooks connect`. The ledger is kept."

#: How long one process may ask Intuit before another one takes over; longer than both timeouts.
LEASE = timedelta(seconds=60)

#: Clocks may differ by this much: an access token with less life is not used any more.
SKEW = timedelta(seconds=30)

#: Seconds between two looks at what another process is asking for: the first, and the longest.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.5

#: The last one asks for the end of the consent that no refresh puts off (FACTS, QBO, section 8).
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "x-include-refresh-token-hard-expires-in": "true",
}


class _InvalidGrantError(Exception):
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
        except _InvalidGrantError:
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
        except _InvalidGrantError:
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
            return _InvalidGrantError()
        return TryAgain(f"Intuit's token service gave no token. {again}")


@dataclass(frozen=True)
class Lives:
    """How long the secrets of a connection are good for.

    Attributes:
        access_until: End of the access token, UTC; it is renewed by itself.
        refresh_until: End of the refresh token, UTC; each refresh puts it off. `None`: not said.
        consent_until: End of the consent, UTC, which nothing puts off. `None`: not said.
        ended_at: When Intuit refused the refresh token for good, UTC; `None` while it does not.
    """

    access_until: datetime
    refresh_until: datetime | None
    consent_until: datetime | None
    ended_at: datetime | None

    @property
    def until(self) -> datetime | None:
        """When a person has to connect again at the latest, if nothing runs before."""
        ends = [end for end in (self.refresh_until, self.consent_until) if end is not None]
        return min(ends, default=None)


def lives(engine: sa.Engine) -> dict[int, Lives]:
    """Say how long the secrets of each connection live, by its id; disconnected ones have none."""
    with engine.connect() as connection:
        return {
            row.connection_id: Lives(
                row.access_expires_at,
                row.refresh_expires_at,
                row.consent_expires_at,
                row.consent_ended_at,
            )
            for row in connection.execute(sa.select(secrets))
        }


class TokenStore:
    """The tokens of one connection, in the database.

    Any number of threads and processes on any machine may ask. One at a time refreshes, under a
    lease in the database (`refresher`, `refresher_until`), and asks Intuit without a transaction
    open; the others go on with the old access token while it lives, or wait until the row has
    another one or the lease is over.

    A holder may be slower than its lease, so that two ask Intuit with the same refresh token. What
    a holder bought is stored while the lease is its own (then it asked last, and its token is the
    youngest), or while the row still has the very refresh token that it spent (then nobody has
    stored anything since). Otherwise a younger token is in the row, and is used instead. A refusal
    ends the consent only while the row has the refresh token that was refused; and whoever comes
    late with a token that Intuit did give takes that end back.
    """

    def __init__(
        self,
        engine: sa.Engine,
        connection_id: int,
        *,
        app: OAuthApp,
        vault: Vault,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._connection_id = connection_id
        self._app = app
        self._vault = vault
        self._now = now
        self._sleep = sleep

    def access_token(self) -> str:
        """Give an access token that lives for a while yet, refreshing it when it does not.

        Raises:
            AskPerson: The consent has ended, or the connection was disconnected.
            TryAgain: Intuit gave no clear answer.
        """
        row = self._row()
        left = row.access_expires_at - self._now()
        token = self._vault.unlock(row.access_token)
        return token if left > MARGIN else self._refreshed(token, usable=left > SKEW)

    def renew(self, refused_token: str) -> str:
        """Give another access token than *refused_token*, which the API has just refused.

        Raises:
            AskPerson: See `access_token`.
            TryAgain: See `access_token`.
        """
        token = self._vault.unlock(self._row().access_token)
        return token if token != refused_token else self._refreshed(token, usable=False)

    def _refreshed(self, stale: str, *, usable: bool) -> str:
        """Give another access token than *stale*; while another process asks, *stale* if usable."""
        pause_s = FIRST_PAUSE_S
        while True:
            token, turn = self._take_turn(stale)
            if turn is not None:
                token = self._buy(turn)
            if token is not None:
                return token
            if turn is not None:
                continue  # refused, because another process has stored a younger token
            if usable:
                return stale
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _take_turn(self, stale: str) -> tuple[str | None, "_Turn | None"]:
        """Give the token that is there instead of *stale*; else the lease; else neither."""
        now = self._now()
        with writing(self._engine) as connection:
            row = self._open(connection.execute(self._mine().with_for_update()).one_or_none())
            token = self._vault.unlock(row.access_token)
            if token != stale:
                return token, None
            if row.refresher is not None and row.refresher_until > now:
                return None, None
            turn = _Turn(str(uuid4()), self._vault.unlock(row.refresh_token))
            self._change(connection, refresher=turn.lease, refresher_until=now + LEASE)
        return None, turn

    def _buy(self, turn: "_Turn") -> str | None:
        """Ask Intuit, and store its answer before anybody uses it; `None`: look again."""
        try:
            tokens = self._app.exchange(turn.spent, now=self._now)
        except _InvalidGrantError:
            self._refused(turn)
            return None
        except BaseException:
            with writing(self._engine) as connection:
                self._let_go(connection, turn)
            raise
        return self._keep(turn, tokens)

    def _keep(self, turn: "_Turn", tokens: Tokens) -> str:
        with writing(self._engine) as connection:
            row = connection.execute(self._mine().with_for_update()).one_or_none()
            if row is None:  # disconnected meanwhile: nothing brings the row back
                raise AskPerson(DISCONNECTED)
            # Unlocked before anything is locked: a key that was rotated meanwhile is noticed here.
            stored = self._vault.unlock(row.refresh_token)
            if row.refresher != turn.lease and stored != turn.spent:
                return self._vault.unlock(row.access_token)
            self._change(
                connection,
                **locked_columns(tokens, self._vault),
                consent_ended_at=None,
                changed_at=self._now(),
            )
            self._let_go(connection, turn)
        return tokens.access_token

    def _refused(self, turn: "_Turn") -> None:
        """Store that the consent has ended, unless a younger refresh token is there.

        Raises:
            AskPerson: It has.
        """
        with writing(self._engine) as connection:
            row = connection.execute(self._mine().with_for_update()).one_or_none()
            if row is None:
                raise AskPerson(DISCONNECTED)
            self._let_go(connection, turn)
            if self._vault.unlock(row.refresh_token) != turn.spent:
                return
            self._change(connection, consent_ended_at=self._now())
        raise AskPerson(RECONNECT)

    def _let_go(self, connection: sa.Connection, turn: "_Turn") -> None:
        mine = (secrets.c.connection_id == self._connection_id) & (
            secrets.c.refresher == turn.lease
        )
        connection.execute(
            secrets.update().where(mine).values(refresher=None, refresher_until=None)
        )

    def _change(self, connection: sa.Connection, **values: Any) -> None:
        mine = secrets.c.connection_id == self._connection_id
        connection.execute(secrets.update().where(mine).values(**values))

    def _row(self) -> Any:
        with self._engine.connect() as connection:
            return self._open(connection.execute(self._mine()).one_or_none())

    def _open(self, row: Any) -> Any:
        """Give a row that may be used: Intuit is never asked again about a consent that ended."""
        if row is None:
            raise AskPerson(DISCONNECTED)
        if row.consent_ended_at is not None:
            raise AskPerson(RECONNECT)
        return row

    def _mine(self) -> sa.Select[Any]:
        return sa.select(secrets).where(secrets.c.connection_id == self._connection_id)


@dataclass(frozen=True)
class _Turn:
    """The right to ask Intuit, for as long as the lease lasts; and the token that pays."""

    lease: str
    spent: str


def locked_columns(tokens: Tokens, vault: Vault) -> dict[str, Any]:
    """Give the columns of `secrets` for *tokens*, encrypted.

    The consent's end stands among them only where Intuit told it: it may be known already.
    """
    columns = {
        "access_token": vault.lock(tokens.access_token),
        "access_expires_at": tokens.access_expires_at,
        "refresh_token": vault.lock(tokens.refresh_token),
        "refresh_expires_at": tokens.refresh_expires_at,
    }
    if tokens.consent_expires_at is not None:
        columns["consent_expires_at"] = tokens.consent_expires_at
    return columns


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
