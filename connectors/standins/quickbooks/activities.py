"""TimeActivity: what may be booked, and how it is echoed (FACTS 1.1 to 1.4)."""

import re
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.company import (
    SYSTEM_MEMBERS,
    Company,
    Rows,
    check_members,
    existing,
    reference,
    without_empty,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.values import read_value
from connectors.standins.quickbooks.wire import Json

# In the order in which answers bear them (FACTS 1.1), each with its kind.
FIELDS = {
    "TxnDate": "date",
    "NameOf": "name_of",
    "EmployeeRef": "reference",
    "VendorRef": "reference",
    "OtherNameRef": "reference",
    "CustomerRef": "reference",
    "DepartmentRef": "reference",
    "ItemRef": "reference",
    "ClassRef": "reference",
    "PayrollItemRef": "reference",
    "ProjectRef": "reference",
    "BillableStatus": "billable_status",
    "Taxable": "flag",
    "HourlyRate": "number",
    "CostRate": "number",
    "Hours": "whole",
    "Minutes": "whole",
    "Seconds": "whole",
    "BreakHours": "whole",
    "BreakMinutes": "whole",
    "BreakSeconds": "whole",
    "StartTime": "time",
    "EndTime": "time",
    "Description": "text",
    "TransactionLocationType": "location",
    "HoursInEmployeeTimeZone": "flag",
}
# In the schema too, but nothing that is written there is kept.
IGNORED = (
    "CustomField", "AttachableRef", "TimeZone", "OtherNameRef", "TimeChargeId", "TimeActivityEx"
)  # fmt: skip
MEMBERS = tuple(dict.fromkeys((*FIELDS, *IGNORED, *SYSTEM_MEMBERS)))

ENUMS = {
    "name_of": {"Employee", "Vendor"},
    "billable_status": {"Billable", "NotBillable"},
    "location": {"WithinFrance", "FranceOverseas", "OutsideFranceWithEU", "OutsideEU"},
}
TIME = "TimeActivity"
MOST_HOURS = 8760
HIGHEST_RATE = 99999999999


class Activities:
    """Creates, updates and deletes the TimeActivities of a company."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.rows = company.activities
        self._lists: dict[str, tuple[Rows, str]] = {
            "EmployeeRef": (company.employees, "Names"),
            "VendorRef": (company.vendors, "Names"),
            "CustomerRef": (company.customers, "Names"),
            "ItemRef": (company.items, "Items"),
            "ClassRef": (company.classes, "Classes"),
            "DepartmentRef": (company.departments, "Departments"),
        }

    def create(self, body: Json) -> Json:
        fields = self._checked(self._read(body))
        id_ = self.company.next_id("activity", self.rows)
        self.rows[id_] = fields | self.company.system_members(id_)
        return self.shown(self.rows[id_])

    def update(self, body: Json) -> Json:
        """Change an activity; without `sparse`, what is left out is lost."""
        fields = self._read(body)
        old = existing(body, self.rows)
        if body.get("sparse") is True and self.company.switches.sparse_time_updates:
            kept = {name: value for name, value in old.items() if name in FIELDS}
            fields = kept | fields
        if self.company.switches.billable_status == "kept":
            fields["BillableStatus"] = old["BillableStatus"]
        self.company.check_open(date.fromisoformat(old["TxnDate"]))
        status = self._status_after(old, body)
        row = self._checked(fields | status) | self.company.changed_members(old)
        if old["BillableStatus"] != row["BillableStatus"] and _is_billed(old):
            self.leave_invoices(row["Id"])
        self.rows[row["Id"]] = row
        return self.shown(row)

    def _status_after(self, old: Json, body: Json) -> Json:
        """Say what an update makes of the status of time that an invoice has taken up."""
        if not _is_billed(old):
            return {}
        match self.company.switches.update_of_billed:
            case "refused":
                raise faults.business("This time activity has been billed.")
            case "unbills" if body.get("BillableStatus"):
                return {}
        return {"BillableStatus": "HasBeenBilled"}

    def delete(self, body: Json) -> Json:
        check_members("TimeActivity", body, MEMBERS)
        row = existing(body, self.rows)
        self.company.check_open(date.fromisoformat(row["TxnDate"]))
        if _is_billed(row):
            if not self.company.switches.billed_can_be_deleted:
                raise faults.business("This time activity has been billed.")
            self.leave_invoices(row["Id"])
        del self.rows[row["Id"]]
        return {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}

    def set_billed(self, id_: str, status: str) -> None:
        """Change the status because of an invoice; the time of the last change moves (FACTS 1.5).

        Real billed rows bear SyncToken 0, as if nobody had touched them.
        """
        row = self.rows.get(id_)
        if row is None:  # deleted meanwhile, where billed time can be
            return
        row["BillableStatus"] = status
        changed = self.company.changed_members(row)
        if not self.company.switches.billing_raises_sync_token:
            changed["SyncToken"] = row["SyncToken"]
        row |= changed
        self.company.note("TimeActivity", id_, "Update")

    def leave_invoices(self, id_: str) -> None:
        """Take an activity out of the invoices that link it; their amounts stay."""
        for invoice in self.company.invoices.values():
            for part in (invoice, *invoice["Line"]):
                links = part.pop("LinkedTxn", [])
                kept = [link for link in links if (link["TxnType"], link["TxnId"]) != (TIME, id_)]
                part.update({"LinkedTxn": kept} if kept else {})

    def shown(self, row: Json) -> Json:
        """Copy a row for an answer; references bear the names of now (FACTS 1.1)."""
        return {name: self._named(name, value) for name, value in row.items()}

    def _named(self, member: str, value: Any) -> Any:
        if member == "PayrollItemRef":
            names = {
                id_: name for own in self.company.pay_types.values() for id_, name in own.items()
            }
            is_named = self.company.switches.names_pay_types and value["value"] in names
            return value | ({"name": names[value["value"]]} if is_named else {})
        if member not in self._lists:
            return value
        target = self._lists[member][0].get(value["value"])
        if target is None:
            return value
        return {"value": value["value"], "name": target.get("DisplayName") or target["Name"]}

    # --- reading a body ---

    def _read(self, body: Json) -> Json:
        check_members("TimeActivity", body, MEMBERS)
        code = self.company.switches.has_been_billed_code
        if body.get("BillableStatus") == "HasBeenBilled" and code == "6000":
            raise faults.business("Only an invoice makes time billed.")
        sent = {name: body[name] for name in FIELDS if body.get(name) is not None}
        return {name: _value(name, value) for name, value in sent.items() if name not in IGNORED}

    # --- the rules, in the order in which they are held against a body ---

    def _checked(self, fields: Json) -> Json:
        """Hold *fields* against every rule and give the row as it will be echoed."""
        fields = {"TxnDate": self.company.today().isoformat()} | fields
        self._check_person(fields)
        self._settle_features(fields)
        self._settle_references(fields)
        self._settle_time(fields)
        self._settle_billing(fields)
        self._check_company(fields)
        return without_empty({name: fields[name] for name in FIELDS if name in fields})

    def _check_person(self, fields: Json) -> None:
        if "NameOf" not in fields:
            raise faults.required("NameOf")
        if "EmployeeRef" in fields and "VendorRef" in fields:
            raise FaultError("6290", "An employee and a vendor cannot both be given.")
        if fields["NameOf"] != "Other" and f"{fields['NameOf']}Ref" not in fields:
            raise FaultError("6300", f"NameOf is {fields['NameOf']}, but the reference is not.")

    def _settle_features(self, fields: Json) -> None:
        """Settle what a company has not switched on: taken, dropped or refused (FACTS 1.1, 6.2)."""
        company, switches = self.company, self.company.switches
        if company.company.get("Country") != "FR":
            fields.pop("TransactionLocationType", None)
        accounting = partial(company.preference, "AccountingInfoPrefs")
        for member, is_on, answer in (
            ("ClassRef", accounting("ClassTrackingPerTxn"), switches.without_tracking),
            ("DepartmentRef", accounting("TrackDepartments"), switches.without_tracking),
            ("ItemRef", company.uses_services(), switches.without_services),
        ):
            if member in fields and not is_on and answer == "refused":
                raise FaultError("5030", f"{member} needs a feature that is off.")
            if not is_on and answer == "dropped":
                fields.pop(member, None)
        bills = company.preference("TimeTrackingPrefs", "BillCustomers") is not False
        if not bills and fields.get("BillableStatus") == "Billable":
            self._settle_without_billing(fields)

    def _settle_without_billing(self, fields: Json) -> None:
        answer = self.company.switches.without_billing
        if answer == "refused":
            raise FaultError("6320", "The company does not bill time to customers.")
        if answer == "dropped":
            fields["BillableStatus"] = "NotBillable"

    def _settle_references(self, fields: Json) -> None:
        company = self.company
        default = company.default_item()
        keeps_items = company.uses_services() or company.switches.without_services != "dropped"
        if "ItemRef" not in fields and default is not None and keeps_items:
            fields["ItemRef"] = {"value": default["Id"]}
        self._rename_stranger(fields)
        self._look_up(fields)
        wanted = company.switches.requires_class
        wanted &= company.preference("AccountingInfoPrefs", "ClassTrackingPerTxn") is True
        if wanted and "ClassRef" not in fields:
            raise faults.required("ClassRef")
        self._settle_pay_type(fields)
        for member in ("PayrollItemRef", "ProjectRef"):  # known to other services
            if member in fields:
                fields[member] = {"value": reference(fields[member], member)}
        project = company.customers.get(fields.get("CustomerRef", {}).get("value"), {})
        if project.get("IsProject") and company.switches.shows_project_ref:
            fields.setdefault("ProjectRef", {"value": f"4162961{project['Id']}"})

    def _settle_pay_type(self, fields: Json) -> None:
        """Settle whose pay type it is, of employees whose pay types the stand-in was given."""
        company, switches = self.company, self.company.switches
        own = company.pay_types.get(fields.get("EmployeeRef", {}).get("value"), {})
        if "PayrollItemRef" not in fields:
            if own and switches.fills_pay_types and company.has_payroll():
                fields["PayrollItemRef"] = {"value": next(iter(own))}
        elif company.pay_types and switches.refuses_foreign_pay_types:
            id_ = reference(fields["PayrollItemRef"], "PayrollItemRef")
            if id_ not in own:
                raise faults.unknown_reference("PayrollItem", id_)

    def _look_up(self, fields: Json) -> None:
        for member, (rows, kind) in self._lists.items():
            if member in fields:
                id_ = self.company.check_reference(fields[member], member, rows, kind)
                fields[member] = {"value": id_}
                if member == "ItemRef" and rows[id_]["Type"] != "Service":
                    raise faults.business("Time can only be booked on an item of type Service.")

    def _rename_stranger(self, fields: Json) -> None:
        """Take an id that is no employee's for another name, as was seen once (FACTS 1.1)."""
        if "EmployeeRef" in fields and self.company.switches.strangers_become_others:
            id_ = reference(fields["EmployeeRef"], "EmployeeRef")
            if id_ not in self.company.employees:
                del fields["EmployeeRef"]
                fields |= {"NameOf": "Other", "OtherNameRef": {"value": id_}}

    def _settle_time(self, fields: Json) -> None:
        ends = {"StartTime", "EndTime"} & fields.keys()
        self._check_time(fields, {"Hours", "Minutes", "Seconds"} & fields.keys(), ends)
        worked = self._span(fields) if ends else self._length(fields)
        rest = timedelta(
            hours=fields.get("BreakHours", 0),
            minutes=fields.get("BreakMinutes", 0),
            seconds=fields.get("BreakSeconds", 0),
        )
        if rest > worked:
            raise FaultError("6360", "The break is longer than the time worked.")

    def _check_time(self, fields: Json, lengths: set[str], ends: set[str]) -> None:
        if lengths and ends:
            raise FaultError("6390", "Give either hours and minutes, or start and end.")
        if not lengths and not ends:
            raise FaultError("6340", "No time was given.")
        if len(ends) == 1:
            raise FaultError("6350", "Start and end are only allowed together.")
        for name in ("Minutes", "Seconds", "BreakMinutes", "BreakSeconds"):
            if not 0 <= fields.get(name, 0) <= 59:
                raise FaultError("6380", f"{name} must be between 0 and 59.")
        if lengths and fields.keys() & {"BreakHours", "BreakMinutes", "BreakSeconds"}:
            raise FaultError("6360", "A break is only allowed between a start and an end.")

    def _length(self, fields: Json) -> timedelta:
        fields.setdefault("Hours", 0)
        fields.setdefault("Minutes", 0)
        length = timedelta(
            hours=fields["Hours"], minutes=fields["Minutes"], seconds=fields.get("Seconds", 0)
        )
        if not timedelta(0) <= length <= timedelta(hours=MOST_HOURS):
            raise FaultError("6380", f"Hours must be between 0 and {MOST_HOURS}.")
        if not length:
            raise FaultError("6340", "No time was given.")
        return length

    def _span(self, fields: Json) -> timedelta:
        """Put start and end on the activity's day, in the company's zone (FACTS 1.3)."""
        day = date.fromisoformat(fields["TxnDate"])
        is_local = fields.get("HoursInEmployeeTimeZone", False)
        start, end = (
            self._moment(fields[name], day, is_local=is_local) for name in ("StartTime", "EndTime")
        )
        if start > end:
            raise FaultError("6370", "The start lies after the end.")
        fields["StartTime"], fields["EndTime"] = start.isoformat(), end.isoformat()
        return end - start

    def _moment(self, text: str, day: date, *, is_local: bool) -> datetime:
        zone = self.company.zone()
        clock = time.fromisoformat(text.rpartition("T")[2]).replace(microsecond=0)
        if clock.tzinfo is not None and not is_local:
            clock = datetime.combine(day, clock).astimezone(zone).time()
        clock = clock.replace(tzinfo=None)
        return datetime.combine(day, clock, zone)  # the date inside the text is not looked at

    def _settle_billing(self, fields: Json) -> None:
        billable = fields.get("BillableStatus") in {"Billable", "HasBeenBilled"}
        if billable and "CustomerRef" not in fields:
            raise FaultError("6310", "Billable time needs a customer.")
        if billable and "HourlyRate" not in fields:
            raise FaultError("6330", "Billable time needs an hourly rate.")
        if not 0 <= fields.get("HourlyRate", 0) <= HIGHEST_RATE:
            raise FaultError("6330", f"The hourly rate must be between 0 and {HIGHEST_RATE}.")
        for name, default in (("BillableStatus", "NotBillable"), ("Taxable", False)):
            fields.setdefault(name, default)
        fields.setdefault("HourlyRate", 0)

    def _check_company(self, fields: Json) -> None:
        self.company.check_open(date.fromisoformat(fields["TxnDate"]))
        switches = self.company.switches
        plan = self.company.info("OfferingSku")
        if switches.plan_code and plan.endswith("Simple Start"):
            raise _refusal(switches.plan_code, f"{plan} does not support time tracking.")
        if switches.payroll_code and self.company.has_payroll() and not _is_taken(fields, switches):
            raise _refusal(switches.payroll_code, "Time needs a pay type when payroll is on.")


def _is_taken(fields: Json, switches: Switches) -> bool:
    """Whether payroll, where it refuses plain time, takes an activity all the same."""
    if fields["NameOf"] == "Vendor" and switches.payroll_takes_contractors:
        return True
    return "PayrollItemRef" in fields and switches.takes_pay_types


def _refusal(code: str, detail: str) -> FaultError:
    if code == "2020":
        return faults.required("PayrollItemRef")
    return faults.business(detail) if code == "6000" else FaultError(code, detail)


def _is_billed(row: Json) -> bool:
    return bool(row["BillableStatus"] == "HasBeenBilled")


def _value(name: str, value: object) -> Any:
    kind = FIELDS[name]
    if kind in ENUMS:
        if not isinstance(value, str) or value not in ENUMS[kind]:
            spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(value)).upper()
            raise faults.bad_enum(spelled)
        return value
    if kind == "reference":
        return value  # read with the list that it points into
    return read_value(name, value, kind)
