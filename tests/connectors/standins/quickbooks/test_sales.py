"""Invoices of the QuickBooks stand-in: they take up billable time, and let go of it."""

import json

import pytest


def line(*activity_ids, amount=243.75, **members):
    links = [{"TxnId": id_, "TxnType": "TimeActivity"} for id_ in activity_ids]
    detail = {"ItemRef": {"value": "8"}, "UnitPrice": 75, "Qty": 3.25}
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
        "LinkedTxn": links,
    } | members


def invoice(*lines, customer="21", **members):
    return {"CustomerRef": {"value": customer}, "Line": list(lines)} | members


def fault(answer):
    return answer.json()["Fault"]["Error"][0]["code"]


@pytest.fixture
def billed(qbo):
    """Activities 1 and 2 of customer 21; invoice 1 has taken up the first."""
    qbo.create()
    qbo.create()
    qbo.clock.advance(60)
    answer = qbo.post("/invoice", invoice(line("1")))
    assert answer.ok, answer.text
    return qbo


def test_an_invoice_takes_up_billable_time(billed):
    """FACTS 1.1: `HasBeenBilled` once an invoice links it, and found by that (4.3)."""
    assert billed.row("1")["BillableStatus"] == "HasBeenBilled"
    assert billed.row("2")["BillableStatus"] == "Billable"
    found = billed.query("select * from TimeActivity where BillableStatus = 'HasBeenBilled'")
    assert [row["Id"] for row in found] == ["1"]


def test_an_invoice_says_what_it_links(billed):
    """FACTS 1.2: by line and in all, as the real one; read, queried by customer, and in XML."""
    row = billed.get("/invoice/1").json()["Invoice"]

    assert row["LinkedTxn"] == [{"TxnId": "1", "TxnType": "TimeActivity"}]
    first, total = row["Line"]
    assert first["LinkedTxn"] == row["LinkedTxn"]
    assert list(first) == [
        "Id", "LineNum", "Amount", "LinkedTxn", "DetailType", "SalesItemLineDetail"
    ]  # fmt: skip
    assert first["SalesItemLineDetail"]["ItemRef"] == {"value": "8", "name": "Lighting"}
    assert (total["DetailType"], total["Amount"]) == ("SubTotalLineDetail", 243.75)
    assert (row["TotalAmt"], row["Balance"], row["DocNumber"]) == (243.75, 243.75, "1001")
    assert billed.query("select * from Invoice where CustomerRef = '21'") == [row]
    assert billed.query("select * from Invoice where TotalAmt > '243.75'") == []
    assert billed.query("select * from Invoice where Balance > '9.5' and DocNumber = '1001'")


def test_an_invoice_may_bear_what_does_nothing_to_time(qbo):
    """The SDK's schema has these; python-quickbooks sends them with every invoice."""
    idle = {"Deposit": 0, "GlobalTaxCalculation": "TaxExcluded", "ShipDate": "", "HomeBalance": 0}
    empty = {"TxnDate": "", "DueDate": "", "DocNumber": ""}
    one = line(CustomField=[])
    one["SalesItemLineDetail"] |= {"ServiceDate": "", "TaxInclusiveAmt": 0}

    row = qbo.post("/invoice", invoice(one) | idle | empty).json()["Invoice"]

    assert not idle.keys() & row.keys()
    assert row["TxnDate"] == row["DueDate"] == "2026-03-04"
    assert fault(qbo.post("/invoice", invoice(line(), Nothing="1"))) == "2010"


@pytest.mark.parametrize("raises", [True, False])
def test_billing_moves_the_last_change_and_perhaps_the_token(qbo, raises):
    """FACTS 1.5: polling by LastUpdatedTime sees it; recorded billed rows bear SyncToken 0."""
    qbo.switches.billing_raises_sync_token = raises
    qbo.create()
    qbo.clock.advance(60)
    qbo.post("/invoice", invoice(line("1")))

    row = qbo.row()
    assert row["SyncToken"] == str(int(raises))
    assert row["MetaData"]["LastUpdatedTime"] == "2026-03-04T09:31:15-08:00"
    assert row["MetaData"]["CreateTime"] == "2026-03-04T09:30:15-08:00"


@pytest.mark.parametrize("update_of_billed", ["refused", "stays_billed", "unbills"])
@pytest.mark.parametrize("sparse", [True, False])
def test_what_an_update_of_billed_time_does(billed, update_of_billed, sparse):
    """FACTS 1.2 and 12: not known; refused unless the switch says otherwise."""
    billed.switches.update_of_billed = update_of_billed
    body = billed.ACTIVITY | {"Id": "1", "SyncToken": "0", "sparse": sparse, "Hours": 9}

    answer = billed.post("/timeactivity", body)

    row = billed.row()
    links = billed.get("/invoice/1").json()["Invoice"].get("LinkedTxn", [])
    if update_of_billed == "refused":
        assert fault(answer) == "6000"
        assert (row["Hours"], row["SyncToken"]) == (3, "0")
    else:
        assert row["Hours"] == 9
    assert (row["BillableStatus"] == "Billable") is (update_of_billed == "unbills")
    assert bool(links) is (update_of_billed != "unbills")


@pytest.mark.parametrize("billed_can_be_deleted", [True, False])
def test_deleting_billed_time(billed, billed_can_be_deleted):
    """FACTS 1.2 and 12: not found; where it goes, the invoice loses its link."""
    billed.switches.billed_can_be_deleted = billed_can_be_deleted

    answer = billed.post("/timeactivity", {"Id": "1", "SyncToken": "0"}, operation="delete")

    assert answer.ok is billed_can_be_deleted
    row = billed.get("/invoice/1").json()["Invoice"]
    assert ("LinkedTxn" in row) is not billed_can_be_deleted
    assert row["TotalAmt"] == 243.75
    gone = {"Id": "1", "SyncToken": "0"}
    assert billed.post("/invoice", gone, operation="delete").ok


def test_a_deleted_invoice_frees_its_time(billed):
    """FACTS 1.1: without a link it is billable again."""
    gone = {"Id": "1", "SyncToken": "0"}

    answer = billed.post("/invoice", gone, operation="delete")

    assert answer.json()["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": "1"}
    assert billed.row("1")["BillableStatus"] == "Billable"
    assert billed.post("/invoice", invoice(line("1"))).json()["Invoice"]["Id"] == "2"


def test_an_update_takes_up_and_lets_go(billed):
    """FACTS 1.1: what the lines link now is billed, and nothing else; a sparse one keeps them."""
    ids = {"Id": "1", "SyncToken": "0"}
    kept = billed.post("/invoice", ids | {"sparse": True, "PrivateNote": "Checked"})
    assert kept.json()["Invoice"]["LinkedTxn"] == [{"TxnId": "1", "TxnType": "TimeActivity"}]

    answer = billed.post("/invoice", invoice(line("2")) | ids | {"SyncToken": "1"})

    assert answer.json()["Invoice"]["LinkedTxn"] == [{"TxnId": "2", "TxnType": "TimeActivity"}]
    assert "PrivateNote" not in answer.json()["Invoice"]
    assert billed.row("1")["BillableStatus"] == "Billable"
    assert billed.row("2")["BillableStatus"] == "HasBeenBilled"
    assert fault(billed.post("/invoice", invoice(line("1")) | ids)) == "5010"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (invoice(line("1")), "6000"),  # billed already
        (invoice(line("77")), "610"),
        (invoice(line("3")), "6000"),  # not billable
        (invoice(line("2"), customer="22"), "6000"),  # another customer's
        (invoice(line("2"), customer="23"), "2500"),  # inactive
        (invoice(), "2020"),
        (invoice(line("2", amount=None)), "2020"),
        (invoice(line("2", DetailType="Odd")), "2170"),
        (invoice(line("2"), Colour="red"), "2010"),
        (invoice(line("2"), DocNumber="1001"), "6140"),
        ({"Line": [line("2")]}, "2020"),
        (invoice({"LinkedTxn": 5, **line("2", LinkedTxn=5)}), "2010"),
    ],
)
def test_what_an_invoice_may_not(billed, body, code):
    """FACTS 7.2: a refused invoice takes up nothing."""
    billed.create(BillableStatus="NotBillable")

    assert fault(billed.post("/invoice", body)) == code
    assert billed.row("2")["BillableStatus"] == "Billable"
    assert list(billed.standin.invoices) == ["1"]


def test_a_parents_invoice_may_take_up_its_childrens_time(qbo):
    """FACTS 5.1: customers stand in a tree; the time of a sub-customer is its parent's too."""
    qbo.create(CustomerRef={"value": "22"})

    assert qbo.post("/invoice", invoice(line("1"))).ok


def test_closed_books_take_no_invoice(billed):
    """FACTS 11.11: on or before the closing date nothing is made, changed or deleted."""
    billed.standin.people.close_books("2026-03-04")
    gone = {"Id": "1", "SyncToken": "0"}

    assert fault(billed.post("/invoice", invoice(line("2")))) == "6210"
    assert fault(billed.post("/invoice", gone | invoice(line("2")))) == "6210"
    assert fault(billed.post("/invoice", gone, operation="delete")) == "6210"


def test_people_bill_and_unbill_in_quickbooks_pages(qbo):
    """FACTS 1.1: what the bookkeeper invoices is billed; amounts are cents, half a cent up."""
    qbo.create(Minutes=7, HourlyRate=33)
    people = qbo.standin.people

    id_ = people.invoice("21", "1")

    row = qbo.get(f"/invoice/{id_}").json()["Invoice"]
    assert row["TotalAmt"] == 102.85  # 3 h 7 min at 33
    assert qbo.row()["BillableStatus"] == "HasBeenBilled"
    people.delete_invoice(id_)
    assert qbo.row()["BillableStatus"] == "Billable"


def test_an_estimate_is_closed_by_its_invoice(qbo):
    """FACTS 4.5: as in the recorded change feed, with the invoice as its link."""
    made = qbo.post("/estimate", invoice(line(LinkedTxn=[]))).json()["Estimate"]
    assert (made["TxnStatus"], made["Id"]) == ("Pending", "1")
    link = [{"TxnId": "1", "TxnType": "Estimate"}]

    sold = qbo.post("/invoice", invoice(line(LinkedTxn=[]), LinkedTxn=link)).json()["Invoice"]

    assert (sold["Id"], sold["LinkedTxn"]) == ("2", link)
    (row,) = qbo.query("select * from Estimate where TxnStatus = 'Closed'")
    assert row["LinkedTxn"] == [{"TxnId": "2", "TxnType": "Invoice"}]
    qbo.post("/invoice", {"Id": "2", "SyncToken": "0"}, operation="delete")
    assert qbo.get("/estimate/1").json()["Estimate"]["TxnStatus"] == "Pending"


def test_sales_have_the_shape_of_recorded_ones(qbo, shared_samples):
    """FACTS 4.5: members and lines in the order of the sandbox's estimate."""
    sample = shared_samples("qbo/samples") / "http-qbo_api/cdc_basic.0.json"
    answer = json.loads(sample.read_text())["CDCResponse"][0]["QueryResponse"][0]
    recorded = next(row for row in answer["Estimate"] if len(row["Line"]) == 2)

    ours = qbo.post("/estimate", invoice(line(LinkedTxn=[], Description="x"))).json()["Estimate"]

    shared = [name for name in recorded if name in ours]
    assert shared == [name for name in ours if name in recorded]
    for mine, theirs in zip(ours["Line"], recorded["Line"], strict=True):
        assert list(mine) == [name for name in theirs if name in mine]
        assert mine["DetailType"] == theirs["DetailType"]
