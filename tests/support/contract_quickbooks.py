"""A QuickBooks company as the contract suite sees it: plain HTTP, and names of its own."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from contract_http import Service

Json = dict[str, Any]

SANDBOX = "https://sandbox-quickbooks.api.intuit.com"

# How the suite takes away what it made, in this order.
DELETED = ("Invoice", "TimeActivity")
DEACTIVATED = ("Customer", "Employee", "Vendor")

BATCH_PAUSE_S = 1.6  # 40 a minute

#: The stand-in's company: as small as the tests can do with.
COMPANY = {
    "realm_id": "4620816365000000001",
    "client_id": "ABclient",
    "client_secret": "s3cret",
    "refresh_token": "AB1first",
    "company": {
        "CompanyName": "Fern & Moss",
        "Country": "US",
        "DefaultTimeZone": "America/Los_Angeles",
        "NameValue": [
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "SubscriptionStatus", "Value": "SUBSCRIBED"},
            {"Name": "PayrollFeature", "Value": "false"},
        ],
    },
    "preferences": {
        "AccountingInfoPrefs": {"TrackDepartments": False, "ClassTrackingPerTxn": False},
        "TimeTrackingPrefs": {"UseServices": True, "BillCustomers": True},
        "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}, "MultiCurrencyEnabled": False},
        "OtherPrefs": {"NameValue": [{"Name": "TimeTrackingFeatureEnabled", "Value": "true"}]},
    },
    "customers": [],
    "employees": [],
    "vendors": [],
    "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
}


class QuickBooks(Service):
    """One company.

    What a test makes is taken away by `clean_up`: time and invoices are deleted, names are made
    inactive, because QuickBooks deletes none.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._made: list[tuple[str, str]] = []
        self._names = 0

    # --- calls ---

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the company; *path* begins behind its number."""
        options["params"] = {"minorversion": "75", **(options.get("params") or {})}
        url = f"{self.where.urls['api']}/v3/company/{self.where.account}{path}"
        pause_s = BATCH_PAUSE_S if path == "/batch" else None
        return self.send(method, url, pause_s=pause_s, **options)

    def ask(self, statement: str) -> requests.Response:
        """Send a query."""
        return self.call("GET", "/query", params={"query": statement})

    def query(self, statement: str) -> list[Json]:
        """Return the rows that a query finds."""
        answer = self.ask(statement)
        assert answer.status_code == 200, answer.text
        found = answer.json()["QueryResponse"].values()
        return next((rows for rows in found if isinstance(rows, list)), [])

    def post(self, entity: str, body: Json, **params: str) -> requests.Response:
        """Create, update or, with `operation="delete"`, delete an object."""
        answer = self.call("POST", f"/{entity.lower()}", json=body, params=params)
        self._note(entity, answer)
        return answer

    def made(self, entity: str, body: Json, **params: str) -> Json:
        """Create or update an object that must be taken, and return it."""
        answer = self.post(entity, body, **params)
        assert answer.status_code == 200, answer.text
        row: Json = answer.json()[entity]
        return row

    def batch(self, *items: Json, request_id: str = "") -> list[Json]:
        """Send a batch and return the answers of its items, in their order."""
        answer = self.send_batch(*items, request_id=request_id)
        assert answer.status_code == 200, answer.text
        rows: list[Json] = answer.json()["BatchItemResponse"]
        return rows

    def send_batch(self, *items: Json, request_id: str = "") -> requests.Response:
        """Send a batch, written to the byte as the product writes it."""
        params = {"requestid": request_id} if request_id else {}
        data = json.dumps({"BatchItemRequest": items}, separators=(",", ":"))
        headers = {**self.where.credentials, "Content-Type": "application/json"}
        answer = self.call("POST", "/batch", data=data.encode(), params=params, headers=headers)
        with suppress(ValueError, KeyError):
            for item in answer.json()["BatchItemResponse"]:
                if "Id" in item.get("TimeActivity", {}):
                    self._made.append(("TimeActivity", item["TimeActivity"]["Id"]))
        return answer

    def _note(self, entity: str, answer: requests.Response) -> None:
        with suppress(ValueError, KeyError):
            self._made.append((entity, answer.json()[entity]["Id"]))

    # --- what the suite has of its own ---

    def name(self, what: str = "name") -> str:
        """Return a name that nothing has yet."""
        self._names += 1
        return f"{self.prefix} {what} {self._names}"

    @cached_property
    def customer(self) -> str:
        """The id of a customer."""
        return self._own("Customer", {"DisplayName": self.name("customer")})

    @cached_property
    def employee(self) -> str:
        """The id of an employee."""
        given, _, family = self.name("employee").rpartition(" ")
        return self._own("Employee", {"GivenName": given, "FamilyName": family})

    @cached_property
    def vendor(self) -> str:
        """The id of a vendor."""
        return self._own("Vendor", {"DisplayName": self.name("vendor")})

    @cached_property
    def service(self) -> Json:
        """A service item that the company has."""
        with self.unrecorded():
            rows = self.query("select * from Item where Type = 'Service'")
        self.needs(rows, "an item of type Service")
        return rows[0]

    def _own(self, entity: str, body: Json) -> str:
        with self.unrecorded():
            return str(self.made(entity, body)["Id"])

    @cached_property
    def today(self) -> str:
        """The day on which the suite books its time."""
        return datetime.now(UTC).date().isoformat()

    def activity(self, **changes: Any) -> Json:
        """Return the body of billable time; `None` takes a member away."""
        body = {
            "TxnDate": self.today,
            "NameOf": "Employee",
            "EmployeeRef": {"value": self.employee},
            "CustomerRef": {"value": self.customer},
            "ItemRef": {"value": self.service["Id"]},
            "BillableStatus": "Billable",
            "HourlyRate": 75,
            "Hours": 1,
            "Minutes": 30,
            "Description": f"{self.prefix} work",
        } | changes
        return {name: value for name, value in body.items() if value is not None}

    def time(self, **changes: Any) -> Json:
        """Book time; see `activity`."""
        body = self.activity(**changes)
        with self.unrecorded():
            return self.made("TimeActivity", body)

    def read(self, entity: str, id_: str) -> Json:
        """Read an object that is there."""
        answer = self.call("GET", f"/{entity.lower()}/{id_}")
        assert answer.status_code == 200, answer.text
        row: Json = answer.json()[entity]
        return row

    def invoice(self, *activities: Json) -> Json:
        """Bill time to the customer, one line each."""
        lines = [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": 112.5,
                "LinkedTxn": [{"TxnId": activity["Id"], "TxnType": "TimeActivity"}],
                "SalesItemLineDetail": {"ItemRef": {"value": self.service["Id"]}},
            }
            for activity in activities
        ]
        with self.unrecorded():
            return self.made("Invoice", {"CustomerRef": {"value": self.customer}, "Line": lines})

    def request_id(self) -> str:
        """Return a request id of 32 characters that was never used."""
        return uuid4().hex

    # --- the end ---

    def clean_up(self) -> None:
        """Delete what can be deleted, invoices before their time; make the names inactive."""
        with self.unrecorded():
            for entity in DELETED:
                rows = self._left(entity)
                for first in range(0, len(rows), 30):
                    some = enumerate(rows[first : first + 30], start=1)
                    self.batch(*(item(n, "delete", key_of(row), entity) for n, row in some))
            for entity in DEACTIVATED:
                for row in self._left(entity):
                    self.post(entity, key_of(row) | {"sparse": True, "Active": False})
            left = [
                f"{entity} {row['Id']}"
                for entity in (*DELETED, *DEACTIVATED)
                for row in self._left(entity)
            ]
        self._made.clear()
        for name in ("customer", "employee", "vendor"):
            self.__dict__.pop(name, None)
        assert not left, f"could not be taken away: {', '.join(left)}"

    def _left(self, entity: str) -> list[Json]:
        """Return what is there and active, the latest first: what lies below before its parent."""
        made = sorted({int(id_) for kind, id_ in self._made if kind == entity}, reverse=True)
        rows = []
        for first in range(0, len(made), 100):
            ids = ", ".join(f"'{id_}'" for id_ in made[first : first + 100])
            rows += self.query(f"select * from {entity} where Id IN ({ids}) maxresults 1000")
        return sorted(rows, key=lambda row: -int(row["Id"]))


def check_sandbox(url: str) -> None:
    """End the run where an address is no sandbox's: the suite books time and deletes it."""
    if urlsplit(url).hostname not in {urlsplit(SANDBOX).hostname, "127.0.0.1"}:
        pytest.exit(f"{url} is no sandbox of Intuit's: the suite books time and deletes it.", 2)


def fault(answer: requests.Response | Json) -> Json:
    """Return the first error of a fault: of a whole answer, or of one item of a batch."""
    body = answer if isinstance(answer, dict) else answer.json()
    if "Fault" not in body:
        pytest.fail(f"no fault: {json.dumps(body)[:300]}")
    error: Json = body["Fault"]["Error"][0]
    return error


def item(number: int, operation: str, body: Json, entity: str = "TimeActivity") -> Json:
    """Return one item of a batch."""
    return {"bId": str(number), "operation": operation, entity: body}


def key_of(row: Json) -> Json:
    """Return what an update or a deletion names a row by."""
    return {"Id": row["Id"], "SyncToken": row["SyncToken"]}
