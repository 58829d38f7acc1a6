"""Functions on the contents: what the ledger's entries are about, for sources without ids."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into, rows_of
from schemas.contents import Contents
from schemas.tables import contents, ledger, verdicts
from schemas.words import LedgerState, Source

NAMES = tuple(Contents.to_schema().columns)

#: Clocks of the scenario are up to 26 hours apart: two days.
_AROUND = timedelta(days=2)

#: Of several known entries that are the same, the one in the books is meant first.
_PREFERENCE = (
    LedgerState.SENT, LedgerState.SENDING, LedgerState.REFUSED, LedgerState.RECALLED,
)  # fmt: skip


def newest_claim(engine: sa.Engine, connection_id: int) -> int:
    """Give the number of the connection's latest claim; ask before `known`, never after."""
    with engine.connect() as connection:
        return _newest(connection, connection_id)


def known(
    engine: sa.Engine, connection_id: int, days: Sequence[str], *, source: Source | None = None
) -> pd.DataFrame:
    """Give the contents of those days, and of the days around them: time zones may differ.

    Args:
        engine: The database.
        connection_id: The connection.
        days: Local days, YYYY-MM-DD; may be empty.
        source: Only those whose id came from there.

    Returns:
        `Contents`, those in the books first.
    """
    if not days:
        return _frame([])
    query = _of_days(connection_id, days)
    if source is not None:
        query = query.where(contents.c.source == source)
    with engine.connect() as connection:
        return _frame(connection.execute(query).all())


def as_claimed(engine: sa.Engine, connection_id: int, entry_ids: Sequence[str]) -> pd.DataFrame:
    """Return the `Contents` of some entries as they were when they were claimed."""
    columns = [contents.c[name] for name in NAMES]
    with engine.connect() as connection:
        rows = rows_of(connection, contents.c.entry_id, connection_id, entry_ids, columns)
    return _frame(rows)


def claimed_since(
    connection: sa.Connection, connection_id: int, claim_no: int, run_id: str, days: Sequence[str]
) -> pd.DataFrame:
    """Give what other runs have claimed for those days since a claim, as `known` does."""
    query = _of_days(connection_id, days).where(
        contents.c.claim_no > claim_no, ledger.c.run_id != run_id
    )
    return _frame(connection.execute(query).all())


def insert(
    connection: sa.Connection, connection_id: int, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Keep the contents of entries that are being claimed, within the transaction of the claim.

    Args:
        connection: The transaction.
        connection_id: The connection.
        rows: Members of `Contents`.
    """
    own = {"connection_id": connection_id, "claim_no": _newest(connection, connection_id) + 1}
    statement = insert_into(connection, contents)
    statement = statement.on_conflict_do_update(
        index_elements=[contents.c.connection_id, contents.c.entry_id],
        set_={name: statement.excluded[name] for name in [*NAMES[1:], "claim_no"]},
    )
    for some in chunks(rows):
        connection.execute(statement, [{**row, **own} for row in some])


def remember(engine: sa.Engine, connection_id: int, found: pd.DataFrame) -> None:
    """Keep the contents of entries that were claimed by a Clockbooks that did not keep them.

    Args:
        engine: The database.
        connection_id: The connection.
        found: `Contents`; those that the ledger does not hold, or knows already, are left out.
    """
    by_id = dict(zip(found["entry_id"], records(found), strict=True))
    with changing(engine) as connection:
        held, kept = (
            {row.entry_id for row in rows_of(connection, key, connection_id, by_id, [key])}
            for key in (ledger.c.entry_id, contents.c.entry_id)
        )
        rows = [record for entry_id, record in by_id.items() if entry_id in held - kept]
        if rows:
            insert(connection, connection_id, rows)


def adopt(engine: sa.Engine, connection_id: int, own_ids: Mapping[str, str]) -> None:
    """Give entries that were sent from a file the ids that Clockify knows them by.

    Args:
        engine: The database.
        connection_id: The connection.
        own_ids: For each id of ours, Clockify's. Where the ledger holds that one already, or the
            other no longer, nothing changes.
    """
    with changing(engine) as connection:
        for ours, clockifys in own_ids.items():
            query = sa.select(ledger.c.entry_id).where(
                ledger.c.connection_id == connection_id,
                ledger.c.entry_id.in_([ours, clockifys]),
            )
            if connection.scalars(query).all() == [ours]:
                _rename(connection, connection_id, ours, clockifys)


def _rename(connection: sa.Connection, connection_id: int, ours: str, clockifys: str) -> None:
    def rows(table: sa.Table, entry_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.connection_id == connection_id, table.c.entry_id == entry_id)

    connection.execute(verdicts.delete().where(rows(verdicts, clockifys)))
    for table in (verdicts, ledger):  # the contents follow the ledger
        change = table.update().where(rows(table, ours)).values(entry_id=clockifys)
        connection.execute(change)
    connection.execute(
        contents.update().where(rows(contents, clockifys)).values(source=Source.CLOCKIFY)
    )


def records(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Give `Contents` as the rows that the database takes."""
    plain = found.astype(object).where(found.notna(), None)
    rows: list[dict[str, Any]] = plain.to_dict("records")
    return rows


def _newest(connection: sa.Connection, connection_id: int) -> int:
    newest = sa.select(sa.func.max(contents.c.claim_no)).where(
        contents.c.connection_id == connection_id
    )
    return connection.scalar(newest) or 0


def _of_days(connection_id: int, days: Sequence[str]) -> sa.Select[Any]:
    first = date.fromisoformat(min(days)) - _AROUND
    last = date.fromisoformat(max(days)) + _AROUND
    rank = sa.case({state: place for place, state in enumerate(_PREFERENCE)}, value=ledger.c.state)
    return (
        sa.select(*[contents.c[name] for name in NAMES])
        .join(
            ledger,
            sa.and_(
                ledger.c.connection_id == contents.c.connection_id,
                ledger.c.entry_id == contents.c.entry_id,
            ),
        )
        .where(
            contents.c.connection_id == connection_id,
            contents.c.day.between(first.isoformat(), last.isoformat()),
        )
        .order_by(rank, contents.c.entry_id)
    )


def _frame(rows: Sequence[Any]) -> pd.DataFrame:
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(NAMES), dtype=object)
    frame["start"] = pd.to_datetime(frame["start"], utc=True).dt.as_unit("us")
    # Checked only where there is something: a claim asks for every batch, nearly always for none.
    return Contents.validate(frame) if rows else frame
