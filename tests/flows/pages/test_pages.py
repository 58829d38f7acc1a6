"""What Prefect's pages say is for those who read pages: no command line's options."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from flows.connections.requirements import check_company
from flows.pages.pages import remedy_rows
from flows.pages.status import status_page
from schemas.plan import Plan
from schemas.quickbooks import Company
from transforms.plan.explain import refused_before
from transforms.plan.summary import overview


@pytest.fixture
def refused():
    """Return a plan with one entry that QuickBooks refused before."""
    row = {
        "entry_id": "e1", "state": "rejected", "reason": "qbo_refused", "date": "2026-09-01",
        "detail": refused_before("the customer is inactive (code 6240)", date(2026, 3, 2)),
        "user": "Ann Lee", "minutes": 60, "billable": False, "description": "work",
    }  # fmt: skip
    return Plan.validate(pd.DataFrame([row], columns=list(Plan.to_schema().columns), dtype=object))


def test_a_page_names_the_parameter_that_tries_a_refused_entry_again(refused):
    """On a page there is a form with `retry_refused`, and no `--retry-refused`."""
    (row,) = remedy_rows(overview(refused))

    assert "inactive" in row["What to do"]
    assert "retry\\_refused" in row["What to do"]
    assert "--retry-refused" not in row["What to do"]


def test_pages_speak_in_words_and_show_commands_as_code():
    """A reason is no code, and a command is; what people typed stays text beside it."""
    detail = "QuickBooks has no employee named '[x](y)'. Run `clockbooks link user u1 QBO_ID`."
    row = {
        "entry_id": "e1", "state": "rejected", "reason": "unlinked_user", "date": "2026-09-01",
        "detail": detail, "user": "[x](y)", "minutes": 60, "billable": False, "description": "w",
    }  # fmt: skip
    plan = Plan.validate(pd.DataFrame([row], columns=list(Plan.to_schema().columns), dtype=object))

    (shown,) = remedy_rows(overview(plan))

    assert shown["Reason"] == "unlinked user"
    assert "named '\\[x\\](y)'. Run `clockbooks link user u1 QBO_ID`." in shown["What to do"]


def test_a_company_that_is_not_ready_names_the_parameter_that_tries_anyway():
    """A flow run fails with the error's text: the parameter is `allow_payroll` there."""
    company = Company(
        name="Acme", plan="QuickBooks Online Plus", subscription="PAID", has_payroll=True,
        tracks_time=True, currency="USD", closed_until=None,
    )  # fmt: skip

    with pytest.raises(Exception, match="allow_payroll") as raised:
        check_company(company, allow_payroll=False)

    assert "--" not in str(raised.value)


def test_the_page_of_all_connections_says_who_needs_somebody_and_what_to_do():
    """A company with nothing to do is a row; one with something has a line for each, a command."""
    well = {
        "connection": "acme", "company": "Acme | Co", "timezone": "Pacific/Auckland",
        "state": "connected", "consent_ends_at": "2027-02-28T13:00:00+00:00",
        "synced_at": "2026-11-01T20:00:00+00:00", "sent_at": None,
        "rejected": {"entries": 0, "minutes": 0}, "skipped": {"entries": 2, "minutes": 90},
        "in_doubt": 0, "drifted": 0, "waiting_plans": 0,
    }  # fmt: skip
    bad = well | {"connection": "bolt", "state": "consent ended", "in_doubt": 1, "drifted": 1200,
                  "rejected": {"entries": 3, "minutes": 45}, "waiting_plans": 1}  # fmt: skip
    reads = {"month": "2026-11", "used": 1234, "allowance": 500_000}

    now = datetime(2026, 11, 2, 3, 4, tzinfo=UTC)
    page = status_page({"connections": [well, bad], "reads": reads}, now)

    assert page.startswith(
        "# All connections\n\n**1 of 2 needs somebody.** As of 2026-11-02 03:04 UTC;"
    )
    lines = page.splitlines()
    assert "| acme | Acme \\| Co | connected | 2027-03-01 | 2026-11-02 | never |" in lines
    assert "| acme |  | 2: 1 h 30 min |  |  |  |" in lines
    assert "| **bolt** | 3: 45 min | 2: 1 h 30 min | 1 | 1,200 | 1 |" in lines
    assert page.count("--connection acme") == 0
    commands = ("connect", "entries --state rejected", "settle", "entries --state drifted", "plans")
    for command in commands:
        assert page.count(f"`clockbooks {command} --connection bolt`") == 1
    assert "Reads of QuickBooks in 2026-11: 1,234 of 500,000." in page
