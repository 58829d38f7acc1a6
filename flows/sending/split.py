"""Cuts entries at midnight or where overtime begins, and shows those that went in parts.

An entry stays as it went: what was sent whole gets no parts later, and of what was sent in parts
nothing is added or cut anew, whatever the entry, the zone or the settings say by now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from connectors.store.parts import PartRow, is_broken
from flows.context import RunContext
from flows.sending.facts import Facts
from flows.sending.match_ledger import LedgerMatch
from flows.sending.mend import why_stuck
from flows.sending.workweeks import WeekHours
from schemas.part_ids import whole_id
from schemas.words import IN_BOOKS
from transforms.plan.judge import JudgeRules
from transforms.plan.overtime import with_hours
from transforms.plan.parts import SentPart, as_sent, with_parts
from transforms.plan.rounding import minutes_by_part


def in_their_parts(
    context: RunContext,
    facts: Facts,
    entries: pd.DataFrame,
    match: LedgerMatch,
    hours: WeekHours | None = None,
) -> tuple[pd.DataFrame, LedgerMatch]:
    """Return entries with parts in place of some, and what the ledger holds of all of them.

    The parts of an entry are about what the whole is about, so that its changes are theirs. Of one
    of which QuickBooks has only some parts, the rest waits until those were taken back.

    Args:
        context: What to work with.
        facts: Whether and where entries are cut, and how they are rounded.
        entries: `TimeEntries`, with their `day`.
        match: What the ledger holds of them.
        hours: How much of them is overtime; `None` where that is not computed.
    """
    rules, held = facts.rules, match.held
    units = context.store.parts.units(entries["entry_id"])
    if not units and not rules.by_midnight and hours is None:
        return entries, match
    sent_whole = held.loc[held["state"].isin(IN_BOOKS), "entry_id"]
    parts = cut(facts, entries, hours, whole={*sent_whole, *units})
    parts = as_sent(parts, {whole: _as_sent(rows) for whole, rows in units.items()})
    later = [row for rows in units.values() for row in rows if row.entry_id not in units]
    return parts, replace(
        match,
        held=pd.concat([held, _held(later)], ignore_index=True),
        contents=replace(match.contents, frame=_contents(match.contents.frame, parts, rules)),
        units=units,
        stuck=_stuck(context, units),
    )


def cut(
    facts: Facts,
    entries: pd.DataFrame,
    hours: WeekHours | None = None,
    *,
    whole: Collection[str] = (),
) -> pd.DataFrame:
    """Return entries with parts in place of those that are to be cut now.

    See `with_parts` and `with_hours`.
    """
    rules = facts.rules
    if rules.by_midnight:
        least_s = rules.rounding.step_min * 60 if rules.by_day else 0
        entries = with_parts(
            entries, facts.zones, rules.timezone, rules.rounding, least_s=least_s, whole=whole
        )
    if hours is None:
        return entries
    return with_hours(entries, minutes_by_part(entries, rules.rounding), hours.minutes, whole=whole)


def _as_sent(rows: Sequence[PartRow]) -> list[SentPart]:
    """Return what is in the books of an entry, and the first part that is not, with the rest."""
    lacking = [row for row in rows if not row.in_books][:1]
    return [
        SentPart(row.entry_id, row.txn_date, row.minutes if row.in_books else None)
        for row in rows
        if row.in_books or row in lacking
    ]


def _stuck(context: RunContext, units: Mapping[str, Sequence[PartRow]]) -> dict[str, str]:
    """Say of each part that is not in the books why it waits."""
    lacking = {
        whole: rows for whole, rows in units.items() if not all(row.in_books for row in rows)
    }
    broken = {whole: rows for whole, rows in lacking.items() if is_broken(rows)}
    why = why_stuck(context, broken) if broken else {}
    return {
        row.entry_id: why.get(whole, _ON_ITS_WAY)
        for whole, rows in lacking.items()
        for row in rows
        if not row.in_books
    }


_ON_ITS_WAY = (
    "It goes only together with all parts of its entry, and another one is on its way, or in"
    " doubt. The next send, or `clockbooks settle`, finds out."
)


def _held(rows: Sequence[PartRow]) -> pd.DataFrame:
    names = ("entry_id", "state", "time_activity_id", "minutes")
    values = [[getattr(row, name) for name in names] for row in rows if row.state is not None]
    return pd.DataFrame(values, columns=list(names), dtype="str").astype({"minutes": "Int64"})


def _contents(contents: pd.DataFrame, parts: pd.DataFrame, rules: JudgeRules) -> pd.DataFrame:
    """Return the contents of entries, also under the ids of their later parts, with their hours."""
    later = parts["entry_id"][parts["entry_id"].str.contains("/", regex=False).astype(bool)]
    later = later[later.map(whole_id).isin(contents.index)]  # a running timer has none
    copies = contents.loc[later.map(whole_id)].assign(entry_id=later.to_numpy())
    every = pd.concat([contents, copies.set_index("entry_id", drop=False)])
    if "hours" not in parts:
        return every
    kinds = parts.set_index("entry_id")["hours"].reindex(every.index)
    return every.assign(hours=f"{rules.overtime} " + kinds)
