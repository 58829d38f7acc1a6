"""Sent time is taken back out of QuickBooks, and its entries are free again."""

from copy import deepcopy

import pytest


def recalled(found):
    return {row["entry_id"] for row in found["entries"] if row["state"] == "recalled"}


def test_entries_are_taken_back_and_sent_again(week):
    """QuickBooks has them no more; the next send sends them, once."""
    ids = {week.pick(0), week.pick(1)}
    number = len(week.books)
    options = [part for id_ in sorted(ids) for part in ("--entry", id_)]

    found = week.run("recall", *options, "--yes", code=0)

    assert found["counts"] == {"recalled": 2, "refused": {}, "in_doubt": 0}
    assert recalled(found) == ids
    assert len(week.books) == number - 2
    again = week.run("send", "--start", "2026-09-14", "--end", "2026-09-18", "--yes", code=0)
    assert {row["entry_id"] for row in again["entries"] if row["state"] == "sent"} == ids
    assert len(week.books) == number


def test_what_was_found_sent_before_it_was_taken_back_is_listed_as_recalled(week):
    """A run that had nothing to do in between, as each night has, makes no difference."""
    week.run("send", "--start", "2026-09-14", "--end", "2026-09-18", "--yes", code=0)
    week.run("recall", "--entry", week.pick(), "--yes", code=0)

    assert recalled(week.run("entries", "--state", "recalled")) == {week.pick()}


def test_a_run_is_taken_back_as_a_whole(week):
    """Everything that it sent, and nothing else."""
    found = week.run("recall", "--run", week.run_id, "--yes", code=0)

    assert recalled(found) == set(week.sent)
    assert not set(week.books) & {row["time_activity_id"] for row in week.sent.values()}


def test_days_are_taken_back_by_person_and_project(week):
    """The filters hold together, and go by name."""
    row = week.sent[week.pick()]
    days = ("--start", row["date"], "--end", row["date"])

    found = week.run(
        "recall", *days, "--user", row["user"], "--project", row["project"], "--yes", code=0
    )

    fitting = {
        id_
        for id_, one in week.sent.items()
        if (one["date"], one["user"], one["project"]) == (row["date"], row["user"], row["project"])
    }
    assert recalled(found) == fitting


def test_what_must_stay_is_refused_with_its_reason(week):
    """Billed time, closed books, and what somebody edited in QuickBooks."""
    closed = min(week.sent, key=lambda id_: week.sent[id_]["date"])
    later = [id_ for id_ in sorted(week.sent) if week.sent[id_]["date"] > week.sent[closed]["date"]]
    billed = next(id_ for id_ in later if week.entry(id_)["billable"])
    edited = next(id_ for id_ in later if id_ != billed)
    week.people.invoice(week.activity(billed)["CustomerRef"]["value"], week.activity_id(billed))
    week.people.edit_time(week.activity_id(edited), Description="Mine")
    week.people.close_books(week.sent[closed]["date"])
    before = deepcopy(week.books)
    options = [part for id_ in (billed, closed, edited) for part in ("--entry", id_)]

    found = week.run("recall", *options, "--yes", code=3)

    assert found["counts"]["refused"] == {
        "billed": 1, "books_closed": 1, "changed_in_quickbooks": 1
    }  # fmt: skip
    assert all(row["detail"] for row in found["entries"])
    assert week.books == before
    week.run("recall", "--entry", edited, "--prefer", "clockify", "--yes", code=0)
    assert week.activity(edited) is None


def test_what_is_gone_already_is_freed(week):
    """Somebody deleted it in QuickBooks: there is nothing to call."""
    id_ = week.pick()
    week.people.delete_time(week.activity_id(id_))

    found = week.run("recall", "--entry", id_, "--yes", code=0)

    assert recalled(found) == {id_}


def test_a_dry_run_of_a_recall_changes_nothing(week):
    """It says what would be taken back."""
    before = deepcopy(week.books)

    found = week.run("recall", "--entry", week.pick(), "--dry-run", code=0)

    assert found["counts"]["ready"] == 1
    assert [row["state"] for row in found["entries"]] == ["ready"]
    assert week.books == before


def test_nothing_that_fits_is_an_error(week):
    """A mistyped id is no success."""
    ran = week.house.run("recall", "--entry", "f" * 24, "--yes")

    assert ran.code == 1
    assert "Nothing was sent that fits" in ran.err


@pytest.mark.parametrize("options", [(), ("--run", "x", "--entry", "y"), ("--start", "2026-09-14")])
def test_a_recall_wants_exactly_one_choice(week, options):
    """A run, entries, or days."""
    assert week.house.run("recall", *options, "--yes").code == 2
