"""Billable time at rates of QuickBooks': from the setting to the books, and what counts later."""

from decimal import Decimal
from typing import Any

import pytest

from transforms.directory.names import same_form

pytestmark = pytest.mark.usefixtures("in_this_process")

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


def sent(house: Any) -> dict[str, dict[str, Any]]:
    """Return the TimeActivity of each sent entry."""
    rows = house.run("entries", "--state", "sent", "--json").document["entries"]
    return {row["entry_id"]: house.quickbooks.activities[row["time_activity_id"]] for row in rows}


def reconciled(house: Any, *options: str) -> dict[str, int]:
    """Reconcile the day, and return the counts."""
    ran = house.run("reconcile", *DAY, "--json", *options)
    return dict(ran.document["counts"])


def configure(house: Any, *settings: str) -> None:
    """Set settings of the connection."""
    for one in settings:
        assert house.run("configure", "--set", one).code == 0


def line(house: Any) -> dict[str, Any] | None:
    """Return the line of `check` about rates."""
    checks = house.run("check", "--json").document["checks"]
    return next((row for row in checks if row["name"] == "Rates"), None)


@pytest.fixture
def priced(week: Any) -> Any:
    """Return the small week: all is billable, two projects' items have a price, another none."""
    entries = sorted(week.clockify.entries.values(), key=lambda entry: str(entry["id"]))
    for number, entry in enumerate(entries):
        entry["billable"] = number > 0
        entry["taskId"] = "t1" if number < 4 else None
    week.clockify.tasks["t1"] = {"id": "t1", "name": "Plan", "projectId": entries[0]["projectId"]}
    for entry in entries[:4]:
        entry["projectId"] = entries[0]["projectId"]
    week.quickbooks.items["4"]["UnitPrice"] = Decimal("112.345")
    for rule in (("Landscape design", "--task", "Plan"), ("Hours",)):
        assert week.run("rules", "add", "--item", *rule).code == 0
    return week


def test_time_goes_at_the_price_of_its_item_and_keeps_it(priced, send_day):
    """No new price, rate or setting changes what was sent; what becomes billable gets today's."""
    assert line(priced) is None
    configure(priced, "rate=item")
    told = line(priced)
    assert (told["state"], "1 of 2 service items" in told["found"]) == ("warning", True)
    assert "Hours" in told["to_do"]
    plan = send_day(priced, "--dry-run").document
    assert any("price of its service item" in note for note in plan["notes"])
    left = [row for row in plan["entries"] if row["state"] != "ready"]
    assert {row["reason"] for row in left} == {"billable_without_rate"}
    assert len(left) == 5
    assert all("the service item 'Hours' has no price" in row["detail"] for row in left)
    assert [row["rate_from"] for row in plan["entries"]].count("item") == 8

    send_day(priced)
    books = sent(priced)
    first, *billed = sorted(books)
    rates = [books[id_]["HourlyRate"] for id_ in billed]
    assert rates == [Decimal("112.345")] * 3

    priced.quickbooks.items["4"]["UnitPrice"] = Decimal(200)
    priced.clockify.entries[billed[0]]["rate"] = 12_300
    unsent = {"unsent": 5}
    assert reconciled(priced) == {"agrees": 4} | unsent
    priced.clockify.entries[billed[0]]["description"] = "Longer, and other work"
    priced.clockify.entries[first]["billable"] = True
    found = reconciled(priced, "--repair", "--yes")
    assert found == {"agrees": 2, "changed_in_clockify": 2} | unsent
    books = sent(priced)
    assert books[first]["HourlyRate"] == 200
    assert books[billed[0]]["HourlyRate"] == Decimal("112.345")
    assert books[billed[0]]["Description"] == "Longer, and other work"

    configure(priced, "rate=clockify")
    assert reconciled(priced) == {"agrees": 4} | unsent
    priced.clockify.entries[billed[1]]["rate"] = 4_500
    assert reconciled(priced, "--repair", "--yes")["changed_in_clockify"] == 1
    assert sent(priced)[billed[1]]["HourlyRate"] == 45


def test_time_goes_at_the_billing_rate_of_its_person(week, send_day):
    """Employees' and vendors' alike; whoever has none is named, and the option is of one run."""
    activities = send_day(week, "--dry-run").document["entries"]
    people = {
        same_form(row["DisplayName"]): row
        for rows in (week.quickbooks.employees, week.quickbooks.vendors)
        for row in rows.values()
    }
    names = {same_form(row["user"]) for row in activities}
    poor = min(names)
    for number, name in enumerate(sorted(names - {poor})):
        people[name]["BillRate"] = Decimal("80.25") + number
    for entry in week.clockify.entries.values():
        entry["billable"] = True
    ended = send_day(week, "--rate", "person").document["entries"]

    for row in ended:
        if same_form(row["user"]) == poor:
            assert row["reason"] == "billable_without_rate"
            assert f"no billing rate for {row['user']!r}" in row["detail"]
        else:
            booked = week.quickbooks.activities[row["time_activity_id"]]
            assert booked["HourlyRate"] == people[same_form(row["user"])]["BillRate"]
    gone = {same_form(row["user"]) for row in ended if row["state"] == "sent"}
    assert gone == names - {poor}


def test_the_items_price_helps_where_clockifys_rate_does_not(priced, send_day):
    """Time without a rate, and with one in another currency, each by its own setting."""
    ids = sorted(priced.clockify.entries)[1:4]
    missing, foreign, own = (priced.clockify.entries[id_] for id_ in ids)
    missing["rate"], foreign["currency"] = None, "EUR"
    configure(priced, "missing_rate=item")
    plan = {row["entry_id"]: row for row in send_day(priced, "--dry-run").document["entries"]}
    assert plan[foreign["id"]]["reason"] == "rate_currency"

    send_day(priced, "--foreign-rate", "item")

    rates = {id_: row["HourlyRate"] for id_, row in sent(priced).items()}
    assert rates[missing["id"]] == rates[foreign["id"]] == Decimal("112.345")
    assert rates[own["id"]] == Decimal(own["rate"]) / 100
    assert len(rates) == 9
    priced.quickbooks.items["4"]["UnitPrice"] = Decimal(200)
    assert reconciled(priced) == {"agrees": 9}


@pytest.mark.slow
def test_time_at_a_price_of_quickbooks_is_adopted(priced, send_day):
    """A lost ledger finds again what went at an item's price."""
    configure(priced, "rate=item", "missing_rate=zero")
    kept = (priced.folder / "clockbooks.db").read_bytes()
    assert send_day(priced).document["counts"]["sent"] == 9
    for file in priced.folder.glob("clockbooks.db*"):
        file.unlink()
    (priced.folder / "clockbooks.db").write_bytes(kept)

    adopted = priced.run("adopt", *DAY, "--yes", "--json").document

    assert adopted["counts"] == {"adopted": 9, "near": 0, "unknown": 0}
    assert reconciled(priced) == {"agrees": 9}


@pytest.mark.slow
def test_rows_of_a_file_without_rates_go_at_the_items_price(priced, export):
    """Where an export was told to leave rates out; they keep it, whatever Clockify says."""
    file = export(priced, without=("Billable Rate (USD)", "Billable Amount (USD)"))
    rules = ("rules", "add", "--item", "Landscape design", "--billable", "--at", "1")
    assert priced.run(*rules).code == 0
    ran = priced.run("import", str(file), "--yes", "--json", "--missing-rate", "item")

    assert ran.document["counts"]["sent"] == 9, ran.document
    rates = [row["HourlyRate"] for row in priced.quickbooks.activities.values()]
    assert sorted(rates) == [0, *[Decimal("112.345")] * 8]
    for source in ("item", "clockify"):  # the second comparison knows the rows by Clockify's ids
        configure(priced, f"rate={source}")
        assert reconciled(priced) == {"agrees": 9}
