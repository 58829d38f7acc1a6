"""People edit, delete and approve while a send reads: nothing is lost by it."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.clockify import client as clockify
from flows.sending import extract

pytestmark = pytest.mark.usefixtures("in_this_process")

REPORT = "/reports/detailed"


@pytest.fixture
def meanwhile(week: Any) -> Callable[..., None]:
    """Return a function to let something happen right after an answer of Clockify's."""

    def plan(where: str, happen: Callable[[], object], **when: int) -> None:
        def edit(answer: Any) -> Any:
            happen()
            return answer

        week.clockify.faults.plan(where, "edit", edit=edit, **when)

    return plan


def minutes_of(house: Any) -> dict[str, int]:
    """Return the minutes in the books by description."""
    return {
        row["Description"]: row["Hours"] * 60 + row["Minutes"]
        for row in house.quickbooks.activities.values()
    }


def test_hours_that_were_lengthened_without_approval_do_not_go(
    week: Any, send_day: Any, meanwhile: Any
) -> None:
    """Withdrawn and lengthened between two readings: not approved. The other way round it goes."""
    first, last, *_ = week.clockify.entries.values()
    for entry in week.clockify.entries.values():
        entry["approved"] = entry is not last

    def change() -> None:
        first.update(approved=False, end="2026-09-22T23:30:00Z")
        last.update(approved=True, end="2026-09-22T20:00:00Z", description="approved at last")

    meanwhile(REPORT, change)
    document = send_day(week, "--approved-only").document

    assert document["counts"]["sent"] == 8
    assert document["counts"]["skipped"] == {"not_approved": 1}
    assert first["description"] not in minutes_of(week)
    assert "approved at last" in minutes_of(week)


def test_an_entry_that_moves_to_a_month_that_was_read_goes(
    week: Any, meanwhile: Callable[..., None]
) -> None:
    """It is in neither reading; so the months are counted once more at the end."""
    entry = next(iter(week.clockify.entries.values()))
    entry["description"] = "moved"
    moved = {"start": "2026-08-25T14:00:00Z", "end": "2026-08-25T14:30:00Z"}
    meanwhile(REPORT, lambda: entry.update(moved))

    ran = week.run("send", "--start", "2026-08-20", "--end", "2026-09-22", "--dry-run", "--json")

    assert ran.document["counts"]["extracted"] == 9
    assert "2026-08-25" in {row["date"] for row in ran.document["entries"]}


@pytest.mark.parametrize(
    "after", [REPORT, pytest.param("status/in-progress", marks=pytest.mark.slow)]
)
def test_a_timer_that_is_stopped_meanwhile_does_not_vanish(
    week: Any, send_day: Any, meanwhile: Any, after: str
) -> None:
    """It goes, or is reported as running: one of the two lists has it."""
    timer = next(iter(week.clockify.entries.values()))
    end, timer["end"] = timer["end"], None
    meanwhile(after, lambda: timer.update(end=end))
    counts = send_day(week).document["counts"]

    assert counts["extracted"] == 9
    assert counts["sent"] + counts["skipped"].get("running", 0) == 9


def test_rows_without_a_currency_have_their_clients(week: Any, send_day: Any) -> None:
    """A client who pays in euros does so in reports that name no currency; others do not."""
    entry = next(row for row in week.clockify.entries.values() if row["billable"])
    project = week.clockify.projects[entry["projectId"]]
    week.clockify.clients[project["clientId"]]["currency"] = "EUR"
    theirs = {id_ for id_, row in week.clockify.projects.items()
              if row["clientId"] == project["clientId"]}  # fmt: skip

    def silent(answer: dict[str, Any]) -> dict[str, Any]:
        for row in answer["timeentries"]:
            del row["currency"]
        return answer

    week.clockify.faults.plan(REPORT, "edit", edit=silent)
    document = send_day(week).document
    in_euros = [
        row for row in week.clockify.entries.values()
        if row["billable"] and row["projectId"] in theirs
    ]  # fmt: skip
    assert document["counts"]["rejected"] == {"rate_currency": len(in_euros)}
    assert document["counts"]["sent"] == 9 - len(in_euros)


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--approved-only",), marks=pytest.mark.slow)]
)
def test_an_entry_that_goes_while_pages_are_read_hides_no_other_one(
    week: Any, send_day: Any, meanwhile: Any, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    """The one that moves up was on no page: the report is read again, without what is gone."""
    monkeypatch.setattr(clockify, "REPORT_PAGE", 4)
    monkeypatch.setattr(extract, "_ROWS_AT_ONCE", 4)  # so that a page is kept before the next
    for entry in week.clockify.entries.values():
        entry["approved"] = True
    gone = min(week.clockify.entries.values(), key=lambda entry: str(entry["start"]))
    meanwhile(REPORT, lambda: week.clockify.entries.pop(gone["id"]))
    document = send_day(week, *options).document

    assert document["counts"]["extracted"] == document["counts"]["sent"] == 8
    assert gone["description"] not in minutes_of(week)


def test_a_report_that_never_stays_is_said(
    week: Any, send_day: Any, meanwhile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few readings are tried; then a person is told, and nothing was sent."""
    monkeypatch.setattr(clockify, "REPORT_PAGE", 4)
    entries = week.clockify.entries
    earliest = min(entries.values(), key=lambda entry: str(entry["start"]))

    def one_more() -> None:
        id_ = week.clockify.new_id()
        entries[id_] = earliest | {"id": id_, "start": f"2026-09-22T09:00:{len(entries):02}Z"}

    meanwhile(REPORT, one_more, times=99)
    ran = send_day(week)

    assert ran.code == 1
    assert "Clockify" in ran.err.replace("\n", " ")
    assert "4 times in a row" in ran.err.replace("\n", " ")
    assert week.quickbooks.activities == {}
