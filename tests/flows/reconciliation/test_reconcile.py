"""What changed after the send is found, told apart, and repaired as far as it may be."""

import json
import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import datetime, timedelta

import pytest

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")


def later(text, **delta):
    """Move an instant of Clockify's."""
    moved = datetime.fromisoformat(text) + timedelta(**delta)
    return moved.isoformat().replace("+00:00", "Z")


def lengthen(week, id_, minutes=30):
    """Let an entry end later in Clockify."""
    entry = week.entry(id_)
    entry["end"] = later(entry["end"], minutes=minutes)


def minutes_of(activity):
    return activity["Hours"] * 60 + activity["Minutes"]


def only(found, id_):
    """Return the one difference that was found, which is an entry's."""
    (row,) = [row for row in found["entries"] if row["verdict"] != "unsent"]
    assert row["entry_id"] == id_
    return row


def kept(week):
    """Return all rows of the database, but for the pace of calls and the number of reads."""
    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as database:
        tables = ("pacing", '"reads"')
        return [line for line in database.iterdump() if not any(one in line for one in tables)]


# --- finding ------------------------------------------------------------------------------------


def test_a_week_that_nobody_touched_agrees(week):
    """Every sent entry agrees, and the totals are the same to the minute and the cent."""
    found = week.reconcile(code=0)

    assert found["counts"] == {"agrees": len(week.sent)}
    assert found["entries"] == []
    minutes, amounts = found["totals"]["minutes"], found["totals"]["amounts"]
    sent = sum(row["minutes"] for row in week.sent.values())
    assert minutes["rounded"] == minutes["ledger"] == minutes["quickbooks"] == sent
    assert amounts["rounded"] == amounts["ledger"] == amounts["quickbooks"]
    assert len(week.reconcile("--all")["entries"]) == len(week.sent)


def test_an_edit_in_clockify_is_found(week):
    """With the field that differs, on all three sides, and what a repair would do."""
    id_ = week.pick()
    before = week.sent[id_]["minutes"]
    lengthen(week, id_)

    row = only(week.reconcile(code=3), id_)

    assert (row["verdict"], row["blocked"], row["repair"]) == ("changed_in_clockify", None, None)
    sides = {"clockify": before + 30, "ledger": before, "quickbooks": before}
    assert row["differs"] == {"minutes": sides}
    assert "--repair" in row["detail"]


EDITS = {
    "description": lambda e: e.update(description="Something else"),
    "day": lambda e: e.update(start=later(e["start"], days=1), end=later(e["end"], days=1)),
    "day outside": lambda e: e.update(
        start=later(e["start"], days=-20), end=later(e["end"], days=-20)
    ),
    "not billable": lambda e: e.update(billable=False),
    "rate": lambda e: e.update(rate=9900),
    "length": lambda e: e.update(end=later(e["end"], minutes=45)),
}


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(tuple(EDITS), id="all"),
        *[pytest.param((edit,), id=edit, marks=pytest.mark.slow) for edit in EDITS],
    ],
)
def test_whatever_is_edited_in_clockify_is_repaired(week, edits):
    """QuickBooks has what Clockify has, under the same Id, and the ledger says so."""
    ids = [week.pick(number) for number in range(len(edits))]
    for id_, edit in zip(ids, edits, strict=True):
        EDITS[edit](week.entry(id_))
    number = len(week.books)

    assert week.verdicts() == dict.fromkeys(ids, "changed_in_clockify")
    found = week.reconcile("--repair", "--yes", code=0)["entries"]

    rows = {row["entry_id"]: row["repair"] for row in found if row["verdict"] != "unsent"}
    assert rows == dict.fromkeys(ids, "updated")
    assert len(week.books) == number
    assert week.verdicts() == {}
    listed = week.run("entries")
    for id_ in ids:
        assert week.activity(id_)["SyncToken"] == "1"
        entry = week.entry(id_)
        assert week.activity(id_)["Description"] == entry["description"]
        assert (week.activity(id_)["BillableStatus"] == "Billable") == entry["billable"]
        shown = week.found(listed, id_)
        assert datetime.fromisoformat(shown["start"]) == datetime.fromisoformat(entry["start"])
        assert shown["billable"] == entry["billable"] == (shown["amount_cents"] is not None)


def test_a_deletion_in_clockify_is_repaired(week):
    """QuickBooks does not have it any more; the entry is recalled, as far as the ledger knows."""
    id_ = week.pick()
    del week.house.clockify.entries[id_]

    assert week.verdicts() == {id_: "gone_from_clockify"}
    row = only(week.reconcile("--repair", "--yes", code=0), id_)

    assert row["repair"] == "deleted"
    assert week.activity(id_) is None
    assert week.verdicts() == {}
    (shown,) = week.run("entries", "--state", "recalled")["entries"]
    assert shown["entry_id"] == id_


def test_what_somebody_edits_in_quickbooks_is_theirs(week):
    """A repair leaves it alone, unless it is told which side counts."""
    id_ = week.pick()
    week.people.edit_time(week.activity_id(id_), Description="As the customer wants it")

    row = only(week.reconcile("--repair", "--yes", code=3), id_)
    assert (row["verdict"], row["repair"]) == ("changed_in_quickbooks", None)
    assert week.activity(id_)["Description"] == "As the customer wants it"

    row = only(week.reconcile("--repair", "--prefer", "clockify", "--yes", code=0), id_)
    assert row["repair"] == "updated"
    assert week.activity(id_)["Description"] == week.entry(id_)["description"]


def test_one_entry_is_restored_by_its_id(week):
    """Of two that somebody edited, only the one that is named is overwritten."""
    one, other = week.pick(0), week.pick(1)
    for id_ in (one, other):
        week.people.edit_time(week.activity_id(id_), Description="Mine")

    found = week.reconcile("--repair", "--entry", one, "--yes", code=3)

    assert {row["entry_id"]: row["repair"] for row in found["entries"]} == {
        one: "updated",
        other: None,
    }
    assert week.activity(other)["Description"] == "Mine"


def test_both_sides_may_have_changed(week):
    """That is a question for a person, unless both now say the same."""
    asked, alike = week.pick(0), week.pick(1)
    lengthen(week, asked)
    week.people.edit_time(week.activity_id(asked), Description="Mine")
    for id_ in (alike,):
        week.entry(id_)["description"] = "Agreed by phone"
        week.people.edit_time(week.activity_id(id_), Description="Agreed by phone")

    assert week.verdicts() == {asked: "changed_in_both", alike: "changed_in_both"}
    found = week.reconcile("--repair", "--yes", code=3)
    assert {row["entry_id"]: row["repair"] for row in found["entries"]} == {
        asked: None,
        alike: "updated",
    }
    assert week.activity(alike)["SyncToken"] == "1"  # nothing was written
    assert week.verdicts() == {asked: "changed_in_both"}
    week.reconcile("--repair", "--prefer", "clockify", "--yes", code=0)
    assert week.verdicts() == {}


def test_what_somebody_deletes_in_quickbooks_is_sent_again_when_told(week):
    """Only then: it may have been deleted on purpose."""
    id_ = week.pick()
    week.people.delete_time(week.activity_id(id_))
    number = len(week.books)

    row = only(week.reconcile("--repair", "--yes", code=3), id_)
    assert (row["verdict"], row["repair"]) == ("gone_from_quickbooks", None)
    assert len(week.books) == number

    row = only(week.reconcile("--repair", "--resend", "--yes", code=0), id_)
    assert row["repair"] == "resent"
    assert len(week.books) == number + 1
    assert week.verdicts() == {}


def test_an_entry_of_another_project_is_replaced(week):
    """Its TimeActivity is deleted, and another one made for the other customer."""
    id_ = week.pick()
    other = next(
        one["projectId"]
        for one in map(week.entry, sorted(week.sent))
        if one["projectId"] not in {None, week.entry(id_)["projectId"]}
    )
    before, number = deepcopy(week.activity(id_)), len(week.books)
    week.entry(id_)["projectId"] = other

    row = only(week.reconcile("--repair", "--yes", code=0), id_)

    assert row["repair"] == "replaced"
    names = {one["DisplayName"] for one in week.house.quickbooks.customers.values()}
    shown = row["differs"]["project"]
    assert {name.rpartition(":")[2] for name in shown.values()} <= names
    assert shown["clockify"] != shown["ledger"] == shown["quickbooks"]
    assert week.activity(id_) is None
    assert len(week.books) == number
    new = max(week.books.values(), key=lambda one: int(one["Id"]))
    assert new["CustomerRef"] != before["CustomerRef"]
    assert minutes_of(new) == minutes_of(before)
    assert new.get("ItemRef") == before.get("ItemRef")
    assert week.verdicts() == {}


def test_a_withdrawn_approval_takes_the_entry_out_until_it_is_approved_again(make_week):
    """Hours that can still change do not belong in the books of those who send approved ones."""
    week = make_week("--approved-only")
    id_ = week.pick()
    week.entry(id_)["approved"] = False

    row = only(week.reconcile("--repair", "--yes", code=0), id_)
    assert (row["verdict"], row["repair"]) == ("unapproved_since", "deleted")
    assert week.activity(id_) is None

    week.entry(id_)["approved"] = True
    again = week.run("send", *WEEK, "--approved-only", "--yes", code=0)
    assert [row["entry_id"] for row in again["entries"] if row["state"] == "sent"] == [id_]


def test_an_approval_says_nothing_where_nobody_asked_for_one(week):
    """Entries that were sent approved or not agree, whatever becomes of approvals."""
    week.entry(week.pick())["approved"] = False

    week.reconcile(code=0)


def test_time_that_nobody_knows_is_shown(week):
    """Typed in by hand, it is no entry's; the totals show it too."""
    person = week.activity(week.pick())["EmployeeRef"]["value"]
    id_ = week.people.type_time(
        TxnDate="2026-09-15", NameOf="Employee", EmployeeRef={"value": person}, Hours=2, Minutes=0
    )

    found = week.reconcile("--repair", "--yes", code=3)

    (row,) = found["entries"]
    assert (row["entry_id"], row["time_activity_id"]) == (None, id_)
    assert (row["verdict"], row["minutes"]) == ("unknown_in_quickbooks", 120)
    assert found["totals"]["minutes"]["quickbooks"] - found["totals"]["minutes"]["ledger"] == 120
    assert id_ in week.books


def test_what_is_new_is_counted(week):
    """Entries that were not sent yet show why the totals differ."""
    model = week.entry(week.pick())
    week.house.clockify.entries["f" * 24] = model | {"id": "f" * 24}

    found = week.reconcile(code=3)

    (row,) = found["entries"]
    assert (row["entry_id"], row["verdict"]) == ("f" * 24, "unsent")
    assert found["counts"]["unsent"] == 1
    minutes = found["totals"]["minutes"]
    assert minutes["rounded"] - minutes["ledger"] == row["minutes"]


# --- what stands in the way --------------------------------------------------------------------


def test_billed_time_is_never_touched(week):
    """Whatever changed, and whatever is preferred; the invoice is named."""
    changed, gone = week.pick(0), week.pick(1)
    for id_ in (changed, gone):
        customer = week.activity(id_)["CustomerRef"]["value"]
        week.people.invoice(customer, week.activity_id(id_), DocNumber=f"R-{id_[-4:]}")
    lengthen(week, changed)
    del week.house.clockify.entries[gone]
    before = deepcopy(week.books)

    found = week.reconcile("--repair", "--prefer", "clockify", "--yes", code=3)

    assert {row["blocked"] for row in found["entries"]} == {"billed"}
    assert {row["repair"] for row in found["entries"]} == {None}
    assert {row["invoice"] for row in found["entries"]} == {
        f"R-{changed[-4:]}", f"R-{gone[-4:]}"
    }  # fmt: skip
    assert week.books == before


def test_billing_alone_is_no_drift(week):
    """An invoiced entry that nobody edited agrees."""
    id_ = week.pick()
    week.people.invoice(week.activity(id_)["CustomerRef"]["value"], week.activity_id(id_))

    assert week.reconcile(code=0)["counts"] == {"agrees": len(week.sent)}


def test_closed_books_are_never_touched(week):
    """Neither what lies in them, nor what would move there."""
    inside, moved = week.pick(0), week.pick(1)
    week.people.close_books("2026-09-18")
    lengthen(week, inside)
    before = deepcopy(week.books)

    row = only(week.reconcile("--repair", "--yes", code=3), inside)
    assert (row["blocked"], row["repair"]) == ("books_closed", None)
    assert week.books == before

    week.people.close_books("2026-09-01")
    entry = week.entry(moved)
    entry.update(start=later(entry["start"], days=-20), end=later(entry["end"], days=-20))
    rows = week.reconcile("--repair", "--yes", code=3)["entries"]
    assert {row["entry_id"]: row["blocked"] for row in rows} == {
        inside: None, moved: "books_closed"
    }  # fmt: skip


def test_a_lost_link_is_asked_for(week):
    """A change that needs a link waits for it; one that needs none is made."""
    moved, edited = week.pick(0), week.pick(1)
    other = next(
        one["projectId"]
        for one in map(week.entry, sorted(week.sent))
        if one["projectId"] not in {None, week.entry(moved)["projectId"]}
    )
    week.entry(moved)["projectId"] = other
    week.run("unlink", "project", other)
    lengthen(week, edited)

    rows = week.reconcile("--repair", "--yes", code=3)["entries"]

    assert {row["entry_id"]: (row["blocked"], row["repair"]) for row in rows} == {
        moved: ("link_lost", None),
        edited: (None, "updated"),
    }


def test_what_may_not_go_is_not_written(week):
    """An entry that was made too long is told so, and stays as it was sent."""
    id_ = week.pick()
    lengthen(week, id_, minutes=60 * 24)
    before = deepcopy(week.activity(id_))

    row = only(week.reconcile("--repair", "--yes", code=3), id_)

    assert (row["verdict"], row["repair"]) == ("changed_in_clockify", None)
    assert "23 h 55" in row["detail"]
    assert week.activity(id_) == before


def test_a_mass_deletion_is_taken_for_a_mistake(week, monkeypatch):
    """If most of what was sent is gone from Clockify, a repair deletes nothing of it."""
    monkeypatch.setattr("flows.reconciliation.report.MOST_DELETED", 3)
    edited, *gone = sorted(week.sent)
    for id_ in gone[: len(gone) * 2 // 3]:
        del week.house.clockify.entries[id_]
    week.entry(edited)["description"] = "Edited"
    number = len(week.books)

    found = week.reconcile("--repair", "--yes", code=3)

    assert len(week.books) == number
    assert any("may be a mistake" in note for note in found["notes"])
    repaired = [row["entry_id"] for row in found["entries"] if row["repair"]]
    assert repaired == [edited]


# --- how it is asked and told ------------------------------------------------------------------


@pytest.mark.parametrize("syncs", [pytest.param("false", marks=pytest.mark.slow), "true"])
def test_a_dry_run_changes_nothing(week, syncs):
    """Neither the books nor the database; the sync that a send begins with changes none either."""
    week.house.environment["CLOCKBOOKS_SYNC_BEFORE_SEND"] = syncs
    id_ = week.pick()
    week.house.clockify.users[week.entry(id_)["userId"]]["name"] = "Somebody New"
    lengthen(week, id_)
    books, rows = deepcopy(week.books), kept(week)

    found = week.reconcile("--repair", "--dry-run", code=3)

    assert (found["run_id"], found["dry_run"]) == (None, True)
    assert only(found, id_)["step"] == "update"
    assert week.books == books
    assert kept(week) == rows


def test_a_repair_asks_first(week):
    """Without a terminal it needs --yes."""
    ran = week.house.run("reconcile", "--start", "2026-09-14", "--end", "2026-09-18", "--repair")

    assert ran.code == 2
    assert "--yes" in ran.err


def test_drift_is_remembered(week):
    """What was found and not repaired shows among the entries, until it is repaired."""
    id_ = week.pick()
    lengthen(week, id_)
    week.reconcile(code=3)

    (shown,) = week.run("entries", "--state", "drifted")["entries"]
    assert shown["entry_id"] == id_
    assert "edited in Clockify" in shown["detail"]
    week.reconcile("--repair", "--yes", code=0)
    assert week.run("entries", "--state", "drifted")["entries"] == []


def test_the_terminal_shows_what_differs(week):
    """The difference, and the totals of all sides."""
    id_ = week.pick()
    lengthen(week, id_)
    ran = week.house.run("reconcile", "--start", "2026-09-14", "--end", "2026-09-18")

    assert "1 changed in Clockify" in ran.out
    assert "QuickBooks" in ran.out


def test_invoiced_entries_are_marked_in_clockify(week):
    """Those that QuickBooks has on an invoice, and no others."""
    id_ = week.pick()
    week.people.invoice(week.activity(id_)["CustomerRef"]["value"], week.activity_id(id_))

    week.reconcile("--mark-invoiced", "--yes", code=0)

    marked = {id_ for id_, one in week.house.clockify.entries.items() if one.get("invoiced")}
    assert marked == {id_}


def test_the_document_is_what_was_promised(week):
    """The members of INTERFACE, as JSON."""
    lengthen(week, week.pick())
    found = week.reconcile()

    assert {"run_id", "dry_run", "start", "end", "counts", "entries", "totals"} <= set(found)
    promised = {
        "entry_id", "time_activity_id", "verdict", "blocked", "detail", "date", "minutes", "user",
        "project", "differs", "repair",
    }  # fmt: skip
    assert promised <= set(found["entries"][0])
    assert set(found["totals"]["minutes"]) == {"clockify", "rounded", "ledger", "quickbooks"}
    json.dumps(found)
