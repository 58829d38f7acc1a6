"""Taking a report apart at once and one row after the other gives the same columns."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.entries.instants import instants
from transforms.entries.read_report import read_report
from transforms.entries.report_columns import report_columns

ids = st.text("abc", min_size=1, max_size=4)
some_text = st.none() | st.text(max_size=6).filter(lambda text: text.isprintable())
moments = st.datetimes().map(lambda moment: f"{moment.replace(microsecond=0).isoformat()}Z")
rates = (
    st.none() | st.integers(-5, 2**63) | st.decimals(-(10**6), 10**19, places=6)
    | st.decimals(0, 10**3, places=12)
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "_id": ids,
        "userId": ids,
        "billable": st.booleans(),
        "timeInterval": st.fixed_dictionaries(
            {"start": moments},
            optional={
                "end": st.none() | moments,
                "duration": st.none() | st.integers(-3, 2**64) | st.decimals(0, 99, places=1),
            },
        ),
    },
    optional={
        "description": some_text,
        "userName": some_text,
        "projectId": some_text,
        "type": st.sampled_from(["REGULAR", "BREAK", None]),
        "rate": rates,
        "earnedRate": rates,
        "tags": st.none()
        | st.lists(st.fixed_dictionaries({}, optional={"name": some_text}), max_size=3),
    },
)

#: One look at this, and Arrow gives the whole report back.
ODD = {"_id": 7, "userId": 7.5, "timeInterval": [], "billable": "yes", "rate": "much"}


@given(st.lists(rows, max_size=6))
def test_an_odd_row_does_not_change_how_the_others_are_read(report):
    """What is read of a row is the same in a report that can be taken apart at once or not."""
    at_once = report_columns(report)

    one_by_one = report_columns([*report, ODD])

    rest = one_by_one.iloc[:-1].reset_index(drop=True)
    assert rest.map(_plain).equals(at_once.map(_plain))


@given(st.lists(rows, max_size=6))
def test_what_is_set_aside_is_the_same_beside_an_odd_row(report):
    """A row is judged by what stands in it, not by its neighbours."""
    alone = read_report(report, currency="USD")

    beside = read_report([*report, ODD], currency="USD")

    pd.testing.assert_frame_equal(beside.entries, alone.entries)
    assert [aside for aside in beside.set_aside if aside.entry_id] == alone.set_aside


@pytest.mark.parametrize(
    ("rate", "micros"),
    [
        (Decimal("0.00005"), 1),
        (Decimal("0.000049999"), 0),
        (Decimal("7550.12345"), 75_501_235),
        (Decimal("-0.00005"), -1),
        (922_337_203_685_477, 9_223_372_036_854_770_000),
    ],
)
def test_half_a_millionth_goes_up(rate, micros):
    """In bulk as one by one: exact, whatever the other rates of the report are."""
    rows = [{"rate": rate}, {"rate": 1}, {"rate": None}]

    assert report_columns(rows)["rate_micros"].tolist() == [micros, 10_000, pd.NA]
    assert report_columns([*rows, ODD])["rate_micros"].tolist()[:3] == [micros, 10_000, pd.NA]


nearly_usual = st.lists(
    st.tuples(st.integers(0, 19), st.sampled_from("0123456789-:TZ+ .")), max_size=2
)


@settings(max_examples=300)
@given(moments, nearly_usual)
def test_an_instant_reads_the_same_whatever_stands_in_the_other_rows(moment, changes):
    """The report's usual form is read in bulk, any other by pandas: they take the same texts."""
    text = list(moment)
    for place, letter in changes:
        text[place] = letter
    text = "".join(text)

    us, missing = instants(pa.array([text], pa.large_string()))
    among, lost = instants(pa.array(["2026-05-06T08:00:00+10:00", text], pa.large_string()))

    assert (us[0], missing[0]) == (among[1], lost[1])


def _plain(value):
    return None if pd.isna(value) else value
