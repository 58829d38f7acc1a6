"""What dead runs left in doubt is taken over by one run, and settled by what QuickBooks says."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done
from connectors.store.claims_in_doubt import Doubt
from connectors.store.connection_store import ConnectionStore
from schemas.tables import ledger as table
from schemas.words import Proof

LEASE = timedelta(minutes=10)
AT_WORK = timedelta(minutes=2)


class Book:
    """The ledger of one connection, and its runs."""

    def __init__(self, engine, connection_id, clock, about):
        self.engine, self.clock, self.about = engine, clock, about
        self.store = ConnectionStore(engine, connection_id, lambda: clock.now)

    def start(self):
        return self.store.runs.start(LEASE)

    def claim(self, run_id, *ids):
        rows = [
            {"entry_id": id_, "body": f'{{"of":"{id_}"}}', "minutes": 60, "date": "2026-03-02"}
            for id_ in ids
        ]
        qbo_time = self.clock.now - timedelta(seconds=7)
        return self.store.ledger.claim(
            run_id, rows, self.about(*ids), lease=LEASE, qbo_time=qbo_time
        )

    def take(self, run_id=None):
        return self.store.doubts.take(run_id or self.start(), at_work=AT_WORK)

    def settle(self, doubt, id_, run_id, proof=Proof.BOOKS):
        created = Done(doubt.bid, id_, "0")
        return self.store.doubts.settle(doubt, created, run_id=run_id, proof=proof)

    def record(self, made, *outcomes):
        return self.store.ledger.record(made, outcomes, qbo_time=None, company_state=None)

    def unclear(self, made):
        self.store.ledger.leave_in_doubt(made, at_work=AT_WORK)

    def finish(self, run_id):
        self.store.runs.finish(run_id)

    def row(self, id_):
        with self.engine.connect() as connection:
            return connection.execute(sa.select(table).where(table.c.entry_id == id_)).one()


@pytest.fixture
def book(engine, connection_id, clock, about):
    """Return an empty ledger."""
    return Book(engine, connection_id, clock, about)


def ids(doubts):
    return [doubt.entry_id for doubt in doubts]


# --- taking over -------------------------------------------------------------------------------


def test_what_a_live_run_sends_is_nobodys_doubt(book, clock):
    """While its lease lasts, another run leaves its entries alone: they are on their way."""
    run_id = book.start()
    book.claim(run_id, "a")

    clock.now += LEASE  # the last moment at which it lives
    second = book.start()

    assert book.take(second) == []
    assert book.row("a").run_id == run_id


def test_a_run_that_ended_leaves_doubts(book, clock):
    """Once it has finished, what got no answer is in doubt, with all that was called."""
    run_id = book.start()
    made = book.claim(run_id, "a", "b")
    book.finish(run_id)
    clock.now += timedelta(seconds=1)
    second = book.start()

    first, _ = doubts = book.take(second)

    assert ids(doubts) == ["a", "b"]
    assert first == Doubt(
        entry_id="a",
        request_id=made.request_id,
        bid="1",
        body='{"of":"a"}',
        txn_date="2026-03-02",
        quiet_from=clock.now - timedelta(seconds=1) + AT_WORK,
        qbo_time=clock.now - timedelta(seconds=8),
    )
    assert book.row("a").run_id == second


def test_a_run_that_died_leaves_doubts_once_its_lease_is_over(book, clock):
    """It may have called till its last moment, and QuickBooks may be at work for a while then."""
    book.claim(book.start(), "a")
    ends = clock.now + LEASE
    clock.now = ends + timedelta(microseconds=1)

    (doubt,) = book.take()

    assert doubt.quiet_from == ends + AT_WORK


def test_a_call_that_ended_unclear_is_quiet_from_then(book, clock):
    """What is known of the call itself counts, when its run has finished properly."""
    run_id = book.start()
    made = book.claim(run_id, "a")
    book.unclear(made)
    known = clock.now + AT_WORK
    clock.now += timedelta(minutes=5)
    book.finish(run_id)

    (doubt,) = book.take()

    assert doubt.quiet_from == known


def test_a_dead_runs_word_is_not_trusted_beyond_its_lease(book, clock):
    """A run that died after the call may have repeated it: its lease's end counts, if later."""
    made = book.claim(book.start(), "a")
    book.unclear(made)
    ends = clock.now + LEASE
    clock.now = ends + timedelta(seconds=1)

    (doubt,) = book.take()

    assert doubt.quiet_from == ends + AT_WORK


def test_only_doubts_are_taken(book):
    """What was sent or refused is clear; other runs' and other connections' rows stay theirs."""
    dead, alive = book.start(), book.start()
    made = book.claim(dead, "a", "b")
    book.record(made, Done("1", "100", "0"))
    book.claim(alive, "c")
    book.finish(dead)

    assert ids(book.take()) == ["b"]
    assert book.row("a").run_id == dead
    assert book.row("c").run_id == alive


def test_a_taker_that_dies_leaves_the_doubts_to_the_next(book, clock):
    """Taking over is no settling: if the settler dies too, the next one takes over."""
    run_id = book.start()
    book.claim(run_id, "a")
    book.finish(run_id)
    second = book.start()
    assert ids(book.take(second)) == ["a"]
    assert book.take() == []

    clock.now += LEASE + timedelta(seconds=1)

    assert ids(book.take()) == ["a"]


def test_taking_again_gives_the_same(book):
    """A run that asks again still holds what it took."""
    run_id = book.start()
    book.claim(run_id, "a")
    book.finish(run_id)
    second = book.start()

    assert book.take(second) == book.take(second) != []


def test_of_two_that_take_at_once_one_gets_each_doubt(book):
    """Settlers that start together never settle the same entry twice."""
    count = 4
    for turn in range(5):
        for number in range(3):
            run_id = book.start()
            book.claim(run_id, f"{turn}-{number}-a", f"{turn}-{number}-b")
            book.finish(run_id)
        takers = [book.start() for _ in range(count)]
        barrier = threading.Barrier(count)

        def work(run_id, barrier=barrier):
            barrier.wait()
            return ids(book.take(run_id))

        with ThreadPoolExecutor(count) as pool:
            taken = [id_ for got in pool.map(work, takers) for id_ in got]

        assert sorted(taken) == [f"{turn}-{n}-{x}" for n in range(3) for x in "ab"]


def test_a_late_run_records_nothing_that_was_settled_otherwise(book, clock):
    """An answer that arrives after another run has settled the entry changes nothing."""
    made = book.claim(book.start(), "a")
    clock.now += LEASE * 2
    second = book.start()
    (doubt,) = book.take(second)
    book.settle(doubt, "100", second)

    book.record(made, Done("1", "200", "0"))

    assert book.row("a").time_activity_id == "100"


# --- settling ----------------------------------------------------------------------------------


@pytest.fixture
def twins(book, clock):
    """Return two equal entries in doubt, in two requests, and the run that settles."""
    run_id = book.start()
    for id_ in ("a", "b"):
        book.claim(run_id, id_)
        clock.now += timedelta(seconds=1)
    book.finish(run_id)
    settler = book.start()
    a, b = book.take(settler)
    return a, b, settler


@pytest.mark.parametrize("proof", list(Proof))
def test_what_quickbooks_has_is_sent(book, twins, clock, proof):
    """The doubt ends: id, SyncToken and how we know stand in the ledger."""
    a, _, settler = twins

    assert book.settle(a, "100", settler, proof) is None

    row = book.row("a")
    assert (row.state, row.time_activity_id, row.sync_token) == ("sent", "100", "0")
    assert (row.proof, row.changed_at) == (proof, clock.now)
    assert book.row("b").state == "sending"


def test_quickbooks_own_answer_takes_back_what_a_twin_was_given(book, twins):
    """The twin was taken for this TimeActivity by its content alone: it is in doubt again."""
    a, b, settler = twins
    book.settle(a, "100", settler, Proof.BOOKS)

    twin = book.settle(b, "100", settler, Proof.ANSWER)

    assert twin == a
    mine, other = book.row("b"), book.row("a")
    assert (mine.state, mine.time_activity_id, mine.proof) == ("sent", "100", "answer")
    assert (other.state, other.time_activity_id, other.sync_token, other.proof) == (
        "sending", None, None, None
    )  # fmt: skip
    assert other.run_id == settler

    assert book.settle(twin, "101", settler, Proof.BOOKS) is None
    assert {book.row(id_).time_activity_id for id_ in "ab"} == {"100", "101"}


def test_a_live_runs_answer_takes_back_what_a_twin_was_given(book):
    """Another run settled an older twin with its TimeActivity, before the answer was recorded."""
    dead, live = book.start(), book.start()
    book.claim(dead, "a")
    made = book.claim(live, "b")
    book.finish(dead)
    settler = book.start()
    (a,) = book.take(settler)
    book.settle(a, "100", settler, Proof.BOOKS)

    assert book.record(made, Done("1", "100", "0")) == {"1"}

    mine, other = book.row("b"), book.row("a")
    assert (mine.state, mine.time_activity_id, mine.proof) == ("sent", "100", "answer")
    assert (other.state, other.time_activity_id) == ("sending", None)


def test_an_answer_is_never_taken_back(book, twins):
    """A TimeActivity that QuickBooks itself gave to one entry goes to no other."""
    a, b, settler = twins
    book.settle(a, "100", settler, Proof.ANSWER)

    with pytest.raises(TryAgain, match="recorded for another"):
        book.settle(b, "100", settler, Proof.ANSWER)

    assert book.row("a").state == "sent"
    assert book.row("b").state == "sending"


def test_settling_twice_changes_nothing(book, twins):
    """What is settled stays: a second finding does not move it."""
    a, _, settler = twins
    book.settle(a, "100", settler, Proof.ANSWER)

    book.settle(a, "101", settler, Proof.ANSWER)

    assert book.row("a").time_activity_id == "100"
