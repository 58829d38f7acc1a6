"""Functions on the verdicts: what the latest run said of each entry, whether it went or not.

What was sent, the ledger alone says; a verdict only explains.
"""

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks, insert_into
from schemas.tables import ledger, verdicts

#: What a person sees of an entry, and may know it by.
LOOKS = ("entry_id", "date", "user", "client", "project", "description", "minutes")


def keep(engine: sa.Engine, connection_id: int, run_id: str, judged: pd.DataFrame) -> None:
    """Keep what a run said of each entry, in place of what earlier runs said.

    Args:
        engine: The database.
        connection_id: The connection.
        run_id: The run.
        judged: Rows of `Plan`, with the states in which they ended.
    """
    names = ["entry_id", "state", "reason", "detail", "date", "minutes", "user", "client",
             "project", "description"]  # fmt: skip
    rows = judged[names].astype(object).where(judged[names].notna(), None).to_dict("records")
    own = {"connection_id": connection_id, "run_id": run_id}
    statement = insert_into(engine, verdicts)
    statement = statement.on_conflict_do_update(
        index_elements=[verdicts.c.connection_id, verdicts.c.entry_id],
        set_={name: statement.excluded[name] for name in [*names[1:], "run_id"]},
    )
    with changing(engine) as connection:
        for chunk in chunks(rows):
            connection.execute(statement, [{**row, **own} for row in chunk])


def unsent(engine: sa.Engine, connection_id: int, days: Sequence[str]) -> pd.DataFrame:
    """Give the verdicts of some days on entries that the ledger does not hold.

    Args:
        engine: The database.
        connection_id: The connection.
        days: Local days, YYYY-MM-DD; may be empty.

    Returns:
        `LOOKS`, with `state`, `reason` and `detail`.
    """
    names = [*LOOKS, "state", "reason", "detail"]
    if not days:
        return pd.DataFrame(columns=names)
    held = sa.exists().where(
        ledger.c.connection_id == verdicts.c.connection_id,
        ledger.c.entry_id == verdicts.c.entry_id,
    )
    query = sa.select(*[verdicts.c[name] for name in names]).where(
        verdicts.c.connection_id == connection_id,
        verdicts.c.date.between(min(days), max(days)),
        ~held,
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(verdicts.c.date, verdicts.c.entry_id)).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=names, dtype=object)


def forget(engine: sa.Engine, connection_id: int, entry_ids: Sequence[str]) -> None:
    """Forget what was said of some entries: they have a verdict under another id."""
    with changing(engine) as connection:
        for some in chunks(entry_ids):
            connection.execute(
                verdicts.delete().where(
                    verdicts.c.connection_id == connection_id, verdicts.c.entry_id.in_(some)
                )
            )


def told(
    engine: sa.Engine, connection_id: int, *, start: str | None, end: str | None
) -> pd.DataFrame:
    """Give the latest verdict of every entry, with what the ledger holds of it.

    Args:
        engine: The database.
        connection_id: The connection.
        start: First local day, YYYY-MM-DD; `None` for all.
        end: Last local day, included; `None` for all.

    Returns:
        The columns of `verdicts`, with `ledger_state` and `time_activity_id`, by day and entry.
    """
    query = (
        sa.select(verdicts, ledger.c.state.label("ledger_state"), ledger.c.time_activity_id)
        .outerjoin(
            ledger,
            sa.and_(
                ledger.c.connection_id == verdicts.c.connection_id,
                ledger.c.entry_id == verdicts.c.entry_id,
            ),
        )
        .where(verdicts.c.connection_id == connection_id)
        .order_by(verdicts.c.date, verdicts.c.user, verdicts.c.entry_id)
    )
    if start is not None:
        query = query.where(verdicts.c.date >= start)
    if end is not None:
        query = query.where(verdicts.c.date <= end)
    with engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
