"""Attacks on Prefect's page, run in Chromium and over loopback against one `clockbooks ui`.

A page of another site, another program on this machine, and somebody who has the password and wants
more than it gives. What the guard does by itself stands in
`tests/flows/operations/test_page_guard.py`.
"""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from connectors.standins.scenario import load_scenario

CHROMIUM = shutil.which("chromium")

#: Another site, whose name leads to this machine as an attacker's may: DNS rebinding.
EVIL = "evil.example"

#: What an attacker wants to be run.
PULL = {"prefect.deployments.steps.run_shell_script": {"script": "touch /tmp/pwned"}}

in_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium on the path: apt-get install chromium"
)


@pytest.fixture(scope="module")
def ui(
    open_house: Any, demo_scenario: Any, tmp_path_factory: pytest.TempPathFactory, running_ui: Any
) -> Iterator[Any]:
    """Let `clockbooks ui` run for all attacks."""
    with (
        open_house(load_scenario(demo_scenario), tmp_path_factory.mktemp("page")) as house,
        running_ui(house) as running,
    ):
        yield running


class Blank(BaseHTTPRequestHandler):
    """Another site's empty page, for a script to run in."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title>")

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium; the other site's name leads to this machine."""
    with sync_playwright() as playwright:
        # Its sandbox does not start for root, who runs the tests in a container.
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            chromium_sandbox=os.geteuid() != 0,
            args=[f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"],
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a new page, without memory of earlier ones."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(params=[EVIL, "127.0.0.1"], ids=["another site", "another port"])
def evil(page: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yield a page that shows another site; a port of this machine is another one too."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page.goto(f"http://{request.param}:{server.server_port}/")
        yield page
        server.shutdown()
        thread.join()


def post_from(page: Page, url: str, body: Any) -> None:
    """Post JSON as a page may to another site without asking it: a Blob without a type."""
    script = """async ([url, body]) => {
        await fetch(url, {method: "POST", mode: "no-cors", body: new Blob([body])}).catch(() => 0);
    }"""
    page.evaluate(script, [url, json.dumps(body)])


@in_a_browser
def test_a_page_of_another_site_starts_no_run(ui, evil):
    """A Blob needs no preflight, and Prefect takes a body without a type for JSON."""
    target = ui.deployment("send-time/by-hand")["id"]
    before = ui.call("POST", "flow_runs/count", {})
    parameters = {"last_days": 35, "dry_run": False, "review": False}

    url = f"{ui.url}/deployments/{target}/create_flow_run"
    post_from(evil, url, {"parameters": parameters})

    assert ui.call("POST", "flow_runs/count", {}) == before


@in_a_browser
def test_a_page_of_another_site_plants_no_deployment(ui, evil):
    """Its pull step would be a command of the attacker's, run as the page's user."""
    deployment = ui.deployment("settle/hourly")
    body = {"flow_id": deployment["flow_id"], "name": "planted", "pull_steps": [PULL]}

    post_from(evil, f"{ui.url}/deployments/", body | {"entrypoint": deployment["entrypoint"]})

    assert "planted" not in {row["name"] for row in ui.ask("deployments")}


@in_a_browser
@pytest.mark.parametrize("protocol", ["", "prefect"])
def test_a_page_of_another_site_reads_no_events(ui, evil, protocol):
    """No WebSocket opens from there: browsers ask no preflight for one."""
    script = """([url, protocol]) => new Promise((resolve) => {
        const socket = protocol ? new WebSocket(url, protocol) : new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    })"""

    url = f"{ui.url.replace('http', 'ws')}/events/out"

    assert evil.evaluate(script, [url, protocol]) == "refused"


@in_a_browser
def test_the_page_is_not_framed(ui, evil, until):
    """Nobody presses Resume through a page that lies over ours."""
    home = ui.url.removesuffix("/api")
    script = """(url) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.onload = () => resolve();
        frame.src = url;
        document.body.append(frame);
    })"""

    evil.evaluate(script, f"{home}/runs")

    until(lambda: evil.evaluate("true") and evil.frames[1].url)  # told a little after its load
    assert evil.frames[1].url.startswith("chrome-error:")


@in_a_browser
def test_a_name_that_was_bound_anew_is_turned_away(ui, page):
    """Another site's name may lead here after its page was loaded: the server knows its own names.

    Such a page is of the same origin, and could read and write everything.
    """
    port = ui.url.removesuffix("/api").rpartition(":")[2]

    answer = page.goto(f"http://{EVIL}:{port}/ui-settings")

    assert answer is not None
    assert answer.status == 421
    status = page.evaluate("async () => (await fetch('/api/health')).status")
    assert status == 421


@pytest.fixture
def waiting(ui: Any) -> str:
    """Return a run that waits for somebody's answer."""
    flow = ui.call("POST", "flows/", {"name": "waits"})["id"]
    details = {"pause_timeout": "2099-01-01T00:00:00Z", "pause_key": "k", "pause_reschedule": True}
    paused = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    return str(ui.call("POST", "flow_runs/", {"flow_id": flow, "state": paused})["id"])


@pytest.mark.parametrize("login", [None, ("clockbooks", ""), ("clockbooks", "guess")])
def test_a_local_user_without_the_password_approves_nothing(ui, waiting, login):
    """Whoever else works on this machine reaches the port, and needs the password all the same."""
    answer = requests.post(
        f"{ui.url}/flow_runs/{waiting}/resume",
        json={"run_input": {"decision": "approve", "who": "Ann Lee"}},
        auth=login,
        timeout=30,
    )

    assert answer.status_code == 401
    assert ui.state(waiting)["name"] == "Suspended"


def test_the_password_is_its_owners_alone(ui):
    """Made at the first start; what is printed says where it is, and not what."""
    kept = ui.house.folder / "prefect" / "password"

    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in ui.said
    assert kept.read_text() not in ui.said


POOL = {"name": "planted", "type": "process"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "deployments/", {"pull_steps": [PULL]}, id="a pull step"),
        pytest.param("POST", "deployments/", {"entrypoint": "/tmp/a.py:main"}, id="other code"),  # noqa: S108
        pytest.param(
            "POST", "deployments/", {"job_variables": {"env": {"LD_PRELOAD": "a"}}}, id="variables"
        ),
        pytest.param("PATCH", "deployments/{id}", {"pull_steps": [PULL]}, id="a step for ours"),
        pytest.param("PATCH", "deployments/{id}", {"entrypoint": "os.system"}, id="code for ours"),
        pytest.param(
            "POST",
            "deployments/{id}/create_flow_run",
            {"job_variables": {"command": "touch /tmp/pwned"}},
            id="a run's command",
        ),
        pytest.param(
            "POST",
            "deployments/{id}/create_flow_run/bulk",
            [{"job_variables": {"command": "touch /tmp/pwned"}}],
            id="many runs' commands",
        ),
        pytest.param(
            "POST",
            "work_pools/",
            POOL | {"base_job_template": {"job_configuration": {"command": "touch /tmp/pwned"}}},
            id="a pool's command",
        ),
        pytest.param("POST", "work_pools/", POOL | {"type": "docker"}, id="a pool of another type"),
        pytest.param(
            "POST",
            "automations/",
            {
                "name": "planted",
                "trigger": {"type": "event", "posture": "Reactive", "threshold": 1},
                "actions": [{"type": "run-deployment", "source": "selected"}],
            },
            id="an automation",
        ),
    ],
)
def test_nobody_plants_a_command_with_the_password_either(ui, method, path, body):
    """Who may approve hours may not run programs: what is not Clockbooks' own is refused."""
    ours = ui.deployment("settle/hourly")
    if (method, path) == ("POST", "deployments/"):
        known = {"flow_id": ours["flow_id"], "name": "planted", "entrypoint": ours["entrypoint"]}
        body = known | body

    answer = requests.request(
        method, f"{ui.url}/{path.format(id=ours['id'])}", json=body, auth=ui.login, timeout=30
    )

    assert answer.status_code == 403, answer.text
    assert "not Clockbooks'" in answer.json()["detail"]


def test_nobody_plants_a_command_by_a_workers_own_connection(ui):
    """A worker brings the template of its pool along on a WebSocket, and may make the pool."""
    job = {"command": "touch /tmp/pwned"}
    template = {"job_configuration": job, "variables": {"properties": {}}}
    hello = {
        "consumer_id": str(uuid4()),
        "worker_name": "mine",
        "worker_type": "process",
        "heartbeat_interval_seconds": 30,
        "supported_channel_versions": ["work_pool_worker_channel.v1"],
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
        "create_pool_if_not_found": True,
        "default_base_job_template": template,
    }
    sent_at = datetime.now(UTC).isoformat()
    frame = {
        "type": "worker.hello.v1", "id": str(uuid4()), "sent_at": sent_at, "payload": hello,
    }  # fmt: skip
    url = f"{ui.url.replace('http', 'ws')}/work_pools/planted/workers/connect"

    with suppress(WebSocketException), connect(url, subprotocols=["prefect"]) as socket:
        socket.send(json.dumps({"type": "auth", "token": ":".join(ui.login)}))
        socket.recv(timeout=30)
        socket.send(json.dumps(frame))
        socket.recv(timeout=30)

    assert "planted" not in {pool["name"] for pool in ui.ask("work_pools")}


@in_a_browser
def test_the_owner_is_signed_in_once_by_a_file(ui, page):
    """The file that `clockbooks ui` opens signs a browser in; a second time it does not."""
    file = ui.house.folder / "prefect" / "sign-in.html"
    assert file.stat().st_mode & 0o777 == 0o600

    page.goto(file.as_uri())
    page.wait_for_function("localStorage.getItem('prefect-password')")
    page.get_by_text("Automations").first.wait_for()  # the menu, which nobody sees without a login
    assert page.url.startswith(ui.url.removesuffix("api"))

    page.evaluate("localStorage.clear()")
    page.goto(file.as_uri())
    page.get_by_text("was used, or is too old").wait_for()
    assert page.evaluate("localStorage.getItem('prefect-password')") is None
