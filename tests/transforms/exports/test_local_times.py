"""The nights when clocks are changed: told apart by the duration, or reported."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from schemas.exports import DateOrder
from transforms.exports.read import read_rows, recognize

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
HEADER = ["User", "Billable", "Start Date", "Start Time", "End Date", "End Time", "Duration (h)"]


def read(start, end, duration, *, timezone=BERLIN, header=HEADER):
    row = ["Ann", "No", start[:10], start[11:], end[:10], end[11:], duration]
    cells = dict(zip(HEADER, row, strict=True))
    frame = pd.DataFrame([[cells[name] for name in header]], index=[2], dtype="str")
    return read_rows(
        frame, recognize(header), order=DateOrder.YMD, timezone=timezone, currency="EUR"
    )


def instants(read_rows):
    (row,) = read_rows.entries.to_dict("records")
    return f"{row['start']:%d %H:%M}", f"{row['end']:%d %H:%M}", row["duration_s"] // 60


def test_a_repeated_hour_is_told_apart_by_the_duration():
    """On October 25, 2026, 02:30 occurs twice in Berlin."""
    first = read("2026-10-25 01:30:00", "2026-10-25 02:30:00", "01:00:00")
    second = read("2026-10-25 01:30:00", "2026-10-25 02:30:00", "02:00:00")

    assert instants(first) == ("24 23:30", "25 00:30", 60)
    assert instants(second) == ("24 23:30", "25 01:30", 120)
    assert [note.kind for note in second.notes] == ["clock_change"]


def test_an_end_before_its_start_in_the_repeated_hour_is_the_second_one():
    """From 02:50 to 02:10 there is only one possibility, whatever the columns."""
    found = read("2026-10-25 02:50:00", "2026-10-25 02:10:00", "", header=HEADER[:-1])

    assert instants(found) == ("25 00:50", "25 01:10", 20)


def test_a_skipped_hour_is_settled_by_the_duration():
    """On March 29, 2026, there is no 02:30 in Berlin; an end then was an hour's work or none."""
    found = read("2026-03-29 01:30:00", "2026-03-29 02:30:00", "01:00:00")

    assert instants(found) == ("29 00:30", "29 01:30", 60)


def test_what_the_duration_does_not_tell_is_reported_with_what_to_do():
    """Both within the repeated hour, or no duration, or one that fits neither."""
    for start, end, duration in [
        ("2026-10-25 02:10:00", "2026-10-25 02:40:00", "00:30:00"),
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00", ""),
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00", "05:00:00"),
        ("2026-03-29 02:10:00", "2026-03-29 02:40:00", "00:30:00"),
    ]:
        found = read(start, end, duration)

        assert found.entries.empty
        assert [(bad.line, bad.column) for bad in found.bad] == [(2, "Start Time")]
        assert "Europe/Berlin" in found.bad[0].why
        assert "--timezone" in found.bad[0].why


def test_a_start_in_the_repeated_hour_without_an_end_is_reported():
    """A duration from that time leads to two ends."""
    header = ["User", "Billable", "Start Date", "Start Time", "Duration (h)"]
    found = read("2026-10-25 02:10:00", "", "00:30:00", header=header)

    assert [bad.column for bad in found.bad] == ["Start Time"]


def test_work_over_a_change_of_clocks_is_as_long_as_it_was():
    """From 01:00 to 04:00 are two hours in spring and four in autumn."""
    assert instants(read("2026-03-29 01:00:00", "2026-03-29 04:00:00", "02:00:00"))[2] == 120
    assert instants(read("2026-10-25 01:00:00", "2026-10-25 04:00:00", "04:00:00"))[2] == 240


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(moments, st.integers(0, 23 * 3600), st.sampled_from(ZONES))
def test_an_instant_that_is_read_is_the_one_that_was_shown(start, duration_s, name):
    """Whatever the zone: the row comes back as it was, or it is reported; never moved."""
    zone = ZoneInfo(name)
    end = datetime.fromtimestamp(start.timestamp() + duration_s, UTC)
    shown = f"{duration_s // 3600}:{duration_s // 60 % 60:02}:{duration_s % 60:02}"
    texts = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" for moment in (start, end))

    found = read(*texts, shown, timezone=zone)

    if found.bad:
        assert start.astimezone(zone).replace(fold=1) != start.astimezone(zone).replace(fold=0)
    else:
        (row,) = found.entries.to_dict("records")
        assert (row["start"], row["end"], row["duration_s"]) == (start, end, duration_s)
        assert row["day"] == f"{start.astimezone(zone):%Y-%m-%d}"
