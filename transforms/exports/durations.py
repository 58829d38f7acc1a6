"""Reads day, start, end and duration of an export's rows.

The duration is end minus start; columns of durations are compared with it. Without an end, or
without times of day, the duration comes from those columns.
"""

from dataclasses import dataclass
from shlex import quote
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from schemas.exports import DateOrder
from schemas.frames import UTC_US
from transforms.exports.cells import (
    SLACK_S,
    Mark,
    decimal_mark,
    number_wanted,
    read_duration,
    read_each,
    read_time,
)
from transforms.exports.chunk import Cells
from transforms.exports.date_order import in_words, read_day, split_date
from transforms.exports.local_times import Instants, to_instants

_DAY_S = 86_400
_DAY_OF_1970 = 719_163

#: How many seconds a time may be later than it looks when only its minute is shown.
_BELOW_A_MINUTE_S = 59


@dataclass(frozen=True)
class Writing:
    """How the file writes days and numbers, as concluded from the whole file.

    Attributes:
        order: The order of day, month and year.
        mark: The decimal mark; `None` if nothing in the file shows it.
        spreadsheet: Whether a bare number is a fraction of a day, and not a time of day.
    """

    order: DateOrder
    mark: Mark | None
    spreadsheet: bool = False


def read_times(cells: Cells, writing: Writing, timezone: ZoneInfo) -> pd.DataFrame:
    """Read the columns of `ExportEntries` that are about time; faults and notes go to *cells*.

    Returns:
        start, end, day, duration_s, has_clock, start_local, end_local and precision_s; missing
        where a row has a fault.
    """
    start = _moment(cells, "start", writing)
    end = _moment(cells, "end", writing)
    cells.fault(cells.text("start_date") == "", "start_date", "The day is missing. Add it.")
    told = {name: _told(cells, name, writing) for name in ("duration", "hours") if cells.has(name)}
    walls = _walls(cells, start, end)
    by_clock = walls["end_s"].notna() & walls["start_s"].notna()
    best = _most_exact(cells, told)
    _require_length(cells, start, end, best, writing.mark)
    walls = walls.join(_told_bounds(best, start, end))
    instants = to_instants(walls, timezone)
    _tell_of_clock_changes(cells, instants, timezone)
    worked_s = _worked(cells, instants)
    duration_s = worked_s.where(by_clock, _whole_minutes(best))
    _compare(cells, told, duration_s.where(~instants.doubtful), _clock_slack(start, end, best))
    computed_end = instants.start + pd.to_timedelta(duration_s, unit="s").astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "start": instants.start,
            "end": instants.end.where(by_clock, computed_end).astype(UTC_US),
            "day": _as_text((start["day"] - _DAY_OF_1970) * _DAY_S, length=10),
            "duration_s": duration_s,
            "has_clock": walls["start_s"].notna(),
            "start_local": _as_shown(walls["start_s"], start["precision_s"]),
            "end_local": _as_shown(walls["end_s"], end["precision_s"]),
            "precision_s": _precision(start, end, best),
        }
    )


def _moment(cells: Cells, side: str, writing: Writing) -> pd.DataFrame:
    """Read `start` or `end` as day (ordinal), time_s after midnight and precision_s (1 or 60)."""
    days, times = cells.text(f"{side}_date"), cells.text(f"{side}_time")
    day = read_each(days, lambda text: _ordinal(text, writing.order))
    cells.fault(
        day.isna() & (days != ""),
        f"{side}_date",
        f"This is not a date from 1990 to 2100, written as {in_words(writing.order)}. Correct it.",
    )
    bare = times.map(decimal_mark).notna() & writing.spreadsheet
    cells.fault(
        bare,
        f"{side}_time",
        "This is a bare number, which in a spreadsheet is a fraction of a day. Format the cell as a"
        " time, such as 15:00, and check it.",
    )
    if (times == "").any():  # the time may be in the date's cell
        times = times.where(times != "", read_each(days, _time_within, dtype="str").fillna(""))
    time_s = read_each(times, lambda text: (read_time(_time_text(text)) or (None,))[0]).mask(bare)
    precision_s = read_each(times, lambda text: (read_time(_time_text(text)) or (0, None))[1])
    cells.fault(
        time_s.isna() & (times != "") & ~bare,
        cells.first_of(f"{side}_time", f"{side}_date"),
        "This is not a time of day. Write it like 15:00 or 3:00 PM.",
    )
    return pd.DataFrame({"day": day, "time_s": time_s, "precision_s": precision_s, "text": times})


def _ordinal(text: str, order: DateOrder) -> int | None:
    day = read_day(text, order)
    return day.toordinal() if day else None


def _time_within(text: str) -> str | None:
    parts = split_date(text)
    return parts[3] if parts else None


def _time_text(text: str) -> str:
    """Return the time of a cell that may have a date before it."""
    return _time_within(text) or text


def _told(cells: Cells, name: str, writing: Writing) -> pd.DataFrame:
    """Read a column of durations: s, and slack_s, how exact the text is."""
    bare_hours = name == "hours" or cells.format.durations_are_hours

    def read(text: str) -> tuple[int, str] | None:
        return read_duration(text, writing.mark, bare_hours=bare_hours)

    texts = cells.text(name)
    return pd.DataFrame(
        {
            "s": read_each(texts, lambda text: (read(text) or (None,))[0]),
            "slack_s": read_each(texts, lambda text: SLACK_S.get((read(text) or (0, ""))[1])),
            "unreadable": read_each(
                texts, lambda text: bool(text) and not read(text), dtype="bool"
            ),
        }
    )


def _most_exact(cells: Cells, told: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the duration that is written most exactly: s, slack_s."""
    best = pd.DataFrame({"s": cells.all(None, "Int64"), "slack_s": cells.all(None, "Int64")})
    for column in told.values():
        better = column["s"].notna() & (
            best["s"].isna() | (column["slack_s"] < best["slack_s"]).fillna(value=False)
        )
        best = best.mask(better, column[["s", "slack_s"]])
    return best


def _whole_minutes(best: pd.DataFrame) -> pd.Series:
    """Replace a rounded duration by the whole minute that it may be: 0.17 h by 10 minutes."""
    minutes_s = (best["s"] + 30) // 60 * 60
    return best["s"].mask((minutes_s - best["s"]).abs() <= best["slack_s"], minutes_s)


def _require_length(
    cells: Cells, start: pd.DataFrame, end: pd.DataFrame, best: pd.DataFrame, mark: Mark | None
) -> None:
    """Report rows with neither an end nor a duration, and note those that lack only the end."""
    no_start, no_end = start["text"] == "", end["text"] == ""
    lacking = (no_start | no_end) & best["s"].isna()
    for name in ("duration", "hours"):
        told = lacking & (cells.text(name) != "")
        if name == "duration" and cells.has(name) and not cells.format.durations_are_hours:
            column = cells.format.column(name)
            bare = told & cells.text(name).map(decimal_mark).notna()
            hours = f"; if it is hours, say so with --map {quote(f'{column}=hours')}"
            cells.fault(
                bare,
                name,
                "This is a bare number, and the column's name does not say hours. Write 1:30:00"
                f" or 1:30{'' if cells.format.durations_are_shorter else hours}.",
            )
            told &= ~bare
        cells.fault(
            told,
            name,
            f"This is not a duration. Write 1:30:00, 1:30 or hours. {number_wanted(mark)}",
        )
        lacking &= cells.text(name) == ""
    where = cells.first_of("end_time", "duration", "hours", "end_date")
    cells.fault(lacking & ~no_start, where, "The end is missing. Stop the timer and export again.")
    cells.fault(lacking & no_start, where, "The row does not say how long the work took. Add it.")
    clock_lacking = (cells.has("start_time") & no_start) | (cells.has("end_time") & no_end)
    cells.note(
        clock_lacking & best["s"].notna(),
        "no_clock",
        "The start or the end is missing, so the duration was used.",
    )


def _walls(cells: Cells, start: pd.DataFrame, end: pd.DataFrame) -> pd.DataFrame:
    """Return start_s and end_s, in seconds of the wall clock since 1970."""
    start_s = (start["day"] - _DAY_OF_1970) * _DAY_S + start["time_s"]
    same_day = cells.text("end_date") == ""
    end = end.mask(start_s.isna())  # an end alone bounds nothing
    end_day = end["day"].mask(same_day, start["day"])
    end_s = (end_day - _DAY_OF_1970) * _DAY_S + end["time_s"]
    over_midnight = same_day & (end_s < start_s).fillna(value=False)
    cells.note(
        over_midnight,
        "over_midnight",
        "The end has no date and is earlier than the start, so it was read as on the next day.",
    )
    return pd.DataFrame({"start_s": start_s, "end_s": end_s.mask(over_midnight, end_s + _DAY_S)})


def _hidden_s(moment: pd.DataFrame) -> pd.Series:
    """Return how many seconds later a moment may be than it is shown."""
    return (moment["precision_s"] == 60).fillna(value=False).astype("Int64") * _BELOW_A_MINUTE_S


def _told_bounds(best: pd.DataFrame, start: pd.DataFrame, end: pd.DataFrame) -> pd.DataFrame:
    """Return the bounds that the written duration sets for shown end minus shown start."""
    return pd.DataFrame(
        {
            "least_s": best["s"] - best["slack_s"] - _hidden_s(end),
            "most_s": best["s"] + best["slack_s"] + _hidden_s(start),
        }
    )


def _clock_slack(start: pd.DataFrame, end: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Return by how much the true duration may be shorter or longer."""
    by_clock = end["time_s"].notna()
    return pd.DataFrame(
        {
            "less_s": _hidden_s(start).where(by_clock, best["slack_s"]),
            "more_s": _hidden_s(end).where(by_clock, best["slack_s"]),
        }
    )


def _worked(cells: Cells, instants: Instants) -> pd.Series:
    worked_s = ((instants.end - instants.start) // pd.Timedelta(seconds=1)).astype("Int64")
    cells.fault(
        (worked_s < 0).fillna(value=False),
        cells.first_of("end_time", "end_date"),
        "The end is before the start. Correct one of them.",
    )
    return worked_s


def _tell_of_clock_changes(cells: Cells, instants: Instants, timezone: ZoneInfo) -> None:
    cells.note(
        instants.settled,
        "clock_change",
        f"The clocks in {timezone.key} changed that night. Only one moment agrees with the rest of"
        " the row; it was used.",
    )
    cells.fault(
        instants.doubtful,
        cells.first_of("start_time", "start_date"),
        f"The clocks in {timezone.key} changed that night: the start or the end occurs twice or not"
        " at all, and the duration does not show which one is meant. Give the time zone of the"
        " export with --timezone, or change the time in the file.",
    )


def _compare(
    cells: Cells, told: dict[str, pd.DataFrame], duration_s: pd.Series, slack: pd.DataFrame
) -> None:
    """Note written durations that differ from the one used by more than rounding explains."""
    for name, column in told.items():
        differs = (column["s"] + column["slack_s"] < duration_s - slack["less_s"]) | (
            column["s"] - column["slack_s"] > duration_s + slack["more_s"]
        )
        cells.note(
            differs.fillna(value=False),
            f"other_{name}",
            f"{cells.format.column(name)!r} differs from the duration that was used (end minus"
            " start, if the row has both). Perhaps the report was exported with rounding on.",
        )
        cells.note(
            column["unreadable"] & duration_s.notna(),
            f"unreadable_{name}",
            f"{cells.format.column(name)!r} could not be read, but was not needed.",
        )


def _precision(start: pd.DataFrame, end: pd.DataFrame, best: pd.DataFrame) -> pd.Series:
    """Return 60 where the start, the end or the duration in use lacks its seconds, else 1."""
    coarse = (start["precision_s"] == 60).fillna(value=False) | (
        (end["precision_s"] == 60).fillna(value=False)
    )
    coarse |= end["time_s"].isna() & (best["slack_s"] > 0).fillna(value=False)
    return coarse.astype("Int64") * 59 + 1


def _as_shown(wall_s: pd.Series, precision_s: pd.Series) -> pd.Series:
    minutes = (precision_s == 60).fillna(value=False)
    return _as_text(wall_s, length=19).mask(minutes, _as_text(wall_s, length=16))


def _as_text(wall_s: pd.Series, *, length: int) -> pd.Series:
    """Format seconds since 1970 in ISO 8601: day (10 characters), minute (16) or second (19)."""
    moments = wall_s.fillna(0).to_numpy(dtype="datetime64[s]")
    units: dict[int, Literal["D", "m", "s"]] = {10: "D", 16: "m", 19: "s"}
    texts = np.datetime_as_string(moments, unit=units[length])
    return pd.Series(texts, index=wall_s.index, dtype="str").mask(wall_s.isna())
