"""The plans that waited or wait for a decision: what was shown, who decided what, and when."""

from datetime import datetime
from typing import Any

from connectors.store.plans import StoredPlan
from flows.context import open_store
from schemas.words import PlanState

#: Members of a plan, and of one of its entries, in JSON and as columns of the CSV.
PLAN_MEMBERS: tuple[str, ...] = (
    "plan", "state", "start", "end", "entries", "minutes", "amount_cents", "currency", "made_at",
    "expires_at", "decided_at", "decided_by", "verified_by", "note", "fingerprint", "address",
    "run_id",
)  # fmt: skip
ENTRY_MEMBERS: tuple[str, ...] = (
    "number", "date", "user", "client", "project", "description", "minutes", "left_out",
    "entry_id",
)  # fmt: skip


def listed(connection: str | None, *, withdraw: int | None = None) -> dict[str, Any]:
    """Return the connection's plans as a document, the newest first; *withdraw* one before that.

    Raises:
        AskPerson: No connection fits; or that plan does not wait, or is another connection's.
    """
    with open_store(connection) as (settings, store, connected):
        zone = settings.timezone or connected.timezone
        if withdraw is not None:
            store.plans.decide(withdraw, PlanState.WITHDRAWN, by="the command line")
        plans = [_item(plan) for plan in store.plans.all()]
    return {"plans": plans, "timezone": zone}


def entries_of(connection: str | None, plan_id: int) -> dict[str, Any]:
    """Return one plan as a document, with its entries in the order of their numbers.

    Raises:
        AskPerson: No connection fits, or the plan is not its own.
    """
    with open_store(connection) as (settings, store, connected):
        zone = settings.timezone or connected.timezone
        store.plans.end_overdue()
        plan = store.plans.of_id(plan_id)
        entries = store.plans.in_order(plan_id).to_dict("records")
    return {"plans": [_item(plan)], "timezone": zone, "entries": entries}


def _item(plan: StoredPlan) -> dict[str, Any]:
    row = vars(plan) | {"plan": plan.id, "start": plan.first_day, "end": plan.last_day}
    shown = {name: row[name] for name in PLAN_MEMBERS}
    for name, value in shown.items():
        if isinstance(value, datetime):
            shown[name] = value.isoformat()
    files = [{"file": one.path, "sha256": one.sha256} for one in plan.files]
    return shown | {"files": files, "decider": plan.decider if plan.decided_at else None}
