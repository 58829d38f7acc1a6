"""Somebody with the page's password wants another person's name beside their own decision.

A proxy on this machine logs people in, and `clockbooks ui` keeps whom it names with the answer that
this person gave. What a runner does with a run that goes on is done in this process; see
`tests/flows/review/test_review.py`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, suppress
from typing import Any

import pytest
import requests
from prefect.client.orchestration import get_client
from prefect.events.worker import EventsWorker
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect.types.entrypoint import EntrypointType

from connectors.errors import ClockbooksError
from connectors.standins.scenario import load_scenario
from flows.send_time import send_time

pytestmark = pytest.mark.usefixtures("in_this_process")

#: Who the proxy logged in.
ANN, BO = "ann@books.example", "bo@books.example"

#: A day of the demo with some entries.
PARAMETERS = {"start": "2026-09-22", "end": "2026-09-22", "dry_run": False, "review": True}

#: What Bo wants, and what everybody can guess that Ann would answer.
YES = {"decision": "approve", "who": "Ann Lee"}
NO = {"decision": "reject", "who": "Ann Lee"}


class Desk:
    """Prefect's page behind a proxy that says who somebody is."""

    def __init__(self, ui: Any, until: Any) -> None:
        self.ui, self.until = ui, until
        self.deployment_id = send_time.to_deployment(
            "by-hand", entrypoint_type=EntrypointType.MODULE_PATH
        ).apply()

    def start(self) -> str:
        """Start a run that waits for an answer."""
        path = f"deployments/{self.deployment_id}/create_flow_run"
        run_id = str(self.ui.call("POST", path, {"parameters": PARAMETERS})["id"])
        self.go_on(run_id)
        return run_id

    def go_on(self, run_id: str) -> None:
        """Do what a runner does with a run that is scheduled."""
        with (
            get_client(sync_client=True) as client,
            chdir(self.ui.house.folder),
            suppress(Pause, ClockbooksError),
        ):
            run_flow(send_time, flow_run=client.read_flow_run(run_id), return_type="state")

    def ask(
        self, method: str, path: str, body: Any = None, *, as_: str | None = None
    ) -> requests.Response:
        """Ask as somebody whom the proxy logged in; or past the proxy, with the password alone."""
        headers = {"X-Forwarded-User": as_} if as_ else {}
        url = f"{self.ui.url}/{path}"

        def answered() -> requests.Response | None:
            answer = requests.request(
                method, url, json=body, auth=self.ui.login, headers=headers, timeout=30
            )
            return None if answer.status_code == 503 else answer  # its database is busy: again

        return self.until(lambda: [found] if (found := answered()) is not None else None)[0]

    def resume(self, run_id: str, answer: Any, *, as_: str | None) -> requests.Response:
        """Answer what a run waits for."""
        return self.ask("POST", f"flow_runs/{run_id}/resume", {"run_input": answer}, as_=as_)

    def keys(self, run_id: str) -> Any:
        """Return the keys under which a run that waits keeps its form and the answer."""
        return self.ui.state(run_id)["state_details"]["run_input_keyset"]

    def pause(
        self, run_id: str, key: str | None, as_: str | None = None, **keys: str
    ) -> requests.Response:
        """Let a run wait again, by force."""
        details = {"pause_reschedule": True, "pause_timeout": "2099-01-01T00:00:00Z"}
        if key:
            details |= {"pause_key": key, "run_input_keyset": keyset(key) | keys}
        state = {"type": "PAUSED", "name": "Suspended", "state_details": details}
        body = {"state": state, "force": True}
        return self.ask("POST", f"flow_runs/{run_id}/set_state", body, as_=as_)

    def plan(self, run_id: str) -> Any:
        """Return the plan of a run, as `clockbooks plans` shows it."""
        plans = self.ui.house.run("plans", "--json").document["plans"]
        return next(plan for plan in plans if run_id in plan["address"])


def keyset(key: str) -> dict[str, str]:
    """Return the keys that Prefect makes of a pause's key."""
    return {kind: f"suspended-{key}-{kind}" for kind in ("description", "response", "schema")}


@pytest.fixture(scope="module")
def ui(
    open_house: Any, demo_scenario: Any, tmp_path_factory: pytest.TempPathFactory, running_ui: Any
) -> Iterator[Any]:
    """Serve Prefect's page behind a proxy that logs people in; runs start in the tests."""
    folder = tmp_path_factory.mktemp("forged")
    with open_house(load_scenario(demo_scenario), folder) as house:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(house), "run", type(house).run_here)
            assert house.connect().code == 0
            assert house.run("sync").code == 0
        with running_ui(
            house, "--server-only", CLOCKBOOKS_UI_USER_HEADER="X-Forwarded-User"
        ) as running:
            yield running
            EventsWorker.drain_all(timeout=10, at_exit=False)  # later, nobody takes its events


@pytest.fixture
def desk(ui: Any, until: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Yield the page; what waits at the end is dropped, so that its entries may go again."""
    for name, value in ui.house.environment.items():
        monkeypatch.setenv(name, value)
    server = {
        PREFECT_API_URL: ui.url,
        PREFECT_API_AUTH_STRING: ":".join(ui.login),
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,  # what is left of it at the end delays the end
    }
    with temporary_settings(server):
        desk = Desk(ui, until)
        yield desk
        for run in ui.ask("flow_runs"):
            ui.call("DELETE", f"flow_runs/{run['id']}")


def test_a_name_is_kept_with_the_answer_that_this_person_gave(desk):
    """Ann's with Ann's, also when she is asked again; and what somebody types proves nothing."""
    run_id = desk.start()

    desk.resume(run_id, NO | {"decision": "approve", "without_entries": [99]}, as_=BO)
    desk.go_on(run_id)
    assert desk.plan(run_id)["verified_by"] is None
    desk.resume(run_id, NO, as_=ANN)
    desk.go_on(run_id)

    assert desk.plan(run_id)["state"] == "rejected"
    assert desk.plan(run_id)["verified_by"] == ANN


@pytest.mark.parametrize(
    ("key", "theirs"),
    [
        pytest.param("lure", YES, id="another question, another answer"),
        pytest.param("lure", NO, id="another question, the same answer", marks=pytest.mark.slow),
        pytest.param(None, YES, id="no question, another answer", marks=pytest.mark.slow),
        pytest.param(None, NO, id="no question, the same answer"),
    ],
)
def test_an_answer_to_something_else_lends_nobody_a_name(desk, key, theirs):
    """Bo answers; then he lets the run wait for something else, and Ann answers that."""
    run_id = desk.start()
    form = {
        kind: desk.ask("GET", f"flow_runs/{run_id}/input/{name}", as_=BO).text
        for kind, name in desk.keys(run_id).items()
    }
    desk.resume(run_id, NO, as_=BO)

    desk.pause(run_id, key)
    for kind in ("description", "schema") if key else ():
        body = {"key": keyset(key)[kind], "value": form[kind]}
        desk.ask("POST", f"flow_runs/{run_id}/input", body)
    lured = desk.resume(run_id, theirs if key else None, as_=ANN)
    desk.go_on(run_id)

    assert lured.json().get("status") == "ACCEPT", lured.text
    assert desk.plan(run_id)["state"] == "rejected"
    assert desk.plan(run_id)["verified_by"] != ANN


def test_a_name_cannot_be_carried_over_to_another_answer(desk):
    """What Prefect keeps of Ann's answer can be read, and sent again past the proxy: nobody's."""
    run_id = desk.start()
    desk.pause(run_id, "lure")
    schema = {"key": keyset("lure")["schema"], "value": "{}"}
    desk.ask("POST", f"flow_runs/{run_id}/input", schema)
    assert desk.resume(run_id, YES, as_=ANN).json()["status"] == "ACCEPT"
    kept = desk.ask("GET", f"flow_runs/{run_id}/input/{keyset('lure')['response']}", as_=BO).json()
    [plan] = desk.ui.house.run("plans", "--json").document["plans"][:1]

    desk.pause(run_id, f"plan-{plan['plan']}-1")
    desk.resume(run_id, kept | NO, as_=None)
    desk.go_on(run_id)

    assert desk.plan(run_id)["state"] == "rejected"
    assert desk.plan(run_id)["verified_by"] is None


def test_an_answer_that_prefect_would_make_of_a_text_is_refused(desk):
    """Prefect unpacks JSON from a text: what the guard did not see would be kept."""
    run_id = desk.start()

    answer = desk.resume(run_id, {"__prefect_kind": "json", "value": '{"who": "Ann"}'}, as_=BO)

    assert (answer.status_code, desk.ui.state(run_id)["name"]) == (403, "Suspended")


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        pytest.param("response", BO, id="response, through the proxy", marks=pytest.mark.slow),
        pytest.param("response", None, id="response, past it"),
        pytest.param("schema", BO, id="schema, through the proxy"),
        pytest.param("schema", None, id="schema, past it", marks=pytest.mark.slow),
        pytest.param(
            "description", BO, id="description, through the proxy", marks=pytest.mark.slow
        ),
        pytest.param("description", None, id="description, past it", marks=pytest.mark.slow),
    ],
)
def test_an_answer_or_its_form_is_neither_deleted_nor_written(desk, kind, who):
    """Not by name, and not by a pause that has Prefect delete what an earlier question left."""
    run_id = desk.start()
    names = desk.keys(run_id)
    inputs = f"flow_runs/{run_id}/input"
    desk.resume(run_id, NO, as_=ANN)

    deleted = desk.ask("DELETE", f"{inputs}/{names[kind]}", as_=who)
    paused = desk.pause(run_id, "lure", as_=who, more=names[kind])
    astray = desk.pause(run_id, "lure", as_=who, **{kind: names[kind]})
    written = desk.ask("POST", inputs, {"key": "suspended-lure-response", "value": "{}"}, as_=who)

    assert {one.status_code for one in (deleted, paused, astray, written)} == {403}
    desk.go_on(run_id)
    assert desk.plan(run_id)["verified_by"] == ANN


def test_nobody_asks_in_the_name_of_a_run(desk):
    """Whom the proxy logged in answers: the questions, and what stands above them, are the run's.

    Else Bo has Prefect forget what was asked, and Ann answers what he asks under the same key.
    """
    run_id = desk.start()
    names = desk.keys(run_id)
    key = names["response"].removeprefix("suspended-").removesuffix("-response")
    for state in ("CANCELLED", "SCHEDULED", "PENDING", "RUNNING"):
        body = {"state": {"type": state}}
        told = desk.ask("POST", f"flow_runs/{run_id}/set_state", body, as_=BO).json()
        assert told["status"] == "ACCEPT"

    paused = desk.pause(run_id, key, as_=BO)
    text = {"key": names["description"], "value": '"Only a test: reject."'}
    written = desk.ask("POST", f"flow_runs/{run_id}/input", text, as_=BO)
    path = f"deployments/{desk.deployment_id}/create_flow_run"
    details = {"pause_key": key, "run_input_keyset": names}
    state = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    started = desk.ask("POST", path, {"parameters": PARAMETERS, "state": state}, as_=BO)

    assert [one.status_code for one in (paused, written, started)] == [403, 403, 403]


def test_of_two_who_answer_at_once_the_name_goes_with_its_answer(desk):
    """Prefect takes one of the answers: its note is kept, and its author's name."""
    run_id = desk.start()
    notes = {ANN: "from Ann", BO: "from Bo"}

    with ThreadPoolExecutor() as pool:
        told = pool.map(lambda who: desk.resume(run_id, NO | {"note": notes[who]}, as_=who), notes)
        answers = list(told)
    taken = [answer.ok and answer.json()["status"] for answer in answers]
    desk.resume(run_id, NO, as_="cy@books.example")
    desk.go_on(run_id)

    assert taken.count("ACCEPT") == 1, [answer.text for answer in answers]
    plan = desk.plan(run_id)
    assert plan["note"] == notes[plan["verified_by"]]


def test_a_name_stays_with_its_run(desk):
    """Ann answers another run's question, which Bo gave the first one's key."""
    first = desk.start()
    key = desk.keys(first)["response"].removeprefix("suspended-").removesuffix("-response")
    other = desk.ui.start("send-time/by-hand", **PARAMETERS)
    running = {"state": {"type": "RUNNING", "name": "Running"}, "force": True}
    desk.ask("POST", f"flow_runs/{other}/set_state", running, as_=BO)
    desk.pause(other, key)
    for kind in ("schema", "description"):
        text = desk.ask("GET", f"flow_runs/{first}/input/{desk.keys(first)[kind]}", as_=BO).text
        body = {"key": keyset(key)[kind], "value": text}
        desk.ask("POST", f"flow_runs/{other}/input", body)

    desk.resume(first, NO, as_=BO)
    assert desk.resume(other, NO, as_=ANN).json()["status"] == "ACCEPT"
    desk.go_on(first)

    assert desk.plan(first)["verified_by"] == BO
