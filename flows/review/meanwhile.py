"""Holds back entries of an approved plan to which something happened that nobody was shown."""

import pandas as pd

from connectors.store.plans import StoredPlan
from flows.context import RunContext
from flows.sending.plan import Slice
from schemas.words import Reason, State
from transforms.identity.same_work import a_day_off, clashes
from transforms.plan.hold_back import hold_back


def hold_back_meanwhile(context: RunContext, stored: StoredPlan, one: Slice) -> pd.DataFrame:
    """Skip the ready rows that were recalled since the decision, or may have been sent edited."""
    ready = one.plan[one.plan["state"] == State.READY]
    clashing = ready[ready["entry_id"].isin(one.match.clashing)]
    edited = (
        f"An entry was sent since plan {stored.id} was made, of the same person, that begins in the"
        " same minute, or is as long on that day and project: this may be what it was before it was"
        " edited. If it is other work, the next run sends it."
    )
    details = dict.fromkeys(_met(context, stored, one, clashing), edited)
    recalled = (
        f"It was taken back out of QuickBooks after plan {stored.id} was approved. The next send"
        " takes it."
    )
    assert stored.decided_at is not None, "the plan is approved"  # noqa: S101
    ids = context.store.ledger.recalled_since(ready["entry_id"].tolist(), stored.decided_at)
    details |= dict.fromkeys(ids, recalled)
    return hold_back(one.plan, Reason.CHANGED_SINCE_REVIEW, details)


def _met(context: RunContext, stored: StoredPlan, one: Slice, rows: pd.DataFrame) -> list[str]:
    """Return which clashing rows clash with what others than the plan sent since it was made."""
    if rows.empty:
        return []
    sent = context.store.contents.sent_since(rows["date"].tolist(), stored.made_at)
    own = context.store.plans.entries(stored.id, sent["entry_id"].tolist())
    others = sent[~sent["entry_id"].isin(own["entry_id"])]
    mine = one.match.contents.of(rows["entry_id"])
    return list(clashes(mine, others).union(a_day_off(mine, others)))
