"""Ends a connection: revokes Intuit's consent, and forgets the secrets; ledger and links stay."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from connectors.database import closing_database
from connectors.intuit.oauth_app import lives
from connectors.store import revocations
from connectors.store.connections import Connection, every, find
from connectors.store.revocations import Taken
from flows.context import REAL_CLOCK, Clock, start
from flows.revoking import try_now

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
        found = find(engine, name)
        if not approve(found):
            return None
        # A refresh under way brings another token, which would outlive the one revoked here.
        while (taken := revocations.set_apart(engine, found.id, now=clock.now())) is Taken.BUSY:
            clock.sleep(PAUSE_S)
        sharers = _sharers(engine, found)
        if sharers and taken is not Taken.NOTHING:
            # Intuit may end the consent of the company as a whole, and so theirs.
            revocations.forget(engine, found.id)
            told, left = [SHARED.format(", ".join(sharers))], False
        else:
            told = try_now(settings, engine, found.id, now=clock.now())
            left = found.id in revocations.pending(engine)
        if left and force:
            revocations.forget(engine, found.id)
            told = [FORGOTTEN]
    return {
        "connection": found.name,
        "was_connected": taken is not Taken.NOTHING,
        "revocation": "kept"
        if sharers and told
        else _outcome(taken, left=left, force=force, tried=bool(told)),
        "told": told,
    }


def _sharers(engine: sa.Engine, found: Connection) -> list[str]:
    """Name the other connections to the same company that have a consent."""
    joined = lives(engine)
    return [
        other.name
        for other in every(engine)
        if other.realm_id == found.realm_id and other.id != found.id and other.id in joined
    ]


def _outcome(taken: Taken, *, left: bool, force: bool, tried: bool) -> str:
    """Say in a word what Intuit knows: revoked, pending, forgotten, or that nothing was to do."""
    if left:
        return "forgotten" if force else "pending"
    return "revoked" if tried else "ended" if taken is Taken.DEAD else "none"
