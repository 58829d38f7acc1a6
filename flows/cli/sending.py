"""The commands that send time: send, import, adopt, settle, entries and plans."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.options import ConnectionName, CsvFile, FirstDay, Json, LastDay, Yes, job_options
from flows.cli.output import check_days, command, save_csv, stop_usage, to_ask
from flows.sending.request import BLANK, ImportRequest, SendRequest, is_blank

if TYPE_CHECKING:
    from flows.sending.entry_list import Wanted

app = typer.Typer()


class EntryState(StrEnum):
    """Which entries `clockbooks entries` shows."""

    ALL = "all"
    SENT = "sent"
    UNSENT = "unsent"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"
    RECALLED = "recalled"
    DRIFTED = "drifted"


@app.command(
    epilog="Example: clockbooks send --start 2026-10-01 --end 2026-10-31 --approved-only --dry-run"
)
@job_options(SendRequest)
def send(
    *,
    start: Annotated[datetime, FirstDay],
    end: Annotated[datetime, LastDay],
    options: dict[str, Any],
    yes: Yes = False,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Send the time of some days to QuickBooks, each entry once, and explain the others.

    Days are those of the connection's time zone. You can run it again over
    the same days: nothing goes twice.
    """
    with command(as_json=json) as output:
        check_days(start, end)
        _check_options(options)
        ask = to_ask(output, yes=yes, dry_run=options["dry_run"])
        from flows.cli import dispatch

        request = SendRequest(start=start.date(), end=end.date(), **options)
        dispatch.run_job(output, connection, request, ask=ask, csv=csv)


@app.command(
    "import", epilog="Example: clockbooks import Clockify_Time_Report_Detailed.csv --dry-run"
)
@job_options(ImportRequest)
def import_(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Detailed exports: CSV or .xlsx files, or a folder of them."
        ),
    ],
    options: dict[str, Any],
    map_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The mapping from a file, one column per line."),
    ] = None,
    yes: Yes = False,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Send the time in exported files to QuickBooks, like send and with the same ledger.

    It reads detailed exports of Clockify, Toggl and Harvest, and with --map
    any other table. What was sent from a file or from Clockify itself does
    not go twice.
    """
    with command(as_json=json) as output:
        _check_options(options)
        ask = to_ask(output, yes=yes, dry_run=options["dry_run"])
        from flows.cli import dispatch
        from flows.importing.read_files import read_mapping

        options["mapping"] = [*options["mapping"], *(read_mapping(map_file) if map_file else ())]
        _check_reading(options["timezone"], options["mapping"])
        request = ImportRequest(files=tuple(files), **options)
        dispatch.run_job(output, connection, request, ask=ask, csv=csv)


@app.command(epilog="Example: clockbooks adopt --start 2026-07-01 --end 2026-09-30 --dry-run")
def adopt(
    *,
    start: Annotated[datetime, FirstDay],
    end: Annotated[datetime, LastDay],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be adopted; change nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Adopt what is equal without asking; nothing else.")
    ] = False,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Take time that QuickBooks holds already into the ledger, so that it never goes again.

    Compares the unsent entries of some days with the TimeActivities that no
    ledger knows: made by hand, by another tool, or from a database that was
    lost. Equal ones count as sent. About each that is nearly the same you are
    asked. Nothing is sent, and nothing in QuickBooks changes.
    """
    with command(as_json=json) as output:
        check_days(start, end)
        instead = "add --yes to adopt what is equal, or --dry-run"
        ask = to_ask(output, yes=yes, dry_run=dry_run, instead=instead)
        from flows.cli import dispatch

        days = start.date(), end.date()
        dispatch.adopt_time(output, connection, days, dry_run=dry_run, ask=ask)


@app.command(epilog="Example: clockbooks settle --entry 64ee01 --is-there 145")
def settle(
    *,
    connection: ConnectionName = None,
    entry: Annotated[
        str | None, typer.Option(metavar="ID", help="The entry that you looked up in QuickBooks.")
    ] = None,
    is_there: Annotated[
        str | None,
        typer.Option(metavar="TIMEACTIVITY_ID", help="QuickBooks has it, as this TimeActivity."),
    ] = None,
    is_not_there: Annotated[
        bool, typer.Option("--is-not-there", help="QuickBooks does not have it.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask QuickBooks about entries in doubt, and settle them; send nothing new.

    An entry is in doubt if it was handed over and never confirmed: after a
    lost answer or a killed run. With --entry, say yourself what QuickBooks has.
    """
    with command(as_json=json) as output:
        if (entry is None) != (is_there is None and not is_not_there) or (
            is_there is not None and is_not_there
        ):
            stop_usage("Use --entry ID with either --is-there TIMEACTIVITY_ID or --is-not-there.")
        from flows.cli import dispatch, render

        if entry is None:
            output.document = dispatch.settle_doubts(connection)
        else:
            output.document = dispatch.settle_by_hand(connection, entry, is_there)
        render.show_settled(output, output.document)
        if output.document["in_doubt"] or output.document["refused"]:
            output.outcome = ExitCode.PARTLY_DONE


@app.command(epilog="Example: clockbooks entries --state rejected --start 2026-10-01 --csv out.csv")
def entries(
    *,
    entry: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Everything that happened to this entry, oldest first."),
    ] = None,
    state: Annotated[EntryState, typer.Option(help="Which entries.")] = EntryState.ALL,
    start: Annotated[datetime | None, FirstDay] = None,
    end: Annotated[datetime | None, LastDay] = None,
    user: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these users. Repeatable.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these clients. Repeatable.")
    ] = None,
    project: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these projects. Repeatable.")
    ] = None,
    billable: Annotated[
        bool | None,
        typer.Option(
            "--billable/--non-billable",
            help="Only billable entries, or only the others.",
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Ask Clockify now for what is unsent on these days; change nothing."
        ),
    ] = False,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show how each entry ended in the runs so far: sent and unsent side by side, with reasons.

    Calls neither service, and so leaves out days that no run has read;
    with --live it reads Clockify, and shows what is not sent.
    """
    with command(as_json=json) as output:
        if start and end and end < start:
            stop_usage(f"--end {end:%Y-%m-%d} is before --start {start:%Y-%m-%d}.")
        from flows.cli import render, render_audit
        from flows.sending import entry_list

        wanted = entry_list.Wanted(
            str(state), _day(start), _day(end), user or (), client or (), project or (), billable
        )
        if entry is not None:
            if wanted != entry_list.Wanted() or live:
                stop_usage("Use --entry without options that choose other entries.")
            from flows.audit import life

            output.document = life.life(connection, entry)
            save_csv(output, csv, output.document["history"], life.MEMBERS, "events")
            render_audit.show_life(output, output.document)
            return
        if live:
            found = entry_list.unsent_now(connection, _live(wanted))
        else:
            found = entry_list.listed(connection, wanted)
        save_csv(output, csv, found, entry_list.LISTED, "entries")
        output.document = {"entries": found}
        render.show_entries(output, found, live=live)


@app.command(epilog="Example: clockbooks month 2026-10 --csv october.csv")
def month(
    *,
    month: Annotated[
        str | None, typer.Argument(metavar="YYYY-MM", help="Which month; default: the last one.")
    ] = None,
    approved_only: Annotated[
        bool | None,
        typer.Option("--approved-only", help="Only approved time may go; default: the setting."),
    ] = None,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show how much of a month's time is in QuickBooks, and why the rest is not.

    Reads Clockify anew and adds everything up, by person and project, with
    the amounts. Nothing is sent.
    """
    with command(as_json=json) as output:
        from flows.cli import dispatch, render_month
        from flows.sending.month import MEMBERS, csv_rows

        output.document = dispatch.month(connection, month, approved_only=approved_only)
        save_csv(output, csv, csv_rows(output.document), MEMBERS, "sums")
        render_month.show_month(output, output.document)


@app.command(epilog="Example: clockbooks plans --entries 7 --csv plan-7.csv")
def plans(
    *,
    withdraw: Annotated[
        int | None,
        typer.Option(
            metavar="PLAN",
            help="Withdraw this plan: none of it is sent, and its entries are free again.",
        ),
    ] = None,
    entries: Annotated[
        int | None,
        typer.Option(
            metavar="PLAN", help="Show the entries of this plan, with their numbers in the form."
        ),
    ] = None,
    csv: CsvFile = None,
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Show the plans for review: which wait, and who decided what.

    To decide, press Resume on the page of the plan's run in Prefect.
    """
    with command(as_json=json) as output:
        if withdraw is not None and entries is not None:
            stop_usage("Use either --withdraw or --entries.")
        from flows.cli import render
        from flows.review import list_plans

        if entries is None:
            output.document = list_plans.listed(connection, withdraw=withdraw)
            found, members = output.document["plans"], list_plans.PLAN_MEMBERS
        else:
            output.document = list_plans.entries_of(connection, entries)
            found, members = output.document["entries"], list_plans.ENTRY_MEMBERS
        save_csv(output, csv, found, members, "plans" if entries is None else "entries")
        render.show_plans(output, output.document)
        if entries is not None:
            render.show_plan_entries(output, found)


def _live(wanted: "Wanted") -> "Wanted":
    """Return what --live is asked for; the states that it cannot tell stop the command."""
    if not (wanted.start and wanted.end):
        stop_usage("--live needs --start and --end.")
    if wanted.state in {EntryState.SENT, EntryState.RECALLED, EntryState.DRIFTED}:
        stop_usage(f"--live shows what is not sent: use it without --state {wanted.state}.")
    return replace(wanted, state="unsent") if wanted.state == EntryState.ALL else wanted


def _check_options(options: Mapping[str, Any]) -> None:
    description, rounding = options["description"], options["rounding"]
    if description is not None and is_blank(description):
        stop_usage(f"--description: {BLANK}")
    if rounding is None:
        return
    from transforms.plan.rounding import parse_rounding

    try:
        parse_rounding(rounding)
    except ValueError as error:
        stop_usage(f"--rounding: {error}")


def _check_reading(timezone: str | None, mapping: list[str]) -> None:
    from transforms.entries.local_days import zone
    from transforms.exports.read import parse_mapping

    try:
        parse_mapping(mapping)
        if timezone is not None:
            zone(timezone)
    except ValueError as error:
        stop_usage(str(error))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
