"""Review before it goes: the plan waits for a person, and exactly what they approve goes.

A real Prefect server holds the runs; what a runner does, start a run and start it again once it was
resumed, is done here in this process, because starting Python would take most of the time.
`test_review_in_a_browser.py` does it with a runner, and with a person's eyes. What happens seldom
is in the slow suite: each test starts two runs or more.
"""

import csv
import hashlib
import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, chdir, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from kept_environment import kept_environment
from prefect.client.orchestration import get_client
from prefect.events.worker import EventsWorker
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from connectors.errors import AskPerson, ClockbooksError
from flows.context import open_context
from flows.import_csv import import_csv
from flows.importing.folder import take_in
from flows.operations.notifications import drop_foreign
from flows.send_time import send_time
from flows.sending.request import ImportRequest
from flows.sync_directory import sync_directory

pytestmark = pytest.mark.usefixtures("in_this_process")

#: The nine entries of the small week's day, as the form takes them.
DAYS = {"start": "2026-09-22", "end": "2026-09-22"}

#: Parameters of a run that waits for somebody.
REVIEW = {**DAYS, "dry_run": False, "review": True}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, prefect_database: Path) -> Iterator[str]:
    """Start a Prefect server, and return the address of its API."""
    folder = tmp_path_factory.mktemp("prefect")
    shutil.copy(prefect_database, folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **kept_environment(),
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "0.5",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        api = f"http://127.0.0.1:{port}/api"
        try:
            until(lambda: process.poll() is None and answers(f"{api}/health"))
            yield api
            EventsWorker.drain_all(timeout=10, at_exit=False)  # later, nobody takes its events
        finally:
            process.terminate()


def answers(url: str) -> bool:
    """Whether somebody is there."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def until(question: Any) -> Any:
    """Ask again and again, until there is an answer."""
    pause = threading.Event()
    for _ in range(600):
        answer = question()
        if answer:
            return answer
        pause.wait(0.2)
    pytest.fail("no answer within two minutes")


class Desk:
    """Prefect's page, as far as it matters here: start a run, look at it, resume it."""

    def __init__(
        self, house: Any, api: str, monkeypatch: pytest.MonkeyPatch, flow: Any = send_time
    ) -> None:
        self.house, self.api, self.flow = house, api, flow
        for name, value in house.environment.items():
            monkeypatch.setenv(name, value)
        self.deployment_id = flow.to_deployment("by-hand").apply()

    def start(self, **parameters: Any) -> str:
        """Start a run as the form does, and let it go as far as it goes by itself."""
        path = f"deployments/{self.deployment_id}/create_flow_run"
        own = REVIEW if self.flow is send_time else {}
        run_id = str(self.call("POST", path, {"parameters": {**own, **parameters}})["id"])
        self.go_on(run_id)
        return run_id

    def go_on(self, run_id: str) -> None:
        """Do what a runner does with a run that is scheduled: a process, from the top."""
        # The run's state tells how it ended, as it does in the page.
        with (
            get_client(sync_client=True) as client,
            chdir(self.house.folder),
            suppress(Pause, ClockbooksError),
        ):
            run_flow(self.flow, flow_run=client.read_flow_run(run_id), return_type="state")

    def resume(self, run_id: str, **answer: Any) -> Any:
        """Press Resume, fill in the form, and let the run go on; return the server's answer."""
        told = self.call("POST", f"flow_runs/{run_id}/resume", {"run_input": answer})
        if told["status"] == "ACCEPT":
            self.go_on(run_id)
        return told

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call Prefect's API."""

        def answered() -> Any:
            answer = requests.request(method, f"{self.api}/{path}", json=body, timeout=30)
            return None if answer.status_code == 503 else [answer]  # its database is busy: again

        (answer,) = until(answered)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def state(self, run_id: str) -> Any:
        """Return a run's state."""
        return self.call("GET", f"flow_runs/{run_id}")["state"]

    def question(self, run_id: str) -> str:
        """Return what stands above the form that waits."""
        keys = self.state(run_id)["state_details"]["run_input_keyset"]
        return str(self.call("GET", f"flow_runs/{run_id}/input/{keys['description']}"))

    def form(self, run_id: str) -> dict[str, Any]:
        """Return the fields of the form that waits, by what stands above each."""
        keys = self.state(run_id)["state_details"]["run_input_keyset"]
        fields = self.call("GET", f"flow_runs/{run_id}/input/{keys['schema']}")["properties"]
        return {field.get("title", name): {"name": name, **field} for name, field in fields.items()}

    def pages(self, run_id: str) -> dict[str, Any]:
        """Return the run's artifacts: the latest content of each, by the first part of its key."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [run_id]}}, "sort": "CREATED_DESC"}
        found = self.call("POST", "artifacts/filter", wanted)
        return {row["key"].removesuffix("-main"): row["data"] for row in found[::-1]}


def quiet(address: str) -> AbstractContextManager[None]:
    """Name the server, to which runs send neither heartbeats nor logs.

    Logs that are left when the server stops keep this process waiting for a minute.
    """
    return temporary_settings(
        {
            PREFECT_API_URL: address,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
    )


@pytest.fixture
def desk(week: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Yield Prefect's page for a connected house with nine entries of one day."""
    with quiet(address):
        yield Desk(week, address, monkeypatch)


@pytest.fixture
def links_desk(synced: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Yield the page for the directories of the demo, in which not everybody has a partner."""
    with quiet(address):
        yield Desk(synced, address, monkeypatch, sync_directory)


@pytest.fixture
def files_desk(
    week: Any, address: str, monkeypatch: pytest.MonkeyPatch, export: Any
) -> Iterator[Desk]:
    """Yield the page for imports: the import folder has an export of the day's nine entries."""
    folder = week.folder / "exports"
    folder.mkdir()
    export(week, "exports/september.csv", entries=list(week.clockify.entries.values()))
    week.environment["CLOCKBOOKS_IMPORT_FOLDER"] = str(folder)
    with quiet(address):
        yield Desk(week, address, monkeypatch, import_csv)


@pytest.fixture
def plan_of(rows_of: Any) -> Any:
    """Return the newest kept plan of a house, and its entries by number."""

    def read(house: Any) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
        plan = rows_of(house, "plans")[-1]
        entries = [row for row in rows_of(house, "plan_entries") if row["plan_id"] == plan["id"]]
        return plan, {row["number"]: row for row in entries}

    return read


def test_it_stops_after_the_plan_and_approval_sends_it(desk, plan_of, all_once):
    """Nothing goes before somebody approved it; then all of it, and the decision is kept."""
    run_id = desk.start()

    assert desk.state(run_id)["name"] == "Suspended"
    assert desk.house.quickbooks.activities == {}
    told = desk.resume(run_id, decision="approve", who="Ann Lee", note="October is fine")

    assert told["status"] == "ACCEPT"
    assert desk.state(run_id)["type"] == "COMPLETED"
    all_once(desk.house)
    plan, entries = plan_of(desk.house)
    assert (plan["state"], plan["decided_by"], plan["note"]) == (
        "approved", "Ann Lee", "October is fine",
    )  # fmt: skip
    assert plan["flow_run_id"] == run_id
    listed = desk.house.run("entries", "--json").document["entries"]
    assert {(row["plan"], row["run_id"]) for row in listed} == {(plan["id"], plan["run_id"])}
    assert len(entries) == plan["entries"] == len(listed) == 9


@pytest.mark.slow
def test_the_name_that_a_proxy_vouches_for_beats_what_was_typed(desk, execute):
    """It is in the plan, on the page and in the history, for the answer that it came with alone."""
    first = desk.start()

    def vouch(answer_id: str) -> None:  # as the guard does
        statement = "UPDATE plans SET verified_by = 'ann@books.example', answer_id = ?"
        execute(desk.house, statement, answer_id)

    vouch("1")
    desk.resume(first, decision="approve", who="Bo Li", without_entries=[99], answer_id="1")
    assert "has no entry 99" in desk.question(first)
    assert desk.house.run("plans", "--json").document["plans"][0]["verified_by"] is None
    vouch("2")

    desk.resume(first, decision="approve", who="Bo Li", answer_id="2")

    told = "ann@books.example (verified; typed Bo Li)"
    assert f"Plan 1 was approved by **{told}**" in desk.pages(first)["sent"]
    [plan] = desk.house.run("plans", "--json").document["plans"]
    assert (plan["decided_by"], plan["verified_by"]) == ("Bo Li", "ann@books.example")
    assert plan["decider"] == told


def test_approved_without_some_entries_people_and_projects(desk, plan_of, booked, rows_of):
    """What was left out stays, says by whom, and goes with the next send; all else is sent."""
    run_id = desk.start()
    _, entries = plan_of(desk.house)
    person, place = entries[1]["user"], entries[9]
    project = f"{place['client']} › {place['project']}" if place["client"] else place["project"]
    out = {
        number
        for number, row in entries.items()
        if number == 5
        or row["user"] == person
        or (row["client"], row["project"]) == (place["client"], place["project"])
    }

    desk.resume(
        run_id,
        decision="approve",
        who="Ann Lee",
        without_people=[person],
        without_projects=[project],
        without_entries=[5],
    )

    _, after = plan_of(desk.house)
    assert {number for number, row in after.items() if row["left_out"]} == out
    sent = {row["entry_id"] for row in rows_of(desk.house, "ledger") if row["state"] == "sent"}
    assert sent == {row["entry_id"] for number, row in entries.items() if number not in out}
    assert sum(booked(desk.house).values()) == 9 - len(out)
    details = {row["detail"] for row in rows_of(desk.house, "verdicts") if row["state"] != "sent"}
    assert details == {
        "Ann Lee (claimed, not verified) left it out of plan 1. The next send offers it again."
    }


@pytest.mark.slow
def test_an_entry_in_parts_is_approved_whole_or_not(desk, plan_of):
    """Where one part is left out, the other one stays behind too; else both go."""
    entry = next(iter(desk.house.clockify.entries.values()))
    entry |= {"start": "2026-09-23T03:00:00Z", "end": "2026-09-23T11:10:00Z"}
    run_id = desk.start(split="midnight")
    plan, entries = plan_of(desk.house)
    [second] = [number for number, row in entries.items() if row["entry_id"] == f"{entry['id']}/2"]
    assert plan["entries"] == 10
    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=[second])
    assert len(desk.house.quickbooks.activities) == 8
    listed = desk.house.run("entries", "--entry", entry["id"], "--json").document["entries"]
    assert [row["reason"] for row in listed] == ["left_out", "left_out"]

    desk.resume(desk.start(split="midnight"), decision="approve", who="Ann Lee")
    assert len(desk.house.quickbooks.activities) == 10


@pytest.mark.slow
def test_a_plan_says_how_many_time_activities_it_makes(desk, plan_of):
    """And what somebody leaves out of a line is not in it, nor its minutes."""
    like, *others = desk.house.clockify.entries.values()
    for nth, entry in enumerate(others[:2]):
        times = {"start": f"2026-09-22T2{nth}:00:00Z", "end": f"2026-09-22T2{nth}:30:00Z"}
        same = {name: like[name] for name in ("userId", "projectId", "billable", "rate")}
        entry |= {**same, **times}
    run_id = desk.start(line_per="day")
    _, entries = plan_of(desk.house)
    joined = [like["id"], *(one["id"] for one in others[:2])]
    out = [number for number, row in entries.items() if row["entry_id"] == joined[1]]
    assert f"go as {len(entries) - 2} TimeActivities" in desk.pages(run_id)["plan"]
    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=out)
    listed = desk.house.run("entries", "--state", "sent", "--json").document["entries"]
    by_id = {row["entry_id"]: row["time_activity_id"] for row in listed}
    assert by_id[joined[0]] == by_id[joined[2]]
    assert (len(by_id), len(set(by_id.values()))) == (8, 7)
    page = desk.pages(run_id)["sent"]
    assert "8 entries go as 7 TimeActivities" in page
    assert page.count("TimeActivities.") == 1


def test_rejected(desk, plan_of, rows_of, send_day, all_once):
    """Nothing is sent, the note is kept, and the entries are free for the next send."""
    run_id = desk.start()

    desk.resume(run_id, decision="reject", who="Bo Li", note="The client disputes Tuesday")

    state = desk.state(run_id)
    assert (state["type"], state["name"]) == ("COMPLETED", "Rejected")
    claimed = "rejected by Bo Li (claimed, not verified): The client disputes Tuesday. Nothing"
    assert claimed in state["message"]
    plan, _ = plan_of(desk.house)
    assert (plan["state"], plan["decided_by"], plan["run_id"]) == ("rejected", "Bo Li", None)
    assert rows_of(desk.house, "ledger") == []
    assert send_day(desk.house).code == 0
    all_once(desk.house)


def test_an_answer_that_the_plan_cannot_follow_is_asked_again(desk, all_once, plan_of):
    """An unknown entry, or leaving everything out, is refused with the reason, and asked again."""
    run_id = desk.start()

    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=[3, 99])
    assert desk.state(run_id)["name"] == "Suspended"
    assert "has no entry 99" in desk.question(run_id)
    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=list(range(1, 10)))
    assert desk.state(run_id)["name"] == "Suspended"
    assert "nothing would be left" in desk.question(run_id)
    assert desk.house.quickbooks.activities == {}
    desk.resume(run_id, decision="approve", who="Ann Lee")

    assert desk.state(run_id)["type"] == "COMPLETED"
    assert not any(row["left_out"] for row in plan_of(desk.house)[1].values())
    all_once(desk.house)


@pytest.mark.parametrize(
    "answer",
    [
        {"decision": "approve"},
        {"decision": "approve", "who": " x"},
        {"decision": "perhaps", "who": "Ann Lee"},
        {"decision": "approve", "who": "Ann Lee", "without_people": ["Nobody Of That Name"]},
        {"decision": "approve", "who": "Ann Lee", "without_entries": [0]},
        {"decision": "approve", "who": "Ann Lee", "sure": True},
    ],
)
def test_the_form_itself_refuses_what_it_can(waiting_run, answer):
    """Without a name or a decision, or with unknown fields, it is refused; the run waits."""
    desk, run_id = waiting_run

    assert desk.resume(run_id, **answer)["status"] == "REJECT"

    assert desk.state(run_id)["name"] == "Suspended"


@pytest.fixture(scope="module")
def waiting_run(
    address: str, shared_house: Any, open_house: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, str]]:
    """Yield a run that waits, in a house of its own, for tests that leave it waiting."""
    folder = tmp_path_factory.mktemp("waiting")
    for name in ("clockbooks.db", "clockbooks.key"):
        shutil.copy(shared_house.folder / name, folder / name)
    with (
        open_house(shared_house.scenario, folder) as house,
        pytest.MonkeyPatch.context() as monkeypatch,
        quiet(address),
    ):
        desk = Desk(house, address, monkeypatch)
        run_id = desk.start()
        assert desk.state(run_id)["name"] == "Suspended"
        yield desk, run_id


def test_what_changed_meanwhile_is_left_for_the_next_run(desk, rows_of, send_day, all_once):
    """Edited, deleted, added, sent by another run: those stay, each explained; the rest goes."""
    entries = desk.house.clockify.entries
    edited, deleted, taken = sorted(entries)[:3]
    shown = dict(entries)
    run_id = desk.start()
    entries[edited] = {**entries[edited], "description": "Mended after the plan was shown"}
    removed = entries.pop(deleted)
    added = "64f0000000000000000000ff"
    entries[added] = {**shown[taken], "id": added, "description": "Came later"}
    desk.house.quickbooks.requests.clear()

    desk.resume(run_id, decision="approve", who="Ann Lee")

    told = {row["entry_id"]: row for row in rows_of(desk.house, "verdicts")}
    assert {id_ for id_, row in told.items() if row["state"] == "sent"} == set(shown) - {
        edited, deleted,
    }  # fmt: skip
    assert "changed since plan 1 was shown (description)" in told[edited]["detail"]
    assert "was not in plan 1" in told[added]["detail"]
    page = desk.pages(run_id)["sent"]
    assert "1 of the 9 entries of plan 1 are no longer among these days'" in page
    assert send_day(desk.house).document["counts"]["sent"] == 2
    assert removed["id"] not in {row["entry_id"] for row in rows_of(desk.house, "ledger")}
    all_once(desk.house)


@pytest.mark.slow
def test_an_approved_plan_begins_with_one_entry_where_payroll_is_on(desk, all_once):
    """Whoever decides is told so; and the rest follows once QuickBooks has taken that one."""
    quickbooks, sizes = desk.house.quickbooks, []
    quickbooks.company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    quickbooks.switches.payroll_code = None
    quickbooks.faults.plan(
        "POST .*/batch",
        "edit",
        times=99,
        edit=lambda answer: sizes.append(len(answer["BatchItemResponse"])) or answer,
    )

    run_id = desk.start()
    assert "one entry goes first, alone" in desk.pages(run_id)["plan"]
    assert sizes == []
    desk.resume(run_id, decision="approve", who="Ann Lee")

    assert sizes == [1, 3, 3, 2]
    all_once(desk.house)


@pytest.mark.slow
def test_our_own_tag_is_no_change_since_the_plan_was_shown(desk, rows_of):
    """Another tag is one where the template has `{tags}`; ours never is, on every entry."""
    clockify = desk.house.clockify
    clockify.tags |= {id_: {"id": id_, "name": id_} for id_ in ("ours", "other")}
    options = {"sent_tag": "ours", "description_template": "{description}[ #{tags}]"}
    run_id = desk.start(**options)
    for entry in clockify.entries.values():
        entry["tagIds"] = [*(entry.get("tagIds") or []), "ours"]
    changed = min(clockify.entries)
    clockify.entries[changed]["tagIds"].append("other")

    desk.resume(run_id, decision="approve", who="Ann Lee")

    told = {row["entry_id"]: row["reason"] for row in rows_of(desk.house, "verdicts")}
    assert told == {**dict.fromkeys(told), changed: "changed_since_review"}
    assert len(told) == 9


@pytest.mark.slow
def test_a_resumed_review_takes_the_days_of_its_plan(desk, rows_of, execute):
    """By then "the last seven days" are others: what was not in the plan's is not looked at."""
    run_id = desk.start(start="2026-09-21", end="2026-09-22")
    execute(desk.house, "UPDATE plans SET first_day = '2026-09-22'")
    model = next(iter(desk.house.clockify.entries.values()))
    day = {"start": "2026-09-21T15:00:00Z", "end": "2026-09-21T16:00:00Z"}
    desk.house.clockify.entries["e" * 24] = model | day | {"id": "e" * 24}

    desk.resume(run_id, decision="approve", who="Ann Lee")

    told = {row["entry_id"] for row in rows_of(desk.house, "verdicts")}
    assert len(told) == 9
    assert "e" * 24 not in told


@pytest.mark.slow
def test_what_another_run_sent_meanwhile_is_not_sent_again(
    desk, execute, rows_of, send_day, all_once
):
    """A plan that lost its hold, because its limit was moved, still sends nothing twice."""
    run_id = desk.start()
    execute(desk.house, "UPDATE plans SET state = 'making'")
    assert send_day(desk.house).document["counts"]["sent"] == 9
    execute(desk.house, "UPDATE plans SET state = 'waiting'")

    desk.resume(run_id, decision="approve", who="Ann Lee")

    assert desk.state(run_id)["type"] == "COMPLETED"
    assert {row["reason"] for row in rows_of(desk.house, "verdicts")} == {"already_sent"}
    all_once(desk.house)


def test_what_was_typed_in_while_a_plan_waited_is_not_sent_again(desk, reckon, send_day):
    """Also where the run was told that what QuickBooks had then was other work.

    Neither a send of somebody else's time meanwhile, nor an earlier attempt, has shown it.
    """
    house = desk.house
    run_id = desk.start(not_in_books=True)
    entries = house.clockify.entries
    typed = next(one for one in entries.values() if one["billable"])
    kind, person, _, day, hours, minutes, *_ = reckon(house, typed)
    row = {"TxnDate": day, "NameOf": kind, f"{kind}Ref": {"value": person}}
    house.quickbooks.people.type_time(**row, Hours=hours, Minutes=minutes)
    own = [one for one in entries.values() if one["userId"] == typed["userId"]]
    other = next(one for one in entries.values() if one["userId"] != typed["userId"])
    entries["f" * 24] = {**other, "id": "f" * 24, "description": "Came later"}
    assert send_day(house).document["counts"]["sent"] == 1
    desk.resume(run_id, decision="approve", who="Ann Lee")
    _tried_again(desk, run_id)

    assert len(house.quickbooks.activities) == 9 - len(own) + 2


def test_a_second_send_leaves_what_waits_to_the_plan(desk, send_day, all_once):
    """It says where each entry waits, sends the others of those days, and is no failure."""
    run_id = desk.start()
    late = "64f0000000000000000000ff"
    entries = desk.house.clockify.entries
    entries[late] = {**next(iter(entries.values())), "id": late, "description": "Came later"}

    second = send_day(desk.house)

    assert second.code == 0
    assert second.document["counts"]["sent"] == 1
    assert second.document["counts"]["skipped"] == {"waiting_for_review": 9}
    waits = [row for row in second.document["entries"] if row["reason"] == "waiting_for_review"]
    assert all(row["detail"].startswith("It waits in plan 1 for somebody's") for row in waits)
    said = desk.house.run("send", "--start", DAYS["start"], "--end", DAYS["end"], "--yes").out
    assert "10 entries: 0 sent (0 min), 9 waiting for review, 1 skipped." in said
    assert said.count("It waits in plan 1 for somebody's decision") == 1
    assert "(America/Chicago). To decide, press Resume" in desk.house.run("plans").out
    desk.resume(run_id, decision="approve", who="Ann Lee")
    all_once(desk.house)


@pytest.mark.slow
def test_a_second_review_of_the_same_days_has_nothing_to_decide(desk, rows_of):
    """It ends at once, and says where the entries wait."""
    desk.start()

    second = desk.start()

    assert desk.state(second)["type"] == "COMPLETED"
    assert len(rows_of(desk.house, "plans")) == 1
    page = desk.pages(second)["sent"]
    assert "There is nothing to decide" in page
    assert "It waits in plan 1" in page


def test_nobody_decides_in_time(desk, send_day, all_once, monkeypatch):
    """The run ends as failed, the plan as expired, nothing was sent; the next send takes it all."""
    monkeypatch.setenv("CLOCKBOOKS_REVIEW_HOURS", "0.0003")
    run_id = desk.start()

    until(lambda: desk.state(run_id)["type"] == "FAILED")

    assert "never resumed" in desk.state(run_id)["message"]
    assert desk.house.quickbooks.activities == {}
    assert send_day(desk.house).document["counts"]["sent"] == 9
    shown = desk.house.run("plans", "--json").document["plans"]
    assert [plan["state"] for plan in shown] == ["expired"]
    all_once(desk.house)


def test_a_run_that_dies_after_the_decision_goes_on_when_it_is_tried_again(desk, plan_of, rows_of):
    """The decision stands: a retry asks nobody again, and sends what is still to be sent."""
    run_id = desk.start()
    desk.house.clockify.faults.plan("POST .*/detailed", "answer", status=200, body="{", times=99)
    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=[1])
    assert desk.state(run_id)["type"] == "FAILED"
    assert plan_of(desk.house)[0]["state"] == "approved"
    desk.house.clockify.faults.clear()

    desk.call("POST", f"flow_runs/{run_id}/set_state", {"state": {"type": "SCHEDULED"}})
    desk.go_on(run_id)

    assert desk.state(run_id)["type"] == "COMPLETED"
    left_out = plan_of(desk.house)[1][1]["entry_id"]
    sent = {row["entry_id"] for row in rows_of(desk.house, "ledger") if row["state"] == "sent"}
    assert sent == set(desk.house.clockify.entries) - {left_out}
    _tried_again(desk, run_id)  # it finds all sent
    listed = desk.house.run("entries", "--state", "sent", "--json").document["entries"]
    assert {row["entry_id"]: row["plan"] for row in listed} == dict.fromkeys(sent, 1)


@pytest.mark.slow
def test_an_answer_in_time_counts_however_late_the_run_comes_back(desk, execute, plan_of, all_once):
    """The run may wait for its turn, or for a worker, while the plan's limit passes."""
    run_id = desk.start()
    answer = {"run_input": {"decision": "approve", "who": "Ann Lee", "note": "At the last minute"}}
    assert desk.call("POST", f"flow_runs/{run_id}/resume", answer)["status"] == "ACCEPT"
    execute(desk.house, "UPDATE plans SET expires_at = '2026-01-01 00:00:00'")
    assert desk.house.run("plans", "--json").document["plans"][0]["state"] == "expired"

    desk.go_on(run_id)

    assert desk.state(run_id)["type"] == "COMPLETED"
    plan, _ = plan_of(desk.house)
    assert (plan["state"], plan["decided_by"]) == ("approved", "Ann Lee")
    all_once(desk.house)


@pytest.mark.slow
def test_an_expired_review_that_is_tried_again_says_so(desk, execute):
    """It does not ask again about an expired plan."""
    run_id = desk.start()
    execute(desk.house, "UPDATE plans SET expires_at = '2026-01-01 00:00:00'")
    _tried_again(desk, run_id)

    state = desk.state(run_id)
    assert state["type"] == "FAILED"
    assert "has expired" in state["message"]
    assert desk.house.quickbooks.activities == {}


@pytest.mark.slow
def test_a_run_that_dies_before_the_decision_makes_a_new_plan(desk, all_once):
    """Nobody decides about a plan whose pages may never have been shown."""
    run_id = desk.start()
    _tried_again(desk, run_id)

    assert desk.state(run_id)["name"] == "Suspended"
    assert "Plan 2" in desk.question(run_id)
    desk.resume(run_id, decision="approve", who="Ann Lee")
    all_once(desk.house)
    plans = desk.house.run("plans", "--json").document["plans"]
    assert [plan["state"] for plan in plans] == ["approved", "withdrawn"]


@pytest.mark.slow
def test_a_plan_that_cannot_be_shown_does_not_wait(desk, monkeypatch, send_day):
    """When Prefect's server takes no artifact, nobody is asked about what they cannot see."""

    def broken(**_: Any) -> None:  # Prefect's own; its server takes either all calls or none
        raise RuntimeError("Failed to reach API")

    monkeypatch.setattr("flows.pages.publish.create_table_artifact", broken)
    run_id = desk.start()

    assert desk.state(run_id)["type"] == "FAILED"
    (plan,) = desk.house.run("plans", "--json").document["plans"]
    assert (plan["state"], plan["note"]) == ("withdrawn", "It could not be shown.")
    assert send_day(desk.house).document["counts"]["sent"] == 9


@pytest.mark.slow
def test_plans_of_another_servers_runs_are_left_alone(desk, execute):
    """A command that is recorded elsewhere does not know those runs: their wait goes on."""
    run_id = desk.start()
    elsewhere = "00000000-0000-4000-8000-000000000000"
    execute(
        desk.house,
        f"UPDATE plans SET flow_run_id = '{elsewhere}',"
        " address = replace(replace(address, '127.0.0.1', 'elsewhere'),"
        f" '{run_id}', '{elsewhere}')",
    )

    second = desk.start()

    assert "There is nothing to decide" in desk.pages(second)["sent"]
    (plan,) = desk.house.run("plans", "--json").document["plans"]
    assert plan["state"] == "waiting"
    execute(desk.house, "UPDATE plans SET address = replace(address, 'elsewhere', '127.0.0.1')")
    assert desk.state(desk.start())["name"] == "Suspended"


@pytest.mark.slow
def test_a_review_without_anything_to_decide_tells_what_stays_behind(desk, execute):
    """Night after night nothing would go, because somebody new is not linked: that is told."""
    execute(desk.house, "DELETE FROM links WHERE kind = 'user'")

    state = desk.state(desk.start())

    assert (state["type"], state["name"]) == ("COMPLETED", "PartlyDone")
    assert "9 of 9 entries were rejected" in state["message"]


def test_a_run_that_was_cancelled_gives_its_entries_back(desk, all_once):
    """Cancel, instead of Resume, is a decision too: the next run of Prefect's takes the entries."""
    first = desk.start()
    cancel = {"state": {"type": "CANCELLED"}, "force": True}
    desk.call("POST", f"flow_runs/{first}/set_state", cancel)

    second = desk.start()

    assert desk.state(second)["name"] == "Suspended"
    desk.resume(second, decision="approve", who="Ann Lee")
    all_once(desk.house)
    plans = desk.house.run("plans", "--json").document["plans"]
    assert [plan["state"] for plan in plans] == ["approved", "withdrawn"]
    assert "Cancelled while it waited" in plans[1]["note"]


def test_a_person_withdraws_a_plan_on_the_command_line(desk, send_day, all_once):
    """For a plan whose page is lost: its entries go with the next send, and it says who did it."""
    run_id = desk.start()
    (plan,) = desk.house.run("plans", "--json").document["plans"]
    assert plan["state"] == "waiting"
    assert plan["entries"] == 9
    assert run_id in desk.house.run("plans").out

    assert desk.house.run("plans", "--withdraw", str(plan["plan"])).code == 0

    assert send_day(desk.house).document["counts"]["sent"] == 9
    again = desk.house.run("plans", "--withdraw", str(plan["plan"]))
    assert again.code == 1
    assert "withdrawn" in again.err
    all_once(desk.house)


@pytest.mark.slow
def test_a_long_plan_is_read_as_a_file(desk, plan_of, tmp_path):
    """All its entries, with the numbers that the form takes: Prefect's table ends at some."""
    run_id = desk.start()
    file = tmp_path / "plan.csv"

    shown = desk.house.run("plans", "--entries", "1", "--csv", str(file))

    _, entries = plan_of(desk.house)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["number"]: row["entry_id"] for row in rows} == {
        str(number): entry["entry_id"] for number, entry in entries.items()
    }
    assert (shown.code, len(rows)) == (0, 9)
    assert "Wrote 9 entries" in shown.out
    desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=[5])
    told = desk.house.run("plans", "--entries", "1", "--json").document
    assert [row["number"] for row in told["entries"] if row["left_out"]] == [5]
    assert told["plans"][0]["state"] == "approved"
    other = desk.house.run("plans", "--entries", "99")
    assert other.code == 1
    assert "no plan 99" in other.err


@pytest.mark.slow
def test_what_people_typed_stays_text_in_the_pages(desk):
    """A description cannot become an image of another server, a link, or a row of a table."""
    trap = "<img src='http://evil.example/x'> [pay](http://evil.example) | a | *b*\n# c"
    first = next(iter(desk.house.clockify.entries.values()))
    first["description"] = trap

    pages = desk.pages(desk.start())

    what = next(row["What"] for row in _rows(pages["plan-entries"]) if "evil" in row["What"])
    assert what == (
        "&lt;img src='http://evil.example/x'&gt; \\[pay\\](http://evil.example) \\| a \\|"
        " \\*b\\* # c"
    )


def test_the_pages_say_what_goes_and_how_to_decide(desk):
    """Sums, a picture of the weeks, the button, the limit, the fingerprint; each entry's number."""
    run_id = desk.start()
    pages = desk.pages(run_id)

    plan = pages["plan"]
    assert plan.startswith("# Plan 1: 2026-09-22 … 2026-09-22")
    assert "**9 entries, " in plan
    assert "press **Resume**" in plan
    assert f"/runs/flow-run/{run_id}" in plan
    assert "![Hours per person and week](data:image/svg+xml;base64," in plan
    assert [row["No."] for row in _rows(pages["plan-entries"])] == list(range(1, 10))
    with _logged() as said:
        desk.resume(run_id, decision="approve", who="Ann Lee", note="fine")
    pages = desk.pages(run_id)
    decided = "Plan 1 was approved by **Ann Lee (claimed, not verified)**"
    assert decided in pages["sent"]
    assert decided in pages["plan"]
    assert "press **Resume**" not in pages["plan"]
    assert said
    assert not [text for text in said if "Suspending" in text or "waits for a decision" in text]
    assert pages["loading"] == 100


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what flow runs log during a block."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def _tried_again(desk: Any, run_id: str) -> None:
    """Let a run crash, and press Retry."""
    crashed = {"state": {"type": "CRASHED"}, "force": True}
    desk.call("POST", f"flow_runs/{run_id}/set_state", crashed)
    desk.call("POST", f"flow_runs/{run_id}/set_state", {"state": {"type": "SCHEDULED"}})
    desk.go_on(run_id)


def _rows(table: Any) -> Any:
    """Return a table artifact's rows."""
    return json.loads(table) if isinstance(table, str) else table


@pytest.mark.slow
def test_the_days_before_today_are_those_of_the_connections_calendar(desk):
    """Days count in the connection's zone: yesterday goes, today does not, whatever UTC says."""
    east = ZoneInfo("Pacific/Kiritimati")
    desk.house.run("configure", "--set", f"timezone={east.key}")
    midnight = datetime.combine(datetime.now(east).date(), datetime.min.time(), east)
    entries = desk.house.clockify.entries
    for id_, begun in (("a", midnight - timedelta(minutes=90)), ("b", midnight)):
        start, end = (at.astimezone(UTC) for at in (begun, begun + timedelta(hours=1)))
        entries[f"64f00000000000000000000{id_}"] = {
            **next(iter(entries.values())),
            "id": f"64f00000000000000000000{id_}",
            "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        }

    run_id = desk.start(start=None, end=None, last_days=1, dry_run=True, review=False)

    assert "**1 entry, 1 h 00 min (" in desk.pages(run_id)["dry-run"]


def test_a_review_needs_a_page_to_wait_in(desk, rows_of):
    """A flow that is merely called says so, before anything is read or kept."""
    with chdir(desk.house.folder), pytest.raises(AskPerson, match="one of a deployment"):
        send_time(**REVIEW)

    assert rows_of(desk.house, "plans") == []


def _choose(form: dict[str, Any], title: str, start: str) -> dict[str, str]:
    """Return the answer to one question: the first choice that begins so."""
    field = form[title]
    return {field["name"]: next(one for one in field["enum"] if one.startswith(start))}


def test_links_are_chosen_on_the_page(links_desk, rows_of):
    """Whom no name matched is linked, created, excluded or left open, as somebody chose.

    Who has a near miss can be created once somebody says that it is another; not where QuickBooks
    takes the two names for one.
    """
    house = links_desk.house
    house.quickbooks.employees["96"] = house.quickbooks.employees["51"] | {
        "Id": "96",
        "DisplayName": "Theo Parks",
    }
    before = {row["clockify_id"] for row in rows_of(house, "links")}
    run_id = links_desk.start(review=True)
    assert links_desk.state(run_id)["name"] == "Suspended"
    pages = links_desk.pages(run_id)
    assert "Near misses" in pages["people-and-projects"]
    assert "status" not in pages  # it has not ended
    form = links_desk.form(run_id)
    assert not [one for one in form["Dana mcallister (user)"]["enum"] if "reate" in one]
    [missing, *_] = [
        title for title, field in form.items() if "Create it in QuickBooks" in field.get("enum", ())
    ]
    answer = {
        **_choose(form, "Dana mcallister (user)", "Link to Dana McAllister (employee 61)"),
        **_choose(form, "Theo Park (user)", "It is another: create it in QuickBooks"),
        **_choose(form, missing, "Create it in QuickBooks"),
        **_choose(form, "Pocket Park Competition (project)", "Never send"),
        **_choose(form, "Courtyard (project)", "Link to Lakeshore University:Courtyard"),
    }

    links_desk.resume(run_id, who="Ann", **answer)

    assert links_desk.state(run_id)["type"] == "COMPLETED"
    assert "main" in links_desk.pages(run_id)["status"]
    new = [row for row in rows_of(house, "links") if row["clockify_id"] not in before]
    [theo] = [
        id_ for id_, row in house.quickbooks.employees.items() if row["DisplayName"] == "Theo Park"
    ]
    made = next(row["qbo_id"] for row in new if row["clockify_name"] == missing.rpartition(" (")[0])
    assert {(row["clockify_name"], row["qbo_id"], row["origin"]) for row in new} == {
        ("Dana mcallister", "61", "manual"),
        ("Theo Park", theo, "created"),
        (missing.rpartition(" (")[0], made, "created"),
        ("Courtyard", "6", "manual"),
    }
    never = [row for row in rows_of(house, "unlinked") if row["problem"] == "excluded"]
    assert [row["clockify_name"] for row in never] == ["Pocket Park Competition"]
    again = links_desk.form(links_desk.start(review=True))
    assert set(form) - set(again) == {
        "Dana mcallister (user)",
        "Theo Park (user)",
        missing,
        "Pocket Park Competition (project)",
        "Courtyard (project)",
    }


@pytest.mark.slow
def test_links_that_were_decided_meanwhile_are_not_overwritten(links_desk, rows_of):
    """An answer to what is no longer the question changes nothing, and the rest is asked again.

    Nor is somebody created whom nobody was shown: under a new name it is another question.
    """
    house = links_desk.house
    run_id = links_desk.start(review=True)
    form = links_desk.form(run_id)
    theo = next(id_ for id_, row in house.clockify.users.items() if row["name"] == "Theo Park")
    assert house.run("link", "user", theo, "62").code == 0

    links_desk.resume(run_id, who="Ann", **_choose(form, "Theo Park (user)", "Never send"))

    assert links_desk.state(run_id)["name"] == "Suspended"
    assert "Theo Park (user)" not in links_desk.form(run_id)
    [link] = [row for row in rows_of(house, "links") if row["clockify_id"] == theo]
    assert link["qbo_id"] == "62"

    form = links_desk.form(run_id)
    answer = _choose(form, "Pocket Park Competition (project)", "Create it in QuickBooks")
    [park] = [one for one in house.clockify.projects.values() if "Pocket Park" in one["name"]]
    park["name"] = "Something else"
    customers = len(house.quickbooks.customers)

    links_desk.resume(run_id, who="Ann", **answer)

    assert links_desk.state(run_id)["name"] == "Suspended"
    assert "Something else (project)" in links_desk.form(run_id)
    assert len(house.quickbooks.customers) == customers


#: Parameters of an import that waits for somebody.
IMPORT = {"dry_run": False, "review": True}


def test_an_import_waits_and_exactly_what_was_approved_goes(files_desk, plan_of, booked, rows_of):
    """The exports of the import folder; meanwhile other imports leave its rows to it."""
    house = files_desk.house
    file = house.folder / "exports" / "september.csv"
    run_id = files_desk.start(**IMPORT)
    assert files_desk.state(run_id)["name"] == "Suspended"
    page = files_desk.pages(run_id)["plan"]
    assert page.startswith("# Plan 1: 2026-09-22 … 2026-09-22, from september.csv\n")
    assert "Clockify's detailed report, utf-8, comma, 9 rows" in page
    assert "from september.csv" in files_desk.question(run_id)

    other = house.run("import", str(file), "--yes", "--json").document["counts"]
    assert (other["sent"], other["skipped"]) == (0, {"waiting_for_review": 9})
    with chdir(house.folder), open_context(None) as context:
        watched = take_in(context, ImportRequest(files=()), file.parent, quiet_s=0)["files"]
    assert [one["moved_to"] for one in watched] == [None]
    assert "wait in a plan" in watched[0]["message"]
    later = file.read_text(encoding="utf-8").replace("09/22/", "09/23/")
    (file.parent / "later.csv").write_text(later, encoding="utf-8")
    files_desk.resume(run_id, decision="approve", who="Ann Lee", without_entries=[5])

    assert files_desk.state(run_id)["type"] == "COMPLETED"
    assert "went to QuickBooks" in files_desk.pages(run_id)["imported"]
    plan, entries = plan_of(house)
    assert json.loads(plan["files"]) == [
        {"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    ]
    [told] = house.run("plans", "--json").document["plans"]
    assert [one["file"] for one in told["files"]] == [str(file)]
    sent = {row["entry_id"] for row in rows_of(house, "ledger") if row["state"] == "sent"}
    assert sent == {row["entry_id"] for number, row in entries.items() if number != 5}
    assert sum(booked(house).values()) == 8
    again = house.run("import", str(file), "--yes", "--json").document["counts"]
    assert (again["sent"], again["skipped"]) == (1, {"already_sent": 8})


@pytest.mark.parametrize("change", ["edited", pytest.param("moved away", marks=pytest.mark.slow)])
def test_a_plan_ends_where_its_file_is_another(files_desk, change):
    """Nobody approved what it has now: nothing is sent, and its entries are free again."""
    house = files_desk.house
    file = house.folder / "exports" / "september.csv"
    run_id = files_desk.start(**IMPORT, files=["september.csv"])
    if change == "edited":
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    else:
        file.rename(file.with_name("elsewhere.csv"))

    files_desk.resume(run_id, decision="approve", who="Ann Lee")

    state = files_desk.state(run_id)
    assert state["type"] == "FAILED"
    why = {
        "edited": f"{file} has changed since.",
        "moved away": f"There is no file {file}: check its name and folder.",
    }[change]
    assert state["message"] == (
        f"{why} So nothing more of plan 1 is sent. Start a new run for a new plan."
    )
    assert house.quickbooks.activities == {}
    [plan] = house.run("plans", "--json").document["plans"]
    assert (plan["state"], plan["note"]) == ("withdrawn", why)
    assert house.run("import", str(file.parent), "--yes").code == 0
    assert len(house.quickbooks.activities) == 9


@pytest.mark.slow
def test_an_approved_import_leaves_what_clockify_sent_meanwhile(files_desk, send_day, all_once):
    """The same work went under Clockify's ids: the plan finds it sent, and nothing goes twice."""
    run_id = files_desk.start(**IMPORT)
    some = min(row["userId"] for row in files_desk.house.clockify.entries.values())
    sent = send_day(files_desk.house, "--user", some).document["counts"]["sent"]
    assert 0 < sent < 9

    files_desk.resume(run_id, decision="approve", who="Ann Lee")

    assert files_desk.state(run_id)["type"] == "COMPLETED"
    assert (
        f"{sent} of the 9 entries of plan 1 are not new any more"
        in files_desk.pages(run_id)["imported"]
    )
    assert len(files_desk.house.quickbooks.activities) == 9
    assert send_day(files_desk.house).document["counts"]["skipped"] == {"already_sent": 9}
    all_once(files_desk.house)


@pytest.mark.slow
def test_an_import_leaves_rows_that_were_edited_and_sent_meanwhile(files_desk, send_day):
    """Nobody was shown that a row begins in the same minute as what Clockify's entry is now.

    What such a row was when the plan was shown, it still is.
    """
    house = files_desk.house
    first, other = [house.clockify.entries[id_] for id_ in sorted(house.clockify.entries)][::8]
    shown = first | {"id": "f" * 24, "description": "Sent before the plan"}
    house.clockify.entries[shown["id"]] = shown
    assert send_day(house, "--description", shown["description"]).document["counts"]["sent"] == 1
    run_id = files_desk.start(**IMPORT)
    other["description"] += " (typo corrected)"
    sent = send_day(house, "--description", "typo corrected").document["counts"]["sent"]
    assert sent == 1

    files_desk.resume(run_id, decision="approve", who="Ann Lee")

    told = house.run("entries", "--state", "unsent", "--json").document["entries"]
    assert [row["reason"] for row in told if row["detail"]] == ["changed_since_review"]
    assert "since plan 1 was made" in files_desk.pages(run_id)["imported"]
    assert len(house.quickbooks.activities) == 1 + 9


@pytest.mark.slow
def test_rows_of_one_plan_do_not_hold_each_other_back(files_desk, export, rows_of, execute):
    """Two begin in the same minute, and a run died when one was sent: the other goes by a retry."""
    house = files_desk.house
    one = next(iter(house.clockify.entries.values()))
    export(house, "exports/september.csv", entries=[one, one | {"description": "Another thing"}])
    run_id = files_desk.start(**IMPORT)
    files_desk.resume(run_id, decision="approve", who="Ann Lee")
    _, second = rows_of(house, "ledger")
    execute(house, "DELETE FROM ledger WHERE entry_id = ?", second["entry_id"])
    del house.quickbooks.activities[second["time_activity_id"]]

    _tried_again(files_desk, run_id)

    assert len(house.quickbooks.activities) == 2


def test_what_was_taken_back_after_the_decision_is_not_sent_by_a_retry(desk, send_day, plan_of):
    """Approved, sent, recalled by a person: the old run, tried again, leaves it; a new send not."""
    house = desk.house
    run_id = desk.start()
    desk.resume(run_id, decision="approve", who="Ann Lee")
    assert len(house.quickbooks.activities) == 9
    assert house.run("recall", "--run", plan_of(house)[0]["run_id"], "--yes").code == 0

    _tried_again(desk, run_id)

    assert house.quickbooks.activities == {}
    assert "after plan 1 was approved" in desk.pages(run_id)["sent"]
    assert send_day(house).document["counts"]["sent"] == 9


@pytest.mark.slow
def test_a_decided_import_that_is_tried_again_looks_at_its_files_again(files_desk, rows_of):
    """A run that died after the decision goes on only with the same bytes; a rejected one ends."""
    house = files_desk.house
    file = house.folder / "exports" / "september.csv"
    run_id = files_desk.start(**IMPORT)
    house.clockify.faults.plan("/users", "answer", status=200, body="{", times=99)
    files_desk.resume(run_id, decision="approve", who="Ann Lee")
    assert files_desk.state(run_id)["type"] == "FAILED"
    house.clockify.faults.clear()
    file.write_bytes(file.read_bytes() + b"\n")

    _tried_again(files_desk, run_id)

    assert "has changed since. So nothing more of plan 1" in files_desk.state(run_id)["message"]
    assert rows_of(house, "ledger") == []
    second = files_desk.start(**IMPORT)
    files_desk.resume(second, decision="reject", who="Bo Li", note="Not yet")
    assert files_desk.state(second)["name"] == "Rejected"
    assert "was rejected by **Bo Li" in files_desk.pages(second)["import-dry-run"]
    assert house.quickbooks.activities == {}


def test_an_automation_that_was_planted_before_the_guard_is_deleted(desk):
    """It would go on starting runs from inside the server; what only tells or stops stays."""
    trigger = {"type": "event", "posture": "Reactive", "threshold": 1, "expect": ["not.yet"]}
    target = str(desk.deployment_id)
    runs = {"type": "run-deployment", "source": "selected", "deployment_id": target}
    for name, action in (("planted", runs), ("harmless", {"type": "do-nothing"})):
        desk.call("POST", "automations/", {"name": name, "trigger": trigger, "actions": [action]})

    assert drop_foreign() == ["planted"]

    assert {row["name"] for row in desk.call("POST", "automations/filter", {})} == {"harmless"}
