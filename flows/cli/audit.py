"""The commands about the history."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import ConnectionName, FirstDay, Json, LastDay
from flows.cli.output import command, stop_usage, to_ask

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Example: clockbooks audit verify --connection studio")
def verify(*, connection: ConnectionName = None, json: Json = False) -> None:
    """Verify that nobody has changed the history, and that the ledger says the same.

    Without --connection, that of every connection. Calls neither service.
    """
    with command(as_json=json) as output:
        from flows.audit import verify as job
        from flows.cli import render_audit

        output.document = job.verified(connection)
        render_audit.show_verified(output, output.document)
        if not output.document["is_valid"]:
            output.outcome = ExitCode.COULD_NOT_RUN


@app.command(epilog="Example: clockbooks audit export --file ann.jsonl --user 'Ann Lee'")
def export(
    *,
    file: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, as JSON Lines.")],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this user: name, or Clockify's id.")
    ] = None,
    start: Annotated[datetime | None, FirstDay] = None,
    end: Annotated[datetime | None, LastDay] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Write the history of a worker's or a period's entries, with a proof that it is genuine.

    Days are those of the entries. An auditor can verify the file without
    Clockbooks; docs/security.md has the few lines of Python.
    """
    with command(as_json=json) as output:
        if start and end and end < start:
            stop_usage(f"--end {end:%Y-%m-%d} is before --start {start:%Y-%m-%d}.")
        from flows.audit import export as job
        from flows.cli import render_audit

        days = (f"{start:%Y-%m-%d}" if start else None, f"{end:%Y-%m-%d}" if end else None)
        output.document = job.exported(connection, file, user=user, days=days)
        render_audit.show_exported(output, output.document)


@app.command(epilog="Example: clockbooks audit pseudonymize 'Ann Lee' --yes")
def pseudonymize(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name, as the entries have it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace it without asking.")] = False,
    json: Json = False,
) -> None:
    """Replace a person's name by a pseudonym, wherever the database has it, for good.

    The history stays valid. Clockify and QuickBooks keep the name.
    """
    with command(as_json=json) as output:
        ask = to_ask(output, yes=yes, instead="add --yes")
        from flows.audit.pseudonymize import pseudonymized
        from flows.cli import render_audit

        if not ask or output.ask(f"Replace {name!r} in the database, for good?"):
            output.document = pseudonymized(name)
            render_audit.show_pseudonymized(output, output.document)
        else:
            output.document = {"pseudonym": None, "replaced": {}}
            output.say("Nothing was changed.")
