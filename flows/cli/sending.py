"""The commands of the main job: send, import, settle, and what became of each entry and plan.

What is slow to import is imported by the command that needs it: see `flows.cli.main`.
"""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.options import (
    ConnectionName,
    CsvFile,
    FirstDay,
    Json,
    LastDay,
    Yes,
    job_options,
)
from flows.cli.output import Outcome, Output, command, stop_usage
from flows.sending.request import ImportRequest, JobRequest, SendRequest

room = typer.Typer()


class EntryState(StrEnum):
    """What `clockbooks entries` can be asked for."""

    ALL = "all"
    SENT = "sent"
    UNSENT = "unsent"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


@room.command(
    epilog="Example: clockbooks send --start 2026-10-01 --end 2026-10-31 --approved-only --dry-run"
)
@job_options(JobRequest)
def send(
    *,
    start: Annotated[datetime, FirstDay],
    end: Annotated[datetime, LastDay],
    options: dict[str, Any],
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
        _check_rounding(options["rounding"])
        ask = _is_to_ask(output, yes=yes, dry_run=options["dry_run"])
        from flows.cli import dispatch, render

        request = SendRequest(start=start.date(), end=end.date(), **options)
        result = dispatch.send_time(connection, request, output, ask=ask)
        _finish(output, result, render.show_send, ask=ask)


@room.command(
    "import", epilog="Example: clockbooks import Clockify_Time_Report_Detailed.csv --dry-run"
)
@job_options(ImportRequest)
def import_(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Detailed exports: CSV, or .xlsx spreadsheets."),
    ],
    options: dict[str, Any],
    map_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The mapping from a file, one column per line."),
    ] = None,
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
        _check_rounding(options["rounding"])
        ask = _is_to_ask(output, yes=yes, dry_run=options["dry_run"])
        from flows.cli import dispatch, render
        from flows.importing.read_files import read_mapping

        options["mapping"] = [*options["mapping"], *(read_mapping(map_file) if map_file else ())]
        _check_reading(options["timezone"], options["mapping"])
        request = ImportRequest(files=tuple(files), **options)
        result = dispatch.import_files(connection, request, output, ask=ask)
        _finish(output, result, render.show_import, ask=ask)


@room.command(epilog="Example: clockbooks settle --entry 64ee01 --is-there 145")
def settle(
    *,
    connection: ConnectionName = None,
    entry: Annotated[
        str | None, typer.Option(metavar="ID", help="The entry that you looked for in QuickBooks.")
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

    An entry is in doubt when it was handed over and never confirmed: a lost answer, a killed run.
    With --entry, take your word for one that QuickBooks' answers cannot settle.
    """
    with command(as_json=json) as output:
        if (entry is None) != (is_there is None and not is_not_there) or (
            is_there is not None and is_not_there
        ):
            stop_usage("Give --entry ID with either --is-there TIMEACTIVITY_ID or --is-not-there.")
        from flows.cli import dispatch, render

        if entry is None:
            output.document = dispatch.settle_doubts(connection)
        else:
            output.document = dispatch.settle_by_hand(connection, entry, is_there)
        render.show_settled(output, output.document)
        if output.document["in_doubt"] or output.document["refused"]:
            output.outcome = Outcome.PARTLY_DONE


@room.command(
    epilog="Example: clockbooks entries --state rejected --start 2026-10-01 --csv out.csv"
)
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
        from flows.cli import render
        from flows.sending import report

        found = report.entries(
            connection,
            state=str(state),
            start=_day(start),
            end=_day(end),
            users=user or [],
            projects=project or [],
        )
        if csv is not None:
            report.write_csv(found, csv, report.MEMBERS)
            output.say(f"Wrote {len(found)} entries to {csv}.")
        output.document = {"entries": found}
        render.show_entries(output, found)


@room.command(epilog="Example: clockbooks plans --entries 7 --csv plan-7.csv")
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
        from flows.cli import render
        from flows.review import list_plans
        from flows.sending import report

        if entries is None:
            output.document = list_plans.listed(connection, withdraw=withdraw)
            found, members = output.document["plans"], list_plans.PLAN_MEMBERS
        else:
            output.document = list_plans.entries_of(connection, entries)
            found, members = output.document["entries"], list_plans.ENTRY_MEMBERS
        if csv is not None:
            report.write_csv(found, csv, members)
            output.say(
                f"Wrote {len(found):,} {'plans' if entries is None else 'entries'} to {csv}."
            )
        render.show_plans(output, output.document["plans"])
        if entries is not None:
            render.show_plan_entries(output, found)


def _finish(
    output: Output,
    result: dict[str, Any],
    show: Callable[[Output, dict[str, Any]], None],
    *,
    ask: bool,
) -> None:
    """Show what a send or an import did, unless the person who was asked said no."""
    output.document = result
    if ask and result["dry_run"]:
        output.say("Nothing was sent.")
        return
    show(output, result)
    output.outcome = Outcome.of(result)


def _is_to_ask(output: Output, *, yes: bool, dry_run: bool) -> bool:
    """Say whether somebody is to be asked before anything is sent; somebody must be there then."""
    ask = not (yes or dry_run)
    if ask and not output.can_ask:
        stop_usage("Without a terminal nobody can be asked: add --yes to send, or --dry-run.")
    return ask


def _check_rounding(text: str | None) -> None:
    if text is None:
        return
    from transforms.plan.rounding import parse_rounding

    try:
        parse_rounding(text)
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
