"""Drift: what the latest reconciliation of each day found, except for what agrees."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.database import changing, chunks
from connectors.store.scope import ConnectionScope
from schemas.tables import drift


class Drift(ConnectionScope):
    """The differences of one connection."""

    def forget(self, first: str, last: str, *, but: Sequence[str] = ()) -> None:
        """Forget what was found for some local days, YYYY-MM-DD, the last one included.

        What was found about the entries *but* stays known.
        """
        of_days = sa.and_(self._own(drift), drift.c.date.between(first, last))
        others = sa.or_(drift.c.entry_id.is_(None), drift.c.entry_id.not_in(but))
        of_days = sa.and_(of_days, others)
        with changing(self.engine) as connection:
            connection.execute(drift.delete().where(of_days))

    def forget_entries(self, entry_ids: Sequence[str]) -> None:
        """Forget what was found about some entries, whatever their days."""
        with changing(self.engine) as connection:
            for some in chunks(entry_ids):
                rows = sa.and_(self._own(drift), drift.c.entry_id.in_(some))
                connection.execute(drift.delete().where(rows))

    def entry_ids(self) -> set[str]:
        """Return the entries of which something is known."""
        query = sa.select(drift.c.entry_id).where(self._own(drift), drift.c.entry_id.is_not(None))
        with self.engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def keep(self, run_id: str, found: Sequence[dict[str, Any]]) -> None:
        """Keep differences, in place of what was known of the same entries.

        Each has `entry_id`, `time_activity_id`, `verdict`, `blocked`, `detail`, `date` and
        `differs`, as JSON.
        """
        ids = [row["entry_id"] for row in found if row["entry_id"] is not None]
        own = {"connection_id": self.connection_id, "run_id": run_id}
        self.forget_entries(ids)
        with changing(self.engine) as connection:
            if found:
                connection.execute(drift.insert(), [{**row, **own} for row in found])

    def known(self) -> list[sa.Row[Any]]:
        """Return all of it, by day."""
        query = sa.select(drift).where(self._own(drift)).order_by(drift.c.date, drift.c.id)
        with self.engine.connect() as connection:
            return list(connection.execute(query))
