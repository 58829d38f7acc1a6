"""Joins entries of one person's day that differ in nothing but time and text to lines.

A line goes as one TimeActivity, under the id of its first entry.
"""

from typing import NamedTuple

import pandas as pd

from schemas.part_ids import in_parts
from schemas.words import State
from transforms.plan.activities import to_activities
from transforms.plan.parts import LONGEST_S
from transforms.plan.summary import amount_cents

#: What QuickBooks gets in one TimeActivity at most.
LONGEST_MIN = LONGEST_S // 60


class Member(NamedTuple):
    """An entry of a line.

    Attributes:
        entry_id: The entry.
        before_min: Minutes of those before it.
        minutes: Its own.
        body: The TimeActivity that it would be alone.
    """

    entry_id: str
    before_min: int
    minutes: int
    body: str


class Lines(NamedTuple):
    """What ready rows of a plan go as.

    Attributes:
        rows: A row of `Plan` for each TimeActivity, under the id of its first entry.
        members: The entries of each line in the order of their starts, by its first one's id;
            entries that go alone are in none.
    """

    rows: pd.DataFrame
    members: dict[str, list[Member]]

    def of(self, entry_id: str) -> list[str]:
        """Return the entries that go under an id."""
        return [one.entry_id for one in self.members.get(entry_id, [])] or [entry_id]


def join(ready: pd.DataFrame, *, by_day: bool) -> Lines:
    """Join ready rows to lines.

    Args:
        ready: Rows of `Plan` that are ready, of whole days.
        by_day: Whether anything is joined. Parts of entries never are.
    """
    if not by_day:
        return Lines(ready, {})
    alone = in_parts(ready["entry_id"])
    starts = pd.to_datetime(ready["start"], format="ISO8601", utc=True)
    order = ready.assign(at=starts)[~alone].sort_values(["at", "entry_id"], kind="stable")
    bodies = to_activities(order)["body"]
    open_: dict[str, list[Member]] = {}  # by what comes before the time: all that has to be equal
    found: list[list[Member]] = []
    for id_, minutes, body in zip(order["entry_id"], order["minutes"], bodies, strict=True):
        same = body.partition(',"Hours":')[0]
        line = open_.get(same, [])
        before_min = line[-1].before_min + line[-1].minutes if line else 0
        if not line or before_min + minutes > LONGEST_MIN:
            line, before_min = [], 0
            open_[same] = line
            found.append(line)
        line.append(Member(id_, before_min, int(minutes), body))
    members = {line[0].entry_id: line for line in found if len(line) > 1}
    return Lines(_rows(ready, members), members)


def with_amounts(plan: pd.DataFrame, rows: pd.Series, *, by_day: bool) -> pd.DataFrame:
    """Return a plan with what some of its rows come to, by what the ready ones go as.

    Args:
        plan: `Plan`.
        rows: Which rows; those that are not ready are as if they would go alone.
        by_day: Whether entries are joined.
    """
    if not by_day:
        return plan
    members = join(plan[plan["state"] == State.READY], by_day=True).members
    before = {one.entry_id: one.before_min for line in members.values() for one in line}
    some = plan[rows & plan["amount_cents"].notna()]
    before_min = some["entry_id"].map(before).fillna(0)
    amounts = plan["amount_cents"].copy()
    amounts[some.index] = amount_cents(some["minutes"], some["rate_micros"], before_min)
    return plan.assign(amount_cents=amounts)


def _rows(ready: pd.DataFrame, members: dict[str, list[Member]]) -> pd.DataFrame:
    """Return ready rows with lines in place of their entries."""
    later = [one.entry_id for line in members.values() for one in line[1:]]
    texts = dict(zip(ready["entry_id"], ready["description"], strict=True))
    minutes = dict(zip(ready["entry_id"], ready["minutes"], strict=True))
    for first, line in members.items():
        minutes[first] = sum(one.minutes for one in line)
        said = dict.fromkeys(texts[one.entry_id] for one in line)
        texts[first] = "\n".join(filter(None, said))
    rows = ready[~ready["entry_id"].isin(later)]
    return rows.assign(
        minutes=pd.array([minutes[id_] for id_ in rows["entry_id"]], dtype="Int64"),
        description=pd.array([texts[id_] for id_ in rows["entry_id"]], dtype="str"),
    )
