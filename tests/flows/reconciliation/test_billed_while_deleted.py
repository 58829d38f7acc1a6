"""Time that comes onto an invoice between our last look and its deletion."""

import pytest

BY_ID = r"GET .*/query\?.*Id(%20|\+)IN"


@pytest.mark.parametrize("how", ["recall", "repair"])
def test_a_deletion_of_billed_time_is_told(week, how):
    """Where QuickBooks lets billed time be deleted, somebody has to look at the invoice.

    The time of an update that came onto an invoice meanwhile is named; so is that of a deletion.
    """
    week.house.quickbooks.switches.billed_can_be_deleted = True
    id_ = week.pick()
    customer = week.activity(id_)["CustomerRef"]["value"]

    def bill(answer):
        week.people.invoice(customer, week.activity_id(id_), DocNumber="R-77")
        return answer

    if how == "recall":
        week.house.quickbooks.faults.plan(BY_ID, "edit", skip=1, edit=bill)
        found = week.run("recall", "--entry", id_, "--yes")
    else:
        del week.house.clockify.entries[id_]
        week.house.quickbooks.faults.plan(BY_ID, "edit", edit=bill)
        found = week.reconcile("--repair", "--yes")

    assert week.activity(id_) is None
    assert any(id_ in note and "Invoice R-77" in note for note in found["notes"])
