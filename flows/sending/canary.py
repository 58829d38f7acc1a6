"""Hands one entry over alone to a company with payroll, before any other: the canary.

Whether QuickBooks takes time there is known once it has taken some: all runs of all connections to
the company then go on as usual, by what their ledgers say (`connectors.store.payroll`). Until then
each run hands over one entry and waits for the answer. Taken, the rest follows. Refused, or without
a clear answer, nothing else goes. A refusal that is about the entry itself says nothing of payroll,
so another entry is tried, a few times.

Payroll pays employees: a contractor's entry goes first only where no employee's is ready. Of time
with a pay type (`PayrollItemRef`) and time without one, each has its own first entry.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from connectors.quickbooks.faults import is_of_the_item
from connectors.store.scope import records
from flows.connections.payroll import ONE_FIRST, PAY_TYPES
from flows.context import RunContext
from flows.progress import Progress
from flows.sending import match_ledger
from flows.sending.load import load_whole
from flows.sending.plan import RunPlan, Slice, time_kinds
from flows.sending.unknown_time import keep_look
from schemas.part_ids import whole_id
from schemas.words import Reason, State, TimeKind
from transforms.plan.hold_back import set_outcomes

#: Entries that one run tries alone at most.
MOST_ALONE = 5

_OUTCOME = ["state", "reason", "detail", "time_activity_id"]


@dataclass
class Canary:
    """What went alone, and what came of it.

    Attributes:
        tried: `state`, `reason`, `detail` and `time_activity_id` of each, by entry id.
        stopped: Why nothing else goes; `None` if the rest may.
    """

    tried: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether QuickBooks has refused any of it."""
        return any(one["reason"] == Reason.QBO_REFUSED for one in self.tried.values())

    def with_outcomes(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Return rows of the plan with what came of those that went alone."""
        ids = plan.loc[plan["entry_id"].isin(list(self.tried)), "entry_id"]
        if ids.empty:
            return plan
        return set_outcomes(plan, pd.DataFrame([self.tried[id_] for id_ in ids], index=ids.index))


def canary_notes(context: RunContext, plan: RunPlan) -> list[str]:
    """Say before anything is sent that one entry goes first."""
    return [ONE_FIRST] if any(_is_needed(context, plan, kind) for kind in TimeKind) else []


def send_canary(
    context: RunContext, plan: RunPlan, progress: Progress, run: Callable[..., Any]
) -> Canary:
    """Hand over one ready entry of the plan alone, where nobody knows whether QuickBooks takes it.

    See `flows.sending.execute.execute` for the arguments.
    """
    canary = Canary()
    for kind in TimeKind:
        if canary.stopped is None and _is_needed(context, plan, kind):
            _try(context, plan, kind, canary, progress, run)
    return canary


def _try(
    context: RunContext,
    plan: RunPlan,
    kind: TimeKind,
    canary: Canary,
    progress: Progress,
    run: Callable[..., Any],
) -> None:
    """Hand over entries of one kind, one after the other, until an answer tells something."""
    before = len(canary.tried)
    for one in _in_turn(plan, kind):
        if len(canary.tried) - before >= MOST_ALONE:
            canary.stopped = _others(canary)
            return
        match_ledger.keep(context, one.match)
        keep_look(context, one)
        went = one.plan.loc[one.plan["state"] == State.READY, "entry_id"]
        ended, halted = load_whole(context, plan, one, progress, run)
        ended = ended[ended["entry_id"].isin(went)]
        tried = dict(zip(ended["entry_id"], records(ended[_OUTCOME]), strict=True))
        canary.tried |= tried
        if all(outcome["state"] == State.SENT for outcome in tried.values()):
            return
        canary.stopped = halted or _why_stopped(context, tried)
        if canary.stopped is not None or not _is_needed(context, plan, kind):
            return


def _is_needed(context: RunContext, plan: RunPlan, kind: TimeKind) -> bool:
    if not plan.tries_one or kind not in plan.kinds:
        return False
    return context.store.payroll.taken_at(kind) is None


def _in_turn(plan: RunPlan, kind: TimeKind) -> Iterator[Slice]:
    """Yield each ready entry of a kind as a slice of its own.

    One of each person comes before anybody's second: what is wrong with a person is wrong with all
    of their entries. An entry's parts are one entry.
    """
    for one in plan.slices:
        is_ready = (one.plan["state"] == State.READY) & (time_kinds(one.plan) == kind)
        wholes = one.plan["entry_id"].map(whole_id)
        ready = one.plan[is_ready]
        ready = ready[~wholes[ready.index].duplicated()]
        turns = ready.groupby("qbo_person_id").cumcount()
        for row in turns.sort_values(kind="stable").index:
            yield replace(one, plan=one.plan[wholes == wholes[row]], alone=True)


def _why_stopped(context: RunContext, tried: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return why nothing else goes after an entry that was not taken; `None` if another may."""
    refusals = context.store.ledger.refusals(list(tried))
    in_doubt = [id_ for id_, one in tried.items() if one["state"] == State.IN_DOUBT]
    entry_id = [*in_doubt, *(one.entry_id for one in refusals), *tried][0]
    outcome = tried[entry_id]
    first = f"The company has QuickBooks Payroll, so one entry ({entry_id}) went first, alone:"
    if outcome["state"] == State.IN_DOUBT:
        return (
            f"{first} whether QuickBooks has it is not known. The next send asks QuickBooks, and"
            " goes on once it has taken one."
        )
    if outcome["reason"] != Reason.QBO_REFUSED:  # another run sent it meanwhile
        return None
    fault = refusals[0].fault if refusals else outcome["detail"]  # of the whole call
    if is_of_the_item(fault):
        return None
    return (
        f"{first} QuickBooks refused it, in these words: {fault}. Whether payroll is why, only the"
        " words can say. If it is not, correct what they are about; the next send tries one entry"
        f" again. {PAY_TYPES} `--allow-payroll` (in Prefect: allow_payroll) sends without trying"
        " one first."
    )


def _others(canary: Canary) -> str:
    *_, last = canary.tried.values()
    return (
        "The company has QuickBooks Payroll, so entries go alone until QuickBooks has taken one."
        f" {len(canary.tried)} of this run did not tell, the last one for a cause of its own:"
        f" {last['detail']} Correct that; the next send tries others."
    )
