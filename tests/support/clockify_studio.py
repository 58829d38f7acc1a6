"""A small Clockify workspace for the tests of its stand-in, and a caller of both its hosts."""

from datetime import UTC, datetime, timedelta

import requests

WORKSPACE, EURO = "a" * 24, "e" * 24
ADA, BO, CY, DEE, EVE, FAY = (f"{n:024x}" for n in range(1, 7))
ACME, OLDCO = f"{0x11:024x}", f"{0x12:024x}"
WEB, APP, LOOSE, ATTIC = (f"{n:024x}" for n in range(0x21, 0x25))
DESIGN, URGENT = f"{0x31:024x}", f"{0x41:024x}"
NOW = datetime(2026, 8, 10, tzinfo=UTC)
RUNNING = f"{0xFF:024x}"


def entry(number, start, *, minutes=60, **fields):
    began = datetime.fromisoformat(start)
    return {
        "id": f"{0x100 + number:024x}",
        "userId": ADA,
        "projectId": WEB,
        "taskId": None,
        "tagIds": None,
        "description": f"work {number}",
        "start": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{began + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
        "billable": True,
        "type": "REGULAR",
        "rate": 4500,
        "currency": "USD",
        "approved": False,
    } | fields


def user(id_, name, **fields):
    return {
        "id": id_,
        "name": name,
        "email": f"{(name or 'nobody').lower().replace(' ', '.')}@example.com",
        "status": "ACTIVE",
        "settings": {"timeZone": "Europe/Belgrade"},
        "membershipStatus": "ACTIVE",
        "roles": [],
    } | fields


SCENARIO = {
    "clockify": {
        "api_keys": {"owner": ADA, "admin": BO, "plain": CY},
        "workspace": {
            "id": WORKSPACE,
            "name": "Studio",
            "features": [
                "QUICKBOOKS_INTEGRATION",
                "APPROVAL",
                "ADD_TIME_FOR_OTHERS",
                "CLIENT_CURRENCY",
                "CUSTOM_FIELDS",
                "HISTORIC_RATES",
                "LABOR_COST",
                "TASK_RATES",
                "WORKSPACE_TIME_ROUNDING",
            ],
            "featureSubscriptionType": "BUNDLE_YEAR_2024",
            "currencies": [
                {"id": "c" * 24, "code": "USD", "isDefault": True},
                {"id": EURO, "code": "EUR", "isDefault": False},
            ],
            "workspaceSettings": {
                "timeRoundingInReports": False,
                "round": {"round": "Round to nearest", "minutes": "15"},
                "onlyAdminsSeeAllTimeEntries": True,
            },
        },
        "users": [
            user(ADA, "Ada Byron", roles=["OWNER"]),
            user(BO, "Bo Li", roles=["WORKSPACE_ADMIN"]),
            user(CY, "Cy Young", settings={"timeZone": "America/Los_Angeles"}),
            user(DEE, "Dee Gone", membershipStatus="INACTIVE"),
            user(EVE, "Eve Erased", status="DELETED", membershipStatus="INACTIVE"),
            user(FAY, None, settings=None, status="LIMITED"),
        ],
        "clients": [
            {"id": ACME, "name": "Acme", "archived": False},
            {"id": OLDCO, "name": "Oldco", "archived": True},
        ],
        "projects": [
            {"id": WEB, "name": "Website", "clientId": ACME, "billable": True, "archived": False},
            {"id": APP, "name": "Website", "clientId": OLDCO, "billable": True, "archived": False},
            {"id": LOOSE, "name": "Inner", "clientId": "", "billable": False, "archived": False},
            {"id": ATTIC, "name": "Attic", "clientId": ACME, "billable": True, "archived": True},
        ],
        "tasks": [{"id": DESIGN, "name": "Design", "projectId": WEB}],
        "tags": [{"id": URGENT, "name": "urgent"}],
        "entries": [
            entry(1, "2026-08-07T22:15:00", taskId=DESIGN, tagIds=[URGENT]),
            entry(2, "2026-08-08T22:30:00", userId=BO, projectId=LOOSE, billable=False, rate=None),
            entry(3, "2026-08-05T08:00:00", userId=CY, minutes=22, approved=True, tagIds=[]),
            entry(4, "2026-08-06T08:00:00", userId=EVE, projectId=APP, currency="EUR"),
            entry(5, "2026-08-04T08:00:00", userId=DEE, projectId=None, description="loose end"),
            entry(6, "2026-08-09T08:00:00", userId=CY, id=RUNNING, end=None),
        ],
    }
}


HOUR = {"start": "2026-08-10T08:00:00Z", "end": "2026-08-10T09:00:00Z"}
ONE, TWO, THREE, FOUR, FIVE = (f"{0x100 + n:024x}" for n in range(1, 6))


class Api:
    """Both hosts of a stand-in, as a caller sees them."""

    def __init__(self, address, key="owner"):
        self.address, self.headers = address, {"X-Api-Key": key}
        self._session = requests.Session()  # one connection: opening one takes as long as a call

    def __call__(self, method, path, **options):
        options.setdefault("headers", self.headers)
        return self._session.request(method, f"{self.address}/api/v1{path}", timeout=10, **options)

    def close(self):
        self._session.close()

    def at(self, method, path, **options):
        return self(method, f"/workspaces/{WORKSPACE}{path}", **options)

    def list(self, path, **params):
        answer = self.at("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_report(self, **body):
        whole = {
            "dateRangeStart": "2026-08-01T00:00:00",
            "dateRangeEnd": "2026-08-31T23:59:59.999",
            "detailedFilter": {"page": 1, "pageSize": 200},
            "timeZone": "UTC",
            "sortOrder": "ASCENDING",
            "rounding": False,
        } | body
        path = f"{self.address}/report/v1/workspaces/{WORKSPACE}/reports/detailed"
        return self._session.post(path, json=whole, headers=self.headers, timeout=10)

    def report(self, **body):
        answer = self.ask_report(**body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def numbers(self, **body):
        return numbers(self.report(**body)["timeentries"])


def numbers(rows):
    return [int(row.get("_id") or row["id"], 16) - 0x100 for row in rows]


def refusal(answer):
    return answer.status_code, answer.json()["code"], answer.json()["message"]


def read(api, entry_id):
    answer = api.at("GET", f"/time-entries/{entry_id}")
    return answer.json() if answer.status_code == 200 else refusal(answer)[0]
