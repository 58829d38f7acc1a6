"""Clockify's JSON rows to `TimeEntries`: types, units, and the bad rows set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.clockify import TimeEntries
from schemas.frames import all_differ, sieve
from transforms.entries.arrow import TEXT, cells, int64s, texts, whole_numbers, without_empty
from transforms.entries.instants import instant_column, instants
from transforms.entries.report_columns import TEXT_MEMBERS, report_columns

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
        entries: `TimeEntries`, one row for each distinct id, in order of start and id.
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
    if not set(map(type, rows)) <= {dict}:
        objects = [row for row in rows if isinstance(row, Mapping)]
        strangers = [SetAside(None, "the row is not a JSON object")] * (len(rows) - len(objects))
        rows = objects
    else:
        strangers = []
    read = read_columns(report_columns(rows), currency=currency, approved=approved)
    return ReadEntries(read.entries, strangers + read.set_aside)


def read_columns(
    columns: pd.DataFrame, *, currency: str | None, approved: bool = True
) -> ReadEntries:
    """Read a report that is in columns already: see `report_columns`, and `read_report`."""
    frame = _typed(columns, currency=currency, approved=approved)
    # A row that comes twice is one entry: while people edit, entries move between pages.
    if not all_differ(cells(frame["entry_id"])):
        frame = frame[~(frame["entry_id"].duplicated(keep="last") & frame["entry_id"].notna())]
    sieved = sieve(TimeEntries, frame)
    set_aside = [
        SetAside(
            _text_or_none(frame.loc[index, "entry_id"]),
            problem,
            None if pd.isna(frame.loc[index, "start"]) else frame.loc[index, "start"],
        )
        for index, problem in sieved.problems.items()
    ]
    good = sieved.good
    worked_s = ((good["end"] - good["start"]) // pd.Timedelta(seconds=1)).astype("Int64")
    # The report is asked for without rounding. Only fractions may be lost; and what a holiday
    # lasts is no matter of its bounds.
    told_s = good["duration_s"]
    off = ((told_s > worked_s + 1) | (told_s < worked_s - 1)).fillna(value=False).astype(bool)
    off &= good["entry_type"] == "REGULAR"
    if off.any():
        set_aside += [
            SetAside(
                row.entry_id,
                f"duration_s is {row.duration_s}, but end less start is {worked_s[row.Index]}",
                row.start,
            )
            for row in good[off].itertuples()
        ]
        good = good[~off]
    return ReadEntries(_in_order(good), set_aside)


def _typed(columns: pd.DataFrame, *, currency: str | None, approved: bool) -> pd.DataFrame:
    frame: dict[str, Any] = {}
    for name in [*TEXT_MEMBERS.values(), "tags"]:
        found = storable(cells(columns[name]))
        frame[name] = without_empty(found) if name in _OPTIONAL else found
    frame["entry_type"] = pc.fill_null(frame["entry_type"], "REGULAR")
    frame["description"] = pc.fill_null(frame["description"], "")
    frame["currency"] = pc.fill_null(frame["currency"], pa.scalar(currency or None, TEXT))
    frame = {name: texts(found) for name, found in frame.items()}
    frame |= _interval(columns)
    frame["billable"], frame["rate_micros"] = columns["billable"], columns["rate_micros"]
    frame["approved"] = approved
    order = list(TimeEntries.to_schema().columns)
    return pd.DataFrame({name: frame[name] for name in order}, index=columns.index, copy=False)


def storable(found: pa.Array) -> pa.Array:
    """Replace NUL, which PostgreSQL does not hold; hardly any report has one."""
    letters = found.buffers()[2]
    if letters is None or b"\x00" not in memoryview(letters).tobytes():
        return found
    return pc.replace_substring(found, "\x00", "\ufffd")


def _interval(columns: pd.DataFrame) -> dict[str, pd.Series]:
    """Read start, end and duration: any offset, seconds as a number, or not at all (a timer)."""
    start_us, no_start = instants(cells(columns["start"]))
    end_us, no_end = instants(cells(columns["end"]))
    # An end that is there but cannot be read makes the row bad, not a running timer.
    unreadable = no_end & columns["end"].notna().to_numpy()
    worked = int64s((end_us - start_us) // 1_000_000, no_start | no_end)
    told = columns["duration_s"]
    if told.dtype == "Int64":
        told_s, silent = whole_numbers(told)
        worked_s, unknown = whole_numbers(worked)
        duration = int64s(np.where(silent, worked_s, told_s), (silent & unknown) | no_end)
    else:  # with a number that is too long
        duration = told.fillna(worked).mask(no_end)
    return {
        "start": instant_column(start_us, no_start | unreadable),
        "end": instant_column(end_us, no_end),
        "duration_s": duration,
    }


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _in_order(entries: pd.DataFrame) -> pd.DataFrame:
    """Sort by start and id; only entries that begin at once have their ids compared."""
    start_us = entries["start"].astype("int64").to_numpy()
    order = np.argsort(start_us, kind="stable")
    in_order_us = start_us[order]
    with_the_next = np.append(in_order_us[1:] == in_order_us[:-1], False)
    at_once = with_the_next | np.append(False, with_the_next[:-1])
    if at_once.any():
        rows = order[at_once]
        rank = pd.factorize(entries["entry_id"].take(rows), sort=True)[0]
        order[at_once] = rows[np.lexsort((rank, start_us[rows]))]
    if (order == np.arange(len(order))).all():
        return entries.reset_index(drop=True)
    return entries.take(order).reset_index(drop=True)
