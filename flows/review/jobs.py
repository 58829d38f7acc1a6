"""The jobs whose plan can wait for a person: a send, and an import of files."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol, Self

from connectors.store.plan_files import PlanFile
from connectors.store.plans import StoredPlan
from flows.context import RunContext
from flows.importing.import_files import import_files, make_import_plan
from flows.importing.plan_files import fingerprints, what_has_changed
from flows.importing.resolve_names import keep_links
from flows.progress import Progress
from flows.sending.plan import RunPlan
from flows.sending.report import Report
from flows.sending.request import ImportRequest, JobRequest, SendRequest
from flows.sending.send import make_plan, send
from schemas.words import State

Run = Callable[..., Any]
Approve = Callable[[dict[str, Any]], bool] | None


class Job(Protocol):
    """A job that makes a plan, and executes it."""

    @property
    def request(self) -> JobRequest:
        """What it is asked."""

    @property
    def files(self) -> tuple[PlanFile, ...]:
        """The files that it reads, once they are known."""

    @property
    def lost(self) -> str:
        """What is said of entries of a waiting plan that are not found any more."""

    def now(
        self, context: RunContext, report: Report, *, approve: Approve, progress: Progress, run: Run
    ) -> dict[str, Any]:
        """Do it without a review; see `flows.sending.send.send`."""

    def with_files(self) -> Self:
        """Return the job of exactly the files that are there now."""

    def plan(
        self, context: RunContext, report: Report, *, run: Run
    ) -> AbstractContextManager[RunPlan]:
        """Make its plan; for the block it can be executed."""

    def days(self, plan: RunPlan) -> tuple[str, str] | None:
        """Return the first and last day of a plan; `None` if there is nothing to decide."""

    def approved(self, stored: StoredPlan) -> Self:
        """Return the job again, as it was when a plan was stored, to send it."""

    def stale(self, stored: StoredPlan) -> str | None:
        """Say why a stored plan cannot be made again; `None` if it can."""

    def members(self, context: RunContext) -> Mapping[str, Any]:
        """Return what its document has besides, where no plan was made again."""


@dataclass(frozen=True)
class SendJob:
    """A send of some days."""

    request: SendRequest
    files: tuple[PlanFile, ...] = ()
    lost: str = (
        "are no longer among these days' entries in Clockify: they were deleted or moved to other"
        " days, and were not sent"
    )

    def now(
        self, context: RunContext, report: Report, *, approve: Approve, progress: Progress, run: Run
    ) -> dict[str, Any]:
        return send(context, self.request, report, approve=approve, progress=progress, run=run)

    def with_files(self) -> Self:
        return self

    def plan(
        self, context: RunContext, report: Report, *, run: Run
    ) -> AbstractContextManager[RunPlan]:
        return make_plan(context, self.request, report, run=run)

    def days(self, plan: RunPlan) -> tuple[str, str] | None:  # noqa: ARG002 - those asked for
        return self.request.start.isoformat(), self.request.end.isoformat()

    def approved(self, stored: StoredPlan) -> Self:
        # The days of the plan: "the last seven days" have moved on since.
        first, last = date.fromisoformat(stored.first_day), date.fromisoformat(stored.last_day)
        request = replace(self.request, start=first, end=last, only_what_was_shown=True)
        return replace(self, request=request)

    def stale(self, stored: StoredPlan) -> str | None:  # noqa: ARG002 - Clockify is always there
        return None

    def members(self, context: RunContext) -> Mapping[str, Any]:
        return {"connection": context.connection.name}


@dataclass(frozen=True)
class ImportJob:
    """An import of files: the same bytes are read again when its plan is approved."""

    request: ImportRequest
    files: tuple[PlanFile, ...] = ()
    is_approved: bool = False
    lost: str = (
        "are not new any more, or their names mean somebody else now; they were not sent by this"
        " plan"
    )

    def now(
        self, context: RunContext, report: Report, *, approve: Approve, progress: Progress, run: Run
    ) -> dict[str, Any]:
        return import_files(
            context, self.request, report, approve=approve, progress=progress, run=run
        )

    def with_files(self) -> Self:
        """Read the files' fingerprints before the files: what changes in between shows later."""
        return self._of(fingerprints(self.request.files))

    @contextmanager
    def plan(self, context: RunContext, report: Report, *, run: Run) -> Iterator[RunPlan]:
        with make_import_plan(context, self.request, report, run=run) as (plan, names):
            if self.is_approved:
                keep_links(context, names)
            yield plan

    def days(self, plan: RunPlan) -> tuple[str, str] | None:
        dates = [
            day
            for one in plan.slices
            for day in one.plan.loc[one.plan["state"] == State.READY, "date"].unique()
        ]
        return (min(dates), max(dates)) if dates else None

    def approved(self, stored: StoredPlan) -> Self:
        again = self._of(stored.files)
        request = replace(again.request, only_what_was_shown=True)
        return replace(again, request=request, is_approved=True)

    def stale(self, stored: StoredPlan) -> str | None:
        return what_has_changed(stored.files)

    def members(self, context: RunContext) -> Mapping[str, Any]:  # noqa: ARG002 - as a send's
        return {"files": []}

    def _of(self, files: tuple[PlanFile, ...]) -> Self:
        paths = tuple(Path(one.path) for one in files)
        return replace(self, files=files, request=replace(self.request, files=paths))
