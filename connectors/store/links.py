"""Links of users and projects, by name, by hand or by creation: one by hand beats all others."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing
from connectors.store.scope import ConnectionScope, records
from schemas import links as frames
from schemas.frames import Frame
from schemas.tables import connections, links, unlinked
from schemas.words import BY_HAND, Kind, Problem

Row = dict[str, Any]


class Links(ConnectionScope):
    """The links of one connection, and what could not be linked."""

    def stored(self) -> pd.DataFrame:
        """Return all links, as `schemas.links.Links`."""
        return self._frame(links, frames.Links)

    def listed(self) -> list[Row]:
        """Return all links with the time when each was made, by kind and name."""
        order = (links.c.kind.desc(), links.c.clockify_name, links.c.clockify_id)
        query = sa.select(links).where(self._own(links)).order_by(*order)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def unlinked(self) -> pd.DataFrame:
        """Return what the last sync could not link, as `schemas.links.Unlinked`."""
        return self._frame(unlinked, frames.Unlinked)

    def store(self, *, new: pd.DataFrame, lost: pd.DataFrame) -> None:
        """Add the links that a sync found, and replace what is known of those it did not.

        What happened while the sync read both services wins over it: links that were made or taken
        away by hand, or by another sync. Takes `Links`, of which those that are stored already stay
        as they are, and `Unlinked`.
        """
        now = self.now()
        with changing(self.engine) as connection:
            by_hand = self._keys(connection, unlinked, unlinked.c.problem.in_(BY_HAND))
            held = by_hand | self._keys(connection, links)
            rows = [row for row in records(new) if _key(row) not in held]
            self._insert(connection, links, rows, linked_at=now)
            kept = [*BY_HAND, Problem.GONE]
            connection.execute(
                unlinked.delete().where(self._own(unlinked), unlinked.c.problem.not_in(kept))
            )
            gone = self._keys(connection, unlinked, unlinked.c.problem == Problem.GONE)
            for key in gone & {_key(row) for row in [*records(new), *records(lost)]}:
                connection.execute(unlinked.delete().where(self._is(unlinked, *key)))
            still_lost = [row for row in records(lost) if _key(row) not in held]
            self._insert(connection, unlinked, still_lost)
            own = connections.c.id == self.connection_id
            connection.execute(connections.update().where(own).values(synced_at=now))

    def add(self, rows: Sequence[Row]) -> None:
        """Add links (rows of `Links`); whoever is linked already, or not by hand, stays so."""
        with changing(self.engine) as connection:
            by_hand = self._keys(connection, unlinked, unlinked.c.problem.in_(BY_HAND))
            there = by_hand | self._keys(connection, links)
            new = [row for row in rows if _key(row) not in there]
            self._insert(connection, links, new, linked_at=self.now())
            for row in new:
                connection.execute(unlinked.delete().where(self._is(unlinked, *_key(row))))

    def add_gone(self, rows: Sequence[Row]) -> None:
        """Keep who was seen in entries alone (rows of `Unlinked`); every sync leaves them there."""
        with changing(self.engine) as connection:
            there = self._keys(connection, unlinked) | self._keys(connection, links)
            self._insert(connection, unlinked, [row for row in rows if _key(row) not in there])

    def link(self, row: Row) -> None:
        """Link by hand (a row of `Links`), whatever was linked before; every sync keeps it."""
        with changing(self.engine) as connection:
            for table in (links, unlinked):
                connection.execute(table.delete().where(self._is(table, *_key(row))))
            self._insert(connection, links, [row], linked_at=self.now())

    def unlink(self, kind: Kind, clockify_id: str, *, rematch: bool) -> Row | None:
        """Take a link away, and remember that the name alone does not decide.

        With *rematch*, the next sync may link it by name again. Returns the link that was there;
        for *rematch* also what was unlinked or excluded by hand before, without a partner. `None`
        when there was neither.
        """
        key = (kind, clockify_id)
        with changing(self.engine) as connection:
            there = self._one(connection, links, *key)
            barred = self._one(connection, unlinked, *key)
            if barred is not None and barred["problem"] not in BY_HAND:
                barred = None
            if there is None and not (rematch and barred):
                return None
            connection.execute(links.delete().where(self._is(links, *key)))
            connection.execute(unlinked.delete().where(self._is(unlinked, *key)))
            if there is not None and not rematch:
                partner = f"{there['qbo_kind']} {there['qbo_name']!r} (id {there['qbo_id']})"
                lost = {
                    "kind": kind,
                    "clockify_id": clockify_id,
                    "clockify_name": there["clockify_name"],
                    "problem": Problem.UNLINKED,
                    "candidates": partner,
                }
                self._insert(connection, unlinked, [lost])
        return there or barred

    def exclude(self, kind: Kind, clockify_id: str, name: str | None) -> None:
        """Remember that the time of a user or project is never to be sent; every sync keeps it."""
        row = {"kind": kind, "clockify_id": clockify_id, "clockify_name": name}
        with changing(self.engine) as connection:
            for table in (links, unlinked):
                connection.execute(table.delete().where(self._is(table, kind, clockify_id)))
            excluded = {**row, "problem": Problem.EXCLUDED, "candidates": ""}
            self._insert(connection, unlinked, [excluded])

    def _one(self, connection: sa.Connection, table: sa.Table, *key: str) -> Row | None:
        found = connection.execute(sa.select(table).where(self._is(table, *key)))
        row = found.mappings().one_or_none()
        return None if row is None else dict(row)

    def _is(self, table: sa.Table, kind: str, clockify_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(table), table.c.kind == kind, table.c.clockify_id == clockify_id)

    def _keys(
        self, connection: sa.Connection, table: sa.Table, *only: sa.ColumnElement[bool]
    ) -> set[tuple[str, str]]:
        query = sa.select(table.c.kind, table.c.clockify_id).where(self._own(table), *only)
        return {(kind, clockify_id) for kind, clockify_id in connection.execute(query)}

    def _insert(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row], **more: Any
    ) -> None:
        if rows:
            own = {**more, "connection_id": self.connection_id}
            connection.execute(table.insert(), [row | own for row in rows])

    def _frame(self, table: sa.Table, frame: type[Frame]) -> pd.DataFrame:
        names = list(frame.to_schema().columns)
        query = (
            sa.select(*[table.c[name] for name in names])
            .where(self._own(table))
            .order_by(table.c.kind, table.c.clockify_id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return frame.validate(pd.DataFrame(rows, columns=names, dtype="str"))


def _key(row: Row) -> tuple[str, str]:
    return str(row["kind"]), row["clockify_id"]
