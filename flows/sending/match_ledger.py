"""Knows entries again that the ledger holds under another id: rows of files have none of their own.

A row that is known takes the ledger's id, and so is skipped, settled or tried again like any entry;
a new one gets an id made of its content and a number that tells equal rows apart. Files are taken
one after the other: what a later one repeats of an earlier one goes once, while equal rows of one
file are as many entries.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from connectors.store.ledger import About
from flows.context import RunContext
from schemas.words import LedgerState, Source
from transforms.entries.local_days import local_days, local_minutes
from transforms.identity.same_work import a_day_off, clashes, contents_of, find_twins, new_ids

#: What QuickBooks has, or may have.
_IN_THE_BOOKS = (LedgerState.SENT, LedgerState.SENDING)


@dataclass(frozen=True)
class Recognised:
    """What the ledger holds of the entries of a plan, under whatever id.

    Attributes:
        held: `entry_id` (the plan's), `state` and `time_activity_id`.
        contents: `Contents` of the finished entries.
        since: The connection's latest claim when the ledger was asked.
        own_ids: The ids of entries that were sent from a file, and the ones they have in Clockify.
        clashing: Ids of new entries that may have been sent from a file before they were edited.
    """

    held: pd.DataFrame
    contents: pd.DataFrame
    since: int
    own_ids: dict[str, str]
    clashing: list[str]

    @property
    def about(self) -> About:
        """What the entries are about, for those who claim them."""
        by_id = self.contents.set_index("entry_id", drop=False)
        return About(by_id, self.since, _sent_from_a_file)


def recognise(context: RunContext, entries: pd.DataFrame, links: pd.DataFrame) -> Recognised:
    """Look in the ledger for Clockify's entries: by their ids, then by what they are about.

    Args:
        context: What to work with.
        entries: `TimeEntries`.
        links: `Links`.
    """
    ledger, contents = context.store.ledger, context.store.contents
    days = local_days(entries["start"], context.timezone)
    walls = local_minutes(entries["start"], context.timezone)
    mine = contents_of(entries, days=days, walls=walls, links=links, source=Source.CLOCKIFY)
    since = contents.newest_claim()
    held = ledger.held(entries["entry_id"].tolist())
    new = mine[~mine["entry_id"].isin(held["entry_id"])]
    from_files = contents.known(new["day"].tolist(), source=Source.FILE)
    twins = find_twins(new, from_files).dropna()
    own_ids = dict(zip(twins, new.loc[twins.index, "entry_id"], strict=True))
    sent = ledger.held(from_files["entry_id"].tolist())
    also = sent[sent["entry_id"].isin(list(own_ids))]
    others = sent[sent["state"].isin(_IN_THE_BOOKS) & ~sent["entry_id"].isin(list(own_ids))]
    left = from_files[from_files["entry_id"].isin(others["entry_id"])]
    new = new.drop(index=twins.index)
    clashing = clashes(new, left).union(a_day_off(new, left)) if len(left) else new.index[:0]
    return Recognised(
        held=pd.concat(
            [held, also.assign(entry_id=also["entry_id"].map(own_ids))], ignore_index=True
        ),
        contents=mine,
        since=since,
        own_ids=own_ids,
        clashing=new.loc[clashing, "entry_id"].tolist(),
    )


def keep(context: RunContext, recognised: Recognised) -> None:
    """Bring the ledger up to what was recognised, before anything is claimed."""
    context.store.contents.adopt(recognised.own_ids)
    known = recognised.contents["entry_id"].isin(recognised.held["entry_id"])
    context.store.contents.remember(recognised.contents[known])


def _sent_from_a_file(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    # Two of Clockify's ids are two entries, however alike.
    return find_twins(rows, known[known["source"] == Source.FILE])


@dataclass(frozen=True)
class RecognisedRows:
    """The rows of files, with the ids under which the ledger holds them, or will.

    Attributes:
        entries: `FileEntries` with ids, in the order in which they came.
        held: What the ledger holds of them: `entry_id`, `state` and `time_activity_id`.
        about: What they are about.
        repeated: Ids of rows that repeat one of an earlier file, with that file and line.
        clashing: Ids of new rows that begin when a known entry of the same person begins.
    """

    entries: pd.DataFrame
    held: pd.DataFrame
    about: About
    repeated: dict[str, tuple[str, int]]
    clashing: list[str]


def recognise_rows(
    context: RunContext,
    entries: pd.DataFrame,
    links: pd.DataFrame,
    untold: Mapping[str, Collection[str]],
) -> RecognisedRows:
    """Find out which rows of files the ledger knows, and give ids to the others.

    Args:
        context: What to work with.
        entries: `FileEntries` of whole days, by file; their ids do not count.
        links: `Links`.
        untold: For each file the columns of `Contents` of which it says nothing.
    """
    since = context.store.contents.newest_claim()
    known = context.store.contents.known(entries["day"].unique().tolist())
    given = _Given(known)
    for file, rows in entries.groupby("file", sort=False):
        mine = contents_of(
            rows,
            days=rows["day"],
            walls=rows["wall"],
            links=links,
            source=Source.FILE,
            slack_s=rows["slack_s"],
            untold=untold[str(file)],
        )
        given.take(str(file), rows["line"], mine)
    about = given.about()
    return RecognisedRows(
        entries=entries.assign(entry_id=given.ids.reindex(entries.index)),
        held=context.store.ledger.held(about["entry_id"].tolist()),
        about=About(about.set_index("entry_id", drop=False), since, find_twins),
        repeated=given.repeated,
        clashing=given.ids[given.clashing].tolist(),
    )


class _Given:
    """The ids that were given to the rows so far, file by file.

    Attributes:
        ids: By the rows' index.
        repeated: See `RecognisedRows`.
        clashing: Index of rows, see `RecognisedRows`.
    """

    def __init__(self, known: pd.DataFrame) -> None:
        self.ids = pd.Series(dtype="str")
        self.repeated: dict[str, tuple[str, int]] = {}
        self.clashing: list[Any] = []
        self._known = known
        self._fresh: list[pd.DataFrame] = []
        self._places: dict[str, tuple[str, int]] = {}

    def take(self, file: str, lines: pd.Series, mine: pd.DataFrame) -> None:
        """Give ids to the rows of one more file."""
        before = pd.concat([self._known, *self._fresh], ignore_index=True)
        before = before.drop_duplicates("entry_id")  # a file may repeat what the ledger knows
        found = find_twins(mine, before)
        new = mine[found.isna()]
        self.clashing += clashes(new, before).tolist()
        ids = found.fillna(new_ids(new, taken=before["entry_id"]))
        again = ids.isin(list(self._places))
        for index in ids.index[again]:
            number = len(self.repeated) + 1
            self.repeated[f"{ids[index]}.{number}"] = self._places[ids[index]]
            ids[index] = f"{ids[index]}.{number}"
        fresh = mine.assign(entry_id=ids)[~again]
        self._places |= {
            entry_id: (file, int(lines[index])) for index, entry_id in fresh["entry_id"].items()
        }
        self._fresh.append(fresh)
        self.ids = pd.concat([self.ids, ids])

    def about(self) -> pd.DataFrame:
        """Give the contents of all rows that repeat none, under their ids."""
        return pd.concat([self._known.iloc[:0], *self._fresh], ignore_index=True)
