"""What is shown of entries that go together adds up to what QuickBooks bills for them."""

import csv
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from days import BY_DAY, DAY, books, send

pytestmark = pytest.mark.usefixtures("in_this_process")

#: In cents an hour: alone, the entries of the day come to a cent more than together.
RATE = 61_31


@pytest.fixture
def day(workday: Any) -> Any:
    """Return the day with this rate."""
    for entry in workday.clockify.entries.values():
        entry["rate"] = RATE
    return workday


def billed(house: Any) -> int:
    """Return what the TimeActivities in the books come to, each in whole cents."""
    minutes = [
        (row["Hours"] * 60 + row["Minutes"]) * Decimal(str(row["HourlyRate"]))
        for row in house.quickbooks.activities.values()
    ]
    return sum(int((one / 60 * 100).quantize(Decimal(1), ROUND_HALF_UP)) for one in minutes)


def shown(house: Any, **environment: str) -> set[int]:
    """Return every sum of sent time that the month and the list of entries show."""
    month = house.run("month", "2026-09", "--json", **environment).document
    sums = [[month["totals"]], month["people"], month["projects"]]
    found = {sum(row["sent_amount_cents"] for row in rows) for rows in sums}
    file = house.folder / "entries.csv"
    listed = house.run("entries", "--state", "sent", "--csv", str(file), "--json").document
    found.add(sum(row["amount_cents"] for row in listed["entries"]))
    with file.open(encoding="utf-8-sig", newline="") as rows:
        found.add(sum(int(row["amount_cents"]) for row in csv.DictReader(rows)))
    return found


def total(document: Any, state: str) -> int:
    """Return what the entries of a run come to that ended in a state."""
    return sum(row["amount_cents"] for row in document["entries"] if row["state"] == state)


def test_all_sums_are_what_quickbooks_bills(day):
    """Before the send, after it, and once a later run has seen the line.

    Before it, that is the plan, the amount at the terminal, which somebody approves, and what is
    open in the month.
    """
    planned = day.run("send", *DAY, "--dry-run", "--json", **BY_DAY).document
    preview = day.run("send", *DAY, "--dry-run", **BY_DAY).out
    month = day.run("month", "2026-09", "--json", **BY_DAY).document
    sent = send(day).document

    assert len(books(day)) == 1
    assert total(planned, "ready") == total(sent, "sent") == billed(day)
    assert f"{billed(day) / 100:,.2f}" in preview
    assert month["totals"]["open_amount_cents"] == month["totals"]["amount_cents"] == billed(day)
    assert shown(day, **BY_DAY) == {billed(day)}
    again = send(day, CLOCKBOOKS_LINE_PER="entry").document
    assert total(again, "skipped") == billed(day)
    assert shown(day) == {billed(day)}


@pytest.mark.slow
def test_a_run_that_looks_at_one_entry_of_a_line_changes_no_sum(day):
    """Its report has all that was sent, too."""
    send(day)
    again = send(day, "--description", "Build", CLOCKBOOKS_LINE_PER="entry").document
    assert total(again, "skipped") == billed(day)
    assert shown(day) == {billed(day)}


@pytest.mark.slow
def test_what_went_alone_before_the_others_is_billed_alone(day):
    """The first entry to a company with payroll; how many follow it so, the plan does not say."""
    pairs = day.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": "true"})
    day.quickbooks.switches.payroll_code = None
    sent = send(day).document

    assert len(books(day)) == 2
    assert not any("go as" in note for note in sent["notes"])
    assert total(sent, "sent") == billed(day)
    assert shown(day, **BY_DAY) == {billed(day)}


def test_the_parts_of_an_entry_are_billed_each(night):
    """Each is a TimeActivity of its own: their amounts add up."""
    night.night["rate"] = RATE
    night.night |= {"start": "2026-09-22T04:50:00Z", "end": "2026-09-22T05:20:00Z"}
    split = {"CLOCKBOOKS_SPLIT": "midnight", "CLOCKBOOKS_ROUNDING": "none"}
    days = ("--start", "2026-09-21", "--end", "2026-09-22")
    night.run("send", *days, "--yes", "--json", **split)

    assert len(books(night)) == 2
    assert shown(night, **split) == {billed(night)}
