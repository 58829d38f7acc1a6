"""The main job from end to end, against local stand-ins of both services.

It runs the commands that a user would type, in this process, and shows each before its output. It
touches no real service, and no database that holds a real connection.
"""

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
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
from flows.installed import FILES, IN_CHECKOUT, shown
from flows.settings import OWN, read_settings
from flows.text import hours
from schemas.tables import ledger
from schemas.words import LedgerState

SCENARIO = FILES / "data" / "demo_scenario.yaml"

#: Which service items and classes its time gets.
RULES = SCENARIO.with_name("demo_rules.yaml")

#: The demo scenario's quarter, and some days before it, for which the books are closed.
WINDOW = ("--start", "2026-07-27", "--end", "2026-10-31")

#: Days of it in which two entries change after they were sent.
CHANGED = ("--start", "2026-09-16", "--end", "2026-09-16")

#: Another day, on which the same happens for those who then look at Prefect's pages.
CHANGED_LATER = ("--start", "2026-09-17", "--end", "2026-09-17")

#: What to try there: deployments and their days.
TRY = {
    "sync-directory/review": "say who is who",
    "send-time/by-hand, 2026-10-01 to 2026-10-31": "review time that nobody approved in Clockify",
    "reconcile/by-hand, 2026-09-17 to 2026-09-17": "repair what changed after the send",
}

#: What to type for `clockbooks`.
_COMMAND = ".venv/bin/clockbooks" if IN_CHECKOUT else "clockbooks"

#: Where to look after the demo.
NEXT = {
    f"{_COMMAND} entries --state rejected": "what did not go, and why",
    f"{_COMMAND} entries --csv entries.csv": "every entry, for a spreadsheet",
    shown("data/demo_scenario.yaml"): "the company of this demo",
    shown("data/demo_rules.yaml"): "where its time lands",
    shown("docs/guide.md"): "how to connect your own",
}

#: A real company allows 40 batches a minute, which would take too long to watch.
FASTER = {
    "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "6000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "6000",
    "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100",
    "CLOCKBOOKS_CLOCKIFY_REQUESTS_PER_SECOND": "40",
}


def run_demo(
    output: Output, app: Callable[..., Any], then: Callable[[], None] | None = None
) -> None:
    """Connect, sync, preview, send, ask about a month, repair what changes later, compare.

    *then* is done while the stand-ins still run, with something left to decide.

    Raises:
        AskPerson: The database holds real connections, or the books and the ledger differ at the
            end.
    """
    database_url = read_settings().database_url
    _forget_earlier_demo(database_url)
    scenario = load_scenario(SCENARIO)
    clockify = ClockifyStandin(scenario)
    lifted = Switches(batches_per_minute=None, requests_per_minute=None, requests_per_second=None)
    quickbooks = QuickBooksStandin(scenario, switches=lifted)
    with (
        serving(clockify.app) as clockify_url,
        serving(quickbooks.app) as quickbooks_url,
        TemporaryDirectory() as folder,
        _environment(
            FASTER
            | settings_for(scenario, clockify_url=clockify_url, quickbooks_url=quickbooks_url)
            | {"CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": scenario["clockify"]["workspace"]["id"]}
        ),
    ):
        token_file = Path(folder) / "refresh-token"
        token_file.touch(mode=0o600)
        token_file.write_text(scenario["quickbooks"]["refresh_token"])
        type_in = partial(_type, app)
        _run_commands(output, type_in, scenario, quickbooks, quickbooks_url, token_file)
        _repair(output, type_in, database_url, clockify)
        _compare(output, database_url, quickbooks)
        if then is not None:
            _change(database_url, clockify, CHANGED_LATER[1])
            _step(output, "Now decide yourself: under Deployments, start one of these.")
            for where, what in TRY.items():
                output.say(f"  {what:<46} {where}")
            then()


def _run_commands(
    output: Output,
    type_in: Callable[..., None],
    scenario: Mapping[str, Any],
    quickbooks: QuickBooksStandin,
    quickbooks_url: str,
    token_file: Path,
) -> None:
    company = scenario["quickbooks"]["company"]["CompanyName"]
    output.say(
        f"{company} tracks time in Clockify and keeps its books in QuickBooks Online. Stand-ins of"
        " both services run on this machine; no real account is touched."
    )
    realm_id = scenario["quickbooks"]["realm_id"]
    _step(output, "Connect the two. The tokens are stored encrypted.")
    type_in("connect", "--realm-id", realm_id, "--refresh-token-file", str(token_file))
    _step(output, "Compare both directories. Equal names are linked; nothing is created.")
    type_in("sync")
    _step(
        output,
        "Say on which service items and in which classes time lands: the first rule decides.",
    )
    type_in("rules", "--file", str(RULES))
    _step(output, "Preview a quarter: approved time only, rounded as the workspace is set up.")
    type_in("send", *WINDOW, "--approved-only", "--dry-run")

    refused = quickbooks.customers[scenario["quickbooks"]["demo"]["refused_customer_id"]]
    _step(
        output,
        f"Send it. Meanwhile, somebody deactivates {refused['DisplayName']} in QuickBooks, and the"
        " answer to one batch gets lost.",
    )
    _deactivate(quickbooks, quickbooks_url, refused)
    quickbooks.faults.plan("POST .*/batch", "drop_after", skip=20)
    type_in("send", *WINDOW, "--approved-only", "--yes")
    _step(output, "Send again. What is in doubt is settled first, and nothing goes twice.")
    type_in("send", *WINDOW, "--approved-only", "--yes")
    _step(output, "Ask how much of a month is in QuickBooks now, and why the rest is not.")
    type_in("month", "2026-10", "--approved-only")


def _repair(
    output: Output, type_in: Callable[..., None], database_url: str, clockify: ClockifyStandin
) -> None:
    """Change two entries in Clockify that were sent, see that, and repair it."""
    _step(
        output,
        "Later, somebody makes one entry half an hour longer in Clockify, and deletes another.",
    )
    _change(database_url, clockify, CHANGED[1])
    type_in("reconcile", *CHANGED)
    _step(output, "Repair it: QuickBooks gets what Clockify has.")
    type_in("reconcile", *CHANGED, "--repair", "--yes")


def _change(database_url: str, clockify: ClockifyStandin, day: str) -> None:
    """Make an entry of a day longer that was sent, and delete another."""
    query = (
        sa.select(ledger.c.entry_id)
        .where(ledger.c.state == LedgerState.SENT, ledger.c.txn_date == day)
        .order_by(ledger.c.entry_id)
    )
    with closing_database(database_url) as engine, engine.connect() as connection:
        edited, *_, deleted = connection.scalars(query)
    entry = clockify.entries[edited]
    end = datetime.fromisoformat(entry["end"]) + timedelta(minutes=30)
    entry["end"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    del clockify.entries[deleted]


def _type(app: Callable[..., Any], *arguments: str) -> None:
    """Run one command as if it were typed; it may end in part."""
    words = ["clockbooks", *arguments]
    Output(as_json=False).say(f"$ {shlex.join(words)}", style="bold cyan")
    code = app([*arguments, "--connection", DEMO], standalone_mode=False)
    if code not in {None, 0, 3}:
        raise AskPerson("The demo could not continue: see the message above.")


def _step(output: Output, words: str) -> None:
    output.say("")
    output.say(f"── {words}", style="bold")


def _compare(output: Output, database_url: str, quickbooks: QuickBooksStandin) -> None:
    """Compare the ledger with the stand-in's own books."""
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
            f"The books hold {len(booked):,} TimeActivities, the ledger {len(sent):,}, or their"
            " minutes differ. That is a defect: please report it."
        )
    output.say(
        f"The books hold {len(booked):,} TimeActivities with {hours(sum(booked.values()))}. The"
        " ledger holds the same ones, with the same minutes.",
        style="green",
    )
    for kind, rows in (("service item", quickbooks.items), ("class", quickbooks.classes)):
        output.say(f"By {kind}: {_by_place(quickbooks, kind, rows)}.")
    output.say("")
    output.say("Where to look next:", style="bold")
    for where, what in NEXT.items():
        output.say(f"  {what:<30} {where}")


def _by_place(
    quickbooks: QuickBooksStandin, kind: str, rows: Mapping[str, Mapping[str, Any]]
) -> str:
    """Add up the books by service item or class."""
    member = {"service item": "ItemRef", "class": "ClassRef"}[kind]
    minutes: Counter[str] = Counter()
    for activity in quickbooks.activities.values():
        name = rows[activity[member]["value"]]["Name"] if member in activity else "none"
        minutes[name] += activity["Hours"] * 60 + activity["Minutes"]
    return ", ".join(f"{name} {hours(total)}" for name, total in minutes.most_common())


def _deactivate(
    quickbooks: QuickBooksStandin, quickbooks_url: str, customer: Mapping[str, Any]
) -> None:
    """Deactivate a customer through the API; QuickBooks never deletes one."""
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


def _forget_earlier_demo(database_url: str) -> None:
    """Forget an earlier demo; refuse a database with real connections."""
    with closing_database(database_url) as engine:
        real = [
            connection.name for connection in all_connections(engine) if connection.name != DEMO
        ]
        if real:
            raise AskPerson(
                f"The database holds real connections ({', '.join(real)}), which the demo does not"
                " touch. Set CLOCKBOOKS_DATABASE_URL to another database, for example"
                " sqlite:///data/demo.db."
            )
        delete_connection(engine, DEMO)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block, without Prefect and the person's own settings."""
    before = dict(os.environ)
    os.environ.update(settings)
    os.environ.pop("PREFECT_API_URL", None)
    for name in OWN:
        if not name.startswith("qbo_"):  # its pace may be set
            os.environ.pop(f"CLOCKBOOKS_{name.upper()}", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
