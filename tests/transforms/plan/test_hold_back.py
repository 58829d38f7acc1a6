"""What a plan says of a row changes in one place: the state follows from the reason."""

import pytest

from schemas.words import STATE_OF, Reason
from transforms.plan.hold_back import hold_back, hold_back_together


@pytest.mark.parametrize("reason", list(Reason))
def test_a_row_is_held_back_with_the_state_of_its_reason(parts, reason):
    """The named rows get a reason and what to do; other rows and the given plan do not change."""
    before = parts.iloc[[0, 2]].reset_index(drop=True)

    held = hold_back(before, reason, {"b": "Do this."}).set_index("entry_id")

    assert held.loc["b", ["state", "reason", "detail"]].tolist() == [
        STATE_OF[reason], reason, "Do this.",
    ]  # fmt: skip
    assert held["state"]["a"] == "ready"
    assert before["state"].tolist() == ["ready", "ready"]


@pytest.fixture(scope="module")
def parts(plan):
    """Return a plan with two parts of one entry, and another entry."""
    made = plan({"entry_id": "a"}, {"entry_id": "a2"}, {"entry_id": "b"})
    made["entry_id"] = made["entry_id"].replace("a2", "a/2")
    return made


@pytest.mark.parametrize("held", ["a", "a/2"])
@pytest.mark.parametrize("reason", [one for one in Reason if one != Reason.ALREADY_SENT])
def test_no_part_goes_where_another_cannot(parts, held, reason):
    """It gets the other one's reason, and its words; behind one in doubt it only waits."""
    other = {"a": "a/2", "a/2": "a"}[held]
    after = hold_back_together(hold_back(parts, reason, {held: "Do this."})).set_index("entry_id")

    wanted = Reason.NOT_ATTEMPTED if reason == Reason.UNCONFIRMED else reason
    assert after.loc[other, ["state", "reason"]].tolist() == [STATE_OF[wanted], wanted]
    assert after["detail"][other].endswith(f"({held}, 2026-03-02): Do this.")
    assert after["detail"][held] == "Do this."
    assert after["state"]["b"] == "ready"


@pytest.mark.parametrize("id_", ["a", "a/2", "b"])
def test_a_part_goes_beside_one_that_was_sent(parts, id_):
    """An entry may have got a part since; and another entry's fate is its own."""
    before = hold_back(parts, Reason.ALREADY_SENT if id_ != "b" else Reason.BREAK, {id_: ""})

    after = hold_back_together(before).set_index("entry_id")
    assert after["state"].drop(id_).tolist() == ["ready", "ready"]
