"""Changes of entries that were sent: claimed, recorded and settled as a send is.

    sent ──claim──► sent, with a change ──► sent        QuickBooks updated it
                                        ├─► recalled    QuickBooks deleted it: it may be sent again
                                        ├─► sending     QuickBooks deleted it, and what takes its
                                        │               place is claimed in the same transaction
                                        ├─► sent        it certainly did nothing: released
                                        └─► (stays)     no clear answer: in doubt once its run ended

The entry stays `sent` meanwhile, so that nothing can send it a second time. What QuickBooks holds
under the TimeActivity's Id tells what became of a change in doubt: nothing is handed over again.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import changing, insert_into
from connectors.quickbooks.batch import Done, Outcome, batch_bytes, fingerprint
from connectors.store.change_rows import (
    Found,
    OpenChange,
    Recorded,
    Wanted,
    after,
    claimed_anew,
    claimed_item,
    open_change,
)
from connectors.store.claim_records import Claim
from connectors.store.claims_in_doubt import take_over
from connectors.store.entry_contents import EntryContents
from connectors.store.history import History
from connectors.store.parts import Parts
from connectors.store.runs import Runs, lease_over
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, changes, ledger
from schemas.words import Event, LedgerState, Operation, Proof


class Changes(ConnectionScope):
    """The changes of one connection's sent entries."""

    def claim(
        self,
        run_id: str,
        operation: Operation,
        wanted: Sequence[Wanted],
        *,
        lease: timedelta,
        qbo_time: datetime | None,
    ) -> Claim | None:
        """Claim changes for one batch, before QuickBooks is called; see `Ledger.claim`.

        Returns:
            The claim, without the entries that are not sent as that TimeActivity any more, or that
            another run is changing, and without the other parts of those; `None` when none is left.

        Raises:
            TryAgain: The run's lease is over; nothing was claimed.
        """

        def insert(connection: sa.Connection, values: list[dict[str, Any]]) -> set[str]:
            statement = insert_into(connection, changes).values(values)
            statement = statement.on_conflict_do_nothing().returning(changes.c.entry_id)
            return set(connection.scalars(statement))

        def values(one: Wanted, request_id: str, bid: str) -> dict[str, Any]:
            own = {"connection_id": self.connection_id, "run_id": run_id, **after(one)}
            return own | {"operation": operation, "request_id": request_id, "bid": bid}

        return self._claim(run_id, operation, wanted, values, insert, lease, qbo_time)

    def claim_again(
        self,
        run_id: str,
        wanted: Sequence[Wanted],
        *,
        lease: timedelta,
        qbo_time: datetime | None,
    ) -> Claim | None:
        """Claim entries anew whose TimeActivities are gone from the books; see `claim`."""
        by_id = {one.entry_id: one for one in wanted}

        def update(connection: sa.Connection, values: list[dict[str, Any]]) -> set[str]:
            for row in values:
                mine = sa.and_(self._own(ledger), ledger.c.entry_id == row["entry_id"])
                connection.execute(ledger.update().where(mine).values(row))
                self._renew(connection, after(by_id[row["entry_id"]])["contents"])
            return {row["entry_id"] for row in values}

        def values(one: Wanted, request_id: str, bid: str) -> dict[str, Any]:
            new = claimed_anew(run_id, request_id, bid, one.body, one.minutes, one.date)
            return {"entry_id": one.entry_id, **new, "changed_at": self.now()}

        return self._claim(run_id, Operation.CREATE, wanted, values, update, lease, qbo_time)

    def record(
        self, made: Claim, outcomes: Sequence[Outcome], *, qbo_time: datetime | None
    ) -> Recorded:
        """Record what QuickBooks answered, all of a batch in one transaction.

        What replaces a deleted TimeActivity is claimed at once by the same run, under a request id
        of its own. Items without an outcome stay claimed: nobody knows.
        """
        anew = None
        with changing(self.engine) as connection:
            held = {row.bid: row for row in connection.execute(self._held(made))}
            recorded = [one for one in outcomes if one.bid in held]
            done = [held[one.bid] for one in recorded if isinstance(one, Done)]
            for one in recorded:
                if not isinstance(one, Done):
                    row = {"entry_id": held[one.bid].entry_id, "note": str(one.fault)}
                    self._note(connection, Event.REFUSED, [row], made)
                elif made.operation == Operation.UPDATE:
                    self._updated(
                        connection, held[one.bid], one, qbo_time, made, proof=Proof.ANSWER
                    )
            if made.operation == Operation.DELETE:
                anew = self._deleted(connection, done, made)
            self._forget(connection, made, [one.bid for one in recorded])
        return Recorded({one.bid for one in recorded}, anew)

    def settle(self, change: OpenChange, found: Done | None, *, qbo_time: datetime | None) -> None:
        """Record that a change in doubt was made: its TimeActivity is gone, or is *found* so."""
        made = change.claim
        with changing(self.engine) as connection:
            rows = connection.execute(self._held(made)).all()
            if found is None:
                self._deleted(connection, rows, made)
            else:
                for row in rows:
                    self._updated(connection, row, found, qbo_time, made)
            self._forget(connection, made, [row.bid for row in rows])

    def release(self, made: Claim) -> None:
        """Give back changes that were certainly not made."""
        with changing(self.engine) as connection:
            rows = [{"entry_id": row.entry_id} for row in connection.execute(self._held(made))]
            self._note(connection, Event.RELEASED, rows, made)
            self._forget(connection, made, [bid for _, bid, _ in made.items])

    def take(self, run_id: str, *, at_work: timedelta) -> list[OpenChange]:
        """Take over the changes that dead runs left in doubt; see `Doubts.take`."""
        with changing(self.engine) as connection:
            history = self._same(History)
            take_over(connection, changes, self._own(changes), history, run_id, at_work)
            query = (
                sa.select(changes, batches.c.quiet_from)
                .join(batches, batches.c.request_id == changes.c.request_id)
                .where(self._own(changes), changes.c.run_id == run_id)
                .order_by(batches.c.claimed_at, changes.c.entry_id)
            )
            return [open_change(row) for row in connection.execute(query)]

    def gone(self, run_id: str, wanted: Sequence[Wanted]) -> set[str]:
        """Record that the TimeActivities of entries are gone, and are not to be made again.

        Returns the entries that were sent as those, and that nobody is changing.
        """
        with changing(self.engine) as connection:
            free = self._free(connection, wanted)
            self._same(Parts).begin(connection, _units(free))
            nobody = Claim(run_id, "", (), Operation.DELETE)
            self._deleted(connection, [Found(**after(one)) for one in free], nobody)
        return {one.entry_id for one in free}

    def caught_up(self, run_id: str, wanted: Wanted, sync_token: str) -> bool:
        """Record that the books hold already what an entry was to become; see `gone`."""
        with changing(self.engine) as connection:
            free = self._free(connection, [wanted])
            found = Done("", wanted.time_activity_id, sync_token)
            nobody = Claim(run_id, "", (), Operation.UPDATE)
            for one in free:
                row = Found(**after(one))
                self._updated(connection, row, found, None, nobody)
        return bool(free)

    def _claim(
        self,
        run_id: str,
        operation: Operation,
        wanted: Sequence[Wanted],
        values: Callable[[Wanted, str, str], dict[str, Any]],
        insert: Callable[[sa.Connection, list[dict[str, Any]]], set[str]],
        lease: timedelta,
        qbo_time: datetime | None,
    ) -> Claim | None:
        request_id, now = uuid4().hex, self.now()
        with changing(self.engine) as connection:
            if not self._same(Runs).renew_within(connection, run_id, now=now, lease=lease):
                raise lease_over()
            free = self._free(connection, wanted)
            if not free:
                return None
            self._same(Parts).begin(connection, _units(free))
            self._begin_batch(connection, run_id, request_id, qbo_time)
            rows = [values(one, request_id, str(n)) for n, one in enumerate(free, start=1)]
            taken = insert(connection, rows)
            mine = [row for row in rows if row["entry_id"] in taken]
            items = tuple((row["entry_id"], row["bid"], row["body"]) for row in mine)
            if not items:
                connection.rollback()
                return None
            made = Claim(run_id, request_id, items, operation)
            its_batch = batches.c.request_id == request_id
            sent = fingerprint(batch_bytes(made.for_quickbooks, operation=operation))
            connection.execute(batches.update().where(its_batch).values(fingerprint=sent))
            self._note(connection, Event.CLAIMED, [claimed_item(item) for item in items], made)
        return made

    def _free(self, connection: sa.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Return what is sent as the TimeActivity that is wanted, and that nobody is changing.

        Of an entry in parts, all of the wanted ones are free, or none.

        What was only found in the books by its content, or adopted, may be an entry that was handed
        over before and is in doubt, of any connection to the company: somebody may have edited it
        to be like this one. QuickBooks' answer to that entry decides first.
        """
        doubt = ledger.alias("doubt")
        may_be_it = sa.exists().where(
            doubt.c.connection_id.in_(self._company()),
            doubt.c.state == LedgerState.SENDING,
            doubt.c.request_id == batches.c.request_id,
            batches.c.claimed_at <= ledger.c.changed_at,
        )
        query = (
            sa.select(ledger.c.entry_id, ledger.c.time_activity_id)
            .outerjoin(changes, _same_entry())
            .where(
                self._own(ledger),
                ledger.c.entry_id.in_([one.entry_id for one in wanted]),
                ledger.c.state == LedgerState.SENT,
                changes.c.entry_id.is_(None),
                ledger.c.proof.is_distinct_from(Proof.BOOKS) | ~may_be_it,
            )
        )
        free = {tuple(row) for row in connection.execute(query)}
        held = [one for one in wanted if (one.entry_id, one.time_activity_id) not in free]
        divided = _units(held)
        return [one for one in wanted if one not in held and one.unit not in divided]

    def _begin_batch(
        self,
        connection: sa.Connection,
        run_id: str,
        request_id: str,
        qbo_time: datetime | None,
        **values: Any,
    ) -> None:
        connection.execute(
            batches.insert().values(
                request_id=request_id,
                connection_id=self.connection_id,
                run_id=run_id,
                fingerprint="",
                claimed_at=self.now(),
                qbo_time=qbo_time,
                **values,
            )
        )

    def _updated(
        self,
        connection: sa.Connection,
        row: Any,
        found: Done,
        qbo_time: datetime | None,
        made: Claim,
        *,
        proof: Proof | None = None,
    ) -> None:
        """Record an update; without a *proof* of its own, the entry keeps the one it has."""
        new = {"body": row.body, "minutes": row.minutes, "txn_date": row.txn_date}
        new |= {"sync_token": found.sync_token, "qbo_time": qbo_time}
        new |= {"proof": proof} if proof else {}
        told = {
            "entry_id": row.entry_id,
            "time_activity_id": found.qbo_id,
            "minutes": row.minutes,
            "fingerprint": fingerprint(row.body.encode()),
        }
        if self._set(connection, row, new):
            self._renew(connection, row.contents)
            self._note(connection, Event.UPDATED, [told], made)

    def _deleted(self, connection: sa.Connection, rows: Sequence[Any], made: Claim) -> str | None:
        """Free entries whose TimeActivities are gone; claim what takes the place of some.

        Returns the request id of that claim.
        """
        freed = {"state": LedgerState.RECALLED, "sync_token": None, "proof": None}
        gone = [row for row in rows if self._set(connection, row, freed)]
        told = [{"entry_id": row.entry_id} for row in gone]
        self._note(connection, Event.RECALLED, told, made)
        anew = [row for row in gone if row.replacement is not None]
        if not anew:
            return None
        # Nothing of it was called, so that it may be handed over at any time. What is younger than
        # the deletion may be the same work, typed in before somebody learned of the deletion.
        request_id = uuid4().hex
        query = sa.select(batches.c.qbo_time).where(batches.c.request_id == made.request_id)
        since = connection.scalar(query)
        self._begin_batch(connection, made.run_id, request_id, since, quiet_from=self.now())
        for bid, row in enumerate(anew, start=1):
            new = claimed_anew(
                made.run_id, request_id, str(bid), row.replacement, row.minutes, row.txn_date
            )
            self._set(connection, row, new, LedgerState.RECALLED)
            self._renew(connection, row.contents)
        items = tuple((row.entry_id, "", row.replacement) for row in anew)
        told = [claimed_item(item) for item in items]
        self._note(connection, Event.CLAIMED, told, Claim(made.run_id, request_id, items))
        return request_id

    def _renew(self, connection: sa.Connection, contents: str | None) -> None:
        """Keep what an entry is about now that QuickBooks has it so."""
        if contents is not None:
            row = json.loads(contents)
            start = row["start"] and datetime.fromisoformat(row["start"])
            self._same(EntryContents).renew(connection, {**row, "start": start})

    def _set(
        self,
        connection: sa.Connection,
        row: Any,
        values: dict[str, Any],
        state: LedgerState = LedgerState.SENT,
    ) -> bool:
        """Change an entry of the ledger if it is in *state* as that TimeActivity; say if it was."""
        mine = sa.and_(
            self._own(ledger),
            ledger.c.entry_id == row.entry_id,
            ledger.c.time_activity_id == row.time_activity_id,
            ledger.c.state == state,
        )
        change = ledger.update().where(mine).values(**values, changed_at=self.now())
        return connection.execute(change).rowcount == 1

    def _note(
        self, connection: sa.Connection, event: Event, rows: Sequence[dict[str, Any]], made: Claim
    ) -> None:
        self._same(History).add(
            connection,
            event,
            rows,
            run_id=made.run_id,
            operation=made.operation,
            request_id=made.request_id or None,
        )

    def _held(self, made: Claim) -> sa.Select[Any]:
        return sa.select(changes).where(self._of(made, [bid for _, bid, _ in made.items]))

    def _forget(self, connection: sa.Connection, made: Claim, bids: Sequence[str]) -> None:
        connection.execute(changes.delete().where(self._of(made, bids)))

    def _of(self, made: Claim, bids: Sequence[str]) -> sa.ColumnElement[bool]:
        return sa.and_(
            self._own(changes),
            changes.c.request_id == made.request_id,
            changes.c.run_id == made.run_id,
            changes.c.bid.in_(bids),
        )


def _units(wanted: Iterable[Wanted]) -> set[str]:
    """Return the entries of which some changes are parts."""
    return {one.unit for one in wanted if one.unit is not None}


def _same_entry() -> sa.ColumnElement[bool]:
    return sa.and_(
        changes.c.connection_id == ledger.c.connection_id,
        changes.c.entry_id == ledger.c.entry_id,
    )
