"""Entries that are booked in parts: all parts of one, or none.

    (none) ──claim──► open ──► (none)   QuickBooks has all of them, or none
                           └─► open     it has some, which `flows.sending.mend` takes back

A part has a row of the ledger like any entry, and its state there. An entry is open while it is not
known how all of its parts ended, and as long as only some are in the books: from the claim of its
parts, or of their deletion, on; and from when one of them turns out to be another entry's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, insert_into
from connectors.store.scope import ConnectionScope, rows_of
from schemas.part_ids import in_parts, later_ids, part_id, part_number, whole_id
from schemas.tables import changes, ledger, parts
from schemas.words import IN_BOOKS, LedgerState


@dataclass(frozen=True)
class PartRow:
    """What the ledger holds of one part.

    Attributes:
        entry_id: The part.
        state: Its state; `None` if the ledger does not hold it any more.
        time_activity_id: QuickBooks' Id; `None` unless sent or recalled.
        minutes: As sent.
        txn_date: As sent, YYYY-MM-DD.
        is_changing: Whether a change of it is on its way, or in doubt.
    """

    entry_id: str
    state: str | None
    time_activity_id: str | None
    minutes: int | None
    txn_date: str | None
    is_changing: bool = False

    @property
    def in_books(self) -> bool:
        """Whether QuickBooks has it, or may have it."""
        return self.state in IN_BOOKS


def is_broken(rows: Collection[PartRow]) -> bool:
    """Whether QuickBooks has some parts of an entry, and certainly not the others."""
    states = {row.state for row in rows}
    return not _is_moving(rows) and LedgerState.SENT in states and len(states) > 1


def _is_moving(rows: Collection[PartRow]) -> bool:
    """Whether a part is on its way, or in doubt."""
    return any(row.is_changing or row.state == LedgerState.SENDING for row in rows)


class Parts(ConnectionScope):
    """The parts of one connection's entries."""

    def units(self, entry_ids: Iterable[str]) -> dict[str, list[PartRow]]:
        """Return the parts of entries that are in the books in parts, all or some of them.

        Args:
            entry_ids: Entries, or parts of them.

        Returns:
            By the id of the whole entry, in their order: the parts in the books, and of an open
            entry all that belong together.
        """
        wholes = dict.fromkeys(map(whole_id, entry_ids))
        second = self.of([part_id(id_, 2) for id_ in wholes])
        is_open = self.open()
        known = {whole_id(row.entry_id) for row in second if row.in_books} - is_open.keys()
        closed = self.of([id_ for whole in known for id_ in (whole, *later_ids(whole))])
        units = {whole: is_open[whole] for whole in wholes if whole in is_open}
        for row in closed:
            if row.in_books:
                units.setdefault(whole_id(row.entry_id), []).append(row)
        return {
            whole: sorted(rows, key=lambda row: part_number(row.entry_id))
            for whole, rows in units.items()
            if any(row.in_books for row in rows)
        }

    def open(self) -> dict[str, list[PartRow]]:
        """Return the parts of open entries, with what the ledger holds of them now."""
        with self.engine.connect() as connection:
            return self._open(connection, self._own(parts))

    def claimed(self, connection: sa.Connection, entry_ids: Sequence[str]) -> None:
        """Record that parts go together, within the transaction that claims them.

        Others of their entries are none any more: what a dead run left is of an entry as it was.
        """
        ids = [id_ for whole in {*map(whole_id, entry_ids)} for id_ in (whole, *later_ids(whole))]
        connection.execute(parts.delete().where(self._own(parts), parts.c.entry_id.in_(ids)))
        self._add(connection, entry_ids)

    def _add(self, connection: sa.Connection, entry_ids: Sequence[str]) -> None:
        statement = insert_into(connection, parts).on_conflict_do_nothing()
        rows = [{"connection_id": self.connection_id, "entry_id": id_} for id_ in entry_ids]
        if rows:
            connection.execute(statement, rows)

    def begin(self, connection: sa.Connection, wholes: Iterable[str]) -> None:
        """Record that it is open again how the parts end that the books have of some entries.

        Within the transaction that claims their deletion, records that one is gone, or doubts one
        again. Nothing is recorded of entries without parts.
        """
        every = [id_ for whole in wholes for id_ in (whole, *later_ids(whole))]
        columns = [ledger.c.entry_id, ledger.c.state]
        held = rows_of(connection, ledger.c.entry_id, self.connection_id, every, columns)
        ids = pd.Series([row.entry_id for row in held if row.state in IN_BOOKS], dtype="str")
        self._add(connection, list(ids[in_parts(ids)]))

    def close_settled(self, connection: sa.Connection, wholes: Iterable[str]) -> None:
        """Close those of some entries of which the books have all parts, or none, for certain.

        Within a transaction that changes the ledger, so that no claim comes in between.
        """
        for whole in wholes:
            mine = sa.and_(self._own(parts), parts.c.entry_id.in_([whole, *later_ids(whole)]))
            rows = self._open(connection, mine).get(whole, [])
            if not is_broken(rows) and not _is_moving(rows):
                connection.execute(parts.delete().where(mine))

    def close(self, wholes: Iterable[str]) -> None:
        """Close entries as `close_settled` does."""
        with changing(self.engine) as connection:
            self.close_settled(connection, wholes)

    def cannot_go(
        self, connection: sa.Connection, units: Mapping[str, str | None], lost: AbstractSet[str]
    ) -> set[str]:
        """Return which of some entries cannot be claimed now, so that none is divided or doubled.

        Args:
            connection: Within the transaction of a claim.
            units: The entries that are to be claimed; for a part, the id of its whole entry.
            lost: Those of them that are in the books under another id.
        """
        of_parts = {id_: whole for id_, whole in units.items() if whole is not None}
        every = [id_ for whole in {*of_parts.values()} for id_ in (whole, *later_ids(whole))]
        columns = [ledger.c.entry_id, ledger.c.state]
        held = rows_of(connection, ledger.c.entry_id, self.connection_id, every, columns)
        divided = {whole_id(row.entry_id) for row in held if row.state in IN_BOOKS}
        divided |= {of_parts[id_] for id_ in lost if id_ in of_parts}
        # A run that does not know of its parts would book the whole entry beside one of them.
        alone = [id_ for id_, whole in units.items() if whole is None]
        is_open = rows_of(
            connection, parts.c.entry_id, self.connection_id, alone, [parts.c.entry_id]
        )
        return {
            *(id_ for id_, whole in of_parts.items() if whole in divided),
            *(row.entry_id for row in is_open),
        }

    def of(self, entry_ids: Sequence[str]) -> list[PartRow]:
        """Return what the ledger holds of some parts."""
        names = ("entry_id", "state", "time_activity_id", "minutes", "txn_date")
        columns = [ledger.c[name] for name in names]
        found: list[Any] = self._look_up(ledger.c.entry_id, entry_ids, columns)
        return [PartRow(*row) for row in found]

    def _open(
        self, connection: sa.Connection, which: sa.ColumnElement[bool]
    ) -> dict[str, list[PartRow]]:
        columns = [ledger.c[name] for name in ("state", "time_activity_id", "minutes", "txn_date")]
        query = (
            sa.select(parts.c.entry_id, *columns, changes.c.entry_id.is_not(None))
            .outerjoin(ledger, _same(ledger))
            .outerjoin(changes, _same(changes))
            .where(which)
            .order_by(parts.c.entry_id)
        )
        found: dict[str, list[PartRow]] = {}
        for row in connection.execute(query):
            found.setdefault(whole_id(row.entry_id), []).append(PartRow(*tuple(row)))
        return found


def _same(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.connection_id == parts.c.connection_id, table.c.entry_id == parts.c.entry_id
    )
