"""Marks in Clockify that are ours go once time is on no invoice any more; nobody else's do."""

import json
import sqlite3

import pytest

from flows.cli.output import Output
from flows.review.review_changes import fingerprint

INVOICED = "PATCH .*/time-entries/invoiced"
MARK = ("--mark-invoiced", "--yes")


def invoice(week, *ids):
    customer = week.activity(ids[0])["CustomerRef"]["value"]
    return week.people.invoice(customer, *map(week.activity_id, ids))


def refusal(status, message):
    body = json.dumps({"message": message, "code": status})
    return {"status": status, "body": body, "content_type": "application/json"}


def marked(week):
    return {id_ for id_, one in week.house.clockify.entries.items() if one.get("invoiced")}


def ours(week):
    """Return the marks that the database has as ours, and whether each is settled."""
    with sqlite3.connect(week.house.folder / "clockbooks.db") as connection:
        return dict(connection.execute("SELECT entry_id, settled FROM marks"))


def leave_unsettled(week):
    """Leave the database as a process does that dies while its call is on the way."""
    with sqlite3.connect(week.house.folder / "clockbooks.db") as connection:
        connection.execute("UPDATE marks SET settled = 0")


@pytest.fixture
def billed(week):
    """Return an entry that was on an invoice and marked by us, and is on no invoice any more."""
    id_ = week.pick()

    def bill():
        number = invoice(week, id_)
        week.reconcile(*MARK, code=0)
        assert (marked(week), ours(week)) == ({id_}, {id_: 1})
        week.people.delete_invoice(number)

    week.once("billed", bill)
    assert (marked(week), ours(week)) == ({id_}, {id_: 1})
    return id_


def test_our_mark_goes_with_the_invoice(week, billed):
    """An invoice that was deleted leaves no mark of ours behind, and no record of it."""
    found = week.reconcile(*MARK, code=0)

    assert (marked(week), ours(week)) == (set(), {})
    assert found["unmarks"] == [billed]
    assert any("on no invoice any more: 1 entry" in note for note in found["notes"])


def test_a_mark_that_a_person_set_stays(week, billed):
    """Before ours, or after it was taken off; it is on no invoice in QuickBooks either."""
    theirs = week.pick(1)
    week.entry(theirs)["invoiced"] = True
    number = invoice(week, theirs)
    assert week.reconcile(*MARK, code=0)["marks"] == []
    week.people.delete_invoice(number)
    week.entry(billed)["invoiced"] = True  # once ours is off

    assert week.reconcile(*MARK, code=0)["unmarks"] == []
    assert (marked(week), ours(week)) == ({theirs, billed}, {})


def test_a_mark_of_clockifys_own_invoice_is_not_ours_any_more(week, billed):
    """Also once that invoice is gone, and somebody marks the entry by hand."""
    entry = week.entry(billed)
    entry["invoice"] = {"invoiceId": "6" * 24, "invoiceNumber": "A-1"}
    assert week.reconcile(*MARK, code=0)["unmarks"] == []
    del entry["invoice"]

    assert week.reconcile(*MARK, code=0)["unmarks"] == []
    assert (marked(week), ours(week)) == ({billed}, {})


@pytest.mark.slow
def test_a_mark_that_was_taken_off_is_not_ours_any_more(week, billed):
    """What somebody marks by hand after that is theirs."""
    week.entry(billed)["invoiced"] = False
    week.reconcile(*MARK, code=0)
    week.entry(billed)["invoiced"] = True

    week.reconcile(*MARK, code=0)

    assert marked(week) == {billed}


def test_recalled_time_loses_our_mark(week, billed):
    """It is not in QuickBooks any more, so it is on no invoice either."""
    week.run("recall", "--entry", billed, "--yes", code=0)

    week.reconcile(*MARK)

    assert marked(week) == set()


def test_a_dry_run_shows_and_changes_nothing(week, billed):
    """It names the entries; the plan of a review is another one with them."""
    planned = week.reconcile("--mark-invoiced", "--dry-run")

    assert (planned["to_unmark"], planned["unmarks"], planned["marks"]) == (1, [billed], [])
    assert (marked(week), ours(week)) == ({billed}, {billed: 1})
    nothing = {**planned, "unmarks": []}
    assert fingerprint(planned, repairs=False) != fingerprint(nothing, repairs=False)
    shown = week.house.run(
        "reconcile", "--start", "2026-09-14", "--end", "2026-09-18", "--mark-invoiced", "--dry-run"
    )
    assert "Our mark would be taken off 1 entry in Clockify." in shown.out


@pytest.mark.parametrize(
    ("answer", "stays"), [pytest.param("y\n", False, marks=pytest.mark.slow), ("n\n", True)]
)
def test_it_is_asked_for(week, billed, monkeypatch, answer, stays):
    """At a terminal, like the marks themselves."""
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))

    week.house.run(
        "reconcile", "--start", "2026-09-14", "--end", "2026-09-18", "--mark-invoiced", stdin=answer
    )

    assert marked(week) == ({billed} if stays else set())


def test_without_the_option_marks_stay(week, billed):
    """A comparison alone touches no mark."""
    week.reconcile("--yes", code=0)

    assert (marked(week), ours(week)) == ({billed}, {billed: 1})


def test_a_mark_of_unknown_origin_is_told_and_stays(week, billed):
    """A run died while its call was on the way: a person may have set the mark since."""
    leave_unsettled(week)

    found = week.reconcile(*MARK, code=0)

    assert marked(week) == {billed}
    assert any("cut short" in note and billed in note for note in found["notes"])
    week.entry(billed)["invoiced"] = False  # by hand, as the note asks
    assert not any("cut short" in note for note in week.reconcile(*MARK)["notes"])
    assert ours(week) == {}


def test_a_mark_that_never_came_is_set_by_the_next_run(week):
    """A run died before its call arrived, and the time is on the invoice still."""
    id_ = week.pick()
    invoice(week, id_)
    week.reconcile(*MARK, code=0)
    week.entry(id_)["invoiced"] = False
    leave_unsettled(week)

    week.reconcile(*MARK, code=0)

    assert (marked(week), ours(week)) == ({id_}, {id_: 1})


@pytest.mark.parametrize(
    ("kind", "invoiced"),
    [
        ("drop_after", True),
        ("drop_before", False),
        pytest.param("drop_after", False, marks=pytest.mark.slow),
        pytest.param("drop_before", True, marks=pytest.mark.slow),
    ],
)
def test_an_answer_that_is_lost_is_looked_up(week, kind, invoiced):
    """What Clockify shows right after it decides; the next run does what is left to do."""
    id_ = week.pick()
    number = invoice(week, id_)
    if not invoiced:
        week.reconcile(*MARK, code=0)
        week.people.delete_invoice(number)
    week.house.clockify.faults.plan(INVOICED, kind, times=9)

    done = kind == "drop_after"
    found = week.reconcile(*MARK, code=0 if done else 3)

    assert marked(week) == ({id_} if invoiced == done else set())
    week.house.clockify.faults.clear()
    assert any("lost" in note or "may" in note for note in found["notes"]) is not done
    week.reconcile(*MARK, code=0)
    assert (marked(week), ours(week)) == (({id_}, {id_: 1}) if invoiced else (set(), {}))


def test_a_refusal_is_tried_again(week, billed):
    """It is noted, with exit code 3, and the mark stays ours."""
    answer = {"status": 403, "content_type": "application/json"}
    answer["body"] = json.dumps({"message": "Access Denied", "code": 403})
    week.house.clockify.faults.plan(INVOICED, "answer", **answer)

    found = week.reconcile(*MARK, code=3)

    assert any("may still be marked as invoiced" in note for note in found["notes"])
    assert (marked(week), ours(week)) == ({billed}, {billed: 1})
    week.reconcile(*MARK, code=0)
    assert (marked(week), ours(week)) == (set(), {})


def test_marks_that_cannot_be_read_stop_no_repair(week, billed):
    """Nothing is marked or unmarked then; the rest goes on."""
    longer = week.pick(1)
    week.lengthen(longer)
    week.house.clockify.faults.plan(
        "POST .*/reports/detailed",
        "answer",
        skip=1,
        times=99,
        status=403,
        content_type="application/json",
        body='{"message":"Access Denied","code":403}',
    )

    found = week.reconcile("--repair", *MARK, code=3)

    assert week.found(found, longer)["repair"] == "updated"
    assert any("marks in Clockify could not be read" in note for note in found["notes"])
    assert marked(week) == {billed}


@pytest.mark.parametrize("invoiced", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_call_without_any_answer_is_on_record(week, invoiced):
    """As when the process dies: the record is older than the call, so the mark is not forgotten."""
    id_ = week.pick()
    number = invoice(week, id_)
    if not invoiced:
        week.reconcile(*MARK, code=0)
        week.people.delete_invoice(number)
    faults = week.house.clockify.faults
    faults.plan(INVOICED, "drop_before")
    page = {"status": 403, "content_type": "application/json", "body": '{"message":"No","code":1}'}
    faults.plan("POST .*/reports/detailed", "answer", skip=3, times=9, **page)

    week.reconcile(*MARK, code=3)

    assert (marked(week), ours(week)) == (set() if invoiced else {id_}, {id_: 0})


@pytest.mark.parametrize("invoiced", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_page_in_place_of_the_answer_proves_nothing(week, invoiced):
    """A proxy's 200: Clockify did nothing, and the next run does it."""
    id_ = week.pick()
    number = invoice(week, id_)
    if not invoiced:
        week.reconcile(*MARK, code=0)
        week.people.delete_invoice(number)
    week.house.clockify.faults.plan(INVOICED, "answer", status=200, body="<p>Log in</p>")

    found = week.reconcile(*MARK, code=3)

    assert any("does not look like Clockify's" in note for note in found["notes"])
    week.reconcile(*MARK, code=0)
    assert marked(week) == ({id_} if invoiced else set())


def test_a_mark_that_a_person_sets_while_ours_is_refused_is_theirs(week):
    """Clockify said no, so the mark that is there right after it is nobody's but theirs."""
    id_ = week.pick()
    number = invoice(week, id_)

    def set_by_hand(answer):
        week.entry(id_)["invoiced"] = True
        return answer

    faults = week.house.clockify.faults
    faults.plan(INVOICED, "answer", **refusal(403, "Access Denied"))
    faults.plan("POST .*/reports/detailed", "edit", skip=2, edit=set_by_hand)
    week.reconcile(*MARK)
    week.entry(id_)["invoiced"] = True
    week.people.delete_invoice(number)

    assert week.reconcile(*MARK, code=0)["unmarks"] == []
    assert marked(week) == {id_}


@pytest.mark.slow
def test_a_key_that_is_refused_leaves_the_mark_ours(week, billed):
    """Nothing was done: the next run, with a key that works, takes it off."""
    week.house.clockify.faults.plan(INVOICED, "answer", **refusal(401, "Api key does not exist"))

    found = week.reconcile(*MARK, code=3)

    assert any("does not accept the API key" in note for note in found["notes"])
    assert (marked(week), ours(week)) == ({billed}, {billed: 1})
    week.reconcile(*MARK, code=0)
    assert (marked(week), ours(week)) == (set(), {})


@pytest.fixture
def while_it_asks(week, monkeypatch):
    """Return a function that lets something happen while a run waits for a person's yes."""
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))

    def run(meanwhile):
        def ask(*_):
            monkeypatch.setattr(Output, "ask", lambda *_: True)
            meanwhile()
            return True

        monkeypatch.setattr(Output, "ask", ask)
        days = ("--start", "2026-09-14", "--end", "2026-09-18")
        return week.house.run("reconcile", *days, "--mark-invoiced")

    return run


def test_what_is_approved_late_is_right_still(week, billed, while_it_asks):
    """Another invoice was made meanwhile: the mark stays, and is ours."""
    while_it_asks(lambda: invoice(week, billed))

    assert (marked(week), ours(week)) == ({billed}, {billed: 1})


def test_nothing_is_marked_whose_invoice_goes_before_somebody_approves(week, while_it_asks):
    """There is nothing to take off later."""
    number = invoice(week, week.pick())

    while_it_asks(lambda: week.people.delete_invoice(number))

    assert (marked(week), ours(week)) == (set(), {})


def test_a_mark_that_another_run_took_off_meanwhile_is_not_ours_any_more(
    week, billed, while_it_asks
):
    """What somebody marks by hand after that is theirs, whatever was approved."""

    def meanwhile():
        week.reconcile(*MARK, code=0)
        week.entry(billed)["invoiced"] = True

    while_it_asks(meanwhile)

    assert marked(week) == {billed}


def test_a_mark_that_another_run_set_meanwhile_is_not_forgotten(week, billed, while_it_asks):
    """It was off when the plan was made, and the time is on another invoice since."""
    week.entry(billed)["invoiced"] = False
    other = week.pick(1)
    invoice(week, other)  # so that there is something to ask for

    def meanwhile():
        invoice(week, billed)
        week.reconcile(*MARK, code=0)

    while_it_asks(meanwhile)

    assert (marked(week), ours(week)) == ({billed, other}, {billed: 1, other: 1})
