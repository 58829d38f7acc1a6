"""Entries in parts are one thing, and so are lines: all of one is taken back together, or none is.

Nothing of one is written anew: what is not right any more goes, and the next send sends it again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from connectors.store.parts import PartRow
from connectors.store.scope import records
from flows.context import RunContext
from flows.reconciliation.findings import Finding
from schemas.part_ids import whole_id
from schemas.words import Reason, State, Verdict
from transforms.plan.activities import to_activities
from transforms.reconciliation.judge import Judged
from transforms.reconciliation.sides import Now


def with_other_parts(
    context: RunContext, rows: Sequence[Any]
) -> tuple[list[Any], dict[str, list[PartRow]]]:
    """Return sent entries with all parts, and all of the lines, of which one is there.

    Returns also which entries are in parts.
    """
    ids = {row.entry_id for row in rows}
    units = context.store.parts.units(ids)
    parts = {part.entry_id for unit in units.values() for part in unit}
    of_lines = {row.line for row in rows if row.line}
    others = context.store.sent.of(sorted((parts - ids) | of_lines))
    return [*rows, *(row for row in others if row.entry_id not in ids)], units


def united(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, those of a unit behind each other, so that they go together or stay.

    A part of an entry, or an entry of a line, that is as it should be goes with one that is not.
    """
    units: dict[Any, list[Finding]] = {}
    for number, one in enumerate(findings):
        units.setdefault(one.unit or number, []).append(one)
    return [
        one
        for parts in units.values()
        for one in (_together(parts) if parts[0].unit is not None else parts)
    ]


def _together(parts: Sequence[Finding]) -> list[Finding]:
    found = next((one for one in parts if not one.agrees), None)
    stays = next((one for one in parts if one.judged.step is None), None)
    if found is None:
        return [replace(one, judged=_left_alone(one.judged), sent=None, now=None) for one in parts]
    if stays is not None:
        return [
            replace(one, judged=_left_alone(one.judged) if one.agrees else _kept(one, stays))
            for one in parts
        ]
    return [_taken_along(one, found) if one.agrees else one for one in parts]


def _taken_along(one: Finding, found: Finding) -> Finding:
    """Return one that agrees, and goes because another one does."""
    detail = found.judged.detail
    if one.sent is not None and one.sent.line is not None:
        detail = f"It went in one TimeActivity with entry {found.entry_id}: {detail}"
    return replace(one, judged=replace(one.judged, verdict=found.judged.verdict, detail=detail))


def _left_alone(judged: Judged) -> Judged:
    return Judged(Verdict.AGREES, sides=judged.sides)


def _kept(one: Finding, stays: Finding) -> Judged:
    """Return a part that stays because another one does."""
    judged = one.judged
    if judged.step is None:
        return judged
    what = "another part of its entry"
    if one.sent is not None and one.sent.line is not None:
        what = "another entry of its TimeActivity"
    detail = (
        f"It stays, because {what} does ({stays.entry_id}, TimeActivity"
        f" {stays.time_activity_id}): {stays.judged.detail}"
    )
    verdict = judged.verdict if judged.verdict != Verdict.UNSENT else stays.judged.verdict
    return replace(judged, verdict=verdict, step=None, blocked=stays.judged.blocked, detail=detail)


def unit_of(row: Any, units: Iterable[str]) -> str | None:
    """Return what a row of `SentEntries` goes together by: its whole entry, or its line."""
    return row.line or whole_of(row.entry_id, units)


def whole_of(entry_id: str, units: Iterable[str]) -> str | None:
    """Return the whole entry of one that is in parts; `None` for any other."""
    return whole if (whole := whole_id(entry_id)) in units else None


def on_its_days(parts: pd.DataFrame, whole: pd.DataFrame, units: Collection[str]) -> pd.DataFrame:
    """Return sent parts as many days later as their entry begins after the first of them."""
    wholes = parts["entry_id"].map(whole_id)
    wholes = wholes[wholes.isin(list(units))]
    if wholes.empty:
        return parts
    days = pd.to_datetime(parts["day"].loc[wholes.index])
    later = pd.to_datetime(wholes.map(whole.set_index("entry_id")["day"]))
    days += later - days.groupby(wholes).transform("min")
    return parts.assign(day=days.dt.strftime("%Y-%m-%d").reindex(parts.index).fillna(parts["day"]))


def as_whole(now: Mapping[str, Now], anew: pd.DataFrame, units: Collection[str]) -> dict[str, Now]:
    """Return parts with what the next send would create of their entry, or why it would not."""
    bodies: dict[str, list[str]] = defaultdict(list)
    ready = to_activities(anew[anew["state"] == State.READY])
    for id_, body in zip(ready["entry_id"], ready["body"], strict=True):
        bodies[whole_id(id_)].append(body)
    why = {
        whole_id(row["entry_id"]): (row["reason"], row["detail"])
        for row in reversed(records(anew))
        if row["reason"] is not None
    }
    found: dict[str, Now] = {}
    for id_, one in now.items():
        if whole := whole_of(id_, units):
            reason, detail = why.get(whole, (None, None))
            contents = None if reason == Reason.RUNNING else one.contents
            new = tuple(bodies[whole])
            found[id_] = replace(one, reason=reason, detail=detail, contents=contents, anew=new)
    return found


def with_other_hours(now: Mapping[str, Now], changed: Mapping[str, str]) -> dict[str, Now]:
    """Return parts and entries that would go as other hours now, with what to say of that."""
    ids = [id_ for id_ in now if whole_id(id_) in changed]
    return {id_: replace(now[id_], other_hours=changed[whole_id(id_)]) for id_ in ids}
