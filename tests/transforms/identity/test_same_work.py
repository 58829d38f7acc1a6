"""The same work is known again where no id says so, and no two works are taken for one."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contents import UNTOLD, Contents
from schemas.words import Source
from transforms.entries.local_days import local_days, local_minutes, zone
from transforms.identity.same_work import a_day_off, entry_contents, find_twins, new_ids

DAY = "2026-03-02"

WORK = {
    "source": "file",
    "user_id": "u1",
    "person": "employee:55",
    "day": DAY,
    "start": "2026-03-02T15:00:00Z",
    "wall": None,
    "duration_s": 3600,
    "slack_s": 0,
    "project_id": "p1",
    "project": "Kitchen",
    "client": "Orchard",
    "task": "Plans",
    "description": "d1",
}


def contents(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make `Contents`: each row says how it differs from `WORK`; ids count from 0."""
    records = [{"entry_id": str(number), **WORK, **row} for number, row in enumerate(rows)]
    frame = pd.DataFrame(records, columns=list(Contents.to_schema().columns), dtype=object)
    frame["start"] = pd.to_datetime(frame["start"], utc=True)
    return Contents.validate(frame)


@pytest.fixture(scope="module")
def original() -> pd.DataFrame:
    """Return the contents of `WORK`, unchanged."""
    return contents({})


@pytest.mark.parametrize(
    "change",
    [
        pd.Series({"task": "Renamed since"}),
        pd.Series({"start": "2026-03-02T15:00:42Z"}),
        pd.Series({"start": "2026-03-02T15:00:42Z", "duration_s": 3590, "slack_s": 59}),
        pd.Series({"duration_s": 2700, "slack_s": 900}),
        pd.Series({"description": None, "project": None, "project_id": None, "client": None}),
        pd.Series({"project_id": "name:Orchard › Kitchen"}),
        pd.Series({"project": "Renamed since", "client": "Sold"}),
        pd.Series({"user_id": "name:Ann Lee"}),
        pd.Series({"person": None}),
        pd.Series({"person": "vendor:9"}),
        pd.Series({"start": None}),
        pd.Series({"day": "2026-03-03"}),
    ],
    ids=lambda change: ", ".join(change.index),
)
def test_what_sources_show_differently_is_the_same_work(
    change: pd.Series, original: pd.DataFrame
) -> None:
    """The row is recognized despite a missing column, a coarser display or a changed name."""
    told = contents(change.to_dict())

    assert find_twins(told, original).tolist() == ["0"]
    assert find_twins(original, told).tolist() == ["0"]


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "u2", "person": "employee:56"},
        {"user_id": "u2", "person": None},
        {"start": "2026-03-02T15:01:00Z"},
        {"duration_s": 3601},
        {"duration_s": 2700, "slack_s": 899},
        {"project_id": "p2", "project": "Bath"},
        {"project_id": "p2", "client": "Harbor"},
        {"project_id": "", "project": "", "client": ""},
        {"description": "d2"},
        {"start": None, "day": "2026-03-03"},
        {"start": None, "task": "Other"},
    ],
    ids=str,
)
def test_other_work_is_never_taken_for_the_same(
    change: dict[str, Any], original: pd.DataFrame
) -> None:
    """Another person, minute, duration, project or description is other work."""
    told = contents(change)

    assert find_twins(told, original).isna().all()
    assert find_twins(original, told).isna().all()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("name:Ann Lee", "name:Ann Lee <ann@a.example>", True),
        ("name:Ann Lee <Ann@a.example>", "name:Ann Lee <ann@a.example>", True),
        ("name:Ann Lee <ann@a.example>", "name:Ann Lee <ann@b.example>", False),
        ("name:Ann Lee", "name:Ann Leigh <ann@a.example>", False),
        ("u1", "name:u1 <ann@a.example>", False),
    ],
)
def test_a_stranger_without_an_address_is_the_one_with_one(
    one: str,
    other: str,
    same: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The same export with and without addresses, or of an older Clockbooks, goes once."""
    left = contents({"user_id": one, "person": "employee:1"})
    right = contents({"user_id": other, "person": None})

    assert find_twins(left, right).notna().all() == same
    assert find_twins(right, left).notna().all() == same


def test_what_differs_only_in_its_day_is_pointed_out() -> None:
    """In another time zone, work near midnight is on another day than its row without a time."""
    rows = contents({"start": "2026-03-02T05:30:00Z", "day": "2026-03-01", "wall": None})
    told = contents({"start": None, "day": DAY})

    assert find_twins(rows, told).isna().all()
    assert a_day_off(rows, told).tolist() == [0]
    assert a_day_off(told, rows).empty
    assert a_day_off(rows, contents({"start": None, "day": "2026-03-03"})).empty
    assert a_day_off(rows, contents({"start": None, "day": DAY, "description": "d2"})).empty


@pytest.mark.parametrize(
    "moved",
    [
        {"start": "2026-03-02T01:00:00Z", "day": "2026-03-01"},
        {"start": None, "wall": None},
        {"start": "2026-03-03T12:00:00Z", "day": "2026-03-04"},
    ],
    ids=str,
)
def test_the_clock_of_the_source_makes_twins_in_any_time_zone(moved: dict[str, Any]) -> None:
    """The same time on the wall clock is the same work, whatever zone it was read in."""
    shown = contents({"wall": "2026-03-02T09:00"})
    told = contents({"wall": "2026-03-02T09:00", **moved})

    assert find_twins(told, shown).tolist() == ["0"]
    assert find_twins(shown, told).tolist() == ["0"]
    assert find_twins(told, contents({"wall": "2026-03-02T09:01"})).notna().all() == (
        moved["start"] is None  # of a day alone the hour says nothing
    )


def test_a_row_has_one_id_in_any_time_zone() -> None:
    """Two runs at once that read a file in two zones claim its row once."""
    rows = [
        contents({"wall": "2026-03-02T09:00", "start": start, "day": day})
        for start, day in (
            (None, DAY),
            ("2026-03-02T15:00:00Z", DAY),
            ("2026-03-01T23:00:00Z", "2026-03-01"),
        )
    ]

    assert len({new_ids(row, taken=pd.Series(dtype="str"))[0] for row in rows}) == 1


def test_equal_rows_are_counted() -> None:
    """Of three equal rows two are known already, so one is new."""
    assert find_twins(contents({}, {}, {}), contents({}, {})).isna().sum() == 1


def test_what_is_in_the_books_is_meant_first() -> None:
    """Of equal known entries the first is found: they are in order of preference."""
    known = contents({"entry_id": "sent"}, {"entry_id": "refused"})

    assert find_twins(contents({}), known).tolist() == ["sent"]


def test_a_row_that_tells_less_leaves_the_others_their_twins() -> None:
    """A row without a description takes the entry that no other row can have."""
    rows = contents({"description": None}, {"description": "d1"})
    known = contents({"description": "d1"}, {"description": "d2"})

    assert find_twins(rows, known).tolist() == ["1", "0"]


#: Few values, so that rows are often alike; None is what a source did not tell.
alike = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["u1", "u2"]),
        "start": st.sampled_from([None, "2026-03-02T15:00:00Z", "2026-03-02T16:00:30Z"]),
        "duration_s": st.sampled_from([3600, 3660]),
        "slack_s": st.sampled_from([0, 59]),
        "project": st.sampled_from([None, "", "Kitchen"]),
        "project_id": st.none(),
        "person": st.none(),
        "description": st.sampled_from([None, "d1", "d2"]),
    }
)


@given(st.lists(alike, max_size=7))
def test_a_file_that_comes_again_is_known_whole(rows: list[dict[str, Any]]) -> None:
    """Whatever the rows, in whatever order: each finds a twin, and no twin is found twice."""
    first = contents(*rows)
    again = first.iloc[::-1]

    found = find_twins(again, first)

    assert Counter(found) == Counter(first["entry_id"])


def same(row: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether two of `alike` are the same work, by a plain statement of the rules."""
    agree = all(
        None in {row[name], entry[name]} or row[name] == entry[name]
        for name in ("start", "project", "description")
    )
    off_s = abs(row["duration_s"] - entry["duration_s"])
    return (
        agree and row["user_id"] == entry["user_id"] and off_s <= row["slack_s"] + entry["slack_s"]
    )


@given(st.lists(alike, max_size=6), st.lists(alike, max_size=6))
def test_as_many_as_possible_are_found(
    rows: list[dict[str, Any]], known: list[dict[str, Any]]
) -> None:
    """No other way to pair the rows finds more of them, as brute force shows."""
    one, other = contents(*rows), contents(*known)
    twin = [[same(row, entry) for entry in known] for row in rows]

    def most(row: int, left: frozenset[int]) -> int:
        if row == len(rows):
            return 0
        taken = (1 + most(row + 1, left - {j}) for j in left if twin[row][j])
        return max([most(row + 1, left), *taken])

    found = find_twins(one, other).dropna()

    assert len(found) == most(0, frozenset(range(len(known))))
    assert found.is_unique


def test_contents_are_those_of_finished_entries(
    entries: Callable[..., pd.DataFrame], links: Callable[..., pd.DataFrame]
) -> None:
    """A running timer has no contents yet; texts are normalized for comparison."""
    told = entries(
        {"entry_id": "a", "description": 'Say  "aye"', "project_name": "Kitchen "},
        {"entry_id": "b", "description": "Say ''aye''", "client_name": None},
        {"entry_id": "c", "end": None, "duration_s": None},
    )
    linked = links({"kind": "user", "clockify_id": "u1", "qbo_kind": "vendor", "qbo_id": "7"})
    tokyo = zone("Asia/Tokyo")
    when = {name: find(told["start"], tokyo) for name, find in
            (("days", local_days), ("walls", local_minutes))}  # fmt: skip

    own = {"links": linked, "source": Source.CLOCKIFY}
    found = entry_contents(told, **when, **own, untold=["task", "rate"])

    assert found["entry_id"].tolist() == ["a", "b"]
    assert len(set(found["description"])) == 1
    assert found["project"].tolist() == ["Kitchen", "Kitchen"]
    assert found["client"].tolist() == ["Orchard", ""]
    assert found["person"].tolist() == ["vendor:7", "vendor:7"]
    assert found["day"].tolist() == ["2026-03-03", "2026-03-03"]
    assert found["task"].isna().all()
    assert found["rate"].tolist() == [UNTOLD] * 2  # null is what was never kept
