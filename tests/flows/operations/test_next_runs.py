"""When a schedule comes next, as `clockbooks ui` says at its start."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from flows.operations.deployments import next_date

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "comes"),
    [
        (CronSchedule(cron="0 2 * * *", timezone="UTC"), "2026-12-01 02:00 UTC"),
        (CronSchedule(cron="0 2 * * *", timezone="America/Chicago"), "2026-12-01 02:00 CST"),
        (
            IntervalSchedule(interval=timedelta(hours=1), anchor_date=NOON - timedelta(minutes=50)),
            "2026-11-30 12:10 UTC",
        ),
        (RRuleSchedule(rrule="DTSTART:20261201T060000\nFREQ=DAILY"), "2026-12-01 06:00 UTC"),
        (RRuleSchedule(rrule="DTSTART:20250101T060000\nFREQ=DAILY;COUNT=1"), None),
    ],
)
def test_the_next_date_is_that_of_the_schedules_own_clock(schedule, comes):
    """Whatever kind of schedule somebody chose in Prefect's pages; one that is over has none."""
    found = next_date(schedule, NOON)

    assert (None if found is None else f"{found:%Y-%m-%d %H:%M %Z}") == comes
