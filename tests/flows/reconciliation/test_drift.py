"""What is known to differ, and how long; and what exit code 0 means."""

from copy import deepcopy
from datetime import datetime, timedelta

import pytest

from flows.cli.output import Output

DAYS = ("--start", "2026-09-14", "--end", "2026-09-18")


def to_other_days(week, id_):
    """Move an entry out of the week in Clockify; return the hand that moves it back."""
    entry = week.entry(id_)
    before = deepcopy(entry)
    for name in ("start", "end"):
        moved = datetime.fromisoformat(entry[name]) - timedelta(days=20)
        entry[name] = moved.isoformat().replace("+00:00", "Z")
    return lambda: entry.update(before)


@pytest.mark.slow
def test_drift_of_other_days_is_forgotten_once_repaired(week):
    """An entry that moved out of the days differs no more once QuickBooks follows."""
    id_ = week.pick()
    to_other_days(week, id_)
    week.reconcile(code=3)
    assert week.drifted() == [id_]

    week.reconcile("--repair", "--yes", code=0)

    assert week.drifted() == []


def test_drift_of_other_days_is_forgotten_once_it_agrees(week):
    """Also where somebody undid the change by hand."""
    id_ = week.pick()
    back = to_other_days(week, id_)
    week.reconcile(code=3)
    back()

    week.reconcile(code=0)

    assert week.drifted() == []


def test_a_recall_and_a_send_forget_drift(week):
    """Nothing of what was found before holds for what was taken back, or is sent now."""
    id_, new = week.pick(0), "f" * 24
    week.lengthen(id_)
    week.house.clockify.entries[new] = {**week.entry(id_), "id": new, "description": "New"}
    week.reconcile(code=3)
    assert week.drifted() == [id_]

    week.run("recall", "--entry", id_, "--yes", code=0)
    week.run("send", *DAYS, "--yes", code=0)

    assert week.drifted() == []


def test_a_correction_before_the_repair_leaves_no_drift(week):
    """What agrees when the repair looks again is not kept as different."""
    id_ = week.pick()
    before = week.activity(id_)["Description"]
    week.people.edit_time(week.activity_id(id_), Description="Mine")
    week.reconcile(code=3)
    week.house.quickbooks.faults.plan(
        r"GET .*/query\?.*Id(%20|\+)IN",
        "edit",
        edit=lambda answer: corrected(answer, week.activity_id(id_), before),
    )

    week.reconcile("--repair", "--prefer", "clockify", "--yes", code=0)

    assert week.drifted() == []


def corrected(answer, id_, description):
    for row in answer["QueryResponse"]["TimeActivity"]:
        if row["Id"] == id_:
            row["Description"] = description
    return answer


def test_a_repair_without_a_step_keeps_what_it_found(week, monkeypatch):
    """At a terminal there is nothing to ask then, and the result is the same as with --yes."""
    id_ = week.pick()
    week.people.edit_time(week.activity_id(id_), Description="Mine")
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))

    ran = week.house.run("reconcile", *DAYS, "--repair", stdin="")

    assert ran.code == 3
    assert week.drifted() == [id_]


def test_what_was_repaired_asks_for_nothing(week):
    """No detail tells what a repair would do once it is done."""
    id_ = week.pick()
    week.lengthen(id_)

    row = week.found(week.reconcile("--repair", "--yes", code=0), id_)

    assert (row["repair"], row["detail"]) == ("updated", None)


def test_an_entry_that_cannot_be_read_is_no_agreement(week):
    """Exit code 0 means that everything was compared, and agrees or was repaired."""
    id_ = week.pick()

    def spoil(answer):
        for row in answer["timeentries"]:
            if row["_id"] == id_:
                row["timeInterval"]["duration"] = 17
        return answer

    week.house.clockify.faults.plan("reports/detailed", "edit", times=9, edit=spoil)

    found = week.reconcile(code=3)

    assert (found["differs"], found["left"], found["undone"]) == (True, {}, 1)
    assert any(id_ in note for note in found["notes"])


def test_an_unknown_entry_id_is_noted(week):
    """--entry with an id that is not there is a slip of the hand."""
    unknown = "e" * 24

    found = week.reconcile("--repair", "--entry", unknown, "--yes", code=0)

    assert any(unknown in note for note in found["notes"])
