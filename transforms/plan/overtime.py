"""Divides workweeks into regular hours, overtime and double time, to the minute.

A person's minutes count in the order in which their entries begin. What is over a day's limit is
overtime by the day, and does not count toward the week's limit again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from schemas.part_ids import MOST_PARTS, part_id, whole_id
from schemas.words import Hours
from transforms.plan.parts import LONGEST_S

#: More minutes than anybody has.
_NEVER = 10**9

#: Minutes of a day that are regular, or no double time yet; and of a week that are regular.
_LIMITS = {
    "weekly": (_NEVER, _NEVER, 40 * 60),
    "daily": (8 * 60, 12 * 60, _NEVER),
    "both": (8 * 60, 12 * 60, 40 * 60),
}

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SECOND = pd.Timedelta(seconds=1)


@dataclass(frozen=True)
class Overtime:
    """By which limits hours are told apart.

    Attributes:
        limits: `weekly`, `daily` or `both`.
        begins: The first day of the workweek, such as `sunday`.
    """

    limits: str
    begins: str

    def __str__(self) -> str:
        return f"{self.limits} {self.begins}"

    @property
    def kinds(self) -> tuple[Hours, ...]:
        """The kinds of hours that there are besides regular ones."""
        return (Hours.OVERTIME, Hours.DOUBLE_TIME)[: 1 if self.limits == "weekly" else 2]

    def week_of(self, day: str) -> str:
        """Return the first day of a day's workweek, both YYYY-MM-DD.

        Examples:
            >>> Overtime("weekly", "sunday").week_of("2026-09-26")
            '2026-09-20'
        """
        one = date.fromisoformat(day)
        return (one - timedelta(days=(one.weekday() - DAYS.index(self.begins)) % 7)).isoformat()

    def weeks(self, first: str, last: str) -> tuple[str, str]:
        """Return the first and the last day of the workweeks that some days are in."""
        end = date.fromisoformat(self.week_of(last)) + timedelta(days=6)
        return self.week_of(first), end.isoformat()


def divided(time: pd.DataFrame, overtime: Overtime) -> pd.DataFrame:
    """Return how many minutes of each row are of each kind.

    Args:
        time: All of some people's workweeks: `person`, `day`, `start`, `entry_id` and `minutes`.
        overtime: The limits.

    Returns:
        A column for each of `Hours`, with the index of *time*. In a row, regular minutes come
        first, and double time last.
    """
    regular_min, overtime_min, week_min = _LIMITS[overtime.limits]
    rows = time.sort_values(["start", "entry_id", "day"])
    minutes, person, day = rows["minutes"].astype("int64"), rows["person"], rows["day"]
    weeks = {one: overtime.week_of(one) for one in day.unique()}
    in_day = minutes.groupby([person, day]).cumsum()
    straight = _share(in_day, minutes, regular_min)
    in_week = straight.groupby([person, day.map(weeks)]).cumsum()
    regular = _share(in_week, straight, week_min)
    double = minutes - _share(in_day, minutes, overtime_min)
    found = {Hours.REGULAR: regular, Hours.OVERTIME: minutes - regular - double}
    return pd.DataFrame(found | {Hours.DOUBLE_TIME: double}).reindex(time.index)


def _share(until: pd.Series, minutes: pd.Series, limit: Any) -> pd.Series:
    """Return how many of a row's minutes, the last of which is *until*, are within a limit."""
    return until.clip(upper=limit) - (until - minutes).clip(upper=limit)


def where_paid_alike(hours: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Return the minutes of what `divided` returned by what the rules tell apart.

    Overtime that is paid as regular time counts as that, and double time as overtime. A row of
    which all kinds are paid alike is left out: it never has overtime.

    Args:
        hours: The minutes of each row.
        rules: The number of the rule that decides about each kind of them, 0 for none.
    """
    no_overtime = rules[Hours.OVERTIME] == rules[Hours.REGULAR]
    no_double = rules[Hours.DOUBLE_TIME] == rules[Hours.OVERTIME]
    regular, more, double = (hours[kind] for kind in Hours)
    more = more.where(~no_double, more + double)
    double = double.where(~no_double, 0)
    merged = pd.DataFrame(
        {
            Hours.REGULAR: regular.where(~no_overtime, regular + more),
            Hours.OVERTIME: more.where(~no_overtime, 0),
            Hours.DOUBLE_TIME: double,
        }
    )
    return merged[~(no_overtime & no_double)]


def with_hours(
    entries: pd.DataFrame, minutes: pd.Series, hours: pd.DataFrame, *, whole: Collection[str] = ()
) -> pd.DataFrame:
    """Return entries with parts in place of those that have hours of several kinds.

    Args:
        entries: `TimeEntries` with their `day`; the parts of an entry in their order.
        minutes: Their rounded minutes.
        hours: The minutes of each kind, by `entry_id` of the whole and `day`.
        whole: Entries that are not to be cut.

    Returns:
        The same columns, and two more: `hours`, the kind of them, missing where none is known, and
        `cut_minutes`, the minutes of what was cut. What is too long is not cut, and what would have
        more parts than `MOST_PARTS` is whole again: no send takes either.
    """
    entries = entries.reset_index(drop=True)
    wholes, minutes = entries["entry_id"].map(whole_id), minutes.reset_index(drop=True).fillna(0)
    until = minutes.groupby([wholes, entries["day"]]).cumsum()
    keys = pd.MultiIndex.from_arrays([wholes, entries["day"]])
    of_day = hours.reindex(keys).set_axis(entries.index)
    is_known = of_day[Hours.REGULAR].notna()
    regular, more, double = (of_day[kind].fillna(0).astype("int64") for kind in Hours)
    # What was rounded otherwise by now is of the last kind.
    in_regular = _share(until, minutes, regular.where(more + double > 0, _NEVER))
    in_both = _share(until, minutes, (regular + more).where(double > 0, _NEVER))
    of_kinds = (in_regular, in_both - in_regular, minutes - in_both)
    found = pd.DataFrame(dict(zip(Hours, of_kinds, strict=True)))
    number = (found > 0).sum(axis="columns")
    kind = found.gt(0).idxmax(axis="columns").astype("str")
    cut = is_known & (number > 1) & ~wholes.isin(list(whole))
    cut &= ((entries["duration_s"] <= LONGEST_S) & (minutes <= LONGEST_S // 60)).fillna(value=False)
    labelled = entries.assign(
        hours=kind.where(is_known & (number == 1), None),
        cut_minutes=pd.Series(pd.NA, index=entries.index, dtype="Int64"),
    )
    if not cut.any():
        return labelled
    concerned = wholes.isin(set(wholes[cut]))
    found = found.where(cut, 0)
    units = [
        _parts(labelled.loc[rows.index], found) for _, rows in wholes[concerned].groupby(wholes)
    ]
    made = [unit.astype(labelled.dtypes.to_dict()) for unit in units]
    every = pd.concat([labelled[~concerned], *made]).sort_index(kind="stable")
    return every.reset_index(drop=True)


def _parts(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of one entry, cut where there are minutes of several kinds."""
    whole = whole_id(rows["entry_id"].iloc[0])
    pieces = [
        (index, piece)
        for index, row in rows.to_dict("index").items()
        for piece in _pieces(row, found.loc[index])
    ]
    if len(pieces) > MOST_PARTS:
        end, lasts_s = rows["end"].iloc[-1], rows["duration_s"].sum()
        again = {"entry_id": whole, "end": end, "duration_s": lasts_s, "hours": None}
        return rows.iloc[:1].assign(**again)
    parts = [
        piece | {"entry_id": part_id(whole, number)}
        for number, (_, piece) in enumerate(pieces, start=1)
    ]
    return pd.DataFrame(parts, index=[index for index, _ in pieces], columns=rows.columns)


def _pieces(row: dict[Any, Any], found: pd.Series) -> Iterator[dict[Any, Any]]:
    """Yield a row's pieces one after another, each as long as it is booked if it lasts so long."""
    kinds = [(str(kind), int(minutes)) for kind, minutes in found.items() if minutes > 0]
    lasts_s, from_s, until_s = int(row["duration_s"]), 0, 0
    for kind, minutes in kinds:
        until_s = min(lasts_s, until_s + minutes * 60) if kind != kinds[-1][0] else lasts_s
        begin, end = (row["start"] + second * _SECOND for second in (from_s, until_s))
        piece = {"start": begin, "end": end, "duration_s": until_s - from_s}
        yield row | piece | {"hours": kind, "cut_minutes": minutes}
        from_s = until_s
    if not kinds:
        yield row


def in_words(hours: pd.Series) -> str:
    """Return minutes of some kinds, as people read them.

    Examples:
        >>> in_words(pd.Series({"regular": 240, "overtime": 0, "double_time": 90}))
        '4 h regular and 1 h 30 min double time'
    """
    return " and ".join(
        f"{_length(int(minutes))} {str(kind).replace('_', ' ')}"
        for kind, minutes in hours.items()
        if minutes
    )


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))
