"""Intuit's consent in a real browser, from the installed command to the page at the end."""

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium on the path: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        # Its sandbox does not start for root, who runs the tests in a container.
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a new page, without memory of earlier ones."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


class Asking:
    """A `clockbooks connect` that waits for a browser."""

    def __init__(self, process: Any) -> None:
        """Read the address that it prints."""
        self.process = process
        self.told = ""
        self.address = self.read_until(r"(https?://\S+/connect/oauth2\S+)")

    def read_until(self, pattern: str) -> str:
        """Read what it tells, line by line, until *pattern* is there; return its group."""
        while not (found := re.search(pattern, self.told)):
            line = self.process.stderr.readline()
            assert line, f"it ended before {pattern!r}: {self.told}"
            self.told += line
        return found.group(1)

    def end(self) -> tuple[int, str]:
        """Wait for it to end, and return its exit code and standard output."""
        out, err = self.process.communicate(timeout=60)
        self.told += err
        return self.process.returncode, out


@pytest.fixture
def asking() -> Iterator[Any]:
    """Yield a function to start the command; what a failed test leaves is ended."""
    started: list[Any] = []

    def start(house: Any, *options: str, installed: bool = False) -> Asking:
        command = ("connect", *options)
        if installed:
            started.append(house.start(*command, BROWSER="true"))
        else:
            started.append(house.fork(*command, talks=True, BROWSER="true"))
        return Asking(started[-1])

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _assert_plain(page: Page) -> None:
    """The page keeps nothing, passes nothing on, and shows nothing of the answer."""
    shown = page.content()
    for name in ("code", "state"):
        for value in parse_qs(urlsplit(page.url).query).get(name, []):
            assert value not in shown
    assert page.locator("script, img, link, iframe").count() == 0


def test_a_person_gives_the_consent_and_is_connected(house, page, asking, rows_of):
    """Allow, on Intuit's page, ends on a page that says so; the tokens are Intuit's, encrypted."""
    waiting = asking(house, "--json", installed=True)
    answers = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it must be ours

    page.goto(waiting.address)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Connected").wait_for()

    _assert_plain(page)
    assert "Tallgrass Studio" in page.locator("main").inner_text()
    assert "clockbooks sync" in page.locator("main").inner_text()
    headers = answers[-1].headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert urlsplit(page.url).hostname == "127.0.0.1"
    code, out = waiting.end()
    assert code == 0, waiting.told
    assert f'"realm_id": "{house.scenario["quickbooks"]["realm_id"]}"' in out
    secret = parse_qs(urlsplit(page.url).query)["code"][0]
    assert secret not in out + waiting.told
    assert len(rows_of(house, "secrets")) == 1
    assert house.run_here("sync").code == 0


def test_a_person_refuses(house, page, asking, rows_of):
    """Deny ends the wait at once: browser and terminal say so, and nothing is stored."""
    waiting = asking(house)

    page.goto(waiting.address)
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="The consent was refused").wait_for()

    _assert_plain(page)
    assert waiting.end()[0] == 1
    assert "was refused" in waiting.told
    assert rows_of(house, "secrets") == []


def test_a_wrong_state_is_turned_away_and_the_right_one_still_taken(house, page, asking):
    """A forged answer gets a page and is reported in the terminal; it does not end the wait."""
    waiting = asking(house)
    state = parse_qs(urlsplit(waiting.address).query)["state"][0]

    page.goto(waiting.address.replace(state, "forged"))
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="This answer is not for this request").wait_for()
    _assert_plain(page)
    waiting.read_until("(Rejected a request)")
    page.goto(waiting.address)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Connected").wait_for()

    assert waiting.end()[0] == 0


@pytest.mark.slow
def test_a_code_that_has_expired(house, page, asking, rows_of):
    """Intuit refuses the code: the page says so, and what to do."""
    house.quickbooks.switches.code_life_s = 0
    waiting = asking(house)

    page.goto(waiting.address)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Not connected").wait_for()

    assert "does not accept the code" in page.locator("main").inner_text()
    _assert_plain(page)
    assert waiting.end()[0] == 1
    assert "does not accept the code" in " ".join(waiting.told.split())
    assert rows_of(house, "secrets") == []


@pytest.mark.slow
def test_intuit_that_cannot_be_reached(house, page, asking, rows_of):
    """The exchange fails: the page says so too, and a new consent is needed."""
    house.quickbooks.faults.plan("tokens/bearer", "drop_before", times=9)
    waiting = asking(house)

    page.goto(waiting.address)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Not connected").wait_for()

    assert "no clear answer" in page.locator("main").inner_text()
    assert waiting.end()[0] == 1
    assert rows_of(house, "secrets") == []


def test_a_company_that_does_not_fit_is_told_and_its_consent_taken_back(house, page, asking):
    """Simple Start: the page does not report success, and the consent is ended at Intuit."""
    pairs = house.quickbooks.company["NameValue"]
    for pair in pairs:
        if pair["Name"] == "OfferingSku":
            pair["Value"] = "QuickBooks Online Simple Start"
    waiting = asking(house)

    page.goto(waiting.address)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Not connected").wait_for()

    assert "no time tracking" in page.locator("main").inner_text()
    assert waiting.end()[0] == 1
    assert ("POST", "/v2/oauth2/tokens/revoke", None) in house.quickbooks.requests


@pytest.mark.slow
def test_an_app_without_the_scope(house, page, asking):
    """Intuit's own refusal of the request is named as Intuit spells it."""
    waiting = asking(house)

    page.goto(waiting.address.replace("com.intuit.quickbooks.accounting", "com.intuit.other"))
    page.get_by_role("heading", name="Intuit did not ask for the consent").wait_for()

    assert "invalid_scope" in page.locator("main").inner_text()
    assert waiting.end()[0] == 1
