"""Every point at which a send can die, and every fault at every request, one by one.

The real code runs to the point and is abandoned there; then another run settles and sends, and the
stand-in's own books are held against the plan.
"""

from collections.abc import Callable
from typing import Any

import pytest
from crash_points import CHANGED, SHARES, share_of

from connectors.standins.quickbooks.faults import THROTTLED_ANSWER, UNAUTHENTICATED_ANSWER

MEMORIES: dict[str, dict[str, bool]] = {
    "remembers": {},
    "forgets": {"remembers_request_ids": False},
    "answers 6000": {"replay_answers_6000": True},
}


def _quick(memory: str) -> Any:
    """Leave all but the worst memory, which is none, to the slow suite."""
    return () if memory == "forgets" else pytest.mark.slow


QUICK_AND_SLOW = [pytest.param(memory, marks=_quick(memory)) for memory in MEMORIES]


@pytest.mark.parametrize("share", [0, *SHARES[1:]])  # of a plain send every other point is quick
@pytest.mark.parametrize("memory", QUICK_AND_SLOW)
def test_a_run_may_die_at_any_point(
    lab: Any, memory: str, share: int, record_property: Callable[[str, object], None]
) -> None:
    """Wherever a send is cut off, settling and sending again book each entry exactly once."""
    plan, points = lab.plan(), lab.points()
    assert plan.total() == 6
    assert max(plan.values()) == 2, "there are twins among them"
    assert sum("batch" in name for name in points) == 3

    mine = share_of(points, share)
    for at in mine:
        with lab.open(**MEMORIES[memory]) as house:
            lab.bomb.reset(at)
            assert not lab.send()
            lab.recover(house)
            lab.check_each_once(house)
            assert lab.books(house) == plan

    record_property("crash points", len(mine))
    print(f"{len(mine)} of {len(points)} crash points, QuickBooks {memory}")  # noqa: T201 - the figure is the proof


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("memory", QUICK_AND_SLOW)
def test_a_settling_run_may_die_at_any_point(lab: Any, memory: str, share: int) -> None:
    """A run that dies while it settles the doubts of another leaves nothing twice, nothing lost."""
    plan = lab.plan()

    def leave_doubts(house: Any) -> None:
        lab.bomb.reset()
        house.quickbooks.faults.plan("POST .*/batch", "drop_after")
        house.quickbooks.faults.plan("POST .*/batch", "drop_before")
        assert lab.send()
        lab.pass_time(600)

    with lab.open(**MEMORIES[memory]) as house:
        leave_doubts(house)
        lab.bomb.reset()
        assert lab.settle()
        points = list(lab.bomb.points)
    mine = share_of(points, share)
    for at in mine:
        with lab.open(**MEMORIES[memory]) as house:
            leave_doubts(house)
            lab.bomb.reset(at)
            assert not lab.settle()
            lab.recover(house)
            lab.check_each_once(house)
            assert lab.books(house) == plan
    print(f"{len(mine)} of {len(points)} crash points of settling, QuickBooks {memory}")  # noqa: T201 - as above


def _twice(answer: Any) -> Any:
    return answer | {"BatchItemResponse": answer["BatchItemResponse"] * 2}


def _one_too_many(answer: Any) -> Any:
    stranger = {"TimeActivity": {"Id": "99999", "SyncToken": "0"}, "bId": "31"}
    return answer | {"BatchItemResponse": [*answer["BatchItemResponse"], stranger]}


FAULTS: dict[str, dict[str, Any]] = {
    "connection lost before the work": {"kind": "drop_before"},
    "connection lost after the work": {"kind": "drop_after"},
    "answer cut": {"kind": "cut"},
    "429 in XML": {"kind": "answer", **THROTTLED_ANSWER},
    "401": {"kind": "answer", **UNAUTHENTICATED_ANSWER},
    "400": {"kind": "answer", "status": 400, "body": '{"Fault":{"Error":[{"code":"6000"}]}}'},
    "500 after the work": {"kind": "answer_after", "status": 500},
    "503 before the work": {"kind": "answer", "status": 503},
    "504 after the work": {"kind": "answer_after", "status": 504, "body": "<html>"},
    "200 that is a page": {"kind": "answer_after", "status": 200, "body": "<html>"},
    "200 with a fault": {
        "kind": "answer",
        "status": 200,
        "body": '{"Fault":{"Error":[{"code":"10000"}],"type":"SystemFault"}}',
    },
    "nothing answered, nothing done": {
        "kind": "answer",
        "status": 200,
        "body": '{"BatchItemResponse":[],"time":"2026-03-09T00:00:00Z"}',
    },
    "an item lacks": {
        "kind": "edit",
        "edit": lambda answer: {
            **answer,
            "BatchItemResponse": answer.get("BatchItemResponse", [])[1:],
        },
    },
    "an item twice": {"kind": "edit", "edit": _twice},
    "an item too many": {"kind": "edit", "edit": _one_too_many},
}


def _is_after_the_work(fault: dict[str, Any]) -> bool:
    """Whether QuickBooks booked the batch; if it did not, there is nothing to remember."""
    return fault["kind"] not in {"drop_before", "answer"}


@pytest.mark.parametrize(
    "start",
    [pytest.param(n, marks=[pytest.mark.slow] if n % 3 else ()) for n in range(len(FAULTS))],
)
def test_every_answer_may_go_wrong(lab: Any, start: int) -> None:
    """Each batch of a send is answered wrongly, in another way: each entry is booked once."""
    names = list(FAULTS) * 2
    plan = lab.plan()
    with lab.open(**MEMORIES["forgets"]) as house:
        for name in names[start : start + 3]:
            house.quickbooks.faults.plan("POST .*/batch", **FAULTS[name])
        lab.send()
        lab.recover(house)
        lab.check_each_once(house)
        assert lab.books(house) == plan


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "memory"),
    [
        (fault, memory)
        for fault in FAULTS
        for memory in (MEMORIES if _is_after_the_work(FAULTS[fault]) else ["forgets"])
    ],
)
def test_any_answer_may_go_wrong(lab: Any, fault: str, memory: str) -> None:
    """Whatever goes wrong at whichever batch: each entry is booked once, and the ledger says so."""
    plan = lab.plan()
    for nth in range(3):
        with lab.open(**MEMORIES[memory]) as house:
            house.quickbooks.faults.plan("POST .*/batch", skip=nth, **FAULTS[fault])
            lab.send()
            lab.recover(house)
            lab.check_each_once(house)
            assert lab.books(house) == plan


READ_FAULTS = [name for name in FAULTS if not name.startswith(("an item", "nothing"))]


@pytest.mark.parametrize(
    ("fault", "nth"),
    [
        pytest.param(fault, nth, marks=() if place % 2 == nth else pytest.mark.slow)
        for place, fault in enumerate(READ_FAULTS)
        for nth in range(2)
    ],
)
def test_any_reading_may_go_wrong(lab: Any, fault: str, nth: int) -> None:
    """A fault while a service is read ends a run, or not, and never sends anything twice."""
    plan = lab.plan()
    with lab.open() as house:
        house.quickbooks.faults.plan("GET .*", skip=nth, **FAULTS[fault])
        house.clockify.faults.plan("POST .*/detailed", skip=nth, **FAULTS[fault])
        lab.send()
        lab.recover(house)
        lab.check_each_once(house)
        assert lab.books(house) == plan


@pytest.mark.parametrize("after", ["the claim", "the answer"])
def test_what_a_dead_run_handed_over_is_listed(
    lab: Any,
    after: str,
    in_this_process: None,  # noqa: ARG001 - `house.run`
) -> None:
    """`clockbooks entries` has each entry that was handed over, also before anybody settles."""
    points = lab.points()
    at = points.index(CHANGED) - (1 if after == "the claim" else 0)
    with lab.open(remembers_request_ids=False) as house:
        lab.bomb.reset(at)
        assert not lab.send()
        lab.bomb.reset()
        handed_over = {row.entry_id for row in lab.ledger(house)}

        listed = house.run("entries", "--json").document["entries"]

        assert len(handed_over) == 2
        by_state = {
            state: {row["entry_id"] for row in listed if row["state"] == state}
            for state in ("in_doubt", "rejected")
        }
        assert by_state["in_doubt"] == handed_over
        assert by_state["rejected"] == set(house.clockify.entries) - handed_over
        lab.recover(house)
        lab.check_each_once(house)
