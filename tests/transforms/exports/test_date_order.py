"""Day and month are never guessed: the whole file decides, its name, or a person."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exports import DateOrder, UndecidedDates
from transforms.exports.date_order import DateSurvey, read_day

MDY, DMY, YMD = DateOrder
FORMATS = {
    MDY: ["%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y"],
    DMY: ["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"],
    YMD: ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"],
}
days = st.dates(date(1990, 1, 1), date(2100, 12, 31))


def decide(*texts, file_name="", given=None, created=()):
    survey = DateSurvey()
    for line, text in enumerate(texts, start=2):  # chunks of one row
        survey.feed(pd.Series([text], index=[line], dtype="str"), starts=True)
    survey.feed(pd.Series(list(created), dtype="str"), starts=False)
    return survey.decide(file_name=file_name, given=given)


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["03/04/2026", "19/02/2026"], DMY),
        (["03/04/2026", "02/19/2026"], MDY),
        (["3.4.2026", "18.08.2026"], DMY),
        (["18-08-2026"], DMY),
        (["13/15/2026", "10/15/2026"], MDY),  # the first is no day in any order
        (["2026-02-03", "2026/02/03", "2026.2.3"], YMD),
        (["2026-02-03T09:00", "2026-02-03 09:00:00"], YMD),
        (["03/03/2026"], MDY),  # the same day in both
        (["", "never"], YMD),  # no date at all: each row is reported
    ],
)
def test_one_day_decides_for_the_whole_file(texts, order):
    """A day after the 12th shows which number is the day, wherever it is in the file."""
    assert decide(*texts).order is order


def test_the_day_of_creation_decides_too():
    """All columns of dates are written in one profile's format."""
    assert decide("03/04/2026", created=["24/04/2026"]).order is DMY


@pytest.mark.parametrize("text", ["03/04/2026", "3-4-2026", "03.04.2026", "3.4.2026"])
def test_days_that_may_be_either_are_refused(text):
    """Dates with dots too: nothing undocumented is guessed. The text names a line and an option."""
    with pytest.raises(UndecidedDates, match=r"line 2 .*--date-order dmy"):
        decide(text)


@pytest.mark.parametrize(
    ("text", "name", "order"),
    [
        ("03/04/2026", "Clockify_Time_Report_Detailed_01_04_2026-30_04_2026.csv", DMY),
        ("03/04/2026", "Clockify_Time_Report_Detailed_03_01_2026-03_31_2026.csv", MDY),
        ("03/04/2026", "Clockify_Time_Report_Detailed_02_28_2026-03_06_2026 (1).csv", MDY),
        ("03/04/2026", "Clockify_Time_Report_Detailed_30_03_2026-05_04_2026.xlsx", DMY),
    ],
)
def test_the_range_in_the_name_decides_when_the_days_lie_in_it_one_way_only(text, name, order):
    """The file's name uses the same format, and no day may be outside its range."""
    assert decide(text, file_name=name).order is order


@pytest.mark.parametrize(
    "name",
    [
        "Clockify_Time_Report_Detailed_01_01_2026-12_12_2026.csv",  # both fit
        "Clockify_Time_Report_Detailed_03_01_2026-03_06_2026.csv",  # March, or January to June
        "Clockify_Time_Report_Detailed_01_01_2025-31_01_2025.csv",  # neither does
        "Clockify_Time_Report_Detailed_31_31_2026-31_31_2026.csv",
        "report.csv",
    ],
)
def test_a_name_that_does_not_decide_is_not_believed(name):
    """A range that fits both ways, or none, leaves the question open."""
    with pytest.raises(UndecidedDates, match="--date-order"):
        decide("03/04/2026", file_name=name)


def test_dates_that_contradict_each_other_are_refused_until_a_person_says():
    """Then the rows in the other order are reported, one by one."""
    with pytest.raises(UndecidedDates, match="contradict"):
        decide("19/02/2026", "02/19/2026")
    assert decide("19/02/2026", "02/19/2026", given=MDY).order is MDY


@pytest.mark.parametrize(
    ("text", "given_order", "hint"),
    [("19/02/2026", MDY, "dmy"), ("02/19/2026", DMY, "mdy"), ("03/04/2026", YMD, "mdy or dmy")],
)
def test_an_order_that_the_file_makes_impossible_is_refused(text, given_order, hint):
    """A wrong --date-order is reported, with the line that shows it and the order that fits."""
    with pytest.raises(UndecidedDates, match=f"line 2 cannot be.*--date-order {hint}"):
        decide(text, given=given_order)


def test_years_of_two_digits_need_a_person():
    """03/04/05 is three days, and 19/02/26 still two years."""
    with pytest.raises(UndecidedDates, match="two-digit"):
        decide("19/02/26")
    assert decide("03/04/05", given=YMD).order is YMD
    assert read_day("03/04/05", YMD) == date(2003, 4, 5)


@given(st.lists(days, min_size=1, max_size=8), st.sampled_from(DateOrder), st.data())
def test_what_is_decided_is_right(dates, order, data):
    """Whenever the file decides by itself, each date is read as it was meant."""
    texts = [day.strftime(data.draw(st.sampled_from(FORMATS[order]))) for day in dates]
    try:
        decided = decide(*texts).order
    except UndecidedDates:
        assert order is not YMD
        assert all(day.day <= 12 for day in dates)
        return
    assert [read_day(text, decided) for text in texts] == dates


@given(days, st.sampled_from(DateOrder), st.data())
def test_a_given_order_reads_each_of_its_formats(day, order, data):
    """With or without leading zeros, whatever the separator."""
    text = day.strftime(data.draw(st.sampled_from(FORMATS[order])))
    bare = "".join(text)
    for part in ("0" + str(n) for n in range(1, 10)):
        for mark in "./-":
            bare = bare.replace(f"{mark}{part}{mark}", f"{mark}{part[1:]}{mark}")

    assert read_day(text, order) == read_day(bare, order) == day


@pytest.mark.parametrize(
    "text",
    ["", "32/01/2026", "29/02/2025", "1/2", "1/2-2026", "12/2026/01", "0024-03-04", "2026-13-01",
     "٠٣/٠٤/٢٠٢٦", "1/2/202", "9999-01-01"],
)  # fmt: skip
def test_what_is_no_day_is_none(text):
    """Typing errors are not corrected."""
    assert {read_day(text, order) for order in DateOrder} == {None}
