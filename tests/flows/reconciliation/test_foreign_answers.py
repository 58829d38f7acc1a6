"""Answers that belong to another call, or are empty: they prove nothing about the books."""

import json
import sqlite3
from contextlib import closing
from copy import deepcopy

import pytest

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")

BY_ID = r"GET .*/query\?.*Id(%20|\+)IN"
BY_DAY = r"GET .*/query\?.*TxnDate"


def answer_with(week, where, rows, times=2):
    """Plan the answer to another query for time."""
    found = {"TimeActivity": rows, "maxResults": len(rows)} if rows else {}
    body = json.dumps({"QueryResponse": found}, default=str)
    kind = "application/json"
    week.house.quickbooks.faults.plan(
        where, "answer", times=times, status=200, content_type=kind, body=body
    )


def send_again(week):
    week.house.quickbooks.faults.clear()
    week.house.run("send", *WEEK, "--yes", "--json")


def type_again(week, id_):
    """Recall an entry, and type in what it was."""
    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as db, db:
        (body,) = db.execute("select body from ledger where entry_id = ?", (id_,)).fetchone()
        week.run("recall", "--entry", id_, "--yes", code=0)
        week.people.type_time(**json.loads(body))


@pytest.mark.parametrize("others", [True, False])
def test_no_recall_frees_what_is_there(week, others):
    """An entry is free once QuickBooks says that its time is gone, not where an answer lacks it."""
    id_, number = week.pick(0), len(week.books)
    answer_with(week, BY_ID, [deepcopy(week.activity(week.pick(1)))] if others else [])

    week.house.run("recall", "--entry", id_, "--yes", "--json")
    send_again(week)

    assert len(week.books) == number


def test_what_a_list_by_id_lacks_is_asked_for_alone(week):
    """One row of several is missing: all three are there, and all three are taken back."""
    ids, number = [week.pick(n) for n in range(3)], len(week.books)

    def cut(answer):
        rows = answer["QueryResponse"]["TimeActivity"]
        rows[:] = [row for row in rows if row["Id"] != week.activity_id(ids[0])]
        answer["QueryResponse"]["maxResults"] = len(rows)
        return answer

    week.house.quickbooks.faults.plan(BY_ID, "edit", times=2, edit=cut)
    week.run("recall", *(part for id_ in ids for part in ("--entry", id_)), "--yes", code=0)

    assert len(week.books) == number - 3


def test_no_deletion_in_doubt_counts_as_made(week):
    """A deletion that never reached QuickBooks frees nothing, whatever a list says."""
    week.house.environment["CLOCKBOOKS_QBO_AT_WORK_S"] = "0.01"
    number = len(week.books)
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", status=504, body="<html>")
    week.run("recall", "--entry", week.pick(0), "--yes", code=3)
    answer_with(week, BY_ID, [deepcopy(week.activity(week.pick(1)))], times=1)

    week.house.run("settle", "--json")
    send_again(week)

    assert len(week.books) == number


def test_no_unknown_time_is_forgotten(week):
    """Unknown time holds entries back until QuickBooks says that it is gone."""
    other = deepcopy(week.activity(week.pick(1)))
    type_again(week, week.pick(0))
    held = week.run("send", *WEEK, "--yes", code=3)
    assert held["counts"]["rejected"].get("maybe_in_books")
    number = len(week.books)
    answer_with(week, BY_ID, [other], times=1)

    week.house.run("send", *WEEK, "--yes", "--json")

    assert len(week.books) == number


@pytest.mark.parametrize("others", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_no_day_counts_as_looked_at(week, others):
    """Rows of other days, and an empty list although time is counted, hide no unknown time."""
    id_ = week.pick()
    day = week.sent[id_]["date"]
    other = next(row for row in week.books.values() if row["TxnDate"] != day)
    type_again(week, id_)
    number = len(week.books)
    answer_with(week, r"GET .*/query\?.*\*.*FROM.*TxnDate", [deepcopy(other)] if others else [], 1)

    week.house.run("send", *WEEK, "--yes", "--json")
    send_again(week)

    assert len(week.books) == number


def test_a_list_of_days_that_lacks_a_row_is_not_believed(week):
    """What is sent is known to be there: a list without it may lack unknown time as well."""
    id_ = week.pick(0)
    type_again(week, id_)
    number, day = len(week.books), week.sent[id_]["date"]
    there = (one for one in week.sent if week.activity(one) and week.sent[one]["date"] == day)
    last = max(int(week.activity_id(one)) for one in there)

    def cut(answer):
        rows = answer["QueryResponse"].get("TimeActivity", [])
        rows[:] = [row for row in rows if int(row["Id"]) < last]
        answer["QueryResponse"]["maxResults"] = len(rows)
        return answer

    week.house.quickbooks.faults.plan(BY_DAY, "edit", times=99, edit=cut)

    for command in ("send", "reconcile"):
        ran = week.house.run(command, *WEEK, "--yes", "--json")
        assert (ran.code, "list of time lacks some" in ran.err) == (1, True)
    assert len(week.books) == number


def test_no_doubt_is_settled_by_older_rows(week):
    """Rows from before the call do not say that nothing was made by it."""
    week.house.environment["CLOCKBOOKS_QBO_AT_WORK_S"] = "0.01"
    model = week.entry(week.pick())
    week.house.clockify.entries["f" * 24] = model | {"id": "f" * 24, "description": "New work"}
    old = deepcopy(week.activity(week.pick()))
    old["MetaData"]["CreateTime"] = "2020-01-01T00:00:00-08:00"
    week.house.quickbooks.faults.plan("POST .*/batch", "drop_after")
    week.run("send", *WEEK, "--yes", code=3)
    number = len(week.books)
    week.house.quickbooks.switches.remembers_request_ids = False
    answer_with(week, r"GET .*/query\?.*CreateTime", [old])

    week.house.run("settle", "--json")

    assert len(week.books) == number
