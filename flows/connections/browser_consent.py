"""Gets Intuit's consent in a person's browser, and shows the result there."""

import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors.errors import ClockbooksError
from connectors.intuit.callback_server import (
    HOST,
    NAMES,
    PATH,
    Callback,
    CallbackServer,
    open_callback_server,
)
from connectors.intuit.consent import Answer, NotGiven, Question, offers_pkce, question, read_answer
from connectors.store.connections import Connection
from flows.settings import Settings, required

#: Where Intuit sends a browser when nothing listens: the person copies the address from there. Any
#: port does.
UNUSED_ADDRESS = f"http://{HOST}:8913{PATH}"

#: Uses a consent: the answer, and the question that it answers.
Use = Callable[[Answer, Question], Connection]


@dataclass(frozen=True)
class Browser:
    """How to ask a person.

    Attributes:
        redirect_uri: The address registered for the app; `None` for a free port of this machine.
        opens: Whether to open a browser here; otherwise the person pastes where theirs ended.
        timeout_s: Seconds to wait for an answer.
        tell: Shows a message.
        paste: Asks for the address at which the browser ended.
    """

    redirect_uri: str | None
    opens: bool
    timeout_s: float
    tell: Callable[[str], None]
    paste: Callable[[], str]

    @property
    def waits_here(self) -> bool:
        """Whether Intuit can send the browser to this very process."""
        parts = urlsplit(self.redirect_uri or UNUSED_ADDRESS)
        return self.opens and parts.scheme == "http" and parts.hostname in NAMES


def ask_in_browser(settings: Settings, browser: Browser, use: Use) -> Connection:
    """Get Intuit's consent and use it.

    Raises:
        NotGiven: The person or Intuit refused, or the answer is not one.
        AskPerson: Nobody answered, or *use* could not use it.
        TryAgain: Intuit could not be reached; the consent must be given again.
    """
    if not browser.waits_here:
        asked = _question(settings, browser.redirect_uri or UNUSED_ADDRESS)
        return _by_pasting(asked, browser, use)
    with open_callback_server(browser.redirect_uri, browser.tell) as server:
        asked = _question(settings, server.redirect_uri)
        return _wait_for_answer(asked, server, browser, use)


def _question(settings: Settings, redirect_uri: str) -> Question:
    return question(
        required(settings.qbo_client_id, "CLOCKBOOKS_QBO_CLIENT_ID"),
        authorize_url=settings.qbo_authorize_url,
        redirect_uri=redirect_uri,
        pkce=offers_pkce(settings.qbo_discovery_url),
    )


def _by_pasting(asked: Question, browser: Browser, use: Use) -> Connection:
    browser.tell(f"Open this address in a browser, and choose your company:\n\n{asked.address}\n")
    browser.tell(
        "The browser ends at an address that begins with"
        f" {asked.redirect_uri}. It may show an error there, which does not matter."
    )
    if browser.opens:
        webbrowser.open(asked.address)
    pasted = browser.paste().strip()
    try:
        query = urlsplit(pasted).query
    except ValueError:
        query = ""
    return use(read_answer(query, state=asked.state), asked)


def _wait_for_answer(
    asked: Question, server: CallbackServer, browser: Browser, use: Use
) -> Connection:
    server.expect(asked.state)
    browser.tell(f"Give your consent in the browser, at this address:\n\n{asked.address}\n")
    if not webbrowser.open(asked.address):
        browser.tell(
            "No browser could be opened. Open the address yourself on this machine, or run"
            " `clockbooks connect --no-browser`."
        )
    callback = server.wait(browser.timeout_s)
    try:
        joined = _used(callback, asked, use)
    except ClockbooksError as error:
        title = error.title if isinstance(error, NotGiven) else "Not connected"
        callback.show(title, str(error), "You may close this page.")
        raise
    except BaseException:
        callback.show("Not connected", "`clockbooks connect` stopped. The terminal says why.")
        raise
    callback.show(
        "Connected",
        f"{joined.name} joins the workspace {joined.workspace_name} and the company"
        f" {joined.company_name}.",
        "You may close this page. Next, in the terminal: `clockbooks sync`",
        good=True,
    )
    return joined


def _used(callback: Callback, asked: Question, use: Use) -> Connection:
    if isinstance(callback.answer, Answer):
        return use(callback.answer, asked)
    if callback.answer is None:
        raise AssertionError("a callback server hands on answers only")
    raise callback.answer
