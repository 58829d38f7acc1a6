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
from schemas.tables import actors, contents, history, history_heads, ledger, verdicts
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


@dataclass(frozen=True)
class Chosen:
    """Whose entries of which days are meant.

    Attributes:
        user: Clockify's id of a user, or their name; `None` for all.
        names: Their name, in each way in which it was written.
        first_day: Local day, YYYY-MM-DD, included; `None` for no limit.
        last_day: The same, included.
    """

    user: str | None
    names: tuple[str, ...]
    first_day: str | None
    last_day: str | None

    def on(self, day: sa.Column[str], whose: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Return the condition for a table with a day."""
        return sa.and_(
            whose if self.user is not None else sa.true(),
            day >= self.first_day if self.first_day else sa.true(),
            day <= self.last_day if self.last_day else sa.true(),
        )


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

    def users(self, connection: sa.Connection) -> list[str]:
        """Return the names of all whose entries were judged."""
        query = sa.select(verdicts.c.user).where(self._own(verdicts), verdicts.c.user.is_not(None))
        return list(connection.scalars(query.distinct()))

    def first(self, connection: sa.Connection, chosen: Chosen) -> int | None:
        """Return the number of the first row of some entries; `None` for none."""
        entries = self._entries(chosen)
        query = sa.select(sa.func.min(history.c.number)).where(self._own(history))
        query = query.join(entries, entries.c.entry_id == history.c.entry_id)
        number: int | None = connection.scalar(query)
        return number

    def hash_of(self, connection: sa.Connection, number: int, head: Head) -> str | None:
        """Return the hash of a row, or of the newest one that was dropped."""
        if number == head.dropped:
            return head.dropped_hash
        query = sa.select(history.c.hash).where(self._own(history), history.c.number == number)
        return connection.scalar(query)

    def share(self, connection: sa.Connection, chosen: Chosen, first: int) -> Iterator[sa.Row[Any]]:
        """Yield every row from the *first* on: its `COVERED` values, `body` and `is_chosen`.

        The body is the ledger's: the TimeActivity as it was sent last.
        """
        entries = self._entries(chosen)
        is_chosen = entries.c.entry_id.is_not(None)
        sent = sa.and_(is_chosen, self._own(ledger), ledger.c.entry_id == history.c.entry_id)
        query = (
            sa.select(*_plain(*COVERED), ledger.c.body, is_chosen.label("is_chosen"))
            .outerjoin(entries, entries.c.entry_id == history.c.entry_id)
            .outerjoin(ledger, sent)
            .where(self._own(history), history.c.number >= first)
        )
        return _stream(connection, query.order_by(history.c.number))

    def actors_of(self, connection: sa.Connection, chosen: Chosen) -> dict[str, dict[str, str]]:
        """Return who acted on some entries, by their ids: `salt`, `kind` and `name`."""
        entries = self._entries(chosen)
        query = (
            sa.select(actors.c.id, actors.c.salt, actors.c.kind, actors.c.name)
            .join(history, history.c.actor_id == actors.c.id)
            .join(entries, entries.c.entry_id == history.c.entry_id)
            .where(self._own(history))
            .distinct()
        )
        found = connection.execute(query).mappings()
        return {row["id"]: {name: row[name] for name in ("salt", "kind", "name")} for row in found}

    def _entries(self, chosen: Chosen) -> sa.Subquery:
        """Select the ids of some entries, with those that they had before."""
        judged = chosen.on(verdicts.c.date, verdicts.c.user.in_(chosen.names))
        claimed = chosen.on(contents.c.day, contents.c.user_id == chosen.user)
        known = sa.union(
            sa.select(verdicts.c.entry_id).where(self._own(verdicts), judged),
            sa.select(contents.c.entry_id).where(self._own(contents), claimed),
        ).cte("known")
        earlier = (
            sa.select(history.c.note)
            .join(known, known.c.entry_id == history.c.entry_id)
            .where(self._own(history), history.c.event == Event.RENAMED)
        )
        return sa.union(sa.select(known.c.entry_id), earlier).subquery("chosen")

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
