"""Compares Clockify, the ledger and QuickBooks, and repairs what differs: `clockbooks reconcile`.

1. All three sides of the window are read and compared, some days at a time.
2. Somebody looks at what differs, and approves the repair as a whole, or not.
3. What may be repaired is repaired, in batches, through the ledger; the rest is kept as drift.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby, islice
from typing import Any

import pandas as pd

from connectors.errors import Refused, TryAgain
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.progress import Progress
from flows.reconciliation.compare import Comparison
from flows.reconciliation.findings import Finding
from flows.reconciliation.marks import Marking
from flows.reconciliation.repair import repair
from flows.reconciliation.report import DONE, ReconcileReport, drift_of
from flows.reconciliation.request import ReconcileRequest
from flows.sending.facts import check_both_sides, read_links, read_rates, read_rules, with_defaults
from flows.sending.mend import mend
from flows.sending.run_lease import RunLease, run_lease
from flows.sending.sent_tags import keep_tags
from flows.sending.settle_doubts import settle
from flows.text import entries
from schemas.part_ids import whole_id
from schemas.words import Kind
from transforms.reconciliation.judge import Judged, judge


def reconcile(
    context: RunContext,
    request: ReconcileRequest,
    report: ReconcileReport,
    *,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare a window, and repair what differs if that is asked for.

    Args:
        context: What to work with.
        request: What to do.
        report: Where the lists of the document are kept; closed by whoever made it.
        approve: Is shown what was found before anything is repaired; `False` ends the run.
        progress: Is notified of how far the repair has come.

    Returns:
        The JSON document of `clockbooks reconcile`.

    Raises:
        AskPerson: Something must be fixed first; nothing was changed.
        TryAgain: A service could not be read; nothing was changed.
    """
    send = with_defaults(request.as_send, context.settings)
    request = replace(request, approved_only=send.approved_only)
    facts = check_both_sides(context, replace(send, allow_payroll=None))  # nothing new goes
    report.currency = facts.company.currency
    days = {"start": request.start.isoformat(), "end": request.end.isoformat()}
    with ExitStack() as stack:
        lease = None if request.dry_run else stack.enter_context(run_lease(context))
        if lease is not None:
            settled = settle(context, lease)
            report.notes += settled.messages
            report.unsettled = len(settled.in_doubt)
        else:
            report.unsettled = context.store.open_claims.number()
        link_state = read_links(context, send)
        anew = read_rules(context, facts, link_state) if facts.rules.overtime else None
        facts = read_rates(context, facts, link_state)
        report.names = _names(link_state.links)
        comparison = Comparison(context, request, facts, link_state, anew or facts)
        marking = Marking(context, report) if request.mark_invoiced else None
        found = _read(context, request, comparison, report, marking)
        report.invoices = _invoices(context, request, found.billed, report.notes)
        document = report.document(None, **days)
        wants = request.repair or request.mark_invoiced
        if lease is None or (wants and approve is not None and not approve(document)):
            return document
        context.store.drift.forget_entries(sorted(found.agreeing))
        if marking is not None:
            marking.carry_out()
        _finish(context, lease, request, comparison, report, progress or Progress())
        report.notes += keep_tags(context, send.sent_tag)
        return report.document(lease.run_id, **days)


@dataclass
class _Found:
    """What a run needs of the findings besides its report.

    Attributes:
        billed: Those that are shown and on an invoice, by TimeActivity.
        agreeing: Entries that differed when they were last compared, and agree now.
    """

    billed: dict[str, Finding] = field(default_factory=dict)
    agreeing: set[str] = field(default_factory=set)


def _read(
    context: RunContext,
    request: ReconcileRequest,
    comparison: Comparison,
    report: ReconcileReport,
    marking: Marking | None,
) -> _Found:
    """Read and compare the window, and report what was found."""
    named, drifted, found = set(request.entry_ids), context.store.drift.entry_ids(), _Found()
    for findings in comparison.parts():
        report.add(findings)
        if marking is not None:
            marking.add(findings)
        billed = (one for one in findings if one.billed and (report.show_all or not one.agrees))
        found.billed |= {one.time_activity_id or "": one for one in billed}
        found.agreeing |= drifted & {one.entry_id or "" for one in findings if one.agrees}
        named -= {one.entry_id or "" for one in findings}
    report.totals.add_all(comparison.on_their_way)
    report.notes += comparison.notes + expiry_notes(context)
    report.notes += [
        f"Entry {id_} was not compared: it was not sent for these days." for id_ in sorted(named)
    ]
    report.undone += len(comparison.unreadable)
    if report.loses_most:
        report.notes.append(
            "More than half of what was sent is gone from Clockify or no longer approved. That may"
            " be a mistake, so a repair deletes none of it. If it is right, take it back with"
            " `clockbooks recall`."
        )
    if marking is not None:
        marking.plan()
    return found


def _finish(
    context: RunContext,
    lease: RunLease,
    request: ReconcileRequest,
    comparison: Comparison,
    report: ReconcileReport,
    progress: Progress,
) -> None:
    """Repair what may be repaired, and keep the rest as drift."""

    def judge_again(
        one: Finding, activity: Mapping[str, Any] | None, closed_until: date | None
    ) -> Judged:
        assert one.sent is not None, "only sent entries are repaired"  # noqa: S101
        rules = replace(comparison.rules, closed_until=closed_until)
        return judge(one.sent, one.now, activity, rules)

    def repairable() -> Iterator[Finding]:
        named = comparison.rules.entry_ids
        for _, unit in groupby(report.differences, key=lambda one: one.unit or one.entry_id):
            ones = list(unit)  # what goes together stays together
            loses = report.loses_most and any(
                one.is_lost and one.entry_id not in named for one in ones
            )
            for one in ones:
                if request.repair and one.judged.step is not None and not loses:
                    yield one
                else:
                    report.untouched(one)

    anew: set[str] = set()  # entries that the next send has to send again
    progress.begun(sum(one.judged.step is not None for one in report.differences))
    for done in repair(context, lease, repairable(), judge_again, progress):
        report.repaired(done)
        if done.repair in DONE and done.detail:
            report.notes.append(f"Entry {done.finding.entry_id}: {done.detail}")
        if done.repair in DONE or done.repair is None:
            context.store.drift.forget_entries([done.finding.entry_id or ""])
            anew |= {whole_id(done.finding.entry_id or "")} if done.finding.judged.anew else set()
    report.notes += _of_units(anew) + (mend(context, lease).notes if request.repair else [])
    unseen = context.store.drift.entry_ids() & set(comparison.unreadable)
    days = request.start.isoformat(), request.end.isoformat()
    context.store.drift.forget(*days, but=sorted(unseen))
    for items in _some(report.left()):
        context.store.drift.keep(lease.run_id, items)


def _of_units(anew: Collection[str]) -> list[str]:
    """Say how many entries in units the next send has to send anew."""
    if not anew:
        return []
    text = "in parts, in one TimeActivity with others, or with other overtime, taken out of"
    text += " QuickBooks whole"
    return [f"{entries(len(anew))} {text}. The next send sends them anew."]


def _names(links: pd.DataFrame) -> dict[str, str]:
    """Return the names of linked people and customers, by their ids as the comparison has them."""
    person = links["qbo_kind"].str.capitalize() + ":" + links["qbo_id"]
    ids = person.where(links["kind"] == Kind.USER, links["qbo_id"])
    return dict(zip(ids, links["qbo_name"], strict=True))


def _some(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield what is kept of differences, a thousand at a time."""
    while some := list(islice(items, 1000)):
        yield [drift_of(item) for item in some]


def _invoices(
    context: RunContext, request: ReconcileRequest, billed: dict[str, Finding], notes: list[str]
) -> dict[str, str]:
    """Find the invoices of billed TimeActivities: an invoice's lines link to them (FACTS, 1.1).

    They only name what is billed; so if they cannot be read, that is noted.
    """
    try:
        return _read_invoices(context, request, billed) if billed else {}
    except (Refused, TryAgain) as error:
        notes.append(f"Which invoices time is on could not be read: {error}")
        return {}


def _read_invoices(
    context: RunContext, request: ReconcileRequest, billed: dict[str, Finding]
) -> dict[str, str]:
    read, start = context.quickbooks.invoices, request.start.isoformat()
    found = _linked(read(first_day=start))
    others = {  # whose invoices bear an earlier date
        one.judged.sides["quickbooks"]["project"]
        for id_, one in billed.items()
        if id_ not in found and not one.agrees
    }
    for customer_id in sorted(filter(str.isdecimal, others)):
        found |= _linked(read(customer_id=customer_id))
    return found


def _linked(invoices: list[dict[str, Any]]) -> dict[str, str]:
    """Return the number of the invoice by the TimeActivity that it has on it."""
    return {
        str(link.get("TxnId")): str(invoice.get("DocNumber") or invoice.get("Id"))
        for invoice in invoices
        for line in _objects(invoice.get("Line"))
        for link in _objects(line.get("LinkedTxn"))
        if link.get("TxnType") == "TimeActivity"
    }


def _objects(part: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none of what is no list."""
    return [one for one in part if isinstance(one, Mapping)] if isinstance(part, list) else []
