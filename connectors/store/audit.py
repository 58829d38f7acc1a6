"""What an audit reads of a connection: its history from end to end, and the ledger beside it.

Each method reads within a transaction of `snapshot`, row by row: a history may have millions.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.store.chain import COVERED
from connectors.store.lines import ENTRY_ID, MINUTES, OF_LEDGER
from connectors.store.scope import ConnectionScope
from schemas.tables import actors, contents, history, history_heads, ledger, lines, verdicts
from schemas.words import Event, LedgerState, Operation

#: Rows that are fetched at once.
_AT_ONCE = 5000

#: Events that say that an entry is in QuickBooks.
_SENT = (Event.SENT, Event.ADOPTED, Event.UPDATED, Event.RENAMED)

#: What became of an entry, of a change also: a change in doubt leaves it sent.
_TELLING = sa.or_(
    history.c.event.in_([*_SENT, Event.RECALLED, Event.TAKEN_BACK]),
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
        """Yield every row in order: `number`, `entry_id`, `text` and `hash`. To be closed.

        The text is the row as `connectors.store.chain.follows` takes it.
        """
        columns, last = history.c, -1
        texts = [_as_json(connection, _plain(*COVERED), guarded=on) for on in (False, True)]
        plain, guarded = (
            sa.select(columns.number, columns.entry_id, text.label("text"), columns.hash)
            .where(self._own(history))
            .order_by(columns.number)
            for text in texts
        )
        try:
            for row in _stream(connection, plain):
                last = row.number
                yield row
        except sa.exc.OperationalError:  # SQLite stops at bytes; to look for them takes time
            if connection.dialect.name != "sqlite":
                raise
            yield from _stream(connection, guarded.where(columns.number > last))

    def number_sent(self, connection: sa.Connection) -> int:
        """Count what the ledger has as sent."""
        query = sa.select(sa.func.count()).outerjoin_from(ledger, lines, OF_LEDGER)
        query = query.where(self._own(ledger), ledger.c.state == LedgerState.SENT)
        return connection.execute(query).scalar_one()

    def all_agree(self, connection: sa.Connection) -> bool:
        """Return whether ledger and history say the same of every entry.

        It takes half as long as to look for those that differ, which hardly any history has.
        """
        newest, mine, differs = self._newest_in_ledger(connection)
        told = _says_sent(newest)
        same = sa.and_(told, ledger.c.state == LedgerState.SENT, ~sa.or_(*differs.values()))
        query = sa.select(
            sa.func.count(sa.case((told, 1))).label("told"),
            sa.func.count(sa.case((same, 1))).label("same"),
        )
        both = sa.outerjoin(newest, lines, self._line_of(newest)).outerjoin(ledger, mine)
        found = connection.execute(query.select_from(both)).one()
        return {found.told, found.same} == {self.number_sent(connection)}

    def differing(self, connection: sa.Connection, head: Head | None) -> Iterator[sa.Row[Any]]:
        """Yield the entries of which ledger and history say different things.

        Each has `entry_id`; `number`, the newest event of the history that says that it was sent,
        and `told_as`, its TimeActivity; `state`, if the ledger has it as sent or in doubt, and
        `held_as`, its TimeActivity there; `is_older`, whether that was before the history begins;
        and whether its `activity`, `minutes` and `content` differ.
        """
        newest, mine, differs = self._newest_in_ledger(connection)
        is_sent, says_sent = ledger.c.state == LedgerState.SENT, _says_sent(newest)
        older = (ledger.c.changed_at < head.since if head else sa.false()).label("is_older")
        state = sa.type_coerce(ledger.c.state, sa.String).label("state")
        told = sa.select(
            newest.c.entry_id,
            sa.case((says_sent, newest.c.number)).label("number"),
            newest.c.time_activity_id.label("told_as"),
            state, ledger.c.time_activity_id.label("held_as"), older,
            *(condition.label(name) for name, condition in differs.items()),
        ).outerjoin(lines, self._line_of(newest)).outerjoin(ledger, mine)  # fmt: skip
        told = told.where(sa.case((says_sent, sa.or_(*differs.values())), else_=is_sent))
        tells = sa.and_(self._own(history), history.c.entry_id == ENTRY_ID, _TELLING)
        untold = sa.select(
            ENTRY_ID, sa.null(), sa.null(), state, ledger.c.time_activity_id, older,
            *([sa.true()] * len(differs)),
        ).outerjoin_from(ledger, lines, OF_LEDGER).where(
            self._own(ledger), is_sent, ~sa.exists().where(tells)
        )  # fmt: skip
        return _stream(connection, sa.union_all(told, untold))

    def _newest_in_ledger(
        self, connection: sa.Connection
    ) -> tuple[sa.CTE, sa.ColumnElement[bool], dict[str, sa.ColumnElement[bool]]]:
        """Return the newest events, the condition that joins the ledger, and what may differ."""
        newest = self._newest(connection)
        states = ledger.c.state.in_([LedgerState.SENT, LedgerState.SENDING])
        mine = sa.and_(self._own(ledger), ledger.c.entry_id == _row_of(newest), states)
        differs = {
            "activity": ledger.c.time_activity_id.is_distinct_from(newest.c.time_activity_id),
            "minutes": MINUTES.is_distinct_from(newest.c.minutes),
            "content": _sha256(connection, ledger.c.body).is_distinct_from(newest.c.fingerprint),
        }
        return newest, mine, differs

    def _line_of(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(lines), lines.c.entry_id == table.c.entry_id)

    def _newest(self, connection: sa.Connection) -> sa.CTE:
        """Select the newest event that says what became of each entry."""
        entry_id, number = history.c.entry_id, history.c.number
        columns = _plain("entry_id", "event", "fingerprint", "minutes", "time_activity_id")
        mine = sa.and_(self._own(history), _TELLING)
        if connection.dialect.name == "postgresql":
            query = sa.select(*columns, number).where(mine).ext(postgresql.distinct_on(entry_id))
            return query.order_by(entry_id, number.desc()).cte("newest")
        # The other columns are of the row with the maximum (sqlite.org/lang_select.html, 2.5).
        query = sa.select(*columns, sa.func.max(number).label("number")).where(mine)
        # The rows are sorted: to fetch each where an index leads takes three times as long.
        return query.group_by(entry_id.concat("")).cte("newest")

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
        sent = sa.and_(is_chosen, self._own(ledger), ledger.c.entry_id == _row_of(history))
        query = (
            sa.select(*_plain(*COVERED), ledger.c.body, is_chosen.label("is_chosen"))
            .outerjoin(entries, entries.c.entry_id == history.c.entry_id)
            .outerjoin(lines, self._line_of(history))
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
        first = sa.and_(self._own(lines), lines.c.first_id == contents.c.entry_id)
        known = sa.union(
            sa.select(verdicts.c.entry_id).where(self._own(verdicts), judged),
            sa.select(contents.c.entry_id).where(self._own(contents), claimed),
            sa.select(lines.c.entry_id).join(contents, first).where(self._own(contents), claimed),
        ).cte("known")
        earlier = (
            sa.select(history.c.note)
            .join(known, known.c.entry_id == history.c.entry_id)
            .where(self._own(history), history.c.event == Event.RENAMED)
        )
        return sa.union(sa.select(known.c.entry_id), earlier).subquery("chosen")

    def actors(self, connection: sa.Connection) -> Sequence[sa.Row[Any]]:
        """Return everybody who acted: `actor_id`, and what `actors` has, `None` if nothing."""
        mine = sa.and_(self._own(history), history.c.actor_id.is_not(None))
        acted = sa.select(history.c.actor_id).where(mine).distinct().subquery()
        query = sa.select(acted, actors).outerjoin(actors, actors.c.id == acted.c.actor_id)
        return connection.execute(query.order_by(acted.c.actor_id)).all()


def _says_sent(newest: sa.CTE) -> sa.ColumnElement[bool]:
    """Whether the newest event of an entry says that it is in QuickBooks.

    An entry may be renamed when it is not, and an id that was given up has no bytes.
    """
    return sa.and_(newest.c.event.in_(_SENT), newest.c.fingerprint.is_not(None))


def _stream(
    connection: sa.Connection, query: sa.Select[Any] | sa.CompoundSelect[Any]
) -> Generator[sa.Row[Any]]:
    with connection.execute(query.execution_options(yield_per=_AT_ONCE)) as result:
        yield from result


def _row_of(table: sa.FromClause) -> sa.ColumnElement[str]:
    """Return the id of an entry's row in the ledger, where its line was joined."""
    return sa.func.coalesce(lines.c.first_id, table.c.entry_id)


def _plain(*names: str) -> list[sa.ColumnElement[Any]]:
    """Select columns of the history as the database has them: to check their words takes time."""
    columns = history.c
    return [
        sa.type_coerce(columns.event, sa.String).label(name) if name == "event" else columns[name]
        for name in names
    ]


def _as_json(
    connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], *, guarded: bool
) -> sa.ColumnElement[Any]:
    """Write columns as a JSON array without spaces; if *guarded*, `None` where one has bytes."""
    if connection.dialect.name == "postgresql":
        texts = [
            sa.func.coalesce(sa.cast(sa.func.to_json(one), sa.Text), "null") for one in columns
        ]
        return sa.func.concat("[", sa.func.concat_ws(",", *texts), "]")
    if not guarded:
        return sa.func.json_array(*columns)
    has_bytes = sa.literal("blob").in_([sa.func.typeof(one) for one in columns])
    return sa.case((~has_bytes, sa.func.json_array(*columns)))


def _sha256(connection: sa.Connection, text: sa.Column[str]) -> sa.ColumnElement[str]:
    """Compute the SHA-256 of a text, in hexadecimal."""
    if connection.dialect.name == "postgresql":
        return sa.func.encode(sa.func.sha256(sa.func.convert_to(text, "UTF8")), "hex")
    return sa.func.sha256(sa.cast(text, sa.LargeBinary))  # `connectors.database` adds it
