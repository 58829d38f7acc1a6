"""A repair or a recall leaves other doubts alone, and its own are settled for good."""

import sqlite3
from contextlib import closing

import pytest

LOST = ("POST .*/batch", "drop_after")


@pytest.fixture
def quick(week):
    """Return a week, for which QuickBooks is done with a call at once."""
    week.house.environment["CLOCKBOOKS_QBO_AT_WORK_S"] = "0.01"
    return week


def state_of(week, id_):
    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as database:
        rows = database.execute("SELECT state FROM ledger WHERE entry_id = ?", (id_,))
        return rows.fetchone()[0]


@pytest.mark.parametrize(
    "switch",
    [
        {"remembers_request_ids": False},
        pytest.param({"replay_answers_6000": True}, marks=pytest.mark.slow),
    ],
)
def test_a_replacement_hands_no_doubt_over_again(quick, switch):
    """What may be in the books with an edit stays in doubt while another entry is replaced."""
    new, before = quick.track(), set(quick.books)
    quick.house.quickbooks.faults.plan(*LOST)
    quick.send(code=3)
    (made,) = set(quick.books) - before
    quick.people.edit_time(made, Description="As the customer wants it", Minutes=45)
    for name, value in switch.items():
        setattr(quick.house.quickbooks.switches, name, value)
    number = len(quick.books)
    quick.move(quick.pick())

    quick.reconcile("--repair", "--yes", code=3)

    assert len(quick.books) == number
    assert state_of(quick, new) == "sending"


def test_a_replacement_calls_nothing_that_quickbooks_may_be_at_work_on(week):
    """A doubt is handed over again only once QuickBooks is certainly done with it."""
    week.track()
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", status=504, body="<html>")
    week.send(code=3)
    number = len(week.books)
    week.move(week.pick())

    week.reconcile("--repair", "--yes", code=3)

    assert len(week.books) == number


def test_what_a_settled_update_is_about_is_kept(quick):
    """An entry that is edited back afterwards differs; another rounding makes no difference."""
    id_ = quick.pick()
    end = quick.entry(id_)["end"]
    quick.lengthen(id_)
    quick.house.quickbooks.faults.plan(*LOST)
    quick.reconcile("--repair", "--yes", code=3)

    assert quick.run("settle")["updated"] == [id_]

    assert quick.verdicts("--rounding", "up:60") == {}
    quick.entry(id_)["end"] = end
    assert quick.verdicts() == {id_: "changed_in_clockify"}


@pytest.mark.slow
def test_what_a_settled_replacement_is_about_is_kept(quick):
    """The same for an entry of another project."""
    id_ = quick.pick()
    project = quick.move(id_)
    quick.house.quickbooks.faults.plan(*LOST)
    quick.reconcile("--repair", "--yes", code=3)
    quick.run("settle")
    assert quick.verdicts() == {}

    quick.entry(id_)["projectId"] = project

    assert quick.verdicts() == {id_: "changed_in_clockify"}


def test_a_run_is_taken_back_with_what_was_settled_later(quick):
    """A run sent what it handed over, whoever found that out."""
    new = quick.track()
    quick.house.quickbooks.faults.plan(*LOST)
    run_id = quick.send(code=3)["run_id"]
    assert quick.run("settle")["sent"] == [new]

    found = quick.run("recall", "--run", run_id, "--yes", code=0)

    assert [row["entry_id"] for row in found["entries"]] == [new]


def test_what_another_run_is_changing_is_not_freed(week, monkeypatch):
    """A recall whose answer is not recorded yet decides; another one waits for it."""
    from connectors.store.changes import Changes

    id_, number, record = week.pick(), len(week.books), Changes.record
    others = []

    def late(changes, made, outcomes, **options):
        if not others:
            others.append(None)
            for command in (("recall", "--entry", id_, "--yes"), ("send", *days, "--yes")):
                with week.house.fork(*command) as process:
                    process.communicate(timeout=100)
        return record(changes, made, outcomes, **options)

    days = ("--start", "2026-09-14", "--end", "2026-09-18")
    monkeypatch.setattr(Changes, "record", late)
    week.run("recall", "--entry", id_, "--yes", code=0)
    week.send(code=0)

    assert len(week.books) == number
