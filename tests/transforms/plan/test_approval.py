"""Exactly what was approved goes: what was left out, changed or came later says so, and stays."""

import pandas as pd
import pytest

from transforms.plan.activities import to_activities
from transforms.plan.approval import only_approved


def _kept(shown, *left_out):
    ready = shown[shown["state"] == "ready"]
    bodies = to_activities(ready)
    return ready.merge(bodies, on="entry_id").assign(
        left_out=lambda rows: rows["entry_id"].isin(left_out)
    )


def _held(now, kept):
    return only_approved(now, kept, plan_id=12, by="Ann").set_index("entry_id")


def test_what_is_as_it_was_shown_goes(plan):
    """Nothing changed, nothing left out: the plan is the same, to the byte."""
    shown = plan({"entry_id": "a"}, {"entry_id": "b", "description": "Site"})

    told = _held(shown, _kept(shown))

    pd.testing.assert_frame_equal(told.reset_index()[list(shown.columns)], shown)


def test_what_was_left_out_stays(plan):
    """The text says who left it out, and of which plan."""
    shown = plan({"entry_id": "a"}, {"entry_id": "b"})

    told = _held(shown, _kept(shown, "b"))

    assert told["state"].to_dict() == {"a": "ready", "b": "skipped"}
    assert told.loc["b", "reason"] == "left_out"
    assert told.loc["b", "detail"].startswith("Ann left it out of plan 12.")


@pytest.mark.parametrize(
    ("edit", "told_so"),
    [
        ({"duration_s": 5400}, "time: was 60 min, is 90 min"),
        ({"description": "Other"}, "description"),
        ({"rate_micros": 80_000_000}, "person, customer or rate"),
        ({"billable": False}, "person, customer or rate"),
        ({"start": pd.Timestamp("2026-03-03T15:00Z")}, "day: was 2026-03-02, is 2026-03-03"),
    ],
)
def test_what_was_edited_meanwhile_stays(plan, edit, told_so):
    """Whatever changed for the books is named, and the entry is left for the next run."""
    shown = plan({"entry_id": "a"}, {"entry_id": "b"})
    now = plan({"entry_id": "a"}, {"entry_id": "b", **edit})

    told = _held(now, _kept(shown))

    assert told["state"].to_dict() == {"a": "ready", "b": "skipped"}
    assert told.loc["b", "reason"] == "changed_since_review"
    assert told_so in told.loc["b", "detail"]


def test_what_would_land_elsewhere_stays(plan):
    """Rules that changed after the plan was shown do not move what was approved."""
    shown = plan({"entry_id": "a"}, {"entry_id": "b"})
    now = shown.assign(qbo_class_id=shown["qbo_class_id"].mask(shown["entry_id"] == "b", "7"))

    told = _held(now, _kept(shown))

    assert told["state"].to_dict() == {"a": "ready", "b": "skipped"}
    assert "(item, class, location or pay type)" in told.loc["b", "detail"]


def test_what_came_later_stays(plan):
    """An entry that nobody saw goes with the next run."""
    shown = plan({"entry_id": "a"})
    now = plan({"entry_id": "a"}, {"entry_id": "new"})

    told = _held(now, _kept(shown))

    assert told["state"].to_dict() == {"a": "ready", "new": "skipped"}
    assert told.loc["new", "reason"] == "changed_since_review"
    assert "was not in plan 12" in told.loc["new", "detail"]


def test_what_cannot_go_any_more_keeps_its_own_reason(plan):
    """An entry shown as ready that can no longer go gets the reason that can be fixed."""
    shown = plan({"entry_id": "a"})
    now = plan({"entry_id": "a", "user_id": "u9"})

    told = _held(now, _kept(shown))

    assert told.loc["a", "reason"] == "unlinked_user"
