"""What an answer proves, and what it does not: between a claim and its settling, anything happens.

Something on the way answers for QuickBooks, people edit the books, another workspace books into the
same company. QuickBooks forgets request ids at once here, where nothing else is said: the hardest
case, and the one that its documentation does not rule out.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.errors import AskPerson
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send
from flows.sending.settle_by_hand import take_word
from flows.sending.settle_doubts import settle_alone
from flows.sending.settled import Settled
from schemas.tables import batches
from transforms.identity.match_books import content_of, content_of_body

BATCH = "POST .*/batch"
FORGETS = {"remembers_request_ids": False}
WEEK = SendRequest(date(2026, 3, 2), date(2026, 3, 6))


def _fault(kind: str, code: str) -> str:
    return json.dumps({"Fault": {"Error": [{"code": code}], "type": kind}})


#: Answers that come after the work was done, and say nothing about it.
FOREIGN: dict[str, dict[str, Any]] = {
    **{
        f"{status} with HTML": {"status": status, "body": "<html>"}
        for status in (
            *(301, 302, 307, 308, 400, 401, 403, 404, 405, 408),
            *(409, 413, 429, 451, 499, 500, 501, 502, 504),
        )
    },
    **{
        f"{status}, empty": {"status": status}
        for status in (304, 400, 401, 403, 408, 409, 429, 499, 503)
    },
    **{
        f"{status} {kind} {code}": {"status": status, "body": _fault(kind, code)}
        for status, kind, code in (
            (400, "SystemFault", "10000"),
            (400, "SERVICE", "6002"),
            (400, "ValidationFault", "600"),
            (400, "ValidationFault", "6000"),
            (401, "SystemFault", "10000"),
            (403, "SERVICE", "3100"),
            (429, "ValidationFault", "6000"),
            (404, "ValidationFault", "610"),
            (500, "ValidationFault", "2020"),
        )
    },
}

ITEMS: dict[str, dict[str, Any]] = {
    "SERVICE": {"Error": [{"code": "6002"}], "type": "SERVICE"},
    "SystemFault": {"Error": [{"code": "10000"}], "type": "SystemFault"},
    "still at work": {"Error": [{"code": "600"}], "type": "ValidationFault"},
    "no type": {"Error": [{"code": "2020"}]},
    "no code": {"Error": [], "type": "ValidationFault"},
    "empty": {},
}


def _threes(all_names: Iterable[str]) -> list[Any]:
    """Share names out in threes: a send has three batches, and each can be answered otherwise."""
    names = list(all_names)
    threes = [names[first : first + 3] for first in range(0, len(names), 3)]
    return [pytest.param(three, id=", ".join(three)) for three in threes]


@pytest.mark.parametrize("answers", _threes(FOREIGN))
def test_what_something_on_the_way_answers_is_doubt(lab: Any, answers: Sequence[str]) -> None:
    """The work was done before: a status, a page or a foreign fault releases nothing."""
    with lab.open(**FORGETS) as house:
        for answer in answers:
            house.quickbooks.faults.plan(BATCH, "answer_after", **FOREIGN[answer])
        lab.send()
        assert len(house.quickbooks.activities) == 6
        doubts = [row for row in lab.ledger(house) if row.state == "sending"]
        assert len({row.request_id for row in doubts}) == len(answers)
        lab.recover(house)
        lab.check_each_once(house)


@pytest.mark.slow
@pytest.mark.parametrize("answer", FOREIGN)
def test_the_same_on_a_replay_is_doubt(lab: Any, answer: str) -> None:
    """A replay that was done and answered by something else leaves the doubt to the next run."""
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "drop_before")
        lab.send()
        lab.pass_time(600)
        house.quickbooks.faults.plan(BATCH, "answer_after", **FOREIGN[answer])
        lab.settle()
        lab.recover(house)
        lab.check_each_once(house)


@pytest.mark.parametrize("faults", _threes(ITEMS))
def test_an_item_that_broke_down_is_doubt(lab: Any, faults: Sequence[str]) -> None:
    """Only a ValidationFault says that QuickBooks refused an item; even a retry doubles nothing."""

    def break_first(fault: str, answer: Any) -> Any:
        first, *rest = answer["BatchItemResponse"]
        return answer | {"BatchItemResponse": [{"Fault": ITEMS[fault], "bId": first["bId"]}, *rest]}

    with lab.open(**FORGETS) as house:
        for fault in faults:
            house.quickbooks.faults.plan(BATCH, "edit", edit=partial(break_first, fault))
        lab.send()
        states = [row.state for row in lab.ledger(house)]
        assert states.count("sending") == len(faults)
        assert "refused" not in states
        lab.recover(house)
        lab.check_each_once(house)


def _swap(answer: Any) -> Any:
    a, b = answer["BatchItemResponse"]
    return answer | {"BatchItemResponse": [a | {"bId": b["bId"]}, b | {"bId": a["bId"]}]}


def _both(answer: Any) -> Any:
    fault = {"Error": [{"code": "2020"}], "type": "ValidationFault"}
    return answer | {
        "BatchItemResponse": [item | {"Fault": fault} for item in answer["BatchItemResponse"]]
    }


@pytest.mark.parametrize("mix_up", [_swap, _both])
def test_an_answer_that_does_not_fit_what_was_sent_is_doubt(
    lab: Any, mix_up: Callable[[Any], Any]
) -> None:
    """Only an answer that names the entry's own TimeActivity, and no fault, is proof."""
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "edit", edit=mix_up)
        lab.send()
        lab.recover(house)
        lab.check_each_once(house)


@pytest.mark.parametrize("gives", ["another's id", "no time"])
def test_an_odd_answer_to_a_call_that_is_repeated(lab: Any, gives: str) -> None:
    """An id that another entry has proves nothing; one without its time counts as made before."""
    with lab.open() as house:

        def edit(answer: Any) -> Any:
            first, *rest = answer["BatchItemResponse"]
            activity = first["TimeActivity"]
            if gives == "no time":
                activity = {k: v for k, v in activity.items() if k != "MetaData"}
            else:
                activity = activity | {"Id": next(iter(house.quickbooks.activities))}
            return answer | {"BatchItemResponse": [first | {"TimeActivity": activity}, *rest]}

        house.quickbooks.faults.plan(BATCH, "drop_before", skip=1)
        lab.send()
        lab.pass_time(600)
        house.quickbooks.faults.plan(BATCH, "edit", edit=edit)
        told = _settle(lab)

        odd = (1, 1, 1) if gives == "another's id" else (2, 0, 1)
        assert (len(told.sent), len(told.in_doubt), len(told.replayed)) == odd
        lab.recover(house)
        lab.check_each_once(house)


def test_another_workspaces_stored_answer_is_not_ours(lab: Any) -> None:
    """A cache on the way gives one workspace the other's answer: it proves nothing here."""
    kept: list[str] = []
    with lab.open(**FORGETS) as house, lab.open_neighbor(house) as neighbor:
        house.quickbooks.faults.plan(
            BATCH, "edit", edit=lambda answer: kept.append(json.dumps(answer)) or answer
        )
        lab.send()
        house.quickbooks.faults.plan(BATCH, "answer", status=200, body=kept[0])
        neighbor.send()
        for one in (lab, neighbor, lab, neighbor):
            lab.pass_time(600)
            assert one.send()
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 12


def test_batches_that_all_go_wrong_end_the_load(lab: Any) -> None:
    """Something that answers every batch with a page does not put a whole month in doubt."""
    lab.scenario["clockify"]["entries"] += [
        entry | {"id": f"64ef{nth:020d}", "description": f"More {nth}"}
        for nth, entry in enumerate(lab.scenario["clockify"]["entries"] * 2)
    ]
    documents = _documents(lab)
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "answer", times=99, status=302, body="<html>")
        documents.send()

        counts = documents.last["counts"]
        assert (counts["in_doubt"], sum(counts["rejected"].values())) == (10, 8)
        assert "in a row" in documents.last["stopped"]
        lab.recover(house)
        lab.check_each_once(house)


# --- people in the books -----------------------------------------------------------------------

EDITS: dict[str, dict[str, Any]] = {
    "text": {"Description": "Digging, north side"},
    "length": {"Hours": 2, "Minutes": 5},
    "day": {"TxnDate": "2026-02-27"},
    "customer and text": {"CustomerRef": {"value": "22"}, "Description": "Digging?"},
}

BEYOND_LIKENESS = {
    "EmployeeRef": {"value": "56"},
    "TxnDate": "2026-02-27",
    "CustomerRef": {"value": "22"},
    "Description": "Something else",
}


@pytest.fixture
def lost_and_edited(lab: Any) -> Callable[..., Any]:
    """Return a way to lose the answer to the first batch, after which somebody edits the books."""

    def lose(house: Any, edit: dict[str, Any]) -> str:
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        lab.pass_time(600)
        id_, row = next(iter(house.quickbooks.activities.items()))
        row.update(edit)
        return str(id_)

    return lose


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_edited_before_it_was_settled_goes_to_a_person(
    lab: Any, lost_and_edited: Callable[..., Any], edit: str
) -> None:
    """It is not handed over again, and whoever looks can say that it is there."""
    with lab.open(**FORGETS) as house:
        id_ = lost_and_edited(house, EDITS[edit])
        told = _settle(lab)
        assert lab.send()

        assert len(house.quickbooks.activities) == 6
        (doubted,) = told.in_doubt
        (note,) = told.notes
        assert f"settle --entry {doubted} --is-there {id_}" in note
        assert "Ada Small" in note
        assert "--is-not-there" in note
        assert _take_word(lab, doubted, id_).sent == [doubted]
        assert {row.state for row in lab.ledger(house)} == {"sent"}
        assert lab.send()
        assert len(house.quickbooks.activities) == 6


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, "<html>"),
        (400, _fault("ValidationFault", "2020")),
        (403, _fault("SERVICE", "3100")),
        (413, ""),
    ],
)
def test_a_replay_that_is_refused_as_a_whole_leaves_a_doubt(
    lab: Any, lost_and_edited: Callable[..., Any], status: int, body: str
) -> None:
    """It says nothing of the first call, whose work a person may have changed beyond likeness."""
    with lab.open(**FORGETS) as house:
        lost_and_edited(house, BEYOND_LIKENESS)
        house.quickbooks.faults.plan(BATCH, "answer", status=status, body=body)
        told = _settle(lab)

        (doubted,) = told.in_doubt
        assert told.released == told.refused == []
        assert f"settle --entry {doubted} --is-not-there" in " ".join(told.notes)
        assert [row.entry_id for row in lab.ledger(house) if row.state == "sending"] == [doubted]
        assert len(house.quickbooks.activities) == 6


def test_what_is_refused_when_it_is_handed_over_again_is_settled(lab: Any) -> None:
    """QuickBooks never had it and says no: nothing is in doubt, and it goes once it may."""
    with lab.open() as house:
        house.quickbooks.faults.plan(BATCH, "drop_before")
        lab.send()
        lab.pass_time(600)
        house.quickbooks.people.close_books("2026-03-06")
        told = _settle(lab)

        assert (len(told.refused), told.in_doubt) == (2, [])
        states = {row.entry_id: row.state for row in lab.ledger(house)}
        assert not {*told.refused} & {id_ for id_, state in states.items() if state == "sending"}
        house.quickbooks.people.close_books(None)
        assert lab.send()
        lab.check_each_once(house)


def test_a_person_may_say_that_it_is_not_there(
    lab: Any, lost_and_edited: Callable[..., Any]
) -> None:
    """Then the next send takes it."""
    with lab.open(**FORGETS) as house:
        id_ = lost_and_edited(house, EDITS["text"])
        (doubted,) = _settle(lab).in_doubt

        assert _take_word(lab, doubted, None).released == [doubted]
        assert lab.send()
        assert len(house.quickbooks.activities) == 7
        assert id_ not in {row.time_activity_id for row in lab.ledger(house)}


def test_a_persons_word_is_checked(lab: Any, lost_and_edited: Callable[..., Any]) -> None:
    """No word moves what is not in doubt, or names what is not there or somebody else's."""
    with lab.open(**FORGETS) as house:
        lost_and_edited(house, EDITS["text"])
        (doubted,) = _settle(lab).in_doubt
        rows = {row.entry_id: row for row in lab.ledger(house)}
        other = next(row for row in rows.values() if row.state == "sent")

        for entry_id, id_, why in (
            (doubted, "99999", "has no TimeActivity 99999"),
            (doubted, "1' OR", "has no TimeActivity"),
            (doubted, other.time_activity_id, f"is entry {other.entry_id} already"),
            (other.entry_id, "1", "is not in doubt"),
            ("64ee", None, "is not in doubt"),
        ):
            with pytest.raises(AskPerson, match=why):
                _take_word(lab, entry_id, id_)
        assert {row.entry_id: row.state for row in lab.ledger(house)} == {
            id_: row.state for id_, row in rows.items()
        }


def test_a_word_that_cannot_be_true_is_not_taken(lab: Any) -> None:
    """No slip of the pen loses hours: not another's row, nor an older one, nor one too soon."""
    with lab.open(**FORGETS) as house:
        older = _copy_of(house, lab.scenario["clockify"]["entries"][0])
        lab.pass_time(600)
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send(not_in_books=True)
        a, b = [row for row in lab.ledger(house) if row.state == "sending"]
        content_b = content_of_body(b.body)
        activities = house.quickbooks.activities
        of_b = next(id_ for id_, row in activities.items() if content_of(row) == content_b)
        sent = next(row.time_activity_id for row in lab.ledger(house) if row.state == "sent")
        with pytest.raises(AskPerson, match="may still be working on"):
            _take_word(lab, a.entry_id, of_b)
        lab.pass_time(600)
        stranger = house.quickbooks.books.save(
            "TimeActivity",
            {
                "TxnDate": "2026-01-05",
                "NameOf": "Employee",
                "EmployeeRef": {"value": "55"},
                "Hours": 7,
            },
            "create",
        )["Id"]
        for id_, why in (
            (older, "existed before"),
            (of_b, "just like another entry"),
            (stranger, "hardly anything in common"),
            (f"0{sent}", "already"),
        ):
            with pytest.raises(AskPerson, match=why):
                _take_word(lab, a.entry_id, id_)
        assert lab.send()
        assert len(activities) == 8  # with the two that were typed by hand


def test_what_a_neighbor_waits_for_is_not_named(lab: Any) -> None:
    """A row that is just like another workspace's doubt is no edited entry of this one."""
    lab.scenario["clockify"]["entries"] = lab.scenario["clockify"]["entries"][:1]
    with lab.open(**FORGETS) as house, lab.open_neighbor(house) as neighbor:
        (entry,) = house.clockify.entries.values()
        entry["description"] = "Ours, another"
        house.quickbooks.faults.plan(BATCH, "drop_before")
        lab.send()
        house.quickbooks.faults.plan(BATCH, "drop_after")
        neighbor.send()
        lab.pass_time(600)

        assert not _settle(lab).notes


def test_doubts_beyond_those_described_are_told_of(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who is told of ten learns that there are more."""
    first = lab.scenario["clockify"]["entries"][0]
    lab.scenario["clockify"]["entries"] = [
        first | {"id": f"64ef{nth:020d}", "description": f"Row {nth}"} for nth in range(12)
    ]
    with lab.open(**FORGETS) as house:
        monkeypatch.setenv("CLOCKBOOKS_QBO_BATCH_SIZE", "12")
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        for row in house.quickbooks.activities.values():
            row["Description"] += ", edited"
        lab.pass_time(600)
        notes = _settle(lab).notes

        assert len(house.quickbooks.activities) == 12
        assert len(notes) == 11
        assert "--state in-doubt" in notes[-1]


def test_a_strange_row_does_not_end_the_settling(lab: Any) -> None:
    """What other tools wrote is compared as far as it can be read."""
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        strange = {"Id": "999", "Hours": "x", "Minutes": "1.5", "HourlyRate": "1e99"}
        house.quickbooks.activities["999"] = strange | {
            "TxnDate": "2026-03-02",
            "MetaData": {"CreateTime": "2026-03-09T23:00:00-08:00"},
        }
        lab.pass_time(600)
        assert lab.settle()
        assert {row.state for row in lab.ledger(house)} == {"sent"}


def test_a_rounded_rate_is_the_same_entry(lab: Any) -> None:
    """QuickBooks may keep a rate to the cent, and refuse the replay: it does not go again."""
    lab.scenario["clockify"]["entries"][0]["rate"] = 7533.33
    with lab.open(replay_answers_6000=True) as house:
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        for row in house.quickbooks.activities.values():
            row["HourlyRate"] = round(Decimal(row["HourlyRate"]), 2)
            row["Description"] = f"{row.get('Description', '')} \r\n"
        lab.recover(house)
        lab.check_each_once(house)


def _not_yet(answer: Any) -> Any:
    """Show nothing of the books, and count nothing: they are read from a copy that comes after."""
    shown = {"totalCount": 0} if "totalCount" in answer["QueryResponse"] else {}
    return {**answer, "QueryResponse": shown}


def _show_late(house: Any) -> None:
    """Let the first list of the books lack what was done, and so its count."""
    house.quickbooks.faults.plan("GET .*/query", "edit", times=2, edit=_not_yet)


def _batches(house: Any) -> int:
    return sum(path.endswith("/batch") for _, path, _ in house.quickbooks.requests)


def test_what_the_books_show_late_is_not_released_after_6000(lab: Any) -> None:
    """A refused replay says that QuickBooks may have it: the books are read once more."""
    with lab.open(replay_answers_6000=True) as house:
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        lab.pass_time(600)
        _show_late(house)
        before = _batches(house)
        settled = _settle(lab)

        assert _batches(house) == before + 1, "it was handed over again, and refused"
        assert (len(settled.sent), settled.released) == (2, [])
        lab.recover(house)
        lab.check_each_once(house)


def test_what_was_edited_is_not_released_after_6000(
    lab: Any, lost_and_edited: Callable[..., Any]
) -> None:
    """The books show it only after the replay, and with an edit: a person must say."""
    with lab.open(replay_answers_6000=True) as house:
        id_ = lost_and_edited(house, EDITS["text"])
        _show_late(house)
        settled = _settle(lab)

        (doubted,) = settled.in_doubt
        assert (len(settled.sent), settled.released) == (1, [])
        assert f"settle --entry {doubted} --is-there {id_}" in " ".join(settled.notes)
        assert lab.send()
        assert len(house.quickbooks.activities) == 6


def test_a_doubt_without_a_clock_is_looked_for_by_its_day(lab: Any) -> None:
    """Of two doubts one knows when it was handed over: the other may be far older."""
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "drop_after", times=2)
        lab.send()
        first, second, *_ = house.quickbooks.activities.values()
        for row in (first, second):
            row["MetaData"]["CreateTime"] = "2026-03-09T06:00:00Z"
        request_id = min(lab.ledger(house), key=lambda row: row.entry_id).request_id
        engine = sa.create_engine(house.environment["CLOCKBOOKS_DATABASE_URL"])
        with engine.begin() as connection:
            unknown = batches.update().where(batches.c.request_id == request_id)
            connection.execute(unknown.values(qbo_time=None))
        engine.dispose()
        lab.recover(house)
        lab.check_each_once(house)


def test_an_older_row_made_by_hand_is_not_a_younger_doubt(lab: Any) -> None:
    """Each doubt takes only what is younger than its own claim, however old others are."""
    young = lab.scenario["clockify"]["entries"].pop()
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "drop_before", times=99)
        lab.send()
        lab.pass_time(600)
        by_hand = _copy_of(house, young)
        lab.pass_time(600)
        house.clockify.entries[young["id"]] = young
        lab.send(not_in_books=True)
        lab.pass_time(600)
        lab.recover(house)

        rows = lab.ledger(house)
        assert {row.state for row in rows} == {"sent"}
        assert by_hand not in {row.time_activity_id for row in rows}
        assert len(house.quickbooks.activities) == 7


def test_a_run_that_was_taken_for_dead_records_its_answer(lab: Any) -> None:
    """Another run has settled its entry by then, and an older twin: nothing is lost or doubled."""
    first, *_, last = lab.scenario["clockify"]["entries"]
    lab.scenario["clockify"]["entries"] = [first]
    with lab.open(**FORGETS) as house:
        house.quickbooks.faults.plan(BATCH, "drop_before")
        lab.send()
        house.clockify.entries[last["id"]] = first | {"id": last["id"]}

        def settle_meanwhile(name: str) -> None:
            if name.startswith("after an answer") and house.quickbooks.activities:
                lab.bomb.visit = None
                lab.pass_time(300)
                assert lab.settle()

        lab.bomb.reset()
        lab.bomb.visit = settle_meanwhile
        assert lab.send()
        lab.recover(house)
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 2


def test_an_older_doubt_is_looked_for_as_far_back_as_it_may_be(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of doubts of different age, the oldest says since when the books are read."""
    with lab.open(**FORGETS) as house:
        monkeypatch.setenv("CLOCKBOOKS_LEASE_S", "3600")
        house.quickbooks.faults.plan(BATCH, "drop_after")
        house.quickbooks.faults.plan(BATCH, "drop_after", skip=1)  # one in between tells the clock
        lab.bomb.reset()
        lab.bomb.visit = lambda name: lab.pass_time(300) if "batch" in name else None
        lab.send()
        lab.bomb.visit = None
        lab.recover(house)
        lab.check_each_once(house)


# --- two connections to one company ------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "memory"),
    [
        ("drop_before", FORGETS),
        ("drop_after", {}),
        pytest.param("drop_before", {}, marks=pytest.mark.slow),
        pytest.param("drop_after", FORGETS, marks=pytest.mark.slow),
        pytest.param("drop_before", {"replay_answers_6000": True}, marks=pytest.mark.slow),
        pytest.param("drop_after", {"replay_answers_6000": True}, marks=pytest.mark.slow),
    ],
)
def test_another_workspaces_equal_entry_is_not_taken(
    lab: Any, memory: dict[str, bool], fault: str
) -> None:
    """Two workspaces book equal entries into one company: all of both are there in the end."""
    with lab.open(**memory) as house, lab.open_neighbor(house) as neighbor:
        house.quickbooks.faults.plan(BATCH, fault)
        lab.send()
        neighbor.send()
        lab.pass_time(600)
        assert lab.settle()
        assert neighbor.settle()
        for one in (lab, neighbor, lab, neighbor):
            lab.pass_time(600)
            assert one.send()

        lab.check_each_once(house)
        assert set(Counter(map(content_of, house.quickbooks.activities.values())).values()) == {
            2,
            4,
        }


@pytest.mark.parametrize(
    ("fault", "point"), [("drop_before", "after an answer"), ("drop_after", "batch")]
)
def test_a_live_neighbors_twin_is_left_to_it(lab: Any, fault: str, point: str) -> None:
    """One row that may be a live run's settles no older equal doubt, nor sends it once more."""
    lab.scenario["clockify"]["entries"] = lab.scenario["clockify"]["entries"][:1]
    with lab.open(**FORGETS) as house, lab.open_neighbor(house) as neighbor:

        def settle_meanwhile(name: str) -> None:
            if point in name and house.quickbooks.activities:
                lab.bomb.visit = None
                lab.pass_time(60)
                assert len(_settle(lab).in_doubt) == 1
                assert len(house.quickbooks.activities) == 1

        house.quickbooks.faults.plan(BATCH, fault)
        lab.send()
        lab.pass_time(100)
        lab.bomb.reset()
        lab.bomb.visit = settle_meanwhile
        assert neighbor.send()
        assert lab.bomb.visit is None
        for one in (lab, neighbor):
            lab.pass_time(600)
            assert one.send()
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 2


# --- what a replay books -----------------------------------------------------------------------


def test_what_a_replay_created_counts_as_sent_and_names_what_changed(lab: Any) -> None:
    """It goes as it was claimed; the run says which entries Clockify tells otherwise by now."""
    documents = _documents(lab)
    with lab.open() as house:
        house.quickbooks.faults.plan(BATCH, "drop_before", times=2)
        lab.send()
        lab.pass_time(600)
        claimed = [row.entry_id for row in lab.ledger(house) if row.state == "sending"]
        edited, deleted, *same = sorted(claimed)
        house.clockify.entries[edited]["description"] = "Something else"
        del house.clockify.entries[deleted]
        documents.send()

        counts = documents.last["counts"]
        assert counts["sent"] == len(claimed) - 1
        rows = {row["entry_id"]: row for row in documents.last["entries"]}
        assert {rows[id_]["state"] for id_ in (edited, *same)} == {"sent"}
        notes = " ".join(documents.last["notes"])
        assert f"as they were then: {edited}." in notes
        assert f"deleted in Clockify or moved to other days: {deleted}." in notes
        assert same[0] not in notes
        lab.check_each_once(house)


def test_what_quickbooks_remembers_was_not_created_by_the_replay(lab: Any) -> None:
    """The run that asks again does not count as its own what was there before."""
    with lab.open() as house:
        house.quickbooks.faults.plan(BATCH, "drop_after")
        lab.send()
        lab.pass_time(600)
        _show_late(house)
        before = _batches(house)
        settled = _settle(lab)

        assert _batches(house) == before + 1, "it was handed over again"
        assert (len(settled.sent), settled.replayed) == (2, [])


# --- helpers -----------------------------------------------------------------------------------


class _documents:  # noqa: N801 - reads as a function where it is used
    """The documents of sends."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.last: dict[str, Any] = {}

    def send(self) -> None:
        with closing(Report()) as report:

            def job(scenario: Any) -> None:
                send(scenario, WEEK, report)
                self.last = json.loads(json.dumps(report.latest, default=list))

            assert self.lab.run(job)


def _settle(lab: Any) -> Settled:
    found: list[Settled] = []
    assert lab.run(lambda scenario: found.append(settle_alone(scenario)))
    return found[0]


def _take_word(lab: Any, entry_id: str, id_: str | None) -> Settled:
    found: list[Settled | AskPerson] = []

    def job(scenario: Any) -> None:
        try:
            found.append(take_word(scenario, entry_id, id_))
        except AskPerson as error:
            found.append(error)

    assert lab.run(job)
    if isinstance(found[0], AskPerson):
        raise found[0]
    return found[0]


def _copy_of(house: Any, entry: dict[str, Any]) -> str:
    """Let somebody type an entry's TimeActivity into QuickBooks."""
    body = {
        "TxnDate": entry["start"][:10],
        "NameOf": "Employee",
        "EmployeeRef": {"value": "55"},
        "CustomerRef": {"value": "21"},
        "BillableStatus": "Billable",
        "HourlyRate": Decimal("75.5"),
        "Hours": 1,
        "Minutes": 30,
        "Description": entry["description"],
    }
    made = house.quickbooks.books.save("TimeActivity", body, "create")
    return str(made["Id"])
