"""The ledger: each entry has one holder at a time, and what was sent never goes again."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from connectors.database import writing
from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done, NotDone, batch_bytes, fingerprint
from connectors.quickbooks.faults import Fault
from connectors.store import connections
from connectors.store.claim_records import Refusal
from schemas.tables import batches, runs
from schemas.tables import ledger as table

LEASE = timedelta(minutes=10)
REFUSAL = Fault("6000", "No", "Not so", "ValidationFault")


# --- claims ------------------------------------------------------------------------------------


def test_a_claim_fixes_what_will_be_called(book, clock):
    """Before a byte leaves, the ledger knows the request id, each bId, and the very bytes."""
    made = book.claim("a", "b")

    assert [(id_, bid) for id_, bid, _ in made.items] == [("a", "1"), ("b", "2")]
    for id_, bid, body in made.items:
        row = book.row(id_)
        assert (row.state, row.run_id, row.request_id) == ("sending", book.run_id, made.request_id)
        assert (row.bid, row.body, row.minutes, row.txn_date) == (bid, body, 60, "2026-03-02")
    kept = book.batch(made.request_id)
    assert kept.fingerprint == fingerprint(batch_bytes(made.for_quickbooks))
    assert (kept.claimed_at, kept.qbo_time) == (clock.now, clock.now - timedelta(hours=8))
    assert kept.quiet_from is None


def test_ids_fit_quickbooks(book):
    """QuickBooks joins both ids and takes fifty characters, ten of them for the bId."""
    made = book.claim(*(f"e{n}" for n in range(30)))

    assert all(len(bid) <= 10 for _, bid, _ in made.items)
    assert all(len(made.request_id) + len(bid) <= 50 for _, bid, _ in made.items)
    assert len(made.request_id) <= 36


@pytest.mark.parametrize("state", ["sending", "sent"])
def test_what_is_held_cannot_be_claimed(book, state):
    """Neither what another call is at work on, nor what was ever sent."""
    made = book.claim("a")
    if state == "sent":
        book.record(made, Done("1", "100", "0"))
    before = book.row("a")

    again = book.claim("a", "b", run_id=book.start())

    assert [id_ for id_, _, _ in again.items] == ["b"]
    assert again.items[0][1] == "2"
    kept = book.batch(again.request_id)
    assert kept.fingerprint == fingerprint(batch_bytes(again.for_quickbooks))
    assert book.row("a") == before


def test_what_a_run_holds_itself_is_nobody_elses(book):
    """Its own batch may be throttled and put back: only others' entries are let go of."""
    own = book.start()
    book.claim("a", "b", run_id=own)
    sent = book.claim("c", run_id=own)
    book.record(sent, Done("1", "100", "0"))

    def others(run_id):
        ids = ["a", "b", "c", "d"]
        return book.store.ledger.taken_by_others(ids, run_id=run_id)

    assert others(own) == {"c"}
    assert others(book.start()) == {"a", "b", "c"}


def test_a_claim_of_nothing_leaves_nothing(book):
    """When all are held already there is no claim, and no batch of it."""
    first = book.claim("a")

    assert book.claim("a") is None
    with book.engine.connect() as connection:
        assert list(connection.scalars(sa.select(batches.c.request_id))) == [first.request_id]


@pytest.mark.parametrize("order", ["same", "shuffled"])
def test_threads_that_claim_at_once_share_and_never_overlap(book, order):
    """Whoever comes first holds an entry, in whatever order others ask; nobody gets stuck."""
    ids = [f"e{n:03}" for n in range(150)]
    count, rounds = 6, 2
    for turn in range(rounds):
        mine = [f"{turn}-{id_}" for id_ in ids]
        orders = [mine if order == "same" or n % 2 else mine[::-1] for n in range(count)]
        run_ids = [book.start() for _ in range(count)]
        barrier = threading.Barrier(count)

        def work(number, orders=orders, run_ids=run_ids, barrier=barrier):
            barrier.wait()
            return book.claim(*orders[number], run_id=run_ids[number])

        with ThreadPoolExecutor(count) as pool:
            claims = [made for made in pool.map(work, range(count)) if made]

        holders = {id_: made.run_id for made in claims for id_, _, _ in made.items}
        assert sorted(holders) == mine
        assert sum(len(made.items) for made in claims) == len(mine)
        assert book.holders(*mine) == holders


def test_overlapping_windows_are_shared(book):
    """Threads whose entries overlap in part get each entry in exactly one claim."""
    windows = [[f"e{n}" for n in range(first, first + 20)] for first in range(0, 60, 10)]
    run_ids = [book.start() for _ in windows]
    barrier = threading.Barrier(len(windows))

    def work(number):
        barrier.wait()
        return book.claim(*windows[number], run_id=run_ids[number])

    with ThreadPoolExecutor(len(windows)) as pool:
        claims = [made for made in pool.map(work, range(len(windows))) if made]

    claimed = [id_ for made in claims for id_, _, _ in made.items]
    assert sorted(claimed) == sorted(set(itertools.chain(*windows)))


def test_a_refused_entry_may_be_claimed_again(book):
    """Its cause may be gone: a new claim has nothing left of the old refusal."""
    first = book.claim("a")
    book.record(first, NotDone("1", REFUSAL))
    assert book.row("a").fault == "Not so (code 6000)"

    second = book.claim("a")

    row = book.row("a")
    assert (row.state, row.request_id) == ("sending", second.request_id)
    assert second.request_id != first.request_id
    assert (row.fault, row.company_state, row.qbo_time) == (None, None, None)


def test_a_recalled_entry_may_be_claimed_again(book):
    """What was taken back may be sent again; its old TimeActivity is no longer its own."""
    book.send("a")
    with writing(book.engine) as connection:
        connection.execute(table.update().values(state="recalled"))

    assert book.claim("a") is not None

    row = book.row("a")
    assert (row.state, row.time_activity_id, row.sync_token, row.proof) == (
        "sending", None, None, None
    )  # fmt: skip


def test_what_certainly_never_left_is_released(book):
    """It is as if it had never been claimed; the entries of other claims stay."""
    made, other = book.claim("a", "b"), book.claim("c")

    book.store.ledger.release(made)

    assert book.states() == {"c": "sending"}
    assert book.claim("a", "b", run_id=book.start()) is not None
    book.store.ledger.release(other)
    assert book.states("c") == {}


def test_an_old_claim_releases_nothing_that_another_run_took_over(book, clock):
    """A run that comes back late must not free what another one settles."""
    made = book.claim("a")
    clock.now += LEASE * 2
    second = book.start()
    book.store.doubts.take(second, at_work=timedelta(0))

    book.store.ledger.release(made)

    assert book.states() == {"a": "sending"}


def test_what_was_answered_is_not_released(book):
    """Sent stays sent, whatever is released afterwards."""
    made = book.claim("a", "b")
    book.record(made, Done("1", "100", "0"))

    book.store.ledger.release(made)

    assert book.states() == {"a": "sent"}


# --- leases ------------------------------------------------------------------------------------


def test_a_claim_keeps_its_run_alive(book, clock):
    """A run that works is no dead one: each claim renews its lease."""
    for number in range(3):
        clock.now += LEASE * 0.9
        assert book.claim(f"e{number}") is not None


@pytest.mark.parametrize("end", ["over", "finished"])
def test_a_dead_run_claims_nothing(book, clock, end):
    """Another run may have taken over: the late one stops, and nothing is claimed."""
    if end == "over":
        clock.now += LEASE + timedelta(seconds=1)
    else:
        book.store.runs.finish(book.run_id)

    with pytest.raises(TryAgain, match="CLOCKBOOKS_LEASE_S"):
        book.claim("a")

    assert book.ids() == []
    assert not book.store.runs.renew(book.run_id, LEASE)


def test_a_lease_is_renewed_till_its_last_moment(book, clock):
    """At its very end it still lives; a moment later it is over for good."""
    clock.now += LEASE
    assert book.store.runs.renew(book.run_id, LEASE)

    clock.now += LEASE + timedelta(microseconds=1)
    assert not book.store.runs.renew(book.run_id, LEASE)
    assert not book.store.runs.renew("no such run", LEASE)


# --- answers -----------------------------------------------------------------------------------


def test_what_was_answered_is_recorded_and_the_rest_stays_open(book, clock):
    """Sent, refused, and neither: an item without an outcome is still at work, or in doubt."""
    made = book.claim("a", "b", "c")

    book.record(made, Done("1", "100", "0"), NotDone("2", REFUSAL))

    assert book.states() == {"a": "sent", "b": "refused", "c": "sending"}
    sent, refused = book.row("a"), book.row("b")
    assert (sent.time_activity_id, sent.sync_token, sent.proof) == ("100", "0", "answer")
    assert (refused.fault, refused.company_state) == ("Not so (code 6000)", "plus")
    assert sent.qbo_time == refused.qbo_time == clock.now


def test_an_answer_counts_once(book):
    """What is settled is not changed by an answer that comes again, or late."""
    made = book.claim("a")
    book.record(made, Done("1", "100", "0"))

    book.record(made, NotDone("1", REFUSAL))
    book.record(made, Done("1", "200", "0"))

    assert book.row("a").time_activity_id == "100"


def test_a_batch_is_recorded_as_a_whole(book):
    """If one of its answers cannot be, none is: QuickBooks gave the same TimeActivity twice."""
    made = book.claim("a", "b")

    with pytest.raises(sa.exc.IntegrityError):
        book.record(made, Done("1", "100", "0"), Done("2", "100", "0"))

    assert book.states() == {"a": "sending", "b": "sending"}


def test_refusals_tell_what_was_refused_and_when(book, clock):
    """A send can see whether the same entry would be refused again."""
    made = book.claim("a", "b")
    book.record(made, NotDone("1", REFUSAL), Done("2", "100", "0"))

    (refusal,) = book.store.ledger.refusals(["a", "b", "c"])

    assert refusal == Refusal(
        "a", '{"Description":"a"}', "Not so (code 6000)", clock.now, clock.now, "plus"
    )
    assert book.store.ledger.refusals([]) == []


def test_texts_of_any_kind_are_kept(book):
    """A description or a fault with whatever characters comes back as it was."""
    body = '{"Description":"Grün › ☘ \\u0000 \'; DROP TABLE ledger"}'
    row = {"entry_id": "a", "body": body, "minutes": 1, "date": "2026-03-02"}
    made = book.store.ledger.claim(book.run_id, [row], book.about("a"), lease=LEASE, qbo_time=None)

    assert made.for_quickbooks == [("1", body)]
    assert book.row("a").body == body


# --- what is held ------------------------------------------------------------------------------


def test_only_what_was_asked_for_is_told(book):
    """However many rows the ledger has, a send hears of its own entries only."""
    book.send("a")
    book.claim("b", "c")

    rows = book.store.ledger.held(["a", "b", "x"])

    told = {row.entry_id: row for row in rows.itertuples()}
    assert set(told) == {"a", "b"}
    assert (told["a"].state, told["a"].time_activity_id) == ("sent", "100")
    assert pd.isna(told["b"].time_activity_id)
    empty = book.store.ledger.held([])
    assert list(empty.columns) == list(rows.columns)
    assert empty.empty


def test_thousands_of_entries_can_be_asked_for(book):
    """A database takes so many values a statement, so they are asked for in turns."""
    for first in range(0, 90, 30):
        book.claim(*(f"e{n}" for n in range(first, first + 30)))
    ids = [f"e{n}" for n in range(70_000)]

    assert len(book.states(*reversed(ids))) == 90


def test_connections_do_not_see_each_others_entries(book, engine, joined, vault, clock):
    """The same entry may go to two companies: each has a ledger of its own."""
    second = connections.store_connection(
        engine, "b", joined(realm_id="78"), vault=vault, now=clock.now
    )
    other = type(book)(engine, second.id, clock, book.about)
    book.send("a")

    assert other.states("a") == {}
    other.send("a")

    assert book.states("a") == other.states("a") == {"a": "sent"}
    for one in (book, other):
        known, _ = one.store.books.accounted(["100", "200"])
        assert known == {"100"}


# --- constraints -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "change"),
    [
        ("open", {"state": "sent"}),
        ("open", {"time_activity_id": "300"}),
        ("open", {"state": "refused"}),
        ("open", {"fault": "x"}),
        ("open", {"state": "lost"}),
        ("open", {"bid": "2"}),
        ("sent", {"time_activity_id": None}),
        ("sent", {"state": "sending"}),
        ("sent", {"proof": "hope"}),
        ("sent", {"state": "refused", "fault": "x"}),
        ("sent", {"run_id": "no such run"}),
        ("sent", {"request_id": "no such batch"}),
        ("other", {"time_activity_id": "100"}),
        ("refused", {"fault": None}),
        ("refused", {"state": "recalled"}),
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(book, entry, change):
    """Sent has an id, refused has a fault, a TimeActivity belongs to one entry: by constraint."""
    made = book.claim("open", "refused")
    book.record(made, NotDone("2", REFUSAL))
    book.send("sent", "100")
    book.send("other", "200")

    with pytest.raises(sa.exc.IntegrityError), writing(book.engine) as connection:
        connection.execute(table.update().where(table.c.entry_id == entry).values(**change))


def test_an_entry_has_one_row(book):
    """The primary key refuses a second claim, whatever the code above it does."""
    book.claim("a")
    again = {**book.row("a")._asdict(), "bid": "9"}

    with pytest.raises(sa.exc.IntegrityError), writing(book.engine) as connection:
        connection.execute(table.insert().values(again))


def test_instants_have_a_zone(book, clock):
    """A naive time could be any: it is refused before it is stored."""
    clock.now = clock.now.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="without a time zone"):
        book.store.runs.finish(book.run_id)
    with book.engine.connect() as connection:
        assert connection.scalar(sa.select(runs.c.finished_at)) is None
