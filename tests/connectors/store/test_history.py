"""The history is a chain: each row's hash covers the row before it."""

import hashlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.database import changing
from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault
from connectors.store.actors import Actor
from connectors.store.connection_store import ConnectionStore
from schemas.tables import actors, history, history_heads
from schemas.words import ActorKind, Event, Proof

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


def _told(book, entry_id):
    query = sa.select(history).where(history.c.entry_id == entry_id).order_by(history.c.number)
    with book.engine.connect() as connection:
        return connection.execute(query).all()


def test_a_send_is_told_with_the_fingerprint_of_what_was_sent(book):
    """Claim and outcome, each with the run, the request and the hash of the body."""
    made = book.send("a", "145")

    body = hashlib.sha256(book.row("a").body.encode()).hexdigest()
    for row, event, activity in zip(
        _told(book, "a"), ("claimed", "sent"), (None, "145"), strict=True
    ):
        assert (row.event, row.operation, row.run_id) == (event, "create", book.run_id)
        assert (row.request_id, row.fingerprint, row.minutes) == (made.request_id, body, 60)
        assert row.time_activity_id == activity


def test_a_refusal_is_told_in_quickbooks_words(book):
    """What was wrong with an entry stays known after a later send has cleared it."""
    made = book.claim("a", "b")
    book.record(made, NotDone("2", Fault("6210", "Closed", "Closed books", "ValidationFault")))
    book.store.ledger.release(made)

    assert [row.event for row in _told(book, "a")] == ["claimed", "released"]
    assert [row.event for row in _told(book, "b")] == ["claimed", "refused"]
    assert "Closed books" in _told(book, "b")[-1].note


def test_a_doubt_is_told_until_it_is_settled(book):
    """An unclear answer, the run that took it over, and what was found in the books."""
    made = book.claim("a", "b")
    book.record(made, Done("2", "146", "0"))
    book.store.ledger.leave_in_doubt(made, at_work=LEASE)
    book.store.runs.finish(book.run_id)
    other = book.start()
    doubt = book.store.doubts.take(other, at_work=LEASE)[0]
    book.store.doubts.settle(doubt, Done("1", "145", "0"), run_id=other, proof=Proof.BOOKS)

    assert [(row.event, row.run_id) for row in _told(book, "a")] == [
        ("claimed", book.run_id), ("unclear", book.run_id), ("unclear", other), ("sent", other),
    ]  # fmt: skip
    assert book.run_id in _told(book, "a")[2].note
    assert _told(book, "a")[3].note == "found in the books"
    assert [row.event for row in _told(book, "b")] == ["claimed", "sent"]


def test_a_twin_that_gives_its_timeactivity_back_is_told(book):
    """An answer outweighs what was found in the books: both entries say what happened."""
    book.claim("a")
    book.store.runs.finish(book.run_id)
    other = book.start()
    doubt = book.store.doubts.take(other, at_work=LEASE)[0]
    twin = book.claim("b", run_id=other)
    book.store.doubts.settle(doubt, Done("1", "145", "0"), run_id=other, proof=Proof.BOOKS)

    book.record(twin, Done("1", "145", "0"))

    last = _told(book, "a")[-1]
    assert (last.event, last.run_id, last.time_activity_id) == ("taken_back", other, "145")
    assert _told(book, "b")[-1].event == "sent"


def test_a_renamed_entry_is_told_under_both_ids(book):
    """Each id leads to the other; the new one takes along what was sent."""
    book.send("row of a", "145")
    sent = _told(book, "row of a")[-1]

    book.store.contents.adopt({"row of a": "a"})

    left, moved = _told(book, "row of a")[-1], _told(book, "a")[-1]
    assert (left.event, left.note, left.time_activity_id) == ("renamed", "a", None)
    assert (moved.event, moved.note) == ("renamed", "row of a")
    assert (moved.time_activity_id, moved.fingerprint) == ("145", sent.fingerprint)
