"""Repairs and recalls, whatever the services answer: the books agree, or what differs is named."""

from contextlib import closing
from datetime import date
from typing import Any

import pytest
from open_questions import (
    BILLED,
    CLOCKIFY,
    PLAIN,
    QUICKBOOKS,
    TOO_LARGE,
    Run,
    Scene,
    Source,
    parameters,
)

from flows.reconciliation.recall import RecallReport, RecallRequest, recall
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest

START, END = date(2026, 3, 2), date(2026, 3, 6)

#: Where a recall may end another way: something happens, or a replay is answered otherwise.
OF_RECALLS = [
    run
    for run in QUICKBOOKS
    if run.scene is not PLAIN or {"remembers_request_ids", "replay_answers_6000"} & {*run.switches}
]


@pytest.mark.parametrize("run", parameters(QUICKBOOKS))
def test_what_changed_is_repaired_whatever_quickbooks_answers(lab: Any, run: Run) -> None:
    """Three entries change, an answer is lost; in the end all agree, but for what is named."""
    lab.known = {}
    with lab.open(**run.switches) as house:
        send_week(lab, house, run)
        change_three(house)
        in_trouble(lab, house, run.scene, repair_all)
        named = come_to_rest(lab)

        check_books(lab, house, named)
        keeps_status = run.switches.get("billable_status") == "kept"
        if run.scene is not BILLED and not run.asks and not keeps_status:
            assert named == {}


@pytest.mark.parametrize("run", parameters(OF_RECALLS))
def test_what_was_sent_is_taken_back_whatever_quickbooks_answers(lab: Any, run: Run) -> None:
    """An answer is lost in the middle; in the end all is gone, but for what is on an invoice."""
    lab.known = {}
    with lab.open(**run.switches) as house:
        send_week(lab, house, run)
        in_trouble(lab, house, run.scene, take_back)
        lab.pass_time(600)
        assert lab.settle()
        lab.run(take_back)

        states = {row.state for row in lab.ledger(house)}
        there = {row.time_activity_id for row in lab.ledger(house) if row.state == "sent"}
        assert there == set(house.quickbooks.activities)
        stays = run.scene is BILLED and not house.quickbooks.switches.billed_can_be_deleted
        assert states == ({"sent"} if stays else {"recalled"})


@pytest.mark.slow
@pytest.mark.parametrize("source", CLOCKIFY, ids=lambda source: source.name)
def test_what_changed_is_repaired_whatever_clockify_answers(lab: Any, source: Source) -> None:
    """The same, with Clockify answering another way than usual."""
    lab.known = {}
    lab.scenario["clockify"]["workspace"]["featureSubscriptionType"] = source.plan
    with lab.open() as house:
        for name, value in source.switches.items():
            setattr(house.clockify.switches, name, value)
        lab.pass_time(3600)
        assert lab.send()
        lab.pass_time(3600)
        change_three(house)
        in_trouble(lab, house, PLAIN, repair_all)
        lab.pass_time(3600)
        assert come_to_rest(lab) == {}
        check_books(lab, house, {})


def send_week(lab: Any, house: Any, run: Run) -> None:
    """Send the week, in batches that QuickBooks takes."""
    if run.scene is TOO_LARGE:
        run.scene.end(house)
    assert lab.send()
    assert {row.state for row in lab.ledger(house)} == {"sent"}


def change_three(house: Any) -> None:
    """Change an entry's length, make another free, and delete a third."""
    first, second, third = sorted(house.clockify.entries)[3:]
    house.clockify.entries[first]["end"] = "2026-03-04T11:30:00Z"
    house.clockify.entries[second]["billable"] = False
    del house.clockify.entries[third]


def repair_all(context: Any) -> None:
    """Reconcile the week, and repair what may be repaired."""
    with closing(ReconcileReport()) as report:
        reconcile(context, ReconcileRequest(start=START, end=END, repair=True), report)


def take_back(context: Any) -> None:
    """Recall the week."""
    with closing(RecallReport()) as report:
        recall(context, RecallRequest(start=START, end=END), report)


def in_trouble(lab: Any, house: Any, scene: Scene, job: Any) -> None:
    """Let the first batch of a job meet the scene, and lose its answer."""
    batches = 0

    def visit(point: str) -> None:
        nonlocal batches
        if point.startswith("before a request") and point.endswith("/batch"):
            batches += 1
            if batches == 1:
                scene.begin(house)

    house.quickbooks.faults.plan("POST .*/batch", "drop_after")
    lab.bomb.visit = visit
    lab.run(job)
    lab.bomb.visit = None
    assert batches > 0
    scene.end(house)
    house.quickbooks.faults.clear()


def come_to_rest(lab: Any) -> dict[str, Any]:
    """Settle and repair; return what differs still, by entry."""
    lab.pass_time(600)
    assert lab.settle()
    assert lab.run(repair_all)
    named: dict[str, Any] = {}

    def look(context: Any) -> None:
        request = ReconcileRequest(start=START, end=END, dry_run=True)
        with closing(ReconcileReport()) as report:
            named.update(
                {row["entry_id"]: row for row in reconcile(context, request, report)["entries"]}
            )

    assert lab.run(look)
    return named


def check_books(lab: Any, house: Any, named: dict[str, Any]) -> None:
    """Hold the books against Clockify and the ledger: nothing twice, nothing unseen."""
    rows = {row.entry_id: row for row in lab.ledger(house)}
    activities = house.quickbooks.activities
    held = {id_: row for id_, row in rows.items() if row.state == "sent"}
    assert {row.time_activity_id for row in held.values()} == set(activities)
    assert len({row.time_activity_id for row in held.values()}) == len(held)
    for id_, entry in house.clockify.entries.items():
        if id_ not in named:
            booked = activities[held[id_].time_activity_id]
            assert (booked["BillableStatus"] != "NotBillable") is entry["billable"]
            assert (booked["Hours"], booked["Minutes"]) == length_of(entry)
    assert held.keys() - house.clockify.entries.keys() <= named.keys()


def length_of(entry: dict[str, Any]) -> tuple[int, int]:
    """Return an entry's hours and minutes, computed without our own code."""
    (hour, minute), (end_hour, end_minute) = (
        map(int, entry[edge][11:16].split(":")) for edge in ("start", "end")
    )
    return divmod(end_hour * 60 + end_minute - hour * 60 - minute, 60)
