"""Rows that do not fit are set aside, each with its reason; the others stay as they are."""

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandera.errors import SchemaErrors
from pandera.typing import Series

from schemas.clockify import Clients
from schemas.frames import column, validate_rows
from schemas.quickbooks import People

COLUMNS = ["qbo_id", "qbo_kind", "name", "email", "active"]

cells = {
    "qbo_id": st.sampled_from(["1", "2", None]),
    "qbo_kind": st.sampled_from(["employee", "vendor", "robot", None]),
    "name": st.sampled_from(["Ann", "", None]),
    "email": st.sampled_from(["ann@example.com", None]),
    "active": st.booleans(),
}


def fits(row):
    return row["qbo_id"] and row["qbo_kind"] in {"employee", "vendor"} and row["name"]


@given(st.lists(st.fixed_dictionaries(cells), max_size=8))
def test_each_row_is_good_or_has_one_problem(rows):
    """Each row comes out once, as good or as bad; a good one keeps its label and values."""
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object, index=range(10, 10 + len(rows)))

    validated = validate_rows(People, frame)

    good = [label for label, row in zip(frame.index, rows, strict=True) if fits(row)]
    assert validated.good.index.tolist() == good
    assert sorted(validated.problems) == sorted(set(frame.index) - set(good))
    assert validated.good["name"].tolist() == ["Ann"] * len(good)


def test_a_problem_names_each_bad_column_once():
    """With its value as text, or `missing`."""
    rows = [["1", "robot", None, None, True], ["2", "employee", "Ann", None, True]]

    validated = validate_rows(People, pd.DataFrame(rows, columns=COLUMNS, dtype=object))

    (problem,) = validated.problems.values()
    assert problem.count("qbo_kind is 'robot'") == 1
    assert problem.count("name is missing") == 1
    assert problem.count(" is ") == 2


class Counts(pa.DataFrameModel):
    """One number per row."""

    count: Series[pd.Int64Dtype] = column("How many.", source="here", ge=0)

    class Config:
        """See `People`."""

        coerce = True


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -(10**30),  # too long for the column, and too small
        "several",  # no number, and so neither too small nor large enough
    ],
)
def test_a_value_that_is_wrong_in_two_ways_is_one_problem(value):
    """The first problem is enough."""
    validated = validate_rows(Counts, pd.DataFrame({"count": [1, value, 2]}, dtype=object))

    assert validated.good["count"].tolist() == [1, 2]
    assert validated.problems[1].count(f"count is '{value}'") == 1
    assert validated.problems[1].count("count is") == 1


def test_a_long_value_is_shortened():
    """A problem is a line for a person, not a dump."""
    rows = [["1", "x" * 10_000, "Ann", None, True]]
    (problem,) = validate_rows(
        People, pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    ).problems.values()
    assert len(problem) < 400


def test_rows_of_one_key_are_all_set_aside():
    """Nobody can say which one is meant."""
    rows = [["1", "A", True], ["1", "B", True], ["2", "C", True]]
    frame = pd.DataFrame(rows, columns=["clockify_id", "name", "active"], dtype=object)

    validated = validate_rows(Clients, frame)

    assert validated.good["name"].tolist() == ["C"]
    assert all("clockify_id is '1'" in problem for problem in validated.problems.values())
    assert len(validated.problems) == 2


def test_a_frame_without_a_column_is_our_own_defect():
    """It raises an error and does not blame the rows."""
    frame = pd.DataFrame({"qbo_id": ["1"], "qbo_kind": ["employee"]})
    with pytest.raises(SchemaErrors):
        validate_rows(People, frame)
