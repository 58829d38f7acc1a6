"""Changes the outcomes of some rows of a plan, after they have been judged."""

from collections.abc import Mapping

import pandas as pd

from schemas.part_ids import in_parts, whole_id
from schemas.words import STATE_OF, Reason, State


def hold_back(plan: pd.DataFrame, reason: Reason, details: Mapping[str, str]) -> pd.DataFrame:
    """Return the plan with some of its rows held back.

    Args:
        plan: `Plan`.
        reason: Why; the state follows from it.
        details: What a person can do about each, by entry id; other rows stay as they are.
    """
    ids = plan.loc[plan["entry_id"].isin(list(details)), "entry_id"]
    outcomes = {"state": STATE_OF[reason], "reason": reason, "detail": ids.map(details)}
    return set_outcomes(plan, pd.DataFrame(outcomes, index=ids.index))


def hold_back_together(plan: pd.DataFrame) -> pd.DataFrame:
    """Return the plan without ready parts of entries of which another part cannot go.

    They get the reason of that part. Where it is on its way or in doubt, they only wait.
    """
    parts = plan[in_parts(plan["entry_id"])]
    is_ready = parts["state"] == State.READY
    is_sent = (parts["state"] == State.SENT) | (parts["reason"] == Reason.ALREADY_SENT)
    others = parts[~is_ready & ~is_sent]
    if others.empty or not is_ready.any():
        return plan
    others = others.assign(whole=others["entry_id"].map(whole_id)).drop_duplicates("whole")
    obstacles = others.set_index("whole")
    ready = parts[is_ready]
    wholes = ready["entry_id"].map(whole_id)
    held = ready[wholes.isin(obstacles.index)]
    why = obstacles.loc[wholes[held.index]].set_index(held.index)
    is_unclear = why["reason"] == Reason.UNCONFIRMED
    reasons = why["reason"].mask(is_unclear, Reason.NOT_ATTEMPTED)
    details = [
        f"It goes only together with all parts of its entry, and another one cannot go now"
        f" ({id_}, {day}): {detail}"
        for id_, day, detail in why[["entry_id", "date", "detail"]].itertuples(index=False)
    ]
    outcomes = {"state": reasons.map(STATE_OF), "reason": reasons, "detail": details}
    return set_outcomes(plan, pd.DataFrame(outcomes, index=held.index))


def set_outcomes(plan: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the plan with new outcomes of some of its rows.

    Args:
        plan: `Plan`.
        outcomes: Some of `state`, `reason`, `detail` and `time_activity_id`, with the index of the
            rows that they are about.
    """
    changed = plan.copy()
    for column in outcomes:
        values = outcomes[column].astype(object)
        changed.loc[outcomes.index, column] = values.map(str, na_action="ignore").astype("str")
    return changed
