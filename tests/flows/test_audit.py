"""The history tells everything, and tells when somebody has changed it."""

import hashlib
import os
import pwd
import sqlite3


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


def test_an_unknown_entry_is_no_empty_life(week):
    """A typing error is told, and so is a filter that --entry has no use for."""
    assert "knows no entry 'nobody'" in week.run("entries", "--entry", "nobody").err
    assert week.run("entries", "--entry", "x", "--user", "Ann").code == 2
