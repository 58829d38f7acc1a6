"""What the ledger's entries are about is kept with them, and keeps a work from going twice."""

import pandas as pd
import pytest
import sqlalchemy as sa

from connectors.store.scope import records
from schemas.tables import contents as table
from schemas.words import Source


def known_ids(book, **more):
    return book.store.contents.known(["2026-03-02"], **more)["entry_id"].tolist()


def test_a_claim_keeps_what_its_entries_are_about_and_a_release_forgets_it(book):
    """The contents come and go with the ledger's rows."""
    made = book.claim("a", "b")
    assert known_ids(book) == ["a", "b"]

    book.store.ledger.release(made)

    assert known_ids(book) == []


def test_what_is_in_the_books_comes_first(book):
    """Of several entries that are the same work, the one that was sent is meant."""
    book.claim("a")
    book.send("b")

    assert known_ids(book) == ["b", "a"]


def test_days_around_count_and_others_do_not(book):
    """A file may count its days in another time zone; a month away nothing is read."""
    book.claim("a")

    def on(*days):
        return book.store.contents.known(days)["entry_id"].tolist()

    assert on("2026-02-28") == on("2026-03-04") == on("2026-03-02", "2026-03-02") == ["a"]
    assert on("2026-02-27") == on("2026-03-05") == on() == []


def test_of_two_runs_with_the_same_work_one_takes_it(book):
    """A row of a file and Clockify's entry, planned at the same time: the later claim is empty."""
    since = book.store.contents.newest_claim()
    assert book.claim("row of a", source="file", since=since) is not None

    made = book.claim("a", "b", run_id=book.start(), since=since)

    assert [entry_id for entry_id, _, _ in made.items] == ["b"]
    assert book.claim("a", run_id=book.start(), since=since) is None
    assert known_ids(book, source=Source.FILE) == ["row of a"]


def test_what_was_there_when_the_plan_was_made_is_the_plans_matter(book):
    """Only newer claims stop one: what the plan knew of, it has judged."""
    book.claim("row of a", source="file")
    since = book.store.contents.newest_claim()

    assert book.claim("a", run_id=book.start(), since=since) is not None


def test_a_claim_that_was_given_back_hides_no_later_one(book):
    """A throttled batch is claimed again, with more in it: a plan made in between notices all."""
    made = book.claim("row of b", source="file")
    since = book.store.contents.newest_claim()
    book.store.ledger.release(made)
    assert book.claim("row of a", "row of b", source="file") is not None

    assert book.claim("a", run_id=book.start(), since=since) is None


def test_clockifys_id_takes_the_place_of_ours(book):
    """An entry sent from a file is Clockify's from then on, with all that is known of it."""
    book.send("row of a", "100")
    verdict = {
        "state": "sent", "reason": None, "detail": None, "date": "2026-03-02", "minutes": 60,
        "user": "Ann", "client": None, "project": None, "description": "a", "start": None,
        "billable": False, "amount_cents": None,
    }  # fmt: skip
    judged = pd.DataFrame([{"entry_id": id_, **verdict} for id_ in ("row of a", "a")])
    book.store.outcomes.keep(book.run_id, judged)

    book.store.contents.adopt({"row of a": "a"})

    assert book.states("a", "row of a") == {"a": "sent"}
    assert known_ids(book) == ["a"]
    assert known_ids(book, source=Source.FILE) == []
    told = book.store.outcomes.between(start=None, end=None)
    assert told[["entry_id", "time_activity_id"]].to_numpy().tolist() == [["a", "100"]]


def test_an_id_that_the_ledger_holds_is_not_taken_over(book):
    """Two rows of the ledger stay two; and what is gone is not missed."""
    book.send("row of a", "100")
    book.send("a", "101")

    book.store.contents.adopt({"row of a": "a", "row of b": "b"})

    assert book.states("a", "b", "row of a") == {"a": "sent", "row of a": "sent"}


def test_entries_of_an_older_ledger_are_remembered(book):
    """A send over days of before tells what those entries were about; nothing else changes."""
    book.send("a")
    with book.engine.begin() as connection:
        connection.execute(table.delete())
    about = book.about("a", "b").frame

    book.store.contents.remember(about)
    book.store.contents.remember(about)

    assert known_ids(book) == ["a"]


def test_no_contents_without_an_entry(book):
    """The database itself keeps contents from outliving what they are about."""
    row = records(book.about("a").frame)[0]

    with pytest.raises(sa.exc.IntegrityError), book.engine.begin() as connection:
        book.store.contents.insert(connection, [row])
