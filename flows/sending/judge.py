"""Judges entries slice by slice: by rules, ledger and books, and by what waits in other plans."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from connectors.store.staging import StagedEntries
from flows.connections.send_options import joins
from flows.context import RunContext
from flows.sending.extract import as_entries
from flows.sending.facts import Facts, LinkState
from flows.sending.hold_back import hold_back_refused, hold_back_waiting
from flows.sending.match_ledger import LedgerMatch, match_entries
from flows.sending.plan import Look, Slice
from flows.sending.request import JobRequest
from flows.sending.split import in_their_parts
from flows.sending.unknown_time import hold_back_unknown
from flows.sending.workweeks import Workweeks
from schemas.quickbooks import Company
from schemas.words import Reason
from transforms.plan.hold_back import hold_back, hold_back_together
from transforms.plan.judge import JudgeRules, judge_entries

#: Rows that are judged and loaded together, at least; whole days are not divided.
SLICE_ROWS = 20_000


def judge_slices(
    context: RunContext,
    request: JobRequest,
    facts: Facts,
    staged: StagedEntries,
    link_state: LinkState,
    weeks: Workweeks | None = None,
) -> Iterator[Slice]:
    """Judge the entries of a window in slices of whole days.

    Days are not divided, because what decides about an entry are others of its day: one that was
    sent from a file is found once (`transforms.identity.same_work`). See `transforms.plan.judge`
    for the rules.
    """
    facts = replace(facts, rules=replace(facts.rules, filters=facts.filters))

    def held_back(one: Slice) -> Slice:
        plan = hold_back_waiting(context, one.plan)
        plan, look = ask_the_books(context, request, facts.company, plan)
        return replace(one.ending(hold_back_together(plan)), look=look)

    # Nothing of a slice outlives it.
    return map(held_back, by_the_rules(context, facts, staged, link_state, weeks))


def by_the_rules(
    context: RunContext,
    facts: Facts,
    staged: StagedEntries,
    link_state: LinkState,
    weeks: Workweeks | None = None,
) -> Iterator[Slice]:
    """Judge the entries of a window, in slices of whole days, by rules and ledger alone.

    The parts of an entry are in the slice of the day on which it begins.
    """

    def judge_slice(rows: pd.DataFrame) -> Slice:
        entries = as_entries(rows)
        match = match_entries(context, entries, link_state.links)
        hours = weeks.of(entries["day"].min(), entries["day"].max()) if weeks else None
        entries, match = in_their_parts(context, facts, entries, match, hours)
        plan = judge(entries, match, link_state, facts.rules)
        return Slice(plan, match, by_day=facts.rules.joins)

    return map(judge_slice, staged.slices(SLICE_ROWS))


def judge(
    entries: pd.DataFrame, match: LedgerMatch, link_state: LinkState, rules: JudgeRules
) -> pd.DataFrame:
    """Return the `Plan` of `TimeEntries` or `FileEntries`, by rules and ledger alone."""
    plan = judge_entries(
        entries, held=match.held, links=link_state.links, unlinked=link_state.unlinked, rules=rules
    )
    return hold_back_together(hold_back(plan, Reason.NOT_ATTEMPTED, match.stuck))


def ask_the_books(
    context: RunContext, request: JobRequest, company: Company, plan: pd.DataFrame
) -> tuple[pd.DataFrame, Look]:
    """Hold back what QuickBooks may have already, or would refuse again, unless told otherwise."""
    plan, look = hold_back_unknown(context, request, plan)
    if not request.retry_refused:
        plan = hold_back_refused(context, company, plan, by_day=joins(request))
    return plan, look
