"""Running timers become entries that the plan can explain."""

import json

from schemas.words import Reason
from transforms.entries.read_report import read_report
from transforms.entries.running_timers import as_report_rows

USERS = [{"id": "u1", "name": "Ann Lee", "email": "ann@example.com"}]
PROJECTS = [{"id": "p1", "name": "Kitchen", "clientId": "c1", "clientName": "Orchard"}]
TIMER = {
    "id": "t1",
    "userId": "u1",
    "projectId": "p1",
    "description": "Drawings",
    "billable": True,
    "type": "REGULAR",
    "timeInterval": {"start": "2026-03-02T15:00:00Z", "end": None, "duration": None},
    "hourlyRate": {"amount": 7550, "currency": "EUR"},
    "tagIds": None,
}


def entry_of(timer):
    read = read_report(as_report_rows([timer], USERS, PROJECTS), currency="USD")
    assert read.set_aside == []
    (entry,) = read.entries.astype(object).where(read.entries.notna(), None).to_dict("records")
    return entry


def test_a_timer_is_read_with_the_names_beside_its_ids():
    """The core host gives ids only; the directory has the names."""
    entry = entry_of(TIMER)
    expected = {
        "entry_id": "t1",
        "user_name": "Ann Lee",
        "user_email": "ann@example.com",
        "project_name": "Kitchen",
        "client_id": "c1",
        "client_name": "Orchard",
        "end": None,
        "duration_s": None,
        "rate_micros": 75_500_000,
        "currency": "EUR",
        "billable": True,
    }
    assert {name: entry[name] for name in expected} == expected


def test_a_timer_of_strangers_is_an_entry_too():
    """A user or project that the directory does not have, or none at all."""
    bare = {**TIMER, "userId": "u9", "projectId": None, "hourlyRate": None}
    entry = entry_of(bare)
    assert (entry["user_id"], entry["user_name"], entry["project_name"]) == ("u9", None, None)
    assert (entry["rate_micros"], entry["currency"]) == (None, "USD")


def test_a_timer_is_explained_as_running(plan):
    """It appears in the report of a send, but is not sent."""
    entry = entry_of(TIMER)
    assert plan(entry)["reason"].tolist() == [Reason.RUNNING]


def test_a_timer_as_the_service_tells_it(shared_samples):
    """A live entry without its end is a running timer."""
    path = shared_samples("clockify/samples/json/core_time_entry_item_2026_live.json")
    (timer,) = json.loads(path.read_text(encoding="utf-8"))
    timer["timeInterval"] = {**timer["timeInterval"], "end": None, "duration": None}
    entry = entry_of(timer)
    assert (entry["end"], entry["duration_s"], entry["rate_micros"]) == (None, None, 0)


def test_no_timers_are_no_rows():
    """Nobody works."""
    assert as_report_rows([], USERS, PROJECTS) == []
