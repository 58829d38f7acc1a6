"""TimeActivities of QuickBooks: what is taken, kept, changed, deleted and refused."""

from datetime import date, datetime, timedelta

import pytest
from contract_quickbooks import fault, item, key_of
from contract_rules import rule

CLOSED = {"6200", "6210", "6000"}


@rule("QBO 1.1")
def test_time_of_an_employee_comes_back_as_it_was_sent(qbo):
    """Person, day, customer, item, status, rate, length and text are kept; `SyncToken` is 0."""
    sent = qbo.activity()

    row = qbo.made("TimeActivity", sent)

    for name, value in sent.items():
        got = row[name]["value"] if name.endswith("Ref") else row[name]
        assert got == (value["value"] if name.endswith("Ref") else value), name
    assert (row["SyncToken"], row["Id"].isdigit()) == ("0", True)


@rule("QBO 1.1")
def test_time_of_a_vendor(qbo):
    """A contractor's time names a vendor, and needs no customer."""
    row = qbo.made(
        "TimeActivity",
        qbo.activity(
            NameOf="Vendor", EmployeeRef=None, VendorRef={"value": qbo.vendor}, CustomerRef=None,
            BillableStatus="NotBillable", HourlyRate=None,
        ),
    )  # fmt: skip

    assert row["VendorRef"]["value"] == qbo.vendor
    assert "CustomerRef" not in row


@rule("QBO 1.1")
def test_an_object_says_when_it_was_made_and_changed(qbo):
    """`MetaData` has both times, to the second and with an offset."""
    row = qbo.made("TimeActivity", qbo.activity())["MetaData"]

    for text in (row["CreateTime"], row["LastUpdatedTime"]):
        time = datetime.fromisoformat(text)
        assert (time.tzinfo is not None, time.microsecond) == (True, 0)


@rule("QBO 1.2")
def test_every_answer_tells_quickbooks_time(qbo):
    """`time` has milliseconds and an offset: the clock by which doubts are settled."""
    time = datetime.fromisoformat(qbo.post("TimeActivity", qbo.activity()).json()["time"])

    assert time.tzinfo is not None


@rule("QBO 1.2")
def test_what_is_made_is_not_older_than_the_answer_before(qbo):
    """`CreateTime`, to the second, against `time` of an earlier answer: doubts look from there."""
    before = datetime.fromisoformat(qbo.call("GET", "/preferences").json()["time"])

    (made,) = qbo.batch(item(1, "create", qbo.activity()))

    created = datetime.fromisoformat(made["TimeActivity"]["MetaData"]["CreateTime"])
    assert created >= before.replace(microsecond=0)


@rule("QBO 1.2")
def test_defaults_are_filled_in(qbo):
    """Without rate and status, time is not billable at rate 0 and not taxable."""
    row = qbo.made("TimeActivity", qbo.activity(BillableStatus=None, HourlyRate=None))

    assert (row["BillableStatus"], row["HourlyRate"], row["Taxable"]) == ("NotBillable", 0, False)


@rule("QBO 0.8")
def test_time_without_an_item_gets_one(qbo):
    """QuickBooks fills in a service of its own."""
    assert qbo.service["Id"]

    assert qbo.made("TimeActivity", qbo.activity(ItemRef=None))["ItemRef"]["value"].isdigit()


@rule("QBO 1.1")
def test_a_rate_keeps_its_cents(qbo):
    """What is sent as 87.35 is 87.35."""
    assert qbo.made("TimeActivity", qbo.activity(HourlyRate=87.35))["HourlyRate"] == 87.35


@rule("QBO 1.1")
def test_a_long_length_is_one_activity(qbo):
    """Hours go past a day: no limit of 24 is known."""
    assert qbo.made("TimeActivity", qbo.activity(Hours=30, Minutes=0))["Hours"] == 30


@rule("QBO 1.1")
def test_a_text_of_4000_characters(qbo):
    """That many are kept to the last one; one more gets 2050."""
    text = f"{qbo.prefix} ".ljust(4000, "ü")

    assert qbo.made("TimeActivity", qbo.activity(Description=text))["Description"] == text
    assert fault(qbo.post("TimeActivity", qbo.activity(Description=f"{text}.")))["code"] == "2050"


@rule("QBO 1.1")
def test_an_unknown_member_is_refused(qbo):
    """Nothing is ignored in silence: 2010."""
    assert fault(qbo.post("TimeActivity", qbo.activity(Colour="red")))["code"] == "2010"


@rule("QBO 1.4")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CustomerRef": None}, "6310"),
        ({"HourlyRate": None}, "6330"),
        ({"BillableStatus": "HasBeenBilled"}, "2170"),
        ({"EmployeeRef": None}, "6300"),
        ({"Hours": None, "Minutes": None}, "6340"),
    ],
    ids=["no-customer", "no-rate", "billed-already", "no-person", "no-time"],
)
def test_what_time_must_have(qbo, changes, code):
    """Billable without a customer or a rate, without a person, without a length: a code each."""
    assert fault(qbo.post("TimeActivity", qbo.activity(**changes)))["code"] == code


@rule("QBO 1.4")
def test_one_person_only(qbo):
    """Employee and vendor together get 6290."""
    both = qbo.activity(VendorRef={"value": qbo.vendor})

    assert fault(qbo.post("TimeActivity", both))["code"] == "6290"


@rule("QBO 7.2")
@pytest.mark.parametrize("member", ["CustomerRef", "ItemRef"])
def test_a_reference_to_nothing_is_refused(qbo, member):
    """An id that is not there gets 2500."""
    nothing = qbo.activity(**{member: {"value": "999999999"}})

    assert fault(qbo.post("TimeActivity", nothing))["code"] == "2500"


@rule("QBO 12", switch="strangers_become_others")
def test_time_of_nobody(qbo):
    """An employee's id that is not there: refused, or turned into another kind of name."""
    answer = qbo.post("TimeActivity", qbo.activity(EmployeeRef={"value": "999999999"}))

    qbo.shows("strangers_become_others", answer.ok)


@rule("QBO 12", switch="inactive_reference_code")
def test_time_of_somebody_inactive(qbo):
    """The code of a reference to a name that is inactive, if it is refused at all."""
    given, _, family = qbo.name("leaver").rpartition(" ")
    leaver = qbo.made("Employee", {"GivenName": given, "FamilyName": family})
    qbo.made("Employee", key_of(leaver) | {"sparse": True, "Active": False})

    answer = qbo.post("TimeActivity", qbo.activity(EmployeeRef={"value": leaver["Id"]}))

    qbo.shows("inactive_reference_code", None if answer.ok else fault(answer)["code"])


# --- changes -----------------------------------------------------------------------------------


@rule("QBO 1.2")
def test_a_full_update_replaces(qbo):
    """What it leaves out is lost; the `SyncToken` grows by one, the id stays."""
    row = qbo.time()

    bare = qbo.activity(CustomerRef=None, BillableStatus=None, HourlyRate=None, Description=None)
    new = qbo.made("TimeActivity", bare | key_of(row) | {"Hours": 5})

    assert (new["Id"], new["Hours"], new["SyncToken"]) == (row["Id"], 5, "1")
    assert not {"CustomerRef", "Description"} & set(new)
    assert new["BillableStatus"] == "NotBillable"


@rule("QBO 12", switch="sparse_time_updates")
def test_a_sparse_update_keeps_the_rest(qbo):
    """With `sparse` what is left out stays, if QuickBooks knows it for time."""
    row = qbo.time()
    body = qbo.activity(Description=None, Hours=4) | key_of(row) | {"sparse": True}

    qbo.shows("sparse_time_updates", "Description" in qbo.made("TimeActivity", body))


@rule("QBO 7.2")
@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_stale_token_is_refused(qbo, operation):
    """Whoever saw an older version gets 5010, and nothing changes."""
    row = qbo.time()
    qbo.made("TimeActivity", qbo.activity(Hours=2) | key_of(row))

    answer = qbo.post("TimeActivity", qbo.activity() | key_of(row), operation=operation)

    assert (answer.status_code, fault(answer)["code"]) == (400, "5010")
    assert qbo.read("TimeActivity", row["Id"])["Hours"] == 2


@rule("QBO 7.2")
@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_change_needs_a_token(qbo, operation):
    """Without `SyncToken` nothing is changed."""
    row = qbo.time()

    answer = qbo.post("TimeActivity", qbo.activity() | {"Id": row["Id"]}, operation=operation)

    assert fault(answer)["code"] == "2020"
    assert qbo.read("TimeActivity", row["Id"])["SyncToken"] == "0"


@rule("QBO 12", switch="billable_status")
def test_an_update_of_the_billable_status(qbo):
    """Intuit's page calls it "not updatable": changed, or left as it was."""
    row = qbo.time()
    body = qbo.activity(BillableStatus="NotBillable") | key_of(row)

    status = qbo.made("TimeActivity", body)["BillableStatus"]

    qbo.shows("billable_status", "changed" if status == "NotBillable" else "kept")


@rule("QBO 1.2")
def test_a_deletion_answers_with_the_id(qbo):
    """`status` is `Deleted`; nothing else of the activity comes back."""
    row = qbo.time()

    answer = qbo.post("TimeActivity", key_of(row), operation="delete")

    gone = answer.json()["TimeActivity"]
    assert (gone["status"], gone["Id"]) == ("Deleted", row["Id"])


@rule("QBO 1.2")
def test_what_was_deleted_is_found_no_more(qbo):
    """A query by its id finds nothing, and a second deletion gets 610."""
    row = qbo.time()
    qbo.post("TimeActivity", key_of(row), operation="delete")

    assert qbo.query(f"select * from TimeActivity where Id = '{row['Id']}'") == []
    again = qbo.post("TimeActivity", key_of(row), operation="delete")
    assert fault(again)["code"] == "610"


@rule("QBO 12", switch="missing_status")
def test_reading_what_was_deleted(qbo):
    """610; the status of the answer is not known."""
    row = qbo.time()
    qbo.post("TimeActivity", key_of(row), operation="delete")

    answer = qbo.call("GET", f"/timeactivity/{row['Id']}")

    assert fault(answer)["code"] == "610"
    qbo.shows("missing_status", answer.status_code)


@rule("QBO 4.2")
def test_time_is_counted(qbo):
    """A count says how much a query would find; where it would find nothing, 0 or no count."""
    row = qbo.time()

    def counted(id_):
        answer = qbo.ask(f"select count(*) from TimeActivity where Id = '{id_}'")
        return answer.json()["QueryResponse"].get("totalCount", 0)

    assert (counted(row["Id"]), counted("999999999")) == (1, 0)


# --- billed ------------------------------------------------------------------------------------


@rule("QBO 1.1")
def test_an_invoice_makes_time_billed(qbo):
    """`HasBeenBilled` while an invoice links it, `Billable` again once that is deleted."""
    row = qbo.time()

    invoice = qbo.invoice(row)

    assert qbo.read("TimeActivity", row["Id"])["BillableStatus"] == "HasBeenBilled"
    assert qbo.post("Invoice", key_of(invoice), operation="delete").ok
    assert qbo.read("TimeActivity", row["Id"])["BillableStatus"] == "Billable"


@rule("QBO 1.2")
def test_an_invoice_names_the_time_that_it_bills(qbo):
    """By `LinkedTxn`, on its line or in all."""
    row = qbo.time()

    invoice = qbo.read("Invoice", qbo.invoice(row)["Id"])

    parts = [invoice, *invoice["Line"]]
    links = [link for part in parts for link in part.get("LinkedTxn", [])]
    assert (row["Id"], "TimeActivity") in {(link["TxnId"], link["TxnType"]) for link in links}


@rule("QBO 1.5")
def test_billing_moves_the_last_change(qbo):
    """Who asks for what changed since then finds the time that was billed."""
    row = qbo.time()
    qbo.let_pass(2)
    qbo.invoice(row)

    before, after = (
        datetime.fromisoformat(one["MetaData"]["LastUpdatedTime"])
        for one in (row, qbo.read("TimeActivity", row["Id"]))
    )
    assert after > before


@rule("QBO 12", switch="billing_raises_sync_token")
def test_billing_and_the_token(qbo):
    """Whether a token from before the invoice is stale."""
    row = qbo.time()
    qbo.invoice(row)

    token = qbo.read("TimeActivity", row["Id"])["SyncToken"]

    qbo.shows("billing_raises_sync_token", token != row["SyncToken"])


@rule("QBO 12", switch="update_of_billed")
def test_an_update_of_billed_time(qbo):
    """Refused, or taken with the status as it was, or taken and billable again."""
    row = qbo.time()
    qbo.invoice(row)
    row = qbo.read("TimeActivity", row["Id"])

    answer = qbo.post("TimeActivity", qbo.activity(Hours=7) | key_of(row))

    now = qbo.read("TimeActivity", row["Id"])["BillableStatus"]
    taken = "stays_billed" if now == "HasBeenBilled" else "unbills"
    qbo.shows("update_of_billed", taken if answer.ok else "refused")


@rule("QBO 12", switch="billed_can_be_deleted")
def test_a_deletion_of_billed_time(qbo):
    """Whether it is refused."""
    row = qbo.time()
    qbo.invoice(row)
    row = qbo.read("TimeActivity", row["Id"])

    answer = qbo.post("TimeActivity", key_of(row), operation="delete")

    qbo.shows("billed_can_be_deleted", answer.ok)


# --- companies that refuse time ----------------------------------------------------------------


@pytest.fixture
def closed_day(qbo):
    """Return a closed day: a stand-in closes one, a sandbox has one if its owner closed it."""
    if not qbo.is_real:
        qbo.standin.people.close_books("2020-01-31")
    with qbo.unrecorded():
        preferences = qbo.call("GET", "/preferences").json()["Preferences"]
    day = preferences["AccountingInfoPrefs"].get("BookCloseDate")
    qbo.needs(day, "a closing date: set one in its settings, in the past")
    return day


def day_before(day):
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


@rule("QBO 11.11", switch="closed_books_code")
def test_closed_books_refuse_time(qbo, closed_day):
    """Before the closing date, with a code of closed books; the row is not made."""
    answer = qbo.post("TimeActivity", qbo.activity(TxnDate=day_before(closed_day)))

    qbo.shows("closed_books_code", fault(answer)["code"])


@rule("QBO 12", switch="refuses_closed_books")
def test_whether_closed_books_refuse_time(qbo, closed_day):
    """Known of other transactions; the product sends nothing there."""
    answer = qbo.post("TimeActivity", qbo.activity(TxnDate=day_before(closed_day)))

    qbo.shows("refuses_closed_books", not answer.ok)


@rule("QBO 6.2", switch="closes_last_day")
def test_the_closing_date_itself(qbo, closed_day):
    """Closed too, or the last open day; the product takes it for closed."""
    answer = qbo.post("TimeActivity", qbo.activity(TxnDate=closed_day))

    qbo.shows("closes_last_day", not answer.ok)


@rule("QBO 11.11")
def test_nothing_moves_into_closed_books(qbo, closed_day):
    """An update to a closed day is refused, and the row stays where it was."""
    row = qbo.time()

    answer = qbo.post("TimeActivity", qbo.activity(TxnDate=day_before(closed_day)) | key_of(row))

    assert fault(answer)["code"] in CLOSED
    assert qbo.read("TimeActivity", row["Id"])["TxnDate"] == qbo.today


@rule("QBO 11.11", only="the API cannot close books, and time that is closed could not be deleted")
@pytest.mark.parametrize("operation", ["update", "delete"])
def test_closed_time_stays_as_it_is(qbo, operation):
    """Neither changed nor deleted: 6210."""
    row = qbo.time()
    qbo.standin.people.close_books(qbo.today)

    answer = qbo.post("TimeActivity", qbo.activity() | key_of(row), operation=operation)

    assert fault(answer)["code"] == "6210"


def set_info(qbo, name, value):
    pairs = qbo.standin.company["NameValue"]
    next(pair for pair in pairs if pair["Name"] == name)["Value"] = value


@rule("QBO 6.3", switch="payroll_code", only="sandboxes have no payroll")
def test_payroll_may_refuse_time(qbo):
    """The code, if it does; the product asks first, and tries one entry."""
    body = qbo.activity()
    set_info(qbo, "PayrollFeature", "true")

    answer = qbo.post("TimeActivity", body)

    qbo.shows("payroll_code", None if answer.ok else fault(answer)["code"])


@rule("QBO 6.3", switch="takes_pay_types", only="sandboxes have no payroll")
def test_payroll_and_pay_types(qbo):
    """Whether time with a pay type is taken where payroll is on."""
    body = qbo.activity(PayrollItemRef={"value": "1"})
    set_info(qbo, "PayrollFeature", "true")

    qbo.shows("takes_pay_types", qbo.post("TimeActivity", body).ok)


@rule("QBO 13.1", switch="refuses_foreign_pay_types", only="sandboxes have no payroll")
def test_pay_types_of_others(qbo):
    """Whether time may have an id that is another employee's pay type."""
    body = qbo.activity(PayrollItemRef={"value": "1"})
    qbo.standin.pay_types["0"] = {"1": "Regular"}

    qbo.shows("refuses_foreign_pay_types", not qbo.post("TimeActivity", body).ok)


@rule("QBO 13.1", switch="names_pay_types", only="sandboxes have no payroll")
def test_names_of_pay_types(qbo):
    """Whether answers bear the name of a pay type, from which the product learns it."""
    body = qbo.activity(PayrollItemRef={"value": "1"})
    qbo.standin.pay_types[body["EmployeeRef"]["value"]] = {"1": "Regular"}

    row = qbo.post("TimeActivity", body).json()["TimeActivity"]

    qbo.shows("names_pay_types", "name" in row["PayrollItemRef"])


@rule("QBO 13.1", switch="fills_pay_types", only="sandboxes have no payroll")
def test_pay_types_by_default(qbo):
    """Whether time without a pay type is given the employee's own."""
    body = qbo.activity()
    set_info(qbo, "PayrollFeature", "true")
    qbo.standin.switches.payroll_code = None
    qbo.standin.pay_types[body["EmployeeRef"]["value"]] = {"1": "Regular"}

    row = qbo.post("TimeActivity", body).json()["TimeActivity"]

    qbo.shows("fills_pay_types", "PayrollItemRef" in row)


@rule("QBO 6.3", switch="payroll_takes_contractors", only="sandboxes have no payroll")
def test_payroll_and_contractors(qbo):
    """Whether a vendor's time is taken where payroll refuses an employee's."""
    vendor = {"NameOf": "Vendor", "EmployeeRef": None, "VendorRef": {"value": qbo.vendor}}
    body = qbo.activity(**vendor)
    set_info(qbo, "PayrollFeature", "true")

    qbo.shows("payroll_takes_contractors", qbo.post("TimeActivity", body).ok)


@rule("QBO 12", switch="without_services", only="the suite changes no settings of a company")
def test_services_that_are_off(qbo):
    """What becomes of an item where `UseServices` is off."""
    body = qbo.activity()
    qbo.standin.preferences["TimeTrackingPrefs"]["UseServices"] = False

    qbo.shows("without_services", _kept(qbo.post("TimeActivity", body), "ItemRef"))


@rule("QBO 12", switch="without_billing", only="the suite changes no settings of a company")
def test_billing_that_is_off(qbo):
    """What becomes of billable time where `BillCustomers` is off."""
    body = qbo.activity()
    qbo.standin.preferences["TimeTrackingPrefs"]["BillCustomers"] = False

    answer = qbo.post("TimeActivity", body)

    seen = "refused"
    if answer.ok:
        status = answer.json()["TimeActivity"]["BillableStatus"]
        seen = "kept" if status == "Billable" else "dropped"
    qbo.shows("without_billing", seen)


@rule("QBO 12", switch="without_tracking", only="the suite makes no classes in a company")
def test_classes_that_are_off(qbo):
    """What becomes of a class where the company tracks none; the product sends none."""
    class_ = qbo.made("Class", {"Name": qbo.name("class")})
    body = qbo.activity(ClassRef={"value": class_["Id"]})

    qbo.shows("without_tracking", _kept(qbo.post("TimeActivity", body), "ClassRef"))


@rule("QBO 12", switch="requires_class", only="the suite changes no settings of a company")
def test_time_without_a_class(qbo):
    """Whether a company that tracks classes refuses it."""
    body = qbo.activity()
    qbo.standin.preferences["AccountingInfoPrefs"]["ClassTrackingPerTxn"] = True

    qbo.shows("requires_class", not qbo.post("TimeActivity", body).ok)


@rule("QBO 12", switch="shows_project_ref", only="nobody can make a project by the API")
def test_time_of_a_project(qbo):
    """Whether it bears a `ProjectRef` beside its customer, when none was sent."""
    qbo.standin.customers[qbo.customer]["IsProject"] = True

    row = qbo.made("TimeActivity", qbo.activity())

    assert row["CustomerRef"]["value"] == qbo.customer
    qbo.shows("shows_project_ref", "ProjectRef" in row)


def _kept(answer, member):
    if not answer.ok:
        return "refused"
    return "kept" if member in answer.json()["TimeActivity"] else "dropped"


@rule("QBO 6.3", switch="plan_code", only="sandboxes are of plans with time")
def test_a_small_plan_may_refuse_time(qbo):
    """The code, if it does."""
    body = qbo.activity()
    set_info(qbo, "OfferingSku", "QuickBooks Online Simple Start")

    answer = qbo.post("TimeActivity", body)

    qbo.shows("plan_code", None if answer.ok else fault(answer)["code"])


@rule("QBO 7.2", only="a subscription cannot be made to end")
def test_an_ended_subscription_refuses_time(qbo):
    """6190 for whatever is written; reading goes on."""
    body = qbo.activity()
    set_info(qbo, "SubscriptionStatus", "EXPIRED")

    assert fault(qbo.post("TimeActivity", body))["code"] == "6190"
    assert qbo.read("Customer", qbo.customer)["Active"]
