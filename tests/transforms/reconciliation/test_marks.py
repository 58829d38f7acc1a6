"""Which marks in Clockify are set and taken off: never one that may be somebody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.reconciliation.marks import Shown, plan_marks, shown_marks

ids = st.sampled_from("abcd")


@given(
    st.dictionaries(ids, st.booleans()),
    st.dictionaries(ids, st.sampled_from(Shown)),
    st.dictionaries(ids, st.booleans()),
)
def test_only_a_settled_mark_by_hand_and_on_no_invoice_is_taken_off(billed, shown, ours):
    """Whatever is billed, shown and ours; and what is marked already is not marked again."""
    plan = plan_marks(billed, shown, ours)

    assert set(plan.take_off) == {
        id_
        for id_ in billed
        if not billed[id_] and shown.get(id_) is Shown.BY_HAND and ours.get(id_) is True
    }
    assert set(plan.put) == {id_ for id_ in billed if billed[id_] and id_ not in shown}
    assert {*plan.forget, *plan.unclear} <= ours.keys() & billed.keys()


@given(
    st.dictionaries(ids, st.booleans()),
    st.dictionaries(ids, st.sampled_from(Shown)),
    st.dictionaries(ids, st.booleans()),
)
def test_no_entry_is_in_two_plans(billed, shown, ours):
    """What becomes of a mark is one thing."""
    plan = plan_marks(billed, shown, ours)
    planned = [*plan.put, *plan.take_off, *plan.forget, *plan.unclear]

    assert len(planned) == len(set(planned))


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        (None, None),
        ([], None),
        ({"manuallyInvoiced": False}, None),
        ({"manuallyInvoiced": True}, Shown.BY_HAND),
        ({"manuallyInvoiced": True, "invoiceId": None}, Shown.BY_HAND),
        ({"manuallyInvoiced": True, "invoiceId": "1"}, Shown.BY_INVOICE),
        ({"invoiceId": "1", "invoiceNumber": "A-1"}, Shown.BY_INVOICE),
        ({"something": "new"}, Shown.BY_INVOICE),
        ("?", Shown.BY_INVOICE),
    ],
)
def test_what_cannot_be_read_is_somebody_elses(info, shown):
    """A mark is by hand only where Clockify says that alone."""
    rows = [{"_id": "a", "invoicingInfo": info}, "no row"]

    assert shown_marks(rows) == ({"a": shown} if shown else {})
