"""Publishes pages as artifacts of the flow run, in Prefect's interface.

A plan that nobody can see cannot be approved, so publishing one may fail. Progress and results are
extras: QuickBooks has the entries by then, so a failure is only logged and the send goes on.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.runtime import deployment, flow_run
from prefect.utilities.urls import url_for

from connectors.errors import ClockbooksError
from connectors.store.plans import StoredPlan
from flows.connections.status import status
from flows.context import RunContext, utc_now
from flows.pages.after_the_send import drift_page, drift_rows, recall_page, recall_rows
from flows.pages.directory import sync_page
from flows.pages.month import month_page
from flows.pages.pages import (
    PageContext,
    decided_page,
    entry_rows,
    plan_page,
    remedy_rows,
    result_page,
)
from flows.pages.status import status_page
from flows.progress import Progress
from transforms.plan.summary import Overview

Flow = TypeVar("Flow", bound=Callable[..., Any])

#: Minimum seconds between two updates of the progress; each is a call to Prefect's server.
PAUSE_S = 2.0


def page_context(context: RunContext, currency: str) -> PageContext:
    """Return what the pages of this run need to know about their readers."""
    address = url_for("flow-run", obj_id=flow_run.id) if flow_run.id else None
    return PageContext(context.connection.name, context.timezone, currency, address)


def key(what: str, place: PageContext) -> str:
    """Return the key of an artifact of this connection, in Prefect's letters, digits and dashes."""
    plain = re.sub(r"[^a-z0-9]+", "-", place.connection.lower()).strip("-")
    return f"{what}-{plain}".rstrip("-")


def show_plan(
    plan: StoredPlan, seen: Overview, document: dict[str, Any], place: PageContext
) -> None:
    """Publish a plan that waits: its page, its entries, and what stays behind."""
    create_markdown_artifact(
        key=key("plan", place),
        markdown=plan_page(plan, seen, document, place),
        description=f"Plan {plan.id}, waiting for a decision: sums, hours, and what stays behind.",
    )
    create_table_artifact(
        key=key("plan-entries", place),
        table=entry_rows(plan, seen, place),
        description=f"The entries of plan {plan.id}, with the numbers for the form. Of a long plan,"
        f" the first ones: `clockbooks plans --entries {plan.id}` has all of them.",
    )
    _show_remedies(seen, place)


def show_decided(plan: StoredPlan, place: PageContext) -> None:
    """Say on the page of this run's plan what was decided, in place of how to decide."""

    def show() -> None:
        of_run = ArtifactFilterFlowRunId(any_=[UUID(str(flow_run.id))])
        named = ArtifactFilterKey(any_=[key("plan", place)])
        wanted = ArtifactFilter(flow_run_id=of_run, key=named)
        with get_client(sync_client=True) as client:
            for page in client.read_artifacts(artifact_filter=wanted):
                told = f"Plan {plan.id}, {plan.state} by {plan.decider}."
                data = decided_page(str(page.data), plan, place)
                client.update_artifact(page.id, ArtifactUpdate(data=data, description=told))

    _or_log(show, "the decision")


def show_result(
    document: dict[str, Any], seen: Overview, place: PageContext, plan: StoredPlan | None = None
) -> None:
    """Publish what became of a send, or what a dry run would send."""

    def show() -> None:
        create_markdown_artifact(
            key=key(_page_of(document), place),
            markdown=result_page(document, seen, place, plan),
            description="What was sent, what was not, and why.",
        )
        _show_remedies(seen, place)

    _or_log(show, "the result")


def show_drift(document: dict[str, Any], place: PageContext) -> None:
    """Publish what a reconciliation found, and what became of it."""

    def show() -> None:
        create_markdown_artifact(
            key=key("reconciled", place),
            markdown=drift_page(document, place),
            description="What differs between Clockify, the ledger and QuickBooks; totals.",
        )
        _show_table("drift", drift_rows(document), "What differs, and what to do.", place)

    _or_log(show, "what differs")


def show_recall(document: dict[str, Any], place: PageContext) -> None:
    """Publish what became of a recall, or what a dry run would take back."""

    def show() -> None:
        create_markdown_artifact(
            key=key("recalled", place),
            markdown=recall_page(document, place),
            description="What was taken out of QuickBooks, what stays, and why.",
        )
        _show_table("recalled-entries", recall_rows(document), "The entries of a recall.", place)

    _or_log(show, "the recall")


def show_sync(document: dict[str, Any], place: PageContext) -> None:
    """Publish what a sync has linked, and what somebody has to decide."""
    words = "Who and what is linked, what is missing, and why."
    _show_page("people-and-projects", sync_page(document), words, place)


def show_month(document: dict[str, Any], place: PageContext) -> None:
    """Publish what became of a month's time."""
    words = "What was tracked in a month, and how much of it is in QuickBooks."
    _show_page("month", month_page(document, place), words, place)


def then_status(flow: Flow) -> Flow:
    """Let a flow's deployed run end with the page of all connections, also when it fails.

    A run that is part of another leaves that to the other; one that is suspended has not ended.
    """

    @wraps(flow)
    def run(*args: Any, **options: Any) -> Any:
        try:
            result = flow(*args, **options)
        except ClockbooksError:
            show_status()
            raise
        show_status()
        return result

    return cast("Flow", run)


def show_status() -> None:
    """Publish how all connections stand; always under one key, so that the newest is at hand."""

    def show() -> None:
        create_markdown_artifact(
            key="status",
            markdown=status_page(status(None), utc_now()),
            description="All connections: last sync and send, what is left, who needs somebody.",
        )

    if deployment.id and not flow_run.parent_flow_run_id:
        with suppress(ClockbooksError):  # what is wrong with the settings, the run says itself
            _or_log(show, "the status")


def _show_page(what: str, page: str, words: str, place: PageContext) -> None:
    name = key(what, place)
    _or_log(lambda: create_markdown_artifact(page, key=name, description=words), name)


def _show_table(what: str, rows: list[dict[str, Any]], words: str, place: PageContext) -> None:
    if rows:
        create_table_artifact(key=key(what, place), table=rows, description=words)


def _page_of(document: dict[str, Any]) -> str:
    if "files" in document:
        return "import-dry-run" if document["dry_run"] else "imported"
    return "dry-run" if document["dry_run"] else "sent"


def _show_remedies(seen: Overview, place: PageContext) -> None:
    words = "What stays behind, and what to do."
    _show_table("stays-behind", remedy_rows(seen), words, place)


def followed(progress: Progress, place: PageContext) -> Progress:
    """Return *progress*, shown in Prefect's interface too."""
    artifact = _ProgressArtifact(place)

    def begun(number: int) -> None:
        progress.begun(number)
        _or_log(lambda: artifact.begin(number), "the progress")

    def moved(number: int) -> None:
        progress.moved(number)
        _or_log(lambda: artifact.move(number), "the progress")

    return Progress(begun, moved)


class _ProgressArtifact:
    """A progress artifact, updated now and then."""

    def __init__(self, place: PageContext) -> None:
        self._key = key("loading", place)
        self._artifact: UUID | None = None
        self._all = self._done = 0
        self._next = 0.0

    def begin(self, number: int) -> None:
        self._all = number
        if number:
            made = create_progress_artifact(
                progress=0.0, key=self._key, description=f"{number:,} entries to QuickBooks."
            )
            self._artifact = UUID(str(made))

    def move(self, number: int) -> None:
        self._done += number
        if self._artifact is None:
            return
        if time.monotonic() < self._next and self._done < self._all:
            return
        self._next = time.monotonic() + PAUSE_S
        done = min(self._done, self._all)
        update_progress_artifact(
            self._artifact,
            progress=100.0 * done / self._all,
            description=f"{done:,} of {self._all:,} entries done.",
        )


def _or_log(show: Callable[[], object], what: str) -> None:
    """Publish something; if Prefect's server cannot take it, log that and go on."""
    try:
        show()
    except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: "Failed to reach API"
        get_run_logger().warning(
            "Prefect's server did not accept the page with %s (%s). The run goes on, and the"
            " ledger has everything: `clockbooks entries`.",
            what,
            type(error).__name__,
        )
