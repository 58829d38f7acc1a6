"""Adoptions: one TimeActivity for one entry, whoever else is at work; and what proves otherwise."""

from datetime import timedelta

import pytest

from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault
from connectors.store.connections import store_connection

LEASE = timedelta(minutes=10)
AT_WORK = timedelta(seconds=150)


@pytest.fixture
def adopt(book):
    """Return a function to adopt entries, given as entry=TimeActivity."""

    def adopt(run_id=None, since=10**6, source="clockify", **pairs):
        rows = [
            {
                "entry_id": entry_id,
                "body": f'{{"Description":"{entry_id}"}}',
                "minutes": 60,
                "date": "2026-03-02",
                "time_activity_id": activity,
                "sync_token": "3",
            }
            for entry_id, activity in pairs.items()
        ]
        about = book.about(*pairs, since=since, source=source)
        return book.store.adoptions.adopt(run_id or book.run_id, rows, about, lease=LEASE)

    return adopt


def test_an_adopted_entry_is_sent_by_the_books(book, adopt):
    """The ledger says which TimeActivity, what would have been sent, and how that is known."""
    assert adopt(a="100", b="101") == {"a", "b"}
    row = book.row("a")

    assert (row.state, row.proof, row.time_activity_id, row.sync_token) == (
        "sent", "books", "100", "3",
    )  # fmt: skip
    assert row.body == '{"Description":"a"}'
    assert book.claim("a", "b") is None
    assert book.store.contents.as_claimed(["a", "b"])["entry_id"].tolist() == ["a", "b"]


def test_a_time_activity_is_one_entry(book, adopt):
    """What an entry of the company has already is not given to another one."""
    book.send("a", activity="100")

    assert adopt(b="100", c="101") == {"c"}
    assert sorted(book.ids()) == ["a", "c"]


@pytest.mark.parametrize("state", ["sending", "sent"])
def test_an_entry_that_a_run_has_taken_is_not_adopted(book, adopt, state):
    """A send was quicker: it may have booked the entry anew."""
    made = book.claim("a", run_id=book.start())
    if state == "sent":
        book.record(made, Done("1", "200", "0"))

    assert adopt(a="100") == set()
    assert book.states() == {"a": state}


def test_an_entry_that_was_refused_can_be_adopted(book, adopt):
    """QuickBooks refused it here, and somebody put it there in another way."""
    refusal = NotDone("1", Fault("6240", "No", "Not so", "ValidationFault"))
    book.record(book.claim("a"), refusal)

    assert adopt(a="100") == {"a"}
    row = book.row("a")
    assert (row.state, row.fault, row.company_state) == ("sent", None, None)


def test_the_same_work_under_another_id_is_not_adopted(book, adopt):
    """A run has claimed the row of a file that is this entry, since it was compared."""
    book.claim("row of a", run_id=book.start(), source="file")

    assert adopt(a="100", b="101", since=0) == {"b"}


def test_a_run_whose_lease_is_over_adopts_nothing(book, adopt, clock):
    """Another one may have taken its place."""
    clock.sleep(601)

    with pytest.raises(TryAgain, match="lease"):
        adopt(a="100")
    assert book.ids() == []


def test_an_answer_outweighs_an_adoption(book, adopt):
    """QuickBooks' answer to another entry's call names it: the adopted one is in doubt again."""
    made = book.claim("b")
    assert adopt(a="100", run_id=book.start()) == {"a"}
    book.record(made, Done("1", "100", "0"))

    assert book.states() == {"a": "sending", "b": "sent"}
    assert book.row("b").time_activity_id == "100"
    book.store.runs.finish(book.row("a").run_id)
    (doubt,) = book.store.doubts.take(book.start(), at_work=AT_WORK)
    assert (doubt.entry_id, doubt.body) == ("a", '{"Description":"a"}')
    assert doubt.quiet_from is not None


def test_an_adopted_part_that_is_another_connections_opens_its_entry(
    book, adopt, vault, joined, clock, about
):
    """What the books have of an entry in parts is then to be told from what they lack."""
    assert adopt(**{"a": "100", "a/2": "101", "b": "102"}) == {"a", "a/2", "b"}
    night = store_connection(
        book.engine, "night", joined(workspace_id="w2"), vault=vault, now=clock.now
    )
    other = type(book)(book.engine, night.id, clock, about)

    other.record(other.claim("c", "d"), Done("1", "101", "0"), Done("2", "102", "0"))

    states = {
        whole: {row.entry_id: row.state for row in rows}
        for whole, rows in book.store.parts.open().items()
    }
    assert states == {"a": {"a": "sent", "a/2": "sending"}}
    assert other.store.parts.open() == {}
    book.store.parts.close(["a"])
    assert list(book.store.parts.open()) == ["a"]
