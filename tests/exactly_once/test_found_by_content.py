"""What was found in the books by its content may be another entry's: when it may be changed."""

import json
import os
from contextlib import closing
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from flows.adopting.adopt import adopt
from flows.adopting.report import AdoptReport
from flows.reconciliation.recall import RecallReport, RecallRequest, recall
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from flows.sending.settle_by_hand import take_word

BATCH = "POST .*/batch"
START, END = date(2026, 3, 1), date(2026, 3, 8)


def _recall(lab: Any, *entry_ids: str, prefer_clockify: bool = False) -> dict[str, Any]:
    days = {} if entry_ids else {"start": START, "end": END}
    request = RecallRequest(entry_ids=entry_ids, prefer_clockify=prefer_clockify, **days)
    with closing(RecallReport()) as report:
        assert lab.run(partial(recall, request=request, report=report))
        return dict(report.latest["counts"])


def _repair(lab: Any, **options: Any) -> list[str | None]:
    request = ReconcileRequest(start=START, end=END, repair=True, **options)
    with closing(ReconcileReport()) as report:
        assert lab.run(partial(reconcile, request=request, report=report))
        return [row["repair"] for row in report.latest["entries"]]


def _lose_one_of_two(lab: Any, house: Any, minutes: int) -> str:
    """Let the call for one entry get lost, and the answer to the other's; edit what that made."""
    os.environ["CLOCKBOOKS_QBO_BATCH_SIZE"] = "1"  # while this laboratory is open
    house.quickbooks.faults.plan(BATCH, "drop_before")
    house.quickbooks.faults.plan(BATCH, "drop_after")
    lab.send()
    [id_] = house.quickbooks.activities
    house.quickbooks.people.edit_time(id_, Hours=0, Minutes=minutes)
    return str(id_)


def _check_nothing_is_lost(lab: Any, house: Any) -> None:
    """Settle and send: all entries are in the books, each as what the ledger says."""
    for _ in range(2):
        lab.pass_time(600)
        lab.settle()
        lab.send()
    rows = lab.ledger(house)
    assert {row.state for row in rows} == {"sent"}
    assert {row.time_activity_id for row in rows} == set(house.quickbooks.activities)


@pytest.fixture
def two(lab: Any) -> Any:
    """Let there be two entries of one day and text, of 45 and 60 minutes."""
    first, second = lab.scenario["clockify"]["entries"][1:3]
    second["end"] = "2026-03-03T10:03:00Z"
    lab.scenario["clockify"]["entries"] = [first, second]
    return lab


@pytest.mark.parametrize("change", ["recall", "repair"])
def test_what_may_be_anothers_is_not_changed_before_that_is_settled(lab: Any, change: str) -> None:
    """Two workspaces have equal entries in doubt: the first is found in the second one's time."""
    with lab.open() as house, lab.open_neighbor(house) as neighbor:
        house.quickbooks.faults.plan(BATCH, "drop_before", times=3)
        lab.send()
        house.quickbooks.faults.plan(BATCH, "drop_after", times=3)
        neighbor.send()
        if change == "recall":
            assert _recall(lab)["recalled"] == 0
        else:
            for entry in house.clockify.entries.values():
                entry["description"] = "Edited"
            assert _repair(lab) == ["refused"] * 6
        assert len(house.quickbooks.activities) == 6
        for one in (lab, neighbor, lab, neighbor):
            lab.pass_time(600)
            assert one.send()
        assert len(house.quickbooks.activities) == 12
        lab.check_each_once(house)


@pytest.mark.parametrize("change", ["recall", "repair"])
def test_what_somebody_edited_to_equal_another_is_not_changed_first(two: Any, change: str) -> None:
    """It is found as the entry that it equals now, until QuickBooks tells whose it is."""
    with two.open() as house:
        _lose_one_of_two(two, house, minutes=45)
        if change == "recall":
            assert _recall(two)["recalled"] == 0
        else:
            house.clockify.entries[min(house.clockify.entries)]["description"] = "Edited"
            assert set(_repair(two, prefer_clockify=True)) == {"refused", None}
        _check_nothing_is_lost(two, house)


def test_what_a_person_gave_to_the_wrong_entry_is_not_changed_first(two: Any) -> None:
    """A person may err: QuickBooks' answer to the other entry's call sets it right."""
    with two.open() as house:
        id_ = _lose_one_of_two(two, house, minutes=50)
        two.pass_time(600)
        wrong = min(row.entry_id for row in two.ledger(house))
        house.quickbooks.faults.plan(BATCH, "drop_before", times=2)
        assert two.run(lambda context: take_word(context, wrong, id_))
        assert _recall(two, wrong, prefer_clockify=True)["recalled"] == 0
        _check_nothing_is_lost(two, house)


def test_a_replacement_is_no_doubt_of_the_next_batch(lab: Any) -> None:
    """What a repair has just claimed anew holds back nothing that was found before."""
    projects = lab.scenario["clockify"]["projects"]
    projects.append({**projects[0], "id": "64b0000000000000000000b2", "name": "House"})
    lab.scenario["quickbooks"]["customers"].append({"Id": "22", "DisplayName": "House"})
    with lab.open(remembers_request_ids=False) as house:
        house.quickbooks.faults.plan(BATCH, "drop_after", times=3)
        lab.send()
        lab.pass_time(600)
        assert lab.settle()
        assert lab.send()
        for entry in house.clockify.entries.values():
            entry["projectId"] = "64b0000000000000000000b2"
        assert _repair(lab) == ["replaced"] * 6


def test_a_change_that_was_settled_by_its_id_stays_proven(lab: Any) -> None:
    """It is no thing of content: what QuickBooks answered first still proves whose it is."""
    with lab.open() as house:
        assert lab.send()
        edited = min(house.clockify.entries)
        house.clockify.entries[edited]["description"] = "Edited"
        house.quickbooks.faults.plan(BATCH, "drop_after")
        _repair(lab)
        lab.pass_time(600)
        assert lab.settle()
        assert {row.proof for row in lab.ledger(house)} == {"answer"}


def test_adopted_time_is_older_than_a_later_doubt(lab: Any) -> None:
    """So it cannot be that entry's, and may be taken back."""
    lab.scenario["clockify"]["entries"] = lab.scenario["clockify"]["entries"][:1]
    with lab.open() as house:
        assert lab.send()
        [row] = lab.ledger(house)
    with lab.open() as house, lab.open_neighbor(house) as neighbor:
        house.quickbooks.books.activities.create(json.loads(row.body, parse_float=Decimal))
        lab.pass_time(7200)
        with closing(AdoptReport()) as report:
            days = START, END
            assert lab.run(lambda context: adopt(context, days, report, dry_run=False))
        lab.pass_time(7200)
        house.quickbooks.faults.plan(BATCH, "drop_before")
        neighbor.send(not_in_books=True)
        assert _recall(lab, row.entry_id)["recalled"] == 1


def test_no_part_is_forgotten_alone(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts are gone from the books; one may be a neighbor's: all wait, or none."""
    monkeypatch.setenv("CLOCKBOOKS_SPLIT", "midnight")
    night = lab.scenario["clockify"]["entries"][0]
    night |= {"start": "2026-03-02T22:00:00Z", "end": "2026-03-03T06:00:00Z"}
    lab.scenario["clockify"]["entries"] = [night]
    with lab.open() as house:
        lab.scenario["clockify"]["entries"] = [night | {"end": "2026-03-03T00:00:00Z"}]
        with lab.open_neighbor(house) as neighbor:
            house.quickbooks.faults.plan(BATCH, "drop_after")
            lab.send()
            house.quickbooks.faults.plan(BATCH, "drop_before")
            neighbor.send()
            lab.pass_time(600)
            assert lab.settle()
            for id_ in list(house.quickbooks.activities):
                house.quickbooks.people.delete_time(id_)
            _recall(lab)
            assert len({row.state for row in lab.ledger(house) if row.connection_id == 1}) == 1
