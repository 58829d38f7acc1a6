"""Recognizes entries that the ledger holds under another id: rows of files have none of their own.

A row that is recognized takes the ledger's id, and so is skipped, settled or tried again like any
entry. A new one gets an id made of its content and a number that tells equal rows apart. Files are
taken one after the other: what a later one repeats of an earlier one goes once, while equal rows of
one file are as many entries.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from connectors.store.claim_records import PlanContents
from connectors.store.parts import PartRow
from flows.context import RunContext
from schemas.words import IN_BOOKS, LedgerState, Source
from transforms.entries.local_days import local_minutes
from transforms.identity.same_work import (
    ROW_ID,
    a_day_off,
    clashes,
    entry_contents,
    find_twins,
    new_ids,
)

#: How many days apart the same work may be dated: clocks of the world are up to 26 hours apart.
_DAYS_APART = pd.Timedelta(days=2)


@dataclass(frozen=True)
class LedgerMatch:
    """What the ledger holds of the entries of a plan, under whatever id.

    Attributes:
        held: `entry_id` (the plan's), `state`, `time_activity_id` and `minutes`.
        contents: What the entries are about, for those who claim them.
        clashing: Ids of new entries that may be edited versions of entries that were sent.
        own_ids: The ids of entries that were sent from a file, and the ones they have in Clockify.
        repeated: Ids of rows that repeat one of an earlier file, with that file and line.
        units: What the ledger holds of entries that went in parts, by the id of the whole.
        stuck: Ids of parts that wait until others of their entry were taken back, and for what.
    """

    held: pd.DataFrame
    contents: PlanContents
    clashing: list[str]
    own_ids: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, tuple[str, int]] = field(default_factory=dict)
    units: Mapping[str, Sequence[PartRow]] = field(default_factory=dict)
    stuck: dict[str, str] = field(default_factory=dict)


def match_entries(context: RunContext, entries: pd.DataFrame, links: pd.DataFrame) -> LedgerMatch:
    """Look in the ledger for `TimeEntries` with their `day`: by id, then by what they are about."""
    ledger, contents = context.store.ledger, context.store.contents
    mine = entry_contents(
        entries,
        days=entries["day"],
        walls=local_minutes(entries["start"], context.timezone),
        links=links,
        source=Source.CLOCKIFY,
    )
    since = contents.newest_claim()
    held = ledger.held(entries["entry_id"].tolist())
    is_there = held["state"].isin(IN_BOOKS)
    in_parts = context.store.parts.units(held.loc[~is_there, "entry_id"])
    is_there |= held["entry_id"].isin(list(in_parts))
    # As objects, which pandas compares ten times as fast as text columns.
    there = held.loc[is_there, "entry_id"].astype(object)
    new = mine[~mine["entry_id"].astype(object).isin(there)]
    from_files = contents.known(new["day"].tolist(), source=Source.FILE)
    # One of Clockify's that went from a file is known by its id.
    from_files = from_files[~from_files["entry_id"].isin(mine["entry_id"])]
    twins = find_twins(new, from_files).dropna()
    own_ids = dict(zip(twins, new.loc[twins.index, "entry_id"], strict=True))
    filed = ledger.held(from_files["entry_id"].tolist())
    is_twin = filed["entry_id"].isin(list(own_ids))
    others = filed.loc[filed["state"].isin(IN_BOOKS) & ~is_twin, "entry_id"]
    left = from_files[from_files["entry_id"].isin(others)]
    new = new.drop(index=twins.index)
    clashing = clashes(new, left).union(a_day_off(new, left)) if len(left) else new.index[:0]
    renamed = filed[is_twin].assign(entry_id=lambda twins: twins["entry_id"].map(own_ids))
    return LedgerMatch(
        held=pd.concat(
            [held[~held["entry_id"].isin(renamed["entry_id"])], renamed], ignore_index=True
        ),
        contents=PlanContents(mine.set_index("entry_id", drop=False), since, sent_from_a_file),
        clashing=new.loc[clashing, "entry_id"].tolist(),
        own_ids=own_ids,
    )


def keep(context: RunContext, match: LedgerMatch) -> None:
    """Bring the ledger up to what was recognized, before anything is claimed."""
    context.store.contents.adopt(match.own_ids)
    contents = match.contents.frame
    known = contents["entry_id"].isin(match.held["entry_id"])
    context.store.contents.remember(contents[known].assign(hours=None))  # as which nobody knows


def sent_from_a_file(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    """Return which of Clockify's entries are ones that were sent from a file, by `entry_id`."""
    # Two of Clockify's ids are two entries, however alike.
    return find_twins(rows, known[known["source"] == Source.FILE])


@dataclass
class NewRows:
    """New rows of an import that a row of a later file may repeat, across the slices of its plan.

    Attributes:
        contents: Frames of `Contents`, by the ids that the rows were given.
        places: File and line of each, by id.
    """

    contents: list[pd.DataFrame] = field(default_factory=list)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def forget_before(self, day: str) -> None:
        """Forget the rows that are too old to be the same work as one of *day*, YYYY-MM-DD."""
        oldest = (pd.Timestamp(day) - _DAYS_APART).strftime("%Y-%m-%d")
        self.contents = [one[one["day"] >= oldest] for one in self.contents]
        self.contents = [one for one in self.contents if len(one)]
        self.places = {id_: self.places[id_] for one in self.contents for id_ in one["entry_id"]}


def match_rows(
    context: RunContext,
    entries: pd.DataFrame,
    links: pd.DataFrame,
    untold: Mapping[str, Collection[str]],
    new_rows: NewRows,
) -> tuple[pd.DataFrame, LedgerMatch]:
    """Find out which rows of files the ledger knows, and give ids to the others.

    Args:
        context: What to work with.
        entries: `FileEntries` of whole days, by file; their own ids do not count.
        links: `Links`.
        untold: For each file the columns of `Contents` of which it says nothing.
        new_rows: What earlier slices of the plan brought; this one's new rows are added.

    Returns:
        *entries* with their ids, and what the ledger holds of them.
    """
    since, known, held = _known(context, entries["day"].unique().tolist())
    former = context.store.contents.former(entries["day"].unique().tolist())
    new_rows.forget_before(entries["day"].min())
    ids, mine, clashing = [], [known.iloc[:0]], []
    repeated: dict[str, tuple[str, int]] = {}
    for file, rows in entries.groupby("file", sort=False):
        contents = entry_contents(
            rows,
            days=rows["day"],
            walls=rows["wall"],
            links=links,
            source=Source.FILE,
            slack_s=rows["slack_s"],
            untold=untold[str(file)],
        )
        # A file may repeat what the ledger knows, as an earlier one did.
        before = pd.concat([known, former, *new_rows.contents], ignore_index=True)
        before = before.drop_duplicates("entry_id")
        found = _as_now(find_twins(contents, before))
        new = contents[found.isna()]
        file_ids = found.fillna(new_ids(new, taken=before["entry_id"]))
        clashing.append(file_ids[clashes(new, before)])
        again = file_ids.isin(list(new_rows.places))
        for index in file_ids.index[again]:
            number = len(repeated) + 1
            repeated[f"{file_ids[index]}.{number}"] = new_rows.places[file_ids[index]]
            file_ids[index] = f"{file_ids[index]}.{number}"
        first = contents.assign(entry_id=file_ids)[~again]
        new_rows.contents.append(first)
        lines = rows.loc[first.index, "line"]
        new_rows.places |= {
            id_: (str(file), int(line)) for id_, line in zip(first["entry_id"], lines, strict=True)
        }
        ids.append(file_ids)
        mine.append(first)
    about = pd.concat(mine, ignore_index=True)
    originals = {id_: id_.rpartition(".")[0] for id_ in repeated}
    others = {*about["entry_id"], *originals.values()} - {*known["entry_id"]}
    held = pd.concat([held, context.store.ledger.held(sorted(others))], ignore_index=True)
    held = _with_parts(context, held, about["entry_id"])
    match = LedgerMatch(
        held=_with_repeated(held, originals),
        contents=PlanContents(about.set_index("entry_id", drop=False), since, find_twins),
        clashing=pd.concat(clashing).tolist(),
        repeated=repeated,
    )
    return entries.assign(entry_id=pd.concat(ids).reindex(entries.index)), match


def _as_now(found: pd.Series) -> pd.Series:
    """Return the ids of entries for those of what they were about before a repair."""
    ids = found.str.partition("~")[0]
    # Nothing is one entry twice: another row has what it is about now.
    return ids.mask(ids.duplicated(keep=False) & (ids != found))


def _known(context: RunContext, days: list[str]) -> tuple[int, pd.DataFrame, pd.DataFrame]:
    """Return the latest claim, the contents of some days, and what the ledger holds of them."""
    while True:
        since = context.store.contents.newest_claim()
        known = context.store.contents.known(days)
        held = context.store.ledger.held(known["entry_id"].tolist())
        # A send may give a known entry Clockify's id in between: then it would look new.
        if len(held) == len(known):
            return since, known, held


def _with_parts(context: RunContext, held: pd.DataFrame, entry_ids: pd.Series) -> pd.DataFrame:
    """Let entries count as sent of which a part is in the books, or may be."""
    own = [id_ for id_ in entry_ids if not id_.startswith(ROW_ID)]
    parts = {
        whole: next(row.time_activity_id for row in rows if row.in_books)
        for whole, rows in context.store.parts.units(own).items()
    }
    lacking = parts.keys() - set(held.loc[held["state"].isin(IN_BOOKS), "entry_id"])
    rows = {"entry_id": sorted(lacking), "state": LedgerState.SENT}
    added = pd.DataFrame(rows).assign(time_activity_id=[parts[id_] for id_ in rows["entry_id"]])
    others = held[~held["entry_id"].isin(lacking)]
    return pd.concat([others, added.astype("str")], ignore_index=True) if lacking else held


def _with_repeated(held: pd.DataFrame, originals: Mapping[str, str]) -> pd.DataFrame:
    """Let rows that repeat what was sent count as sent too."""
    sent = held[held["state"] == LedgerState.SENT]
    names = {"again": list(originals), "entry_id": list(originals.values())}
    again = pd.DataFrame(names, dtype="str").merge(sent, on="entry_id")
    again = again.drop(columns="entry_id").rename(columns={"again": "entry_id"})
    return pd.concat([held, again], ignore_index=True)
