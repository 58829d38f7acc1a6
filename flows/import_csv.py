"""The Prefect flow `import-csv`: the job from files, as a run that people can start and watch.

The files must be where the flow runs. As in `send-time` no task is retried: the ledger alone says
what goes again.
"""

# No `from __future__ import annotations` here: Prefect's runner could not resolve the parameters.

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from flows.context import open_context
from flows.importing.import_files import ImportReport, ImportRequest, import_files
from flows.importing.read_files import ReadOptions
from flows.operations.final_states import ended
from flows.operations.run_lock import turn
from flows.operations.tasks import run_as_task
from flows.operations.terminal import callbacks, shortened
from flows.pages.publish import Seen, followed, here, show_result


@flow(name="import-csv")
def import_csv(
    files: list[Path],
    connection: str | None = None,
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    timezone: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    mapping: list[str] = [],
    strict: bool = False,
    users: list[str] = [],
    clients: list[str] = [],
    projects: list[str] = [],
    billable: bool | None = None,
    approved_only: bool | None = None,
    rounding: str | None = None,
    dry_run: bool = True,
    allow_payroll: bool | None = None,
    retry_refused: bool = False,
    sync: bool | None = None,
) -> dict[str, Any]:
    """Send the time of exported files to QuickBooks, each entry once, in the books of all sends.

    Safe to run again over the same or overlapping files. Starts as a dry run unless told
    otherwise. Returns the JSON document of `clockbooks import --json`; of long lists the beginning.

    Args:
        files: The exports, where this run can read them.
        connection: Which connection; empty for the only one.
        date_order: Order of day and month; empty to find it out from the file.
        timezone: Time zone of the file's clock times; empty for the connection's.
        encoding: utf-8, utf-16, windows-1252; empty to find it out.
        delimiter: comma, semicolon or tab; empty to find it out.
        mapping: What a column holds: column=field, one each.
        strict: Send nothing unless every row is good.
        users: Only these users: names or addresses.
        clients: Only these clients: names.
        projects: Only these projects: names.
        billable: Only billable rows, only others, or both.
        approved_only: Leave rows that the file does not call approved; empty for what the
            settings say.
        rounding: nearest:15, up:6, none; empty for what the settings say, else the workspace's own.
        dry_run: Show the plan; send nothing.
        allow_payroll: Try a company with QuickBooks Payroll; empty for what the settings say.
        retry_refused: Try rows again that QuickBooks refused, changed or not.
        sync: Compare both directories first; empty for what the settings say.
    """
    request = ImportRequest(
        files=tuple(files),
        reading=ReadOptions(
            date_order=date_order,
            timezone=timezone or None,
            encoding=encoding or None,
            delimiter=delimiter or None,
            mapping=tuple(mapping),
        ),
        strict=strict,
        users=tuple(users),
        clients=tuple(clients),
        projects=tuple(projects),
        billable=billable,
        approved_only=approved_only,
        rounding=rounding or None,
        dry_run=dry_run,
        allow_payroll=allow_payroll,
        retry_refused=retry_refused,
        sync=sync,
    )
    with (
        callbacks(ImportReport) as watched,
        open_context(connection or None) as context,
        turn(context) as why_not,
    ):
        if why_not:
            return why_not
        report, seen = watched.report, Seen()
        report.followers.append(seen)
        document = import_files(
            context,
            request,
            report,
            approve=watched.approve,
            progress=followed(watched.progress, here(context, report.currency)),
            run=run_as_task,
        )
        show_result(document, seen.overview, here(context, report.currency))
        return ended(document, shortened(document), connection=context.connection.name)
