"""The Prefect flow `import-folder`: imports the files that somebody drops into a folder."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.states import Completed

from connectors.errors import AskPerson
from flows.context import open_context
from flows.importing.folder import FAILED, take_in
from flows.operations.final_states import PARTLY_DONE, shown, without_traceback
from flows.operations.parameters import with_options
from flows.operations.run_lock import run_lock
from flows.operations.run_names import run_name
from flows.operations.tasks import run_as_task
from flows.sending.request import ImportRequest


@flow(name="import-folder", flow_run_name=run_name)
@without_traceback
@with_options(ImportRequest)
def import_folder(*, connection: str | None = None, options: dict[str, Any]) -> dict[str, Any]:
    """Import each file in CLOCKBOOKS_IMPORT_FOLDER that has stopped growing, and move it away.

    Files whose rows all went, or need not go, end in `done`, the others in `failed`; beside each is
    a report. Starts as a dry run unless told otherwise, which moves nothing.

    Args:
        connection: Which connection; empty for the only one.
    """
    with open_context(connection or None) as context, run_lock(context) as not_now:
        if not_now:
            return not_now
        folder = context.settings.import_folder
        if folder is None:
            raise AskPerson("Set CLOCKBOOKS_IMPORT_FOLDER to the folder into which files are put.")
        request = ImportRequest(files=(), **options)
        found = take_in(context, request, Path(folder), run=run_as_task)
    files = found["files"]
    left = [f"{one['file']}: {one['message']}{_where(one)}" for one in files if not _is_done(one)]
    left += [f"{name} is a link or no file, and was not read." for name in found["left"]]
    if not left or request.dry_run:
        return found
    return shown(Completed(name=PARTLY_DONE, message=" ".join(left), data=found))


def _where(one: dict[str, Any]) -> str:
    return f" Why is in {one['moved_to']}.report.csv." if one["moved_to"] else " It stays there."


def _is_done(one: dict[str, Any]) -> bool:
    return one["moved_to"] is not None and not one["moved_to"].startswith(f"{FAILED}/")
