"""Files go the way of a send, on the same ledger: each entry once, however it was exported."""

import json
import os
import shutil
from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flows.context import open_context
from flows.importing.import_files import import_files
from flows.sending.report import Report
from flows.sending.request import ImportRequest

pytestmark = pytest.mark.usefixtures("in_this_process")

DRY = ("--dry-run", "--json")
YES = ("--yes", "--json")

#: Ways in which one month may be exported: whoever exports it chooses.
SHOWN: dict[str, dict[str, Any]] = {
    "minutes": {"clock": "%H:%M"},
    "day first": {"day": "%d.%m.%Y", "clock": "%H:%M:%S"},
    "ISO": {"day": "%Y-%m-%d", "clock": "%H:%M"},
    "rounded": {"step_s": 900},
    "rounded, without ends": {"step_s": 900, "without": ("End Date", "End Time")},
    "few columns": {
        "without": ("Task", "Client", "Tags", "Group", "Email", "Duration (h)",
                    "Duration (decimal)"),
    },
    "without descriptions": {"without": ("Description", "Project", "Client")},
    "semicolons, UTF-16": {"delimiter": ";", "encoding": "utf-16"},
}  # fmt: skip


def outcome(ran: Any) -> dict[str, int]:
    """Return the counts of an import, flat; nothing may have been set aside."""
    assert ran.code in {0, 3}, ran.err
    assert ran.document["set_aside"] == []
    counts = ran.document["counts"]
    flat = {"sent": counts["sent"], **counts["skipped"], **counts["rejected"]}
    assert sum(flat.values()) + counts["in_doubt"] == counts["extracted"]
    return {name: number for name, number in flat.items() if number}


@pytest.fixture
def in_the_books(week, booked, reckon):
    """Return a check that the books hold these entries of the week, each once."""

    def check(entries=None):
        wanted = week.clockify.entries.values() if entries is None else entries
        assert booked(week) == Counter(reckon(week, entry) for entry in wanted)

    return check


def test_a_file_goes_into_the_books_once(week, export, in_the_books):
    """The rows become what Clockify's own entries would; a second import sends nothing."""
    file = str(export(week))

    first, again = week.run("import", file, *YES), week.run("import", file, *YES)

    assert (first.code, again.code) == (0, 0), first.err
    assert outcome(first) == {"sent": 9}
    assert outcome(again) == {"already_sent": 9}
    in_the_books()
    told = {row["line"]: row["time_activity_id"] for row in first.document["entries"]}
    assert set(told) == set(range(2, 11))
    assert {row["time_activity_id"] for row in again.document["entries"]} == set(told.values())


@pytest.mark.parametrize("together", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_another_export_of_the_same_month_sends_nothing(week, export, in_the_books, together):
    """Other columns, formats, rounding and order of rows: every row is recognized."""
    day = "%Y-%m-%d"  # whose order nobody need be told
    assert outcome(week.run("import", str(export(week, day=day)), *YES)) == {"sent": 9}
    backwards = list(reversed(week.clockify.entries.values()))
    others = [
        str(export(week, f"{name}.csv", entries=backwards, **{"day": day, **shown}))
        for name, shown in SHOWN.items()
    ]

    for files in [others] if together else [[file] for file in others]:
        known = {"already_sent": 9 * len(files)}
        assert outcome(week.run("import", *files, *YES)) == known, files

    in_the_books()


@pytest.mark.slow
def test_what_went_through_the_interface_does_not_go_from_a_file(
    week, send_day, export, in_the_books
):
    """A send first, exports of the same days then."""
    assert send_day(week).code == 0

    files = [
        str(export(week, f"{number}.csv", **SHOWN[name]))
        for number, name in enumerate(("minutes", "rounded, without ends", "without descriptions"))
    ]

    assert outcome(week.run("import", *files, *YES)) == {"already_sent": 27}
    in_the_books()


def test_what_went_from_a_file_is_clockifys_from_the_next_send_on(
    week, send_day, export, all_once, rows_of
):
    """A file first, a send then: nothing goes twice, and the ledger takes Clockify's ids."""
    few = list(week.clockify.entries.values())[2:7]
    file = export(week, entries=few, clock="%H:%M", without=("End Date", "End Time", "Email"))
    assert outcome(week.run("import", str(file), *YES)) == {"sent": 5}

    preview = week.run("send", "--start", "2026-09-22", "--end", "2026-09-22", *DRY)
    assert preview.document["counts"]["skipped"] == {"already_sent": 5}
    assert all(row["entry_id"].startswith("row-") for row in rows_of(week, "ledger"))
    sent = send_day(week)

    assert sent.document["counts"]["sent"] == 4
    all_once(week)
    assert outcome(week.run("import", str(file), *YES)) == {"already_sent": 5}
    entries = week.run("entries", "--json").document["entries"]
    assert {row["entry_id"] for row in entries} == set(week.clockify.entries)
    assert {row["state"] for row in entries} == {"sent"}


@pytest.mark.parametrize("first", ["import", pytest.param("send", marks=pytest.mark.slow)])
def test_no_change_of_the_time_zone_sends_a_row_twice(first, week, send_day, export, in_the_books):
    """Rows are recognized by the file's own clock in any zone; a reconnect keeps the zone."""
    file = str(export(week, clock="%H:%M"))
    if first == "send":
        send_day(week)
    else:
        assert outcome(week.run("import", file, *YES)) == {"sent": 9}
    for user in week.clockify.users.values():
        user["settings"] = {**(user.get("settings") or {}), "timeZone": "Asia/Tokyo"}

    joined = week.connect()

    assert joined.code == 0
    assert "keeps its time zone, America/Chicago" in joined.err
    assert "Asia/Tokyo" in joined.err
    known = {"already_sent": 9}
    assert outcome(week.run("import", file, *YES)) == known
    assert outcome(week.run("import", file, "--timezone", "Pacific/Auckland", *YES)) == known
    tokyo = {"CLOCKBOOKS_TIMEZONE": "Asia/Tokyo"}
    assert outcome(week.run("import", file, *YES, **tokyo)) == known
    assert week.run("configure", "--set", "timezone=Europe/Paris").code == 0
    assert outcome(week.run("import", file, *YES)) == known
    assert send_day(week).document["counts"]["sent"] == 0
    in_the_books()


@pytest.mark.slow
def test_rows_of_an_older_clockbooks_are_known_again(week, export, execute, rows_of):
    """Rows that were sent under another key, by a version that kept no wall clocks, stay sent."""
    file = str(export(week))
    assert outcome(week.run("import", file, *YES)) == {"sent": 9}
    for number, row in enumerate(rows_of(week, "ledger")):
        old = f"row-{number:032x}-1"
        for table in ("contents", "verdicts", "ledger"):
            execute(
                week, f"UPDATE {table} SET entry_id = ? WHERE entry_id = ?", old, row["entry_id"]
            )
    execute(week, "UPDATE contents SET wall = NULL")

    assert outcome(week.run("import", file, *YES)) == {"already_sent": 9}


def test_overlapping_exports_bring_each_entry_once(week, export, in_the_books):
    """The second half of one file is the first half of the next, one at a time or together."""
    entries = list(week.clockify.entries.values())
    first = str(export(week, "first.csv", entries=entries[:6]))
    second = str(export(week, "second.csv", entries=entries[3:], clock="%H:%M"))

    plan = week.run("import", first, second, *DRY)
    assert plan.document["counts"]["ready"] == 9
    assert plan.document["counts"]["skipped"] == {"duplicate_row": 3}
    ran = week.run("import", first, second, first, *YES)

    assert outcome(ran) == {"sent": 9, "duplicate_row": 3}
    again = [row for row in ran.document["entries"] if row["state"] == "skipped"]
    assert all(row["detail"].startswith(f"The same entry is in {first}") for row in again)
    assert outcome(week.run("import", first, second, *YES)) == {"already_sent": 12}
    in_the_books()


def test_truly_equal_rows_are_as_many_entries(week, export, in_the_books):
    """Two equal rows both go; the next export has three of them, and one more goes."""
    one, other = list(week.clockify.entries.values())[:2]

    def send(*entries):
        return outcome(week.run("import", str(export(week, entries=entries)), *YES))

    assert send(one, other, one) == {"sent": 3}
    assert send(one, one) == {"already_sent": 2}
    assert send(one, other, one, one) == {"sent": 1, "already_sent": 3}
    in_the_books([one, one, one, other])


def test_work_that_only_begins_together_is_told(week, export):
    """A row that was corrected after it was sent counts as other work, and is pointed out."""
    one = next(iter(week.clockify.entries.values()))
    corrected = {**one, "description": "Corrected since"}
    assert outcome(week.run("import", str(export(week, entries=[one])), *YES)) == {"sent": 1}

    ran = week.run("import", str(export(week, "b.csv", entries=[one, corrected])), *DRY)

    assert ran.document["counts"]["ready"] == 1
    note = next(note for note in ran.document["notes"] if "begin" in note)
    assert "b.csv line 3" in note


@pytest.mark.parametrize(
    "change",
    ["description", *[pytest.param(one, marks=pytest.mark.slow) for one in ("end", "projectId")]],
)
def test_what_was_edited_in_clockify_after_its_file_went_is_told(week, export, change):
    """It counts as other work; a person may recall what was sent from the file."""
    one, other, *_ = week.clockify.entries.values()
    week.clockify.entries = {one["id"]: one}
    assert outcome(week.run("import", str(export(week)), *YES)) == {"sent": 1}
    one[change] = {
        "description": "Corrected since",
        "end": f"{one['end'][:14]}59:59Z",
        "projectId": other["projectId"],
    }[change]

    ran = week.run("send", "--start", "2026-09-22", "--end", "2026-09-22", *DRY)

    assert ran.document["counts"]["ready"] == 1
    assert any(one["id"] in note and "from a file" in note for note in ran.document["notes"])


@pytest.mark.parametrize("first", [pytest.param(None, marks=pytest.mark.slow), "ann@one.example"])
def test_two_strangers_of_one_name_are_not_paid_as_one(week, first):
    """One employee has that name: the second one's hours wait for a person, in any later file."""
    header = "User,Email,Start date,Start time,Duration,Description,Billable"
    week.quickbooks.employees["901"] = {"Id": "901", "DisplayName": "Ann Lee", "Active": True}

    def told(email, text, start):
        file = week.folder / "toggl.csv"
        row = f"Ann Lee,{email or ''},2026-09-22,{start},00:30:00,{text},No"
        file.write_text(f"{header}\n{row}\n")
        return outcome(week.run("import", str(file), *YES))

    assert told(first, "x", "09:00:00") == {"sent": 1}
    assert told("ann@two.example", "y", "10:00:00") == {"ambiguous_name": 1}
    assert told("", "x", "09:00:00") == {"already_sent": 1}
    assert told("ann@one.example", "x", "09:00:00") == {"already_sent": 1}


def test_a_bad_row_stops_only_itself(week, export, in_the_books):
    """Its line and column are reported; the good rows go, unless --strict is set."""
    file = export(week)
    lines = file.read_text().splitlines()
    lines[2] = lines[2].replace('"09/22/2026"', '"02/31/2026"', 1)
    file.write_text("\n".join(lines))

    strict = week.run("import", str(file), "--strict", *YES)
    assert strict.code == 1
    assert "line 3" in strict.document["error"]["message"]
    in_the_books([])
    ran = week.run("import", str(file), *YES)

    assert ran.code == 3
    [bad] = ran.document["set_aside"]
    assert (bad["line"], bad["column"], bad["file"]) == (3, "Start Date", str(file))
    assert "02/31/2026" in bad["problem"]
    assert ran.document["counts"]["sent"] == 8
    entries = list(week.clockify.entries.values())
    in_the_books(entries[:1] + entries[2:])


def test_what_was_approved_is_sent_and_nothing_else(
    week, export, execute, monkeypatch, in_the_books
):
    """Rows that become free while somebody looks at the plan wait for the next import."""
    entries = list(week.clockify.entries.values())
    assert outcome(week.run("import", str(export(week, entries=entries[:2])), *YES)) == {"sent": 2}
    monkeypatch.chdir(week.folder)
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)

    def approve(plan: dict[str, Any]) -> bool:
        assert plan["counts"]["ready"] == 7
        for table in ("contents", "ledger"):
            execute(week, f"DELETE FROM {table}")
        week.quickbooks.activities.clear()
        return True

    with closing(Report()) as report, open_context(None) as context:
        request = ImportRequest(files=(export(week),))
        document = import_files(context, request, report, approve=approve)

    assert document["counts"]["sent"] == 7
    assert document["counts"]["skipped"] == {"already_sent": 2}
    in_the_books(entries[2:])


def test_a_row_that_an_earlier_file_brought_for_another_day_goes_once(
    week, export, monkeypatch, booked
):
    """The same work may be dated a day apart, and so be judged in another slice: it is found."""
    files = (export(week), export(week, "days.csv", without=("Start Time", "End Date", "End Time")))
    monkeypatch.setattr("flows.importing.import_files.SLICE_ROWS", 1)
    monkeypatch.chdir(week.folder)
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)

    with closing(Report()) as report, open_context(None) as context:
        request = ImportRequest(files=files, timezone="Asia/Tokyo")
        document = import_files(context, request, report, approve=lambda _: True)

    assert document["counts"]["sent"] == 9
    assert document["counts"]["skipped"] == {"duplicate_row": 9}
    assert sum(booked(week).values()) == 9


def test_dates_that_nobody_can_order_wait_for_a_person(week, export, in_the_books):
    """Nothing is guessed about 03/04: the refusal names the option that decides."""
    entries = [
        {**entry, "start": entry["start"].replace("-22T", "-04T"),
         "end": entry["end"].replace("-22T", "-04T")}
        for entry in week.clockify.entries.values()
    ]  # fmt: skip
    file = str(export(week, entries=entries))

    refused = week.run("import", file, *YES)
    assert refused.code == 1
    assert "--date-order" in refused.document["error"]["message"]
    in_the_books([])

    assert outcome(week.run("import", file, "--date-order", "mdy", *YES)) == {"sent": 9}
    in_the_books(entries)


@pytest.mark.slow
def test_a_lost_answer_is_settled_by_the_next_import(week, export, in_the_books):
    """What QuickBooks never confirmed is in doubt, and is there once in the end."""
    file = str(export(week))
    week.quickbooks.faults.plan(r"POST .*/batch", skip=1, kind="answer_after", status=504)

    first = week.run("import", file, *YES)
    again = week.run("import", file, *YES)

    assert (first.code, first.document["counts"]["in_doubt"]) == (3, 3)
    assert outcome(again) == {"already_sent": 9}
    assert any("unconfirmed" in note for note in again.document["notes"])
    in_the_books()


def test_imports_and_a_send_at_once_bring_each_entry_once(week, export, in_the_books):
    """Two exports of the same days and Clockify itself, started together: one takes each entry."""
    week.environment["CLOCKBOOKS_LEASE_S"] = "600"
    files = [export(week), export(week, "other.csv", clock="%H:%M", without=("Client", "Task"))]
    commands = [("import", str(file)) for file in files]
    commands.append(("send", "--start", "2026-09-22", "--end", "2026-09-22"))

    running = [week.fork(*command, *YES) for command in commands]
    ended = [process.communicate(timeout=120) for process in running]

    documents = [json.loads(out) for out, _ in ended]
    assert sum(document["counts"]["sent"] for document in documents) == 9, ended
    assert sum(document["counts"]["in_doubt"] for document in documents) <= 18
    in_the_books()
    assert outcome(week.run("import", *map(str, files), *YES)) == {"already_sent": 18}


def test_a_send_that_renames_rows_while_an_import_looks_them_up_frees_none(
    week, export, in_the_books
):
    """A send gives Clockify's ids to rows that it recognizes: nothing goes under both ids."""
    assert outcome(week.run("import", str(export(week)), *YES)) == {"sent": 9}
    file = str(export(week, "other.csv", clock="%H:%M"))
    sends: list[Any] = []

    def send_first(_connection, _cursor, statement, parameters, _context, _many) -> None:
        asks = statement.startswith("SELECT ledger.entry_id, ledger.state, ledger.time_activity_id")
        if asks and not sends and any(str(one).startswith("row-") for one in parameters):
            sends.append(week.fork("send", "--start", "2026-09-22", "--end", "2026-09-22", *YES))
            sends[0].communicate(timeout=120)

    sa.event.listen(sa.Engine, "before_cursor_execute", send_first)
    try:
        ran = week.run("import", file, *YES)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", send_first)

    assert len(sends) == 1
    assert outcome(ran) == {"already_sent": 9}
    in_the_books()


def test_who_clockify_does_not_know_is_matched_with_quickbooks(week):
    """Another tracker's people and projects: by the sync's rules, or by hand under their names."""
    file = week.folder / "toggl.csv"
    rows = [
        ("Peter Tester", "peter@example.com", "", "New Customer", "2026-09-22", "09:00:00"),
        ("peter  tester", "", "", "New Customer", "2026-09-22", "10:00:00"),
        ("Nobody Known", "", "", "New Customer", "2026-09-22", "11:00:00"),
        ("Peter Tester", "peter@example.com", "", "Elsewhere", "2026-09-22", "12:00:00"),
    ]
    header = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    lines = [
        ",".join([*row[:4], "", "x", "No", *row[4:], "2026-09-22", row[5].replace(":00:", ":30:"),
                  "00:30:00", ""])
        for row in rows
    ]  # fmt: skip
    file.write_text("\n".join([f"{header}End time,Duration,Tags", *lines]))
    week.quickbooks.employees["901"] = {"Id": "901", "DisplayName": "Peter Tester", "Active": True}
    week.quickbooks.customers["902"] = {
        "Id": "902", "DisplayName": "New Customer", "FullyQualifiedName": "New Customer",
        "Active": True,
    }  # fmt: skip

    ran = week.run("import", str(file), *YES)

    assert outcome(ran) == {"sent": 1, "unlinked_user": 2, "unlinked_project": 1}
    why = {row["line"]: row["detail"] for row in ran.document["entries"]}
    assert "clockbooks link user 'name:Nobody Known' QBO_ID" in why[4]
    assert "'Peter Tester' (id 901), differs in case" in why[3]
    assert "clockbooks link project name:Elsewhere QBO_ID" in why[5]
    linked = {row["clockify_id"] for row in week.run("links", "--json").document["links"]}
    assert {"name:Peter Tester <peter@example.com>", "name:New Customer"} <= linked

    assert week.run("link", "user", "name:Nobody Known", "901").code == 0
    assert week.run("link", "project", "name:Elsewhere", "902").code == 0
    assert week.run("sync", "--json").document["changes"] == []
    assert outcome(week.run("import", str(file), *YES)) == {
        "sent": 2, "already_sent": 1, "unlinked_user": 1,
    }  # fmt: skip


def test_a_namesake_with_another_address_waits_for_a_person(week, export):
    """Their hours go to nobody of that name, until somebody says who they are."""
    one = next(iter(week.clockify.entries.values()))
    address = week.clockify.users[one["userId"]]["email"]
    file = export(week, entries=[one])
    file.write_text(file.read_text().replace(address, "other@elsewhere.example"))

    ran = week.run("import", str(file), *YES)

    assert outcome(ran) == {"ambiguous_name": 1}
    [row] = ran.document["entries"]
    own = f"name:{week.clockify.users[one['userId']]['name']} <other@elsewhere.example>"
    assert f"({address})" in row["detail"]
    assert own in row["detail"]
    week.quickbooks.employees["901"] = {"Id": "901", "DisplayName": "Another", "Active": True}
    assert week.run("link", "user", own, "901").code == 0
    assert outcome(week.run("import", str(file), *YES)) == {"sent": 1}


def test_a_row_that_clockify_kept_back_stays_back_where_the_file_cannot_say(week, export, send_day):
    """A break, a rate in another currency: an export without those columns does not free them."""
    pause, *others = week.clockify.entries.values()
    billed = next(entry for entry in others if entry["billable"])
    pause["type"], billed["currency"] = "BREAK", "EUR"
    kept = send_day(week).document["counts"]
    assert (kept["skipped"], kept["rejected"]) == ({"break": 1}, {"rate_currency": 1})
    few = ("Type", "Billable", "Billable Rate (USD)", "Billable Amount (USD)")

    for name in ("first.csv", "again.csv"):
        file = str(export(week, name, without=few, clock="%H:%M"))
        ran = week.run("import", file, *YES)
        assert outcome(ran) == {"already_sent": 7, "break": 1, "rate_currency": 1}
    listed = week.run("entries", "--json").document["entries"]
    assert len(listed) == 9
    pause["type"] = "REGULAR"
    told = str(export(week, "told.csv", entries=[billed, pause]))  # says so, and USD, itself
    assert week.run("import", told, *DRY).document["counts"]["ready"] == 2


@pytest.mark.parametrize("first", ["file", pytest.param("clockify", marks=pytest.mark.slow)])
def test_what_was_rejected_and_went_the_other_way_is_listed_once(
    week, export, send_day, rows_of, first
):
    """Whichever way it goes in the end, an entry has one line, and its equal twin another."""
    one, other, *_ = week.clockify.entries.values()
    twin = one | {"id": "e" * 24}
    week.clockify.entries = {entry["id"]: entry for entry in (one, twin, other)}
    name = week.clockify.users[one["userId"]]["name"]
    employee = next(row for row in week.quickbooks.employees.values() if row["DisplayName"] == name)
    file = str(export(week, clock="%H:%M"))
    ways = [lambda: week.run("import", file, *YES), lambda: send_day(week)]
    reject, bring = ways if first == "file" else reversed(ways)
    assert week.run("unlink", "user", one["userId"]).code == 0
    assert reject().document["counts"]["rejected"]["unlinked_user"] >= 2

    assert week.run("link", "user", one["userId"], employee["Id"]).code == 0
    bring()

    listed = week.run("entries", "--json").document["entries"]
    assert [row["state"] for row in listed] == ["sent"] * 3
    if first == "file":
        assert {row["entry_id"] for row in listed} == set(week.clockify.entries)
    assert len(rows_of(week, "verdicts")) == 3


def test_a_report_of_days_alone_goes_by_its_days(week, booked):
    """Harvest has hours per day and no times: the day counts, and nothing goes twice."""
    user = next(iter(week.clockify.entries.values()))["userId"]
    first, last = week.clockify.users[user]["name"].split(" ", 1)
    header = "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,"
    file = week.folder / "harvest.csv"
    rows = [
        f'2026-09-22,,,,Plans,"a, b","1,25",No,No,{yes},{first},{last},,Yes,"0,0","0,0"'
        for yes in ("Yes", "No")
    ]
    columns = "First Name,Last Name,Roles,Employee?,Billable Rate,Billable Amount"
    file.write_text("\n".join([header + columns, *rows]))

    approved = week.run("import", str(file), "--approved-only", "--rounding", "none", *YES)
    assert outcome(approved) == {"sent": 1, "not_approved": 1}
    assert outcome(week.run("import", str(file), "--rounding", "none", *YES)) == {
        "sent": 1, "already_sent": 1,
    }  # fmt: skip

    assert [(key[3], key[4], key[5], count) for key, count in booked(week).items()] == [
        ("2026-09-22", 1, 15, 2)
    ]


@pytest.mark.parametrize(
    ("by", "kind"),
    [
        ("email", "--project"),
        pytest.param("name", "--tag", marks=pytest.mark.slow),
        pytest.param("id", "--project", marks=pytest.mark.slow),
    ],
)
def test_filters_go_by_the_names_in_the_file(week, export, by, kind):
    """Users by name or address, projects and clients by name; a name of nobody is refused."""
    entries = list(week.clockify.entries.values())
    file = str(export(week))
    user = week.clockify.users[entries[0]["userId"]]
    mine = sum(entry["userId"] == user["id"] for entry in entries)

    wanted = user["email"].upper() if by == "email" else user[by]
    counts = week.run("import", file, "--user", wanted, *DRY).document["counts"]
    assert (counts["ready"], counts["skipped"]) == (mine, {"filtered": 9 - mine})
    refused = week.run("import", file, kind, "No Such", *DRY)
    assert refused.code == 1
    assert "'No Such'" in refused.document["error"]["message"]


@pytest.mark.parametrize(
    "by",
    [
        "options",
        pytest.param("file", marks=pytest.mark.slow),
        pytest.param("setting", marks=pytest.mark.slow),
    ],
)
def test_any_table_can_be_mapped(week, export, in_the_books, by):
    """Columns of any name are read once they are mapped: by options, by a file, or by a setting."""
    file = export(week, without=("Email",))
    text = file.read_text().replace("User", "Who", 1).replace("Start Date", "Worked on", 1)
    file.write_text(text)

    refused = week.run("import", str(file), *YES)
    assert refused.code == 1
    assert "--map" in refused.document["error"]["message"]
    maps: tuple[str, ...] = ()
    if by == "options":
        maps = ("--map", "Who=user", "--map", "Worked on=start_date")
    elif by == "file":
        written = file.with_name("columns.txt")
        written.write_text("# whose names\nWho=user\nWorked on=date\n")
        maps = ("--map-file", str(written))
    else:
        assert week.run("configure", "--set", "import_map=Who=user; Worked on=date").code == 0

    assert outcome(week.run("import", str(file), *maps, *YES)) == {"sent": 9}
    in_the_books()


def test_a_wrong_option_is_wrong_usage(week, export):
    """A column for no field, or an unknown time zone, is refused at once, with exit code 2."""
    file = str(export(week))

    for options in (("--map", "Who=whom"), ("--timezone", "Mars/Base"), ("--date-order", "ydm")):
        assert week.run("import", file, *options, "--dry-run").code == 2


def test_a_file_is_refused_in_one_sentence(week, tmp_path: Path):
    """The text says what the table looks like, and nothing is sent."""
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)

    for file, words in ((pdf, "PDF"), (tmp_path / "none.csv", "no file"), (tmp_path, "folder")):
        ran = week.run("import", str(file), *YES)
        assert ran.code == 1
        assert words in ran.document["error"]["message"]
        assert "Traceback" not in ran.err


def test_without_a_terminal_nobody_is_asked(week, export):
    """As everywhere: --yes or --dry-run, or it is wrong usage."""
    ran = week.run("import", str(export(week)))

    assert ran.code == 2
    assert "--yes" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("first", ["files", "interface"])
def test_a_month_from_files_and_from_clockify_is_in_the_books_once(
    synced, shared_house, export, booked, first
):
    """Overlapping exports and a send of the same month, in both orders: as if one had gone."""
    month = ("--start", "2026-09-01", "--end", "2026-09-30")
    done = [
        entry for entry in synced.clockify.entries.values()
        if (entry["end"] or "").startswith("2026-09") and entry["start"].startswith("2026-09")
        and synced.clockify.users[entry["userId"]]["name"] != "DeletedUser"
    ]  # fmt: skip
    assert synced.run("send", *month, *YES).code == 3
    alone = booked(synced)
    synced.quickbooks.activities.clear()
    shutil.copy(shared_house.folder / "clockbooks.db", synced.folder / "clockbooks.db")
    files = [
        str(export(synced, "a.csv", entries=done[: len(done) * 2 // 3])),
        str(export(synced, "b.csv", entries=done[len(done) // 3 :], clock="%H:%M:%S",
                   without=("Email", "Task", "Duration (h)"))),
    ]  # fmt: skip
    commands = [("import", files[0]), ("send", *month), ("import", *files)]

    for command in commands if first == "files" else reversed(commands):
        assert synced.run(*command, *YES).code == 3

    both = booked(synced)
    assert (both - alone, alone - both) == (Counter(), Counter())


@pytest.mark.slow
def test_a_million_rows_need_the_memory_of_ten_thousand(week):
    """Rows are staged on disk and judged by days: only what a day holds is held."""
    people = [week.clockify.users[id_] for id_ in {
        entry["userId"] for entry in week.clockify.entries.values()
    }]  # fmt: skip

    def peak_kib(rows):
        file = week.folder / f"{rows}.csv"
        with file.open("w") as out:
            out.write("User,Email,Description,Billable,Start date,Start time,End date,End time\n")
            for number in range(rows):
                user = people[number % len(people)]
                day = date(2026, 8, 1) + timedelta(days=number * 700 // rows)
                start, end = (f"{9 + number % 8:02}:{minute}" for minute in ("00", "45"))
                out.write(
                    f"{user['name']},{user['email']},Work {number},No,{day},{start},{day},{end}\n"
                )
        columns = [f"--map={name}" for name in ("Start date=start_date", "End date=end_date")]
        process = week.start("import", str(file), *columns, *DRY)
        counts = sum('"state": "ready"' in line for line in process.stdout)
        assert process.stderr.read() == ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert (process.returncode, counts) == (0, rows)
        process.stdout.close()
        process.stderr.close()
        return used.ru_maxrss

    assert peak_kib(1_000_000) < 1.5 * peak_kib(10_000)


def test_our_tag_in_a_file_does_not_count(week, export):
    """Clockify exports the tag of sent entries like any other: it is in no description."""
    week.clockify.tags["ours"] = {"id": "ours", "name": "In QuickBooks"}
    for entry in week.clockify.entries.values():
        entry["tagIds"] = ["ours"]
    options = ("--description-template", "{description}[ #{tags}]", "--sent-tag", "In QuickBooks")

    found = week.run("import", str(export(week)), *options, *DRY).document["entries"]

    texts = {row["description"] for row in found}
    assert texts == {entry["description"] for entry in week.clockify.entries.values()}


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("never", ()),
        ("unlink", ("--sync",)),
        pytest.param("never", ("--sync",), marks=pytest.mark.slow),
        pytest.param("unlink", (), marks=pytest.mark.slow),
    ],
)
def test_a_stranger_kept_out_by_hand_stays_out(week, export, word, options):
    """Whom only a file names is in no list of Clockify's, so no comparison shows them."""
    one = next(iter(week.clockify.entries.values()))
    address = week.clockify.users[one["userId"]]["email"]
    name = week.clockify.users[one["userId"]]["name"]
    file = export(week, entries=[one], without=("Start Time", "End Time"))
    file.write_text(file.read_text().replace(address, "").replace(name, "Peter Tester"))
    week.quickbooks.employees["901"] = {"Id": "901", "DisplayName": "Peter Tester", "Active": True}
    if word == "unlink":
        assert week.run("link", "user", "name:Peter Tester", "901").code == 0
    assert week.run(word, "user", "name:Peter Tester").code == 0

    ran = week.run("import", str(file), *options, *YES)

    assert outcome(ran) == {"excluded" if word == "never" else "unlinked_user": 1}


@pytest.mark.parametrize("kind", ["user", pytest.param("project", marks=pytest.mark.slow)])
def test_who_was_excluded_stays_out_under_their_name(week, export, kind):
    """Once Clockify lists them no more, and QuickBooks has that name, a person is asked."""
    one = next(row for row in week.clockify.entries.values() if row["projectId"])
    file = export(week, entries=[one])
    id_ = one["userId" if kind == "user" else "projectId"]
    assert week.run("never", kind, id_).code == 0
    del (week.clockify.users if kind == "user" else week.clockify.projects)[id_]

    for options in ((), ("--sync",)):
        ran = week.run("import", str(file), *options, *YES)
        assert outcome(ran) == {"ambiguous_name": 1}
        assert f"the {kind} with the id {id_}, excluded by hand" in json.dumps(ran.document)
