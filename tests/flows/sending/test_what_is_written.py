"""How descriptions, minutes and rates are written: from the setting to the books."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")
TEMPLATE = "[{task}: ]{description}[\\n#{tags}]"


@pytest.fixture
def labeled(week: Any) -> Any:
    """Return the small week, whose entries have a task, tags, both or none."""
    project = next(iter(week.clockify.entries.values()))["projectId"]
    week.clockify.tasks["t1"] = {"id": "t1", "name": "Design", "projectId": project}
    tags = list(week.clockify.tags)
    for number, entry in enumerate(week.clockify.entries.values()):
        entry["taskId"] = "t1" if number % 2 else None
        entry["tagIds"] = tags[: number % 3]
    return week


def expected(house: Any, entry: dict[str, Any]) -> str:
    """Write an entry's description by `TEMPLATE`, without any code of the product's."""
    task = "Design: " if entry["taskId"] else ""
    names = ", ".join(house.clockify.tags[id_]["name"] for id_ in entry["tagIds"])
    return task + entry["description"] + (f"\n#{names}" if names else "")


def in_the_books(house: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each sent entry with its TimeActivity."""
    sent = house.run("entries", "--state", "sent", "--json").document["entries"]
    for row in sent:
        activity = house.quickbooks.activities[row["time_activity_id"]]
        yield house.clockify.entries[row["entry_id"]], activity


def test_the_books_have_what_the_template_writes(labeled, send_day):
    """By the connection's own setting, and an option beats it; the entry's id when asked for."""
    for one in (f"description_template={TEMPLATE}", "description_marker=yes"):
        assert labeled.run("configure", "--set", one).code == 0
    plain = ("--description-template", "{description}", "--no-description-marker")
    shown = send_day(labeled, "--dry-run", *plain).document["entries"]
    assert len(send_day(labeled).document["entries"]) == 9

    for row in shown:
        entry = labeled.clockify.entries[row["entry_id"]]
        assert row["description"] == entry["description"]
    found = list(in_the_books(labeled))
    assert len(found) == 9
    for entry, activity in found:
        text = expected(labeled, entry)
        assert activity["Description"] == f"{text} [clockbooks:{entry['id']}]"
    assert {"\n" in row["Description"] for _, row in found} == {True, False}


@pytest.mark.slow
def test_a_new_template_changes_nothing_that_was_sent(labeled, send_day):
    """Only what changes in Clockify is written anew, by the template of that day."""
    send_day(labeled)
    template = {"CLOCKBOOKS_DESCRIPTION_TEMPLATE": TEMPLATE}
    compared = labeled.run("reconcile", *DAY, "--json", **template)
    assert (compared.code, compared.document["counts"]) == (0, {"agrees": 9})

    entry = next(one for one in labeled.clockify.entries.values() if one["taskId"])
    entry["description"] = "Other work"
    repaired = labeled.run("reconcile", *DAY, "--repair", "--yes", "--json", **template)
    assert repaired.document["counts"] == {"agrees": 8, "changed_in_clockify": 1}
    texts = {one["id"]: row["Description"] for one, row in in_the_books(labeled)}
    assert texts.pop(entry["id"]) == expected(labeled, entry)
    assert all(text == labeled.clockify.entries[id_]["description"] for id_, text in texts.items())


def test_a_template_that_cannot_be_read_stops_before_anything_is_read(labeled):
    """With what is wrong, wherever it comes from."""
    asked = labeled.run("send", *DAY, "--dry-run", "--description-template", "{rate}", "--json")
    own = labeled.run("configure", "--set", "description_template=[{task}")
    environment = labeled.run("send", *DAY, "--dry-run", CLOCKBOOKS_DESCRIPTION_TEMPLATE="{x}")

    assert asked.code == 1
    assert "{rate} is not a field" in asked.document["error"]["message"]
    assert own.code == 2
    assert "does not end" in own.err
    assert environment.code == 1
    assert "CLOCKBOOKS_DESCRIPTION_TEMPLATE" in environment.err


@pytest.mark.parametrize("per", ["day", pytest.param("entry", marks=pytest.mark.slow)])
def test_a_day_may_be_rounded_as_a_whole(week, send_day, per):
    """By quarters: each entry's nearest one, or as many as each person's day on a project has."""
    sums: Counter[tuple[str, str]] = Counter()
    alone = 0
    for number, entry in enumerate(sorted(week.clockify.entries.values(), key=json.dumps)):
        entry["userId"] = min(one["userId"] for one in week.clockify.entries.values())
        seconds = 22 * 60 + number  # nearest: 15 minutes
        end = datetime.fromisoformat(entry["start"]).timestamp() + seconds
        entry["end"] = f"{datetime.fromtimestamp(end, UTC):%Y-%m-%dT%H:%M:%SZ}"
        sums[entry["userId"], entry["projectId"]] += seconds
        alone += (seconds + 450) // 900 * 15
    send_day(week, "--rounding-per", per)

    together = sum((seconds + 450) // 900 * 15 for seconds in sums.values())
    assert together != alone
    activities = week.quickbooks.activities.values()
    booked = sum(row["Hours"] * 60 + row["Minutes"] for row in activities)
    assert booked == (alone if per == "entry" else together)


def test_time_without_a_rate_may_go_at_zero(week, send_day):
    """By the connection's own setting: billable, with an HourlyRate of 0 in the books."""
    entry = next(one for one in week.clockify.entries.values() if one["billable"])
    entry["rate"] = None
    (left,) = [
        row for row in send_day(week, "--dry-run").document["entries"] if row["state"] != "ready"
    ]
    assert (left["entry_id"], left["reason"]) == (entry["id"], "billable_without_rate")

    assert week.run("configure", "--set", "missing_rate=zero").code == 0
    send_day(week)
    rates = {one["id"]: row["HourlyRate"] for one, row in in_the_books(week) if one["billable"]}
    assert rates.pop(entry["id"]) == 0
    assert all(rates.values())
    assert week.run("reconcile", *DAY, "--json").document["counts"] == {"agrees": 9}
