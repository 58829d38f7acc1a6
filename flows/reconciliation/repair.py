"""Makes changes to TimeActivities that stand for sent entries: looks again, claims, calls, records.

What is to change is read again by its Id just before, and judged again: an invoice may have been
made meanwhile, or a correction, or the books may have been closed. QuickBooks refuses a SyncToken
that is outdated even then; such a TimeActivity is read and judged once more, and never forced. What
came onto an invoice after our look, and was updated all the same, is named; so is what was deleted
while an invoice of its customer was made.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, Refused, TryAgain
from connectors.quickbooks.client import IDS_A_QUERY
from connectors.store.change_rows import Wanted
from connectors.store.claim_records import PlanContents
from flows.context import RunContext
from flows.progress import Progress
from flows.reconciliation.creation_checks import typed_beside, why_not_made
from flows.reconciliation.findings import Finding
from flows.reconciliation.units import united
from flows.sending.batches import Ended
from flows.sending.invoices import invoiced_meanwhile
from flows.sending.load_changes import HELD_BY_OTHERS, Changes
from flows.sending.match_ledger import sent_from_a_file
from flows.sending.replay import create_claimed
from flows.sending.run_lease import RunLease
from schemas.part_ids import part_id, whole_id
from schemas.quickbooks import Company
from schemas.words import Block, Operation, Reason, Repair, State, Verdict
from transforms.identity.match_books import content_of, content_of_body
from transforms.plan.explain import refused
from transforms.reconciliation.bodies import as_it_was, change_bodies
from transforms.reconciliation.judge import Judged, Step

#: How often a TimeActivity is read and judged that somebody keeps changing.
ROUNDS = 3

#: Judges a finding anew by the TimeActivity as it is now, `None` if that is gone, and by the day
#: through which the books are closed now.
JudgeAgain = Callable[[Finding, Mapping[str, Any] | None, date | None], Judged]


@dataclass(frozen=True)
class Repaired:
    """What became of one difference.

    Attributes:
        finding: The difference, as it was found last.
        repair: What was done; `None` if nothing had to be done any more.
        detail: Why it was not, or not certainly, done, or what to check; empty if it was done.
        reason: The same as a word, where a step was begun.
    """

    finding: Finding
    repair: Repair | None
    detail: str = ""
    reason: Reason | None = None


def repair(
    context: RunContext,
    lease: RunLease,
    findings: Iterable[Finding],
    judge_again: JudgeAgain,
    progress: Progress,
) -> Iterator[Repaired]:
    """Take the step of each finding, and yield what became of it, in some order.

    Once QuickBooks cannot be reached or read, the rest is refused: another run takes it.
    """
    repairs = _Repairs(context, lease, judge_again)
    for some in in_units(findings, IDS_A_QUERY):
        for done in repairs.run(some):
            progress.moved(1)
            yield done


def in_units(findings: Iterable[Finding], number: int) -> Iterator[list[Finding]]:
    """Yield so many findings at once, or a few more: parts of an entry that follow each other."""
    some: list[Finding] = []
    for _, unit in groupby(findings, key=lambda one: one.unit or one.entry_id):
        some += unit
        if len(some) >= number:
            yield some
            some = []
    if some:
        yield some


#: Changes that are to be made, by the ledger's id, with the findings that each is for.
_Chosen = dict[str, tuple[list[Finding], Wanted]]


@dataclass(frozen=True)
class _Look:
    """What QuickBooks has just before a change.

    Attributes:
        rows: TimeActivities by Id.
        at: QuickBooks' own clock then.
    """

    rows: Mapping[str, Mapping[str, Any]]
    at: datetime | None


class _Repairs:
    """The repairs of one run."""

    def __init__(self, context: RunContext, lease: RunLease, judge_again: JudgeAgain) -> None:
        self._context, self._lease, self._judge_again = context, lease, judge_again
        self._halted: str | None = None
        self._to_check: dict[str, str] = {}
        self._pay_types = context.store.pay_types.stored()

    def run(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        """Repair some findings, again and again while somebody else changes them too."""
        left = {one.entry_id: one for one in findings}
        for _ in range(ROUNDS):
            if self._halted is not None or not left:
                break
            try:
                for done in self._round(list(left.values()), set()):
                    left.pop(done.finding.entry_id, None)
                    yield done
            except (TryAgain, Refused, AskPerson) as error:  # of the rest, nothing was begun
                self._halted = f"The run ended early: {error}"
        why = self._halted or "Somebody changes it in QuickBooks just now. Run the command again."
        for one in left.values():
            yield Repaired(one, Repair.REFUSED, why, Reason.NOT_ATTEMPTED)

    def _round(self, findings: Sequence[Finding], outdated: set[str]) -> Iterator[Repaired]:
        company = self._context.quickbooks.company()
        ids = [one.time_activity_id or "" for one in findings]
        rows = self._context.quickbooks.time_activities_by_id(ids)
        look = _Look({str(row["Id"]): row for row in rows}, self._context.quickbooks.time)
        wanted: dict[Step, _Chosen] = defaultdict(dict)
        judged = [
            replace(one, judged=self._judge_again(one, look.rows.get(id_), company.closed_until))
            for one, id_ in zip(findings, ids, strict=True)
        ]
        for again in united(judged):
            activity = look.rows.get(again.time_activity_id or "")
            step = again.judged.step
            if again.judged.verdict == Verdict.AGREES:
                yield Repaired(again, None)
            elif step is None:
                yield Repaired(again, Repair.REFUSED, again.judged.detail)
            else:  # of a line, one change is made for all entries
                change = _wanted(again, activity, self._pay_types)
                wanted[step].setdefault(change.entry_id, ([], change))[0].append(again)
        yield from self._keep_whole(wanted.values(), company)
        for step, chosen in wanted.items():
            if self._halted is None:
                for id_, why in self._obstacles(step, chosen, company, look).items():
                    for one in chosen.pop(id_)[0]:
                        yield Repaired(one, Repair.REFUSED, why)
                yield from self._take_all(step, chosen, look, outdated)

    def _keep_whole(self, chosen: Collection[_Chosen], company: Company) -> Iterator[Repaired]:
        """Refuse to take out parts and lines where the next send could not put all back."""
        units: dict[str, str | None] = {}
        bodies: dict[str, str] = {}
        for one in (one for some in chosen for ones, _ in some.values() for one in ones):
            if one.judged.anew and one.now is not None and one.entry_id is not None:
                whole = whole_id(one.entry_id)
                units[whole] = one.unit
                anew = one.now.anew if one.now.anew or one.now.body is None else (one.now.body,)
                bodies |= {part_id(whole, nth): body for nth, body in enumerate(anew, start=1)}
        obstacles = why_not_made(self._context, company, bodies, names=True)
        why = {units[whole_id(id_)]: text for id_, text in reversed(obstacles.items())}
        for some in chosen:
            for id_ in [id_ for id_, (ones, _) in some.items() if ones[0].unit in why]:
                for one in some.pop(id_)[0]:
                    yield Repaired(one, Repair.REFUSED, why[one.unit])

    def _take_all(
        self,
        step: Step,
        chosen: _Chosen,
        look: _Look,
        outdated: set[str],
    ) -> Iterator[Repaired]:
        """Take one step for entries that need it and may have it."""
        changes = {id_: change for id_, (_, change) in chosen.items()}
        taken = self._take(step, changes, look.rows, outdated)
        if step in {Step.DELETE, Step.REPLACE}:
            sent = [id_ for id_, ended in taken.items() if ended.state == State.SENT]
            were = {id_: look.rows[changes[id_].time_activity_id] for id_ in sent}
            self._to_check |= invoiced_meanwhile(self._context, were, look.at)
        for id_, ended in taken.items():
            if id_ not in outdated:
                yield from (self._repaired(step, one, id_, ended) for one in chosen[id_][0])

    def _obstacles(
        self, step: Step, chosen: _Chosen, company: Company, look: _Look
    ) -> dict[str, str]:
        """Say why TimeActivities should not be created, or get more time, by entry id."""
        if step == Step.UPDATE:
            rows = {id_: look.rows[one.time_activity_id] for id_, (_, one) in chosen.items()}
            return typed_beside(self._context, rows, {id_: chosen[id_][1].body for id_ in rows})
        if step not in {Step.REPLACE, Step.RESEND}:
            return {}
        bodies = {id_: one.replacement or one.body for id_, (_, one) in chosen.items()}
        # One that is refused without a deletion before it changes nothing.
        return why_not_made(self._context, company, bodies, names=step == Step.REPLACE)

    def _take(
        self,
        step: Step,
        wanted: Mapping[str, Wanted],
        by_id: Mapping[str, Mapping[str, Any]],
        outdated: set[str],
    ) -> dict[str, Ended]:
        """Take one step for some entries, and return how each ended."""
        if step == Step.FORGET:
            gone = list(wanted.values())
            free = self._context.store.changes.gone(self._lease.run_id, gone)
            return dict.fromkeys(wanted, HELD_BY_OTHERS) | dict.fromkeys(free, Ended(State.SENT))
        if step == Step.CATCH_UP:
            return self._catch_up(wanted, by_id)
        if step == Step.RESEND:
            return self._resend(list(wanted.values()))
        operation = Operation.UPDATE if step == Step.UPDATE else Operation.DELETE
        before = self._context.store.contents.as_claimed(list(wanted))
        loader = Changes(self._context, self._lease, operation, list(wanted.values()))
        ended: dict[str, Ended] = {}
        for some in loader.run():
            ended |= some
        outdated |= loader.outdated
        self._to_check |= dict.fromkeys(loader.billed, _BILLED_MEANWHILE)
        self._halted = loader.halted or self._halted
        if step == Step.REPLACE:
            deleted = [id_ for id_, one in ended.items() if one.state == State.SENT]
            ended |= self._create(deleted, loader.anew)
            not_made = [id_ for id_ in deleted if ended[id_].state == State.REJECTED]
            rows = {id_: by_id[wanted[id_].time_activity_id] for id_ in not_made}
            ended |= self._put_back(rows, before, ended)
        return ended

    def _catch_up(
        self, wanted: Mapping[str, Wanted], by_id: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Ended]:
        """Let the ledger follow what both services have already."""
        ended = dict.fromkeys(wanted, HELD_BY_OTHERS)
        for id_, one in wanted.items():
            token = str(by_id[one.time_activity_id]["SyncToken"])
            if self._context.store.changes.caught_up(self._lease.run_id, one, token):
                ended[id_] = Ended(State.SENT)
        return ended

    def _put_back(
        self,
        rows: Mapping[str, Mapping[str, Any]],
        contents: pd.DataFrame,
        ended: Mapping[str, Ended],
    ) -> dict[str, Ended]:
        """Create TimeActivities again that were deleted for what QuickBooks then refused.

        *rows* are as they were, *contents* what the entries were about then: they differ as before.
        """
        known = contents.set_index("entry_id", drop=False)
        store, size = self._context.store, self._context.quickbooks.limiter.batch_size()
        were = {id_: content_of(row) for id_, row in rows.items() if id_ in known.index}
        ready = [
            {"entry_id": id_, "body": as_it_was(rows[id_]), "minutes": int(one.minutes)}
            | {"date": one.day}
            for id_, one in were.items()
        ]
        about = PlanContents(known, store.contents.newest_claim(), sent_from_a_file)
        back: dict[str, Ended] = {}
        for first in range(0, len(ready), size):
            try:
                made = store.ledger.claim(
                    self._lease.run_id,
                    ready[first : first + size],
                    about,
                    lease=self._context.lease,
                    qbo_time=self._context.quickbooks.time,
                )
            except TryAgain as error:
                self._halted = str(error)
                break
            if made is not None:
                mine = [entry_id for entry_id, _, _ in made.items]
                back |= self._create(mine, {made.request_id})
        for id_, one in back.items():
            if one.state == State.SENT:
                why = (ended[id_].detail or "").replace(_GONE, _AS_IT_WAS)
                back[id_] = replace(ended[id_], detail=why)
        return back

    def _resend(self, wanted: Sequence[Wanted]) -> dict[str, Ended]:
        """Claim again what is gone from QuickBooks, and create it, in batches."""
        ended: dict[str, Ended] = {}
        size = self._context.quickbooks.limiter.batch_size()
        for first in range(0, len(wanted), size):
            some = wanted[first : first + size]
            try:
                made = self._context.store.changes.claim_again(
                    self._lease.run_id,
                    some,
                    lease=self._context.lease,
                    qbo_time=self._context.quickbooks.time,
                )
            except TryAgain as error:
                self._halted = str(error)
                break
            mine = [entry_id for entry_id, _, _ in made.items] if made is not None else []
            ended |= dict.fromkeys((one.entry_id for one in some), HELD_BY_OTHERS)
            ended |= self._create(mine, {made.request_id} if made is not None else set())
        return ended

    def _create(self, entry_ids: Sequence[str], request_ids: Collection[str]) -> dict[str, Ended]:
        """Create what was claimed anew for some entries, under these request ids."""
        settled = create_claimed(self._context, self._lease, request_ids)
        refusals = self._context.store.ledger.refusals(settled.refused)
        faults = {one.entry_id: refused(one.fault) for one in refusals}
        ended = {id_: Ended(State.REJECTED, Reason.NOT_ATTEMPTED, _GONE) for id_ in entry_ids}
        ended |= {id_: Ended(State.SENT) for id_ in settled.sent}
        ended |= {id_: Ended(State.IN_DOUBT, Reason.UNCONFIRMED, _GONE) for id_ in settled.in_doubt}
        for id_, fault in faults.items():
            ended[id_] = Ended(State.REJECTED, Reason.QBO_REFUSED, f"{fault} {_GONE}")
        return {id_: ended[id_] for id_ in entry_ids}

    def _repaired(self, step: Step, finding: Finding, row_id: str, ended: Ended) -> Repaired:
        if ended.state == State.IN_DOUBT:
            text = "No clear answer came. The next run, or `clockbooks settle`, finds out."
            return Repaired(finding, Repair.IN_DOUBT, text)
        if ended.state != State.SENT:
            return Repaired(finding, Repair.REFUSED, ended.detail or "", ended.reason)
        if finding.now is not None and step not in {Step.DELETE, Step.FORGET}:
            self._keep(finding)
        if row_id in self._to_check:
            billed = replace(finding.judged, blocked=Block.BILLED)
            to_check = self._to_check[row_id]
            return Repaired(replace(finding, judged=billed), _REPAIRS[step], to_check)
        return Repaired(finding, _REPAIRS[step])

    def _keep(self, finding: Finding) -> None:
        """Keep what an entry looks like now that QuickBooks has it so."""
        now = finding.now.row if finding.now else {}
        row = {name: now.get(name) for name in ("start", "billable", "amount_cents")}
        row |= {**finding.looks, "entry_id": finding.entry_id, "state": State.SENT}
        outcome = pd.DataFrame([row | {"reason": None, "detail": None}])
        self._context.store.outcomes.keep(self._lease.run_id, outcome)


_REPAIRS = {
    Step.UPDATE: Repair.UPDATED,
    Step.CATCH_UP: Repair.UPDATED,
    Step.DELETE: Repair.DELETED,
    Step.FORGET: Repair.DELETED,
    Step.REPLACE: Repair.REPLACED,
    Step.RESEND: Repair.RESENT,
}

_GONE = "It is not in QuickBooks now; the next send takes it."

_AS_IT_WAS = "Its time is in QuickBooks as it was before."

_BILLED_MEANWHILE = (
    "It came onto an invoice while it was updated: check in QuickBooks whether the invoice says"
    " what the entry says now."
)


def _wanted(
    finding: Finding, activity: Mapping[str, Any] | None, pay_types: pd.DataFrame
) -> Wanted:
    """Return the change that a finding's step makes."""
    assert finding.sent is not None, "only sent entries are repaired"  # noqa: S101
    sent, step = finding.sent, finding.judged.step
    body, replacement = change_bodies(sent, finding.now, activity, finding.judged, pay_types)
    minutes, day = None, finding.looks["date"]
    if step not in {Step.DELETE, Step.FORGET}:
        after = content_of_body(replacement or body)
        minutes, day = int(after.minutes), after.day
    now = finding.now
    known = now is not None and now.contents is not None and step != Step.DELETE
    contents = now.contents if known and now is not None else None
    if contents is not None and contents["entry_id"] != sent.entry_id:
        contents = None  # sent from a file, and not renamed in a dry run
    return Wanted(
        sent.row_id,
        sent.time_activity_id,
        body,
        minutes=minutes,
        date=day,
        replacement=replacement,
        contents=contents,
        unit=sent.unit if sent.line is None else None,
    )
