"""A company with payroll: wherever a run dies or who else is at work, one entry goes first, alone.

Six entries go in batches of two.
"""

from typing import Any

import pytest
from crash_points import crash_points

BATCH = "POST .*/batch"

TAKES_TIME = {"payroll_code": None, "remembers_request_ids": False}


@pytest.fixture
def sizes(lab: Any) -> list[int]:
    """Turn payroll on, and return the sizes of the batches that QuickBooks does from then on."""
    pairs = lab.scenario["quickbooks"]["company"]["NameValue"]
    pairs.append({"Name": "PayrollFeature", "Value": "true"})
    return []


def note(house: Any, sizes: list[int]) -> None:
    """Note the batches that QuickBooks does."""

    def keep(answer: Any) -> Any:
        sizes.append(len(answer["BatchItemResponse"]))
        return answer

    house.quickbooks.faults.plan(BATCH, "edit", times=10**6, edit=keep)


def points_of_the_first(lab: Any) -> list[int]:
    """Return the points from the claim of the first batch to the second one that differ."""
    with lab.open(**TAKES_TIME):
        lab.bomb.reset()
        assert lab.send()
        points = list(lab.bomb.points)
    first, second, *others = [n for n, name in enumerate(points) if name.endswith("/batch")]
    assert len(others) == 2
    return [at for at in crash_points(points) if first - 2 <= at <= second]


@pytest.mark.parametrize("half", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_may_die_at_any_point_of_the_first_entry(
    lab: Any, sizes: list[int], half: int
) -> None:
    """Whoever comes next settles it, and goes on or tries one again: each entry is booked once."""
    mine = points_of_the_first(lab)
    assert len(mine) > 3
    for at in mine[half::2]:
        with lab.open(**TAKES_TIME) as house:
            lab.bomb.reset(at)
            assert not lab.send()
            assert len(house.quickbooks.activities) <= 1
            lab.bomb.reset()
            lab.pass_time(600)
            sizes.clear()
            note(house, sizes)
            assert lab.send()
            lab.check_each_once(house)
            assert len(house.quickbooks.activities) == 6
            assert sizes in ([1, 2, 2, 1], [2, 2, 1])


def test_a_neighbor_learns_from_the_answer(lab: Any, sizes: list[int]) -> None:
    """Two workspaces book into one company: what one was refused or given, the other knows."""
    with lab.open(payroll_code="6000") as house, lab.open_neighbor(house) as neighbor:
        note(house, sizes)
        assert lab.send()
        assert neighbor.send()
        assert sizes == [1, 1]
        assert not house.quickbooks.activities
        house.quickbooks.switches.payroll_code = None
        assert lab.send(retry_refused=True)
        assert neighbor.send(retry_refused=True)

        assert sizes[2:] == [1, 2, 2, 1, 2, 2, 2]
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 12


@pytest.mark.parametrize("other", ["another workspace", "another machine"])
def test_of_two_runs_at_once_only_one_tries(lab: Any, sizes: list[int], other: str) -> None:
    """While an entry is on its way, alone, nothing of another run goes to the company."""
    tried: list[bool] = []
    with lab.open(**TAKES_TIME) as house, lab.open_neighbor(house) as neighbor:
        rival = neighbor if other == "another workspace" else lab

        def meanwhile(point: str) -> None:
            if point.startswith("before a request") and point.endswith("/batch") and not tried:
                tried.append(True)
                tried.append(rival.send())
                tried.append(bool(house.quickbooks.activities))

        note(house, sizes)
        lab.bomb.visit = meanwhile
        assert lab.send()
        lab.bomb.visit = None

        assert tried == [True, rival is lab, False]  # its own entry is in doubt, for itself
        assert sizes == [1, 2, 2, 1]
        assert neighbor.send()
        assert sizes[4:] == [2, 2, 2]
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 12
