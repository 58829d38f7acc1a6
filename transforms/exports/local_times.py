"""Local times of an export to instants, also in the nights when clocks are changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from schemas.frames import UTC_US

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - seconds of wall clocks count from here


@dataclass(frozen=True)
class Instants:
    """Starts and ends in UTC.

    Attributes:
        start: Missing where it is not known, or cannot be.
        end: As *start*.
        settled: Rows whose instant only the duration could tell.
        doubtful: Rows whose instant nothing tells.
    """

    start: pd.Series
    end: pd.Series
    settled: pd.Series
    doubtful: pd.Series


def to_instants(walls: pd.DataFrame, timezone: ZoneInfo) -> Instants:
    """Find the instants that wall clocks showed.

    A time that the change of clocks repeats has two instants; one that it skips has none, and is
    read as either clock would have gone on. Of the pairs of start and end, the one whose length
    agrees with the told duration is taken, if it is the only one.

    Args:
        walls: `start_s` and `end_s`, local seconds since 1970 (Int64, may be missing); `least_s`
            and `most_s`, between which the duration is told to be (Int64; missing when it is not).
        timezone: Where the wall clocks hang.
    """
    start, end = (_instants(walls[name], timezone) for name in ("start_s", "end_s"))
    open_ = (start.isna() & walls["start_s"].notna()) | (end.isna() & walls["end_s"].notna())
    settled = pd.Series(data=False, index=walls.index)
    for index, wall in walls[open_].iterrows():
        pairs = set(_pairs(wall, timezone))
        if len(pairs) == 1:
            settled[index] = True
            start[index], end[index] = pairs.pop()
    return Instants(start, end, settled, open_ & ~settled)


def _instants(wall_s: pd.Series, timezone: ZoneInfo) -> pd.Series:
    walls = pd.to_datetime(wall_s, unit="s").dt.as_unit("us")
    local = walls.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    return local.dt.tz_convert("UTC").astype(UTC_US)


def _pairs(wall: pd.Series, timezone: ZoneInfo) -> Iterator[tuple[datetime, datetime | None]]:
    for start in _readings(wall["start_s"], timezone):
        if pd.isna(wall["end_s"]):
            yield start, None
            continue
        for end in _readings(wall["end_s"], timezone):
            worked_s = (end - start) // timedelta(seconds=1)
            told = pd.notna(wall["least_s"])
            if worked_s >= 0 and (not told or wall["least_s"] <= worked_s <= wall["most_s"]):
                yield start, end


def _readings(wall_s: int, timezone: ZoneInfo) -> set[datetime]:
    wall = _EPOCH + timedelta(seconds=int(wall_s))
    return {wall.replace(tzinfo=timezone, fold=fold).astimezone(UTC) for fold in (0, 1)}
