"""Reads a month of both services in a bare loop, to compare with: `python bare_reader.py TOKEN`.

The same pages as a reconciliation: Clockify's detailed report, and QuickBooks' TimeActivities.
Whose they are is in the environment, as for the command. It prints how many rows each gave.
"""

import os
import sys

import requests

from connectors.clockify.client import REPORT_PAGE
from connectors.quickbooks.lists import QUERY_PAGE

MONTH = ("2026-09-01", "2026-09-30")


def report_rows(session: requests.Session) -> int:
    """Read the detailed report page by page, and return how many entries it has."""
    address = (
        f"{os.environ['CLOCKBOOKS_CLOCKIFY_REPORTS_URL']}/workspaces/"
        f"{os.environ['CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID']}/reports/detailed"
    )
    rows, page = 0, 0
    while True:
        page += 1
        answer = session.post(
            address,
            headers={"X-Api-Key": os.environ["CLOCKBOOKS_CLOCKIFY_API_KEY"]},
            json={
                "dateRangeStart": f"{MONTH[0]}T00:00:00.000",
                "dateRangeEnd": f"{MONTH[1]}T23:59:59.999",
                "timeZone": "UTC",
                "exportType": "JSON",
                "sortOrder": "ASCENDING",
                "detailedFilter": {"page": page, "pageSize": REPORT_PAGE, "sortColumn": "DATE"},
            },
            timeout=60,
        )
        rows += len(answer.json()["timeentries"])
        if answer.headers["Last-Page"] == "true":
            return rows


def activity_rows(session: requests.Session, token: str, realm_id: str) -> int:
    """Read TimeActivities page by page, and return how many there are."""
    address = f"{os.environ['CLOCKBOOKS_QBO_URL']}/v3/company/{realm_id}/query"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    rows = 0
    while True:
        statement = (
            f"SELECT * FROM TimeActivity WHERE TxnDate >= '{MONTH[0]}' AND TxnDate <= '{MONTH[1]}'"
            f" ORDERBY Id STARTPOSITION {rows + 1} MAXRESULTS {QUERY_PAGE}"
        )
        answer = session.get(address, headers=headers, params={"query": statement}, timeout=60)
        found = answer.json()["QueryResponse"].get("TimeActivity", [])
        rows += len(found)
        if len(found) < QUERY_PAGE:
            return rows


if __name__ == "__main__":
    with requests.Session() as session:
        sys.stdout.write(f"{report_rows(session)} {activity_rows(session, *sys.argv[1:])}")
