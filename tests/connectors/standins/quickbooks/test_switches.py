"""Open questions about QuickBooks: the stand-in answers each of them either way (FACTS 12)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest
import requests

from connectors.standins.quickbooks.app import Switches
from connectors.standins.quickbooks.faults import (
    BROKEN_ANSWER,
    TIMED_OUT_ANSWER,
)


def fault(answer):
    assert answer.status_code == 400, answer.text
    return answer.json()["Fault"]["Error"][0]["code"]


def test_every_switch_is_tested():
    """FACTS 12: a switch that no test turns is a guess."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))

    assert [switch.name for switch in fields(Switches) if switch.name not in tests] == []


# --- references and settings -------------------------------------------------------------------

ANSWERS = ["kept", "dropped", "refused"]


@pytest.mark.parametrize("without_tracking", ANSWERS)
@pytest.mark.parametrize(
    ("member", "path"), [("ClassRef", "class"), ("DepartmentRef", "department")]
)
def test_classes_and_departments_without_tracking(qbo, without_tracking, member, path):
    """FACTS 1.1: "only with" the setting; what happens without it is not said."""
    qbo.switches.without_tracking = without_tracking
    qbo.post(f"/{path}", {"Name": "North"})

    answer = qbo.create(**{member: {"value": "1"}})

    if without_tracking == "refused":
        assert fault(answer) == "5030"
    else:
        assert (member in answer.json()["TimeActivity"]) is (without_tracking == "kept")
    assert qbo.create().ok


@pytest.mark.parametrize("requires_class", [True, False])
def test_time_without_a_class_where_classes_are_tracked(qbo, requires_class):
    """FACTS 6.2 knows no setting by which a company wants one; whether any does is not known."""
    qbo.switches.requires_class = requires_class
    qbo.post("/class", {"Name": "North"})
    assert qbo.create().ok
    qbo.standin.preferences["AccountingInfoPrefs"]["ClassTrackingPerTxn"] = True

    answer = qbo.create()

    assert answer.ok is not requires_class
    if requires_class:
        assert fault(answer) == "2020"
    assert qbo.create(ClassRef={"value": "1"}).ok


@pytest.mark.parametrize("without_services", ANSWERS)
def test_a_service_where_the_company_uses_none(qbo, without_services):
    """FACTS 6.2: UseServices says whether an item may be chosen, not what becomes of one."""
    qbo.switches.without_services = without_services
    qbo.standin.preferences["TimeTrackingPrefs"]["UseServices"] = False

    answer = qbo.create()

    if without_services == "refused":
        assert fault(answer) == "5030"
        assert qbo.create(ItemRef=None).json()["TimeActivity"]["ItemRef"]["name"] == "Hours"
    else:
        assert ("ItemRef" in answer.json()["TimeActivity"]) is (without_services == "kept")


@pytest.mark.parametrize("without_billing", ANSWERS)
def test_billable_time_where_customers_are_not_billed(qbo, without_billing):
    """FACTS 1.4 and 6.2: 6320 may be meant for this; or the status goes, or stays."""
    qbo.switches.without_billing = without_billing
    qbo.standin.preferences["TimeTrackingPrefs"]["BillCustomers"] = False

    answer = qbo.create()

    if without_billing == "refused":
        assert fault(answer) == "6320"
        assert qbo.create(BillableStatus="NotBillable").ok
    else:
        expected = {"kept": "Billable", "dropped": "NotBillable"}[without_billing]
        assert answer.json()["TimeActivity"]["BillableStatus"] == expected


@pytest.mark.parametrize("largest_batch", [10, 25, 30, 50])
def test_how_many_items_a_batch_may_have(qbo, largest_batch):
    """FACTS 2.1: 30 by the reference; other pages and old clients say otherwise."""
    qbo.switches.largest_batch = largest_batch

    assert fault(qbo.batch(*[qbo.ACTIVITY] * (largest_batch + 1))) == "1040"
    assert not qbo.standin.activities
    assert qbo.batch(*[qbo.ACTIVITY] * largest_batch).ok


@pytest.mark.parametrize("closes_last_day", [True, False])
def test_whether_the_closing_date_itself_is_closed(qbo, closes_last_day):
    """FACTS 6.2: "on or before" is recalled."""
    qbo.switches.closes_last_day = closes_last_day
    qbo.standin.people.close_books("2026-03-02")

    assert qbo.create(TxnDate="2026-03-02").ok is not closes_last_day
    assert fault(qbo.create(TxnDate="2026-03-01")) == "6210"
    assert qbo.create(TxnDate="2026-03-03").ok


@pytest.mark.parametrize("reactivating_renames", [True, False])
def test_whether_who_is_active_again_loses_the_suffix(qbo, reactivating_renames):
    """FACTS 0.10: that the suffix goes again is recalled."""
    qbo.switches.reactivating_renames = reactivating_renames
    qbo.post("/class", {"Name": "North", "Active": False})
    suffix = "" if reactivating_renames else " (deleted)"
    active = {"SyncToken": "0", "sparse": True, "Active": True}

    person = qbo.post("/employee", active | {"Id": "56"}).json()["Employee"]
    listed = qbo.post("/class", active | {"Id": "1"}).json()["Class"]

    assert (person["DisplayName"], person["Active"]) == (f"Lee Left{suffix}", True)
    assert listed["Name"] == f"North{suffix}"


@pytest.mark.parametrize("foreign_realm_status", [401, 403])
def test_a_token_in_another_companys_path(qbo, foreign_realm_status):
    """FACTS 8: 403, or a fault of the 401 kind; recalled."""
    qbo.switches.foreign_realm_status = foreign_realm_status
    url = qbo.url.replace(qbo.standin.realm_id, "999")

    answer = requests.get(f"{url}/preferences", headers=qbo.headers, timeout=10)

    code = {401: "3200", 403: "3100"}[foreign_realm_status]
    assert (answer.status_code, answer.json()["fault"]["error"][0]["code"]) == (
        foreign_realm_status,
        code,
    )


@pytest.mark.parametrize("inactive_reference_code", ["2500", "610", None])
def test_time_of_somebody_who_left(qbo, inactive_reference_code):
    """FACTS 5.3: the words are known, the code is not, nor whether time is refused at all."""
    qbo.switches.inactive_reference_code = inactive_reference_code

    answers = [
        qbo.create(EmployeeRef={"value": "56"}),
        qbo.create(CustomerRef={"value": "23"}),
    ]

    for answer in answers:
        if inactive_reference_code is None:
            assert answer.ok
        else:
            assert fault(answer) == inactive_reference_code
            assert "has been made inactive" in answer.text


@pytest.mark.parametrize("shows_project_ref", [True, False])
def test_time_of_a_project(qbo, shows_project_ref):
    """FACTS 5.2: whether time of a project-customer bears a ProjectRef is not verified."""
    qbo.switches.shows_project_ref = shows_project_ref
    qbo.standin.customers["22"]["IsProject"] = True

    row = qbo.create(CustomerRef={"value": "22"}).json()["TimeActivity"]

    assert ("ProjectRef" in row) is shows_project_ref
    if shows_project_ref:
        where = f"ProjectRef = '{row['ProjectRef']['value']}'"
        assert qbo.query(f"select * from TimeActivity where {where}") == [row]


@pytest.mark.parametrize(
    ("project_customers", "job", "level"),
    [("jobs", True, 1), ("children", False, 1), ("alone", False, None)],
)
def test_a_customer_that_is_a_project(qbo, project_customers, job, level):
    """FACTS 5.2: Job and ParentRef of a project are recalled; a write's answer is like a read's."""
    qbo.switches.project_customers = project_customers
    qbo.standin.customers["22"]["IsProject"] = True

    read = qbo.get("/customer/22").json()["Customer"]
    (found,) = qbo.query("select * from Customer where DisplayName = 'Orchard'")
    change = {"Id": "22", "SyncToken": "0", "sparse": True, "Notes": "Oaks"}
    saved = qbo.post("/customer", change).json()["Customer"]

    for row in (read, found, saved):
        assert (row["Job"], row.get("Level"), "ParentRef" in row) == (job, level, level is not None)
        assert row["FullyQualifiedName"] == "Rondonuwu Fruit:Orchard"
    assert qbo.post("/customer", {"DisplayName": "Plain"}).json()["Customer"]["Job"] is False


@pytest.mark.parametrize("has_been_billed_code", ["2170", "6000"])
def test_time_that_is_sent_as_billed(qbo, has_been_billed_code):
    """FACTS 1.1: only an invoice bills time; that the refusal is a 2170 was read once."""
    qbo.switches.has_been_billed_code = has_been_billed_code
    qbo.create()

    assert fault(qbo.create(BillableStatus="HasBeenBilled")) == has_been_billed_code
    change = {"Id": "1", "SyncToken": "0", "sparse": True, "BillableStatus": "HasBeenBilled"}
    assert fault(qbo.post("/timeactivity", change)) == has_been_billed_code
    assert fault(qbo.create(BillableStatus="Perhaps")) == "2170"
    assert [row["SyncToken"] for row in qbo.standin.activities.values()] == ["0"]


@pytest.mark.parametrize("strangers_become_others", [True, False])
def test_an_id_that_is_no_employees(qbo, strangers_become_others):
    """FACTS 1.1: refused, or taken for another name, as the service once did."""
    qbo.switches.strangers_become_others = strangers_become_others

    answer = qbo.create(EmployeeRef={"value": "34"})

    if strangers_become_others:
        row = answer.json()["TimeActivity"]
        assert (row["NameOf"], row["OtherNameRef"]) == ("Other", {"value": "34"})
        assert "EmployeeRef" not in row
    else:
        assert fault(answer) == "2500"


@pytest.mark.parametrize("names_time_faults", [True, False])
def test_the_words_of_the_rules_of_time(qbo, names_time_faults):
    """FACTS 1.4 and 12: nobody has seen them, so nothing may lean on them."""
    qbo.switches.names_time_faults = names_time_faults

    answer = qbo.create(CustomerRef=None)

    assert fault(answer) == "6310"
    error = answer.json()["Fault"]["Error"][0]
    assert bool(error["Message"] and error["Detail"]) is names_time_faults
    assert qbo.create(EmployeeRef={"value": "1"}).json()["Fault"]["Error"][0]["Detail"]


@pytest.mark.parametrize(
    ("payroll_code", "takes_pay_types", "plain", "with_pay_type"),
    [
        (None, True, None, None),
        ("6000", True, "6000", None),
        ("2020", True, "2020", None),
        ("5030", False, "5030", "5030"),
    ],
)
def test_payrolls_answers(qbo, payroll_code, takes_pay_types, plain, with_pay_type):
    """FACTS 13.1: takes plain time; wants a pay type; refuses all."""
    qbo.switches.payroll_code = payroll_code
    qbo.switches.takes_pay_types = takes_pay_types
    qbo.standin.company["NameValue"][2]["Value"] = "true"

    for answer, code in (
        (qbo.create(), plain),
        (qbo.create(PayrollItemRef={"value": "7"}), with_pay_type),
    ):
        assert answer.ok if code is None else fault(answer) == code


@pytest.mark.parametrize("refuses_foreign_pay_types", [True, False])
def test_another_employees_pay_type(qbo, refuses_foreign_pay_types):
    """FACTS 13.1: ids are per employee; what becomes of another one's was not seen."""
    qbo.switches.refuses_foreign_pay_types = refuses_foreign_pay_types
    mine, other, *_ = qbo.standin.employees
    qbo.standin.pay_types |= {mine: {"71": "Regular"}, other: {"72": "Regular"}}

    answer = qbo.create(EmployeeRef={"value": mine}, PayrollItemRef={"value": "72"})

    assert fault(answer) == "2500" if refuses_foreign_pay_types else answer.ok
    assert qbo.create(EmployeeRef={"value": mine}, PayrollItemRef={"value": "71"}).ok


@pytest.mark.parametrize("names_pay_types", [True, False])
@pytest.mark.parametrize("fills_pay_types", [True, False])
def test_pay_types_in_answers(qbo, names_pay_types, fills_pay_types):
    """FACTS 1.1: a name is optional; whether time without one is given one was not seen."""
    qbo.switches.names_pay_types = names_pay_types
    qbo.switches.fills_pay_types = fills_pay_types
    qbo.switches.payroll_code = None
    qbo.standin.company["NameValue"][2]["Value"] = "true"
    mine = next(iter(qbo.standin.employees))
    qbo.standin.pay_types[mine] = {"71": "Regular", "72": "Overtime"}
    person = {"EmployeeRef": {"value": mine}}

    row = qbo.create(**person).json()["TimeActivity"]
    given = qbo.create(**person, PayrollItemRef={"value": "72"}).json()["TimeActivity"]

    assert row.get("PayrollItemRef", {}).get("value") == ("71" if fills_pay_types else None)
    assert given["PayrollItemRef"].get("name") == ("Overtime" if names_pay_types else None)


@pytest.mark.parametrize("payroll_takes_contractors", [False, True])
def test_contractors_of_a_company_with_payroll(qbo, payroll_takes_contractors):
    """FACTS 13.1: pay types are employees'; what becomes of a vendor's time was not seen."""
    qbo.switches.payroll_takes_contractors = payroll_takes_contractors
    qbo.standin.company["NameValue"][2]["Value"] = "true"
    vendor = next(iter(qbo.standin.vendors))

    answer = qbo.create(NameOf="Vendor", EmployeeRef=None, VendorRef={"value": vendor})

    assert answer.ok if payroll_takes_contractors else fault(answer) == "6000"
    assert fault(qbo.create()) == "6000"


@pytest.mark.parametrize("plan_code", ["5030", "6000", None])
def test_a_plan_without_time(qbo, plan_code):
    """FACTS 6.3 and 11.11: the real fault of Simple Start is unknown."""
    qbo.switches.plan_code = plan_code
    qbo.standin.company["NameValue"][0]["Value"] = "QuickBooks Online Simple Start"

    answer = qbo.create()

    assert answer.ok if plan_code is None else fault(answer) == plan_code


# --- queries and batches -----------------------------------------------------------------------


@pytest.mark.parametrize("cuts_long_pages", [True, False])
def test_more_than_1000_rows_asked_for(qbo, cuts_long_pages):
    """FACTS 4.1: at most 1000; cut in silence, or refused."""
    qbo.switches.cuts_long_pages = cuts_long_pages
    rows = qbo.standin.activities
    qbo.create()
    rows.update({str(n): rows["1"] | {"Id": str(n)} for n in range(2, 1003)})

    answer = qbo.get("/query", query="select * from TimeActivity maxresults 2000")

    if cuts_long_pages:
        assert answer.json()["QueryResponse"]["maxResults"] == 1000
    else:
        assert fault(answer) == "4001"


@pytest.mark.parametrize(
    ("time_order", "ids"),
    [("newest", ["3", "2", "1"]), ("oldest", ["1", "2", "3"]), ("date", ["2", "1", "3"])],
)
def test_time_that_is_asked_for_in_no_order(qbo, time_order, ids):
    """FACTS 4.1: no order is promised without ORDERBY, which goes before any."""
    qbo.switches.time_order = time_order
    for day in (3, 2, 3):
        qbo.create(TxnDate=f"2026-03-0{day}")

    assert [row["Id"] for row in qbo.query("select * from TimeActivity")] == ids
    ordered = qbo.query("select * from TimeActivity orderby Id")
    assert [row["Id"] for row in ordered] == ["1", "2", "3"]


@pytest.mark.parametrize("takes_columns", [True, False])
def test_a_choice_of_columns(qbo, takes_columns):
    """FACTS 4.1: sent by many peers, and in no page of Intuit's."""
    qbo.switches.takes_columns = takes_columns

    answer = qbo.get("/query", query="select Id, DisplayName from Vendor")

    if takes_columns:
        (row,) = answer.json()["QueryResponse"]["Vendor"]
        assert (row["Id"], row["DisplayName"], "Active" in row) == ("34", "Bjørn Aas", False)
    else:
        assert fault(answer) == "4001"
    assert qbo.query("select *, Id from Vendor")[0]["Active"]


@pytest.mark.parametrize("escapes_backslashes", [True, False])
def test_a_backslash_in_a_text(qbo, escapes_backslashes):
    r"""FACTS 4.1: `\'` is known; that a backslash is sent as two is recalled."""
    qbo.switches.escapes_backslashes = escapes_backslashes
    for name in (r"In\Out", r"In\\Out", "Amy's"):
        qbo.post("/class", {"Name": name})

    def found(text):
        return [row["Name"] for row in qbo.query(f"select * from Class where Name = '{text}'")]

    assert found(r"Amy\'s") == ["Amy's"]
    assert found(r"In\\Out") == [r"In\Out" if escapes_backslashes else r"In\\Out"]
    assert found(r"In\Out") == ([] if escapes_backslashes else [r"In\Out"])
    at_the_end = qbo.get("/query", query=r"select * from Class where Name = 'In\\'")
    assert at_the_end.ok if escapes_backslashes else fault(at_the_end) == "4000"


def test_request_ids_may_not_be_remembered_at_all(qbo):
    """FACTS 3: "doesn't work as advertised": a replay is a second write."""
    qbo.switches.remembers_request_ids = False

    qbo.batch(qbo.ACTIVITY, requestid="r-1")
    qbo.batch(qbo.ACTIVITY, requestid="r-1")

    assert len(qbo.standin.activities) == 2


def test_answers_of_a_batch_may_be_shuffled(qbo):
    """FACTS 2.1: in the order of the request in the one recording; not promised."""
    qbo.switches.shuffles_batch_answers = True
    bodies = [qbo.ACTIVITY | {"Hours": n} for n in range(1, 11)]

    items = qbo.batch(*bodies, requestid="r-1").json()["BatchItemResponse"]

    bids = [item["bId"] for item in items]
    assert sorted(bids, key=int) == [str(n) for n in range(1, 11)] != bids
    assert all(item["TimeActivity"]["Hours"] == int(item["bId"]) for item in items)
    assert [row["Hours"] for row in qbo.standin.activities.values()] == list(range(1, 11))


# --- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("requests_in_flight", [2, None])
def test_calls_in_flight(qbo, requests_in_flight):
    """FACTS 2.2: ten at once by a rule of 2016; the present page has none."""
    qbo.switches.requests_in_flight = requests_in_flight
    qbo.switches.latency_s = 0.2
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(qbo.batch, qbo.ACTIVITY) for _ in range(3)]
    codes = sorted(call.result().status_code for call in calls)

    assert codes == ([200, 200, 429] if requests_in_flight else [200] * 3)
    assert len(qbo.standin.activities) == codes.count(200)
    assert qbo.create().ok
    assert Switches().requests_in_flight == 10


@pytest.mark.parametrize("status", [429, 403])
def test_a_throttle_has_either_status(qbo, status):
    """FACTS 2.3: 403 in October 2016, 429 since; XML both times."""
    qbo.switches.throttle_status = status
    qbo.switches.requests_per_minute = 0

    answer = qbo.create()

    assert answer.status_code == status
    assert f"errorCode=003001; statusCode={status}" in answer.text
    assert answer.headers["Content-Type"].startswith("application/xml")


@pytest.mark.parametrize("works_when_throttled", [True, False])
def test_what_is_throttled_may_be_done_all_the_same(qbo, works_when_throttled):
    """FACTS 2.3 has nothing done, and the product relies on it; the request id is kept, too."""
    qbo.switches.works_when_throttled = works_when_throttled
    qbo.switches.batches_per_minute = 0

    assert qbo.batch(qbo.ACTIVITY, requestid="r-1").status_code == 429
    assert len(qbo.standin.activities) == works_when_throttled
    qbo.switches.batches_per_minute = None
    assert qbo.batch(qbo.ACTIVITY, requestid="r-1").ok
    assert len(qbo.standin.activities) == 1


def test_other_apps_use_up_the_companys_share(qbo):
    """FACTS 2.2: 500 requests and 120 batches a minute are the company's, over all its apps."""
    qbo.switches.others_batches = 119
    assert qbo.batch(qbo.ACTIVITY).ok
    assert qbo.batch(qbo.ACTIVITY).status_code == 429
    assert qbo.create().ok
    qbo.switches.requests_per_minute = 500
    qbo.switches.others_requests = 498
    assert qbo.create().status_code == 429
    qbo.switches.others_requests = qbo.switches.others_batches = 0
    assert qbo.batch(qbo.ACTIVITY).ok


def test_reads_are_metered_by_the_month(qbo):
    """FACTS 13.2: queries, reads and change feeds count; writes are free; then the next month."""
    qbo.switches.reads_per_month = 2
    assert qbo.get("/customer/21").ok
    assert qbo.query("select * from Item")
    assert qbo.get("/customer/21").status_code == 429
    assert qbo.create().ok
    qbo.clock.advance(28 * 86_400)
    qbo.headers["Authorization"] = f"Bearer {qbo.standin.access_token()}"
    assert qbo.get("/customer/21").ok


# --- answers that prove nothing ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("planned", "status", "code"), [(TIMED_OUT_ANSWER, 504, "6002"), (BROKEN_ANSWER, 200, "10000")]
)
def test_work_may_be_done_behind_a_broken_answer(qbo, planned, status, code):
    """FACTS 2.4: a gateway's timeout in XML, and a 200 with a SystemFault, after the work."""
    qbo.standin.faults.plan("POST .*/batch", "answer_after", **planned)

    answer = qbo.batch(qbo.ACTIVITY)

    assert (answer.status_code, code in answer.text) == (status, True)
    assert len(qbo.standin.activities) == 1


def test_a_batch_may_answer_with_no_items(qbo):
    """FACTS 2.1: a 200 with an empty list, seen in probes."""
    qbo.standin.faults.plan(
        "POST .*/batch", "edit", edit=lambda body: body | {"BatchItemResponse": []}
    )

    assert qbo.batch(qbo.ACTIVITY).json()["BatchItemResponse"] == []


def test_the_trace_id_has_either_name(qbo):
    """FACTS 7.3: documented as `intuit_tid`, recorded as `Intuit-Tid`."""
    qbo.switches.tid_header = "Intuit-Tid"
    answer = requests.get(f"{qbo.url}/customer/21", headers=qbo.headers, timeout=10)
    assert answer.headers["Intuit-Tid"].startswith("1-")
    assert "intuit_tid" not in answer.headers
