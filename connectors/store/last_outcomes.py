"""Last outcomes: how each entry ended in the latest run that judged it, whether it went or not.

What was sent, the ledger alone says; an outcome only explains.
"""

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.scope import ConnectionScope, records
from schemas.tables import ledger, verdicts

#: What a person sees of an entry, and may know it by.
LOOKS = ("entry_id", "date", "user", "client", "project", "description", "minutes")

OUTCOME = ("state", "reason", "detail")

_IN_LEDGER = sa.and_(
    ledger.c.connection_id == verdicts.c.connection_id, ledger.c.entry_id == verdicts.c.entry_id
)


class LastOutcomes(ConnectionScope):
    """The last outcomes of one connection's entries."""

    def keep(self, run_id: str, judged: pd.DataFrame) -> None:
        """Keep how entries ended in a run, in place of what earlier runs said.

        Args:
            run_id: The run.
            judged: Rows of `Plan`, with the states in which they ended.
        """
        own = {"connection_id": self.connection_id, "run_id": run_id}
        rows = [{**row, **own} for row in records(judged[[*LOOKS, *OUTCOME]])]
        statement = insert_into(self.engine, verdicts)
        statement = statement.on_conflict_do_update(
            index_elements=[verdicts.c.connection_id, verdicts.c.entry_id],
            set_={name: statement.excluded[name] for name in [*LOOKS[1:], *OUTCOME, "run_id"]},
        )
        with changing(self.engine) as connection:
            if rows:
                connection.execute(statement, rows)

    def unsent(self, days: Sequence[str]) -> pd.DataFrame:
        """Return the outcomes of some days, of entries that the ledger does not hold.

        Args:
            days: Local days, YYYY-MM-DD; may be empty.

        Returns:
            `LOOKS` and `OUTCOME`.
        """
        names = [*LOOKS, *OUTCOME]
        if not days:
            return pd.DataFrame(columns=names)
        query = (
            sa.select(*[verdicts.c[name] for name in names])
            .where(
                self._own(verdicts),
                verdicts.c.date.between(min(days), max(days)),
                ~sa.exists().where(_IN_LEDGER),
            )
            .order_by(verdicts.c.date, verdicts.c.entry_id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return pd.DataFrame(rows, columns=names, dtype=object)

    def forget(self, entry_ids: Sequence[str]) -> None:
        """Forget the outcomes of some entries: they have one under another id."""
        with changing(self.engine) as connection:
            for some in chunks(entry_ids):
                rows = sa.and_(self._own(verdicts), verdicts.c.entry_id.in_(some))
                connection.execute(verdicts.delete().where(rows))

    def between(self, *, start: str | None, end: str | None) -> pd.DataFrame:
        """Return the last outcome of every entry, with what the ledger holds of it.

        Args:
            start: First local day, YYYY-MM-DD; `None` for all.
            end: Last local day, included; `None` for all.

        Returns:
            The columns of `verdicts`, with `ledger_state` and `time_activity_id`, by day and entry.
        """
        query = (
            sa.select(verdicts, ledger.c.state.label("ledger_state"), ledger.c.time_activity_id)
            .outerjoin(ledger, _IN_LEDGER)
            .where(self._own(verdicts))
            .order_by(verdicts.c.date, verdicts.c.user, verdicts.c.entry_id)
        )
        if start is not None:
            query = query.where(verdicts.c.date >= start)
        if end is not None:
            query = query.where(verdicts.c.date <= end)
        with self.engine.connect() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))
