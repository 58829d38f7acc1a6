"""Ends a connection: revokes Intuit's consent, and forgets the secrets; ledger and links stay.

A consent that could not be ended is tried again at later commands and runs: `catch_up`.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from connectors.database import closing_database
from connectors.errors import ClockbooksError
from connectors.intuit.consent import revoke
from connectors.store import revocations
from connectors.store.connections import Connection, all_connections, find_connection
from connectors.store.credentials import all_lifetimes
from connectors.store.revocations import Revocation, Revocations, Taken
from flows.context import REAL_CLOCK, Clock, oauth_app, open_vault, start, utc_now
from flows.settings import Settings, read_settings

#: Seconds between two looks at a refresh that is going on; its lease ends it after a minute.
PAUSE_S = 0.2

FORGOTTEN = (
    "Whatever consent is left was forgotten without telling Intuit. It can be ended in QuickBooks:"
    " Apps › My apps › Disconnect."
)


SHARED = (
    "The consent was not ended at Intuit, because that could end it for {} too, which uses the same"
    " company. Disconnecting the last connection to the company ends it."
)


def disconnect(
    name: str | None,
    *,
    force: bool,
    approve: Callable[[Connection], bool],
    clock: Clock = REAL_CLOCK,
) -> dict[str, Any] | None:
    """Disconnect the connection *name*, or the only one.

    The secrets are deleted whether or not Intuit can be reached. What could not be revoked is kept
    encrypted, and tried again by later commands.

    Args:
        name: Which connection.
        force: Whether to forget what cannot be revoked now.
        approve: Shown the connection before anything is done.
        clock: Where time comes from.

    Returns:
        The JSON document; `None` when *approve* said no.

    Raises:
        AskPerson: No connection fits.
    """
    settings = start()
    with closing_database(settings.database_url) as engine:
        found = find_connection(engine, name)
        if not approve(found):
            return None
        # A refresh under way brings another token, which would outlive the one revoked here.
        mine = Revocations(engine, found.id, clock.now)
        while (taken := mine.set_apart()) is Taken.BUSY:
            clock.sleep(PAUSE_S)
        sharers = _sharers(engine, found)
        if sharers and taken is not Taken.NOTHING:
            # Intuit may end the consent of the company as a whole, and so theirs.
            mine.forget()
            told, left = [SHARED.format(", ".join(sharers))], False
        else:
            told = try_now(settings, mine)
            left = mine.pending()
        if left and force:
            mine.forget()
            told = [FORGOTTEN]
    return {
        "connection": found.name,
        "was_connected": taken is not Taken.NOTHING,
        "revocation": "kept"
        if sharers and told
        else _outcome(taken, left=left, force=force, tried=bool(told)),
        "message": " ".join(told),
        "told": told,  # the message as 0.1 had it
    }


def _sharers(engine: sa.Engine, found: Connection) -> list[str]:
    """Name the other connections to the same company that have a consent."""
    joined = all_lifetimes(engine)
    return [
        other.name
        for other in all_connections(engine)
        if other.realm_id == found.realm_id and other.id != found.id and other.id in joined
    ]


def _outcome(taken: Taken, *, left: bool, force: bool, tried: bool) -> str:
    """Say in a word what Intuit knows: revoked, pending, forgotten, or that nothing was to do."""
    if left:
        return "forgotten" if force else "pending"
    return "revoked" if tried else "ended" if taken is Taken.DEAD else "none"


def catch_up() -> list[str]:
    """Try again what could not be revoked, each token once an hour at most.

    Whatever goes wrong is told and kept for later. After one failure no other token is tried, so
    that nobody waits for long.

    Returns:
        What a person should know; nothing when there was nothing to do.
    """
    settings = read_settings()
    with closing_database(settings.database_url) as engine:
        return _try(settings, engine, revocations.claim_due(engine, now=utc_now()))


def try_now(settings: Settings, mine: Revocations) -> list[str]:
    """Try all revocations of one connection, however lately they were tried; see `catch_up`."""
    return _try(settings, mine.engine, mine.claim())


def _try(settings: Settings, engine: sa.Engine, due: list[Revocation]) -> list[str]:
    told = []
    problem: str | None = None
    for revocation in due:
        if problem is None:
            try:
                was_there = _revoke(settings, revocation)
            except ClockbooksError as error:
                problem = str(error)
            else:
                revocations.done(engine, revocation)
                how = "was revoked" if was_there else "had ended already"
                told.append(f"The consent of {revocation.connection_name} {how} at Intuit.")
                continue
        revocations.failed(engine, revocation, problem)
        told.append(
            f"The consent of {revocation.connection_name} could not be revoked at Intuit yet:"
            f" {problem} A later command tries again, at most once an hour; `clockbooks disconnect"
            f" --connection {revocation.connection_name}` does at once."
        )
    return told


def _revoke(settings: Settings, revocation: Revocation) -> bool:
    token = open_vault(settings).unlock(revocation.refresh_token)
    return revoke(oauth_app(settings), settings.qbo_revoke_url, token)
