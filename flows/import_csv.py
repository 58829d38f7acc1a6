"""The Prefect flow `import-csv`: the job from files, as a run that people can start and watch.

The files must be where the flow runs. As in `send-time` no task is retried: the ledger alone says
what goes again.
"""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import deployment

from flows.context import open_context
from flows.importing.plan_files import files_to_read
from flows.operations.final_states import without_traceback
from flows.operations.parameters import with_options
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.terminal_callbacks import callbacks
from flows.pages.publish import then_status
from flows.review.in_pages import run_in_pages
from flows.review.jobs import ImportJob
from flows.sending.request import ImportRequest


@flow(name="import-csv", flow_run_name=run_name)
@without_traceback
@then_status
@with_options(ImportRequest)
def import_csv(
    *,
    files: list[Path] = [],
    connection: str | None = None,
    options: dict[str, Any],
    review: bool = False,
) -> dict[str, Any]:
    """Send the time of exported files to QuickBooks, each entry once, on the ledger of all sends.

    Put the files into CLOCKBOOKS_IMPORT_FOLDER, on the machine that runs this. Safe to run again
    over the same or overlapping files. Starts as a dry run unless told otherwise. Returns the JSON
    document of `clockbooks import --json`; of long lists the beginning.

    Args:
        files: The exports, by their names in CLOCKBOOKS_IMPORT_FOLDER or whole paths, on the
            machine that runs this; empty for all that are in that folder.
        connection: Which connection; empty for the only one.
        review: Stop after the plan, and send what somebody approves on this run's page, by its
            Resume button. Leave the files where they are until then.
    """
    with (
        callbacks() as watched,
        open_context(connection or None) as context,
        run_lock(context) as not_now,
    ):
        if not_now:
            return not_now
        # A command's files are those of the folder in which somebody typed it.
        folder = context.settings.import_folder if deployment.id else None
        request = ImportRequest(files=files_to_read(files, folder), **options)
        return run_in_pages(context, ImportJob(request), watched, review=review)
