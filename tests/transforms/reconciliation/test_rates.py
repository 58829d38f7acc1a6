"""Which rate a sent entry is to have: its own as Clockify has it now, or what QuickBooks gave."""

import json
from decimal import Decimal

import pytest

from transforms.reconciliation.sides import Now, Sent, clockify_values, ledger_values

#: The contents by which a change is noticed, besides the rate.
ABOUT = dict.fromkeys(("start", "day", "project_id", "description", "task"), "same") | {
    "user_id": "u1", "duration_s": 3600, "slack_s": 0,
}  # fmt: skip


def body(rate: str | None) -> str:
    """Write a TimeActivity: billable at a rate, or not."""
    billed = {"BillableStatus": "NotBillable"}
    if rate is not None:
        billed = {"BillableStatus": "Billable", "HourlyRate": int(rate)}
    return json.dumps(
        {"TxnDate": "2026-03-02", "NameOf": "Employee", "EmployeeRef": {"value": "55"}, "Hours": 1}
        | billed
    )


@pytest.mark.parametrize(
    ("kept", "says", "counts", "rate_from", "expected"),
    [
        ("75 USD", "75 USD", True, None, "90"),  # sent at another one: by another setting
        ("75 USD", "80 USD", True, None, "120"),
        ("75 USD", "", True, "zero", "120"),
        ("", "", True, "zero", "90"),
        ("", "", True, "item", "90"),
        ("", "75 USD", True, None, "120"),
        (None, "75 USD", True, None, "120"),  # not kept: what was sent may tell
        (None, "", True, "item", "90"),
        ("75 USD", "80 USD", False, "item", "90"),
        ("75 USD", "", False, "person", "90"),
    ],
)
def test_a_rate_changes_where_the_entrys_own_does(kept, says, counts, rate_from, expected):
    """Sent at 90, and at 120 if it went today: a new one counts only if Clockify's own is new."""
    sent = Sent("e1", "145", body("90"), contents=ABOUT | {"rate": kept})
    now = now_of(body("120"), rate=says, counts=counts, rate_from=rate_from)

    assert clockify_values(sent, now, ledger_values(sent))["rate"] == Decimal(expected)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(("before", "after"), [("90", None), (None, "120")])
def test_what_becomes_billable_gets_todays_rate(counts, before, after):
    """Whoever gives it; and what becomes not billable has none."""
    sent = Sent("e1", "145", body(before), contents=ABOUT | {"rate": "75 USD"})
    now = now_of(body(after), rate="75 USD", counts=counts, rate_from=None)

    values = clockify_values(sent, now, ledger_values(sent))

    assert values["billable"] == (after is not None)
    assert values["rate"] == Decimal(after or 0)


@pytest.mark.parametrize(("rate_from", "expected"), [("person", "120"), ("item", "90")])
def test_another_person_brings_another_persons_rate(rate_from, expected):
    """But the same service item has the price that it was sent with."""
    sent = Sent("e1", "145", body("90"), contents=ABOUT | {"rate": "", "user_id": "u2"})
    now = now_of(body("120"), rate="", counts=False, rate_from=rate_from)

    assert clockify_values(sent, now, ledger_values(sent))["rate"] == Decimal(expected)


def now_of(new: str, *, rate: str, counts: bool, rate_from: str | None) -> Now:
    """Return an entry as Clockify has it now."""
    row = {
        "billable": '"Billable"' in new, "rate_counts": counts, "rate_from": rate_from,
        "other_currency": False, "qbo_user": "Employee:55", "qbo_project": "",
    }  # fmt: skip
    return Now(new, None, None, ABOUT | {"rate": rate}, approved=True, is_work=True, row=row)
