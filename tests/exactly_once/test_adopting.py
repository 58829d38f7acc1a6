"""Adopting at any moment, beside anybody: each entry is in the books once, as the ledger says."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crash_points import SHARES, crash_points, share_of

from flows.adopting.adopt import adopt
from flows.adopting.report import AdoptReport

WEEK = (date(2026, 3, 2), date(2026, 3, 6))
FORTNIGHT = ("--start", "2026-03-02", "--end", "2026-03-13")


def put(house: Any, bodies: Sequence[str]) -> None:
    """Put TimeActivities into the books, as another tool would."""
    for body in bodies:
        house.quickbooks.books.activities.create(json.loads(body, parse_float=Decimal))


def adopt_week(lab: Any) -> bool:
    """Adopt the week in the laboratory, and return whether that came through."""
    with closing(AdoptReport()) as report:
        return bool(lab.run(lambda context: adopt(context, WEEK, report, dry_run=False)))


@pytest.mark.parametrize("share", SHARES)
def test_an_adoption_may_die_at_any_point(
    lab: Any, share: int, record_property: Callable[[str, object], None]
) -> None:
    """Four of six are in the books, twins among them; wherever it is cut off, none goes twice."""
    plan = lab.plan()
    with lab.open() as house:
        assert lab.send()
        bodies = [row.body for row in sorted(lab.ledger(house), key=lambda row: row.entry_id)][:4]
    with lab.open() as house:
        put(house, bodies)
        lab.bomb.reset()
        assert adopt_week(lab)
        points = list(lab.bomb.points)
    assert len(crash_points(points)) > 5

    for at in share_of(points, share):
        with lab.open() as house:
            put(house, bodies)
            lab.bomb.reset(at)
            assert not adopt_week(lab)
            lab.bomb.reset()
            lab.pass_time(600)
            assert lab.send()
            assert len(house.quickbooks.activities) in {4, 6}, "what may be there is held back"
            assert adopt_week(lab)
            assert lab.send()
            lab.check_each_once(house)
            assert lab.books(house) == plan
    record_property("crash points", len(share_of(points, share)))


@pytest.mark.parametrize("share", SHARES)
def test_a_send_may_die_among_time_from_elsewhere(lab: Any, share: int) -> None:
    """A run that dies while it sends the rest leaves doubts that are settled, and nothing twice."""
    plan = lab.plan()
    with lab.open() as house:
        assert lab.send()
        bodies = [row.body for row in sorted(lab.ledger(house), key=lambda row: row.entry_id)][:2]
    for at in share_of(lab.points(), share):
        with lab.open() as house:
            put(house, bodies)
            lab.bomb.reset(at)
            lab.send()
            lab.bomb.reset()
            lab.pass_time(600)
            assert adopt_week(lab)
            assert lab.send()
            lab.check_each_once(house)
            assert lab.books(house) == plan


def test_adoptions_and_sends_at_once_book_each_entry_once(open_office: Callable[..., Any]) -> None:
    """Two adopt and two send, in processes of their own; then all is there, and nothing twice."""
    with open_office() as office:
        bodies = [_body(entry) for nth, entry in enumerate(office.wanted.values()) if nth % 2]
        put(office.house, bodies)
        processes = [
            office.house.fork(*command, *FORTNIGHT, "--yes", "--json")
            for command in (["adopt"], ["send"]) * 2
        ]
        office.started += processes
        for process in processes:
            office.end(process)

        adopted = office.house.run("adopt", *FORTNIGHT, "--yes", "--json")
        assert adopted.code == 0, adopted.out
        office.come_to_rest()
        office.check_each_once()


def _body(wanted: tuple[Any, ...]) -> str:
    """Write a TimeActivity as it is wanted in the books."""
    person, customer, day, minutes, status, rate, text = wanted
    body = {
        "TxnDate": day,
        "NameOf": "Employee",
        "EmployeeRef": {"value": person},
        "CustomerRef": {"value": customer},
        "BillableStatus": status,
        "HourlyRate": float(rate),
        "Hours": minutes // 60,
        "Minutes": minutes % 60,
        "Description": text,
    }
    return json.dumps(body)
