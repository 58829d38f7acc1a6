"""The secrets of a connection: Clockify's key and Intuit's tokens, and how long they last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.encryption import Vault
from connectors.errors import AskPerson
from connectors.intuit.oauth_app import Tokens
from connectors.store.scope import ConnectionScope
from schemas.tables import secrets


@dataclass(frozen=True)
class Lifetimes:
    """How long the tokens of a connection last.

    Attributes:
        access_until: End of the access token, UTC; it is refreshed by itself.
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


class Credentials(ConnectionScope):
    """The secrets of one connection."""

    def check_connected(self, name: str) -> None:
        """Make sure that the connection, called *name*, has its secrets.

        Raises:
            AskPerson: It was disconnected.
        """
        if self._row() is None:
            raise AskPerson(
                f"The connection {name!r} is disconnected: run `clockbooks connect"
                f" --connection {name}` to go on. Its ledger and links are kept."
            )

    def clockify_key(self, vault: Vault) -> str:
        """Return the Clockify key that the connection was made with.

        Raises:
            AskPerson: It was disconnected, or its secrets were encrypted with another key.
        """
        row = self._row()
        if row is None:
            raise AskPerson("The connection was disconnected: run `clockbooks connect` again.")
        return vault.unlock(row.clockify_api_key)

    def lifetimes(self) -> Lifetimes | None:
        """Return how long the tokens last; `None` when the connection was disconnected."""
        row = self._row()
        return None if row is None else _lifetimes(row)

    def _row(self) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(secrets).where(self._own(secrets))).one_or_none()


def all_lifetimes(engine: sa.Engine) -> dict[int, Lifetimes]:
    """Return how long the tokens of every connection last, by its id; but of disconnected ones."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(secrets))
        return {row.connection_id: _lifetimes(row) for row in rows}


def _lifetimes(row: Any) -> Lifetimes:
    return Lifetimes(
        row.access_expires_at, row.refresh_expires_at, row.consent_expires_at, row.consent_ended_at
    )


def locked_columns(tokens: Tokens, vault: Vault) -> dict[str, Any]:
    """Return the columns of `secrets` for *tokens*, encrypted.

    The consent's end is among them only where Intuit said it: it may be known already.
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
