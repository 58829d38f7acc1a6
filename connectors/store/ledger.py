"""The ledger: the only truth about what was sent.

    (none) ──claim──► sending ──► sent       QuickBooks confirmed it: it never goes again
                              ├──► refused   QuickBooks answered with a fault: may be claimed again
                              ├──► (none)    it certainly never reached QuickBooks: released
                              └──► sending   no clear answer: in doubt once its run has ended

A claim is committed before the first byte leaves, with the request id and the bId under which
QuickBooks is called, and the very bytes. The primary key refuses a second claim of the same entry,
from any process on any machine.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.sql.elements import NamedColumn

from connectors.database import changing, insert_into
from connectors.quickbooks.batch import Done, Outcome, batch_bytes, fingerprint
from connectors.store.books import CompanyBooks
from connectors.store.chain import of_ledger
from connectors.store.claim_records import Claim, PlanContents, Refusal
from connectors.store.entry_contents import EntryContents
from connectors.store.history import History
from connectors.store.lines import BEFORE_MIN, OF_LEDGER, Lines, is_outdated
from connectors.store.parts import Parts
from connectors.store.payroll import PayrollAnswers
from connectors.store.runs import Runs, lease_over
from connectors.store.scope import ConnectionScope, records
from schemas.part_ids import whole_id
from schemas.tables import batches, changes, ledger, lines, runs
from schemas.words import Event, LedgerState, Operation, Proof


class Ledger(ConnectionScope):
    """The ledger of one connection."""

    def held(self, entry_ids: Sequence[str]) -> pd.DataFrame:
        """Return what the ledger holds of *entry_ids*; of no others, however many rows it has.

        Returns:
            `entry_id`, `state`, `time_activity_id` and `minutes` of those that were ever claimed;
            of one in a line, its own minutes, and `before_min` of the entries before it there.
        """
        columns = [ledger.c.state, ledger.c.time_activity_id, ledger.c.minutes, BEFORE_MIN]
        names = ["entry_id", *(column.name for column in columns)]
        held = pd.DataFrame(self._held(entry_ids, columns), columns=names, dtype="str")
        return held.astype({"minutes": "Int64", "before_min": "Int64"})

    def _held(self, entry_ids: Sequence[str], columns: Sequence[NamedColumn[Any]]) -> list[Any]:
        """Return the id and columns of entries; of one in a line, its line's but for minutes."""
        of_lines = self._same(Lines).of(entry_ids)
        own = {id_: of_lines[id_].first_id if id_ in of_lines else id_ for id_ in entry_ids}
        key = ledger.c.entry_id
        rows = {row.entry_id: row for row in self._look_up(key, own.values(), [key, *columns])}
        held = {id_: rows[row_id]._asdict() for id_, row_id in own.items() if row_id in rows}
        held |= {id_: held[id_] | of_lines[id_]._asdict() for id_ in of_lines.keys() & held.keys()}
        return [(id_, *(row[column.name] for column in columns)) for id_, row in held.items()]

    def state_of(self, entry_id: str) -> LedgerState | None:
        """Return the state of one entry; `None` if it was never claimed."""
        rows = self._held([entry_id], [ledger.c.state])
        return rows[0][1] if rows else None

    def taken_by_others(self, entry_ids: Sequence[str], *, run_id: str) -> set[str]:
        """Return those of *entry_ids* that were sent, or that another run than *run_id* sends."""
        return {
            id_
            for id_, state, its_run in self._held(entry_ids, [ledger.c.state, ledger.c.run_id])
            if state == LedgerState.SENT or (state == LedgerState.SENDING and its_run != run_id)
        }

    def recalled_since(self, entry_ids: Sequence[str], since: datetime) -> set[str]:
        """Return those of *entry_ids* that were taken back since some instant."""
        rows = self._held(entry_ids, [ledger.c.state, ledger.c.changed_at])
        return {
            id_
            for id_, state, changed_at in rows
            if state == LedgerState.RECALLED and changed_at >= since
        }

    def refusals(self, entry_ids: Sequence[str]) -> list[Refusal]:
        """Return what the ledger keeps of those of *entry_ids* that QuickBooks refused."""
        columns = [ledger.c.entry_id, ledger.c.body, ledger.c.fault, ledger.c.changed_at,
                   ledger.c.qbo_time, ledger.c.company_state, ledger.c.state]  # fmt: skip
        later = {id_ for id_, row in self._same(Lines).of(entry_ids).items() if row.first_id != id_}
        rows = self._look_up(ledger.c.entry_id, sorted({*entry_ids} - later), columns)
        return [Refusal(*row[:-1]) for row in rows if row.state == LedgerState.REFUSED]

    def count(self) -> dict[LedgerState, int]:
        """Count the entries by state; states without any are left out."""
        query = (
            sa.select(ledger.c.state, sa.func.count())
            .outerjoin_from(ledger, lines, OF_LEDGER)
            .where(self._own(ledger), ~is_outdated(ledger.c.entry_id))
            .group_by(ledger.c.state)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query)
            return {LedgerState(state): number for state, number in rows}

    def claim(
        self,
        run_id: str,
        ready: Sequence[dict[str, Any]],
        contents: PlanContents,
        *,
        lease: timedelta,
        qbo_time: datetime | None,
        has_payroll: bool | None = None,
        alone: bool = False,
    ) -> Claim | None:
        """Claim entries for one batch, before QuickBooks is called.

        Args:
            run_id: The run that sends them; its lease is renewed.
            ready: At most 30 rows with `entry_id`, `body`, `minutes` and `date`; a part of an entry
                has the whole's id as its `unit`, and a line its entries as `members`.
            contents: What they are about.
            lease: How long the run counts as alive from now on.
            qbo_time: QuickBooks' own clock, as of its latest answer.
            has_payroll: `Company.has_payroll`, for `PayrollAnswers`; `None` if nobody looked.
            alone: Whether nothing else may be on its way to the company.

        Returns:
            The claim, without the entries that another run holds or has sent meanwhile, under
            whatever id, and without parts and lines of which another entry cannot be claimed;
            `None` when none is left.

        Raises:
            TryAgain: The run's lease is over, or it is not alone; nothing was claimed.
        """
        request_id, now = uuid4().hex, self.now()
        own: dict[str, Any] = {
            "connection_id": self.connection_id,
            "run_id": run_id,
            "request_id": request_id,
        }
        with changing(self.engine) as connection:
            if not self._same(Runs).renew_within(connection, run_id, now=now, lease=lease):
                raise lease_over()
            if alone:
                self._same(PayrollAnswers).check_alone(connection, run_id)
            asked = sa.select(runs.c.approved_only).where(self._own(runs), runs.c.id == run_id)
            approved_only = connection.scalar(asked)
            taken = self._taken(connection, run_id, ready, contents)
            values = [
                own
                | {
                    "entry_id": row["entry_id"],
                    "state": LedgerState.SENDING,
                    "approved_only": approved_only,
                    "bid": str(position),
                    "body": row["body"],
                    "minutes": int(row["minutes"]),
                    "txn_date": row["date"],
                    "changed_at": now,
                }
                for position, row in enumerate(ready, start=1)
                if taken.isdisjoint(_members(row))
            ]
            if not values:
                return None
            batch = {**own, "fingerprint": "", "claimed_at": now, "qbo_time": qbo_time}
            batch["has_payroll"] = has_payroll
            connection.execute(batches.insert().values(batch))
            mine = set(connection.scalars(_claim_statement(self.engine, values)))
            claimed = [value for value in values if value["entry_id"] in mine]
            if not claimed:
                connection.rollback()
                return None
            items = tuple((one["entry_id"], one["bid"], one["body"]) for one in claimed)
            made = Claim(run_id, request_id, items)
            gone = [row for row in ready if row["entry_id"] in mine]
            connection.execute(
                batches.update()
                .where(batches.c.request_id == request_id)
                .values(
                    fingerprint=fingerprint(batch_bytes(made.for_quickbooks)),
                    claim_no=self._keep_contents(connection, gone, contents),
                )
            )
            self._note(connection, Event.CLAIMED, [of_ledger(one) for one in claimed], made)
        return made

    def _taken(
        self,
        connection: sa.Connection,
        run_id: str,
        ready: Sequence[dict[str, Any]],
        contents: PlanContents,
    ) -> set[str]:
        """Return the entries that went elsewhere since the plan, and those that go with them."""
        members = {row["entry_id"]: _members(row) for row in ready}
        units = {id_: row.get("unit") for row in ready for id_ in members[row["entry_id"]]}
        ours, stored = contents.of(list(units)), self._same(EntryContents)
        rivals = stored.claimed_since(connection, contents.since, run_id, ours["day"].tolist())
        taken = set(ours.loc[contents.twins(ours, rivals).notna(), "entry_id"])
        taken |= self._same(Lines).cannot_go(connection, members)
        return taken | self._same(Parts).cannot_go(connection, units, taken)

    def _keep_contents(
        self, connection: sa.Connection, gone: Sequence[dict[str, Any]], contents: PlanContents
    ) -> int:
        """Keep what the entries of claimed rows are about; return the number of the claim."""
        rows = {id_: row["entry_id"] for row in gone for id_ in _members(row)}
        about = {row["entry_id"]: row for row in records(contents.of(list(rows)))}
        in_parts = [row["entry_id"] for row in gone if row.get("unit") is not None]
        self._same(Parts).claimed(connection, in_parts)
        stored = self._same(EntryContents)
        stored.replace(connection, rows, about)
        self._same(Lines).replace(connection, gone, about)
        return stored.insert(connection, [about[row["entry_id"]] for row in gone])

    def record(
        self,
        made: Claim,
        outcomes: Sequence[Outcome],
        *,
        qbo_time: datetime | None,
        company_state: str | None,
    ) -> set[str]:
        """Record what QuickBooks answered, all of a batch in one transaction.

        Items without an outcome stay `sending`: nobody knows. An entry of the company that was
        given one of these TimeActivities by its content gives it back, and is in doubt again. One
        that got it by an answer keeps it: then this answer is not about this entry.

        Args:
            made: The claim.
            outcomes: What was answered clearly.
            qbo_time: QuickBooks' own clock when it answered.
            company_state: `Company.state`, to see later whether another try may help.

        Returns:
            The bIds of the outcomes that the ledger says now.
        """
        recorded, now = set(), self.now()
        told: dict[Event, list[dict[str, Any]]] = {Event.SENT: [], Event.REFUSED: []}
        books = self._same(CompanyBooks)
        ids = [outcome.qbo_id for outcome in outcomes if isinstance(outcome, Done)]
        with changing(self.engine) as connection:
            books.take_back(connection, made.request_id, ids, run_id=made.run_id)
            holders = books.holders(connection, ids)
            books.let_go(connection, ids)
            for outcome in outcomes:
                holder = holders.get(outcome.qbo_id) if isinstance(outcome, Done) else None
                if holder is not None:  # found in the books meanwhile, or another entry's
                    says_so = (holder.request_id, holder.bid) == (made.request_id, outcome.bid)
                else:
                    change = _change(outcome, company_state)
                    changed = connection.execute(
                        ledger.update()
                        .where(self._held_by(made), ledger.c.bid == outcome.bid)
                        .values(**change, qbo_time=qbo_time, changed_at=now)
                        .returning(ledger)
                    ).mappings()
                    rows = [of_ledger(row) | {"note": row["fault"]} for row in changed]
                    told[Event(change["state"])] += rows
                    says_so = bool(rows)
                if says_so:
                    recorded.add(outcome.bid)
            for event, rows in told.items():
                self._note(connection, event, rows, made)
            later = [id_ for id_, _, _ in made.items if id_ != whole_id(id_)]
            self._same(Parts).close_settled(connection, set(map(whole_id, later)))
        return recorded

    def release(self, made: Claim) -> None:
        """Give back a claim of which QuickBooks certainly has nothing: it may be claimed again."""
        bids = [bid for _, bid, _ in made.items]
        with changing(self.engine) as connection:
            mine = sa.and_(ledger.c.run_id == made.run_id, ledger.c.bid.in_(bids))
            held = sa.and_(self._held_by(made), mine)
            ids = sorted(connection.scalars(sa.select(ledger.c.entry_id).where(held)))
            self._note(connection, Event.RELEASED, [{"entry_id": id_} for id_ in ids], made)
            connection.execute(ledger.delete().where(held))

    def leave_in_doubt(self, made: Claim, *, at_work: timedelta) -> None:
        """Record that a call has ended without a clear answer: when QuickBooks will be quiet."""
        mine = sa.and_(self._own(batches), batches.c.request_id == made.request_id)
        quiet_from = self.now() + at_work
        bids = [bid for _, bid, _ in made.items]
        with changing(self.engine) as connection:
            connection.execute(batches.update().where(mine).values(quiet_from=quiet_from))
            query = sa.select(ledger.c.entry_id).where(self._held_by(made), ledger.c.bid.in_(bids))
            if made.operation != Operation.CREATE:
                its_own = sa.and_(self._own(changes), changes.c.request_id == made.request_id)
                query = sa.select(changes.c.entry_id).where(its_own, changes.c.bid.in_(bids))
            ids = sorted(connection.scalars(query))
            self._note(connection, Event.UNCLEAR, [{"entry_id": id_} for id_ in ids], made)

    def _note(
        self, connection: sa.Connection, event: Event, rows: Sequence[dict[str, Any]], made: Claim
    ) -> None:
        """Add an event of entries of a claim to the history."""
        self._same(History).add(
            connection,
            event,
            rows,
            run_id=made.run_id,
            operation=made.operation,
            request_id=made.request_id,
        )

    def _held_by(self, made: Claim) -> sa.ColumnElement[bool]:
        return sa.and_(
            self._own(ledger),
            ledger.c.request_id == made.request_id,
            ledger.c.state == LedgerState.SENDING,
        )


def _change(outcome: Outcome, company_state: str | None) -> dict[str, Any]:
    if isinstance(outcome, Done):
        return {
            "state": LedgerState.SENT,
            "time_activity_id": outcome.qbo_id,
            "sync_token": outcome.sync_token,
            "proof": Proof.ANSWER,
        }
    return {
        "state": LedgerState.REFUSED,
        "fault": str(outcome.fault),
        "company_state": company_state,
    }


def _members(row: Mapping[str, Any]) -> list[str]:
    """Return the entries that are claimed by a row."""
    return [one.entry_id for one in row.get("members", ())] or [row["entry_id"]]


def _claim_statement(engine: sa.Engine, values: Sequence[dict[str, Any]]) -> Any:
    """Insert new claims, take over refused and recalled rows, leave all others alone."""
    statement = insert_into(engine, ledger).values(values)
    new = statement.excluded
    kept = {name: new[name] for name in values[0] if name not in {"connection_id", "entry_id"}}
    # A run that did not ask says nothing about the approval of what it puts back.
    kept["approved_only"] = sa.func.coalesce(new.approved_only, ledger.c.approved_only)
    outcome = ("time_activity_id", "sync_token", "proof", "fault", "qbo_time", "company_state",
               "adopted")  # fmt: skip
    return statement.on_conflict_do_update(
        index_elements=[ledger.c.connection_id, ledger.c.entry_id],
        set_=kept | dict.fromkeys(outcome),
        where=ledger.c.state.in_([LedgerState.REFUSED, LedgerState.RECALLED]),
    ).returning(ledger.c.entry_id)
