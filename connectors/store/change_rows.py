"""What a change of a sent entry is: wanted, claimed, in doubt, recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.quickbooks.batch import fingerprint
from connectors.store.claim_records import Claim
from schemas.words import LedgerState, Operation


@dataclass(frozen=True)
class Wanted:
    """A change that is to be made to the TimeActivity of one entry.

    Attributes:
        entry_id: The entry.
        time_activity_id: Its TimeActivity, as the ledger has it.
        body: The TimeActivity to send, to the byte: whole for an update, `Id` and `SyncToken` for
            a deletion, and the new one where it is to be sent again.
        minutes: Rounded minutes afterwards; `None` if it is deleted for good.
        date: Local day afterwards, YYYY-MM-DD: of what is deleted for good, the one for which it
            may be sent again.
        replacement: What to create after the deletion, to the byte; `None` for nothing.
        contents: What the entry is about afterwards, by the columns of `Contents`; `None` if that
            does not change, or is unknown.
        unit: The whole entry, if it is one of several parts: they go together.
    """

    entry_id: str
    time_activity_id: str
    body: str
    minutes: int | None = None
    date: str | None = None
    replacement: str | None = None
    contents: Mapping[str, Any] | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What was recorded of an answer.

    Attributes:
        bids: The bIds of the outcomes that count.
        anew: The request id under which replacements were claimed; `None` if there are none.
    """

    bids: set[str]
    anew: str | None = None


@dataclass(frozen=True)
class OpenChange:
    """A change that QuickBooks may or may not have made.

    Attributes:
        claim: The claim of this change alone.
        time_activity_id: The TimeActivity.
        quiet_from: From when on QuickBooks can no longer be at work on it; `None` if unknown.
    """

    claim: Claim
    time_activity_id: str
    quiet_from: datetime | None


@dataclass(frozen=True)
class Found:
    """An entry that the books show changed, as a row of `changes`."""

    entry_id: str
    time_activity_id: str
    body: str
    replacement: str | None
    minutes: int | None
    txn_date: str | None
    contents: str | None


def after(one: Wanted) -> dict[str, Any]:
    """Return what `changes` keeps of a change that is wanted."""
    contents = None if one.contents is None else json.dumps(dict(one.contents), default=str)
    return {
        "entry_id": one.entry_id,
        "time_activity_id": one.time_activity_id,
        "body": one.body,
        "replacement": one.replacement,
        "minutes": one.minutes,
        "txn_date": one.date,
        "contents": contents,
    }


def claimed_item(item: tuple[str, str, str]) -> dict[str, Any]:
    """Return what the history says of a claim."""
    entry_id, _, body = item
    return {"entry_id": entry_id, "fingerprint": fingerprint(body.encode())}


def claimed_anew(
    run_id: str,
    request_id: str,
    bid: str,
    body: str,
    minutes: int | None,
    txn_date: str | None,
) -> dict[str, Any]:
    """Return the columns of a ledger row that is claimed anew."""
    return {
        "state": LedgerState.SENDING,
        "run_id": run_id,
        "request_id": request_id,
        "bid": bid,
        "body": body,
        "minutes": minutes,
        "txn_date": txn_date,
        "time_activity_id": None,
        "sync_token": None,
        "proof": None,
        "qbo_time": None,
        "adopted": None,
    }


def open_change(row: Any) -> OpenChange:
    """Return a row of `changes`, with its batch's `quiet_from`, as a change in doubt."""
    items = ((row.entry_id, row.bid, row.body),)
    made = Claim(row.run_id, row.request_id, items, Operation(row.operation))
    return OpenChange(made, row.time_activity_id, row.quiet_from)
