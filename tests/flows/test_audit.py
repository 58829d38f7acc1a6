"""The history tells everything, and tells when somebody has changed it."""

import hashlib
import json
import os
import pwd
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from connectors.database import changing, open_database
from connectors.store.history import History
from flows.audit import verify
from schemas.words import Event

pytestmark = pytest.mark.usefixtures("in_this_process")

#: The day of the small week's entries.
DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


def _events(house, entry_id):
    query = "SELECT event, operation FROM history WHERE entry_id = ? ORDER BY number"
    with sqlite3.connect(house.folder / "clockbooks.db") as database:
        return [tuple(row) for row in database.execute(query, [entry_id])]


def test_a_send_is_in_the_history_and_the_history_holds(week, send_day):
    """Each entry was claimed and sent; the ledger agrees; the command says what it compared."""
    document = send_day(week).document

    found = week.run("audit", "verify", "--json")

    assert found.code == 0
    (one,) = found.document["connections"]
    assert (one["is_valid"], one["broken"], one["problems"]) == (True, None, [])
    assert (one["rows"], one["compared"], one["from_before"]) == (18, 9, 0)
    for entry in document["entries"]:
        assert _events(week, entry["entry_id"]) == [("claimed", "create"), ("sent", "create")]
    told = week.run("audit", "verify")
    assert "18 rows, all as written; 9 sent entries agree with the ledger." in told.out


def test_a_changed_history_is_named_and_ends_with_1(week, send_day):
    """Somebody with a database tool is found out, and told what to do about it."""
    send_day(week)
    with sqlite3.connect(week.folder / "clockbooks.db") as database:
        database.execute("UPDATE history SET minutes = minutes + 60 WHERE number = 5")

    found = week.run("audit", "verify", "--json")

    assert found.code == 1
    (one,) = found.document["connections"]
    assert one["broken"]["number"] == 5
    assert "backup" in found.document["to_do"]
    assert "broken at row 5" in week.run("audit", "verify").out


def test_a_long_history_is_compared_in_a_second_process(week, send_day, monkeypatch):
    """A process beside compares the ledger of a long history, and finds what was changed there."""
    send_day(week)
    beside = []
    monkeypatch.setattr(verify, "LONG_ROWS", 18)
    monkeypatch.setattr(verify, "get_context", lambda how: beside.append(how) or get_context(how))

    whole = week.run("audit", "verify", "--json")
    with sqlite3.connect(week.folder / "clockbooks.db") as database:
        database.execute("UPDATE ledger SET minutes = minutes + 60 WHERE entry_id LIKE '%1'")
        (changed,) = database.execute("SELECT changes()").fetchone()
    changed_ledger = week.run("audit", "verify", "--json")

    assert beside == ["spawn", "spawn"]
    (one,) = whole.document["connections"]
    assert (whole.code, one["is_valid"], one["rows"], one["compared"]) == (0, True, 18, 9)
    (one,) = changed_ledger.document["connections"]
    assert changed_ledger.code == 1
    assert (one["broken"], one["number_of_problems"]) == (None, changed)
    assert changed > 0


def test_one_entrys_life_is_told_from_the_beginning(week, send_day):
    """Claimed, sent and judged: when, by which run and whom, and as what."""
    document = send_day(week).document
    entry_id = document["entries"][0]["entry_id"]

    found = week.run("entries", "--entry", entry_id, "--json").document

    assert [row["entry_id"] for row in found["entries"]] == [entry_id]
    assert {row["event"] for row in found["history"]} == {"judged", "claimed", "sent"}
    assert found["history"] == sorted(found["history"], key=lambda row: row["at"])
    me = pwd.getpwuid(os.getuid()).pw_name
    assert {(row["actor"], row["run_id"]) for row in found["history"]} == {(me, document["run_id"])}
    sent = next(row for row in found["history"] if row["event"] == "sent")
    assert sent["time_activity_id"] == found["entries"][0]["time_activity_id"]
    with sqlite3.connect(week.folder / "clockbooks.db") as database:
        (body,) = database.execute(
            "SELECT body FROM ledger WHERE entry_id = ?", [entry_id]
        ).fetchone()
    assert sent["fingerprint"] == hashlib.sha256(body.encode()).hexdigest()
    assert "sent (create)" in week.run("entries", "--entry", entry_id).out


def test_what_was_taken_back_may_get_clockifys_id(week, send_day, export):
    """Rows of a file were recalled; a send then finds their entries, which have become breaks."""
    assert week.run("import", str(export(week)), "--yes", "--json").document["counts"]["sent"] == 9
    assert week.run("recall", *DAY, "--yes", "--json").code == 0
    for entry in week.clockify.entries.values():
        entry["type"], entry["billable"] = "BREAK", False
    assert send_day(week).document["counts"]["skipped"] == {"break": 9}
    assert _events(week, min(week.clockify.entries)) == [("renamed", None)]

    assert week.run("audit", "verify", "--json").code == 0


def test_an_unknown_entry_is_no_empty_life(week):
    """A typing error is told, and so is a filter that --entry has no use for."""
    assert "knows no entry 'nobody'" in week.run("entries", "--entry", "nobody").err
    assert week.run("entries", "--entry", "x", "--user", "Ann").code == 2


#: What docs/security.md tells an auditor to run.
CHECK = re.search(
    r"### A share of the history\n.*?```python\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "security.md").read_text(),
    re.DOTALL,
)[1]


def _checked(file):
    """Run the documented lines with Python alone, away from our code."""
    command = [sys.executable, "-I", "-c", CHECK, str(file)]
    return subprocess.run(command, capture_output=True, text=True, cwd=file.parent, check=False)


@pytest.fixture
def share(week, send_day):
    """Return a house that sent a week, and the export of one worker's entries."""
    document = send_day(week).document
    user = document["entries"][0]["user"]
    file = week.folder / "share.jsonl"
    ran = week.run("audit", "export", "--file", str(file), "--user", user, "--json")
    assert ran.code == 0, ran.err
    found = ran.document
    mine = {row["entry_id"] for row in document["entries"] if row["user"] == user}
    assert found["entries"] == len(mine)
    assert found["rows"] == 2 * len(mine)
    return week, file, mine, document


def test_an_auditor_verifies_a_share_with_python_alone(share):
    """The documented lines accept what was exported, up to the newest row."""
    house, file, mine, _ = share

    checked = _checked(file)

    assert checked.returncode == 0, checked.stderr
    (one,) = house.run("audit", "verify", "--json").document["connections"]
    assert checked.stdout.split()[-2:] == [str(one["number"]), one["hash"]]
    first, *lines = map(json.loads, file.read_text().splitlines())
    rows = [line for line in lines if isinstance(line, dict)]
    assert {row["row"][3] for row in rows} == mine
    assert all("TxnDate" in row["body"] for row in rows)
    assert [actor["kind"] for actor in first["actors"].values()] == ["user"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_share_has_nothing_of_other_workers(share):
    """Of rows in between there is a digest, and no id, name or TimeActivity."""
    _, file, mine, document = share
    text = file.read_text()

    others = [row for row in document["entries"] if row["entry_id"] not in mine]
    assert others
    assert not [row for row in others if row["entry_id"] in text or row["user"] in text]


def test_an_auditor_sees_every_change_of_a_share(share):
    """Whatever is edited in the file, the documented lines refuse it."""
    _, file, _, _ = share
    text = file.read_text()
    for place in ("row", "body", "digest", "removed", "swapped", "actor"):
        file.write_text(text)
        _change(file, place)
        assert _checked(file).returncode == 1, place
    file.write_text(text)
    assert _checked(file).returncode == 0


def _change(file, place):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    whole = next(n for n, line in enumerate(lines) if n and isinstance(line, dict))
    hidden = next(n for n, line in enumerate(lines) if isinstance(line, str))
    if place == "row":
        lines[whole]["row"][9] += 15
    elif place == "body":
        lines[whole]["body"] += " "
    elif place == "digest":
        lines[hidden] = lines[hidden][::-1]
    elif place == "removed":
        del lines[hidden]
    elif place == "swapped":
        lines[whole], lines[hidden] = lines[hidden], lines[whole]
    else:
        next(iter(lines[0]["actors"].values()))["name"] = "somebody"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_period_is_exported_and_an_empty_one_is_not(week, send_day):
    """By the days of the entries; without any, no file is left behind."""
    send_day(week)
    file = week.folder / "share.jsonl"

    found = week.run("audit", "export", "--file", str(file), *DAY, "--json")
    assert found.document["entries"] == 9
    assert _checked(file).returncode == 0

    empty = week.folder / "empty.jsonl"
    none = week.run("audit", "export", "--file", str(empty), "--start", "2030-01-01")
    assert (none.code, empty.exists()) == (1, False)


def test_a_name_is_replaced_and_the_history_holds(week, send_day):
    """Nowhere in the database is the name left for a person; the chain is valid."""
    user = send_day(week).document["entries"][0]["user"]
    me = pwd.getpwuid(os.getuid()).pw_name

    assert week.run("audit", "pseudonymize", user).code == 2  # nobody is there to ask
    found = week.run("audit", "pseudonymize", user, "--yes", "--json").document
    assert set(found["replaced"]) >= {"verdicts.user", "links.clockify_name"}
    assert (
        "actors.name"
        in week.run("audit", "pseudonymize", me, "--yes", "--json").document["replaced"]
    )

    with sqlite3.connect(week.folder / "clockbooks.db") as database:
        dump = "\n".join(database.iterdump())
    assert user not in dump
    assert week.run("audit", "verify").code == 0
    users = {row["user"] for row in week.run("entries", "--json").document["entries"]}
    assert found["pseudonym"] in users
    assert week.run("audit", "pseudonymize", user, "--yes").code == 1


def test_old_history_is_dropped_and_the_rest_holds(week, send_day):
    """Rows older than the setting go after a run; what is left is still verified."""
    engine = open_database(f"sqlite:///{week.folder / 'clockbooks.db'}")
    long_ago = datetime.now(UTC) - timedelta(days=3 * 366)
    with changing(engine) as connection:
        old = [{"entry_id": f"old {n}"} for n in range(7)]
        History(engine, 1, lambda: long_ago).add(connection, Event.CLAIMED, old)
    engine.dispose()

    send_day(week, CLOCKBOOKS_HISTORY_YEARS="4")
    assert _of_history(week)["dropped"] == 0

    send_day(week, CLOCKBOOKS_HISTORY_YEARS="2")
    found = _of_history(week)
    assert (found["is_valid"], found["dropped"], found["rows"]) == (True, 7, 18)
    assert "the first 7 were dropped for their age" in week.run("audit", "verify").out


def _of_history(house):
    (one,) = house.run("audit", "verify", "--json").document["connections"]
    return one


def test_a_refusal_a_doubt_and_its_settling_are_told(week, send_day):
    """A lost answer is in the history as a doubt; so is the run that settled it, and a refusal."""
    week.quickbooks.faults.plan(r"POST .*/batch", kind="answer_after", status=504)
    document = send_day(week).document
    doubted = [row["entry_id"] for row in document["entries"] if row["state"] == "in_doubt"]
    assert len(doubted) == 3

    settled = week.run("settle", "--json")

    assert settled.code == 0, settled.err
    for entry_id in doubted:
        told = week.run("entries", "--entry", entry_id, "--json").document["history"]
        events = [row["event"] for row in told if row["event"] != "judged"]
        assert events == ["claimed", "unclear", "unclear", "sent"]
        assert len({row["run_id"] for row in told}) == 2  # the send's and the settling's
    assert week.run("audit", "verify").code == 0


def test_a_deployed_run_is_told_by_its_id(week, send_day):
    """Where Prefect started the run, the history leads to its page."""
    flow_run = "0d8b4dd8-0000-4000-8000-000000000007"
    document = send_day(week, PREFECT__FLOW_RUN_ID=flow_run).document

    told = week.run("entries", "--entry", document["entries"][0]["entry_id"], "--json").document

    assert {row["actor"] for row in told["history"]} == {f"flow run {flow_run}"}
