"""Whoever changes the history, or the ledger beside it, is found out: on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.database import changing, writing
from connectors.quickbooks.batch import Done
from connectors.store.actors import Actor
from connectors.store.change_rows import Wanted
from connectors.store.connections import find_connection
from flows.audit.verify import verify_history
from schemas.tables import actors, history, history_heads, ledger
from schemas.words import ActorKind, Event, Operation

LEASE = timedelta(minutes=10)


@pytest.fixture
def told(book):
    """Return a ledger with a little of everything: 14 rows of history, all as written."""
    book.run_id = book.store.runs.start(LEASE, Actor(ActorKind.USER, "ann"))
    for entry_id, activity in (("a", "100"), ("b", "101"), ("row of d", "102"), ("g", "103")):
        book.send(entry_id, activity)
    book.store.ledger.release(book.claim("c"))
    book.store.contents.adopt({"row of d": "d"})
    book.claim("e")
    delete = Wanted("b", "101", '{"Id":"101","SyncToken":"0"}')
    made = book.store.changes.claim(
        book.run_id, Operation.DELETE, [delete], lease=LEASE, qbo_time=None
    )
    book.store.changes.record(made, [Done("1", "101", "0")], qbo_time=None)
    return book


def _verified(book):
    return verify_history(book.engine, find_connection(book.engine, None))


def _change(book, *statements):
    with writing(book.engine) as connection:
        for statement in statements:
            connection.execute(statement)


def _copy(book, number):
    """Return what a row of the history has."""
    query = sa.select(history).where(history.c.number == number)
    with book.engine.connect() as connection:
        return dict(connection.execute(query).mappings().one())


def test_what_the_ledger_does_holds(told):
    """Sends, a release, a rename, a recall and an open claim: nothing to find."""
    found = _verified(told)

    assert (found["broken"], found["problems"], found["is_valid"]) == (None, [], True)
    assert (found["rows"], found["compared"]) == (15, 3)


def test_an_entry_claimed_anew_and_given_back_is_no_trouble(told):
    """After its TimeActivity was found gone an entry may be in doubt again, or unsent."""
    anew = Wanted("a", "100", '{"Description":"a"}', 60, "2026-03-02")
    made = told.store.changes.claim_again(told.run_id, [anew], lease=LEASE, qbo_time=None)
    assert _verified(told)["is_valid"]

    told.store.ledger.release(made)

    assert _verified(told)["is_valid"]


@pytest.mark.parametrize("number", [1, 7, 15])
def test_no_value_of_a_row_can_be_edited(told, number):
    """Whatever is edited, the first row that no longer fits is named; put back, nothing is."""
    row = _copy(told, number)
    for name in row.keys() - {"connection_id"}:
        new = {"minutes": 99, "number": 1000, "event": "unclear"}.get(name, "f" * 10)
        assert row[name] != new

        _change(told, history.update().where(history.c.number == number).values({name: new}))

        assert _verified(told)["broken"]["number"] == number, name
        edited = 1000 if name == "number" else number
        _change(told, history.update().where(history.c.number == edited).values({name: row[name]}))
    assert _verified(told)["is_valid"]


@pytest.mark.parametrize("note", ['Zoë said "no" \\', "\x7f\x1f\t\u2028", "工時 😀", "null"])
def test_a_note_in_any_characters_holds(told, note):
    """Whatever QuickBooks' own words are, the chain covers them, and each letter of them."""
    with changing(told.engine) as connection:
        rows = [{"entry_id": "e", "note": note}]
        told.store.history.add(connection, Event.REFUSED, rows, operation=Operation.UPDATE)
    assert _verified(told)["is_valid"]

    _change(told, history.update().where(history.c.number == 16).values(note=f"{note} "))

    assert _verified(told)["broken"]["number"] == 16


@pytest.mark.parametrize("edit", ["minutes = 9e999", "entry_id = CAST(entry_id AS BLOB)"])
def test_a_value_that_no_row_has_is_an_edited_one(told, edit):
    """SQLite's columns take bytes and infinite numbers too, even if they look the same."""
    if told.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's columns refuse them")
    _change(told, sa.text(f"UPDATE history SET {edit} WHERE number = 7"))

    assert _verified(told)["broken"]["number"] == 7


@pytest.mark.parametrize("number", [1, 7, 15])
def test_no_row_can_be_removed(told, number):
    """At the front, in between, or at the end, where the note of the newest row remains."""
    _change(told, history.delete().where(history.c.number == number))

    assert _verified(told)["broken"]["number"] == number


def test_rows_cannot_change_places(told):
    """Two rows that swap their contents break the chain at the first one."""
    first, second = _copy(told, 3), _copy(told, 4)

    for one, other in ((first, second), (second, first)):
        values = {**other, "number": one["number"]}
        _change(told, history.update().where(history.c.number == one["number"]).values(values))

    assert _verified(told)["broken"]["number"] == 3


@pytest.mark.parametrize("number", [0, 16, 20])
def test_no_row_can_be_inserted(told, number):
    """Before the first row or after the newest one; in between each number is taken."""
    _change(told, history.insert().values({**_copy(told, 7), "number": number}))

    assert not _verified(told)["is_valid"]


def test_the_end_cannot_be_cut_off_with_its_note(told):
    """Who removes the last rows and corrects the note has the ledger against them."""
    before = _copy(told, 6)
    note = history_heads.update().values(number=6, hash=before["hash"])
    _change(told, history.delete().where(history.c.number > 6), note)

    found = _verified(told)

    assert found["broken"] is None
    assert any("g" in problem for problem in found["problems"])


def test_a_history_without_its_note_is_broken(told):
    """To remove all of it, the note included, is noticed too: the ledger has entries."""
    _change(told, history_heads.delete())
    assert _verified(told)["broken"]["number"] == 1

    _change(told, history.delete())

    assert not _verified(told)["is_valid"]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"body": "{}"}, "content"),
        ({"minutes": 61}, "minutes"),
        ({"time_activity_id": "999"}, "TimeActivity"),
        ({"state": "recalled"}, "says that entry a was sent"),
    ],
)
def test_the_ledger_cannot_say_something_else(told, values, what):
    """What was sent, and as what, stands in both."""
    _change(told, ledger.update().where(ledger.c.entry_id == "a").values(values))

    (problem,) = _verified(told)["problems"]
    assert what in problem


def test_no_sent_entry_can_be_removed_or_made_up(told):
    """Each sent entry has its event, and each event its entry."""
    _change(told, ledger.update().where(ledger.c.entry_id == "a").values(entry_id="z"))

    made_up, missing = sorted(_verified(told)["problems"], key=len)
    assert "does not tell" in made_up
    assert "does not have it" in missing


def test_what_was_taken_back_cannot_become_sent(told):
    """The history tells of it, but not as sent."""
    sent = {"state": "sent", "sync_token": "0", "proof": "answer"}
    _change(told, ledger.update().where(ledger.c.entry_id == "b").values(sent))

    found = _verified(told)

    assert found["compared"] == 3
    (problem,) = found["problems"]
    assert "The ledger has entry b as sent (TimeActivity 101)" in problem


def test_no_actor_can_be_renamed_in_silence(told):
    """The history holds names by their hashes."""
    _change(told, actors.update().values(name="bob"))
    assert "was changed" in _verified(told)["problems"][0]

    _change(told, actors.delete())
    assert "is missing" in _verified(told)["problems"][0]


def test_what_an_earlier_version_sent_is_counted(told):
    """A database that is older than its history says how much of it nobody tells of."""
    _change(told, history.delete(), history_heads.delete())
    head = {"connection_id": told.store.history.connection_id, "number": 0, "hash": "0" * 64}
    head |= {"dropped": 0, "dropped_hash": "0" * 64, "since": told.clock.now + LEASE}
    _change(told, history_heads.insert().values(head))

    found = _verified(told)

    assert (found["is_valid"], found["from_before"], found["compared"]) == (True, 3, 0)


@pytest.mark.parametrize("most", [1, 4, 100])
def test_the_front_of_the_history_can_be_dropped(told, most):
    """Piece by piece, up to the first row that is not older; the head holds the rest."""
    told.clock.now += 3 * LEASE
    until = told.clock.now - LEASE
    told.run_id = told.start()
    told.send("h", "109")

    assert told.store.history.drop_before(until, most=most) == min(most, 15)
    while told.store.history.drop_before(until, most=most):
        assert _verified(told)["is_valid"]

    found = _verified(told)
    assert (found["is_valid"], found["dropped"], found["rows"]) == (True, 15, 2)
    assert (found["from_before"], found["compared"]) == (3, 1)
    _change(told, history.delete().where(history.c.number == 16))
    assert _verified(told)["broken"]["number"] == 16


def test_an_empty_history_is_dropped_without_harm(told):
    """All of it may be older than the rule; what comes after it goes on from there."""
    told.clock.now += 3 * LEASE
    assert told.store.history.drop_before(told.clock.now) == 15
    told.run_id = told.start()
    told.send("h", "109")

    found = _verified(told)
    assert (found["is_valid"], found["rows"], found["number"]) == (True, 2, 17)
