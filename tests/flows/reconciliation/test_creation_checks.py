"""Nothing is created beside what somebody typed in again, and no deletion loses time."""

import json
from copy import deepcopy

import pytest

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")

#: What a person types in.
TYPED = ("TxnDate", "NameOf", "EmployeeRef", "VendorRef", "CustomerRef", "Hours", "Minutes",
         "BillableStatus", "HourlyRate", "Description", "ItemRef")  # fmt: skip


def type_again(week, id_):
    """Delete a TimeActivity in QuickBooks, and type the same in again."""
    old = deepcopy(week.activity(id_))
    week.people.delete_time(week.activity_id(id_))
    return week.people.type_time(**{name: old[name] for name in TYPED if name in old})


def another(week, id_, name):
    """Return an entry of another user or project."""
    return next(
        one
        for one in sorted(week.sent)
        if week.entry(one)[name] not in {None, week.entry(id_)[name]}
    )


def only(found, id_):
    (row,) = [row for row in found["entries"] if row["entry_id"] == id_]
    return row


def test_a_resend_does_not_book_beside_what_was_typed_again(week):
    """It is refused, and what its reason says to do brings all three sides together."""
    id_, number, day = week.pick(), len(week.books), week.sent[week.pick()]["date"]
    typed = type_again(week, id_)

    row = only(week.reconcile("--repair", "--resend", "--yes", code=3), id_)

    assert (row["repair"], len(week.books)) == ("refused", number)
    assert typed in row["detail"]
    assert f"clockbooks recall --entry {id_}" in row["detail"]
    week.run("recall", "--entry", id_, "--yes", code=0)
    assert f"clockbooks adopt --start {day} --end {day}" in row["detail"]
    assert week.run("adopt", "--start", day, "--end", day, "--yes")["counts"]["adopted"] == 1
    assert week.verdicts() == {}


def test_a_replacement_does_not_book_beside_what_was_typed_for_the_right_person(week):
    """Somebody put the time in for the right person, and left the wrong one's there."""
    id_ = week.pick()
    other = another(week, id_, "userId")
    theirs = week.activity(other)
    week.entry(id_)["userId"] = week.entry(other)["userId"]
    names = {
        name: theirs[name] for name in ("NameOf", "EmployeeRef", "VendorRef") if name in theirs
    }
    old = {name: week.activity(id_)[name] for name in TYPED if name in week.activity(id_)}
    week.people.type_time(**{name: old[name] for name in old if not name.endswith("eRef")} | names)
    before = deepcopy(week.books)

    row = only(week.reconcile("--repair", "--yes", code=3), id_)

    assert row["repair"] == "refused"
    assert week.books == before


def test_an_update_does_not_add_what_was_typed_beside(week):
    """Somebody put the hour that was added in Clockify there by hand; less time is no obstacle."""
    id_ = week.pick()
    week.lengthen(id_)
    old = {name: week.activity(id_)[name] for name in TYPED if name in week.activity(id_)}
    typed = week.people.type_time(**old | {"Hours": 1, "Minutes": 0})
    before = deepcopy(week.books)

    row = only(week.reconcile("--repair", "--yes", code=3), id_)

    assert (row["repair"], week.books) == ("refused", before)
    assert typed in row["detail"]
    week.people.edit_time(week.activity_id(id_), Hours=20)
    assert (
        only(week.reconcile("--repair", "--prefer", "clockify", "--yes", code=None), id_)["repair"]
        == "updated"
    )


def test_a_send_after_a_recall_does_not_book_beside_what_was_typed_again(week):
    """A day is looked at again once something that was sent for it is free."""
    id_, number = week.pick(), len(week.books)
    type_again(week, id_)

    week.run("recall", "--entry", id_, "--yes", code=0)
    held = week.run("send", *WEEK, "--yes", code=3)

    assert held["counts"]["rejected"] == {"maybe_in_books": 1}
    assert len(week.books) == number


@pytest.mark.parametrize("kind", ["user", pytest.param("project", marks=pytest.mark.slow)])
def test_nothing_is_deleted_for_somebody_inactive(week, kind):
    """QuickBooks may refuse to create it: so what is there stays, until somebody acts."""
    id_ = week.pick()
    other = another(week, id_, f"{kind}Id")
    reference = week.activity(other)
    named = "CustomerRef" if kind == "project" else f"{reference['NameOf']}Ref"
    lists = {"CustomerRef": "customers", "EmployeeRef": "employees", "VendorRef": "vendors"}
    listed = getattr(week.house.quickbooks, lists[named])
    row = listed[reference[named]["value"]]
    week.entry(id_)[f"{kind}Id"] = week.entry(other)[f"{kind}Id"]
    row["Active"] = False
    before = deepcopy(week.books)

    found = only(week.reconcile("--repair", "--yes", code=3), id_)

    assert found["repair"] == "refused"
    assert f"{row['DisplayName']} is inactive in QuickBooks" in found["detail"]
    assert week.books == before
    row["Active"] = True
    assert only(week.reconcile("--repair", "--yes", code=0), id_)["repair"] == "replaced"


@pytest.mark.parametrize("code", ["6240", pytest.param("6000", marks=pytest.mark.slow)])
def test_a_replacement_that_is_refused_puts_the_time_back(week, code):
    """QuickBooks has deleted the old one, and refuses the new one: the old time is made again."""
    id_, number = week.pick(), len(week.books)
    old = week.activity_id(id_)
    week.people.edit_time(old, ItemRef={"value": "2"})
    before = {name: week.activity(id_)[name] for name in TYPED if name in week.activity(id_)}
    week.entry(id_)["projectId"] = week.entry(another(week, id_, "projectId"))["projectId"]
    error = {"code": code, "Message": "No", "Detail": "Not today"}
    item = {"bId": "1", "Fault": {"Error": [error], "type": "ValidationFault"}}
    week.house.quickbooks.faults.plan(
        "POST .*/batch",
        "answer",
        skip=1,
        status=200,
        content_type="application/json",
        body=json.dumps({"BatchItemResponse": [item]}),
    )

    row = only(week.reconcile("--repair", "--yes", code=3), id_)

    assert row["repair"] == "refused"
    assert "Its time is in QuickBooks as it was before." in row["detail"]
    new = week.books[max(week.books, key=int)]
    assert len(week.books) == number
    assert {name: new[name] for name in TYPED if name in new} == before
    assert week.verdicts() == {id_: "changed_in_clockify"}
    assert only(week.reconcile("--repair", "--yes", code=0), id_)["repair"] == "replaced"
    assert week.verdicts() == {}
    assert week.run("audit", "verify", code=0)["is_valid"]


def test_the_time_of_merged_customers_agrees_once_the_project_is_linked_to_the_other(week):
    """What a reason says to do brings all three sides together.

    A bookkeeper has merged two customers: QuickBooks shows the time of one under the other, and the
    first one is inactive. The project was linked to the other, as the reason says.
    """
    id_ = week.pick()
    old = week.activity(id_)["CustomerRef"]["value"]
    customers = {row["CustomerRef"]["value"] for row in week.books.values() if "CustomerRef" in row}
    new = min(customers - {old})
    for row in list(week.books.values()):
        if row.get("CustomerRef", {}).get("value") == old:
            week.people.edit_time(row["Id"], CustomerRef={"value": new})
    week.house.quickbooks.customers[old]["Active"] = False
    found = week.reconcile("--repair", "--prefer", "clockify", "--yes", code=3)
    detail = only(found, id_)["detail"]
    assert "or link another one with `clockbooks link`; then repair" in detail
    for project in {week.entry(row["entry_id"])["projectId"] for row in found["entries"]}:
        assert week.house.run("link", "project", project, new).code == 0

    week.reconcile("--repair", "--yes", code=0)

    assert week.verdicts() == {}


@pytest.mark.parametrize("how", ["replaced", pytest.param("resent", marks=pytest.mark.slow)])
def test_nothing_is_made_anew_while_nobody_knows_whether_payroll_takes_it(week, how):
    """The company turned payroll on after the send: a replacement would only delete."""
    ids = [week.pick(number) for number in range(3)]
    for id_ in ids:
        week.people.delete_time(week.activity_id(id_)) if how == "resent" else week.move(id_)
    week.house.quickbooks.company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    before = deepcopy(week.books)

    found = week.reconcile("--repair", "--resend", "--yes", code=3)

    assert week.books == before
    assert {only(found, id_)["repair"] for id_ in ids} == {"refused"}
    assert all("QuickBooks Payroll" in only(found, id_)["detail"] for id_ in ids)
    week.house.quickbooks.switches.payroll_code = None
    week.track()
    week.send(code=0)
    found = week.reconcile("--repair", "--resend", "--yes", code=0)
    assert {only(found, id_)["repair"] for id_ in ids} == {how}


def test_a_company_whose_payroll_is_forbidden_is_compared_all_the_same(week):
    """Nothing new goes there, and what was sent can be corrected."""
    week.house.quickbooks.company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    week.house.environment["CLOCKBOOKS_ALLOW_PAYROLL"] = "false"
    moved, longer = week.pick(0), week.pick(1)
    week.move(moved)
    week.lengthen(longer)

    found = week.reconcile("--repair", "--yes", code=3)

    assert only(found, longer)["repair"] == "updated"
    assert only(found, moved)["repair"] == "refused"
    assert "forbids" in only(found, moved)["detail"]
