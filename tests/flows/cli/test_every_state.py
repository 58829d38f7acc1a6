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


@pytest.mark.parametrize("state", State)
def test_entries_are_shown_in_every_state(workday, ended, state):
    """Each state has its own list, all are in the list of all, and none ends it."""
    ended(state)
    live = ("--live", *DAY) if state == State.READY else ()
    narrowed = () if live else ("--state", state.replace("_", "-"))
    for options in (live, (*live, *narrowed)):
        ran = workday.run("entries", *options)
        assert ran.code == 0, ran.err
        assert ran.out.count(state.replace("_", " ")) >= 3
