"""A day for a customer is booked as one TimeActivity, once, wherever a process dies."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from crash_points import SHARES, crash_points, share_of

from flows.reconciliation.recall import RecallReport, RecallRequest, recall
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest

MEMORIES: dict[str, dict[str, bool]] = {
    "forgets": {"remembers_request_ids": False},
    "remembers": {},
}

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)


@pytest.fixture
def days(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the laboratory with two days of two entries, and one of one."""
    monkeypatch.setenv("CLOCKBOOKS_LINE_PER", "day")
    entries = lab.scenario["clockify"]["entries"]
    for nth in (0, 2):
        start, end = (entries[nth + 1][name][:11] for name in ("start", "end"))
        entries[nth] |= {"start": f"{start}07:00:00Z", "end": f"{end}07:40:00Z"}
    lab.scenario["clockify"]["entries"] = entries[:5]
    return lab


def check(lab: Any, house: Any) -> None:
    """Hold books and ledger against each other, and all minutes against Clockify's."""
    lab.check_each_once(house)
    booked = sum(row["Hours"] * 60 + row["Minutes"] for row in house.quickbooks.activities.values())
    assert booked == 40 + 45 + 40 + 60 + 75


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("memory", ["forgets", pytest.param("remembers", marks=pytest.mark.slow)])
def test_a_send_may_die_at_any_point(days: Any, memory: str, share: int) -> None:
    """Each line is booked in the end, once and whole, also if the setting is another by then."""
    plan, points = days.plan(), days.points()
    assert Counter(plan.values()) == Counter({1: 3})
    assert sum("batch" in name for name in points) == 2

    for nth, at in enumerate(share_of(points, share)):
        with days.open(**MEMORIES[memory]) as house, pytest.MonkeyPatch.context() as patch:
            days.bomb.reset(at)
            assert not days.send()
            if nth % 2:
                patch.setenv("CLOCKBOOKS_LINE_PER", "entry")
            days.recover(house)
            check(days, house)
            assert nth % 2 or days.books(house) == plan


def take_back(lab: Any) -> bool:
    with closing(RecallReport()) as report:
        request = RecallRequest(start=FIRST, end=LAST)
        return bool(lab.run(lambda context: recall(context, request, report)))


def repair(lab: Any) -> bool:
    with closing(ReconcileReport()) as report:
        request = ReconcileRequest(start=FIRST, end=LAST, repair=True)
        return bool(lab.run(lambda context: reconcile(context, request, report)))


@pytest.mark.slow
@pytest.mark.parametrize("change", [take_back, repair])
def test_what_takes_a_line_back_may_die_at_any_point(
    days: Any, change: Callable[[Any], bool]
) -> None:
    """It is there whole, or not at all; then each entry goes anew, once."""
    with days.open(**MEMORIES["forgets"]) as house:
        points = until(days, house, change, None)
    for at in crash_points(points):
        with days.open(**MEMORIES["forgets"]) as house:
            until(days, house, change, at)
            days.recover(house)
            assert repair(days)
            assert days.send()
            check(days, house)


def until(days: Any, house: Any, change: Callable[[Any], bool], at: int | None) -> list[str]:
    """Send, let one entry change in Clockify, and begin to take back, until a point."""
    days.bomb.reset()
    entry = next(iter(house.clockify.entries.values()))
    was = dict(entry)
    entry["end"] = entry["end"].replace("07:40", "07:20")
    assert days.send()
    entry |= was
    days.bomb.reset(at)
    assert change(days) == (at is None)
    return list(days.bomb.points)


@pytest.mark.slow
def test_on_postgresql_too(days: Any, postgres_database: Callable[..., Any]) -> None:
    """A send may die there as on SQLite: every third point of those above."""
    for at in crash_points(days.points())[::3]:
        with postgres_database() as url, days.open(url, **MEMORIES["forgets"]) as house:
            days.bomb.reset(at)
            assert not days.send()
            days.recover(house)
            check(days, house)
