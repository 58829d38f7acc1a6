"""A machine that makes up histories: sends, edits on both sides, kills, faults, clock jumps.

Two runs may be at work at once, and another workspace may book equal entries into the same company.
Hypothesis makes up the histories and shortens those that fail. Whatever happened, at the end each
entry is in the books exactly once, and the ledger says the same; what no answer settles, a person
does who looks into the books.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from connectors.standins.quickbooks.faults import THROTTLED_ANSWER, UNAUTHENTICATED_ANSWER
from flows.sending.settle_by_hand import take_word
from transforms.identity.match_books import content_of, content_of_body

FAULTS = [
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "cut"},
    {"kind": "answer", "status": 503},
    {"kind": "answer_after", "status": 504},
    {"kind": "answer", **THROTTLED_ANSWER, "headers": {"Retry-After": "1"}},
    {"kind": "answer", **UNAUTHENTICATED_ANSWER},
    {"kind": "answer_after", "status": 429},
    {"kind": "answer_after", "status": 401},
    {"kind": "answer", "status": 200, "body": '{"BatchItemResponse":[]}'},
    {"kind": "answer_after", "status": 200, "body": "<html>"},
    {"kind": "answer_after", "status": 302},
    {"kind": "answer_after", "status": 403, "body": "<html>"},
    {"kind": "answer_after", "status": 408},
    {"kind": "answer_after", "status": 400, "body": '{"Fault":{"type":"SERVICE"}}'},
]

HOUR_S = 3600.0


class Histories(RuleBasedStateMachine):
    """One connection through its days."""

    lab: Any
    memory: dict[str, bool]
    has_neighbor: bool

    def __init__(self) -> None:
        super().__init__()
        self.case: Any = None
        self.number = 100
        self.edited: set[str] = set()

    @initialize()
    def begin(self) -> None:
        """Open both services, connected and synced."""
        self.lab.set_clocks()
        self.case = ExitStack()
        self.house = self.case.enter_context(self.lab.open(**self.memory))
        self.labs = [self.lab]
        if self.has_neighbor:
            self.labs.append(self.case.enter_context(self.lab.open_neighbor(self.house)))

    @rule(day=st.integers(2, 6), minutes=st.sampled_from([30, 45]), text=st.sampled_from("ab"))
    def track(self, day: int, minutes: int, text: str) -> None:
        """Somebody tracks time; from so few words, twins come often."""
        self.number += 1
        model = next(iter(self.house.clockify.entries.values()))
        self.house.clockify.entries[f"64ee{self.number:020d}"] = {
            **model,
            "id": f"64ee{self.number:020d}",
            "description": text,
            "start": f"2026-03-{day:02d}T12:00:00Z",
            "end": f"2026-03-{day:02d}T12:{minutes}:00Z",
        }

    @rule(data=st.data(), text=st.sampled_from("abc"))
    def edit(self, data: st.DataObject, text: str) -> None:
        """Somebody edits an entry, whether or not it was sent."""
        entry_id = data.draw(st.sampled_from(sorted(self.house.clockify.entries)))
        self.house.clockify.entries[entry_id]["description"] = text

    @rule(data=st.data(), member=st.sampled_from(["Description", "Minutes"]))
    def edit_the_books(self, data: st.DataObject, member: str) -> None:
        """Somebody edits an entry in QuickBooks, whether or not we know that it is there."""
        activities = self.house.quickbooks.activities
        if activities:
            id_ = data.draw(st.sampled_from(sorted(activities)))
            self.number += 1
            new = f"Edited {self.number}" if member == "Description" else self.number % 30
            activities[id_][member] = new
            self.edited.add(id_)

    @rule(nth=st.integers(0, 1))
    def send(self, nth: int) -> None:
        """A run without trouble, of either workspace."""
        self.lab.bomb.reset()
        self.labs[nth % len(self.labs)].send()

    @rule(nth=st.integers(0, 1))
    def settle(self, nth: int) -> None:
        """Somebody asks about doubts of either workspace."""
        self.lab.bomb.reset()
        self.labs[nth % len(self.labs)].settle()

    @rule(nth=st.integers(0, 1), at=st.integers(0, 60), settling=st.booleans())
    def kill(self, nth: int, at: int, settling: bool) -> None:  # noqa: FBT001 - drawn
        """A process of either workspace is killed."""
        lab = self.labs[nth % len(self.labs)]
        self.lab.bomb.reset(at)
        (lab.settle if settling else lab.send)()
        self.lab.bomb.reset()

    @rule(fault=st.sampled_from(FAULTS), skip=st.integers(0, 2), times=st.integers(1, 2))
    def trouble(self, fault: dict[str, Any], skip: int, times: int) -> None:
        """QuickBooks will be in trouble."""
        self.house.quickbooks.faults.plan("POST .*/batch", skip=skip, times=times, **fault)

    @rule(hours=st.sampled_from([0.01, 0.1, 2.0]))
    def time_passes(self, hours: float) -> None:
        """Nothing happens for a while."""
        self.lab.pass_time(hours * HOUR_S)

    @rule(hours=st.sampled_from([-5.0, -0.2, 0.2, 5.0]))
    def clock_jumps(self, hours: float) -> None:
        """Somebody sets this machine's clock, while nothing is on its way to QuickBooks."""
        self.lab.ours.jump(hours * HOUR_S)

    @rule(
        nth=st.integers(0, 1), batch=st.integers(0, 2), after=st.booleans(), settling=st.booleans()
    )
    def two_at_once(self, nth: int, batch: int, after: bool, settling: bool) -> None:  # noqa: FBT001 - drawn
        """A second run comes and goes while a batch of the first is on its way, or was answered."""
        first, second = self.labs[nth % len(self.labs)], self.lab
        seen = {"before": 0, "open": False}

        def visit(name: str) -> None:
            if "batch" in name:
                seen["open"] = seen["before"] == batch
                seen["before"] += 1
            is_then = seen["open"] and (name == "after an answer" if after else "batch" in name)
            if is_then:
                seen["open"] = False
                self.lab.bomb.visit = None
                (second.settle if settling else second.send)()

        self.lab.bomb.reset()
        self.lab.bomb.visit = visit
        first.send()
        self.lab.bomb.visit = None

    def teardown(self) -> None:
        """Let all come to rest, and look."""
        if self.case is None:
            return
        try:
            self.lab.ours.time = max(self.lab.ours.time, self.lab.theirs.time)
            self.lab.pass_time(48 * HOUR_S)
            for lab in self.labs * 2:
                lab.recover(self.house)
                self._look_into_the_books(lab)
            self._check()
        finally:
            self.case.close()

    def _look_into_the_books(self, lab: Any) -> None:
        """A person finds what was created, edited or not, and says so."""
        for row in self.lab.ledger(self.house):
            if row.state != "sending" or row.connection_id != self.labs.index(lab) + 1:
                continue
            answer = self.house.quickbooks.memory.answered(row.request_id, row.bid)
            id_ = answer.get("TimeActivity", {}).get("Id")
            lab.run(lambda scenario, row=row, id_=id_: take_word(scenario, row.entry_id, id_))
        assert lab.send()

    def _check(self) -> None:
        rows = self.lab.ledger(self.house)
        activities = self.house.quickbooks.activities
        assert {row.state for row in rows} <= {"sent"}
        assert sorted(row.time_activity_id for row in rows) == sorted(activities)
        for row in rows:
            if row.time_activity_id not in self.edited:
                booked = content_of(activities[row.time_activity_id])
                assert content_of_body(row.body) == booked
        mine = {row.entry_id for row in rows if row.connection_id == 1}
        assert mine == set(self.house.clockify.entries)
        assert len(rows) - len(mine) == 6 * (len(self.labs) - 1)


MEMORIES: dict[str, dict[str, bool]] = {
    "remembers": {},
    "forgets": {"remembers_request_ids": False},
    "answers 6000": {"replay_answers_6000": True},
}


def prove(
    lab: Any,
    memory: str,
    *,
    has_neighbor: bool,
    histories: int,
    steps: int,
    kind: type[Histories] = Histories,
) -> None:
    """Let hypothesis look for a history of some *kind* that ends badly."""
    told = {"lab": lab, "memory": MEMORIES[memory], "has_neighbor": has_neighbor}
    machine: Callable[[], Histories] = type("H", (kind,), told)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
