"""What a plan says of a row changes in one place: the state follows from the reason."""

import pytest

from schemas.words import STATE_OF, Reason
from transforms.plan.hold_back import hold_back


@pytest.mark.parametrize("reason", list(Reason))
def test_a_row_is_held_back_with_the_state_of_its_reason(plan, reason):
    """The named rows get a reason and what to do; other rows and the given plan do not change."""
    before = plan({"entry_id": "a"}, {"entry_id": "b"})

    held = hold_back(before, reason, {"b": "Do this."}).set_index("entry_id")

    assert held.loc["b", ["state", "reason", "detail"]].tolist() == [
        STATE_OF[reason], reason, "Do this.",
    ]  # fmt: skip
    assert held["state"]["a"] == "ready"
    assert before["state"].tolist() == ["ready", "ready"]
