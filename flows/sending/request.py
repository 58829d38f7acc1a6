"""What a send and an import share: what they are asked, and what they must know beforehand.

`days_of` gives the days of a run: two dates, or so many days before today.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import pandas as pd

from connectors.errors import AskPerson
from flows.connections.preflight import check_company, check_workspace, default_currency
from flows.context import RunContext
from flows.settings import Settings
from schemas.quickbooks import Company
from schemas.words import Kind
from transforms.plan.judge import Filters
from transforms.plan.rounding import Rounding, parse_rounding, workspace_rounding

Answer = TypeVar("Answer")
AnyRequest = TypeVar("AnyRequest", bound="JobRequest")

#: Rows that are judged and loaded together, at least; whole days are not divided.
SLICE_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a send and an import are both asked.

    Attributes:
        users: Names or ids of users who take part; empty for all.
        clients: Names or ids of clients; empty for all.
        projects: Names or ids of projects; empty for all.
        billable: Only billable entries, only others, or both.
        approved_only: Whether entries without approval stay behind; `None` for what the settings
            say.
        rounding: As people write it; `None` for what the settings say, else the workspace's.
        dry_run: Whether only the plan is made.
        allow_payroll: Whether a company with payroll is tried all the same; `None` for what the
            settings say.
        retry_refused: Whether entries that QuickBooks refused go again, changed or not.
        sync: Whether to compare both directories first; `None` for what the settings say.
    """

    users: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    billable: bool | None = None
    approved_only: bool | None = None
    rounding: str | None = None
    dry_run: bool = False
    allow_payroll: bool | None = None
    retry_refused: bool = False
    sync: bool | None = None


@dataclass(frozen=True)
class Partners:
    """Who is who, as far as it is known.

    Attributes:
        links: `Links`.
        unlinked: `Unlinked`.
        synced_at: When the directories were compared; `None` when they never were.
    """

    links: pd.DataFrame
    unlinked: pd.DataFrame
    synced_at: datetime | None

    def known(self, kind: Kind) -> set[str]:
        """Give the ids of Clockify's users or projects that the comparison has seen."""
        return {
            id_
            for frame in (self.links, self.unlinked)
            for id_ in frame.loc[frame["kind"] == kind, "clockify_id"]
        }


@dataclass(frozen=True)
class Facts:
    """What a job must know before it reads time.

    Attributes:
        company: The QuickBooks company.
        currency: The workspace's default currency.
        rounding: How durations become billed minutes.
        filters: What takes part, by id.
    """

    company: Company
    currency: str | None
    rounding: Rounding
    filters: Filters = field(default_factory=Filters)


def call_plainly(step: Callable[..., Answer], *args: Any) -> Answer:
    """Run a step as it is; the flow runs it as a Prefect task instead."""
    return step(*args)


def with_defaults(request: AnyRequest, settings: Settings) -> AnyRequest:
    """Fill in from the settings what a job was not told."""
    silent = {
        name: getattr(settings, name if name != "sync" else "sync_before_send")
        for name in ("approved_only", "rounding", "allow_payroll", "sync")
        if getattr(request, name) is None
    }
    return replace(request, **silent)


def look_at_both_sides(context: RunContext, request: JobRequest) -> Facts:
    """Check both sides, and read what the plan depends on, but for whom the filters mean."""
    workspace = check_workspace(context.clockify)
    company = context.quickbooks.company()
    check_company(company, allow_payroll=bool(request.allow_payroll))
    return Facts(
        company=company,
        currency=default_currency(workspace),
        rounding=chosen_rounding(request.rounding, workspace),
    )


def look_up_partners(context: RunContext, request: JobRequest) -> Partners:
    """Give the stored links, or those of a sync that is made first."""
    if not request.sync:
        return Partners(
            context.store.links.stored(),
            context.store.links.unlinked(),
            context.connection.synced_at,
        )
    # Only who asks for it waits for what it imports.
    from flows.directory.sync import compare, store

    comparison = compare(context)
    if not request.dry_run:
        store(context, comparison)
    return Partners(comparison.linked, comparison.unlinked, context.now())


def chosen_rounding(wanted: str | None, workspace: Mapping[str, Any]) -> Rounding:
    """Give the rounding that somebody wants, or the one of the workspace's settings.

    Raises:
        AskPerson: It is none.
    """
    settings = workspace.get("workspaceSettings") or {}
    own = settings.get("round") or {}
    try:
        if wanted is not None:
            return parse_rounding(wanted)
        return workspace_rounding(
            in_reports=bool(settings.get("timeRoundingInReports")),
            mode=str(own.get("round", "")),
            minutes=str(own.get("minutes", "")),
        )
    except ValueError as error:
        raise AskPerson(f"The rounding cannot be used: {error}") from None


def days_of(
    start: date | None, end: date | None, last_days: int | None, *, today: date
) -> tuple[date, date]:
    """Give the first and the last day.

    Args:
        start: First day, with *end*.
        end: Last day, included, with *start*.
        last_days: So many days before today, instead. Today is not among them: its hours are not
            all there yet.
        today: The day in the connection's time zone.

    Raises:
        AskPerson: Not exactly one way was taken, or the end lies before the start.

    Examples:
        >>> days_of(None, None, 7, today=date(2026, 11, 24))
        (datetime.date(2026, 11, 17), datetime.date(2026, 11, 23))
    """
    if last_days is not None:
        if start is not None or end is not None:
            raise AskPerson("Say either start and end, or last_days, not both.")
        return today - timedelta(days=last_days), today - timedelta(days=1)
    if start is None or end is None:
        raise AskPerson(
            "Say which days: both start and end; or last_days, for so many days before today."
        )
    if end < start:
        raise AskPerson(f"The end, {end:%Y-%m-%d}, lies before the start, {start:%Y-%m-%d}.")
    return start, end
