"""One QuickBooks company on loopback, and a client of it, for the tests of the stand-in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.standins.quickbooks.app import QuickBooksStandin, Switches

REALM = "4620816365000000001"
ACTIVITY = {
    "TxnDate": "2026-03-02",
    "NameOf": "Employee",
    "EmployeeRef": {"value": "55"},
    "CustomerRef": {"value": "21"},
    "ItemRef": {"value": "8"},
    "BillableStatus": "Billable",
    "HourlyRate": 75,
    "Hours": 3,
    "Minutes": 15,
    "Description": "Garden lighting",
}


def scenario():
    """Return a small company."""
    return {
        "realm_id": REALM,
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
            "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
            "OtherPrefs": {"NameValue": []},
        },
        "customers": [
            {"Id": "21", "DisplayName": "Rondonuwu Fruit"},
            {"Id": "22", "DisplayName": "Orchard", "ParentRef": {"value": "21"}},
            {"Id": "23", "DisplayName": "Gone", "Active": False},
        ],
        "employees": [
            {"Id": "55", "DisplayName": "Emily Platt", "GivenName": "Emily", "FamilyName": "Platt"},
            {"Id": "56", "DisplayName": "Lee Left", "GivenName": "Lee", "Active": False},
        ],
        "vendors": [{"Id": "34", "DisplayName": "Bjørn Aas", "Vendor1099": True}],
        "items": [
            {"Id": "2", "Name": "Hours", "Type": "Service"},
            {"Id": "8", "Name": "Lighting", "Type": "Service"},
            {"Id": "9", "Name": "Bulb", "Type": "NonInventory"},
        ],
    }


class Clock:
    """A clock that stands still unless told otherwise."""

    def __init__(self):
        """Start on a Wednesday morning, Pacific time."""
        self.moment = datetime(2026, 3, 4, 17, 30, 15, 250_000, tzinfo=UTC)

    def __call__(self):
        """Tell the time."""
        return self.moment

    def advance(self, seconds):
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)


class Client:
    """A caller with a token; the stand-in behind it has no limits unless a test sets them."""

    ACTIVITY = ACTIVITY

    def __init__(self, serve: Callable[[Any], str], session: requests.Session) -> None:
        """Put a company behind the server of all tests."""
        self.session = session
        self.clock = Clock()
        self.switches = Switches(
            requests_per_second=None, requests_per_minute=None, batches_per_minute=None
        )
        self.scenario = scenario()
        self.standin = QuickBooksStandin(self.scenario, now=self.clock, switches=self.switches)
        self.base = serve(self.standin.app)
        self.url = f"{self.base}/v3/company/{REALM}"
        self.headers = {
            "Authorization": f"Bearer {self.standin.access_token()}",
            "Accept": "application/json",
        }

    def get(self, path, **params):
        """Ask for something."""
        return self.session.get(self.url + path, params=params, headers=self.headers, timeout=10)

    def post(self, path, body, **params):
        """Send something."""
        return self.session.post(
            self.url + path, json=body, params=params, headers=self.headers, timeout=10
        )

    def create(self, **changes):
        """Post an activity: `ACTIVITY` with *changes*, where `None` takes a member away."""
        body = {k: v for k, v in (ACTIVITY | changes).items() if v is not None}
        return self.post("/timeactivity", body)

    def batch(self, *bodies, **params):
        """Create activities in one batch."""
        items = [
            {"bId": str(n), "operation": "create", "TimeActivity": body}
            for n, body in enumerate(bodies, 1)
        ]
        return self.post("/batch", {"BatchItemRequest": items}, **params)

    def item(self, operation, body, **params):
        """Do one thing to an activity in a batch of one, and return its outcome."""
        items = [{"bId": "1", "operation": operation, "TimeActivity": body}]
        answer = self.post("/batch", {"BatchItemRequest": items}, **params)
        return answer.json()["BatchItemResponse"][0]

    def row(self, id_="1"):
        """Read an activity."""
        return self.get(f"/timeactivity/{id_}").json()["TimeActivity"]

    def query(self, text):
        """Return the rows that a query finds."""
        answer = self.get("/query", query=text)
        assert answer.ok, answer.text
        found = answer.json()["QueryResponse"]
        return next((rows for rows in found.values() if isinstance(rows, list)), [])


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """Keep connections open between tests: to open one takes a third of a request's time."""
    with requests.Session() as opened:
        yield opened


@pytest.fixture
def qbo(serve: Callable[[Any], str], session: requests.Session) -> Client:
    """Give a client of a company of the test's own."""
    return Client(serve, session)
