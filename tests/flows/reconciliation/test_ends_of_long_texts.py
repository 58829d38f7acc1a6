"""Texts that differ behind their first thousand letters, of which QuickBooks has all."""

from copy import deepcopy

#: What Clockify takes: 3,000 characters.
LONG = "word " * 400


def test_an_update_that_was_not_made_is_not_taken_for_made(week):
    """A change in doubt is done only if QuickBooks has what the update wrote, to its end.

    Otherwise the ledger says what QuickBooks does not have, and the next reconciliation says that
    somebody edited it there.
    """
    week.house.environment["CLOCKBOOKS_QBO_AT_WORK_S"] = "0.01"
    id_ = week.pick()
    week.entry(id_)["description"] = f"{LONG}before"
    week.reconcile("--repair", "--yes", code=0)
    week.entry(id_)["description"] = f"{LONG}after"
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", status=504, body="<html>")
    week.reconcile("--repair", "--yes", code=3)
    assert week.activity(id_)["Description"].endswith("before")  # nothing was done

    settled = week.run("settle")

    assert (settled["updated"], settled["unchanged"]) == ([], [id_])
    assert week.verdicts() == {id_: "changed_in_clockify"}


def test_time_with_another_text_is_not_adopted_as_equal(week):
    """Equal: person, customer, day, minutes, billable status, rate and description."""
    id_ = week.pick()
    day = week.sent[id_]["date"]
    week.entry(id_)["description"] = f"{LONG}the kitchen"
    week.reconcile("--repair", "--yes", code=0)
    row = deepcopy(week.activity(id_))
    week.run("recall", "--entry", id_, "--yes", code=0)
    names = ("TxnDate", "NameOf", "EmployeeRef", "VendorRef", "CustomerRef", "Hours", "Minutes",
             "BillableStatus", "HourlyRate", "ItemRef")  # fmt: skip
    typed = {name: row[name] for name in names if name in row}
    week.people.type_time(**typed, Description=f"{LONG}the bathroom, which is other work")

    found = week.run("adopt", "--start", day, "--end", day, "--yes")

    assert (found["counts"]["adopted"], found["counts"]["near"]) == (0, 1)
