"""What counts in a workweek: what is in the books, whatever one answer or setting says now."""

import sqlite3
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from workweeks import FRIDAY, WEEK, add, books, done, reconcile, send, track

pytestmark = pytest.mark.usefixtures("in_this_process")

CHICAGO = ZoneInfo("America/Chicago")

SAT_BEFORE, SUN, MON, TUE, WED, THU, FRI, SAT = (f"2026-09-{day}" for day in range(19, 27))

#: 36 hours, and 7 on Friday.
NINES = [(MON, 540), (TUE, 540), (WED, 540), (THU, 540), (FRI, 420)]

#: What that is in the books.
PAID = [
    *((day, "Regular", 540) for day in (MON, TUE, WED, THU)),
    (FRI, "Overtime", 180), (FRI, "Regular", 240),
]  # fmt: skip

#: Sunday by UTC: of this week or the next one.
SATURDAY_BEFORE = datetime(2026, 9, 19, 20, tzinfo=CHICAGO)
SATURDAY_EVENING = datetime(2026, 9, 26, 20, tzinfo=CHICAGO)

#: Forty hours.
EIGHTS = [(day, 480) for day in (MON, TUE, WED, THU, FRI)]


def paid(house, name, day=None):
    """Return the minutes of a pay type that are in the books, of the week or one day."""
    rows = [row for row in books(house) if row[0] >= SUN and (day is None or row[0] == day)]
    return sum(minutes for _, its_name, minutes in rows if its_name == name)


@pytest.fixture
def night(office):
    """Let the employee work from Saturday at ten to Sunday at six, booked on both days."""
    office.environment["CLOCKBOOKS_SPLIT"] = "midnight"
    return lambda: add(office, "a" * 24, datetime(2026, 9, 19, 22, tzinfo=CHICAGO), 480)


@pytest.mark.parametrize("first", [SAT_BEFORE, pytest.param(SUN, marks=pytest.mark.slow)])
def test_a_night_that_begins_before_the_week_counts(office, night, first):
    """Its hours of Sunday are this week's, whatever days are sent, and compared."""
    track(office, *EIGHTS)
    night()
    send(office, days=("--start", SAT_BEFORE, "--end", SAT_BEFORE))
    send(office)
    assert paid(office, "Overtime") == 6 * 60
    ids = set(office.quickbooks.activities)

    found = reconcile(office, "--repair", "--yes", days=("--start", first, "--end", SAT))
    assert set(found["counts"]) == {"agrees"}
    assert set(office.quickbooks.activities) == ids


@pytest.mark.slow
def test_of_two_nights_the_one_that_began_first_counts_first(office, night):
    """Both go on from midnight: what is over the limit is of the later one."""
    office.environment["CLOCKBOOKS_OVERTIME"] = "daily"
    done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time", "--at", "1")
    track(office)
    night()
    add(office, "0" * 24, datetime(2026, 9, 19, 22, 30, tzinfo=CHICAGO), 330, description="Later")

    send(office, days=("--start", SAT_BEFORE, "--end", SAT_BEFORE))

    later = {row["PayrollItemRef"]["value"]: row["Hours"] * 60 + row["Minutes"]
             for row in office.quickbooks.activities.values()
             if (row["TxnDate"], row["Description"]) == (SUN, "Later")}  # fmt: skip
    assert later == {"71": 120, "72": 120}


def test_a_night_counts_toward_its_second_day(office, night):
    """Six hours of it and six from nine on are twelve: four are over eight."""
    done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time", "--at", "1")
    office.environment["CLOCKBOOKS_OVERTIME"] = "daily"
    track(office)
    night()
    add(office, "b" * 24, datetime(2026, 9, 20, 9, tzinfo=CHICAGO), 360)
    for day in (SAT_BEFORE, SUN):
        send(office, days=("--start", day, "--end", day))
    assert paid(office, "Overtime", SUN) == 240


@pytest.mark.parametrize(
    ("command", "nth"),
    [
        ("send", 1),
        ("reconcile", 2),
        pytest.param("send", 2, marks=pytest.mark.slow),
        pytest.param("reconcile", 1, marks=pytest.mark.slow),
    ],
)
def test_an_empty_report_makes_no_hours_regular(office, command, nth):
    """What was sent, and is missing in one answer, counts until Clockify says that it is gone."""
    track(office, *NINES)
    send(office, days=WEEK if command == "reconcile" else ("--start", MON, "--end", THU))
    answers = []

    def empty(answer):
        answers.append(answer)
        lost = answer | {"timeentries": [], "totals": [None]}
        return lost if len(answers) == nth else answer

    office.clockify.faults.plan("reports/detailed", "edit", times=99, edit=empty)
    options = ["--repair"] if command == "reconcile" else []
    office.run(command, *FRIDAY, *options, "--yes", "--json")

    if command == "reconcile":
        assert books(office) == PAID
    assert (FRI, "Regular", 420) not in books(office)


@pytest.mark.parametrize("days", [FRIDAY, pytest.param(WEEK, marks=pytest.mark.slow)])
def test_a_row_that_cannot_be_read_counts_as_it_was_sent(office, days):
    """A repair takes nothing out for it, and a send makes nothing regular."""
    monday = track(office, *NINES)[MON]
    send(office, days=("--start", MON, "--end", THU))

    def spoil(answer):
        for row in answer["timeentries"]:
            if row["_id"] == monday["id"]:
                row["timeInterval"] = {"start": "no", "end": "no", "duration": "x"}
        return answer

    office.clockify.faults.plan("reports/detailed", "edit", times=99, edit=spoil)
    office.run("send", *FRIDAY, "--yes", "--json")
    assert books(office) == PAID
    reconcile(office, "--repair", "--yes", days=days)
    assert books(office) == PAID


@pytest.mark.parametrize(
    "change", ["link", *(pytest.param(one, marks=pytest.mark.slow) for one in ("unlink", "never"))]
)
def test_links_of_today_change_nothing_about_sent_time(office, change):
    """Two users are one employee; then one of them is somebody else, or nobody."""
    entries = track(office, *NINES)
    links = done(office, "links")["links"]
    other = next(
        row for row in links if row["qbo_kind"] == "employee" and row["qbo_id"] != office.person
    )
    user = other["clockify_id"]
    done(office, "link", "user", user, office.person, "--as", "employee")
    for day in (MON, WED):
        entries[day]["userId"] = user
    send(office)
    assert books(office) == PAID

    target = [other["qbo_id"], "--as", "employee"] if change == "link" else []
    done(office, change, "user", user, *target)
    reconcile(office, "--repair", "--yes")
    assert books(office) == PAID


@pytest.mark.parametrize(
    ("whose", "before", "after", "start"),
    [
        ("connection", "America/Chicago", "UTC", SATURDAY_EVENING),
        pytest.param("worker", "UTC", "America/Chicago", SATURDAY_BEFORE, marks=pytest.mark.slow),
        pytest.param(
            "connection", "UTC", "America/Chicago", SATURDAY_BEFORE, marks=pytest.mark.slow
        ),
        pytest.param("worker", "America/Chicago", "UTC", SATURDAY_EVENING, marks=pytest.mark.slow),
    ],
)
def test_another_zone_changes_nothing_about_sent_time(office, whose, before, after, start):
    """The evening stays in the week in which it was booked."""
    user = office.clockify.users[office.employee["userId"]]

    def live_in(zone):
        user["settings"] = {**user.get("settings", {}), "timeZone": zone}
        if whose == "connection":
            office.environment["CLOCKBOOKS_TIMEZONE"] = zone

    office.environment["CLOCKBOOKS_DAY_ZONE"] = whose
    live_in(before)
    track(office, *EIGHTS)
    add(office, "a" * 24, start, 120)
    send(office)
    booked = books(office)
    assert paid(office, "Overtime") == 120

    live_in(after)
    reconcile(office, "--repair", "--yes")
    assert books(office) == booked


@pytest.mark.parametrize("starts", ["unknown", pytest.param("known", marks=pytest.mark.slow)])
def test_time_of_another_connection_counts(office, starts):
    """Its employee has tracked 36 hours in another workspace, or in files that give days alone."""
    entries = track(office, *NINES)
    friday = office.clockify.entries.pop(entries[FRI]["id"])
    send(office)
    with closing(sqlite3.connect(office.folder / "clockbooks.db")) as database, database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM connections").fetchone())
        row |= {"id": 2, "name": "other", "workspace_id": "64aa000000000000000000a9"}
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        database.execute(f"INSERT INTO connections ({names}) VALUES ({marks})", [*row.values()])
        for table in ("runs", "batches", "ledger", "contents"):
            database.execute(f"UPDATE {table} SET connection_id = 2")
        if starts == "unknown":
            database.execute("UPDATE contents SET start = NULL WHERE day < ?", (WED,))
    office.clockify.entries.clear()
    office.clockify.entries[friday["id"]] = friday

    send(office, "--connection", "main")

    assert books(office) == PAID
