"""Judges entries slice by slice: by the rules, by the ledger, and by what waits in other plans."""

from collections.abc import Iterator

import pandas as pd

from connectors.store.staging import StagedEntries
from flows.context import RunContext
from flows.sending.extract import as_entries
from flows.sending.facts import Facts, LinkState
from flows.sending.hold_back import hold_back_refused, hold_back_waiting
from flows.sending.match_ledger import LedgerMatch, match_entries
from flows.sending.plan import Slice
from flows.sending.request import JobRequest
from transforms.plan.judge import JudgeRules, judge_entries

#: Rows that are judged and loaded together, at least; whole days are not divided.
SLICE_ROWS = 20_000


def judge_slices(
    context: RunContext,
    request: JobRequest,
    facts: Facts,
    staged: StagedEntries,
    link_state: LinkState,
) -> Iterator[Slice]:
    """Judge the entries of a window in slices of whole days.

    Days are not divided, because what decides about an entry are others of its day: one that was
    sent from a file is found once (`transforms.identity.same_work`). See `transforms.plan.judge`
    for the rules.
    """
    rules = JudgeRules(
        timezone=context.timezone,
        company=facts.company,
        rounding=facts.rounding,
        approved_only=bool(request.approved_only),
        filters=facts.filters,
    )

    def judge_slice(rows: pd.DataFrame) -> Slice:
        entries = as_entries(rows)
        match = match_entries(context, entries, link_state.links)
        plan = judge(context, request, entries, match, link_state, rules)
        return Slice(hold_back_waiting(context, plan), match)

    return map(judge_slice, staged.slices(SLICE_ROWS))  # nothing of a slice outlives it


def judge(
    context: RunContext,
    request: JobRequest,
    entries: pd.DataFrame,
    match: LedgerMatch,
    link_state: LinkState,
    rules: JudgeRules,
) -> pd.DataFrame:
    """Return the `Plan` of `TimeEntries` or `FileEntries`.

    Entries that QuickBooks refused before are held back, unless the request says to retry them.
    """
    plan = judge_entries(
        entries, held=match.held, links=link_state.links, unlinked=link_state.unlinked, rules=rules
    )
    return plan if request.retry_refused else hold_back_refused(context, rules.company, plan)
