"""Time that crosses midnight, in parts: from the setting to the books, all of them or none."""

from typing import Any

import pytest
from nights import DAYS, MIDNIGHT, PARTS, books, close_after_the_look, send, stick

pytestmark = pytest.mark.usefixtures("in_this_process")

#: The setting is off again.
OFF = {"CLOCKBOOKS_SPLIT": "none"}


def rows(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("date", "minutes", "state", "reason")
    return [tuple(row[name] for name in names) for row in document["entries"]]


def test_a_night_is_booked_on_both_of_its_days(night, reckon, rows_of):
    """By the connection's setting; rounded as a whole, and all else as the entry says."""
    assert night.run("configure", "--set", "split=midnight").code == 0
    shown = send(night, "--dry-run").document
    assert rows(shown) == [
        ("2026-09-21", 120, "ready", None), ("2026-09-22", 375, "ready", None)
    ]  # fmt: skip
    assert any("on each of its days" in note for note in shown["notes"])
    document = send(night).document

    id_ = night.night["id"]
    assert [row["entry_id"] for row in document["entries"]] == [id_, f"{id_}/2"]
    assert document["counts"] | {"sent": 2, "extracted": 2} == document["counts"]
    assert document["minutes_sent"] == 8 * 60 + 15
    whole = reckon(night, night.night)
    for row, (day, hours, minutes) in zip(document["entries"], PARTS, strict=True):
        activity = night.quickbooks.activities[row["time_activity_id"]]
        kind = activity["NameOf"]
        found = (
            (kind, activity[f"{kind}Ref"]["value"]),
            activity.get("CustomerRef", {}).get("value"),
            activity["TxnDate"], activity["Hours"], activity["Minutes"],
            activity["BillableStatus"], activity["HourlyRate"], activity["Description"],
        )  # fmt: skip
        assert found == ((*whole[:2],), whole[2], day, hours, minutes, *whole[6:])
    assert not rows_of(night, "parts")
    assert rows(send(night).document) == [
        ("2026-09-21", 120, "skipped", "already_sent"),
        ("2026-09-22", 375, "skipped", "already_sent"),
    ]
    assert books(night) == PARTS


def test_no_part_goes_where_another_cannot(night, rows_of):
    """The books of the first day are closed: the second day waits too, and says why."""
    night.quickbooks.people.close_books("2026-09-21")
    sent = send(night)

    assert sent.code == 3
    assert [row["reason"] for row in sent.document["entries"]] == ["books_closed"] * 2
    assert "another one cannot go now" in sent.document["entries"][1]["detail"]
    assert (books(night), rows_of(night, "ledger")) == ([], [])
    night.quickbooks.people.close_books(None)
    assert send(night).code == 0
    assert books(night) == PARTS


def test_what_quickbooks_took_of_a_refused_entry_is_taken_back(night, rows_of):
    """It refuses one part and takes the other: none is in the books, and both go later."""
    close_after_the_look(night)
    sent = send(night)

    assert sent.code == 3
    assert [row["reason"] for row in sent.document["entries"]] == ["qbo_refused"] * 2
    assert "was taken back" in sent.document["entries"][1]["detail"]
    assert sent.document["counts"]["sent"] == 0
    assert {row["state"] for row in rows_of(night, "ledger")} == {"refused", "recalled"}
    assert (books(night), rows_of(night, "parts")) == ([], [])

    night.quickbooks.people.close_books(None)
    again = send(night)
    assert (again.code, again.document["counts"]["sent"]) == (0, 2)
    assert books(night) == PARTS


def test_what_cannot_be_taken_back_yet_is_told_and_the_next_send_takes_it_back(night):
    """QuickBooks takes one part of two, and answers nothing more to that run."""
    close_after_the_look(night)

    def fall_silent(answer):
        night.quickbooks.faults.plan("GET .*", "answer", status=503, times=99)
        return answer

    night.quickbooks.faults.plan("POST .*/batch", "edit", edit=fall_silent)
    sent = send(night)
    assert len(books(night)) == 1
    assert any("The next run takes it back." in note for note in sent.document["notes"])

    night.quickbooks.faults.clear()
    assert any("taken out of QuickBooks: part" in note for note in send(night).document["notes"])
    assert books(night) == []


@pytest.mark.parametrize(
    "change",
    [
        "shift",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("zone", "worker", "running", "off")
        ),
    ],
)
def test_a_part_that_stays_lets_no_other_go(night, rows_of, change):
    """Its invoice would be wrong: a person decides, and whatever changes, nothing is cut anew."""
    stays = stick(night)
    assert (books(night), len(rows_of(night, "parts"))) == (PARTS[1:], 2)
    options = {
        "zone": {"CLOCKBOOKS_TIMEZONE": "America/Denver"},
        "worker": {"CLOCKBOOKS_DAY_ZONE": "worker"},
        "off": OFF,
    }.get(change, {})
    if change == "worker":
        for user in night.clockify.users.values():
            user["settings"] = {"timeZone": "America/Denver"}
    was = dict(night.night)
    if change in {"shift", "running"}:
        ends = {"shift": "2026-09-22T10:10:00Z", "running": None}[change]
        night.night |= {"start": "2026-09-22T02:00:00Z", "end": ends}
    again = send(night, **options)

    first, second = again.document["entries"]
    assert (first["state"], second["reason"]) == ("rejected", "already_sent")
    assert f"TimeActivity {stays}" in first["detail"]
    assert "on an invoice" in first["detail"]
    assert books(night) == PARTS[1:]

    night.night |= was
    for invoice in list(night.quickbooks.people.company.invoices):
        night.quickbooks.people.delete_invoice(invoice)
    taken_back = send(night)
    assert (taken_back.document["counts"]["sent"], rows_of(night, "parts")) == (2, [])
    assert books(night) == PARTS


@pytest.mark.parametrize("what", ["edited", pytest.param("invoiced", marks=pytest.mark.slow)])
def test_what_people_do_to_a_part_meanwhile_is_told(night, what):
    """An edit stays; of what came onto an invoice, somebody looks at the invoice."""
    night.quickbooks.switches.billed_can_be_deleted = True

    def meddle(answer: Any) -> Any:
        for id_, activity in list(night.quickbooks.activities.items()):
            if what == "edited":
                night.quickbooks.people.edit_time(id_, Description="Mine")
            else:
                customer = activity["CustomerRef"]["value"]
                night.quickbooks.people.invoice(customer, id_, DocNumber="R-77")
        return answer

    where = "POST .*/batch" if what == "edited" else r"GET .*/query\?.*Id(%20|\+)IN"
    close_after_the_look(night)
    night.quickbooks.faults.plan(where, "edit", edit=meddle)
    sent = send(night)

    told = " ".join(sent.document["notes"])
    assert ("edited it" in told, "Invoice R-77" in told) == (what == "edited", what == "invoiced")
    assert len(books(night)) == (what == "edited")


def test_an_entry_stays_whole_as_it_was_sent(night):
    """Whatever the settings say later; taken back, it goes as they say."""
    assert send(night, **OFF).document["counts"]["sent"] == 1
    (row,) = send(night).document["entries"]
    assert (row["reason"], books(night)) == ("already_sent", [("2026-09-21", 8, 15)])
    compared = night.run("reconcile", *DAYS, "--json", **MIDNIGHT).document
    assert compared["counts"] == {"agrees": 1}

    assert night.run("recall", *DAYS, "--yes", "--json").code == 0
    assert send(night).document["counts"]["sent"] == 2
    assert books(night) == PARTS


@pytest.mark.parametrize(
    "options",
    [
        {"CLOCKBOOKS_ROUNDING": "down:480", "CLOCKBOOKS_TIMEZONE": "UTC"},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"CLOCKBOOKS_ROUNDING": "down:480"}, marks=pytest.mark.slow),
        pytest.param({"CLOCKBOOKS_TIMEZONE": "UTC"}, marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_an_entry_stays_in_parts_as_it_was_sent(night, options):
    """Whatever the settings say later: also what would cut it otherwise."""
    send(night)
    again = send(night, **OFF | options).document
    assert again["counts"]["skipped"] == {"already_sent": 2}
    compared = night.run("reconcile", *DAYS, "--json", **options).document
    assert compared["counts"] == {"agrees": 2}
    assert compared["totals"]["minutes"]["quickbooks"] == 495
    assert books(night) == PARTS


def test_the_parts_of_an_entry_are_taken_back_together(night):
    """By the id of one of them, or by its day; none where another one must stay."""
    id_ = night.night["id"]
    send(night)
    night.quickbooks.people.close_books("2026-09-21")
    kept = night.run("recall", "--entry", f"{id_}/2", "--yes", "--json")
    assert (kept.code, kept.document["counts"]["refused"]) == (3, {"books_closed": 2})
    assert books(night) == PARTS

    night.quickbooks.people.close_books(None)
    second_day = ("--start", "2026-09-22", "--end", "2026-09-22")
    back = night.run("recall", *second_day, "--yes", "--json").document
    assert [row["entry_id"] for row in back["entries"]] == [id_, f"{id_}/2"]
    assert (back["counts"]["recalled"], books(night)) == (2, [])

    life = night.run("entries", "--entry", id_, "--json").document
    assert [row["entry_id"] for row in life["entries"]] == [id_, f"{id_}/2"]
    told = [(one["entry_id"], one["event"]) for one in life["history"]]
    for part in (id_, f"{id_}/2"):
        events = [event for of, event in told if of == part and event != "judged"]
        assert events == ["claimed", "sent", "claimed", "recalled"]
    assert send(night, **OFF).document["counts"]["sent"] == 1  # whole again: the setting is off
    assert books(night) == [("2026-09-21", 8, 15)]


def test_parts_go_in_one_batch_however_small_batches_are(night):
    """Three days are five parts: one call, where batches are of one entry."""
    night.night["end"] = "2026-09-24T11:10:00Z"
    sizes: list[int] = []

    def note(answer: Any) -> Any:
        sizes.append(len(answer["BatchItemResponse"]))
        return answer

    night.quickbooks.faults.plan("POST .*/batch", "edit", times=9, edit=note)
    sent = send(night, CLOCKBOOKS_QBO_BATCH_SIZE="1", **MIDNIGHT).document

    assert [row["date"][-2:] for row in sent["entries"]] == ["21", "22", "22", "23", "23", "24"]
    assert sizes == [6]
    assert sum(row["minutes"] for row in sent["entries"]) == 56 * 60 + 15


def test_a_lost_answer_is_settled_for_all_parts(night, rows_of):
    """QuickBooks has both, and nobody knows: both are found, once."""
    night.quickbooks.faults.plan("POST .*/batch", "drop_after")
    assert send(night).document["counts"]["in_doubt"] == 2
    settled = night.run("settle", "--json").document

    assert sorted(settled["sent"]) == [night.night["id"], f"{night.night['id']}/2"]
    assert (books(night), rows_of(night, "parts")) == (PARTS, [])


def test_settling_takes_back_what_stands_alone(night, rows_of):
    """The run died after QuickBooks had taken one part and refused the other."""
    close_after_the_look(night)
    night.quickbooks.faults.plan("POST .*/batch", "answer", skip=1, status=503)
    send(night)
    assert books(night) == PARTS[1:]
    night.quickbooks.faults.clear()
    settled = night.run("settle", "--json").document

    assert settled["recalled"] == [f"{night.night['id']}/2"]
    assert (books(night), rows_of(night, "parts")) == ([], [])


@pytest.mark.slow
def test_a_row_of_a_file_is_the_entry_that_went_in_parts(night, export):
    """The export has it whole: it is recognized, and files are never split."""
    send(night)
    file = export(night)
    again = night.run("import", str(file), "--yes", "--json", **MIDNIGHT).document

    assert again["counts"]["skipped"] == {"already_sent": 1}
    assert books(night) == PARTS
    night.run("recall", *DAYS, "--yes", "--json")
    whole = night.run("import", str(file), "--yes", "--json", **MIDNIGHT).document
    assert (whole["counts"]["sent"], books(night)) == (1, [("2026-09-21", 8, 15)])


@pytest.mark.slow
def test_a_company_with_payroll_gets_a_whole_entry_first(night):
    """All of its parts, alone; refused, nothing of it stays and nothing else goes."""
    pairs = night.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": "true"})
    night.clockify.entries["f" * 24] = {
        **night.night, "id": "f" * 24,
        "start": "2026-09-22T14:00:00Z", "end": "2026-09-22T15:00:00Z",
    }  # fmt: skip
    refused = send(night)
    assert [row["reason"] for row in refused.document["entries"]] == [
        "qbo_refused", "qbo_refused", "not_attempted",
    ]  # fmt: skip
    assert books(night) == []

    night.quickbooks.switches.payroll_code = None
    sent = send(night, "--retry-refused", **MIDNIGHT)
    assert sent.document["counts"]["sent"] == 3
    assert books(night) == [*PARTS[:1], ("2026-09-22", 1, 0), *PARTS[1:]]


@pytest.mark.slow
def test_marks_in_clockify_are_of_the_whole_entry(night):
    """The tag of sent entries, once; the invoiced mark, once all of its parts are on one."""
    id_ = night.night["id"]
    night.environment["CLOCKBOOKS_SENT_TAG"] = "In QuickBooks"
    night.night["approved"] = False  # else it is locked
    sent = send(night).document["entries"]
    tags = {tag["id"] for tag in night.clockify.tags.values() if tag["name"] == "In QuickBooks"}
    assert tags & set(night.clockify.entries[id_]["tagIds"])

    def mark() -> bool:
        done = night.run("reconcile", *DAYS, "--mark-invoiced", "--yes", "--json")
        assert done.code == 0, done.err
        return bool(night.clockify.entries[id_].get("invoiced"))

    customer = night.quickbooks.activities[sent[0]["time_activity_id"]]["CustomerRef"]["value"]
    night.quickbooks.people.invoice(customer, sent[0]["time_activity_id"])
    assert not mark()
    second = night.quickbooks.people.invoice(customer, sent[1]["time_activity_id"])
    assert mark()
    night.quickbooks.people.delete_invoice(second)
    assert not mark()


@pytest.mark.slow
def test_what_the_books_have_of_an_entry_is_adopted_whole_or_not(night):
    """The ledger was lost: both parts become sent; one alone never does."""
    kept = (night.folder / "clockbooks.db").read_bytes()
    send(night)
    for file in night.folder.glob("clockbooks.db*"):
        file.unlink()
    (night.folder / "clockbooks.db").write_bytes(kept)
    first = ("--start", "2026-09-21", "--end", "2026-09-21")
    lost = min(night.quickbooks.activities)
    activity = night.quickbooks.activities.pop(lost)
    near = night.run("adopt", *first, "--yes", "--json", **MIDNIGHT).document
    assert near["counts"] == {"adopted": 0, "near": 1, "unknown": 0}
    assert set(send(night).document["counts"]["rejected"]) == {"maybe_in_books"}

    night.quickbooks.activities[lost] = activity
    adopted = night.run("adopt", *first, "--yes", "--json", **MIDNIGHT).document
    assert adopted["counts"] == {"adopted": 2, "near": 0, "unknown": 0}
    assert send(night).document["counts"]["skipped"] == {"already_sent": 2}
    assert books(night) == PARTS


@pytest.mark.slow
def test_parts_by_the_day_and_by_the_workers_zone(night):
    """Each part is rounded with its day; midnight is the worker's own."""
    for user in night.clockify.users.values():
        user["settings"] = {"timeZone": "America/New_York"}
    night.night |= {"start": "2026-09-22T03:20:00Z", "end": "2026-09-22T11:10:00Z"}
    settings = {"CLOCKBOOKS_DAY_ZONE": "worker", "CLOCKBOOKS_ROUNDING_PER": "day", **MIDNIGHT}
    shown = send(night, "--dry-run", **settings).document
    assert rows(shown) == [
        ("2026-09-21", 45, "ready", None), ("2026-09-22", 435, "ready", None)
    ]  # fmt: skip
    night.night["start"] = "2026-09-22T03:50:00Z"  # ten minutes: no part of its own
    assert rows(send(night, "--dry-run", **settings).document) == [
        ("2026-09-22", 435, "ready", None)
    ]


@pytest.mark.slow
def test_no_batch_divides_an_entry(week):
    """Nine nights in batches of three: two parts in each call, and all of them in the books."""
    for entry in week.clockify.entries.values():
        entry |= {"start": "2026-09-22T03:00:00Z", "end": "2026-09-22T11:10:00Z"}
    calls: list[int] = []

    def note(answer: Any) -> Any:
        calls.append(len(answer["BatchItemResponse"]))
        return answer

    week.quickbooks.faults.plan("POST .*/batch", "edit", times=99, edit=note)
    sent = week.run("send", *DAYS, "--yes", "--json", **MIDNIGHT).document

    assert sent["counts"]["sent"] == 18
    assert calls == [2] * 9
    assert books(week) == [PARTS[0]] * 9 + [PARTS[1]] * 9


def test_what_went_from_a_file_gets_no_parts(night, export):
    """It was sent whole: Clockify's entry is recognized before it would be cut."""
    whole = night.run("import", str(export(night)), "--yes", "--json", **MIDNIGHT).document
    assert whole["counts"]["sent"] == 1
    (row,) = send(night).document["entries"]

    assert (row["entry_id"], row["reason"]) == (night.night["id"], "already_sent")
    assert books(night) == [("2026-09-21", 8, 15)]


@pytest.mark.slow
def test_each_part_counts_in_its_own_month(night):
    """Ten in the evening of August's last day: two hours are August's, the rest September's."""
    night.night |= {"start": "2026-09-01T03:00:00Z", "end": "2026-09-01T11:10:00Z"}
    tracked = {
        month: night.run("month", month, "--json", **MIDNIGHT).document["totals"]["minutes"]
        for month in ("2026-08", "2026-09")
    }
    assert tracked == {"2026-08": 120, "2026-09": 375}
    whole = night.run("month", "2026-09", "--json").document["totals"]["minutes"]
    assert whole == 0


@pytest.mark.slow
def test_no_outcome_stays_of_a_part_that_is_none_any_more(night):
    """What was rejected in parts, and sent whole later, is not listed as unsent."""
    night.quickbooks.people.close_books("2026-09-21")
    send(night)
    listed = night.run("entries", "--state", "unsent", "--json").document["entries"]
    assert len(listed) == 2
    night.quickbooks.people.close_books(None)
    assert send(night, **OFF).document["counts"]["sent"] == 1
    listed = night.run("entries", "--json").document["entries"]
    assert [(row["entry_id"], row["state"]) for row in listed] == [(night.night["id"], "sent")]


@pytest.mark.slow
@pytest.mark.parametrize("closed", [None, "2026-09-22"])
def test_no_part_is_listed_beside_the_whole_that_was_judged_after_a_recall(night, closed):
    """What went in parts, was taken back, and was judged whole is one entry, sent or not."""
    send(night)
    assert night.run("recall", *DAYS, "--yes", "--json").code == 0
    listed = night.run("entries", "--state", "unsent", "--json").document["entries"]
    assert [(row["minutes"], row["state"]) for row in listed] == [
        (120, "recalled"), (375, "recalled")
    ]  # fmt: skip
    night.quickbooks.people.close_books(closed)
    send(night, **OFF)

    state = "sent" if closed is None else "rejected"
    listed = night.run("entries", "--json").document["entries"]
    assert [(row["entry_id"], row["minutes"], row["state"]) for row in listed] == [
        (night.night["id"], 495, state)
    ]  # fmt: skip
    totals = night.run("month", "2026-09", "--json", **OFF).document["totals"]
    assert (totals["minutes"], totals["sent_minutes"]) == (495, 0 if closed else 495)
    (status,) = night.run("status", "--json").document["connections"]
    left = {"entries": 1, "minutes": 495} if closed else {"entries": 0, "minutes": 0}
    assert status["rejected"] == left
    assert status["skipped"] == {"entries": 0, "minutes": 0}
