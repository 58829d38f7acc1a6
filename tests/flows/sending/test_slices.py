"""A send works in slices of whole days, and nobody can tell: the results are those of one slice."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.clockify import client as clockify
from connectors.standins.quickbooks.faults import UNAUTHENTICATED_ANSWER
from flows.context import open_context
from flows.sending import extract, judge
from flows.sending.plan import Slice
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

BENCH = Path(__file__).parents[2] / "bench"

QUARTER = ("--start", "2026-07-27", "--end", "2026-10-31")

#: Each of its days becomes a slice, which takes a while.
FORTNIGHT = ("--start", "2026-09-14", "--end", "2026-09-27")
FIVE_DAYS = ("--start", "2026-09-14", "--end", "2026-09-18")


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Give pages seven rows and slices a day; return how many entries each slice has."""
    monkeypatch.setattr(clockify, "REPORT_PAGE", 7)
    monkeypatch.setattr(extract, "_ROWS_AT_ONCE", 10)
    monkeypatch.setattr(judge, "SLICE_ROWS", 1)
    made: list[int] = []
    whole = judge.judge_slices

    def counted(*what: Any) -> Iterator[Slice]:
        for one in whole(*what):
            made.append(len(one.plan))
            yield one

    monkeypatch.setattr("flows.sending.send.judge_slices", counted)
    return lambda: made


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "options", [(), pytest.param(("--approved-only",), marks=pytest.mark.slow)]
)
def test_a_plan_in_slices_is_the_plan_in_one(request: Any, synced: Any, options: Any) -> None:
    """Page by page and day by day, the document is the same, byte for byte and in its order."""
    for id_ in sorted(synced.clockify.entries)[::2]:  # half of them is enough
        del synced.clockify.entries[id_]
    whole = synced.run("send", *FORTNIGHT, *options, "--dry-run", "--json")
    made = request.getfixturevalue("small_slices")
    sliced = synced.run("send", *FORTNIGHT, *options, "--dry-run", "--json")

    assert len(made()) > 9
    assert sum(made()) == whole.document["counts"]["extracted"] > 50
    assert sliced.out == whole.out


@pytest.mark.usefixtures("in_this_process")
def test_what_was_planned_in_one_is_sent_in_slices(
    request: Any, synced: Any, becomes: dict[str, str], booked: Any, reckon: Any
) -> None:
    """Each ready entry of the plan is sent, each other one ends as the plan said, in its order."""
    for id_, entry in list(synced.clockify.entries.items()):
        if entry["start"] < "2026-09-21" or entry["start"] > "2026-09-24":
            del synced.clockify.entries[id_]
    plan = synced.run("send", *QUARTER, "--dry-run", "--json").document
    for row in plan["entries"]:
        row.pop("decided_by", None)  # only a preview says which rules decide
        row.pop("rate_from", None)
    request.getfixturevalue("small_slices")
    sent = synced.run("send", *QUARTER, "--yes", "--json").document

    assert [
        row | {"state": "ready" if row["state"] == "sent" else row["state"]}
        | {"time_activity_id": None}
        for row in sent["entries"]
    ] == plan["entries"]  # fmt: skip
    assert sent["counts"]["sent"] == plan["counts"]["ready"] > 20
    assert sum(booked(synced).values()) == sent["counts"]["sent"]
    goes = [entry for id_, entry in synced.clockify.entries.items() if becomes[id_] == "sent"]
    assert set(booked(synced)) == {reckon(synced, entry) for entry in goes}
    again = synced.run("send", *QUARTER, "--yes", "--json").document
    assert again["counts"]["skipped"]["already_sent"] == sent["counts"]["sent"]


@pytest.mark.usefixtures("in_this_process", "small_slices")
def test_of_an_entry_on_two_pages_the_last_row_counts(week: Any, send_day: Any) -> None:
    """Edited while the report was read, it comes again: it goes once, as it is now, or not at all.

    Here one was renamed, one moved to another week, and one became unreadable.
    """
    rows: list[dict[str, Any]] = []

    def keep(answer: dict[str, Any]) -> dict[str, Any]:
        rows.extend(answer["timeentries"])
        return answer

    def bring_again(answer: dict[str, Any]) -> dict[str, Any]:
        renamed, moved, spoilt = (dict(row) for row in rows[:3])
        renamed["description"] = "renamed"
        moved["timeInterval"] = {"start": "2026-09-10T10:00:00Z", "end": "2026-09-10T11:00:00Z"}
        spoilt["timeInterval"] = {"start": "soon"}
        return answer | {"timeentries": [*answer["timeentries"], renamed, moved, spoilt]}

    week.clockify.faults.plan("/reports/detailed", "edit", edit=keep)
    week.clockify.faults.plan("/reports/detailed", "edit", edit=bring_again)
    ran = send_day(week)

    assert ran.document["counts"]["sent"] == 7
    assert len(week.quickbooks.activities) == 7
    [bad] = ran.document["set_aside"]
    assert bad["entry_id"] == rows[2]["_id"]
    told = {row["entry_id"]: row["description"] for row in ran.document["entries"]}
    assert told[rows[0]["_id"]] == "renamed"
    assert rows[1]["_id"] not in told


@pytest.mark.usefixtures("in_this_process")
def test_a_bad_row_is_told_by_the_send_of_its_day_alone(week: Any, send_day: Any) -> None:
    """Clockify is asked for a day more at each side: what is wrong there is another send's."""

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        here, next_day = (dict(row, type="SOMETHING NEW") for row in answer["timeentries"][:2])
        next_day["timeInterval"] = {"start": "2026-09-23T15:00:00Z", "end": "2026-09-23T16:00:00Z"}
        return answer | {"timeentries": [here, next_day, *answer["timeentries"][2:]]}

    week.clockify.faults.plan("/reports/detailed", "edit", edit=spoil)
    ran = send_day(week)

    assert ran.document["counts"]["sent"] == 7
    [bad] = ran.document["set_aside"]
    assert "SOMETHING NEW" in bad["problem"]


def test_what_was_approved_is_sent_and_nothing_else(
    week: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan that was shown goes, slice by slice; what changes meanwhile waits for the next run.

    Meanwhile one entry is edited, one deleted and one added.
    """
    monkeypatch.chdir(week.folder)
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)
    first, second, *_ = week.clockify.entries.values()
    shown: list[Any] = []

    def approve(plan: dict[str, Any]) -> bool:
        shown.extend(plan["entries"])
        assert len(plan["entries"]) == plan["counts"]["ready"] == 9
        week.clockify.entries[first["id"]] = first | {"description": "edited"}
        del week.clockify.entries[second["id"]]
        week.clockify.entries["f" * 24] = first | {"id": "f" * 24}
        return True

    request = SendRequest(start=date(2026, 9, 22), end=date(2026, 9, 22))
    with closing(Report()) as report, open_context(None) as context:
        document = send(context, request, report, approve=approve)
        entries = list(document["entries"])

    assert document["counts"]["sent"] == 9
    assert [row["entry_id"] for row in entries] == [row["entry_id"] for row in shown]
    books = {row.get("Description", "") for row in week.quickbooks.activities.values()}
    assert books == {row["description"] or "" for row in shown}


@pytest.mark.usefixtures("in_this_process", "small_slices")
def test_a_load_that_ends_early_leaves_later_slices_alone(synced: Any) -> None:
    """Once QuickBooks takes nothing more, no other slice begins, and every entry is reported."""
    synced.quickbooks.faults.plan(
        r"POST .*/batch", "answer", skip=3, times=99, **UNAUTHENTICATED_ANSWER
    )
    ran = synced.run("send", *FIVE_DAYS, "--yes", "--json", CLOCKBOOKS_QBO_CONCURRENCY="1")

    counts = ran.document["counts"]
    assert ran.code == 3
    assert counts["sent"] > 0
    assert ran.document["stopped"]
    ends = counts["sent"] + counts["in_doubt"]
    ends += sum(counts["skipped"].values()) + sum(counts["rejected"].values())
    assert ends == counts["extracted"] == len(ran.document["entries"])
    late = [row for row in ran.document["entries"] if "ended early" in (row["detail"] or "")]
    assert len(late) > 20
    assert len(synced.quickbooks.activities) == counts["sent"]


@pytest.mark.slow
def test_a_million_entries_take_hardly_more_memory_than_a_tenth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The installed command's own peak, for the plan of a window; takes minutes."""
    monkeypatch.syspath_prepend(BENCH)
    peak_of = importlib.import_module("memory_bench").peak_of
    tenth, million = (peak_of(entries, "--dry-run").peak_mib for entries in (100_000, 1_000_000))

    assert million <= 1.3 * tenth
