"""Reads of QuickBooks are metered by the month: jobs with nothing to do read next to nothing."""

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def asked(week):
    """Return what was asked of QuickBooks since this was called last, Intuit's tokens included."""

    def take():
        paths = [path for _, path, _ in week.quickbooks.requests]
        week.quickbooks.requests.clear()
        return [path.rpartition("/")[2] for path in paths]

    return take


def test_a_settle_with_nothing_in_doubt_asks_nothing(week, send_day, asked, execute):
    """Nor for a token, although the old one has ended."""
    assert send_day(week).code == 0
    execute(week, "UPDATE secrets SET access_expires_at = '2020-01-01 00:00:00.000000'")
    asked()

    ran = week.run("settle", "--json")

    assert ran.code == 0
    assert asked() == []


def test_a_send_with_nothing_new_reads_the_company_alone(week, send_day, asked):
    """Two reads; a third one where it syncs first."""
    send_day(week)
    asked()

    send_day(week)
    assert len(asked()) == 2
    send_day(week, "--sync")
    assert sorted(asked()) == ["9341450000000000042", "cdc", "preferences"]


def test_check_tells_the_reads_of_the_month(week, send_day):
    """All that was read by any command counts, and no write."""
    first = week.run("check", "--json").document["reads"]["used"]
    week.quickbooks.requests.clear()
    send_day(week)
    week.run("sync")

    found = week.run("check", "--json").document

    line = {row["name"]: row for row in found["checks"]}["Reads"]
    used = found["reads"]["used"]
    assert reads_of(week) == used - first > 0
    assert f"QuickBooks reads this month: {used} of 500,000" in line["found"]
    assert (line["state"], found["reads"]["allowance"]) == ("ok", 500_000)
    assert f"{week.quickbooks.now():%Y-%m}" == found["reads"]["month"]


@pytest.mark.parametrize(
    ("allowance", "state"), [(10, "warning"), pytest.param(1_000, "ok", marks=pytest.mark.slow)]
)
def test_check_warns_before_reads_are_used_up(week, allowance, state):
    """Other processes' reads count, and a tier with more reads is a setting."""
    settings = {"CLOCKBOOKS_QBO_READS_PER_MONTH": f"{allowance}"}

    ran = week.run("check", "--json", **settings)

    line = {row["name"]: row for row in ran.document["checks"]}["Reads"]
    assert (ran.code, line["state"]) == (0, state)
    assert f"of {allowance:,}" in line["found"]


def test_reads_of_a_run_that_fails_are_counted(week):
    """The run ends with an error; what it has read is known."""
    before = week.run("check", "--json").document["reads"]["used"]
    week.quickbooks.company["NameValue"] = [{"Name": "SubscriptionStatus", "Value": "EXPIRED"}]

    day = ("--start", "2026-09-22", "--end", "2026-09-22")
    assert week.run("send", *day, "--yes").code == 1
    after = week.run("check", "--json").document["reads"]["used"]

    assert after >= before + 4  # two of the send, and at least two of check itself


def reads_of(house):
    """Count the reads that have arrived since its requests were cleared."""
    return sum(
        method == "GET" and path.startswith("/v3/") for method, path, _ in house.quickbooks.requests
    )
