"""What people do in QuickBooks' own pages, where the API's rules do not hold.

A page neither asks for a SyncToken nor refuses a closed day (its owner has the password). What it
does is seen through the API like any other change.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.standins.quickbooks.activities import FIELDS
from connectors.standins.quickbooks.books import Books
from connectors.standins.quickbooks.wire import Json


class People:
    """The hands of a bookkeeper."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.company = books.company

    def type_time(self, **members: Any) -> str:
        """Type in an activity and return its Id; *members* as a body has them."""
        return str(self.books.save("TimeActivity", members, "create")["Id"])

    def edit_time(self, id_: str, **members: Any) -> None:
        """Change members of an activity, or take those away that are `None`; no rule is checked."""
        old = self.company.activities[id_]
        merged = {n: v for n, v in (old | members).items() if v is not None}
        row = {name: merged[name] for name in FIELDS if name in merged}
        self.company.activities[id_] = row | self.company.changed_members(old)
        self.company.note("TimeActivity", id_, "Update")

    def delete_time(self, id_: str) -> None:
        """Delete an activity, billed or not."""
        self.books.activities.leave_invoices(id_)
        del self.company.activities[id_]
        self.company.note("TimeActivity", id_, "Delete")

    def invoice(self, customer_id: str, *activity_ids: str, **members: Any) -> str:
        """Bill activities to a customer and return the invoice's Id: one line an activity."""
        lines = [self._line(self.company.activities[id_]) for id_ in activity_ids]
        body = {"CustomerRef": {"value": customer_id}, "Line": lines, **members}
        return str(self.books.save("Invoice", body, "create")["Id"])

    def delete_invoice(self, id_: str) -> None:
        """Delete an invoice: what it had taken up is billable again."""
        version = self.company.invoices[id_]["SyncToken"]
        self.books.save("Invoice", {"Id": id_, "SyncToken": version}, "delete")

    def close_books(self, until: str | None) -> None:
        """Close the books up to a day (YYYY-MM-DD), that day included, or open them."""
        settings = self.company.preferences.setdefault("AccountingInfoPrefs", {})
        settings.pop("BookCloseDate", None)
        if until:
            settings["BookCloseDate"] = until

    def _line(self, activity: Json) -> Json:
        hours = Decimal(activity.get("Hours", 0) * 60 + activity.get("Minutes", 0)) / 60
        rate = Decimal(activity["HourlyRate"])
        return {
            "DetailType": "SalesItemLineDetail",
            "Amount": (hours * rate).quantize(Decimal("0.01"), ROUND_HALF_UP),
            "LinkedTxn": [{"TxnId": activity["Id"], "TxnType": "TimeActivity"}],
            "SalesItemLineDetail": {
                "ItemRef": activity["ItemRef"],
                "UnitPrice": rate,
                "Qty": hours.quantize(Decimal("0.00001")).normalize(),
            },
        }
