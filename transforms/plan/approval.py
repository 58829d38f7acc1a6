"""Compares a plan that was made again with the approved one: only what was approved goes."""

import pandas as pd

from schemas.words import Reason, State
from transforms.plan.activities import places_of, to_activities
from transforms.plan.hold_back import hold_back


def only_approved(plan: pd.DataFrame, kept: pd.DataFrame, *, plan_id: int, by: str) -> pd.DataFrame:
    """Hold back the ready rows that were not approved, or are no longer what was approved.

    Args:
        plan: `Plan`, as things are now.
        kept: Entries of the approved plan, as stored: `entry_id`, `body`, `minutes`, `date`,
            `description` and `left_out`.
        plan_id: The number by which people know the approved plan.
        by: Who approved it.
    """
    ready = plan[plan["state"] == State.READY]
    bodies = to_activities(ready).set_index("entry_id")["body"]
    now, approved = ready.set_index("entry_id"), kept.set_index("entry_id")
    shown = now.index[now.index.isin(approved.index)]
    left_out = shown[approved.loc[shown, "left_out"].astype(bool)]
    other = shown[approved.loc[shown, "body"] != bodies.loc[shown]].difference(left_out)
    new = now.index.difference(shown)
    changed = dict.fromkeys(
        new,
        f"It was not in plan {plan_id} when the plan was approved: it is new, or could not be sent"
        " then. The next send takes it.",
    )
    for entry_id in other:
        what = _difference(now.loc[entry_id], approved.loc[entry_id], bodies[entry_id])
        changed[entry_id] = (
            f"It has changed since plan {plan_id} was shown ({what}), so it is not what was"
            " approved. The next send takes it as it is now."
        )
    omitted = f"{by} left it out of plan {plan_id}. The next send offers it again."
    held = hold_back(plan, Reason.LEFT_OUT, dict.fromkeys(left_out, omitted))
    return hold_back(held, Reason.CHANGED_SINCE_REVIEW, changed)


def _difference(now: pd.Series, shown: pd.Series, body: str) -> str:
    """Describe what has changed, in the order in which people look."""
    found = []
    if now["date"] != shown["date"]:
        found.append(f"day: was {shown['date']}, is {now['date']}")
    if now["minutes"] != shown["minutes"]:
        found.append(f"time: was {shown['minutes']} min, is {now['minutes']} min")
    if now["description"] != shown["description"]:
        found.append("description")
    if places_of(body) != places_of(shown["body"]):
        found.append("item, class, location or pay type")
    return "; ".join(found) or "person, customer or rate"
