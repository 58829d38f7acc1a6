"""Customers, employees and vendors of the QuickBooks stand-in: names, tree, inactive rows."""

import json
from datetime import UTC, datetime

import pytest
import requests

from connectors.standins.quickbooks.app import QuickBooksStandin, Switches


def scenario():
    return {
        "realm_id": "77",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "company": {"NameValue": [{"Name": "PayrollFeature", "Value": "false"}]},
        "preferences": {},
        "customers": [
            {"Id": "60", "DisplayName": "Jack Doe"},
            {"Id": "62", "DisplayName": "Doe, Jack"},
            {"Id": "64", "DisplayName": "Jack Doe", "ParentRef": {"value": "62"}},
            {"Id": "65", "DisplayName": "Attic", "ParentRef": {"value": "64"}, "IsProject": True},
            {"Id": "66", "DisplayName": "Old House", "Active": False},
        ],
        "employees": [
            {"Id": "55", "DisplayName": "Emily Platt", "GivenName": "Emily", "FamilyName": "Platt"},
        ],
        "vendors": [{"Id": "30", "DisplayName": "Robertson & Associates"}],
        "items": [],
    }


class Client:
    def __init__(self, standin, base):
        self.standin = standin
        self.url = f"{base}/v3/company/77"
        self.headers = {
            "Authorization": f"Bearer {standin.access_token()}",
            "Accept": "application/json",
        }

    def post(self, entity, **body):
        return requests.post(f"{self.url}/{entity}", json=body, headers=self.headers, timeout=10)

    def change(self, entity, id_, *, version="0", sparse=True, **body):
        return self.post(entity, Id=id_, SyncToken=version, sparse=sparse, **body)

    def read(self, entity, id_):
        answer = requests.get(f"{self.url}/{entity}/{id_}", headers=self.headers, timeout=10)
        return next(iter(answer.json().values()))


@pytest.fixture
def qbo(serve):
    switches = Switches(requests_per_second=None)
    standin = QuickBooksStandin(
        scenario(), now=lambda: datetime(2026, 3, 4, 17, tzinfo=UTC), switches=switches
    )
    return Client(standin, serve(standin.app))


def code(response):
    assert response.status_code == 400, response.text
    return response.json()["Fault"]["Error"][0]["code"]


def test_a_new_customer_is_shown_as_the_real_one_is(qbo):
    """Only a name is needed; the rest is the service's (FACTS 5.1)."""
    row = qbo.post("customer", DisplayName="Doe5, Jane").json()["Customer"]

    assert row["Id"] == "67"  # the next number after all names, whatever their list
    assert row["FullyQualifiedName"] == row["PrintOnCheckName"] == "Doe5, Jane"
    assert row["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    assert row["Job"] is False
    assert row["Active"] is True
    assert row["IsProject"] is False
    assert "Level" not in row
    assert "ParentRef" not in row
    assert qbo.standin.customers["67"]["DisplayName"] == "Doe5, Jane"


def test_a_sub_customer_may_bear_a_name_from_the_top(qbo):
    """Uniqueness is that of the full name, as in the real list that has two Jack Does."""
    sub = qbo.read("customer", "64")
    assert (sub["DisplayName"], sub["FullyQualifiedName"]) == ("Jack Doe", "Doe, Jack:Jack Doe")
    assert (sub["Level"], sub["ParentRef"], sub["Job"]) == (1, {"value": "62"}, True)

    below = {"Job": True, "ParentRef": {"value": "60"}}
    assert qbo.post("customer", DisplayName="Jack Doe", **below).ok
    assert code(qbo.post("customer", DisplayName="Jack Doe", **below)) == "6240"
    assert code(qbo.post("customer", DisplayName="Jack Doe")) == "6240"


@pytest.mark.parametrize("name", ["Emily Platt", "Robertson & Associates", "Jack Doe"])
def test_a_name_at_the_top_is_unique_over_all_three_lists(qbo, name):
    """A customer may not be called like an employee or a vendor, nor the reverse."""
    assert code(qbo.post("customer", DisplayName=name)) == "6240"
    assert code(qbo.post("vendor", DisplayName=name)) == "6240"
    assert code(qbo.post("employee", DisplayName=name, GivenName="Any")) == "6240"


def test_case_counts_only_if_the_switch_says_so(qbo):
    """Whether the real service looks at case was recalled, not seen."""
    assert code(qbo.post("vendor", DisplayName="emily PLATT")) == "6240"
    qbo.standin.switches.case_insensitive_names = False
    assert qbo.post("vendor", DisplayName="emily PLATT").ok


@pytest.mark.parametrize("name", ["A:B", "A\tB", "A\nB"])
def test_a_name_is_one_line_without_a_colon(qbo, name):
    """The colon is what separates parents from children."""
    assert code(qbo.post("customer", DisplayName=name)) == "6000"


def test_other_rules_of_names(qbo):
    """Length, presence and unknown members have codes of their own."""
    assert code(qbo.post("customer", DisplayName="x" * 501)) == "2050"
    assert code(qbo.post("customer", Notes="nobody")) == "2020"
    assert code(qbo.post("customer", Name="Wrong member")) == "2010"
    assert code(qbo.post("employee", DisplayName="No parts")) == "2020"
    built = qbo.post("vendor", GivenName="Ada", FamilyName="Lovelace").json()["Vendor"]
    assert built["DisplayName"] == "Ada Lovelace"


@pytest.mark.parametrize(
    "members",
    [{"Job": True}, {"ParentRef": {"value": "60"}}, {"Job": True, "ParentRef": {"value": "0"}}],
)
def test_job_and_parent_come_together(qbo, members):
    """One without the other is 6150, with the recorded words."""
    answer = qbo.post("customer", DisplayName="Cellar", **members)

    assert code(answer) == "6150"
    error = answer.json()["Fault"]["Error"][0]
    assert error["element"] == "Job"
    assert error["Detail"] == "ParentRef is either required or not if Job is true or false."


def test_a_full_update_needs_both_too(qbo):
    """A flag or a parent that an update lost is 6150; to lose both is to keep both (FACTS 5.1)."""
    for lost in ({"ParentRef": {"value": "62"}}, {"Job": True}, {"Job": False}):
        assert code(qbo.change("customer", "64", sparse=False, **lost)) == "6150"
    both = {"Job": True, "ParentRef": {"value": "60"}}
    assert qbo.change("customer", "64", sparse=False, DisplayName="J", **both).ok
    row = qbo.change("customer", "64", version="1", sparse=False, DisplayName="K").json()
    assert row["Customer"]["FullyQualifiedName"] == "Jack Doe:K"


def test_empty_texts_are_left_out(qbo):
    """An empty text takes a value away; a name that is empty is built anew (FACTS 1.1, 5.3)."""
    made = qbo.post("vendor", GivenName="Ada", DisplayName="", Notes="").json()["Vendor"]
    assert (made["DisplayName"], "Notes" in made) == ("Ada", False)
    assert code(qbo.change("customer", "60", DisplayName="")) == "2020"


def test_only_billable_people_have_a_billing_rate(qbo):
    """BillRate goes with BillableTime (FACTS 5.3)."""
    rates = {"GivenName": "Bo", "BillRate": 40}
    assert "BillRate" not in qbo.post("employee", **rates).json()["Employee"]
    rates |= {"FamilyName": "Li", "BillableTime": True}
    assert qbo.post("employee", **rates).json()["Employee"]["BillRate"] == 40


def test_a_parent_must_be_there_and_active(qbo):
    """An unknown or inactive parent is 2500."""
    for parent in ("999", "66"):
        below = {"Job": True, "ParentRef": {"value": parent}}
        assert code(qbo.post("customer", DisplayName="Cellar", **below)) == "2500"


def test_four_levels_below_the_top_and_no_more(qbo):
    """Deeper is 6180, also for a tree that moves down as a whole."""
    parent = "65"
    for name in ("Beam", "Nail"):
        below = {"Job": True, "ParentRef": {"value": parent}}
        parent = qbo.post("customer", DisplayName=name, **below).json()["Customer"]["Id"]
    assert qbo.read("customer", parent)["Level"] == 4
    assert qbo.read("customer", parent)["FullyQualifiedName"] == (
        "Doe, Jack:Jack Doe:Attic:Beam:Nail"
    )
    below = {"Job": True, "ParentRef": {"value": parent}}
    assert code(qbo.post("customer", DisplayName="Rust", **below)) == "6180"
    moved = {"Job": True, "ParentRef": {"value": "60"}}
    assert code(qbo.change("customer", "62", **moved)) == "6180"
    assert code(qbo.change("customer", "64", ParentRef={"value": "65"})) == "6000"


def test_isproject_is_read_not_written(qbo):
    """A project is a customer with a flag that no caller can set."""
    assert qbo.read("customer", "65")["IsProject"] is True
    made = qbo.post("customer", DisplayName="Mine", IsProject=True).json()["Customer"]
    assert made["IsProject"] is False


def test_deactivating_renames_and_frees_the_name(qbo):
    """`Emily Platt (deleted)`; doing it twice is no change (FACTS 5.3)."""
    row = qbo.change("employee", "55", Active=False).json()["Employee"]
    assert (row["DisplayName"], row["PrintOnCheckName"]) == ("Emily Platt (deleted)", "Emily Platt")
    assert (row["Active"], row["GivenName"], row["SyncToken"]) == (False, "Emily", "1")

    again = qbo.change("employee", "55", version="1", Active=False).json()["Employee"]
    assert again == row

    assert qbo.post("vendor", DisplayName="Emily Platt").ok
    assert code(qbo.change("employee", "55", version="1", Active=True)) == "6240"
    back = qbo.change("employee", "55", version="1", Active=True, DisplayName="E. Platt")
    assert back.json()["Employee"]["DisplayName"] == "E. Platt"


def test_an_inactive_name_blocks_only_if_the_switch_says_so(qbo):
    """Rows that the scenario calls inactive got the suffix when they were loaded."""
    assert qbo.read("customer", "66")["DisplayName"] == "Old House (deleted)"
    qbo.standin.switches.inactive_names_block = True
    assert code(qbo.post("customer", DisplayName="Old House")) == "6240"
    qbo.standin.switches.inactive_names_block = False
    assert qbo.post("customer", DisplayName="Old House").ok


def test_a_renamed_parent_renames_what_is_below(qbo):
    """Full names follow; the children's own SyncTokens do not move."""
    assert qbo.change("customer", "62", DisplayName="Doe & Sons").ok

    child = qbo.read("customer", "65")

    assert child["FullyQualifiedName"] == "Doe & Sons:Jack Doe:Attic"
    assert child["SyncToken"] == "0"


def test_a_full_update_keeps_name_and_parent_and_drops_the_rest(qbo):
    """Without `sparse`, what is left out falls back; a stale token is refused."""
    qbo.change("customer", "64", Notes="Call first")
    assert code(qbo.change("customer", "64", DisplayName="Stale")) == "5010"

    row = qbo.change("customer", "64", version="1", sparse=False, DisplayName="J. Doe").json()

    assert "Notes" not in row["Customer"]
    assert row["Customer"]["FullyQualifiedName"] == "Doe, Jack:J. Doe"


def test_with_payroll_employees_have_addresses_and_no_display_names_of_choice(qbo):
    """DisplayName is read-only then, and an address is required (FACTS 5.3)."""
    qbo.standin.company["NameValue"][0]["Value"] = "true"
    parts = {"GivenName": "Bo", "MiddleName": "K", "FamilyName": "Li", "DisplayName": "Boss"}
    assert code(qbo.post("employee", **parts)) == "2020"

    address = {"City": "Waco", "CountrySubDivisionCode": "TX", "PostalCode": "76701"}
    row = qbo.post("employee", **parts, PrimaryAddr=address).json()["Employee"]

    assert (row["DisplayName"], row["UseTimeEntry"]) == ("Bo K Li", "NotSet")
    assert "UseTimeEntry" not in qbo.read("employee", "55")  # from before payroll was on
    masked = {"GivenName": "Al", "SSN": "XXX-XX-1234", "PrimaryAddr": address}
    assert code(qbo.post("employee", **masked)) == "6000"


def test_rows_have_the_members_of_recorded_rows_in_their_order(qbo, shared_samples):
    """What the sandbox answered in 2020, ours answers too; later members come besides."""
    samples = shared_samples("qbo/samples/http-qbo_api")
    recorded = json.loads((samples / "create_customer.0.json").read_text())["Customer"]
    ours = qbo.post("customer", DisplayName="Doe5, Jane", DefaultTaxCodeRef={"value": "2"})
    shared = [name for name in ours.json()["Customer"] if name in recorded]
    assert shared == list(recorded)

    for recorded in json.loads((samples / "all_vendors_by_5.6.json").read_text())["QueryResponse"][
        "Vendor"
    ]:
        sent = {k: v for k, v in recorded.items() if k not in {"Id", "SyncToken"}}
        assert list(qbo.post("vendor", **sent).json()["Vendor"]) == list(recorded)

    recorded = json.loads((samples / "deactivate_employee.0.json").read_text())["Employee"]
    assert list(qbo.read("employee", "55")) == list(recorded)
