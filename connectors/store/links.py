"""Functions on the links: who in Clockify is who in QuickBooks, by name, by hand or by creation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks
from schemas.links import Links, Unlinked
from schemas.tables import connections, links, unlinked
from schemas.words import Kind, Problem

Row = dict[str, Any]


def stored(engine: sa.Engine, connection_id: int) -> pd.DataFrame:
    """Give the `Links` of a connection."""
    names = list(Links.to_schema().columns)
    return Links.validate(_frame(engine, links, connection_id, names))


def listed(engine: sa.Engine, connection_id: int) -> list[Row]:
    """Give the links of a connection with the time when each was made, by kind and name."""
    order = (links.c.kind.desc(), links.c.clockify_name, links.c.clockify_id)
    query = sa.select(links).where(links.c.connection_id == connection_id).order_by(*order)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def without_partner(engine: sa.Engine, connection_id: int) -> pd.DataFrame:
    """Give what the last sync of a connection could not link, as `Unlinked`."""
    names = list(Unlinked.to_schema().columns)
    return Unlinked.validate(_frame(engine, unlinked, connection_id, names))


def store(
    engine: sa.Engine,
    connection_id: int,
    *,
    new: pd.DataFrame,
    lost: pd.DataFrame,
    now: datetime,
) -> None:
    """Add the links that a sync found, and replace what is known of those it did not.

    What happened while the sync read both services wins over it: links that were made or taken
    away by hand, or by another sync.

    Args:
        engine: The database.
        connection_id: The connection.
        new: `Links`; those that are stored already stay as they are.
        lost: `Unlinked`.
        now: The time of the sync.
    """
    with changing(engine) as connection:
        by_hand = _keys(connection, unlinked, connection_id, unlinked.c.problem == Problem.UNLINKED)
        there = _keys(connection, links, connection_id)
        held = by_hand | there
        rows = [row for row in _records(new) if _key(row) not in held]
        _insert(connection, links, connection_id, rows, linked_at=now)
        others = unlinked.c.problem.not_in([Problem.UNLINKED, Problem.GONE])
        mine = unlinked.c.connection_id == connection_id
        connection.execute(unlinked.delete().where(mine, others))
        gone = _keys(connection, unlinked, connection_id, unlinked.c.problem == Problem.GONE)
        for key in gone & {_key(row) for row in [*_records(new), *_records(lost)]}:
            connection.execute(unlinked.delete().where(_is(unlinked, connection_id, *key)))
        _insert(
            connection,
            unlinked,
            connection_id,
            [row for row in _records(lost) if _key(row) not in held],
        )
        connection.execute(
            connections.update().where(connections.c.id == connection_id).values(synced_at=now)
        )


def add(engine: sa.Engine, connection_id: int, rows: Sequence[Row], *, now: datetime) -> None:
    """Add links to what was just made (rows of `Links`); whoever is linked already stays so."""
    with changing(engine) as connection:
        there = _keys(connection, links, connection_id)
        new = [row for row in rows if _key(row) not in there]
        _insert(connection, links, connection_id, new, linked_at=now)
        for row in new:
            connection.execute(unlinked.delete().where(_is(unlinked, connection_id, *_key(row))))


def add_gone(engine: sa.Engine, connection_id: int, rows: Sequence[Row]) -> None:
    """Keep who was seen in entries alone (rows of `Unlinked`); every sync leaves them there."""
    with changing(engine) as connection:
        there = _keys(connection, unlinked, connection_id) | _keys(connection, links, connection_id)
        new = [row for row in rows if _key(row) not in there]
        _insert(connection, unlinked, connection_id, new)


def link(engine: sa.Engine, connection_id: int, row: Row, *, now: datetime) -> None:
    """Link by hand (a row of `Links`), whatever was linked before; every sync leaves it alone."""
    with changing(engine) as connection:
        for table in (links, unlinked):
            connection.execute(table.delete().where(_is(table, connection_id, *_key(row))))
        _insert(connection, links, connection_id, [row], linked_at=now)


def unlink(
    engine: sa.Engine, connection_id: int, kind: Kind, clockify_id: str, *, rematch: bool
) -> Row | None:
    """Take a link away, and remember that the name alone does not decide.

    Args:
        engine: The database.
        connection_id: The connection.
        kind: User or project.
        clockify_id: Clockify's id.
        rematch: Whether the next sync may link it by name again.

    Returns:
        The link that was there; for *rematch* also what was unlinked by hand before, without a
        partner. `None` when there was neither.
    """
    mine = (connection_id, kind, clockify_id)
    with changing(engine) as connection:
        there = _one(connection, links, *mine)
        barred = _one(connection, unlinked, *mine)
        if barred is not None and barred["problem"] != Problem.UNLINKED:
            barred = None
        if there is None and not (rematch and barred):
            return None
        connection.execute(links.delete().where(_is(links, *mine)))
        connection.execute(unlinked.delete().where(_is(unlinked, *mine)))
        if there is not None and not rematch:
            lost = {
                "kind": kind,
                "clockify_id": clockify_id,
                "clockify_name": there["clockify_name"],
                "problem": Problem.UNLINKED,
                "candidates": f"{there['qbo_kind']} {there['qbo_name']!r} (id {there['qbo_id']})",
            }
            _insert(connection, unlinked, connection_id, [lost])
    return there or barred


def _one(connection: sa.Connection, table: sa.Table, *key: Any) -> Row | None:
    found = connection.execute(sa.select(table).where(_is(table, *key))).mappings().one_or_none()
    return dict(found) if found is not None else None


def _is(table: sa.Table, connection_id: int, kind: str, clockify_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.connection_id == connection_id,
        table.c.kind == kind,
        table.c.clockify_id == clockify_id,
    )


def _key(row: Row) -> tuple[str, str]:
    return str(row["kind"]), row["clockify_id"]


def _keys(
    connection: sa.Connection, table: sa.Table, connection_id: int, *only: sa.ColumnElement[bool]
) -> set[tuple[str, str]]:
    query = sa.select(table.c.kind, table.c.clockify_id).where(
        table.c.connection_id == connection_id, *only
    )
    return {(kind, clockify_id) for kind, clockify_id in connection.execute(query)}


def _insert(
    connection: sa.Connection,
    table: sa.Table,
    connection_id: int,
    rows: Sequence[Row],
    **more: Any,
) -> None:
    whole = [{**row, **more, "connection_id": connection_id} for row in rows]
    for some in chunks(whole):
        connection.execute(table.insert(), list(some))


def _frame(
    engine: sa.Engine, table: sa.Table, connection_id: int, names: list[str]
) -> pd.DataFrame:
    query = (
        sa.select(*[table.c[name] for name in names])
        .where(table.c.connection_id == connection_id)
        .order_by(table.c.kind, table.c.clockify_id)
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=names, dtype="str")


def _records(frame: pd.DataFrame) -> list[Row]:
    rows: list[Row] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows
