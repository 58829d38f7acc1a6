"""Unknown time: TimeActivities that no ledger of the company accounts for.

It keeps which days were looked at, so that none is read twice, and what was found there, until an
entry accounts for it, it is gone from QuickBooks, or somebody says that it is other work.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, ledger, looked_days, unknown_time
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

    def looked(self, days: Sequence[str]) -> set[str]:
        """Return which of some days, YYYY-MM-DD, were looked at."""
        return {row.day for row in self._look_up(looked_days.c.day, days, [looked_days.c.day])}

    def remember(self, days: Sequence[str], found: Sequence[UnknownRow]) -> None:
        """Keep that days were looked at, and what was found, as it is now."""
        own, now = {"connection_id": self.connection_id}, self.now()
        looked = insert_into(self.engine, looked_days).on_conflict_do_nothing()
        rows = insert_into(self.engine, unknown_time)
        rows = rows.on_conflict_do_update(
            index_elements=[unknown_time.c.connection_id, unknown_time.c.time_activity_id],
            set_={name: rows.excluded[name] for name in ("person", "day", "minutes")},
        )
        with changing(self.engine) as connection:
            if days:
                at = [{**own, "day": day, "looked_at": now} for day in days]
                connection.execute(looked, at)
            if found:
                values = [{**own, **vars(row), "is_other": False} for row in found]
                connection.execute(rows, values)

    def look_again(self, connection: sa.Connection, days: Collection[str]) -> None:
        """Forget that days were looked at: what was sent for them has left the books."""
        for some in chunks(sorted(days)):
            mine = sa.and_(self._own(looked_days), looked_days.c.day.in_(some))
            connection.execute(looked_days.delete().where(mine))

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

    def others(self, time_activity_ids: Iterable[str]) -> set[str]:
        """Return which of some TimeActivities somebody called other work."""
        columns = [unknown_time.c.time_activity_id, unknown_time.c.is_other]
        rows = self._look_up(unknown_time.c.time_activity_id, time_activity_ids, columns)
        return {row.time_activity_id for row in rows if row.is_other}

    def call_other(self, time_activity_ids: Sequence[str]) -> None:
        """Keep that somebody said that some TimeActivities are other work."""
        with changing(self.engine) as connection:
            for some in chunks(time_activity_ids):
                change = unknown_time.update().where(self._are(some))
                connection.execute(change.values(is_other=True))

    def forget(self, time_activity_ids: Sequence[str]) -> None:
        """Forget TimeActivities: an entry accounts for them by now, or they are gone."""
        with changing(self.engine) as connection:
            for some in chunks(time_activity_ids):
                connection.execute(unknown_time.delete().where(self._are(some)))

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
