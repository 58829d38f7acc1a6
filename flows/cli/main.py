"""The `clockbooks` command: parses, calls a job, prints. It knows no rule of the domain.

Each group of commands is a Typer app of its own. Whatever is slow to import is imported by the
command that needs it, so that `--help` is instant.
"""

import os
import sys
from typing import Annotated, Any

import typer
import typer.core

from connectors import masking
from flows.cli import (
    audit,
    connections,
    directory,
    pay_types,
    reconciliation,
    rules,
    sending,
    server,
)
from flows.cli.output import error_document, write_json
from flows.installed import shown


class Commands(typer.core.TyperGroup):
    """The commands, each with a plain list of options: a table would cut their names."""

    def get_command(self, context: Any, name: str) -> Any:
        """Return a command whose help is plain text."""
        command = super().get_command(context, name)
        if command is not None:
            command.rich_markup_mode = None  # type: ignore[attr-defined]
        return command


app = typer.Typer(
    name="clockbooks",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Send the time that a company tracks in Clockify to QuickBooks Online: each entry exactly"
    " once, with an explanation for every entry that stays behind.",
    epilog="Exit codes: 0 done, nothing rejected or in doubt; 1 could not run; 2 wrong usage;"
    " 3 done in part. Settings: environment variables CLOCKBOOKS_…, see"
    f" {shown('docs/settings.md')}.",
)
for title, commands in {
    "Send time": sending.app,
    "Check and correct what was sent": reconciliation.app,
    "Connect": connections.app,
    "Match people and customers": directory.app,
    "Run and try": server.app,
}.items():
    for command in commands.registered_commands:
        command.rich_help_panel = title
    app.add_typer(commands)
app.add_typer(
    rules.app,
    name="rules",
    cls=Commands,
    rich_help_panel="Match people and customers",
)
app.add_typer(
    pay_types.app,
    name="pay-types",
    cls=Commands,
    rich_help_panel="Match people and customers",
)
app.add_typer(
    audit.app,
    name="audit",
    cls=Commands,
    rich_help_panel="Audit",
    help="Verify the history of every entry.",
)


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
    """Hold the options of `clockbooks` itself."""


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
        # Typer leaves this way after a usage error, which it has printed already.
        problem = end.__context__
        if isinstance(problem, typer.TyperException) and "--json" in given:
            write_json(error_document("WrongUsage", str(problem)))
        raise


if __name__ == "__main__":
    main()
