"""The job, step by step and without Prefect: extract, plan, review, load, record.

`send` runs the steps in order; each touches the outside in one way only, so that the Prefect flow
can show them one by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import pandas as pd

from connectors import links, verdicts
from connectors.clockify import missing_route
from connectors.errors import AskPerson, Refused, TryAgain
from flows import recognising
from flows.filters import resolve_filters
from flows.live_run import live_run
from flows.loading import Progress, load
from flows.preflight import check_company, check_workspace, default_currency
from flows.recognising import Recognised, recognise
from flows.refusals import hold_back_refused
from flows.settings import Settings
from flows.settling import settle
from flows.syncing import compare, store
from flows.token_life import expiry_notes
from flows.world import World
from schemas.quickbooks import Company
from schemas.words import Kind, State
from transforms.days import local_days, month_slices
from transforms.entries import ReadEntries, SetAside, read_report
from transforms.plan import Filters, Rules, make_plan
from transforms.rounding import Rounding, parse_rounding, workspace_rounding
from transforms.timers import as_report_rows

Answer = TypeVar("Answer")
AnyRequest = TypeVar("AnyRequest", bound="JobRequest")


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
class SendRequest(JobRequest):
    """What somebody asks a send to do.

    Attributes:
        start: First local day.
        end: Last local day, included.
    """

    start: date
    end: date


@dataclass(frozen=True)
class SendResult:
    """What became of every entry of a send.

    Attributes:
        run_id: Key of the run; `None` for a dry run, which leaves no trace.
        dry_run: Whether only the plan was made.
        entries: `Plan`, with the state in which each entry ended.
        set_aside: Rows of Clockify's that are no entries.
        notes: What a person should know besides.
        stopped: Why the run ended early; `None` when it did not.
    """

    run_id: str | None
    dry_run: bool
    entries: pd.DataFrame
    set_aside: list[SetAside]
    notes: list[str]
    stopped: str | None = None


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
    """What a send must know before it reads time.

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


@dataclass(frozen=True)
class Decided:
    """What is to become of the entries.

    Attributes:
        plan: `Plan`.
        recognised: What the ledger holds of them.
    """

    plan: pd.DataFrame
    recognised: Recognised


def call_plainly(step: Callable[..., Answer], *args: Any) -> Answer:
    """Run a step as it is; the flow runs it as a Prefect task instead."""
    return step(*args)


def send(
    world: World,
    request: SendRequest,
    *,
    approve: Callable[[pd.DataFrame], bool] = lambda _: True,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_plainly,
) -> SendResult:
    """Carry the entries of a window into QuickBooks, each once, and explain every other one.

    Safe to run again over the same days: what the ledger holds is not sent twice.

    Args:
        world: What to work with.
        request: What to do.
        approve: Shown the plan before anything is sent; `False` leaves it at the plan.
        progress: Told how far the load has come.
        run: Runs each step that touches the outside.

    Raises:
        AskPerson: Something must be mended first; nothing was sent.
        TryAgain: A service could not be read, or took nothing at all; nothing was sent.
    """
    request = with_defaults(request, world.settings)
    facts = run(look_around, world, request)
    if request.dry_run:
        decided, read, notes = _plan(world, request, facts, run)
        return SendResult(None, True, decided.plan, read.set_aside, notes)
    with live_run(world) as live:
        settled = run(settle, world, live)
        decided, read, notes = _plan(world, request, facts, run)
        notes += [settled.told] if settled.told else []
        if not approve(decided.plan):
            return SendResult(None, True, decided.plan, read.set_aside, notes)
        recognising.keep(world, decided.recognised)
        about = decided.recognised.about
        ended, stopped = run(
            load, world, live, facts.company, decided.plan, about, progress or Progress()
        )
        verdicts.keep(world.engine, world.connection.id, live.id, ended)
        notes += world.quickbooks.pacer.told()
    if stopped and not ended["state"].isin([State.SENT, State.IN_DOUBT]).any():
        raise TryAgain(f"Nothing was sent. {stopped}")
    return SendResult(live.id, False, ended, read.set_aside, notes, stopped)


def with_defaults(request: AnyRequest, settings: Settings) -> AnyRequest:
    """Fill in from the settings what a send or an import was not told."""
    silent = {
        name: getattr(settings, name if name != "sync" else "sync_before_send")
        for name in ("approved_only", "rounding", "allow_payroll", "sync")
        if getattr(request, name) is None
    }
    return replace(request, **silent)


def _plan(
    world: World, request: SendRequest, facts: Facts, run: Callable[..., Any]
) -> tuple[Decided, ReadEntries, list[str]]:
    partners = run(look_up_partners, world, request)
    read, notes = run(extract, world, request, facts)
    notes += stale(world, read.entries, partners) + expiry_notes(world)
    return decide(world, request, facts, read, partners), read, notes


def look_up_partners(world: World, request: JobRequest) -> Partners:
    """Give the stored links, or those of a sync that is made first."""
    if not request.sync:
        return Partners(
            links.stored(world.engine, world.connection.id),
            links.without_partner(world.engine, world.connection.id),
            world.connection.synced_at,
        )
    comparison = compare(world)
    if not request.dry_run:
        store(world, comparison)
    return Partners(comparison.linked, comparison.unlinked, world.now())


def stale(world: World, entries: pd.DataFrame, partners: Partners) -> list[str]:
    """Say when entries belong to users or projects that the last sync has not seen."""
    found = {
        kind: set(entries[f"{kind}_id"].dropna()) - partners.known(kind)
        for kind in (Kind.USER, Kind.PROJECT)
    }
    counted = [f"{len(ids):,} {kind}{'s'[: len(ids) > 1]}" for kind, ids in found.items() if ids]
    if not counted:
        return []
    synced = partners.synced_at
    since = (
        f"newer than the last sync ({synced.astimezone(world.timezone):%Y-%m-%d %H:%M})"
        if synced
        else "unknown, because there was no sync yet"
    )
    are = "is" if sum(map(len, found.values())) == 1 else "are"
    told = f"{' and '.join(counted)} with entries here {are} {since}"
    return [f"{told}: run `clockbooks sync`, or send with --sync."]


def look_around(world: World, request: SendRequest) -> Facts:
    """Check both sides, and read what the plan depends on."""
    facts = look_at_both_sides(world, request)
    filters = resolve_filters(
        world.clockify, request.users, request.clients, request.projects, request.billable
    )
    return replace(facts, filters=filters)


def look_at_both_sides(world: World, request: JobRequest) -> Facts:
    """Check both sides, and read what the plan depends on, but for whom the filters mean."""
    workspace = check_workspace(world.clockify)
    company = world.quickbooks.company()
    check_company(company, allow_payroll=bool(request.allow_payroll))
    return Facts(
        company=company,
        currency=default_currency(workspace),
        rounding=chosen_rounding(request.rounding, workspace),
    )


def extract(world: World, request: SendRequest, facts: Facts) -> tuple[ReadEntries, list[str]]:
    """Read the window's entries, running timers too.

    The window is widened by a day at each side and cut again by the entries' own instants: the
    service reads its bounds on a wall clock (FACTS, Clockify, 1.6).
    """
    approved = None
    if request.approved_only:
        approved = frozenset(
            str(row.get("_id")) for row in _report(world, request, facts, approved_only=True)
        )
    rows = list(_report(world, request, facts, approved_only=False))
    notes: list[str] = []
    try:
        running = world.clockify.running()
    except Refused as error:
        if not missing_route(error):
            raise
        running = []
        notes.append("Clockify did not tell which timers are running now.")
    if running:
        rows += as_report_rows(running, world.clockify.users(), world.clockify.projects())
    read = read_report(rows, currency=facts.currency, approved_ids=approved)
    days = local_days(read.entries["start"], world.timezone)
    inside = (days >= request.start.isoformat()) & (days <= request.end.isoformat())
    return ReadEntries(read.entries[inside].reset_index(drop=True), read.set_aside), notes


def decide(
    world: World, request: SendRequest, facts: Facts, read: ReadEntries, partners: Partners
) -> Decided:
    """Judge every entry by the ledger and the links; see `transforms.plan`."""
    recognised = recognise(world, read.entries, partners.links)
    plan = make_plan(
        read.entries,
        held=recognised.held,
        links=partners.links,
        unlinked=partners.unlinked,
        rules=Rules(
            timezone=world.timezone,
            company=facts.company,
            rounding=facts.rounding,
            approved_only=bool(request.approved_only),
            filters=facts.filters,
        ),
    )
    if not request.retry_refused:
        plan = hold_back_refused(world, facts.company, plan)
    return Decided(plan, recognised)


def _report(world: World, request: SendRequest, facts: Facts, *, approved_only: bool) -> Any:
    chosen = {
        "users": facts.filters.user_ids,
        "clients": facts.filters.client_ids,
        "projects": facts.filters.project_ids,
    }
    first, last = request.start - timedelta(days=1), request.end + timedelta(days=1)
    for start, end in month_slices(first, last):
        yield from world.clockify.report(
            start,
            end,
            timezone=world.timezone,
            filters={name: sorted(ids) for name, ids in chosen.items() if ids},
            billable=facts.filters.billable,
            approved_only=approved_only,
        )


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
