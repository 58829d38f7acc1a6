"""Changes without a clear answer, as whoever only looks sees them."""

import pytest

NO_ANSWER = {"status": 504, "body": "<html>"}


@pytest.fixture
def in_doubt(week):
    """Return an entry whose repair got no clear answer."""
    id_ = week.pick()
    week.lengthen(id_)
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", **NO_ANSWER)
    week.reconcile("--repair", "--yes", code=3)
    return id_


def test_a_change_in_doubt_is_listed(week, in_doubt):
    """Among the entries in doubt, and not among those that were not sent: it is in QuickBooks."""
    listed = week.run("entries", "--state", "in-doubt")["entries"]

    assert [(row["entry_id"], row["reason"]) for row in listed] == [(in_doubt, "unconfirmed")]
    assert "clockbooks settle" in listed[0]["detail"]
    sent = week.run("entries", "--state", "sent")["entries"]
    assert len(sent) == len(week.sent) - 1
    unsent = week.run("entries", "--state", "unsent")["entries"]
    assert in_doubt not in {row["entry_id"] for row in unsent}


def test_a_dry_run_counts_what_is_in_doubt(week, in_doubt):  # noqa: ARG001 - something is
    """As a run does, which takes it over: a change, and an entry that may have been created."""
    new = "f" * 24
    week.house.clockify.entries[new] = {**week.entry(week.pick(1)), "id": new, "description": "New"}
    week.house.quickbooks.faults.plan("POST .*/batch", "drop_before")
    week.run("send", "--start", "2026-09-14", "--end", "2026-09-18", "--yes", code=3)

    dry = week.reconcile("--dry-run", code=3)

    assert dry["unsettled"] == 2
    assert week.reconcile(code=3)["unsettled"] == dry["unsettled"]


def test_a_recall_names_what_holds_an_entry(week, in_doubt):
    """Another change does; QuickBooks was not asked, and refused nothing."""
    refused = week.run("recall", "--entry", in_doubt, "--yes", code=3)["counts"]["refused"]

    assert refused == {"not_attempted": 1}


@pytest.mark.parametrize(
    "how", ["by hand", pytest.param("asked", marks=pytest.mark.slow), "resent"]
)
def test_what_quickbooks_turned_out_not_to_have_is_listed_as_free(week, how):
    """Neither in doubt nor sent any more, whether a person or QuickBooks says so."""
    week.house.environment |= {"CLOCKBOOKS_QBO_AT_WORK_S": "0.01"}
    id_ = week.pick() if how == "resent" else week.track()
    faults = week.house.quickbooks.faults
    faults.plan("POST .*/batch", "answer", **NO_ANSWER)
    if how == "resent":
        week.people.delete_time(week.activity_id(id_))
        week.reconcile("--repair", "--resend", "--yes", code=3)
    else:
        week.send(code=3)
    refusal = '{"BatchItemResponse": [{"bId": "1", "Fault": {"type": "ValidationFault", "Error": '
    refusal += '[{"code": "6000", "Message": "No", "Detail": "A rule"}]}}]}'
    faults.plan("POST .*/batch", "answer", status=200, body=refusal)

    week.run("settle", *(["--entry", id_, "--is-not-there"] if how == "by hand" else []))

    row = week.found(week.run("entries", "--state", "rejected"), id_)
    assert (row["reason"], row["time_activity_id"]) == ("not_attempted", None)
    assert week.run("entries", "--state", "in-doubt")["entries"] == []
