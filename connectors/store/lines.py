"""Lines: entries that went to QuickBooks together, as one TimeActivity.

The ledger has a row for a line under the id of its first entry. What it has of that, it has of each
entry of the line, also once the line was refused or taken back: until one of them is claimed anew.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.database import chunks
from connectors.store.scope import ConnectionScope, rows_of
from schemas.tables import ledger, lines
from schemas.words import IN_BOOKS

#: The entry of a row of the ledger, and its minutes, where the ledger is joined by `OF_LEDGER`.
ENTRY_ID = sa.func.coalesce(lines.c.entry_id, ledger.c.entry_id)
MINUTES = sa.func.coalesce(lines.c.minutes, ledger.c.minutes)

#: Minutes of the entries before one in its line, for one that is in none; see `Ledger.held`.
BEFORE_MIN = sa.literal(0).label("before_min")

#: Joins to a row of the ledger the entries of its line, if it is one.
OF_LEDGER = sa.and_(
    lines.c.connection_id == ledger.c.connection_id, lines.c.first_id == ledger.c.entry_id
)


def line_of(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Join to a row of a table the line of its entry, if it is in one; before `in_ledger`."""
    return sa.and_(
        lines.c.connection_id == table.c.connection_id, lines.c.entry_id == table.c.entry_id
    )


def in_ledger(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Join to a row of a table, with its `line_of`, what the ledger has of its entry."""
    entry_id = sa.func.coalesce(lines.c.first_id, table.c.entry_id)
    return sa.and_(ledger.c.connection_id == table.c.connection_id, ledger.c.entry_id == entry_id)


def is_outdated(entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether an entry went in a line of another one since a row of the ledger was written."""
    later = lines.alias()
    same = sa.and_(later.c.connection_id == ledger.c.connection_id, later.c.entry_id == entry_id)
    return sa.exists().where(same, later.c.first_id != later.c.entry_id)


def about(contents: str) -> dict[str, Any]:
    """Read what an entry of a line is about: a row of `Contents`."""
    row: dict[str, Any] = {"hours": None} | json.loads(contents)  # older ones do not have it
    return row | {"start": row["start"] and datetime.fromisoformat(row["start"])}


class Lines(ConnectionScope):
    """The lines of one connection."""

    def of(self, entry_ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
        """Return what is kept of those of some entries that are in a line, by id.

        That is `first_id`, `minutes` and `before_min`.
        """
        columns = [lines.c.entry_id, lines.c.first_id, lines.c.minutes, lines.c.before_min]
        return {row.entry_id: row for row in self._look_up(lines.c.entry_id, entry_ids, columns)}

    def first_of(self, entry_id: str) -> str:
        """Return the entry under whose id the ledger has an entry: its own, if in no line."""
        found = self.of([entry_id])
        return str(found[entry_id].first_id) if found else entry_id

    def whole(self, entry_ids: Iterable[str]) -> dict[str, list[str]]:
        """Return all entries of the lines that some entries are in, by the first one of each."""
        firsts = {row.first_id for row in self.of(entry_ids).values()}
        with self.engine.connect() as connection:
            rows = self.members(connection, firsts)
        return {first: [row.entry_id for row in members] for first, members in rows.items()}

    def members(
        self, connection: sa.Connection, firsts: Collection[str]
    ) -> dict[str, list[sa.Row[Any]]]:
        """Return the rows of lines, by the first entry of each, in their order."""
        found: dict[str, list[sa.Row[Any]]] = {}
        for some in chunks(sorted(firsts)):
            query = sa.select(lines).where(self._own(lines), lines.c.first_id.in_(some))
            for row in connection.execute(query.order_by(lines.c.before_min, lines.c.entry_id)):
                found.setdefault(row.first_id, []).append(row)
        return found

    def held(self, connection: sa.Connection, entry_ids: Collection[str]) -> set[str]:
        """Return which of some entries are in a line that is in the books, or may be."""
        columns = [lines.c.entry_id, lines.c.first_id]
        rows = rows_of(connection, columns[0], self.connection_id, entry_ids, columns)
        firsts = {row.first_id for row in rows}
        columns = [ledger.c.entry_id, ledger.c.state]
        found = rows_of(connection, columns[0], self.connection_id, firsts, columns)
        there = {row.entry_id for row in found if row.state in IN_BOOKS}
        return {row.entry_id for row in rows if row.first_id in there}

    def cannot_go(
        self, connection: sa.Connection, members: Mapping[str, Sequence[str]]
    ) -> set[str]:
        """Return which entries cannot be claimed now, so that none is booked twice.

        Args:
            connection: Within the transaction of a claim.
            members: The entries that are to be claimed under an id, itself among them.
        """
        joined = {id_ for ids in members.values() for id_ in ids if len(ids) > 1}
        columns = [ledger.c.entry_id, ledger.c.state]
        rows = rows_of(connection, columns[0], self.connection_id, joined, columns)
        taken = {row.entry_id for row in rows if row.state in IN_BOOKS}
        return taken | self.held(connection, joined.union(members))

    def replace(
        self,
        connection: sa.Connection,
        claimed: Iterable[Mapping[str, Any]],
        about: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Keep what goes as a line, and forget what went so before, within the claim of both.

        Args:
            connection: Its transaction.
            claimed: The `entry_id` of each row that was claimed, and its `members`, if any.
            about: The `Contents` of all entries, by their ids.
        """
        rows = list(claimed)
        of_lines = [
            {
                "connection_id": self.connection_id,
                **one._asdict(),
                "first_id": row["entry_id"],
                "contents": json.dumps(dict(about[one.entry_id]), default=str),
            }
            for row in rows
            for one in row.get("members", ())
        ]
        firsts = {row["entry_id"] for row in rows}
        before = {lines.c.first_id: firsts}
        before[lines.c.entry_id] = firsts | {row["entry_id"] for row in of_lines}
        for column, ids in before.items():
            for some in chunks(sorted(ids)):
                connection.execute(lines.delete().where(self._own(lines), column.in_(some)))
        if of_lines:
            connection.execute(lines.insert(), of_lines)
