"""Pay types of QuickBooks Payroll: learned, given by hand, and in the books, field by field."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")

#: A contractor of the demo: a vendor in QuickBooks.
CONTRACTOR = "64d0000000000000000000aa"


def set_payroll(house, *, on):
    """Turn payroll on or off in the company."""
    pairs = house.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": str(on).lower()})


def type_paid(house, employee, pay_type, **members):
    """Type in an hour with a pay type, on a day that nobody sends."""
    body = {"TxnDate": "2026-09-01", "NameOf": "Employee", "Hours": 1, "Minutes": 0}
    refs = {"EmployeeRef": {"value": employee}, "PayrollItemRef": {"value": pay_type}}
    return house.quickbooks.people.type_time(**body, **refs, **members)


def done(house, *command, code=0):
    """Run a command; return its document."""
    ran = house.run(*command, "--json")
    assert ran.code == code, ran.err or ran.out
    return ran.document


def paid(house):
    """Return each entry's pay type in the books, by its entry; `None` without one."""
    rows = house.quickbooks.activities
    return {
        entry["entry_id"]: rows[entry["time_activity_id"]].get("PayrollItemRef", {}).get("value")
        for entry in done(house, "entries", "--state", "sent")["entries"]
    }


def reads_of_time(house):
    """Return how many TimeActivities each read of them gives, from now on."""
    seen = []

    def note(answer):
        seen.append(len(answer["QueryResponse"].get("TimeActivity", [])))
        return answer

    query = "GET .*/query.*TimeActivity.*"
    house.quickbooks.faults.plan(query, "edit", times=10**6, edit=note)
    return seen


@pytest.fixture
def payroll(week):
    """Return the small week, in a company whose payroll wants a pay type of all employees' time.

    Each employee has two, with ids of their own: Regular `1<id>` and Overtime `2<id>`.
    """
    set_payroll(week, on=True)
    week.quickbooks.switches.payroll_code = "2020"
    week.quickbooks.switches.payroll_takes_contractors = True
    for id_ in week.quickbooks.employees:
        week.quickbooks.pay_types[id_] = {f"1{id_}": "Regular", f"2{id_}": "Overtime"}
    return week


def people_of(house):
    """Return QuickBooks' id of the employee of each entry."""
    links = done(house, "links")["links"]
    linked = {row["clockify_id"]: row["qbo_id"] for row in links if row["qbo_kind"] == "employee"}
    return {id_: linked[entry["userId"]] for id_, entry in house.clockify.entries.items()}


def test_pay_types_land_in_the_books(payroll, send_day):
    """Learned or by hand, each employee's own id; a contractor's time gets none."""
    people = people_of(payroll)
    learned, by_hand, *others = sorted(set(people.values()))
    for id_ in (learned, *others):
        type_paid(payroll, id_, f"1{id_}")
        type_paid(payroll, id_, f"2{id_}")
    tagged, contractors, *_ = sorted(id_ for id_ in people if people[id_] != by_hand)
    for id_, entry in payroll.clockify.entries.items():
        entry["tagIds"] = ["f" * 24] if id_ == tagged else []
    payroll.clockify.tags["f" * 24] = {"id": "f" * 24, "name": "overtime"}
    payroll.clockify.entries[contractors]["userId"] = CONTRACTOR
    done(payroll, "rules", "add", "--pay-type", "Regular")
    added = done(payroll, "rules", "add", "--pay-type", "Overtime", "--tag", "overtime")
    assert [(row["gives"], row["name"], row["qbo_id"]) for row in added["rules"]] == [
        ("pay_type", "Overtime", None),
        ("pay_type", "Regular", None),
    ]
    linked = len(payroll.quickbooks.employees)
    assert any("'Overtime' is known for" in note for note in added["notes"]), linked

    rejected = send_day(payroll).document

    theirs = {id_ for id_ in people if people[id_] == by_hand}
    assert rejected["counts"]["rejected"] == {"class_required": len(theirs)}
    detail = next(row["detail"] for row in rejected["entries"] if row["reason"])
    assert "Rule 2 gives the pay type 'Regular', whose id is not known for" in detail
    assert f"clockbooks pay-types set {by_hand} Regular ID" in detail

    name = payroll.quickbooks.employees[by_hand]["DisplayName"]
    shown = done(payroll, "pay-types", "set", name, " Regular ", f"1{by_hand}")["pay_types"]
    assert {
        "qbo_id": by_hand,
        "employee": name,
        "name": "Regular",
        "pay_type_id": f"1{by_hand}",
        "origin": "by_hand",
    } in shown
    assert send_day(payroll).code == 0
    expected = {id_: f"1{person}" for id_, person in people.items()}
    expected |= {tagged: f"2{people[tagged]}", contractors: None}
    assert paid(payroll) == expected
    vendors = [row for row in payroll.quickbooks.activities.values() if row["NameOf"] == "Vendor"]
    assert len(vendors) == 1


def test_what_is_learned_is_read_once(payroll):
    """A sync reads time only where a rule gives a pay type and the company has payroll."""
    first, second, *_ = sorted(payroll.quickbooks.employees)
    for days, id_ in ((10, f"1{first}"), (100, f"2{first}")):
        row = payroll.quickbooks.activities[type_paid(payroll, first, id_)]
        long_ago = datetime.now(UTC) - timedelta(days=days)
        row["MetaData"] |= {"LastUpdatedTime": long_ago.isoformat(timespec="seconds")}
    asked = reads_of_time(payroll)
    done(payroll, "sync")
    assert not asked
    set_payroll(payroll, on=False)
    added = done(payroll, "rules", "add", "--pay-type", "Regular")
    assert any("the company has no QuickBooks Payroll" in note for note in added["notes"])
    done(payroll, "sync")
    assert not asked
    assert done(payroll, "pay-types")["pay_types"] == []
    set_payroll(payroll, on=True)

    notes = done(payroll, "sync")["notes"]
    assert any("pay types of employees were found in QuickBooks: 1." in note for note in notes)
    type_paid(payroll, second, f"2{second}")
    done(payroll, "sync")
    done(payroll, "sync", "--dry-run")
    assert asked == [1, 1]

    known = done(payroll, "pay-types")["pay_types"]
    members = ("qbo_id", "name", "pay_type_id", "origin")
    assert {tuple(row[name] for name in members) for row in known} == {
        (first, "Regular", f"1{first}", "learned"),
        (second, "Overtime", f"2{second}", "learned"),
    }


@pytest.mark.slow
def test_answers_without_names(payroll, send_day):
    """The ids are learned all the same, and a person says what they are called."""
    payroll.quickbooks.switches.names_pay_types = False
    people = people_of(payroll)
    for id_ in sorted(set(people.values())):
        type_paid(payroll, id_, f"1{id_}")
    added = done(payroll, "rules", "add", "--pay-type", "Regular")
    assert any("'Regular' is known for 0 of" in note for note in added["notes"])

    refused = send_day(payroll).document

    assert refused["counts"]["rejected"] == {"class_required": 9}
    for row in refused["entries"]:
        assert f"Known for them: id 1{people[row['entry_id']]}." in row["detail"]
    for id_ in set(people.values()):
        done(payroll, "pay-types", "set", id_, "Regular", f"1{id_}")
    assert send_day(payroll).document["counts"]["sent"] == 9
    assert paid(payroll) == {id_: f"1{person}" for id_, person in people.items()}


def test_what_is_said_by_hand_is_checked(payroll):
    """Somebody who is linked as an employee, an id, and a name that is known."""
    id_ = next(iter(set(people_of(payroll).values())))
    vendor = payroll.clockify.users[CONTRACTOR]["name"]
    for command, words in (
        (("set", "Nobody", "Regular", "1"), "No linked employee has the id or name 'Nobody'"),
        (("set", vendor, "Regular", "1"), "is a contractor"),
        (("set", id_, "Regular", "no id"), "is no id of a pay type"),
        (("set", id_, " ", "1"), "A pay type has a name"),
        (("remove", id_, "Regular"), "No pay type 'Regular' is known for"),
    ):
        assert words in done(payroll, "pay-types", *command, code=1)["error"]["message"]
    done(payroll, "pay-types", "set", id_, "Regular", "1")
    done(payroll, "pay-types", "set", id_, "Regular", "2")
    [row] = done(payroll, "pay-types", "set", id_, "Night", "3")["pay_types"][1:]
    assert (row["name"], row["pay_type_id"]) == ("Regular", "2")
    left = done(payroll, "pay-types", "remove", id_, "Regular")["pay_types"]
    assert [row["name"] for row in left] == ["Night"]
    assert done(payroll, "pay-types", "remove", id_, "3")["pay_types"] == []


# --- what QuickBooks answers ---------------------------------------------------------------------


def test_a_company_that_wants_pay_types(payroll, send_day):
    """Plain time goes alone and is refused; with pay types one goes alone, and then the rest."""
    people = people_of(payroll)
    first = send_day(payroll).document
    assert first["counts"]["rejected"] == {"qbo_refused": 1, "not_attempted": 8}
    assert "clockbooks rules add --pay-type NAME" in first["stopped"]
    wanted = ("configure", "--set", "required_on_time=pay type")
    assert payroll.run(*wanted).code == 0
    for id_ in set(people.values()):
        done(payroll, "pay-types", "set", id_, "Regular", f"1{id_}")

    nothing = send_day(payroll).document
    assert nothing["counts"]["rejected"] == {"class_required": 9}
    [detail] = {row["detail"] for row in nothing["entries"]}
    assert "wants the pay type of all time" in detail
    assert "clockbooks rules add --pay-type NAME" in detail
    done(payroll, "rules", "add", "--pay-type", "Regular")
    sizes = []
    payroll.quickbooks.faults.plan(
        "POST .*/batch",
        "edit",
        times=10**6,
        edit=lambda one: sizes.append(len(one["BatchItemResponse"])) or one,
    )
    assert send_day(payroll).document["counts"]["sent"] == 9
    assert sizes == [1, 3, 3, 2]
    checks = done(payroll, "check")["checks"]
    found = next(row["found"] for row in checks if row["name"] == "Payroll")
    assert "took time with a pay type there" in found


@pytest.mark.slow
@pytest.mark.parametrize("refuses", [True, False])
def test_another_id_than_the_employees(payroll, send_day, refuses):
    """QuickBooks' words are told, if it refuses; the company's other time goes."""
    payroll.quickbooks.switches.refuses_foreign_pay_types = refuses
    people = people_of(payroll)
    wrong, *others = sorted(set(people.values()))
    done(payroll, "rules", "add", "--pay-type", "Regular")
    for id_ in others:
        done(payroll, "pay-types", "set", id_, "Regular", f"1{id_}")
    done(payroll, "pay-types", "set", wrong, "Regular", f"1{others[0]}")

    sent = send_day(payroll).document

    theirs = Counter(people.values())[wrong]
    assert sent["counts"]["rejected"] == ({"qbo_refused": theirs} if refuses else {})
    if refuses:
        done(payroll, "pay-types", "set", wrong, "Regular", f"1{wrong}")
        assert send_day(payroll).document["counts"]["sent"] == theirs
        assert paid(payroll) == {id_: f"1{person}" for id_, person in people.items()}


# --- after the send ------------------------------------------------------------------------------


def same(one, other):
    """Whether two entries are of one project."""
    return one["projectId"] == other["projectId"]


def test_what_quickbooks_fills_in_is_no_edit(payroll, send_day):
    """Sent without a pay type and given one there: nothing differs, and a repair keeps it."""
    payroll.quickbooks.switches.payroll_code = None
    payroll.quickbooks.switches.fills_pay_types = True
    people = people_of(payroll)
    assert send_day(payroll).code == 0
    filled = {id_: f"1{person}" for id_, person in people.items()}
    assert paid(payroll) == filled

    assert done(payroll, "reconcile", *DAY)["counts"] == {"agrees": 9}
    entries = payroll.clockify.entries
    moved = max(entries)  # to another customer: it is deleted and made anew
    other = next(one["projectId"] for one in entries.values() if not same(one, entries[moved]))
    entries[moved]["projectId"] = other
    sent = set(payroll.quickbooks.activities)
    done(payroll, "reconcile", *DAY, "--repair", "--yes")
    assert len(sent - set(payroll.quickbooks.activities)) == 1
    for entry in entries.values():
        entry["description"] = "Corrected"
    done(payroll, "reconcile", *DAY, "--repair", "--yes")

    assert paid(payroll) == filled
    rows = payroll.quickbooks.activities.values()
    assert {row["Description"] for row in rows} == {"Corrected"}


def test_time_that_becomes_another_employees(payroll, send_day):
    """It gets that one's own id of the pay type; what somebody else deleted comes back with it."""
    people = people_of(payroll)
    done(payroll, "rules", "add", "--pay-type", "Overtime")
    for id_ in set(people.values()):
        done(payroll, "pay-types", "set", id_, "Overtime", f"2{id_}")
    assert send_day(payroll).code == 0
    before = paid(payroll)
    done(payroll, "rules", "remove", "1")
    assert done(payroll, "reconcile", *DAY)["counts"] == {"agrees": 9}
    moved, gone = (
        next(id_ for id_ in sorted(people) if people[id_] == person)
        for person in sorted(set(people.values()))[:2]
    )
    entries = payroll.clockify.entries
    sent = done(payroll, "entries", "--state", "sent")["entries"]
    activity = {row["entry_id"]: row["time_activity_id"] for row in sent}
    payroll.quickbooks.people.delete_time(activity[gone])
    entries[moved]["userId"], entries[gone]["userId"] = (
        entries[gone]["userId"],
        entries[moved]["userId"],
    )

    done(payroll, "reconcile", *DAY, "--repair", "--resend", "--yes")

    after = people_of(payroll)
    assert paid(payroll) == before | {id_: f"2{after[id_]}" for id_ in (moved, gone)}
    assert after[moved] != people[moved]


# --- rules ---------------------------------------------------------------------------------------


def test_rules_of_pay_types_go_in_and_out_and_are_explained(payroll):
    """In a file like all others; an entry is told its own employee's id, or why it gets none."""
    people = people_of(payroll)
    entry_id = min(people)
    done(payroll, "pay-types", "set", people[entry_id], "Over time", "77")
    (payroll.folder / "rules.yaml").write_text(
        "- {pay_type: Over time, billable: true}\n- {pay_type: Regular}\n"
    )
    payroll.clockify.entries[entry_id]["billable"] = True
    read = done(payroll, "rules", "--file", "rules.yaml")
    assert payroll.run("rules", "export", "--file", "out.yaml").code == 0
    assert "- pay_type: Over time\n  billable: true" in (payroll.folder / "out.yaml").read_text()
    assert done(payroll, "rules", "--file", "out.yaml")["rules"] == read["rules"]
    twice = done(payroll, "rules", "add", "--pay-type", "Other", "--at", "3", code=1)
    assert "gives every entry its pay type" in twice["error"]["message"]
    assert payroll.run("rules", "add", "--pay-type", "A", "--item", "B").code == 2

    told = done(payroll, "rules", "--explain", entry_id)
    assert told["decided"] == [
        {
            "gives": "pay_type",
            "number": 1,
            "name": "Over time",
            "qbo_id": "77",
            "detail": None,
            "is_sent": True,
        }
    ]
    payroll.clockify.entries[entry_id]["billable"] = False
    [decided] = done(payroll, "rules", "--explain", entry_id)["decided"]
    assert (decided["number"], decided["qbo_id"], decided["is_sent"]) == (2, None, False)
    assert "is not known for" in decided["detail"]
    payroll.clockify.entries[entry_id]["userId"] = CONTRACTOR
    [decided] = done(payroll, "rules", "--explain", entry_id)["decided"]
    assert (decided["is_sent"], "not an employee's" in decided["detail"]) == (False, True)
    shown = payroll.run("rules").out
    assert "pay type" in shown
    checks = done(payroll, "check")["checks"]
    line = next(row for row in checks if row["name"] == "Rules")
    assert "The id of the pay type 'Regular' is known for 0 of" in line["to_do"]
    assert "'Over time'" not in line["to_do"].replace("Known are 'Over time'", "")


def test_each_part_of_an_entry_gets_its_pay_type(payroll, send_day):
    """What is booked on two days is paid alike on both."""
    people = people_of(payroll)
    entry_id, *others = sorted(payroll.clockify.entries)
    for id_ in others:
        del payroll.clockify.entries[id_]
    night = {"start": "2026-09-23T03:00:00Z", "end": "2026-09-23T07:00:00Z"}  # until 2 in Chicago
    payroll.clockify.entries[entry_id] |= night
    done(payroll, "pay-types", "set", people[entry_id], "Overtime", "77")
    payroll.quickbooks.switches.refuses_foreign_pay_types = False
    done(payroll, "rules", "add", "--pay-type", "Overtime")

    sent = send_day(payroll, CLOCKBOOKS_SPLIT="midnight").document

    assert sent["counts"]["sent"] == 2
    assert paid(payroll) == {entry_id: "77", f"{entry_id}/2": "77"}
