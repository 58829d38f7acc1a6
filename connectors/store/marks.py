"""The marks on entries in Clockify that are ours.

A row is written before Clockify is called, and is settled once the mark is known to be there. So a
mark without a row is never ours, and one whose row is not settled may be somebody else's.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.scope import ConnectionScope
from schemas.tables import marks
from schemas.words import Mark


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

    def begin(self, mark: Mark, entry_ids: Sequence[str]) -> None:
        """Record that a call is about to set marks or take them off."""
        rows = insert_into(self.engine, marks)
        rows = rows.on_conflict_do_update(
            index_elements=list(marks.primary_key),
            set_={name: rows.excluded[name] for name in ("settled", "since")},
        )
        own = {"connection_id": self.connection_id, "mark": mark}
        own |= {"settled": False, "since": self.now()}
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

    def _of(self, mark: Mark, entry_ids: Sequence[str]) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(marks), marks.c.mark == mark, marks.c.entry_id.in_(entry_ids))
