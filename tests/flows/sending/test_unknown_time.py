"""Entries are held back where QuickBooks has time of the same person and day that nobody knows."""

import pytest

from connectors.standins.quickbooks import query
from flows.cli.output import Output

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


@pytest.fixture
def week(week, in_this_process):  # noqa: ARG001 - lets the commands run here
    """Return a connected house with nine entries of one day."""
    return week


@pytest.fixture
def asked(monkeypatch):
    """Return the queries for TimeActivities, but for those of settling, from now on."""
    seen = []
    parse = query.parse

    def noting(text, **options):
        if "FROM TimeActivity" in text and "CreateTime" not in text:
            seen.append(text)
        return parse(text, **options)

    monkeypatch.setattr(query, "parse", noting)
    return seen


@pytest.fixture
def foreign(week):
    """Return the TimeActivity that somebody booked by hand for a person of the day."""
    return book(week, person(week))


def person(house):
    """Return the employee who has the first of the entries."""
    entry = house.clockify.entries[min(house.clockify.entries)]
    name = house.clockify.users[entry["userId"]]["name"]
    return next(
        row["Id"] for row in house.quickbooks.employees.values() if row["DisplayName"] == name
    )


def own(house):
    """Return the ids of that person's entries."""
    user = house.clockify.entries[min(house.clockify.entries)]["userId"]
    return {id_ for id_, entry in house.clockify.entries.items() if entry["userId"] == user}


def book(house, employee, day="2026-09-22", **more):
    """Book an hour and a half by hand, and return its id."""
    row = {"TxnDate": day, "NameOf": "Employee", "EmployeeRef": {"value": employee}}
    row |= {"Hours": 1, "Minutes": 30, "Description": "Trade fair"}
    return house.quickbooks.books.activities.create(row | more)["Id"]


def held(ran):
    """Return the entries that were held back, with what was said of each."""
    entries = ran.document["entries"]
    return {e["entry_id"]: e["detail"] for e in entries if e["reason"] == "maybe_in_books"}


def test_entries_of_that_person_and_day_alone_are_held_back(week, foreign, send_day):
    """The others go; the sentence names the TimeActivity, and its length."""
    ran = send_day(week)

    assert ran.code == 3
    assert set(held(ran)) == own(week)
    assert ran.document["counts"]["sent"] == 9 - len(own(week))
    for detail in held(ran).values():
        assert "1 h 30 min of this person on 2026-09-22" in detail
        assert f"TimeActivity {foreign}." in detail


def test_only_days_of_which_something_would_go_are_read(week, send_day, asked):
    """The day of new time is read, and none where there is nothing new."""
    assert send_day(week).code == 0
    asked.clear()
    assert send_day(week).code == 0
    assert asked == []
    entry = week.clockify.entries[min(week.clockify.entries)]
    week.clockify.entries["f" * 24] = entry | {"id": "f" * 24}
    days = ("--start", "2026-09-21", "--end", "2026-09-23")
    assert week.run("send", *days, "--yes", "--json").document["counts"]["sent"] == 1
    assert len(asked) == 2  # the list, and whether it moved while it was read
    assert all("TxnDate >= '2026-09-22' AND TxnDate <= '2026-09-22'" in text for text in asked)


def test_a_dry_run_says_the_same_and_leaves_no_trace(week, foreign, send_day, rows_of):  # noqa: ARG001 - it is in the books
    """It looks, and writes nothing down."""
    ran = week.run("send", *DAY, "--dry-run", "--json")

    assert set(held(ran)) == own(week)
    assert rows_of(week, "unknown_time") == []


def test_what_is_called_other_work_holds_nothing_back_again(week, foreign, send_day, rows_of):
    """With --not-in-books all go, and a later entry of the same person and day goes without it.

    Also where the day is looked at again.
    """
    assert send_day(week, "--not-in-books").document["counts"]["sent"] == 9
    (row,) = rows_of(week, "unknown_time")
    assert (row["time_activity_id"], row["is_other"]) == (foreign, 1)
    entry = week.clockify.entries[min(week.clockify.entries)]
    later = week.clockify.entries["f" * 24] = entry | {"id": "f" * 24, "rate": None}
    assert send_day(week).document["counts"]["rejected"] == {"billable_without_rate": 1}
    later["rate"] = entry["rate"]

    assert send_day(week).document["counts"]["sent"] == 1


@pytest.mark.slow
def test_only_what_is_sent_is_called_other_work(week, foreign, send_day, rows_of):
    """A plan that nobody executes says nothing about the books."""
    assert week.run("send", *DAY, "--dry-run", "--not-in-books", "--json").code == 0
    assert rows_of(week, "unknown_time") == []
    others = next(
        week.clockify.users[e["userId"]]["name"]
        for e in week.clockify.entries.values()
        if e["id"] not in own(week)
    )
    assert send_day(week, "--not-in-books", "--user", others).code == 0
    assert set(held(send_day(week))) == own(week)
    assert rows_of(week, "unknown_time")[0]["time_activity_id"] == foreign


@pytest.mark.slow
def test_what_was_moved_in_quickbooks_holds_nothing_back(week, foreign, send_day):
    """What counts is where it is now."""
    assert set(held(send_day(week))) == own(week)
    week.quickbooks.activities[foreign]["TxnDate"] = "2026-09-21"
    assert send_day(week).document["counts"]["sent"] == len(own(week))


@pytest.mark.slow
def test_a_deleted_one_is_forgotten(week, foreign, send_day, rows_of):
    """Once it is gone from QuickBooks the entries go, unless it was typed in anew."""
    assert set(held(send_day(week))) == own(week)
    del week.quickbooks.activities[foreign]
    anew = book(week, person(week))
    assert all(f"TimeActivity {anew}." in text for text in held(send_day(week)).values())
    del week.quickbooks.activities[anew]

    assert send_day(week).document["counts"]["sent"] == len(own(week))
    assert rows_of(week, "unknown_time") == []


def test_time_of_others_holds_nothing_back(week, send_day, rows_of):
    """Neither that of a person without entries, nor that of another day."""
    linked = {row["qbo_id"] for row in rows_of(week, "links") if row["qbo_kind"] == "employee"}
    book(week, next(id_ for id_ in week.quickbooks.employees if id_ not in linked))
    book(week, person(week), day="2026-09-23")

    assert send_day(week).document["counts"]["sent"] == 9


def test_rows_of_files_are_held_back_too(week, foreign, export):
    """An import asks the same question, and takes the same answer."""
    file = export(week)
    ran = week.run("import", str(file), "--yes", "--json")

    assert ran.document["counts"]["rejected"] == {"maybe_in_books": len(own(week))}
    assert all(foreign in detail for detail in held(ran).values())
    again = week.run("import", str(file), "--yes", "--json", "--not-in-books")
    assert again.document["counts"]["sent"] == len(own(week))


@pytest.mark.slow
def test_what_is_in_doubt_is_not_unknown(week, send_day, all_once):
    """QuickBooks has three entries whose answers were lost: a dry run and a send know of them."""
    week.quickbooks.faults.plan(r"POST .*/batch", kind="answer_after", status=504)
    assert send_day(week).document["counts"]["in_doubt"] == 3
    dry = week.run("send", *DAY, "--dry-run", "--json")
    assert dry.document["counts"]["rejected"] == {}

    assert send_day(week).document["counts"]["rejected"] == {}
    all_once(week)


@pytest.mark.slow
def test_time_with_a_start_and_an_end_has_its_length(week, send_day):
    """Such rows bear no hours and minutes; what counts is what lies between."""
    times = {"StartTime": "09:00:00", "EndTime": "17:00:00", "BreakHours": 1}
    row = {"TxnDate": "2026-09-22", "NameOf": "Employee", "EmployeeRef": {"value": person(week)}}
    week.quickbooks.books.activities.create(row | times)

    assert all("7 h 00 min of this person" in text for text in held(send_day(week)).values())


@pytest.fixture
def typed(week, reckon):
    """Return one billable entry of the day, and a way to type its very time into QuickBooks."""
    entry = next(e for e in week.clockify.entries.values() if e["billable"] and e["rate"])

    def type_in(**other):
        kind, who, customer, day, hours, minutes, status, rate, words = reckon(week, entry)
        row = {"NameOf": kind, f"{kind}Ref": {"value": who}, "CustomerRef": {"value": customer}}
        row |= {"TxnDate": day, "Hours": hours, "Minutes": minutes, "BillableStatus": status}
        row |= {"HourlyRate": rate, "Description": words}
        return week.quickbooks.books.activities.create(row | other)["Id"]

    return entry, type_in


def test_time_that_is_typed_in_late_is_not_booked_twice(week, send_day, export, typed):
    """However the day was read before: by an adoption, a rejected row of a file, or a send.

    The entry comes from Clockify or from a file, under one id or the other.
    """
    entry, type_in = typed
    rate, entry["rate"] = entry["rate"], None
    month = ("--start", "2026-09-01", "--end", "2026-09-30")
    assert week.run("adopt", *month, "--yes", "--json").code == 0
    file = export(week)
    counts = week.run("import", str(file), "--yes", "--json").document["counts"]
    assert counts["rejected"] == {"billable_without_rate": 1}
    entry["rate"] = rate
    type_in()

    assert set(held(send_day(week))) == {entry["id"]}
    again = week.run("import", str(export(week)), "--yes", "--json")
    assert again.document["counts"]["rejected"] == {"maybe_in_books": 1}


def test_time_that_is_typed_in_after_a_recall_is_not_booked_twice(week, send_day, export, typed):
    """It went from a file, was taken back, and comes from Clockify under another id."""
    entry, type_in = typed
    assert week.run("import", str(export(week)), "--yes", "--json").document["counts"]["sent"] == 9
    assert week.run("recall", *DAY, "--yes", "--json").code == 0
    other = next(e for e in week.clockify.entries.values() if e["userId"] != entry["userId"])
    name = week.clockify.users[other["userId"]]["name"]
    assert send_day(week, "--user", name).document["counts"]["sent"] > 0
    type_in()

    assert entry["id"] in held(send_day(week))


def test_what_was_typed_in_since_it_was_shown_is_not_called_other_work(week, send_day, typed):
    """--not-in-books means what the last run has named; what came since is shown first."""
    entry, type_in = typed
    first = type_in(Description="Something else")
    assert f"TimeActivity {first}." in held(send_day(week))[entry["id"]]
    second = type_in()
    assert f"TimeActivity {second}." in held(send_day(week, "--not-in-books"))[entry["id"]]

    week.quickbooks.people.delete_time(second)
    assert held(send_day(week, "--not-in-books")) == {}


@pytest.mark.slow
def test_what_no_run_has_shown_is_not_called_other_work_beside_what_was(week, foreign, send_day):  # noqa: ARG001 - it is in the books
    """A send of one person alone shows theirs; time of others is shown before it is other work."""
    mine = own(week)
    others = [one for one in week.clockify.entries.values() if one["id"] not in mine]
    name = week.clockify.users[week.clockify.entries[min(mine)]["userId"]]["name"]
    assert set(held(send_day(week, "--user", name))) == mine
    other = next(one for one in others if one["billable"])
    who = week.clockify.users[other["userId"]]["name"]
    book(week, next(r["Id"] for r in week.quickbooks.employees.values() if r["DisplayName"] == who))

    assert other["id"] in held(send_day(week, "--not-in-books"))
    assert held(send_day(week, "--not-in-books")) == {}


def test_other_work_that_became_something_else_is_unknown_again(week, send_day, typed):
    """Somebody moved it to another day in QuickBooks, or corrected its hours."""
    entry, type_in = typed
    other = type_in(Hours=7)
    assert held(send_day(week, "--not-in-books")) == {}
    week.clockify.entries["f" * 24] = entry | {"id": "f" * 24}
    week.quickbooks.people.edit_time(other, Hours=6)

    assert set(held(send_day(week))) == {"f" * 24}


def test_what_may_be_an_edited_entry_in_doubt_holds_others_back(week, typed):
    """Nobody knows whose it is: so it is neither's until somebody says so."""
    entry, type_in = typed
    doubtful = {**entry, "id": "e" * 24, "description": "Another thing"}
    doubtful |= {"start": "2026-09-22T20:00:00Z", "end": "2026-09-22T22:30:00Z"}
    rate, entry["rate"] = entry["rate"], None
    week.clockify.entries.clear()
    week.clockify.entries |= {one["id"]: one for one in (entry, doubtful)}
    week.quickbooks.faults.plan("POST .*/batch", "drop_before")
    assert week.run("send", *DAY, "--yes", "--json").document["counts"]["in_doubt"] == 1
    entry["rate"] = rate
    type_in()

    again = week.run("send", *DAY, "--yes", "--json")
    assert set(held(again)) == {entry["id"]}


def test_what_is_typed_in_while_somebody_looks_at_the_plan_ends_the_send(week, typed, monkeypatch):
    """The question was about other books: nothing goes, and the next plan shows why."""
    _, type_in = typed
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))
    monkeypatch.setattr(Output, "ask", lambda *_: bool(type_in()))
    ran = week.run("send", *DAY)

    assert ran.code == 1
    assert "somebody put time into QuickBooks that may be one of these entries" in ran.err
    assert len(week.quickbooks.activities) == 1


@pytest.mark.parametrize(
    "why",
    [
        "rejected",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("refused", "not_approved")),
    ],
)
def test_time_left_behind_that_somebody_typed_in_is_not_booked_twice(week, reckon, why):
    """Others of the day went, so the day was looked at before it was typed in."""
    id_ = min(own(week))
    entry = week.clockify.entries[id_]
    customer = week.quickbooks.customers[reckon(week, entry)[2]]
    rate = entry["rate"]
    if why == "rejected":
        entry["rate"] = None
    customer["Active"] = why != "refused"
    entry["approved"] = why != "not_approved"
    assert entry["billable"]
    sent = week.run("send", *DAY, "--yes", "--json", "--approved-only").document["counts"]["sent"]
    assert 0 < sent < 9

    book(week, person(week))
    entry["rate"], entry["approved"], customer["Active"] = rate, True, True
    again = week.run("send", *DAY, "--yes", "--json", "--retry-refused")

    assert id_ in held(again)
