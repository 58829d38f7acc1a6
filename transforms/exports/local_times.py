"""Converts local times of an export to instants, also in nights when the clocks change."""

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
        start: Missing if the local time is missing, or cannot be resolved.
        end: As *start*.
        settled: Rows whose instants only the duration could decide.
        doubtful: Rows whose instants cannot be decided.
    """

    start: pd.Series
    end: pd.Series
    settled: pd.Series
    doubtful: pd.Series


def to_instants(walls: pd.DataFrame, timezone: ZoneInfo) -> Instants:
    """Return the instants that wall clocks showed.

    When clocks change, a repeated time has two instants; a skipped one has none, and is read by
    both the old and the new offset. Of all pairs of start and end, the one that agrees with the
    written duration is taken, if there is only one.

    Args:
        walls: `start_s` and `end_s`, local seconds since 1970 (Int64, may be missing); `least_s`
            and `most_s`, the bounds of the written duration (Int64; missing without one).
        timezone: The time zone of the wall clocks.
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
