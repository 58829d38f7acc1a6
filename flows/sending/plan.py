"""The plan of a run: made first, shown as a whole, and executed exactly as it was made.

Nothing is read or judged again between the two: what was shown is what goes. Entries that another
run takes meanwhile are noticed when they are claimed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from connectors.errors import TryAgain
from connectors.store.unknown_time import UnknownRow
from flows.connections.requirements import check_company
from flows.context import RunContext
from flows.sending.match_ledger import LedgerMatch
from flows.sending.report import Report
from flows.sending.request import JobRequest
from flows.sending.run_lease import RunLease, run_lease
from flows.sending.settle_doubts import settle
from flows.sending.settled import Settled
from flows.sending.spool import Spool
from schemas.quickbooks import Company
from schemas.words import Hours, QboKind, State, TimeKind
from transforms.plan.lines import join, with_amounts


@dataclass(frozen=True)
class Look:
    """What a run saw in QuickBooks of the people and days of ready entries.

    Attributes:
        unknown: TimeActivities that no ledger accounts for, by person and day, of each of them.
        other: Those that the request calls other work.
    """

    unknown: Mapping[tuple[str, str], Sequence[UnknownRow]] = field(default_factory=dict)
    other: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Slice:
    """What is to become of the entries of some whole days.

    Attributes:
        plan: `Plan`; for rows of files with `file` and `line` too.
        match: What the ledger held of them when they were judged.
        look: What QuickBooks had of these people and days.
        alone: Whether nothing else may be on its way to the company while this goes.
        by_day: Whether entries of a person's day go as one TimeActivity.
    """

    plan: pd.DataFrame
    match: LedgerMatch
    look: Look = field(default_factory=Look)
    alone: bool = False
    by_day: bool = False

    def ending(self, plan: pd.DataFrame) -> "Slice":
        """Return it with other states of its entries, and with what they come to as they go now."""
        rows = (self.plan["state"] == State.READY) | (plan["state"] == State.READY)
        return replace(self, plan=with_amounts(plan, rows, by_day=self.by_day))

    @property
    def activities(self) -> int:
        """How many TimeActivities the ready rows go as."""
        return len(join(self.plan[self.plan["state"] == State.READY], by_day=self.by_day).rows)

    @property
    def minutes_by_hours(self) -> Counter[str]:
        """Minutes of the ready rows by `Hours`, where overtime is computed."""
        ready = self.plan[self.plan["state"] == State.READY]
        kinds = self.match.contents.frame["hours"].dropna().map(lambda hours: hours.split()[-1])
        sums = ready["minutes"].groupby(ready["entry_id"].map(kinds)).sum()
        return Counter({kind: int(sums[kind]) for kind in Hours if kind in sums})

    @property
    def clashing(self) -> list[str]:
        """Ready entries that may be edited versions of sent ones: their ids, or places in files."""
        rows = self.plan[self.plan["entry_id"].isin(self.match.clashing)]
        rows = rows[rows["state"] == State.READY]
        if "file" not in rows:
            return list(rows["entry_id"])
        return [f"{row.file} line {row.line}" for row in rows.itertuples(index=False)]


@dataclass
class RunPlan:
    """The slices of one plan, on disk, and the run that made it.

    Attributes:
        company: The QuickBooks company.
        report: Adds the plan up.
        lease: The run; `None` for a dry run, which leaves no trace and cannot be executed.
        settled: What became of entries in doubt before the plan was made.
        slices: The plan; empty for a dry run.
        clashing: `Slice.clashing` of all slices.
        allow_payroll: Whether a company with payroll gets all entries at once; see `JobRequest`.
        activities: `Slice.activities` of all slices.
        minutes_by_hours: `Slice.minutes_by_hours` of all slices.
        kinds: The kinds of time that are ready.
        sent_tag: Name of the tag that sent entries are to get in Clockify, if any.
    """

    company: Company
    report: Report
    lease: RunLease | None
    settled: Settled
    slices: Spool[Slice] = field(default_factory=Spool)
    clashing: list[str] = field(default_factory=list)
    activities: int = 0
    minutes_by_hours: Counter[str] = field(default_factory=Counter)
    allow_payroll: bool | None = None
    kinds: set[TimeKind] = field(default_factory=set)
    sent_tag: str | None = None

    @property
    def tries_one(self) -> bool:
        """Whether one entry goes first, alone, until QuickBooks has taken time (`canary`)."""
        return self.company.has_payroll and self.allow_payroll is None

    def read_company_again(self, context: RunContext) -> None:
        """Read the company again: somebody may have changed it while a person looked at the plan.

        Raises:
            NotReady: It accepts no time any more.
            TryAgain: Its books were closed through a later day: the plan may have days before it.
        """
        before, self.company = self.company.closed_until, context.quickbooks.company()
        check_company(self.company, allow_payroll=self.allow_payroll)
        closed = self.company.closed_until
        if closed is not None and (before is None or closed > before):
            raise TryAgain(
                f"Since the plan was made, the books were closed through {closed}. Nothing was"
                " sent.",
                to_do="Run the command again.",
            )

    def become(self, slices: Iterable[Slice]) -> None:
        """Make *slices* the plan, and add it up from the beginning; they may be made of its own."""
        before, self.slices = self.slices, Spool[Slice]()
        self.clashing, self.kinds, self.activities = [], set(), 0
        self.minutes_by_hours = Counter()
        self.report.begin()
        with closing(before):
            for one in slices:
                self.report.add(one.plan)
                self.clashing += one.clashing
                self.activities += one.activities
                self.minutes_by_hours += one.minutes_by_hours
                self.kinds |= set(time_kinds(one.plan[one.plan["state"] == State.READY]))
                if self.lease is not None:
                    self.slices.extend([one])


def time_kinds(plan: pd.DataFrame) -> pd.Series:
    """Return the kind of each row's time, by `TimeKind`."""
    has_one = plan["qbo_pay_type_id"].notna()
    kinds = has_one.map({True: TimeKind.PAID, False: TimeKind.PLAIN})
    return kinds.where(plan["qbo_kind"] == QboKind.EMPLOYEE, TimeKind.CONTRACTORS)


@contextmanager
def open_plan(
    context: RunContext,
    company: Company,
    report: Report,
    run: Callable[..., Any],
    request: JobRequest,
) -> Iterator[RunPlan]:
    """Open an empty plan for a block.

    Unless the run is a dry one, it holds a lease, and settles what earlier runs left in doubt
    before anything is judged.

    Raises:
        TryAgain: QuickBooks could not be read; nothing was sent.
    """
    with ExitStack() as stack:
        asked = run_lease(context, approved_only=request.approved_only)
        lease = None if request.dry_run else stack.enter_context(asked)
        settled = Settled() if lease is None else run(settle, context, lease)
        report.notes += [note for note in (settled.message, *settled.notes) if note]
        allow, tag = request.allow_payroll, request.sent_tag
        plan = RunPlan(company, report, lease, settled, allow_payroll=allow, sent_tag=tag)
        try:
            yield plan
        finally:
            plan.slices.close()
