"""Adds up what was tracked: what of it was sent, what can still go, and what stays behind."""

from collections.abc import Collection

import pandas as pd

from schemas.words import Reason, State
from transforms.plan.summary import places

#: What becomes of time: `sent` is in QuickBooks, `open` may still go, `not_sent` stays behind.
OUTCOMES = ("sent", "open", "not_sent")

#: Why ready time is not sent yet: a run has read it, or none has.
READY, NEVER_READ = "ready", "never_read"

_OPEN = {State.READY: "open", State.IN_DOUBT: "open", State.SENT: "sent"}
_BY_REASON = {Reason.ALREADY_SENT: "sent", Reason.WAITING_FOR_REVIEW: "open"}
_WHAT = ["user", "place", "outcome", "reason"]
_SUMS = ["entries", "minutes", "amount_cents"]


def added_up(plan: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """Add up the rows of a plan.

    Args:
        plan: `Plan`, of a dry run.
        known: Ids of the entries that a run has read.

    Returns:
        For each `user`, `place` (client › project), `outcome` (of `OUTCOMES`) and `reason` (of
        `Reason`, or `READY` or `NEVER_READ`): `entries`, `minutes` and `amount_cents`.
    """
    ready = plan["state"] == State.READY
    unread = pd.Series(READY, index=plan.index).mask(
        ~plan["entry_id"].isin(list(known)), NEVER_READ
    )
    outcome = plan["reason"].map(_BY_REASON).fillna(plan["state"].map(_OPEN))
    minutes = plan["minutes"].fillna(0)
    return joined([
        pd.DataFrame({
            "user": plan["user"].fillna("(no name)"),
            "place": places(plan["client"], plan["project"]),
            "outcome": outcome.fillna("not_sent"),
            "reason": plan["reason"].mask(ready, unread).fillna(""),
            "entries": 1,
            "minutes": minutes.astype("int64"),
            "amount_cents": plan["amount_cents"].fillna(0).astype("int64"),
        })
    ])  # fmt: skip


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Add up what `added_up` returned of the parts of a plan."""
    return pd.concat(parts).groupby(_WHAT, sort=True)[_SUMS].sum().reset_index()


def wide(sums: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the sums by `user` or `place`, the one with most time first.

    Returns:
        `minutes` and `amount_cents` of all that was tracked, and of each outcome, such as
        `sent_minutes` and `sent_amount_cents`.
    """
    found = sums.groupby(by)[_SUMS[1:]].sum()
    for outcome in OUTCOMES:
        part = sums[sums["outcome"] == outcome].groupby(by)[_SUMS[1:]].sum()
        found = found.join(part.add_prefix(f"{outcome}_"))
    found = found.fillna(0).astype("int64").reset_index()
    return found.sort_values("minutes", ascending=False, kind="stable", ignore_index=True)
