"""What is not known of the detailed report can be had either way."""

import csv
import io

import pytest
from clockify_studio import DESIGN, EURO, ONE, URGENT, entry

from connectors.standins.clockify.app import Switches


@pytest.fixture
def halves(clockify):
    """Give a workspace with one entry of an exact half of a quarter of an hour."""
    row = entry(3, "2026-08-05T08:00:00", minutes=22.5)
    clockify.entries.clear()
    clockify.entries[row["id"]] = row
    return clockify


def duration_and_amount(api, **body):
    (row,) = api.report(**body)["timeentries"]
    return row["timeInterval"]["duration"], row["amount"]


@pytest.mark.parametrize(("rounds", "duration"), [("up", 1800), ("down", 900)])
def test_an_exact_half_can_go_either_way(api, halves, switches, rounds, duration):
    """FACTS 5 and 11."""
    switches.half_rounds = rounds
    assert duration_and_amount(api, rounding=True)[0] == duration
    halves.settings["round"]["minutes"] = "1"
    assert duration_and_amount(api, rounding=True)[0] == (1380 if rounds == "up" else 1320)


@pytest.mark.usefixtures("halves")
@pytest.mark.parametrize(("rounds", "amount"), [(True, 2250), (False, 1687.5)])
def test_amounts_can_be_rounded_or_not(api, switches, rounds, amount):
    """FACTS 4 and 11: which fields change was not captured; the totals go with the rows."""
    switches.rounds_amounts = rounds
    report = api.report(rounding=True)
    assert duration_and_amount(api, rounding=True) == (1800, amount)
    assert (report["totals"][0]["totalTime"], report["totals"][0]["totalAmount"]) == (1800, amount)


@pytest.mark.parametrize(("default", "duration"), [("workspace", 1800), ("never", 1350)])
def test_the_default_of_rounding_is_not_known(api, halves, switches, default, duration):
    """FACTS 4 and 11: so a caller says what it wants."""
    halves.settings["timeRoundingInReports"] = True
    switches.rounds_by_default = default
    assert duration_and_amount(api, rounding=None)[0] == duration
    assert duration_and_amount(api, rounding=False)[0] == 1350


@pytest.mark.parametrize(
    ("words", "nearest", "up"),
    [
        ("to", "Round to nearest", "Round up to"),
        ("short", "Round to nearest", "Round up"),
        ("capitals", "ROUND_TO_NEAREST", "ROUND_UP_TO"),
    ],
)
def test_the_modes_of_rounding_have_other_words(api, halves, switches, words, nearest, up):
    """FACTS 2.2: only "Round to nearest" was seen; the report rounds alike."""
    switches.rounding_words = words
    rule = halves.settings["round"]
    assert api("GET", "/workspaces").json()[0]["workspaceSettings"]["round"]["round"] == nearest
    rule["round"] = "Round up to"
    rule["minutes"] = "20"
    (workspace,) = api("GET", "/workspaces").json()
    assert workspace["workspaceSettings"]["round"] == {"round": up, "minutes": "20"}
    assert duration_and_amount(api, rounding=True)[0] == 2400


def test_rounding_needs_a_plan_that_has_it(api, halves):
    """FACTS 5: Standard and up."""
    halves.workspace["features"].remove("WORKSPACE_TIME_ROUNDING")
    assert duration_and_amount(api, rounding=True)[0] == 1350


@pytest.mark.parametrize(("refuses", "status"), [(True, 400), (False, 200)])
def test_a_range_over_a_year_can_be_refused(api, clockify, switches, refuses, status):
    """FACTS 4 and 11: on plans whose feature says a year; what is unlimited is never refused."""
    switches.refuses_over_a_year = refuses
    years = {"dateRangeStart": "2024-08-01T00:00:00"}
    assert api.ask_report(**years).status_code == 200
    clockify.workspace["features"].append("ONE_YEAR_RANGE_REPORTS")
    assert api.ask_report(**years).status_code == status
    assert api.ask_report(dateRangeStart="2025-09-01T00:00:00").status_code == 200
    clockify.workspace["features"].append("UNLIMITED_REPORTS")
    assert api.ask_report(**years).status_code == 200


@pytest.mark.parametrize("switches", [Switches(larger_pages="refused")])
def test_a_large_page_can_be_refused(api):
    """FACTS 1.5 and 11."""
    assert api.ask_report(detailedFilter={"page": 1, "pageSize": 1001}).status_code == 400
    assert api.ask_report(detailedFilter={"page": 1, "pageSize": 1000}).status_code == 200


@pytest.mark.parametrize("switches", [Switches(hidden_rates="missing")])
def test_rates_can_be_missing_rather_than_refused(api, plain, clockify):
    """FACTS 2.3: for those who may not see them."""
    clockify.settings["onlyAdminsSeeBillableRates"] = True
    assert not {"rate", "amount"} & set(plain.report()["timeentries"][0])
    assert "rate" in api.report()["timeentries"][0]


@pytest.mark.parametrize(("shape", "totals"), [("null", [None]), ("empty", [])])
def test_a_report_without_rows_has_no_totals_or_a_null(api, switches, shape, totals):
    """FACTS 4: recalled."""
    switches.empty_totals = shape

    report = api.report(description="nothing of the kind")

    assert (report["timeentries"], report["totals"]) == ([], totals)


@pytest.mark.parametrize(
    "switches",
    [Switches(tag_key="_id", shows_type=False, not_invoiced="empty", excluded_totals="null")],
)
def test_rows_have_other_shapes_in_other_sources(api):
    """FACTS 4: `_id` of tags, no `type`, an empty `invoicingInfo`, a null in the totals."""
    totals = {"detailedFilter": {"page": 1, "pageSize": 9, "options": {"totals": "EXCLUDE"}}}
    report = api.report(description="work 1", **totals)
    (row,) = report["timeentries"]
    assert row["tags"] == [{"_id": URGENT, "name": "urgent"}]
    assert ("type" in row, row["invoicingInfo"], report["totals"]) == (False, [], [None])


@pytest.mark.parametrize("switches", [Switches(serves_csv=True)])
def test_a_report_can_come_as_csv(api, clockify):
    """FACTS 4, 9.1 and 11: the sources disagree; in major units, in the zone asked for."""
    clockify.entries[ONE] |= {"description": 'say "hi"', "end": "2026-08-07T22:45:00Z"}
    one_day = {"dateRangeStart": "2026-08-08T00:00:00", "dateRangeEnd": "2026-08-08T23:59:59"}
    answer = api.ask_report(exportType="CSV", timeZone="Europe/Belgrade", **one_day)

    assert answer.headers["Content-Type"].startswith("text/csv")
    header, *lines = csv.reader(io.StringIO(answer.text))
    assert header[-2:] == ["Billable Rate (USD)", "Billable Amount (USD)"]
    assert lines == [
        [
            *("Website", "Acme", "say ''hi''", "Design", "Ada Byron", "", "ada.byron@example.com"),
            *("urgent", "Yes", "08/08/2026", "00:15:00", "08/08/2026", "00:45:00"),
            *("00:30:00", "0.50", "45.00", "22.50"),
        ]
    ]
    hidden = api.ask_report(exportType="CSV", amountShown="HIDE_AMOUNT")
    assert "Rate" not in hidden.text
    assert hidden.text.count("\n") == 6


@pytest.mark.parametrize(
    "body",
    [
        {"surprise": 1},
        {"detailedFilter": {"page": 1, "pageSize": 9, "surprise": 1}},
        {"users": {"ids": [], "surprise": 1}},
        {"archived": True},
        {"customFields": [{"id": "f" * 24}]},
        {"dateRangeType": "THIS_MONTH"},
    ],
)
def test_a_report_refuses_what_it_does_not_know(api, body):
    """Rather than ignore a filter in silence."""
    assert api.ask_report(**body).status_code == 501


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"tasks": {"ids": [], "status": "ARCHIVED"}}, [5, 3, 4, 2]),
        ({"tasks": {"ids": [], "status": "ACTIVE"}}, [5, 3, 4, 1, 2]),
        ({"tags": {"ids": [], "status": "ARCHIVED"}}, [5, 3, 4, 2]),
        ({"currency": {"ids": [EURO], "contains": "CONTAINS"}}, [4]),
        ({"currency": {"ids": [EURO], "contains": "DOES_NOT_CONTAIN"}}, [5, 3, 1, 2]),
        ({"exportType": "CSV", "userLocale": "en", "weekStart": "MONDAY"}, [5, 3, 4, 1, 2]),
    ],
)
def test_a_report_is_filtered_by_status_and_currency(api, body, found):
    """FACTS 4; what has no task or tag stays when they are asked by status."""
    assert api.numbers(**body) == found


def test_a_done_task_counts_as_archived(api, clockify):
    """FACTS 4: the report's words for a task's status are those of other things."""
    clockify.tasks[DESIGN]["status"] = "DONE"
    assert 1 not in api.numbers(tasks={"ids": [], "status": "ACTIVE"})
    assert 1 in api.numbers(tasks={"ids": [], "status": "ARCHIVED"})
    assert clockify.entries[ONE]["taskId"] == DESIGN
