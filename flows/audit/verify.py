"""Verifies the history: that no row was changed, and that the ledger says the same."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from connectors.database import snapshot
from connectors.quickbooks.batch import fingerprint
from connectors.store.actors import Actor
from connectors.store.audit import Audit, Head
from connectors.store.chain import row_digest, row_hash
from connectors.store.connections import Connection, all_connections, find_connection
from flows.context import open_installation, utc_now
from schemas.words import ActorKind, Event, LedgerState

#: Problems that are listed; the rest is counted.
MOST_PROBLEMS = 100

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
        seen: set[str | None] = {None}
        with closing(audit.rows(connection)) as rows:
            broken = _broken_row(rows, head, seen) if head else _without_head(rows)
        compared = {"compared": 0, "from_before": 0}
        if broken is None:
            compared = _compare(audit, connection, head, problems)
            _check_actors(audit, connection, seen - {None}, problems)
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


def _broken_row(
    rows: Iterable[sa.Row[Any]], head: Head, actors: set[str | None]
) -> dict[str, Any] | None:
    """Return the first row that does not fit the one before it; note the *actors* until there."""
    number, before = head.dropped, head.dropped_hash
    values: list[Any]
    for *values, hash_ in rows:
        found, _, _, entry_id, _, _, actor_id, *_ = values
        if number == head.number:
            return _broken(found, entry_id, "It comes after the newest row.")
        number += 1
        if found != number:
            return _broken(number, None, f"It is missing: the next row is {found}.")
        try:
            before = row_hash(before, row_digest(values))
        except TypeError:  # bytes, which no row has
            before = ""
        if before != hash_:
            return _broken(number, entry_id, "It, or the row before it, was changed.")
        actors.add(actor_id)
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
    audit: Audit, connection: sa.Connection, head: Head | None, problems: Problems
) -> dict[str, int]:
    """Compare the ledger with the history, both in the order of their entries."""
    told = (list(rows)[-1] for _, rows in groupby(audit.told(connection), itemgetter(0)))
    compared = from_before = 0
    for row, latest in _side_by_side(audit.held(connection, head), told):
        event = latest if latest is not None and latest.event in _IS_SENT else None
        if row is None or row.state == LedgerState.SENDING:
            if event is not None and event.time_activity_id is not None:
                doubted = row and audit.claimed_after(connection, event.entry_id, event.number)
                if not doubted:
                    problems.add(_not_held(event))
        elif event is not None:
            compared += 1
            _compare_one(row, event, problems)
        elif row.is_older:
            from_before += 1
        else:
            problems.add(
                f"The ledger has entry {row.entry_id} as sent (TimeActivity"
                f" {row.time_activity_id}), and the history does not tell of it."
            )
    return {"compared": compared, "from_before": from_before}


_IS_SENT = {Event.SENT, Event.ADOPTED, Event.UPDATED, Event.RENAMED}


def _side_by_side(
    rows: Iterator[sa.Row[Any]], events: Iterator[sa.Row[Any]]
) -> Iterator[tuple[sa.Row[Any] | None, sa.Row[Any] | None]]:
    """Join rows and events of the same entries; both come in the order of their first column."""
    row, event = next(rows, None), next(events, None)
    while row is not None or event is not None:
        if event is None or (row is not None and row[0] < event[0]):
            yield row, None
            row = next(rows, None)
        elif row is None or event[0] < row[0]:
            yield None, event
            event = next(events, None)
        else:
            yield row, event
            row, event = next(rows, None), next(events, None)


def _compare_one(row: sa.Row[Any], event: sa.Row[Any], problems: Problems) -> None:
    sent = fingerprint(row.body.encode())
    differs = [
        what
        for what, here, there in (
            ("TimeActivity", row.time_activity_id, event.time_activity_id),
            ("minutes", row.minutes, event.minutes),
            ("content", sent, event.fingerprint),
        )
        if here != there
    ]
    if differs:
        problems.add(
            f"The ledger has another {' and '.join(differs)} for entry {row.entry_id} than row"
            f" {event.number} of the history."
        )


def _not_held(event: sa.Row[Any]) -> str:
    return (
        f"Row {event.number} of the history says that entry {event.entry_id} was sent"
        f" (TimeActivity {event.time_activity_id}), and the ledger does not have it as sent."
    )


def _check_actors(
    audit: Audit, connection: sa.Connection, seen: set[Any], problems: Problems
) -> None:
    """Check that names are those that the history was written with, or pseudonyms of them."""
    known = audit.actors(connection)
    for missing in sorted(seen - known.keys()):
        problems.add(f"The name of actor {missing[:12]} is missing.")
    for id_ in sorted(seen & known.keys()):
        row = known[id_]
        same = row.pseudonym or Actor(ActorKind(row.kind), row.name).commitment(row.salt) == id_
        if not same:
            problems.add(f"The name of actor {id_[:12]}, now {row.name!r}, was changed.")
