"""The totals of a reconciliation are explained by the entries that it lists."""

import csv
from collections import Counter
from copy import deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from transforms.directory.names import same_form

#: The week that was sent.
WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")

#: Within the week that was sent, so that time can be moved into it and out of it.
WINDOW = ("--start", "2026-09-15", "--end", "2026-09-17")
SIDES = ("rounded", "ledger", "quickbooks")


@pytest.fixture
def week(whole_week):
    """Return a week with everybody in it."""
    return whole_week


def moved(entry, **delta):
    """Move an entry of Clockify's as a whole."""
    for name in ("start", "end"):
        instant = datetime.fromisoformat(entry[name]) + timedelta(**delta)
        entry[name] = f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def person(activity):
    """Return who worked: Employee or Vendor, and the id."""
    kind = activity["NameOf"]
    return kind, activity[f"{kind}Ref"]["value"]


def longer(week, id_, amount):
    entry = week.entry(id_)
    end = datetime.fromisoformat(entry["end"]) + timedelta(minutes=15 * amount)
    entry["end"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"


def other_day(week, id_, amount):
    moved(week.entry(id_), days=amount - 3)


def gone(week, id_, _):
    del week.house.clockify.entries[id_]


def added(week, id_, amount):
    new = f"{amount:024x}"
    week.house.clockify.entries[new] = week.entry(id_) | {"id": new}


def other_user(week, id_, amount):
    users = sorted({week.entry(one)["userId"] for one in week.sent if one in week.entries})
    week.entry(id_)["userId"] = users[amount % len(users)]


def other_minutes(week, id_, amount):
    if week.activity(id_):
        week.people.edit_time(week.activity_id(id_), Hours=amount, Minutes=7)


def other_date(week, id_, amount):
    if week.activity(id_):
        day = date.fromisoformat(week.activity(id_)["TxnDate"]) + timedelta(days=amount - 3)
        week.people.edit_time(week.activity_id(id_), TxnDate=day.isoformat())


def other_person(week, id_, amount):
    people = sorted({person(row) for row in week.books.values()})
    if week.activity(id_):
        kind, value = people[amount % len(people)]
        refs = {"EmployeeRef": None, "VendorRef": None, f"{kind}Ref": {"value": value}}
        week.people.edit_time(week.activity_id(id_), NameOf=kind, **refs)


def other_rate(week, id_, amount):
    if week.activity(id_):
        week.people.edit_time(week.activity_id(id_), HourlyRate=100 + amount)


def erased(week, id_, _):
    if week.activity(id_):
        week.people.delete_time(week.activity_id(id_))


def typed(week, id_, amount):
    if week.activity(id_):
        kind, value = person(week.activity(id_))
        refs = {"NameOf": kind, f"{kind}Ref": {"value": value}}
        day = week.activity(id_)["TxnDate"]
        week.people.type_time(TxnDate=day, **refs, Hours=amount, Minutes=1)


CHANGES = (
    longer, other_day, gone, added, other_user,
    other_minutes, other_date, other_person, other_rate, erased, typed,
)  # fmt: skip


class Kept:
    """A week to which both services return after each example."""

    def __init__(self, week):
        self.entries, self.books = week.house.clockify.entries, week.books
        self.was = deepcopy(self.entries), deepcopy(self.books)

    def back(self):
        for now, was in zip((self.entries, self.books), self.was, strict=True):
            now.clear()
            now.update(deepcopy(was))


def monday(day):
    one = date.fromisoformat(day)
    return (one - timedelta(days=one.weekday())).isoformat()


def has(item, side):
    """Whether a side has the entry at all."""
    absent = {
        "gone_from_clockify": {"rounded"},
        "gone_from_quickbooks": {"quickbooks"},
        "unknown_in_quickbooks": {"rounded", "ledger"},
        "unsent": {"ledger", "quickbooks"},
    }.get(item["verdict"], set())
    return side not in absent and not (item["step"] == "forget" and side == "quickbooks")


def explained(items, names):
    """Add up what the listed entries have on each side, by side, person and week."""
    sums = Counter()
    for item in items:
        for side in filter(lambda side, item=item: has(item, side), SIDES):
            shown = "clockify" if side == "rounded" else side
            looks = {name: sides[shown] for name, sides in item["differs"].items()}
            day, minutes = looks.get("date", item["date"]), looks.get("minutes", item["minutes"])
            user = names[looks["user"]] if "user" in looks else same_form(item["user"])
            if WINDOW[1] <= day <= WINDOW[3]:
                sums[side, user, monday(day)] += minutes or 0
    return sums


@settings(
    max_examples=settings().max_examples // 12,  # each runs the whole command
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(CHANGES), st.integers(0, 40), st.integers(1, 6)), max_size=8
    )
)
@example(changes=[(other_date, 0, 2), (other_date, 1, 4)])
@example(changes=[(other_date, n, 6) for n in range(12)])
@example(changes=[(other_user, n, n % 5) for n in range(5)])
@example(changes=[(other_person, n, n % 6) for n in range(6)])  # also one with two blanks in it
def test_every_difference_is_that_of_the_listed_entries(week, changes):
    """For each person and week, two sides differ by just what the listed entries differ by."""
    kept = Kept(week)
    week.entries = kept.entries
    books = week.house.quickbooks
    shown = {"Employee": books.employees, "Vendor": books.vendors}
    names = {}  # in Clockify, by that in QuickBooks
    for id_, sent in week.sent.items():
        kind, value = person(week.activity(id_))
        names[shown[kind][value]["DisplayName"]] = same_form(sent["user"])
    try:
        for change, number, amount in changes:
            left = sorted(id_ for id_ in week.sent if id_ in kept.entries)
            change(week, left[number % len(left)], amount)
        found = week.run("reconcile", *WINDOW, "--dry-run")
        sums = explained(found["entries"], names)
        totals = Counter(
            {
                (side, row["user"], row["week"]): row["minutes"][side]
                for row in found["totals"]["weeks"]
                for side in SIDES
            }
        )
    finally:
        kept.back()

    for _, user, week_of in {*sums, *totals}:
        of = [(side, user, week_of) for side in SIDES]
        for one, other in ((of[0], of[1]), (of[1], of[2])):
            assert totals[one] - totals[other] == sums[one] - sums[other], (one, other)
    whole = found["totals"]["minutes"]
    for side in SIDES:
        of_side = [row["minutes"][side] for row in found["totals"]["weeks"]]
        assert whole[side] == sum(of_side)
    if not found["entries"]:
        assert len({found["totals"]["amounts"][side] for side in SIDES}) == 1


def test_totals_are_shown_where_they_differ(week):
    """People and weeks, and projects, with all four sides; --all shows all of them."""
    longer(week, week.pick(), 2)
    sent = week.sent[week.pick()]
    others = {same_form(row["user"]) for row in week.sent.values()} - {sent["user"]}

    ran = week.house.run("reconcile", *WEEK, "--dry-run", COLUMNS="200")
    table = ran.out.partition("Week of")[2].partition("All ")[0]
    assert sent["user"] in table
    assert sent["project"] in table
    assert not any(name in table for name in others)
    ran = week.house.run("reconcile", *WEEK, "--dry-run", "--all", COLUMNS="200")
    table = ran.out.partition("Week of")[2]
    assert all(name in table for name in others)


def test_totals_are_written_as_csv(week):
    """A row per person and week, which add up to those of everything, to the minute."""
    file = week.house.folder / "totals.csv"
    longer(week, week.pick(), 2)
    found = week.reconcile("--totals-csv", str(file), "--dry-run")

    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["user"] for row in rows} == {same_form(row["user"]) for row in week.sent.values()}
    for side in SIDES:
        whole = found["totals"]["minutes"][side]
        assert sum(int(row[f"{side}_minutes"]) for row in rows) == whole


def test_totals_are_those_after_the_repair(week):
    """Once an edit, a move, a deletion and a resend are repaired, no person's week differs."""
    ids = [week.pick(number) for number in range(4)]
    for change, id_ in zip((longer, other_day, gone, erased), ids, strict=True):
        change(week, id_, 1)

    found = week.reconcile("--repair", "--resend", "--yes", code=0)

    for of in ("weeks", "projects"):
        for row in found["totals"][of]:
            for what in ("minutes", "amounts"):
                assert len({row[what][side] for side in SIDES}) == 1, row
    assert found["totals"] == week.reconcile("--dry-run", code=0)["totals"]


def test_amounts_in_another_currency_are_in_no_total(week):
    """150 euros an hour are not 150 dollars: no total adds them, and a sent entry differs."""
    before = Decimal(week.reconcile(code=0)["totals"]["amounts"]["rounded"])
    week.entry(week.track())["currency"] = "EUR"
    after = week.reconcile(code=3)["totals"]["amounts"]
    assert Decimal(after["rounded"]) == before

    id_ = week.pick()
    week.entry(id_)["currency"] = "EUR"
    found = week.reconcile("--repair", "--prefer", "clockify", "--yes", code=3)

    row = week.found(found, id_)
    assert (row["verdict"], row["repair"]) == ("changed_in_clockify", None)
    assert "EUR" in row["detail"]
    assert Decimal(found["totals"]["amounts"]["rounded"]) < before


@pytest.mark.parametrize("word", [pytest.param("never", marks=pytest.mark.slow), "not_before"])
def test_what_is_never_to_be_sent_is_no_difference(week, word):
    """It is in no total either; what was sent before somebody said so agrees, and stays."""
    new = week.track()
    if word == "never":
        week.run("never", "project", week.entry(new)["projectId"], code=0)
    else:
        week.run("configure", "--set", "not_before=2026-09-19", code=0)

    found = week.reconcile("--repair", "--yes", code=0)

    assert found["counts"] == {"agrees": len(week.sent)}
    minutes = found["totals"]["minutes"]
    assert minutes["rounded"] == minutes["ledger"] == minutes["quickbooks"]


@pytest.mark.parametrize("word", ["never", pytest.param("not_before", marks=pytest.mark.slow)])
def test_no_repair_sends_what_is_never_to_be_sent(week, word):
    """Neither again, nor with what has changed, nor anew on another project."""
    longer, moved, gone = week.pick(0), week.pick(1), week.pick(2)
    week.lengthen(longer)
    del week.books[week.activity_id(gone)]
    before = dict(week.books)
    if word == "never":
        week.move(moved)
        for id_ in (longer, moved, gone):
            week.run("never", "user", week.entry(id_)["userId"], code=0)
    else:
        week.run("configure", "--set", "not_before=2026-09-19", code=0)

    week.reconcile("--repair", "--resend", "--yes", code=3)

    assert week.books == before
