"""Exports a worker's or a period's share of the history, with a proof that it is genuine.

The file has the rows in full, and of all others after the first one only their digests: enough to
compute the chain up to its newest row, and not enough to read what is not meant for the reader.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.database import snapshot
from connectors.errors import AskPerson
from connectors.quickbooks.batch import fingerprint
from connectors.store.audit import Audit, Chosen
from connectors.store.chain import COVERED, row_digest
from connectors.store.connections import Connection
from flows.context import open_store
from flows.sending.report import for_its_owner
from transforms.directory.names import same_form


def exported(
    connection: str | None,
    file: Path,
    *,
    user: str | None,
    days: tuple[str | None, str | None],
) -> dict[str, Any]:
    """Write the history of the entries of a user (name or Clockify's id) and of days to a file.

    Days are local, YYYY-MM-DD, both included; `None` for no limit. The file is its owner's alone.

    Returns:
        `file`, how many `rows` of how many `entries` are in it, and the `number` and `hash` of the
        newest row.

    Raises:
        AskPerson: No connection fits, there are no such entries, or the file cannot be written.
    """
    with open_store(connection) as (_, store, found), snapshot(store.engine) as database:
        audit = Audit(store.engine, found.id, store.history.now)
        form = same_form(user or "")
        names = [name for name in audit.users(database) if same_form(name) == form]
        chosen = Chosen(user=user, names=tuple(names), first_day=days[0], last_day=days[1])
        first = audit.first(database, chosen)
        if first is None:
            raise AskPerson(
                f"The history of {found.name!r} has no entries of"
                f" {f'{user!r} on ' if user else ''}these days. Nothing was written."
            )
        header = _header(audit, database, found, chosen, first)
        counts = _write(file, header, audit.share(database, chosen, first))
    return {"file": str(file), **counts, "number": header["head_number"], "hash": header["head"]}


def _header(
    audit: Audit, database: sa.Connection, found: Connection, chosen: Chosen, first: int
) -> dict[str, Any]:
    head = audit.head(database)
    if head is None:
        raise AskPerson("The history is broken: run `clockbooks audit verify`.")
    return {
        "connection": found.name,
        "workspace": found.workspace_name,
        "company": found.company_name,
        "user": chosen.user,
        "days": [chosen.first_day, chosen.last_day],
        "made_at": audit.now().isoformat(),
        "columns": COVERED,
        "number": first - 1,
        "before": audit.hash_of(database, first - 1, head),
        "head_number": head.number,
        "head": head.hash,
        "actors": audit.actors_of(database, chosen),
    }


def _write(file: Path, header: Mapping[str, Any], rows: Iterator[sa.Row[Any]]) -> dict[str, int]:
    number, entries = 0, set()
    try:
        with open(file, "w", encoding="utf-8", opener=for_its_owner) as lines:
            lines.write(json.dumps(header) + "\n")
            for row in rows:
                values, body = list(row[: len(COVERED)]), row.body
                line: Any = row_digest(values)
                if row.is_chosen:
                    sent = body if body and fingerprint(body.encode()) == values[8] else None
                    line = {"row": values, "body": sent}
                    number += 1
                    entries.add(values[3])
                lines.write(json.dumps(line) + "\n")
    except OSError as error:
        raise AskPerson(f"The file {file} cannot be written ({error.strerror}).") from None
    return {"rows": number, "entries": len(entries)}
