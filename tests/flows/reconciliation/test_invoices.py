"""Invoices: named where they block a repair, and marked in Clockify when told."""

import json
from datetime import date

import pytest

from flows.cli.output import Output
from flows.reconcile import reconcile
from flows.review.review_changes import fingerprint


def invoice(week, id_, **members):
    return week.people.invoice(
        week.activity(id_)["CustomerRef"]["value"], week.activity_id(id_), **members
    )


def marked(week):
    return {id_ for id_, one in week.house.clockify.entries.items() if one.get("invoiced")}


def test_a_deleted_entry_stops_no_marks(week):
    """Entries that Clockify has are marked; those that it no longer has are left out."""
    one, gone, longer = week.pick(0), week.pick(1), week.pick(2)
    invoice(week, one)
    invoice(week, gone)
    del week.house.clockify.entries[gone]
    week.lengthen(longer)

    found = week.reconcile("--repair", "--mark-invoiced", "--yes", code=3)

    assert marked(week) == {one}
    assert week.found(found, longer)["repair"] == "updated"


def test_a_refused_mark_is_noted(week):
    """It stops no repair, and exit code 3 says that something was not done."""
    id_, longer = week.pick(0), week.pick(1)
    invoice(week, id_)
    week.lengthen(longer)
    week.house.clockify.faults.plan(
        "PATCH .*/time-entries/invoiced",
        "answer",
        status=403,
        body='{"message":"Access Denied","code":403}',
        content_type="application/json",
    )

    found = week.reconcile("--repair", "--mark-invoiced", "--yes", code=3)

    assert (found["left"], marked(week)) == ({}, set())
    assert any("may not be marked as invoiced" in note for note in found["notes"])
    assert week.found(found, longer)["repair"] == "updated"


@pytest.mark.parametrize(
    ("answer", "marks"), [("y\n", True), pytest.param("n\n", False, marks=pytest.mark.slow)]
)
def test_marks_alone_are_asked_for(week, monkeypatch, answer, marks):
    """At a terminal, also where nothing differs."""
    id_ = week.pick()
    invoice(week, id_)
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))

    days = ("--start", "2026-09-14", "--end", "2026-09-18")
    week.house.run("reconcile", *days, "--mark-invoiced", stdin=answer)

    assert marked(week) == ({id_} if marks else set())


def test_an_invoice_of_an_earlier_date_is_named(week):
    """An invoice may bear a date before the days that are compared."""
    id_ = week.pick()
    invoice(week, id_, TxnDate="2026-09-01", DocNumber="R-1")
    week.lengthen(id_)

    assert week.found(week.reconcile(), id_)["invoice"] == "R-1"


def test_an_invoice_of_unknown_time_is_named_too(week):
    """Time that did not come from here may be on an invoice of an earlier date as well."""
    like = week.activity(week.pick())
    names = ("TxnDate", "NameOf", "EmployeeRef", "CustomerRef", "BillableStatus", "HourlyRate")
    typed = week.people.type_time(**{name: like[name] for name in names}, Hours=1, Minutes=0)
    week.people.invoice(like["CustomerRef"]["value"], typed, TxnDate="2026-09-01", DocNumber="R-2")

    (row,) = week.reconcile(code=3)["entries"]

    assert (row["time_activity_id"], row["invoice"]) == (typed, "R-2")


def test_invoices_are_read_only_where_they_are_shown(week):
    """Billed time that agrees is not listed, so that only `--all` reads its invoice."""
    id_ = week.pick()
    invoice(week, id_, DocNumber="R-3")
    week.house.quickbooks.requests.clear()
    week.reconcile(code=0)
    few = len(week.house.quickbooks.requests)
    found = week.reconcile("--all", code=0)

    assert len(week.house.quickbooks.requests) == 2 * few + 1
    assert week.found(found, id_)["invoice"] == "R-3"


def test_invoices_that_cannot_be_read_stop_no_repair(week):
    """They name what stands in the way of some entries; others are repaired without them."""
    billed, longer = week.pick(0), week.pick(1)
    invoice(week, billed)
    week.lengthen(billed)
    week.lengthen(longer)
    fault = {"code": "5020", "Message": "Feature Not Supported", "Detail": "No invoices"}
    week.house.quickbooks.faults.plan(
        r"GET .*/query\?.*Invoice",
        "answer",
        times=9,
        status=400,
        content_type="application/json",
        body=json.dumps({"Fault": {"Error": [fault], "type": "ValidationFault"}}),
    )

    found = week.reconcile("--repair", "--yes", code=3)

    assert week.found(found, longer)["repair"] == "updated"
    assert any("could not be read" in note and "No invoices" in note for note in found["notes"])


@pytest.mark.parametrize(
    "lines",
    [
        None,
        [{"LinkedTxn": ["x"]}],
        *[pytest.param(lines, marks=pytest.mark.slow) for lines in (["x"], [{"LinkedTxn": None}])],
    ],
)
def test_an_invoice_of_another_shape_stops_nothing(week, lines):
    """It only names what is billed."""
    id_ = week.pick()
    invoice(week, id_)

    def edit(answer):
        for one in answer["QueryResponse"].get("Invoice", []):
            one["Line"] = lines
        return answer

    week.house.quickbooks.faults.plan("(GET|POST) .*/query", "edit", times=99, edit=edit)
    week.reconcile("--mark-invoiced", "--yes", code=0)

    assert marked(week) == {id_}


def test_a_run_that_is_reviewed_sets_no_mark_before_somebody_approves(week, monkeypatch):
    """Marks alone wait for a decision too, which is about exactly these entries."""
    one, other = week.pick(0), week.pick(1)
    invoice(week, one)
    for name, value in week.house.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(week.house.folder)
    days = {"start": date(2026, 9, 14), "end": date(2026, 9, 18)}

    state = reconcile.fn(**days, mark_invoiced=True, review=True)
    assert "A review waits on Prefect's page" in state.message  # it has none here

    assert marked(week) == set()
    planned = week.reconcile("--mark-invoiced", "--dry-run")
    assert planned["marks"] == [one]
    seen, number = fingerprint(planned, repairs=False)
    assert number == 0
    invoice(week, other)
    assert fingerprint(week.reconcile("--mark-invoiced", "--dry-run"), repairs=False)[0] != seen


def test_a_plan_names_entries_that_went_from_a_file_as_the_run_does(week, export):
    """Or what somebody approves would be another plan."""
    id_ = week.track()
    file = export(week.house, entries=[week.entry(id_)])
    imported = week.run("import", str(file), "--yes", "--not-in-books", code=0)
    (row,) = [one for one in imported["entries"] if one["state"] == "sent"]
    customer = week.books[row["time_activity_id"]]["CustomerRef"]["value"]
    week.people.invoice(customer, row["time_activity_id"])

    planned = week.reconcile("--mark-invoiced", "--dry-run")
    done = week.reconcile("--mark-invoiced", "--yes", code=0)

    assert planned["marks"] == done["marks"] == [id_]
    assert fingerprint(planned, repairs=True) == fingerprint(done, repairs=True)
    assert marked(week) == {id_}
