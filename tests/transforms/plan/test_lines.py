"""Entries of a person's day are joined where nothing but time and text differs, nowhere else."""

import json
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plan import Plan
from transforms.plan.activities import to_activities
from transforms.plan.descriptions import DESCRIPTION_LIMIT
from transforms.plan.lines import LONGEST_MIN, join, with_amounts


def ready(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return ready rows of a plan, of one person's day unless they say otherwise."""
    common = dict.fromkeys(Plan.to_schema().columns)
    common |= {
        "state": "ready", "date": "2026-03-02", "minutes": 60, "description": "", "billable": True,
        "rate_micros": 75_500_000, "qbo_kind": "employee", "qbo_person_id": "61",
        "qbo_customer_id": "21", "start": "2026-03-02T09:00:00-06:00",
    }  # fmt: skip
    numbered = [{**common, "entry_id": f"e{nth:02}", **row} for nth, row in enumerate(rows)]
    return Plan.validate(pd.DataFrame(numbered))


_START = datetime.fromisoformat("2026-03-02T00:00:00-06:00")

entries = st.fixed_dictionaries(
    {
        "qbo_person_id": st.sampled_from(["61", "62"]),
        "qbo_customer_id": st.sampled_from(["21", "22", None]),
        "qbo_item_id": st.sampled_from([None, "2"]),
        "qbo_class_id": st.sampled_from([None, "3"]),
        "qbo_department_id": st.sampled_from([None, None, "4"]),
        "date": st.sampled_from(["2026-03-02", "2026-03-03"]),
        "rate_micros": st.sampled_from([75_500_000, 80_000_000]),
        "billable": st.booleans(),
        "minutes": st.integers(1, LONGEST_MIN),
        "description": st.sampled_from(["", "Plan", "Build", 'a ",Hours": b']),
        "start": st.integers(0, 1439).map(lambda at: (_START + timedelta(minutes=at)).isoformat()),
    }
)


@given(st.lists(entries, max_size=12))
def test_every_entry_is_in_exactly_one_line(rows):
    """Minutes add up, no line is too long, none could take another's entry, and nothing differs."""
    plan = ready(*rows) if rows else ready({}).iloc[:0]
    lines = join(plan, by_day=True)

    firsts = lines.rows["entry_id"].tolist()
    assert sorted(id_ for first in firsts for id_ in lines.of(first)) == sorted(plan["entry_id"])
    by_id = plan.set_index("entry_id")
    bodies = dict(to_activities(lines.rows).itertuples(index=False))
    alone = dict(to_activities(plan).itertuples(index=False))
    alike: dict[str, list[tuple[Any, ...]]] = {}
    for first in firsts:
        ids = lines.of(first)
        body = json.loads(bodies[first])
        minutes = body["Hours"] * 60 + body["Minutes"]
        assert minutes == by_id.loc[ids, "minutes"].sum() <= LONGEST_MIN
        texts = list(dict.fromkeys(text for text in by_id.loc[ids, "description"] if text))
        assert body.get("Description", "").split("\n") == (texts or [""])
        starts = pd.to_datetime(by_id.loc[ids, "start"], utc=True)
        assert list(zip(starts, ids, strict=True)) == sorted(zip(starts, ids, strict=True))
        members = [json.loads(alone[id_]) for id_ in ids]
        rest = [
            {name: row[name] for name in row.keys() - {"Hours", "Minutes", "Description"}}
            for row in [body, *members]
        ]
        assert all(row == rest[0] for row in rest)
        line = (starts.iloc[0], first, minutes, by_id.loc[first, "minutes"])
        alike.setdefault(json.dumps(rest[0], sort_keys=True), []).append(line)
    for some in alike.values():
        for (*_, minutes, _), (*_, first_min) in pairwise(sorted(some)):
            assert minutes + first_min > LONGEST_MIN  # it did not fit


def test_nothing_is_joined_unless_that_is_asked_for():
    """Each ready row is as it was."""
    plan = ready({}, {})
    lines = join(plan, by_day=False)
    assert (len(lines.rows), lines.members) == (2, {})


def test_a_line_ends_where_the_next_entry_does_not_fit():
    """Three of eight hours are more than 23 h 55 min: two go together, and one alone."""
    starts = [f"2026-03-02T0{hour}:00:00-06:00" for hour in (2, 1, 3)]
    lines = join(ready(*({"minutes": 480, "start": at} for at in starts)), by_day=True)
    assert {first: [one.entry_id for one in line] for first, line in lines.members.items()} == {
        "e01": ["e01", "e00"]
    }
    assert dict(zip(lines.rows["entry_id"], lines.rows["minutes"], strict=True)) == {
        "e01": 960, "e02": 480,
    }  # fmt: skip


def test_a_rate_that_is_not_sent_does_not_divide():
    """That of time that is not billable."""
    rows = ({"billable": False, "rate_micros": rate} for rate in (None, 80_000_000))
    assert len(join(ready(*rows), by_day=True).rows) == 1


def test_parts_of_entries_go_alone():
    """Each is a TimeActivity of its own, and so is the first part."""
    ids = ["a", "a/2", "b", "c"]
    lines = join(ready(*({"entry_id": id_} for id_ in ids)), by_day=True)
    assert lines.rows["entry_id"].tolist() == ["a", "a/2", "b"]


@pytest.mark.parametrize("text", ["word " * 700, "🙂" * 1500])
def test_a_text_that_is_too_long_is_cut(text):
    """As that of one entry is: QuickBooks gets no more than it takes."""
    plan = ready({"description": text.strip()}, {"description": f"{text}two"})
    [body] = to_activities(join(plan, by_day=True).rows)["body"]
    written = json.loads(body)["Description"]
    assert len(written.encode("utf-16-le")) // 2 <= DESCRIPTION_LIMIT
    assert written.endswith("…")


def exact(minutes: int, rate_micros: int) -> Fraction:
    """Return what minutes come to, in cents."""
    return Fraction(int(minutes) * rate_micros, 600_000)


@given(st.lists(entries, min_size=1, max_size=12), st.integers(0, 10**9), st.data())
def test_entries_come_to_what_their_lines_come_to(rows, rate_micros, data):
    """In whole cents, less than one from their share; and without those that go no more."""
    plan = ready(*[{**row, "rate_micros": rate_micros, "amount_cents": 0} for row in rows])
    everything = pd.Series(True, index=plan.index)
    planned = with_amounts(plan, everything, by_day=True)
    left_out = pd.Series(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    later = planned.assign(state=planned["state"].mask(left_out, "skipped"))

    for one in (planned, with_amounts(later, everything, by_day=True)):
        is_ready = one["state"] == "ready"
        lines = join(one[is_ready], by_day=True)
        found = dict(one[["entry_id", "amount_cents"]].to_numpy())
        minutes = dict(one[["entry_id", "minutes"]].to_numpy())
        whole = dict(lines.rows[["entry_id", "minutes"]].to_numpy())
        whole |= {id_: minutes[id_] for id_ in one.loc[~is_ready, "entry_id"]}
        for first, its_minutes in whole.items():
            billed = floor(exact(its_minutes, rate_micros) + Fraction(1, 2))
            assert sum(found[id_] for id_ in lines.of(first)) == billed
        for id_, amount in found.items():
            assert abs(amount - exact(minutes[id_], rate_micros)) < 1
