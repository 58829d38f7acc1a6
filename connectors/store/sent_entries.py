"""The entries that the ledger has as sent, with what they were about then, to be compared."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from connectors.database import chunks
from connectors.store.entry_contents import NAMES
from connectors.store.lines import ENTRY_ID, MINUTES, OF_LEDGER, Lines, about
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, contents, ledger, lines, runs, verdicts
from schemas.words import LedgerState

#: What people know an entry by.
_LOOKS = ("user", "client", "project", "description")

_COLUMNS = (
    ENTRY_ID.label("entry_id"),
    ledger.c.time_activity_id,
    ledger.c.sync_token,
    sa.func.coalesce(lines.c.body, ledger.c.body).label("body"),
    MINUTES.label("minutes"),
    ledger.c.txn_date,
    ledger.c.run_id,
    ledger.c.approved_only,
    lines.c.first_id.label("line"),
    lines.c.before_min,
    ledger.c.body.label("whole_body"),
    ledger.c.minutes.label("whole_minutes"),
    lines.c.contents.label("line_contents"),
    *(verdicts.c[name] for name in _LOOKS),
    *(contents.c[name].label(f"contents_{name}") for name in NAMES),
)


class SentEntries(ConnectionScope):
    """The sent entries of one connection: rows with the ledger's columns.

    Each row has `entry_id`, `time_activity_id`, `sync_token`, `body`, `minutes`, `txn_date` and
    `run_id` of the ledger, `approved_only`, `user`, `client`, `project` and `description` of its
    last outcome, and `contents_…` for each column of `Contents`; missing where nothing was kept.
    A line has a row for each of its entries, with the id of its first one as `line`, `before_min`
    of those before, and the `whole_body` and `whole_minutes` of the line.
    """

    def between(self, first: str, last: str) -> list[Any]:
        """Return those of some local days, YYYY-MM-DD, the last one included."""
        return self._select(ledger.c.txn_date.between(first, last))

    def of(self, entry_ids: Sequence[str]) -> list[Any]:
        """Return those of some entries, and of the lines that they are in."""
        of_lines = self._same(Lines).of(entry_ids)
        own = {of_lines[id_].first_id if id_ in of_lines else id_ for id_ in entry_ids}
        key = ledger.c.entry_id
        return [row for some in chunks(sorted(own)) for row in self._select(key.in_(some))]

    def of_neighbors(self, first: str, last: str) -> list[Any]:
        """Return what other connections to the company have sent for some days, the last included.

        Rows with `connection_id`, `entry_id`, `txn_date`, `minutes`, `body` and `contents_start`.
        """
        query = (
            sa.select(
                ledger.c.connection_id,
                ledger.c.entry_id,
                ledger.c.txn_date,
                ledger.c.minutes,
                ledger.c.body,
                contents.c.start.label("contents_start"),
            )
            .outerjoin_from(ledger, contents, _same(contents))
            .where(
                ledger.c.connection_id.in_(self._company()),
                ~self._own(ledger),
                ledger.c.state == LedgerState.SENT,
                ledger.c.txn_date.between(first, last),
            )
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query))

    def of_activities(self, ids: Sequence[str]) -> list[Any]:
        """Return those that were sent as some TimeActivities."""
        which = ledger.c.time_activity_id
        return [row for some in chunks(ids) for row in self._select(which.in_(some))]

    def of_run(self, run_id: str) -> list[Any]:
        """Return those that a run handed over, also where a later one found that out."""
        its_batches = sa.select(batches.c.request_id).where(
            self._own(batches), batches.c.run_id == run_id
        )
        return self._select(ledger.c.request_id.in_(its_batches))

    def adopted(self, entry_ids: Sequence[str]) -> set[str]:
        """Return which of some entries were adopted: QuickBooks had their time from elsewhere."""
        # Not what was recalled, and went in a line of another entry since.
        is_sent = ledger.c.state == LedgerState.SENT
        query = sa.select(ledger.c.entry_id).where(self._own(ledger), is_sent, ledger.c.adopted)
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

    def _select(self, which: sa.ColumnElement[bool]) -> list[Any]:
        of_entry = sa.and_(
            verdicts.c.connection_id == ledger.c.connection_id, verdicts.c.entry_id == ENTRY_ID
        )
        query = (
            sa.select(*_COLUMNS)
            .outerjoin_from(ledger, lines, OF_LEDGER)
            .outerjoin(contents, _same(contents))
            .outerjoin(verdicts, of_entry)
            .where(self._own(ledger), ledger.c.state == LedgerState.SENT, which)
            .order_by(ledger.c.txn_date, ledger.c.entry_id, lines.c.before_min)
        )
        with self.engine.connect() as connection:
            return [_with_own_contents(row) for row in connection.execute(query)]


def _with_own_contents(row: sa.Row[Any]) -> Any:
    """Return a row with what its entry is about, if that is in a line; others as they are."""
    if row.line_contents is None:
        return row
    own = about(row.line_contents)
    return SimpleNamespace(**row._asdict() | {f"contents_{name}": own[name] for name in NAMES})


def _same(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.connection_id == ledger.c.connection_id, table.c.entry_id == ledger.c.entry_id
    )
