"""Functions on the links: who in Clockify is who in QuickBooks, as the last sync left it."""

from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from connectors.database import writing
from schemas.links import Links, Unlinked
from schemas.tables import connections, links, unlinked


def stored(engine: sa.Engine, connection_id: int) -> pd.DataFrame:
    """Give the `Links` of a connection."""
    names = list(Links.to_schema().columns)
    return Links.validate(_rows(engine, links, connection_id, names))


def without_partner(engine: sa.Engine, connection_id: int) -> pd.DataFrame:
    """Give what the last sync of a connection could not link, as `Unlinked`."""
    names = list(Unlinked.to_schema().columns)
    return Unlinked.validate(_rows(engine, unlinked, connection_id, names))


def store(
    engine: sa.Engine,
    connection_id: int,
    *,
    new: pd.DataFrame,
    lost: pd.DataFrame,
    now: datetime,
) -> None:
    """Add the links that a sync found, and replace what is known of those it did not.

    Args:
        engine: The database.
        connection_id: The connection.
        new: `Links`; those that are stored already stay as they are.
        lost: `Unlinked`.
        now: The time of the sync.
    """
    own = {"connection_id": connection_id}
    with writing(engine) as connection:
        connection.execute(unlinked.delete().where(unlinked.c.connection_id == connection_id))
        if len(lost):
            connection.execute(unlinked.insert(), [{**row, **own} for row in _records(lost)])
        if len(new):
            connection.execute(
                links.insert(), [{**row, **own, "linked_at": now} for row in _records(new)]
            )
        connection.execute(
            connections.update().where(connections.c.id == connection_id).values(synced_at=now)
        )


def _rows(engine: sa.Engine, table: sa.Table, connection_id: int, names: list[str]) -> pd.DataFrame:
    query = (
        sa.select(*[table.c[name] for name in names])
        .where(table.c.connection_id == connection_id)
        .order_by(table.c.kind, table.c.clockify_id)
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=names, dtype="str")


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = (
        frame.astype(object).where(frame.notna(), None).to_dict("records")
    )
    return rows
