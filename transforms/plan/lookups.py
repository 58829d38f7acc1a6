"""Looks up, for each entry, its links and its state in the ledger."""

import pandas as pd

from schemas.words import Kind


def link_state(
    ids: pd.Series, kind: Kind, links: pd.DataFrame, unlinked: pd.DataFrame
) -> pd.DataFrame:
    """Look up Clockify's ids of one kind in `Links` and `Unlinked`.

    Returns:
        For each id, in order: `qbo_kind` and `qbo_id` of its link, missing without one; `problem`
        and `candidates` of the last sync, missing where it found none.
    """
    found = pd.DataFrame({"clockify_id": ids})
    for frame, columns in ((links, ["qbo_kind", "qbo_id"]), (unlinked, ["problem", "candidates"])):
        of_kind = frame.loc[frame["kind"] == kind, ["clockify_id", *columns]]
        found = found.merge(of_kind, how="left", on="clockify_id")
    return found


def ledger_state(entry_ids: pd.Series, held: pd.DataFrame) -> pd.DataFrame:
    """Look entries up in the ledger.

    Args:
        entry_ids: Their ids.
        held: What the ledger holds: `entry_id`, `state`, `time_activity_id`, `minutes` and
            `before_min`.

    Returns:
        For each id, in order, the other columns; missing where it was not claimed.
    """
    return pd.DataFrame({"entry_id": entry_ids}).merge(held, how="left", on="entry_id")
