"""A report's rows, as JSON gives them, to columns: one for each member that an entry is made of.

Arrow takes the rows apart when every member is of the type that it should be, as in nearly all
reports. It says at once when one is not; then each member is looked at by itself.

Source: FACTS, Clockify, section 4.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from transforms.entries.arrow import TEXT, texts

#: Column for each text member that is taken over as it is.
TEXT_MEMBERS = {
    "_id": "entry_id",
    "userId": "user_id",
    "userName": "user_name",
    "userEmail": "user_email",
    "projectId": "project_id",
    "projectName": "project_name",
    "clientId": "client_id",
    "clientName": "client_name",
    "taskName": "task_name",
    "description": "description",
    "type": "entry_type",
    "currency": "currency",
}


def report_columns(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Take the rows of a report apart.

    Args:
        rows: Decoded JSON objects; numbers with a fraction as `Decimal`.

    Returns:
        A row for each, in their order: the texts of `TEXT_MEMBERS`, and `tags`, `start` and `end`
        as text, `billable`, `duration_s` (s) and `rate_micros` (millionths of the currency unit).
        What is of no type that a member may have is missing; but an end that is no text is a
        text that is no instant, and a number that no column holds stays as it is, in a column
        of objects: those rows are told, not taken for others.
    """
    try:
        return _taken_apart(rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
        return _one_by_one(rows)


_RATE = pa.decimal128(38, 10)

_ROW = pa.struct(
    [(member, TEXT) for member in TEXT_MEMBERS]
    + [
        ("tags", pa.list_(pa.struct([("name", TEXT)]))),
        # Durations as decimals: Arrow would cut a fraction off without a word.
        (
            "timeInterval",
            pa.struct([("start", TEXT), ("end", TEXT), ("duration", pa.decimal128(38, 0))]),
        ),
        ("billable", pa.bool_()),
        ("rate", _RATE),
        ("earnedRate", _RATE),
    ]
)


def _taken_apart(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    wire = pa.array(rows, _ROW)
    interval = wire.field("timeInterval")
    rates = pc.coalesce(wire.field("rate"), wire.field("earnedRate"))
    columns = {name: texts(wire.field(member)) for member, name in TEXT_MEMBERS.items()}
    columns["tags"] = texts(_joined(wire.field("tags")))
    columns["start"] = texts(interval.field("start"))
    columns["end"] = texts(interval.field("end"))
    columns["duration_s"] = _numbers(interval.field("duration"))
    columns["billable"] = wire.field("billable").to_pandas(types_mapper=_NULLABLE.get)
    # Half a millionth goes up; the product is exact: Arrow gives it the digits that it needs.
    rounded = pc.round(rates, 4, "half_towards_infinity").cast(pa.decimal128(28, 4))
    columns["rate_micros"] = _numbers(pc.multiply(rounded, pa.scalar(Decimal(10_000))))
    return pd.DataFrame(columns, copy=False)


_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def _numbers(found: pa.Array) -> pd.Series:
    return found.cast(pa.int64()).to_pandas(types_mapper=_NULLABLE.get)


def _joined(lists: pa.ListArray) -> pa.Array:
    """Join the names of `tags: [{"_id", "name"}]`; older reports have ids only, in `tagIds`."""
    names = lists.flatten().field("name")
    if names.null_count or pc.any(pc.equal(pc.binary_length(names), 0)).as_py():
        raise pa.ArrowInvalid("a tag without a name")
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    starts = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))])
    by_row = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), names)
    joined = pc.binary_join(by_row, pa.scalar(", ", TEXT))
    return pc.if_else(pc.equal(lengths, 0), pa.scalar(None, TEXT), joined)


# --- rows with something odd in them -------------------------------------------------------------

#: Half a surrogate pair (legal in JSON) cannot be written as UTF-8.
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")

#: No column holds a rate as far from 0 as this: what lies beyond is as wrong, and much longer.
_FARTHEST_RATE = Decimal(10**16)


def _one_by_one(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    intervals = [
        found if isinstance(found, Mapping) else {}
        for found in (row.get("timeInterval") for row in rows)
    ]
    ends = [interval.get("end") for interval in intervals]
    columns = {
        name: _texts(row.get(member) for row in rows) for member, name in TEXT_MEMBERS.items()
    }
    columns["tags"] = _texts(_tag_names(row.get("tags")) for row in rows)
    columns["start"] = _texts(interval.get("start") for interval in intervals)
    columns["end"] = _texts(end if end is None or isinstance(end, str) else "?" for end in ends)
    columns["duration_s"] = _int64(_whole(interval.get("duration")) for interval in intervals)
    said = [row.get("billable") for row in rows]
    columns["billable"] = pd.Series(
        [found if isinstance(found, bool) else None for found in said], dtype="boolean"
    )
    columns["rate_micros"] = _int64(_micros(_rate(row)) for row in rows)
    return pd.DataFrame(columns)


def _texts(values: Iterable[Any]) -> pd.Series:
    return texts(pa.array([_text(value) for value in values], TEXT))


def _rate(row: Mapping[str, Any]) -> Any:
    return row["rate"] if row.get("rate") is not None else row.get("earnedRate")


def _text(value: Any) -> str | None:
    return _HALF_A_PAIR.sub("\ufffd", value) if isinstance(value, str) else None


def _tag_names(tags: Any) -> str | None:
    if not isinstance(tags, list) or not tags:
        return None
    return ", ".join(
        str(tag["name"]) for tag in tags if isinstance(tag, Mapping) and tag.get("name")
    )


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, int):
        return value
    return int(value) if value.is_finite() and abs(value) < 10**38 and value == int(value) else None


def _int64(numbers: Iterable[int | None]) -> pd.Series:
    """Make a column of integers; one that is too long stays, and its row is set aside for it."""
    column = pd.Series(list(numbers), dtype="object")
    try:
        return column.astype("Int64")
    except (OverflowError, TypeError):
        return column


def _micros(hundredths: Any) -> int | None:
    """Turn a rate in hundredths of the currency unit into millionths, exactly (FACTS 1.7)."""
    if isinstance(hundredths, bool) or not isinstance(hundredths, int | float | Decimal):
        return None
    if isinstance(hundredths, int):
        return hundredths * 10_000
    # A float's shortest text is what the service wrote; its binary value is not.
    exact = Decimal(str(hundredths))
    if not exact.is_finite():
        return None
    exact = max(-_FARTHEST_RATE, min(exact, _FARTHEST_RATE))
    return int((exact * 10_000).to_integral_value(ROUND_HALF_UP))
