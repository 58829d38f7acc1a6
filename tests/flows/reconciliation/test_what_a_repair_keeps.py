"""What a repair writes, and what of QuickBooks' own it leaves as it is."""

import pytest

LONG = "word " * 399 + "word"


def test_an_amount_keeps_its_digits(week):
    """A cost rate with a fraction, which QuickBooks keeps, is written back as it is."""
    id_, other = week.pick(0), week.pick(1)
    week.people.edit_time(week.activity_id(id_), CostRate=12.5)
    week.lengthen(id_)
    week.lengthen(other)

    week.reconcile("--repair", "--yes", code=0)

    assert week.activity(id_)["CostRate"] == 12.5
    assert week.verdicts() == {}


def test_a_start_and_an_end_of_a_person_stay(week):
    """Where somebody said the same length by a start and an end, an update leaves it so."""
    id_ = week.pick()
    day, minutes = week.sent[id_]["date"], week.sent[id_]["minutes"]
    times = {
        "StartTime": f"{day}T08:00:00-05:00",
        "EndTime": f"{day}T{8 + minutes // 60:02}:{minutes % 60:02}:00-05:00",
    }
    week.people.edit_time(week.activity_id(id_), Hours=None, Minutes=None, **times)
    week.entry(id_)["description"] = "Other words"

    week.reconcile("--repair", "--yes", code=0)

    assert week.activity(id_)["Description"] == "Other words"
    assert {name: week.activity(id_)[name] for name in times} == times
    week.people.edit_time(week.activity_id(id_), StartTime=None, EndTime=None, Hours=20, Minutes=0)
    week.reconcile("--repair", "--prefer", "clockify", "--yes", code=0)
    assert week.verdicts() == {}


def test_another_length_takes_the_place_of_a_start_and_an_end(week):
    """Hours never stand beside a start and an end (FACTS, QBO, 1.4)."""
    id_ = week.pick()
    times = {"StartTime": "2026-09-14T08:00:00-05:00", "EndTime": "2026-09-14T09:00:00-05:00"}
    week.people.edit_time(week.activity_id(id_), Hours=None, Minutes=None, **times)

    week.reconcile("--repair", "--prefer", "clockify", "--yes", code=0)

    assert not times.keys() & week.activity(id_).keys()
    assert week.verdicts() == {}


#: Of the scenario's entries, those that the tests keep; see `Week`.
KEPT = slice(2, None, 4)


@pytest.mark.slow
def test_an_edit_at_the_end_of_a_long_description_is_theirs(synced, make_week):
    """Descriptions are compared whole where QuickBooks has them whole."""
    id_ = min(
        id_
        for id_ in sorted(synced.clockify.entries)[KEPT]
        for one in [synced.clockify.entries[id_]]
        if one["start"].startswith("2026-09-15") and one["billable"]
    )
    synced.clockify.entries[id_]["description"] = LONG
    week = make_week()
    theirs = f"{LONG} and what the customer agreed to"
    week.people.edit_time(week.activity_id(id_), Description=theirs)
    week.lengthen(id_)

    assert week.verdicts() == {id_: "changed_in_both"}
    week.reconcile("--repair", "--yes", code=3)
    refused = week.run("recall", "--entry", id_, "--yes", code=3)["counts"]["refused"]

    assert week.activity(id_)["Description"] == theirs
    assert refused == {"changed_in_quickbooks": 1}


def test_a_replacement_costs_what_its_person_costs(week):
    """What an hour costs, and how it is paid, belongs to a person, not to the work."""
    id_ = week.pick()
    number = len(week.books)
    own = {"CostRate": 12.5, "PayrollItemRef": {"value": "8"}}
    week.people.edit_time(week.activity_id(id_), **own)
    users = {week.entry(one)["userId"] for one in week.sent}
    week.entry(id_)["userId"] = min(users - {week.entry(id_)["userId"]})

    week.reconcile("--repair", "--yes", code=0)

    assert len(week.books) == number
    newest = max(week.books.values(), key=lambda one: int(one["Id"]))
    assert not own.keys() & newest.keys()


STRANGE = {
    "Hours": None,
    "Minutes": None,
    "StartTime": "2026-09-15T08:00:00",
    "EndTime": "2026-09-15T10:00:00-07:00",
}


def test_a_length_that_cannot_be_read_counts_as_no_time(week):
    """It ends no reconciliation, known or unknown: it is noted, and a repair may write it anew."""
    id_ = week.pick()
    person = week.activity(id_)["EmployeeRef"]
    typed = week.people.type_time(
        TxnDate="2026-09-15", NameOf="Employee", EmployeeRef=person, Hours=2, Minutes=0
    )
    for one in (typed, week.activity_id(id_)):
        week.people.edit_time(one, **STRANGE)

    found = week.reconcile(code=3)

    assert [row["minutes"] for row in found["entries"] if row["entry_id"] is None] == [None]
    assert week.found(found, id_)["differs"]["minutes"]["quickbooks"] is None
    (note,) = found["notes"]
    assert typed in note
    assert week.activity_id(id_) in note
    week.reconcile("--repair", "--entry", id_, "--yes", code=3)
    assert (
        week.activity(id_)["Hours"] * 60 + week.activity(id_)["Minutes"]
        == (week.sent[id_]["minutes"])
    )
    assert week.house.run("reconcile", "--start", "2026-09-14", "--end", "2026-09-18").code == 3
