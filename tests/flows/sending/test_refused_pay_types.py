"""A pay type that an employee no longer has, which nobody can ask QuickBooks for."""

import pytest
from workweeks import books, done, last, reconcile, send, track

pytestmark = pytest.mark.usefixtures("in_this_process")

MON, TUE, WED, THU, FRI = (f"2026-09-{day}" for day in range(21, 26))


def test_time_goes_again_once_the_right_pay_type_is_set(office):
    """A repair takes Friday out, QuickBooks refuses it anew, and the right id brings it back."""
    entries = track(office, (MON, 540), (TUE, 540), (WED, 540), (THU, 540), (FRI, 240))
    send(office)
    done(office, "pay-types", "set", office.person, "Overtime", "999")
    last(entries[MON], 600)
    reconcile(office, "--repair", "--yes")
    sent = send(office, code=3)
    assert sent["counts"]["rejected"] == {"qbo_refused": 2}
    assert [row for row in books(office) if row[0] == FRI] == []

    done(office, "pay-types", "set", office.person, "Overtime", "72")
    send(office)
    assert [row for row in books(office) if row[0] == FRI] == [
        (FRI, "Overtime", 60), (FRI, "Regular", 180)
    ]  # fmt: skip
