"""Clockify's JSON rows to `TimeEntries`: types, units, and the bad rows set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from schemas.clockify import TimeEntries
from schemas.frames import UTC_US, sieve
from transforms.entries.report_columns import report_columns

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
        start: When it begins, where that can be read; UTC.
    """

    entry_id: str | None
    problem: str
    start: datetime | None = None


@dataclass(frozen=True)
class ReadEntries:
    """What a report's rows come to.

    Attributes:
        entries: `TimeEntries`, one row for each distinct id, in the order of the report.
        set_aside: The rows that are none, with the reason.
    """

    entries: pd.DataFrame
    set_aside: list[SetAside]


def read_report(rows: Sequence[Any], *, currency: str | None, approved: bool = True) -> ReadEntries:
    """Read the rows of a detailed report (`timeentries`), of 2023 as of 2026.

    Args:
        rows: Decoded JSON; numbers with a fraction as `Decimal`.
        currency: The workspace's default currency, for entries that name none.
        approved: Whether these are the approved ones; so they all count when nobody asked.

    Source: FACTS, Clockify, section 4.
    """
    objects = [row for row in rows if isinstance(row, dict)]
    set_aside = [SetAside(None, "the row is not a JSON object")] * (len(rows) - len(objects))
    frame = _typed(report_columns(objects), currency=currency, approved=approved)
    # A row that comes twice is one entry: while people edit, entries move between pages.
    frame = frame[~(frame["entry_id"].duplicated(keep="last") & frame["entry_id"].notna())]
    sieved = sieve(TimeEntries, frame)
    good = sieved.good
    # The report is asked for without rounding, so only fractions of a second may be lost. How long
    # a holiday lasts does not depend on its start and end.
    worked_s = _seconds(good["end"] - good["start"])
    off = ((good["duration_s"] - worked_s).abs() > 1).fillna(value=False).astype(bool)
    off &= good["entry_type"] == "REGULAR"
    problems = sieved.problems | {
        index: f"duration_s is {good['duration_s'][index]}, but end less start is {worked_s[index]}"
        for index in good.index[off]
    }
    rows_aside = frame.loc[list(problems), ["entry_id", "start"]].astype(object)
    set_aside += [
        SetAside(entry_id, problem, start)
        for (entry_id, start), problem in zip(
            rows_aside.where(rows_aside.notna(), None).to_numpy(), problems.values(), strict=True
        )
    ]
    return ReadEntries(good[~off].reset_index(drop=True), set_aside)


def _typed(columns: pd.DataFrame, *, currency: str | None, approved: bool) -> pd.DataFrame:
    start, end = instants(columns["start"]), instants(columns["end"])
    # An end that is there but cannot be read makes the row bad, not a running timer.
    unreadable = end.isna() & columns["end"].notna()
    frame = columns.assign(
        start=start.mask(unreadable),
        end=end,
        # Some rows have no duration, or one as text; a running timer has none whatever is written.
        duration_s=columns["duration_s"].fillna(_seconds(end - start)).mask(end.isna()),
        approved=approved,
        **{name: columns[name].replace("", None) for name in _OPTIONAL},
    )
    frame = frame.fillna({"entry_type": "REGULAR", "description": ""})
    if currency:
        frame = frame.fillna({"currency": currency})
    return frame[list(TimeEntries.to_schema().columns)]


def instants(texts: pd.Series) -> pd.Series:
    """Read the instant that each text names, in ISO 8601.

    Returns:
        Instants in UTC, missing where there is none: without a `Z` or an offset nobody can say
        which one is meant.
    """
    zoned = texts.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", na=False)
    read = pd.to_datetime(texts.where(zoned), utc=True, format="ISO8601", errors="coerce")
    return read.astype(UTC_US)


def _seconds(worked: pd.Series) -> pd.Series:
    return (worked // pd.Timedelta(seconds=1)).astype("Int64")
