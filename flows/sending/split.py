"""Cuts entries at midnight where they are to go in parts, or have gone in parts.

An entry stays as it went: what was sent whole gets no parts later, and what was sent in parts stays
in parts, whatever the settings say by now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from connectors.store.parts import PartRow
from flows.context import RunContext
from flows.sending.facts import Facts
from flows.sending.match_ledger import IN_THE_BOOKS, LedgerMatch
from schemas.part_ids import later_ids, part_number, whole_id
from schemas.words import LedgerState
from transforms.plan.parts import as_sent, with_parts


def in_their_parts(
    context: RunContext, facts: Facts, entries: pd.DataFrame, match: LedgerMatch
) -> tuple[pd.DataFrame, LedgerMatch]:
    """Return entries with parts in place of some, and what the ledger holds of all of them.

    The parts of an entry are about what the whole is about, so that its changes are theirs.

    Args:
        context: What to work with.
        facts: Whether and where entries are cut, and how they are rounded.
        entries: `TimeEntries`, with their `day`.
        match: What the ledger holds of them.
    """
    rules, store, held = facts.rules, context.store.parts, match.held
    later = store.later(entries["entry_id"].tolist())
    if not later and not rules.by_midnight:
        return entries, match
    is_open, ids = store.open().keys(), set(entries["entry_id"])
    in_parts = ids & ({whole_id(row.entry_id) for row in later if row.in_books} | is_open)
    sent_whole = set(held.loc[held["state"].isin(IN_THE_BOOKS), "entry_id"]) - in_parts
    parts = with_parts(
        entries,
        facts.zones,
        rules.timezone,
        rules.rounding,
        least_s=rules.rounding.step_min * 60 if rules.by_day else 0,
        whole=sent_whole if rules.by_midnight else ids - in_parts,
    )
    gone: dict[str, PartRow] = {}
    for whole in sorted(in_parts):
        rows = store.of([whole, *later_ids(whole)])
        now = set(parts.loc[parts["entry_id"].map(whole_id) == whole, "entry_id"])
        entry = entries[entries["entry_id"] == whole]
        if whole not in is_open and _went_otherwise(context, rows, now, entry):
            parts = as_sent(parts, entry, _in_order(rows))
        elif extra := [row for row in rows if row.in_books and row.entry_id not in now]:
            gone[whole] = extra[0]
    held = _waiting(pd.concat([held, _held(later)], ignore_index=True), parts, gone)
    contents = replace(match.contents, frame=_with_copies(match.contents.frame, parts))
    return parts, replace(match, held=held, contents=contents)


def _went_otherwise(
    context: RunContext, rows: Sequence[PartRow], now: Collection[str], entry: pd.DataFrame
) -> bool:
    """Whether an entry has not changed since all of it was sent, and would be cut otherwise now.

    So it is where the zone or the rounding is another by now.
    """
    sent = [row.entry_id for row in rows if row.in_books]
    is_whole = entry["entry_id"].iloc[0] in sent
    if set(sent) == now or not is_whole or any(row.state == LedgerState.REFUSED for row in rows):
        return False
    then = context.store.contents.as_claimed(sent)
    same = (then["start"] == entry["start"].iloc[0]) & (
        then["duration_s"] == entry["duration_s"].iloc[0]
    )
    return len(then) == len(sent) and bool(same.all())


def _in_order(rows: Sequence[PartRow]) -> list[tuple[str, str, int]]:
    """Return id, day and minutes of the parts that are in the books."""
    sent = sorted((row for row in rows if row.in_books), key=lambda row: part_number(row.entry_id))
    return [(row.entry_id, row.txn_date or "", row.minutes or 0) for row in sent]


def _waiting(held: pd.DataFrame, parts: pd.DataFrame, gone: Mapping[str, PartRow]) -> pd.DataFrame:
    """Let parts wait that would go beside one that their entry does not have any more.

    It counts as theirs until a repair has taken it out of the books.
    """
    in_books = set(held.loc[held["state"].isin(IN_THE_BOOKS), "entry_id"])
    waiting = [
        replace(gone[whole_id(id_)], entry_id=id_, state=LedgerState.SENT)
        for id_ in parts["entry_id"]
        if whole_id(id_) in gone and id_ not in in_books
    ]
    others = held[~held["entry_id"].isin([row.entry_id for row in waiting])]
    return pd.concat([others, _held(waiting)], ignore_index=True)


def _held(rows: Sequence[PartRow]) -> pd.DataFrame:
    names = ("entry_id", "state", "time_activity_id", "minutes")
    values = [[getattr(row, name) for name in names] for row in rows]
    return pd.DataFrame(values, columns=list(names), dtype="str").astype({"minutes": "Int64"})


def _with_copies(contents: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Return the contents of entries, also under the ids of their later parts."""
    later = parts["entry_id"][parts["entry_id"].str.contains("/", regex=False).astype(bool)]
    copies = contents.loc[later.map(whole_id)].assign(entry_id=later.to_numpy())
    return pd.concat([contents, copies.set_index("entry_id", drop=False)])
