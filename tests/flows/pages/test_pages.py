"""What Prefect's pages say is for those who read pages: no command line's options."""

from datetime import date

import pandas as pd
import pytest

from flows.connections.requirements import check_company
from flows.pages.pages import remedy_rows
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


def test_a_company_that_is_not_ready_names_the_parameter_that_tries_anyway():
    """A flow run fails with the error's text: the parameter is `allow_payroll` there."""
    company = Company(
        name="Acme", plan="QuickBooks Online Plus", subscription="PAID", has_payroll=True,
        tracks_time=True, currency="USD", closed_until=None,
    )  # fmt: skip

    with pytest.raises(Exception, match="allow_payroll") as raised:
        check_company(company, allow_payroll=False)

    assert "--" not in str(raised.value)
