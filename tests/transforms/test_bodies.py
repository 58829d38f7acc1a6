"""TimeActivity bodies: valid JSON, exact numbers, descriptions that fit."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from transforms.activities import to_activities
from transforms.settling import content_of, content_of_body, pair_up


@given(
    description=st.text(max_size=30),
    micros=st.integers(0, 10**12),
    billable=st.booleans(),
    minutes=st.integers(1, 1435),
)
def test_a_body_says_what_the_plan_says(plan, description, micros, billable, minutes):
    """Any description survives, any rate is exact to the digit, any duration is whole minutes."""
    clean = "".join(letter for letter in description if letter != "\0")
    row = {
        "description": clean,
        "rate_micros": micros,
        "billable": billable,
        "duration_s": minutes * 60,
    }
    ready = plan(row)

    body = json.loads(to_activities(ready)["body"].iloc[0], parse_float=Decimal)

    assert body.get("Description", "") == clean
    assert body["Hours"] * 60 + body["Minutes"] == minutes
    assert body["BillableStatus"] == ("Billable" if billable else "NotBillable")
    assert body.get("HourlyRate") == (Decimal(micros) / 1_000_000 if billable else None)
    assert body["EmployeeRef"] == {"value": "55"}
    assert set(body) <= {
        "TxnDate", "NameOf", "EmployeeRef", "CustomerRef", "BillableStatus", "HourlyRate", "Hours",
        "Minutes", "Description",
    }  # fmt: skip


@given(st.text(alphabet="ab 😀", min_size=3990, max_size=4200))
def test_a_long_description_is_cut_to_what_quickbooks_takes(plan, text):
    """At most 4,000 UTF-16 units, the beginning unchanged, an ellipsis where something is gone."""
    body = json.loads(to_activities(plan({"description": text}))["body"].iloc[0])

    cut = body["Description"]
    assert len(cut.encode("utf-16-le")) // 2 <= 4000
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


contents = st.sampled_from([content_of({"Minutes": n, "NameOf": "Employee"}) for n in range(3)])


@given(st.lists(contents, max_size=8), st.lists(contents, max_size=8))
def test_twins_are_counted_not_merged(doubts, found):
    """Each activity settles one doubt at most, and as many as there are of a kind."""
    keyed = [(f"d{number}", content) for number, content in enumerate(doubts)]
    held = [(f"a{number}", content) for number, content in enumerate(found)]

    pairs = pair_up(keyed, held)

    assert len(set(pairs.values())) == len(pairs)
    assert all(dict(keyed)[key] == dict(held)[id_] for key, id_ in pairs.items())
    for content in set(doubts):
        settled = sum(dict(keyed)[key] == content for key in pairs)
        assert settled == min(doubts.count(content), found.count(content))


def test_what_quickbooks_adds_does_not_hide_an_entry(plan):
    """A rate of 0, a name beside an id, trimmed blanks, a billed status: still the same entry."""
    body = to_activities(plan({"description": " Plans  and\nmore "}))["body"].iloc[0]
    told = json.loads(body) | {
        "EmployeeRef": {"value": "55", "name": "Ann"},
        "BillableStatus": "HasBeenBilled",
        "Description": "Plans and more",
        "Id": "9",
    }

    assert content_of(told) == content_of_body(body)
