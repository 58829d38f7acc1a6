"""Runs a job for the command line: as a flow run where a server is named, plainly elsewhere.

A flow call costs a second, and without a server Prefect would start one of its own for five more
and lose the history with it: so Prefect is left out where nobody would see the run.
"""

import os
from contextlib import closing, nullcontext
from typing import Any

import pandas as pd

from flows import importing
from flows.cli_output import Output
from flows.importing import ImportRequest
from flows.loading import Progress
from flows.reporting import send_document
from flows.sending import SendRequest, SendResult, send
from flows.settling import settle_alone, settled_document
from flows.sync_report import sync_document
from flows.syncing import Create, SyncRequest, create_sides, sync
from flows.tables import loading_bar, show_import, show_send
from flows.world import open_world


def has_server() -> bool:
    """Say whether a Prefect server is named, so that the run is to be seen there."""
    return bool(os.environ.get("PREFECT_API_URL"))


def sync_directory(
    connection: str | None, output: Output, *, create: Create | None, dry_run: bool
) -> dict[str, Any]:
    """Compare both directories, keep the links, and make what is asked for."""
    if has_server():
        from flows.sync_directory import sync_directory as flow

        return flow(connection=connection, create=create, dry_run=dry_run)
    request = SyncRequest(create=create_sides(create), dry_run=dry_run)
    watched = output.errors.is_terminal and create and not dry_run
    with (
        loading_bar(output, "Creating") if watched else nullcontext() as bar,
        open_world(connection) as world,
    ):
        return sync_document(sync(world, request, Progress(*bar) if bar else Progress()))


def settle_doubts(connection: str | None) -> dict[str, Any]:
    """Settle what is in doubt, and send nothing new."""
    if has_server():
        from flows.settle import settle as flow

        return flow(connection=connection)
    with open_world(connection) as world:
        return settled_document(settle_alone(world))


def send_time(
    connection: str | None, request: SendRequest, output: Output, *, ask: bool
) -> dict[str, Any]:
    """Send, after showing the plan and asking where *ask* says so."""

    def approve(plan: pd.DataFrame) -> bool:
        if not ask:
            return True
        document = send_document(SendResult(None, True, plan, [], []))
        show_send(output, document)
        ready = document["counts"]["ready"]
        return ready > 0 and output.ask(f"Send {ready:,} entries to QuickBooks?")

    watched = output.errors.is_terminal and not request.dry_run
    with loading_bar(output, "Sending") if watched else nullcontext() as bar:
        progress = Progress(*bar) if bar else Progress()
        if has_server():
            from flows import send_time as module

            with module.reviewed_by(approve, progress):
                document: dict[str, Any] = module.send_time(connection=connection, **vars(request))
                return document
        with open_world(connection) as world:
            result = send(world, request, approve=approve, progress=progress)
    return send_document(result, connection=world.connection.name)


def import_files(
    connection: str | None, request: ImportRequest, output: Output, *, ask: bool
) -> dict[str, Any]:
    """Send the rows of files, after showing the plan and asking where *ask* says so.

    The document's lists are open until the command ends.
    """

    def approve(plan: dict[str, Any]) -> bool:
        show_import(output, plan)
        ready = plan["counts"]["ready"]
        return ready > 0 and output.ask(f"Send {ready:,} entries to QuickBooks?")

    report = output.resources.enter_context(closing(importing.Report()))
    watched = output.errors.is_terminal and not request.dry_run
    with loading_bar(output, "Sending") if watched else nullcontext() as bar:
        progress = Progress(*bar) if bar else Progress()
        asked = approve if ask else None
        if has_server():
            import flows.import_csv as module

            parameters = vars(request) | vars(request.reading)
            for inner in ("reading", "kept_mapping"):
                del parameters[inner]
            with module.watched_by(module.Watcher(asked, progress, report)):
                module.import_csv(connection=connection, **parameters)
            return report.latest
        with open_world(connection) as world:
            return importing.import_files(world, request, report, approve=asked, progress=progress)
