"""Tells Intuit of the consents that it has still to end: at once, and again at later commands."""

from datetime import datetime

import sqlalchemy as sa

from connectors.database import closing_database
from connectors.errors import ClockbooksError
from connectors.intuit.consent import revoke
from connectors.store import revocations
from connectors.store.revocations import Revocation
from flows.context import oauth_app, open_vault, utc_now
from flows.settings import Settings, read_settings


def catch_up() -> list[str]:
    """Try again what could not be revoked, each token once an hour at most.

    Whatever goes wrong is told and kept for later. After one failure no other token is tried, so
    that nobody waits for long.

    Returns:
        What a person should know; nothing when there was nothing to do.
    """
    settings = read_settings()
    with closing_database(settings.database_url) as engine:
        return _try(settings, engine, revocations.claim(engine, now=utc_now()))


def try_now(
    settings: Settings, engine: sa.Engine, connection_id: int, *, now: datetime
) -> list[str]:
    """Try all revocations of one connection, however lately they were tried; see `catch_up`."""
    due = revocations.claim(engine, now=now, connection_id=connection_id, pause=-revocations.PAUSE)
    return _try(settings, engine, due)


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
                revocations.done(engine, revocation.id)
                how = "was revoked" if was_there else "had ended already"
                told.append(f"The consent of {revocation.connection_name} {how} at Intuit.")
                continue
        revocations.failed(engine, revocation.id, problem)
        told.append(
            f"The consent of {revocation.connection_name} could not be revoked at Intuit yet:"
            f" {problem} A later command tries again, at most once an hour; `clockbooks disconnect"
            f" --connection {revocation.connection_name}` does at once."
        )
    return told


def _revoke(settings: Settings, revocation: Revocation) -> bool:
    token = open_vault(settings).unlock(revocation.refresh_token)
    return revoke(oauth_app(settings), settings.qbo_revoke_url, token)
