"""What Clockify refuses to show is neither gone nor a reason to compare nothing else."""

import json
from datetime import datetime, timedelta

import pytest


def move(entry, days):
    """Move an entry to another day."""
    for name in ("start", "end"):
        moved = datetime.fromisoformat(entry[name]) + timedelta(days=days)
        entry[name] = moved.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "User is not allowed to see this time entry"),
        pytest.param(
            400,
            "Project is either required field or given project is archived.",
            marks=pytest.mark.slow,
        ),
        (403, "Access Denied"),
        pytest.param(404, "No static resource v1/workspaces", marks=pytest.mark.slow),
    ],
)
def test_an_entry_that_clockify_refuses_to_show_stays(week, status, message):
    """Code 501 answers most mistakes: such an entry is named, and the others are repaired."""
    id_, other = week.pick(0), week.pick(1)
    move(week.entry(id_), -20)
    week.entry(other)["description"] = "Other words"
    week.house.clockify.faults.plan(
        "time-entries/" + id_,
        "answer",
        status=status,
        content_type="application/json",
        body=json.dumps({"message": message, "code": 501}),
    )

    found = week.reconcile("--repair", "--yes")

    assert [row["repair"] for row in found["entries"] if row["entry_id"] == other] == ["updated"]
    assert any(id_ in note for note in found["notes"])
    assert week.activity(id_) is not None


def test_the_answer_about_another_entry_is_none(week):
    """A cache's answer says nothing about the entry that was asked for."""
    id_ = week.pick(0)
    move(week.entry(id_), -20)
    week.house.clockify.faults.plan(
        "time-entries/" + id_, "edit", edit=lambda answer: answer | {"id": "f" * 24}
    )

    found = week.reconcile()

    assert any(id_ in note for note in found["notes"])
    assert id_ not in {row["entry_id"] for row in found["entries"]}
