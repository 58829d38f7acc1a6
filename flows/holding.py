"""Leaves what waits in a plan for somebody's decision to that decision: no other send takes it.

Prefect gives a waiting run's slot away, so that nothing of Prefect's would keep a nightly send from
the very entries that somebody is looking at. The others of those days go as ever: one plan that
waits does not stop the good ones.

Rows of files have no ids by which a plan could know them. One that is the same as an entry of a
waiting plan goes with its import; the plan, once approved, finds the entry sent, and leaves it.
"""

import pandas as pd

from connectors.store import plans
from connectors.store.plans import StoredPlan
from flows.context import World
from schemas.words import Reason, State


def hold_back_waiting(world: World, plan: pd.DataFrame) -> pd.DataFrame:
    """Skip the plan's ready entries that wait in a kept plan of the connection.

    Args:
        world: What to work with.
        plan: `Plan`.

    Returns:
        The plan; what waits elsewhere is skipped, and says where it waits.
    """
    now, engine, connection_id = world.now(), world.engine, world.connection.id
    ready = plan.loc[plan["state"] == State.READY, "entry_id"]
    if ready.empty:
        return plan
    waiting = {kept.id: kept for kept in plans.waiting(engine, connection_id, now=now)}
    if not waiting:
        return plan
    waits = plans.held(engine, connection_id, ready.tolist(), now=now)
    waits = {entry_id: plan_id for entry_id, plan_id in waits.items() if plan_id in waiting}
    rows = plan["entry_id"].isin(list(waits))
    held = plan.copy()
    held.loc[rows, "state"] = str(State.SKIPPED)
    held.loc[rows, "reason"] = str(Reason.WAITING_FOR_REVIEW)
    held.loc[rows, "detail"] = [
        _told(world, waiting[waits[entry_id]]) for entry_id in held.loc[rows, "entry_id"]
    ]
    return held


def _told(world: World, plan: StoredPlan) -> str:
    until = plan.expires_at.astimezone(world.timezone) if plan.expires_at else None
    day = f", until {until:%Y-%m-%d %H:%M} at most" if until else ""
    return (
        f"It waits in plan {plan.id} for somebody's decision{day}. Decide there: `clockbooks plans`"
        " says where."
    )
