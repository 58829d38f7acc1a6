"""`clockbooks status`: one view over all connections, from the database alone."""

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

AWAY = {
    "CLOCKBOOKS_CLOCKIFY_URL": "http://127.0.0.1:9",
    "CLOCKBOOKS_QBO_URL": "http://127.0.0.1:9",
}
FORTNIGHT = ("--start", "2026-09-14", "--end", "2026-09-27")


def _status(house):
    ran = house.run("status", "--json", **AWAY)
    assert ran.code == 0, ran.err
    [row] = ran.document["connections"]
    return row, ran.document["reads"]


@pytest.fixture
def fewer(synced):
    """Return the demo's house with a third of its entries: quicker, with every kind of them."""
    for number, id_ in enumerate(sorted(synced.clockify.entries)):
        if number % 3:
            del synced.clockify.entries[id_]
    return synced


def test_a_new_connection_has_sent_nothing(synced):
    """Nothing is left, nothing is in doubt; the sync is known, a send is not."""
    row, _ = _status(synced)

    assert row["connection"] == "main"
    assert row["synced_at"] is not None
    assert row["sent_at"] is None
    assert row["rejected"] == row["skipped"] == {"entries": 0, "minutes": 0}
    assert row["in_doubt"] == row["drifted"] == row["waiting_plans"] == 0


def test_what_a_send_left_is_counted_in_entries_and_time(fewer):
    """Rejected, skipped and in doubt are what the send said, until a later run settles them."""
    fewer.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=1)
    sent = fewer.run("send", *FORTNIGHT, "--yes", "--json", CLOCKBOOKS_QBO_CONCURRENCY="1").document

    row, reads = _status(fewer)

    for state in ("rejected", "skipped"):
        entries = [one for one in sent["entries"] if one["state"] == state]
        minutes = sum(one["minutes"] or 0 for one in entries)
        assert row[state] == {"entries": len(entries), "minutes": minutes}
    assert row["in_doubt"] == sent["counts"]["in_doubt"] > 0
    assert row["sent_at"] is not None
    assert reads["used"] > 0
    assert reads["allowance"] == 500_000

    fewer.run("send", *FORTNIGHT, "--yes")
    row, _ = _status(fewer)
    assert row["in_doubt"] == 0
    assert row["rejected"]["entries"] == sum(sent["counts"]["rejected"].values())


def test_drift_is_shown_and_who_needs_somebody(fewer):
    """An entry that was deleted after it was sent counts until it is repaired."""
    sent = fewer.run("send", *FORTNIGHT, "--yes", "--json").document["entries"]
    first = next(row["entry_id"] for row in sent if row["state"] == "sent")
    del fewer.clockify.entries[first]
    fewer.run("reconcile", *FORTNIGHT, "--repair", "--dry-run")
    assert _status(fewer)[0]["drifted"] == 0  # a dry run keeps nothing

    fewer.run("reconcile", *FORTNIGHT)

    assert _status(fewer)[0]["drifted"] == 1
    assert "1 of 1 need somebody." in fewer.run("status").out
