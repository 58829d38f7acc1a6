"""Overtime: from the setting to the books, to the minute; and after the send."""

from datetime import datetime, timedelta

import pytest
from workweeks import FRIDAY, WEEK, add, books, done, last, reconcile, send, track

pytestmark = pytest.mark.usefixtures("in_this_process")

MON, TUE, WED, THU, FRI, SAT = (f"2026-09-{day}" for day in range(21, 27))

#: 36 hours, and 7 on Friday.
NINES = [(MON, 540), (TUE, 540), (WED, 540), (THU, 540), (FRI, 420)]

#: What that is in the books.
PAID = [
    *((day, "Regular", 540) for day in (MON, TUE, WED, THU)),
    (FRI, "Overtime", 180), (FRI, "Regular", 240),
]  # fmt: skip


def test_the_hours_over_forty_are_overtime(office):
    """The entry in which the fortieth hour ends goes in two parts, all else as ever."""
    track(office, *NINES)
    shown = send(office, "--dry-run")
    assert any("over 40 hours a week" in note for note in shown["notes"])
    sent = send(office)

    assert sent["counts"]["sent"] == 6
    assert books(office) == PAID
    assert set(reconcile(office)["counts"]) == {"agrees"}
    assert send(office)["counts"]["skipped"] == {"already_sent": 6}
    assert books(office) == PAID


def test_it_is_off_by_default(office):
    """Without the setting, a rule for overtime does nothing."""
    office.environment["CLOCKBOOKS_OVERTIME"] = ""
    track(office, *NINES)
    send(office)
    assert {name for _, name, _ in books(office)} == {"Regular"}
    assert len(books(office)) == 5
    office.environment["CLOCKBOOKS_OVERTIME"] = "weekly"
    assert set(reconcile(office)["counts"]) == {"agrees"}


@pytest.mark.slow
def test_days_of_eight_and_twelve_hours(office):
    """By the day alone; and by both, where daily overtime does not count toward the week."""
    done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time")
    track(office, (MON, 780), (TUE, 480), (WED, 480), (THU, 480), (FRI, 480), (SAT, 60))
    long_day = [(MON, "Double", 60), (MON, "Overtime", 240), (MON, "Regular", 480)]
    others = [(day, "Regular", 480) for day in (TUE, WED, THU, FRI)]

    send(office, "--overtime", "daily")
    assert books(office) == [*long_day, *others, (SAT, "Regular", 60)]
    done(office, "recall", *WEEK, "--yes")
    send(office, "--overtime", "both")
    assert books(office) == [*long_day, *others, (SAT, "Overtime", 60)]


def test_a_part_of_a_week_is_divided_as_the_whole(office):
    """Time counts that is not asked for, filtered away, rejected or typed later."""
    entries = track(office, *NINES)
    entries[TUE]["billable"] = True
    entries[TUE]["projectId"] = None  # rejected: billable_without_project
    send(office, "--description", office.employee["description"], days=FRIDAY)
    assert books(office) == PAID[-2:]
    entries[MON]["description"] = "Something else"
    assert send(office, days=WEEK, code=3)["counts"]["sent"] == 3
    assert books(office) == [row for row in PAID if row[0] != TUE]
    assert set(reconcile(office, days=FRIDAY)["counts"]) == {"agrees"}


@pytest.mark.parametrize("days", [FRIDAY, pytest.param(WEEK, marks=pytest.mark.slow)])
def test_a_shorter_monday_makes_fridays_overtime_regular(office, days):
    """Reconcile names it by Friday alone too; a send changes nothing; a repair makes it right."""
    entries = track(office, *NINES)
    send(office)
    last(entries[MON], 540 - 90)
    assert send(office)["counts"]["sent"] == 0
    assert books(office) == PAID

    found = reconcile(office, days=days)["entries"]
    friday = [row for row in found if row["date"] == FRI]
    assert [(row["verdict"], row["step"]) for row in friday] == [
        ("changed_in_clockify", "delete")
    ] * 2  # fmt: skip
    assert (
        "went as 4 h regular and 3 h overtime, and would go as 5 h 30 min regular and 1 h"
        in (friday[0]["detail"])
    )
    reconcile(office, "--repair", "--yes", days=days)
    reconcile(office, "--repair", "--yes")
    send(office)
    right = [(MON, "Regular", 450), *PAID[1:4], (FRI, "Overtime", 90), (FRI, "Regular", 330)]
    assert books(office) == right
    assert set(reconcile(office)["counts"]) == {"agrees"}


def test_a_longer_monday_makes_fridays_hours_overtime(office):
    """One that went whole and regular is taken back too, and none that stays what it is."""
    entries = track(office, *NINES[:4], (FRI, 240))
    send(office)
    assert {name for _, name, _ in books(office)} == {"Regular"}
    last(entries[MON], 600)
    found = reconcile(office, "--repair", "--yes")
    assert [(row["date"], row["repair"]) for row in found["entries"]] == [
        (MON, "updated"), (FRI, "deleted")
    ]  # fmt: skip
    send(office)
    assert books(office) == [
        (MON, "Regular", 600), *PAID[1:4], (FRI, "Overtime", 60), (FRI, "Regular", 180)
    ]  # fmt: skip
    assert set(reconcile(office)["counts"]) == {"agrees"}


OTHER_SETTINGS = {
    "ROUNDING": "up:60", "OVERTIME": "both", "WORKWEEK_BEGINS": "friday", "TIMEZONE": "UTC"
}  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        OTHER_SETTINGS,
        *(
            pytest.param({name: value}, marks=pytest.mark.slow)
            for name, value in [*OTHER_SETTINGS.items(), ("OVERTIME", "none")]
        ),
    ],
    ids=" ".join,
)
def test_what_was_sent_counts_as_it_is_in_the_books(office, settings):
    """Another rounding, zone or setting changes nothing about it, and is no difference."""
    track(office, *NINES)
    send(office)
    if settings.get("OVERTIME") == "both":
        done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time")
    others = {f"CLOCKBOOKS_{name}": value for name, value in settings.items()}
    ran = office.run("reconcile", *WEEK, "--json", **others)
    assert set(ran.document["counts"]) == {"agrees"}, ran.document["entries"]


@pytest.mark.slow
def test_time_that_was_sent_without_overtime_is_never_told_apart(office):
    """Nor once a repair has corrected it: its pay type is the one that it had."""
    office.environment["CLOCKBOOKS_OVERTIME"] = "none"
    entries = track(office, *NINES)
    send(office)
    office.environment["CLOCKBOOKS_OVERTIME"] = "weekly"
    last(entries[THU], 525)
    found = reconcile(office, "--repair", "--yes")
    assert [(row["date"], row["repair"]) for row in found["entries"]] == [(THU, "updated")]
    last(entries[MON], 900)
    found = reconcile(office, "--repair", "--yes")
    assert [(row["date"], row["repair"]) for row in found["entries"]] == [(MON, "updated")]
    assert books(office) == [
        (MON, "Regular", 900), *PAID[1:3], (THU, "Regular", 525), (FRI, "Regular", 420)
    ]  # fmt: skip
    assert set(reconcile(office)["counts"]) == {"agrees"}


@pytest.mark.slow
def test_a_correction_keeps_the_hours_as_which_it_went(office):
    """Words are corrected where they are; the hours still follow the week afterwards."""
    entries = track(office, *NINES[:4], (FRI, 240))
    send(office)
    entries[FRI]["description"] = "Other words"
    assert reconcile(office, "--repair", "--yes")["entries"][0]["repair"] == "updated"
    assert set(reconcile(office)["counts"]) == {"agrees"}
    last(entries[MON], 600)
    found = reconcile(office)["entries"]
    assert {row["date"]: row["step"] for row in found} == {MON: "update", FRI: "delete"}


@pytest.mark.slow
def test_what_is_billed_stays_and_says_so(office):
    """Friday is on an invoice: nothing of it is taken out, whatever Monday says by now."""
    for entry in (entries := track(office, *NINES)).values():
        entry["billable"] = True
    for row in send(office)["entries"]:
        activity = office.quickbooks.activities[row["time_activity_id"]]
        if row["date"] == FRI and row["minutes"] == 240:
            customer = activity["CustomerRef"]["value"]
            office.quickbooks.people.invoice(customer, row["time_activity_id"])
    last(entries[MON], 450)
    found = reconcile(office, "--repair", "--yes")["entries"]
    assert {(row["date"], row["blocked"], row["repair"]) for row in found} == {
        (MON, None, "updated"), (FRI, "billed", None)
    }  # fmt: skip
    assert books(office) == [(MON, "Regular", 450), *PAID[1:]]


def test_two_users_of_one_employee_have_one_week(office):
    """Overtime is the employee's, whoever Clockify says has worked."""
    entries = track(office, *NINES)
    links = done(office, "links")["links"]
    other = next(
        row["clockify_id"]
        for row in links
        if row["qbo_kind"] == "employee" and row["qbo_id"] != office.person
    )
    done(office, "link", "user", other, office.person, "--as", "employee")
    for day in (MON, WED):
        entries[day]["userId"] = other
    send(office)
    assert books(office) == PAID


@pytest.mark.slow
def test_the_month_and_the_rules_know_of_it(office, tmp_path):
    """Sums are those of the entries; a file of rules has the hours, and an entry is explained."""
    entries = track(office, *NINES)
    send(office)
    totals = done(office, "month", "2026-09")["totals"]
    assert totals["minutes"] == totals["sent_minutes"] == 43 * 60
    file = tmp_path / "rules.yaml"
    before = done(office, "rules", "export", "--file", str(file))["rules"]
    assert before[0]["when"] == {"hours": "overtime"}
    assert done(office, "rules", "--file", str(file))["rules"] == before
    explained = done(office, "rules", "--explain", entries[FRI]["id"])
    assert explained["rules"][0]["not_met"] == ["hours"]
    assert any("all time of the workweek" in note for note in explained["notes"])
    office.environment["CLOCKBOOKS_OVERTIME"] = "none"
    notes = send(office, "--dry-run")["notes"]
    assert any("overtime is not computed" in note for note in notes)


def test_people_whose_overtime_is_not_paid(office):
    """A rule before those for hours decides: their entries stay whole."""
    done(office, "rules", "add", "--pay-type", "Double", "--user", "nobody", "--at", "1")
    user = office.clockify.users[office.employee["userId"]]["name"]
    done(office, "rules", "add", "--pay-type", "Regular", "--user", user, "--at", "1")
    track(office, *NINES)
    send(office)
    assert books(office) == [(day, "Regular", minutes) for day, minutes in NINES]


def test_an_employee_without_the_pay_type(office):
    """The entry is rejected whole, and says what to do."""
    done(office, "pay-types", "remove", office.person, "Overtime")
    track(office, *NINES)
    sent = send(office, code=3)
    assert sent["counts"]["rejected"] == {"class_required": 2}
    assert books(office) == PAID[:4]
    assert "gives the pay type 'Overtime', whose id is not known" in sent["entries"][-1]["detail"]
    done(office, "pay-types", "set", office.person, "Overtime", "72")
    send(office)
    assert books(office) == PAID


@pytest.mark.slow
def test_nothing_is_taken_back_that_the_next_send_would_reject(office):
    """Without the pay type of overtime, Friday stays as it went."""
    entries = track(office, *NINES[:4], (FRI, 240))
    send(office)
    last(entries[MON], 600)
    done(office, "pay-types", "remove", office.person, "Overtime")
    found = reconcile(office, "--repair", "--yes")
    [friday] = [row for row in found["entries"] if row["date"] == FRI]
    assert friday["repair"] is None
    assert "no send would take the entry" in friday["detail"]
    assert (FRI, "Regular", 240) in books(office)


@pytest.mark.slow
def test_a_night_is_divided_on_both_of_its_days(office):
    """With `split=midnight`, each day's hours count to their day, and their week."""
    done(office, "rules", "add", "--pay-type", "Double", "--hours", "double_time")
    office.environment |= {"CLOCKBOOKS_SPLIT": "midnight", "CLOCKBOOKS_OVERTIME": "daily"}
    track(office, (FRI, 20 * 60), at=14)
    send(office)
    assert books(office) == [
        (FRI, "Overtime", 120), (FRI, "Regular", 480), (SAT, "Overtime", 120), (SAT, "Regular", 480)
    ]  # fmt: skip
    assert set(reconcile(office)["counts"]) == {"agrees"}
    [entry] = office.clockify.entries.values()
    last(entry, 19 * 60)
    reconcile(office, "--repair", "--yes")
    send(office)
    assert sum(minutes for _, _, minutes in books(office)) == 19 * 60
    assert (SAT, "Overtime", 60) in books(office)


@pytest.mark.slow
def test_minutes_are_those_after_rounding(office):
    """Cut to the minute, whatever the step."""
    office.environment["CLOCKBOOKS_ROUNDING"] = "nearest:15"
    track(office, *NINES[:3], (THU, 541), (FRI, 427))
    add(office, "f" * 24, datetime.fromisoformat(f"{SAT}T09:00:00-05:00"), 20)
    send(office)
    assert books(office) == [*PAID[:4], (FRI, "Overtime", 180), (FRI, "Regular", 240),
        (SAT, "Overtime", 15)]  # fmt: skip
    done(office, "recall", *WEEK, "--yes")
    office.environment["CLOCKBOOKS_ROUNDING"] = "none"
    send(office)
    assert books(office)[3:] == [
        (THU, "Regular", 541), (FRI, "Overtime", 188), (FRI, "Regular", 239), (SAT, "Overtime", 20)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CLOCKBOOKS_LINE_PER": "day"}, "set line_per=entry, or overtime=none"),
        ({"CLOCKBOOKS_ROUNDING_PER": "day"}, "set rounding_per=entry, or overtime=none"),
        ({"CLOCKBOOKS_OVERTIME": "both"}, "--hours double_time"),
    ],
)
def test_what_cannot_be_is_refused(office, settings, words):
    """Before anything is sent, and by `check`."""
    track(office, *NINES)
    office.environment |= settings
    assert words in send(office, code=1)["error"]["message"]
    checks = office.run("check", "--json").document["checks"]
    assert any(words in row["found"] + row["to_do"] for row in checks)
    assert books(office) == []


def test_files_know_no_week(office, tmp_path):
    """An import is refused until it says that nothing is overtime."""
    file = tmp_path / "time.csv"
    user = office.clockify.users[office.employee["userId"]]["name"]
    file.write_text(
        f"User,Date,Hours,Description\n{user},2026-09-25,50:00,Long\n".replace("50:00", "5")
    )
    mapping = ("--map", "User=user", "--map", "Date=date", "--map", "Hours=duration")
    refused = done(office, "import", str(file), *mapping, "--yes", code=1)
    assert "--overtime none" in refused["error"]["message"]
    ran = office.run("import", str(file), *mapping, "--overtime", "none", "--yes", "--json")
    assert ran.code in {0, 3}, ran.err


def test_a_rule_for_hours_gives_pay_types_alone(office):
    """A service item by overtime is refused."""
    refused = done(office, "rules", "add", "--item", "Hours", "--hours", "overtime", code=1)
    assert "hours decide about pay types alone" in refused["error"]["message"]


def test_a_running_timer_does_not_count(office):
    """Once it is stopped, reconcile tells what it has changed."""
    entries = track(office, *NINES)
    ends, entries[WED]["end"] = entries[WED]["end"], None
    send(office)
    assert {name for _, name, _ in books(office)} == {"Regular"}
    entries[WED]["end"] = ends
    send(office)
    assert {row["verdict"] for row in reconcile(office)["entries"]} == {"changed_in_clockify"}
    reconcile(office, "--repair", "--yes")
    send(office)
    assert books(office) == PAID


def test_a_forgotten_timer_does_not_go_in_parts(office):
    """It is too long, and rejected as ever; nor does it make the rest of the week overtime."""
    track(office, (MON, 45 * 60), (THU, 540))
    rejected = send(office, code=3)["counts"]["rejected"]
    assert (rejected, books(office)) == ({"too_long": 1}, [(THU, "Regular", 540)])


@pytest.mark.slow
def test_contractors_have_no_overtime(office):
    """Payroll pays employees alone, and the first cut entry of a company may go first."""
    del office.environment["CLOCKBOOKS_ALLOW_PAYROLL"]
    office.quickbooks.switches.payroll_takes_contractors = True
    entries = track(office, *NINES)
    for entry in entries.values():
        entry["userId"] = "64d0000000000000000000aa"
    send(office)
    assert books(office) == [(day, None, minutes) for day, minutes in NINES]
    done(office, "recall", *WEEK, "--yes")
    for entry in entries.values():
        entry["userId"] = office.employee["userId"]
    send(office, days=FRIDAY)
    assert books(office) == PAID[-2:]


@pytest.mark.slow
def test_two_weeks_are_told_apart(office):
    """The workweek begins on the day that the setting says."""
    sunday = "2026-09-27"
    track(office, *NINES, (sunday, 60))
    send(office, days=("--start", "2026-09-20", "--end", sunday))
    assert books(office) == [*PAID, (sunday, "Regular", 60)]
    done(office, "recall", "--start", "2026-09-20", "--end", sunday, "--yes")
    done(office, "configure", "--set", "workweek_begins=monday")
    send(office, days=("--start", sunday, "--end", sunday))
    assert books(office) == [(sunday, "Overtime", 60)]
    assert timedelta(days=6) == datetime.fromisoformat(sunday) - datetime.fromisoformat(MON)
