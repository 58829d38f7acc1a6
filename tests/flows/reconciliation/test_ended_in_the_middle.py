"""A service that cannot be read any more in the middle of a repair or recall."""

PAGE = {"status": 200, "body": "<html>Sign in to the network</html>"}
BY_ID = r"GET .*/query\?.*Id(%20|\+)IN"
BY_DAY = r"GET .*/query\?.*TxnDate"
DAYS = ("--start", "2026-09-14", "--end", "2026-09-18")


def test_a_repair_tells_what_it_has_changed(week):
    """What was updated before QuickBooks could not be read is told, and is never "nothing"."""
    billable = [id_ for id_ in week.sent if week.entry(id_)["billable"]]
    first, *_, last = sorted(billable, key=lambda id_: week.sent[id_]["date"])
    week.lengthen(first)
    week.move(last)
    week.house.quickbooks.faults.plan(BY_DAY, "answer", skip=4, times=99, **PAGE)

    ran = week.house.run("reconcile", *DAYS, "--repair", "--yes")

    assert week.activity(first)["SyncToken"] == "1"  # it was updated
    assert "Nothing was changed" not in ran.err
    assert "updated" in ran.out
    assert ran.code == 3


def test_a_recall_tells_what_it_has_taken_back(week, monkeypatch):
    """The same for a recall, of which QuickBooks is read some at a time: here, two."""
    monkeypatch.setattr("flows.reconciliation.repair.IDS_A_QUERY", 2)
    number = len(week.books)
    week.house.quickbooks.faults.plan(BY_ID, "answer", skip=2, times=99, **PAGE)

    ran = week.house.run("recall", *DAYS, "--yes")

    assert len(week.books) == number - 2
    assert "Nothing was changed" not in ran.err
    assert "2 recalled" in ran.out
    assert ran.code == 3
