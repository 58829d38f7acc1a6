"""Verifies the history: that no row was changed, and that the ledger says the same."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import sqlalchemy as sa

from connectors.database import closing_database, snapshot
from connectors.store.actors import Actor
from connectors.store.audit import Audit, Head
from connectors.store.chain import follows
from connectors.store.connections import Connection, all_connections, find_connection
from flows.context import open_installation, utc_now
from schemas.words import ActorKind, LedgerState

#: Problems that are listed; the rest is counted.
MOST_PROBLEMS = 100

#: From so many rows on, the ledger is compared in a process of its own, while rows are verified.
LONG_ROWS = 100_000

_TO_DO = (
    "Something changed the database past Clockbooks. Keep a copy of it as it is, send nothing, and"
    " compare it with your latest backup, on which `clockbooks audit verify` shows whether it was"
    " changed before or after; QuickBooks itself has what was sent."
)


@dataclass
class Problems:
    """What is wrong: the first ones in words, and how many."""

    first: list[str] = field(default_factory=list)
    number: int = 0

    def add(self, problem: str) -> None:
        """Count a problem, and keep it if it is one of the first."""
        self.number += 1
        if len(self.first) < MOST_PROBLEMS:
            self.first.append(problem)


def verified(name: str | None) -> dict[str, Any]:
    """Verify the history of a connection, or of all, and return what was found as a document.

    Raises:
        AskPerson: There is no connection of that name.
    """
    with open_installation() as (_, engine):
        chosen = all_connections(engine) if name is None else [find_connection(engine, name)]
        found = [verify_history(engine, one) for one in chosen]
    is_valid = all(one["is_valid"] for one in found)
    return {"is_valid": is_valid, "connections": found, "to_do": None if is_valid else _TO_DO}


def verify_history(engine: sa.Engine, one: Connection) -> dict[str, Any]:
    """Verify the history of one connection, and return what was found; see `verified`."""
    audit, problems = Audit(engine, one.id, utc_now), Problems()
    with snapshot(engine) as connection:
        head = audit.head(connection)
        compared = {"compared": 0, "from_before": 0}
        with _agreement(audit, connection, head) as all_agree:
            with closing(audit.rows(connection)) as rows:
                broken = _broken_row(rows, head) if head else _without_head(rows)
            if broken is None:
                compared = _compare(audit, connection, head, problems, all_agree)
                _check_actors(audit, connection, problems)
    return {
        "connection": one.name,
        "is_valid": broken is None and not problems.number,
        "rows": head.number - head.dropped if head else 0,
        "number": head.number if head else 0,
        "hash": head.hash if head else None,
        "dropped": head.dropped if head else 0,
        "since": head.since.isoformat() if head else None,
        "broken": broken,
        **compared,
        "problems": problems.first,
        "number_of_problems": problems.number,
    }


@contextmanager
def _agreement(
    audit: Audit, connection: sa.Connection, head: Head | None
) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether ledger and history agree; see `Audit.all_agree`.

    The process beside may see what a run has written since: to both, in one transaction.
    """
    if head is None or head.number - head.dropped < LONG_ROWS:
        yield lambda: audit.all_agree(connection)
        return
    url = audit.engine.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        yield beside.submit(_all_agree, url, audit.connection_id).result


def _all_agree(database_url: str, connection_id: int) -> bool:
    with closing_database(database_url) as engine, snapshot(engine) as connection:
        return Audit(engine, connection_id, utc_now).all_agree(connection)


def _broken_row(rows: Iterable[Sequence[Any]], head: Head) -> dict[str, Any] | None:
    """Return the first row that does not fit the one before it."""
    number, before = head.dropped, head.dropped_hash
    for found, entry_id, text, hash_ in rows:
        if number == head.number:
            return _broken(found, entry_id, "It comes after the newest row.")
        number += 1
        if found != number:
            return _broken(number, None, f"It is missing: the next row is {found}.")
        if not follows(before, text, hash_):
            return _broken(number, entry_id, "It, or the row before it, was changed.")
        before = hash_
    if number != head.number:
        return _broken(number + 1, None, f"It is missing, with all up to row {head.number}.")
    if before != head.hash:
        return _broken(number, None, "It, or the note of the newest row, was changed.")
    return None


def _without_head(rows: Iterable[sa.Row[Any]]) -> dict[str, Any] | None:
    for row in rows:
        return _broken(row.number, row.entry_id, "The note of the newest row is missing.")
    return None


def _broken(number: int, entry_id: str | None, problem: str) -> dict[str, Any]:
    return {"number": number, "entry_id": entry_id, "problem": problem}


def _compare(
    audit: Audit,
    connection: sa.Connection,
    head: Head | None,
    problems: Problems,
    all_agree: Callable[[], bool],
) -> dict[str, int]:
    """Compare the ledger with the newest event of each entry."""
    compared, from_before = audit.number_sent(connection), 0
    if all_agree():
        return {"compared": compared, "from_before": from_before}
    for row in audit.differing(connection, head):
        if row.number is None:
            compared -= 1
            from_before += row.is_older
            if not row.is_older:
                problems.add(_not_told(row))
        elif row.state == LedgerState.SENT:
            problems.add(_told_otherwise(row))
        elif row.told_as is not None:
            doubted = row.state and audit.claimed_after(connection, row.entry_id, row.number)
            if not doubted:
                problems.add(_not_held(row))
    return {"compared": compared, "from_before": from_before}


def _not_told(row: sa.Row[Any]) -> str:
    return (
        f"The ledger has entry {row.entry_id} as sent (TimeActivity {row.held_as}), and the history"
        " does not tell of it."
    )


def _told_otherwise(row: sa.Row[Any]) -> str:
    differs = {"TimeActivity": row.activity, "minutes": row.minutes, "content": row.content}
    what = " and ".join(name for name, is_other in differs.items() if is_other)
    return (
        f"The ledger has another {what} for entry {row.entry_id} than row {row.number} of the"
        " history."
    )


def _not_held(row: sa.Row[Any]) -> str:
    return (
        f"Row {row.number} of the history says that entry {row.entry_id} was sent (TimeActivity"
        f" {row.told_as}), and the ledger does not have it as sent."
    )


def _check_actors(audit: Audit, connection: sa.Connection, problems: Problems) -> None:
    """Check that names are those that the history was written with, or pseudonyms of them."""
    for row in audit.actors(connection):
        if row.id is None:
            problems.add(f"The name of actor {row.actor_id[:12]} is missing.")
        elif not row.pseudonym and (
            Actor(ActorKind(row.kind), row.name).commitment(row.salt) != row.id
        ):
            problems.add(f"The name of actor {row.id[:12]}, now {row.name!r}, was changed.")
