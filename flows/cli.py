"""The `clockbooks` command: parses, calls a job, prints. It knows no rule of the domain.

Whatever is slow to import is imported by the command that needs it, so that `--help` is instant.
"""

import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import typer

from connectors import masking
from flows.cli_output import Outcome, Output, command, error_document, stop_usage, write_json

app = typer.Typer(
    name="clockbooks",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Carries the time that a company tracks in Clockify into its QuickBooks Online books:"
    " each entry exactly once, every other one explained.",
    epilog="Exit codes: 0 done, nothing rejected or in doubt; 1 could not run; 2 wrong usage;"
    " 3 done in part. Settings: environment variables CLOCKBOOKS_…, see README.",
)

ConnectionName = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="Which connection; default: the only one."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV file as well.")
]
AllowPayroll = Annotated[
    bool | None,
    typer.Option(
        "--allow-payroll/--no-allow-payroll",
        help="Try a company with QuickBooks Payroll; default: what the settings say.",
    ),
]
Rounding = Annotated[
    str | None,
    typer.Option(
        metavar="MODE:MINUTES",
        help="nearest:15, up:6, down:30, or none; default: what the settings say, else the"
        " workspace's own.",
    ),
]
Billable = Annotated[
    bool | None,
    typer.Option("--billable/--non-billable", help="Only billable entries, or only others."),
]
RetryRefused = Annotated[
    bool,
    typer.Option(
        "--retry-refused", help="Try entries again that QuickBooks refused, changed or not."
    ),
]
SyncFirst = Annotated[
    bool | None,
    typer.Option(
        "--sync/--no-sync",
        help="Compare both directories first; default: CLOCKBOOKS_SYNC_BEFORE_SEND, or not.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan; send nothing, change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
FirstDay = typer.Option("--start", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
LastDay = typer.Option(
    "--end", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day, included."
)


class EntryState(StrEnum):
    """What `clockbooks entries` can be asked for."""

    ALL = "all"
    SENT = "sent"
    UNSENT = "unsent"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        from importlib.metadata import version

        typer.echo(f"clockbooks {version('clockbooks')}")
        raise typer.Exit


@app.callback()
def clockbooks(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Give the command its own options."""


@app.command(epilog="Example: clockbooks connect --connection studio")
def connect(
    *,
    realm_id: Annotated[
        str | None, typer.Option(help="Headless: the QuickBooks company's id.")
    ] = None,
    refresh_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Headless: file with the refresh token of Intuit's consent; - reads it from"
            " standard input."
        ),
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser",
            help="Open the browser here; or show the address, and take the one at which a browser"
            " elsewhere ended.",
        ),
    ] = True,
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The redirect address that is registered for the app; default: a free port of"
            " 127.0.0.1.",
        ),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the browser's answer.")
    ] = 300,
    allow_payroll: AllowPayroll = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Join a Clockify workspace and a QuickBooks company, with Intuit's consent in a browser.

    The secrets are stored encrypted. Connecting the same company again
    brings new ones, and keeps ledger and links.
    """
    with command(as_json=json) as output:
        if (realm_id is None) != (refresh_token_file is None):
            stop_usage("--realm-id and --refresh-token-file belong together.")
        from flows.connecting import Pasted, read_token
        from flows.connecting import connect as join
        from flows.consenting import Browser

        consent: Browser | Pasted = Browser(
            redirect_uri=None if redirect_uri is None else _checked_redirect(redirect_uri),
            opens=browser,
            timeout_s=timeout_s,
            tell=output.tell,
            paste=lambda: _pasted(output),
        )
        if realm_id is not None and refresh_token_file is not None:
            consent = Pasted(realm_id, read_token(refresh_token_file))
        joined = join(connection, consent=consent, allow_payroll=allow_payroll)
        output.document = {
            "connection": joined.name,
            "workspace_id": joined.workspace_id,
            "workspace": joined.workspace_name,
            "realm_id": joined.realm_id,
            "company": joined.company_name,
            "timezone": joined.timezone,
        }
        output.say(
            f"Connected as {joined.name}: the workspace {joined.workspace_name} with the company"
            f" {joined.company_name}. Days count in {joined.timezone}."
        )
        output.say("Next: clockbooks sync")


@app.command(epilog="Example: clockbooks disconnect --connection studio")
def disconnect(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Disconnect without asking.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Forget the consent also where Intuit cannot be told."),
    ] = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """End Intuit's consent and forget the secrets; ledger and links stay.

    Where Intuit cannot be reached, later commands try again to revoke it.
    Ends with 3 then.
    """
    with command(as_json=json) as output:
        if not yes and not output.can_ask:
            stop_usage("Without a terminal nobody can be asked: add --yes to disconnect.")
        from flows import disconnecting, tables

        def approve(found: Any) -> bool:
            return yes or output.ask(
                f"Disconnect {found.name}: {found.workspace_name} and {found.company_name}?"
            )

        output.document = disconnecting.disconnect(connection, force=force, approve=approve)
        if output.document is None:
            output.document = {"connection": None, "revocation": "none", "told": []}
            output.say("Nothing was changed.")
            return
        tables.show_disconnected(output, output.document)
        if output.document["revocation"] == "pending":
            output.outcome = Outcome.PARTLY_DONE


@app.command(epilog="Example: clockbooks connections --json")
def connections(*, connection: ConnectionName = None, json: Json = False) -> None:
    """List the connections: what each joins, how it stands, and when its consent ends.

    Asks neither service.
    """
    with command(as_json=json) as output:
        from flows import overview, tables

        output.document = {"connections": overview.listed(connection)}
        tables.show_connections(output, output.document["connections"])


@app.command(epilog="Example: clockbooks configure --set rounding=up:6 --set approved_only=true")
def configure(
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set one for it alone. Repeatable."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Follow the environment again. Repeatable."),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show or change what one connection has otherwise than the environment says for all.

    A command's option beats an own setting, which beats the environment,
    which beats the default.
    """
    with command(as_json=json) as output:
        from flows import configuring, tables

        try:
            wanted, unwanted = configuring.read_changes(set_ or [], unset or [])
        except configuring.WrongSetting as problem:
            stop_usage(str(problem))
        output.document = configuring.configure(connection, wanted, unwanted)
        tables.show_settings(output, output.document)


@app.command(epilog="Example: clockbooks check && clockbooks send --start … --end … --yes")
def check(
    *,
    allow_payroll: AllowPayroll = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Say of everything that can be known before a send whether it is well, and what to do.

    Changes nothing. Ends with 1 when something would stop a send.
    """
    with command(as_json=json) as output:
        from flows import checking, tables

        output.document = checking.check(connection, allow_payroll=allow_payroll)
        tables.show_checks(output, output.document)
        if any(row["state"] == checking.PROBLEM for row in output.document["checks"]):
            # So that `check && send` stops: the send could not run either.
            output.outcome = Outcome.COULD_NOT_RUN


@app.command(epilog="Example: clockbooks sync --create clockify --dry-run")
def sync(
    *,
    create: Annotated[
        Literal["clockify", "quickbooks", "both"] | None,
        typer.Option(help="Create what is missing there; default: nowhere."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing, the links neither; list what would be."),
    ] = False,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Compare both directories, link what has the same name, and say what is missing and why.

    --create makes, in Clockify, clients and projects from customers, and
    invites employees by e-mail; in QuickBooks, employees from users and
    customers from projects. What is there already is never made again.
    """
    with command(as_json=json) as output:
        from flows import reporting, running, sync_report, tables

        output.document = running.sync_directory(connection, output, create=create, dry_run=dry_run)
        if csv is not None:
            rows = sync_report.sync_rows(output.document)
            reporting.write_csv(rows, csv, sync_report.CSV_MEMBERS)
            output.say(f"Wrote {len(rows)} rows to {csv}.")
        tables.show_sync(output, output.document)
        if any(row["tried"] for row in output.document["not_created"]):
            output.outcome = Outcome.PARTLY_DONE


@app.command(epilog="Example: clockbooks link user 64d0000000000000000000ae 61")
def link(
    *,
    kind: Annotated[Literal["user", "project"], typer.Argument(help="What is linked.")],
    clockify_id: Annotated[str, typer.Argument(help="Clockify's id of the user or project.")],
    qbo_id: Annotated[
        str, typer.Argument(help="QuickBooks' id of the employee, vendor or customer.")
    ],
    as_: Annotated[
        Literal["employee", "vendor"] | None,
        typer.Option("--as", help="Which list the id is of, where both have it."),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Link a user or project by hand: it beats every name, and survives every sync.

    The ids stand in the report of `clockbooks sync`.
    """
    with command(as_json=json) as output:
        from flows import linking

        linked = linking.link(connection, kind, clockify_id, qbo_id, qbo_kind=as_)
        output.document = linked.document
        for words in linked.told:
            output.say(words)


@app.command(epilog="Example: clockbooks unlink user 64d0000000000000000000ae")
def unlink(
    *,
    kind: Annotated[Literal["user", "project"], typer.Argument(help="What is unlinked.")],
    clockify_id: Annotated[str, typer.Argument(help="Clockify's id of the user or project.")],
    rematch: Annotated[
        bool, typer.Option("--rematch", help="Let the next sync link it by its name again.")
    ] = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Take a link away; without --rematch no sync links the two by their names again.

    What was sent under it stays as it is.
    """
    with command(as_json=json) as output:
        from flows import linking

        unlinked = linking.unlink(connection, kind, clockify_id, rematch=rematch)
        output.document = unlinked.document
        for words in unlinked.told:
            output.say(words)


@app.command(epilog="Example: clockbooks links --csv links.csv")
def links(*, csv: CsvFile = None, connection: ConnectionName = None, json: Json = False) -> None:
    """List the stored links: who in Clockify is who in QuickBooks, since when and why.

    Asks neither service; the names are those of the time when each link was made.
    """
    with command(as_json=json) as output:
        from flows import linking, reporting, tables

        found = linking.listed(connection)
        if csv is not None:
            reporting.write_csv(found, csv, linking.MEMBERS)
            output.say(f"Wrote {len(found)} links to {csv}.")
        output.document = {"links": found}
        tables.show_links(output, found)


@app.command(
    epilog="Example: clockbooks send --start 2026-10-01 --end 2026-10-31 --approved-only --dry-run"
)
def send(
    *,
    start: Annotated[datetime, FirstDay],
    end: Annotated[datetime, LastDay],
    user: Annotated[
        list[str] | None, typer.Option(help="Only this user: name or id. Repeatable.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(help="Only this client: name or id. Repeatable.")
    ] = None,
    project: Annotated[
        list[str] | None, typer.Option(help="Only this project: name or id. Repeatable.")
    ] = None,
    billable: Billable = None,
    approved_only: Annotated[
        bool | None,
        typer.Option(
            "--approved-only/--no-approved-only",
            help="Leave entries whose timesheet is not approved; default: what the settings say,"
            " or no.",
        ),
    ] = None,
    rounding: Rounding = None,
    allow_payroll: AllowPayroll = None,
    retry_refused: RetryRefused = False,
    sync: SyncFirst = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Send the time of some days to QuickBooks: each entry once, every other one explained.

    Days are counted in the connection's time zone. Safe to run again over the same days.
    """
    with command(as_json=json) as output:
        if end < start:
            stop_usage(f"--end {end:%Y-%m-%d} lies before --start {start:%Y-%m-%d}.")
        if rounding is not None:
            _check_rounding(rounding)
        ask = not (yes or dry_run)
        if ask and not output.can_ask:
            stop_usage("Without a terminal nobody can be asked: add --yes to send, or --dry-run.")
        from flows import running, tables
        from flows.sending import SendRequest

        request = SendRequest(
            start=start.date(),
            end=end.date(),
            users=tuple(user or ()),
            clients=tuple(client or ()),
            projects=tuple(project or ()),
            billable=billable,
            approved_only=approved_only,
            rounding=rounding,
            dry_run=dry_run,
            allow_payroll=allow_payroll,
            retry_refused=retry_refused,
            sync=sync,
        )
        result = running.send_time(connection, request, output, ask=ask)
        output.document = result
        if ask and result["dry_run"]:
            output.say("Nothing was sent.")
            return
        tables.show_send(output, result)
        output.outcome = Outcome.of(result)


@app.command(
    "import", epilog="Example: clockbooks import Clockify_Time_Report_Detailed.csv --dry-run"
)
def import_(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Detailed exports: CSV, or .xlsx spreadsheets."),
    ],
    date_order: Annotated[
        Literal["mdy", "dmy", "ymd"] | None,
        typer.Option(help="Order of day and month; default: found out from the whole file."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Time zone of the file's clock times, its exporter's; default: the connection's.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="utf-8, utf-16, windows-1252, …; default: found out."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="comma, semicolon or tab; default: found out.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="COLUMN=FIELD", help="What a column holds. Repeatable; see README."
        ),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The same from a file, a line each; see README."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Send nothing unless every row is good.")
    ] = False,
    user: Annotated[
        list[str] | None, typer.Option(help="Only this user: name or address. Repeatable.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(help="Only this client, by name. Repeatable.")
    ] = None,
    project: Annotated[
        list[str] | None, typer.Option(help="Only this project, by name. Repeatable.")
    ] = None,
    billable: Billable = None,
    approved_only: Annotated[
        bool | None,
        typer.Option(
            "--approved-only/--no-approved-only",
            help="Leave rows that the file does not call approved; default: what the settings say,"
            " or no.",
        ),
    ] = None,
    rounding: Rounding = None,
    allow_payroll: AllowPayroll = None,
    retry_refused: RetryRefused = False,
    sync: SyncFirst = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Send the time of exported files to QuickBooks: the same job as send, on the same ledger.

    Takes detailed exports of Clockify, Toggl and Harvest, and with --map any other. Safe to run
    again over the same or overlapping files: what was sent, from a file or from Clockify itself,
    does not go again.
    """
    with command(as_json=json) as output:
        if rounding is not None:
            _check_rounding(rounding)
        ask = not (yes or dry_run)
        if ask and not output.can_ask:
            stop_usage("Without a terminal nobody can be asked: add --yes to send, or --dry-run.")
        from flows import running, tables
        from flows.file_reading import ReadOptions, read_mapping
        from flows.importing import ImportRequest

        mapping = [*(map_ or ()), *(read_mapping(map_file) if map_file else ())]
        _check_reading(timezone, mapping)
        request = ImportRequest(
            files=tuple(files),
            reading=ReadOptions(
                date_order=date_order,
                timezone=timezone,
                encoding=encoding,
                delimiter=delimiter,
                mapping=tuple(mapping),
            ),
            strict=strict,
            users=tuple(user or ()),
            clients=tuple(client or ()),
            projects=tuple(project or ()),
            billable=billable,
            approved_only=approved_only,
            rounding=rounding,
            dry_run=dry_run,
            allow_payroll=allow_payroll,
            retry_refused=retry_refused,
            sync=sync,
        )
        result = running.import_files(connection, request, output, ask=ask)
        output.document = result
        if ask and result["dry_run"]:
            output.say("Nothing was sent.")
            return
        tables.show_import(output, result)
        output.outcome = Outcome.of(result)


@app.command(epilog="Example: clockbooks settle")
def settle(*, connection: ConnectionName = None, json: Json = False) -> None:
    """Ask QuickBooks about entries in doubt, and settle them; send nothing new.

    An entry is in doubt when it was handed over and never confirmed: a lost answer, a killed run.
    """
    with command(as_json=json) as output:
        from flows import running, tables

        output.document = running.settle_doubts(connection)
        tables.show_settled(output, output.document)
        if output.document["in_doubt"] or output.document["refused"]:
            output.outcome = Outcome.PARTLY_DONE


@app.command(epilog="Example: clockbooks entries --state rejected --start 2026-10-01 --csv out.csv")
def entries(
    *,
    state: Annotated[EntryState, typer.Option(help="Which entries.")] = EntryState.ALL,
    start: Annotated[datetime | None, FirstDay] = None,
    end: Annotated[datetime | None, LastDay] = None,
    user: Annotated[list[str] | None, typer.Option(help="Only this user. Repeatable.")] = None,
    project: Annotated[
        list[str] | None, typer.Option(help="Only this project. Repeatable.")
    ] = None,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show what the runs so far said of each entry: sent and unsent side by side, with reasons.

    Asks neither service: `clockbooks send --dry-run` looks at Clockify anew.
    """
    with command(as_json=json) as output:
        if start and end and end < start:
            stop_usage(f"--end {end:%Y-%m-%d} lies before --start {start:%Y-%m-%d}.")
        from flows import reporting, tables

        found = reporting.entries(
            connection,
            state=str(state),
            start=_day(start),
            end=_day(end),
            users=user or [],
            projects=project or [],
        )
        if csv is not None:
            reporting.write_csv(found, csv, reporting.MEMBERS)
            output.say(f"Wrote {len(found)} entries to {csv}.")
        output.document = {"entries": found}
        tables.show_entries(output, found)


@app.command(epilog="Example: clockbooks plans --entries 7 --csv plan-7.csv")
def plans(
    *,
    withdraw: Annotated[
        int | None,
        typer.Option(
            metavar="PLAN",
            help="Let this plan wait no more: nothing of it is sent, its entries are free again.",
        ),
    ] = None,
    entries: Annotated[
        int | None,
        typer.Option(
            metavar="PLAN", help="Show the entries of this plan, with their numbers in its form."
        ),
    ] = None,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show the plans that were shown to somebody before they went, and what was decided.

    A plan waits on its run's page in Prefect, where its Resume button is.
    """
    with command(as_json=json) as output:
        if withdraw is not None and entries is not None:
            stop_usage("--withdraw and --entries do not go together.")
        from flows import plan_listing, reporting, tables

        if entries is None:
            output.document = plan_listing.listed(connection, withdraw=withdraw)
            found, members = output.document["plans"], plan_listing.PLAN_MEMBERS
        else:
            output.document = plan_listing.entries_of(connection, entries)
            found, members = output.document["entries"], plan_listing.ENTRY_MEMBERS
        if csv is not None:
            reporting.write_csv(found, csv, members)
            output.say(
                f"Wrote {len(found):,} {'plans' if entries is None else 'entries'} to {csv}."
            )
        tables.show_plans(output, output.document["plans"])
        if entries is not None:
            tables.show_plan_entries(output, found)


@app.command("rotate-key", epilog="Example: clockbooks rotate-key")
def rotate_key(*, json: Json = False) -> None:
    """Encrypt the stored secrets, of all connections, with a new key.

    The key file gets a new one by itself. With CLOCKBOOKS_SECRET_KEY, set
    the new key there and the old one in CLOCKBOOKS_OLD_SECRET_KEY first.
    """
    with command(as_json=json) as output:
        from flows import key_rotating

        output.document = key_rotating.rotate_key()
        output.say(f"{output.document['encrypted']:,} secrets were encrypted anew.")
        output.say(output.document["told"])


@app.command(epilog="Example: clockbooks ui --port 4300")
def ui(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 4200,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="This machine's address to listen on; 0.0.0.0 for all its networks. Elsewhere"
            " than here a password is needed: it is made, or set CLOCKBOOKS_UI_PASSWORD.",
        ),
    ] = "127.0.0.1",
    server_only: Annotated[
        bool,
        typer.Option(
            "--server-only", help="Start no runs here: workers of a work pool do; see README."
        ),
    ] = False,
) -> None:
    """Start Prefect's server, the deployments and a runner here, and say which address to open.

    Schedules, forms to run by hand, plans to approve, runs to watch. Ctrl-C
    stops all of it; the next start finds everything as it was.
    """
    with command(as_json=False) as output:
        from flows.prefect_home import Address
        from flows.serving import run_ui

        run_ui(Address(host, port), runs_here=not server_only, tell=output.say)


@app.command(epilog="Example: clockbooks demo")
def demo() -> None:
    """Run the main job end to end against local stand-ins of both services.

    Needs no account, no key and no server; leaves a database that `clockbooks entries` can show.
    """
    with command(as_json=False) as output:
        from flows.demo import run_demo

        run_demo(output)


def _check_rounding(text: str) -> None:
    from transforms.rounding import parse_rounding

    try:
        parse_rounding(text)
    except ValueError as error:
        stop_usage(f"--rounding: {error}")


def _checked_redirect(text: str) -> str:
    from flows.settings import problem_with

    try:
        urlsplit(text).port  # noqa: B018 - reading it is what may fail
        problem = problem_with("qbo_authorize_url", text)  # the same rule for every address
    except ValueError as error:
        problem = str(error)
    if problem is not None:
        stop_usage(f"--redirect-uri: {problem}.")
    return text


def _pasted(output: Output) -> str:
    """Ask for the address at which the browser ended; without a terminal, read one line."""
    if output.can_ask:
        return str(typer.prompt("Paste that address here", err=True))
    line = sys.stdin.readline()
    if not line.strip():
        stop_usage("Without a terminal the address must come on standard input; there was none.")
    return line


def _check_reading(timezone: str | None, mapping: list[str]) -> None:
    from transforms.days import zone
    from transforms.exports import parse_mapping

    try:
        parse_mapping(mapping)
        if timezone is not None:
            zone(timezone)
    except ValueError as error:
        stop_usage(str(error))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def main(arguments: list[str] | None = None) -> Any:
    """Run the command: the entry point of `clockbooks`."""
    given = sys.argv[1:] if arguments is None else arguments
    masking.guard_logs()
    masking.guard_tracebacks()
    if os.environ.get("CLOCKBOOKS_DEBUG", "") not in {"", "0", "false"}:
        masking.log_everything()
    try:
        return app(given)
    except SystemExit as end:
        # Typer leaves this way after a usage error, which it has told a person already.
        problem = end.__context__
        if isinstance(problem, typer.TyperException) and "--json" in given:
            write_json(error_document("WrongUsage", str(problem)))
        raise


if __name__ == "__main__":
    main()
