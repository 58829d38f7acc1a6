"""The Prefect flow `sync-directory`: compares both directories and keeps the links."""

# No `from __future__ import annotations` here: Prefect's runner could not resolve the parameters.

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.send_time import run_as_task
from flows.syncing import sync, sync_document
from flows.world import open_world


@flow(name="sync-directory")
def sync_directory(
    connection: Annotated[
        str | None, Field(description="Which connection; empty for the only one.")
    ] = None,
) -> dict[str, Any]:
    """Link users and projects whose names match, and say what is missing; create nothing.

    Returns the JSON document of `clockbooks sync --json`.
    """
    with open_world(connection or None) as world:
        return sync_document(run_as_task(sync, world))
