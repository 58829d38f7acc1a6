"""Change data capture of the QuickBooks stand-in."""

import pytest

SINCE = "2026-03-04T09:31:00-08:00"


@pytest.fixture
def changed(qbo):
    """Two activities of before; since then one was changed, one deleted, and an invoice made."""
    for _ in range(3):
        qbo.create()
    qbo.clock.advance(60)
    qbo.post("/timeactivity", {"Id": "2", "SyncToken": "0"}, operation="delete")
    qbo.standin.people.delete_time("3")
    qbo.standin.people.edit_time("1", Hours=1)
    qbo.standin.people.invoice("21", "1")
    return qbo


def feed(qbo, *entities, since=SINCE):
    answer = qbo.get("/cdc", entities=",".join(entities), changedSince=since)
    assert answer.ok, answer.text
    (response,) = answer.json()["CDCResponse"]
    return response["QueryResponse"]


def test_time_is_not_served_unless_the_switch_says_so(changed):
    """FACTS 4.5: the page, the SDK and others say no; a release note of 2021 says yes."""
    answer = changed.get("/cdc", entities="TimeActivity", changedSince=SINCE)
    assert answer.json()["Fault"]["Error"][0]["code"] == "500"


def test_deleted_time_comes_last_where_it_is_served(changed):
    """FACTS 4.5: full rows, then bare ids with their status, one answer an entity."""
    changed.switches.cdc_serves_time = True

    time, customers = feed(changed, "TimeActivity", "Customer")

    row, *deleted = time["TimeActivity"]
    assert (row["Id"], row["Hours"], row["BillableStatus"]) == ("1", 1, "HasBeenBilled")
    assert deleted == [
        {
            "domain": "QBO",
            "status": "Deleted",
            "Id": id_,
            "MetaData": {"LastUpdatedTime": "2026-03-04T09:31:15-08:00"},
        }
        for id_ in ("2", "3")
    ]
    assert (time["startPosition"], time["maxResults"], time["totalCount"]) == (1, 3, 3)
    assert customers == {}


def test_invoices_are_always_served(changed):
    """FACTS 4.5: created, then deleted."""
    (invoices,) = feed(changed, "Invoice")
    assert [row["Id"] for row in invoices["Invoice"]] == ["1"]
    changed.standin.people.delete_invoice("1")
    (invoices,) = feed(changed, "Invoice")
    assert [row.get("status") for row in invoices["Invoice"]] == ["Deleted"]


def test_the_feed_goes_back_30_days(changed):
    """FACTS 4.5: and no further, whatever is asked for."""
    changed.switches.cdc_serves_time = True
    changed.clock.advance(31 * 86_400)
    changed.headers["Authorization"] = f"Bearer {changed.standin.access_token()}"

    assert feed(changed, "TimeActivity") == [{}]


def test_a_batch_may_ask_for_the_feed(changed):
    """FACTS 2.1: `CDCQuery` in an item; what the schema has besides is refused, not ignored."""
    query = {"Entities": "Invoice,Customer", "ChangedSince": SINCE}
    items = [
        {"bId": "1", "CDCQuery": query},
        {"bId": "2", "CDCQuery": {}},
        {"bId": "3", "ReportQuery": {}},
        {"bId": "4", "operation": "delete", "optionsData": "void", "Invoice": {"Id": "1"}},
    ]

    first, *others = changed.post("/batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]

    ((invoices, customers),) = (one["QueryResponse"] for one in first["CDCResponse"])
    assert (invoices["Invoice"][0]["Id"], customers) == ("1", {})
    codes = [item["Fault"]["Error"][0]["code"] for item in others]
    assert codes == ["2020", "500", "500"]


@pytest.mark.parametrize("shown", [True, False])
def test_whether_inactive_names_are_in_the_feed(changed, shown):
    """FACTS 4.5 does not say: a switch."""
    changed.switches.cdc_shows_inactive = shown
    name = changed.post("/customer", {"DisplayName": "Gone Soon"}).json()["Customer"]
    key = {"Id": name["Id"], "SyncToken": name["SyncToken"], "sparse": True}
    changed.post("/customer", key | {"DisplayName": "Gone Soon", "Active": False})

    (customers,) = feed(changed, "Customer")

    assert (name["Id"] in {row["Id"] for row in customers.get("Customer", [])}) == shown
