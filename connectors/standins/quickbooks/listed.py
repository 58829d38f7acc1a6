"""Items, classes and departments: lists of names in a tree, each unique in its own (FACTS 5.4)."""

from collections.abc import Iterator
from copy import deepcopy

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.company import (
    SYSTEM_MEMBERS,
    check_depth,
    check_name,
    without_empty,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.named import Named, NameList, parent_id
from connectors.standins.quickbooks.values import read_values
from connectors.standins.quickbooks.wire import Json

LONGEST_NAME = 100
ITEM_TYPES = {"Service", "Inventory", "NonInventory", "Category", "Group"}


_READ_ONLY = frozenset({
    "Level", "FullyQualifiedName", "CustomField", "AttachableRef", *SYSTEM_MEMBERS
})  # fmt: skip
ITEM = NameList(
    "Item",
    (
        "Name", "Sku", "Description", "Active", "SubItem", "ParentRef", "Level",
        "FullyQualifiedName", "Taxable", "SalesTaxIncluded", "UnitPrice", "Type",
        "IncomeAccountRef", "PurchaseDesc", "PurchaseCost", "ExpenseAccountRef", "AssetAccountRef",
        "PrefVendorRef", "TrackQtyOnHand", "QtyOnHand", "InvStartDate", "SalesTaxCodeRef",
        "ClassRef", "domain", "sparse", "Id", "SyncToken", "MetaData", "CustomField",
        "AttachableRef", "status",
    ),
    _READ_ONLY,
    {"Taxable": False, "UnitPrice": 0, "PurchaseCost": 0, "TrackQtyOnHand": False},
    name="Name",
    below="SubItem",
    label="Items",
)  # fmt: skip
CLASS = NameList(
    "Class",
    ("Name", "SubClass", "ParentRef", "FullyQualifiedName", "Active", *SYSTEM_MEMBERS),
    _READ_ONLY,
    {"SubClass": False},
    name="Name",
    below="SubClass",
    label="Classes",
)
DEPARTMENT = NameList(
    "Department",
    (
        "Name", "SubDepartment", "ParentRef", "FullyQualifiedName", "Active", "Address",
        *SYSTEM_MEMBERS,
    ),
    _READ_ONLY,
    {"SubDepartment": False},
    name="Name",
    below="SubDepartment",
    label="Departments",
)  # fmt: skip
_KINDS = {
    "Active": "flag", "Taxable": "flag", "TrackQtyOnHand": "flag", "UnitPrice": "number",
    "PurchaseCost": "number", "QtyOnHand": "number", "Type": "text", "Sku": "text",
    "Description": "text", "PurchaseDesc": "text", "InvStartDate": "date",
}  # fmt: skip
# What even a full update that leaves them out does not take away.
_KEPT = {"Name", "Active", "Type", "ParentRef", "IncomeAccountRef"}


class Listed(Named):
    """Items, classes or departments."""

    def load(self, given: Json) -> None:
        """Put in a row of the scenario as it is: rows there before never went through the API."""
        fields = deepcopy(given)
        id_ = str(fields.pop("Id"))
        if self.list is ITEM:
            account = {"value": "1", "name": "Services"}
            fields = {"Type": "Service", "IncomeAccountRef": account} | fields
        base = {"Active": True, **self.list.defaults}
        self.rows[id_] = self._row(base | fields, self.company.system_members(id_))

    def create(self, body: Json) -> Json:
        fields = self._read(body)
        if self.list is ITEM and "Type" not in fields:
            raise faults.required("Type")
        if fields.get("Type") not in {None, "Category"} and "IncomeAccountRef" not in fields:
            raise faults.required("IncomeAccountRef")
        id_ = self.company.next_id(self.list.entity, self.rows)
        base = {"Active": True, **self.list.defaults}
        row = self._checked(base | fields, self.company.system_members(id_))
        self.rows[row["Id"]] = row
        return deepcopy(row)

    def _base_of_full_update(self, old: Json, fields: Json) -> Json:  # noqa: ARG002 - see Names
        kept = {name: value for name, value in old.items() if name in _KEPT}
        return self.list.defaults | {self.list.below: "ParentRef" in kept} | kept

    def _changed(self, fields: Json, base: Json, old: Json) -> Json:
        return self._checked(base | fields, self.company.changed_members(old))

    # --- reading a body ---

    def _read(self, body: Json) -> Json:
        fields = self._written(body)
        check_name("Name", fields.get("Name", ""), LONGEST_NAME)
        fields |= read_values(fields, {self.list.below: "flag", **_KINDS})
        if fields.get("Type", "Service") not in ITEM_TYPES:
            raise faults.bad_enum(fields["Type"])
        return fields

    # --- making a row ---

    def _checked(self, fields: Json, system: Json) -> Json:
        """Return the row that *fields* make, or refuse it."""
        if not fields.get("Name"):
            raise faults.required("Name")
        below = bool(fields.get(self.list.below))
        if below != ("ParentRef" in fields):
            raise faults.parent_without_flag(self.list.below)
        if below:
            id_ = self.company.check_reference(
                fields["ParentRef"], "ParentRef", self.rows, self.list.label
            )
            if id_ == system["Id"] or system["Id"] in self._ancestors(id_):
                raise faults.business(f"A {self.list.entity} cannot be its own parent.")
        row = self._row(fields, system)
        check_depth(row["FullyQualifiedName"].count(":"))
        if row["Active"]:
            self._check_unique(row)
        return row

    def _row(self, fields: Json, system: Json) -> Json:
        row = fields | system
        self._mark_inactive(row)
        parent = self.rows.get(parent_id(row))
        row["FullyQualifiedName"] = row["Name"]
        if parent:
            row["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{row['Name']}"
            row["ParentRef"] = {"value": parent["Id"], "name": parent["Name"]}
            row["Level"] = row["FullyQualifiedName"].count(":")
        return without_empty({name: row[name] for name in self.list.members if name in row})

    def _check_unique(self, row: Json) -> None:
        for other in self.rows.values():
            if other["Id"] != row["Id"] and self._key(other) == self._key(row):
                raise FaultError("6240", "The name supplied already exists. : null")

    # --- the tree ---

    def _ancestors(self, id_: str) -> Iterator[str]:
        while parent := self.rows[id_].get("ParentRef"):
            id_ = parent["value"]
            yield id_

    def _rename_below(self, row: Json) -> None:
        for child in self._children(row["Id"]):
            system = {name: child[name] for name in SYSTEM_MEMBERS if name in child}
            self.rows[child["Id"]] = self._row(child, system)
            self._rename_below(child)
