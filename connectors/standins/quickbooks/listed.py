"""Items, classes and departments: lists of names in a tree, each unique in its own (FACTS 5.4)."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.company import (
    SYSTEM_MEMBERS,
    Company,
    Rows,
    check_depth,
    check_members,
    check_name,
    existing,
    without_empty,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.values import read_values
from connectors.standins.quickbooks.wire import Json

LONGEST_NAME = 100
DELETED = " (deleted)"
ITEM_TYPES = {"Service", "Inventory", "NonInventory", "Category", "Group"}


@dataclass(frozen=True)
class ListKind:
    """One of the three lists.

    Attributes:
        members: What may be sent, in the order in which answers bear it.
        below: The flag of a row that has a parent.
        defaults: What a new row bears besides its name.
        label: What a fault calls it.
    """

    entity: str
    members: tuple[str, ...]
    below: str
    defaults: Json
    label: str


ITEM = ListKind(
    "Item",
    (
        "Name", "Sku", "Description", "Active", "SubItem", "ParentRef", "Level",
        "FullyQualifiedName", "Taxable", "SalesTaxIncluded", "UnitPrice", "Type",
        "IncomeAccountRef", "PurchaseDesc", "PurchaseCost", "ExpenseAccountRef", "AssetAccountRef",
        "PrefVendorRef", "TrackQtyOnHand", "QtyOnHand", "InvStartDate", "SalesTaxCodeRef",
        "ClassRef", "domain", "sparse", "Id", "SyncToken", "MetaData", "CustomField",
        "AttachableRef", "status",
    ),
    "SubItem",
    {"Taxable": False, "UnitPrice": 0, "PurchaseCost": 0, "TrackQtyOnHand": False},
    "Items",
)  # fmt: skip
CLASS = ListKind(
    "Class",
    ("Name", "SubClass", "ParentRef", "FullyQualifiedName", "Active", *SYSTEM_MEMBERS),
    "SubClass",
    {"SubClass": False},
    "Classes",
)
DEPARTMENT = ListKind(
    "Department",
    (
        "Name", "SubDepartment", "ParentRef", "FullyQualifiedName", "Active", "Address",
        *SYSTEM_MEMBERS,
    ),
    "SubDepartment",
    {"SubDepartment": False},
    "Departments",
)  # fmt: skip
_KINDS = {
    "Active": "flag", "Taxable": "flag", "TrackQtyOnHand": "flag", "UnitPrice": "number",
    "PurchaseCost": "number", "QtyOnHand": "number", "Type": "text", "Sku": "text",
    "Description": "text", "PurchaseDesc": "text", "InvStartDate": "date",
}  # fmt: skip
_READ_ONLY = {"Level", "FullyQualifiedName", "CustomField", "AttachableRef", *SYSTEM_MEMBERS}
# What even a full update that leaves them out does not take away.
_KEPT = {"Name", "Active", "Type", "ParentRef", "IncomeAccountRef"}


class Listed:
    """Creates and updates the rows of one list, and loads those that were there before."""

    def __init__(self, company: Company, kind: ListKind, rows: Rows) -> None:
        self.company = company
        self.kind = kind
        self.rows = rows

    def load(self, given: Json) -> None:
        """Put in a row of the scenario as it is: rows there before never went through the API."""
        fields = deepcopy(given)
        id_ = str(fields.pop("Id"))
        if self.kind is ITEM:
            account = {"value": "1", "name": "Services"}
            fields = {"Type": "Service", "IncomeAccountRef": account} | fields
        base = {"Active": True, **self.kind.defaults}
        self.rows[id_] = self._row(base | fields, self.company.system_members(id_))

    def create(self, body: Json) -> Json:
        fields = self._read(body)
        if self.kind is ITEM and "Type" not in fields:
            raise faults.required("Type")
        if fields.get("Type") not in {None, "Category"} and "IncomeAccountRef" not in fields:
            raise faults.required("IncomeAccountRef")
        id_ = self.company.next_id(self.kind.entity, self.rows)
        base = {"Active": True, **self.kind.defaults}
        return self._put(base | fields, self.company.system_members(id_))

    def update(self, body: Json) -> Json:
        """Change a row; without `sparse`, what is left out falls back to its default."""
        fields = self._read(body)
        old = existing(body, self.rows)
        if fields.get("Active") is False and not old["Active"]:
            return deepcopy(old)  # twice is no change, as with names
        keeps = fields.get("Active") is True and not self.company.switches.reactivating_renames
        base = old | ({} if keeps else {"Name": old["Name"].removesuffix(DELETED)})
        if body.get("sparse") is not True:
            kept = {name: value for name, value in base.items() if name in _KEPT}
            base = self.kind.defaults | {self.kind.below: "ParentRef" in kept} | kept
        row = self._put(base | fields, self.company.changed_members(old))
        self._rename_below(row["Id"])
        return row

    # --- reading a body ---

    def _read(self, body: Json) -> Json:
        check_members(self.kind.entity, body, self.kind.members)
        fields = {
            name: value
            for name, value in body.items()
            if value is not None and name not in _READ_ONLY
        }
        check_name("Name", fields.get("Name", ""), LONGEST_NAME)
        fields |= read_values(fields, {self.kind.below: "flag", **_KINDS})
        if fields.get("Type", "Service") not in ITEM_TYPES:
            raise faults.bad_enum(fields["Type"])
        return fields

    # --- making a row ---

    def _put(self, fields: Json, system: Json) -> Json:
        if not fields.get("Name"):
            raise faults.required("Name")
        below = bool(fields.get(self.kind.below))
        if below != ("ParentRef" in fields):
            raise faults.parent_without_flag(self.kind.below)
        if below:
            id_ = self.company.check_reference(
                fields["ParentRef"], "ParentRef", self.rows, self.kind.label
            )
            if id_ == system["Id"] or system["Id"] in self._ancestors(id_):
                raise faults.business(f"A {self.kind.entity} cannot be its own parent.")
        row = self._row(fields, system)
        check_depth(row["FullyQualifiedName"].count(":"))
        if row["Active"]:
            self._check_unique(row)
        self.rows[row["Id"]] = row
        return deepcopy(row)

    def _row(self, fields: Json, system: Json) -> Json:
        row = fields | system
        if not row["Active"]:
            row["Name"] = row["Name"].removesuffix(DELETED) + DELETED
        parent = self.rows.get(str(row.get("ParentRef", {}).get("value")))
        row["FullyQualifiedName"] = row["Name"]
        if parent:
            row["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{row['Name']}"
            row["ParentRef"] = {"value": parent["Id"], "name": parent["Name"]}
            row["Level"] = row["FullyQualifiedName"].count(":")
        return without_empty({name: row[name] for name in self.kind.members if name in row})

    def _check_unique(self, row: Json) -> None:
        for other in self.rows.values():
            if other["Id"] != row["Id"] and self._key(other) == self._key(row):
                raise FaultError("6240", "The name supplied already exists. : null")

    def _key(self, row: Json) -> str:
        name: str = row["FullyQualifiedName"]
        if not row["Active"] and self.company.switches.inactive_names_block:
            name = name.removesuffix(DELETED)
        return name.casefold() if self.company.switches.case_insensitive_names else name

    # --- the tree ---

    def _ancestors(self, id_: str) -> Iterator[str]:
        while parent := self.rows[id_].get("ParentRef"):
            id_ = parent["value"]
            yield id_

    def _rename_below(self, id_: str) -> None:
        for child in list(self.rows.values()):
            if child.get("ParentRef", {}).get("value") == id_:
                system = {name: child[name] for name in SYSTEM_MEMBERS if name in child}
                self.rows[child["Id"]] = self._row(child, system)
                self._rename_below(child["Id"])
