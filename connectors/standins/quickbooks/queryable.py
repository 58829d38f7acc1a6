"""What queries may filter and sort, entity by entity, and the order without ORDERBY (FACTS 4)."""

from collections.abc import Callable
from typing import Any

from connectors.standins.quickbooks import activities, sales
from connectors.standins.quickbooks.listed import CLASS, DEPARTMENT, ITEM
from connectors.standins.quickbooks.names import CUSTOMER, EMPLOYEE, VENDOR
from connectors.standins.quickbooks.query import Property, Schema
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json

_BASE = {
    "Id": Property("id"),
    "MetaData.CreateTime": Property("time"),
    "MetaData.LastUpdatedTime": Property("time"),
}


def _texts(*names: str) -> dict[str, Property]:
    return {name: Property("text") for name in names}


def _references(*names: str) -> dict[str, Property]:
    return {name: Property("reference", sortable=False) for name in names}


_NAMED = {
    **_BASE,
    **_texts("DisplayName", "GivenName", "MiddleName", "FamilyName", "CompanyName"),
    **_texts("PrintOnCheckName"),
    "Active": Property("flag"),
}
_LISTED = {**_BASE, **_texts("Name", "FullyQualifiedName"), "Active": Property("flag")}
_TIME = {
    **_BASE,
    **_references("ProjectRef"),
    "TxnDate": Property("date"),
    "BillableStatus": Property("text", sortable=False),
}
_SALE = {
    **_BASE,
    **_texts("DocNumber"),
    **_references("CustomerRef"),
    "TxnDate": Property("date"),
    "TotalAmt": Property("number"),
}


def schema_of(entity: str, switches: Switches) -> Schema:
    """Return what queries of *entity* may name."""
    match entity:
        case "TimeActivity":
            more = _references("EmployeeRef", "VendorRef", "CustomerRef")
            fields = _TIME | (more if switches.filters_time_by_reference else {})
            return Schema(fields, activities.MEMBERS, _TIME_ORDERS[switches.time_order])
        case "Invoice":
            more = {"DueDate": Property("date"), "Balance": Property("number")}
            return Schema(_SALE | more, sales.MEMBERS, _newest_first)
        case "Estimate":
            return Schema(_SALE | _texts("TxnStatus"), sales.MEMBERS, _newest_first)
        case "Customer":
            more = _texts("FullyQualifiedName")
            return Schema(_NAMED | more, CUSTOMER.members, _by_qualified_name)
        case "Item":
            return Schema(_LISTED | _texts("Type", "Sku"), ITEM.members, _by_qualified_name)
    return _OTHERS[entity]


def _by_display_name(row: Json) -> str:
    name: str = row["DisplayName"]
    return name.casefold()


def _by_qualified_name(row: Json) -> list[str]:
    # A child comes right after its parent, also before "Parent Two".
    name: str = row["FullyQualifiedName"]
    return name.casefold().split(":")


def _newest_first(row: Json) -> int:
    return -int(row["Id"])


def _by_date(row: Json) -> tuple[str, int]:
    return row["TxnDate"], int(row["Id"])


_TIME_ORDERS: dict[str, Callable[[Json], Any]] = {
    "newest": _newest_first,
    "oldest": lambda row: int(row["Id"]),
    "date": _by_date,
}


_OTHERS: dict[str, Schema] = {
    "Employee": Schema(_NAMED, EMPLOYEE.members, _by_display_name),
    "Vendor": Schema(_NAMED, VENDOR.members, _by_display_name),
    "Class": Schema(_LISTED, CLASS.members, _by_qualified_name),
    "Department": Schema(_LISTED, DEPARTMENT.members, _by_qualified_name),
}
