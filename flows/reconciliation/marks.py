"""Keeps the invoiced marks in Clockify true: sets them, and takes ours off again.

A mark is recorded as ours before Clockify is called, and settled by its answer. Where an answer is
lost, Clockify is looked at once more. A process that dies leaves a record that is not settled: the
mark is then never taken off, since a person may have set it meanwhile, but a person is told.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from flows.context import RunContext
from flows.reconciliation.findings import Finding
from flows.reconciliation.report import ReconcileReport
from flows.text import entries, named
from schemas.part_ids import whole_id
from schemas.words import Mark
from transforms.entries.local_days import month_slices
from transforms.identity.same_work import ROW_ID
from transforms.reconciliation.judge import is_billed
from transforms.reconciliation.marks import MarkPlan, Shown, plan_marks, shown_marks

#: Entries that Clockify marks in one call.
_AT_ONCE = 100

#: Most entries that a note names.
_NAMED = 20


class Marking:
    """The invoiced marks of the entries that one reconciliation compares."""

    def __init__(self, context: RunContext, report: ReconcileReport) -> None:
        self._context, self._report = context, report
        self._billed: dict[str, bool] = {}
        self._ours: dict[str, bool] = {}
        self._days: set[date] = set()
        self._plan = MarkPlan()

    def add(self, findings: Sequence[Finding]) -> None:
        """Add what was found on some days, of entries that Clockify has.

        One in parts is on an invoice once all of its parts are; one of which not all are among what
        was found stays as it is.
        """
        there: dict[str, list[Finding]] = defaultdict(list)
        for one in findings:
            if one.in_clockify and one.entry_id and not one.entry_id.startswith(ROW_ID):
                there[whole_id(one.entry_id)].append(one)
        parts = self._parts_of(list(there))
        found = {one.entry_id for one in findings}
        there = {id_: ones for id_, ones in there.items() if parts.get(id_, {id_}) <= found}
        ours = self._context.store.marks.known(Mark.INVOICED, list(there))
        billed = {id_: all(one.billed for one in ones) for id_, ones in there.items()}
        matter = {id_: is_billed for id_, is_billed in billed.items() if is_billed or id_ in ours}
        self._ours |= ours
        self._billed |= matter
        self._days |= {
            date.fromisoformat(min(one.looks["date"] for one in there[id_])) for id_ in matter
        }

    def _parts_of(self, entry_ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the sent parts of those of some entries that were sent in parts."""
        units = self._context.store.parts.units(entry_ids)
        return {whole: {whole, *(row.entry_id for row in rows)} for whole, rows in units.items()}

    def plan(self) -> None:
        """Read the marks that Clockify shows, and plan what becomes of them."""
        shown = self._shown()
        if shown is None:
            self._report.undone += len(self._billed)
            self._billed, self._ours = {}, {}
            return
        self._plan = plan_marks(self._billed, shown, self._ours)
        self._report.to_mark, self._report.to_unmark = [*self._plan.put], [*self._plan.take_off]
        if unclear := self._plan.unclear:
            self._report.notes.append(
                f"Marked as invoiced in Clockify, but on no invoice: {entries(len(unclear))}. The"
                " run that set the mark or took it off was cut short, so it may be somebody else's"
                f" by now. If it is not, take it off in Clockify: {named(unclear, _NAMED)}."
            )

    def carry_out(self) -> None:
        """Do what was planned, as far as it is right still: somebody may have approved it late."""
        planned = len(self._plan.put) + len(self._plan.take_off)
        plan = self._plan_again()
        if plan is None:
            self._report.undone += planned
            return
        self._context.store.marks.forget(Mark.INVOICED, _both(self._plan.forget, plan.forget))
        put = self._call(_both(self._plan.put, plan.put), invoiced=True)
        taken_off = self._call(_both(self._plan.take_off, plan.take_off), invoiced=False)
        if put:
            self._report.notes.append(f"Marked as invoiced in Clockify: {entries(put)}.")
        if taken_off:
            self._report.notes.append(
                "No longer marked as invoiced in Clockify, because on no invoice any more:"
                f" {entries(taken_off)}."
            )

    def _plan_again(self) -> MarkPlan | None:
        """Plan by what all sides say now; `None`, with a note, if one cannot be read."""
        ids = [*self._plan.put, *self._plan.take_off, *self._plan.forget]
        if not ids:
            return MarkPlan()
        store, quickbooks = self._context.store, self._context.quickbooks
        parts = self._parts_of(ids)
        every = [part for id_ in ids for part in sorted(parts.get(id_, {id_}))]
        sent = store.sent.of(every)
        try:
            rows = quickbooks.time_activities_by_id([row.time_activity_id for row in sent])
        except (Refused, TryAgain) as error:
            self._report.notes.append(f"The invoiced marks in Clockify are as before: {error}")
            return None
        on_invoice = {row["Id"] for row in rows if is_billed(row)}
        on_invoice = {row.entry_id for row in sent if row.time_activity_id in on_invoice}
        billed = {id_: parts.get(id_, {id_}) <= on_invoice for id_ in ids}
        shown = self._shown()
        if shown is None:
            return None
        return plan_marks(billed, shown, store.marks.known(Mark.INVOICED, ids))

    def _shown(self) -> Mapping[str, Shown] | None:
        """Read the marks of the entries that matter; `None`, with a note, if that fails."""
        if not self._days:
            return {}
        day, clockify, zone = timedelta(days=1), self._context.clockify, self._context.timezone
        try:
            return {
                id_: shown
                for part in month_slices(min(self._days) - day, max(self._days) + day)
                for rows in clockify.report(part, timezone=zone, invoiced_only=True)
                for id_, shown in shown_marks(rows).items()
            }
        except (AskPerson, Refused, TryAgain) as error:
            self._report.notes.append(f"The invoiced marks in Clockify could not be read: {error}")
            return None

    def _call(self, ids: Sequence[str], *, invoiced: bool) -> int:
        """Set marks or take them off, and return how many; the others are noted."""
        marks, unclear, done = self._context.store.marks, dict[str, Exception](), 0
        left: list[Exception] = []
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            marks.begin(Mark.INVOICED, some)
            try:
                self._context.clockify.mark_invoiced(some, invoiced=invoiced)
            except Unsure as error:
                unclear |= dict.fromkeys(some, error)
            except (AskPerson, Refused, TryAgain) as error:  # nothing was done: all is as before
                (marks.forget if invoiced else marks.settle)(Mark.INVOICED, some)
                left += [error] * len(some)
            else:
                (marks.settle if invoiced else marks.forget)(Mark.INVOICED, some)
                done += len(some)
        as_wished = self._look_up(list(unclear), invoiced=invoiced)
        left += [error for id_, error in unclear.items() if id_ not in as_wished]
        self._report.undone += len(left)
        may = "may not be" if invoiced else "may still be"
        if left:
            self._report.notes.append(
                f"{entries(len(left))} {may} marked as invoiced in Clockify: {left[0]}"
            )
        return done + len(as_wished)

    def _look_up(self, ids: Sequence[str], *, invoiced: bool) -> set[str]:
        """Settle unclear calls by what Clockify shows now; return which marks are as wished.

        One that it does not show may still come.
        """
        shown = self._shown() if ids else None
        there = {id_ for id_ in ids if shown and shown.get(id_) is Shown.BY_HAND}
        marks = self._context.store.marks
        marks.settle(Mark.INVOICED, sorted(there))
        if invoiced or shown is None:
            return there
        gone = set(ids) - there
        marks.forget(Mark.INVOICED, sorted(gone))
        return gone


def _both(planned: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return what was planned, and is to be done now too."""
    still = set(now)
    return [id_ for id_ in planned if id_ in still]
