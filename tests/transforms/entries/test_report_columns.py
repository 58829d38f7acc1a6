"""A report's rows become columns, and each row is read as it would be alone."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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

#: Every member is of a type that it should not be.
ODD = {"_id": 7, "userId": 7.5, "timeInterval": [], "billable": "yes", "rate": "much"}


@given(st.lists(rows, max_size=6))
def test_an_odd_row_does_not_change_how_the_others_are_read(report):
    """A column that holds other types too is read in the same way."""
    alone = report_columns(report)

    beside = report_columns([*report, ODD])

    rest = beside.iloc[:-1].reset_index(drop=True)
    assert rest.map(_plain).equals(alone.map(_plain))


@given(st.lists(rows, max_size=6))
def test_what_is_set_aside_is_the_same_beside_an_odd_row(report):
    """A row is read by its own content, not by that of its neighbors."""
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
    """Exact, whatever the other rates of the report are."""
    rows = [{"rate": rate}, {"rate": 1}, {"rate": None}]

    assert report_columns(rows)["rate_micros"].tolist() == [micros, 10_000, pd.NA]
    assert report_columns([*rows, ODD])["rate_micros"].tolist()[:3] == [micros, 10_000, pd.NA]


def _plain(value):
    return None if pd.isna(value) else value
