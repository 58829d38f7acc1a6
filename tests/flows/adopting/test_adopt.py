"""Time that QuickBooks holds before the first send: adopted, shown, or held back; never doubled."""

import json
from collections import Counter
from copy import deepcopy

import pytest
from left_behind import leave_in, left_in

from flows.cli.output import Output

#: The nine entries of the week are of this day.
DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


@pytest.fixture
def week(week, in_this_process):  # noqa: ARG001 - lets the commands run here
    """Return a connected house with nine entries of one day."""
    return week


@pytest.fixture(scope="module")
def sent_once():
    """Return a list for what a send of the week left in both services."""
    return []


@pytest.fixture(scope="module")
def adopted_once():
    """Return a list for the document of an adoption, and for what it left."""
    return []


@pytest.fixture
def elsewhere(week, send_day, sent_once):
    """Return the week, its entries in the books, and no ledger that knows of it: it was lost."""
    if sent_once:
        leave_in(week, sent_once[0])
    else:
        kept = (week.folder / "clockbooks.db").read_bytes()
        assert send_day(week).code == 0
        for file in week.folder.glob("clockbooks.db*"):
            file.unlink()
        (week.folder / "clockbooks.db").write_bytes(kept)
        sent_once.append(left_in(week))
    assert len(week.quickbooks.activities) == 9
    return week


def adopt(house, *options):
    """Adopt the day's time without a terminal."""
    return house.run("adopt", *DAY, "--yes", "--json", *options)


@pytest.fixture
def adopted(elsewhere, adopted_once):
    """Return the document of an adoption of all that the books hold."""
    database = elsewhere.folder / "clockbooks.db"
    if not adopted_once:
        ran = adopt(elsewhere)
        assert ran.code == 0
        adopted_once.extend((ran.document, database.read_bytes(), left_in(elsewhere)))
    document, content, left = adopted_once
    database.write_bytes(content)
    leave_in(elsewhere, left)
    return deepcopy(document)


def activities(house):
    """Return the books' TimeActivities, in order."""
    return [house.quickbooks.activities[id_] for id_ in sorted(house.quickbooks.activities)]


def test_a_lost_database_leads_to_no_double(elsewhere, send_day, all_once):
    """The ledger is lost: what was sent is held back, adopted, and never goes again."""
    house, books = elsewhere, deepcopy(elsewhere.quickbooks.activities)
    held = send_day(house)

    assert held.code == 3
    assert held.document["counts"]["rejected"] == {"maybe_in_books": 9}
    assert house.quickbooks.activities == books

    adopted = adopt(house)
    assert adopted.code == 0, adopted.err
    document = adopted.document
    assert document["counts"] == {"adopted": 9, "near": 0, "unknown": 0}
    assert set(document) >= {"run_id", "dry_run", "counts", "adopted", "near", "unknown"}
    assert {one["entry_id"] for one in document["adopted"]} == set(house.clockify.entries)
    assert {one["time_activity_id"] for one in document["adopted"]} == set(books)

    again = send_day(house)
    assert again.code == 0
    assert again.document["counts"]["skipped"] == {"already_sent": 9}
    assert house.quickbooks.activities == books
    all_once(house)


def test_the_reason_names_the_time_and_what_to_do(elsewhere, send_day):
    """The sentence names the TimeActivities, the command that takes them over, and the option."""
    document = send_day(elsewhere).document

    for entry in document["entries"]:
        assert any(f" {id_}" in entry["detail"] for id_ in elsewhere.quickbooks.activities)
        assert "`clockbooks adopt --start 2026-09-22 --end 2026-09-22`" in entry["detail"]
        assert "`--not-in-books`" in entry["detail"]


def test_an_adoption_can_be_repeated(elsewhere, adopted, rows_of):
    """What was adopted is not looked at again, and stands in the ledger once."""
    assert len(adopted["adopted"]) == 9
    ledger = rows_of(elsewhere, "ledger")
    again = adopt(elsewhere)

    assert again.code == 0
    assert again.document["counts"] == {"adopted": 0, "near": 0, "unknown": 0}
    assert rows_of(elsewhere, "ledger") == ledger
    assert {(row["state"], row["proof"]) for row in ledger} == {("sent", "books")}


def test_a_dry_run_of_an_adoption_leaves_no_trace(elsewhere, rows_of):
    """It says what would be adopted, and writes nothing down."""
    ran = adopt(elsewhere, "--dry-run")

    assert ran.code == 0
    assert ran.document["dry_run"]
    assert ran.document["run_id"] is None
    assert ran.document["counts"]["adopted"] == 9
    for table in ("ledger", "runs", "batches", "unknown_time", "history"):
        assert rows_of(elsewhere, table) == []


@pytest.mark.usefixtures("adopted")
def test_the_history_tells_of_an_adoption(elsewhere, rows_of):
    """Each entry has an event of its own, with the TimeActivity and what it would have been."""
    told = {row["entry_id"]: row for row in rows_of(elsewhere, "history")}

    assert {row["event"] for row in told.values()} == {"adopted"}
    assert elsewhere.run("audit", "verify").code == 0
    for row in rows_of(elsewhere, "ledger"):
        assert told[row["entry_id"]]["time_activity_id"] == row["time_activity_id"]
        assert told[row["entry_id"]]["minutes"] == row["minutes"]


def after_the_list(house, act):
    """Let a person act once the day's time was read, as somebody does while a plan is shown."""

    def edit(answer):
        act()
        return answer

    house.quickbooks.faults.plan(r"GET .*/query\?.*TxnDate", "edit", skip=1, edit=edit)


def test_what_is_deleted_while_the_plan_is_read_is_not_adopted(elsewhere, send_day):
    """Nothing in the books would stand for the entry: the next send takes it."""
    gone = min(elsewhere.quickbooks.activities)
    after_the_list(elsewhere, lambda: elsewhere.quickbooks.people.delete_time(gone))

    ran = adopt(elsewhere)

    assert ran.document["counts"] == {"adopted": 8, "near": 0, "unknown": 0}
    assert send_day(elsewhere).document["counts"]["sent"] == 1
    assert len(elsewhere.quickbooks.activities) == 9


def test_what_is_edited_while_the_plan_is_read_is_not_adopted(elsewhere):
    """It is another one now: it is compared anew by the next adoption."""
    edited = min(elsewhere.quickbooks.activities)
    people = elsewhere.quickbooks.people
    after_the_list(elsewhere, lambda: people.edit_time(edited, Hours=1, Minutes=1))

    ran = adopt(elsewhere)

    assert ran.document["counts"] == {"adopted": 8, "near": 0, "unknown": 1}
    (unknown,) = ran.document["unknown"]
    assert (unknown["time_activity_id"], unknown["minutes"]) == (edited, 61)
    assert adopt(elsewhere).document["counts"] == {"adopted": 0, "near": 1, "unknown": 0}


@pytest.mark.usefixtures("adopted")
def test_an_adopted_entry_is_listed_as_sent(elsewhere):
    """`clockbooks entries` shows it with its TimeActivity."""
    found = elsewhere.run("entries", "--state", "sent", "--json").document["entries"]

    assert {one["time_activity_id"] for one in found} == set(elsewhere.quickbooks.activities)


def test_of_true_twins_as_many_are_adopted_as_the_books_hold(elsewhere, send_day, all_once):
    """Three equal entries and two equal rows: two are adopted, and the third goes."""
    house = elsewhere
    first, second, third = sorted(house.clockify.entries)[:3]
    one, other, gone = (row_of(house, id_) for id_ in (first, second, third))
    del house.quickbooks.activities[gone["Id"]]
    other |= one | {"Id": other["Id"]}
    for id_ in (second, third):
        house.clockify.entries[id_] = house.clockify.entries[first] | {"id": id_}
    document = adopt(house).document

    assert document["counts"] == {"adopted": 8, "near": 0, "unknown": 0}
    sent = send_day(house)
    assert sent.document["counts"]["sent"] == 1
    all_once(house)


def row_of(house, entry_id):
    """Return the TimeActivity of an entry, by its description."""
    text = house.clockify.entries[entry_id]["description"]
    return next(row for row in activities(house) if row.get("Description", "") == text)


def test_what_is_nearly_the_same_is_shown_and_never_guessed(elsewhere, send_day, rows_of):
    """Another text, length or rate: the difference is told, and without a terminal nothing more."""
    rows = [one for one in activities(elsewhere) if one["BillableStatus"] == "Billable"][:3]
    changes = ({"Description": "As billed"}, {"Minutes": 7}, {"HourlyRate": 12})
    fields = {}
    for row, change, field in zip(rows, changes, ("description", "minutes", "rate"), strict=True):
        row.update(change)
        fields[row["Id"]] = field
    ran = adopt(elsewhere)

    assert ran.code == 3
    assert ran.document["counts"] == {"adopted": 6, "near": 3, "unknown": 0}
    near = {one["time_activity_id"]: one for one in ran.document["near"]}
    assert {id_: set(one["differs"]) for id_, one in near.items()} == {
        id_: {field} for id_, field in fields.items()
    }
    told = {field: near[id_]["differs"][field] for id_, field in fields.items()}
    assert all(one["clockify"] != one["quickbooks"] for one in told.values())
    assert told["description"]["quickbooks"] == "As billed"
    assert told["rate"]["quickbooks"] == 12
    adopted = {one["entry_id"] for one in rows_of(elsewhere, "ledger")}
    assert not adopted & {one["entry_id"] for one in near.values()}
    held = send_day(elsewhere)
    assert held.document["counts"]["rejected"] == {"maybe_in_books": 3}
    assert len(elsewhere.quickbooks.activities) == 9


def test_the_length_of_both_is_told(elsewhere):
    """Rounded otherwise by another tool: both lengths, in minutes."""
    row = activities(elsewhere)[0]
    minutes = row["Hours"] * 60 + row["Minutes"]
    row |= {"Hours": 0, "Minutes": 7}
    near = adopt(elsewhere).document["near"]

    assert near[0]["differs"]["minutes"] == {"clockify": minutes, "quickbooks": 7}


def test_a_days_sum_in_one_row_is_shown_and_holds_its_entries_back(elsewhere, send_day):
    """Entries of a person and a day that add up to one row: none of them can be it, nor goes."""
    house = elsewhere
    rows = activities(house)
    person = Counter(person_of(row) for row in rows).most_common(1)[0][0]
    own = [row for row in rows if person_of(row) == person]
    total = sum(row["Hours"] * 60 + row["Minutes"] for row in own)
    assert len(own) > 1
    for row in own[1:]:
        del house.quickbooks.activities[row["Id"]]
    own[0] |= {"Hours": total // 60, "Minutes": total % 60, "Description": "All of it"}
    own[0].pop("CustomerRef", None)
    ran = adopt(house)

    assert ran.code == 3
    assert ran.document["counts"] == {"adopted": 9 - len(own), "near": len(own), "unknown": 0}
    for near in ran.document["near"]:
        assert near["time_activity_id"] == own[0]["Id"]
        assert near["differs"]["minutes"]["quickbooks"] == total
        assert len(near["sum_of"]) == len(own)
    held = send_day(house)
    assert held.document["counts"]["rejected"] == {"maybe_in_books": len(own)}
    assert len(house.quickbooks.activities) == 9 - len(own) + 1


def person_of(row):
    """Return who worked."""
    return json.dumps(row[f"{row['NameOf']}Ref"]["value"])


def test_everything_else_is_listed_as_unknown(week, send_day):
    """Time of linked people that is like no entry is listed, and ends the command with 3."""
    book(week, "2026-09-22", "Trade fair")
    for entry in list(week.clockify.entries.values()):
        if entry["userId"] == user_of(week):
            del week.clockify.entries[entry["id"]]
    ran = adopt(week)

    assert ran.code == 3
    (unknown,) = ran.document["unknown"]
    assert unknown["date"] == "2026-09-22"
    assert unknown["minutes"] == 90
    assert unknown["description"] == "Trade fair"
    assert send_day(week).code == 0, "others' entries are not held back by it"


def user_of(house):
    """Return Clockify's id of the person whom `book` books time for."""
    name = next(iter(house.quickbooks.employees.values()))["DisplayName"]
    return next((id_ for id_, one in house.clockify.users.items() if one["name"] == name), None)


def book(house, day, text, **more):
    """Book an hour and a half by hand, for the first employee."""
    employee = next(iter(house.quickbooks.employees))
    row = {
        "TxnDate": day,
        "NameOf": "Employee",
        "EmployeeRef": {"value": employee},
        "Hours": 1,
        "Minutes": 30,
        "Description": text,
    }
    return house.quickbooks.books.activities.create(row | more)["Id"]


# --- at a terminal --------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch):
    """Let the command believe that somebody is at a terminal."""
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))


def test_at_a_terminal_each_near_one_is_asked_about(elsewhere, terminal, rows_of):  # noqa: ARG001 - lets it ask
    """A yes makes it sent, as it would be sent: what differs stays visible; a no leaves it."""
    yes, no = activities(elsewhere)[:2]
    for row in (yes, no):
        row["Description"] = "As billed"
    near = adopt(elsewhere, "--dry-run").document["near"]
    told = [one["time_activity_id"] for one in near]
    assert sorted(told) == sorted([yes["Id"], no["Id"]])
    answers = {yes["Id"]: "y", no["Id"]: "n"}
    words = "y\n" + "".join(f"{answers[id_]}\n" for id_ in told)
    ran = elsewhere.run("adopt", *DAY, stdin=words)

    assert ran.code == 3
    assert "7 entries would be adopted, 2 nearly in QuickBooks." in ran.out
    assert "8 entries adopted, 1 nearly in QuickBooks." in ran.out
    ledger = {
        row["time_activity_id"]: json.loads(row["body"]) for row in rows_of(elsewhere, "ledger")
    }
    assert no["Id"] not in ledger
    assert ledger[yes["Id"]]["Description"] != "As billed"
    verdicts = elsewhere.run("reconcile", *DAY, "--json").document["entries"]
    drifted = {one["time_activity_id"]: one for one in verdicts}
    assert drifted[yes["Id"]]["verdict"] == "changed_in_quickbooks"
    assert set(drifted[yes["Id"]]["differs"]) == {"description"}
    assert drifted[no["Id"]]["verdict"] == "unknown_in_quickbooks"


def test_what_was_adopted_before_a_failed_read_is_told(elsewhere, terminal):  # noqa: ARG001 - lets it ask
    """QuickBooks cannot be read when somebody says yes to the near one: the equal ones stand."""
    activities(elsewhere)[0]["Description"] = "As billed"
    by_id = r"GET .*/query\?.*TimeActivity.*Id.{1,3}IN"
    elsewhere.quickbooks.faults.plan(by_id, "answer", status=403, skip=1, times=9)

    ran = elsewhere.run("adopt", *DAY, stdin="y\ny\n")

    assert ran.code == 3
    assert "8 entries adopted." in ran.out
    assert "Note: The run ended early" in ran.out
    elsewhere.quickbooks.faults.clear()
    assert adopt(elsewhere).document["counts"] == {"adopted": 0, "near": 1, "unknown": 0}


def test_a_no_adopts_nothing(elsewhere, terminal, rows_of):  # noqa: ARG001 - lets it ask
    """Return means no."""
    ran = elsewhere.run("adopt", *DAY, stdin="\n")

    assert "Nothing was adopted." in ran.out
    assert rows_of(elsewhere, "ledger") == []


def test_without_a_terminal_it_needs_a_word(week):
    """It never guesses whether it may."""
    assert week.run("adopt", *DAY).code == 2


@pytest.mark.parametrize("which", [pytest.param("run", marks=pytest.mark.slow), "days"])
def test_a_recall_deletes_no_time_that_was_only_adopted(elsewhere, adopted, which):
    """Of a run or of days goes what was sent; what was adopted goes only by its own id."""
    document, books = adopted, deepcopy(elsewhere.quickbooks.activities)

    chosen = ("--run", document["run_id"]) if which == "run" else DAY
    ran = elsewhere.run("recall", *chosen, "--yes")

    assert elsewhere.quickbooks.activities == books
    assert "9 entries stay in QuickBooks" in ran.err
    one = document["adopted"][0]
    assert elsewhere.run("recall", "--entry", one["entry_id"], "--yes").code == 0
    assert one["time_activity_id"] not in elsewhere.quickbooks.activities


def test_adopted_time_stays_after_its_history_ended(elsewhere, adopted, send_day, execute, rows_of):
    """The history that tells of an adoption is dropped: a recall of days spares it all the same.

    Once it was taken back and sent from here, it goes like anything that was.
    """
    first = adopted["adopted"][0]
    execute(elsewhere, "UPDATE history SET at = '2024-01-01 00:00:00.000000'")
    send_day(elsewhere, CLOCKBOOKS_HISTORY_YEARS="1")
    assert rows_of(elsewhere, "history") == []

    assert elsewhere.run("recall", *DAY, "--yes").code == 1
    assert len(elsewhere.quickbooks.activities) == 9
    assert elsewhere.run("recall", "--entry", first["entry_id"], "--yes").code == 0
    assert send_day(elsewhere).document["counts"]["sent"] == 1
    assert elsewhere.run("recall", *DAY, "--yes").code == 0
    assert len(elsewhere.quickbooks.activities) == 8
