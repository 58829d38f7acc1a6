"""Workweeks divided into regular hours, overtime and double time: rules for all of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.part_ids import part_id, whole_id
from schemas.words import Hours
from transforms.entries.local_days import local_days
from transforms.plan.overtime import DAYS, Overtime, divided, where_paid_alike, with_hours
from transforms.plan.parts import LONGEST_S, with_parts
from transforms.plan.rounding import NO_ROUNDING, Rounding, minutes_by_part

MONDAY = datetime(2026, 9, 21, tzinfo=UTC)

settings = st.builds(Overtime, st.sampled_from(["weekly", "daily", "both"]), st.sampled_from(DAYS))

#: Entries of two people in three weeks: whose, when, and how long.
weeks_of_work = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bo"]),
        st.integers(0, 21 * 24 * 60 - 1),
        st.integers(0, 3 * 60) | st.integers(0, 24 * 60),
    ),
    max_size=40,
)


def frame(work):
    """Return the rows of some work; the minutes count to the day of their start."""
    starts = [MONDAY + timedelta(minutes=minute) for _, minute, _ in work]
    rows = [
        {
            "person": who,
            "day": f"{start:%Y-%m-%d}",
            "start": pd.Timestamp(start),
            "entry_id": f"e{number}",
            "minutes": minutes,
        }
        for number, (start, (who, _, minutes)) in enumerate(zip(starts, work, strict=True))
    ]
    columns = ["person", "day", "start", "entry_id", "minutes"]
    return pd.DataFrame(rows, columns=columns)


def by_hand(time, overtime):
    """Return the kind of each minute of a week, one after another: the slow and plain way."""
    day_min, double_min = {"weekly": (None, None)}.get(overtime.limits, (480, 720))
    week_min = None if overtime.limits == "daily" else 2400
    days, weeks, found = {}, {}, {}
    for row in time.sort_values(["start", "entry_id"]).itertuples():
        day, week = (row.person, row.day), (row.person, overtime.week_of(row.day))
        kinds = found[row.Index] = dict.fromkeys(Hours, 0)
        for _ in range(row.minutes):
            days[day] = days.get(day, 0) + 1
            if double_min and days[day] > double_min:
                kinds[Hours.DOUBLE_TIME] += 1
            elif day_min and days[day] > day_min:
                kinds[Hours.OVERTIME] += 1
            else:
                weeks[week] = weeks.get(week, 0) + 1
                over = week_min and weeks[week] > week_min
                kinds[Hours.OVERTIME if over else Hours.REGULAR] += 1
    return pd.DataFrame.from_dict(found, orient="index", columns=list(Hours))


@given(weeks_of_work, settings)
def test_each_minute_is_of_one_kind(work, overtime):
    """As if it were counted minute by minute, whatever the order of the rows."""
    time = frame(work)
    found = divided(time.sample(frac=1, random_state=1), overtime).sort_index()

    assert (found.sum(axis="columns") == time["minutes"]).all()
    assert (found >= 0).all(axis=None)
    expected = by_hand(time, overtime).sort_index()
    assert found.to_numpy().tolist() == expected.to_numpy().tolist()


@given(weeks_of_work, settings)
def test_sums_are_those_of_the_law(work, overtime):
    """By day and week, in closed form: daily overtime does not count toward the week again."""
    time = frame(work)
    found = divided(time, overtime).assign(
        person=time["person"], day=time["day"], week=time["day"].map(overtime.week_of)
    )
    days = time.groupby(["person", "day"])["minutes"].sum()
    by_day = overtime.limits != "weekly"
    double = (days - 720).clip(lower=0) if by_day else days * 0
    straight = days.clip(upper=480) if by_day else days
    weeks = straight.groupby([days.index.get_level_values(0), days.index.get_level_values(1).map(
        overtime.week_of)]).sum()  # fmt: skip
    regular = weeks.clip(upper=2400) if overtime.limits != "daily" else weeks

    assert (found.groupby(["person", "day"])[Hours.DOUBLE_TIME].sum() == double).all()
    of_weeks = found.groupby(["person", "week"])
    assert (of_weeks[Hours.REGULAR].sum().to_numpy() == regular.to_numpy()).all()
    within = days[days <= (480 if by_day else 10**6)].index
    if overtime.limits == "daily":
        rows = pd.MultiIndex.from_frame(found[["person", "day"]]).isin(within)
        assert (found.loc[rows, [Hours.OVERTIME, Hours.DOUBLE_TIME]] == 0).all(axis=None)


@given(weeks_of_work, settings, st.integers(0, 5))
def test_a_later_entry_changes_nothing_before_it(work, overtime, kept):
    """The hours are overtime of those who began last."""
    time = frame(work).sort_values(["start", "entry_id"])
    first = time.iloc[: len(time) - kept]
    pd.testing.assert_frame_equal(
        divided(first, overtime), divided(time, overtime).loc[first.index]
    )


@given(weeks_of_work, settings)
def test_one_person_does_not_change_anothers(work, overtime):
    """Each has a workweek of their own."""
    time = frame(work)
    mine = time[time["person"] == "ada"]
    pd.testing.assert_frame_equal(divided(mine, overtime), divided(time, overtime).loc[mine.index])


roundings = st.builds(
    Rounding, mode=st.sampled_from(["nearest", "up", "down"]), step_min=st.sampled_from([1, 6, 15])
)


@given(
    st.integers(0, 86_399), st.integers(0, 50 * 3600), roundings, st.booleans(),
    st.integers(0, 600), st.integers(0, 600),
)  # fmt: skip
def test_parts_add_up_to_their_entry(
    entries, begin_s, lasts_s, rounding, by_midnight, regular, more
):
    """In minutes, seconds, days and kinds; an entry of one kind stays whole."""
    zone = ZoneInfo("America/Chicago")
    start = MONDAY + timedelta(seconds=begin_s)
    lasts_s = lasts_s if by_midnight else min(lasts_s, LONGEST_S - 15 * 60)
    whole = entries(
        {"start": start, "end": start + timedelta(seconds=lasts_s), "duration_s": lasts_s}
    )
    whole["day"] = local_days(whole["start"], zone)
    parts = with_parts(whole, {}, zone, rounding) if by_midnight else whole
    minutes = minutes_by_part(parts, rounding)
    by_day = minutes.groupby(parts["day"]).sum().astype("int64")
    kinds = pd.DataFrame({
        Hours.REGULAR: by_day.clip(upper=regular),
        Hours.OVERTIME: (by_day - regular).clip(lower=0, upper=more),
        Hours.DOUBLE_TIME: (by_day - regular - more).clip(lower=0),
    })  # fmt: skip
    kinds.index = pd.MultiIndex.from_tuples([("e1", day) for day in by_day.index])

    cut = with_hours(parts, minutes, kinds)

    booked = cut["cut_minutes"].fillna(minutes_by_part(cut, rounding))
    assert booked.sum() == minutes.sum()
    assert booked.groupby(cut["day"]).sum().tolist() == by_day.tolist()
    for kind in Hours:
        assert booked[cut["hours"] == kind].sum() == kinds[kind].sum()
    assert cut["duration_s"].sum() == lasts_s
    assert cut["start"].iloc[1:].tolist() == cut["end"].iloc[:-1].tolist()
    assert cut["entry_id"].tolist() == [part_id("e1", n) for n in range(1, len(cut) + 1)]
    assert len(cut) == len(parts) + ((kinds > 0).sum(axis="columns") - 1).clip(lower=0).sum() or (
        by_midnight
    )
    held = with_hours(parts, minutes, kinds, whole=["e1"])
    assert held["entry_id"].tolist() == parts["entry_id"].tolist()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((1, 2, 3), (5, 3, 2)),
        ((1, 2, 2), (5, 5, 0)),
        ((1, 1, 3), (8, 0, 2)),
        ((1, 2, 1), (5, 3, 2)),
        ((1, 1, 1), None),
        ((0, 0, 0), None),
    ],
)
def test_what_is_paid_alike_is_not_told_apart(rules, expected):
    """By the rules that decide; who is never paid overtime has none."""
    hours = pd.DataFrame([[5, 3, 2]], columns=list(Hours))
    found = where_paid_alike(hours, pd.DataFrame([rules], columns=list(Hours)))
    assert [tuple(row) for row in found.to_numpy()] == ([] if expected is None else [expected])


def test_more_parts_than_may_be_are_whole_again(entries):
    """Such an entry is too long anyway, and rejected as a whole."""
    zone, days = ZoneInfo("UTC"), 15
    lasts_s = days * 86_400
    whole = entries({"start": MONDAY, "end": MONDAY + timedelta(days=days), "duration_s": lasts_s})
    whole["day"] = local_days(whole["start"], zone)
    parts = with_parts(whole, {}, zone, NO_ROUNDING)
    assert len(parts) == 2 * days
    kinds = pd.DataFrame([[480, 240, 720]] * days, columns=list(Hours)).set_axis(
        pd.MultiIndex.from_tuples([("e1", day) for day in parts["day"].unique()])
    )
    again = with_hours(parts, minutes_by_part(parts, NO_ROUNDING), kinds)
    assert [whole_id(id_) for id_ in again["entry_id"]] == ["e1"]
    assert again["duration_s"].tolist() == [lasts_s]
    assert again["end"].tolist() == whole["end"].tolist()
