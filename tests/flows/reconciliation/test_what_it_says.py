"""What a reconciliation says holds: lengths, and what helps."""

from copy import deepcopy

import pytest

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")

#: What a person types of a TimeActivity.
TYPED = (
    "TxnDate", "NameOf", "EmployeeRef", "VendorRef", "CustomerRef", "Hours", "Minutes",
    "BillableStatus", "HourlyRate", "Description", "ItemRef",
)  # fmt: skip


def test_an_entry_that_agrees_is_as_long_as_it_was_sent(week):
    """Another rounding changes nothing about it, so none is shown."""
    found = week.reconcile("--all", "--rounding", "up:60", code=0)

    lengths = {row["entry_id"]: row["minutes"] for row in found["entries"]}
    assert lengths == {id_: row["minutes"] for id_, row in week.sent.items()}


@pytest.mark.slow
def test_what_was_typed_in_again_is_taken_over_as_told(week):
    """By a recall of the entry, and an adoption: the advice for what is gone from QuickBooks."""
    id_ = week.pick()
    old = deepcopy(week.activity(id_))
    number = len(week.books)
    week.people.delete_time(week.activity_id(id_))
    week.people.type_time(**{name: old[name] for name in TYPED if name in old})

    detail = week.found(week.reconcile(code=3), id_)["detail"]

    assert f"clockbooks recall --entry {id_}" in detail
    week.run("recall", "--entry", id_, "--yes", code=0)
    assert week.run("adopt", *WEEK, "--yes")["counts"]["adopted"] == 1
    assert week.reconcile(code=0)["counts"] == {"agrees": len(week.sent)}
    assert len(week.books) == number


def test_no_send_is_promised(week):
    """A send may hold an entry back, because QuickBooks has time of that person and day."""
    id_, new = week.pick(), "f" * 24
    another = {"start": "2026-09-22T15:00:00Z", "end": "2026-09-22T16:00:00Z", "id": new}
    week.house.clockify.entries[new] = week.entry(id_) | another
    person = {name: week.activity(id_)[name] for name in ("NameOf", "EmployeeRef")}
    week.people.type_time(TxnDate="2026-09-22", Hours=1, Minutes=0, **person)
    days = ("--start", "2026-09-22", "--end", "2026-09-22")

    detail = week.found(week.run("reconcile", *days), new)["detail"]

    planned = week.run("send", *days, "--dry-run")
    assert week.found(planned, new)["reason"] == "maybe_in_books"
    assert "clockbooks send" in detail
    assert "next send takes it" not in detail
