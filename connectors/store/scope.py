"""The base of everything that belongs to one connection.

A database holds many connections, and a query that forgets to say whose rows it means reads another
company's time, or sends it. So whatever concerns one connection is a method of an object that is
bound to it; what really concerns a company or the whole database says so in its name.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.database import chunks
from schemas.tables import connections

_Scoped = TypeVar("_Scoped", bound="ConnectionScope")


@dataclass(frozen=True)
class ConnectionScope:
    """Bound to a database, a connection and a clock, which says UTC."""

    engine: sa.Engine
    connection_id: int
    now: Callable[[], datetime]

    def _same(self, kind: type[_Scoped]) -> _Scoped:
        """Return another object of the same connection."""
        return kind(self.engine, self.connection_id, self.now)

    def _own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Select the connection's rows of a table."""
        return table.c.connection_id == self.connection_id

    def _company(self) -> sa.Select[int]:
        """Select the connections to the same company: what concerns its books, they share."""
        realm = sa.select(connections.c.realm_id).where(connections.c.id == self.connection_id)
        return sa.select(connections.c.id).where(connections.c.realm_id == realm.scalar_subquery())

    def _look_up(
        self, key: sa.Column[str], values: Iterable[str], columns: Sequence[sa.ColumnElement[Any]]
    ) -> list[Any]:
        with self.engine.connect() as connection:
            return rows_of(connection, key, self.connection_id, values, columns)


def rows_of(
    connection: sa.Connection,
    key: sa.Column[str],
    connection_id: int,
    values: Iterable[str],
    columns: Sequence[sa.ColumnElement[Any]],
) -> list[Any]:
    """Return those rows of a connection whose *key* is among some values, each row once.

    PostgreSQL is made to look up one value after the other: for a long list it would, by what it
    believes of a table that grew since it last looked, read all rows of the connection instead. So
    the key must have an index with `connection_id`, and be unique with it.
    """
    rows: list[Any] = []
    for some in chunks(list(dict.fromkeys(values))):
        mine = key.table.c.connection_id == connection_id
        query = sa.select(*columns).where(mine, key.in_(some))
        if connection.dialect.name == "postgresql":
            wanted = sa.func.unnest(sa.cast(some, postgresql.ARRAY(sa.Text))).table_valued("value")
            wanted = wanted.render_derived(name="wanted")
            each = sa.select(*columns).where(mine, key == wanted.c.value).limit(1).lateral("each")
            query = sa.select(each).select_from(wanted.join(each, sa.true()))
        rows += connection.execute(query).all()
    return rows


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as a database takes them: `None` for what is missing."""
    plain = frame.astype(object)
    columns = plain.where(plain.notna(), None).items()
    values = {name: column.tolist() for name, column in columns}
    # Faster than to_dict("records"), which looks at each value's type.
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
