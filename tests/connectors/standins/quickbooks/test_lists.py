"""Items, classes, departments and settings of the QuickBooks stand-in."""

import pytest


def fault(answer):
    return answer.json()["Fault"]["Error"][0]["code"]


ITEM = {"Name": "Pruning", "Type": "Service", "IncomeAccountRef": {"value": "1"}}
BELOW = {"Item": "SubItem", "Class": "SubClass", "Department": "SubDepartment"}


@pytest.fixture(params=BELOW)
def kind(request):
    return request.param


def body(kind, **members):
    return (ITEM if kind == "Item" else {"Name": "North"}) | members


def create(qbo, kind, **members):
    return qbo.post(f"/{kind.lower()}", body(kind, **members))


def change(qbo, kind, id_, **members):
    changes = {"Id": id_, "SyncToken": "0", "sparse": True} | members
    return qbo.post(f"/{kind.lower()}", changes)


def test_a_service_is_shown_as_the_real_one_is(qbo):
    """FACTS 5.4: only name, type and account are needed; time may be booked on it at once."""
    row = create(qbo, "Item").json()["Item"]

    assert list(row) == [
        "Name", "Active", "FullyQualifiedName", "Taxable", "UnitPrice", "Type",
        "IncomeAccountRef", "PurchaseCost", "TrackQtyOnHand", "domain", "sparse", "Id",
        "SyncToken", "MetaData",
    ]  # fmt: skip
    assert row["Id"] == "10"
    time = qbo.create(ItemRef={"value": "10"}).json()["TimeActivity"]
    assert time["ItemRef"] == {"value": "10", "name": "Pruning"}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Name": None}, "2020"),
        ({"Name": ""}, "2020"),
        ({"Name": "x" * 101}, "2050"),
        ({"Name": "A:B"}, "6000"),
        ({"Colour": "red"}, "2010"),
        ({"Active": "yes"}, "2010"),
    ],
)
def test_rules_of_all_lists(qbo, kind, members, code):
    """FACTS 5.4 and 7.2: one line of at most 100 characters, and no unknown member."""
    assert fault(create(qbo, kind, **members)) == code


def test_rules_of_items_alone(qbo):
    """FACTS 5.4: a type that exists, and an income account."""
    assert fault(create(qbo, "Item", Type="Robot")) == "2170"
    assert fault(create(qbo, "Item", Type=None)) == "2020"
    assert fault(create(qbo, "Item", IncomeAccountRef=None)) == "2020"


def test_a_name_is_unique_in_its_list(qbo, kind):
    """FACTS 5.4: whatever its case; below a parent the full name counts."""
    first = create(qbo, kind).json()[kind]
    name = body(kind)["Name"]
    assert fault(create(qbo, kind, Name=name.upper())) == "6240"

    below = {BELOW[kind]: True, "ParentRef": {"value": first["Id"]}}
    child = create(qbo, kind, **below).json()[kind]

    assert child["FullyQualifiedName"] == f"{name}:{name}"
    assert child["ParentRef"] == {"value": first["Id"], "name": name}
    assert fault(create(qbo, kind, **below)) == "6240"


def test_a_child_needs_flag_and_parent(qbo, kind):
    """FACTS 5.1: as with customers, one without the other is 6150; no circles, five levels."""
    ids = [create(qbo, kind, Name="Top").json()[kind]["Id"]]
    assert fault(create(qbo, kind, **{BELOW[kind]: True})) == "6150"
    assert fault(create(qbo, kind, ParentRef={"value": ids[0]})) == "6150"
    for level in range(4):
        below = {BELOW[kind]: True, "ParentRef": {"value": ids[-1]}}
        ids.append(create(qbo, kind, Name=f"Level {level}", **below).json()[kind]["Id"])
    below["ParentRef"] = {"value": ids[-1]}
    assert fault(create(qbo, kind, Name="Too deep", **below)) == "6180"
    assert fault(change(qbo, kind, ids[0], **below)) == "6000"


def test_a_renamed_parent_renames_what_is_below(qbo, kind):
    """FACTS 5.1: full names follow; the children's own SyncTokens do not move."""
    parent = create(qbo, kind).json()[kind]["Id"]
    below = {BELOW[kind]: True, "ParentRef": {"value": parent}}
    child = create(qbo, kind, Name="Child", **below).json()[kind]["Id"]

    assert change(qbo, kind, parent, Name="New").json()[kind]["SyncToken"] == "1"

    row = qbo.get(f"/{kind.lower()}/{child}").json()[kind]
    assert (row["FullyQualifiedName"], row["SyncToken"]) == ("New:Child", "0")
    assert fault(change(qbo, kind, parent)) == "5010"


def test_the_inactive_are_renamed_and_hidden(qbo, kind):
    """FACTS 5.3: Name and FullyQualifiedName get the suffix; queries leave the row out."""
    id_ = create(qbo, kind).json()[kind]["Id"]
    name = body(kind)["Name"]

    row = change(qbo, kind, id_, Active=False).json()[kind]

    assert row["Name"] == row["FullyQualifiedName"] == f"{name} (deleted)"
    assert change(qbo, kind, id_, SyncToken="1", Active=False).json()[kind] == row
    assert not qbo.query(f"select * from {kind} where Name like '{name}%'")
    assert create(qbo, kind).ok
    assert fault(change(qbo, kind, id_, SyncToken="1", Active=True)) == "6240"


def test_a_full_update_forgets_what_it_leaves_out(qbo):
    """FACTS 1.2 and 5.4: but neither name nor type nor account."""
    create(qbo, "Item", Description="Trees", UnitPrice=40)

    row = change(qbo, "Item", "10", sparse=False, Name="Trees").json()["Item"]

    assert "Description" not in row
    assert (row["Name"], row["UnitPrice"], row["Type"]) == ("Trees", 0, "Service")
    assert row["IncomeAccountRef"] == {"value": "1"}


def test_lists_are_never_deleted(qbo, kind):
    """FACTS 5.1 and 7.2: only deactivated; deleting is no operation of theirs."""
    create(qbo, kind)
    gone = {"Id": "1", "SyncToken": "0"}
    assert fault(qbo.post(f"/{kind.lower()}", gone, operation="delete")) == "500"


# --- settings ----------------------------------------------------------------------------------


def preferences(qbo, **members):
    return qbo.post("/preferences", {"Id": "1", "SyncToken": "6", "sparse": True} | members)


def test_settings_can_be_changed_and_take_effect(qbo):
    """FACTS 6.2: tracking of classes goes on, and time keeps its class from then on."""
    create(qbo, "Class")
    assert "ClassRef" not in qbo.create(ClassRef={"value": "1"}).json()["TimeActivity"]

    answer = preferences(qbo, AccountingInfoPrefs={"ClassTrackingPerTxn": True})

    row = answer.json()["Preferences"]
    assert row["AccountingInfoPrefs"] == {"TrackDepartments": False, "ClassTrackingPerTxn": True}
    assert row["SyncToken"] == "7"
    assert row["TimeTrackingPrefs"] == {"UseServices": True, "BillCustomers": True}
    time = qbo.create(ClassRef={"value": "1"}).json()["TimeActivity"]
    assert time["ClassRef"] == {"value": "1", "name": "North"}


@pytest.mark.parametrize("sparse", [True, False])
def test_the_closing_date_is_not_the_apis_to_change(qbo, sparse):
    """FACTS 6.2: read-only, also by leaving it out of a full update."""
    qbo.standin.people.close_books("2026-01-31")
    group = {"TrackDepartments": True, "BookCloseDate": "2020-01-01"}

    row = preferences(qbo, sparse=sparse, AccountingInfoPrefs=group).json()["Preferences"]

    assert row["AccountingInfoPrefs"]["BookCloseDate"] == "2026-01-31"
    assert ("ClassTrackingPerTxn" in row["AccountingInfoPrefs"]) is sparse


def test_settings_have_rules_too(qbo):
    """FACTS 6.2 and 7.2: no other group, no stale token, no creating and no deleting."""
    assert fault(preferences(qbo, Colours={})) == "2010"
    assert fault(preferences(qbo, TaxPrefs=5)) == "2010"
    assert fault(preferences(qbo, SyncToken="5")) == "5010"
    assert fault(qbo.post("/preferences", {"TaxPrefs": {}})) == "500"
    gone = {"Id": "1", "SyncToken": "6"}
    assert fault(qbo.post("/preferences", gone, operation="delete")) == "500"
    assert fault(qbo.post("/companyinfo", gone)) == "500"


def test_a_plan_without_time_has_no_settings_for_it(qbo):
    """FACTS 6.2: the whole block is missing where there is no time tracking."""
    qbo.standin.company["NameValue"][0]["Value"] = "QuickBooks Online Simple Start"

    assert "TimeTrackingPrefs" not in qbo.get("/preferences").json()["Preferences"]
    (row,) = qbo.query("select * from Preferences")
    assert "TimeTrackingPrefs" not in row
    assert "AccountingInfoPrefs" in row


def test_an_active_row_keeps_a_name_that_ends_as_those_of_the_inactive(qbo, kind):
    """FACTS 0.10: the suffix is taken from who is inactive alone; a name may end with it."""
    id_ = create(qbo, kind, Name="North (deleted)").json()[kind]["Id"]

    row = change(qbo, kind, id_, Active=True).json()[kind]

    assert row["Name"] == "North (deleted)"
