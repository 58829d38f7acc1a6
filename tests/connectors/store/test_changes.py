"""Changes of sent entries are claimed, recorded and settled like sends."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done, NotDone, batch_bytes, fingerprint
from connectors.quickbooks.faults import Fault
from connectors.store.change_rows import Wanted
from schemas.tables import changes as table
from schemas.tables import history
from schemas.words import LedgerState, Operation, Proof

LEASE = timedelta(minutes=10)
AT_WORK = timedelta(minutes=2)
STALE = Fault("5010", "Stale Object Error", "Somebody was faster", "ValidationFault")


def wanted(entry_id="a", activity="100", **more):
    return Wanted(entry_id, activity, f'{{"Id":"{activity}","of":"{entry_id}"}}', **more)


def new_time(entry_id="a", activity="100", **more):
    return wanted(entry_id, activity, minutes=90, date="2026-03-04", **more)


class Changed:
    """The changes of one connection, with a run at hand."""

    def __init__(self, book):
        self.book, self.changes = book, book.store.changes

    def claim(self, operation, *rows, run_id=None):
        run_id = run_id or self.book.run_id
        return self.changes.claim(run_id, operation, rows, lease=LEASE, qbo_time=None)

    def record(self, made, *outcomes):
        return self.changes.record(made, outcomes, qbo_time=self.book.clock.now).bids

    def open(self):
        with self.book.engine.connect() as connection:
            return list(connection.scalars(sa.select(table.c.entry_id)))

    def abandon(self, operation, row):
        """Claim a change in a run that ends before it is answered, and take it over."""
        run_id = self.book.start()
        self.claim(operation, row, run_id=run_id)
        self.book.store.runs.finish(run_id)
        (one,) = self.changes.take(self.book.run_id, at_work=AT_WORK)
        return one


@pytest.fixture
def changed(book):
    """Return the changes of a ledger that has sent `a` as 100 and `b` as 200."""
    book.send("a", "100")
    book.send("b", "200")
    return Changed(book)


def test_a_change_is_claimed_with_its_bytes_before_the_call(changed):
    """The batch keeps the fingerprint of what goes out; the entries stay sent meanwhile."""
    made = changed.claim(Operation.DELETE, wanted(), wanted("b", "200"))

    assert [entry_id for entry_id, _, _ in made.items] == ["a", "b"]
    sent = batch_bytes(made.for_quickbooks, operation=Operation.DELETE)
    assert changed.book.batch(made.request_id).fingerprint == fingerprint(sent)
    assert b'"operation":"delete"' in sent
    assert set(changed.book.states("a", "b").values()) == {LedgerState.SENT}


def test_one_change_at_a_time(changed):
    """What one run is changing, no other run changes, and no send takes."""
    changed.claim(Operation.UPDATE, new_time())

    assert changed.claim(Operation.DELETE, wanted(), run_id=changed.book.start()) is None
    assert changed.book.claim("a", run_id=changed.book.start()) is None
    again = [new_time(), wanted("b", "200")]
    made = changed.claim(Operation.DELETE, *again, run_id=changed.book.start())
    assert [entry_id for entry_id, _, _ in made.items] == ["b"]


@pytest.mark.parametrize("row", [wanted("a", "999"), wanted("new", "100")])
def test_only_what_is_sent_as_that_time_activity_is_changed(changed, row):
    """Whatever was planned: the ledger may have changed since."""
    assert changed.claim(Operation.DELETE, row) is None
    assert changed.open() == []


def test_a_dead_run_claims_nothing(changed):
    """Once its lease is over, another run may have settled what it held."""
    changed.book.clock.sleep(LEASE.total_seconds() + 1)

    with pytest.raises(TryAgain):
        changed.claim(Operation.DELETE, wanted())
    assert changed.open() == []


def test_an_update_is_recorded(changed):
    """The ledger says what QuickBooks has now, and under which token."""
    made = changed.claim(Operation.UPDATE, new_time())

    assert changed.record(made, Done("1", "100", "1")) == {"1"}

    row = changed.book.row("a")
    assert (row.state, row.time_activity_id, row.sync_token) == (LedgerState.SENT, "100", "1")
    assert (row.minutes, row.txn_date, row.body) == (90, "2026-03-04", new_time().body)
    assert row.proof == Proof.ANSWER
    assert changed.open() == []


def test_a_deleted_entry_is_free(changed):
    """It may be sent again, under a new TimeActivity."""
    made = changed.claim(Operation.DELETE, wanted())
    changed.record(made, Done("1", "100", ""))

    assert changed.book.states("a") == {"a": LedgerState.RECALLED}
    assert changed.book.claim("a") is not None


def test_what_replaces_an_entry_is_claimed_with_its_deletion(changed):
    """Nothing comes between: a crash leaves a claim, which the next run settles."""
    row = new_time(replacement='{"new":"a"}')
    made = changed.claim(Operation.DELETE, row, wanted("b", "200"))
    changed.record(made, Done("1", "100", ""), Done("2", "200", ""))

    assert changed.book.states("a", "b") == {"a": LedgerState.SENDING, "b": LedgerState.RECALLED}
    changed.book.store.runs.finish(changed.book.run_id)
    (doubt,) = changed.book.store.doubts.take(changed.book.start(), at_work=AT_WORK)
    assert (doubt.entry_id, doubt.body, doubt.txn_date) == ("a", '{"new":"a"}', "2026-03-04")
    assert doubt.request_id != made.request_id
    assert doubt.quiet_from <= changed.book.clock.now + AT_WORK


def test_a_refused_change_is_given_back(changed):
    """The entry is what it was, and may be changed again."""
    made = changed.claim(Operation.UPDATE, new_time())

    assert changed.record(made, NotDone("1", STALE)) == {"1"}

    assert changed.book.row("a").minutes == 60
    assert changed.claim(Operation.UPDATE, new_time()) is not None


def test_what_is_not_answered_stays_claimed(changed):
    """Nobody knows; so nobody else may try."""
    made = changed.claim(Operation.DELETE, wanted(), wanted("b", "200"))
    changed.record(made, Done("2", "200", ""))

    assert changed.open() == ["a"]
    assert changed.book.states("a", "b") == {"a": LedgerState.SENT, "b": LedgerState.RECALLED}


def test_the_history_tells_which_call_got_no_clear_answer(changed):
    """That of one change, and not those of others that are on their way."""
    made = changed.claim(Operation.UPDATE, new_time())
    changed.claim(Operation.DELETE, wanted("b", "200"))

    changed.book.store.ledger.leave_in_doubt(made, at_work=AT_WORK)

    columns = (history.c.entry_id, history.c.operation)
    with changed.book.engine.connect() as connection:
        told = connection.execute(sa.select(*columns).where(history.c.event == "unclear")).all()
    assert [tuple(row) for row in told] == [("a", "update")]


def test_a_late_answer_changes_nothing(changed):
    """Whoever took a change over decides it."""
    made = changed.claim(Operation.DELETE, wanted())
    changed.book.store.runs.finish(changed.book.run_id)
    changed.changes.take(changed.book.start(), at_work=AT_WORK)

    assert changed.record(made, Done("1", "100", "")) == set()
    assert changed.book.states("a") == {"a": LedgerState.SENT}


def test_a_released_change_leaves_no_trace(changed):
    """QuickBooks certainly did nothing."""
    changed.changes.release(changed.claim(Operation.UPDATE, new_time()))

    assert changed.open() == []
    assert changed.book.row("a").minutes == 60


def test_a_change_in_doubt_is_taken_over_once(changed):
    """With the time from which QuickBooks is certainly done with it."""
    one = changed.abandon(Operation.UPDATE, new_time())

    assert (one.time_activity_id, one.claim.operation) == ("100", Operation.UPDATE)
    assert one.quiet_from == changed.book.clock.now + AT_WORK
    assert changed.changes.take(changed.book.start(), at_work=AT_WORK) == []


@pytest.mark.parametrize(
    ("operation", "row", "found", "state"),
    [
        (Operation.UPDATE, new_time(), Done("", "100", "1"), LedgerState.SENT),
        (Operation.DELETE, wanted(), None, LedgerState.RECALLED),
        (Operation.DELETE, new_time(replacement="{}"), None, LedgerState.SENDING),
    ],
    ids=["updated", "deleted", "replaced"],
)
def test_a_doubt_is_settled_by_what_the_books_hold(changed, operation, row, found, state):
    """As an answer would have settled it."""
    one = changed.abandon(operation, row)
    changed.changes.settle(one, found, qbo_time=None)

    assert changed.book.states("a") == {"a": state}
    assert changed.open() == []


def test_gone_time_is_claimed_again(changed):
    """Only while the ledger has the entry as sent under that Id."""
    made = changed.changes.claim_again(
        changed.book.run_id, [new_time(), wanted("b", "9")], lease=LEASE, qbo_time=None
    )

    assert [entry_id for entry_id, _, _ in made.items] == ["a"]
    assert made.operation == Operation.CREATE
    assert changed.book.states("a", "b") == {"a": LedgerState.SENDING, "b": LedgerState.SENT}
    changed.book.record(made, Done("1", "300", "0"))
    assert changed.book.row("a").time_activity_id == "300"


def test_the_books_may_be_ahead(changed):
    """What somebody deleted or corrected in QuickBooks already is recorded without a call."""
    changed.changes.gone(changed.book.run_id, [wanted()])
    changed.changes.caught_up(changed.book.run_id, new_time("b", "200"), "7")

    assert changed.book.states("a") == {"a": LedgerState.RECALLED}
    row = changed.book.row("b")
    assert (row.minutes, row.sync_token, row.proof) == (90, "7", Proof.ANSWER)


def test_the_history_tells_of_each_step(changed):
    """Which run asked QuickBooks for what, and what came of it."""
    made = changed.claim(Operation.UPDATE, new_time())
    changed.record(made, NotDone("1", STALE))
    made = changed.claim(Operation.DELETE, new_time(replacement="{}"))
    changed.record(made, Done("1", "100", ""))

    with changed.book.engine.connect() as connection:
        columns = (history.c.event, history.c.operation)
        told = connection.execute(sa.select(*columns).order_by(history.c.number)).all()
    assert [tuple(row) for row in told if row.operation != "create"] == [
        ("claimed", "update"),
        ("refused", "update"),
        ("claimed", "delete"),
        ("recalled", "delete"),
    ]
    assert tuple(told[-1]) == ("claimed", "create")
