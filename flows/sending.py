"""The job, step by step and without Prefect: extract, plan, review, load, record.

`send` runs the steps in order; each touches the outside in one way only, so that the Prefect flow
can show them one by one.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import pandas as pd

from connectors import ledger, links
from connectors.clockify import missing_route
from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from connectors.quickbooks import Created
from flows.filters import resolve_filters
from flows.preflight import check_company, check_workspace, default_currency
from flows.settling import settle
from flows.world import World
from schemas.quickbooks import Company
from schemas.words import LedgerState, Reason, State
from transforms.activities import to_activities
from transforms.days import local_days, month_slices
from transforms.entries import ReadEntries, SetAside, read_report
from transforms.explain import refused
from transforms.plan import Filters, Rules, make_plan
from transforms.rounding import Rounding, parse_rounding, workspace_rounding
from transforms.timers import as_report_rows

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class SendRequest:
    """What somebody asks a send to do.

    Attributes:
        start: First local day.
        end: Last local day, included.
        users: Names or ids of users who take part; empty for all.
        clients: Names or ids of clients; empty for all.
        projects: Names or ids of projects; empty for all.
        billable: Only billable entries, only others, or both.
        approved_only: Whether entries without approval stay behind.
        rounding: As people write it; `None` for what the workspace's settings say.
        dry_run: Whether only the plan is made.
        allow_payroll: Whether a company with payroll is tried all the same.
    """

    start: date
    end: date
    users: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    billable: bool | None = None
    approved_only: bool = False
    rounding: str | None = None
    dry_run: bool = False
    allow_payroll: bool = False


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
    filters: Filters


@dataclass
class Progress:
    """Told how far a load has come; the default tells nobody.

    Attributes:
        begun: Called with the number of entries to load.
        moved: Called with the number of entries of each batch that was answered.
    """

    begun: Callable[[int], None] = field(default=lambda _: None)
    moved: Callable[[int], None] = field(default=lambda _: None)


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
    facts = run(look_around, world, request)
    if request.dry_run:
        plan, read, notes = _plan(world, request, facts, run)
        return SendResult(None, True, plan, read.set_aside, notes)
    run_id = ledger.start_run(world.engine, world.connection.id, now=world.now(), lease=world.lease)
    try:
        settled = run(settle, world, run_id)
        plan, read, notes = _plan(world, request, facts, run)
        notes += [settled.told] if settled.told else []
        if not approve(plan):
            return SendResult(None, True, plan, read.set_aside, notes)
        ended, stopped = run(load, world, run_id, plan, progress or Progress())
        ledger.keep_verdicts(world.engine, world.connection.id, run_id, ended)
    finally:
        ledger.finish_run(world.engine, run_id, now=world.now())
    if stopped and not ended["state"].isin([State.SENT, State.IN_DOUBT]).any():
        raise TryAgain(f"Nothing was sent. {stopped}")
    return SendResult(run_id, False, ended, read.set_aside, notes, stopped)


def _plan(
    world: World, request: SendRequest, facts: Facts, run: Callable[..., Any]
) -> tuple[pd.DataFrame, ReadEntries, list[str]]:
    read, notes = run(extract, world, request, facts)
    return decide(world, request, facts, read), read, notes


def look_around(world: World, request: SendRequest) -> Facts:
    """Check both sides, and read what the plan depends on."""
    workspace = check_workspace(world.clockify)
    company = world.quickbooks.company()
    check_company(company, allow_payroll=request.allow_payroll)
    return Facts(
        company=company,
        currency=default_currency(workspace),
        rounding=_rounding(request, workspace),
        filters=resolve_filters(
            world.clockify, request.users, request.clients, request.projects, request.billable
        ),
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


def decide(world: World, request: SendRequest, facts: Facts, read: ReadEntries) -> pd.DataFrame:
    """Judge every entry by the ledger and the links; see `transforms.plan`."""
    return make_plan(
        read.entries,
        held=ledger.held(world.engine, world.connection.id, read.entries["entry_id"].tolist()),
        links=links.stored(world.engine, world.connection.id),
        unlinked=links.without_partner(world.engine, world.connection.id),
        rules=Rules(
            timezone=world.timezone,
            company=facts.company,
            rounding=facts.rounding,
            approved_only=request.approved_only,
            filters=facts.filters,
        ),
    )


def load(
    world: World, run_id: str, plan: pd.DataFrame, progress: Progress
) -> tuple[pd.DataFrame, str | None]:
    """Send the plan's ready rows in batches, several in flight, and say how each entry ended.

    Returns:
        The plan with the final states, and why the load ended early, if it did.
    """
    ready = plan[plan["state"] == State.READY]
    activities = to_activities(ready).merge(ready[["entry_id", "minutes", "date"]], on="entry_id")
    rows = activities.to_dict("records")
    size = world.settings.qbo_batch_size
    batches = [rows[first : first + size] for first in range(0, len(rows), size)]
    halt = _Halt()
    ended: dict[str, _Ended] = {}
    progress.begun(len(rows))
    with ThreadPoolExecutor(max_workers=world.settings.qbo_concurrency) as workers:
        waiting = [workers.submit(_send_batch, world, run_id, batch, halt) for batch in batches]
        try:
            for done in as_completed(waiting):
                answers = done.result()
                ended |= answers
                progress.moved(len(answers))
        except BaseException:
            halt.stop("The run was stopped.")  # what is in flight ends; nothing new begins
            raise
    return _with_endings(plan, ended), halt.reason


@dataclass(frozen=True)
class _Ended:
    state: State
    reason: Reason | None = None
    detail: str | None = None
    time_activity_id: str | None = None


class _Halt:
    """Tells all workers of a load that it has ended early, and why."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._lock = threading.Lock()

    def stop(self, reason: str) -> None:
        with self._lock:
            self.reason = self.reason or reason


def _send_batch(
    world: World, run_id: str, batch: Sequence[dict[str, Any]], halt: _Halt
) -> dict[str, _Ended]:
    """Claim, call, record: one batch."""
    ids = [row["entry_id"] for row in batch]
    if halt.reason is not None:
        return dict.fromkeys(ids, _not_taken(halt.reason))
    made = ledger.claim(
        world.engine,
        connection_id=world.connection.id,
        run_id=run_id,
        ready=batch,
        now=world.now(),
        lease=world.lease,
        qbo_time=world.quickbooks.time,
    )
    mine = [entry_id for entry_id, _, _ in made.items] if made else []
    ended = _held_by_others(world, [entry_id for entry_id in ids if entry_id not in mine])
    if made is None:
        return ended
    try:
        outcomes = world.quickbooks.create_time_activities(
            made.for_quickbooks, request_id=made.request_id
        )
    except (TryAgain, AskPerson) as error:
        ledger.release(world.engine, made)  # certainly nothing was created
        halt.stop(str(error))
        return ended | dict.fromkeys(mine, _not_taken(str(error)))
    except Refused as error:
        ledger.release(world.engine, made)
        return ended | dict.fromkeys(mine, _refused_whole(error))
    except Unsure as error:
        ledger.doubt(world.engine, made.request_id, now=world.now())
        return ended | dict.fromkeys(mine, _in_doubt(str(error)))
    ledger.record(world.engine, made, outcomes, now=world.now())
    entry_of = {bid: entry_id for entry_id, bid, _ in made.items}
    answered = {entry_of[outcome.bid]: _ending(outcome) for outcome in outcomes}
    unanswered = _in_doubt("QuickBooks' answer does not speak of it.")
    return ended | {entry_id: answered.get(entry_id, unanswered) for entry_id in mine}


def _ending(outcome: Any) -> _Ended:
    if isinstance(outcome, Created):
        return _Ended(State.SENT, time_activity_id=outcome.time_activity_id)
    fault = outcome.fault
    text = refused(fault.message, fault.detail, fault.code)
    return _Ended(State.REJECTED, Reason.QBO_REFUSED, text)


def _refused_whole(error: Refused) -> _Ended:
    text = f"QuickBooks refused the whole batch: {error} Nothing of it was created."
    return _Ended(State.REJECTED, Reason.QBO_REFUSED, text)


def _not_taken(why: str) -> _Ended:
    text = f"It was not handed to QuickBooks, because the run ended early: {why}"
    return _Ended(State.REJECTED, Reason.QBO_REFUSED, text)


def _in_doubt(why: str) -> _Ended:
    text = (
        f"{why} QuickBooks may or may not have the entry. The next send, or `clockbooks settle`,"
        " asks it first; until then the entry is not sent again."
    )
    return _Ended(State.IN_DOUBT, Reason.UNCONFIRMED, text)


def _held_by_others(world: World, entry_ids: Sequence[str]) -> dict[str, _Ended]:
    """Say what became of entries that another run claimed between our plan and our claim."""
    if not entry_ids:
        return {}
    held = ledger.held(world.engine, world.connection.id, entry_ids)
    ended = dict.fromkeys(entry_ids, _in_doubt("It is being sent by another run."))
    for row in held.itertuples(index=False):
        if row.state == LedgerState.SENT:
            text = f"Another run sent it meanwhile, as TimeActivity {row.time_activity_id}."
            ended[row.entry_id] = _Ended(
                State.SKIPPED, Reason.ALREADY_SENT, text, row.time_activity_id
            )
    return ended


def _with_endings(plan: pd.DataFrame, ended: dict[str, _Ended]) -> pd.DataFrame:
    final = plan.copy()
    loaded = final["entry_id"].isin(list(ended))
    endings = final.loc[loaded, "entry_id"].map(ended)
    for column in ("state", "reason", "detail", "time_activity_id"):
        values = endings.map(lambda ending, name=column: getattr(ending, name))
        final.loc[loaded, column] = values.astype("str").where(values.notna())
    return final


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


def _rounding(request: SendRequest, workspace: dict[str, Any]) -> Rounding:
    settings = workspace.get("workspaceSettings") or {}
    own = settings.get("round") or {}
    try:
        if request.rounding is not None:
            return parse_rounding(request.rounding)
        return workspace_rounding(
            in_reports=bool(settings.get("timeRoundingInReports")),
            mode=str(own.get("round", "")),
            minutes=str(own.get("minutes", "")),
        )
    except ValueError as error:
        raise AskPerson(f"The rounding cannot be used: {error}") from None
