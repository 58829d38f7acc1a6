"""The one gap: a process is suspended after the last look at its lease, before its bytes leave.

While it sleeps, others settle what it had claimed; then it wakes up and sends. docs/exactly-once.md
says when that books an entry twice, for how long, and how it is found. Here it happens.
"""

import http.client
import time
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.run_lease import RunLease
from flows.sending.send import send

DAYS = {"start": date(2026, 3, 2), "end": date(2026, 3, 6)}

#: An access token's life (FACTS, QBO, 10).
TOKEN_S = 3600


class Sleeper:
    """Suspends the process that sends the first batch, just before its body leaves."""

    def __init__(self, lab: Any, asleep_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab, self.asleep_s = lab, asleep_s
        self.has_slept = False
        leave = http.client.HTTPConnection.send

        def leaving(connection: Any, data: Any) -> None:
            if b"BatchItemRequest" in bytes(data) and not self.has_slept:
                self.has_slept = True
                self.sleep()
            leave(connection, data)

        monkeypatch.setattr(http.client.HTTPConnection, "send", leaving)

    def sleep(self) -> None:
        """Let others settle and send meanwhile, as often as they like."""
        self.lab.pass_time(self.asleep_s / 2)
        assert self.lab.send()
        self.lab.pass_time(self.asleep_s / 2)


def send_week(lab: Any) -> dict[str, Any]:
    """Send the week, and return the report; empty if the run did not come through."""
    found: dict[str, Any] = {}
    with closing(Report()) as report:

        def job(context: Any) -> None:
            document = send(context, SendRequest(**DAYS), report)
            found.update(document | {"entries": list(document["entries"])})

        lab.run(job)
    return found


def reconcile_week(lab: Any) -> dict[str, Any]:
    """Reconcile the week, and return the report."""
    found: dict[str, Any] = {}
    with closing(ReconcileReport()) as report:

        def job(context: Any) -> None:
            document = reconcile(context, ReconcileRequest(**DAYS), report)
            found.update(document | {"entries": list(document["entries"])})

        assert lab.run(job)
    return found


@pytest.mark.parametrize(
    ("memory", "asleep_s"),
    [
        pytest.param({}, 900, id="remembers"),
        pytest.param({"forgets_request_ids_after_s": 1800}, 1500, id="remembers long enough"),
        pytest.param({"remembers_request_ids": False}, TOKEN_S + 60, id="token over"),
    ],
)
def test_bytes_that_come_late_create_nothing(lab, memory, asleep_s, monkeypatch):
    """QuickBooks knows their request id, or does not take their token any more."""
    plan = lab.plan()
    with lab.open(**memory) as house:
        sleeper = Sleeper(lab, asleep_s, monkeypatch)
        send_week(lab)
        assert sleeper.has_slept
        lab.recover(house)

        assert lab.books(house) == plan
        lab.check_each_once(house)


def test_a_double_is_told_at_once_and_found_later(lab, monkeypatch):
    """It takes a QuickBooks that forgot a request id while the token of its call still counts."""
    plan = lab.plan()
    with lab.open(remembers_request_ids=False) as house:
        Sleeper(lab, 900, monkeypatch)
        told = {row["entry_id"]: row["detail"] for row in send_week(lab)["entries"]}
        lab.recover(house)
        twice = lab.books(house) - plan
        found = reconcile_week(lab)

        assert twice.total() == 2  # the batch that came late
        late = [row for row in found["entries"] if row["verdict"] == "unknown_in_quickbooks"]
        assert found["counts"] == {"agrees": 6, "unknown_in_quickbooks": 2}
        for row, detail in zip(late, told.values(), strict=False):
            words = f"answer, TimeActivity {row['time_activity_id']}, contradicts the ledger"
            assert words in detail


def test_the_gap_is_short(lab, monkeypatch):
    """Between the last look and the bytes lies no connection, no lock and no database."""
    looked, gaps_s = [0.0], []
    look, leave = RunLease.check, http.client.HTTPConnection.send

    def looking(lease: Any) -> None:
        look(lease)
        looked[0] = time.perf_counter()

    def leaving(connection: Any, data: Any) -> None:
        leave(connection, data)
        if b"BatchItemRequest" in bytes(data):
            gaps_s.append(time.perf_counter() - looked[0])

    monkeypatch.setattr(RunLease, "check", looking)
    monkeypatch.setattr(http.client.HTTPConnection, "send", leaving)
    with lab.open():
        send_week(lab)

    assert len(gaps_s) == 3
    assert min(gaps_s) < 0.005
