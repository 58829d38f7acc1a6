"""One TimeActivity a day and customer, by setting: from the entries to the books, each once."""

from decimal import Decimal
from typing import Any

import pytest
from days import BY_DAY, DAY, books, only, reconcile, refuse, send

from connectors.store.ledger import Ledger

pytestmark = pytest.mark.usefixtures("in_this_process")

#: 70, 60 and 30 minutes, to the nearest quarter of an hour.
MINUTES = [75, 60, 30]
LINE = [(165, "Plan\nBuild")]
ALONE = {"CLOCKBOOKS_LINE_PER": "entry"}
APART = [(30, "Plan"), (60, "Build"), (75, "Plan")]


def slowly(*cases: str) -> list[Any]:
    """Return cases of a rule that others of its cases show in the fast suite."""
    return [pytest.param(case, marks=pytest.mark.slow) for case in cases]


def add(house: Any, id_: str, **fields: Any) -> None:
    """Add an hour at the end of the day, like the first entry but for some fields."""
    times = {"start": "2026-09-22T20:00:00Z", "end": "2026-09-22T21:00:00Z"}
    like = house.clockify.entries[house.ids[0]]
    house.clockify.entries[id_] = {**like, "id": id_, **times, "description": "More", **fields}


def test_a_day_for_a_customer_goes_as_one(workday, reckon, rows_of):
    """By the connection's setting: time added up, texts once each, and all else as they say."""
    assert workday.run("configure", "--set", "line_per=day").code == 0
    shown = workday.run("send", *DAY, "--dry-run", "--json").document
    assert {row["state"] for row in shown["entries"]} == {"ready"}
    notes = " ".join(shown["notes"])
    assert "goes as one TimeActivity" in notes
    assert "3 entries go as 1 TimeActivity." in notes
    document = workday.run("send", *DAY, "--yes", "--json").document

    activity = workday.quickbooks.activities[only(workday)]
    kind = activity["NameOf"]
    found = (
        kind, activity[f"{kind}Ref"]["value"], activity["CustomerRef"]["value"],
        activity["TxnDate"], activity["Hours"], activity["Minutes"], activity["BillableStatus"],
        Decimal(activity["HourlyRate"]), activity["Description"],
    )  # fmt: skip
    alone = reckon(workday, workday.clockify.entries[workday.ids[0]])
    assert found == (*alone[:4], 2, 45, *alone[6:8], "Plan\nBuild")
    assert [row["entry_id"] for row in document["entries"]] == workday.ids
    by_id = {row["entry_id"]: row for row in document["entries"]}
    assert [by_id[id_]["minutes"] for id_ in workday.ids] == MINUTES
    assert {row["time_activity_id"] for row in document["entries"]} == {only(workday)}
    assert (document["counts"]["sent"], document["minutes_sent"]) == (3, 165)
    [row] = rows_of(workday, "ledger")
    assert (row["entry_id"], row["minutes"]) == (workday.ids[0], 165)

    for options in (BY_DAY, {"CLOCKBOOKS_LINE_PER": "entry"}):
        again = send(workday, **options).document
        assert again["counts"]["skipped"] == {"already_sent": 3}
        assert {row["time_activity_id"] for row in again["entries"]} == {only(workday)}
    assert workday.run("audit", "verify").code == 0


def test_what_differs_goes_alone(workday):
    """In anything that the TimeActivity would say but for time and text."""
    add(workday, "1" * 24, billable=False)
    add(workday, "2" * 24, rate=4321)
    add(workday, "3" * 24, start="2026-09-23T16:00:00Z", end="2026-09-23T17:00:00Z")
    add(workday, "4" * 24, projectId=None, billable=False)
    wider = ("--start", "2026-09-22", "--end", "2026-09-23")
    assert workday.run("send", *wider, "--yes", "--json", **BY_DAY).document["counts"]["sent"] == 7
    assert books(workday) == [(60, "More")] * 4 + LINE


def test_what_is_tracked_later_makes_a_line_of_its_own(workday):
    """Nothing is added to what was sent; a single entry goes as it would without the setting."""
    send(workday)
    add(workday, "d" * 24)
    assert send(workday).document["counts"]["sent"] == 1
    add(workday, "e" * 24, start="2026-09-22T21:00:00Z", end="2026-09-22T22:00:00Z")
    add(workday, "f" * 24, start="2026-09-22T22:00:00Z", end="2026-09-22T23:00:00Z")
    assert send(workday).document["counts"]["sent"] == 2
    assert books(workday) == [(60, "More"), (120, "More"), *LINE]


@pytest.mark.slow
def test_entries_and_the_month_add_up(workday):
    """They stay entries: each with its own minutes, and the TimeActivity that it is in."""
    send(workday)
    listed = workday.run("entries", "--state", "sent", "--json").document["entries"]
    assert sorted(row["minutes"] for row in listed) == sorted(MINUTES)
    assert {row["time_activity_id"] for row in listed} == {only(workday)}
    month = workday.run("month", "2026-09", "--json", **BY_DAY).document
    assert month["totals"]["sent_minutes"] == month["ledger_minutes"] == 165
    sent = sum(row["amount_cents"] for row in listed)
    assert month["totals"]["sent_amount_cents"] == sent
    status = workday.run("status", "--json").document["connections"][0]
    assert status["in_doubt"] == 0
    compared = reconcile(workday)
    assert compared["counts"] == {"agrees": 3}
    assert set(compared["totals"]["minutes"].values()) <= {160, 165}
    assert compared["totals"]["minutes"]["quickbooks"] == 165

    life = workday.run("entries", "--entry", workday.ids[1], "--json").document
    told = [(one["event"], one["minutes"]) for one in life["history"] if one["event"] != "judged"]
    assert told == [("claimed", 60), ("sent", 60)]
    file, user = str(workday.folder / "share.jsonl"), listed[0]["user"]
    export = workday.run("audit", "export", "--file", file, "--user", user, "--json")
    assert export.document["entries"] == 3


def test_a_refused_line_rejects_each_of_its_entries(workday, rows_of):
    """With the fault; the same is not asked again, and another line is."""

    def close(answer: Any) -> Any:
        workday.quickbooks.people.close_books("2026-09-22")
        return answer

    workday.clockify.faults.plan("/reports/detailed", "edit", edit=close)
    sent = send(workday).document
    assert sent["counts"]["rejected"] == {"qbo_refused": 3}
    assert len({row["detail"] for row in sent["entries"]}) == 1
    assert [row["state"] for row in rows_of(workday, "ledger")] == ["refused"]
    workday.quickbooks.people.close_books(None)
    assert send(workday).document["counts"]["sent"] == 3
    assert books(workday) == LINE


def test_the_same_line_is_not_asked_for_again(workday):
    """What QuickBooks refused it refuses again, until something about the line is another."""
    refuse(workday)
    assert send(workday).document["counts"]["rejected"] == {"qbo_refused": 3}
    assert send(workday).document["counts"]["rejected"] == {"qbo_refused": 3}
    assert books(workday) == []
    workday.clockify.entries[workday.ids[2]]["description"] = "Other"
    assert send(workday).document["counts"]["sent"] == 3
    assert books(workday) == [(165, "Plan\nBuild\nOther")]


@pytest.mark.slow
def test_what_was_refused_before_it_went_in_a_line_goes_alone_again(workday):
    """QuickBooks took it since, so the refusal counts no more."""
    refuse(workday)
    assert send(workday, **ALONE).document["counts"]["rejected"] == {"qbo_refused": 3}
    assert send(workday).document["counts"]["sent"] == 3
    workday.run("recall", *DAY, "--yes", "--json")
    assert send(workday, **ALONE).document["counts"]["sent"] == 3
    assert books(workday) == APART


def test_a_lost_answer_is_settled_for_all_entries(workday, rows_of):
    """QuickBooks has the line, and nobody knows: it is found, once."""
    workday.quickbooks.faults.plan("POST .*/batch", "drop_after")
    assert send(workday).document["counts"]["in_doubt"] == 3
    assert workday.run("status", "--json").document["connections"][0]["in_doubt"] == 3
    settled = workday.run("settle", "--json").document
    assert sorted(settled["sent"]) == sorted(workday.ids)
    assert send(workday).document["counts"]["skipped"] == {"already_sent": 3}
    assert (books(workday), len(rows_of(workday, "ledger"))) == (LINE, 1)


@pytest.mark.parametrize(
    ("which", "is_there"),
    [
        (0, True),
        (2, False),
        pytest.param(2, True, marks=pytest.mark.slow),
        pytest.param(0, False, marks=pytest.mark.slow),
    ],
)
def test_a_person_settles_by_any_entry(workday, rows_of, which, is_there):
    """Their word counts for the line."""
    workday.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send(workday)
    word = ("--is-there", only(workday)) if is_there else ("--is-not-there",)
    if not is_there:
        workday.quickbooks.activities.clear()
    settled = workday.run("settle", "--entry", workday.ids[which], *word, "--json").document
    assert settled["sent" if is_there else "released"] == workday.ids
    assert send(workday, CLOCKBOOKS_LINE_PER="entry").document["counts"]["sent"] == 3 * (
        not is_there
    )
    assert books(workday) == (LINE if is_there else APART)
    assert rows_of(workday, "lines") == [] or is_there


@pytest.mark.parametrize("which", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_line_is_taken_back_by_any_entry(workday, which):
    """All of it; then each entry may go alone, or in another line."""
    send(workday)
    back = workday.run("recall", "--entry", workday.ids[which], "--yes", "--json").document
    assert (back["counts"]["recalled"], books(workday)) == (3, [])
    listed = workday.run("entries", "--state", "recalled", "--json").document["entries"]
    assert sorted(row["entry_id"] for row in listed) == sorted(workday.ids)
    assert workday.run("audit", "verify").code == 0

    first = workday.clockify.entries.pop(workday.ids[0])
    assert (
        send(workday, CLOCKBOOKS_LINE_PER=["entry", "day"][which]).document["counts"]["sent"] == 2
    )
    workday.clockify.entries[first["id"]] = first
    assert send(workday).document["counts"]["sent"] == 1
    assert sum(minutes for minutes, _ in books(workday)) == 165
    assert len(books(workday)) == [3, 2][which]
    assert reconcile(workday)["counts"] == {"agrees": 3}
    assert workday.run("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("which", "how"),
    [
        (0, "answer lost"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                (2, "answer lost"), (0, "once"), (2, "once"),
                (0, "found sent later"), (2, "found sent later"),
            ]
        ),
    ],
)  # fmt: skip
def test_an_entry_that_was_deleted_after_its_line_was_taken_back_stays_recalled(
    workday, which, how
):
    """Also once the others have gone anew, and whatever runs said of it before."""
    if how == "answer lost":
        workday.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send(workday)
    workday.run("settle", "--json")
    if how == "found sent later":
        send(workday)
    workday.run("recall", *DAY, "--yes", "--json")
    listed = workday.run("entries", "--state", "recalled", "--json").document["entries"]
    before = {row["entry_id"]: row for row in listed}
    assert sorted(before) == sorted(workday.ids)

    gone = workday.ids[which]
    del workday.clockify.entries[gone]
    assert send(workday).document["counts"]["sent"] == 2
    listed = workday.run("entries", "--state", "recalled", "--json").document["entries"]
    assert listed == [before[gone]]
    assert workday.run("status", "--json").document["connections"][0]["skipped"]["entries"] == 0


@pytest.mark.parametrize("how", ["edit", "delete", *slowly("move", "unapprove", "break")])
def test_what_changed_in_clockify_takes_the_whole_line_along(workday, how):
    """The next send sends what is left of it anew; the money is right in the end."""
    options = {"CLOCKBOOKS_APPROVED_ONLY": "true"} if how == "unapprove" else {}
    for entry in workday.clockify.entries.values():
        entry["approved"] = True
    send(workday, **options)
    changed = workday.clockify.entries[workday.ids[1]]
    if how == "edit":
        changed["end"] = "2026-09-22T16:30:00Z"
    elif how == "delete":
        del workday.clockify.entries[workday.ids[1]]
    elif how == "move":
        changed |= {"start": "2026-09-20T15:00:00Z", "end": "2026-09-20T16:00:00Z"}
    elif how == "unapprove":
        changed["approved"] = False
    else:
        changed["type"] = "BREAK"
    compared = reconcile(workday, **options)
    by_id = {row["entry_id"]: row for row in compared["entries"]}
    assert set(by_id) == set(workday.ids)
    assert f"with entry {workday.ids[1]}" in by_id[workday.ids[0]]["detail"]
    assert books(workday) == LINE

    repaired = reconcile(workday, "--repair", "--yes", **options)
    assert [row["repair"] for row in repaired["entries"]] == ["deleted"] * 3
    assert books(workday) == []
    send(workday, **options)
    assert books(workday) == ([(195, "Plan\nBuild")] if how == "edit" else [(105, "Plan")])
    compared = reconcile(workday, **options)
    assert compared["counts"]["agrees"] == (3 if how == "edit" else 2)
    assert workday.run("audit", "verify").code == 0


def test_what_changes_nothing_in_quickbooks_changes_nothing(workday):
    """An hour that begins earlier, on its day and as long as before."""
    send(workday)
    moved = workday.clockify.entries[workday.ids[1]]
    moved |= {"start": "2026-09-22T14:30:00Z", "end": "2026-09-22T15:30:00Z"}
    assert reconcile(workday)["counts"] == {"agrees": 3}


@pytest.mark.parametrize("how", ["billed", *slowly("edited", "closed")])
def test_a_line_stays_that_may_not_be_touched(workday, how):
    """And says why; what somebody edited goes when Clockify is preferred, by any entry's id."""
    send(workday)
    if how == "billed":
        customer = workday.quickbooks.activities[only(workday)]["CustomerRef"]["value"]
        workday.quickbooks.people.invoice(customer, only(workday))
    elif how == "edited":
        workday.quickbooks.people.edit_time(only(workday), Hours=2, Minutes=0)
    else:
        workday.quickbooks.people.close_books("2026-09-22")
    workday.clockify.entries[workday.ids[2]]["description"] = "Other"
    repaired = reconcile(workday, "--repair", "--yes")
    assert {row["repair"] for row in repaired["entries"]} == {None}
    assert repaired["totals"]["minutes"]["quickbooks"] == (120 if how == "edited" else 165)
    assert all(row["detail"] for row in repaired["entries"])
    back = workday.run("recall", "--entry", workday.ids[2], "--yes", "--json").document
    assert sum(back["counts"]["refused"].values()) == 3
    assert len(books(workday)) == 1
    if how == "edited":
        reconcile(workday, "--repair", "--yes", "--entry", workday.ids[1])
        assert books(workday) == []
        send(workday)
        assert books(workday) == [(165, "Plan\nBuild\nOther")]


@pytest.mark.parametrize("why", ["rate", "typed", *slowly("inactive")])
def test_a_line_stays_that_the_next_send_would_not_put_back(workday, why):
    """All of it: an entry that nothing changed about would be lost from the books."""
    send(workday)
    workday.clockify.entries[workday.ids[1]]["end"] = "2026-09-22T16:30:00Z"
    if why == "rate":
        workday.clockify.entries[workday.ids[0]]["rate"] = None
    elif why == "inactive":
        customer = workday.quickbooks.activities[only(workday)]["CustomerRef"]["value"]
        workday.quickbooks.customers[customer]["Active"] = False
    else:
        typed = {"Id": "900", "Hours": 1, "Minutes": 0, "Description": "Mine"}
        workday.quickbooks.activities["900"] = {
            **workday.quickbooks.activities[only(workday)],
            **typed,
        }
    repaired = reconcile(workday, "--repair", "--yes")
    ours = [row for row in repaired["entries"] if row["entry_id"] is not None]
    assert {row["repair"] for row in ours} <= {None, "refused"}
    assert workday.ids[1] in {row["entry_id"] for row in ours}
    assert all(row["detail"] for row in ours)
    assert LINE[0] in books(workday)


@pytest.mark.slow
def test_a_line_that_is_gone_from_quickbooks_is_sent_again(workday):
    """Once that is asked for: its entries are free, and go with the next send."""
    send(workday)
    workday.quickbooks.people.delete_time(only(workday))
    assert reconcile(workday)["counts"] == {"gone_from_quickbooks": 3}
    repaired = reconcile(workday, "--repair", "--yes", "--resend")
    assert {row["repair"] for row in repaired["entries"]} == {"deleted"}
    assert send(workday).document["counts"]["sent"] == 3
    assert books(workday) == LINE


def test_every_entry_gets_its_marks(workday):
    """The tag once the line is sent, the invoiced mark once it is billed; both come off again."""
    tagged = {**BY_DAY, "CLOCKBOOKS_SENT_TAG": "Sent"}
    entries = workday.clockify.entries.values()
    for entry in entries:
        entry |= {"approved": False, "tagIds": []}
    send(workday, **tagged)
    assert all(len(one["tagIds"]) == 1 for one in entries)
    customer = workday.quickbooks.activities[only(workday)]["CustomerRef"]["value"]
    invoice = workday.quickbooks.people.invoice(customer, only(workday))
    reconcile(workday, "--mark-invoiced", "--yes", **tagged)
    assert [bool(one.get("invoiced")) for one in entries] == [True] * 3
    workday.quickbooks.people.delete_invoice(invoice)
    workday.run("recall", *DAY, "--yes", "--json", **tagged)
    assert all(one["tagIds"] == [] for one in entries)


def test_rows_of_a_file_whose_twins_went_in_a_line_are_sent(workday, export):
    """Also those that are not the first; rows of files are never joined themselves."""
    path = str(export(workday))
    send(workday)
    imported = workday.run("import", path, "--yes", "--json", **BY_DAY).document
    assert imported["counts"]["skipped"] == {"already_sent": 3}
    workday.run("recall", *DAY, "--yes", "--json")
    assert workday.run("import", path, "--yes", "--json", **BY_DAY).document["counts"]["sent"] == 3
    assert books(workday) == APART
    assert send(workday).document["counts"]["skipped"] == {"already_sent": 3}


def test_no_entry_of_a_line_is_adopted_beside_it(workday):
    """What somebody typed in again is time that nobody knows, whatever the setting says."""
    send(workday)
    like = workday.quickbooks.activities[only(workday)]
    typed = {"Id": "900", "Hours": 1, "Minutes": 0, "Description": "Build"}
    workday.quickbooks.activities["900"] = {**like, **typed}
    adopted = workday.run("adopt", *DAY, "--yes", "--json").document
    assert adopted["counts"] == {"adopted": 0, "near": 0, "unknown": 1}


def test_an_entry_that_another_run_sends_alone_meanwhile(workday, monkeypatch):
    """The others wait for the next send, which takes them; nothing is there twice."""
    claim, others = Ledger.claim, []

    def claim_late(*args: Any, **options: Any) -> Any:
        if not others:
            kept = {id_: workday.clockify.entries[id_] for id_ in workday.ids}
            workday.clockify.entries.clear()
            workday.clockify.entries[workday.ids[1]] = kept[workday.ids[1]]
            others.append(workday.fork("send", *DAY, "--yes", "--json"))
            with others[0] as process:
                process.communicate(timeout=60)
            workday.clockify.entries |= kept
        return claim(*args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_late)
    sent = send(workday).document
    by_id = {row["entry_id"]: row["reason"] for row in sent["entries"]}
    reasons = ["not_attempted", "already_sent", "not_attempted"]
    assert [by_id[id_] for id_ in workday.ids] == reasons
    assert send(workday).document["counts"]["sent"] == 2
    assert books(workday) == [(60, "Build"), (105, "Plan")]


def test_an_entry_that_another_run_sends_in_a_line_meanwhile(workday, monkeypatch):
    """The same the other way round: a run without the setting sends none of them."""
    claim, others = Ledger.claim, []

    def claim_late(*args: Any, **options: Any) -> Any:
        if not others:
            others.append(workday.fork("send", *DAY, "--yes", "--json", **BY_DAY))
            with others[0] as process:
                process.communicate(timeout=60)
        return claim(*args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_late)
    sent = send(workday, CLOCKBOOKS_LINE_PER="entry").document
    assert sent["counts"]["skipped"] == {"already_sent": 3}
    assert books(workday) == LINE
