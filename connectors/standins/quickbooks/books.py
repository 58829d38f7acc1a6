"""What a company's API offers, entity by entity: read, save, delete, query, batch, CDC.

Knows nothing of HTTP, tokens or throttles: those stand before it, in `quickbooks`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.standins.quickbooks import activities, faults
from connectors.standins.quickbooks import names as qbo_names
from connectors.standins.quickbooks import query as qbo_query
from connectors.standins.quickbooks.activities import Activities
from connectors.standins.quickbooks.company import SYSTEM_MEMBERS, Company, Rows, find
from connectors.standins.quickbooks.names import CUSTOMER, EMPLOYEE, VENDOR, NameList, Names
from connectors.standins.quickbooks.query import Property, Schema
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json

CDC_DAYS = 30
CDC_ROWS = 1000

_TIMES = {
    "MetaData.CreateTime": Property("time"),
    "MetaData.LastUpdatedTime": Property("time"),
}
_NAMED = {
    "Id": Property("id"),
    "DisplayName": Property("text"),
    "GivenName": Property("text"),
    "MiddleName": Property("text"),
    "FamilyName": Property("text"),
    "CompanyName": Property("text"),
    "PrintOnCheckName": Property("text"),
    "Active": Property("flag"),
    **_TIMES,
}
_LISTED = {
    "Id": Property("id"),
    "Name": Property("text"),
    "FullyQualifiedName": Property("text"),
    "Active": Property("flag"),
    **_TIMES,
}
_TIME = {
    "Id": Property("id"),
    "TxnDate": Property("date"),
    "BillableStatus": Property("text", sortable=False),
    "ProjectRef": Property("reference", sortable=False),
    **_TIMES,
}
_TIME_REFERENCES = {
    name: Property("reference", sortable=False)
    for name in ("EmployeeRef", "VendorRef", "CustomerRef")
}
_ITEM_MEMBERS = (
    "Name", "Description", "Active", "FullyQualifiedName", "Taxable", "UnitPrice", "Type",
    "IncomeAccountRef", "PurchaseCost", "TrackQtyOnHand", "Sku", *SYSTEM_MEMBERS,
)  # fmt: skip


def _by_display_name(row: Json) -> str:
    name: str = row["DisplayName"]
    return name.casefold()


def _by_qualified_name(row: Json) -> list[str]:
    # A child comes right after its parent, also before "Parent Two".
    name: str = row["FullyQualifiedName"]
    return name.casefold().split(":")


def _newest_first(row: Json) -> int:
    return -int(row["Id"])


class Books:
    """The API of one company."""

    def __init__(self, scenario: Json, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.company = company = Company(scenario, now=now, switches=switches)
        self.switches = switches
        self.activities = Activities(company)
        self.names: dict[str, Names] = {}
        for key, names, rows in (
            ("customers", CUSTOMER, company.customers),
            ("employees", EMPLOYEE, company.employees),
            ("vendors", VENDOR, company.vendors),
        ):
            self.names[names.entity] = self._loaded(names, rows, scenario.get(key, []))
        self.rows: Mapping[str, Rows] = {
            "TimeActivity": company.activities,
            "Customer": company.customers,
            "Employee": company.employees,
            "Vendor": company.vendors,
            "Item": company.items,
            "Class": company.classes,
            "Department": company.departments,
        }

    def _loaded(self, names: NameList, rows: Rows, given: list[Json]) -> Names:
        service = Names(self.company, names, rows)
        for row in given:
            service.load(row)
        return service

    def entity(self, name: str) -> str:
        """Return an entity's own spelling, e.g. `TimeActivity` for the path's `timeactivity`."""
        for entity in (*self.rows, "CompanyInfo", "Preferences"):
            if entity.lower() == name.lower():
                return entity
        raise faults.unsupported(name)

    # --- single objects ---

    def read(self, entity: str, id_: str) -> Json:
        match entity:
            case "CompanyInfo":
                return self.company.company
            case "Preferences":
                return self.company.preferences
            case _:
                return self._shown(entity, find(id_, self.rows[entity]))

    def save(self, entity: str, body: Json, operation: str) -> Json:
        """Create, update or delete one object; *operation* says which."""
        self.company.check_subscription()
        service = self.activities if entity == "TimeActivity" else self.names.get(entity)
        match operation, service:
            case "create", Activities() | Names():
                return service.create(body)
            case "update", Activities() | Names():
                return service.update(body)
            case "delete", Activities():
                return service.delete(body)
            case _:
                raise faults.unsupported(f"{operation} of {entity}")

    def _shown(self, entity: str, row: Json) -> Json:
        return self.activities.shown(row) if entity == "TimeActivity" else row

    # --- many at once ---

    def query(self, text: str) -> Json:
        """Answer a query: rows, nothing at all (`{}`), or a count (FACTS 4.2)."""
        statement = qbo_query.parse(text, today=self.company.today())
        try:
            entity = self.entity(statement.entity)
        except faults.FaultError:
            raise qbo_query.invalid(f"invalid context declaration: {statement.entity}") from None
        if entity in {"CompanyInfo", "Preferences"}:
            return {entity: [self.read(entity, "")], "maxResults": 1}
        rows = list(self.rows[entity].values())
        chosen = qbo_query.select(statement, entity, self._schema(entity), rows)
        if statement.counts:
            return {"totalCount": len(chosen)}
        first = statement.start - 1
        page = [self._shown(entity, row) for row in chosen[first : first + statement.limit]]
        if statement.columns:
            page = [qbo_query.project(row, statement.columns) for row in page]
        if not page:
            return {}
        return {entity: page, "startPosition": statement.start, "maxResults": len(page)}

    def _schema(self, entity: str) -> Schema:
        match entity:
            case "TimeActivity":
                more = _TIME_REFERENCES if self.switches.filters_time_by_reference else {}
                return Schema(_TIME | more, activities.MEMBERS, _newest_first)
            case "Customer":
                fields = _NAMED | {"FullyQualifiedName": Property("text")}
                return Schema(fields, qbo_names.CUSTOMER.members, _by_qualified_name)
            case "Employee" | "Vendor":
                members = self.names[entity].list.members
                return Schema(_NAMED, members, _by_display_name)
            case _:
                listed = _LISTED | ({"Type": Property("text")} if entity == "Item" else {})
                return Schema(listed, _ITEM_MEMBERS, _by_qualified_name)

    def batch_item(self, item: Json) -> Json:
        """Do one item of a batch and give its answer, without the bId (FACTS 2.1)."""
        if "Query" in item:
            return {"QueryResponse": self.query(str(item["Query"]))}
        entities = [name for name in item if name not in {"bId", "operation", "optionsData"}]
        if len(entities) != 1 or not isinstance(item[entities[0]], dict):
            raise faults.required("BatchItemRequest.IntuitObject")
        if item.get("operation") not in {"create", "update", "delete"}:
            raise faults.bad_enum(item.get("operation"))
        entity = self.entity(entities[0])
        return {entity: self.save(entity, item[entities[0]], str(item["operation"]))}

    def changes(self, entities: list[str], since: datetime) -> list[Json]:
        """Return what changed *since* then, one answer an entity (FACTS 4.5)."""
        since = max(since, self.company.now() - timedelta(days=CDC_DAYS))
        return [self._changes(self.entity(name), since) for name in entities]

    def _changes(self, entity: str, since: datetime) -> Json:
        if entity == "TimeActivity" and not self.switches.cdc_serves_time:
            raise faults.unsupported("ChangeDataCapture of TimeActivity")
        changed = [
            self._shown(entity, row)
            for row in self.rows.get(entity, {}).values()
            if datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"]) >= since
        ][:CDC_ROWS]
        if not changed:
            return {}
        count: dict[str, Any] = {
            "startPosition": 1, "maxResults": len(changed), "totalCount": len(changed)
        }  # fmt: skip
        return {entity: changed} | count
