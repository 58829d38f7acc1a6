"""Review before sending: a send or an import that stops after its plan, and waits for a person.

    send-time, review=true ──► plan, kept in our database ──► the run is suspended: nothing waits
                                                                      │
       approve / reject, on the run's own page, by its Resume button ◄┘
            │
            └──► the same run starts again, finds its plan, and sends exactly that

One run that is suspended, rather than a deployment that plans and another that sends: a person
finds the waiting run in the list, with the plan, the button, the decision and the result on one
page; with two deployments they would have to copy a number from one form to another. A resumed flow
starts again at its top, which costs nothing here: a run that comes back finds its plan in our
database. So there are no results of Prefect's to keep, or to share between machines.

- *Waiting* takes no process and survives a reboot: it is a state in Prefect's database, and a plan
  in ours. It ends after CLOCKBOOKS_REVIEW_HOURS: Prefect then ends the run as failed, the plan
  has expired, and nothing was sent.
- *No other send takes what waits* (`flows.sending.hold_back`), because Prefect gives a suspended
  run's slot away. A run that was canceled or deleted while it waited gives its entries back at
  the next send (`give_back`).
- *Exactly what was shown goes*: the plan is made again, and what is not byte for byte what was
  approved is left for the next run, with a reason (`transforms.plan.approval`). The ledger knows
  what other runs have sent since.
- *Files are read again*: the plan has the SHA-256 of each, and ends if one is another by then.
- *An answer that Prefect accepted in time* counts, however late the run comes back with it.
- *A run that dies after the decision* may be retried: the decision stands, and the ledger knows
  what was sent. One that dies before it makes a new plan: nobody decides what nobody was shown.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from prefect import get_client, get_run_logger
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run

from connectors.errors import AskPerson
from connectors.store.plans import StoredPlan
from flows.context import RunContext
from flows.pages.pages import PageContext, of_files
from flows.pages.publish import page_context, show_decided, show_plan
from flows.pages.safe_markdown import safe
from flows.progress import Progress
from flows.review.ask import ask, was_asked
from flows.review.form import Form
from flows.review.jobs import Job
from flows.review.meanwhile import hold_back_meanwhile
from flows.sending.execute import execute
from flows.sending.plan import Slice
from flows.sending.report import Report
from flows.sending.send import ready_notes
from flows.sending.unknown_time import keep_shown
from flows.text import hours
from schemas.words import PlanState, State
from transforms.plan.activities import to_activities
from transforms.plan.approval import only_approved
from transforms.plan.hold_back import hold_back_together
from transforms.plan.summary import Overview

#: Entries that a note names; the others are counted.
_NAMED = 10


def do_reviewed(
    context: RunContext,
    job: Job,
    report: Report,
    seen: Callable[[], Overview],
    *,
    progress: Progress,
    run: Callable[..., Any],
) -> tuple[dict[str, Any], StoredPlan | None]:
    """Make a plan, wait for somebody's decision, and send what they approved.

    Suspends the flow run in between: it comes back here in a new process. Once a plan waits, its
    days or files count, not the request's. *seen* returns the sums of the report, for the plan's
    page; for the other arguments see `flows.sending.send.send`.

    Returns:
        The job's JSON document, and the plan; `None` if there was nothing to decide.

    Raises:
        AskPerson: The run has no page to wait in; the plan expired or was withdrawn; or one of its
            files has changed.
        TryAgain: See `flows.sending.send.send`; or another plan came first.
    """
    run_id = waitable()
    plan, answered = _earlier_plan(context, run_id)
    if plan is None:
        plan = _make(context, job, report, run, run_id)
        if plan is None:
            report.notes.append("There is nothing to decide: no entry would be sent.")
            # Nobody looks at this, unlike at a dry run: so the run's state says what is left.
            return report.document(None, dry_run=False), None
        _show(context, plan, seen(), report.document(None))
    if plan.state is PlanState.WAITING or (answered and plan.state is PlanState.EXPIRED):
        plan = _decided(context, job, plan)
    if plan.state is PlanState.REJECTED:
        report.notes.append(rejection(plan))
        return report.document(None, **job.members(context)), plan
    if plan.state is not PlanState.APPROVED:
        raise AskPerson(
            f"Plan {plan.id} has {'expired' if plan.state is PlanState.EXPIRED else 'ended'}:"
            " none of it was sent. Start a new run for a new plan."
        )
    return _send_approved(context, job, report, plan, progress, run), plan


def _earlier_plan(context: RunContext, run_id: str) -> tuple[StoredPlan | None, bool]:
    """Return the plan that this run made before it was suspended, and whether it was answered."""
    context.store.plans.end_overdue()
    plan = context.store.plans.of_flow_run(run_id)
    answered = plan is not None and was_asked(_key(plan, 1))
    if plan is not None and plan.state is PlanState.WAITING and not answered:
        _withdraw(context, plan, "Its run started again before anybody decided.")
        return None, False
    return plan, answered


def _key(plan: StoredPlan, asked: int) -> str:
    """Return the key under which Prefect keeps the answer to one question about a plan."""
    return f"plan-{plan.id}-{asked}"


def _withdraw(context: RunContext, plan: StoredPlan, why: str) -> None:
    context.store.plans.decide(plan.id, PlanState.WITHDRAWN, by="Clockbooks", note=why)


def _show(context: RunContext, plan: StoredPlan, seen: Overview, document: dict[str, Any]) -> None:
    """Show the plan; withdraw one that cannot be shown, or somebody might approve it unseen."""
    try:
        show_plan(plan, seen, document, page_context(context, plan.currency))
    except BaseException:  # whatever stops it, Ctrl-C and Cancel too
        _withdraw(context, plan, "It could not be shown.")
        raise


def rejection(plan: StoredPlan) -> str:
    """Return who rejected a plan, and why if they gave a reason."""
    why = f": {plan.note}" if plan.note else ""
    return f"Plan {plan.id} was rejected by {plan.decider}{why}. Nothing was sent."


def waitable() -> str:
    """Return the id of this run; refuse one that could not be started again after waiting."""
    if not deployment.id or flow_run.parent_flow_run_id:
        raise AskPerson(
            "A review waits on Prefect's page, so the run must be one of a deployment, and not part"
            " of another run such as `send-all`: start it on that page (`clockbooks ui`), or leave"
            " `review` out; the command asks at the terminal."
        )
    return str(flow_run.id)


def _make(
    context: RunContext, job: Job, report: Report, run: Callable[..., Any], run_id: str
) -> StoredPlan | None:
    """Make the plan, and store what would go; `None` when nothing would."""
    job, began = job.with_files(), context.now()
    with job.plan(context, report, run=run) as plan:
        for one in plan.slices:
            keep_shown(context, one)
        days = job.days(plan)
        if days is None:
            return None
        writer = context.store.plans.begin(
            days=days,
            made_at=began,
            flow_run_id=run_id,
            address=page_context(context, report.currency).run_address,
            currency=report.currency,
            files=job.files,
        )
        for one in plan.slices:
            ready = one.plan[one.plan["state"] == State.READY]
            bodies = to_activities(ready)["body"].to_numpy()
            writer.add(ready.assign(body=bodies), ready["amount_cents"])
    return writer.offer(context.now() + timedelta(hours=context.settings.review_hours))


def _decided(context: RunContext, job: Job, plan: StoredPlan) -> StoredPlan:
    """Wait for a decision that can be carried out, and record it.

    The first call for a plan suspends the run; when the run comes back, the same call gives what
    was answered. An answer that cannot be carried out is followed by another question, while there
    is time.
    """
    form = Form(context.store.plans, plan)
    place = page_context(context, plan.currency)
    objection: str | None = None
    for asked in count(1):
        left = (plan.expires_at or context.now()) - context.now()
        if objection is not None and left <= timedelta(0):
            raise AskPerson(
                f"{objection} The time to decide about plan {plan.id} is over: start a new run for"
                " a new plan."
            )
        description = _question(plan, place, objection)
        answer = ask(
            form.model(description),
            key=_key(plan, asked),
            timeout_s=max(1, int(left.total_seconds())),
            show=partial(
                get_run_logger().info,
                "Plan %s waits for a decision: open %s and press Resume (new pages: ⋮, Resume).",
                plan.id,
                place.run_address,
            ),
        )
        choice = form.read(answer)
        objection = form.objection(choice)
        if objection is None:
            break
    if choice.state is PlanState.APPROVED:
        _check_files(context, job, plan)
    plan = context.store.plans.decide(
        plan.id,
        choice.state,
        by=choice.by,
        note=choice.note,
        left_out=choice.left_out if choice.state is PlanState.APPROVED else None,
        answer_id=choice.answer_id,
        was_in_time=True,  # Prefect takes no answer after the limit
    )
    show_decided(plan, place)
    return plan


def _check_files(context: RunContext, job: Job, plan: StoredPlan) -> None:
    """End a plan whose files are not any more what somebody approves.

    Raises:
        AskPerson: So it is; nothing was sent.
    """
    stale = job.stale(plan)
    if stale is None:
        return
    if plan.state is PlanState.WAITING:
        _withdraw(context, plan, stale)
    raise AskPerson(
        f"{stale} So nothing more of plan {plan.id} is sent. Start a new run for a new plan."
    )


def _question(plan: StoredPlan, place: PageContext, objection: str | None) -> str:
    """Return the description above the form."""
    again = f"⚠ **{safe(objection, 600)}** Please decide again.\n\n" if objection else ""
    money = f", {place.money(plan.amount_cents)} billable" if plan.amount_cents else ""
    until = place.time(plan.expires_at) if plan.expires_at else ""
    return (
        f"## Plan {plan.id}: {plan.first_day} … {plan.last_day}{of_files(plan)}\n\n{again}"
        f"{plan.entries:,} entries, {hours(plan.minutes)}{money}, would go to QuickBooks. The plan,"
        " its entries with their numbers, and what stays behind and why are under **Artifacts** of"
        f" this run. If nobody decides by {until}, nothing is sent."
    )


def _send_approved(
    context: RunContext,
    job: Job,
    report: Report,
    stored: StoredPlan,
    progress: Progress,
    run: Callable[..., Any],
) -> dict[str, Any]:
    """Make the plan again, and send what was approved, as far as it still is what it was."""
    found = np.zeros(stored.entries + 1, dtype=bool)  # by number; there may be a million entries

    def approved(one: Slice) -> Slice:
        kept = context.store.plans.entries(stored.id, one.plan["entry_id"].tolist())
        found[kept["number"].to_numpy(dtype=int)] = True
        held = only_approved(one.plan, kept, plan_id=stored.id, by=stored.decider)
        held = hold_back_meanwhile(context, stored, replace(one, plan=held))
        return one.ending(hold_back_together(held))

    _check_files(context, job, stored)
    context = replace(context, actor=stored.actor)
    with job.approved(stored).plan(context, report, run=run) as plan:
        of_all = ready_notes(context, plan)
        plan.become(map(approved, plan.slices))
        report.notes = [note for note in report.notes if note not in of_all]
        report.notes += ready_notes(context, plan)
        gone = np.flatnonzero(~found[1:]) + 1
        if len(gone):
            named = context.store.plans.numbered(stored.id, gone[:_NAMED].tolist())
            report.notes.append(_gone(stored, job.lost, len(gone), named))
        assert plan.lease is not None, "a dry run is not reviewed"  # noqa: S101
        context.store.runs.set_plan(plan.lease.run_id, stored.id)
        document = execute(context, plan, progress=progress, run=run)
    context.store.plans.sent_by(stored.id, document["run_id"])
    return document


def _gone(plan: StoredPlan, lost: str, number: int, named: pd.DataFrame) -> str:
    """Return a note on the entries of a plan that are not found any more."""
    first = "; ".join(
        f"No. {row.number} ({row.date}, {row.user or 'no name'}, {hours(row.minutes)})"
        for row in named.itertuples(index=False)
    )
    more = f" and {number - len(named):,} more" if number > len(named) else ""
    return f"{number:,} of the {plan.entries:,} entries of plan {plan.id} {lost}: {first}{more}."


def give_back(context: RunContext) -> None:
    """Withdraw plans whose runs ended or were deleted while they waited: nobody can decide them.

    Plans of another Prefect server's runs are left alone: this server does not know them.
    """
    here_is = page_context(context, "").run_address
    for plan in context.store.plans.waiting():
        if plan.flow_run_id in {None, str(flow_run.id)}:
            continue
        if plan.address and here_is != plan.address.replace(str(plan.flow_run_id), flow_run.id):
            continue
        ended = _ended(str(plan.flow_run_id))
        if ended:
            _withdraw(context, plan, ended)


def _ended(flow_run_id: str) -> str | None:
    """Return how a run ended; `None` while it can go on."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_flow_run(flow_run_id)  # type: ignore[arg-type]
        except ObjectNotFound:
            return "Its run was deleted."
    if found.state is None or not found.state.is_final():
        return None
    return f"Its run ended as {found.state.name} while it waited."
