"""Last outcomes: how each entry ended in the latest run that judged it, whether it went or not.

What was sent, the ledger alone says; an outcome only explains.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from connectors.store.actors import ACTOR
from connectors.store.lines import in_ledger, line_of
from connectors.store.scope import ConnectionScope, records
from schemas.part_ids import as_whole, later_ids
from schemas.tables import actors, batches, drift, ledger, lines, parts, runs, verdicts
from schemas.words import IN_BOOKS, LedgerState, Reason, State

#: What a person sees of an entry, and may know it by.
LOOKS = (
    "entry_id", "date", "user", "client", "project", "description", "minutes",
    "start", "billable", "amount_cents",
)  # fmt: skip

OUTCOME = ("state", "reason", "detail")

#: Reasons that come before any look at the time itself.
_ASIDE = (Reason.FILTERED, Reason.NOT_APPROVED, Reason.EXCLUDED, Reason.TOO_EARLY)

#: Reasons that a file may not show: what was said of an entry is asked for when one brings it.
_ASKED_FOR = (
    Reason.BREAK, Reason.RATE_CURRENCY, Reason.BILLABLE_WITHOUT_PROJECT,
    Reason.BILLABLE_WITHOUT_RATE,
)  # fmt: skip


def _of_verdict(table: sa.Table) -> sa.Exists:
    same = table.c.connection_id == verdicts.c.connection_id
    return sa.exists().where(same, table.c.entry_id == verdicts.c.entry_id)


#: What the ledger does not hold, under its own id or in a line.
_UNHELD = sa.and_(~_of_verdict(ledger), ~_of_verdict(lines))

_IS_LATER_PART = verdicts.c.entry_id.contains("/")


class LastOutcomes(ConnectionScope):
    """The last outcomes of one connection's entries."""

    def keep(self, run_id: str, judged: pd.DataFrame) -> None:
        """Keep how entries (rows of `Plan`) ended in a run, in place of what earlier runs said.

        A filter and the like say nothing of what an entry is: that it is a break stays known. What
        a reconciliation found about entries that were sent now is forgotten.
        """
        own = {"connection_id": self.connection_id, "run_id": run_id}
        rows = [{**row, **own} for row in records(judged[[*LOOKS, *OUTCOME]])]
        statement = insert_into(self.engine, verdicts)
        # Not `in_`: SQLAlchemy expands no list for many rows.
        is_aside = sa.or_(*[statement.excluded.reason == reason for reason in _ASIDE])
        stays = is_aside & sa.or_(*[verdicts.c.reason == reason for reason in _ASKED_FOR])
        statement = statement.on_conflict_do_update(
            index_elements=[verdicts.c.connection_id, verdicts.c.entry_id],
            set_={name: statement.excluded[name] for name in LOOKS[1:]}
            | {
                name: sa.case((stays, verdicts.c[name]), else_=statement.excluded[name])
                for name in (*OUTCOME, "run_id")
            },
        )
        with changing(self.engine) as connection:
            if rows:
                connection.execute(statement, rows)
            for some in chunks([row["entry_id"] for row in rows if row["state"] == State.SENT]):
                found = sa.and_(self._own(drift), drift.c.entry_id.in_(some))
                connection.execute(drift.delete().where(found))
                # Another run has given what came from a file Clockify's id, and tells of it so.
                mine = sa.and_(self._own(verdicts), verdicts.c.entry_id.in_(some))
                connection.execute(verdicts.delete().where(mine, _UNHELD))

    def unsent(self, days: Sequence[str]) -> pd.DataFrame:
        """Return `LOOKS` and `OUTCOME` of the entries of days that the ledger does not hold.

        Days are local, YYYY-MM-DD; there may be none. An entry in parts is one row, on its first
        day, with the minutes of all of them.
        """
        names = [*LOOKS, *OUTCOME]
        if not days:
            return pd.DataFrame(columns=names)
        query = (
            sa.select(*[verdicts.c[name] for name in names])
            .where(
                self._own(verdicts),
                verdicts.c.date.between(min(days), max(days))
                | (verdicts.c.date.between(max(days), _after(days)) & _IS_LATER_PART),
                _UNHELD,
            )
            .order_by(verdicts.c.date, verdicts.c.entry_id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return as_whole(pd.DataFrame(rows, columns=names, dtype=object))

    def later_parts(self, days: Sequence[str]) -> list[str]:
        """Return the later parts of entries on some days and the month after them.

        Those that the books have, or may have, or of which they may have another part, are left
        out.
        """
        if not days:
            return []
        query = sa.select(verdicts.c.entry_id).where(
            self._own(verdicts),
            verdicts.c.date.between(min(days), _after(days)),
            _IS_LATER_PART,
            ~_of_verdict(ledger).where(ledger.c.state.in_(IN_BOOKS)),
            ~_of_verdict(parts),
        )
        with self.engine.connect() as connection:
            return list(connection.scalars(query))

    def forget(self, entry_ids: Sequence[str]) -> None:
        """Forget the outcomes of some entries, with all parts: they have one under another id."""
        every = [part for id_ in entry_ids for part in (id_, *later_ids(id_))]
        with changing(self.engine) as connection:
            for some in chunks(every):
                rows = sa.and_(self._own(verdicts), verdicts.c.entry_id.in_(some))
                connection.execute(verdicts.delete().where(rows))

    def judged(self, entry_id: str) -> sa.RowMapping | None:
        """Return how an entry ended in the latest run that judged it, and who ran that when.

        The members are `entry_id`, `state`, `reason`, `detail`, `minutes`, `run_id`, `started_at`,
        and the actor's `kind` and `name`.
        """
        names = ("entry_id", "state", "reason", "detail", "minutes", "run_id")
        query = (
            sa.select(*[verdicts.c[name] for name in names], runs.c.started_at, *ACTOR)
            .join(runs, runs.c.id == verdicts.c.run_id)
            .outerjoin(actors, actors.c.id == runs.c.actor_id)
            .where(self._own(verdicts), verdicts.c.entry_id == entry_id)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).mappings().first()

    def left_behind(self) -> dict[str, tuple[int, int]]:
        """Return how many entries, of how many minutes, are not in QuickBooks, by state."""
        in_books = ledger.c.state.in_([LedgerState.SENT, LedgerState.SENDING])
        minutes = sa.func.coalesce(sa.func.sum(verdicts.c.minutes), 0)
        query = (
            sa.select(verdicts.c.state, sa.func.count(), minutes)
            .outerjoin(lines, line_of(verdicts))
            .outerjoin(ledger, in_ledger(verdicts))
            .where(self._own(verdicts), sa.or_(ledger.c.state.is_(None), ~in_books))
            .where(verdicts.c.reason.is_distinct_from(Reason.ALREADY_SENT))  # recalled since
            .group_by(verdicts.c.state)
        )
        with self.engine.connect() as connection:
            return {str(row[0]): (row[1], int(row[2])) for row in connection.execute(query)}

    def sent_at(self) -> datetime | None:
        """Return when time was sent last, not changed or recalled; `None` if none ever was."""
        query = sa.select(sa.func.max(batches.c.claimed_at)).where(self._own(batches))
        query = query.join(ledger, ledger.c.request_id == batches.c.request_id)
        with self.engine.connect() as connection:
            found: datetime | None = connection.scalar(query)
            return found

    def between(
        self, *, start: str | None, end: str | None, entry_id: str | None = None
    ) -> pd.DataFrame:
        """Return the last outcome of every entry or one, with what the ledger holds of it.

        Days are local, YYYY-MM-DD, the last one included. The columns are those of `verdicts`, with
        `ledger_state` and `time_activity_id`, and of its last claim `sent_at`, `run_id` and `plan`;
        by day and entry.
        """
        judged = [column for column in verdicts.c if column is not verdicts.c.run_id]
        query = (
            sa.select(
                *judged,
                ledger.c.state.label("ledger_state"),
                ledger.c.time_activity_id,
                batches.c.claimed_at.label("sent_at"),
                batches.c.run_id,
                runs.c.plan_id.label("plan"),
            )
            .outerjoin(lines, line_of(verdicts))
            .outerjoin(ledger, in_ledger(verdicts))
            .outerjoin(batches, batches.c.request_id == ledger.c.request_id)
            .outerjoin(runs, runs.c.id == batches.c.run_id)
            .where(self._own(verdicts))
            .order_by(verdicts.c.date, verdicts.c.user, verdicts.c.entry_id)
        )
        if start is not None:
            query = query.where(verdicts.c.date >= start)
        if end is not None:
            query = query.where(verdicts.c.date <= end)
        if entry_id is not None:
            query = query.where(verdicts.c.entry_id == entry_id)
        with self.engine.connect() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))


def _after(days: Sequence[str]) -> str:
    """Return the last day that a part of an entry may have that begins on some days."""
    return (date.fromisoformat(max(days)) + timedelta(days=31)).isoformat()
