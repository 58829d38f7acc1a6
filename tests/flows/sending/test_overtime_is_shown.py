"""Overtime before it goes: what somebody sees of it who is to approve it."""

import pytest
from workweeks import WEEK, done, send, track

pytestmark = pytest.mark.usefixtures("in_this_process")

MON, TUE, WED, THU, FRI = (f"2026-09-{day}" for day in range(21, 26))

#: 36 hours, and 7 on Friday.
NINES = [(MON, 540), (TUE, 540), (WED, 540), (THU, 540), (FRI, 420)]


def told(document):
    return [note for note in document["notes"] if note.startswith(("Overtime:", "Double time:"))]


def test_a_plan_and_its_send_tell_how_much_is_overtime(office):
    """On the terminal and in JSON; of what is ready alone, so nothing once it is sent."""
    track(office, *NINES)
    note = "Overtime: 3 h 00 min."
    assert note in office.run("send", *WEEK, "--dry-run").out
    assert told(send(office, "--dry-run")) == [note]
    assert told(send(office)) == [note]
    assert told(send(office)) == []


def test_double_time_is_told_apart(office):
    """Thirteen hours and a half: eight, four, and one and a half; the next day is regular."""
    done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time")
    track(office, (MON, 810), (TUE, 480))
    note = "Overtime: 4 h 00 min, double time: 1 h 30 min."
    assert told(send(office, "--dry-run", "--overtime", "daily")) == [note]


@pytest.mark.slow
def test_nothing_is_told_where_nothing_is_overtime(office):
    """A week of 36 hours; and a long one, with the setting off."""
    track(office, *NINES[:4])
    assert told(send(office, "--dry-run")) == []
    track(office, *NINES)
    assert told(send(office, "--dry-run", "--overtime", "none")) == []
