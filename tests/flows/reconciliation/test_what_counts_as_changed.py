"""What makes an entry another than it was sent, and what of that may be repaired."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

TIMES = ("start", "end")


@pytest.mark.parametrize(
    ("edited", "prefer"),
    [
        (False, False),
        (True, True),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
    ],
)
def test_a_break_is_taken_out(week, edited, prefer):
    """What became a break, or holiday, after the send is no worked time: a repair deletes it."""
    id_ = week.pick()
    week.entry(id_)["type"] = "BREAK"
    if edited:
        week.people.edit_time(week.activity_id(id_), Description="Theirs")
    options = ("--prefer", "clockify") if prefer else ()

    assert "no longer worked time" in week.found(week.reconcile(), id_)["detail"]
    found = week.reconcile("--repair", "--yes", *options)

    row = week.found(found, id_)
    assert row["verdict"] == ("changed_in_both" if edited else "changed_in_clockify")
    assert (week.activity(id_) is None) == (prefer or not edited)
    assert found["differs"] == (week.activity(id_) is not None)
    assert (week.verdicts() == {}) == (week.activity(id_) is None)


def test_a_break_that_is_gone_already_is_forgotten(week):
    """Nothing is sent again for what is no worked time."""
    id_ = week.pick()
    week.entry(id_)["type"] = "HOLIDAY"
    week.people.delete_time(week.activity_id(id_))

    week.reconcile("--repair", "--resend", "--yes", code=0)

    assert week.activity(id_) is None
    assert week.reconcile(code=0)["counts"] == {"agrees": len(week.sent) - 1}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("decimal", [pytest.param(False, marks=pytest.mark.slow), True])
def test_rows_of_a_file_last_as_long_as_the_file_shows(synced, export, decimal):
    """Another rounding changes nothing where a file shows durations less exactly than Clockify."""
    entries = [
        one
        for _, one in sorted(synced.clockify.entries.items())
        if "2026-09-14T14" <= one["start"] < "2026-09-17" and one.get("end")
    ]
    without = ("Duration (h)", "Start Time", "End Time", "End Date") if decimal else ()
    file = export(synced, "a.csv", entries=entries, without=without)
    assert synced.run("import", str(file), "--yes", "--rounding", "up:60").code == 0

    days = ("--start", "2026-09-14", "--end", "2026-09-16")
    counts = synced.run("reconcile", *days, "--json").document["counts"]

    assert set(counts) == {"agrees", "unsent"}


@pytest.mark.parametrize("kind", [pytest.param("user", marks=pytest.mark.slow), "project"])
def test_a_link_that_is_not_needed_stops_no_repair(week, kind):
    """Other words need no link to a person or customer who stay the same."""
    id_ = week.pick()
    before = week.activity(id_)
    week.entry(id_)["description"] = "Other words"
    week.run("unlink", kind, week.entry(id_)[f"{kind}Id"])

    week.reconcile("--repair", "--yes", code=0)

    after = week.activity(id_)
    assert after["Description"] == "Other words"
    assert after["EmployeeRef"]["value"] == before["EmployeeRef"]["value"]
    assert after["CustomerRef"]["value"] == before["CustomerRef"]["value"]


def test_a_rate_waits_for_what_is_judged_before_it(week):
    """A missing link may hide that a rate is in another currency, so such a rate is not written."""
    id_ = week.pick()
    week.entry(id_)["rate"] = 9900
    week.run("unlink", "user", week.entry(id_)["userId"])

    row = week.found(week.reconcile("--repair", "--yes", code=3), id_)

    assert row["repair"] is None
    assert "clockbooks link user" in row["detail"]


def test_a_project_without_a_link_is_a_change(week):
    """Also for an entry that had no project when it was sent."""
    id_ = next(id_ for id_ in sorted(week.sent) if "CustomerRef" not in (week.activity(id_) or {}))
    other = next(one["projectId"] for one in map(week.entry, week.sent) if one["projectId"])
    week.entry(id_)["projectId"] = other
    week.run("unlink", "project", other)

    row = week.found(week.reconcile("--repair", "--yes", code=3), id_)

    assert (row["verdict"], row["blocked"]) == ("changed_in_clockify", "link_lost")
    assert row["differs"]["project"]["clockify"] is None


@pytest.mark.parametrize(
    "zone",
    [pytest.param("Pacific/Kiritimati", marks=pytest.mark.slow), "Pacific/Pago_Pago"],
)
def test_days_of_each_workers_own_zone_agree(synced, make_week, zone):
    """Time that was sent for a worker's own day agrees, and is found where it moved to."""
    for user in synced.clockify.users.values():
        user["settings"] = {"timeZone": zone}
    synced.environment["CLOCKBOOKS_DAY_ZONE"] = "worker"
    week = make_week()
    assert week.reconcile(code=0)["counts"] == {"agrees": len(week.sent)}

    id_ = week.pick()
    entry = week.entry(id_)
    later = {name: datetime.fromisoformat(entry[name]) + timedelta(days=9) for name in TIMES}
    entry |= {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in later.items()}
    found = week.found(week.reconcile("--repair", "--yes", code=0), id_)

    day = later["start"].astimezone(ZoneInfo(zone)).date().isoformat()
    assert found["differs"]["date"]["clockify"] == day
    assert week.activity(id_)["TxnDate"] == day
