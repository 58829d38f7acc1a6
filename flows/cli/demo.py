"""The main job from end to end, against local stand-ins of both services, on a loopback port.

It runs the very commands that a user types, in this process, and shows each before its output.
Nothing of it touches a real service, or a database that holds a real connection.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import sqlalchemy as sa

from connectors.database import closing_database
from connectors.errors import AskPerson
from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import load_scenario, settings_for
from connectors.standins.server import serving
from connectors.store.connections import DEMO, all_connections, delete_connection
from flows.cli.output import Output
from flows.settings import read_settings
from flows.text import hours
from schemas.tables import ledger
from schemas.words import LedgerState

SCENARIO = Path(__file__).parents[2] / "data" / "demo_scenario.yaml"

#: The demo scenario's quarter, and the days before it whose books are closed.
WINDOW = ("--start", "2026-07-27", "--end", "2026-10-31")

#: Real companies get 40 batches a minute; nobody wants to watch that.
FASTER = {
    "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "6000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "6000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100",
}


def run_demo(output: Output, app: Callable[..., Any]) -> None:
    """Connect, sync, preview, send, see what went and what did not, send again, compare.

    Args:
        output: Where the story is told.
        app: The command line, which runs a list of arguments.

    Raises:
        AskPerson: The database holds real connections, or what the books hold at the end is not
            what the ledger says.
    """
    database_url = read_settings().database_url
    _make_room(database_url)
    scenario = load_scenario(SCENARIO)
    clockify = ClockifyStandin(scenario)
    lifted = Switches(batches_per_minute=None, requests_per_minute=None, requests_per_second=None)
    quickbooks = QuickBooksStandin(scenario, switches=lifted)
    with (
        serving(clockify.app) as clockify_url,
        serving(quickbooks.app) as quickbooks_url,
        TemporaryDirectory() as folder,
        _environment(_settings(scenario, clockify_url, quickbooks_url)),
    ):
        token_file = Path(folder) / "refresh-token"
        token_file.touch(mode=0o600)
        token_file.write_text(scenario["quickbooks"]["refresh_token"])
        _tell_story(output, partial(_type, app), scenario, quickbooks, quickbooks_url, token_file)
        _compare(output, database_url, quickbooks)


def _tell_story(
    output: Output,
    type_in: Callable[..., None],
    scenario: Mapping[str, Any],
    quickbooks: QuickBooksStandin,
    quickbooks_url: str,
    token_file: Path,
) -> None:
    company = scenario["quickbooks"]["company"]["CompanyName"]
    output.say(
        f"Both services run here, on loopback: {company} tracks time in Clockify and does its"
        " books in QuickBooks Online. No real account is touched."
    )
    realm_id = scenario["quickbooks"]["realm_id"]
    _step(output, "Join the two. The tokens are stored encrypted.")
    type_in("connect", "--realm-id", realm_id, "--refresh-token-file", str(token_file))
    _step(output, "Compare both directories: equal names are linked, nothing is created.")
    type_in("sync")
    _step(output, "Preview a quarter: only approved time, rounded as the workspace says.")
    type_in("send", *WINDOW, "--approved-only", "--dry-run")

    refused = quickbooks.customers[scenario["quickbooks"]["demo"]["refused_customer_id"]]
    _step(
        output,
        f"Send it. Meanwhile somebody deactivates {refused['DisplayName']} in QuickBooks, and"
        " the answer to one batch gets lost on its way.",
    )
    _deactivate(quickbooks, quickbooks_url, refused)
    quickbooks.faults.plan("POST .*/batch", "drop_after", skip=20)
    type_in("send", *WINDOW, "--approved-only", "--yes")
    _step(output, "Send again: what is in doubt is settled first, and nothing goes twice.")
    type_in("send", *WINDOW, "--approved-only", "--yes")


def _type(app: Callable[..., Any], *arguments: str) -> None:
    """Run one command of ours as if it were typed, whatever its exit code says."""
    words = ["clockbooks", *arguments]
    Output(as_json=False).say(f"$ {shlex.join(words)}", style="bold cyan")
    code = app([*arguments, "--connection", DEMO], standalone_mode=False)
    if code not in {None, 0, 3}:
        raise AskPerson("The demo could not go on: see the message above.")


def _step(output: Output, words: str) -> None:
    output.say("")
    output.say(f"── {words}", style="bold")


def _compare(output: Output, database_url: str, quickbooks: QuickBooksStandin) -> None:
    """Hold the ledger against the stand-in's own books."""
    query = sa.select(ledger.c.time_activity_id, ledger.c.minutes).where(
        ledger.c.state == LedgerState.SENT
    )
    with closing_database(database_url) as engine, engine.connect() as connection:
        sent = {row.time_activity_id: row.minutes for row in connection.execute(query)}
    booked = {
        id_: activity["Hours"] * 60 + activity["Minutes"]
        for id_, activity in quickbooks.activities.items()
    }
    _step(output, "Compare QuickBooks' books with the ledger.")
    if sent != booked:
        raise AskPerson(
            f"The books hold {len(booked):,} TimeActivities, the ledger says {len(sent):,} were"
            " sent, or their minutes differ. That is a defect: please report it."
        )
    output.say(
        f"{len(booked):,} TimeActivities with {hours(sum(booked.values()))} in the books; the"
        " ledger says the same, one by one.",
        style="green",
    )
    output.say("")
    output.say("Where to look next:", style="bold")
    output.say("  .venv/bin/clockbooks entries --state rejected    what did not go, and why")
    output.say("  .venv/bin/clockbooks entries --csv entries.csv   every entry, for a spreadsheet")
    output.say("  data/demo_scenario.yaml                             the company of this demo")
    output.say("  docs/guide.md                                    how to connect your own")


def _deactivate(
    quickbooks: QuickBooksStandin, quickbooks_url: str, customer: Mapping[str, Any]
) -> None:
    """Deactivate a customer as its API would; QuickBooks never deletes one."""
    response = requests.post(
        f"{quickbooks_url}/v3/company/{quickbooks.realm_id}/customer",
        json={
            "Id": customer["Id"],
            "SyncToken": customer["SyncToken"],
            "sparse": True,
            "Active": False,
        },
        headers={
            "Authorization": f"Bearer {quickbooks.access_token()}",
            "Accept": "application/json",
        },
        timeout=10,
    )
    response.raise_for_status()


def _make_room(database_url: str) -> None:
    """Forget an earlier demo; leave a database with real connections alone."""
    with closing_database(database_url) as engine:
        real = [
            connection.name for connection in all_connections(engine) if connection.name != DEMO
        ]
        if real:
            raise AskPerson(
                f"The database holds real connections ({', '.join(real)}), which the demo leaves"
                " alone: set CLOCKBOOKS_DATABASE_URL to another one, for example"
                " sqlite:///data/demo.db."
            )
        delete_connection(engine, DEMO)


def _settings(
    scenario: Mapping[str, Any], clockify_url: str, quickbooks_url: str
) -> dict[str, str]:
    return {
        **FASTER,
        **settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url),
        "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": scenario["clockify"]["workspace"]["id"],
    }


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block; Prefect is left out of the demo."""
    before = dict(os.environ)
    os.environ.update(settings)
    os.environ.pop("PREFECT_API_URL", None)
    for name in ("TIMEZONE", "ROUNDING", "APPROVED_ONLY", "ALLOW_PAYROLL", "SYNC_BEFORE_SEND"):
        os.environ.pop(f"CLOCKBOOKS_{name}", None)  # the person's defaults; the story has its own
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
