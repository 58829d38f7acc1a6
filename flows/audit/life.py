"""The life of one entry: how it was judged, and everything that happened to it."""

from typing import Any

from connectors.errors import AskPerson
from connectors.store.chain import instant_text
from flows.context import open_store
from flows.sending.entry_list import last_outcome
from schemas.part_ids import later_ids, whole_id
from schemas.words import ActorKind

#: Members of one event in JSON, and as columns of the CSV.
MEMBERS: tuple[str, ...] = (
    "at", "event", "entry_id", "operation", "run_id", "actor", "request_id", "fingerprint",
    "minutes", "time_activity_id", "note", "number", "hash",
)  # fmt: skip

#: How an actor is shown, by how they are known.
_ACTORS = {
    ActorKind.USER: "{}",
    ActorKind.FLOW_RUN: "flow run {}",
    ActorKind.REVIEWER: "{} (claimed, not verified)",
    ActorKind.VERIFIED: "{} (verified)",
}


def life(connection: str | None, entry_id: str) -> dict[str, Any]:
    """Return an entry as `clockbooks entries` has it, and what happened to it, oldest first.

    Of an entry that went in parts, all of them are there. How the latest run judged it is among
    that, as `judged`, at the start of the run.

    Raises:
        AskPerson: No connection fits, or it knows no such entry.
    """
    with open_store(connection) as (_, store, found):
        parts = [whole_id(entry_id), *later_ids(whole_id(entry_id))]
        item = [row for id_ in parts for row in last_outcome(store, id_)]
        told = [_event(dict(row)) for id_ in parts for row in store.history.of(id_)]
        judged = [row for id_ in parts if (row := store.outcomes.judged(id_)) is not None]
    if not item and not told:
        raise AskPerson(
            f"The connection {found.name!r} knows no entry {entry_id!r}: `clockbooks entries"
            " --json` lists their ids."
        )
    told += [_event(_judged(dict(row))) for row in judged]
    return {"entries": item, "history": sorted(told, key=lambda event: event["at"])}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    known = row["kind"] is not None
    row["actor"] = _ACTORS[ActorKind(row["kind"])].format(row["name"]) if known else None
    return {name: row.get(name) for name in MEMBERS}


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    why = f": {row['reason']}" if row["reason"] else ""
    said = f". {row['detail']}" if row["detail"] else ""
    return row | {
        "event": "judged",
        "at": instant_text(row["started_at"]),
        "note": f"{row['state']}{why}{said}",
    }
