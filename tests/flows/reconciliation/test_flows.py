"""Reconciling and recalling as runs of Prefect: their states, pages and notices."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.standins.scenario import load_scenario

pytestmark = pytest.mark.slow  # a server of its own, and runs

DAYS = {"start": "2026-09-14", "end": "2026-09-18"}
TYPED = ("--start", DAYS["start"], "--end", DAYS["end"])


@pytest.fixture(scope="module")
def ui(
    open_house, shared_house, tmp_path_factory, running_ui, webhook, demo_scenario
) -> Iterator[Any]:
    """Let `clockbooks ui` run for a house that has sent a week."""
    folder = tmp_path_factory.mktemp("served")
    with open_house(load_scenario(demo_scenario), folder) as house:
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, folder / name)
        assert house.run("send", *TYPED, "--yes").code == 0
        with running_ui(house, CLOCKBOOKS_NOTIFY=webhook.url) as running:
            yield running


@pytest.fixture
def edited(ui) -> Iterator[dict[str, Any]]:
    """Let an entry end half an hour later than when it was sent; have QuickBooks follow after."""
    sent = ui.house.run("entries", "--state", "sent", "--json").document["entries"]
    entry = ui.house.clockify.entries[sent[0]["entry_id"]]
    end = datetime.fromisoformat(entry["end"]) + timedelta(minutes=30)
    entry.update(end=f"{end:%Y-%m-%dT%H:%M:%SZ}", description="*Drawings* <img src=x>")
    yield sent[0]
    assert ui.house.run("reconcile", *TYPED, "--repair", "--yes").code == 0


def pages(ui, run_id):
    """Return what a run shows, by key."""
    found = ui.ask("artifacts", artifacts={"flow_run_id": {"any_": [run_id]}})
    return {row["key"]: row["data"] for row in found}


def test_a_nightly_run_tells_what_differs(ui, webhook, until, edited):
    """The state, the notification and the page say it; nothing is repaired."""
    run_id = ui.start("reconcile/nightly", **DAYS, last_days=None)
    state = ui.ended(run_id)

    assert (state["type"], state["name"]) == ("COMPLETED", "Drifted"), ui.said
    assert "Sent time differs: 1 changed in Clockify." in state["message"]
    assert until(lambda: webhook.told("reconcile Drifted", "1 changed in Clockify"))
    page = pages(ui, run_id)["reconciled-main"]
    assert "# Drifted: 2026-09-14 … 2026-09-18" in page
    assert "## People and weeks that differ" in page
    assert page.count("data:image/svg+xml") == 1
    assert edited["user"] in page
    assert "<img" not in page
    assert "1 changed in Clockify" in page
    assert "changed in Clockify" in str(pages(ui, run_id)["drift-main"])


def test_a_run_repairs_where_it_is_told_to(ui, edited):
    """Afterwards nothing differs, and the run is completed as any other."""
    run_id = ui.start("reconcile/nightly", **DAYS, last_days=None, repair=True)

    assert ui.ended(run_id)["name"] == "Completed", ui.said
    row = ui.house.quickbooks.activities[edited["time_activity_id"]]
    assert row["Hours"] * 60 + row["Minutes"] == edited["minutes"] + 30
    assert "updated" in str(pages(ui, run_id)["drift-main"])


def waiting(ui, until, name, **parameters):
    """Start a run that waits for a decision."""
    run_id = ui.start(name, **parameters)
    until(lambda: ui.state(run_id)["type"] == "PAUSED")
    return run_id


def resume(ui, until, run_id, decision):
    """Press Resume, as soon as the form is there."""
    said = {"decision": decision, "who": "Ann Lee", "note": "I see"}
    path = f"flow_runs/{run_id}/resume"
    until(lambda: ui.call("POST", path, {"run_input": said})["status"] == "ACCEPT")


def test_a_repair_by_hand_waits_for_a_decision(ui, until, edited):
    """It shows what it would change; what changes meanwhile is shown and asked about again."""
    books, id_ = ui.house.quickbooks.activities, edited["time_activity_id"]
    before = dict(books[id_])
    run_id = waiting(ui, until, "reconcile/by-hand", **DAYS)
    assert books[id_] == before
    assert "changed in Clockify" in pages(ui, run_id)["reconciled-main"]
    resume(ui, until, run_id, "reject")
    state = ui.ended(run_id)
    assert state["name"] == "Rejected"
    assert (
        "rejected by Ann Lee (claimed, not verified): I see. Nothing was changed"
        in (state["message"])
    )
    assert books[id_] == before

    run_id = waiting(ui, until, "reconcile/by-hand", **DAYS)
    ui.house.clockify.entries[edited["entry_id"]]["description"] = "Another text"
    resume(ui, until, run_id, "approve")
    shown = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
    until(lambda: "clockify Another text" in str(ui.ask("artifacts", **shown)))
    until(lambda: ui.state(run_id)["type"] == "PAUSED")
    assert books[id_] == before
    resume(ui, until, run_id, "approve")
    assert ui.ended(run_id)["name"] == "Completed", ui.said
    assert books[id_]["Description"] == "Another text"


def test_a_command_is_recorded_as_a_run(ui):
    """Where a server is named, `reconcile` and `recall` are runs there, with the same documents."""
    named = {"PREFECT_API_URL": ui.url, "PREFECT_HOME": str(ui.house.folder / "own")}
    found = ui.house.run("reconcile", *TYPED, "--all", "--json", **named)
    plan = ui.house.run("recall", *TYPED, "--dry-run", "--json", **named)

    assert (found.code, plan.code) == (0, 0), found.err + plan.err
    assert found.document["counts"] == {"agrees": len(found.document["entries"])}
    assert plan.document["counts"]["ready"] == len(found.document["entries"])
    runs = ui.ask("flow_runs", flows={"name": {"any_": ["reconcile", "recall"]}})
    typed = [run["state"]["name"] for run in runs if run["deployment_id"] is None]
    assert typed == ["Completed"] * 2


@pytest.mark.usefixtures("edited")
def test_all_connections_are_reconciled(ui):
    """Each by a run of its own, and the state names those that differ."""
    state = ui.ended(ui.start("reconcile-all/nightly", **DAYS, last_days=None))

    assert state["name"] == "PartlyDone", ui.said
    assert "main (Drifted: Sent time differs" in state["message"]


def test_a_recall_by_hand_waits_for_a_decision(ui, until):
    """It shows what it would take back; approved, it takes that back, and says what stays."""
    sent = ui.house.run("entries", "--state", "sent", "--json").document["entries"]
    billable = [one for one in sent if ui.house.clockify.entries[one["entry_id"]]["billable"]]
    free, billed = billable[:2]
    books, people = ui.house.quickbooks.activities, ui.house.quickbooks.people
    people.invoice(
        books[billed["time_activity_id"]]["CustomerRef"]["value"], billed["time_activity_id"]
    )

    ids = [free["entry_id"], billed["entry_id"]]
    run_id = waiting(ui, until, "recall/by-hand", entry_ids=ids)
    assert free["time_activity_id"] in books
    page = pages(ui, run_id)["recalled-main"]
    assert "**1 entry would be taken out of QuickBooks.** What stays: 1." in page

    resume(ui, until, run_id, "approve")
    state = ui.ended(run_id)
    assert (state["name"], free["time_activity_id"] in books) == ("PartlyDone", False), ui.said
    assert "1 entry could not be taken out of QuickBooks (1 billed)" in state["message"]
