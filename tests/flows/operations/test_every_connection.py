"""Schedules that name no connection go over all of them, where there are several."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from connectors.standins.scenario import load_scenario

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ui(
    open_house: Any, shared_house: Any, demo_scenario: Any, tmp_path_factory: Any, running_ui: Any
) -> Iterator[Any]:
    """Let `clockbooks ui` run for two connections, of which the second does not work any more."""
    folder = tmp_path_factory.mktemp("served")
    scenario = load_scenario(demo_scenario)
    gone = deepcopy(scenario)
    gone["quickbooks"]["realm_id"] = "777"
    gone["clockify"]["workspace"]["id"] = "64aaaaaaaaaaaaaaaaaaaaaa"
    with open_house(scenario, folder) as house:
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, folder / name)
        with open_house(gone, tmp_path_factory.mktemp("gone")) as other:
            other.environment["CLOCKBOOKS_DATABASE_URL"] = f"sqlite:///{folder}/clockbooks.db"
            joined = other.connect("--connection", "second")
            assert joined.code == 0, joined.err
        with running_ui(house) as running:
            yield running


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("settle/hourly", "Completed"),  # without doubts it calls nobody, so nothing can fail
        ("sync-directory/nightly", "PartlyDone"),
    ],
)
def test_a_run_that_names_no_connection_is_one_for_each(ui: Any, name: str, ends: str) -> None:
    """Each has a run of its own; trouble in one company does not stop the other.

    At the end, one page tells how both stand, and none of the two runs has it.
    """
    run_id = ui.start(name)
    state = ui.ended(run_id)

    assert state["name"] == ends, ui.said
    if ends == "PartlyDone":
        assert "1 of 2 companies did not succeed: second" in state["message"]
    ids = {run["name"]: run["id"] for run in _parts(ui, run_id)}
    assert set(ids) == {"main", "second"}
    found = ui.ask("artifacts", artifacts={"key": {"any_": ["status"]}})
    assert [row["flow_run_id"] for row in found].count(run_id) == 1
    assert not {row["flow_run_id"] for row in found} & set(ids.values())
    assert "| main |" in found[0]["data"].replace("**", "")
    assert "| second |" in found[0]["data"].replace("**", "")


def _parts(ui: Any, run_id: str) -> Any:
    """Return the runs that a run has started."""
    wanted = {"parent_flow_run_id": {"any_": [run_id]}}
    return ui.ask("flow_runs", flow_runs=wanted)


def test_a_run_that_names_its_connection_is_of_that_one(ui: Any) -> None:
    """It starts no others."""
    assert ui.ended(ui.start("settle/hourly", connection="main"))["name"] == "Completed"


def test_a_sync_by_hand_that_creates_names_its_company(ui: Any) -> None:
    """Nothing is made in all companies because somebody forgot to choose one."""
    state = ui.ended(ui.start("sync-directory/by-hand", create="quickbooks", dry_run=False))

    assert state["type"] == "FAILED"
    assert "There are several connections" in state["message"]


def scheduled(ui: Any, until: Any, name: str, **parameters: Any) -> Any:
    """Let a deployment's schedule start a run, and return how that run ended."""
    deployment = ui.deployment(name)
    path = f"deployments/{deployment['id']}/schedules"
    due = {"active": True, "schedule": {"interval": 60}, "parameters": parameters}
    [made] = ui.call("POST", path, [due])
    runs = {"deployments": {"id": {"any_": [deployment["id"]]}}}

    def parent() -> Any:
        ended = {"PartlyDone", "Completed", "Failed"}
        every = ui.ask("flow_runs", **runs)
        return [one for one in every if one["auto_scheduled"] and one["state"]["name"] in ended]

    state = until(parent)[0]["state"]
    ui.call("DELETE", f"{path}/{made['id']}")
    return state


def test_a_scheduled_send_is_one_for_each_and_one_by_hand_names_its_company(
    ui: Any, until: Any
) -> None:
    """A person who forgets to choose a company is asked to."""
    by_hand = ui.ended(ui.start("send-time/nightly"))
    assert by_hand["type"] == "FAILED"
    assert "There are several connections" in by_hand["message"]

    state = scheduled(ui, until, "send-time/nightly")

    assert state["name"] == "PartlyDone", ui.said
    assert "2 companies did not succeed" in state["message"]


def test_a_scheduled_review_names_its_company(ui: Any, until: Any) -> None:
    """A review waits on the page of a run of its own: one that others start could not."""
    state = scheduled(ui, until, "send-time/by-hand", last_days=1)

    assert state["type"] == "FAILED"
    assert "There are several connections" in state["message"]


def test_a_company_that_was_disconnected_takes_no_part(ui: Any, execute: Any) -> None:
    """And the one that is left needs no name because of it."""
    execute(ui.house, "DELETE FROM secrets WHERE connection_id = (SELECT max(id) FROM connections)")

    state = ui.ended(ui.start("settle/hourly"))

    assert state["name"] == "Completed", state
