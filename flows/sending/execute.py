"""Carries out plans, slice by slice: load, record what was said of each entry, add it up."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import pandas as pd

from connectors.errors import TryAgain
from connectors.store.ledger import About
from flows.context import RunContext
from flows.progress import Progress
from flows.sending import match_ledger
from flows.sending.judge import Slice
from flows.sending.load import load, not_loaded
from flows.sending.report import Report
from flows.sending.request import call_plainly
from flows.sending.run_lease import LiveRun
from schemas.quickbooks import Company
from schemas.words import State
from transforms.identity.same_work import told_otherwise


class Carrier:
    """Loads plans one after the other; once a load ends early, no other one begins.

    Attributes:
        stopped: Why a load ended early; `None` while none did.
    """

    def __init__(
        self,
        context: RunContext,
        live: LiveRun,
        company: Company,
        progress: Progress,
        run: Callable[..., Any] = call_plainly,
    ) -> None:
        self.stopped: str | None = None
        self._context = context
        self._live = live
        self._company = company
        self._moved = Progress(moved=progress.moved)  # the whole was told before
        self._run = run
        self._taken = 0

    def carry(
        self, plan: pd.DataFrame, about: About, *, unkept: Collection[str] = ()
    ) -> pd.DataFrame:
        """Load a plan's ready rows, and keep what was said of every row.

        Args:
            plan: `Plan`.
            about: What its entries are about.
            unkept: Ids of rows of which nothing is kept.

        Returns:
            The plan with the final states.
        """
        if self.stopped is None:
            ended, self.stopped = self._run(
                load, self._context, self._live, self._company, plan, about, self._moved
            )
        else:
            ended = not_loaded(plan, self.stopped)
        self._taken += int(ended["state"].isin([State.SENT, State.IN_DOUBT]).sum())
        kept = ended[~ended["entry_id"].isin(list(unkept))]
        outcomes = self._context.store.outcomes
        outcomes.keep(self._live.id, kept)
        before = outcomes.unsent(kept["date"].unique().tolist())
        outcomes.forget(told_otherwise(kept, before))
        return ended

    def finish(self) -> None:
        """Leave with an error when nothing at all was sent.

        Raises:
            TryAgain: A load ended early, before QuickBooks had taken anything.
        """
        if self.stopped and not self._taken:
            raise TryAgain(f"Nothing was sent. {self.stopped}")


def carry_out(
    context: RunContext,
    live: LiveRun,
    company: Company,
    slices: Iterable[Slice],
    report: Report,
    progress: Progress,
    run: Callable[..., Any] = call_plainly,
) -> None:
    """Send exactly the ready rows of some slices, and report how every entry ended.

    Args:
        context: What to work with.
        live: The run; it has settled what was in doubt.
        company: The company as it is now.
        slices: What was decided; see `flows.sending.judge`.
        report: Where it is added up, from the beginning.
        progress: Told how far it has come; of how many, the caller says.
        run: Runs each load.

    Raises:
        TryAgain: QuickBooks took nothing at all.
    """
    report.begin()
    carrier = Carrier(context, live, company, progress, run)
    for one in slices:
        match_ledger.keep(context, one.recognised)
        report.add(carrier.carry(one.plan, one.recognised.about))
    report.stopped = carrier.stopped
    carrier.finish()
