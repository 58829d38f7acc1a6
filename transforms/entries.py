"""Clockify's JSON rows to `TimeEntries`: types, units, and the bad rows set aside."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd

from schemas.clockify import TimeEntries
from schemas.frames import sieve

#: Column of `TimeEntries` for each text member of a report's row that is taken over as it is.
_TEXT_MEMBERS = {
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

#: Members without which a row still is an entry: absent, null and empty mean the same there.
_OPTIONAL = [
    "user_name", "user_email", "project_id", "project_name", "client_id", "client_name",
    "task_name", "currency",
]  # fmt: skip


@dataclass(frozen=True)
class SetAside:
    """A row from a service that is no entry: not judged, not sent, and told.

    Attributes:
        entry_id: The row's id, where it has one.
        problem: What is wrong with it.
    """

    entry_id: str | None
    problem: str


@dataclass(frozen=True)
class ReadEntries:
    """What a report's rows come to.

    Attributes:
        entries: `TimeEntries`, one row for each distinct id, in order of start and id.
        set_aside: The rows that are none, with the reason.
    """

    entries: pd.DataFrame
    set_aside: list[SetAside]


def read_report(
    rows: Sequence[Any], *, currency: str | None, approved_ids: frozenset[str] | None = None
) -> ReadEntries:
    """Read the rows of a detailed report (`timeentries`), of 2023 as of 2026.

    Args:
        rows: Decoded JSON; numbers with a fraction as `Decimal`.
        currency: The workspace's default currency, for entries that name none.
        approved_ids: Ids of approved entries; `None` when nobody asked.

    Source: FACTS, Clockify, section 4.
    """
    objects = [row for row in rows if isinstance(row, Mapping)]
    strangers = [SetAside(None, "the row is not a JSON object")] * (len(rows) - len(objects))
    # dtype=object: integers beside nulls must not become floats
    wire = pd.DataFrame(objects, dtype=object)
    wire = wire.reindex(columns=[*wire.columns, *(set(_WIRE_MEMBERS) - set(wire.columns))])
    frame = _take_over(wire, currency=currency, approved_ids=approved_ids)
    # A row that comes twice is one entry: while people edit, entries move between pages.
    frame = frame[~(frame["entry_id"].duplicated(keep="last") & frame["entry_id"].notna())]
    sieved = sieve(TimeEntries, frame)
    set_aside = [
        SetAside(_text_or_none(frame.loc[index, "entry_id"]), problem)
        for index, problem in sieved.problems.items()
    ]
    return ReadEntries(_in_order(sieved.good), strangers + set_aside)


def _in_order(entries: pd.DataFrame) -> pd.DataFrame:
    """Sort by start and id; only entries that begin at once have their ids compared."""
    at_once = entries["start"].duplicated(keep=False).to_numpy()
    rank = np.zeros(len(entries), dtype="int64")
    rank[at_once] = pd.factorize(entries["entry_id"][at_once], sort=True)[0]
    order = np.lexsort((rank, entries["start"].astype("int64")))
    return entries.take(order).reset_index(drop=True)


#: PostgreSQL holds no NUL, and half a surrogate pair (legal in JSON) cannot be written as UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

#: No column holds a rate as far from 0 as this: what lies beyond is as wrong, and much longer.
_FARTHEST_RATE = Decimal(10**16)

_WIRE_MEMBERS = [*_TEXT_MEMBERS, "timeInterval", "billable", "rate", "earnedRate", "tags"]


def _take_over(
    wire: pd.DataFrame, *, currency: str | None, approved_ids: frozenset[str] | None
) -> pd.DataFrame:
    frame = pd.DataFrame(index=wire.index)
    for member, name in _TEXT_MEMBERS.items():
        frame[name] = _texts(wire[member])
    frame["entry_type"] = frame["entry_type"].fillna("REGULAR")
    frame["description"] = frame["description"].fillna("")
    for name in _OPTIONAL:
        empty = frame[name] == ""
        if empty.any():
            frame[name] = frame[name].mask(empty)
    frame["currency"] = frame["currency"].fillna(currency or pd.NA)
    frame["tags"] = _tag_names(wire["tags"])
    interval = _interval(wire["timeInterval"])
    frame["start"] = interval["start"]
    frame["end"] = interval["end"]
    frame["duration_s"] = interval["duration_s"]
    frame["billable"] = wire["billable"].where(wire["billable"].isin([True, False]))
    frame["rate_micros"] = _micros(wire["rate"].where(wire["rate"].notna(), wire["earnedRate"]))
    frame["approved"] = True if approved_ids is None else frame["entry_id"].isin(approved_ids)
    return frame[list(TimeEntries.to_schema().columns)]


def _texts(values: pd.Series) -> pd.Series:
    """Keep texts; what is no text counts as missing, and what no database holds is replaced."""
    if pd.api.types.infer_dtype(values, skipna=True) not in {"string", "empty"}:
        values = values.where(values.map(lambda value: isinstance(value, str)))
    texts = values.astype("str")
    # One look through all of them: hardly any report has such a letter.
    if _storable("".join(texts.dropna().to_numpy())):
        return texts
    return texts.str.replace(_UNSTORABLE, "\ufffd", regex=True)


def _storable(text: str) -> bool:
    """Say of a long text, faster than a search, whether it has none of `_UNSTORABLE`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _tag_names(tags: pd.Series) -> pd.Series:
    """Join the names of `tags: [{"_id", "name"}]`; older reports have ids only, in `tagIds`."""
    lists = tags[tags.map(lambda value: isinstance(value, list) and bool(value))]
    names = lists.map(
        lambda found: ", ".join(
            str(tag["name"]) for tag in found if isinstance(tag, Mapping) and tag.get("name")
        )
    )
    return _texts(names.reindex(tags.index))


def _interval(intervals: pd.Series) -> pd.DataFrame:
    """Read `timeInterval`: any offset, seconds as a number (report) or not at all (a timer)."""
    usable = intervals.map(lambda value: isinstance(value, Mapping))
    parts = pd.DataFrame(
        intervals[usable].tolist(), index=intervals.index[usable], dtype=object
    ).reindex(index=intervals.index, columns=["start", "end", "duration"])
    start = _instants(parts["start"])
    end = _instants(parts["end"])
    worked_s = ((end - start) // pd.Timedelta(seconds=1)).astype("Int64")
    told_s = _whole(parts["duration"])
    # An end that is there but cannot be read makes the row bad, not a running timer.
    unreadable = parts["end"].notna() & end.isna()
    return pd.DataFrame(
        {
            "start": start.mask(unreadable),
            "end": end,
            "duration_s": told_s.fillna(worked_s).mask(end.isna()),
        }
    )


def _instants(texts: pd.Series) -> pd.Series:
    texts = _texts(texts)
    # Without an offset nobody can say which instant is meant.
    zoned = texts.str.endswith("Z", na=False)
    if not zoned.all():
        zoned |= texts.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", na=False)
        texts = texts.where(zoned)
    return pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").dt.as_unit("us")


def _whole(numbers: pd.Series) -> pd.Series:
    if pd.api.types.infer_dtype(numbers, skipna=True) not in {"integer", "empty"}:
        numbers = numbers.where(
            numbers.map(lambda value: isinstance(value, int) and not isinstance(value, bool))
        )
    return _int64(numbers)


def _int64(numbers: pd.Series) -> pd.Series:
    """Make a column of integers; one that is too long stays, and its row is set aside for it."""
    try:
        return numbers.astype("Int64")
    except (OverflowError, TypeError):
        return numbers


def _micros(hundredths: pd.Series) -> pd.Series:
    """Turn rates in hundredths of the currency unit into millionths, exactly (FACTS 1.7)."""
    kinds = set(map(type, hundredths))
    if kinds <= _PLAIN_NUMBERS:  # then what is equal is the same rate; there are few
        micros = hundredths.map({rate: _micros_of_one(rate) for rate in hundredths.unique()})
    else:
        micros = hundredths.map(_micros_of_one)
    # As objects: Python's integers do not overflow, and do not become floats beside a missing one.
    return _int64(micros.astype("object"))


#: Types of JSON's numbers, and of what stands for none. `True` would equal 1.
_PLAIN_NUMBERS = {int, float, Decimal, type(None)}


def _micros_of_one(hundredths: Any) -> int | None:
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
