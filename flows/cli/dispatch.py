"""Runs a job for the command line: as a flow run where a server is named, otherwise directly.

A flow call costs a second, and without a server Prefect would start one of its own, which takes
five more and loses the history when it ends: so Prefect is left out where nobody would see the run.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.errors import AskPerson
from connectors.masking import mask
from flows.adopting.adopt import adopt
from flows.adopting.report import AdoptReport, Near
from flows.cli.exit_codes import ExitCode
from flows.cli.output import Output, save_csv
from flows.cli.render import Told, question, show_job, show_sums
from flows.cli.render_adopted import question_about, show_adopted
from flows.cli.render_reconciliation import show_recall, show_reconciliation
from flows.cli.tables import loading_bar
from flows.context import open_context
from flows.directory.sync import Create, SyncRequest, create_sides, sync
from flows.directory.sync_report import sync_document
from flows.importing.import_files import import_files
from flows.operations.home import log_in
from flows.operations.terminal_callbacks import TerminalCallbacks, calling_back
from flows.reconciliation.recall import RecallReport, RecallRequest
from flows.reconciliation.recall import recall as run_recall
from flows.reconciliation.reconcile import reconcile as run_reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from flows.sending.month import month as add_up_month
from flows.sending.report import MEMBERS, Report
from flows.sending.request import ImportRequest, SendRequest, as_parameters, days_of
from flows.sending.send import send
from flows.sending.settle_by_hand import take_word
from flows.sending.settle_doubts import settle_alone
from flows.sending.settled import settled_document
from flows.sending.totals import Totals
from flows.server_address import check_server_address
from flows.settings import read_settings
from flows.settings_file import check_prefect_files
from flows.text import activities
from schemas.words import State

#: Seconds between two heartbeats of a recorded command: `flows.operations.notifications` marks a
#: run without any as crashed.
HEARTBEAT_S = 30


def has_server() -> bool:
    """Whether a Prefect server is named, where the run is to be seen."""
    return bool(os.environ.get("PREFECT_API_URL"))


@contextmanager
def recorded() -> Iterator[None]:
    """Record the flows of this block as runs of the server in PREFECT_API_URL.

    Enter it before Prefect is imported, which reads its settings then.

    Raises:
        AskPerson: The server does not answer or does not let us in; or a file of the working
            folder would redirect Prefect; or its password would cross a network unencrypted.
    """
    check_prefect_files()
    check_server_address()
    os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", str(HEARTBEAT_S))
    log_in(read_settings())
    import httpx

    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:
        # A RuntimeError that is not Prefect's is a defect of ours.
        if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
            raise
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        raise AskPerson(_no_server(status)) from error


def _no_server(status: int | None) -> str:
    named = mask(os.environ.get("PREFECT_API_URL", ""))
    if status in {401, 403}:
        return (
            f"The Prefect server at {named} does not let this command in. Set"
            " PREFECT_API_AUTH_STRING to clockbooks:PASSWORD (`clockbooks ui` says where the"
            " password is); or unset PREFECT_API_URL to run without a server."
        )
    what = "does not answer" if status is None else f"answers with an error (HTTP {status})"
    return (
        f"The Prefect server at {named} (PREFECT_API_URL) {what}. Start `clockbooks ui`, or unset"
        " PREFECT_API_URL to run without a server. What was already sent is in the ledger; the next"
        " send continues from there."
    )


def sync_directory(
    connection: str | None, output: Output, *, create: Create | None, dry_run: bool
) -> dict[str, Any]:
    """Compare both directories, store the links, and create what is asked for."""
    if has_server():
        with recorded():
            from flows.sync_directory import sync_directory as flow

            return flow(connection=connection, create=create, dry_run=dry_run)
    request = SyncRequest(create=create_sides(create), dry_run=dry_run)
    creates = create is not None and not dry_run
    with (
        loading_bar(output, "Creating", wanted=creates) as progress,
        open_context(connection) as context,
    ):
        return sync_document(sync(context, request, progress))


def settle_doubts(connection: str | None) -> dict[str, Any]:
    """Settle what is in doubt; send nothing new."""
    if has_server():
        with recorded():
            from flows.settle import settle as flow

            return flow(connection=connection)
    with open_context(connection) as context:
        return settled_document(settle_alone(context))


def month(
    connection: str | None, text: str | None, *, approved_only: bool | None
) -> dict[str, Any]:
    """Add up what became of a month's time."""
    if has_server():
        with recorded():
            from flows.month import month as flow

            return flow(month=text, connection=connection, approved_only=approved_only)
    with open_context(connection) as context:
        return add_up_month(context, text, approved_only=approved_only)


def settle_by_hand(
    connection: str | None, entry_id: str, time_activity_id: str | None
) -> dict[str, Any]:
    """Settle one entry as a person says; `None` means that QuickBooks does not have it."""
    with open_context(connection) as context:
        return settled_document(take_word(context, entry_id, time_activity_id))


def adopt_time(
    output: Output, connection: str | None, days: tuple[date, date], *, dry_run: bool, ask: bool
) -> None:
    """Take time that QuickBooks holds into the ledger; if *ask*, show what is equal and ask first.

    The document's lists are open until the command ends.
    """

    def approve(found: dict[str, Any]) -> bool:
        show_adopted(output, found)
        equal, near = found["counts"]["adopted"], found["counts"]["near"]
        if equal:
            return output.ask(f"Adopt {equal:,} equal entries?")
        return bool(near)

    def ask_about(near: Near) -> bool:
        return output.ask(question_about(near))

    report = AdoptReport()
    output.resources.callback(report.close)
    with open_context(connection) as context:
        adopt(
            context,
            days,
            report,
            dry_run=dry_run,
            approve=approve if ask else None,
            ask=ask_about if ask else None,
        )
    output.document = report.latest
    if ask and report.latest["dry_run"]:
        output.say("Nothing was adopted.")
    else:
        show_adopted(output, report.latest)
    open_ends = report.latest["counts"]["near"] or report.latest["unknown_of_linked"]
    if open_ends or report.ended_early:
        output.outcome = ExitCode.PARTLY_DONE


def run_job(
    output: Output,
    connection: str | None,
    request: SendRequest | ImportRequest,
    *,
    ask: bool,
    csv: Path | None = None,
) -> None:
    """Send, or import files, and show what came of it; if *ask*, show the plan and ask first.

    The document's lists are open until the command ends.
    """
    job, flow = _FROM_FILES if isinstance(request, ImportRequest) else _FROM_CLOCKIFY
    report, seen, told = Report(), Totals(), Told()
    output.resources.callback(report.close)
    if ask or (request.dry_run and not output.as_json):
        report.followers.append(seen)

    def show_plan(plan: dict[str, Any]) -> None:
        if not output.as_json:
            show_sums(output, seen.overview, report.currency)
        show_job(output, plan, told)
        save_csv(output, csv, plan["entries"], MEMBERS, "entries")

    def approve(plan: dict[str, Any]) -> bool:
        show_plan(plan)
        ready = plan["counts"]["ready"]
        return ready > 0 and output.ask(question(plan, seen.overview, report.company))

    asked = approve if ask else None
    with loading_bar(output, "Sending", wanted=not request.dry_run) as progress:
        if has_server():
            with recorded(), calling_back(TerminalCallbacks(asked, progress, report)):
                run = getattr(import_module(f"flows.{flow}"), flow)
                run(connection=connection, **as_parameters(request))
        else:
            with open_context(connection) as context:
                job(context, request, report, approve=asked, progress=progress)
    output.document = report.latest
    if ask and report.latest["dry_run"]:
        output.say("Nothing was sent.")
        return
    if request.dry_run:
        show_plan(report.latest)
    else:
        show_job(output, report.latest, told)
        save_csv(output, csv, report.latest["entries"], MEMBERS, "entries")
    output.outcome = ExitCode.of(report.latest)


def reconcile(
    output: Output,
    connection: str | None,
    days: tuple[date | None, date | None, int | None],
    options: dict[str, Any],
    *,
    ask: bool,
    show_all: bool,
) -> dict[str, Any]:
    """Compare what was sent, repair it if that is asked for, and show what came of it."""

    def approve(found: dict[str, Any]) -> bool:
        steps = sum(item["step"] is not None for item in found["entries"]) * options["repair"]
        changes = [f"Change {steps:,} entries in QuickBooks?"] * (steps > 0)
        changes += [f"Mark {found['to_mark']:,} entries in Clockify?"] * (found["to_mark"] > 0)
        off = found["to_unmark"]
        changes += [f"Take our mark off {off:,} entries in Clockify?"] * (off > 0)
        if not changes:
            return True  # there is nothing to ask about; what was found is kept
        show_reconciliation(output, found, show_all=show_all)
        return output.ask(" ".join(changes))

    report = ReconcileReport(show_all=show_all)
    output.resources.callback(report.close)
    asked = approve if ask else None
    start, end, last_days = days
    with loading_bar(output, "Repairing", wanted=options["repair"]) as progress:
        if has_server():
            with recorded(), calling_back(TerminalCallbacks(asked, progress, report)):
                from flows.reconcile import reconcile as flow

                given = {"start": start, "end": end, "last_days": last_days, **options}
                flow(connection=connection, **given)
        else:
            with open_context(connection) as context:
                today = context.now().astimezone(context.timezone).date()
                first, last = days_of(*days, today=today)
                request = ReconcileRequest(start=first, end=last, **options)
                run_reconcile(context, request, report, approve=asked, progress=progress)
    output.document = report.latest
    if ask and report.latest["dry_run"]:
        output.say("Nothing was changed.")
    else:
        show_reconciliation(output, report.latest, show_all=show_all)
    return report.latest


def recall(
    output: Output, connection: str | None, options: dict[str, Any], *, ask: bool
) -> dict[str, Any]:
    """Take sent entries back out of QuickBooks, and show what came of it."""

    def approve(plan: dict[str, Any]) -> bool:
        show_recall(output, plan)
        ready = [item for item in plan["entries"] if item["state"] == State.READY]
        number = len({item["time_activity_id"] for item in ready})
        return number > 0 and output.ask(f"Delete {activities(number)} in QuickBooks?")

    report = RecallReport()
    output.resources.callback(report.close)
    asked = approve if ask else None
    with loading_bar(output, "Recalling", wanted=not options["dry_run"]) as progress:
        if has_server():
            with recorded(), calling_back(TerminalCallbacks(asked, progress, report)):
                from flows.recall import recall as flow

                flow(connection=connection, **options)
        else:
            with open_context(connection) as context:
                request = RecallRequest(**options)
                run_recall(context, request, report, approve=asked, progress=progress)
    output.document = report.latest
    if ask and report.latest["dry_run"]:
        output.say("Nothing was changed.")
    else:
        show_recall(output, report.latest)
    return report.latest


#: A job, and its flow.
_Job = tuple[Callable[..., dict[str, Any]], str]
_FROM_CLOCKIFY: _Job = (send, "send_time")
_FROM_FILES: _Job = (import_files, "import_csv")
