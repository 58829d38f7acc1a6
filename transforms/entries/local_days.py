"""Instants to local days, in a named time zone: the one place where that is decided."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from transforms.entries.arrow import spelled, texts


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone: use a name such as America/Chicago or Europe/Paris."
        ) from None


def local_days(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Say on which local day each instant falls.

    Args:
        instants: Instants with a time zone, never null.
        timezone: Whose calendar counts.

    Returns:
        Text `YYYY-MM-DD`, with the index of *instants*.
    """
    return _shown(instants, timezone, _DAY_US, "datetime64[D]").rename("date")


def local_minutes(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Say what a wall clock shows at each instant, to the minute: text `YYYY-MM-DDTHH:MM`.

    Args and result are those of `local_days`.
    """
    return _shown(instants, timezone, _MINUTE_US, "datetime64[m]").rename("wall")


def _shown(instants: pd.Series, timezone: ZoneInfo, unit_us: int, dtype: str) -> pd.Series:
    us = instants.dt.as_unit("us").astype("int64").to_numpy()
    distinct, codes = _numbered((us + _offsets_us(us, timezone)) // unit_us)
    words = np.datetime_as_string(distinct.astype(dtype)).tolist()
    return texts(spelled(codes, words)).set_axis(instants.index)


_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 60 * _MINUTE_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Beyond these a local time may have no year; no clock changes there.
_EARLIEST_US, _LATEST_US = (
    (datetime(*day, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    for day in ((1, 1, 3), (9999, 12, 29))
)


def _offsets_us(us: np.ndarray, timezone: ZoneInfo) -> np.ndarray:
    """Give what the clocks are ahead of UTC at each instant, in microseconds.

    They are asked at both ends of each UTC day in which there are instants. No zone of the tz
    database (2026) has ever changed its clocks twice within one: between two equal answers there
    is no other, and between two that differ there is one change.
    """
    days, codes = _numbered(us // _DAY_US)
    first = np.array([_offset_us(day * _DAY_US, timezone) for day in days.tolist()], "int64")
    last = np.array([_offset_us((day + 1) * _DAY_US - 1, timezone) for day in days.tolist()])
    offsets: np.ndarray = first[codes]
    for place in np.flatnonzero(first != last).tolist():
        instants = range(int(days[place]) * _DAY_US, (int(days[place]) + 1) * _DAY_US)
        changed = bisect_left(instants, True, key=partial(_differs, first[place], timezone))
        offsets[(codes == place) & (us >= instants[changed])] = last[place]
    return offsets


def _differs(offset_us: int, timezone: ZoneInfo, us: int) -> bool:
    return _offset_us(us, timezone) != offset_us


def _offset_us(us: int, timezone: ZoneInfo) -> int:
    us = max(_EARLIEST_US, min(us, _LATEST_US))
    moment = (_EPOCH + timedelta(microseconds=us)).astimezone(timezone)
    return (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the distinct values, and the place of each value among them.

    Entries come in order of time, so that equal values stand together: one of each run is enough.
    """
    begins = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    distinct, codes = np.unique(values[begins], return_inverse=True)
    return distinct, np.repeat(codes, np.diff(begins, append=len(values)))


def month_slices(start: date, end: date) -> list[tuple[date, date]]:
    """Cut the days *start* to *end* into calendar months, none longer than Clockify's 31 days.

    Examples:
        >>> slices = month_slices(date(2026, 1, 30), date(2026, 2, 3))
        >>> [(str(first), str(last)) for first, last in slices]
        [('2026-01-30', '2026-01-31'), ('2026-02-01', '2026-02-03')]
    """
    slices = []
    while start <= end:
        next_month = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = min(end, next_month - timedelta(days=1))
        slices.append((start, last))
        start = last + timedelta(days=1)
    return slices
