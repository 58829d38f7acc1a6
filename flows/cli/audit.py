"""The commands about the history."""

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import ConnectionName, Json
from flows.cli.output import command

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
