"""Adoptions: entries become `sent` because the books had them before, and nobody sends them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.quickbooks.batch import batch_bytes, fingerprint
from connectors.store.books import CompanyBooks
from connectors.store.claim_records import PlanContents
from connectors.store.entry_contents import EntryContents
from connectors.store.history import History
from connectors.store.lines import Lines
from connectors.store.runs import Runs, lease_over
from connectors.store.scope import ConnectionScope, records, rows_of
from schemas.part_ids import whole_id
from schemas.tables import batches, ledger, unknown_time
from schemas.words import Event, LedgerState, Proof

#: An entry in one of these states may be sent, and so may be adopted.
_FREE = (LedgerState.REFUSED, LedgerState.RECALLED)


class Adoptions(ConnectionScope):
    """The adoptions of one connection."""

    def adopt(
        self,
        run_id: str,
        rows: Sequence[dict[str, Any]],
        contents: PlanContents,
        *,
        lease: timedelta,
    ) -> set[str]:
        """Record entries as sent, as TimeActivities that were in the books before.

        They stand in a batch of their own that was never sent: if one of the TimeActivities proves
        to be another entry's, the entry is in doubt again, and is settled like any other.

        Args:
            run_id: The run that adopts; its lease is renewed.
            rows: `entry_id`, `body` and `minutes` as they would be sent, `date`; and
                `time_activity_id` and `sync_token`.
            contents: What the entries are about.
            lease: How long the run counts as alive from now on.

        Returns:
            The entries that were adopted: not those that a run has taken meanwhile, under whatever
            id, and not where an entry of the company has the TimeActivity; of entries in parts,
            all parts that are among the rows, or none.

        Raises:
            TryAgain: The run's lease is over; nothing was adopted.
        """
        if not rows:
            return set()
        now, request_id = self.now(), uuid4().hex
        own: dict[str, Any] = {
            "connection_id": self.connection_id,
            "run_id": run_id,
            "request_id": request_id,
        }
        with changing(self.engine) as connection:
            if not self._same(Runs).renew_within(connection, run_id, now=now, lease=lease):
                raise lease_over()
            free = self._free(connection, run_id, rows, contents)
            if not free:
                return set()
            items = [(str(bid), row["body"]) for bid, row in enumerate(free, start=1)]
            batch = {**own, "fingerprint": fingerprint(batch_bytes(items)), "claimed_at": now}
            connection.execute(batches.insert().values(batch))
            values = [
                {
                    **own,
                    "entry_id": row["entry_id"],
                    "state": LedgerState.SENT,
                    "bid": bid,
                    "body": body,
                    "minutes": int(row["minutes"]),
                    "txn_date": row["date"],
                    "time_activity_id": row["time_activity_id"],
                    "sync_token": row["sync_token"],
                    "proof": Proof.BOOKS,
                    "adopted": True,
                    "changed_at": now,
                }
                for row, (bid, body) in zip(free, items, strict=True)
            ]
            self._insert(connection, values)
            self._same(Lines).replace(connection, values, {})
            ids = [value["entry_id"] for value in values]
            stored = self._same(EntryContents)
            claim_no = stored.insert(connection, records(contents.of(ids)))
            numbered = batches.update().where(batches.c.request_id == request_id)
            connection.execute(numbered.values(claim_no=claim_no))
            self._note(connection, run_id, request_id, values)
        return set(ids)

    def _free(
        self,
        connection: sa.Connection,
        run_id: str,
        rows: Sequence[dict[str, Any]],
        contents: PlanContents,
    ) -> list[dict[str, Any]]:
        """Return the rows that nobody has taken, by entry or by TimeActivity."""
        whole = contents.of([row["entry_id"] for row in rows])
        days = whole["day"].unique().tolist()
        rivals = self._same(EntryContents).claimed_since(connection, contents.since, run_id, days)
        taken = set(whole.loc[contents.twins(whole, rivals).notna(), "entry_id"])
        columns = [ledger.c.entry_id, ledger.c.state]
        held = rows_of(connection, columns[0], self.connection_id, whole["entry_id"], columns)
        taken |= {row.entry_id for row in held if row.state not in _FREE}
        taken |= self._same(Lines).held(connection, whole["entry_id"].tolist())
        books, holders = self._same(CompanyBooks), set()
        for some in chunks([row["time_activity_id"] for row in rows]):
            holders |= set(books.holders(connection, some))
            books.let_go(connection, some)
        free = [
            row
            for row in rows
            if row["entry_id"] not in taken and row["time_activity_id"] not in holders
        ]
        return free if len(free) == len(rows) else _without_divided(free, rows)

    def _insert(self, connection: sa.Connection, values: Sequence[dict[str, Any]]) -> None:
        statement = insert_into(connection, ledger)
        kept = {name: statement.excluded[name] for name in values[0]}
        before = dict.fromkeys(("fault", "qbo_time", "company_state", "approved_only"))
        statement = statement.on_conflict_do_update(
            index_elements=[ledger.c.connection_id, ledger.c.entry_id],
            set_=kept | before,
        )
        connection.execute(statement, list(values))

    def _note(
        self,
        connection: sa.Connection,
        run_id: str,
        request_id: str,
        values: Sequence[dict[str, Any]],
    ) -> None:
        """Add the adoptions to the history, and take what is known by now off the unknown."""
        told = [
            {name: value[name] for name in ("entry_id", "minutes", "time_activity_id")}
            | {"fingerprint": fingerprint(value["body"].encode())}
            for value in values
        ]
        history = self._same(History)
        history.add(connection, Event.ADOPTED, told, run_id=run_id, request_id=request_id)
        for some in chunks([value["time_activity_id"] for value in values]):
            known = unknown_time.c.time_activity_id.in_(some)
            connection.execute(unknown_time.delete().where(self._own(unknown_time), known))


def _without_divided(
    free: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the free rows but for parts of entries of which another part is not free."""
    ids = {row["entry_id"] for row in free}
    divided = {whole_id(row["entry_id"]) for row in rows if row["entry_id"] not in ids}
    return [row for row in free if whole_id(row["entry_id"]) not in divided]
