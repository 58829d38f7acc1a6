"""Holds a plan that is made anew to the one that somebody approved: exactly that goes."""

import pandas as pd

from schemas.words import Reason, State


def only_approved(
    plan: pd.DataFrame, bodies: pd.Series, kept: pd.DataFrame, *, plan_id: int, by: str
) -> pd.DataFrame:
    """Hold back the ready rows that were not approved, or are not any more what was approved.

    Args:
        plan: `Plan`, as things are now.
        bodies: The TimeActivity of each ready row, by entry id.
        kept: The entries of the approved plan among them: `entry_id`, `body`, `minutes`, `date`,
            `description` and `left_out`.
        plan_id: The approved plan's number, for people.
        by: Who approved it.

    Returns:
        The plan; rows that are held back are skipped, and say why.
    """
    ready = plan["state"] == State.READY
    approved = kept.set_index("entry_id")
    ids = plan.loc[ready, "entry_id"]
    details = pd.Series(pd.NA, index=ids.index, dtype="object")
    shown = ids.isin(approved.index)
    details[~shown] = (
        f"It was not in plan {plan_id} when that was shown and approved: it is new or was mended"
        " since. The next send takes it."
    )
    left_out = ids[shown].map(approved["left_out"]).astype(bool)
    details[left_out.index[left_out]] = (
        f"{by} left it out of plan {plan_id}. The next send offers it again."
    )
    changed = ids[shown].map(approved["body"]) != ids[shown].map(bodies)
    for index in changed.index[changed & ~left_out]:
        what = _difference(plan.loc[index], approved.loc[ids[index]])
        details[index] = (
            f"It changed since plan {plan_id} was shown ({what}), and that plan alone was"
            " approved. The next send takes it as it is now."
        )
    rows = details.index[details.notna()]
    held = plan.copy()
    held.loc[rows, "state"] = str(State.SKIPPED)
    held.loc[rows, "reason"] = str(Reason.CHANGED_SINCE_REVIEW)
    held.loc[left_out.index[left_out], "reason"] = str(Reason.LEFT_OUT)
    held.loc[rows, "detail"] = details[rows].astype("str")
    return held


def _difference(now: pd.Series, shown: pd.Series) -> str:
    """Say what is otherwise, in the order in which people look."""
    told = []
    if now["date"] != shown["date"]:
        told.append(f"its day: {shown['date']}, now {now['date']}")
    if now["minutes"] != shown["minutes"]:
        told.append(f"its time: {shown['minutes']} min, now {now['minutes']} min")
    if now["description"] != shown["description"]:
        told.append("its description")
    return "; ".join(told) or "who, for whom, or its rate"
