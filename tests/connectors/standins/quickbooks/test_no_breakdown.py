"""Whatever a caller sends, the QuickBooks stand-in answers as the service does (FACTS 7)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.standins.quickbooks import activities, listed, names, sales

LINE = {
    "Amount": 5,
    "DetailType": "SalesItemLineDetail",
    "SalesItemLineDetail": {"ItemRef": {"value": "8"}, "Qty": 1},
    "LinkedTxn": [{"TxnId": "1", "TxnType": "TimeActivity"}],
}
SALE = {"CustomerRef": {"value": "21"}, "Line": [LINE]}
BODIES = {
    "timeactivity": (activities.MEMBERS, None),
    "customer": (names.CUSTOMER.members, {"DisplayName": "A"}),
    "employee": (names.EMPLOYEE.members, {"GivenName": "B"}),
    "item": (listed.ITEM.members, {"Name": "C", "Type": "Service", "IncomeAccountRef": {}}),
    "class": (listed.CLASS.members, {"Name": "D"}),
    "invoice": (sales.MEMBERS, SALE),
    "estimate": (sales.MEMBERS, SALE),
    "preferences": (("TimeTrackingPrefs", "Id", "SyncToken"), {"Id": "1", "SyncToken": "6"}),
}
odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["1", "21"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["value", "name", "a"]), inner, max_size=2)
    ),
    max_leaves=3,
)
words = st.sampled_from([
    "select", "*", "count(*)", "Id", ",", "from", "Invoice", "TimeActivity", "Item", "where",
    "TxnDate", "Balance", "Active", "=", "<", ">=", "in", "like", "('1', '2')", "' '", "'NaN'",
    "'2026-03-02'", "true", "and", "orderby", "desc", "startposition", "maxresults", "0", "5", "'",
])  # fmt: skip
few = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("entity", BODIES)
@few
@given(data=st.data())
def test_odd_bodies_are_taken_or_refused(qbo, entity, data):
    """FACTS 7.1: an object, or a fault with a code, in JSON; creating and changing alike."""
    members, body = BODIES[entity]
    ids = data.draw(st.sampled_from([{}, {"Id": "1", "SyncToken": "0"}, {"sparse": True}]))
    changes = data.draw(st.dictionaries(st.sampled_from(members), odd_values, max_size=2))

    answer = qbo.post(f"/{entity}", (body or qbo.ACTIVITY) | ids | changes)

    fault = answer.json().get("Fault")
    assert answer.status_code == (400 if fault else 200)
    assert fault is None or fault["Error"][0]["code"].isdecimal()


@few
@given(text=st.lists(words, max_size=12).map(" ".join))
def test_odd_queries_are_answered_or_refused(qbo, text):
    """FACTS 4.2: rows, nothing or a count; otherwise 4000 or 4001."""
    answer = qbo.get("/query", query=text)

    assert answer.ok or answer.json()["Fault"]["Error"][0]["code"] in {"4000", "4001"}
