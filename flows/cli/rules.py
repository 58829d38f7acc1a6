"""The commands about rules: which service item, class, location and pay type time gets."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows.cli.options import ConnectionName, Json
from flows.cli.output import command, stop_usage

app = typer.Typer(invoke_without_command=True)

File = Annotated[Path, typer.Option(metavar="FILE", help="The YAML file to write.")]


def _named(help_: str, flag: str = "") -> Any:
    flags = [flag] if flag else []
    return Annotated[str | None, typer.Option(*flags, metavar="NAME", help=help_)]


@app.callback(epilog="Example: clockbooks rules --file rules.yaml")
def rules(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the rules of this YAML file in their place."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="ENTRY", help="Show which rules match this entry of Clockify's, by its id."
        ),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """List the rules for item, class, location and pay type: for each, the first match decides.

    `clockbooks rules add`, `remove` and `order` change them one by one,
    `export` writes them to a file.
    """
    if context.invoked_subcommand is not None:
        if file or explain or connection or json:
            stop_usage("Options belong after the name of the command.")
        return
    if file and explain:
        stop_usage("Use either --file or --explain.")
    with command(as_json=json) as output:
        from flows.cli import render_rules
        from flows.directory import rules as job

        if explain is not None:
            from flows.sending.explain_rules import explained

            output.document = explained(connection, explain)
            render_rules.show_explained(output, output.document)
            return
        read = job.listed(connection) if file is None else job.read_in(connection, file)
        output.document = read
        render_rules.show_rules(output, output.document)


@app.command(
    epilog="Example: clockbooks rules add --class Parks --client 'Riverside Park District'"
)
def add(
    *,
    item: _named("Gives this service item.") = None,  # type: ignore[valid-type]
    class_: _named("Gives this class.", "--class") = None,  # type: ignore[valid-type]
    location: _named("Gives this location.") = None,  # type: ignore[valid-type]
    pay_type: _named("Gives this pay type of QuickBooks Payroll.") = None,  # type: ignore[valid-type]
    task: _named("Only entries of this task.") = None,  # type: ignore[valid-type]
    tag: _named("Only entries with this tag.") = None,  # type: ignore[valid-type]
    project: _named("Only entries of this project: name or id.") = None,  # type: ignore[valid-type]
    client: _named("Only entries of this client: name or id.") = None,  # type: ignore[valid-type]
    group: _named("Only entries of users in this group: name or id.") = None,  # type: ignore[valid-type]
    user: _named("Only entries of this user: name or id.") = None,  # type: ignore[valid-type]
    billable: Annotated[
        bool | None,
        typer.Option("--billable/--non-billable", help="Only billable entries, or only others."),
    ] = None,
    hours: Annotated[
        Literal["overtime", "double_time"] | None,
        typer.Option(help="Only such hours of the workweek; of pay types alone."),
    ] = None,
    at: Annotated[
        int | None,
        typer.Option(
            metavar="PLACE",
            help="Its place; default: last, but before a rule of its kind without a condition.",
        ),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Add a rule: it gives one thing to entries that meet all of its conditions.

    Without a condition it is the default. What it gives must be active in
    QuickBooks, and be named with its parents where the name alone is ambiguous:
    Parent:Child. A pay type has an id for each employee: see `clockbooks
    pay-types`.
    """
    conditions = {
        "task": task,
        "tag": tag,
        "project": project,
        "client": client,
        "group": group,
        "user": user,
        "billable": billable,
        "hours": hours,
    }
    written = {"item": item, "class": class_, "location": location, "pay_type": pay_type}
    if sum(name is not None for name in written.values()) != 1:
        stop_usage("A rule gives one thing: use one of --item, --class, --location and --pay-type.")
    with command(as_json=json) as output:
        from flows.cli import render_rules
        from flows.directory import rules as job

        output.document = job.added(connection, written | conditions, at)
        render_rules.show_rules(output, output.document)


@app.command(epilog="Example: clockbooks rules remove 3")
def remove(
    *,
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER…", help="Their numbers.")],
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Remove rules; the others move up. Time that was sent stays as it is."""
    with command(as_json=json) as output:
        from flows.cli import render_rules
        from flows.directory import rules as job

        output.document = job.removed(connection, numbers)
        render_rules.show_rules(output, output.document)


@app.command(epilog="Example: clockbooks rules order 5 1")
def order(
    *,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which rule.")],
    place: Annotated[int, typer.Argument(metavar="PLACE", help="Its new number.")],
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Move a rule to another place: of those that match an entry, the first decides."""
    with command(as_json=json) as output:
        from flows.cli import render_rules
        from flows.directory import rules as job

        output.document = job.moved(connection, number, place)
        render_rules.show_rules(output, output.document)


@app.command(epilog="Example: clockbooks rules export --file rules.yaml")
def export(*, file: File, connection: ConnectionName = None, json: Json = False) -> None:
    """Write the rules to a YAML file, which `clockbooks rules --file` reads again."""
    with command(as_json=json) as output:
        from flows.directory import rules as job
        from flows.sending.report import write_text

        text, output.document = job.exported(connection)
        write_text(text, file)
        output.say(f"Wrote {len(output.document['rules']):,} rules to {file}.")
