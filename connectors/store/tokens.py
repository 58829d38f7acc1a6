"""Access tokens: refreshed in time, by one process at a time, and stored before they are used.

Intuit changes the refresh token about once a day and lets the old one live a day more (FACTS, QBO,
section 8). So a process that dies between Intuit's answer and the commit costs nothing for a day:
the old refresh token can be exchanged again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import writing
from connectors.encryption import Vault
from connectors.errors import AskPerson
from connectors.intuit.oauth_app import CONNECT_AGAIN, CONSENT_ENDED, InvalidGrant, OAuthApp, Tokens
from connectors.store.credentials import locked_columns
from connectors.store.scope import ConnectionScope
from schemas.tables import secrets

#: A token with less life than this is refreshed before it is used.
MARGIN = timedelta(minutes=5)


#: How long one process may ask Intuit before another one takes over; longer than both timeouts.
LEASE = timedelta(seconds=60)

#: Clocks may differ by this much: an access token with less life is not used any more.
SKEW = timedelta(seconds=30)

#: Seconds between two looks at what another process is asking for: the first, and the longest.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.5


@dataclass(frozen=True)
class RefreshLease:
    """The right to ask Intuit for new tokens, for as long as the lease lasts."""

    id: str
    refresh_token: str


@dataclass(frozen=True)
class TokenStore(ConnectionScope):
    """The tokens of one connection, in the database.

    Any number of threads and processes on any machine may ask. One at a time refreshes, under a
    lease in the database (`refresher`, `refresher_until`), and asks Intuit without a transaction
    open; the others go on with the old access token while it lives, or wait until the row has
    another one or the lease is over.

    A holder may be slower than its lease, so that two ask Intuit with the same refresh token. What
    a holder got is stored while the lease is its own (then it asked last, and its token is the
    youngest), or while the row still has the very refresh token that it exchanged (then nobody has
    stored anything since). Otherwise a younger token is in the row, and is used instead. A refusal
    ends the consent only while the row has the refresh token that was refused; and whoever comes
    late with a token that Intuit did give takes that end back.
    """

    app: OAuthApp
    vault: Vault
    sleep: Callable[[float], None] = time.sleep

    def access_token(self) -> str:
        """Return an access token that lives for a while yet, refreshing it when it does not.

        Raises:
            AskPerson: The consent has ended, or the connection was disconnected.
            TryAgain: Intuit gave no clear answer.
        """
        with self.engine.connect() as connection:
            row = self._usable_row(connection)
        left = row.access_expires_at - self.now()
        token = self.vault.unlock(row.access_token)
        return token if left > MARGIN else self._another(token, usable=left > SKEW)

    def renew(self, refused_token: str) -> str:
        """Return another access token than *refused_token*, which the API has just refused.

        Raises:
            AskPerson: See `access_token`.
            TryAgain: See `access_token`.
        """
        with self.engine.connect() as connection:
            token = self.vault.unlock(self._usable_row(connection).access_token)
        return token if token != refused_token else self._another(token, usable=False)

    def _another(self, stale: str, *, usable: bool) -> str:
        """Return another token than *stale*; while another process asks, *stale* if usable."""
        pause_s = FIRST_PAUSE_S
        while True:
            token, lease = self._take_lease(stale)
            if lease is not None:
                token = self._refresh(lease)
            if token is not None:
                return token
            if lease is not None:
                continue  # refused, because another process has stored a younger token
            if usable:
                return stale
            self.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _take_lease(self, stale: str) -> tuple[str | None, RefreshLease | None]:
        """Return the token that is there instead of *stale*; else the lease; else neither."""
        now = self.now()
        with writing(self.engine) as connection:
            row = self._usable_row(connection, lock=True)
            token = self.vault.unlock(row.access_token)
            if token != stale:
                return token, None
            if row.refresher is not None and row.refresher_until > now:
                return None, None
            lease = RefreshLease(str(uuid4()), self.vault.unlock(row.refresh_token))
            self._change(connection, refresher=lease.id, refresher_until=now + LEASE)
        return None, lease

    def _refresh(self, lease: RefreshLease) -> str | None:
        """Ask Intuit, and store its answer before anybody uses it; `None`: look again."""
        try:
            tokens = self.app.refresh(lease.refresh_token, now=self.now)
        except InvalidGrant:
            self._end_consent(lease)
            return None
        except BaseException:
            with writing(self.engine) as connection:
                self._release(connection, lease)
            raise
        return self._store(lease, tokens)

    def _store(self, lease: RefreshLease, tokens: Tokens) -> str:
        with writing(self.engine) as connection:
            row = self._row(connection, lock=True)
            # Unlocked before anything is locked: a key that was rotated meanwhile is noticed here.
            stored = self.vault.unlock(row.refresh_token)
            if row.refresher != lease.id and stored != lease.refresh_token:
                return self.vault.unlock(row.access_token)
            self._change(
                connection,
                **locked_columns(tokens, self.vault),
                consent_ended_at=None,
                changed_at=self.now(),
            )
            self._release(connection, lease)
        return tokens.access_token

    def _end_consent(self, lease: RefreshLease) -> None:
        """Store and report that the consent has ended, unless a younger refresh token is there."""
        with writing(self.engine) as connection:
            row = self._row(connection, lock=True)
            self._release(connection, lease)
            if self.vault.unlock(row.refresh_token) != lease.refresh_token:
                return
            self._change(connection, consent_ended_at=self.now())
        raise AskPerson(CONSENT_ENDED, to_do=CONNECT_AGAIN)

    def _release(self, connection: sa.Connection, lease: RefreshLease) -> None:
        mine = sa.and_(self._own(secrets), secrets.c.refresher == lease.id)
        connection.execute(
            secrets.update().where(mine).values(refresher=None, refresher_until=None)
        )

    def _change(self, connection: sa.Connection, **values: Any) -> None:
        connection.execute(secrets.update().where(self._own(secrets)).values(**values))

    def _usable_row(self, connection: sa.Connection, *, lock: bool = False) -> Any:
        """Read the row; Intuit is never asked again about a consent that has ended."""
        row = self._row(connection, lock=lock)
        if row.consent_ended_at is not None:
            raise AskPerson(CONSENT_ENDED, to_do=CONNECT_AGAIN)
        return row

    def _row(self, connection: sa.Connection, *, lock: bool) -> Any:
        query = sa.select(secrets).where(self._own(secrets))
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:  # disconnected: nothing brings the row back
            gone = "The connection is disconnected. The ledger is kept."
            raise AskPerson(gone, to_do=CONNECT_AGAIN)
        return row
