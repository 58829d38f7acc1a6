"""Knows entries again that the ledger holds under another id: those that were sent from a file."""

from dataclasses import dataclass

import pandas as pd

from connectors import contents, ledger
from connectors.ledger import About
from flows.world import World
from schemas.words import Source
from transforms.days import local_days
from transforms.twins import contents_of, find_twins


@dataclass(frozen=True)
class Recognised:
    """What the ledger holds of the entries of a plan, under whatever id.

    Attributes:
        held: `entry_id` (the plan's), `state` and `time_activity_id`.
        about: What the entries are about.
        own_ids: The ids of entries that were sent from a file, and the ones they have in Clockify.
    """

    held: pd.DataFrame
    about: About
    own_ids: dict[str, str]


def recognise(world: World, entries: pd.DataFrame, links: pd.DataFrame) -> Recognised:
    """Look in the ledger for Clockify's entries: by their ids, then by what they are about.

    Args:
        world: What to work with.
        entries: `TimeEntries`.
        links: `Links`.
    """
    engine, connection_id = world.engine, world.connection.id
    days = local_days(entries["start"], world.timezone)
    mine = contents_of(entries, days=days, links=links, source=Source.CLOCKIFY)
    since = contents.newest_claim(engine, connection_id)
    held = ledger.held(engine, connection_id, entries["entry_id"].tolist())
    new = mine[~mine["entry_id"].isin(held["entry_id"])]
    from_files = contents.known(engine, connection_id, new["day"].tolist(), source=Source.FILE)
    twins = find_twins(new, from_files).dropna()
    own_ids = dict(zip(twins, new.loc[twins.index, "entry_id"], strict=True))
    also = ledger.held(engine, connection_id, list(own_ids))
    also["entry_id"] = also["entry_id"].map(own_ids)
    return Recognised(
        held=pd.concat([held, also], ignore_index=True),
        about=About(mine.set_index("entry_id", drop=False), since, _sent_from_a_file),
        own_ids=own_ids,
    )


def keep(world: World, recognised: Recognised) -> None:
    """Bring the ledger up to what was recognised, before anything is claimed."""
    engine, connection_id = world.engine, world.connection.id
    contents.adopt(engine, connection_id, recognised.own_ids)
    held = recognised.about.of(
        [id_ for id_ in recognised.held["entry_id"] if id_ in recognised.about.contents.index]
    )
    contents.remember(engine, connection_id, held)


def _sent_from_a_file(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    # Two of Clockify's ids are two entries, however alike.
    return find_twins(rows, known[known["source"] == Source.FILE])
