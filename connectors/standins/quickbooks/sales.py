"""Invoices and estimates, as far as time needs them (FACTS 1.1, 1.2 and 7.2).

An invoice takes up billable time by `LinkedTxn`: on a line, or on the whole. The activity is
`HasBeenBilled` from then on, until the invoice lets go of it or is deleted. The shape is that of
the real invoice in intuit/QuickBooks-V3-DotNET-SDK#127.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.activities import Activities
from connectors.standins.quickbooks.company import (
    SYSTEM_MEMBERS,
    Company,
    Rows,
    check_members,
    existing,
    find,
    objects,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.values import read_values
from connectors.standins.quickbooks.wire import Json


@dataclass(frozen=True)
class SalesKind:
    """Invoices or estimates: what only one of them has."""

    entity: str
    links: frozenset[str]
    defaults: Json


INVOICE = SalesKind(
    "Invoice",
    frozenset({"TimeActivity", "Estimate"}),
    {"PrintStatus": "NeedToPrint", "EmailStatus": "NotSet", "ApplyTaxAfterDiscount": False},
)
ESTIMATE = SalesKind(
    "Estimate",
    frozenset(),
    {"TxnStatus": "Pending", "PrintStatus": "NeedToPrint", "EmailStatus": "NotSet"},
)
# In the order in which answers bear them.
MEMBERS = (
    "AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment",
    "AllowOnlineACHPayment", "domain", "sparse", "Id", "SyncToken", "MetaData", "CustomField",
    "AttachableRef", "DocNumber", "TxnDate", "DepartmentRef", "CurrencyRef", "ExchangeRate",
    "PrivateNote", "TxnStatus", "LinkedTxn", "Line", "TxnTaxDetail", "CustomerRef", "CustomerMemo",
    "BillAddr", "ShipAddr", "FreeFormAddress", "ClassRef", "SalesTermRef", "DueDate", "TotalAmt",
    "ApplyTaxAfterDiscount", "PrintStatus", "EmailStatus", "BillEmail", "ExpirationDate",
    "AcceptedBy", "AcceptedDate", "Balance", "status",
)  # fmt: skip
# Further members of the SDK's schema: taken, and not kept, as they do nothing to time.
_NOT_KEPT = (
    "Deposit", "ShipFromAddr", "ShipMethodRef", "ShipDate", "TrackingNum", "GlobalTaxCalculation",
    "HomeTotalAmt", "HomeBalance", "BillEmailCc", "BillEmailBcc", "DepositToAccountRef",
    "DeliveryInfo", "RecurDataRef", "TaxExemptionRef", "ProjectRef", "PONumber", "SalesRepRef",
    "PaymentMethodRef", "PaymentRefNum", "ARAccountRef", "TemplateRef", "InvoiceLink",
    "TransactionLocationType",
)  # fmt: skip
_READ_ONLY = {
    *SYSTEM_MEMBERS, *_NOT_KEPT, "CustomField", "AttachableRef", "TotalAmt", "Balance",
    "TxnTaxDetail", "CurrencyRef", "ExchangeRate",
}  # fmt: skip
_KINDS = {
    "DocNumber": "text", "TxnDate": "date", "DueDate": "date", "ExpirationDate": "date",
    "AcceptedDate": "date", "PrivateNote": "text",
}  # fmt: skip
_LINE = ("Id", "LineNum", "Description", "Amount", "LinkedTxn", "DetailType")
_LINE_NOT_KEPT = ("CustomField", "ProjectRef", "CostAmount", "HomeCostAmount")
_DETAIL = ("ItemRef", "ClassRef", "UnitPrice", "Qty", "TaxCodeRef", "ServiceDate")
_DETAIL_NOT_KEPT = (
    "UnitCostPrice", "RatePercent", "PriceLevelRef", "MarkupInfo", "UOMRef", "ItemAccountRef",
    "TaxClassificationRef", "TaxInclusiveAmt", "DiscountRate", "DiscountAmt",
)  # fmt: skip
_LINK = ("TxnId", "TxnType", "TxnLineId")
_ITEM_LINE, _TOTAL_LINE = "SalesItemLineDetail", "SubTotalLineDetail"

Link = tuple[str, str]  # type and id


class Sales:
    """Creates, updates and deletes the invoices, or the estimates, of a company."""

    def __init__(
        self, company: Company, activities: Activities, kind: SalesKind, rows: Rows
    ) -> None:
        self.company = company
        self.activities = activities
        self.kind = kind
        self.rows = rows

    def create(self, body: Json) -> Json:
        fields = self.kind.defaults | self._read(body)
        id_ = self.company.next_id("txn", self.company.invoices, self.company.estimates)
        fields.setdefault("TxnDate", self.company.today().isoformat())
        fields.setdefault("DocNumber", self._next_number())
        return self._put(fields, self.company.system_members(id_), old=None)

    def update(self, body: Json) -> Json:
        """Change a row; without `sparse`, what is left out is lost. Lines are always replaced."""
        fields = self._read(body)
        old = existing(body, self.rows)
        self._check_open(old)
        kept = MEMBERS if body.get("sparse") is True else ("DocNumber", "TxnDate")
        base = {name: old[name] for name in kept if name in old and name not in _READ_ONLY}
        if "LinkedTxn" in base:  # those of the lines come and go with the lines
            of_lines = _links(*old["Line"])
            base["LinkedTxn"] = [link for link in old["LinkedTxn"] if _link(link) not in of_lines]
        fields = self.kind.defaults | base | fields
        return self._put(fields, self.company.changed_members(old), old=old)

    def delete(self, body: Json) -> Json:
        check_members(self.kind.entity, body, (*MEMBERS, *_NOT_KEPT))
        row = existing(body, self.rows)
        self._check_open(row)
        self._release(_links(row))
        del self.rows[row["Id"]]
        return {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}

    # --- reading a body ---

    def _read(self, body: Json) -> Json:
        check_members(self.kind.entity, body, (*MEMBERS, *_NOT_KEPT))
        fields = {n: v for n, v in body.items() if v is not None and n not in _READ_ONLY}
        for name in (_KINDS.keys() - {"PrivateNote"}) & fields.keys():
            if fields[name] == "":  # no value: the tests of python-quickbooks, on a live sandbox
                del fields[name]
        fields |= read_values(fields, _KINDS)
        if "Line" in fields:
            fields["Line"] = list(self._read_lines(fields["Line"]))
        if "LinkedTxn" in fields:
            fields["LinkedTxn"] = self._read_links(fields["LinkedTxn"])
        return fields

    def _read_lines(self, lines: Any) -> Iterator[Json]:
        for line in objects(lines, "Line"):
            if line.get("DetailType") == _TOTAL_LINE:
                continue  # worked out anew
            check_members("Line", line, (*_LINE, _ITEM_LINE, *_LINE_NOT_KEPT))
            if line.get("DetailType") != _ITEM_LINE:
                raise faults.bad_enum(line.get("DetailType"))
            if line.get("Amount") is None:
                raise faults.required("Line.Amount")
            read_values(line, {"Amount": "number", "Description": "text"})
            links = {"LinkedTxn": self._read_links(line.get("LinkedTxn", []))}
            yield line | links | {_ITEM_LINE: self._read_detail(line.get(_ITEM_LINE) or {})}

    def _read_detail(self, detail: Json) -> Json:
        check_members(_ITEM_LINE, detail, (*_DETAIL, *_DETAIL_NOT_KEPT))
        detail = {name: value for name, value in detail.items() if value not in (None, "")}
        read_values(detail, {"UnitPrice": "number", "Qty": "number", "ServiceDate": "date"})
        item = self.company.default_item()
        if "ItemRef" in detail:
            id_ = self.company.check_reference(
                detail["ItemRef"], "ItemRef", self.company.items, "Items"
            )
            item = self.company.items[id_]
        ref = {"ItemRef": {"value": item["Id"], "name": item["Name"]}} if item else {}
        made = {"TaxCodeRef": {"value": "NON"}} | detail | ref
        return {name: made[name] for name in _DETAIL if name in made}

    def _read_links(self, links: Any) -> list[Json]:
        for link in objects(links, "LinkedTxn"):
            check_members("LinkedTxn", link, _LINK)
            if link.get("TxnType") not in self.kind.links:
                raise faults.bad_enum(link.get("TxnType"))
            if not isinstance(link.get("TxnId"), str):
                raise faults.required("LinkedTxn.TxnId")
        return list(links)

    # --- making a row ---

    def _put(self, fields: Json, system: Json, *, old: Json | None) -> Json:
        if "CustomerRef" not in fields:
            raise faults.required("CustomerRef")
        customers = self.company.customers
        customer = self.company.check_reference(
            fields["CustomerRef"], "CustomerRef", customers, "Names"
        )
        if not fields.get("Line"):
            raise faults.required("Line")
        self._check_number(fields["DocNumber"], system["Id"])
        before, linked = _links(old) if old else [], _links(fields, *fields["Line"])
        new = [link for link in linked if link not in before]
        for link in new:
            self._check_link(link, customer)
        row = self._row(fields, system, customer)
        self._check_open(row)
        self._release([link for link in before if link not in linked])
        self._take_up(new, row)
        self.rows[row["Id"]] = row
        return deepcopy(row)

    def _row(self, fields: Json, system: Json, customer: str) -> Json:
        lines = _numbered(fields["Line"])
        shown = [{m: line[m] for m in (*_LINE, _ITEM_LINE) if line.get(m)} for line in lines]
        total = sum((line["Amount"] for line in lines), Decimal(0))
        links = _links(fields, *lines)
        name = self.company.customers[customer]["DisplayName"]
        row = fields | system | {
            "CurrencyRef": self.company.currency(),
            "CustomerRef": {"value": customer, "name": name},
            "LinkedTxn": [{"TxnId": id_, "TxnType": type_} for type_, id_ in links],
            "Line": [*shown, {"Amount": total, "DetailType": _TOTAL_LINE, _TOTAL_LINE: {}}],
            "TxnTaxDetail": {"TotalTax": 0},
            "TotalAmt": total,
        }  # fmt: skip
        if self.kind is INVOICE:
            row |= {"DueDate": fields.get("DueDate", fields["TxnDate"]), "Balance": total}
        return {name: row[name] for name in MEMBERS if row.get(name) not in (None, "", [])}

    # --- the rules ---

    def _check_open(self, row: Json) -> None:
        self.company.check_open(date.fromisoformat(row["TxnDate"]))

    def _next_number(self) -> str:
        numbers = [row["DocNumber"] for row in self.rows.values()]
        return str(max((int(n) for n in numbers if n.isdecimal()), default=1000) + 1)

    def _check_number(self, number: str, id_: str) -> None:
        if any(row["DocNumber"] == number and row["Id"] != id_ for row in self.rows.values()):
            raise FaultError("6140", f"You must specify a different number: {number} is in use.")

    def _check_link(self, link: Link, customer: str) -> None:
        type_, id_ = link
        if type_ != "TimeActivity":
            find(id_, self.company.estimates)
            return
        activity = find(id_, self.company.activities)
        if activity["BillableStatus"] != "Billable":
            raise faults.business(f"Time activity {id_} is not billable, or has been billed.")
        if customer not in self._upwards(activity["CustomerRef"]["value"]):
            raise faults.business(f"Time activity {id_} is another customer's.")

    def _upwards(self, id_: str) -> Iterator[str]:
        """Yield a customer and all above it: an invoice to a parent may take up a child's time."""
        while id_:
            yield id_
            id_ = self.company.customers[id_].get("ParentRef", {}).get("value", "")

    # --- links ---

    def _take_up(self, links: list[Link], row: Json) -> None:
        for type_, id_ in links:
            if type_ == "TimeActivity":
                self.activities.set_billed(id_, "HasBeenBilled")
            else:
                link = {"TxnId": row["Id"], "TxnType": "Invoice"}
                self.company.estimates[id_] |= {"TxnStatus": "Closed", "LinkedTxn": [link]}

    def _release(self, links: list[Link]) -> None:
        for type_, id_ in links:
            if type_ == "TimeActivity":
                self.activities.set_billed(id_, "Billable")
            elif id_ in self.company.estimates:
                self.company.estimates[id_]["TxnStatus"] = "Pending"
                del self.company.estimates[id_]["LinkedTxn"]


def _numbered(lines: list[Json]) -> list[Json]:
    given = [line for line in lines if line["DetailType"] == _ITEM_LINE]
    return [line | {"Id": str(n), "LineNum": n} for n, line in enumerate(given, start=1)]


def _links(*parts: Json) -> list[Link]:
    """Return what an invoice and its lines link, each once and in their order."""
    found = [_link(link) for part in parts for link in part.get("LinkedTxn", [])]
    return list(dict.fromkeys(found))


def _link(link: Json) -> Link:
    return link["TxnType"], link["TxnId"]
