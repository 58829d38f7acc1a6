"""What the ledger knows of a company's books, which all connections to that company share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.database import snapshot
from connectors.store.chain import of_ledger
from connectors.store.history import History
from connectors.store.parts import Parts
from connectors.store.scope import ConnectionScope, rows_of
from schemas.part_ids import whole_id
from schemas.tables import batches, ledger, runs
from schemas.words import Event, LedgerState, Proof


@dataclass(frozen=True)
class InFlight:
    """An entry that another run of the company has handed over, with no outcome recorded yet.

    Attributes:
        body: The TimeActivity as sent, to the byte.
        qbo_time: QuickBooks' own clock before the call; `None` when it was not known.
        alive: Whether the run is alive; if not, it is a doubt of another connection.
    """

    body: str
    qbo_time: datetime | None
    alive: bool


class CompanyBooks(ConnectionScope):
    """The ledgers of all connections to the company of one connection."""

    def accounted(self, time_activity_ids: Sequence[str]) -> tuple[frozenset[str], list[InFlight]]:
        """Find out what the ledgers account for in the books.

        Ask after the books were read: what they hold was claimed before.

        Returns:
            Which of these TimeActivities are known as sent; and what live runs have in flight, or
            other connections in doubt.
        """
        key, now = ledger.c.time_activity_id, self.now()
        alive = sa.and_(runs.c.finished_at.is_(None), runs.c.lease_until >= now)
        with snapshot(self.engine) as connection:  # a claim that is recorded meanwhile is in one
            company = list(connection.scalars(self._company()))
            known = frozenset(
                row.time_activity_id
                for one in company
                for row in rows_of(connection, key, one, time_activity_ids, [key, ledger.c.state])
                if row.state == LedgerState.SENT
            )
            in_flight = (
                sa.select(ledger.c.body, batches.c.qbo_time, alive)
                .join(batches, batches.c.request_id == ledger.c.request_id)
                .join(runs, runs.c.id == batches.c.run_id)
                .where(
                    ledger.c.connection_id.in_(company),
                    ledger.c.state == LedgerState.SENDING,
                    sa.or_(alive, ~self._own(ledger)),
                )
            )
            return known, [InFlight(*row) for row in connection.execute(in_flight)]

    def holder(self, time_activity_id: str) -> str | None:
        """Return the entry that a TimeActivity stands for, if any."""
        with self.engine.connect() as connection:
            found = self.holders(connection, [time_activity_id])
        return found[time_activity_id].entry_id if found else None

    def holders(
        self, connection: sa.Connection, time_activity_ids: Sequence[str]
    ) -> dict[str, sa.Row[Any]]:
        """Return the ledgers' rows that are sent as these TimeActivities, by their ids."""
        query = sa.select(ledger).where(
            ledger.c.connection_id.in_(self._company()),
            ledger.c.time_activity_id.in_(time_activity_ids),
            ledger.c.state == LedgerState.SENT,
        )
        return {row.time_activity_id: row for row in connection.execute(query)}

    def let_go(self, connection: sa.Connection, time_activity_ids: Sequence[str]) -> None:
        """Forget recalled entries that had TimeActivities which are another's, before it has them.

        They were gone from the books once, and are there: the entries are as if never sent.
        """
        connection.execute(
            ledger.delete().where(
                self._own(ledger),
                ledger.c.time_activity_id.in_(time_activity_ids),
                ledger.c.state == LedgerState.RECALLED,
            )
        )

    def take_back(
        self,
        connection: sa.Connection,
        request_id: str,
        time_activity_ids: Sequence[str],
        *,
        run_id: str,
        takes_over: bool = False,
    ) -> list[str]:
        """Put entries in doubt again that were given these TimeActivities by their content alone.

        QuickBooks' own answer outweighs that. Runs of the same company wait for one another here,
        so that none takes what another is taking, within a transaction of `changing`.

        The connection's request was answered with these TimeActivities, as a run has learned. It
        may take over the doubts of the connection; others leave them to a later one. Returns the
        ids of these.
        """
        found = sa.select(ledger).where(
            ledger.c.connection_id.in_(self._company()),
            ledger.c.time_activity_id.in_(time_activity_ids),
            ledger.c.state == LedgerState.SENT,
            ledger.c.proof == Proof.BOOKS,
            ledger.c.request_id != request_id,
        )
        own = []
        for twin in connection.execute(found).mappings().all():
            mine = twin["connection_id"] == self.connection_id
            own += [twin["entry_id"]] if mine else []
            connection.execute(
                ledger.update()
                .where(
                    ledger.c.connection_id == twin["connection_id"],
                    ledger.c.entry_id == twin["entry_id"],
                )
                .values(
                    state=LedgerState.SENDING,
                    run_id=run_id if mine and takes_over else twin["run_id"],
                    time_activity_id=None,
                    sync_token=None,
                    proof=None,
                    adopted=None,
                    changed_at=self.now(),
                )
            )
            owner = History(self.engine, twin["connection_id"], self.now)
            owner.add(connection, Event.TAKEN_BACK, [of_ledger(twin)], run_id=run_id)
            its_parts = Parts(self.engine, twin["connection_id"], self.now)
            its_parts.begin(connection, [whole_id(twin["entry_id"])])
        return own
