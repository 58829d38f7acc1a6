"""A withdrawn approval is noticed, however the entry was sent, and never invented."""

import json
from datetime import datetime, timedelta

import pytest

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")


@pytest.fixture
def approved(make_week):
    """Return a week of which approved entries alone were sent."""
    return make_week("--approved-only")


def move_by_a_month(entry):
    """Let an entry begin and end 30 days later."""
    for name in ("start", "end"):
        moved = datetime.fromisoformat(entry[name]) + timedelta(days=30)
        entry[name] = moved.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    "nth", [0, 3, *[pytest.param(nth, marks=pytest.mark.slow) for nth in (1, 2, 4, 5, 6)]]
)
def test_a_report_that_is_empty_for_a_moment_withdraws_nothing(approved, nth):
    """Whichever answer is empty: about the window, or about an entry that has moved out of it."""
    move_by_a_month(approved.entry(approved.pick()))
    number, answers = len(approved.books), []

    def empty_one(answer):
        answers.append(answer)
        is_it = len(answers) == nth + 1
        return answer | {"timeentries": [], "totals": [None]} if is_it else answer

    approved.house.clockify.faults.plan("reports/detailed", "edit", times=99, edit=empty_one)
    found = approved.reconcile("--repair", "--yes")

    assert "unapproved_since" not in found["counts"]
    assert len(approved.books) == number


@pytest.mark.parametrize("changed", ["replaced", pytest.param("resent", marks=pytest.mark.slow)])
def test_an_entry_that_was_made_anew_was_sent_as_approved(approved, changed):
    """Its approval counts as before."""
    id_ = approved.pick()
    if changed == "replaced":
        approved.move(id_)
    else:
        approved.people.delete_time(approved.activity_id(id_))
    approved.reconcile("--repair", "--resend", "--yes", code=0)

    approved.entry(id_)["approved"] = False

    assert approved.verdicts() == {id_: "unapproved_since"}


@pytest.mark.parametrize("code", ["6240", pytest.param("6000", marks=pytest.mark.slow)])
def test_time_that_was_put_back_was_sent_as_approved(approved, code):
    """QuickBooks refused what was to take its place, so that it is there as before."""
    id_ = approved.pick()
    approved.move(id_)
    error = {"code": code, "Message": "No", "Detail": "Not today"}
    item = {"bId": "1", "Fault": {"Error": [error], "type": "ValidationFault"}}
    refusal = {"status": 200, "body": json.dumps({"BatchItemResponse": [item]})}
    refusal["content_type"] = "application/json"
    approved.house.quickbooks.faults.plan("POST .*/batch", "answer", skip=1, **refusal)
    approved.reconcile("--repair", "--yes", code=3)

    approved.entry(id_)["approved"] = False

    assert approved.verdicts() == {id_: "unapproved_since"}


def test_an_entry_whose_doubt_was_settled_was_sent_as_approved(approved):
    """Whoever settled it."""
    approved.house.environment["CLOCKBOOKS_QBO_AT_WORK_S"] = "0.01"
    new = approved.track()
    approved.house.quickbooks.faults.plan("POST .*/batch", "drop_after")
    approved.send("--approved-only", code=3)
    assert approved.run("settle")["sent"] == [new]

    approved.entry(new)["approved"] = False

    assert approved.verdicts() == {new: "unapproved_since"}


def test_an_unapproved_entry_that_moved_into_the_window_is_noticed(approved):
    """It was sent as approved for another day."""
    entry = approved.entry(approved.pick())
    move_by_a_month(entry)
    entry["approved"] = False

    days = ("--start", "2026-10-10", "--end", "2026-10-20")
    found = {row["entry_id"]: row["verdict"] for row in approved.run("reconcile", *days)["entries"]}

    assert found[entry["id"]] == "unapproved_since"


def test_nothing_unapproved_is_sent_again(make_week):
    """Hours that can still change do not come back into the books of those who send approved ones.

    `--approved-only` was an option of the send, so no setting says it.
    """
    week = make_week("--approved-only")
    id_ = week.pick()
    week.entry(id_)["approved"] = False
    week.people.delete_time(week.activity_id(id_))
    number = len(week.books)

    week.reconcile("--repair", "--resend", "--yes")

    assert len(week.books) == number
    assert week.reconcile()["counts"] == {"agrees": len(week.sent) - 1, "unsent": 1}


def test_time_that_somebody_typed_in_was_not_sent_as_approved(approved):
    """An entry lost its approval and its TimeActivity, then was adopted as what somebody typed.

    A repair does not take that out of the books: nobody sent it.
    """
    id_ = approved.pick()
    typed = dict(approved.activity(id_))
    approved.entry(id_)["approved"] = False
    approved.reconcile("--repair", "--yes", code=0)
    assert approved.activity(id_) is None
    for name in ("Id", "SyncToken", "MetaData"):
        typed.pop(name)
    new = approved.people.type_time(**typed)
    adopted = approved.run("adopt", *WEEK, "--yes")["adopted"]
    assert adopted == [{"entry_id": id_, "time_activity_id": new}]

    found = approved.reconcile("--repair", "--yes")

    assert "unapproved_since" not in found["counts"]
    assert new in approved.books
