"""An entry in parts is booked with all of them, or not at all, wherever a process dies."""

from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from crash_points import SHARES, crash_points, share_of

from flows.reconciliation.recall import RecallReport, RecallRequest, recall

MEMORIES: dict[str, dict[str, bool]] = {
    "forgets": {"remembers_request_ids": False},
    "remembers": {},
}

#: An entry that is not in parts goes beside it.
OTHER = "2026-03-04"


@pytest.fixture
def night(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the laboratory with a night's work, and an hour of another day."""
    monkeypatch.setenv("CLOCKBOOKS_SPLIT", "midnight")
    entries = lab.scenario["clockify"]["entries"]
    entries[0] |= {"start": "2026-03-02T22:00:00Z", "end": "2026-03-03T06:00:00Z"}
    lab.scenario["clockify"]["entries"] = [entries[0], entries[3]]
    return lab


def days(house: Any) -> list[str]:
    return sorted(row["TxnDate"] for row in house.quickbooks.activities.values())


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("memory", ["forgets", pytest.param("remembers", marks=pytest.mark.slow)])
def test_a_send_may_die_at_any_point(night: Any, memory: str, share: int) -> None:
    """Both parts are booked in the end, each once."""
    plan, points = night.plan(), night.points()
    assert (plan.total(), sum("batch" in name for name in points)) == (3, 2)

    for at in share_of(points, share):
        with night.open(**MEMORIES[memory]) as house:
            night.bomb.reset(at)
            assert not night.send()
            night.recover(house)
            night.check_each_once(house)
            assert night.books(house) == plan


def refuse_the_first_day(house: Any) -> None:
    """Let the books be closed once they were seen open: QuickBooks refuses one part of two."""

    def close(answer: Any) -> Any:
        house.quickbooks.people.close_books("2026-03-02")
        return answer

    house.clockify.faults.plan("/detailed", "edit", edit=close)


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["forgets", "remembers"])
def test_a_run_may_die_while_it_takes_a_part_back(night: Any, memory: str) -> None:
    """Of an entry of which QuickBooks refuses a part, nothing stays in the books."""
    with night.open(**MEMORIES[memory]) as house:
        refuse_the_first_day(house)
        night.bomb.reset()
        assert night.send()
        points = list(night.bomb.points)
        assert days(house) == [OTHER]
    assert sum("batch" in name for name in points) == 3

    for at in crash_points(points):
        with night.open(**MEMORIES[memory]) as house:
            die_and_recover(night, house, at)


@pytest.mark.parametrize("share", SHARES)
def test_a_recall_may_die_at_any_point(
    night: Any, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an entry in parts both are in the books then, or none, however small batches are."""
    monkeypatch.setenv("CLOCKBOOKS_QBO_BATCH_SIZE", "1")
    second = date(2026, 3, 3)

    def take_back() -> bool:
        with closing(RecallReport()) as report:
            request = RecallRequest(start=second, end=second)
            return bool(night.run(lambda context: recall(context, request, report)))

    with night.open(**MEMORIES["forgets"]) as house:
        assert night.send()
        night.bomb.reset()
        assert take_back()
        points = list(night.bomb.points)
        assert days(house) == [OTHER]

    for at in share_of(points, share):
        with night.open(**MEMORIES["forgets"]) as house:
            night.bomb.reset()
            assert night.send()
            night.bomb.reset(at)
            assert not take_back()
            night.bomb.reset()
            night.pass_time(600)
            assert night.settle()
            assert days(house) in ([OTHER], ["2026-03-02", "2026-03-03", OTHER])
            assert night.send()
            night.check_each_once(house)


@pytest.mark.slow
def test_on_postgresql_too(night: Any, postgres_database: Callable[..., Any]) -> None:
    """A part is taken back there as it is on SQLite: every third point of those above."""
    with night.open(**MEMORIES["forgets"]) as house:
        refuse_the_first_day(house)
        night.bomb.reset()
        assert night.send()
        points = list(night.bomb.points)
    for at in crash_points(points)[::3]:
        with postgres_database() as url, night.open(url, **MEMORIES["forgets"]) as house:
            die_and_recover(night, house, at)


def die_and_recover(night: Any, house: Any, at: int) -> None:
    """Send until the point, recover, and hold books and ledger against what was refused."""
    refuse_the_first_day(house)
    night.bomb.reset(at)
    assert not night.send()
    night.recover(house)
    is_closed = (
        "BookCloseDate" in house.quickbooks.people.company.preferences["AccountingInfoPrefs"]
    )
    assert days(house) == ([OTHER] if is_closed else ["2026-03-02", "2026-03-03", OTHER])
    sent = {row.time_activity_id for row in night.ledger(house) if row.state == "sent"}
    assert sent == set(house.quickbooks.activities)
