"""Every point at which a repair or a recall can die, and every fault at every batch of theirs.

As with sends: the real code runs to the point and is abandoned there; then another run settles and
does the same again. Nothing is doubled, nothing is lost, and nothing that is billed is touched.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from crash_points import SHARES, crash_points, share_of

from flows.reconciliation.recall import RecallReport, RecallRequest, recall
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from transforms.identity.match_books import content_of

MEMORIES: dict[str, dict[str, bool]] = {
    "remembers": {},
    "forgets": {"remembers_request_ids": False},
    "answers 6000": {"replay_answers_6000": True},
}


def _some_slow(values: Iterable[Any], quick: Any) -> list[Any]:
    """Return parameters of which all but one are for the slow suite."""
    return [pytest.param(one, marks=() if one == quick else pytest.mark.slow) for one in values]


REPAIR = ReconcileRequest(start=date(2026, 3, 1), end=date(2026, 3, 8), repair=True, resend=True)
RECALL = RecallRequest(start=date(2026, 3, 1), end=date(2026, 3, 8))
OTHER_PROJECT = "64b0000000000000000000b2"


@pytest.fixture
def small_scenario(small_scenario: dict[str, Any]) -> dict[str, Any]:
    """Add a second project with its customer."""
    project = {**small_scenario["clockify"]["projects"][0], "id": OTHER_PROJECT, "name": "House"}
    small_scenario["clockify"]["projects"].append(project)
    small_scenario["quickbooks"]["customers"].append({"Id": "22", "DisplayName": "House"})
    return small_scenario


class Repairs:
    """Sends the week, lets people change it, and repairs it or takes it back.

    Attributes:
        lab: Where that happens.
        billed: What must never change.
    """

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.billed: dict[str, Any] = {}

    def send_and_change(self, house: Any) -> None:
        """Send six entries; then let each of them change in another way, but for a twin."""
        self.lab.bomb.reset()
        assert self.lab.send()
        by_entry = {row.entry_id: row.time_activity_id for row in self.lab.ledger(house)}
        one, twin, _, moved, gone, last = sorted(by_entry)
        entries, people = house.clockify.entries, house.quickbooks.people
        people.invoice("21", by_entry[twin])
        entries[twin]["description"] = "Edited in vain"
        self.billed = {by_entry[twin]: deepcopy(house.quickbooks.activities[by_entry[twin]])}
        entries[one]["end"] = entries[one]["end"].replace(":00Z", ":30Z").replace("09:", "10:")
        entries[moved]["projectId"] = OTHER_PROJECT
        del entries[gone]
        people.delete_time(by_entry[last])

    def repair(self) -> bool:
        """Repair all that may be repaired."""
        with closing(ReconcileReport()) as report:
            return self.lab.run(lambda context: reconcile(context, REPAIR, report))

    def recall(self) -> bool:
        """Take everything back."""
        with closing(RecallReport()) as report:
            return self.lab.run(lambda context: recall(context, RECALL, report))

    def rest(self, house: Any, job: Callable[[], bool]) -> None:
        """Let all come to rest: settle, and do the same again."""
        self.lab.bomb.reset()
        house.quickbooks.faults.clear()
        self.lab.pass_time(600)
        assert self.lab.settle()
        job()

    def check(self, house: Any, books: Counter[Any]) -> None:
        """Hold ledger and books against each other, and against what they are to be."""
        activities = house.quickbooks.activities
        for id_, before in self.billed.items():
            assert activities[id_] == before, "billed time was touched"
        assert Counter(map(content_of, activities.values())) == books
        sent = [row for row in self.lab.ledger(house) if row.state == "sent"]
        assert {row.time_activity_id for row in sent} == set(activities)
        assert {row.state for row in self.lab.ledger(house)} <= {"sent", "recalled"}


@pytest.fixture
def repairs(lab: Any) -> Repairs:
    """Return a laboratory for what happens after the send."""
    return Repairs(lab)


def _undisturbed(repairs: Repairs, job: Callable[[], bool]) -> tuple[Counter[Any], list[str]]:
    """Return what the books hold after an undisturbed job, and the points that it passed."""
    key = job.__name__, "after the send"
    known = repairs.lab.known
    if key not in known:
        with repairs.lab.open() as house:
            repairs.send_and_change(house)
            repairs.lab.bomb.reset()
            assert job()
            points = list(repairs.lab.bomb.points)
            books = Counter(map(content_of, house.quickbooks.activities.values()))
            repairs.check(house, books)
            known[key] = books, points
    return deepcopy(known[key])


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("memory", _some_slow(MEMORIES, "remembers"))
@pytest.mark.parametrize("name", ["repair", "recall"])
def test_a_change_may_die_at_any_point(
    repairs: Repairs, name: str, memory: str, share: int
) -> None:
    """Wherever it is cut off, settling and doing it again bring it to its end."""
    job = getattr(repairs, name)
    books, points = _undisturbed(repairs, job)
    assert books.total() == (5 if name == "repair" else 1)

    mine = share_of(points, share)
    for at in mine:
        with repairs.lab.open(**MEMORIES[memory]) as house:
            repairs.send_and_change(house)
            repairs.lab.bomb.reset(at)
            assert not job()
            repairs.rest(house, job)
            repairs.check(house, books)
    print(f"{len(mine)} of {len(points)} crash points of {name}, QuickBooks {memory}")  # noqa: T201 - the figure is the proof


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["remembers", "forgets"])
@pytest.mark.parametrize("name", ["repair", "recall"])
def test_a_change_may_die_at_any_point_on_postgresql(
    repairs: Repairs, name: str, memory: str, postgres_database: Callable[..., Any]
) -> None:
    """The same where the database is a server."""
    job = getattr(repairs, name)
    books, points = _undisturbed(repairs, job)

    mine = crash_points(points)
    for at in mine:
        with (
            postgres_database() as url,
            repairs.lab.open(database_url=url, **MEMORIES[memory]) as house,
        ):
            repairs.send_and_change(house)
            repairs.lab.bomb.reset(at)
            assert not job()
            repairs.rest(house, job)
            repairs.check(house, books)
    print(f"{len(mine)} of {len(points)} crash points of {name} on PostgreSQL, QuickBooks {memory}")  # noqa: T201 - as above


FAULTS: dict[str, dict[str, Any]] = {
    "lost before the work": {"kind": "drop_before"},
    "lost after the work": {"kind": "drop_after"},
    "cut": {"kind": "cut"},
    "503 before the work": {"kind": "answer", "status": 503},
    "504 after the work": {"kind": "answer_after", "status": 504, "body": "<html>"},
    "a page of a proxy's": {"kind": "answer_after", "status": 200, "body": "<html>"},
    "no items": {"kind": "answer_after", "status": 200, "body": '{"BatchItemResponse":[]}'},
}


@pytest.mark.parametrize("memory", _some_slow(MEMORIES, "forgets"))
@pytest.mark.parametrize("fault", _some_slow(FAULTS, "lost after the work"))
@pytest.mark.parametrize("name", ["repair", "recall"])
def test_any_answer_may_be_lost(repairs: Repairs, name: str, fault: str, memory: str) -> None:
    """Whichever batch of a repair or a recall it was."""
    job = getattr(repairs, name)
    books, points = _undisturbed(repairs, job)

    for skip in range(sum("batch" in point for point in points)):
        with repairs.lab.open(**MEMORIES[memory]) as house:
            repairs.send_and_change(house)
            house.quickbooks.faults.plan("POST .*/batch", skip=skip, **FAULTS[fault])
            job()
            repairs.rest(house, job)
            repairs.check(house, books)
