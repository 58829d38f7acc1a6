"""The commands about connections: connect, disconnect, list, configure, check, rotate the key."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import AllowPayroll, ConnectionName, Json
from flows.cli.output import Output, command, stop_usage, to_ask

app = typer.Typer()


@app.command(epilog="Example: clockbooks connect --connection studio")
def connect(
    *,
    realm_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Headless: the QuickBooks company's id.")
    ] = None,
    refresh_token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Headless: the file with Intuit's refresh token; - reads standard input.",
        ),
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser",
            help="Open a browser here; or show the address, and ask where yours ended.",
        ),
    ] = True,
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The redirect URI registered for the app; default: a free port of 127.0.0.1.",
        ),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the browser's answer.")
    ] = 300,
    allow_payroll: AllowPayroll = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Connect a Clockify workspace and a QuickBooks company, with Intuit's consent in a browser.

    The secrets are stored encrypted. Connect again to renew them: the ledger
    and the links stay.
    """
    with command(as_json=json) as output:
        if (realm_id is None) != (refresh_token_file is None):
            stop_usage("Use --realm-id and --refresh-token-file together.")
        from flows.connections.browser_consent import Browser
        from flows.connections.connect import Pasted, read_token
        from flows.connections.connect import connect as join

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
            f"Connected as {joined.name}: the workspace {joined.workspace_name} and the company"
            f" {joined.company_name}. An entry's day is its day in {joined.timezone}."
        )
        output.say("Next, run: clockbooks sync")


@app.command(epilog="Example: clockbooks disconnect --connection studio")
def disconnect(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Disconnect without asking.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete the consent here even if Intuit keeps it.")
    ] = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Revoke Intuit's consent and delete the secrets; the ledger and the links stay.

    If Intuit cannot be reached, this ends with 3, and later commands retry.
    """
    with command(as_json=json) as output:
        ask = to_ask(output, yes=yes, instead="add --yes to disconnect")
        from flows.cli import render_connections
        from flows.connections import disconnect as disconnecting

        def approve(found: Any) -> bool:
            return not ask or output.ask(
                f"Disconnect {found.name}: {found.workspace_name} and {found.company_name}?"
            )

        output.document = disconnecting.disconnect(connection, force=force, approve=approve)
        if output.document is None:
            output.document = {"connection": None, "revocation": "none", "message": "", "told": []}
            output.say("Nothing was changed.")
            return
        render_connections.show_disconnected(output, output.document)
        if output.document["revocation"] == "pending":
            output.outcome = ExitCode.PARTLY_DONE


@app.command(epilog="Example: clockbooks connections --json")
def connections(*, connection: ConnectionName = None, json: Json = False) -> None:
    """List the connections: workspace, company, state, and when the consent ends.

    Calls neither service.
    """
    with command(as_json=json) as output:
        from flows.cli import render_connections
        from flows.connections import list_connections

        output.document = {"connections": list_connections.listed(connection)}
        render_connections.show_connections(output, output.document["connections"])


@app.command(epilog="Example: clockbooks status --json")
def status(*, connection: ConnectionName = None, json: Json = False) -> None:
    """Show of every connection what was sent last, what is left, and what needs a person.

    Calls neither service: it shows what the runs so far have found.
    """
    with command(as_json=json) as output:
        from flows.cli import render_connections
        from flows.connections import status as looking

        output.document = looking.status(connection)
        render_connections.show_status(output, output.document)


@app.command(epilog="Example: clockbooks configure --set rounding=up:6 --set approved_only=true")
def configure(
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting. Repeatable."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Use the environment's value again. Repeatable."),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show or change the settings of one connection.

    A command's option overrides the connection's setting, which overrides
    the environment, which overrides the default.
    """
    with command(as_json=json) as output:
        from flows.cli import render_connections
        from flows.connections import configure as configuring

        try:
            wanted, unwanted = configuring.read_changes(set_ or [], unset or [])
        except configuring.WrongSetting as problem:
            stop_usage(str(problem))
        output.document = configuring.configure(connection, wanted, unwanted)
        render_connections.show_settings(output, output.document)


@app.command(epilog="Example: clockbooks check && clockbooks send --start … --end … --yes")
def check(
    *, allow_payroll: AllowPayroll = None, connection: ConnectionName = None, json: Json = False
) -> None:
    """Check everything that could stop a send, and say how to fix it.

    Changes nothing. Ends with 1 if something would stop a send.
    """
    with command(as_json=json) as output:
        from flows.cli import render_connections
        from flows.connections.check import check as check_all
        from flows.connections.check_lines import PROBLEM

        output.document = check_all(connection, allow_payroll=allow_payroll)
        render_connections.show_checks(output, output.document)
        if any(row["state"] == PROBLEM for row in output.document["checks"]):
            # `check && send` stops here: the send could not run either.
            output.outcome = ExitCode.COULD_NOT_RUN


@app.command("rotate-key", epilog="Example: clockbooks rotate-key")
def rotate_key(
    *,
    generate: Annotated[
        bool,
        typer.Option(
            "--generate", help="Only print a new key for CLOCKBOOKS_SECRET_KEY (32 random bytes)."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Encrypt the stored secrets of all connections with a new key.

    The key file is renewed for you. If you use CLOCKBOOKS_SECRET_KEY, first
    set it to the new key, and CLOCKBOOKS_OLD_SECRET_KEY to the old one.
    """
    with command(as_json=json, catches_up=not generate) as output:
        from flows.connections import rotate_key as key_rotating

        if generate:
            output.document = key_rotating.generated()
            output.say(output.document["generated"])
            output.tell(output.document["message"])
            return
        output.document = key_rotating.rotate_key()
        output.say(f"{output.document['encrypted']:,} secrets re-encrypted.")
        output.say(output.document["message"])


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
    """Return the address where the browser ended: asked for, or read from standard input."""
    if output.can_ask:
        return str(typer.prompt("Paste that address here", err=True))
    line = sys.stdin.readline()
    if not line.strip():
        stop_usage("There is no terminal: put the address on standard input.")
    return line
