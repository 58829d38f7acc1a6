"""The chain: what makes each row of a history depend on all rows before it.

This is what an auditor computes again (docs/security.md), so it never changes for rows that are
there.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from connectors.quickbooks.batch import fingerprint

#: What a row's hash covers, in this order.
COVERED = (
    "number", "at", "event", "entry_id", "operation", "run_id", "actor_id", "request_id",
    "fingerprint", "minutes", "time_activity_id", "note",
)  # fmt: skip

#: The hash before the first row.
NO_HASH = "0" * 64

_encode = json.JSONEncoder(separators=(",", ":")).encode


def row_digest(values: list[Any]) -> str:
    """Return the SHA-256 of a row: of its `COVERED` values, as a JSON array in ASCII."""
    return hashlib.sha256(_encode(values).encode()).hexdigest()


def row_hash(before: str, digest: str) -> str:
    """Return a row's hash: the SHA-256 of the hash before it, followed by its digest."""
    return hashlib.sha256((before + digest).encode()).hexdigest()


def follows(before: str, text: str | None, hash_: str) -> bool:
    """Return whether a row's hash is that of the row.

    Args:
        before: The hash of the row before it.
        text: Its `COVERED` values as a JSON array without spaces, beyond ASCII in any characters;
            `None` if they are none.
        hash_: Its hash.
    """
    if text is None:
        return False
    if row_hash(before, fingerprint(text.encode())) == hash_:
        return True
    try:
        values = json.loads(text)
    except ValueError:  # an infinite number, which no row has
        return False
    return row_hash(before, row_digest(values)) == hash_


def instant_text(instant: datetime) -> str:
    """Write an instant as a row has it, such as 2026-03-09T08:00:00.000000+00:00."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def of_ledger(row: Mapping[str, Any] | sa.RowMapping) -> dict[str, Any]:
    """Return what a history row says of a row of the ledger: what was sent, and as what."""
    return {
        "entry_id": row["entry_id"],
        "fingerprint": fingerprint(row["body"].encode()),
        "minutes": row["minutes"],
        "time_activity_id": row.get("time_activity_id"),
    }
