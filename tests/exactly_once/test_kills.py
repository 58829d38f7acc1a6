"""The command, killed with SIGKILL at random instants, on both databases.

Around it QuickBooks loses answers, cuts them, or leaves out a part. What the dead leave behind is
settled and sent by others; then the stand-in's own books and the ledger are held against Clockify.
"""

import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

EMPTY = {"status": 200, "body": '{"BatchItemResponse":[]}', "content_type": "application/json"}


def _shortened(answer: Any) -> Any:
    return answer | {"BatchItemResponse": answer.get("BatchItemResponse", [])[1:3]}


FAULTS: list[dict[str, Any]] = [
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "cut"},
    {"kind": "answer", "status": 503},
    {"kind": "answer_after", "status": 504},
    {"kind": "answer", **EMPTY},
    {"kind": "answer_after", **EMPTY},
    {"kind": "edit", "edit": _shortened},
]

MEMORIES: dict[str, dict[str, bool]] = {
    "remembers": {},
    "forgets": {"remembers_request_ids": False},
    "answers 6000": {"replay_answers_6000": True},
}

#: A killed run counts as dead soon.
SHORT_LEASE = {"CLOCKBOOKS_LEASE_S": "0.5"}

#: QuickBooks works on an orphaned batch for a twentieth of a second: a good deal less than the
#: product is told that it may, or the test would be about a scenario that there is not.
AT_WORK = {"CLOCKBOOKS_QBO_AT_WORK_S": "1"}

#: Kills in one history of the slow suite; two histories for each database and memory: 60 in all.
KILLS = 5


class Killer:
    """Starts runs and kills them, with a dice of its own; each history has its number.

    Attributes:
        killed: How many processes died of it, and of nothing else.
    """

    def __init__(self, office: Any, number: int) -> None:
        self.office = office
        self.dice = random.Random(number)  # noqa: S311 - the same history each time
        self.killed = 0

    def kill(self, times: int) -> None:
        """Kill so many runs, one or two of them at a time, among faults."""
        for _ in range(6 * times):
            if self.killed >= times:
                return
            self._plan_faults()
            together = min(self.dice.choice([1, 1, 2]), times - self.killed)
            commands = self.dice.choices(["send", "settle"], weights=[4, 1], k=together)
            victims = [self.office.start(command, **SHORT_LEASE) for command in commands]
            for victim in victims:
                self._kill_somewhere(victim)
        raise AssertionError(f"only {self.killed} of {times} could be killed")

    def _plan_faults(self) -> None:
        self.office.quickbooks.faults.clear()
        for fault in self.dice.choices(FAULTS, k=self.dice.randint(0, 2)):
            self.office.quickbooks.faults.plan(
                "POST .*/batch", skip=self.dice.randint(0, 2), **fault
            )

    def _kill_somewhere(self, victim: Any) -> None:
        """Kill when QuickBooks has seen, or booked, so much more, and a moment has passed."""
        seen = self.dice.choice(
            [self.office.quickbooks.requests, self.office.quickbooks.activities]
        )
        goal = len(seen) + self.dice.randint(1, 8)
        moment_s = self.dice.uniform(0, 0.06)
        if self.office.watch(victim, lambda: len(seen) >= goal):
            reached_s = time.monotonic()
            self.office.watch(victim, lambda: time.monotonic() >= reached_s + moment_s)
            victim.kill()
        if victim.wait(timeout=60) == -signal.SIGKILL:
            self.killed += 1
        else:
            self.office.end(victim)


def check_after_kills(open_office: Callable[..., Any], memory: str, number: int, kills: int) -> int:
    """Kill, let others finish, compare; return how many were killed."""
    with open_office(**MEMORIES[memory]) as office:
        office.house.environment |= AT_WORK
        killer = Killer(office, number)
        killer.kill(kills)
        office.come_to_rest()
        office.check_each_once()
        return killer.killed


def test_a_person_may_stop_a_send(open_office: Callable[..., Any]) -> None:
    """After Ctrl-C no batch begins, what is on its way is recorded, and the next send goes on."""
    with open_office() as office:

        def stop(answer: Any) -> Any:
            process.interrupt()
            return answer

        office.quickbooks.faults.plan("POST .*/batch", "edit", edit=stop)
        process = office.start("send")
        process.communicate(timeout=120)

        assert process.returncode == 130
        assert 0 < len(office.quickbooks.activities) < len(office.wanted)
        rows = office.ledger()
        assert {row.state for row in rows} == {"sent"}
        assert {row.time_activity_id for row in rows} == set(office.quickbooks.activities)
        assert office.run("send").code == 0
        office.check_each_once()


@pytest.mark.parametrize(("memory", "number"), [("forgets", 1)])
def test_a_few_kills_lose_and_double_nothing(
    open_office: Callable[..., Any], memory: str, number: int
) -> None:
    """Whenever a run is killed, each entry ends up in the books once, and the ledger says where."""
    assert check_after_kills(open_office, memory, number, 3) == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("memory", MEMORIES)
def test_many_kills_lose_and_double_nothing(
    open_office: Callable[..., Any],
    memory: str,
    number: int,
    record_property: Callable[[str, object], None],
) -> None:
    """The same, five kills in each of twelve histories, whatever QuickBooks remembers."""
    killed = check_after_kills(open_office, memory, number, KILLS)

    assert killed == KILLS
    record_property("kills", killed)
