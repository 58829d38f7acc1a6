"""What goes to QuickBooks hangs on nothing that is not known of Clockify (FACTS, Clockify, 11)."""

import pytest
from open_questions import other_answers

from connectors.standins.clockify.switches import Switches

pytestmark = pytest.mark.usefixtures("in_this_process")

#: Every open question, answered another way than usual; small pages apart: they would be refused.
OTHER_WAY = {
    "newer_report_times": True,
    "larger_pages": "refused",
    "window_zone": "owner",
    "deleted_user_email": None,
    "no_client_is_null": True,
    "half_rounds": "down",
    "rounds_by_default": "never",
    "rounds_amounts": False,
    "tag_key": "_id",
    "not_invoiced": "empty",
    "excluded_totals": "null",
    "shows_type": False,
    "keeps_request_id": False,
    "pending_is_locked": True,
}
SMALL_PAGES = {"largest_core_page": 7, "largest_report_page": 20}
ONE_BY_ONE = [
    {name: answer} for name, answers in other_answers(Switches).items() for answer in answers
]


@pytest.fixture(scope="module")
def usual(shared_house):
    """Return the plan as it usually is."""
    rows = plan(shared_house)
    assert {row["state"] for row in rows} >= {"ready", "skipped"}
    return rows


def plan(house):
    """Return the plan of two days."""
    days = ("--start", "2026-10-20", "--end", "2026-10-21", "--approved-only")
    return house.run_here("send", *days, "--dry-run", "--json").document["entries"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(OTHER_WAY, id="all at once"),
        pytest.param(SMALL_PAGES, id="small pages", marks=pytest.mark.slow),
        *(pytest.param(one, id=str(one), marks=pytest.mark.slow) for one in ONE_BY_ONE),
    ],
)
def test_a_send_would_be_the_same_whatever_is_not_known(shared_house, usual, monkeypatch, answers):
    """The plan of two days is the same, however Clockify answers."""
    for name, answer in answers.items():
        monkeypatch.setattr(shared_house.clockify.switches, name, answer)
    assert plan(shared_house) == usual
