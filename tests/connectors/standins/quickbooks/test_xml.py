"""Every XML answer of the QuickBooks stand-in against Intuit's schema (FACTS 7.1, 11.2)."""

import pytest
import requests

SINCE = "2026-01-01T00:00:00-08:00"


@pytest.fixture(scope="module")
def validate(shared_samples):
    """Give a way to hold a body against the published schema; skip where that is not at hand."""
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(shared_samples("qbo/xsd") / "IntuitRestServiceDef.xsd"))
    return lambda body: schema.assertValid(etree.fromstring(body))


@pytest.fixture
def check(qbo, validate):
    """Give a way to hold an answer against the schema; requests ask for no JSON."""
    qbo.headers["Accept"] = "*/*"

    def hold(answer, status=200):
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"].startswith("application/xml")
        validate(answer.content)
        return answer

    return hold


SPAN = {"StartTime": "08:00:00", "EndTime": "11:00:00", "Hours": None, "Minutes": None}
ADDRESS = {"Line1": "1 Elm", "City": "Waco", "PostalCode": "76701", "Country": "US"}


def test_time(qbo, check):
    """Created, read, updated, deleted, with every member that time may bear."""
    check(qbo.create())
    check(qbo.create(**SPAN, BreakHours=1, ProjectRef={"value": "4"}, HoursInEmployeeTimeZone=True))
    check(qbo.create(CostRate=3, Seconds=2, TransactionLocationType="WithinFrance"))
    vendor = {"NameOf": "Vendor", "VendorRef": {"value": "34"}, "EmployeeRef": None}
    check(qbo.create(**vendor, PayrollItemRef={"value": "9"}))
    check(qbo.get("/timeactivity/1"))
    ids = {"Id": "1", "SyncToken": "0"}
    check(qbo.post("/timeactivity", qbo.ACTIVITY | ids))
    check(qbo.post("/timeactivity", ids | {"SyncToken": "1"}, operation="delete"))


def test_names(qbo, check):
    """Customers, employees and vendors with much of what they may bear."""
    contact = {"PrimaryPhone": {"FreeFormNumber": "1"}, "PrimaryEmailAddr": {"Address": "a@b.c"}}
    below = {"Job": True, "ParentRef": {"value": "21"}, "BillAddr": ADDRESS, "Notes": "n"}
    check(qbo.post("/customer", {"DisplayName": "Attic", **below, **contact}))
    person = {
        "GivenName": "Ada",
        "FamilyName": "B",
        "PrimaryAddr": ADDRESS,
        "HiredDate": SINCE[:10],
    }
    check(qbo.post("/employee", person | contact | {"BillableTime": True, "CostRate": 3}))
    vendor = {"DisplayName": "V", "TaxIdentifier": "1", "AcctNum": "2", "BillRate": 3}
    check(qbo.post("/vendor", vendor | contact | {"WebAddr": {"URI": "http://v.example"}}))
    check(qbo.post("/employee", {"Id": "55", "SyncToken": "0", "sparse": True, "Active": False}))


def test_lists_and_settings(qbo, check):
    """Items, classes, departments, CompanyInfo and Preferences."""
    item = {"Name": "I", "Sku": "s", "Type": "Service", "IncomeAccountRef": {"value": "1"}}
    check(qbo.post("/item", item | {"Description": "d", "UnitPrice": 3}))
    check(qbo.post("/item", item | {"SubItem": True, "ParentRef": {"value": "8"}}))
    check(qbo.post("/class", {"Name": "C"}))
    check(qbo.post("/department", {"Name": "D", "Address": ADDRESS}))
    qbo.standin.people.close_books("2026-01-31")
    qbo.standin.company |= {"Email": {"Address": "a@b.c"}, "SupportedLanguages": "en"}
    check(qbo.get(f"/companyinfo/{qbo.standin.realm_id}"))
    settings = {"WorkWeekStartDate": "Monday", "DefaultTimeItem": {"value": "8"}}
    ids = {"Id": "1", "SyncToken": "6", "sparse": True}
    check(qbo.post("/preferences", ids | {"TimeTrackingPrefs": settings}))
    check(qbo.get("/preferences"))


def test_sales(qbo, check):
    """Invoices and estimates, with their lines and links."""
    check(qbo.create())
    id_ = qbo.standin.people.invoice("21", "1", PrivateNote="n", BillAddr=ADDRESS)
    check(qbo.get(f"/invoice/{id_}"))
    line = {"DetailType": "SalesItemLineDetail", "Amount": 5, "Description": "x"}
    estimate = {"CustomerRef": {"value": "21"}, "Line": [line], "ExpirationDate": "2026-05-01"}
    check(qbo.post("/estimate", estimate))
    check(qbo.post("/invoice", {"Id": id_, "SyncToken": "0"}, operation="delete"))


ENTITIES = (
    "TimeActivity", "Customer", "Employee", "Vendor", "Item", "Class", "Department", "Invoice",
    "Estimate", "CompanyInfo", "Preferences",
)  # fmt: skip


@pytest.mark.parametrize("entity", ENTITIES)
def test_queries(qbo, check, entity):
    """Rows, a count, and nothing found."""
    check(qbo.create())
    check(qbo.get("/query", query=f"select * from {entity}"))
    check(qbo.get("/query", query=f"select count(*) from {entity}"))
    if entity not in {"CompanyInfo", "Preferences"}:
        check(qbo.get("/query", query=f"select * from {entity} where Id = '4711'"))


def test_batches_and_the_change_feed(qbo, check):
    """Outcomes of all kinds, and what changed, deleted rows too."""
    qbo.switches.cdc_serves_time = True
    check(qbo.create())
    ids = {"Id": "1", "SyncToken": "0"}
    items = [
        {"bId": "1", "operation": "create", "TimeActivity": qbo.ACTIVITY},
        {"bId": "2", "operation": "delete", "TimeActivity": ids},
        {"bId": "3", "operation": "delete", "TimeActivity": ids},
        {"bId": "4", "Query": "select * from Customer"},
    ]
    check(qbo.post("/batch", {"BatchItemRequest": items}))
    check(qbo.get("/cdc", entities="TimeActivity,Customer,Item", changedSince=SINCE))
    check(qbo.get("/cdc", entities="Invoice", changedSince=SINCE))


def test_refusals(qbo, check):
    """Faults of the books and of the gateway."""
    check(qbo.create(Hours=-1), 400)
    check(qbo.get("/timeactivity/1.5"), 400)
    check(qbo.get("/nonsense/5"), 400)
    check(qbo.get("/query", query="select"), 400)
    check(qbo.get("/query?minorversion=4?requestid=7", query="select * from Item"), 500)
    check(requests.get(qbo.url, headers={"Authorization": "Bearer x"}, timeout=10), 401)
    check(requests.get(f"{qbo.url[:-3]}/item/1", headers=qbo.headers, timeout=10), 403)
    qbo.switches.requests_per_minute = 0
    check(qbo.create(), 429)
