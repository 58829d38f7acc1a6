"""What people do in QuickBooks while a repair or recall is under way."""

from copy import deepcopy

import pytest

BY_ID = r"GET .*/query\?.*Id(%20|\+)IN"
BY_DAY = r"GET .*/query\?.*TxnDate"


def meanwhile(week, where, act, skip=0):
    """Let a person act just after QuickBooks has answered a question."""

    def edit(answer):
        act()
        return answer

    week.house.quickbooks.faults.plan(where, "edit", skip=skip, edit=edit)


def test_books_that_are_closed_while_the_plan_is_read_stay_closed(week):
    """What QuickBooks would let pass is not touched, either."""
    week.house.quickbooks.switches.refuses_closed_books = False
    id_ = week.pick()
    week.entry(id_)["description"] = "Other words"
    before = deepcopy(week.activity(id_))
    meanwhile(week, BY_DAY, lambda: week.people.close_books("2026-09-30"))

    (row,) = week.reconcile("--repair", "--yes", code=3)["entries"]

    assert (row["repair"], row["blocked"]) == ("refused", "books_closed")
    assert week.activity(id_) == before


def test_books_that_are_closed_before_a_recall_begins_stay_closed(week):
    """A recall looks at them again after it was approved."""
    week.house.quickbooks.switches.refuses_closed_books = False
    id_ = week.pick()
    meanwhile(week, BY_ID, lambda: week.people.close_books("2026-09-30"))

    found = week.run("recall", "--entry", id_, "--yes", code=3)

    assert found["counts"]["refused"] == {"books_closed": 1}
    assert week.activity(id_) is not None


@pytest.mark.parametrize("update_of_billed", ["refused", "stays_billed"])
def test_time_that_is_billed_while_it_is_repaired_is_told(week, update_of_billed):
    """Where QuickBooks takes the update, somebody has to look at the invoice."""
    week.house.quickbooks.switches.update_of_billed = update_of_billed
    id_ = week.pick()
    week.entry(id_)["description"] = "Other words"
    customer = week.activity(id_)["CustomerRef"]["value"]
    meanwhile(week, BY_ID, lambda: week.people.invoice(customer, week.activity_id(id_)))

    found = week.reconcile("--repair", "--yes", code=3)

    (row,) = found["entries"]
    assert week.activity(id_)["BillableStatus"] == "HasBeenBilled"
    if update_of_billed == "refused":
        assert row["repair"] == "refused"
    else:
        assert (row["repair"], row["blocked"]) == ("updated", "billed")
        assert "check in QuickBooks whether the invoice" in row["detail"]
        assert any(id_ in note for note in found["notes"])
