"""The bodies of repairs, for whatever QuickBooks may hold."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.reconciliation.bodies import written
from transforms.reconciliation.sides import activity_values, books_values

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def same(one, other):
    """Whether two values are the same to the digit: 12.50 is not 12.5."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Decimal):
        return Decimal(str(other)).as_tuple() == one.as_tuple()
    return one == other


@given(values)
def test_whatever_was_read_is_written_to_the_digit(value):
    """What an update keeps comes back exactly as it was."""
    assert same(value, json.loads(written(value), parse_float=Decimal))


@given(st.text(alphabet="aé😀 \n", max_size=1500))
def test_a_description_that_quickbooks_cuts_is_the_same(text):
    """It counts bytes, characters or UTF-16 units; what remains of a long text still agrees."""
    body = {"Description": (text + "x" * 1000) * 4}
    whole = body["Description"]
    cuts = [
        whole[:4000],
        whole.encode()[:4000].decode(errors="ignore"),
        whole.encode("utf-16-le")[:8000].decode("utf-16-le", errors="ignore"),
    ]
    for one in cuts:
        assert books_values({"Description": one}, json.dumps(body)) == activity_values(body)


@given(st.sampled_from("aд漢😀"), st.integers(1, 2000))
def test_a_description_that_somebody_shortens_is_another_one(letter, less):
    """A text that ends elsewhere than where QuickBooks cuts was edited, in any alphabet."""
    text = letter * (4000 // len(letter.encode()))
    ours = json.dumps({"Description": text})
    theirs = {"Description": text[: max(len(text) - less, 0)]}
    assert books_values(theirs, ours) != activity_values({"Description": text})


@given(st.text(min_size=1, max_size=900).filter(lambda text: text.split()))
def test_another_end_of_a_description_is_another_one(end):
    """Descriptions that QuickBooks has whole are compared whole."""
    text = "word " * 250
    one, other = (activity_values({"Description": text + more}) for more in ("", end))
    assert one["description"] != other["description"]


@pytest.mark.parametrize("number", ["", "much", "NaN", "1e99"])
def test_a_number_that_cannot_be_read_is_none(number):
    """Never a NaN, which equals nothing and ends every sum."""
    values_ = activity_values({"Hours": number, "BillableStatus": "Billable", "HourlyRate": number})
    readable = {"": Decimal(0)}
    assert values_["rate"] == readable.get(number)
    assert values_["minutes"] == readable.get(number)
