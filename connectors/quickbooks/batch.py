"""A batch of TimeActivities: its bytes, and what became of each item."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.quickbooks.faults import Fault
from schemas.words import Operation


@dataclass(frozen=True)
class Done:
    """QuickBooks created, updated or deleted the object of one item of a batch.

    Attributes:
        bid: The item's bId.
        qbo_id: The object's Id.
        sync_token: Its version; empty if it was deleted.
        created_at: When QuickBooks made it, by its own clock; `None` if it did not say.
        is_billed: Whether it is on an invoice, although it was sent as one that is not (1.1).
    """

    bid: str
    qbo_id: str
    sync_token: str
    created_at: datetime | None = None
    is_billed: bool = False


@dataclass(frozen=True)
class NotDone:
    """QuickBooks refused one item of a batch, and said why."""

    bid: str
    fault: Fault


#: What became of one item of a batch.
Outcome = Done | NotDone


def batch_bytes(
    items: Sequence[tuple[str, str]],
    entity: str = "TimeActivity",
    operation: Operation = Operation.CREATE,
) -> bytes:
    """Write a batch that does the same to *items* (`bId`, body) of one kind, to the byte (2.1)."""
    written = [
        f'{{"bId":{json.dumps(bid)},"operation":"{operation}","{entity}":{body}}}'
        for bid, body in items
    ]
    return f'{{"BatchItemRequest":[{",".join(written)}]}}'.encode()


def fingerprint(data: bytes) -> str:
    """Return the SHA-256 of a batch's bytes, which the ledger keeps."""
    return hashlib.sha256(data).hexdigest()


def created_at(row: Mapping[str, Any]) -> datetime | None:
    """Read when QuickBooks made an object, by its own clock; `None` if it does not say (1.1)."""
    return instant_of(part_of(row, "MetaData").get("CreateTime"))


def is_from(member: str, since: datetime) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether a time in a row's MetaData is of an instant's second or later (1.1)."""
    second = since.replace(microsecond=0)

    def is_so(row: Mapping[str, Any]) -> bool:
        time = instant_of(part_of(row, "MetaData").get(member))
        return time is not None and time >= second

    return is_so


def instant_of(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def part_of(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}
