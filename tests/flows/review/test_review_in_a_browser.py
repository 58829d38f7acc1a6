"""Review before it goes, as a person does it: `clockbooks ui`, its pages in a browser, the books.

With SCREENS set to a folder, each step is photographed there: `make screens` keeps them for
docs/review.md, where `pngquant` makes them small.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.slow  # a server, a runner and a browser: more than a minute on two cores

NOTE = "October, but for the entry that the client disputes"

#: What goes here: the demo's refusals are of a customer that is made inactive in its course.
GOES = {"sent", "qbo_refused"}

#: Milliseconds that a page may take on a busy machine.
PATIENCE_MS = 45_000


@pytest.fixture
def page() -> Iterator[Page]:
    """Yield a page of Debian's Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path: apt-get install chromium")
    with sync_playwright() as playwright:
        # Its sandbox does not start for root, who runs the tests in a container.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


@pytest.fixture
def photograph(page: Page) -> Callable[..., None]:
    """Return a camera, for steps that somebody wants to see."""
    folder = os.environ.get("SCREENS")

    def take(name: str, *, height: int = 900) -> None:
        if folder:
            page.set_viewport_size({"width": 1280, "height": height})
            page.wait_for_timeout(1500)  # for the eye alone: what is drawn after it is there
            page.screenshot(path=Path(folder) / f"{name}.png")
            page.set_viewport_size({"width": 1280, "height": 900})

    return take


def choose(page: Page, number: int, option: str) -> None:
    """Open a list of the form by its arrows, and choose."""
    page.get_by_role("dialog").locator(".p-select-button__icon").nth(number).click()
    page.locator(".p-select-option").get_by_text(option, exact=True).click()


def pick_day(page: Page, day: str) -> None:
    """Fill in the first date of the form that is empty."""
    empty = page.get_by_text("Select date")
    others = empty.count() - 1
    empty.first.click()
    page.locator("input[type=date]").fill(day)
    page.get_by_role("button", name="Apply").click()
    expect(empty).to_have_count(others)


def open_artifact(page: Page, address: str, name: str) -> None:
    """Go to one of a run's artifacts, as its tab lists them."""
    page.goto(address)
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text(name, exact=True).first.click()
    page.get_by_text("Raw", exact=True).or_(page.get_by_text("Key", exact=True)).first.wait_for()


@pytest.fixture
def reviewed(
    synced: Any, running_ui: Any, page: Page, photograph: Callable[..., None]
) -> tuple[str, str]:
    """Let a person send October without one entry; return the run's end and its page's text."""
    with running_ui(synced) as ui:
        home = ui.url.removesuffix("/api")
        page.goto((synced.folder / "prefect" / "sign-in.html").as_uri())
        page.wait_for_function("localStorage.getItem('prefect-password')")
        page.goto(f"{home}/deployments/deployment/{ui.deployment('send-time/by-hand')['id']}/run")
        page.get_by_text("Run Name").wait_for()
        page.locator("form input").first.fill("october")
        pick_day(page, "2026-10-01")
        pick_day(page, "2026-10-31")
        photograph("1-form")
        page.get_by_role("button", name="Submit").click()
        page.get_by_role("link", name="october", exact=True).first.wait_for()
        page.goto(f"{home}/runs")
        page.get_by_role("link", name="october", exact=True).first.click()
        page.get_by_role("button", name="Resume").wait_for()
        photograph("2-waiting")
        assert synced.quickbooks.activities == {}
        address = page.url

        open_artifact(page, address, "plan-main")
        page.get_by_role("heading", name="Plan 1: 2026-10-01 … 2026-10-31").wait_for()
        assert page.locator("img[src^='data:image/svg+xml']").count() == 1
        photograph("3-plan", height=1500)
        open_artifact(page, address, "plan-entries-main")
        photograph("4-entries")

        page.goto(address)
        page.get_by_role("button", name="Resume").click()
        fill_in(page)
        photograph("5-decision", height=1050)
        page.get_by_role("dialog").get_by_role("button", name="Submit").click()
        state = ui.ended(address.rpartition("/")[2])
        assert len(ui.ask("flow_runs")) == 1
        page.goto(address)
        page.get_by_text(state["name"], exact=True).first.wait_for()
        photograph("6-ended")
        open_artifact(page, address, "sent-main")
        page.get_by_role("heading", name="Sent in part").wait_for()
        photograph("7-sent", height=1300)
        return state["name"], page.locator("body").inner_text()


def fill_in(page: Page) -> None:
    """Approve without entry 5, with a name and a note."""
    form = page.get_by_role("dialog")
    choose(page, 0, "approve")
    form.locator("textarea").first.fill("Ann Lee")
    form.get_by_role("button", name="Add item").click()
    form.locator("input[type=number]").fill("5")
    form.locator("textarea").last.fill(NOTE)


def test_a_person_reviews_a_month_and_leaves_one_entry_out(
    reviewed, synced, becomes, rows_of, booked, reckon
):
    """The form is filled in, the plan read, approved without one entry: the books have the rest."""
    state, shown = reviewed

    assert state == "PartlyDone"  # what nobody can send is still there
    assert "Plan 1 was approved by Ann Lee" in shown
    (plan,) = rows_of(synced, "plans")
    assert (plan["state"], plan["decided_by"], plan["note"]) == ("approved", "Ann Lee", NOTE)
    (out,) = [row["entry_id"] for row in rows_of(synced, "plan_entries") if row["left_out"]]
    entries = synced.clockify.entries
    october = {
        id_
        for id_, entry in entries.items()
        if becomes[id_] in GOES and local_day(entry).startswith("2026-10-")
    }
    sent = {row["entry_id"] for row in rows_of(synced, "ledger") if row["state"] == "sent"}
    assert sent == october - {out}
    assert len(sent) == plan["entries"] - 1
    assert booked(synced) == Counter(reckon(synced, entries[entry_id]) for entry_id in sent)


def local_day(entry: dict[str, Any]) -> str:
    """Return the day on which an entry begins, where the company is."""
    start = datetime.fromisoformat(entry["start"]).astimezone(ZoneInfo("America/Chicago"))
    return start.date().isoformat()


def test_a_plan_that_waits_survives_a_machine_that_dies(week, running_ui, rows_of, all_once, until):
    """All of it is killed while a plan waits; after the next start it is decided, and sent."""
    with running_ui(week) as ui:
        parameters = {"start": "2026-09-22", "end": "2026-09-22"}
        run_id = ui.start("send-time/by-hand", **parameters, dry_run=False, review=True)
        until(lambda: ui.state(run_id)["name"] == "Suspended")
        os.killpg(ui.process.pid, signal.SIGKILL)
        ui.process.wait()

    with running_ui(week) as ui:
        assert ui.state(run_id)["name"] == "Suspended"
        answer = {"run_input": {"decision": "approve", "who": "Ann Lee"}}
        assert ui.call("POST", f"flow_runs/{run_id}/resume", answer)["status"] == "ACCEPT"
        assert ui.ended(run_id)["type"] == "COMPLETED"

    assert [row["state"] for row in rows_of(week, "plans")] == ["approved"]
    all_once(week)
