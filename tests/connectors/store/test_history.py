"""The history is a chain: each row's hash covers the row before it."""

import hashlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.database import changing
from connectors.store.actors import Actor
from connectors.store.connection_store import ConnectionStore
from schemas.tables import actors, history, history_heads
from schemas.words import ActorKind, Event

LEASE = timedelta(minutes=10)
ANN = Actor(ActorKind.USER, "ann")


@pytest.fixture
def store(engine, connection_id, clock):
    return ConnectionStore(engine, connection_id, lambda: clock.now)


def _add(store, event, *rows, **more):
    with changing(store.engine) as connection:
        store.history.add(connection, event, rows, **more)


def _rows(engine):
    with engine.connect() as connection:
        rows = connection.execute(sa.select(history).order_by(history.c.number))
        return [dict(row) for row in rows.mappings()]


def test_each_row_hashes_the_one_before(store):
    """Anybody can compute the hashes again, with a JSON encoder and SHA-256 alone."""
    run_id = store.runs.start(LEASE, ANN)
    _add(store, Event.CLAIMED, {"entry_id": "a", "minutes": 60}, {"entry_id": "b"}, run_id=run_id)
    _add(store, Event.REFUSED, {"entry_id": "b", "note": "Größe \u2028 \U0001f600"}, run_id=run_id)

    before = "0" * 64
    for number, row in enumerate(_rows(store.engine), start=1):
        assert row.pop("number") == number
        hash_ = row.pop("hash")
        names = ("at", "event", "entry_id", "operation", "run_id", "actor_id", "request_id",
                 "fingerprint", "minutes", "time_activity_id", "note")  # fmt: skip
        text = json.dumps([number, *(row[name] for name in names)], separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        before = hashlib.sha256((before + digest).encode()).hexdigest()
        assert hash_ == before
    with store.engine.connect() as connection:
        head = connection.execute(sa.select(history_heads)).one()
    assert (head.number, head.hash) == (3, before)


def test_a_row_names_who_ran_the_run_by_a_commitment(store):
    """A name stands in one table alone: the history has its salted hash."""
    for _ in range(2):
        run_id = store.runs.start(LEASE, ANN)
        _add(store, Event.CLAIMED, {"entry_id": "a"}, run_id=run_id)

    with store.engine.connect() as connection:
        actor = connection.execute(sa.select(actors)).one()
    assert {row["actor_id"] for row in _rows(store.engine)} == {actor.id}
    assert actor.id == hashlib.sha256(f"{actor.salt} user ann".encode()).hexdigest()


def test_what_is_undone_is_not_in_the_history(store):
    """An event stands or falls with the transaction that it tells of."""
    _add(store, Event.CLAIMED, {"entry_id": "a"})
    with changing(store.engine) as connection:
        store.history.add(connection, Event.SENT, [{"entry_id": "a"}])
        connection.rollback()

    _add(store, Event.RELEASED, {"entry_id": "a"})
    assert [row["event"] for row in _rows(store.engine)] == ["claimed", "released"]
