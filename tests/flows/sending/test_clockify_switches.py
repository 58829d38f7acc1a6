"""What goes to QuickBooks hangs on nothing that is not known of Clockify (FACTS, Clockify, 11)."""

import pytest

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


def test_a_send_would_be_the_same_whatever_is_not_known(shared_house, monkeypatch):
    """The plan of two days is the same, however Clockify answers."""

    def plan():
        days = ("--start", "2026-10-20", "--end", "2026-10-21", "--approved-only")
        return shared_house.run("send", *days, "--dry-run", "--json").document["entries"]

    usual = plan()
    assert {row["state"] for row in usual} >= {"ready", "skipped"}
    for answers in (OTHER_WAY, SMALL_PAGES):
        with monkeypatch.context() as patch:
            for name, answer in answers.items():
                patch.setattr(shared_house.clockify.switches, name, answer)
            assert plan() == usual, answers
