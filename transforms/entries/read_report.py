"""Reads the rows of Clockify's detailed report as `TimeEntries`, and sets bad rows aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from schemas.clockify import TimeEntries
from schemas.frames import UTC_US, validate_rows
from transforms.entries.report_columns import report_columns

#: Optional members of an entry: absent, null and empty mean the same.
_OPTIONAL = [
    "user_name", "user_email", "project_id", "project_name", "client_id", "client_name",
    "task_name", "currency",
]  # fmt: skip


@dataclass(frozen=True)
class SetAside:
    """A row that could not be read as an entry: it is reported, but not judged or sent.

    Attributes:
        entry_id: The row's id, if it has one.
        problem: What is wrong with it.
        start: When it begins, in UTC, if that can be read.
    """

    entry_id: str | None
    problem: str
    start: datetime | None = None


@dataclass(frozen=True)
class ReadEntries:
    """The rows of a report, once read.

    Attributes:
        entries: `TimeEntries`, one row for each distinct id, in the order of the report.
        set_aside: The bad rows, with the reason.
    """

    entries: pd.DataFrame
    set_aside: list[SetAside]


def read_report(
    rows: Sequence[Any],
    *,
    currency: str | None,
    approved: bool = True,
    own_tags: Collection[str] = (),
) -> ReadEntries:
    """Read the rows of a detailed report (`timeentries`), of 2023 as of 2026.

    Args:
        rows: Decoded JSON; numbers with a fraction as `Decimal`.
        currency: The workspace's default currency, for entries that name none.
        approved: Whether these entries are approved; true for all if approval does not matter.
        own_tags: Ids and names of tags that are ours: entries are read as if without them.

    Source: FACTS, Clockify, section 4.
    """
    objects = [row for row in rows if isinstance(row, dict)]
    set_aside = [SetAside(None, "the row is not a JSON object")] * (len(rows) - len(objects))
    frame = _typed(report_columns(objects, own_tags), currency=currency, approved=approved)
    # A row that appears twice is one entry: while people edit, entries move between pages.
    frame = frame[~(frame["entry_id"].duplicated(keep="last") & frame["entry_id"].notna())]
    validated = validate_rows(TimeEntries, frame)
    good = validated.good
    # The report is not rounded, so only fractions of a second may be lost. The duration of a
    # holiday does not depend on its start and end.
    worked_s = _seconds(good["end"] - good["start"])
    off = ((good["duration_s"] - worked_s).abs() > 1).fillna(value=False).astype(bool)
    off &= good["entry_type"] == "REGULAR"
    problems = validated.problems | {
        index: f"duration_s is {good['duration_s'][index]}, but end minus start {worked_s[index]}"
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
        # Some rows have no duration, or one as text; that of a running timer is ignored.
        duration_s=columns["duration_s"].fillna(_seconds(end - start)).mask(end.isna()),
        approved=approved,
        **{name: columns[name].replace("", None) for name in _OPTIONAL},
    )
    frame = frame.fillna({"entry_type": "REGULAR", "description": ""})
    if currency:
        frame = frame.fillna({"currency": currency})
    return frame[list(TimeEntries.to_schema().columns)]


def instants(texts: pd.Series) -> pd.Series:
    """Read texts in ISO 8601 as instants.

    Returns:
        Instants in UTC; missing where the text is none, or has neither `Z` nor an offset.
    """
    zoned = texts.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", na=False)
    read = pd.to_datetime(texts.where(zoned), utc=True, format="ISO8601", errors="coerce")
    return read.astype(UTC_US)


def _seconds(worked: pd.Series) -> pd.Series:
    return (worked // pd.Timedelta(seconds=1)).astype("Int64")
