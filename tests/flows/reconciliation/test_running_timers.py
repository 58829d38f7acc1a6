"""Timers that run on the days that are compared."""


def test_a_timer_that_runs_ends_no_reconciliation(week):
    """A timer that somebody started, or forgot, is no drift; everything else is compared.

    A sent entry that somebody started again is told, and stays as it is in QuickBooks.
    """
    new, id_ = week.track(), week.pick()
    week.entry(new)["end"] = week.entry(id_)["end"] = None

    found = week.reconcile("--repair", "--yes", code=3)

    assert found["counts"] == {"agrees": len(week.sent) - 1, "changed_in_clockify": 1}
    assert week.found(found, id_)["verdict"] == "changed_in_clockify"
    assert week.activity(id_)["SyncToken"] == "0"
