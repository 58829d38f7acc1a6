"""The marks on entries in Clockify that are ours.

A row is written before Clockify is called, and is settled once the mark is known to be there. So a
mark without a row is never ours, and one whose row is not settled may be somebody else's. Which
entries are to have the tag of sent ones, the ledger says: their rows are written before their time
is handed over, and count once it is sent.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.lines import in_ledger, line_of
from connectors.store.scope import ConnectionScope
from schemas.tables import ledger, lines, marks, parts
from schemas.words import LedgerState, Mark

#: Who was tried longest ago comes first, so that none keeps the others waiting.
_LONGEST_AGO = (marks.c.since, marks.c.entry_id)


class Marks(ConnectionScope):
    """Our marks on the entries of one connection."""

    def known(self, mark: Mark, entry_ids: Sequence[str]) -> dict[str, bool]:
        """Return which of some entries have a mark of ours, and whether it is settled."""
        found: dict[str, bool] = {}
        with self.engine.connect() as connection:
            for some in chunks(entry_ids):
                query = sa.select(marks.c.entry_id, marks.c.settled).where(self._of(mark, some))
                found |= {row.entry_id: row.settled for row in connection.execute(query)}
        return found

    def want(self, mark: Mark, entry_ids: Sequence[str]) -> None:
        """Record that entries are to have a mark; one that they have stays as it is."""
        rows = insert_into(self.engine, marks).on_conflict_do_nothing()
        own = {"connection_id": self.connection_id, "mark": mark}
        own |= {"settled": False, "since": self.now()}
        if entry_ids:
            with changing(self.engine) as connection:
                connection.execute(rows, [{**own, "entry_id": id_} for id_ in entry_ids])

    def begin(self, mark: Mark, entry_ids: Sequence[str], *, tag_id: str | None = None) -> None:
        """Record that a call is about to set marks or take them off; for a tag, which one."""
        rows = insert_into(self.engine, marks)
        rows = rows.on_conflict_do_update(
            index_elements=list(marks.primary_key),
            set_={name: rows.excluded[name] for name in ("settled", "since", "tag_id")},
        )
        own = {"connection_id": self.connection_id, "mark": mark}
        own |= {"settled": False, "since": self.now(), "tag_id": tag_id}
        if entry_ids:
            with changing(self.engine) as connection:
                connection.execute(rows, [{**own, "entry_id": id_} for id_ in entry_ids])

    def settle(self, mark: Mark, entry_ids: Sequence[str]) -> None:
        """Record that marks are there, and are ours."""
        with changing(self.engine) as connection:
            for some in chunks(entry_ids):
                connection.execute(marks.update().where(self._of(mark, some)).values(settled=True))

    def forget(self, mark: Mark, entry_ids: Sequence[str]) -> None:
        """Forget marks that are gone, or not ours any more."""
        with changing(self.engine) as connection:
            for some in chunks(entry_ids):
                connection.execute(marks.delete().where(self._of(mark, some)))

    def to_tag(self) -> list[str]:
        """Return sent entries that are to have the tag, longest ago first.

        One of which QuickBooks has only a part is none.
        """
        same = sa.and_(self._own(parts), parts.c.entry_id == marks.c.entry_id)
        is_whole = ~sa.exists().where(same)
        query = self._tags(marks.c.entry_id).where(~marks.c.settled, is_whole)
        query = query.where(ledger.c.state == LedgerState.SENT)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def to_untag(self) -> list[tuple[str, str | None]]:
        """Return entries that had the tag and were recalled, and its id, longest ago first.

        So are those whose replacement was refused.
        """
        gone = ledger.c.state.in_([LedgerState.RECALLED, LedgerState.REFUSED])
        # Another line may have taken the row of the one that it was in.
        forgotten = sa.and_(ledger.c.state.is_(None), marks.c.tag_id.is_not(None))
        query = self._tags(marks.c.entry_id, marks.c.tag_id).where(sa.or_(gone, forgotten))
        with self.engine.connect() as connection:
            return [(row.entry_id, row.tag_id) for row in connection.execute(query)]

    def tag_ids(self) -> frozenset[str]:
        """Return the ids of all tags that were ever ours, as far as an entry has one."""
        ours = sa.and_(self._own(marks), marks.c.mark == Mark.SENT_TAG, marks.c.tag_id.is_not(None))
        with self.engine.connect() as connection:
            return frozenset(
                connection.execute(sa.select(marks.c.tag_id).where(ours).distinct()).scalars()
            )

    def _tags(self, *columns: sa.Column[Any]) -> sa.Select[Any]:
        """Select tags, with what the ledger has of their entries, longest ago first."""
        return (
            sa.select(*columns)
            .outerjoin(lines, line_of(marks))
            .outerjoin(ledger, in_ledger(marks))
            .where(self._own(marks), marks.c.mark == Mark.SENT_TAG)
            .order_by(*_LONGEST_AGO)
        )

    def _of(self, mark: Mark, entry_ids: Sequence[str]) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(marks), marks.c.mark == mark, marks.c.entry_id.in_(entry_ids))
