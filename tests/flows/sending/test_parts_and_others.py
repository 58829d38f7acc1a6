"""Entries in parts beside recalls with lost answers, files, adopted time and what people typed."""

from typing import Any

import pytest
from nights import (
    DAYS,
    MIDNIGHT,
    PARTS,
    bill,
    books,
    close_after_the_look,
    minutes,
    reconcile,
    send,
    stick,
)

from connectors.store.ledger import Ledger

pytestmark = pytest.mark.usefixtures("in_this_process")

FIRST = ("--start", "2026-09-21", "--end", "2026-09-21")
SECOND = ("--start", "2026-09-22", "--end", "2026-09-22")
OTHER = "f" * 24


def add_other(house: Any, **fields: Any) -> None:
    """Add an hour of the same person on the second day."""
    hour = {"start": "2026-09-22T14:00:00Z", "end": "2026-09-22T15:00:00Z"}
    house.clockify.entries[OTHER] = {**house.night, "id": OTHER, **hour, **fields}


def type_in(house: Any, hours: int, minutes: int) -> None:
    """Type time of the same person into QuickBooks, on the second day."""
    like = next(iter(house.quickbooks.activities.values()))
    fields = {"Hours": hours, "Minutes": minutes, "Description": "Typed in", "Id": "900"}
    house.quickbooks.activities["900"] = {**like, "TxnDate": "2026-09-22", **fields}


@pytest.mark.parametrize("lost", [1, pytest.param(9, marks=pytest.mark.slow)])
def test_no_half_is_left_by_a_recall_whose_answers_are_lost(week, rows_of, lost):
    """Nine nights in batches of three: some or all answers never come."""
    for entry in week.clockify.entries.values():
        entry |= {"start": "2026-09-22T03:00:00Z", "end": "2026-09-22T11:10:00Z"}
    send(week)
    week.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=1, times=lost)
    counts = week.run("recall", *DAYS, "--yes", "--json").document["counts"]
    assert counts["in_doubt"] == 2 * min(lost, 5)  # then it gives up
    week.quickbooks.faults.clear()
    week.run("settle", "--json")

    sent = {row["entry_id"] for row in rows_of(week, "ledger") if row["state"] == "sent"}
    assert all(f"{id_}/2" in sent for id_ in sent if "/" not in id_)
    assert len(sent) == len(week.quickbooks.activities)
    assert rows_of(week, "parts") == []


def test_a_recall_refused_in_part_is_told_and_ended_later(night, rows_of):
    """The books close in between and the answer is lost: the half is listed, and goes later."""
    send(night)

    def close(answer: Any) -> Any:
        night.quickbooks.people.close_books("2026-09-21")
        return answer

    night.quickbooks.faults.plan("GET .*query.*TimeActivity.*", "edit", skip=1, edit=close)
    night.quickbooks.faults.plan("POST .*/batch", "drop_after")
    night.run("recall", "--entry", f"{night.night['id']}/2", "--yes", "--json")
    night.quickbooks.faults.clear()
    settled = night.run("settle", "--json").document

    assert (books(night), len(rows_of(night, "parts"))) == (PARTS[:1], 2)
    assert any("books are closed" in note for note in settled["notes"])
    first, second = send(night).document["entries"]
    assert (first["reason"], second["state"]) == ("already_sent", "rejected")
    assert "books are closed" in second["detail"]
    night.quickbooks.people.close_books(None)
    assert send(night).document["counts"]["sent"] == 2
    assert (books(night), rows_of(night, "parts")) == (PARTS, [])


@pytest.mark.slow
def test_adopted_parts_stay_in_a_recall_of_days(night):
    """They were in the books before; of an entry that is longer by now, no part is added."""
    kept = (night.folder / "clockbooks.db").read_bytes()
    send(night)
    for file in night.folder.glob("clockbooks.db*"):
        file.unlink()
    (night.folder / "clockbooks.db").write_bytes(kept)
    adopted = night.run("adopt", *FIRST, "--yes", "--json", **MIDNIGHT).document
    assert adopted["counts"] == {"adopted": 2, "near": 0, "unknown": 0}

    add_other(night)
    night.night["end"] = "2026-09-23T09:00:00Z"
    assert send(night).document["counts"]["sent"] == 1
    back = night.run("recall", *SECOND, "--yes", "--json").document
    assert (back["counts"]["recalled"], books(night)) == (1, PARTS)
    assert any("2 entries stay in QuickBooks" in note for note in back["notes"])


def test_both_days_are_adopted_and_nothing_else_of_the_second(night):
    """Whether anything begins on the second day or not; other time of it is not asked about."""
    kept = (night.folder / "clockbooks.db").read_bytes()

    def lose() -> None:
        for file in night.folder.glob("clockbooks.db*"):
            file.unlink()
        (night.folder / "clockbooks.db").write_bytes(kept)

    send(night)
    lose()
    both = night.run("adopt", *DAYS, "--yes", "--json", **MIDNIGHT).document
    assert both["counts"] == {"adopted": 2, "near": 0, "unknown": 0}
    add_other(night)
    send(night)
    lose()
    first = night.run("adopt", *FIRST, "--yes", "--json", **MIDNIGHT).document
    assert first["counts"] == {"adopted": 2, "near": 0, "unknown": 0}
    second = night.run("adopt", *SECOND, "--yes", "--json", **MIDNIGHT).document
    assert second["counts"] == {"adopted": 1, "near": 0, "unknown": 0}


@pytest.mark.slow
def test_a_row_of_a_file_is_an_entry_of_which_a_later_part_stays(night, export):
    """Its first part is not there, by a person's word; the second one is billed."""
    night.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send(night)
    first, second = sorted(night.quickbooks.activities)
    del night.quickbooks.activities[first]
    night.run("settle", "--entry", night.night["id"], "--is-not-there", "--json")
    bill(night, second)
    night.run("settle", "--json")
    imported = night.run("import", str(export(night)), "--yes", "--json").document

    assert imported["counts"]["skipped"] == {"already_sent": 1}
    assert books(night) == PARTS[1:]


def test_what_people_typed_in_on_the_second_day_holds_parts_back(night):
    """Rejected whole, typed in on its second day; then the setting is on."""
    add_other(night)
    rate, night.night["rate"] = night.night["rate"], None
    send(night, CLOCKBOOKS_SPLIT="none")
    type_in(night, 8, 15)
    night.night["rate"] = rate
    sent = send(night).document

    assert sent["counts"]["sent"] == 0
    assert set(sent["counts"]["rejected"]) == {"maybe_in_books"}


def test_the_day_after_a_send_is_looked_at_again(night):
    """It was not over when the parts went: what somebody types in later is seen."""
    assert night.run("send", *FIRST, "--yes", "--json", **MIDNIGHT).document["counts"]["sent"] == 2
    add_other(night)
    type_in(night, 1, 0)
    sent = night.run("send", *SECOND, "--yes", "--json", **MIDNIGHT).document
    assert sent["counts"]["rejected"] == {"maybe_in_books": 1}


def test_parts_of_an_entry_that_another_run_sends_whole(night, monkeypatch):
    """A run says of all of them that the other one sent it, and none is listed as unsent."""
    claim, others = Ledger.claim, []

    def claim_late(*args: Any, **options: Any) -> Any:
        if not others:
            others.append(night.fork("send", *DAYS, "--yes", "--json"))
            with others[0] as process:
                process.communicate(timeout=60)
        return claim(*args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_late)
    sent = send(night).document
    assert sent["counts"]["skipped"] == {"already_sent": 2}
    assert (minutes(night), sent["counts"]["in_doubt"]) == (495, 0)
    listed = night.run("entries", "--json").document["entries"]
    assert [(row["entry_id"], row["state"]) for row in listed] == [(night.night["id"], "sent")]


@pytest.mark.slow
def test_a_month_counts_parts_that_were_sent_also_without_the_setting(night):
    """And not what is wrong with entries of the days before it, which it only reads."""
    night.night |= {"start": "2026-09-01T03:00:00Z", "end": "2026-09-01T11:10:00Z"}
    last = ("--start", "2026-08-31", "--end", "2026-08-31")
    night.run("send", *last, "--yes", "--json", **MIDNIGHT)
    add_other(night, start="2026-08-20T15:00:00Z", end="2026-08-20T14:00:00Z")
    for options in ({}, MIDNIGHT):
        month = night.run("month", "2026-09", "--json", **options).document
        assert month["totals"]["sent_minutes"] == month["ledger_minutes"] == 375
        assert month["set_aside"] == 0


@pytest.mark.slow
def test_what_is_said_of_an_edited_part_is_true(night):
    """It stays, and the command that a note names takes it back, by the id of either part."""

    def edit(answer: Any) -> Any:
        for id_ in list(night.quickbooks.activities):
            night.quickbooks.people.edit_time(id_, Description="Mine")
        return answer

    close_after_the_look(night)
    night.quickbooks.faults.plan("POST .*/batch", "edit", edit=edit)
    (note,) = [one for one in send(night).document["notes"] if "only a part" in one]
    named = note.split("`")[1].split()[1:]
    assert night.run(*named, "--dry-run", "--json").document["counts"]["ready"] == 1
    named[named.index("--entry") + 1] = night.night["id"]
    assert night.run(*named, "--yes", "--json").code == 0
    assert books(night) == []


@pytest.mark.slow
def test_a_part_that_stays_is_compared_and_its_rest_is_unsent(night):
    """The half that is billed stays whatever changes; Clockify's total is the whole's."""
    stick(night)
    found = reconcile(night)
    assert found["counts"] == {"agrees": 1, "unsent": 1}
    assert found["totals"]["minutes"]["clockify"] == 490
    night.night["end"] = "2026-09-22T12:10:00Z"
    found = reconcile(night, "--repair", "--yes")
    assert {row["blocked"] for row in found["entries"] if row["verdict"] != "unsent"} == {"billed"}
    assert books(night) == PARTS[1:]


@pytest.mark.slow
def test_an_answer_that_takes_a_part_away_opens_its_entry_again(night, rows_of, execute):
    """Both of two equal nights went, QuickBooks has the second, and no answer came back.

    The first one was given its time. Once the second one's call is repeated, the first is in doubt
    again; QuickBooks refuses one of its days, so that the other one is taken back.
    """
    night.clockify.entries["f" * 24] = {**night.night, "id": "f" * 24}
    for fault in ("drop_before", "drop_after"):
        night.quickbooks.faults.plan("POST .*/batch", fault)
    two = {"CLOCKBOOKS_QBO_BATCH_SIZE": "2", "CLOCKBOOKS_QBO_AT_WORK_S": "150"}
    assert send(night, **two).document["counts"]["in_doubt"] == 4
    night.quickbooks.faults.clear()
    settled = night.run("settle", "--json", CLOCKBOOKS_QBO_AT_WORK_S="150").document
    assert settled["sent"] == [night.night["id"], f"{night.night['id']}/2"]

    night.quickbooks.people.close_books("2026-09-21")
    execute(night, "UPDATE batches SET quiet_from = '2000-01-01 00:00:00'")
    settled = night.run("settle", "--json").document
    assert settled["recalled"] == [f"{night.night['id']}/2"]
    assert (books(night), rows_of(night, "parts")) == (PARTS, [])
    night.quickbooks.people.close_books(None)
    assert send(night).document["counts"]["sent"] == 2
    assert minutes(night) == 990


@pytest.mark.slow
def test_a_file_without_rates_sends_no_night_that_a_send_held_back(night, export):
    """It does not show the missing rate; what was said of the parts holds its whole row back."""
    rate, night.night["rate"] = night.night["rate"], None
    assert send(night).document["counts"]["rejected"] == {"billable_without_rate": 2}
    file = export(night, without=("Billable", "Billable Rate (USD)", "Billable Amount (USD)"))
    ran = night.run("import", str(file), "--yes", "--json", **MIDNIGHT).document
    assert ran["counts"]["rejected"] == {"billable_without_rate": 1}

    night.night["rate"] = rate
    assert (
        night.run("import", str(export(night)), "--yes", "--json").document["counts"]["sent"] == 1
    )
    listed = night.run("entries", "--json").document["entries"]
    assert [row["state"] for row in listed] == ["sent"]


@pytest.mark.slow
def test_a_row_of_a_file_that_stayed_is_not_listed_beside_the_parts(night, export):
    """The import rejected it whole, and the send takes it in parts."""
    rate, night.night["rate"] = night.night["rate"], None
    night.run("import", str(export(night)), "--yes", "--json", **MIDNIGHT)
    night.night["rate"] = rate
    assert send(night).document["counts"]["sent"] == 2
    listed = night.run("entries", "--json").document["entries"]
    assert [row["state"] for row in listed] == ["sent", "sent"]


@pytest.mark.slow
def test_what_to_do_about_a_batch_that_is_too_large(night):
    """Smaller batches; an entry with more parts than the company takes at once is to be split."""
    night.quickbooks.switches.largest_batch = 5
    night.night["end"] = "2026-09-24T11:10:00Z"
    add_other(night)
    *_, last = send(night, CLOCKBOOKS_QBO_BATCH_SIZE="30").document["entries"]
    assert "CLOCKBOOKS_QBO_BATCH_SIZE" in last["detail"]

    sent = send(night, CLOCKBOOKS_QBO_BATCH_SIZE="5").document
    assert (sent["counts"]["sent"], sent["counts"]["rejected"]) == (1, {"qbo_refused": 6})
    rejected = [row["detail"] for row in sent["entries"] if row["state"] == "rejected"]
    assert all("split the entry in Clockify" in detail for detail in rejected)
