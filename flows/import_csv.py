"""The Prefect flow `import-csv`: the job from files, as a run that people can start and watch.

The files must be where the flow runs. As in `send-time` no task is retried: the ledger alone says
what goes again.
"""

from pathlib import Path
from typing import Any

from prefect import flow

from flows.context import open_context
from flows.importing.import_files import import_files
from flows.operations.final_states import ended, without_traceback
from flows.operations.parameters import with_options
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.operations.terminal import callbacks, shortened
from flows.pages.publish import followed, page_context, show_result
from flows.sending.request import ImportRequest
from flows.sending.totals import Totals


@flow(name="import-csv", flow_run_name=run_name)
@without_traceback
@with_options(ImportRequest)
def import_csv(
    *, files: list[Path], connection: str | None = None, options: dict[str, Any]
) -> dict[str, Any]:
    """Send the time of exported files to QuickBooks, each entry once, on the ledger of all sends.

    Safe to run again over the same or overlapping files. Starts as a dry run unless told
    otherwise. Returns the JSON document of `clockbooks import --json`; of long lists the beginning.

    Args:
        files: The exports, where this run can read them.
        connection: Which connection; empty for the only one.
    """
    request = ImportRequest(files=tuple(files), **options)
    with (
        callbacks() as watched,
        open_context(connection or None) as context,
        run_lock(context) as not_now,
    ):
        if not_now:
            return not_now
        report, seen = watched.report, Totals()
        report.followers.append(seen)
        document = import_files(
            context,
            request,
            report,
            approve=watched.approve,
            progress=followed(watched.progress, page_context(context, report.currency)),
            run=run_as_task,
        )
        show_result(document, seen.overview, page_context(context, report.currency))
        return ended(document, shortened(document), connection=context.connection.name)
