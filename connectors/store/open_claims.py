"""What is in doubt, counted without taking it over: for whoever only looks."""

import sqlalchemy as sa

from connectors.store.scope import ConnectionScope
from schemas.tables import changes, ledger, lines, runs
from schemas.words import LedgerState


class OpenClaims(ConnectionScope):
    """Claims of one connection that ended runs left without an outcome."""

    def changes(self) -> set[str]:
        """Return the sent entries of which a change is in doubt."""
        return self._left(changes, self._own(changes))

    def number(self) -> int:
        """Return how many entries are in doubt, or a change of theirs."""
        sending = sa.and_(self._own(ledger), ledger.c.state == LedgerState.SENDING)
        return len(self._left(ledger, sending)) + len(self.changes())

    def _left(self, table: sa.Table, unclear: sa.ColumnElement[bool]) -> set[str]:
        ended = sa.or_(runs.c.finished_at.is_not(None), runs.c.lease_until < self.now())
        first = sa.and_(
            lines.c.connection_id == table.c.connection_id, lines.c.first_id == table.c.entry_id
        )
        entry_id = sa.func.coalesce(lines.c.entry_id, table.c.entry_id)
        query = sa.select(entry_id).join(runs, runs.c.id == table.c.run_id).outerjoin(lines, first)
        with self.engine.connect() as connection:
            return set(connection.scalars(query.where(unclear, ended)))
