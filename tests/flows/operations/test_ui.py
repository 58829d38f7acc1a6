"""`clockbooks ui` at work: its deployments, runs by schedule and by hand, and trouble that is told.

A server and a runner that import well may still never schedule a run, when their libraries do not
fit together: so the proof is a run that a schedule made, and that came through.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import DeploymentConfig

from connectors.database import closing_database
from connectors.standins.scenario import load_scenario
from connectors.store.connections import all_connections
from connectors.store.run_locks import RunLocks
from flows.cli.dispatch import HEARTBEAT_S
from flows.context import utc_now
from flows.operations.deployments import MEMBERS, flow_of, listed
from flows.operations.notifications import NEVER_BEGAN, SILENT_S

ROOT = Path(__file__).parents[3]
DEMO_SCENARIO = ROOT / "data" / "demo_scenario.yaml"

#: Days of which not all goes: somebody is not linked.
DAYS = {"start": "2026-10-26", "end": "2026-10-27"}


@pytest.fixture(scope="module")
def ui(open_house, shared_house, tmp_path_factory, running_ui, webhook) -> Iterator[Any]:
    """Let `clockbooks ui` run for a house of this module's own, connected and synced."""
    folder = tmp_path_factory.mktemp("served")
    with open_house(load_scenario(DEMO_SCENARIO), folder) as house:
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, folder / name)
        with running_ui(house, CLOCKBOOKS_NOTIFY=webhook.url) as running:
            yield running


def test_a_schedule_starts_runs_that_come_through(ui, until):
    """Guard: a schedule that is switched on starts a run by itself, and that run completes."""
    deployment = ui.deployment("settle/hourly")
    assert [row["active"] for row in deployment["schedules"]] == [False]
    assert "No schedule is on." in ui.said
    path = f"deployments/{deployment['id']}/schedules"
    [made] = ui.call("POST", path, [{"active": True, "schedule": {"interval": 15}}])

    def completed() -> Any:
        assert ui.process.poll() is None, ui.said
        runs = ui.ask("flow_runs", deployments={"id": {"any_": [deployment["id"]]}})
        broken = [run for run in runs if run["state"]["type"] in {"FAILED", "CRASHED"}]
        assert not broken, ui.said
        return [run for run in runs if run["state"]["type"] == "COMPLETED"]

    [run, *_] = until(completed)
    ui.call("DELETE", f"{path}/{made['id']}")
    assert run["auto_scheduled"]
    assert run["created_by"]["type"] == "SCHEDULE"


def test_a_send_of_the_last_days_is_partly_done_and_told(ui, webhook, until):
    """The notification has what did not go, why, and the command that says what to do.

    The run's state says the same. Neither holds a secret; the address itself is none of Prefect's.
    """
    run_id = ui.start("send-time/by-hand", **DAYS, dry_run=False, review=False)
    state = ui.ended(run_id)

    assert (state["type"], state["name"]) == ("COMPLETED", "PartlyDone"), ui.said
    assert "clockbooks entries --state rejected --connection" in state["message"]
    text = until(lambda: webhook.told("send-time PartlyDone"))
    assert "were rejected" in text
    assert "clockbooks entries --state rejected --connection" in text
    assert f"/runs/flow-run/{run_id}" in text
    held = str([ui.ask(what) for what in ("flow_runs", "logs", "block_documents", "automations")])
    for secret in _secrets(ui.house):
        assert secret not in held + text + ui.said
    assert "a-secret-path" not in held + text + ui.said


def _tracebacks(ui: Any, until: Any, run_id: str) -> list[str]:
    """Return the tracebacks in a run's log, once its last line is there."""
    of_run = {"logs": {"flow_run_id": {"any_": [run_id]}}}
    until(lambda: any("Finished in state" in row["message"] for row in ui.ask("logs", **of_run)))
    return [row["message"] for row in ui.ask("logs", **of_run) if "Traceback" in row["message"]]


@pytest.mark.slow
def test_an_unknown_name_is_a_sentence_and_not_a_traceback(ui, until):
    """A mistake in the form is told by the run's state, and its log has no code in it."""
    run_id = ui.start("send-time/by-hand", **DAYS, users=["Dimitri"], review=False)
    state = ui.ended(run_id)

    assert state["type"] == "FAILED"
    assert state["message"].startswith("Clockify has no user 'Dimitri'")
    assert not _tracebacks(ui, until, run_id)


def test_a_failed_run_is_told_with_what_to_do(ui, webhook, until):
    """A run that cannot work says why, on its page and in a notification."""
    run_id = ui.start("send-time/by-hand", start="2026-09-22")
    state = ui.ended(run_id)

    assert state["type"] == "FAILED"
    assert "start and end, or last_days" in state["message"]
    assert "exception" not in state["message"]
    assert not _tracebacks(ui, until, run_id)
    assert until(lambda: webhook.told("send-time Failed", "start and end, or last_days"))


def test_a_plan_that_waits_is_told_with_where_to_decide(ui, webhook, until):
    """The person who decides need not look at Prefect's page every morning."""
    run_id = ui.start(
        "send-time/by-hand", start="2026-09-08", end="2026-09-08", dry_run=False, review=True
    )

    text = until(lambda: webhook.told("a plan waits for your decision"))
    assert f"/runs/flow-run/{run_id}" in text
    assert "press Resume" in text
    ui.call(
        "POST",
        f"flow_runs/{run_id}/resume",
        {"run_input": {"decision": "reject", "who": "Ann Lee"}},
    )
    assert ui.ended(run_id)["name"] == "Rejected"


@pytest.mark.slow
def test_an_import_shows_its_pages_too(ui):
    """What goes, what stays behind and why, which rows are no entries, how each file was read."""
    file = ui.house.folder / "october.csv"
    file.write_text(
        "User,Email,Client,Project,Description,Start Date,Start Time,End Date,End Time,"
        "Duration (h)\n"
        "Kofi Mensah,,,,Reading,2026-10-05,08:00:00,2026-10-05,09:30:00,01:30:00\n"
        "Nobody Known,,,,Reading,2026-10-05,10:00:00,2026-10-05,11:00:00,01:00:00\n"
        "Kofi Mensah,,,,Reading,sometime,08:00:00,2026-10-05,09:00:00,01:00:00\n"
    )
    run_id = ui.start("import-csv/by-hand", files=[str(file)], dry_run=False)

    assert ui.ended(run_id)["name"] == "PartlyDone", ui.said
    assert ui.call("GET", f"flow_runs/{run_id}")["name"] == "Import october.csv"
    found = ui.ask("artifacts", artifacts={"flow_run_id": {"any_": [run_id]}})
    pages = {row["key"]: row["data"] for row in found}
    page = pages["imported-main"]
    assert "**1 entry, 1 h 30 min went to QuickBooks**, of 2 that were read." in page
    assert "## Rows that are no entries" in page
    assert f"{file.name}, line 4" in page
    assert "## Files" in page
    assert "Nobody Known" in str(pages["stays-behind-main"])
    assert pages["loading-main"] == 100


@pytest.mark.slow
def test_a_sync_and_a_month_show_their_pages(ui):
    """Who is linked and what is to be decided; a month's time; how all connections stand."""
    runs = [
        ui.start("sync-directory/by-hand"),
        ui.start("month/monthly", month="2026-09", connection="main"),
    ]
    for run_id in runs:
        assert ui.ended(run_id)["name"] == "Completed", ui.said
    found = ui.ask("artifacts", artifacts={"flow_run_id": {"any_": runs}})
    pages = {row["key"]: row["data"] for row in found}

    page = pages["people-and-projects-main"]
    assert page.startswith("# People and projects (dry run: nothing was changed)")
    assert "**Linked: 12 users, 23 projects. 3 near misses, 12 missing, 1 ambiguous.**" in page
    dana = "- user **Dana mcallister** (`64d0000000000000000000ad`) — **Dana McAllister** (`61`)"
    assert f"{dana}: differs in case" in page
    assert "clockbooks link user CLOCKIFY_ID QBO_ID" in page
    month = pages["month-main"]
    assert month.startswith("# 2026-09: ")
    assert "## Why it is not in QuickBooks" in month
    assert "| Kofi Mensah |" in month
    [status] = [row["data"] for row in found if row["key"] == "status"]  # the month has none
    assert "of 1 needs somebody.**" in status or "**0 of 1 need somebody.**" in status
    assert "\nReads of QuickBooks in 20" in status


@pytest.mark.slow
def test_a_second_run_of_a_connection_waits_or_is_skipped(ui, until):
    """While one is at work, a second run waits for its turn, or leaves the work, as is set."""
    with closing_database(ui.house.environment["CLOCKBOOKS_DATABASE_URL"]) as engine:
        [connection] = all_connections(engine)
        lock = RunLocks(engine, connection.id, utc_now)
        lock.take("another", "import-csv", lease=timedelta(hours=1))
        ui.house.run("configure", "--set", "second_run=skip")
        state = ui.ended(ui.start("settle/hourly"))
        assert (state["type"], state["name"]) == ("COMPLETED", "Skipped")
        assert "import-csv has been working for main" in state["message"]

        ui.house.run("configure", "--unset", "second_run")
        waiting = ui.start("settle/hourly")
        until(lambda: "Waiting: import-csv is working for main" in ui.said)
        assert ui.state(waiting)["type"] == "RUNNING"
        lock.release("another")

    assert ui.ended(waiting)["name"] == "Completed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sync-directory/nightly", "send-all/nightly"])
def test_of_runs_that_come_too_late_together_the_last_one_works(ui, until, name):
    """When workers were away and the server was not, the nights that were missed do not all run."""
    deployment = ui.deployment(name)
    [plan] = deployment["schedules"]
    path = f"deployments/{deployment['id']}/schedules/{plan['id']}"
    ui.call("PATCH", path, {"active": True})
    chosen = {"deployments": {"id": {"any_": [deployment["id"]]}}}
    until(lambda: len(ui.ask("flow_runs", **chosen)) >= 3)
    with closing(sqlite3.connect(ui.house.folder / "prefect" / "prefect.db")) as prefect, prefect:
        _move_back(prefect, deployment["id"], days=9)

    def all_ended() -> Any:
        runs = ui.ask("flow_runs", **chosen, sort="EXPECTED_START_TIME_ASC")
        late = [run for run in runs if run["expected_start_time"] < utc_now().isoformat()]
        names = [run["state"]["name"] for run in late]
        return names if set(names) <= {"Completed", "PartlyDone", "Skipped", "Failed"} else None

    names = until(all_ended)
    ui.call("PATCH", path, {"active": False})
    assert names[-1] in {"Completed", "PartlyDone"}
    assert set(names[:-1]) == {"Skipped"}


@pytest.mark.slow
def test_a_recorded_command_gives_signs_of_life():
    """A command that waits for an answer is not a dead run: its heartbeat keeps it alive."""
    asks = (
        "from flows.cli.dispatch import recorded\n"
        "with recorded():\n"
        "    from prefect.settings import get_current_settings\n"
        "    print(get_current_settings().flows.heartbeat_frequency)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert 3 * int(ran.stdout) <= SILENT_S


@pytest.mark.slow
def test_a_run_that_died_before_its_first_heartbeat_is_marked_as_crashed(ui):
    """A worker that is killed at once leaves no run Pending or Running for ever."""
    [watch] = ui.ask("automations", automations={"name": {"any_": [NEVER_BEGAN]}})
    settable = ("name", "description", "enabled", "trigger", "actions")
    path, usual = f"automations/{watch['id']}", {key: watch[key] for key in settable}
    soon = {**usual, "trigger": {**usual["trigger"], "within": 10}}  # Prefect's least
    ui.call("PUT", path, soon)
    flow_id = ui.deployment("settle/hourly")["flow_id"]
    ids = []
    for states in (["PENDING"], ["PENDING", "RUNNING"]):
        run = ui.call("POST", "flow_runs/", {"flow_id": flow_id})
        ids.append(run["id"])
        for state in states:
            ui.call("POST", f"flow_runs/{run['id']}/set_state", {"state": {"type": state}})

    states = [ui.ended(id_)["type"] for id_ in ids]
    ui.call("PUT", path, usual)
    assert states == ["CRASHED", "CRASHED"]


def test_a_command_whose_server_is_gone_says_what_to_do(ui):
    """There is no traceback: exit code 1 and the sentence, also in JSON."""
    gone = {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
    ran = ui.house.run("settle", "--json", **gone, PREFECT_HOME=str(ui.house.folder / "own"))

    assert ran.code == 1
    assert "(PREFECT_API_URL) does not answer" in ran.document["error"]["message"]
    assert "Traceback" not in ran.err


def test_a_command_is_recorded_as_a_flow_run_without_any_secret(ui, until):
    """Where a server is named, the command is a run there: its steps are tasks, its document whole.

    Neither its parameters nor anything else that the server shows holds a key or a token.
    """
    ran = ui.house.run(
        "send", "--start", "2026-09-22", "--end", "2026-09-22", "--user", "Kofi Mensah",
        "--dry-run", "--json", PREFECT_API_URL=ui.url, PREFECT_HOME=str(ui.house.folder / "own"),
    )  # fmt: skip

    assert ran.code in {0, 3}, ran.err
    assert ran.document["dry_run"]
    assert ran.document["counts"]["ready"] > 0
    runs = ui.ask("flow_runs", flows={"name": {"any_": ["send-time"]}})
    [run] = [run for run in runs if run["deployment_id"] is None]
    assert run["state"]["type"] == "COMPLETED"
    assert run["parameters"]["users"] == ["Kofi Mensah"]
    assert run["parameters"]["dry_run"] is True

    def tasks() -> Any:
        rows = ui.ask("task_runs", flow_runs={"id": {"any_": [run["id"]]}})
        return [row for row in rows if row["state"]["type"] == "COMPLETED"][1:] and rows

    names = {row["name"].rpartition("-")[0] for row in until(tasks)}  # recorded a little later
    assert names == {
        "Check Clockify and QuickBooks",
        "Read links",
        "Read rules and rates",
        "Read time entries",
    }
    shown = [run, ui.ask("task_runs"), ui.ask("logs"), ran.err]
    for secret in _secrets(ui.house):
        assert secret not in str(shown)


def test_nothing_of_another_page_may_call_the_server(ui):
    """A web page that somebody visits cannot start a send: only the server's own pages may ask."""
    import requests

    def allowed(origin: str) -> str | None:
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = requests.options(f"{ui.url}/flow_runs/filter", headers=asks, timeout=10)
        return answer.headers.get("Access-Control-Allow-Origin")

    assert allowed("https://elsewhere.example") is None
    assert allowed(ui.url.removesuffix("/api")) == ui.url.removesuffix("/api")


@pytest.mark.slow
def test_prefects_own_deploy_gives_the_same_deployments(ui):
    """prefect.yaml means the same to Prefect's `deploy`, for workers, as to `clockbooks ui`.

    It is found from any folder.
    """
    served = _shown(ui)
    own = {"PREFECT_HOME": str(ui.house.folder / "own"), "DO_NOT_TRACK": "1"}
    for command in (
        ["work-pool", "create", "clockbooks", "--type", "process"],
        ["--no-prompt", "deploy", "--all"],
    ):
        ran = ui.house.run("prefect", *command, **own)
        assert ran.code == 0, ran.out + ran.err

    assert _shown(ui) == served
    assert len(served) == len(listed())
    beats = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)}
    assert [row["job_variables"] for row in ui.ask("deployments")] == [{"env": beats}] * len(served)


def test_prefect_yaml_has_no_name_that_prefect_does_not_know():
    """Prefect ignores unknown names silently: a misspelled limit would limit nothing."""
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text())

    assert set(document) == {"name", "pull", "definitions", "deployments"}
    for item in document["deployments"]:
        assert set(item) <= MEMBERS
        assert set(DeploymentConfig.model_fields) >= MEMBERS
        for row in item.get("schedules", []):
            assert set(row) == {"cron", "timezone", "slug", "active"}


def test_every_field_of_every_form_says_what_it_is_for():
    """Prefect shows the docstring, and nothing where it is missing."""
    for item in listed():
        for name, field in flow_of(item).parameters.properties.items():
            assert field.get("description"), f"{item['entrypoint']}: {name}"


def _shown(ui: Any) -> dict[str, Any]:
    """Return what an operator sees of each deployment."""
    flows = {row["id"]: row["name"] for row in ui.ask("flows")}
    return {
        f"{flows[row['flow_id']]}/{row['name']}": {
            **{
                name: row[name]
                for name in ("description", "parameters", "parameter_openapi_schema", "paused",
                             "tags", "concurrency_limit", "enforce_parameter_schema")
            },
            "schedules": [
                (plan["schedule"], plan["active"], plan["slug"]) for plan in row["schedules"]
            ],
        }
        for row in ui.ask("deployments")
    }  # fmt: skip


def _move_back(prefect: sqlite3.Connection, deployment_id: str, *, days: int) -> None:
    """Let the runs that are planned have been due some days ago."""
    stored = "'%Y-%m-%d %H:%M:%f000'"
    moved = ", ".join(
        f"{name} = strftime({stored}, {name}, '-{days} days')"
        for name in ("expected_start_time", "next_scheduled_start_time")
    )
    mine = "deployment_id = ? AND state_type = 'SCHEDULED'"
    due = "json_extract(state_details, '$.scheduled_time')"
    prefect.execute(
        "UPDATE flow_run_state SET state_details = json_set(state_details, '$.scheduled_time',"
        f" strftime('%Y-%m-%dT%H:%M:%SZ', {due}, '-{days} days'))"
        f" WHERE id IN (SELECT state_id FROM flow_run WHERE {mine})",
        [deployment_id],
    )
    prefect.execute(f"UPDATE flow_run SET {moved} WHERE {mine}", [deployment_id])


def _secrets(house: Any) -> list[str]:
    quickbooks = house.scenario["quickbooks"]
    return [
        house.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        quickbooks["client_secret"],
        quickbooks["refresh_token"],
        (house.folder / "clockbooks.key").read_text(),
    ]
