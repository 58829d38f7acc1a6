"""What is still to be revoked: kept in one step with the secrets' end, tried by one at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.database import writing
from connectors.errors import AskPerson
from connectors.store import connections, revocations
from connectors.store.connection_settings import ConnectionSettings
from connectors.store.credentials import Credentials
from connectors.store.revocations import PAUSE, Revocations, Taken
from schemas.tables import revocations as table
from schemas.tables import secrets


@pytest.fixture
def made(engine, vault, clock, joined):
    """Return a connection with its secrets."""
    return connections.store_connection(engine, "studio", joined(), vault=vault, now=clock.now)


@pytest.fixture
def mine(engine, made, clock):
    """Return the revocations of that connection, none as yet."""
    return Revocations(engine, made.id, lambda: clock.now)


def _change(engine, **values):
    with writing(engine) as connection:
        connection.execute(secrets.update().values(**values))


def _rows(engine, of=table):
    with engine.connect() as connection:
        return connection.execute(sa.select(of)).all()


def test_secrets_become_a_revocation_in_one_step(engine, made, mine):
    """The refresh token is kept, encrypted as it was; a second time there is nothing to take."""
    locked = _rows(engine, secrets)[0].refresh_token

    assert mine.set_apart() is Taken.SET_APART
    assert _rows(engine, secrets) == []
    assert [row.refresh_token for row in _rows(engine)] == [locked]
    assert mine.set_apart() is Taken.NOTHING
    with pytest.raises(AskPerson, match="clockbooks connect --connection studio"):
        Credentials(engine, made.id, mine.now).check_connected("studio")


@pytest.mark.parametrize("column", ["consent_ended_at", "refresh_expires_at", "consent_expires_at"])
def test_a_consent_that_has_ended_needs_no_revocation(engine, mine, clock, column):
    """Intuit has ended it, or time has: the secrets go, and nothing is left to tell."""
    _change(engine, **{column: clock.now})

    assert mine.set_apart() is Taken.DEAD
    assert _rows(engine, secrets) == _rows(engine) == []


def test_a_refresh_under_way_is_waited_for(engine, mine, clock):
    """It may bring another token, which would outlive the one revoked; a dead one's lease ends."""
    _change(engine, refresher="somebody", refresher_until=clock.now + timedelta(seconds=60))

    assert mine.set_apart() is Taken.BUSY
    assert len(_rows(engine, secrets)) == 1
    clock.now += timedelta(seconds=60)
    assert mine.set_apart() is Taken.SET_APART


def test_one_token_is_tried_once_an_hour_by_one_of_many(engine, mine, clock):
    """Eight that come by at once: one tries; the next try is an hour later."""
    mine.set_apart()

    with ThreadPoolExecutor(8) as threads:
        tried = list(threads.map(lambda _: revocations.claim_due(engine, now=clock.now), range(8)))
    assert sum(map(len, tried)) == 1
    revocations.failed(engine, _rows(engine)[0], "Intuit did not answer.")

    nearly = clock.now + PAUSE - timedelta(seconds=1)
    assert revocations.claim_due(engine, now=nearly) == []
    (again,) = revocations.claim_due(engine, now=clock.now + PAUSE)
    assert (again.connection_name, again.problem) == ("studio", "Intuit did not answer.")
    revocations.done(engine, again)
    assert not mine.pending()


def test_own_settings_are_set_and_unset_together(engine, made, clock):
    """What was set before is replaced; `link_vendors` stands in the connection itself."""
    own = ConnectionSettings(engine, made.id, lambda: clock.now)
    own.change(wanted={"rounding": "up:6", "link_vendors": "false"}, unwanted=())
    own.change(wanted={"rounding": "none", "timezone": "UTC"}, unwanted=())
    assert own.stored() == {"link_vendors": "false", "rounding": "none", "timezone": "UTC"}
    assert not connections.find_connection(engine, "studio").link_vendors

    own.change(wanted={}, unwanted=["timezone", "link_vendors"])
    assert own.stored() == {"rounding": "none"}
    assert connections.find_connection(engine, "studio").link_vendors
