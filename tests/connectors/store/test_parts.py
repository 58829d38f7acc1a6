"""The parts of an entry are claimed together, and are known as one until all have ended."""

from datetime import timedelta

import pytest

from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault
from connectors.store.change_rows import Wanted
from schemas.words import Mark, Operation

REFUSAL = Fault("6000", "No", "Not so", "ValidationFault")
UNITS = {"a": "a", "a/2": "a", "a/3": "a"}


def claimed(made):
    return [] if made is None else [id_ for id_, _, _ in made.items]


def open_parts(book):
    return {
        whole: {row.entry_id: row.state for row in rows}
        for whole, rows in book.store.parts.open().items()
    }


@pytest.mark.parametrize("held", ["a", "a/2", "a/3"])
@pytest.mark.parametrize("ends", ["sending", "sent"])
def test_none_is_claimed_where_another_run_has_one(book, held, ends):
    """Whichever it is; what else is in the batch is claimed."""
    made = book.claim(held, run_id=book.start())
    if ends == "sent":
        book.record(made, Done("1", "100", "0"))

    assert claimed(book.claim("a", "a/2", "a/3", "b", units=UNITS)) == ["b"]
    assert set(book.ids()) == {held, "b"}
    assert open_parts(book) == {}


def test_all_are_claimed_again_that_were_refused_or_taken_back(book):
    """As single entries are."""
    made = book.claim("a", "a/2", units=UNITS)
    book.record(made, NotDone("1", REFUSAL), NotDone("2", REFUSAL))

    assert claimed(book.claim("a", "a/2", units=UNITS)) == ["a", "a/2"]


def test_what_a_dead_run_left_of_longer_parts_takes_nothing_back(book):
    """It gave them back, and was killed before it closed the entry; that is shorter by now."""
    book.store.ledger.release(book.claim("a", "a/2", "a/3", units=UNITS))
    made = book.claim("a", "a/2", units=UNITS)
    assert open_parts(book) == {"a": {"a": "sending", "a/2": "sending"}}
    book.record(made, Done("1", "100", "0"), Done("2", "101", "0"))
    assert open_parts(book) == {}


def test_an_entry_is_open_until_its_parts_have_ended(book):
    """With what the ledger holds of each: nothing of what was released."""
    made = book.claim("a", "a/2", "b", units=UNITS)
    assert open_parts(book) == {"a": {"a": "sending", "a/2": "sending"}}
    book.record(made, Done("1", "100", "0"), NotDone("2", REFUSAL))
    assert open_parts(book) == {"a": {"a": "sent", "a/2": "refused"}}
    [rows] = book.store.parts.open().values()
    assert [row.in_books for row in rows] == [True, False]
    assert (rows[0].time_activity_id, rows[0].minutes, rows[0].txn_date) == (
        "100", 60, "2026-03-02",
    )  # fmt: skip

    book.store.parts.close(["a"])  # somebody who saw it before: it is as open as it was
    assert list(open_parts(book)) == ["a"]
    book.store.ledger.release(book.claim("c", "c/2", units={"c": "c", "c/2": "c"}))
    assert open_parts(book)["c"] == {"c": None, "c/2": None}
    book.store.parts.close(["c"])
    assert list(open_parts(book)) == ["a"]


def test_an_entry_is_closed_as_soon_as_all_of_it_is_sent(book):
    """What changes later, another run must not take for a part that QuickBooks lacks."""
    made = book.claim("a", "a/2", "b", units=UNITS)
    book.record(made, Done("1", "100", "0"))
    assert list(open_parts(book)) == ["a"]
    book.record(made, Done("2", "101", "0"), Done("3", "102", "0"))
    assert open_parts(book) == {}


def test_an_entry_gets_its_tag_once_all_of_it_is_sent(book):
    """Not while QuickBooks has only its first part."""
    book.store.marks.want(Mark.SENT_TAG, ["a"])
    made = book.claim("a", "a/2", units=UNITS)
    book.record(made, Done("1", "100", "0"))
    assert book.store.marks.to_tag() == []
    book.record(made, Done("2", "101", "0"))
    assert book.store.marks.to_tag() == ["a"]


def test_a_whole_entry_never_goes_beside_a_part_of_it(book):
    """A run that made its plan before another one sent the parts finds the entry open."""
    made = book.claim("a", "a/2", units=UNITS)
    book.record(made, NotDone("1", REFUSAL), Done("2", "100", "0"))

    assert claimed(book.claim("a", "b", run_id=book.start())) == ["b"]
    assert claimed(book.claim("a", "a/3", "c", units=UNITS)) == ["c"]  # nor does another part


def test_what_is_in_the_books_in_parts_is_found(book):
    """By the entry's id or one of theirs; of an open one also what the books do not have."""

    def units(*ids):
        found = book.store.parts.units(ids)
        return {whole: [row.entry_id for row in rows] for whole, rows in found.items()}

    made = book.claim("a", "a/2", "a/3", "b", units=UNITS)
    book.record(made, Done("1", "100", "0"), NotDone("2", REFUSAL), NotDone("3", REFUSAL))
    for ids in (["a"], ["a/3", "a"], ["a", "b", "c"]):
        assert units(*ids) == {"a": ["a", "a/2", "a/3"]}
    assert units("b", "c") == {}
    parts = {"d": "d", "d/2": "d"}
    book.record(book.claim(*parts, units=parts), Done("1", "101", "0"), Done("2", "102", "0"))
    assert units("d/2") == {"d": ["d", "d/2"]}


def test_parts_are_taken_back_together(book):
    """None where another run changes one; and open until nobody is at work on any."""
    parts = {"d": "d", "d/2": "d"}
    book.record(book.claim(*parts, units=parts), Done("1", "101", "0"), Done("2", "102", "0"))
    first, second = (
        Wanted(id_, time_activity_id, "{}", unit="d")
        for id_, time_activity_id in (("d", "101"), ("d/2", "102"))
    )
    how = {"lease": timedelta(minutes=5), "qbo_time": None}
    claim, run = book.store.changes.claim, book.start()
    assert open_parts(book) == {}
    other = claim(book.start(), Operation.DELETE, [first], **how)
    assert claim(run, Operation.DELETE, [first, second], **how) is None
    assert open_parts(book) == {"d": {"d": "sent", "d/2": "sent"}}
    book.store.parts.close(["d"])
    assert list(open_parts(book)) == ["d"]

    book.store.changes.release(other)
    made = claim(run, Operation.DELETE, [first, second], **how)
    assert claimed(made) == ["d", "d/2"]
    book.store.changes.record(made, [Done("1", "101", "")], qbo_time=None)
    book.store.parts.close(["d"])
    assert open_parts(book) == {"d": {"d": "recalled", "d/2": "sent"}}
    book.store.changes.record(made, [Done("2", "102", "")], qbo_time=None)
    book.store.parts.close(["d"])
    assert open_parts(book) == {}


def test_what_a_later_part_is_about_is_nobody_elses_twin(book):
    """It says what its whole entry says, which has one content."""
    book.claim("a", "a/2", units=UNITS)

    known = book.store.contents.known(["2026-03-02"])
    assert known["entry_id"].tolist() == ["a"]
    assert len(book.store.contents.as_claimed(["a", "a/2"])) == 2
