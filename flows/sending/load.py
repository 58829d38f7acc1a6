"""Sends the ready entries of a slice; `flows.sending.batches` says how."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.quickbooks.batch import Done, Outcome
from connectors.store.claim_records import Claim
from flows.context import RunContext
from flows.progress import Progress
from flows.sending.batches import BatchLoader, Ended, in_doubt, not_handed_over
from flows.sending.mend import mend
from flows.sending.plan import RunPlan, Slice
from flows.sending.run_lease import RunLease
from schemas.part_ids import in_parts, whole_id
from schemas.quickbooks import Company
from schemas.words import LedgerState, Reason, State
from transforms.plan.activities import to_activities
from transforms.plan.explain import refused
from transforms.plan.hold_back import set_outcomes
from transforms.plan.lines import join

_LINE_NOT_WHOLE = Ended(
    State.REJECTED,
    Reason.NOT_ATTEMPTED,
    "It was to go in one TimeActivity with others of its day, and another run has taken one of"
    " those meanwhile. The next send takes it.",
)

#: Stands with each entry until its end is known.
_STOPPED = "it was stopped, unless it is still at work. The next send takes it."


def load_whole(
    context: RunContext, plan: RunPlan, one: Slice, progress: Progress, run: Callable[..., Any]
) -> tuple[pd.DataFrame, str | None]:
    """Send the ready rows of a slice, and take parts back that then stand alone; see `load`."""
    ended, halted = run(load, context, plan.lease, plan.company, one, progress)
    if in_parts(ended["entry_id"]).any():
        mended = run(mend, context, plan.lease)
        plan.report.notes += [note for note in mended.notes if note not in plan.report.notes]
        ended = with_outcomes(ended, mended.ended)
    return ended, halted


def load(
    context: RunContext, lease: RunLease, company: Company, one: Slice, progress: Progress
) -> tuple[pd.DataFrame, str | None]:
    """Send the ready rows of a slice.

    Returns its plan with the final states, and why the load ended early, if it did.
    """
    ready = one.plan[one.plan["state"] == State.READY]
    # Whatever ends this run: `clockbooks entries` names what it meant to hand over, and lets the
    # ledger say how far it came.
    context.store.outcomes.keep(lease.run_id, not_loaded(ready, _STOPPED))
    lines = join(ready, by_day=one.by_day)
    activities = to_activities(lines.rows)
    activities = activities.merge(lines.rows[["entry_id", "minutes", "date"]], on="entry_id")
    rows = _with_units(activities.to_dict("records"), one.plan)
    rows = [row | {"members": lines.members.get(row["entry_id"], [])} for row in rows]
    loader = _Creations(context, lease, rows, company, one)
    ended: dict[str, Ended] = {}
    for answers in loader.run():
        all_ = {id_: answers.get(id_, end) for row, end in answers.items() for id_ in lines.of(row)}
        ended |= all_
        progress.moved(len(all_))
    return with_outcomes(one.plan, ended), loader.halted


def not_loaded(plan: pd.DataFrame, why: str) -> pd.DataFrame:
    """Return the plan, its ready rows not attempted because the run ended early."""
    ready = plan.loc[plan["state"] == State.READY, "entry_id"]
    return with_outcomes(plan, dict.fromkeys(ready, not_handed_over(why)))


def _with_units(rows: list[dict[str, Any]], plan: pd.DataFrame) -> list[dict[str, Any]]:
    """Give each part of an entry the whole's id as its `unit`."""
    parts = set(plan.loc[in_parts(plan["entry_id"]), "entry_id"])
    for row in rows:
        row["unit"] = whole_id(row["entry_id"]) if row["entry_id"] in parts else None
    return rows


class _Creations(BatchLoader):
    """The new TimeActivities of one slice."""

    def __init__(
        self,
        context: RunContext,
        lease: RunLease,
        rows: Sequence[dict[str, Any]],
        company: Company,
        one: Slice,
    ) -> None:
        super().__init__(context, lease, rows)
        self._ledger = context.store.ledger
        self._company = company
        self._contents = one.match.contents
        self._alone = one.alone

    def _claim(self, batch: Sequence[dict[str, Any]], qbo_time: datetime | None) -> Claim | None:
        return self._ledger.claim(
            self._lease.run_id,
            batch,
            self._contents,
            lease=self._context.lease,
            qbo_time=qbo_time,
            has_payroll=self._company.has_payroll,
            alone=self._alone,
        )

    def _release(self, made: Claim) -> None:
        self._ledger.release(made)

    def _record(self, made: Claim, outcomes: Sequence[Outcome]) -> set[str]:
        return self._ledger.record(
            made,
            outcomes,
            qbo_time=self._context.quickbooks.time,
            company_state=self._company.state,
        )

    def _answered(self, outcome: Outcome) -> Ended:
        if isinstance(outcome, Done):
            return Ended(State.SENT, time_activity_id=outcome.qbo_id)
        return Ended(State.REJECTED, Reason.QBO_REFUSED, refused(str(outcome.fault)))

    def _held_by_others(self, lost: Sequence[dict[str, Any]]) -> dict[str, Ended]:
        if not lost:
            return {}
        rows = [*lost, *self._taken_by_others()]
        joined = [one.entry_id for row in rows for one in row["members"]]
        ended = dict.fromkeys(joined, _LINE_NOT_WHOLE)
        entry_ids = list(dict.fromkeys([*joined, *(row["entry_id"] for row in rows)]))
        held = self._ledger.held(entry_ids).set_index("entry_id")
        sent = held.loc[held["state"] == LedgerState.SENT, "time_activity_id"].to_dict()
        for entry_id in entry_ids:
            # Sent whole, an entry has no later parts.
            own = entry_id if entry_id in held.index else whole_id(entry_id)
            if own in sent:
                text = f"Another run sent it meanwhile, as TimeActivity {sent[own]}."
                ended[entry_id] = Ended(State.SKIPPED, Reason.ALREADY_SENT, text, sent[own])
            elif entry_id not in joined or own in held.index[held["state"] == LedgerState.SENDING]:
                ended[entry_id] = in_doubt("Another run is sending it.")
        return ended

    def _taken_by_others(self) -> list[dict[str, Any]]:
        """Drop what waits here and another run has taken already, and return it.

        A run that comes second would otherwise spend a permit on each batch that the first one has.
        """
        with self._lock:
            ids = [row["entry_id"] for row in self._waiting]
        theirs = self._ledger.taken_by_others(ids, run_id=self._lease.run_id)
        with self._lock:
            units = {row["unit"] for row in self._waiting if row["entry_id"] in theirs} - {None}
            theirs |= {row["entry_id"] for row in self._waiting if row["unit"] in units}
            gone = [row for row in self._waiting if row["entry_id"] in theirs]
            self._waiting = deque(row for row in self._waiting if row["entry_id"] not in theirs)
        return gone


def with_outcomes(plan: pd.DataFrame, ended: dict[str, Ended]) -> pd.DataFrame:
    """Return a plan with how some of its entries ended."""
    ids = plan.loc[plan["entry_id"].isin(list(ended)), "entry_id"]
    return set_outcomes(plan, pd.DataFrame([vars(ended[id_]) for id_ in ids], index=ids.index))
