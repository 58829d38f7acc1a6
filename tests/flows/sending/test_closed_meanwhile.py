"""What changes in QuickBooks while somebody looks at a plan at the terminal."""

from datetime import date
from typing import Any

import pytest

from connectors.errors import TryAgain
from flows.context import open_context
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_books_that_are_closed_while_somebody_looks_at_the_plan_stay_closed(week, monkeypatch):
    """Also where QuickBooks itself would take the time, as it may."""
    week.quickbooks.switches.refuses_closed_books = False
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(week.folder)

    def approve(_: Any) -> bool:
        week.quickbooks.people.close_books("2026-09-30")
        return True

    report, day = Report(), date(2026, 9, 22)
    with open_context(None) as context, pytest.raises(TryAgain, match="closed through 2026-09-30"):
        send(context, SendRequest(start=day, end=day), report, approve=approve)
    report.close()
    assert not week.quickbooks.activities
