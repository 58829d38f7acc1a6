"""Instants to local days: in any zone, over every change of the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.entries.local_days import local_days, month_slices, zone

#: Older clock changes, a minute past midnight, made days of two pieces; none has since 2012.
SINCE, UNTIL = datetime(2012, 1, 1), datetime(2037, 12, 31)  # noqa: DTZ001 - hypothesis wants it so

zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
instants = st.datetimes(SINCE, UNTIL, timezones=st.just(UTC))
days = st.dates(date(2000, 1, 1), date(2040, 12, 31))


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def days_of(moments, timezone):
    return local_days(pd.Series(moments, dtype="datetime64[us, UTC]"), timezone).tolist()


@given(st.lists(instants, max_size=20), zones)
def test_the_day_is_what_a_calendar_in_that_zone_shows(moments, timezone):
    """Column by column it is the same as moment by moment with the standard library."""
    assert days_of(moments, timezone) == [
        moment.astimezone(timezone).date().isoformat() for moment in moments
    ]


@pytest.mark.parametrize(
    ("timezone", "instant", "day"),
    [
        # as far from UTC as it gets, and by a quarter of an hour
        ("Pacific/Kiritimati", "2026-03-01T10:00:00Z", "2026-03-02"),
        ("Pacific/Kiritimati", "2026-03-01T09:59:59Z", "2026-03-01"),
        ("Pacific/Niue", "2026-03-02T10:59:59Z", "2026-03-01"),
        ("Pacific/Niue", "2026-03-02T11:00:00Z", "2026-03-02"),
        ("Asia/Kathmandu", "2026-03-01T18:14:59Z", "2026-03-01"),
        ("Asia/Kathmandu", "2026-03-01T18:15:00Z", "2026-03-02"),
        # summer time begins and ends
        ("America/Chicago", "2026-03-08T05:59:59Z", "2026-03-07"),
        ("America/Chicago", "2026-03-09T04:59:59Z", "2026-03-08"),
        ("America/Chicago", "2026-03-09T05:00:00Z", "2026-03-09"),
        ("Europe/Paris", "2026-10-24T22:00:00Z", "2026-10-25"),
        ("Europe/Paris", "2026-10-25T22:59:59Z", "2026-10-25"),
        ("Europe/Paris", "2026-10-25T23:00:00Z", "2026-10-26"),
        # a midnight that was skipped: 23:59:59, then 01:00
        ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04"),
        ("Africa/Cairo", "2024-04-25T21:59:59Z", "2024-04-25"),
        ("Africa/Cairo", "2024-04-25T22:00:00Z", "2024-04-26"),
        # the hour before midnight twice, so that midnight nearly came
        ("America/Sao_Paulo", "2018-02-18T01:59:59Z", "2018-02-17"),
        ("America/Sao_Paulo", "2018-02-18T02:00:00Z", "2018-02-17"),
        ("America/Sao_Paulo", "2018-02-18T03:00:00Z", "2018-02-18"),
        # the hour after midnight twice
        ("America/Havana", "2024-11-03T04:00:00Z", "2024-11-03"),
        ("America/Havana", "2024-11-03T05:30:00Z", "2024-11-03"),
    ],
)
def test_days_at_the_edges(timezone, instant, day):
    """The first and last instants of a day belong to it, whatever the clocks do."""
    assert days_of([at(instant)], ZoneInfo(timezone)) == [day]


def test_each_day_stands_in_its_row():
    """Text, with the index of the instants; no instants give no days."""
    moments = pd.Series(
        [at("2026-01-01T00:00:00Z"), at("2026-06-01T23:30:00Z")], index=[7, 3]
    ).astype("datetime64[us, UTC]")

    found = local_days(moments, ZoneInfo("Europe/Oslo"))

    assert found.to_dict() == {7: "2026-01-01", 3: "2026-06-02"}
    assert days_of([], ZoneInfo("Europe/Oslo")) == []


@given(days, st.integers(0, 1200))
def test_month_slices_have_every_day_exactly_once(start, length):
    """No day is read twice or left out, and no slice is longer than Clockify's 31 days."""
    slices = month_slices(start, start + timedelta(days=length))

    covered = [
        first + timedelta(days=n) for first, last in slices for n in range((last - first).days + 1)
    ]
    assert covered == [start + timedelta(days=n) for n in range(length + 1)]
    assert all((last - first).days < 31 for first, last in slices)
    assert all((first.year, first.month) == (last.year, last.month) for first, last in slices)


def test_a_window_that_ends_before_it_starts_has_no_slices():
    """Nothing is read for it."""
    assert month_slices(date(2026, 3, 2), date(2026, 3, 1)) == []


@pytest.mark.parametrize(
    "name", ["", "Paris", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "Europe", "\0", "é"]
)
def test_what_is_no_zone_is_refused_by_name(name):
    """The message shows the name, and what a valid one looks like."""
    with pytest.raises(ValueError, match="Use a name such as America/Chicago") as raised:
        zone(name)

    assert repr(name) in str(raised.value)


def test_a_zone_is_found_by_its_name():
    """IANA names, as Clockify has them."""
    assert zone("America/Chicago") == ZoneInfo("America/Chicago")
