"""Functions on the ledger: the only truth about what was sent.

    (none) ──claim──► sending ──► sent       QuickBooks confirmed it: it never goes again
                              ├──► refused   QuickBooks answered with a fault: may be claimed again
                              ├──► (none)    it certainly never reached QuickBooks: released
                              └──► sending   no clear answer: in doubt once its run has ended

A claim is committed before the first byte leaves, with the request id and the bId under which
QuickBooks is called, and the very bytes. The primary key refuses a second claim of the same entry,
from any process on any machine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, insert_into, rows_of, writing
from connectors.errors import TryAgain
from connectors.quickbooks.batch import Created, NotCreated, batch_bytes, fingerprint
from connectors.store import entry_contents
from connectors.store.runs import lease_over, renew_within
from schemas.tables import batches, connections, ledger, runs
from schemas.words import LedgerState, Proof


@dataclass(frozen=True)
class Claim:
    """Entries that one run holds, as they go to QuickBooks in one batch.

    Attributes:
        run_id: Who holds them.
        request_id: QuickBooks' requestid.
        items: Entry id, bId and body of each, in the order of the batch.
    """

    run_id: str
    request_id: str
    items: tuple[tuple[str, str, str], ...]

    @property
    def for_quickbooks(self) -> list[tuple[str, str]]:
        """The `bId` and body of each item."""
        return [(bid, body) for _, bid, body in self.items]


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


@dataclass(frozen=True)
class Refusal:
    """One entry that QuickBooks refused.

    Attributes:
        entry_id: The entry.
        body: The TimeActivity as sent.
        fault: QuickBooks' own words.
        refused_at: When, UTC.
        qbo_time: When, by QuickBooks' own clock; `None` if it did not tell.
        company_state: `Company.state` then.
    """

    entry_id: str
    body: str
    fault: str
    refused_at: datetime
    qbo_time: datetime | None
    company_state: str | None


@dataclass(frozen=True)
class About:
    """What the entries of a plan are about, so that none of them is claimed under two ids.

    Attributes:
        contents: `Contents` of the entries, indexed by `entry_id`.
        since: The connection's latest claim when the plan was made (`contents.newest_claim`).
        twins: Says which of some `Contents` are the same as which of others, by `entry_id`.
    """

    contents: pd.DataFrame
    since: int
    twins: Callable[[pd.DataFrame, pd.DataFrame], pd.Series]

    def of(self, entry_ids: Sequence[str]) -> pd.DataFrame:
        """Give the contents of some of the entries."""
        return self.contents.loc[list(entry_ids)]


def held(engine: sa.Engine, connection_id: int, entry_ids: Sequence[str]) -> pd.DataFrame:
    """Say what the ledger holds of *entry_ids*; of no others, however many rows it has.

    Returns:
        `entry_id`, `state` and `time_activity_id` of those that were ever claimed.
    """
    columns = [ledger.c.entry_id, ledger.c.state, ledger.c.time_activity_id]
    with engine.connect() as connection:
        rows = rows_of(connection, ledger.c.entry_id, connection_id, entry_ids, columns)
    names = [column.name for column in columns]
    return pd.DataFrame([tuple(row) for row in rows], columns=names, dtype="str")


def taken_by_others(
    engine: sa.Engine, connection_id: int, entry_ids: Sequence[str], *, run_id: str
) -> set[str]:
    """Say which of *entry_ids* were sent, or are being sent by another run than *run_id*."""
    columns = [ledger.c.entry_id, ledger.c.state, ledger.c.run_id]
    with engine.connect() as connection:
        rows = rows_of(connection, ledger.c.entry_id, connection_id, entry_ids, columns)
    return {
        row.entry_id
        for row in rows
        if row.state == LedgerState.SENT
        or (row.state == LedgerState.SENDING and row.run_id != run_id)
    }


def claim(
    engine: sa.Engine,
    *,
    connection_id: int,
    run_id: str,
    ready: Sequence[dict[str, Any]],
    about: About,
    now: datetime,
    lease: timedelta,
    qbo_time: datetime | None,
) -> Claim | None:
    """Claim entries for one batch, before QuickBooks is called.

    Args:
        engine: The database.
        connection_id: The connection.
        run_id: The run that sends them; its lease is renewed.
        ready: At most 30 rows with `entry_id`, `body`, `minutes` and `date`.
        about: What they are about.
        now: The time.
        lease: How long the run counts as alive from *now* on.
        qbo_time: QuickBooks' own clock, as it last told.

    Returns:
        The claim, without the entries that another run holds or has sent meanwhile, under
        whatever id; `None` when none is left.

    Raises:
        TryAgain: The run's lease is over; nothing was claimed.
    """
    request_id = uuid4().hex
    whole = about.of([row["entry_id"] for row in ready])
    with changing(engine) as connection:
        if not renew_within(connection, run_id, now=now, lease=lease):
            raise lease_over()
        rivals = entry_contents.claimed_since(
            connection, connection_id, about.since, run_id, whole["day"].tolist()
        )
        elsewhere = whole.loc[about.twins(whole, rivals).notna(), "entry_id"].tolist()
        values = [
            {
                "connection_id": connection_id,
                "entry_id": row["entry_id"],
                "state": LedgerState.SENDING,
                "run_id": run_id,
                "request_id": request_id,
                "bid": str(position),
                "body": row["body"],
                "minutes": int(row["minutes"]),
                "txn_date": row["date"],
                "changed_at": now,
            }
            for position, row in enumerate(ready, start=1)
            if row["entry_id"] not in elsewhere
        ]
        if not values:
            return None
        connection.execute(
            batches.insert().values(
                request_id=request_id,
                connection_id=connection_id,
                run_id=run_id,
                fingerprint="",
                claimed_at=now,
                qbo_time=qbo_time,
            )
        )
        mine = set(connection.scalars(_claim_statement(engine, values)))
        items = tuple(
            (value["entry_id"], value["bid"], value["body"])
            for value in values
            if value["entry_id"] in mine
        )
        if not items:
            connection.rollback()
            return None
        made = Claim(run_id, request_id, items)
        entry_contents.insert(
            connection, connection_id, entry_contents.records(about.of(list(mine)))
        )
        connection.execute(
            batches.update()
            .where(batches.c.request_id == request_id)
            .values(fingerprint=fingerprint(batch_bytes(made.for_quickbooks)))
        )
    return made


def _claim_statement(engine: sa.Engine, values: Sequence[dict[str, Any]]) -> Any:
    """Insert new claims, take over refused and recalled rows, leave all others alone."""
    statement = insert_into(engine, ledger).values(values)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[ledger.c.connection_id, ledger.c.entry_id],
        set_={
            "state": new.state,
            "run_id": new.run_id,
            "request_id": new.request_id,
            "bid": new.bid,
            "body": new.body,
            "minutes": new.minutes,
            "txn_date": new.txn_date,
            "changed_at": new.changed_at,
            "time_activity_id": None,
            "sync_token": None,
            "proof": None,
            "fault": None,
            "qbo_time": None,
            "company_state": None,
        },
        where=ledger.c.state.in_([LedgerState.REFUSED, LedgerState.RECALLED]),
    ).returning(ledger.c.entry_id)


def record(
    engine: sa.Engine,
    made: Claim,
    outcomes: Sequence[Created | NotCreated],
    *,
    now: datetime,
    qbo_time: datetime | None,
    company_state: str | None,
) -> set[str]:
    """Record what QuickBooks answered, all of a batch in one transaction.

    Items without an outcome stay `sending`: nobody knows. An entry of the company that was given
    one of these TimeActivities by its content gives it back, and is in doubt again. One that got it
    by an answer keeps it: then this answer is not about this entry.

    Args:
        engine: The database.
        made: The claim.
        outcomes: What was answered clearly.
        now: The time.
        qbo_time: QuickBooks' own clock when it answered.
        company_state: `Company.state`, to see later whether a refusal may be mended.

    Returns:
        The bIds of the outcomes that the ledger says now.
    """
    recorded = set()
    with changing(engine) as connection:
        ids = [outcome.qbo_id for outcome in outcomes if isinstance(outcome, Created)]
        _take_back(connection, made.request_id, ids, now=now)
        holders = _holders(connection, _owner(made.request_id), ids)
        for outcome in outcomes:
            change: dict[str, Any]
            if isinstance(outcome, Created):
                holder = holders.get(outcome.qbo_id)
                if holder is not None:
                    if (holder.request_id, holder.bid) == (made.request_id, outcome.bid):
                        recorded.add(outcome.bid)  # another run found it in the books meanwhile
                    continue
                change = {
                    "state": LedgerState.SENT,
                    "time_activity_id": outcome.qbo_id,
                    "sync_token": outcome.sync_token,
                    "proof": Proof.ANSWER,
                }
            else:
                change = {
                    "state": LedgerState.REFUSED,
                    "fault": str(outcome.fault),
                    "company_state": company_state,
                }
            changed = connection.execute(
                ledger.update()
                .where(
                    ledger.c.request_id == made.request_id,
                    ledger.c.bid == outcome.bid,
                    ledger.c.state == LedgerState.SENDING,
                )
                .values(**change, qbo_time=qbo_time, changed_at=now)
            )
            if changed.rowcount:
                recorded.add(outcome.bid)
    return recorded


def refusals(engine: sa.Engine, connection_id: int, entry_ids: Sequence[str]) -> list[Refusal]:
    """Give what the ledger keeps of those of *entry_ids* that QuickBooks refused."""
    with engine.connect() as connection:
        rows = rows_of(connection, ledger.c.entry_id, connection_id, entry_ids, list(ledger.c))
    return [
        Refusal(
            entry_id=row.entry_id,
            body=row.body,
            fault=row.fault,
            refused_at=row.changed_at,
            qbo_time=row.qbo_time,
            company_state=row.company_state,
        )
        for row in rows
        if row.state == LedgerState.REFUSED
    ]


def release(engine: sa.Engine, made: Claim) -> None:
    """Give back a claim of which QuickBooks certainly has nothing: it may be claimed anew."""
    with changing(engine) as connection:
        connection.execute(
            ledger.delete().where(
                ledger.c.run_id == made.run_id,
                ledger.c.request_id == made.request_id,
                ledger.c.bid.in_([bid for _, bid, _ in made.items]),
                ledger.c.state == LedgerState.SENDING,
            )
        )


def doubt(engine: sa.Engine, request_id: str, *, now: datetime, at_work: timedelta) -> None:
    """Record that a call has ended without a clear answer: when QuickBooks will be quiet."""
    with writing(engine) as connection:
        connection.execute(
            batches.update()
            .where(batches.c.request_id == request_id)
            .values(quiet_from=now + at_work)
        )


def take_doubts(
    engine: sa.Engine, connection_id: int, run_id: str, *, now: datetime, at_work: timedelta
) -> list[Doubt]:
    """Take over what dead runs left in doubt, so that one run alone settles it.

    A run is dead when it has finished, or when its lease is over. QuickBooks may be at work on its
    last call for *at_work* after that; a run that was cut off may have called till its lease ended.
    """
    mine = sa.and_(ledger.c.connection_id == connection_id, ledger.c.state == LedgerState.SENDING)
    query = (
        sa.select(runs.c.id, runs.c.finished_at, runs.c.lease_until)
        .where(
            runs.c.id.in_(sa.select(ledger.c.run_id).where(mine)),
            sa.or_(runs.c.finished_at.is_not(None), runs.c.lease_until < now),
        )
        .with_for_update()
    )
    with changing(engine) as connection:
        for dead in connection.execute(query).all():
            held_by_it = sa.and_(mine, ledger.c.run_id == dead.id)
            quiet_from = (dead.finished_at or dead.lease_until) + at_work
            known = batches.c.quiet_from.is_not(None)
            earlier = batches.c.quiet_from < quiet_from
            connection.execute(
                batches.update()
                .where(
                    batches.c.request_id.in_(sa.select(ledger.c.request_id).where(held_by_it)),
                    ~known if dead.finished_at else sa.or_(~known, earlier),
                )
                .values(quiet_from=quiet_from)
            )
            connection.execute(ledger.update().where(held_by_it).values(run_id=run_id))
            # Ended for good: a renewal that was on its way meanwhile does not revive it.
            ended = runs.update().where(runs.c.id == dead.id, runs.c.finished_at.is_(None))
            connection.execute(ended.values(finished_at=dead.lease_until))
        # By the connection and the state too, for which there is an index: of millions of rows, a
        # run knows its own by nothing else.
        return _doubts(connection, sa.and_(mine, ledger.c.run_id == run_id))


def settle_sent(
    engine: sa.Engine, doubt: Doubt, created: Created, *, run_id: str, proof: Proof, now: datetime
) -> Doubt | None:
    """Record that QuickBooks has an entry about which there was doubt.

    QuickBooks' answer to the entry's own request id and bId outweighs what was found by content: a
    twin that was taken for this TimeActivity gives it back, and is in doubt itself.

    Returns:
        That twin, or `None`.

    Raises:
        TryAgain: Another entry of the company has it, and does not give it back.
    """
    with changing(engine) as connection:
        twins: list[tuple[str, bool]] = []
        if proof == Proof.ANSWER:
            twins = _take_back(
                connection, doubt.request_id, [created.qbo_id], now=now, run_id=run_id
            )
        if _holders(connection, _owner(doubt.request_id), [created.qbo_id]):
            raise TryAgain(
                f"TimeActivity {created.qbo_id} was recorded for another entry meanwhile. Run the"
                " command again."
            )
        connection.execute(
            ledger.update()
            .where(
                ledger.c.request_id == doubt.request_id,
                ledger.c.bid == doubt.bid,
                ledger.c.state == LedgerState.SENDING,
            )
            .values(
                state=LedgerState.SENT,
                time_activity_id=created.qbo_id,
                sync_token=created.sync_token,
                proof=proof,
                changed_at=now,
            )
        )
        mine = [entry_id for entry_id, is_mine in twins if is_mine]
        if not mine:
            return None
        return _doubts(
            connection,
            sa.and_(
                ledger.c.connection_id == _owner(doubt.request_id), ledger.c.entry_id.in_(mine)
            ),
        )[0]


def _owner(request_id: str) -> sa.ScalarSelect[int]:
    """Select the connection that a request was made for."""
    query = sa.select(batches.c.connection_id).where(batches.c.request_id == request_id)
    return query.scalar_subquery()


def _company(connection_id: sa.ScalarSelect[int] | int) -> sa.Select[int]:
    """Select the connections to the company of *connection_id*: they share its books."""
    realm = sa.select(connections.c.realm_id).where(connections.c.id == connection_id)
    return sa.select(connections.c.id).where(connections.c.realm_id == realm.scalar_subquery())


def _take_back(
    connection: sa.Connection,
    request_id: str,
    time_activity_ids: Sequence[str],
    *,
    now: datetime,
    run_id: str | None = None,
) -> list[tuple[str, bool]]:
    """Put entries in doubt again that were given these TimeActivities by their content alone.

    QuickBooks' own answer outweighs that. Runs of the same company wait for one another here, so
    that none takes what another is taking.

    Args:
        connection: A transaction of `changing`.
        request_id: The request that QuickBooks has answered.
        time_activity_ids: What it has created.
        now: The time.
        run_id: Takes over the doubts of its own connection; `None` leaves them to a later run.

    Returns:
        The ids of the entries, and whether each is of the request's own connection.
    """
    owner = _owner(request_id)
    holder = sa.and_(
        ledger.c.connection_id.in_(_company(owner)),
        ledger.c.time_activity_id.in_(time_activity_ids),
        ledger.c.state == LedgerState.SENT,
        ledger.c.proof == Proof.BOOKS,
        ledger.c.request_id != request_id,
    )
    found = sa.select(ledger.c.connection_id, ledger.c.entry_id, ledger.c.run_id).where(holder)
    own = connection.scalar(sa.select(owner))
    twins = connection.execute(found).all()
    for twin in twins:
        mine = twin.connection_id == own
        connection.execute(
            ledger.update()
            .where(ledger.c.connection_id == twin.connection_id, ledger.c.entry_id == twin.entry_id)
            .values(
                state=LedgerState.SENDING,
                run_id=run_id if mine and run_id else twin.run_id,
                time_activity_id=None,
                sync_token=None,
                proof=None,
                changed_at=now,
            )
        )
    return [(twin.entry_id, twin.connection_id == own) for twin in twins]


def _doubts(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Doubt]:
    query = (
        sa.select(ledger, batches.c.quiet_from, batches.c.qbo_time.label("asked_at"))
        .join(batches, batches.c.request_id == ledger.c.request_id)
        .where(which, ledger.c.state == LedgerState.SENDING)
        .order_by(batches.c.claimed_at, ledger.c.request_id, ledger.c.entry_id)
    )
    return [
        Doubt(
            entry_id=row.entry_id,
            request_id=row.request_id,
            bid=row.bid,
            body=row.body,
            txn_date=row.txn_date,
            quiet_from=row.quiet_from,
            qbo_time=row.asked_at,  # the batch's; the ledger's own is that of its answer
        )
        for row in connection.execute(query)
    ]


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


def accounted(
    engine: sa.Engine, connection_id: int, time_activity_ids: Sequence[str], *, now: datetime
) -> tuple[frozenset[str], list[InFlight]]:
    """Find out what the ledger accounts for in the books of the connection's company.

    Ask after the books were read: what they hold was claimed before.

    Returns:
        Which of these TimeActivities are known as sent, through whatever connection to the
        company; and what live runs have in flight there, or other connections in doubt.
    """
    key = ledger.c.time_activity_id
    with engine.connect() as connection:
        company = list(connection.scalars(_company(connection_id)))
        known = frozenset(
            row.time_activity_id
            for one in company
            for row in rows_of(connection, key, one, time_activity_ids, [key])
        )
        alive = sa.and_(runs.c.finished_at.is_(None), runs.c.lease_until >= now)
        flying = (
            sa.select(ledger.c.body, batches.c.qbo_time, alive.label("alive"))
            .join(batches, batches.c.request_id == ledger.c.request_id)
            .join(runs, runs.c.id == batches.c.run_id)
            .where(
                ledger.c.connection_id.in_(company),
                ledger.c.state == LedgerState.SENDING,
                sa.or_(alive, ledger.c.connection_id != connection_id),
            )
        )
        in_flight = [InFlight(*row) for row in connection.execute(flying)]
    return known, in_flight


def holder(engine: sa.Engine, connection_id: int, time_activity_id: str) -> str | None:
    """Return the entry that a TimeActivity of the connection's company stands for, if any."""
    with engine.connect() as connection:
        found = _holders(connection, connection_id, [time_activity_id])
        return found[time_activity_id].entry_id if found else None


def _holders(
    connection: sa.Connection,
    connection_id: sa.ScalarSelect[int] | int,
    time_activity_ids: Sequence[str],
) -> dict[str, sa.Row[Any]]:
    """Read the ledger's rows, through whatever connection, that have these TimeActivities."""
    query = sa.select(ledger).where(
        ledger.c.connection_id.in_(_company(connection_id)),
        ledger.c.time_activity_id.in_(time_activity_ids),
    )
    return {row.time_activity_id: row for row in connection.execute(query)}


def state_of(engine: sa.Engine, connection_id: int, entry_id: str) -> LedgerState | None:
    """Return what the ledger holds of one entry; `None` if it was never claimed."""
    query = sa.select(ledger.c.state).where(
        ledger.c.connection_id == connection_id, ledger.c.entry_id == entry_id
    )
    with engine.connect() as connection:
        return connection.scalar(query)


def count(engine: sa.Engine, connection_id: int) -> dict[LedgerState, int]:
    """Count the connection's entries by state; states without any are left out."""
    query = (
        sa.select(ledger.c.state, sa.func.count())
        .where(ledger.c.connection_id == connection_id)
        .group_by(ledger.c.state)
    )
    with engine.connect() as connection:
        return {LedgerState(state): number for state, number in connection.execute(query)}
