"""Histories that go on after the send: edits, deletions, invoices, closed books; repairs, recalls.

The machine of `tests/support/histories.py` goes on here with what people do later, and with repairs
and recalls that are killed, answered badly, or cross a send. At the end a reconciliation says that
all agrees, or names what is billed; ledger and books have the same minutes.
"""

from contextlib import closing
from datetime import date
from typing import Any

import pytest
from histories import MEMORIES, Histories, prove
from hypothesis import strategies as st
from hypothesis.stateful import rule

from flows.reconciliation.recall import RecallReport, RecallRequest, recall
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest

DAYS = {"start": date(2026, 3, 1), "end": date(2026, 3, 8)}


class Afterwards(Histories):
    """One connection, and what happens to what it has sent."""

    def __init__(self) -> None:
        super().__init__()
        self.billed: dict[str, Any] = {}

    def reconciled(self, lab: Any, **options: Any) -> dict[str, Any] | None:
        """Reconcile in a process of its own; `None` if it did not come through."""
        request = ReconcileRequest(**DAYS, **options)
        found: dict[str, Any] = {}
        with closing(ReconcileReport()) as report:

            def job(context: Any) -> None:
                document = reconcile(context, request, report)
                found.update(document | {"entries": list(document["entries"])})

            return found if lab.run(job) else None

    def recalled(self, lab: Any) -> bool:
        """Take all of the week back, or what may be taken."""
        request = RecallRequest(**DAYS)
        with closing(RecallReport()) as report:
            return bool(lab.run(lambda context: recall(context, request, report)))

    @rule(data=st.data(), minutes=st.sampled_from([10, 20]))
    def lengthen(self, data: st.DataObject, minutes: int) -> None:
        """Somebody makes an entry longer in Clockify."""
        entry = self.house.clockify.entries[self._entry(data)]
        entry["start"] = entry["start"][:11] + f"0{minutes // 10}" + entry["start"][13:]

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Somebody deletes an entry in Clockify."""
        if len(self.house.clockify.entries) > 1:
            del self.house.clockify.entries[self._entry(data)]

    @rule(data=st.data(), member=st.sampled_from(["Description", "Minutes"]))
    def edit_the_books(self, data: st.DataObject, member: str) -> None:
        """Somebody edits time in QuickBooks."""
        if free := sorted(set(self.house.quickbooks.activities) - set(self.billed)):
            self.number += 1
            new = f"Edited {self.number}" if member == "Description" else self.number % 30
            id_ = data.draw(st.sampled_from(free))
            self.house.quickbooks.people.edit_time(id_, **{member: new})
            self.edited.add(id_)

    @rule(data=st.data())
    def delete_from_the_books(self, data: st.DataObject) -> None:
        """Somebody deletes time in QuickBooks that the ledger has as sent."""
        if known := sorted(self._known() - set(self.billed)):
            self.house.quickbooks.people.delete_time(data.draw(st.sampled_from(known)))

    @rule(data=st.data())
    def bill(self, data: st.DataObject) -> None:
        """Somebody writes an invoice for time that the ledger has as sent."""
        if known := sorted(self._known() - set(self.billed)):
            id_ = data.draw(st.sampled_from(known))
            self.house.quickbooks.people.invoice("21", id_)
            self.billed[id_] = dict(self.house.quickbooks.activities[id_])

    @rule(until=st.sampled_from([None, "2026-03-03"]))
    def close_books(self, until: str | None) -> None:
        """Somebody closes the books, or opens them."""
        self.house.quickbooks.people.close_books(until)

    @rule(prefer=st.booleans(), resend=st.booleans())
    def repair(self, prefer: bool, resend: bool) -> None:  # noqa: FBT001 - drawn
        """A repair without trouble of its own."""
        self.lab.bomb.reset()
        self.reconciled(self.lab, repair=True, prefer_clockify=prefer, resend=resend)

    @rule(at=st.integers(0, 80), recalls=st.booleans())
    def kill_later(self, at: int, recalls: bool) -> None:  # noqa: FBT001 - drawn
        """A repair or a recall is killed."""
        self.lab.bomb.reset(at)
        if recalls:
            self.recalled(self.lab)
        else:
            self.reconciled(self.lab, repair=True, prefer_clockify=True, resend=True)
        self.lab.bomb.reset()

    @rule()
    def take_back(self) -> None:
        """A recall without trouble of its own."""
        self.lab.bomb.reset()
        self.recalled(self.lab)

    def _entry(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from(sorted(self.house.clockify.entries))))

    def _known(self) -> set[str]:
        """Return the TimeActivities of this connection that are in the books, as it knows."""
        mine = {
            row.time_activity_id
            for row in self.lab.ledger(self.house)
            if row.state == "sent" and row.connection_id == 1
        }
        return mine & set(self.house.quickbooks.activities)

    def _check(self) -> None:
        self.house.quickbooks.people.close_books(None)
        everything = {"repair": True, "prefer_clockify": True, "resend": True}
        for _ in range(2):
            assert self.reconciled(self.lab, **everything) is not None
            assert self.lab.send()
        found = self.reconciled(self.lab, dry_run=True)
        assert found is not None
        assert {row["blocked"] for row in found["entries"]} <= {"billed"}
        activities = self.house.quickbooks.activities
        for id_, before in self.billed.items():
            assert activities[id_] == before
        rows = [row for row in self.lab.ledger(self.house) if row.state == "sent"]
        assert sorted(row.time_activity_id for row in rows) == sorted(activities)
        mine = {row.entry_id for row in rows if row.connection_id == 1}
        kept = {row.entry_id for row in rows if row.time_activity_id in self.billed}
        assert mine - kept <= set(self.house.clockify.entries) <= mine
        if not self.billed:
            minutes = found["totals"]["minutes"]
            assert minutes["rounded"] == minutes["ledger"]
            assert found["totals"]["amounts"]["rounded"] == found["totals"]["amounts"]["ledger"]


@pytest.mark.slow
@pytest.mark.parametrize("has_neighbor", [False, True])
@pytest.mark.parametrize("memory", MEMORIES)
def test_all_agrees_after_long_histories(
    lab: Any,
    memory: str,
    has_neighbor: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Forty histories of up to 25 events each."""
    prove(lab, memory, has_neighbor=has_neighbor, histories=40, steps=25, kind=Afterwards)
