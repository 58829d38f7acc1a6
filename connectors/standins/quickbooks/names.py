"""Customers, employees and vendors: their names, their tree, and what happens to the inactive.

The rules are FACTS 5.1 to 5.4. A name is a customer's FullyQualifiedName, else a DisplayName: it
is unique over all three lists, so that a sub-customer may bear the name of a customer at the top.
"""

from collections.abc import Iterator
from copy import deepcopy

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.company import (
    SYSTEM_MEMBERS,
    check_depth,
    check_name,
    check_text,
    without_empty,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.named import Named, NameList, parent_id
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json

_SYSTEM = ("domain", "sparse", "Id", "SyncToken", "MetaData")
_NAMES = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_CONTACT = ("PrimaryPhone", "AlternatePhone", "Mobile", "Fax", "PrimaryEmailAddr", "WebAddr")
LONGEST = {
    "DisplayName": 500,
    "Title": 16,
    "GivenName": 100,
    "MiddleName": 100,
    "FamilyName": 100,
    "Suffix": 16,
    "CompanyName": 100,
    "PrintOnCheckName": 110,
    "Notes": 2000,
}
# What even a full update that leaves them out does not take away.
_KEPT = frozenset({"DisplayName", "Active", "Job", "ParentRef"})
_TOGETHER = frozenset({"Job", "ParentRef"})
_ONE_LINE = (*_NAMES, "DisplayName", "PrintOnCheckName")


CUSTOMER = NameList(
    "Customer",
    (
        "Taxable", "BillAddr", "ShipAddr", "Notes", "Job", "BillWithParent", "ParentRef", "Level",
        "CustomerTypeRef", "SalesTermRef", "PaymentMethodRef", "Balance", "OpenBalanceDate",
        "BalanceWithJobs", "CurrencyRef", "PreferredDeliveryMethod", "ResaleNum", "IsProject",
        "ClientEntityId", *_SYSTEM, *_NAMES, "FullyQualifiedName", "CompanyName", "DisplayName",
        "PrintOnCheckName", "Active", *_CONTACT, "DefaultTaxCodeRef", "V4IDPseudonym", "AcctNum",
        "TaxExemptionReasonId", "ARAccountRef", "PrimaryTaxIdentifier", "SecondaryTaxIdentifier",
        "GSTIN", "GSTRegistrationType", "BusinessNumber", "CustomField", "AttachableRef", "status",
    ),
    frozenset({
        "Level", "Balance", "BalanceWithJobs", "CurrencyRef", "IsProject", "ClientEntityId",
        "FullyQualifiedName", "V4IDPseudonym", "CustomField", "AttachableRef", *SYSTEM_MEMBERS,
    }),
    {
        "Taxable": True, "Job": False, "BillWithParent": False, "Balance": 0, "BalanceWithJobs": 0,
        "PreferredDeliveryMethod": "Print", "IsProject": False, "ClientEntityId": "0",
    },
)  # fmt: skip
EMPLOYEE = NameList(
    "Employee",
    (
        "SSN", "PrimaryAddr", "BillableTime", "BillRate", "CostRate", "BirthDate", "Gender",
        "HiredDate", "ReleasedDate", "UseTimeEntry", "EmployeeNumber", "EmployeeType", "Notes",
        *_SYSTEM, *_NAMES, "DisplayName", "PrintOnCheckName", "Active", *_CONTACT,
        "FullyQualifiedName", "CompanyName", "Organization", "V4IDPseudonym", "CustomField",
        "AttachableRef", "status",
    ),
    frozenset({
        "UseTimeEntry", "FullyQualifiedName", "CompanyName", "Organization", "V4IDPseudonym",
        "CustomField", "AttachableRef", *SYSTEM_MEMBERS,
    }),
    {"BillableTime": False},
)  # fmt: skip
VENDOR = NameList(
    "Vendor",
    (
        "BillAddr", "ShipAddr", "TaxIdentifier", "TermRef", "BillRate", "CostRate", "Balance",
        "AcctNum", "Vendor1099", "CurrencyRef", "Notes", *_SYSTEM, *_NAMES, "CompanyName",
        "DisplayName", "PrintOnCheckName", "Active", *_CONTACT, "APAccountRef",
        "VendorPaymentBankDetail", "GSTIN", "GSTRegistrationType", "BusinessNumber", "HasTPAR",
        "T4AEligible", "T5018Eligible", "TaxReportingBasis", "FullyQualifiedName",
        "V4IDPseudonym", "CustomField", "AttachableRef", "status",
    ),
    frozenset({
        "Balance", "CurrencyRef", "FullyQualifiedName", "V4IDPseudonym", "CustomField",
        "AttachableRef", *SYSTEM_MEMBERS,
    }),
    {"Balance": 0, "Vendor1099": False},
)  # fmt: skip


class Names(Named):
    """Customers, employees or vendors."""

    def load(self, given: Json) -> None:
        """Put in a row of the scenario as it is: rows there before never went through the API."""
        fields = deepcopy(given)
        id_ = str(fields.pop("Id"))
        if "ParentRef" in fields:
            fields["ParentRef"] = {"value": str(fields["ParentRef"]["value"])}
            fields["Job"] = True
        row = self._row(fields, self._defaults(), self.company.system_members(id_))
        self.rows[id_] = row

    def create(self, body: Json) -> Json:
        fields = self._read(body)
        self._apply_payroll(fields, {})
        self._check_address(fields)
        self._check_parts(fields)
        company = self.company
        id_ = company.next_id("name", company.customers, company.employees, company.vendors)
        row = self._row(fields, self._defaults(), company.system_members(id_))
        self._check(row, old=None)
        self.rows[row["Id"]] = row
        return deepcopy(row)

    def _changed(self, fields: Json, base: Json, old: Json) -> Json:
        self._apply_payroll(fields, base)
        row = self._row(fields, base, self.company.changed_members(old))
        self._check(row, old=old)
        return row

    def _base_of_full_update(self, old: Json, fields: Json) -> Json:
        keep = _KEPT | self.list.read_only
        if len(fields.keys() & _TOGETHER) == 1 and old.get("Job"):
            raise faults.parent_without_flag("Job")  # one was lost (FACTS 5.1)
        if fields.keys() & _TOGETHER:
            keep -= _TOGETHER
        base = self._defaults() | {n: v for n, v in old.items() if n in keep}
        self._check_parts(base | fields)
        return base

    # --- reading a body ---

    def _read(self, body: Json) -> Json:
        fields = self._written(body)
        for name, limit in LONGEST.items():
            check = check_name if name in _ONE_LINE else check_text
            check(name, fields.get(name, ""), limit)
        for name in ("Active", "Job", "BillWithParent"):
            if not isinstance(fields.get(name, True), bool):
                raise faults.bad_property(f'Can not deserialize boolean "{name}":')
        return fields

    def _check_parts(self, fields: Json) -> None:
        if self.list is EMPLOYEE:
            if not (fields.get("GivenName") or fields.get("FamilyName")):
                raise faults.required("GivenName")
        elif not any(fields.get(name) for name in ("DisplayName", *_NAMES)):
            raise faults.required("DisplayName")

    def _apply_payroll(self, fields: Json, base: Json) -> None:
        """With payroll on, an employee's DisplayName is not the caller's to choose (FACTS 5.3)."""
        if self.list is EMPLOYEE and self.company.has_payroll():
            if set("X*") & set(str(fields.get("SSN", "")).upper()):  # as answers show it
                raise faults.business("A masked SSN cannot be saved.")
            for name in ("Title", "Suffix", "PrintOnCheckName", "BillRate"):
                fields.pop(name, None)
            merged = base | fields
            parts = [merged.get(name) for name in ("GivenName", "MiddleName", "FamilyName")]
            fields["DisplayName"] = " ".join(str(part) for part in parts if part)

    def _check_address(self, fields: Json) -> None:
        if self.list is EMPLOYEE and self.company.has_payroll():
            for part in ("City", "CountrySubDivisionCode", "PostalCode"):
                if not fields.get("PrimaryAddr", {}).get(part):
                    raise faults.required(f"PrimaryAddr.{part}")

    # --- making a row ---

    def _defaults(self) -> Json:
        defaults = dict(self.list.defaults)
        if "CurrencyRef" in self.list.members:
            defaults["CurrencyRef"] = self.company.currency()
        return defaults

    def _row(self, fields: Json, base: Json, system: Json) -> Json:
        """Lay *fields* over *base* and add what the service works out, in the order of answers."""
        row: Json = {"Active": True} | base | fields | system
        built = " ".join(str(row[part]) for part in _NAMES if row.get(part))
        row["DisplayName"] = row.get("DisplayName") or built
        row["PrintOnCheckName"] = row.get("PrintOnCheckName") or row["DisplayName"]
        self._mark_inactive(row)
        if self.list is EMPLOYEE:
            self._settle_employee(row)
        if self.list is CUSTOMER:
            self._settle_customer(row)
        return without_empty({name: row[name] for name in self.list.members if name in row})

    def _settle_employee(self, row: Json) -> None:
        if not row["BillableTime"]:
            row.pop("BillRate", None)  # only where the time is billable (FACTS 5.3)
        if self.company.has_payroll():
            row.setdefault("UseTimeEntry", "NotSet")

    def _settle_customer(self, row: Json) -> None:
        row.pop("Level", None)
        parent = self.rows.get(parent_id(row))
        if parent:
            row["ParentRef"] = {"value": parent["Id"]}  # without a name (FACTS 5.1)
            row["Level"] = parent.get("Level", 0) + 1
        row["FullyQualifiedName"] = _qualified(row, parent)

    # --- the rules ---

    def _check(self, row: Json, *, old: Json | None) -> None:
        if not row.get("DisplayName"):
            raise faults.required("DisplayName")
        if self.list is CUSTOMER:
            self._check_parent(row, old)
        if row["Active"]:
            taken = self._taken(without=row["Id"])
            if self._key(row) in taken:
                raise FaultError(
                    "6240",
                    "The name supplied already exists. : Another customer, vendor or employee is "
                    "already using this name. Please use a different name.",
                )

    def _check_parent(self, row: Json, old: Json | None) -> None:
        if row["Job"] != ("ParentRef" in row and parent_id(row) != "0"):
            raise faults.parent_without_flag("Job")
        if not row["Job"]:
            return
        if old is None or old.get("ParentRef") != row["ParentRef"]:
            self.company.check_reference(row["ParentRef"], "ParentRef", self.rows, "Names")
        below = list(self._below(row["Id"]))
        if parent_id(row) in {row["Id"], *(child["Id"] for child in below)}:
            raise faults.business("A customer cannot be its own parent.")
        deepest = max((child["Level"] for child in below), default=0)
        check_depth(row["Level"] + max(deepest - (old or {}).get("Level", 0), 0))

    def _taken(self, *, without: str) -> Iterator[str]:
        company = self.company
        for rows in (company.customers, company.employees, company.vendors):
            for row in rows.values():
                if rows is self.rows and row["Id"] == without:
                    continue
                yield self._key(row)

    # --- the tree of customers ---

    def _below(self, id_: str) -> Iterator[Json]:
        for row in self._children(id_):
            yield row
            yield from self._below(row["Id"])

    def _rename_below(self, row: Json) -> None:
        if self.list is not CUSTOMER:
            return
        for child in self._below(row["Id"]):
            parent = self.rows[child["ParentRef"]["value"]]
            child["Level"] = parent.get("Level", 0) + 1
            child["FullyQualifiedName"] = _qualified(child, parent)


def shown_project(row: Json, switches: Switches) -> Json:
    """Copy a customer that is a project for an answer, as a switch has it (FACTS 5.2)."""
    match switches.project_customers:
        case "children":
            return row | {"Job": False}
        case "alone":
            return {n: v for n, v in row.items() if n not in {"ParentRef", "Level"}} | {
                "Job": False
            }
    return row


def _qualified(row: Json, parent: Json | None) -> str:
    name: str = row["DisplayName"]
    return f"{parent['FullyQualifiedName']}:{name}" if parent else name
