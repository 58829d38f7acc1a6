"""Clockify's JSON rows to entries: every shape that was seen, and every one that was not."""

import copy
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clockify import TimeEntries
from transforms.entries.read_report import SetAside, read_report

ROW = {
    "_id": "6a022e44554f8a011be08b15",
    "description": "Test A",
    "userId": "69bda6b317a0c5babe34b4fe",
    "userName": "User One",
    "userEmail": "user@example.com",
    "type": "REGULAR",
    "timeInterval": {
        "start": "2026-05-06T08:00:00Z",
        "end": "2026-05-06T17:00:00Z",
        "duration": 32400,
    },
    "projectId": "69bda6b317a0c5babe34b500",
    "projectName": "Project",
    "clientId": "4324630bfe76b597e688dbab",
    "clientName": "Client",
    "billable": True,
    "rate": 4500,
    "currency": "USD",
}


def row(**members):
    """Return a good row that differs by *members*; `...` leaves one out."""
    changed = {**copy.deepcopy(ROW), **members}
    return {name: value for name, value in changed.items() if value is not ...}


def read_one(*, default="USD", **members):
    """Read one row, which must be good, of a workspace with a *default* currency."""
    read = read_report([row(**members)], currency=default)
    assert read.set_aside == []
    (entry,) = read.entries.astype(object).where(read.entries.notna(), None).to_dict("records")
    return entry


def problem_of(**members):
    """Read one row between two good ones, and return what is wrong with it."""
    rows = [row(_id="before"), row(**members), row(_id="after")]
    read = read_report(rows, currency="USD")
    assert sorted(read.entries["entry_id"]) == ["after", "before"]
    (aside,) = read.set_aside
    return aside.problem


# --- the vendors' samples ----------------------------------------------------------------------


def sample(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["timeentries"]


def test_a_report_of_2023_with_a_rate(shared_samples):
    """An offset is an instant, a rate is in hundredths, and the currency is the workspace's."""
    path = shared_samples("clockify/samples/json/report_detailed_response_2023_au.json")

    read = read_report(sample(path), currency="AUD")

    assert read.set_aside == []
    (entry,) = read.entries.to_dict("records")
    assert entry["start"] == datetime(2023, 8, 28, 5, 48, tzinfo=UTC)
    assert entry["end"] == datetime(2023, 8, 28, 8, 42, tzinfo=UTC)
    assert entry["duration_s"] == 10440
    assert entry["rate_micros"] == 45_000_000
    assert (entry["currency"], entry["client_name"], entry["task_name"]) == (
        "AUD", "Client", "Consulting",
    )  # fmt: skip


def test_a_report_of_2023_without_type_rate_and_client(shared_samples):
    """Absent, null and empty members mean that there is none; a missing type is REGULAR."""
    path = shared_samples("clockify/samples/json/report_detailed_response_2023_br_no_rate.json")

    read = read_report(sample(path), currency=None)

    assert read.set_aside == []
    entries = read.entries
    assert sorted(entries["entry_id"]) == ["645ab58cb6abdc0c5573dbae", "645d1e39b6abdc0c55a79d35"]
    assert sorted(entries["duration_s"]) == [3993, 20105]
    assert entries["entry_type"].tolist() == ["REGULAR", "REGULAR"]
    assert "🔴🟡🔴 Clase de Español" in set(entries["description"])
    empty = ["rate_micros", "client_id", "client_name", "task_name", "currency", "tags"]
    assert entries[empty].isna().all(axis=None)


def test_a_report_of_2026_without_project_and_rate(shared_samples):
    """Members that only newer reports have do not matter."""
    path = shared_samples("clockify/samples/json/report_detailed_entry_2026_shape.json")

    read = read_report(sample(path), currency="EUR")

    assert read.set_aside == []
    (entry,) = read.entries.to_dict("records")
    assert entry["start"] == datetime(2026, 5, 6, 8, tzinfo=UTC)
    assert entry["duration_s"] == 32400
    assert entry["billable"] is False or not entry["billable"]
    assert read.entries["project_name"].isna().all()


# --- members -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [..., None, ""])
@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("userName", "user_name"),
        ("userEmail", "user_email"),
        ("projectId", "project_id"),
        ("projectName", "project_name"),
        ("clientId", "client_id"),
        ("clientName", "client_name"),
        ("taskName", "task_name"),
    ],
)
def test_absent_null_and_empty_are_the_same(member, name, nothing):
    """Clockify says "none" in three ways; an entry without project has no empty id."""
    assert read_one(**{member: nothing})[name] is None


@pytest.mark.parametrize("nothing", [..., None])
def test_what_has_a_default_gets_it(nothing):
    """No description is an empty one, no type is REGULAR, no currency is the workspace's."""
    entry = read_one(description=nothing, type=nothing, currency=nothing)
    assert (entry["description"], entry["entry_type"], entry["currency"]) == ("", "REGULAR", "USD")
    assert read_one(default=None, currency=nothing)["currency"] is None


def test_names_of_tags_are_joined():
    """Of newer reports; older ones have ids only, which say nothing to a person."""
    tags = [{"_id": "1", "name": "Site"}, {"id": "2", "name": "Rain"}, {"_id": "3"}]
    assert read_one(tags=tags)["tags"] == "Site, Rain"
    assert read_one(tags=[])["tags"] is None
    assert read_one(tagIds=["1"])["tags"] is None


@pytest.mark.parametrize(
    ("start", "instant"),
    [
        ("2026-05-06T08:00:00Z", datetime(2026, 5, 6, 8, tzinfo=UTC)),
        ("2026-05-06T08:00:00.250Z", datetime(2026, 5, 6, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-05-06T08:00:00+10:00", datetime(2026, 5, 5, 22, tzinfo=UTC)),
        ("2026-05-06T08:00:00-0330", datetime(2026, 5, 6, 11, 30, tzinfo=UTC)),
        ("2026-05-06T08:00:00+05:45", datetime(2026, 5, 6, 2, 15, tzinfo=UTC)),
        ("2026-05-06T08:00:00+14:00", datetime(2026, 5, 5, 18, tzinfo=UTC)),
        ("2026-05-06T08:00Z", datetime(2026, 5, 6, 8, tzinfo=UTC)),
    ],
)
def test_any_offset_is_an_instant(start, instant):
    """The report writes times in the zone that it was asked for."""
    interval = {"start": start, "end": "2026-05-07T09:00:00Z"}
    assert read_one(timeInterval=interval)["start"] == instant


@pytest.mark.parametrize(
    "start",
    [None, ..., "", "2026-05-06T08:00:00", "2026-05-06", "yesterday", "2026-02-30T08:00:00Z",
     "2026-05-06T25:00:00Z", 1778054400, "2026-05-06T08:00:00 Europe/Paris", "-00:00", "Z"],
)  # fmt: skip
def test_a_start_that_is_no_instant_sets_the_row_aside(start):
    """Without an offset nobody can know which instant is meant, and so which day."""
    interval = {"start": start, "end": "2026-05-07T09:00:00Z", "duration": 60}
    if start is ...:
        del interval["start"]
    assert "start is missing" in problem_of(timeInterval=interval)


def test_an_end_that_cannot_be_read_is_no_running_timer():
    """Such a row is bad, and told: "running" would be a lie."""
    interval = {"start": "2026-05-06T08:00:00Z", "end": "five", "duration": 60}
    assert "start is missing" in problem_of(timeInterval=interval)


def test_without_a_duration_the_ends_say_it():
    """The core host writes durations as text, and some rows have none: end minus start counts."""
    interval = {"start": "2026-05-06T08:00:00Z", "end": "2026-05-06T08:10:59.9Z"}
    assert read_one(timeInterval=interval)["duration_s"] == 659
    assert read_one(timeInterval={**interval, "duration": "PT10M59S"})["duration_s"] == 659


@pytest.mark.parametrize("end", [{}, {"end": None}, {"end": None, "duration": None}])
def test_a_running_timer_has_neither_end_nor_duration(end):
    """It is still an entry, and will be explained."""
    entry = read_one(timeInterval={"start": "2026-05-06T08:00:00Z", **end})
    assert (entry["end"], entry["duration_s"]) == (None, None)


@given(st.decimals(0, 10**9, places=8))
def test_rates_keep_their_fractions(hundredths):
    """A rate of 7550.5 hundredths is 75.505: millionths hold it to the digit."""
    micros = (hundredths * 10_000).to_integral_value(ROUND_HALF_UP)
    # The last row is whole, as most are; it must not turn the others into floats.
    rows = [row(_id="a", rate=hundredths), row(_id="b", rate=4500)]

    read = read_report(rows, currency="USD")

    assert read.entries["rate_micros"].tolist() == [micros, 45_000_000]


def test_a_float_rate_is_what_was_written():
    """0.1 on the wire is a tenth, even when a reader has made a float of it."""
    assert read_one(rate=4500.1)["rate_micros"] == 45_001_000


@pytest.mark.parametrize(
    ("members", "micros"),
    [
        ({"rate": None, "earnedRate": 5000}, 50_000_000),
        ({"rate": ..., "earnedRate": Decimal("5000.5")}, 50_005_000),
        ({"rate": 4500, "earnedRate": 5000}, 45_000_000),
        ({"rate": 0, "earnedRate": 5000}, 0),
        ({"rate": None}, None),
        ({"rate": True}, None),
        ({"rate": "4500"}, None),
    ],
)
def test_where_the_rate_stands(members, micros):
    """`rate`, else `earnedRate`; what is not a number is no rate. No rate is not 0."""
    assert read_one(**members)["rate_micros"] == micros


@pytest.mark.parametrize("approved", [True, False])
def test_approval_is_that_of_the_reading(approved):
    """A report does not say it for a row; the request for the report does."""
    read = read_report([row(_id="a"), row(_id="b")], currency="USD", approved=approved)
    assert read.entries["approved"].tolist() == [approved, approved]


# --- rows that are none ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "about"),
    [
        ({"_id": None}, "entry_id"),
        ({"_id": ""}, "entry_id"),
        ({"_id": "x" * 65}, "entry_id"),
        ({"_id": 17}, "entry_id"),
        ({"userId": ...}, "user_id"),
        ({"userId": ""}, "user_id"),
        ({"timeInterval": None}, "start"),
        ({"timeInterval": "08:00-17:00"}, "start"),
        ({"type": "EXPENSE"}, "entry_type"),
        ({"billable": None}, "billable"),
        ({"billable": "yes"}, "billable"),
        ({"billable": [True]}, "billable"),
        ({"rate": -1}, "rate_micros"),
        ({"rate": Decimal("1e30")}, "rate_micros"),
        ({"rate": Decimal("1e9999999")}, "rate_micros"),
        ({"rate": 1e300}, "rate_micros"),
        ({"rate": 10**30}, "rate_micros"),
        ({"rate": 10**15}, "rate_micros"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_others_stay(members, about):
    """One bad row never stops a run; the reason names the member."""
    assert f"{about} is" in problem_of(**members)


@pytest.mark.parametrize(
    ("duration", "entry_type", "good"),
    [(1800, "REGULAR", True), (1801, "REGULAR", True), (36_000, "REGULAR", False),
     (0, "REGULAR", False), (36_000, "TIME_OFF", True)],
)  # fmt: skip
def test_a_duration_that_start_and_end_contradict_sets_the_row_aside(duration, entry_type, good):
    """The report is not rounded, so nothing explains another duration."""
    interval = {
        "start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:30:00Z", "duration": duration,
    }  # fmt: skip
    row = {**ROW, "timeInterval": interval, "type": entry_type}
    read = read_report([row], currency=None)

    assert len(read.entries) == good
    assert [aside.entry_id for aside in read.set_aside] == [] if good else [ROW["_id"]]
    assert all("end minus start 1800" in aside.problem for aside in read.set_aside)


@pytest.mark.parametrize("duration", [-5, 10**30])
def test_a_duration_that_cannot_be_sets_the_row_aside(duration):
    """Nobody works a negative time, or longer than the data covers."""
    interval = {**ROW["timeInterval"], "duration": duration}
    assert "duration_s is" in problem_of(timeInterval=interval)


def test_an_entry_that_ends_before_it_starts_is_set_aside():
    """With the duration left to be worked out."""
    interval = {"start": "2026-05-06T08:00:00Z", "end": "2026-05-06T07:00:00Z"}
    assert "duration_s is" in problem_of(timeInterval=interval)


def test_what_is_set_aside_bears_its_id():
    """A person can look it up; a row without an id says so."""
    rows = ["rubbish", None, row(userId=None), row(_id=None)]
    read = read_report(rows, currency="USD")
    assert len(read.entries) == 0
    found = {(aside.entry_id, aside.problem.partition(" (")[0]) for aside in read.set_aside}
    assert found == {
        (None, "the row is not a JSON object"),
        (ROW["_id"], "user_id is missing"),
        (None, "entry_id is missing"),
    }
    assert read.set_aside.count(SetAside(None, "the row is not a JSON object")) == 2


def test_a_row_that_comes_twice_is_one_entry():
    """While people edit, entries move between pages; the later reading counts."""
    rows = [row(description="old"), row(_id="other"), row(description="new")]
    read = read_report(rows, currency="USD")
    assert sorted(read.entries["description"]) == ["Test A", "new"]
    assert len(read_report([row(_id=None)] * 2, currency="USD").set_aside) == 2


def test_no_rows_are_no_entries():
    """A window without entries has the same columns."""
    read = read_report([], currency="USD")
    assert read.entries.columns.tolist() == list(TimeEntries.to_schema().columns)
    assert (len(read.entries), read.set_aside) == (0, [])


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["2026-05-06T08:00:00Z", "REGULAR", "0001-01-01T00:00:00Z",
                       "9999-12-31T23:59:59-14:00", 2**63, -(2**63), 10**400])
)  # fmt: skip
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["start", "end", "duration", "name", "x"]), inner)
    ),
    max_leaves=6,
)
members = [*ROW, "tags", "taskName", "earnedRate", "", "approved"]
rubbish = st.lists(
    json_values
    | st.dictionaries(st.sampled_from(members), json_values)
    | st.builds(lambda name, value: row(**{name: value}), st.sampled_from(members), json_values)
    | st.builds(
        lambda name, value: row(timeInterval={**ROW["timeInterval"], name: value}),
        st.sampled_from(["start", "end", "duration"]),
        scalars,
    ),
    max_size=5,
)


@given(rubbish, st.sampled_from([None, "", "USD"]))
def test_no_json_stops_a_run_and_no_row_is_lost(rows, currency):
    """Whatever a report holds, each distinct row is an entry or is set aside with its reason."""
    read = read_report([*rows, row(_id="good")], currency=currency)

    ids = [r["_id"] for r in rows if isinstance(r, dict) and isinstance(r.get("_id"), str)]
    distinct = len(rows) - len(ids) + len(set(ids) | {"good"})
    assert len(read.entries) + len(read.set_aside) == distinct
    assert "good" in set(read.entries["entry_id"])
    assert all(aside.problem for aside in read.set_aside)
    TimeEntries.validate(read.entries)
