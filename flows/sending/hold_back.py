"""Decides which refused entries are worth another try.

QuickBooks gives the same answer to the same question: an entry that it refused is handed over again
only when the entry or its link has changed, when something that it refers to, or the company, has
changed in QuickBooks since, after a sync, or when somebody asks for it.

What waits in a plan is left to whoever decides there: no other send takes it.

Prefect gives a waiting run's slot away, so that nothing of Prefect's would keep a nightly send from
the very entries that somebody is looking at. The others of those days go as ever: one plan that
waits does not stop the good ones.

Rows of files have no ids by which a plan could know them. One that is the same as an entry of a
waiting plan goes with its import; the plan, once approved, finds the entry sent, and leaves it.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.store.ledger import Refusal
from connectors.store.plans import StoredPlan
from flows.context import RunContext
from schemas.quickbooks import Company
from schemas.words import Reason, State
from transforms.plan.activities import to_activities
from transforms.plan.explain import refused_before


def hold_back_refused(context: RunContext, company: Company, plan: pd.DataFrame) -> pd.DataFrame:
    """Reject the plan's ready entries that were refused before, unless another try may help.

    Args:
        context: What to work with.
        company: The company as it is now.
        plan: `Plan`.

    Returns:
        The plan, with those entries rejected in the words of the refusal.
    """
    ready = plan[plan["state"] == State.READY]
    before = context.store.ledger.refusals(ready["entry_id"].tolist())
    if not before:
        return plan
    bodies = to_activities(ready).set_index("entry_id")["body"]
    same = [
        refusal
        for refusal in before
        if refusal.body == bodies[refusal.entry_id]
        and refusal.company_state == company.state
        and not _synced_since(context, refusal.refused_at)
    ]
    changed = _changed_references(context, same)
    hopeless = {
        refusal.entry_id: refused_before(refusal.fault, refusal.refused_at.date())
        for refusal in same
        if not changed(refusal)
    }
    rows = plan["entry_id"].isin(list(hopeless))
    held = plan.copy()
    held.loc[rows, "state"] = str(State.REJECTED)
    held.loc[rows, "reason"] = str(Reason.QBO_REFUSED)
    held.loc[rows, "detail"] = held.loc[rows, "entry_id"].map(hopeless)
    return held


def _synced_since(context: RunContext, refused_at: datetime) -> bool:
    synced_at = context.connection.synced_at
    return synced_at is not None and synced_at > refused_at


def _changed_references(context: RunContext, refusals: Sequence[Refusal]) -> Any:
    """Ask QuickBooks when the people and customers of these entries were last changed."""
    wanted: dict[str, set[str]] = {}
    for refusal in refusals:
        for entity, id_ in _references(refusal.body):
            wanted.setdefault(entity, set()).add(id_)
    changed_at: dict[tuple[str, str], datetime | None] = {}
    for entity, ids in wanted.items():
        for row in context.quickbooks.by_ids(entity, sorted(ids)):
            changed_at[entity, str(row.get("Id"))] = _instant(
                (row.get("MetaData") or {}).get("LastUpdatedTime")
            )

    def changed(refusal: Refusal) -> bool:
        times = [changed_at.get(reference) for reference in _references(refusal.body)]
        # What QuickBooks does not tell may have changed.
        return refusal.qbo_time is None or any(
            time is None or time >= refusal.qbo_time for time in times
        )

    return changed


def _references(body: str) -> list[tuple[str, str]]:
    activity = json.loads(body)
    entities = {"EmployeeRef": "Employee", "VendorRef": "Vendor", "CustomerRef": "Customer"}
    return [
        (entity, str(activity[name]["value"]))
        for name, entity in entities.items()
        if name in activity
    ]


def _instant(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def hold_back_waiting(context: RunContext, plan: pd.DataFrame) -> pd.DataFrame:
    """Skip the plan's ready entries that wait in a kept plan of the connection.

    Args:
        context: What to work with.
        plan: `Plan`.

    Returns:
        The plan; what waits elsewhere is skipped, and says where it waits.
    """
    plans = context.store.plans
    ready = plan.loc[plan["state"] == State.READY, "entry_id"]
    if ready.empty:
        return plan
    waiting = {kept.id: kept for kept in plans.waiting()}
    if not waiting:
        return plan
    waits = plans.held(ready.tolist())
    waits = {entry_id: plan_id for entry_id, plan_id in waits.items() if plan_id in waiting}
    rows = plan["entry_id"].isin(list(waits))
    held = plan.copy()
    held.loc[rows, "state"] = str(State.SKIPPED)
    held.loc[rows, "reason"] = str(Reason.WAITING_FOR_REVIEW)
    held.loc[rows, "detail"] = [
        _told(context, waiting[waits[entry_id]]) for entry_id in held.loc[rows, "entry_id"]
    ]
    return held


def _told(context: RunContext, plan: StoredPlan) -> str:
    until = plan.expires_at.astimezone(context.timezone) if plan.expires_at else None
    day = f", until {until:%Y-%m-%d %H:%M} at most" if until else ""
    return (
        f"It waits in plan {plan.id} for somebody's decision{day}. Decide there: `clockbooks plans`"
        " says where."
    )
