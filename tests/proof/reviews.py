"""Reviews in a history: plans that wait, people who decide, and what may go then.

What a process of a review creates is held against what was shown: an entry goes if it was shown,
was not left out, and is still in Clockify as it was shown; or if it was in doubt before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from checker import Ran
from desk import Desk
from gate import PRODUCT, Change
from world import (
    FIRST,
    LAST,
    as_booked,
    booked_in_parts,
    content,
    joined,
    lines_of,
    may_join,
    whole_id,
)

if TYPE_CHECKING:
    from performance import Performance

#: So often a run is brought on at the end of a history, until it has ended.
TRIES = 6

#: What is answered then, in turn.
ANSWERS = ("approve", "approve some", "reject")

#: States of a run that goes on no more.
ENDED = {"COMPLETED", "CANCELLED"}


class Reviews:
    """The reviews of one history."""

    def __init__(self, performance: "Performance", desk: Desk) -> None:
        self.performance, self.world, self.desk = performance, performance.world, desk
        self.runs: list[str] = []

    def act(self, event: Mapping[str, Any]) -> None:
        """Let somebody ask for a plan, or decide about one that waits."""
        what, stop = event["what"], event["stop"]
        waiting = [run_id for run_id in self.runs if self.desk.state(run_id) not in ENDED]
        if what == "plan" or not waiting:
            parameters = {"start": FIRST, "end": LAST, "dry_run": False, "review": True}
            if self.world.neighbor:
                parameters["connection"] = "main"
            self.runs.append(self.desk.start(parameters, self.world.settings()))
            self._run(self.runs[-1], "a plan is made", stop, event["faults"])
            return
        run_id = waiting[event["nth"] % len(waiting)]
        if what == "cancel":
            self.desk.become(run_id, "CANCELLED")
            self.performance.say("Somebody cancels the run of a plan.")
        elif what == "withdraw":
            for plan in self._plans(run_id):
                if plan["state"] == "waiting":
                    self.performance.command(("plans", "--withdraw", str(plan["plan"]), "--json"))
        else:
            self._bring_on(run_id, what, event["nth"], stop, event["faults"])

    def end(self) -> None:
        """Bring all runs to their end, and take back what nobody can decide any more."""
        for nth, run_id in enumerate(self.runs):
            for again in range(TRIES):
                if self.desk.state(run_id) in {*ENDED, "FAILED"}:
                    break
                self._bring_on(run_id, ANSWERS[(nth + again) % len(ANSWERS)], nth)
            else:
                self.performance.problems.append(f"A review did not end in {TRIES} tries.")
        for plan in self._plans():
            if plan["state"] == "waiting":
                self.performance.command(("plans", "--withdraw", str(plan["plan"]), "--json"))

    def final(self) -> list[dict[str, Any]]:
        """Return all plans, each with its entries."""
        return [plan | {"shown": self._shown(plan)} for plan in self._plans()]

    # --- one run

    def _bring_on(
        self,
        run_id: str,
        what: str,
        nth: int,
        stop: Mapping[str, Any] | None = None,
        faults: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Answer a run that waits; retry one that died or failed."""
        state, told = self.desk.state(run_id), "it goes on"
        if state == "PAUSED":
            approves, some = what != "reject", []
            shown = [row for plan in self._plans(run_id) for row in self._shown(plan)]
            if what == "approve some" and shown:
                some = sorted({nth % len(shown) + 1, nth // 7 % len(shown) + 1})
            decision = "approve" if approves else "reject"
            self.desk.answer(run_id, decision=decision, who="Ann Lee", without_entries=some)
            without = f" without {', '.join(map(str, some))}" if some else ""
            told = f"a plan is {'approved' if approves else 'rejected'}{without}"
        elif state != "SCHEDULED":
            self.desk.become(run_id, *["CRASHED"] * (state == "RUNNING"), "SCHEDULED")
            told = "a run is started again"
        self._run(run_id, told, stop, faults)

    def _run(
        self,
        run_id: str,
        told: str,
        stop: Mapping[str, Any] | None,
        faults: Sequence[Mapping[str, Any]],
    ) -> None:
        doubts = self.performance.command(("entries", "--state", "in-doubt", "--json"))
        ran = self.performance.command(
            ("review", run_id, told), stop, [self.performance.plan_fault(one) for one in faults]
        )
        if ran.is_alone:
            in_doubt = [row["entry_id"] for row in doubts.document.get("entries", [])]
            found = self._sent_badly(ran, run_id, in_doubt)
            self.performance.problems += [f"Review: {told} — {one}" for one in found]

    def _plans(self, run_id: str = "") -> list[dict[str, Any]]:
        """Return the plans of a run, or all."""
        ran = self.performance.command(("plans", "--json"))
        plans = ran.document.get("plans", [])
        return [plan for plan in plans if run_id in (plan["address"] or "")]

    def _shown(self, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
        ran = self.performance.command(("plans", "--entries", str(plan["plan"]), "--json"))
        return list(ran.document.get("entries", []))

    # --- what may go

    def _sent_badly(self, ran: Ran, run_id: str, in_doubt: Sequence[str]) -> Iterator[str]:
        if not any(map(_is_new, ran.changes)):
            return
        may = [what for id_ in in_doubt for what in self.world.had.get(whole_id(id_), ())]
        for plan in self._plans(run_id):
            if plan["state"] == "approved":
                may += [
                    what
                    for row in self._shown(plan)
                    if not row["left_out"] and (what := self._as_shown(row)) is not None
                ]
        yield from unapproved(ran.changes, may)

    def _as_shown(self, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return how an entry of a plan is to be booked; `None` if it is not what was shown."""
        entry = self.world.clockify.entries.get(whole_id(row["entry_id"]))
        if entry is None:
            return None
        whole = as_booked(entry)
        what = booked_in_parts(whole_id(row["entry_id"]), entry).get(row["entry_id"], whole)
        for one in (whole, what):
            if (one[3], one[4], one[7]) == (row["date"], row["minutes"], row["description"] or ""):
                return one
        return None


def _is_new(change: Change) -> bool:
    """Whether the product created something, but by a repetition of what it had begun before."""
    return change.who == PRODUCT and change.before is None and not change.repeats


def unapproved(changes: Iterable[Change], may: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Find what was created, and is none of the contents that might be, nor several together."""
    for one in filter(_is_new, changes):
        if not _is_one_of(content(one.after or {}), may):
            yield f"TimeActivity {one.id} was created, and nobody approved it"


def _is_one_of(what: tuple[Any, ...], may: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a content is one of some, or several of them together."""
    fitting = [one for one in may if may_join(what, one)]
    return any(
        (what[4], lines_of(what[7])) == (whole[4], lines_of(whole[7]))
        for number in range(1, len(fitting) + 1)
        for some in combinations(fitting, number)
        for whole in [joined(some)]
    )
