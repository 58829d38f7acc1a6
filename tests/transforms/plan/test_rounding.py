"""Seconds worked to minutes billed: the rules that hold for every duration, and the edges."""

from fractions import Fraction
from math import ceil, floor

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.plan.rounding import (
    NO_ROUNDING,
    Rounding,
    billed_minutes,
    minutes_by_day,
    parse_rounding,
    workspace_rounding,
)

# Also an entry of years, and steps longer than a day.
seconds = st.lists(st.none() | st.integers(0, 10**9), max_size=20)
steps = st.integers(1, 9999)
modes = st.sampled_from(["nearest", "up", "down"])
roundings = st.builds(Rounding, mode=modes, step_min=steps)


def billed(duration_s, rounding):
    return billed_minutes(pd.Series(duration_s, dtype="Int64"), rounding).tolist()


def exact(duration_s, rounding):
    """Round with fractions: the words of the rule, one after another."""
    in_steps = Fraction(duration_s, rounding.step_min * 60)
    whole = {
        "down": floor,
        "up": ceil,
        "nearest": lambda steps: floor(steps + Fraction(1, 2)),
    }[rounding.mode](in_steps)
    return whole * rounding.step_min


@given(seconds, roundings)
def test_it_is_what_exact_fractions_give(duration_s, rounding):
    """No float decides: the minutes are those of the rule worked out with fractions."""
    expected = [pd.NA if value is None else exact(value, rounding) for value in duration_s]

    assert str(billed(duration_s, rounding)) == str(expected)


@given(st.integers(0, 10**9), steps)
def test_nearest_moves_no_entry_by_more_than_half_a_step(duration_s, step_min):
    """Nobody gains or loses more than half a step on one entry."""
    (minutes,) = billed([duration_s], Rounding("nearest", step_min))

    assert abs(minutes * 60 - duration_s) * 2 <= step_min * 60


@given(st.integers(0, 10**9), steps)
def test_up_only_adds_and_down_only_takes_less_than_a_step(duration_s, step_min):
    """Each direction rounds as its name says, and whole steps stay."""
    (up,) = billed([duration_s], Rounding("up", step_min))
    (down,) = billed([duration_s], Rounding("down", step_min))

    assert 0 <= up * 60 - duration_s < step_min * 60
    assert 0 <= duration_s - down * 60 < step_min * 60
    assert billed([up * 60, down * 60], Rounding("up", step_min)) == [up, down]
    assert billed([up * 60, down * 60], Rounding("down", step_min)) == [up, down]


@given(st.integers(0, 10**9), roundings)
def test_billed_time_is_a_whole_multiple_of_the_step(duration_s, rounding):
    """A bill in quarter hours contains only quarter hours."""
    (minutes,) = billed([duration_s], rounding)

    assert minutes % rounding.step_min == 0


@given(st.integers(0, 10**9), st.integers(0, 10**6), roundings)
def test_who_works_longer_is_not_billed_less(duration_s, more_s, rounding):
    """Rounding keeps the order of durations."""
    shorter, longer = billed([duration_s, duration_s + more_s], rounding)

    assert shorter <= longer


@given(st.integers(0, 10**6), st.integers(1, 4999))
def test_an_exact_half_goes_up(whole_steps, half_step_min):
    """7 min 30 s of a quarter hour is a quarter hour; one second less is nothing."""
    step_min = half_step_min * 2
    tie_s = (whole_steps * step_min + half_step_min) * 60

    assert billed([tie_s - 1, tie_s], Rounding("nearest", step_min)) == [
        whole_steps * step_min,
        (whole_steps + 1) * step_min,
    ]


@given(st.integers(0, 10**9))
def test_without_rounding_whole_minutes_are_left_half_a_minute_up(duration_s):
    """QuickBooks knows no seconds here: 29 s are cut, 30 s make a minute."""
    assert billed([duration_s], NO_ROUNDING) == [
        duration_s // 60 + (1 if duration_s % 60 >= 30 else 0)
    ]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("down", [0, 0, 0, 0, 0, 30, 30]),
        ("up", [0, 30, 30, 30, 30, 30, 60]),
        ("nearest", [0, 0, 0, 30, 30, 30, 30]),
    ],
)
def test_clockifys_own_examples(mode, expected):
    """To 30 minutes: down 1 to 29 are 0, up they are 30, to the nearest 1 to 14 are 0."""
    minutes = [0, 1, 14, 16, 29, 30, 31]

    assert billed([60 * minute for minute in minutes], Rounding(mode, 30)) == expected


def test_a_running_timer_has_no_minutes_and_keeps_its_place():
    """What is missing stays missing, and each row keeps its label."""
    durations = pd.Series([600, None, 900], index=["a", "b", "c"], dtype="Int64")

    minutes = billed_minutes(durations, Rounding("up", 15))

    assert minutes.isna().tolist() == [False, True, False]
    assert minutes.index.tolist() == ["a", "b", "c"]
    assert minutes.dtype == "Int64"
    assert billed_minutes(durations[:0], NO_ROUNDING).tolist() == []


# --- as people and workspaces write it ---------------------------------------------------------


@given(roundings)
def test_what_is_shown_can_be_typed(rounding):
    """A rounding reads back from the text in which it is shown."""
    assert parse_rounding(str(rounding)) == rounding


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nearest:15", Rounding("nearest", 15)),
        ("UP : 6", Rounding("up", 6)),
        (" down:030 ", Rounding("down", 30)),
        ("None", NO_ROUNDING),
        (" none ", NO_ROUNDING),
    ],
)
def test_a_rounding_may_be_typed_loosely(text, expected):
    """Case and spaces do not matter."""
    assert parse_rounding(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "15", "up", "up:", ":15", "up:0", "up:-6", "up:1.5", "up:1e2", "sideways:15", "up:15:15",
     "nearest:15 min", "up:٦", "up:²", "none:15", "upnearest:15", "up:99999", "up:6\nup:6"],
)  # fmt: skip
def test_rubbish_is_no_rounding(text):
    """A mistyped rounding stops the run; the message shows it, and what is valid."""
    with pytest.raises(ValueError, match="Write nearest:15, up:6, down:30") as raised:
        parse_rounding(text)

    assert repr(text) in str(raised.value)


@given(st.text())
def test_any_text_is_a_rounding_or_is_refused_by_name(text):
    """Whatever is typed, the answer is a usable rounding or the message that says how."""
    try:
        rounding = parse_rounding(text)
    except ValueError as error:
        assert "is not a valid rounding" in str(error)  # noqa: PT017 - both ways are fine
    else:
        assert rounding.step_min >= 1


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("Round to nearest", "nearest"),
        ("ROUND TO NEAREST", "nearest"),
        ("Round up", "up"),
        ("round up to", "up"),
        ("ROUND_UP_TO", "up"),
        ("Round down to", "down"),
        ("DOWN", "down"),
    ],
)
def test_a_workspace_may_spell_its_mode_in_any_case(words, mode):
    """Only one spelling was ever seen, so the significant word decides."""
    assert workspace_rounding(True, words, "15") == Rounding(mode, 15)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("Round", "15"),
        ("", "15"),
        ("Round up or down", "15"),
        ("Roundabout", "15"),
        ("Round up", "0"),
        ("Round up", ""),
        ("Round up", "-5"),
        ("Round up", "7.5"),
        ("Round up", "²"),
        ("Round up", "quarter"),
    ],
)
def test_a_workspace_setting_that_cannot_be_read_is_not_guessed(words, minutes):
    """A wrong bill is worse than an error: the person must set the rounding."""
    with pytest.raises(ValueError, match="Set --rounding"):
        workspace_rounding(True, words, minutes)


def test_a_workspace_that_does_not_round_is_not_rounded():
    """A mode that is set but switched off does not matter, even if it is not readable."""
    assert workspace_rounding(False, "Round up", "15") == NO_ROUNDING
    assert workspace_rounding(False, "?", "?") == NO_ROUNDING


# --- a person's day on a project as a whole ------------------------------------------------------

worked = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.sampled_from("ab"),
            "project_id": st.sampled_from(["p", "q", None]),
            "date": st.sampled_from(["2026-09-14", "2026-09-15"]),
            "duration_s": st.integers(0, 86_000),
            "entry_type": st.just("REGULAR"),
            "sent_minutes": st.none(),
        }
    ),
    min_size=1,
    max_size=12,
)


def by_day(rows, rounding):
    frame = pd.DataFrame(rows).astype({"duration_s": "Int64", "sent_minutes": "Int64"})
    frame["entry_id"] = [f"e{n}" for n in range(len(frame))]
    frame["start"] = pd.Timestamp("2026-09-14T08:00Z")
    return frame.assign(minutes=minutes_by_day(frame, rounding))


@given(worked, roundings)
def test_a_day_adds_up_as_if_it_were_rounded_once(rows, rounding):
    """For each person, project and day, the minutes are the rounded sum: never one more or less."""
    shared = by_day(rows, rounding)

    for _, day in shared.groupby(["user_id", "project_id", "date"], dropna=False):
        assert day["minutes"].sum() == exact(int(day["duration_s"].sum()), rounding)


@given(worked, roundings)
def test_no_entry_is_a_step_off(rows, rounding):
    """Each entry gets the step below it or the one above, the larger remainder first."""
    shared = by_day(rows, rounding)

    step_s = rounding.step_min * 60
    for _, day in shared.groupby(["user_id", "project_id", "date"], dropna=False):
        more_s = day["minutes"] * 60 - day["duration_s"]
        assert (more_s.abs() < step_s).all()
        up, down = day[more_s > 0], day[more_s < 0]
        if len(up) and len(down):
            assert (up["duration_s"] % step_s).min() >= (down["duration_s"] % step_s).max()


@given(worked, st.randoms(use_true_random=False))
def test_the_order_in_which_entries_are_read_does_not_matter(rows, random):
    """The same entries get the same minutes, whatever order a report has."""
    shared = by_day(rows, NO_ROUNDING)
    order = random.sample(range(len(rows)), len(rows))
    again = shared.iloc[order]

    assert minutes_by_day(again, NO_ROUNDING).to_dict() == shared["minutes"].to_dict()


def test_what_was_sent_keeps_its_minutes_and_the_others_make_up_for_it():
    """Three of 20 minutes each in quarters: an hour; one was sent as 15, so the others get 45."""
    row = {"user_id": "a", "project_id": None, "date": "2026-09-14", "entry_type": "REGULAR"}
    first = row | {"duration_s": 1200, "sent_minutes": 15}
    rest = [row | {"duration_s": 1200, "sent_minutes": None}] * 2

    assert by_day([first, *rest], Rounding("nearest", 15))["minutes"].tolist() == [15, 30, 15]


def test_running_timers_and_breaks_are_no_part_of_the_day():
    """They would take time from work, or give it some."""
    row = {"user_id": "a", "project_id": None, "date": "2026-09-14", "sent_minutes": None}
    rows = [
        row | {"duration_s": 20, "entry_type": "REGULAR"},
        row | {"duration_s": 20, "entry_type": "REGULAR"},
        row | {"duration_s": 50, "entry_type": "BREAK"},
        row | {"duration_s": None, "entry_type": "REGULAR"},
    ]

    assert by_day(rows, NO_ROUNDING)["minutes"].tolist() == [1, 0, 1, pd.NA]
