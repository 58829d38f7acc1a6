"""Claims of dead runs: entries in doubt, which QuickBooks may or may not have.

Once a run has ended, or its lease is over, what it claimed and got no clear answer for is in doubt.
One later run takes such claims over, asks QuickBooks, and settles them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.database import changing
from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done
from connectors.store.books import CompanyBooks
from connectors.store.chain import of_ledger
from connectors.store.history import History
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, ledger, runs
from schemas.words import Event, LedgerState, Operation, Proof


@dataclass(frozen=True)
class Doubt:
    """One entry that QuickBooks may or may not have.

    Attributes:
        entry_id: The entry.
        request_id: The requestid under which QuickBooks was called.
        bid: Its bId in that request.
        body: The TimeActivity as sent, to the byte.
        txn_date: Its day, as sent.
        quiet_from: From when on QuickBooks can no longer be at work on it; `None` if unknown.
        qbo_time: QuickBooks' own clock before the call; `None` when it was not known.
    """

    entry_id: str
    request_id: str
    bid: str
    body: str
    txn_date: str
    quiet_from: datetime | None
    qbo_time: datetime | None


class Doubts(ConnectionScope):
    """The entries of one connection that are in doubt."""

    def take(self, run_id: str, *, at_work: timedelta) -> list[Doubt]:
        """Take over what dead runs left in doubt, so that one run alone settles it.

        A run is dead when it has finished, or when its lease is over. QuickBooks may be at work on
        its last call for *at_work* after that; a run that was cut off may have called till its
        lease ended.
        """
        unclear = sa.and_(self._own(ledger), ledger.c.state == LedgerState.SENDING)
        with changing(self.engine) as connection:
            history = self._same(History)
            take_over(connection, ledger, unclear, history, run_id, at_work)
            return self._read(connection, ledger.c.run_id == run_id)

    def of(self, run_id: str) -> list[Doubt]:
        """Return what a live run has claimed and has no answer for."""
        with self.engine.connect() as connection:
            return self._read(connection, ledger.c.run_id == run_id)

    def settle(self, doubt: Doubt, created: Done, *, run_id: str, proof: Proof) -> Doubt | None:
        """Record that QuickBooks has an entry about which there was doubt.

        QuickBooks' answer to the entry's own request id and bId outweighs what was found by
        content: a twin that was taken for this TimeActivity gives it back, and is in doubt itself.

        Returns:
            That twin, or `None`.

        Raises:
            TryAgain: Another entry of the company has it, and does not give it back.
        """
        books, twins = self._same(CompanyBooks), []
        with changing(self.engine) as connection:
            if proof == Proof.ANSWER:
                ids = [created.qbo_id]
                twins = books.take_back(
                    connection, doubt.request_id, ids, run_id=run_id, takes_over=True
                )
            if books.holders(connection, [created.qbo_id]):
                raise TryAgain(
                    f"TimeActivity {created.qbo_id} was recorded for another entry meanwhile. Run"
                    " the command again."
                )
            books.let_go(connection, [created.qbo_id])
            sent = connection.execute(
                ledger.update()
                .where(
                    self._own(ledger),
                    ledger.c.request_id == doubt.request_id,
                    ledger.c.bid == doubt.bid,
                    ledger.c.state == LedgerState.SENDING,
                )
                .values(
                    state=LedgerState.SENT,
                    time_activity_id=created.qbo_id,
                    sync_token=created.sync_token,
                    proof=proof,
                    changed_at=self.now(),
                )
                .returning(ledger)
            ).mappings()
            note = "found in the books" if proof == Proof.BOOKS else None
            self._same(History).add(
                connection,
                Event.SENT,
                [of_ledger(row) | {"note": note} for row in sent],
                run_id=run_id,
                operation=Operation.CREATE,
                request_id=doubt.request_id,
            )
            return self._read(connection, ledger.c.entry_id.in_(twins))[0] if twins else None

    def _read(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Doubt]:
        # By the connection and the state too, for which there is an index: of millions of rows, a
        # run knows its own by nothing else.
        columns = [ledger.c.entry_id, ledger.c.request_id, ledger.c.bid, ledger.c.body,
                   ledger.c.txn_date, batches.c.quiet_from, batches.c.qbo_time]  # fmt: skip
        query = (
            sa.select(*columns)
            .join_from(ledger, batches, batches.c.request_id == ledger.c.request_id)
            .where(self._own(ledger), ledger.c.state == LedgerState.SENDING, which)
            .order_by(batches.c.claimed_at, ledger.c.request_id, ledger.c.entry_id)
        )
        return [Doubt(*row) for row in connection.execute(query)]


def take_over(
    connection: sa.Connection,
    table: sa.Table,
    unclear: sa.ColumnElement[bool],
    history: History,
    run_id: str,
    at_work: timedelta,
) -> None:
    """Give a run the unclear claims of dead runs, and note when QuickBooks is done with them.

    Args:
        connection: Within a transaction of `changing`.
        table: `ledger` or `changes`, with `run_id` and `request_id`.
        unclear: Which of its rows are claims without an outcome.
        history: Of the connection.
        run_id: Who takes over.
        at_work: How long QuickBooks may be at work on a call.
    """
    dead_runs = (
        sa.select(runs.c.id, runs.c.finished_at, runs.c.lease_until)
        .where(
            runs.c.id.in_(sa.select(table.c.run_id).where(unclear)),
            sa.or_(runs.c.finished_at.is_not(None), runs.c.lease_until < history.now()),
        )
        .with_for_update()
    )
    for dead in connection.execute(dead_runs).all():
        held_by_it = sa.and_(unclear, table.c.run_id == dead.id)
        quiet_from = (dead.finished_at or dead.lease_until) + at_work
        unknown = batches.c.quiet_from.is_(None)
        if not dead.finished_at:  # it may have called again after what it noted
            unknown |= batches.c.quiet_from < quiet_from
        requests = sa.select(table.c.request_id).where(held_by_it)
        connection.execute(
            batches.update()
            .where(batches.c.request_id.in_(requests), unknown)
            .values(quiet_from=quiet_from)
        )
        taken = table.update().where(held_by_it).values(run_id=run_id).returning(table.c.entry_id)
        ids = sorted(connection.scalars(taken))
        rows = [{"entry_id": id_, "note": f"taken over from run {dead.id}"} for id_ in ids]
        history.add(connection, Event.UNCLEAR, rows, run_id=run_id)
        # Ended for good: a renewal that was on its way meanwhile does not revive it.
        ended = runs.update().where(runs.c.id == dead.id, runs.c.finished_at.is_(None))
        connection.execute(ended.values(finished_at=dead.lease_until))
