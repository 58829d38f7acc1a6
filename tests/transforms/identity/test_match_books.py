"""Entries in doubt are found again by their content, twin by twin."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.quickbooks.batch import Done
from connectors.quickbooks.client import QuickBooks
from connectors.quickbooks.rate_limit.limiter import RateLimiter
from connectors.quickbooks.rate_limit.quotas import Quotas
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches, utc_now
from connectors.standins.server import serving
from transforms.identity.match_books import (
    Found,
    Place,
    Wanted,
    content_of,
    content_of_body,
    match_books,
    place_of,
)
from transforms.plan.activities import to_activities

BODY = {
    "TxnDate": "2026-03-02",
    "NameOf": "Employee",
    "EmployeeRef": {"value": "55"},
    "CustomerRef": {"value": "21"},
    "BillableStatus": "Billable",
    "HourlyRate": Decimal("75.5"),
    "Hours": 1,
    "Minutes": 30,
    "Description": "Drawings",
}


# --- the same content --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"Id": "145", "SyncToken": "3", "domain": "QBO"},
        {"EmployeeRef": {"value": "55", "name": "Ann Lee"}},
        {"TxnDate": "2026-03-02T00:00:00-08:00"},
        {"BillableStatus": "HasBeenBilled"},
        {"HourlyRate": Decimal("75.500")},
        {"HourlyRate": 75.5},
        {"HourlyRate": Decimal("75.4999")},
        {"Description": "Drawings\r\n"},
        {"Hours": 0, "Minutes": 90},
        {"Description": " Drawings \n"},
        {"ItemRef": {"value": "8"}, "Taxable": False},
    ],
)
def test_what_the_service_adds_or_trims_makes_no_other_content(change):
    """Names, times, tokens, trailing zeros and white space do not identify an entry."""
    assert content_of({**BODY, **change}) == content_of(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"EmployeeRef": {"value": "56"}},
        {"NameOf": "Vendor", "VendorRef": {"value": "55"}},
        {"CustomerRef": {"value": "22"}},
        {"CustomerRef": None},
        {"TxnDate": "2026-03-03"},
        {"Hours": 2},
        {"Minutes": 31},
        {"BillableStatus": "NotBillable"},
        {"HourlyRate": Decimal("75.51")},
        {"Description": "Drawing"},
        {"Description": None},
    ],
)
def test_another_value_is_another_content(change):
    """Each of these distinguishes two entries."""
    assert content_of({**BODY, **change}) != content_of(BODY)


def test_a_rate_counts_only_on_billable_time():
    """QuickBooks returns a rate of 0 where none was given."""
    plain = {**BODY, "BillableStatus": "NotBillable"}
    del plain["HourlyRate"]
    assert content_of({**plain, "HourlyRate": 0}) == content_of(plain)


@given(st.text(), st.text(" \t\n\u00a0"))
def test_white_space_around_a_description_does_not_count(text, space):
    """Services trim what they store."""
    told = {**BODY, "Description": text.rstrip()}
    assert content_of({**BODY, "Description": f"{space}{text}{space}"}) == content_of(told)


def test_a_long_description_is_known_by_its_beginning():
    """QuickBooks may cut what is longer than it keeps."""
    sent, kept = ({**BODY, "Description": "x" * length} for length in (4000, 3990))
    assert content_of(sent) == content_of(kept)


# --- twins -------------------------------------------------------------------------------------

contents = st.sampled_from([content_of({**BODY, "Minutes": minutes}) for minutes in range(3)])


def wanted(*contents, since=None, prefix="e"):
    return [Wanted(f"{prefix}{n}", one, since) for n, one in enumerate(contents)]


def in_books(*contents, at=None):
    return [Found(str(n), one, at) for n, one in enumerate(contents)]


@pytest.mark.parametrize(
    ("doubts", "found", "expected"),
    [
        ("71 72", "72", {1: 0}),
        ("71 72", "72 71", {0: 1, 1: 0}),
        ("71 72", "72 -", {0: 1, 1: 0}),
        ("- 72", "72 71", {0: 1, 1: 0}),
        ("71", "72", {}),
    ],
)
def test_pay_types_tell_twins_apart(doubts, found, expected):
    """QuickBooks may leave one out or fill one in, but takes none for another."""
    one, none = content_of(BODY), {"-": ""}
    mine, books = ([Place(none.get(id_, id_)) for id_ in ids.split()] for ids in (doubts, found))
    mine = [Wanted(f"e{n}", one, None, place) for n, place in enumerate(mine)]
    books = [Found(f"{n}", one, None, place) for n, place in enumerate(books)]
    matches = match_books(mine, [], books)
    assert matches.found == {f"e{doubt}": f"{row}" for doubt, row in expected.items()}


@pytest.mark.parametrize("member", ["ItemRef", "ClassRef", "DepartmentRef"])
def test_where_they_land_tells_twins_apart(member):
    """A row goes to the twin that was to land there, if there is one; else to any."""
    bodies = [BODY | {member: {"value": value}} for value in "12"]
    mine = [Wanted(f"e{n}", content_of(one), None, place_of(one)) for n, one in enumerate(bodies)]

    def found(value):
        row = BODY | {member: {"value": value}}
        return match_books(mine, [], [Found("7", content_of(row), None, place_of(row))]).found

    assert found("2") == {"e1": "7"}
    assert found("1") == {"e0": "7"}
    assert len(found("3")) == 1


@given(st.lists(contents, max_size=8), st.lists(contents, max_size=8), st.lists(contents))
def test_twins_are_counted(doubts, found, flying):
    """Two in doubt and one in the books means that one is missing: no activity is used twice.

    What a live run has in flight is counted first.
    """
    doubts, found = wanted(*doubts), in_books(*found)

    matches = match_books(doubts, wanted(*flying, prefix="live"), found)

    pairs = matches.found
    content = {one.key: one.content for one in doubts}
    booked = {one.id: one.content for one in found}
    assert len(set(pairs.values())) == len(pairs)
    assert all(content[key] == booked[id_] for key, id_ in pairs.items())
    free = Counter(booked.values()) - Counter(flying)
    assert Counter(content[key] for key in pairs) == Counter(content.values()) & free
    assert not matches.in_flight & pairs.keys()
    assert matches.in_flight == {
        key
        for key in content.keys() - pairs.keys()
        if content[key] in Counter(booked.values()) and content[key] in flying
    }


NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_each_doubt_takes_only_what_is_younger_than_its_own_claim():
    """A row made by hand before a claim is not that claim's, even if newer than another one."""
    same = content_of(BODY)
    old, young = Wanted("old", same, NOON), Wanted("young", same, NOON + 2 * HOUR)
    by_hand = Found("1", same, NOON + HOUR)

    assert match_books([young], [], [by_hand]).found == {}
    assert match_books([young, old], [], [by_hand]).found == {"old": "1"}
    for other in (Found("2", same, NOON + 3 * HOUR), Found("2", same, None)):
        both = match_books([old, young], [], [by_hand, other])
        assert both.found == {"old": "1", "young": "2"}


@pytest.mark.parametrize(
    ("change", "near"),
    [
        ({"Description": "Sketches"}, True),
        ({"Minutes": 45}, True),
        ({"TxnDate": "2026-03-09"}, True),
        ({"EmployeeRef": {"value": "56"}}, True),
        ({"CustomerRef": {"value": "22"}, "Description": "x", "Hours": 4}, True),
        ({"EmployeeRef": {"value": "56"}, "TxnDate": "2026-03-09", "Description": "x"}, False),
    ],
)
def test_an_edited_entry_is_near(change, near):
    """People correct a field or two: an activity that agrees in the rest may be the entry."""
    other = Found("1", content_of({**BODY, **change}), NOON + HOUR)
    doubt = Wanted("e", content_of(BODY), NOON)

    assert match_books([doubt], [], [other]).near == ({"e": ["1"]} if near else {})
    assert match_books([Wanted("e", content_of(BODY), NOON + 2 * HOUR)], [], [other]).near == {}


@pytest.mark.parametrize(
    "change",
    [
        {"TxnDate": "2026-03-09"},
        {"EmployeeRef": {"value": "56"}},
        {"TxnDate": "2026-03-09", "Hours": 2},
        {"NameOf": "Other", "OtherNameRef": {"value": "55"}},
    ],
)
def test_an_edited_entry_with_little_in_it_is_near(change):
    """Without a customer and a text, a field or two is all that a person can leave."""
    bare = {
        name: value for name, value in BODY.items() if name not in {"CustomerRef", "Description"}
    }
    other = Found("1", content_of({**bare, **change}), NOON + HOUR)

    assert match_books([Wanted("e", content_of(bare), NOON)], [], [other]).near == {"e": ["1"]}


def test_what_is_just_like_another_connections_doubt_is_not_near():
    """It is more likely that entry than an edited one of ours."""
    other = Found("1", content_of({**BODY, "Description": "Sketches"}), NOON + HOUR)
    doubt = Wanted("e", content_of(BODY), NOON)

    assert match_books([doubt], [], [other], {other.content}).near == {}


@pytest.mark.parametrize("strange", ["x", "1.5.2", "Infinity", "1e99"])
def test_numbers_that_are_none_equal_nothing(strange):
    """What another tool wrote does not stop the settling."""
    row = {**BODY, "Hours": strange, "HourlyRate": strange}

    assert content_of(row) != content_of(BODY)


# --- as the service tells it -------------------------------------------------------------------


@pytest.fixture(scope="module")
def books():
    """Yield a company on loopback, and a client to it."""
    scenario = {
        "realm_id": "77",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "company": {"CompanyName": "Fern & Moss", "DefaultTimeZone": "America/Los_Angeles"},
        "preferences": {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}},
        "customers": [{"Id": "21", "DisplayName": "Orchard"}],
        "employees": [{"Id": "55", "DisplayName": "Ann Lee"}],
        "vendors": [{"Id": "55", "DisplayName": "Ann Lee"}, {"Id": "7", "DisplayName": "Bo Li"}],
        "items": [],
    }
    limits = {"requests_per_second": None, "requests_per_minute": None, "batches_per_minute": None}
    standin = QuickBooksStandin(scenario, switches=Switches(**limits))
    with serving(standin.app) as url:
        client = QuickBooks(
            url=url,
            realm_id="77",
            access_token=standin.access_token,
            renew=lambda refused: refused,
            limiter=RateLimiter(Quotas(500, 10, 40, 10, 30, 10_000), now=utc_now, sleep=time.sleep),
            timeout_s=10,
        )
        yield client
        client.close()


@pytest.mark.parametrize("kind", ["employee", "vendor"])
def test_what_was_sent_is_recognized_in_the_books(plan, books, kind):
    """A body has the same content as the activity that QuickBooks creates from it."""
    rows = [
        {"description": "Drawings"},
        {"description": "  two  spaces, and trailing \n"},
        {"description": ""},
        {"description": '"Zoë" \\ 🙂 \u2028 <b>&amp;'},
        {"description": "word " * 900},
        {"rate_micros": 0},
        {"rate_micros": 75_505_050},
        {"rate_micros": 123_456_789_012},
        {"billable": False},
        {"billable": False, "project_id": None},
        {"duration_s": 60},
        {"duration_s": 86_100},
    ]
    linked = [
        {"kind": "user", "clockify_id": "u1", "qbo_kind": kind, "qbo_id": "55"},
        {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"},
    ]
    judged = plan(*[{**row, "entry_id": f"e{n}"} for n, row in enumerate(rows)], linked=linked)
    sent = to_activities(judged)["body"].tolist()

    outcomes = books.write_time_activities(
        [(f"b{n}", body) for n, body in enumerate(sent)], request_id=f"settling-{kind}"
    )

    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    told = {
        row["Id"]: row
        for row in books.time_activities("2026-03-02", "2026-03-02", created_from=None)
    }
    for outcome, body in zip(outcomes, sent, strict=True):
        assert content_of(told[outcome.qbo_id]) == content_of_body(body)
        assert json.loads(body)["Hours"] * 60 + json.loads(body)["Minutes"] > 0
