"""Ends a connection: revokes Intuit's consent and deletes the secrets; ledger and links stay.

Later commands and runs retry a consent that could not be revoked: `catch_up`.
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

#: Seconds between two looks at a token refresh in progress; its lease ends after a minute.
PAUSE_S = 0.2

FORGOTTEN = (
    "The consent was deleted here, but not revoked at Intuit. To end it, use Apps › My apps ›"
    " Disconnect in QuickBooks."
)

SHARED = (
    "The consent was not revoked at Intuit, because that could end it for {} too, which uses the"
    " same company. It is revoked when the last connection to the company is disconnected."
)


def disconnect(
    name: str | None,
    *,
    force: bool,
    approve: Callable[[Connection], bool],
    clock: Clock = REAL_CLOCK,
) -> dict[str, Any] | None:
    """Disconnect the connection *name*, or the only one.

    The secrets are deleted whether or not Intuit can be reached. A token that could not be revoked
    is kept, encrypted, and retried by later commands; *force* deletes it.

    Returns:
        The JSON document; `None` if *approve* said no.

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
            # Revoking one consent may end all of the company's.
            mine.forget()
            outcome, messages = "kept", [SHARED.format(", ".join(sharers))]
        else:
            messages = try_now(settings, mine)
            outcome = "revoked" if messages else "ended" if taken is Taken.DEAD else "none"
            if mine.pending():
                outcome = "pending"
            if outcome == "pending" and force:
                mine.forget()
                outcome, messages = "forgotten", [FORGOTTEN]
    return {
        "connection": found.name,
        "was_connected": taken is not Taken.NOTHING,
        "revocation": outcome,
        "message": " ".join(messages),
        "told": messages,  # the message as 0.1 had it
    }


def _sharers(engine: sa.Engine, found: Connection) -> list[str]:
    """Return the names of other connections to the same company that have a consent."""
    joined = all_lifetimes(engine)
    return [
        other.name
        for other in all_connections(engine)
        if other.realm_id == found.realm_id and other.id != found.id and other.id in joined
    ]


def catch_up() -> list[str]:
    """Retry what could not be revoked, each token at most once an hour.

    What fails again is kept for later. After one failure no other token is tried, so that nobody
    waits for long.

    Returns:
        Messages for a person; none when there was nothing to do.
    """
    settings = read_settings()
    with closing_database(settings.database_url) as engine:
        return _try(settings, engine, revocations.claim_due(engine, now=utc_now()))


def try_now(settings: Settings, mine: Revocations) -> list[str]:
    """Try all revocations of one connection now; see `catch_up`."""
    return _try(settings, mine.engine, mine.claim())


def _try(settings: Settings, engine: sa.Engine, due: list[Revocation]) -> list[str]:
    messages = []
    problem: str | None = None
    for revocation in due:
        if problem is None:
            try:
                token = open_vault(settings).unlock(revocation.refresh_token)
                was_there = revoke(oauth_app(settings), settings.qbo_revoke_url, token)
            except ClockbooksError as error:
                problem = str(error)
            else:
                revocations.done(engine, revocation)
                how = "was revoked" if was_there else "had already ended"
                messages.append(f"The consent of {revocation.connection_name} {how} at Intuit.")
                continue
        revocations.failed(engine, revocation, problem)
        name = revocation.connection_name
        messages.append(
            f"The consent of {name} could not be revoked at Intuit yet: {problem} Later commands"
            " retry it, at most once an hour. To retry now, run `clockbooks disconnect --connection"
            f" {name}`."
        )
    return messages
