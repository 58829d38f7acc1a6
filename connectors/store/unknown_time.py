"""Unknown time: TimeActivities that no ledger of the company accounts for.

It keeps what was shown of them, until an entry accounts for it or it is gone from QuickBooks, and
what somebody has called other work: than any entry, or than one that was in doubt.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, ledger, not_this_entry, unknown_time
from schemas.words import LedgerState


@dataclass(frozen=True)
class UnknownRow:
    """One TimeActivity that no ledger accounts for.

    Attributes:
        time_activity_id: QuickBooks' Id.
        person: Kind and id, such as `employee:61`.
        day: TxnDate.
        minutes: The time worked.
    """

    time_activity_id: str
    person: str
    day: str
    minutes: int


class UnknownTime(ConnectionScope):
    """The unknown time of one connection's company, as far as the connection has looked."""

    def remember(self, keys: Collection[tuple[str, str]], found: Sequence[UnknownRow]) -> None:
        """Keep what was shown of some people and days, in place of what was shown before.

        What had been called other work, and is not what it was then, is unknown again.
        """
        new = insert_into(self.engine, unknown_time)
        names = ("person", "day", "minutes", "is_other")
        new = new.on_conflict_do_update(
            index_elements=[unknown_time.c.connection_id, unknown_time.c.time_activity_id],
            set_={name: new.excluded[name] for name in names},
        )
        values = [
            {"connection_id": self.connection_id, **vars(row), "is_other": False} for row in found
        ]
        with changing(self.engine) as connection:
            for some in chunks(sorted(keys)):
                key = sa.tuple_(unknown_time.c.person, unknown_time.c.day)
                old = sa.and_(self._own(unknown_time), key.in_(some), ~unknown_time.c.is_other)
                connection.execute(unknown_time.delete().where(old))
            if values:
                connection.execute(new, values)

    def of(self, days: Sequence[str]) -> list[UnknownRow]:
        """Return what was found on some days, but for what somebody called other work."""
        columns = [unknown_time.c[name] for name in UnknownRow.__dataclass_fields__]
        found: list[UnknownRow] = []
        with self.engine.connect() as connection:
            for some in chunks(days):
                query = sa.select(*columns).where(
                    self._own(unknown_time),
                    unknown_time.c.day.in_(some),
                    ~unknown_time.c.is_other,
                )
                rows = connection.execute(query.order_by(unknown_time.c.time_activity_id))
                found += [UnknownRow(*row) for row in rows]
        return found

    def others(self, found: Sequence[UnknownRow]) -> set[str]:
        """Return which of some TimeActivities somebody called other work, as they are now."""
        columns = [unknown_time.c[name] for name in UnknownRow.__dataclass_fields__]
        ids = [row.time_activity_id for row in found]
        rows = self._look_up(
            unknown_time.c.time_activity_id, ids, [*columns, unknown_time.c.is_other]
        )
        called = {UnknownRow(*row[:-1]) for row in rows if row.is_other}
        return {row.time_activity_id for row in found if row in called}

    def call_other(self, time_activity_ids: Sequence[str]) -> None:
        """Keep that somebody said that some TimeActivities are other work."""
        with changing(self.engine) as connection:
            for some in chunks(time_activity_ids):
                change = unknown_time.update().where(self._are(some))
                connection.execute(change.values(is_other=True))

    def call_other_than(self, entry_ids: Iterable[str], found: Sequence[UnknownRow]) -> None:
        """Keep that somebody said that some entries are none of some TimeActivities."""
        new = insert_into(self.engine, not_this_entry)
        key = ("connection_id", "entry_id", "time_activity_id")
        new = new.on_conflict_do_update(
            index_elements=[not_this_entry.c[name] for name in key],
            set_={name: new.excluded[name] for name in ("person", "day", "minutes")},
        )
        own = {"connection_id": self.connection_id}
        values = [own | {"entry_id": id_} | vars(row) for id_ in entry_ids for row in found]
        with changing(self.engine) as connection:
            if values:
                connection.execute(new, values)

    def other_than(self, entry_ids: Sequence[str]) -> dict[str, set[UnknownRow]]:
        """Return what somebody said that some entries are not, by entry, as it was then."""
        columns = [not_this_entry.c[name] for name in UnknownRow.__dataclass_fields__]
        found: dict[str, set[UnknownRow]] = defaultdict(set)
        with self.engine.connect() as connection:
            for some in chunks(entry_ids):
                query = sa.select(not_this_entry.c.entry_id, *columns).where(
                    self._own(not_this_entry), not_this_entry.c.entry_id.in_(some)
                )
                for entry_id, *row in connection.execute(query):
                    found[entry_id].add(UnknownRow(*row))
        return dict(found)

    def company_claims(self) -> list[tuple[str, datetime | None]]:
        """Return what the company's connections have handed over without a recorded outcome.

        Returns:
            Body, and QuickBooks' own clock before the call, where it was known.
        """
        query = (
            sa.select(ledger.c.body, batches.c.qbo_time)
            .join(batches, batches.c.request_id == ledger.c.request_id)
            .where(
                ledger.c.connection_id.in_(self._company()), ledger.c.state == LedgerState.SENDING
            )
        )
        with self.engine.connect() as connection:
            return [(row.body, row.qbo_time) for row in connection.execute(query)]

    def _are(self, time_activity_ids: Sequence[str]) -> sa.ColumnElement[bool]:
        return sa.and_(
            self._own(unknown_time), unknown_time.c.time_activity_id.in_(time_activity_ids)
        )
