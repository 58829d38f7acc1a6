"""The plan of a window: judged slice by slice, kept on disk, gone over as often as one likes.

A send makes its plan first (`judged`, each slice into a `KeptPlan` and a `reporting.Report`), shows
the report, and then carries out exactly the kept slices (`carrying.carry_out`): nothing is read or
judged again, and what was claimed by others meanwhile is found out when it is claimed.

A plan that waits for somebody for days is kept in the database instead, and judged anew once it is
approved, each slice through a sieve that lets exactly the approved rows pass
(`flows.review.review`): what Clockify or the links say otherwise by then must not go.
"""

import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import pandas as pd

from connectors.store.staging import StagedEntries
from flows.context import RunContext
from flows.sending.extract import as_entries
from flows.sending.hold_back import hold_back_refused, hold_back_waiting
from flows.sending.match_ledger import Recognised, recognise
from flows.sending.request import SLICE_ROWS, Facts, JobRequest, Partners
from transforms.plan.judge import Rules, make_plan


@dataclass(frozen=True)
class Slice:
    """What is to become of the entries of some whole days.

    Attributes:
        plan: `Plan`.
        recognised: What the ledger held of them when they were judged, and what they are about.
    """

    plan: pd.DataFrame
    recognised: Recognised


AnySlice = TypeVar("AnySlice")


class KeptPlan(Generic[AnySlice]):
    """The slices of one plan, on disk; the file has no name and is gone with us."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - see `close`

    def add(self, one: AnySlice) -> None:
        """Add a slice at the end."""
        self._file.seek(0, 2)
        pickle.dump(one, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[AnySlice]:
        place, end = 0, self._file.seek(0, 2)
        while place < end:
            self._file.seek(place)  # another reader may have been elsewhere
            one: AnySlice = pickle.load(self._file)  # noqa: S301 - nobody else can write to it
            place = self._file.tell()
            yield one

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def judged(
    context: RunContext,
    request: JobRequest,
    facts: Facts,
    staged: StagedEntries,
    partners: Partners,
) -> Iterator[Slice]:
    """Judge the entries of a window by the ledger and the links, in slices of whole days.

    Days are not divided, because what decides about an entry are others of its day: one that was
    sent from a file is found once (`transforms.identity.same_work`). See `transforms.plan.judge`
    for the rules.
    """
    rules = Rules(
        timezone=context.timezone,
        company=facts.company,
        rounding=facts.rounding,
        approved_only=bool(request.approved_only),
        filters=facts.filters,
    )

    def judge(rows: pd.DataFrame) -> Slice:
        entries = as_entries(rows)
        recognised = recognise(context, entries, partners.links)
        plan = make_plan(
            entries,
            held=recognised.held,
            links=partners.links,
            unlinked=partners.unlinked,
            rules=rules,
        )
        if not request.retry_refused:
            plan = hold_back_refused(context, facts.company, plan)
        return Slice(hold_back_waiting(context, plan), recognised)

    yield from map(judge, staged.slices(SLICE_ROWS))  # nothing of a slice outlives it
