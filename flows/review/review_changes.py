"""Review before changing: a repair or recall that shows what it would do, and waits for a person.

As in `flows.review.review`, the run is suspended and starts again at its top. What would be changed
has a fingerprint, under which Prefect keeps the answer: a run that comes back makes its plan anew,
and if that is another by now, it shows it and asks again. So nothing of ours is stored, and exactly
what somebody approved is done.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pydantic
from prefect import get_run_logger
from prefect.input import RunInput

from connectors.errors import TryAgain
from connectors.store.actors import Actor
from flows.context import RunContext
from flows.operations.tasks import run_as_task
from flows.review.ask import ask
from flows.review.form import NOTE, OPENED, WHO, Answer, Decision, decision
from flows.review.review import waitable
from flows.text import entries
from schemas.words import ActorKind, State

#: The lists of a document that name entries to mark in Clockify, and to take our mark off.
_MARKS = ("marks", "unmarks")


@dataclass(frozen=True)
class Reviewed:
    """What somebody decided about the changes of a run.

    Attributes:
        context: To go on with: whoever decided acts.
        approve: Lets a job change exactly what was approved.
        rejection: Who rejected it, and why; `None` if it was approved.
    """

    context: RunContext
    approve: Callable[[Mapping[str, Any]], bool]
    rejection: str | None = None


def review_changes(
    context: RunContext,
    job: Callable[..., dict[str, Any]],
    request: Any,
    make_report: Callable[[], Any],
    show: Callable[[dict[str, Any], Any], None],
) -> Reviewed:
    """Show what a job would change, and wait for somebody's decision.

    Args:
        context: What to work with.
        job: `reconcile` or `recall` of `flows.reconciliation`.
        request: What it is to do.
        make_report: Makes where its lists are kept.
        show: Publishes its document, from its report.

    Raises:
        AskPerson: The run has no page to wait in.
    """
    waitable()
    with closing(make_report()) as report:
        plan = run_as_task(job, context, replace(request, dry_run=True), report)
        repairs = getattr(request, "repair", True)  # a recall always does
        seen, number = fingerprint(plan, repairs=repairs)
        only, marks = _only(seen, repairs=repairs), [len(plan.get(one, ())) for one in _MARKS]
        if not number and not any(marks):
            return Reviewed(context, only)

        def show_it() -> None:
            show(plan, report)
            get_run_logger().info(
                "A review waits: press Resume on this page (new ones: ⋮, Resume)."
            )

        answer = ask(
            _form(number, marks, context.settings.review_hours),
            key=f"changes-{seen}",
            timeout_s=int(context.settings.review_hours * 3600),
            show=show_it,
        )
    who, note = answer.who.strip(), answer.note.strip()
    if answer.decision is Decision.REJECT:
        why = f": {note}" if note else ""
        told = f"It was rejected by {who} (claimed, not verified){why}. Nothing was changed."
        return Reviewed(context, only, told)
    return Reviewed(replace(context, actor=Actor(ActorKind.REVIEWER, who)), only)


def fingerprint(document: Mapping[str, Any], *, repairs: bool) -> tuple[str, int]:
    """Return the SHA-256 of all that a document plans, and how many entries QuickBooks changes.

    Marks in Clockify are part of the plan; differences are if the job *repairs* them.
    """
    changes = sorted(
        json.dumps(item, sort_keys=True)
        for item in document["entries"]
        if repairs and (item.get("step") or item.get("state") == State.READY)
    )
    marks = [f"{one} {id_}" for one in _MARKS for id_ in sorted(document.get(one, ()))]
    planned = "\n".join([*changes, *marks])
    return hashlib.sha256(planned.encode()).hexdigest(), len(changes)


def _only(seen: str, *, repairs: bool) -> Callable[[Mapping[str, Any]], bool]:
    def approve(document: Mapping[str, Any]) -> bool:
        if fingerprint(document, repairs=repairs)[0] != seen:
            raise TryAgain(
                "What was approved is not what would be changed now. Nothing was changed.",
                to_do="Start a new run.",
            )
        return True

    return approve


def _form(number: int, marked_and_not: list[int], hours: float) -> type[RunInput]:
    marks, unmarks = marked_and_not
    marked = f", {entries(marks)} marked as invoiced in Clockify" if marks else ""
    marked += f", our mark taken off {entries(unmarks)} there" if unmarks else ""
    fields: dict[str, Any] = {
        "decision": decision(f"approve makes the changes; reject changes nothing. {OPENED}"),
        "who": WHO,
        "note": NOTE,
    }
    made: type[RunInput] = pydantic.create_model("Decide", __base__=Answer, **fields)
    return made.with_initial_data(
        description=f"## {entries(number)} would be changed in QuickBooks{marked}\n\nWhat and why"
        f" is under **Artifacts** of this run. If nobody decides within {hours:g} hours, nothing"
        " is changed."
    )
