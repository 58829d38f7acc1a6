"""Takes a report's JSON rows apart: one column for each member that an entry needs.

Source: FACTS, Clockify, section 4.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

#: The column for each text member that is copied as it is.
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

#: Numbers are cut off here: no column holds such a number, and a longer one costs memory.
_FARTHEST = Decimal(10**20)


def report_columns(
    rows: Sequence[Mapping[str, Any]], own_tags: Collection[str] = ()
) -> pd.DataFrame:
    """Take the rows of a report apart.

    Args:
        rows: Decoded JSON objects; numbers with a fraction as `Decimal`. Characters that no
            database holds were replaced when the answer was decoded.
        own_tags: Ids and names of tags that are ours, and do not count.

    Returns:
        One row for each, in order: the texts of `TEXT_MEMBERS`; `tags`, `start` and `end` as
        text; `billable`; `duration_s` (s) and `rate_micros` (millionths of the currency unit).
        A value of the wrong type is missing. There are two exceptions, so that the row is set aside
        and not misread: an end that is not text becomes a text that is not an instant, and a number
        too long for 64 bits stays, in a column of objects.
    """
    intervals = list(map(_interval, rows))
    columns = pd.DataFrame(
        {name: [row.get(member) for row in rows] for member, name in TEXT_MEMBERS.items()}
    )
    columns["start"] = [interval.get("start") for interval in intervals]
    ends = (interval.get("end") for interval in intervals)
    columns["end"] = [end if end is None or isinstance(end, str) else "?" for end in ends]
    columns["tags"] = [
        _tag_names(tags, own_tags) if (tags := row.get("tags")) else None for row in rows
    ]
    _leave_only_texts(columns)
    columns["duration_s"] = _int64([_whole(interval.get("duration")) for interval in intervals])
    columns["billable"] = pd.array(list(map(_billable, rows)), dtype="boolean")
    columns["rate_micros"] = _int64([_micros(_rate(row)) for row in rows])
    return columns


def _interval(row: Mapping[str, Any]) -> Mapping[str, Any]:
    interval = row.get("timeInterval")
    return interval if isinstance(interval, dict) else {}


def _billable(row: Mapping[str, Any]) -> bool | None:
    billable = row.get("billable")
    return billable if isinstance(billable, bool) else None


def _leave_only_texts(columns: pd.DataFrame) -> None:
    # pandas gave the type `str` to each column that has only texts.
    for name in columns.columns[columns.dtypes != "str"]:
        is_text = columns[name].map(lambda value: isinstance(value, str)).astype(bool)
        columns[name] = columns[name].where(is_text).astype("str")


def _tag_names(tags: Any, own_tags: Collection[str]) -> str | None:
    """Join the names of `tags: [{"_id", "name"}]`; older reports have only ids, in `tagIds`."""
    if not isinstance(tags, list):
        return None
    theirs = (tag for tag in tags if isinstance(tag, Mapping) and not _is_own(tag, own_tags))
    return ", ".join(str(tag["name"]) for tag in theirs if tag.get("name")) or None


def _is_own(tag: Mapping[str, Any], own_tags: Collection[str]) -> bool:
    return bool(own_tags) and any(tag.get(name) in own_tags for name in ("_id", "id", "name"))


def _rate(row: Mapping[str, Any]) -> Any:
    rate = row.get("rate")
    return row.get("earnedRate") if rate is None else rate


def _int64(numbers: list[int | None]) -> pd.Series:
    column = pd.Series(numbers, dtype="object")
    try:
        return column.astype("Int64")
    except OverflowError:
        return column


def _whole(value: Any) -> int | None:
    exact = _exact(value)
    if isinstance(exact, Decimal):
        return int(exact) if exact == int(exact) else None
    return exact


def _micros(hundredths: Any) -> int | None:
    """Convert hundredths of the currency unit to millionths, a half up (FACTS, Clockify, 1.7)."""
    exact = _exact(hundredths)
    if isinstance(exact, Decimal):
        return int((exact * 10_000).to_integral_value(ROUND_HALF_UP))
    return None if exact is None else exact * 10_000


def _exact(value: Any) -> int | Decimal | None:
    if type(value) is int:  # not `bool`
        return value
    if isinstance(value, float):
        value = Decimal(str(value))  # its shortest text is what the service wrote
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    return max(-_FARTHEST, min(value, _FARTHEST))
