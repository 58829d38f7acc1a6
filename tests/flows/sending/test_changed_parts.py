"""An entry in parts is compared as a whole, and taken back whole: the next send sends it anew."""

from typing import Any

import pytest
from nights import DAYS, MIDNIGHT, PARTS, bill, books, minutes, reconcile, send

pytestmark = pytest.mark.usefixtures("in_this_process")

REPAIR = ("--repair", "--yes")


def verdicts(document: dict[str, Any]) -> set[tuple[Any, ...]]:
    names = ("verdict", "blocked", "repair")
    return {tuple(row[name] for name in names) for row in document["entries"]}


@pytest.mark.parametrize(
    ("begins", "ends", "after"),
    [
        # By an hour, to midnight, by its own length, and so that two parts become four.
        ("22T04:00", "22T12:10", [("2026-09-21", 1, 0), ("2026-09-22", 7, 15)]),
        pytest.param("22T03:00", "22T05:00", [("2026-09-21", 2, 0)], marks=pytest.mark.slow),
        pytest.param("22T07:00", "22T15:10", [("2026-09-22", 8, 15)], marks=pytest.mark.slow),
        pytest.param("22T03:00", "23T09:00", [
            ("2026-09-21", 2, 0), ("2026-09-22", 12, 0), ("2026-09-22", 12, 0),
            ("2026-09-23", 4, 0),
        ], marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_what_has_moved_is_taken_back_and_sent_anew(night, begins, ends, after):
    """Whatever has changed of its time; a send alone changes nothing of it."""
    send(night)
    night.night |= {"start": f"2026-09-{begins}:00Z", "end": f"2026-09-{ends}:00Z"}
    assert send(night).document["counts"]["skipped"] == {"already_sent": 2}
    assert books(night) == PARTS

    found = reconcile(night, *REPAIR)
    assert verdicts(found) == {("changed_in_clockify", None, "deleted")}
    assert (books(night), any("sends them anew" in note for note in found["notes"])) == ([], True)
    assert send(night).document["counts"]["sent"] == len(after)
    assert books(night) == after
    assert set(reconcile(night)["counts"]) == {"agrees"}


@pytest.mark.slow
def test_put_back_as_it_was_it_goes_again(night):
    """Shortened to midnight, repaired, and longer again: all of it is in the books, and month."""
    send(night)
    night.night["end"] = "2026-09-22T05:00:00Z"
    reconcile(night, *REPAIR)
    night.night["end"] = "2026-09-22T11:10:00Z"
    assert send(night).document["counts"]["sent"] == 2
    assert books(night) == PARTS
    totals = night.run("month", "2026-09", "--json", **MIDNIGHT).document["totals"]
    assert totals["sent_minutes"] == totals["minutes"] == 495


@pytest.mark.slow
def test_words_project_and_zone_are_of_the_whole(night):
    """Another description takes it back whole; another zone or rounding is no difference."""
    send(night)
    for options in ({"CLOCKBOOKS_TIMEZONE": "UTC"}, {"CLOCKBOOKS_ROUNDING": "up:60"}):
        assert reconcile(night, **options)["counts"] == {"agrees": 2}
    night.night |= {"end": "2026-09-22T11:40:00Z", "description": "Other words"}
    shown = reconcile(night, CLOCKBOOKS_TIMEZONE="UTC")
    assert shown["counts"] == {"changed_in_clockify": 2}
    assert {row["step"] for row in shown["entries"]} == {"delete"}
    minutes_now = [row["differs"].get("minutes", {}).get("clockify") for row in shown["entries"]]
    assert minutes_now == [None, 405]

    assert verdicts(reconcile(night, *REPAIR, CLOCKBOOKS_TIMEZONE="UTC")) == {
        ("changed_in_clockify", None, "deleted")
    }
    send(night)
    assert books(night) == [PARTS[0], ("2026-09-22", 6, 45)]
    words = {row["Description"] for row in night.quickbooks.activities.values()}
    assert words == {"Other words"}


@pytest.mark.parametrize("billed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_where_one_part_is_billed_all_stay(night, billed):
    """Time that moves from one part to the other is in the books once, and a person is told."""
    sent = send(night).document["entries"]
    bill(night, sent[billed]["time_activity_id"])
    night.night |= {"start": "2026-09-22T04:00:00Z", "end": "2026-09-22T12:25:00Z"}
    found = reconcile(night, *REPAIR)

    assert verdicts(found) == {("changed_in_clockify", "billed", None)}
    assert all("on an invoice" in row["detail"] for row in found["entries"])
    assert sum("another part of its entry" in row["detail"] for row in found["entries"]) == 1
    assert (send(night).document["counts"]["sent"], books(night)) == (0, PARTS)


@pytest.mark.slow
def test_an_approval_that_is_withdrawn(night):
    """None goes where one is billed; approved again, it is right as it is."""
    night.night["approved"] = True
    sent = send(night, "--approved-only").document["entries"]
    invoice = bill(night, sent[0]["time_activity_id"])
    night.night["approved"] = False
    assert verdicts(reconcile(night, *REPAIR)) == {("unapproved_since", "billed", None)}
    assert books(night) == PARTS
    night.quickbooks.people.delete_invoice(invoice)
    assert verdicts(reconcile(night, *REPAIR)) == {("unapproved_since", None, "deleted")}
    night.night["approved"] = True
    send(night, "--approved-only")
    assert books(night) == PARTS


def test_what_people_edit_in_quickbooks_is_found_part_by_part(night):
    """An edit stays until Clockify is preferred."""
    sent = send(night).document["entries"]
    ids = [row["time_activity_id"] for row in sent]
    night.quickbooks.people.edit_time(ids[1], Description="Mine")
    assert reconcile(night)["counts"] == {"agrees": 1, "changed_in_quickbooks": 1}
    assert verdicts(reconcile(night, *REPAIR)) == {("changed_in_quickbooks", None, None)}
    found = reconcile(night, *REPAIR, "--prefer", "clockify")
    assert verdicts(found) == {("changed_in_quickbooks", None, "deleted")}
    assert books(night) == []
    send(night)
    assert books(night) == PARTS


@pytest.mark.slow
def test_what_people_delete_in_quickbooks_is_found_part_by_part(night):
    """What was deleted stays away until it is to be resent."""
    sent = send(night).document["entries"]
    del night.quickbooks.activities[sent[0]["time_activity_id"]]
    assert reconcile(night, *REPAIR)["counts"] == {"agrees": 1, "gone_from_quickbooks": 1}
    assert books(night) == PARTS[1:]
    found = reconcile(night, *REPAIR, "--resend")
    assert verdicts(found) == {("gone_from_quickbooks", None, "deleted")}
    send(night)
    assert books(night) == PARTS


@pytest.mark.slow
def test_a_timer_that_runs_again_is_waited_for(night):
    """No command changes anything about what was sent of it, or trips over it."""
    send(night)
    night.night["end"] = None
    assert verdicts(reconcile(night, *REPAIR)) == {("changed_in_clockify", None, None)}
    for name, command in {
        "send": ("send", *DAYS, "--yes"),
        "month": ("month", "2026-09"),
        "adopt": ("adopt", *DAYS, "--yes"),
        "live": ("entries", "--live", *DAYS),
    }.items():
        ran = night.run(*command, "--json")
        assert ran.code == 0, (name, ran.err)
        assert "Note: Note:" not in ran.err
    assert books(night) == PARTS


def test_what_is_no_work_any_more_or_gone_is_taken_back(night):
    """A break, and a deleted entry."""
    send(night)
    night.night["type"] = "BREAK"
    assert send(night).document["counts"]["skipped"] == {"already_sent": 2}
    assert verdicts(reconcile(night, *REPAIR)) == {("changed_in_clockify", None, "deleted")}
    night.night["type"] = "REGULAR"
    send(night)
    del night.clockify.entries[night.night["id"]]
    assert verdicts(reconcile(night, *REPAIR)) == {("gone_from_clockify", None, "deleted")}
    assert (books(night), night.run("audit", "verify").code) == ([], 0)


def test_a_comparison_of_one_day_takes_all_parts_along(night):
    """Moved to another week: both days' time is taken back by a look at the second one alone."""
    send(night)
    day = ("--start", "2026-09-22", "--end", "2026-09-22")
    compared = night.run("reconcile", *day, "--json").document
    assert compared["counts"] == {"agrees": 2}
    assert compared["totals"]["minutes"]["ledger"] == 375
    night.night |= {"start": "2026-09-25T14:00:00Z", "end": "2026-09-25T22:15:00Z"}
    night.run("reconcile", *day, *REPAIR, "--json", **MIDNIGHT)
    assert books(night) == []


def test_a_repair_whose_answer_is_lost_is_ended_by_the_next_run(night, rows_of):
    """QuickBooks has deleted both, or has refused one: nothing stands alone in the end."""
    send(night)
    night.night["end"] = "2026-09-22T12:10:00Z"
    night.quickbooks.faults.plan("POST .*/batch", "drop_after")
    assert verdicts(reconcile(night, *REPAIR)) == {("changed_in_clockify", None, "in_doubt")}
    assert len(rows_of(night, "parts")) == 2
    night.run("settle", "--json")
    assert (books(night), rows_of(night, "parts")) == ([], [])
    send(night)
    assert minutes(night) == 555


def test_nothing_leaves_the_books_that_the_next_send_would_not_put_back(night):
    """Words are corrected when a link, the setting, the rounding or the customer is another."""
    night.night["end"] = "2026-09-23T09:00:00Z"
    sent = send(night).document["entries"]
    customer = night.quickbooks.activities[sent[0]["time_activity_id"]]["CustomerRef"]["value"]
    before = books(night)
    night.night["description"] = "Other words"

    def stays(why: str, **options: str) -> None:
        found = reconcile(night, *REPAIR, **options)
        details = [row["detail"] for row in found["entries"]]
        assert [why in text for text in details] == [True] * 4, details
        assert {row["repair"] for row in found["entries"]} <= {None, "refused"}
        assert books(night) == before

    stays("longer than", CLOCKBOOKS_SPLIT="none")
    stays("0 min after rounding", CLOCKBOOKS_ROUNDING="down:6000")
    night.quickbooks.customers[customer]["Active"] = False
    stays("is inactive in QuickBooks")
    night.quickbooks.customers[customer]["Active"] = True
    assert night.run("unlink", "project", night.night["projectId"]).code == 0
    stays("clockbooks link")


def test_no_part_is_resent_beside_what_somebody_typed_in_again(night):
    """One part was deleted and typed in: all stay, also where the entry has another day by now."""
    sent = send(night).document["entries"]
    old = night.quickbooks.activities.pop(sent[1]["time_activity_id"])
    typed = night.quickbooks.books.activities.create(
        {name: value for name, value in old.items() if name not in {"Id", "SyncToken", "MetaData"}}
    )
    found = reconcile(night, *REPAIR, "--resend")
    details = [row["detail"] for row in found["entries"] if row["repair"] == "refused"]
    assert [f"delete TimeActivity {typed['Id']} in" in text for text in details] == [True, True]
    assert books(night) == PARTS

    night.quickbooks.people.edit_time(typed["Id"], TxnDate="2026-09-23")
    night.night["end"] = "2026-09-23T11:10:00Z"
    reconcile(night, *REPAIR, "--resend")
    assert len(books(night)) == 2
    night.quickbooks.people.delete_time(typed["Id"])
    reconcile(night, *REPAIR, "--resend")
    assert send(night).document["counts"]["sent"] == 4
    assert minutes(night) == 495 + 24 * 60
