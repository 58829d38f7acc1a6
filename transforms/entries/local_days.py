"""The local day of an instant, in a named time zone; nothing else decides an entry's day."""

from collections.abc import Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises:
        ValueError: There is no such time zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone. Use a name such as America/Chicago or Europe/Paris."
        ) from None


def local_days(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Return the local day of each instant.

    Args:
        instants: Instants with a time zone, never null.
        timezone: The time zone whose calendar counts.

    Returns:
        Text `YYYY-MM-DD`, with the index of *instants*.
    """
    return _wall_clock(instants, timezone).dt.strftime("%Y-%m-%d").rename("date")


def shown(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Return each instant on a clock, in ISO 8601 with its offset; missing where there is none.

    Examples:
        >>> start = pd.Series([pd.Timestamp("2026-10-05T14:30Z")])
        >>> shown(start, ZoneInfo("America/Chicago")).tolist()
        ['2026-10-05T09:30:00-05:00']
    """
    texts = instants.dt.tz_convert(timezone).dt.strftime("%Y-%m-%dT%H:%M:%S%z").astype("str")
    return texts.str[:-2] + ":" + texts.str[-2:]


def workers_days(
    instants: pd.Series, users: pd.Series, zones: Mapping[str, str], timezone: ZoneInfo
) -> pd.Series:
    """Return the local day of each instant, where its user works.

    Args:
        instants: As for `local_days`.
        users: Clockify's id of whose it is, with the same index.
        zones: The names of users' time zones, by their ids.
        timezone: That of everybody else.
    """
    days = local_days(instants, timezone)
    for name, theirs in instants.groupby(users.map(zones)):
        days[theirs.index] = local_days(theirs, ZoneInfo(str(name)))
    return days


def local_minutes(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Return what a wall clock shows at each instant, to the minute: text `YYYY-MM-DDTHH:MM`.

    Args and result are those of `local_days`.
    """
    return _wall_clock(instants, timezone).dt.strftime("%Y-%m-%dT%H:%M").rename("wall")


def _wall_clock(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    return instants.dt.tz_convert(timezone).dt.tz_localize(None)


def month_slices(start: date, end: date) -> list[tuple[date, date]]:
    """Split the days *start* to *end* into calendar months: Clockify allows 31 days at a time.

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
