"""How the commands speak: help, questions, JSON, exit codes, and what no terminal ever gets."""

import csv
import json
import os
import pty
import resource
import select
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from kept_environment import kept_environment

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")
HOSTILE = "Eve\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202e\rRoot"

COMMANDS = [
    *("connect", "disconnect", "connections", "configure"),
    *("sync", "send", "settle", "entries", "demo"),
]


@pytest.mark.parametrize("options", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_needs_nothing_and_leaves_nothing(house, options):
    """In an empty folder without settings, it explains, shows an example, and creates no file."""
    house.environment.clear()

    ran = (
        house.run(*options)
        if options in (["--help"], ["send", "--help"])
        else house.run_here(*options)
    )

    assert ran.code == 0
    assert ran.err == ""
    assert ("Example: clockbooks " in ran.out) == (len(options) == 2)
    assert ("Exit codes" in ran.out) == (len(options) == 1)
    assert list(house.folder.iterdir()) == []


def test_the_version_is_told(house):
    """One line: the name and the version."""
    house.environment.clear()
    ran = house.run("--version")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("clockbooks ")
    assert ran.out.count("\n") == 1


@pytest.mark.usefixtures("in_this_process")
def test_without_a_connection_every_command_says_what_to_do_first(house):
    """Nothing is connected yet: text and JSON say so, with exit code 1."""
    for command in (("sync",), ("send", *DAY, "--yes"), ("settle",), ("entries",)):
        ran = house.run(*command, "--json")
        assert ran.code == 1
        assert "clockbooks connect" in ran.document["error"]["message"]
        assert "clockbooks connect" in ran.err


@pytest.mark.usefixtures("in_forks")
def test_json_is_one_document_and_words_go_elsewhere(week, send_day):
    """Standard output is exactly the document; the same run for people has no JSON in it."""
    dry = week.run("send", *DAY, "--dry-run", "--json")
    assert (dry.code, dry.err) == (0, "")
    assert dry.document["counts"]["ready"] == 9
    sent = send_day(week)
    assert (sent.code, sent.err) == (0, "")
    assert set(sent.document) >= {"run_id", "dry_run", "counts", "minutes_sent", "entries"}
    assert set(sent.document["entries"][0]) >= {
        "entry_id", "state", "reason", "detail", "date", "minutes", "user", "project",
        "time_activity_id",
    }  # fmt: skip
    again = week.run("send", *DAY, "--yes")
    assert again.code == 0
    assert again.out.startswith("9 entries: 0 sent (0 min), 9 skipped.")
    with pytest.raises(json.JSONDecodeError):
        json.loads(again.out)


@pytest.mark.usefixtures("in_forks")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("send", *DAY), "--yes"),
        (("send", "--start", "2026-09-22", "--end", "2026-09-21"), "is before"),
        (("send", "--start", "0001-01-01", "--end", "0001-01-05"), "from 1900-01-01"),
        (("adopt", "--start", "0001-01-01", "--end", "0001-01-05"), "from 1900-01-01"),
        (("reconcile", "--start", "9999-12-30", "--end", "9999-12-31"), "through 2199-12-31"),
        (("send", "--start", "22.9.2026", "--end", "2026-09-22"), "22.9.2026"),
        (("send", "--start", "2026-09-22"), "end"),
        (("send", *DAY, "--yes", "--rounding", "up"), "not a valid rounding"),
        (("entries", "--state", "lost"), "lost"),
        (("sync", "--create", "nowhere"), "nowhere"),
        (("connect", "--realm-id", "1"), "--refresh-token-file"),
        (("disconnect",), "--yes"),
        (("configure", "--set", "colour=red"), "colour"),
    ],
)
def test_wrong_usage_is_a_json_document_too(shared_house, options, words):
    """Exit code 2 comes before any work, and a script that asked for JSON gets its one document."""
    ran = shared_house.run(*options, "--json")

    assert ran.code == 2
    assert set(ran.document) == {"error"}
    assert ran.document["error"]["kind"] == "WrongUsage"
    assert words in ran.document["error"]["message"]
    assert words in " ".join(ran.err.replace("│", " ").split())
    assert shared_house.run(*options).out == ""


def _at_terminal(
    house: Any, answer: str, *arguments: str, installed: bool = False
) -> tuple[int, str]:
    """Run the command with somebody at a terminal who gives one *answer* to its question."""
    ours, theirs = pty.openpty()
    shape = {"TERM": "xterm", "COLUMNS": "160"}
    process: Any
    if installed:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "clockbooks"), *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=house.folder,
            env={**kept_environment(), **house.environment, **shape},
        )
    else:
        process = house.fork(*arguments, terminal=theirs, **shape)
    os.close(theirs)
    shown, asked = b"", False
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # Linux's way to say that nobody is at the other end any more
            break
        if not asked and b"[y/N]" in shown:
            os.write(ours, f"{answer}\n".encode())
            asked = True
    os.close(ours)  # hangs up on whoever still waits
    return process.wait(timeout=60), shown.decode()


def test_a_person_is_shown_the_plan_and_asked(week):
    """The Return key means no, and sends nothing; y sends what was shown."""
    code, shown = _at_terminal(week, "", "send", *DAY)
    assert code == 0
    assert "9 would be sent" in shown
    assert "Nothing was sent." in shown
    assert week.quickbooks.activities == {}

    code, shown = _at_terminal(week, "y", "send", *DAY, installed=True)
    assert code == 0
    assert "9 entries: 9 sent" in shown
    assert len(week.quickbooks.activities) == 9


def test_the_question_names_what_would_go_and_where(week):
    """Entries, hours, the day and the company; before it, the sums of each person and project."""
    _, shown = _at_terminal(week, "", "send", *DAY)

    plan = week.run_here("send", *DAY, "--dry-run", "--json").document["entries"]
    minutes = sum(row["minutes"] for row in plan)
    time = f"{minutes // 60} h {minutes % 60:02d} min"
    asked = f"Send 9 entries to QuickBooks: {time}, 2026-09-22, to Tallgrass Studio? [y/N]"
    assert asked in shown
    before = shown.split(asked)[0]
    assert "Amount" in before
    for name in {row["user"] for row in plan} | {row["project"] for row in plan}:
        assert name in before


def test_the_result_does_not_repeat_what_the_plan_has_told(week):
    """A reason and what to do about it stand once; the result counts what stands above."""
    week.clockify.entries[next(iter(week.clockify.entries))]["projectId"] = None
    code, shown = _at_terminal(week, "y", "send", *DAY)

    assert code == 3
    assert shown.count("It is billable but has no project") == 1
    assert "8 sent" in shown
    assert "See above for what to do about 1 entry." in shown


@pytest.mark.usefixtures("in_this_process")
def test_the_plan_and_the_result_can_be_kept_as_csv(week):
    """Each entry in a row, of a dry run as ready, of a send as sent."""
    file = week.folder / "plan.csv"
    for option, state in (("--dry-run", "ready"), ("--yes", "sent")):
        assert week.run("send", *DAY, option, "--csv", str(file)).code == 0
        with file.open(encoding="utf-8-sig", newline="") as rows:
            assert [row["state"] for row in csv.DictReader(rows)] == [state] * 9


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-11-31", "November 2026 has 30 days."),
        ("2026-02-29", "February 2026 has 28 days."),
        ("2026-13-01", "There are 12 months"),
        ("31.10.2026", "as YYYY-MM-DD"),
        ("20261031", "as YYYY-MM-DD"),
    ],
)
def test_a_day_that_does_not_exist_is_explained(week, day, words):
    """A month's length in a sentence, instead of a format."""
    ran = week.run("send", "--start", day, "--end", "2026-12-01", "--dry-run")

    assert ran.code == 2
    assert words in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.usefixtures("in_this_process")
def test_an_unknown_name_gets_a_suggestion(week, send_day):
    """`entries --user` with a name that no entry has says so, and names the nearest ones."""
    known = send_day(week).document["entries"][0]["user"]

    told = week.run("entries", "--user", known[:-1] + "x")

    assert told.code == 0
    assert f"Did you mean {known!r}?" in told.err
    assert week.run("entries", "--user", known).err == ""


def test_a_person_is_asked_before_a_connection_ends(synced, rows_of):
    """The Return key means no, and keeps the secrets; y ends the connection."""
    code, shown = _at_terminal(synced, "", "disconnect")
    assert code == 0
    assert "Disconnect main: Tallgrass Studio and Tallgrass Studio?" in shown
    assert "Nothing was changed." in shown
    assert len(rows_of(synced, "secrets")) == 1

    code, shown = _at_terminal(synced, "y", "disconnect")
    assert code == 0
    assert "main is disconnected" in shown
    assert rows_of(synced, "secrets") == []


@pytest.mark.usefixtures("in_this_process")
def test_a_disk_that_is_full_is_told_in_a_sentence(week, send_day):
    """Exit code 1, what is kept, and no traceback; the next send continues."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # SQLite's writes end there
    try:
        ran = send_day(week)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    assert "The ledger keeps what was handed over" in ran.document["error"]["message"]
    assert send_day(week).code == 0


@pytest.mark.usefixtures("in_this_process")
def test_a_database_that_another_process_holds_is_told_in_a_sentence(week, send_day, monkeypatch):
    """The same after waiting for the database is over."""
    monkeypatch.setattr("connectors.database.SQLITE_PATIENCE_S", 0)
    with closing(sqlite3.connect(week.folder / "clockbooks.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = send_day(week)

    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    assert "locked by another process" in ran.document["error"]["message"]
    assert send_day(week).code == 0


@pytest.fixture
def postgres(postgres_database):
    """Yield the address of an empty database of a server."""
    with postgres_database() as url:
        yield url


@pytest.mark.usefixtures("in_this_process")
def test_a_server_that_ends_the_connection_is_told_in_a_sentence(house, postgres):
    """As with a full disk, nobody has to read a traceback of the database driver."""
    database = {
        "CLOCKBOOKS_DATABASE_URL": postgres,
        "CLOCKBOOKS_SECRET_KEY": "a passphrase of the tests",
    }
    assert house.connect(**database).code == 0
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER hang_up BEFORE INSERT ON links EXECUTE FUNCTION hang_up()"
        )

    ran = house.run("sync", "--json", **database)

    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    assert "connection to the database" in ran.document["error"]["message"]


def _controls(text: str) -> set[str]:
    return {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf"}} - {"\n", "\t"}


@pytest.mark.usefixtures("in_this_process")
def test_names_cannot_steer_the_terminal(synced):
    """Names that people type are shown without any control or direction character."""
    clockify, quickbooks = synced.clockify, synced.quickbooks
    clockify.users["64d0000000000000000000ae"]["name"] = HOSTILE  # has no partner
    clockify.users["64d0000000000000000000a2"]["name"] = f"Priya{HOSTILE}"
    clockify.projects["64b0000000000000000000ba"]["name"] = HOSTILE
    clockify.projects["64b0000000000000000000bc"]["name"] = f"Court{HOSTILE}yard"
    clockify.clients["64c0000000000000000000a5"]["name"] = HOSTILE
    clockify.workspace["name"] = HOSTILE
    quickbooks.vendors["74"]["DisplayName"] = HOSTILE
    quickbooks.customers["31"]["DisplayName"] = HOSTILE
    quickbooks.customers["30"]["Active"] = False
    quickbooks.company["CompanyName"] = HOSTILE
    quarter = ("--start", "2026-10-12", "--end", "2026-10-31")
    theirs = {
        (entry["userId"], entry["projectId"]): id_
        for id_, entry in clockify.entries.items()
        if "2026-10-13" < entry["start"] < "2026-10-31"
        and (
            HOSTILE in clockify.users[entry["userId"]]["name"]
            or HOSTILE in clockify.projects.get(entry["projectId"], {"name": ""})["name"]
        )
    }
    for id_ in set(clockify.entries) - set(theirs.values()):
        del clockify.entries[id_]

    commands = {
        "connect": synced.connect(),
        "sync": synced.run("sync"),
        "plan": synced.run("send", *quarter, "--dry-run"),
        "send": synced.run("send", *quarter, "--yes"),
        "entries": synced.run("entries", "--state", "unsent"),
        "error": synced.run("send", *quarter, "--yes", "--user", HOSTILE),
        "wrong": synced.run("send", *quarter, "--yes", "--rounding", HOSTILE),
    }

    for name, ran in commands.items():
        assert _controls(ran.out + ran.err) == set(), name
    for name in ("connect", "sync", "plan", "send", "entries"):
        assert "Eve" in commands[name].out, name
