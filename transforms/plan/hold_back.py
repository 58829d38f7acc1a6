"""Changes the outcomes of some rows of a plan, after they have been judged."""

from collections.abc import Mapping

import pandas as pd

from schemas.words import STATE_OF, Reason


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
