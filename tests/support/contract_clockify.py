"""A Clockify workspace as the contract suite sees it: plain HTTP, and names of its own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from contract_http import Service

Json = dict[str, Any]

#: A week in which nobody has time yet: approvals are about all that a person has in a week.
MONDAY = datetime(2015, 6, 8, tzinfo=UTC)

#: In cents an hour: an hour has a whole amount, a second has not.
RATE = 4500

#: What a new project has: everybody may use it, and its time is billable.
OPEN = {"isPublic": True, "billable": True}

#: Periods of approval: a workspace has one of them, and the API does not say which.
PERIODS = ("WEEKLY", "SEMI_MONTHLY", "MONTHLY")


class Clockify(Service):
    """One workspace, seen with an administrator's key.

    What a test makes is taken away by `clean_up`, the last thing first.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._undo: list[Callable[[], requests.Response]] = []
        self._names = count(1)
        self._hours = count()

    # --- calls ---

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the core host; *path* begins behind the workspace."""
        return self.at(method, f"/workspaces/{self.where.account}{path}", **options)

    def at(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the core host; *path* begins behind its address."""
        return self.send(method, f"{self.where.urls['core']}{path}", **options)

    def list(self, path: str, **params: Any) -> list[Json]:
        """Read a list."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        rows: list[Json] = answer.json()
        return rows

    def made(self, path: str, body: Json, *, status: int = 201) -> Json:
        """Create something that must be taken, and return it."""
        answer = self.call("POST", path, json=body)
        assert answer.status_code == status, answer.text
        row: Json = answer.json()
        return row

    def ask_report(self, **changes: Any) -> requests.Response:
        """Ask for the detailed report of the suite's week; `None` takes a member away."""
        body = {
            "dateRangeStart": f"{MONDAY:%Y-%m-%d}T00:00:00",
            "dateRangeEnd": f"{MONDAY + timedelta(days=6):%Y-%m-%d}T23:59:59.999",
            "detailedFilter": {"page": 1, "pageSize": 1000, "sortColumn": "DATE"},
            "sortOrder": "ASCENDING",
            "exportType": "JSON",
            "timeZone": "UTC",
            "rounding": False,
            "users": {"ids": [self.me["id"]], "contains": "CONTAINS", "status": "ALL"},
        } | changes
        body = {name: value for name, value in body.items() if value is not None}
        url = f"{self.where.urls['reports']}/workspaces/{self.where.account}/reports/detailed"
        return self.send("POST", url, json=body)

    def report(self, **changes: Any) -> Json:
        """Return the detailed report of the suite's week."""
        answer = self.ask_report(**changes)
        assert answer.status_code == 200, answer.text
        whole: Json = answer.json()
        return whole

    def row(self, entry: Json, **changes: Any) -> Json | None:
        """Return an entry's row in the report of its own text; `None` where it has none."""
        rows = self.report(**{"description": entry["description"], **changes})["timeentries"]
        return next((row for row in rows if row["_id"] == entry["id"]), None)

    # --- the account ---

    @cached_property
    def me(self) -> Json:
        """The key's own user."""
        with self.unrecorded():
            answer = self.at("GET", "/user")
        assert answer.status_code == 200, answer.text
        user: Json = answer.json()
        return user

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the key's user."""
        return ZoneInfo(self.me["settings"]["timeZone"])

    @cached_property
    def workspace(self) -> Json:
        """The workspace."""
        with self.unrecorded():
            answer = self.call("GET", "")
        assert answer.status_code == 200, answer.text
        workspace: Json = answer.json()
        return workspace

    def check_account(self) -> None:
        """Skip the tests where 30 requests an hour are all that there are."""
        is_free = self.workspace["featureSubscriptionType"] == "FREE"
        self.needs(not is_free, "a plan with more than 30 requests an hour")

    def needs_feature(self, feature: str) -> None:
        """Skip the test where the plan lacks a feature."""
        self.needs(feature in self.workspace["features"], f"the feature {feature}")

    # --- what the suite has of its own ---

    def name(self, what: str = "name") -> str:
        """Return a name that nothing has yet."""
        return f"{self.prefix} {what} {next(self._names)}"

    @cached_property
    def client(self) -> str:
        """The id of a client."""
        with self.unrecorded():
            return str(self.new_client()["id"])

    @cached_property
    def project(self) -> Json:
        """A project of the client, with a rate."""
        with self.unrecorded():
            return self.new_project(clientId=self.client, hourlyRate={"amount": RATE})

    @cached_property
    def task(self) -> Json:
        """A task of the project, done."""
        with self.unrecorded():
            path = f"/projects/{self.project['id']}/tasks"
            row = self.made(path, {"name": self.name("task")})
            done = {"name": row["name"], "status": "DONE"}
            self.undo("DELETE", f"{path}/{row['id']}")
            self.call("PUT", f"{path}/{row['id']}", json=done)
            return row

    @cached_property
    def tag(self) -> Json:
        """A tag."""
        with self.unrecorded():
            row = self.made("/tags", {"name": self.name("tag")})
            self.undo("DELETE", f"/tags/{row['id']}")
            self.undo("PUT", f"/tags/{row['id']}", json={"name": row["name"], "archived": True})
            return row

    def new_client(self, name: str = "") -> Json:
        """Make a client."""
        row = self.made("/clients", {"name": name or self.name("client")})
        self.undo("DELETE", f"/clients/{row['id']}")
        archived = {"name": row["name"], "archived": True}
        self.undo("PUT", f"/clients/{row['id']}", json=archived)
        return row

    def new_project(self, name: str = "", **fields: Any) -> Json:
        """Make a project."""
        row = self.made("/projects", {"name": name or self.name("project"), **OPEN, **fields})
        self.undo("DELETE", f"/projects/{row['id']}")
        self.undo("PUT", f"/projects/{row['id']}", json={"name": row["name"], "archived": True})
        return row

    def entry(self, *, seconds: int = 3600, **fields: Any) -> Json:
        """Track time of the key's user in the suite's week, each at an hour of its own."""
        with self.unrecorded():
            return self.track(self.body(seconds=seconds, **fields))

    def body(self, *, seconds: int = 3600, start: datetime | None = None, **fields: Any) -> Json:
        """Return the body of an entry; `None` takes a member away."""
        start = start or MONDAY + timedelta(days=1, hours=2 * (next(self._hours) % 48))
        end = start + timedelta(seconds=seconds)
        body = {
            "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "billable": True,
            "description": self.name("work"),
            "projectId": self.project["id"],
            "type": "REGULAR",
        } | fields
        return {name: value for name, value in body.items() if value is not None}

    def track(self, body: Json) -> Json:
        """Make an entry that must be taken."""
        row = self.made("/time-entries", body)
        self.undo("DELETE", f"/time-entries/{row['id']}")
        return row

    def change(self, entry: Json, body: Json) -> requests.Response:
        """Replace an entry."""
        return self.call("PUT", f"/time-entries/{entry['id']}", json=body)

    def submit(self) -> Json:
        """Submit the suite's week for approval, whatever the workspace's periods are."""
        start = f"{MONDAY:%Y-%m-%dT%H:%M:%SZ}"
        with self.unrecorded():
            for period in PERIODS:
                body = {"period": period, "periodStart": start}
                answer = self.call("POST", "/approval-requests", json=body)
                if answer.status_code == 201:
                    row: Json = answer.json()
                    for state in ("WITHDRAWN_SUBMISSION", "WITHDRAWN_APPROVAL"):
                        self.undo("PATCH", f"/approval-requests/{row['id']}", json={"state": state})
                    return row
        return pytest.fail(f"nothing could be submitted: {answer.text}")

    def decide(self, request: Json, state: str) -> None:
        """Move a request for approval into another state."""
        with self.unrecorded():
            body = {"state": state, "note": ""}
            answer = self.call("PATCH", f"/approval-requests/{request['id']}", json=body)
        assert answer.status_code == 200, answer.text

    # --- the end ---

    def undo(self, method: str, path: str, **options: Any) -> None:
        """Remember a call that takes something away."""
        self._undo.append(lambda: self.call(method, path, **options))

    def clean_up(self) -> None:
        """Take away what the suite made; what a test deleted itself is not there any more."""
        with self.unrecorded():
            for undo in reversed(self._undo):
                undo()
            self._undo.clear()
            left = [
                row["name"]
                for path in ("/clients", "/projects", "/tags")
                for row in self.list(path, **{"name": self.prefix, "page-size": 5000})
            ]
            rows = self.report(description=self.prefix)["timeentries"]
        for name in ("client", "project"):
            self.__dict__.pop(name, None)
        left += [row["description"] for row in rows]
        assert not left, f"could not be taken away: {', '.join(left)}"


def refusal(answer: requests.Response) -> tuple[int, int]:
    """Return status and code of a refusal."""
    body = answer.json()
    if not isinstance(body, dict) or "code" not in body:
        pytest.fail(f"no refusal: {json.dumps(body)[:300]}")
    return answer.status_code, body["code"]
