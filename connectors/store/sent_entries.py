"""The entries that the ledger has as sent, with what they were about then, to be compared."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.database import chunks
from connectors.store.entry_contents import NAMES
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, contents, ledger, runs, verdicts
from schemas.words import LedgerState

#: What people know an entry by.
_LOOKS = ("user", "client", "project", "description")

_COLUMNS = (
    ledger.c.entry_id,
    ledger.c.time_activity_id,
    ledger.c.sync_token,
    ledger.c.body,
    ledger.c.minutes,
    ledger.c.txn_date,
    ledger.c.run_id,
    ledger.c.approved_only,
    *(verdicts.c[name] for name in _LOOKS),
    *(contents.c[name].label(f"contents_{name}") for name in NAMES),
)


class SentEntries(ConnectionScope):
    """The sent entries of one connection: rows with the ledger's columns.

    Each row has `entry_id`, `time_activity_id`, `sync_token`, `body`, `minutes`, `txn_date` and
    `run_id` of the ledger, `approved_only`, `user`, `client`, `project` and `description` of its
    last outcome, and `contents_…` for each column of `Contents`; missing where nothing was kept.
    """

    def between(self, first: str, last: str) -> list[sa.Row[Any]]:
        """Return those of some local days, YYYY-MM-DD, the last one included."""
        return self._select(ledger.c.txn_date.between(first, last))

    def of(self, entry_ids: Sequence[str]) -> list[sa.Row[Any]]:
        """Return those of some entries."""
        return [
            row for some in chunks(entry_ids) for row in self._select(ledger.c.entry_id.in_(some))
        ]

    def of_activities(self, ids: Sequence[str]) -> list[sa.Row[Any]]:
        """Return those that were sent as some TimeActivities."""
        which = ledger.c.time_activity_id
        return [row for some in chunks(ids) for row in self._select(which.in_(some))]

    def of_run(self, run_id: str) -> list[sa.Row[Any]]:
        """Return those that a run handed over, also where a later one found that out."""
        its_batches = sa.select(batches.c.request_id).where(
            self._own(batches), batches.c.run_id == run_id
        )
        return self._select(ledger.c.request_id.in_(its_batches))

    def adopted(self, entry_ids: Sequence[str]) -> set[str]:
        """Return which of some entries were adopted: QuickBooks had their time from elsewhere."""
        query = sa.select(ledger.c.entry_id).where(self._own(ledger), ledger.c.adopted)
        with self.engine.connect() as connection:
            return {
                id_
                for some in chunks(entry_ids)
                for id_ in connection.scalars(query.where(ledger.c.entry_id.in_(some)))
            }

    def any_approved(self) -> bool:
        """Whether any run of the connection has sent approved entries alone."""
        query = sa.select(runs.c.id).where(self._own(runs), runs.c.approved_only)
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _select(self, which: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
        query = (
            sa.select(*_COLUMNS)
            .outerjoin(contents, _same(contents))
            .outerjoin(verdicts, _same(verdicts))
            .where(self._own(ledger), ledger.c.state == LedgerState.SENT, which)
            .order_by(ledger.c.txn_date, ledger.c.entry_id)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query))


def _same(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.connection_id == ledger.c.connection_id, table.c.entry_id == ledger.c.entry_id
    )
