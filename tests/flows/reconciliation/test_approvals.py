"""A withdrawn approval is noticed, however the entry was sent, and never invented."""

from datetime import datetime, timedelta

import pytest


@pytest.fixture
def approved(make_week):
    """Return a week of which approved entries alone were sent."""
    return make_week("--approved-only")


def test_a_report_that_is_empty_for_a_moment_withdraws_nothing(approved):
    """Approvals are read twice before a withdrawal counts."""
    number = len(approved.books)

    def empty(answer):
        return answer | {"timeentries": [], "totals": [None]}

    approved.house.clockify.faults.plan("reports/detailed", "edit", skip=1, times=1, edit=empty)
    approved.reconcile("--repair", "--yes", code=0)

    assert len(approved.books) == number


@pytest.mark.parametrize("changed", ["replaced", "resent"])
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
    for name in ("start", "end"):
        moved = datetime.fromisoformat(entry[name]) + timedelta(days=30)
        entry[name] = moved.isoformat().replace("+00:00", "Z")
    entry["approved"] = False

    days = ("--start", "2026-10-10", "--end", "2026-10-20")
    found = {row["entry_id"]: row["verdict"] for row in approved.run("reconcile", *days)["entries"]}

    assert found[entry["id"]] == "unapproved_since"
