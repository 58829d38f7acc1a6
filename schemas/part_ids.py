"""The ids of an entry's parts: what is booked on several days has a row of the ledger for each.

The first part keeps the entry's id; the second one has `/2` behind it, the third one `/3`. No other
id has a slash (`TimeEntries.entry_id`, and the ids of rows of files), so that every id says of
itself whose part it is.
"""

import pandas as pd

#: As many as QuickBooks takes in one batch (FACTS, QBO, 2.1): parts go together.
MOST_PARTS = 30


def whole_id(entry_id: str) -> str:
    """Return the id of the whole entry.

    Examples:
        >>> whole_id("64f0/2"), whole_id("64f0")
        ('64f0', '64f0')
    """
    return entry_id.partition("/")[0]


def part_id(entry_id: str, number: int) -> str:
    """Return the id of a part of an entry, by its number from 1 on."""
    return entry_id if number == 1 else f"{entry_id}/{number}"


def later_ids(entry_id: str) -> list[str]:
    """Return all ids that the parts of an entry may have, but for the first one's."""
    return [part_id(entry_id, number) for number in range(2, MOST_PARTS + 1)]


def part_number(entry_id: str) -> int:
    """Return which part an id is of, from 1 on."""
    return int(entry_id.partition("/")[2] or 1)


def in_parts(entry_ids: pd.Series) -> pd.Series:
    """Return which ids are of entries that have several parts there, the first ones too."""
    later = entry_ids[entry_ids.str.contains("/", regex=False).astype(bool)]
    if later.empty:
        return pd.Series(False, index=entry_ids.index)
    return entry_ids.isin([*later, *later.map(whole_id)])


def as_whole(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of entries, the first part of each with the `minutes` of all that are there.

    The other parts are left out.
    """
    if not (parts := in_parts(rows["entry_id"])).any():
        return rows
    minutes = pd.to_numeric(rows["minutes"])
    sums = minutes.groupby(rows["entry_id"].map(whole_id)).transform("sum")
    is_later = rows["entry_id"].str.contains("/", regex=False).astype(bool)
    return rows.assign(minutes=minutes.mask(parts, sums))[~is_later]
