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
    ("kept", "says", "source", "rate_from", "expected"),
    [
        ("75 USD", "75 USD", "clockify", None, "90"),  # sent at another one: by another setting
        ("75 USD", "80 USD", "clockify", None, "120"),
        ("75 USD", "", "clockify", "zero", "120"),
        ("", "", "clockify", "zero", "90"),
        ("", "", "clockify", "item", "90"),
        ("", "75 USD", "clockify", None, "120"),
        (None, "75 USD", "clockify", None, "120"),  # not kept: what was sent may tell
        (None, "", "clockify", "item", "90"),
        ("untold", "75 USD", "clockify", None, "90"),  # of a file without rates: QuickBooks gave it
        ("untold", "75 USD", "item", "item", "90"),
        ("75 USD", "80 USD", "item", "item", "90"),
        ("75 USD", "", "person", "person", "90"),
    ],
)
def test_a_rate_changes_where_the_entrys_own_does(kept, says, source, rate_from, expected):
    """Sent at 90, and at 120 if it went today: a new one counts only if Clockify's own is new."""
    sent = Sent("e1", "145", body("90"), contents=ABOUT | {"rate": kept})
    now = now_of(body("120"), rate=says, source=source, rate_from=rate_from)

    assert clockify_values(sent, now, ledger_values(sent))["rate"] == Decimal(expected)


@pytest.mark.parametrize("source", ["clockify", "person"])
@pytest.mark.parametrize(("before", "after"), [("90", None), (None, "120")])
def test_what_becomes_billable_gets_todays_rate(source, before, after):
    """Whoever gives it; and what becomes not billable has none."""
    sent = Sent("e1", "145", body(before), contents=ABOUT | {"rate": "75 USD"})
    now = now_of(body(after), rate="75 USD", source=source, rate_from=None)

    values = clockify_values(sent, now, ledger_values(sent))

    assert values["billable"] == (after is not None)
    assert values["rate"] == Decimal(after or 0)


@pytest.mark.parametrize(
    ("source", "rate_from", "expected"),
    [
        ("person", "person", "120"),
        ("person", "zero", "120"),
        ("person", "item", "120"),
        ("item", "item", "90"),
        ("item", "zero", "90"),
    ],
)
def test_another_person_brings_another_persons_rate(source, rate_from, expected):
    """Also one who has none, by what a send does then; the same service item keeps its price."""
    sent = Sent("e1", "145", body("90"), contents=ABOUT | {"rate": "", "user_id": "u2"})
    now = now_of(body("120"), rate="", source=source, rate_from=rate_from)

    assert clockify_values(sent, now, ledger_values(sent))["rate"] == Decimal(expected)


def now_of(new: str, *, rate: str, source: str, rate_from: str | None) -> Now:
    """Return an entry as Clockify has it now."""
    row = {
        "billable": '"Billable"' in new, "rate_source": source, "rate_from": rate_from,
        "other_currency": False, "qbo_user": "Employee:55", "qbo_project": "",
    }  # fmt: skip
    return Now(new, None, None, ABOUT | {"rate": rate}, approved=True, is_work=True, row=row)
