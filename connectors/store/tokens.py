"""Intuit's tokens at rest: encrypted, refreshed by one process at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import writing
from connectors.encryption import Vault
from connectors.errors import AskPerson
from connectors.intuit.oauth_app import RECONNECT, InvalidGrantError, OAuthApp, Tokens
from schemas.tables import secrets

#: A token with less life than this is renewed before it is used.
MARGIN = timedelta(minutes=5)

DISCONNECTED = "The connection is disconnected: run `clockbooks connect`. The ledger is kept."

#: How long one process may ask Intuit before another one takes over; longer than both timeouts.
LEASE = timedelta(seconds=60)

#: Clocks may differ by this much: an access token with less life is not used any more.
SKEW = timedelta(seconds=30)

#: Seconds between two looks at what another process is asking for: the first, and the longest.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.5


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
        except InvalidGrantError:
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
