"""Numbers, durations and times of day, in every way that exports write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.exports.cells import (
    LONGEST_S,
    decimal_mark,
    read_duration,
    read_micros,
    read_number,
    read_time,
    read_type,
    read_yes,
)

THOUSANDS = {".": [",", " ", "'", "\u00a0", "\u202f"], ",": [".", " ", "\u00a0", "\u202f"]}


@given(st.integers(0, 10**9), st.integers(0, 4), st.sampled_from(".,"), st.data())
def test_a_number_is_read_as_it_was_written(units, places, mark, data):
    """Whatever the marks, a number written with the file's mark reads back as it was meant."""
    number = Decimal(units).scaleb(-places)
    separator = data.draw(st.sampled_from(THOUSANDS[mark]))
    text = f"{number:,f}".replace(".", "\0").replace(",", separator).replace("\0", mark)

    assert read_number(text, mark) == number
    seen = decimal_mark(text)
    assert seen in {mark, "", "?"}


@pytest.mark.parametrize(
    "text",
    ["", "-", ".", ",", "1.2.3", "1,23,4", "1.00,000.0", "1e5", "٣", "8h", "--1", "0x1", "NaN"],
)
def test_what_is_no_number_is_none(text):
    """Nothing is read that is not valid."""
    assert read_number(text, ".") is None
    assert read_number(text, ",") is None


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("26.25", 26_250_000), ("0", 0), ("$1,000.00", 10**9), ("0.000001", 1),
        ("33.3333335", 33_333_334),
        ("-1", None), ("1000000001", None), ("USD 5", None),
    ],
)  # fmt: skip
def test_rates_are_exact_millionths(text, micros):
    """No float decides; a negative rate, or one above a billion, is not a rate."""
    assert read_micros(text, ".") == micros


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", (0, "seconds")), ("100:00:01", (360_001, "seconds")),
        ("3:00", (10_800, "minutes")),
        ("PT1H", (3600, "seconds")), ("pt1h2m3s", (3723, "seconds")), ("PT90M", (5400, "seconds")),
        ("8", (28_800, "hours")), ("0.02", (72, "hours")), ("0.005", (18, "thousandths")),
        ("0.1667", (600, "seconds")),
        ("1:60", None), ("1:00:60", None), ("PT", None), ("PTH", None), ("-1:00", None),
        ("-2", None), ("99999:00:00", None), ("10000", (LONGEST_S, "hours")), ("10001", None),
        ("", None), ("abc", None),
    ],
)  # fmt: skip
def test_durations(text, expected):
    """`h:mm:ss`, ISO 8601 and decimal hours are read; negative and absurd values are not."""
    assert read_duration(text, ".") == expected


def test_a_bare_number_is_hours_only_where_the_header_says_so():
    """It may be minutes, or the part of a day that a spreadsheet keeps: nothing is guessed."""
    assert read_duration("0.5", ".", bare_hours=False) is None
    assert read_duration("0:30", ".", bare_hours=False) == (1800, "minutes")


@given(
    st.integers(0, 86_399),
    st.sampled_from(["", ":"]),
    st.sampled_from([" ", "\u202f", "\u00a0", ""]),
)
def test_every_time_of_day_is_read_in_12_and_24_hours(second, shown, space):
    """With and without seconds, and with any space before AM and PM."""
    hour, minute, rest = second // 3600, second // 60 % 60, second % 60
    tail = f":{minute:02}" + (f":{rest:02}" if shown else "")
    expected = (second, 1) if shown else (second - rest, 60)
    half = "AM" if hour < 12 else "PM"
    for text in [
        f"{hour:02}{tail}",
        f"{hour}{tail}",
        f"{hour % 12 or 12}{tail}{space}{half}",
        f"{hour % 12 or 12:02}{tail}{space}{half[0].lower()}.{space}m.",
    ]:
        assert read_time(text) == expected


@pytest.mark.parametrize(
    "text", ["", "24:00", "12:60", "0:15 AM", "13:00 PM", "9", "9:5", "12:00:61", "noon"]
)
def test_what_is_no_time_of_day_is_none(text):
    """Nothing is read that is not valid."""
    assert read_time(text) is None


def test_yes_no_and_types_in_other_languages():
    """For the languages of which exports are known."""
    assert [read_yes(word) for word in ("Yes", "JA", "sim", "1", "TRUE")] == [True] * 5
    assert [read_yes(word) for word in ("No", "Nein", "não", "0", "false")] == [False] * 5
    assert [read_yes(word) for word in ("", "maybe", "2")] == [None] * 3
    assert [read_type(word) for word in ("", "Regular", "Break", "TIME OFF", "Holiday", "x")] == [
        "REGULAR", "REGULAR", "BREAK", "TIME_OFF", "HOLIDAY", None
    ]  # fmt: skip
