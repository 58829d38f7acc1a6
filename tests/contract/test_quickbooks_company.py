"""Names, people, items and settings of a QuickBooks company."""

import pytest
from contract_quickbooks import fault, key_of
from contract_rules import rule

# --- customers ---------------------------------------------------------------------------------


def below(qbo, parent, name=""):
    body = {"DisplayName": name or qbo.name("below"), "Job": True, "ParentRef": {"value": parent}}
    return qbo.post("Customer", body)


@rule("QBO 5.1")
def test_a_customer_needs_a_name_only(qbo):
    """Its full name is its name, and it is active."""
    name = qbo.name("customer")

    row = qbo.made("Customer", {"DisplayName": name})

    assert (row["DisplayName"], row["FullyQualifiedName"], row["Active"]) == (name, name, True)


@rule("QBO 5.1")
def test_a_sub_customer_has_its_place_in_its_name(qbo):
    """`FullyQualifiedName` has the parent's before it; `ParentRef` and `Job` say the rest."""
    parent = qbo.read("Customer", qbo.customer)["DisplayName"]

    row = below(qbo, qbo.customer).json()["Customer"]

    assert row["FullyQualifiedName"] == f"{parent}:{row['DisplayName']}"
    assert (row["ParentRef"]["value"], row["Job"]) == (qbo.customer, True)


@rule("QBO 0.9")
def test_a_sub_customer_may_be_called_like_one_at_the_top(qbo):
    """So a name alone says nothing: customers are matched by their place."""
    name = qbo.name("twin")
    qbo.made("Customer", {"DisplayName": name})

    assert below(qbo, qbo.customer, name).ok


@rule("QBO 5.1")
@pytest.mark.parametrize(
    "body",
    [{"Job": True}, {"ParentRef": True}],
    ids=["job-without-parent", "parent-without-job"],
)
def test_a_sub_customer_needs_both_marks(qbo, body):
    """`Job` without `ParentRef`, or the reverse, gets 6150."""
    if "ParentRef" in body:
        body = {"ParentRef": {"value": qbo.customer}}

    answer = qbo.post("Customer", {"DisplayName": qbo.name("odd"), **body})

    assert fault(answer)["code"] == "6150"


@rule("QBO 5.1")
def test_customers_lie_four_deep(qbo):
    """Four levels below the top are taken, a fifth gets 6180."""
    id_ = qbo.customer
    for _ in range(4):
        id_ = below(qbo, id_).json()["Customer"]["Id"]

    assert fault(below(qbo, id_))["code"] == "6180"


@rule("QBO 5.1")
@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
def test_a_name_is_taken_in_all_lists(qbo, entity):
    """Customers, vendors and employees share their names: 6240."""
    given, _, family = qbo.name("one").rpartition(" ")
    qbo.made("Vendor", {"DisplayName": f"{given} {family}"})
    body = (
        {"GivenName": given, "FamilyName": family}
        if entity == "Employee"
        else {"DisplayName": f"{given} {family}"}
    )

    assert fault(qbo.post(entity, body))["code"] == "6240"


@rule("QBO 12", switch="case_insensitive_names")
def test_case_in_names(qbo):
    """Whether "bo li" is taken when "Bo Li" is there."""
    name = qbo.name("case")
    qbo.made("Customer", {"DisplayName": name})

    answer = qbo.post("Customer", {"DisplayName": name.replace("case", "CASE")})

    qbo.shows("case_insensitive_names", not answer.ok)


@rule("QBO 5.1")
def test_a_colon_in_a_name_is_refused(qbo):
    """It would look like a place."""
    answer = qbo.post("Customer", {"DisplayName": f"{qbo.name()}: more"})

    assert answer.status_code == 400


@rule("QBO 5.2")
def test_nobody_can_make_a_project(qbo):
    """`IsProject` is taken and not kept."""
    body = {"DisplayName": qbo.name(), "IsProject": True}
    answer = qbo.post("Customer", body)

    assert answer.ok, answer.text
    assert answer.json()["Customer"].get("IsProject", False) is False


# --- inactive ----------------------------------------------------------------------------------


@rule("QBO 0.10")
def test_deactivating_renames(qbo):
    """` (deleted)` comes after the name, and lists leave the row out unless asked for it."""
    row = qbo.made("Customer", {"DisplayName": qbo.name("leaver")})

    gone = qbo.made("Customer", key_of(row) | {"sparse": True, "Active": False})

    assert gone["DisplayName"] == f"{row['DisplayName']} (deleted)"
    where = f"select * from Customer where Id = '{row['Id']}'"
    assert qbo.query(where) == []
    (found,) = qbo.query(f"{where} and Active IN (true, false)")
    assert found["Active"] is False


@rule("QBO 5.3")
def test_an_inactive_employee_keeps_the_parts_of_the_name(qbo):
    """Only the display name gets the suffix."""
    given, _, family = qbo.name("leaver").rpartition(" ")
    row = qbo.made("Employee", {"GivenName": given, "FamilyName": family})

    gone = qbo.made("Employee", key_of(row) | {"sparse": True, "Active": False})

    assert gone["DisplayName"] == f"{given} {family} (deleted)"
    assert (gone["GivenName"], gone["FamilyName"]) == (given, family)


@rule("QBO 12", switch="inactive_names_block")
def test_the_name_of_an_inactive_one(qbo):
    """Whether it is free again."""
    name = qbo.name("leaver")
    row = qbo.made("Customer", {"DisplayName": name})
    qbo.made("Customer", key_of(row) | {"sparse": True, "Active": False})

    qbo.shows("inactive_names_block", not qbo.post("Customer", {"DisplayName": name}).ok)


@rule("QBO 12", switch="reactivating_renames")
def test_who_is_active_again(qbo):
    """Has the old name again, or keeps the suffix."""
    row = qbo.made("Customer", {"DisplayName": qbo.name("returner")})
    row = qbo.made("Customer", key_of(row) | {"sparse": True, "Active": False})

    row = qbo.made("Customer", key_of(row) | {"sparse": True, "Active": True})

    qbo.shows("reactivating_renames", not row["DisplayName"].endswith(" (deleted)"))


# --- people and items --------------------------------------------------------------------------


@rule("QBO 5.3")
def test_an_employee_needs_a_name(qbo):
    """A given or a family name; the display name is made of both."""
    given, _, family = qbo.name("person").rpartition(" ")

    row = qbo.made("Employee", {"GivenName": given, "FamilyName": family})

    assert row["DisplayName"] == f"{given} {family}"
    assert not qbo.post("Employee", {"DisplayName": qbo.name()}).ok


@rule("QBO 5.4")
def test_a_vendor_has_the_name_that_was_given(qbo):
    """Contractors are vendors; they are found among them."""
    name = qbo.name("vendor")
    row = qbo.made("Vendor", {"DisplayName": name, "Vendor1099": True})

    (found,) = qbo.query(f"select * from Vendor where Id = '{row['Id']}'")

    assert (found["DisplayName"], found["Active"]) == (name, True)


@rule("QBO 4.1")
def test_an_apostrophe_is_escaped(qbo):
    """With a backslash."""
    name = f"{qbo.name()} O'Hara"
    row = qbo.made("Vendor", {"DisplayName": name})

    escaped = name.replace("'", "\\'")
    rows = qbo.query(f"select * from Vendor where DisplayName = '{escaped}'")

    assert [one["Id"] for one in rows] == [row["Id"]]


@rule("QBO 5.4")
def test_time_is_booked_on_services(qbo):
    """An item has a type, and `Service` can be asked for."""
    assert qbo.service["Type"] == "Service"
    assert qbo.read("Item", qbo.service["Id"])["Name"] == qbo.service["Name"]


@rule("QBO 5.4")
def test_a_service_has_a_price(qbo):
    """A number, also where nobody set one."""
    (row,) = qbo.query(f"select * from Item where Id = '{qbo.service['Id']}'")

    assert row["UnitPrice"] >= 0


@rule("QBO 5.4")
def test_people_have_billing_rates(qbo):
    """A vendor's, and an employee's whose time is billable, come back with their cents."""
    given, _, family = qbo.name("person").rpartition(" ")
    employee = {"GivenName": given, "FamilyName": family, "BillableTime": True, "BillRate": 87.35}
    bodies = {"Employee": employee, "Vendor": {"DisplayName": qbo.name("rate"), "BillRate": 87.35}}

    for entity, body in bodies.items():
        id_ = qbo.made(entity, body)["Id"]
        (row,) = qbo.query(f"select * from {entity} where Id = '{id_}'")
        assert row["BillRate"] == 87.35


# --- settings ----------------------------------------------------------------------------------


@rule("QBO 6.1")
def test_the_company_says_its_plan(qbo):
    """`OfferingSku` and `SubscriptionStatus` are texts in `NameValue`; payroll is told, too."""
    info = qbo.call("GET", f"/companyinfo/{qbo.where.account}").json()["CompanyInfo"]

    told = {pair["Name"]: pair.get("Value") for pair in info["NameValue"]}
    assert "QuickBooks Online" in told["OfferingSku"]
    assert isinstance(told["SubscriptionStatus"], str)
    assert told["PayrollFeature"] in {"true", "false"}


@rule("QBO 6.2")
def test_the_settings_that_decide(qbo):
    """Closing date, home currency, and whether customers are billed for time."""
    found = qbo.call("GET", "/preferences").json()["Preferences"]

    assert "AccountingInfoPrefs" in found
    assert len(found["CurrencyPrefs"]["HomeCurrency"]["value"]) == 3
    assert isinstance(found["CurrencyPrefs"]["MultiCurrencyEnabled"], bool)
    assert isinstance(found["TimeTrackingPrefs"]["BillCustomers"], bool)


@rule("QBO 6.2")
def test_books_that_are_open_have_no_closing_date(qbo):
    """`BookCloseDate` is missing, not null; else it is a day."""
    found = qbo.call("GET", "/preferences").json()["Preferences"]["AccountingInfoPrefs"]

    assert "BookCloseDate" not in found or found["BookCloseDate"].count("-") == 2


@rule("QBO 1.2")
def test_nothing_of_the_suite_is_left(qbo):
    """The suite takes away what it made: time and invoices; names become inactive."""
    made = [qbo.time(), qbo.time()]
    qbo.invoice(made[0])
    sub = below(qbo, qbo.customer).json()["Customer"]
    names = f"'{qbo.customer}', '{sub['Id']}'"

    qbo.clean_up()

    ids = ", ".join(f"'{row['Id']}'" for row in made)
    assert qbo.query(f"select * from TimeActivity where Id IN ({ids})") == []
    assert qbo.query(f"select * from Customer where Id IN ({names})") == []
