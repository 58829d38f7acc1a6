"""Calls all that python-quickbooks offers for what the stand-in has.

Arguments: address, realm, token.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from calls import call, check
from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.objects import (
    Class,
    CompanyInfo,
    Customer,
    Department,
    Employee,
    Estimate,
    Invoice,
    Item,
    LinkedTxn,
    Preferences,
    Ref,
    SalesItemLine,
    SalesItemLineDetail,
    TimeActivity,
    Vendor,
)

ADDRESS, REALM, TOKEN = sys.argv[1:]


class Authorized:
    """What the client wants of intuit-oauth's: an environment and tokens."""

    environment = "sandbox"
    client_id = "peer"
    access_token = TOKEN
    refresh_token = ""


QuickBooks.sandbox_api_url_v3 = f"{ADDRESS}/v3"
QB = QuickBooks(auth_client=Authorized(), company_id=REALM, minorversion=75)


def made(kind: type, **members: Any) -> Any:
    """Return a new object of the peer's with some members."""
    one = kind()
    for name, value in members.items():
        setattr(one, name, value)
    return one


def to(id_: str) -> Any:
    """Return a reference."""
    return made(Ref, value=id_)


def named() -> Iterator[tuple[type, str, dict[str, Any], str]]:
    """Give the kinds that have names: the kind, the name's member, the rest, what is changed."""
    yield Customer, "DisplayName", {"CompanyName": "Peer Ltd."}, "Notes"
    yield Vendor, "DisplayName", {"GivenName": "Pia"}, "AcctNum"
    yield Employee, "DisplayName", {"GivenName": "Paul", "FamilyName": "Peer"}, "EmployeeNumber"
    yield Item, "Name", {"Type": "Service", "IncomeAccountRef": to("1")}, "Description"
    yield Class, "Name", {}, "Name"
    yield Department, "Name", {}, "Name"


def keep_names() -> dict[str, Any]:
    """Create, read, change, list and deactivate one of each kind; return what is left active."""
    kept = {}
    for kind, name, members, changed in named():
        what = kind.__name__
        first = made(kind, **{name: f"Peer's {what}"}, **members)
        one = call(f"{what}.save", first.save, qb=QB)
        other = made(kind, **{name: f"Second {what}"}, **members)
        kept[what] = call(f"{what}.save with a request id", other.save, qb=QB, request_id=what)
        if one is None:
            continue
        read_list(kind, name, one)
        setattr(one, changed, f"New {what}"[:15])
        one = call(f"{what}.save as an update", one.save, qb=QB)
        again = call(f"{what}.get", kind.get, one.Id, qb=QB)
        check(f"{what} was changed", holds=getattr(again, changed) == f"New {what}"[:15])
        again.Active = False
        call(f"{what}.save as inactive", again.save, qb=QB)
    return kept


def read_list(kind: type, name: str, one: Any) -> None:
    """Read *one* in each way that lists offer."""
    what, value = kind.__name__, getattr(one, name)
    found = {
        "get": [call(f"{what}.get at first", kind.get, one.Id, qb=QB)],
        "all": call(f"{what}.all", kind.all, qb=QB),
        "all, in order": call(
            f"{what}.all, in order",
            kind.all,
            order_by=name,
            start_position=1,
            max_results=1000,
            qb=QB,
        ),
        "filter": call(f"{what}.filter", kind.filter, Active=True, **{name: value}, qb=QB),
        "choose": call(f"{what}.choose", kind.choose, [value, "Nobody"], field=name, qb=QB),
        "choose ids": call(f"{what}.choose ids", kind.choose, [one.Id], qb=QB),
        "where": call(f"{what}.where", kind.where, f"{name} LIKE '%{value[-4:]}'", qb=QB),
        "query": call(
            f"{what}.query", kind.query, f"select * from {what} where Id = '{one.Id}'", qb=QB
        ),
    }
    for way, rows in found.items():
        ids = [row.Id for row in rows or [] if row]
        check(f"{what} is found by {way}", holds=one.Id in ids)
    check(f"{what}.count", holds=call(f"{what}.count, asked", kind.count, qb=QB) >= 1)


def work(kept: dict[str, Any], **members: Any) -> Any:
    """Return an hour of time."""
    activity = made(TimeActivity, NameOf="Employee", EmployeeRef=to(kept["Employee"].Id))
    for name, value in ({"TxnDate": "2026-09-06", "Hours": 1, "Minutes": 30} | members).items():
        setattr(activity, name, value)
    return activity


def keep_time(kept: dict[str, Any]) -> None:
    """Create, read, change, list and delete time."""
    billable = {"CustomerRef": to(kept["Customer"].Id), "BillableStatus": "Billable"}
    variants = {
        "plain": {},
        "billable": billable | {"HourlyRate": 75.5, "ItemRef": to(kept["Item"].Id)},
        "with cost and description": {"CostRate": 20, "Description": "Peer's work"},
        "with start and end": {
            "Hours": None,
            "Minutes": None,
            "StartTime": "2026-09-06T08:00:00",
            "EndTime": "2026-09-06T17:00:00",
            "BreakHours": 1,
            "BreakMinutes": 0,
        },
        "of a vendor": {
            "NameOf": "Vendor", "EmployeeRef": None, "VendorRef": to(kept["Vendor"].Id)
        },
    }  # fmt: skip
    for name, members in variants.items():
        one = call(f"TimeActivity.save {name}", work(kept, **members).save, qb=QB)
        if one is None:
            continue
        one.Description = "Changed"
        one = call(f"TimeActivity.save {name} as an update", one.save, qb=QB)
        again = call(f"TimeActivity.get {name}", TimeActivity.get, one.Id, qb=QB)
        check(f"TimeActivity {name} was changed", holds=again.Description == "Changed")
    call("TimeActivity.all", TimeActivity.all, qb=QB)
    call("TimeActivity.filter", TimeActivity.filter, TxnDate="2026-09-06", qb=QB)
    call(
        "TimeActivity.where",
        TimeActivity.where,
        "TxnDate >= '2026-09-01'",
        order_by="TxnDate",
        qb=QB,
    )
    call("TimeActivity.count", TimeActivity.count, "BillableStatus = 'Billable'", qb=QB)
    gone = call("TimeActivity.delete", again.delete, qb=QB, request_id="gone")
    check("TimeActivity was deleted", holds=gone["TimeActivity"]["status"] == "Deleted")


def keep_batches(kept: dict[str, Any]) -> None:
    """Do more than one batch holds, and what a batch may do."""
    done = call("batch_create", batch_create, [work(kept, Minutes=n) for n in range(31)], qb=QB)
    check("batch_create did all", holds=(len(done.successes), len(done.faults)) == (31, 0))
    some = done.successes[:3]
    for activity in some:
        activity.Description = "By batch"
    done = call("batch_update", batch_update, some, qb=QB)
    check("batch_update did all", holds=len(done.successes) == 3)
    for activity, new in zip(some, done.successes, strict=True):
        activity.SyncToken = new.SyncToken
    done = call("batch_delete", batch_delete, some, qb=QB)
    check("batch_delete did all", holds=len(done.successes) == 3)
    names = [made(Customer, DisplayName=f"Batch {n}") for n in range(2)]
    check("batch_create of names", holds=not batch_create(names, qb=QB).faults)
    check("batch_create of a taken name", holds=len(batch_create(names, qb=QB).faults) == 2)


def keep_sales(kept: dict[str, Any]) -> None:
    """Create, read, change and delete what is billed."""
    customer, item = kept["Customer"], kept["Item"]
    time = work(kept, CustomerRef=to(customer.Id), BillableStatus="Billable", HourlyRate=80).save(
        qb=QB
    )
    for kind in (Invoice, Estimate):
        what = kind.__name__
        line = made(SalesItemLine, Amount=120, Description="Time")
        line.SalesItemLineDetail = made(
            SalesItemLineDetail, ItemRef=to(item.Id), Qty=1.5, UnitPrice=80
        )
        first = made(kind, CustomerRef=to(customer.Id), Line=[line])
        one = call(f"{what}.save", first.save, qb=QB)
        if one is None:
            continue
        one.PrivateNote = "Peer's"
        one = call(f"{what}.save as an update", one.save, qb=QB)
        again = call(f"{what}.get", kind.get, one.Id, qb=QB)
        check(f"{what} was changed", holds=again.PrivateNote == "Peer's")
        call(f"{what}.all", kind.all, qb=QB)
        call(f"{what}.filter", kind.filter, CustomerRef=customer.Id, qb=QB)
        call(f"{what}.count", kind.count, "TotalAmt > '1'", qb=QB)
        call(f"{what}.delete", again.delete, qb=QB)
    line.LinkedTxn = [made(LinkedTxn, TxnId=time.Id, TxnType="TimeActivity", TxnLineId=0)]
    billing = made(Invoice, CustomerRef=to(customer.Id), Line=[line])
    billing = call("Invoice.save of time", billing.save, qb=QB)
    billed = TimeActivity.get(time.Id, qb=QB)
    check("The time has been billed", holds=billed.BillableStatus == "HasBeenBilled")


def look_around() -> None:
    """Read what there is one of, and what changed."""
    company = call("CompanyInfo.get", CompanyInfo.get, REALM, qb=QB)
    check("CompanyInfo has a name", holds=bool(company.CompanyName))
    check("CompanyInfo.all", holds=len(call("CompanyInfo.all, asked", CompanyInfo.all, qb=QB)) == 1)
    settings = call("Preferences.get", Preferences.get, qb=QB)
    call("Preferences.save", settings.save, qb=QB)
    since = datetime.now(UTC) - timedelta(days=1)
    kinds = [Customer, Vendor, Employee, Item, Class, Department, Invoice, Estimate]
    changed = call("change_data_capture", change_data_capture, kinds, since, qb=QB)
    check("change_data_capture tells of customers", holds=len(changed.Customer) > 0)
    call("change_data_capture of a text", change_data_capture, [Customer], since.isoformat(), qb=QB)


kept = keep_names()
keep_time(kept)
keep_batches(kept)
keep_sales(kept)
look_around()
