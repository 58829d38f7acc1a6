"""The company behind the stand-in: its rows, its clock, its settings, and checks that all share."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import PACIFIC, Json, second

Rows = dict[str, Json]

CURRENCIES = {
    "USD": "United States Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "CAD": "Canadian Dollar",
    "AUD": "Australian Dollar",
}
# Members of every entity that callers may send back, and that change nothing.
SYSTEM_MEMBERS = ("domain", "sparse", "Id", "SyncToken", "MetaData", "status")

NAME_LISTS = ("customers", "employees", "vendors")

_ENDED = {"EXPIRED", "CANCELLED", "SUSPENDED", "RESTRICTED"}


class Company:
    """One realm: name lists, activities, CompanyInfo and Preferences.

    Attributes:
        customers: Rows by Id, as a read answers them; likewise the other lists.
        activities: The TimeActivities in the books, in the order of their creation.
    """

    def __init__(self, scenario: Json, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.realm_id = str(scenario["realm_id"])
        self.customers: Rows = {}
        self.employees: Rows = {}
        self.vendors: Rows = {}
        self.activities: Rows = {}
        self.items: Rows = {str(row["Id"]): self._item(row) for row in scenario.get("items", [])}
        # Classes and departments are rare, and known to refs and queries alone.
        self.classes = {str(row["Id"]): self._plain(row) for row in scenario.get("classes", [])}
        self.departments = {
            str(row["Id"]): self._plain(row) for row in scenario.get("departments", [])
        }
        self.company: Json = deepcopy(scenario.get("company", {})) | self.system_members(
            "1", version=4
        )
        self.preferences: Json = deepcopy(scenario.get("preferences", {})) | self.system_members(
            "1", version=6
        )
        names = [row for key in NAME_LISTS for row in scenario.get(key, [])]
        self._last = {"name": max((int(row["Id"]) for row in names), default=0), "activity": 0}

    # --- rows ---

    def system_members(self, id_: str, *, version: int = 0) -> Json:
        moment = second(self.now())
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": id_,
            "SyncToken": str(version),
            "MetaData": {"CreateTime": moment, "LastUpdatedTime": moment},
        }

    def changed_members(self, old: Json) -> Json:
        """Give *old*'s system members as they are after one more change."""
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": old["Id"],
            "SyncToken": str(int(old["SyncToken"]) + 1),
            "MetaData": old["MetaData"] | {"LastUpdatedTime": second(self.now())},
        }

    def next_name_id(self) -> str:
        """Return the next Id of the name lists, which share one row of numbers."""
        return self._next("name", self.customers, self.employees, self.vendors)

    def next_activity_id(self) -> str:
        """Return an Id that no activity ever had, deleted ones included."""
        return self._next("activity", self.activities)

    def _next(self, series: str, *lists: Rows) -> str:
        while True:  # past rows that a test put in by hand
            self._last[series] += 1
            id_ = str(self._last[series])
            if not any(id_ in rows for rows in lists):
                return id_

    def _plain(self, row: Json) -> Json:
        name = str(row["Name"])
        listed = {"Name": name, "FullyQualifiedName": name, "Active": row.get("Active", True)}
        return listed | self.system_members(str(row["Id"]))

    def _item(self, row: Json) -> Json:
        name = str(row["Name"])
        shown = {
            "Name": name,
            "Active": True,
            "FullyQualifiedName": name,
            "Taxable": False,
            "UnitPrice": 0,
            "Type": "Service",
            "IncomeAccountRef": {"value": "1", "name": "Services"},
            "PurchaseCost": 0,
            "TrackQtyOnHand": False,
        }
        given = {name: deepcopy(value) for name, value in row.items() if name != "Id"}
        return shown | given | self.system_members(str(row["Id"]))

    # --- settings ---

    def today(self) -> date:
        return self.now().astimezone(PACIFIC).date()

    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.company.get("DefaultTimeZone") or PACIFIC.key)

    def info(self, name: str) -> str:
        """Read one of CompanyInfo's NameValue pairs; empty when absent."""
        pairs = self.company.get("NameValue", [])
        return next((str(pair.get("Value", "")) for pair in pairs if pair["Name"] == name), "")

    def has_payroll(self) -> bool:
        return self.info("PayrollFeature").lower() == "true"

    def preference(self, group: str, name: str) -> Any:
        return self.preferences.get(group, {}).get(name)

    def currency(self) -> Json:
        code = (self.preference("CurrencyPrefs", "HomeCurrency") or {}).get("value", "USD")
        return {"value": code, "name": CURRENCIES.get(code, code)}

    def default_item(self) -> Json | None:
        """Return the service that time without an ItemRef is booked on (FACTS 0.8)."""
        chosen = self.preference("TimeTrackingPrefs", "DefaultTimeItem")
        if chosen and str(chosen["value"]) in self.items:
            return self.items[str(chosen["value"])]
        services = [i for i in self.items.values() if i["Type"] == "Service" and i["Active"]]
        return next((i for i in services if i["Name"] == "Hours"), next(iter(services), None))

    def close_date(self) -> date | None:
        text = self.preference("AccountingInfoPrefs", "BookCloseDate")
        return date.fromisoformat(str(text)) if text else None

    # --- checks ---

    def check_subscription(self) -> None:
        """Refuse every write once the subscription has ended; reads go on."""
        if self.info("SubscriptionStatus").upper() in _ENDED:
            plan = self.info("OfferingSku") or "QuickBooks Online"
            raise faults.FaultError(
                "6190",
                "Subscription period has ended or canceled or there was a billing problem : "
                f"You can't add data to {plan} because your trial or subscription period ended.",
            )

    def check_open(self, *days: date) -> None:
        """Refuse a change to the books of a day on or before the closing date."""
        closed = self.close_date()
        if closed and self.switches.refuses_closed_books and min(days) <= closed:
            raise faults.FaultError(self.switches.closed_books_code, faults.CLOSED)


def check_members(entity: str, body: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse a member that the entity does not have: the real parser is strict."""
    known = list(known)
    for member in body:
        if member not in known:
            raise faults.unknown_member(entity, member, known)


def existing(body: Json, rows: Rows) -> Json:
    """Find the row that an update or delete means, and hold its SyncToken against the row's."""
    row = find(body.get("Id"), rows)
    if body.get("SyncToken") is None:
        raise faults.required("SyncToken")
    if str(body["SyncToken"]) != row["SyncToken"]:
        raise faults.stale()
    return row


def find(id_: object, rows: Rows) -> Json:
    if id_ is None:
        raise faults.required("Id")
    if not isinstance(id_, str) or not (id_.isascii() and id_.isdecimal()):
        raise faults.bad_id(id_)
    if id_ not in rows:
        raise faults.not_found()
    return rows[id_]


def reference(value: object, member: str) -> str:
    """Read the id out of a reference, which is `{"value": id, "name": ignored}` and no more."""
    if not isinstance(value, dict):
        raise faults.bad_property(f'Can not construct instance of ReferenceType for "{member}"')
    check_members("ReferenceType", value, ("value", "name", "type"))
    id_ = value.get("value")
    if not id_:
        raise faults.required(f"{member}.value")
    if not isinstance(id_, str):
        raise faults.bad_property(f'Can not deserialize "{member}.value" from {id_!r}:')
    return id_


def check_reference(value: object, member: str, rows: Rows, kind: str) -> str:
    """Read a reference and refuse one to nothing, or to a row that was made inactive."""
    id_ = reference(value, member)
    if id_ not in rows:
        raise faults.unknown_reference(kind, id_)
    if not rows[id_].get("Active", True):
        raise faults.inactive_reference()
    return id_
