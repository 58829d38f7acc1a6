"""The Prefect flow `import-csv`: the job from files, as a run that people can start and watch.

The files must be where the flow runs. As in `send-time` no task is retried: the ledger alone says
what goes again.
"""

# No `from __future__ import annotations` here: Prefect's runner could not resolve the parameters.

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.endings import ended
from flows.file_reading import ReadOptions
from flows.importing import ImportReport, ImportRequest, import_files
from flows.send_time import run_as_task
from flows.turns import turn
from flows.watching import shortened, watcher
from flows.world import open_world


@flow(name="import-csv")
def import_csv(
    files: Annotated[list[Path], Field(description="The exports, where this run can read them.")],
    connection: Annotated[
        str | None, Field(description="Which connection; empty for the only one.")
    ] = None,
    date_order: Annotated[
        Literal["mdy", "dmy", "ymd"] | None,
        Field(description="Order of day and month; empty to find it out from the file."),
    ] = None,
    timezone: Annotated[
        str | None,
        Field(description="Time zone of the file's clock times; empty for the connection's."),
    ] = None,
    encoding: Annotated[
        str | None, Field(description="utf-8, utf-16, windows-1252; empty to find it out.")
    ] = None,
    delimiter: Annotated[
        str | None, Field(description="comma, semicolon or tab; empty to find it out.")
    ] = None,
    mapping: Annotated[
        list[str], Field(description="What a column holds: column=field, one each.")
    ] = [],
    strict: Annotated[bool, Field(description="Send nothing unless every row is good.")] = False,
    users: Annotated[list[str], Field(description="Only these users: names or addresses.")] = [],
    clients: Annotated[list[str], Field(description="Only these clients: names.")] = [],
    projects: Annotated[list[str], Field(description="Only these projects: names.")] = [],
    billable: Annotated[
        bool | None, Field(description="Only billable rows, only others, or both.")
    ] = None,
    approved_only: Annotated[
        bool | None,
        Field(
            description="Leave rows that the file does not call approved; empty for what the"
            " settings say."
        ),
    ] = None,
    rounding: Annotated[
        str | None,
        Field(
            description="nearest:15, up:6, none; empty for what the settings say, else the"
            " workspace's own."
        ),
    ] = None,
    dry_run: Annotated[bool, Field(description="Show the plan; send nothing.")] = True,
    allow_payroll: Annotated[
        bool | None,
        Field(
            description="Try a company with QuickBooks Payroll; empty for what the settings say."
        ),
    ] = None,
    retry_refused: Annotated[
        bool, Field(description="Try rows again that QuickBooks refused, changed or not.")
    ] = False,
    sync: Annotated[
        bool | None,
        Field(
            description="Compare both directories first; empty for what"
            " CLOCKBOOKS_SYNC_BEFORE_SEND says."
        ),
    ] = None,
) -> dict[str, Any]:
    """Send the time of exported files to QuickBooks, each entry once, in the books of all sends.

    Safe to run again over the same or overlapping files. Starts as a dry run unless told
    otherwise. Returns the JSON document of `clockbooks import --json`; of long lists the beginning.
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
        watcher(ImportReport) as watched,
        open_world(connection or None) as world,
        turn(world) as why_not,
    ):
        if why_not:
            return why_not
        document = import_files(
            world,
            request,
            watched.report,
            approve=watched.approve,
            progress=watched.progress,
            run=run_as_task,
        )
        return ended(document, shortened(document), connection=world.connection.name)
