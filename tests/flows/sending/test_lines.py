"""One TimeActivity a day and customer, by setting: from the entries to the books, each once."""

from decimal import Decimal
from typing import Any

import pytest
from days import BY_DAY, DAY, books, only, reconcile, send

pytestmark = pytest.mark.usefixtures("in_this_process")

#: 70, 60 and 30 minutes, to the nearest quarter of an hour.
MINUTES = [75, 60, 30]
LINE = [(165, "Plan\nBuild")]
APART = [(30, "Plan"), (60, "Build"), (75, "Plan")]


def add(house: Any, id_: str, **fields: Any) -> None:
    """Add an hour at the end of the day, like the first entry but for some fields."""
    times = {"start": "2026-09-22T20:00:00Z", "end": "2026-09-22T21:00:00Z"}
    like = house.clockify.entries[house.ids[0]]
    house.clockify.entries[id_] = {**like, "id": id_, **times, "description": "More", **fields}


def test_a_day_for_a_customer_goes_as_one(desk, reckon, rows_of):
    """By the connection's setting: time added up, texts once each, and all else as they say."""
    assert desk.run("configure", "--set", "line_per=day").code == 0
    shown = desk.run("send", *DAY, "--dry-run", "--json").document
    assert {row["state"] for row in shown["entries"]} == {"ready"}
    notes = " ".join(shown["notes"])
    assert "goes as one TimeActivity" in notes
    assert "3 entries go as 1 TimeActivity." in notes
    document = desk.run("send", *DAY, "--yes", "--json").document

    activity = desk.quickbooks.activities[only(desk)]
    kind = activity["NameOf"]
    found = (
        kind, activity[f"{kind}Ref"]["value"], activity["CustomerRef"]["value"],
        activity["TxnDate"], activity["Hours"], activity["Minutes"], activity["BillableStatus"],
        Decimal(activity["HourlyRate"]), activity["Description"],
    )  # fmt: skip
    alone = reckon(desk, desk.clockify.entries[desk.ids[0]])
    assert found == (*alone[:4], 2, 45, *alone[6:8], "Plan\nBuild")
    assert [row["entry_id"] for row in document["entries"]] == desk.ids
    by_id = {row["entry_id"]: row for row in document["entries"]}
    assert [by_id[id_]["minutes"] for id_ in desk.ids] == MINUTES
    assert {row["time_activity_id"] for row in document["entries"]} == {only(desk)}
    assert (document["counts"]["sent"], document["minutes_sent"]) == (3, 165)
    [row] = rows_of(desk, "ledger")
    assert (row["entry_id"], row["minutes"]) == (desk.ids[0], 165)

    for options in (BY_DAY, {"CLOCKBOOKS_LINE_PER": "entry"}):
        again = send(desk, **options).document
        assert again["counts"]["skipped"] == {"already_sent": 3}
        assert {row["time_activity_id"] for row in again["entries"]} == {only(desk)}
    assert desk.run("audit", "verify").code == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"billable": False},
        {"rate": 4321},
        {"start": "2026-09-23T16:00:00Z", "end": "2026-09-23T17:00:00Z"},
        {"projectId": None, "billable": False},
    ],
    ids=["billable", "rate", "day", "customer"],
)
def test_what_differs_goes_alone(desk, fields):
    """In anything that the TimeActivity would say but for time and text."""
    add(desk, "d" * 24, **fields)
    wider = ("--start", "2026-09-22", "--end", "2026-09-23")
    assert desk.run("send", *wider, "--yes", "--json", **BY_DAY).document["counts"]["sent"] == 4
    assert books(desk) == [(60, "More"), *LINE]


def test_what_is_tracked_later_makes_a_line_of_its_own(desk):
    """Nothing is added to what was sent; a single entry goes as it would without the setting."""
    send(desk)
    add(desk, "d" * 24)
    assert send(desk).document["counts"]["sent"] == 1
    add(desk, "e" * 24, start="2026-09-22T21:00:00Z", end="2026-09-22T22:00:00Z")
    add(desk, "f" * 24, start="2026-09-22T22:00:00Z", end="2026-09-22T23:00:00Z")
    assert send(desk).document["counts"]["sent"] == 2
    assert books(desk) == [(60, "More"), (120, "More"), *LINE]


def test_entries_and_the_month_add_up(desk):
    """They stay entries: each with its own minutes, and the TimeActivity that it is in."""
    send(desk)
    listed = desk.run("entries", "--state", "sent", "--json").document["entries"]
    assert sorted(row["minutes"] for row in listed) == sorted(MINUTES)
    assert {row["time_activity_id"] for row in listed} == {only(desk)}
    month = desk.run("month", "2026-09", "--json", **BY_DAY).document
    assert month["totals"]["sent_minutes"] == month["ledger_minutes"] == 165
    sent = sum(row["amount_cents"] for row in listed)
    assert month["totals"]["sent_amount_cents"] == sent
    status = desk.run("status", "--json").document["connections"][0]
    assert status["in_doubt"] == 0
    compared = reconcile(desk)
    assert compared["counts"] == {"agrees": 3}
    assert set(compared["totals"]["minutes"].values()) <= {160, 165}
    assert compared["totals"]["minutes"]["quickbooks"] == 165

    life = desk.run("entries", "--entry", desk.ids[1], "--json").document
    told = [(one["event"], one["minutes"]) for one in life["history"] if one["event"] != "judged"]
    assert told == [("claimed", 60), ("sent", 60)]


def test_a_refused_line_rejects_each_of_its_entries(desk, rows_of):
    """With the fault; the same is not asked again, and another line is."""

    def close(answer: Any) -> Any:
        desk.quickbooks.people.close_books("2026-09-22")
        return answer

    desk.clockify.faults.plan("/reports/detailed", "edit", edit=close)
    sent = send(desk).document
    assert sent["counts"]["rejected"] == {"qbo_refused": 3}
    assert len({row["detail"] for row in sent["entries"]}) == 1
    assert [row["state"] for row in rows_of(desk, "ledger")] == ["refused"]
    desk.quickbooks.people.close_books(None)
    assert send(desk).document["counts"]["sent"] == 3
    assert books(desk) == LINE


def test_the_same_line_is_not_asked_for_again(desk):
    """What QuickBooks refused it refuses again, until something about the line is another."""
    fault = {"Message": "No", "Detail": "Not so", "code": "6240"}

    def refuse(answer: Any) -> Any:
        for item in answer["BatchItemResponse"]:
            desk.quickbooks.activities.pop(item.pop("TimeActivity")["Id"])
            item["Fault"] = {"Error": [fault], "type": "ValidationFault"}
        return answer

    desk.quickbooks.faults.plan("POST .*/batch", "edit", edit=refuse)
    assert send(desk).document["counts"]["rejected"] == {"qbo_refused": 3}
    assert send(desk).document["counts"]["rejected"] == {"qbo_refused": 3}
    assert books(desk) == []
    desk.clockify.entries[desk.ids[2]]["description"] = "Other"
    assert send(desk).document["counts"]["sent"] == 3
    assert books(desk) == [(165, "Plan\nBuild\nOther")]


def test_a_lost_answer_is_settled_for_all_entries(desk, rows_of):
    """QuickBooks has the line, and nobody knows: it is found, once."""
    desk.quickbooks.faults.plan("POST .*/batch", "drop_after")
    assert send(desk).document["counts"]["in_doubt"] == 3
    assert desk.run("status", "--json").document["connections"][0]["in_doubt"] == 3
    settled = desk.run("settle", "--json").document
    assert sorted(settled["sent"]) == sorted(desk.ids)
    assert send(desk).document["counts"]["skipped"] == {"already_sent": 3}
    assert (books(desk), len(rows_of(desk, "ledger"))) == (LINE, 1)


@pytest.mark.parametrize("which", [0, 2])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_person_settles_by_any_entry(desk, rows_of, which, is_there):
    """Their word counts for the line."""
    desk.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send(desk)
    word = ("--is-there", only(desk)) if is_there else ("--is-not-there",)
    if not is_there:
        desk.quickbooks.activities.clear()
    settled = desk.run("settle", "--entry", desk.ids[which], *word, "--json").document
    assert settled["sent" if is_there else "released"] == desk.ids
    assert send(desk, CLOCKBOOKS_LINE_PER="entry").document["counts"]["sent"] == 3 * (not is_there)
    assert books(desk) == (LINE if is_there else APART)
    assert rows_of(desk, "lines") == [] or is_there


@pytest.mark.parametrize("which", [0, 1])
def test_a_line_is_taken_back_by_any_entry(desk, which):
    """All of it; then each entry may go alone, or in another line."""
    send(desk)
    back = desk.run("recall", "--entry", desk.ids[which], "--yes", "--json").document
    assert (back["counts"]["recalled"], books(desk)) == (3, [])
    listed = desk.run("entries", "--state", "recalled", "--json").document["entries"]
    assert sorted(row["entry_id"] for row in listed) == sorted(desk.ids)
    assert desk.run("audit", "verify").code == 0

    first = desk.clockify.entries.pop(desk.ids[0])
    assert send(desk, CLOCKBOOKS_LINE_PER=["entry", "day"][which]).document["counts"]["sent"] == 2
    desk.clockify.entries[first["id"]] = first
    assert send(desk).document["counts"]["sent"] == 1
    assert sum(minutes for minutes, _ in books(desk)) == 165
    assert len(books(desk)) == [3, 2][which]
    assert reconcile(desk)["counts"] == {"agrees": 3}
    assert desk.run("audit", "verify").code == 0


@pytest.mark.parametrize("how", ["edit", "delete", "move", "unapprove", "break"])
def test_what_changed_in_clockify_takes_the_whole_line_along(desk, how):
    """The next send sends what is left of it anew; the money is right in the end."""
    options = {"CLOCKBOOKS_APPROVED_ONLY": "true"} if how == "unapprove" else {}
    for entry in desk.clockify.entries.values():
        entry["approved"] = True
    send(desk, **options)
    changed = desk.clockify.entries[desk.ids[1]]
    if how == "edit":
        changed["end"] = "2026-09-22T16:30:00Z"
    elif how == "delete":
        del desk.clockify.entries[desk.ids[1]]
    elif how == "move":
        changed |= {"start": "2026-09-20T15:00:00Z", "end": "2026-09-20T16:00:00Z"}
    elif how == "unapprove":
        changed["approved"] = False
    else:
        changed["type"] = "BREAK"
    compared = reconcile(desk, **options)
    by_id = {row["entry_id"]: row for row in compared["entries"]}
    assert set(by_id) == set(desk.ids)
    assert f"with entry {desk.ids[1]}" in by_id[desk.ids[0]]["detail"]
    assert books(desk) == LINE

    repaired = reconcile(desk, "--repair", "--yes", **options)
    assert [row["repair"] for row in repaired["entries"]] == ["deleted"] * 3
    assert books(desk) == []
    send(desk, **options)
    assert books(desk) == ([(195, "Plan\nBuild")] if how == "edit" else [(105, "Plan")])
    compared = reconcile(desk, **options)
    assert compared["counts"]["agrees"] == (3 if how == "edit" else 2)
    assert desk.run("audit", "verify").code == 0


def test_what_changes_nothing_in_quickbooks_changes_nothing(desk):
    """An hour that begins earlier, on its day and as long as before."""
    send(desk)
    moved = desk.clockify.entries[desk.ids[1]]
    moved |= {"start": "2026-09-22T14:30:00Z", "end": "2026-09-22T15:30:00Z"}
    assert reconcile(desk)["counts"] == {"agrees": 3}


@pytest.mark.parametrize("how", ["billed", "edited", "closed"])
def test_a_line_stays_that_may_not_be_touched(desk, how):
    """And says why; what somebody edited goes when Clockify is preferred, by any entry's id."""
    send(desk)
    if how == "billed":
        customer = desk.quickbooks.activities[only(desk)]["CustomerRef"]["value"]
        desk.quickbooks.people.invoice(customer, only(desk))
    elif how == "edited":
        desk.quickbooks.people.edit_time(only(desk), Hours=2, Minutes=0)
    else:
        desk.quickbooks.people.close_books("2026-09-22")
    desk.clockify.entries[desk.ids[2]]["description"] = "Other"
    repaired = reconcile(desk, "--repair", "--yes")
    assert {row["repair"] for row in repaired["entries"]} == {None}
    assert repaired["totals"]["minutes"]["quickbooks"] == (120 if how == "edited" else 165)
    assert all(row["detail"] for row in repaired["entries"])
    back = desk.run("recall", "--entry", desk.ids[2], "--yes", "--json").document
    assert sum(back["counts"]["refused"].values()) == 3
    assert len(books(desk)) == 1
    if how == "edited":
        reconcile(desk, "--repair", "--yes", "--entry", desk.ids[1])
        assert books(desk) == []
        send(desk)
        assert books(desk) == [(165, "Plan\nBuild\nOther")]


@pytest.mark.parametrize("why", ["rate", "inactive", "typed"])
def test_a_line_stays_that_the_next_send_would_not_put_back(desk, why):
    """All of it: an entry that nothing changed about would be lost from the books."""
    send(desk)
    desk.clockify.entries[desk.ids[1]]["end"] = "2026-09-22T16:30:00Z"
    if why == "rate":
        desk.clockify.entries[desk.ids[0]]["rate"] = None
    elif why == "inactive":
        customer = desk.quickbooks.activities[only(desk)]["CustomerRef"]["value"]
        desk.quickbooks.customers[customer]["Active"] = False
    else:
        typed = {"Id": "900", "Hours": 1, "Minutes": 0, "Description": "Mine"}
        desk.quickbooks.activities["900"] = {**desk.quickbooks.activities[only(desk)], **typed}
    repaired = reconcile(desk, "--repair", "--yes")
    ours = [row for row in repaired["entries"] if row["entry_id"] is not None]
    assert {row["repair"] for row in ours} <= {None, "refused"}
    assert desk.ids[1] in {row["entry_id"] for row in ours}
    assert all(row["detail"] for row in ours)
    assert LINE[0] in books(desk)


def test_a_line_that_is_gone_from_quickbooks_is_sent_again(desk):
    """Once that is asked for: its entries are free, and go with the next send."""
    send(desk)
    desk.quickbooks.people.delete_time(only(desk))
    assert reconcile(desk)["counts"] == {"gone_from_quickbooks": 3}
    repaired = reconcile(desk, "--repair", "--yes", "--resend")
    assert {row["repair"] for row in repaired["entries"]} == {"deleted"}
    assert send(desk).document["counts"]["sent"] == 3
    assert books(desk) == LINE


def test_every_entry_gets_its_marks(desk):
    """The tag once the line is sent, the invoiced mark once it is billed; both come off again."""
    tagged = {**BY_DAY, "CLOCKBOOKS_SENT_TAG": "Sent"}
    entries = desk.clockify.entries.values()
    for entry in entries:
        entry |= {"approved": False, "tagIds": []}
    send(desk, **tagged)
    assert all(len(one["tagIds"]) == 1 for one in entries)
    customer = desk.quickbooks.activities[only(desk)]["CustomerRef"]["value"]
    invoice = desk.quickbooks.people.invoice(customer, only(desk))
    reconcile(desk, "--mark-invoiced", "--yes", **tagged)
    assert [bool(one.get("invoiced")) for one in entries] == [True] * 3
    desk.quickbooks.people.delete_invoice(invoice)
    desk.run("recall", *DAY, "--yes", "--json", **tagged)
    assert all(one["tagIds"] == [] for one in entries)


def test_rows_of_a_file_whose_twins_went_in_a_line_are_sent(desk, export):
    """Also those that are not the first; rows of files are never joined themselves."""
    path = str(export(desk))
    send(desk)
    imported = desk.run("import", path, "--yes", "--json", **BY_DAY).document
    assert imported["counts"]["skipped"] == {"already_sent": 3}
    desk.run("recall", *DAY, "--yes", "--json")
    assert desk.run("import", path, "--yes", "--json", **BY_DAY).document["counts"]["sent"] == 3
    assert books(desk) == APART
    assert send(desk).document["counts"]["skipped"] == {"already_sent": 3}


def test_no_entry_of_a_line_is_adopted_beside_it(desk):
    """What somebody typed in again is time that nobody knows, whatever the setting says."""
    send(desk)
    like = desk.quickbooks.activities[only(desk)]
    typed = {"Id": "900", "Hours": 1, "Minutes": 0, "Description": "Build"}
    desk.quickbooks.activities["900"] = {**like, **typed}
    adopted = desk.run("adopt", *DAY, "--yes", "--json").document
    assert adopted["counts"] == {"adopted": 0, "near": 0, "unknown": 1}


def test_an_entry_that_another_run_sends_alone_meanwhile(desk, monkeypatch):
    """The others wait for the next send, which takes them; nothing is there twice."""
    from connectors.store.ledger import Ledger

    claim, others = Ledger.claim, []

    def claim_late(*args: Any, **options: Any) -> Any:
        if not others:
            kept = {id_: desk.clockify.entries[id_] for id_ in desk.ids}
            desk.clockify.entries.clear()
            desk.clockify.entries[desk.ids[1]] = kept[desk.ids[1]]
            others.append(desk.fork("send", *DAY, "--yes", "--json"))
            with others[0] as process:
                process.communicate(timeout=60)
            desk.clockify.entries |= kept
        return claim(*args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_late)
    sent = send(desk).document
    by_id = {row["entry_id"]: row["reason"] for row in sent["entries"]}
    assert by_id == {
        desk.ids[0]: "not_attempted", desk.ids[1]: "already_sent", desk.ids[2]: "not_attempted",
    }  # fmt: skip
    assert send(desk).document["counts"]["sent"] == 2
    assert books(desk) == [(60, "Build"), (105, "Plan")]


def test_an_entry_that_another_run_sends_in_a_line_meanwhile(desk, monkeypatch):
    """The same the other way round: a run without the setting sends none of them."""
    from connectors.store.ledger import Ledger

    claim, others = Ledger.claim, []

    def claim_late(*args: Any, **options: Any) -> Any:
        if not others:
            others.append(desk.fork("send", *DAY, "--yes", "--json", **BY_DAY))
            with others[0] as process:
                process.communicate(timeout=60)
        return claim(*args, **options)

    monkeypatch.setattr(Ledger, "claim", claim_late)
    sent = send(desk, CLOCKBOOKS_LINE_PER="entry").document
    assert sent["counts"]["skipped"] == {"already_sent": 3}
    assert books(desk) == LINE
