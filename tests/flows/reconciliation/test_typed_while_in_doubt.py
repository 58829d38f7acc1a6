"""Time that somebody types in again while a deletion of ours has no clear answer, or after it."""

import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import datetime, timedelta

#: What a person types in.
TYPED = ("TxnDate", "NameOf", "EmployeeRef", "VendorRef", "CustomerRef", "Hours", "Minutes",
         "BillableStatus", "HourlyRate", "Description", "ItemRef")  # fmt: skip


def typed(week, row):
    return week.people.type_time(**{name: row[name] for name in TYPED if name in row})


def test_a_deletion_that_comes_late_lets_the_day_be_looked_at_again(week):
    """A day is looked at again once something that was sent for it is taken back.

    That also holds if a send for the same day came between the call and the moment at which the
    deletion is found to be done, or after it: what was typed in again is not booked a second time,
    not even if its entry was entered anew in Clockify.
    """
    id_ = week.pick()
    before = deepcopy(week.activity(id_))
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", status=504, body="<html>")
    week.run("recall", "--entry", id_, "--yes", code=3)
    week.track()
    week.send()  # of the same person and day; the deletion is in doubt still
    week.people.delete_time(week.activity_id(id_))  # QuickBooks does it only now
    typed(week, before)
    week.house.clockify.entries["e" * 24] = week.house.clockify.entries.pop(id_) | {"id": "e" * 24}
    number = len(week.books)

    found = week.send()

    assert found["counts"]["rejected"] == {"maybe_in_books": 1}
    assert len(week.books) == number


def test_time_that_was_taken_back_is_looked_for_each_time(week):
    """A send of other time of the day, after a recall, does not say that it is not typed in."""
    id_ = week.pick()
    before = deepcopy(week.activity(id_))
    week.run("recall", "--entry", id_, "--yes", code=0)
    week.track()
    entry = week.house.clockify.entries.pop(id_)  # not of the send's
    week.send()
    typed(week, before)
    week.house.clockify.entries[id_] = entry
    number = len(week.books)

    found = week.send()

    assert found["counts"]["rejected"] == {"maybe_in_books": 1}
    assert len(week.books) == number


def test_a_replacement_whose_deletion_had_no_answer_is_not_made_beside_what_was_typed(week):
    """Nothing is created where QuickBooks has time of that person and day from elsewhere.

    QuickBooks deletes the old one, the answer is lost, and somebody types the time in. The run that
    finds out about the deletion, ten minutes later, does not book the same hours a second time.
    """
    id_ = week.pick()
    before, number = deepcopy(week.activity(id_)), len(week.books)
    week.move(id_)
    week.house.quickbooks.faults.plan("POST .*/batch", "drop_after")
    week.reconcile("--repair", "--yes", code=3)
    assert week.activity(id_) is None
    new = typed(week, before)
    meta, minutes = week.books[new]["MetaData"], timedelta(minutes=10)
    meta["CreateTime"] = (datetime.fromisoformat(meta["CreateTime"]) - minutes).isoformat()
    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as db, db:
        db.execute("update batches set qbo_time = datetime(qbo_time, '-11 minutes')")

    settled = week.run("settle")

    assert settled["in_doubt"] == [id_]
    assert f"TimeActivity {new} looks like it" in settled["notes"][0]
    assert len(week.books) == number
