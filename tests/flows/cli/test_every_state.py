"""What a person sees of entries on a terminal, whatever became of them."""

import pytest
from days import DAY, refuse, send

from schemas.words import State

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def ended(workday):
    """Return a function that lets a day's entries end in a state."""

    def end(state):
        if state == State.SKIPPED:
            for entry in workday.clockify.entries.values():
                entry["approved"] = False
            send(workday, "--approved-only")
        elif state == State.REJECTED:
            refuse(workday)
            send(workday)
        elif state == State.IN_DOUBT:
            workday.quickbooks.faults.plan("POST .*/batch", "drop_after")
            send(workday)
        elif state != State.READY:
            send(workday)
        if state == State.RECALLED:
            assert workday.run("recall", *DAY, "--yes", "--json").code == 0

    return end


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(state, marks=pytest.mark.slow if state in {State.SENT, State.READY} else ())
        for state in State
    ],
)
def test_entries_are_shown_in_every_state(workday, ended, state):
    """The list of all has them, and so has the list of those, if there is one."""
    ended(state)
    lists = [("--state", "all"), ("--state", state.replace("_", "-"))]
    if state == State.READY:
        lists = [("--live", *DAY)]
    elif state == State.SKIPPED:
        lists[1] = ("--state", "unsent")
    for options in lists:
        ran = workday.run("entries", *options)
        assert ran.code == 0, ran.err
        assert ran.out.count(state.replace("_", " ")) >= 3
