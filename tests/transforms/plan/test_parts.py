"""Entries that cross midnight, cut into parts: rules for all of them, and the edges."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.part_ids import MOST_PARTS, later_ids, part_id, part_number, whole_id
from transforms.entries.local_days import local_days
from transforms.plan.parts import LONGEST_S, SentPart, as_sent, with_parts
from transforms.plan.rounding import NO_ROUNDING, Rounding, billed_minutes, minutes_by_part

CHICAGO = ZoneInfo("America/Chicago")

#: Zones that change their clocks: by an hour, by half of one, at midnight, and none.
ZONES = [
    "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana",
    "America/Santiago", "Asia/Beirut", "Asia/Kolkata", "Pacific/Kiritimati",
]  # fmt: skip

starts = st.integers(0, 8 * 366 * 86_400).map(
    lambda second: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)
lengths = st.integers(1, 60) | st.integers(1, 3 * 86_400) | st.integers(1, 40 * 86_400)
zones = st.sampled_from(ZONES).map(ZoneInfo)
roundings = st.builds(
    Rounding,
    mode=st.sampled_from(["nearest", "up", "down"]),
    step_min=st.sampled_from([1, 6, 15, 60, 480, 1440]),
)


@pytest.fixture(scope="session")
def cut(entries):
    """Return a function that cuts one entry, with what was cut."""

    def made(start, lasts_s, zone=CHICAGO, rounding=NO_ROUNDING, zones=(), **more):
        ends = {"end": start + timedelta(seconds=lasts_s), "duration_s": lasts_s}
        own = zones["u1"] if zones else zone.key
        whole = entries({"start": start, **ends, **more})
        whole["day"] = local_days(whole["start"], ZoneInfo(own))
        return whole, with_parts(whole, dict(zones), zone, rounding)

    return made


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


def shown(parts, rounding=NO_ROUNDING):
    """Return id, day and minutes of each part."""
    minutes = minutes_by_part(parts, rounding)
    return list(zip(parts["entry_id"], parts["day"], minutes, strict=True))


@given(starts, lengths, zones, roundings)
def test_parts_add_up_to_their_entry(cut, start, lasts_s, zone, rounding):
    """In seconds, and in minutes after rounding; none is empty unless the whole is."""
    whole, parts = cut(start, lasts_s, zone, rounding)
    minutes = minutes_by_part(parts, rounding)

    assert parts["duration_s"].sum() == lasts_s
    assert minutes.sum() == billed_minutes(whole["duration_s"], rounding).sum()
    assert len(parts) == 1 or (minutes > 0).all()


@given(starts, lengths, zones, roundings)
def test_parts_follow_each_other_on_their_days(cut, start, lasts_s, zone, rounding):
    """Without a gap, in the order of their ids; each ends on the day that it is booked on."""
    whole, parts = cut(start, lasts_s, zone, rounding)
    last = parts["end"] - pd.Timedelta(seconds=1)

    assert parts["start"].iloc[0] == whole["start"].iloc[0]
    assert parts["end"].iloc[-1] == whole["end"].iloc[0]
    assert parts["start"].iloc[1:].tolist() == parts["end"].iloc[:-1].tolist()
    assert parts["entry_id"].tolist() == ["e1", *later_ids("e1")][: len(parts)]
    if len(parts) > 1:
        # The last one may have some seconds of another day, too few to be booked on it.
        assert parts["day"].tolist()[:-1] == local_days(last, zone).tolist()[:-1]
        assert parts["day"].is_monotonic_increasing
    others = parts.columns.difference(["entry_id", "start", "end", "duration_s", "day"])
    assert len(parts[others].drop_duplicates()) == 1


@given(starts, lengths, zones)
def test_no_part_is_longer_than_quickbooks_is_to_get(cut, start, lasts_s, zone):
    """Before and after rounding; only what would have too many parts stays whole."""
    rounding = Rounding("up", 15)
    _, parts = cut(start, lasts_s, zone, rounding)

    if len(parts) > 1 or lasts_s < 14 * 86_400:
        assert (parts["duration_s"] <= LONGEST_S).all()
        assert (minutes_by_part(parts, rounding) <= LONGEST_S // 60).all()
    assert len(parts) <= MOST_PARTS


@given(starts, st.integers(0, LONGEST_S - 900), zones, roundings)
def test_an_entry_within_its_day_stays_whole(cut, start, lasts_s, zone, rounding):
    """It keeps its id, its minutes and all else."""
    whole, parts = cut(start, lasts_s, zone, rounding)
    end = whole["end"] - pd.Timedelta(seconds=1)
    if lasts_s and local_days(end, zone).tolist() != whole["day"].tolist():
        return
    if billed_minutes(whole["duration_s"], rounding).iloc[0] > LONGEST_S // 60:
        return
    pd.testing.assert_frame_equal(parts, whole)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-09-21 22:00", 8, [("2026-09-21", 120), ("2026-09-22", 360)]),
        # Clocks go forward at 2:00, and back at 2:00.
        ("2026-03-07 22:00", 8, [("2026-03-07", 120), ("2026-03-08", 360)]),
        ("2026-10-31 22:00", 8, [("2026-10-31", 120), ("2026-11-01", 360)]),
        # Days of 24, 23 and 25 hours are too long, or not.
        ("2026-09-21 00:00", 24, [("2026-09-21", 720), ("2026-09-21", 720)]),
        ("2026-03-08 00:00", 23, [("2026-03-08", 1380)]),
        ("2026-11-01 00:00", 25, [("2026-11-01", 780), ("2026-11-01", 720)]),
        (
            "2026-03-07 12:00",
            48,
            [("2026-03-07", 720), ("2026-03-08", 1380), ("2026-03-09", 780)],
        ),
    ],
)
def test_where_entries_are_cut(cut, start, hours, expected):
    """At the connection's midnight, whatever its clocks do; at noon what is too long."""
    _, parts = cut(at(start), hours * 3600)

    assert [row[1:] for row in shown(parts)] == expected


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (NO_ROUNDING, [("e1", "2026-09-21", 5), ("e1/2", "2026-09-22", 241)]),
        (Rounding("nearest", 15), [("e1", "2026-09-22", 240)]),
        (Rounding("up", 15), [("e1", "2026-09-21", 15), ("e1/2", "2026-09-22", 240)]),
        (Rounding("down", 480), [("e1", "2026-09-21", 0)]),
    ],
)
def test_rounding_is_of_the_whole(cut, rounding, expected):
    """What rounds to nothing on its day is with the part beside it."""
    _, parts = cut(at("2026-09-21 23:55"), 246 * 60, rounding=rounding)

    assert shown(parts, rounding) == expected


def test_a_workers_zone_decides_where_days_do(cut):
    """Six in the evening in Chicago is eight hours from midnight in Honolulu's day."""
    _, parts = cut(at("2026-09-21 18:00"), 8 * 3600, zones={"u1": "Pacific/Honolulu"})
    assert shown(parts) == [("e1", "2026-09-21", 480)]
    _, parts = cut(at("2026-09-21 18:00"), 12 * 3600, zones={"u1": "Pacific/Honolulu"})
    assert shown(parts) == [("e1", "2026-09-21", 660), ("e1/2", "2026-09-22", 60)]


@pytest.mark.parametrize(
    "more",
    [{"entry_type": "HOLIDAY"}, {"entry_type": "BREAK"}, {"duration_s": None, "end": None}],
)
def test_what_is_no_finished_work_stays_whole(cut, more):
    """Holidays, breaks and running timers."""
    whole, parts = cut(at("2026-09-21 22:00"), 8 * 3600, **more)

    pd.testing.assert_frame_equal(parts, whole)


def test_parts_stand_in_the_place_of_their_entry(entries):
    """Between the entries before and after it."""
    night, hour = timedelta(hours=8), timedelta(hours=1)
    rows = [
        {"entry_id": id_, "start": at(start), "end": at(start) + lasts, "duration_s": lasts.seconds}
        for id_, start, lasts in (
            ("a", "2026-09-21 21:00", hour),
            ("b", "2026-09-21 22:00", night),
            ("c", "2026-09-21 22:30", hour),
        )
    ]
    whole = entries(*rows)
    whole["day"] = local_days(whole["start"], CHICAGO)
    parts = with_parts(whole, {}, CHICAGO, NO_ROUNDING)

    assert parts["entry_id"].tolist() == ["a", "b", "b/2", "c"]
    assert parts.dtypes.to_dict() == whole.dtypes.to_dict()
    assert [whole_id(id_) for id_ in parts["entry_id"]] == ["a", "b", "b", "c"]
    assert [part_number(id_) for id_ in parts["entry_id"]] == [1, 1, 2, 1]


@given(starts, st.integers(1, 5 * 86_400), zones, st.sampled_from([1, 15, 60]))
def test_parts_that_are_rounded_by_the_day_are_a_step_long(entries, start, lasts_s, zone, step_min):
    """So that none of them is rounded to nothing on its day, whatever else the day has."""
    end = start + timedelta(seconds=lasts_s)
    whole = entries({"start": start, "end": end, "duration_s": lasts_s})
    whole["day"] = local_days(whole["start"], zone)
    rounding = Rounding("nearest", step_min)
    parts = with_parts(whole, {}, zone, rounding, least_s=step_min * 60)

    assert parts["duration_s"].sum() == lasts_s
    assert len(parts) == 1 or (parts["duration_s"] >= step_min * 60).all()


@given(st.lists(st.integers(1, 1440), min_size=2, max_size=6), st.none() | st.integers(1, 10_000))
def test_parts_are_shown_as_they_were_sent(entries, minutes, lasts_min):
    """On their days, whatever the entry is like now; its time, as far as it is known, is theirs."""
    start = at("2026-09-21 22:00")
    end = None if lasts_min is None else start + timedelta(minutes=lasts_min)
    whole = entries({"start": start, "end": end, "duration_s": lasts_min and lasts_min * 60})
    whole["day"] = local_days(whole["start"], CHICAGO)
    ids = [part_id("e1", number) for number in range(1, len(minutes) + 1)]
    days = [f"2026-09-{21 + number}" for number in range(len(minutes))]
    sent = [SentPart(*part) for part in zip(ids, days, minutes, strict=True)]
    parts = as_sent(whole, {"e1": sent})

    assert parts["entry_id"].tolist() == ids
    assert parts["day"].tolist() == days
    assert parts["duration_s"].sum() == 60 * (lasts_min or sum(minutes))
    assert parts["end"].tolist()[:-1] == parts["start"].tolist()[1:]
    assert parts.dtypes.to_dict() == whole.dtypes.to_dict()
