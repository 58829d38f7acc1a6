"""The history: everything that happened to each entry, in a chain of which no link can be removed.

Rows are only ever added, within the transaction that they tell of. Each has a hash over the row
before it and over itself (`connectors.store.chain`), and the connection's head has the newest one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.database import changing, chunks
from connectors.store.actors import ACTOR
from connectors.store.chain import COVERED, NO_HASH, instant_text, row_digest, row_hash
from connectors.store.lines import Lines
from connectors.store.scope import ConnectionScope
from schemas.tables import actors, history, history_heads, runs
from schemas.words import Event


class History(ConnectionScope):
    """The history of one connection."""

    def add(
        self,
        connection: sa.Connection,
        event: Event,
        rows: Sequence[Mapping[str, Any]],
        *,
        run_id: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Add an event of some entries, within the transaction of `changing` that it tells of.

        Args:
            connection: The transaction, which lets no other process add at the same time.
            event: What happened.
            rows: `entry_id`, and where known `fingerprint` (SHA-256 of the TimeActivity's bytes),
                `minutes` (rounded), `time_activity_id` and `note`. A line's row tells of each of
                its entries.
            run_id: The run that did it; its actor is who did it.
            operation: What QuickBooks was asked to do.
            request_id: QuickBooks' requestid.
        """
        if not rows:
            return
        rows = self._of_lines(connection, rows)
        newest, last, actor_id = self._head(connection, run_id)
        common = {
            "at": instant_text(self.now()),
            "event": str(event),
            "operation": operation and str(operation),
            "run_id": run_id,
            "actor_id": actor_id,
            "request_id": request_id,
        }
        added = []
        for number, row in enumerate(rows, start=newest + 1):
            values = {**dict.fromkeys(COVERED), **row, **common, "number": number}
            last = row_hash(last, row_digest([values[name] for name in COVERED]))
            added.append({**values, "connection_id": self.connection_id, "hash": last})
        connection.execute(history.insert(), added)
        head = history_heads.update().where(self._own(history_heads))
        connection.execute(head.values(number=newest + len(rows), hash=last))

    def _of_lines(
        self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]
    ) -> list[Mapping[str, Any]]:
        """Return rows with one for each entry of a line, of its own minutes, in place of its."""
        members = self._same(Lines).members(connection, {row["entry_id"] for row in rows})
        return [
            row
            if one is None
            else row
            | {"entry_id": one.entry_id}
            | ({"minutes": one.minutes} if row.get("minutes") is not None else {})
            for row in map(dict, rows)
            for one in members.get(row["entry_id"], [None])
        ]

    def of(self, entry_id: str) -> Sequence[sa.RowMapping]:
        """Return what happened to an entry, under its earlier ids too, with who did it.

        The members are the columns of `history`, and the actor's `kind` and `name`.
        """
        renamed = sa.and_(history.c.event == Event.RENAMED, history.c.time_activity_id.is_not(None))
        ids, query = [entry_id], sa.select(history.c.note).where(self._own(history), renamed)
        with self.engine.connect() as connection:
            for id_ in ids:  # each earlier one may have one before it
                earlier = connection.scalars(query.where(history.c.entry_id == id_))
                ids += [one for one in earlier if one not in ids]
            events = (
                sa.select(history, *ACTOR)
                .outerjoin(actors, actors.c.id == history.c.actor_id)
                .where(self._own(history), history.c.entry_id.in_(ids))
                .order_by(history.c.number)
            )
            return connection.execute(events).mappings().all()

    def recalled(self, entry_ids: Iterable[str]) -> dict[str, str | None]:
        """Return those of some entries that were taken back last of all, with their TimeActivities.

        The ledger may have forgotten them: those of a line of which others have gone anew.
        """
        found: dict[str, str | None] = {}
        columns = (history.c.entry_id, history.c.event, history.c.time_activity_id)
        with self.engine.connect() as connection:
            for some in chunks(sorted(entry_ids)):
                query = sa.select(*columns).where(self._own(history), history.c.entry_id.in_(some))
                rows = connection.execute(query.order_by(history.c.number)).all()
                last = {row.entry_id: row.event for row in rows}
                ids = {row.entry_id: row.time_activity_id for row in rows if row.time_activity_id}
                back = [id_ for id_, event in last.items() if event == Event.RECALLED]
                found |= {id_: ids.get(id_) for id_ in back}
        return found

    def drop_before(self, instant: datetime, *, most: int = 100_000) -> int:
        """Drop the rows from before an instant, at most so many at once, and return how many.

        Only the front of the chain goes: up to the first row that is not older. The head keeps the
        hash of the last one that was dropped, from which the rest can still be verified.
        """
        mine, head = self._own(history), self._own(history_heads)
        order = sa.select(history.c.number, history.c.at).where(mine).order_by(history.c.number)
        front = order.limit(most).subquery()
        with changing(self.engine) as connection:
            is_kept = front.c.at >= instant_text(instant)
            kept = connection.scalar(sa.select(sa.func.min(front.c.number)).where(is_kept))
            newest = connection.scalar(sa.select(sa.func.max(front.c.number)))
            dropped = connection.scalar(sa.select(history_heads.c.dropped).where(head)) or 0
            last = (newest or dropped) if kept is None else kept - 1
            if last <= dropped:
                return 0
            hash_ = sa.select(history.c.hash).where(mine, history.c.number == last)
            anchor = {"dropped": last, "since": instant, "dropped_hash": connection.scalar(hash_)}
            connection.execute(history_heads.update().where(head).values(anchor))
            connection.execute(history.delete().where(mine, history.c.number <= last))
        return last - dropped

    def _head(self, connection: sa.Connection, run_id: str | None) -> tuple[int, str, str | None]:
        """Return the newest row's number and hash, and who runs a run."""
        # A run of another connection to the company may have put the entry in doubt again.
        actor_id = sa.select(runs.c.actor_id).where(runs.c.id == run_id)
        columns = (history_heads.c.number, history_heads.c.hash, actor_id.scalar_subquery())
        query = sa.select(*columns).where(self._own(history_heads))
        head = connection.execute(query).one_or_none()
        if head is None:
            first = {"connection_id": self.connection_id, "number": 0, "hash": NO_HASH}
            first |= {"dropped": 0, "dropped_hash": NO_HASH, "since": self.now()}
            connection.execute(history_heads.insert().values(first))
            head = connection.execute(query).one()
        return tuple(head)
