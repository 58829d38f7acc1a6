"""Holds back ready entries for what a plan of their own cannot show.

QuickBooks gives the same answer to the same question: an entry that it refused is handed over again
only when the entry or its link has changed, when something that it refers to, or the company, has
changed in QuickBooks since, after a sync, or when somebody asks for it.

What waits in a plan for somebody's decision is left to that plan. Prefect does not see to it: it
gives the slot of a waiting run away. The other entries of those days go as always.

A row of a file and an entry of Clockify have different ids, so what waits in the plan of an import
goes with a send of the same days, and the other way round; the plan, once approved, finds it sent,
and leaves it.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from connectors.quickbooks.batch import instant_of, part_of
from connectors.store.claim_records import Refusal
from connectors.store.plans import StoredPlan
from flows.context import RunContext
from schemas.quickbooks import Company
from schemas.words import Reason, State
from transforms.plan.activities import to_activities
from transforms.plan.explain import refused_before
from transforms.plan.hold_back import hold_back
from transforms.plan.lines import join

#: What a TimeActivity refers to, and what that is called in QuickBooks' query language.
_ENTITIES = {
    "EmployeeRef": "Employee",
    "VendorRef": "Vendor",
    "CustomerRef": "Customer",
    "ItemRef": "Item",
    "ClassRef": "Class",
    "DepartmentRef": "Department",
}


def hold_back_refused(
    context: RunContext, company: Company, plan: pd.DataFrame, *, by_day: bool
) -> pd.DataFrame:
    """Reject the plan's ready entries that were refused before, unless another try may help.

    With *by_day*, what was refused as one TimeActivity is tried again once that would be another.
    """
    ready = plan[plan["state"] == State.READY]
    refusals = context.store.ledger.refusals(ready["entry_id"].tolist())
    if not refusals:
        return plan
    lines = join(ready, by_day=by_day)
    bodies = dict(to_activities(lines.rows).itertuples(index=False))
    synced_at = context.connection.synced_at
    same = [
        refusal
        for refusal in refusals
        if refusal.body == bodies.get(refusal.entry_id)
        and refusal.company_state == company.state
        and (synced_at is None or synced_at <= refusal.refused_at)
    ]
    may_help = _references_changed(context, same)
    details = {
        id_: refused_before(refusal.fault, refusal.refused_at.date())
        for refusal in same
        if not may_help(refusal)
        for id_ in lines.of(refusal.entry_id)
    }
    return hold_back(plan, Reason.QBO_REFUSED, details)


def _references_changed(
    context: RunContext, refusals: Sequence[Refusal]
) -> Callable[[Refusal], bool]:
    """Ask QuickBooks when the people and customers of refused entries were last changed."""
    wanted: dict[str, set[str]] = {}
    for refusal in refusals:
        for entity, id_ in _references(refusal.body):
            wanted.setdefault(entity, set()).add(id_)
    changed_at: dict[tuple[str, str], datetime | None] = {}
    for entity, ids in wanted.items():
        for row in context.quickbooks.by_ids(entity, sorted(ids)):
            updated = part_of(row, "MetaData").get("LastUpdatedTime")
            changed_at[entity, str(row.get("Id"))] = instant_of(updated)

    def changed(refusal: Refusal) -> bool:
        times = [changed_at.get(reference) for reference in _references(refusal.body)]
        # What QuickBooks does not say may have changed.
        return refusal.qbo_time is None or any(
            time is None or time >= refusal.qbo_time for time in times
        )

    return changed


def _references(body: str) -> list[tuple[str, str]]:
    activity = json.loads(body)
    return [
        (entity, str(activity[name]["value"]))
        for name, entity in _ENTITIES.items()
        if name in activity
    ]


def hold_back_waiting(context: RunContext, plan: pd.DataFrame) -> pd.DataFrame:
    """Skip the plan's ready entries that wait in a stored plan of the connection."""
    plans = context.store.plans
    ready = plan.loc[plan["state"] == State.READY, "entry_id"]
    if ready.empty:
        return plan
    waiting = {stored.id: stored for stored in plans.waiting()}
    if not waiting:
        return plan
    details = {
        entry_id: _where_it_waits(context, waiting[plan_id])
        for entry_id, plan_id in plans.held(ready.tolist()).items()
        if plan_id in waiting
    }
    return hold_back(plan, Reason.WAITING_FOR_REVIEW, details)


def _where_it_waits(context: RunContext, plan: StoredPlan) -> str:
    until = plan.expires_at.astimezone(context.timezone) if plan.expires_at else None
    limit = f", until {until:%Y-%m-%d %H:%M} at most" if until else ""
    return (
        f"It waits in plan {plan.id} for somebody's decision{limit}. `clockbooks plans` says where"
        " to decide."
    )
