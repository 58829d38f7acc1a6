"""Cuts entries at midnight, so that each of their days gets its part.

A part that is longer than QuickBooks is to get is cut once more, at noon. A piece that is rounded
to nothing, or is too short, is no part of its own: the part beside it has its seconds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from schemas.part_ids import MOST_PARTS, part_id
from transforms.entries.local_days import workers_days
from transforms.plan.rounding import Rounding, rounded

#: Clockify's own integration sends nothing longer (FACTS, Clockify, section 8); nor do we.
LONGEST_S = (23 * 60 + 55) * 60

_SECOND = pd.Timedelta(seconds=1)


class Part(NamedTuple):
    """A part of an entry, in whole seconds since the entry's start.

    Attributes:
        from_s: Where it begins.
        until_s: Where it ends.
        day: The local day that it is booked on.
    """

    from_s: int
    until_s: int
    day: date


class SentPart(NamedTuple):
    """A part of an entry as it was sent.

    Attributes:
        entry_id: Its id.
        day: Its day, YYYY-MM-DD; `None` for the entry's own.
        minutes: As sent; `None` for what is left of the entry's time.
    """

    entry_id: str
    day: str | None
    minutes: int | None


def with_parts(
    entries: pd.DataFrame,
    zones: Mapping[str, str],
    timezone: ZoneInfo,
    rounding: Rounding,
    *,
    least_s: int = 0,
    whole: Collection[str] = (),
) -> pd.DataFrame:
    """Return entries with their parts in place of those that cross midnight or are too long.

    Args:
        entries: `TimeEntries`, with their `day`.
        zones: The names of users' time zones, by Clockify's ids.
        timezone: That of everybody else.
        rounding: How the whole is rounded; see `transforms.plan.rounding.minutes_by_part`.
        least_s: How long a part is at least.
        whole: Entries that are not to be cut.

    Returns:
        The same columns. What would have more than `MOST_PARTS` parts, and what is no finished
        work, stays whole.
    """
    entries = entries.reset_index(drop=True)
    candidates = _may_have_parts(entries, zones, timezone, rounding)
    candidates &= ~entries["entry_id"].isin(list(whole))
    rows: list[int] = []
    parts: list[tuple[Any, ...]] = []
    for entry in entries[candidates].itertuples():
        zone = ZoneInfo(zones.get(entry.user_id, timezone.key))
        is_enough = partial(_is_enough, rounding, least_s)
        for number, one in enumerate(_parts_of(entry, zone, rounding, is_enough), start=1):
            begin, end = (entry.start + second * _SECOND for second in (one.from_s, one.until_s))
            id_ = part_id(entry.entry_id, number)
            rows.append(entry.Index)
            parts.append((id_, begin, end, one.until_s - one.from_s, one.day.isoformat()))
    if not rows:
        return entries
    names = ["entry_id", "start", "end", "duration_s", "day"]
    dtypes = entries[names].dtypes.to_dict()
    cut = entries.loc[rows]
    made = pd.DataFrame(parts, columns=names, index=cut.index, dtype=object).astype(dtypes)
    cut = pd.concat([cut.drop(columns=names), made], axis="columns")[entries.columns]
    all_ = pd.concat([entries[~candidates], cut]).sort_index(kind="stable")
    return all_.reset_index(drop=True)


def as_sent(parts: pd.DataFrame, sent: Mapping[str, Sequence[SentPart]]) -> pd.DataFrame:
    """Return the parts with some entries as they were sent, whatever they say now.

    Args:
        parts: What `with_parts` returned, or whole entries.
        sent: The parts of each that are to be as they were sent, in their order, by its id.
    """
    mine = parts["entry_id"].isin(list(sent))
    if not mine.any():
        return parts
    rows = [_as_sent(entry, sent[str(id_)]) for id_, entry in parts[mine].groupby("entry_id")]
    cut = [frame.astype(parts.dtypes.to_dict()) for frame in rows]
    return pd.concat([parts[~mine], *cut]).sort_index(kind="stable").reset_index(drop=True)


def _as_sent(entry: pd.DataFrame, sent: Sequence[SentPart]) -> pd.DataFrame:
    sent_s, start = 60 * sum(part.minutes or 0 for part in sent), entry["start"].iloc[0]
    lasts_s = int(entry["duration_s"].fillna(sent_s).iloc[0])
    rest_s = max(0, lasts_s - sent_s)
    lengths = [rest_s if part.minutes is None else part.minutes * 60 for part in sent]
    ends = [*[min(until_s, lasts_s) for until_s in accumulate(lengths)][:-1], lasts_s]
    return pd.DataFrame(entry.loc[entry.index.repeat(len(sent))]).assign(
        entry_id=[part.entry_id for part in sent],
        day=[part.day or entry["day"].iloc[0] for part in sent],
        start=[start + second * _SECOND for second in [0, *ends[:-1]]],
        end=[start + second * _SECOND for second in ends],
        duration_s=[until_s - from_s for from_s, until_s in pairwise([0, *ends])],
    )


def _may_have_parts(
    entries: pd.DataFrame, zones: Mapping[str, str], timezone: ZoneInfo, rounding: Rounding
) -> pd.Series:
    """Return which entries end on another day than they begin, or are too long for one part."""
    duration_s = entries["duration_s"].fillna(0)
    is_work = duration_s.between(1, MOST_PARTS * 24 * 3600) & entries["end"].notna()
    is_work = (is_work & (entries["entry_type"] == "REGULAR")).astype(bool)
    worked = entries[is_work]
    last = worked["end"] - pd.Timedelta(microseconds=1)
    crosses = workers_days(last, worked["user_id"], zones, timezone) != worked["day"]
    is_long = (duration_s > LONGEST_S) | (rounded(duration_s, rounding) > LONGEST_S // 60)
    return is_work & (crosses.reindex(entries.index, fill_value=False) | is_long).astype(bool)


def _is_enough(rounding: Rounding, least_s: int, from_s: int, until_s: int) -> bool:
    """Whether a piece is a part of its own."""
    return rounded(until_s, rounding) > rounded(from_s, rounding) and until_s - from_s >= least_s


def _parts_of(
    entry: Any, zone: ZoneInfo, rounding: Rounding, is_enough: Callable[[int, int], bool]
) -> list[Part]:
    """Return the parts of an entry: the whole of it where it has only one, or too many."""
    whole = Part(0, entry.duration_s, date.fromisoformat(entry.day))
    parts: list[Part] = []
    from_s = 0
    for until_s, day in _days(entry, zone):
        if is_enough(from_s, until_s):
            parts.append(Part(from_s, until_s, day))
            from_s = until_s
    if not parts:
        return [whole]
    parts[-1] = parts[-1]._replace(until_s=entry.duration_s)
    halves = [half for one in parts for half in _at_noon(one, entry, zone, rounding, is_enough)]
    return halves if len(halves) <= MOST_PARTS else [whole]


def _days(entry: Any, zone: ZoneInfo) -> Iterator[tuple[int, date]]:
    """Yield each local day of an entry, and its end in seconds since the entry's start."""
    day = date.fromisoformat(entry.day)
    while (until_s := _seconds_to(entry, day + timedelta(days=1), time.min, zone)) < (
        entry.duration_s
    ):
        yield until_s, day
        day += timedelta(days=1)
    yield entry.duration_s, day


def _at_noon(
    part: Part,
    entry: Any,
    zone: ZoneInfo,
    rounding: Rounding,
    is_enough: Callable[[int, int], bool],
) -> Iterator[Part]:
    """Yield a part, or its two halves if it is too long, before or after it is rounded."""
    noon_s = _seconds_to(entry, part.day, time(12), zone)
    minutes = rounded(part.until_s, rounding) - rounded(part.from_s, rounding)
    is_long = part.until_s - part.from_s > LONGEST_S or minutes > LONGEST_S // 60
    if is_long and is_enough(part.from_s, noon_s) and is_enough(noon_s, part.until_s):
        yield part._replace(until_s=noon_s)
        yield part._replace(from_s=noon_s)
    else:
        yield part


def _seconds_to(entry: Any, day: date, clock: time, zone: ZoneInfo) -> int:
    """Return the whole seconds from an entry's start to a time of a day."""
    instant = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
    return int((pd.Timestamp(instant) - entry.start) // _SECOND)
