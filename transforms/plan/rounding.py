"""Seconds worked to minutes billed, entry by entry, in whole numbers only.

As in Clockify, each entry's duration is rounded on its own (FACTS, Clockify, section 5). That an
exact half goes up is our choice: Clockify does not say.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from schemas.part_ids import in_parts, whole_id

Mode = Literal["nearest", "up", "down"]

#: Words in which Clockify and people name the modes; only `Round to nearest` was seen on the wire.
_MODE_WORDS = {"nearest": "nearest", "up": "up", "down": "down"}


@dataclass(frozen=True)
class Rounding:
    """To a multiple of *step_min* minutes, in one direction.

    Attributes:
        mode: `nearest` sends an exact half up, as an invoice reader would.
        step_min: Length of a step in minutes, e.g. 15 for quarter hours. QuickBooks knows no
            seconds here, so "no rounding" is a step of one minute, to the nearest.
    """

    mode: Mode = "nearest"
    step_min: int = 1

    def __str__(self) -> str:
        return "none" if self == NO_ROUNDING else f"{self.mode}:{self.step_min}"


NO_ROUNDING = Rounding()


def parse_rounding(text: str) -> Rounding:
    """Read a rounding as people write it.

    Raises:
        ValueError: It is not `none`, nor a mode and a whole number of minutes above 0.

    Examples:
        >>> parse_rounding("up:6")
        Rounding(mode='up', step_min=6)
        >>> parse_rounding("none") == NO_ROUNDING
        True
    """
    if text.strip().lower() == "none":
        return NO_ROUNDING
    match = re.fullmatch(r"\s*(nearest|up|down)\s*:\s*([0-9]{1,4})\s*", text.lower())
    if match is None or int(match[2]) == 0:
        raise ValueError(
            f"{text!r} is not a valid rounding. Write nearest:15, up:6, down:30 (any whole number"
            " of minutes), or none."
        )
    return Rounding(cast("Mode", match[1]), int(match[2]))


def workspace_rounding(in_reports: bool, mode: str, minutes: str) -> Rounding:  # noqa: FBT001 - the setting's own type
    """Read a workspace's own rounding.

    Args:
        in_reports: `workspaceSettings.timeRoundingInReports`.
        mode: `workspaceSettings.round.round`, e.g. `Round to nearest`; the spelling of the other
            two modes was never seen, so a word of any case decides.
        minutes: `workspaceSettings.round.minutes`, a whole number as text.

    Raises:
        ValueError: The workspace rounds, but in a way that cannot be read.
    """
    if not in_reports:
        return NO_ROUNDING
    words = [
        _MODE_WORDS[word] for word in re.findall(r"[a-z]+", mode.lower()) if word in _MODE_WORDS
    ]
    if len(words) != 1 or not re.fullmatch(r"[0-9]{1,4}", minutes.strip()) or int(minutes) == 0:
        raise ValueError(
            f"the workspace rounds time in a way that Clockbooks does not support ({mode!r},"
            f" {minutes!r} minutes). Set --rounding, e.g. nearest:15, up:6 or none."
        )
    return Rounding(cast("Mode", words[0]), int(minutes))


def billed_minutes(duration_s: pd.Series, rounding: Rounding) -> pd.Series:
    """Round durations to whole steps.

    Args:
        duration_s: Worked time in seconds (Int64), one row per entry; empty while a timer runs.
        rounding: The direction and the step.

    Returns:
        Billed minutes (Int64), with the index of *duration_s*; empty where it is.

    Examples:
        >>> quarters = Rounding("nearest", 15)
        >>> billed_minutes(pd.Series([449, 450, 3600], dtype="Int64"), quarters).tolist()
        [0, 15, 60]
        >>> billed_minutes(pd.Series([29, 30], dtype="Int64"), NO_ROUNDING).tolist()
        [0, 1]
    """
    return rounded(duration_s, rounding).rename("minutes")


def rounded(duration_s: Any, rounding: Rounding) -> Any:
    """Round a number of seconds, or a column of them, to minutes; see `billed_minutes`."""
    step_s = rounding.step_min * 60
    shift_s = {"down": 0, "nearest": step_s // 2, "up": step_s - 1}[rounding.mode]
    return (duration_s + shift_s) // step_s * rounding.step_min


def minutes_by_part(entries: pd.DataFrame, rounding: Rounding) -> pd.Series:
    """Round durations so that the parts of an entry add up to what the whole is rounded to.

    Each part has what the entry is rounded to up to its end, less what the parts before it have.

    Args:
        entries: `entry_id` and `duration_s`; the parts of an entry in their order.
        rounding: The direction and the step.

    Returns:
        Billed minutes (Int64), with the index of *entries*; those of `billed_minutes` for an entry
        without parts.
    """
    minutes = billed_minutes(entries["duration_s"], rounding)
    is_part = in_parts(entries["entry_id"])
    parts = entries[is_part]
    until_s = parts["duration_s"].groupby(parts["entry_id"].map(whole_id)).cumsum()
    minutes[is_part] = rounded(until_s, rounding) - rounded(until_s - parts["duration_s"], rounding)
    return minutes


def minutes_by_day(entries: pd.DataFrame, rounding: Rounding) -> pd.Series:
    """Round durations so that each person's day on a project adds up as if it were rounded once.

    By largest remainders: each entry is rounded down, and those that lose most by that get a step
    more, as many as the rounded sum wants. What was sent keeps its minutes, and the others make up
    for it as far as a step each allows. Running timers, and what is no work, are rounded alone.

    Args:
        entries: `entry_id`, `user_id`, `project_id`, `date`, `start`, `duration_s`, `entry_type`;
            `sent_minutes` where an entry was sent.
        rounding: The direction in which sums are rounded, and the step.

    Returns:
        Billed minutes (Int64), with the index of *entries*.
    """
    step_s, whose = rounding.step_min * 60, ["user_id", "project_id", "date"]
    duration_s, sent = entries["duration_s"], entries["sent_minutes"]
    rows = entries[[*whose, "start", "entry_id", "duration_s"]].assign(
        is_open=sent.isna(),
        rest_s=duration_s % step_s,
        least=(duration_s // step_s * rounding.step_min).where(sent.isna(), sent),
    )
    rows = rows[duration_s.notna() & (entries["entry_type"] == "REGULAR")]
    rows = rows.sort_values(["rest_s", "start", "entry_id"], ascending=[False, True, True])
    days = rows.groupby(whose, dropna=False)
    wanted = billed_minutes(days["duration_s"].transform("sum"), rounding)
    missing = wanted - days["least"].transform("sum")
    more = rows["is_open"] & (days["is_open"].cumsum() * rounding.step_min <= missing)
    shared = rows["least"] + more.astype("Int64") * rounding.step_min
    return shared.reindex(entries.index).fillna(billed_minutes(duration_s, rounding))
