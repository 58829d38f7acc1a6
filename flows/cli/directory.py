"""The commands that match people and customers: the sync, and links by hand."""

from typing import Annotated, Literal

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import ConnectionName, CsvFile, Json
from flows.cli.output import command, save_csv

app = typer.Typer()

Kind = Annotated[Literal["user", "project"], typer.Argument(metavar="KIND", help="What it is.")]
ClockifyId = Annotated[
    str,
    typer.Argument(
        metavar="CLOCKIFY_ID", help="Clockify's id of the user or project, or a name only it has."
    ),
]


@app.command(epilog="Example: clockbooks sync --create clockify --dry-run")
def sync(
    *,
    create: Annotated[
        Literal["clockify", "quickbooks", "both"] | None,
        typer.Option(help="Where to create what is missing; default: nowhere."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing; show what would be linked and created."),
    ] = False,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Compare both directories, link equal names, and show what is missing and why.

    In Clockify, --create adds clients and projects for customers, and invites
    employees by email; in QuickBooks, employees for users and customers for
    projects. Nothing is ever created twice.
    """
    with command(as_json=json) as output:
        from flows.cli import dispatch, render_directory
        from flows.directory import sync_report

        output.document = dispatch.sync_directory(
            connection, output, create=create, dry_run=dry_run
        )
        rows = sync_report.sync_rows(output.document)
        save_csv(output, csv, rows, sync_report.CSV_MEMBERS, "rows")
        render_directory.show_sync(output, output.document)
        if any(row["tried"] for row in output.document["not_created"]):
            output.outcome = ExitCode.PARTLY_DONE


@app.command(epilog="Example: clockbooks link user 64d0000000000000000000ae 61")
def link(
    *,
    kind: Kind,
    clockify_id: ClockifyId,
    qbo_id: Annotated[
        str,
        typer.Argument(
            metavar="QBO_ID",
            help="QuickBooks' id of the person or customer, or a name only they have.",
        ),
    ],
    as_: Annotated[
        Literal["employee", "vendor"] | None,
        typer.Option("--as", help="Which list the id is from, if both have it."),
    ] = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Link a user or project by hand: no name and no sync overrides it.

    `clockbooks sync` shows the ids.
    """
    with command(as_json=json) as output:
        from flows.directory import link_by_hand

        linked = link_by_hand.link(connection, kind, clockify_id, qbo_id, qbo_kind=as_)
        output.document = linked.document
        for message in linked.messages:
            output.say(message)


@app.command(epilog='Example: clockbooks unlink user "Dana mcallister"')
def unlink(
    *,
    kind: Kind,
    clockify_id: ClockifyId,
    rematch: Annotated[
        bool, typer.Option("--rematch", help="Let the next sync link it by name again.")
    ] = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Remove a link; without --rematch, no sync links the two by name again.

    What was sent with it stays as it is.
    """
    with command(as_json=json) as output:
        from flows.directory import link_by_hand

        unlinked = link_by_hand.unlink(connection, kind, clockify_id, rematch=rematch)
        output.document = unlinked.document
        for message in unlinked.messages:
            output.say(message)


@app.command(epilog="Example: clockbooks never project 64b0000000000000000000aa")
def never(
    *,
    kind: Kind,
    clockify_id: ClockifyId,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Never send the time of a user or project; no sync links it again.

    What was sent before stays as it is. `clockbooks unlink` with --rematch
    undoes it, and so does `clockbooks link`.
    """
    with command(as_json=json) as output:
        from flows.directory import link_by_hand

        excluded = link_by_hand.never(connection, kind, clockify_id)
        output.document = excluded.document
        for message in excluded.messages:
            output.say(message)


@app.command(epilog="Example: clockbooks links --csv links.csv")
def links(*, csv: CsvFile = None, connection: ConnectionName = None, json: Json = False) -> None:
    """List the links: who in Clockify is who in QuickBooks, since when, and why.

    Calls neither service. The names are those from when each link was made.
    """
    with command(as_json=json) as output:
        from flows.cli import render_directory
        from flows.directory import link_by_hand

        found, timezone = link_by_hand.listed(connection)
        save_csv(output, csv, found, link_by_hand.MEMBERS, "links")
        output.document = {"links": found}
        render_directory.show_links(output, found, timezone)
