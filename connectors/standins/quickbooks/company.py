"""The company behind the stand-in: its rows, its clock, its settings, and checks that all share."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
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

_OBJECTS = ("Ref", "Addr", "Phone", "Mobile", "Fax", "Memo", "Email")  # how their names end
DEEPEST = 4  # levels of a list under its top, so five in all (FACTS 5.1)

Operation = Literal["Create", "Update", "Delete"]

_ENDED = {"EXPIRED", "CANCELLED", "SUSPENDED", "RESTRICTED"}


@dataclass(frozen=True)
class Change:
    """Something that happened to a row, whoever did it."""

    entity: str
    id: str
    operation: Operation
    moment: datetime


class Company:
    """One realm: lists, activities, sales, CompanyInfo and Preferences.

    Attributes:
        customers: Rows by Id, as a read answers them; likewise the other lists.
        pay_types: Names of pay types by their ids, by the employee's; the API has no list of them.
        activities: The TimeActivities in the books, in the order of their creation.
        changes: What happened, in its order: deletions for CDC, all of it for webhooks.
    """

    def __init__(self, scenario: Json, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.realm_id = str(scenario["realm_id"])
        self.customers: Rows = {}
        self.employees: Rows = {}
        self.vendors: Rows = {}
        self.activities: Rows = {}
        self.items: Rows = {}
        self.classes: Rows = {}
        self.departments: Rows = {}
        self.pay_types: dict[str, dict[str, str]] = {}
        self.invoices: Rows = {}
        self.estimates: Rows = {}
        self.company: Json = deepcopy(scenario.get("company", {})) | self.system_members(
            "1", version=4
        )
        self.preferences: Json = deepcopy(scenario.get("preferences", {})) | self.system_members(
            "1", version=6
        )
        self.changes: list[Change] = []
        self._last: dict[str, int] = {}

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

    def next_id(self, series: str, *lists: Rows) -> str:
        """Return the next Id of a *series* that *lists* share; no row of theirs ever had it."""
        if series not in self._last:
            self._last[series] = max((int(id_) for rows in lists for id_ in rows), default=0)
        while True:  # past rows that a test put in by hand
            self._last[series] += 1
            id_ = str(self._last[series])
            if not any(id_ in rows for rows in lists):
                return id_

    def note(self, entity: str, id_: str, operation: Operation) -> None:
        """Remember that a row was created, updated or deleted."""
        self.changes.append(Change(entity, id_, operation, self.now()))

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

    def shown_preferences(self) -> Json:
        """Return the Preferences; a plan without time tracking has no block for it (FACTS 6.2)."""
        hidden = (
            {"TimeTrackingPrefs"} if self.info("OfferingSku").endswith("Simple Start") else set()
        )
        return {name: value for name, value in self.preferences.items() if name not in hidden}

    def currency(self) -> Json:
        code = (self.preference("CurrencyPrefs", "HomeCurrency") or {}).get("value", "USD")
        return {"value": code, "name": CURRENCIES.get(code, code)}

    def uses_services(self) -> bool:
        return self.preference("TimeTrackingPrefs", "UseServices") is not False

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
        """Refuse a change to the books of a day before the closing date, or on it."""
        closed = self.close_date()
        if closed and not self.switches.closes_last_day:
            closed -= timedelta(days=1)
        if closed and self.switches.refuses_closed_books and min(days) <= closed:
            raise faults.FaultError(self.switches.closed_books_code, faults.CLOSED)

    def check_reference(self, value: object, member: str, rows: Rows, kind: str) -> str:
        """Read a reference and refuse one to nothing, or to a row that was made inactive."""
        id_ = reference(value, member)
        if id_ not in rows:
            raise faults.unknown_reference(kind, id_)
        code = self.switches.inactive_reference_code
        if code and not rows[id_].get("Active", True):
            raise faults.inactive_reference(code)
        return id_


def check_members(entity: str, body: Any, known: Iterable[str]) -> None:
    """Refuse a member that the entity does not have: the real parser is strict."""
    known = list(known)
    if not isinstance(body, dict):
        raise faults.bad_property(f"Can not construct instance of {entity}:")
    for member, value in body.items():
        if member not in known:
            raise faults.unknown_member(entity, member, known)
        is_object = member.endswith(_OBJECTS) and member != "AttachableRef"
        if is_object and not isinstance(value, dict | None):
            raise faults.bad_property(f'Can not deserialize "{member}" from {value!r}:')


def objects(value: Any, member: str) -> list[Json]:
    """Read a list of objects."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise faults.bad_property(f'Can not deserialize "{member}":')
    return value


def existing(body: Json, rows: Rows) -> Json:
    """Find the row that an update or delete means, and hold its SyncToken against the row's."""
    if not isinstance(body.get("sparse", False), bool):
        raise faults.bad_property('Can not deserialize boolean "sparse":')
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


def check_name(member: str, value: object, limit: int) -> None:
    """Refuse a name that is no text, too long, or more than one line without colons."""
    check_text(member, value, limit)
    if set(str(value)) & set(":\t\n\r"):
        raise faults.business(f"{member}: names cannot include tabs, newlines or ':'.")


def check_text(member: str, value: object, limit: int) -> None:
    if not isinstance(value, str):
        raise faults.bad_property(f'Can not deserialize "{member}" from {value!r}:')
    if len(value) > limit:
        raise faults.too_long(member, value, limit)


def check_depth(level: int) -> None:
    if level > DEEPEST:
        raise faults.FaultError("6180", f"At most {DEEPEST} levels below the top are possible.")


def without_empty(row: Json) -> Json:
    """Return *row* as answers bear it: what has no value is left out (FACTS 1.1)."""
    return {name: value for name, value in row.items() if value not in ("", None)}
