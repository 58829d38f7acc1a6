"""The commands for what happens after the send: reconcile and recall."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import ConnectionName, CsvFile, FirstDay, Json, LastDay, Yes
from flows.cli.output import check_days, command, save_csv, stop_usage, to_ask

app = typer.Typer()


class Preferred(StrEnum):
    """Whose version wins where somebody edited time in QuickBooks."""

    CLOCKIFY = "clockify"


Prefer = Annotated[
    Preferred | None,
    typer.Option(help="Overwrite what somebody edited in QuickBooks, too."),
]
Users = Annotated[
    list[str] | None, typer.Option("--user", metavar="NAME", help="Only these users. Repeatable.")
]
Projects = Annotated[
    list[str] | None,
    typer.Option("--project", metavar="NAME", help="Only these projects. Repeatable."),
]
EntryIds = Annotated[list[str] | None, typer.Option("--entry", metavar="ID")]


@app.command(epilog="Example: clockbooks reconcile --start 2026-10-01 --end 2026-10-31 --repair")
def reconcile(
    *,
    start: Annotated[datetime | None, FirstDay] = None,
    end: Annotated[datetime | None, LastDay] = None,
    last_days: Annotated[
        int | None,
        typer.Option(min=1, max=366, metavar="N", help="The N days before today instead."),
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what may be repaired.")] = False,
    prefer: Prefer = None,
    entry: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Overwrite it in QuickBooks, whoever edited it there."),
    ] = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send again what somebody deleted in QuickBooks.")
    ] = False,
    mark_invoiced: Annotated[
        bool,
        typer.Option("--mark-invoiced", help="Keep invoiced marks in Clockify true."),
    ] = False,
    rounding: Annotated[
        str | None,
        typer.Option(metavar="MODE:MINUTES", help="As for send, for time that has changed."),
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also list what agrees.")] = False,
    csv: CsvFile = None,
    totals_csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the totals per person and week as CSV."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    yes: Yes = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Compare sent time with Clockify and QuickBooks, and repair what has changed since.

    What somebody edited in QuickBooks stays as it is, unless you say
    otherwise; what is on an invoice or in closed books always does.
    """
    with command(as_json=json) as output:
        if last_days is None and (start is None or end is None):
            stop_usage("Use --start and --end, or --last-days.")
        if start and end:
            check_days(start, end)
        if (prefer or resend or entry) and not repair:
            stop_usage("--prefer, --resend and --entry belong to --repair.")
        ask = (repair or mark_invoiced) and to_ask(output, yes=yes, dry_run=dry_run)
        from flows.cli import dispatch
        from flows.reconciliation.report import MEMBERS, WEEK_MEMBERS, flat_week

        options = {
            "repair": repair,
            "prefer_clockify": prefer is not None,
            "entry_ids": tuple(entry or ()),
            "resend": resend,
            "mark_invoiced": mark_invoiced,
            "rounding": rounding,
            "dry_run": dry_run,
        }
        days = (start and start.date(), end and end.date(), last_days)
        document = dispatch.reconcile(output, connection, days, options, ask=ask, show_all=show_all)
        save_csv(output, csv, document["entries"], MEMBERS, "entries")
        weeks = [flat_week(one) for one in document["totals"]["weeks"]]
        save_csv(output, totals_csv, weeks, WEEK_MEMBERS, "totals")
        if document["differs"] or document["unsettled"]:
            output.outcome = ExitCode.PARTLY_DONE


@app.command(epilog="Example: clockbooks recall --start 2026-10-01 --end 2026-10-31 --user Ann")
def recall(
    *,
    run: Annotated[
        str | None, typer.Option(metavar="ID", help="What this run sent: its run_id.")
    ] = None,
    entry: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This entry. Repeatable.")
    ] = None,
    start: Annotated[datetime | None, FirstDay] = None,
    end: Annotated[datetime | None, LastDay] = None,
    user: Users = None,
    project: Projects = None,
    prefer: Prefer = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    yes: Yes = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Take sent time back out of QuickBooks, and free its entries for another send.

    What is on an invoice or in closed books is refused and stays.
    """
    with command(as_json=json) as output:
        if [run is not None, bool(entry), bool(start and end)].count(True) != 1:
            stop_usage("Use one of --run, --entry, and --start with --end.")
        if start and end and end < start:
            stop_usage(f"--end {end:%Y-%m-%d} is before --start {start:%Y-%m-%d}.")
        ask = to_ask(output, yes=yes, dry_run=dry_run)
        from flows.cli import dispatch

        options = {
            "run_id": run,
            "entry_ids": tuple(entry or ()),
            "start": start and start.date(),
            "end": end and end.date(),
            "users": tuple(user or ()),
            "projects": tuple(project or ()),
            "prefer_clockify": prefer is not None,
            "dry_run": dry_run,
        }
        counts = dispatch.recall(output, connection, options, ask=ask)["counts"]
        if counts["refused"] or counts["in_doubt"]:
            output.outcome = ExitCode.PARTLY_DONE
