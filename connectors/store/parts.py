"""Entries that are booked in parts: all parts of one, or none.

    (none) ──claim──► open ──► (none)   QuickBooks has all of them, or none
                           └─► open     it has some, which `flows.sending.mend` takes back

A part has a row of the ledger like any entry, and its state there. An entry is open while it is not
known how all of its parts ended, and as long as only some are in the books.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.scope import ConnectionScope, rows_of
from schemas.part_ids import later_ids, part_id, whole_id
from schemas.tables import ledger, parts
from schemas.words import LedgerState

_IN_BOOKS = (LedgerState.SENT, LedgerState.SENDING)


@dataclass(frozen=True)
class PartRow:
    """What the ledger holds of one part.

    Attributes:
        entry_id: The part.
        state: Its state; `None` if the ledger does not hold it any more.
        time_activity_id: QuickBooks' Id; `None` unless sent or recalled.
        minutes: As sent.
        txn_date: As sent, YYYY-MM-DD.
    """

    entry_id: str
    state: str | None
    time_activity_id: str | None
    minutes: int | None
    txn_date: str | None

    @property
    def in_books(self) -> bool:
        """Whether QuickBooks has it, or may have it."""
        return self.state in _IN_BOOKS


class Parts(ConnectionScope):
    """The parts of one connection's entries."""

    def later(self, entry_ids: Sequence[str]) -> list[PartRow]:
        """Return what the ledger holds of the later parts of some entries, by their own ids."""
        ids = dict.fromkeys(map(whole_id, entry_ids))
        second = self.of([part_id(id_, 2) for id_ in ids])
        known = [*(whole_id(row.entry_id) for row in second), *(ids.keys() & self.open().keys())]
        return self.of([id_ for whole in dict.fromkeys(known) for id_ in later_ids(whole)])

    def open(self) -> dict[str, list[PartRow]]:
        """Return the parts of open entries, with what the ledger holds of them now."""
        same = sa.and_(
            ledger.c.connection_id == parts.c.connection_id, ledger.c.entry_id == parts.c.entry_id
        )
        columns = [ledger.c[name] for name in ("state", "time_activity_id", "minutes", "txn_date")]
        query = sa.select(parts.c.entry_id, *columns).outerjoin(ledger, same)
        found: dict[str, list[PartRow]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query.where(self._own(parts)).order_by(parts.c.entry_id)):
                found.setdefault(whole_id(row.entry_id), []).append(PartRow(*row))
        return found

    def begin(self, entry_ids: Sequence[str]) -> None:
        """Record that parts are about to be taken back together."""
        with changing(self.engine) as connection:
            self.add(connection, entry_ids)

    def add(self, connection: sa.Connection, entry_ids: Sequence[str]) -> None:
        """Record that parts go together, within the transaction that claims them."""
        statement = insert_into(connection, parts).on_conflict_do_nothing()
        rows = [{"connection_id": self.connection_id, "entry_id": id_} for id_ in entry_ids]
        if rows:
            connection.execute(statement, rows)

    def close_sent(self, connection: sa.Connection, entry_ids: Sequence[str]) -> None:
        """Close those of some entries of which QuickBooks has all parts by now.

        Within the transaction that records it, so that nobody takes what comes later for a part
        that lacks.
        """
        wholes = {whole_id(id_) for id_ in entry_ids if id_ != whole_id(id_)}
        for whole in wholes:
            mine = sa.and_(self._own(parts), parts.c.entry_id.in_([whole, *later_ids(whole)]))
            same = sa.and_(
                ledger.c.connection_id == parts.c.connection_id,
                ledger.c.entry_id == parts.c.entry_id,
                ledger.c.state == LedgerState.SENT,
            )
            lacking = sa.select(parts.c.entry_id).where(mine, ~sa.exists().where(same))
            if connection.execute(lacking).first() is None:
                connection.execute(parts.delete().where(mine))

    def close(self, wholes: Sequence[str]) -> None:
        """Record that QuickBooks has all parts of some entries, or none."""
        ids = [id_ for whole in wholes for id_ in (whole, *later_ids(whole))]
        with changing(self.engine) as connection:
            for some in chunks(ids):
                mine = sa.and_(self._own(parts), parts.c.entry_id.in_(some))
                connection.execute(parts.delete().where(mine))

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
        columns = [ledger.c.entry_id, ledger.c.state]
        held = rows_of(connection, ledger.c.entry_id, self.connection_id, of_parts, columns)
        taken = {row.entry_id for row in held if row.state in _IN_BOOKS} | lost
        divided = {of_parts[id_] for id_ in taken if id_ in of_parts}
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
