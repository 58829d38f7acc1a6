"""What an audit reads of a connection: its history from end to end, and the ledger beside it.

Each method reads within a transaction of `snapshot`, row by row: a history may have millions.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.store.chain import COVERED
from connectors.store.scope import ConnectionScope
from schemas.tables import actors, history, history_heads, ledger
from schemas.words import Event, LedgerState, Operation

#: Rows that are fetched at once.
_AT_ONCE = 5000

#: What became of an entry, of a change also: a change in doubt leaves it sent.
_TELLING = sa.or_(
    history.c.event.in_([
        Event.SENT, Event.ADOPTED, Event.UPDATED, Event.RENAMED, Event.RECALLED, Event.TAKEN_BACK,
    ]),
    sa.and_(
        history.c.event.in_([Event.RELEASED, Event.REFUSED]),
        history.c.operation == Operation.CREATE,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """The ends of a history; see `schemas.tables.history_heads`."""

    number: int
    hash: str
    dropped: int
    dropped_hash: str
    since: datetime


class Audit(ConnectionScope):
    """The history of one connection, and its ledger, as an audit reads them."""

    def head(self, connection: sa.Connection) -> Head | None:
        """Return the ends of the history; `None` where there is none."""
        columns = [history_heads.c[field.name] for field in fields(Head)]
        found = connection.execute(sa.select(*columns).where(self._own(history_heads))).first()
        return Head(*found) if found else None

    def rows(self, connection: sa.Connection) -> Generator[sa.Row[Any]]:
        """Yield every row in order: its `COVERED` values, then its hash. To be closed."""
        query = sa.select(*_plain(*COVERED, "hash")).where(self._own(history))
        return _stream(connection, query.order_by(history.c.number))

    def told(self, connection: sa.Connection) -> Iterator[sa.Row[Any]]:
        """Yield the events that say what became of each entry, by entry and in order.

        Each has `entry_id`, `number`, `event`, `fingerprint`, `minutes` and `time_activity_id`.
        """
        names = ("entry_id", "number", "event", "fingerprint", "minutes", "time_activity_id")
        query = sa.select(*_plain(*names)).where(self._own(history), _TELLING)
        by_entry = _by_bytes(connection, history.c.entry_id)
        return _stream(connection, query.order_by(by_entry, history.c.number))

    def held(self, connection: sa.Connection, head: Head | None) -> Iterator[sa.Row[Any]]:
        """Yield what the ledger has as sent or in doubt, in the order of `told`.

        Each has `entry_id`, `state`, `body`, `minutes`, `time_activity_id` and `is_older`: whether
        it ended before the history begins.
        """
        states = ledger.c.state.in_([LedgerState.SENT, LedgerState.SENDING])
        older = ledger.c.changed_at < head.since if head else sa.false()
        query = sa.select(
            ledger.c.entry_id, sa.type_coerce(ledger.c.state, sa.String).label("state"),
            ledger.c.body, ledger.c.minutes, ledger.c.time_activity_id, older.label("is_older"),
        ).where(self._own(ledger), states)  # fmt: skip
        return _stream(connection, query.order_by(_by_bytes(connection, ledger.c.entry_id)))

    def claimed_after(self, connection: sa.Connection, entry_id: str, number: int) -> bool:
        """Return whether an entry was claimed anew after a row of the history."""
        claim = sa.and_(
            history.c.entry_id == entry_id,
            history.c.number > number,
            history.c.event == Event.CLAIMED,
            history.c.operation == Operation.CREATE,
        )
        query = sa.select(history.c.number).where(self._own(history), claim).limit(1)
        return connection.scalar(query) is not None

    def actors(self, connection: sa.Connection) -> dict[str, sa.Row[Any]]:
        """Return everybody who acted, by their ids."""
        return {row.id: row for row in connection.execute(sa.select(actors))}


def _stream(connection: sa.Connection, query: sa.Select[Any]) -> Generator[sa.Row[Any]]:
    with connection.execute(query.execution_options(yield_per=_AT_ONCE)) as result:
        yield from result


def _plain(*names: str) -> list[sa.ColumnElement[Any]]:
    """Select columns of the history as the database has them: to check their words takes time."""
    columns = history.c
    return [
        sa.type_coerce(columns.event, sa.String).label(name) if name == "event" else columns[name]
        for name in names
    ]


def _by_bytes(connection: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Order a column by its bytes, as Python compares texts and SQLite does anyway.

    The rows are sorted: to fetch each where an index leads takes three times as long.
    """
    plain = column.concat("")
    return plain.collate("C") if connection.dialect.name == "postgresql" else plain
