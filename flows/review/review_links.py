"""Review of links: a sync that asks, on its run's page, about everybody whom no name matched.

As in `flows.review.review_changes`, the run is suspended and starts again at its top. The questions
have a fingerprint, under which Prefect keeps the answer: a run that comes back compares anew, and
if there is something else to decide by now, it asks again.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pydantic
from prefect import get_run_logger
from prefect.input import RunInput
from pydantic import Field

from connectors.store.scope import records
from flows.context import RunContext
from flows.directory.create_missing import create_in_quickbooks
from flows.directory.sync import Comparison, SyncRequest, quickbooks_planner, sync
from flows.directory.sync_report import sync_document
from flows.operations.tasks import run_as_task
from flows.review.ask import ask
from flows.review.form import MOST_NAMES, WHO, Answer
from flows.review.review import waitable
from flows.text import clean
from schemas.words import BY_HAND, Kind, Origin, Problem
from transforms.directory.candidates import Candidate, Matches, Partner
from transforms.directory.creation_plan import Creation, NotMade

#: Plans what could be created; see `quickbooks_planner`.
Plan = Callable[[Collection[str]], Creation]

#: One form asks about so many; the others come with the next run.
MOST_QUESTIONS = 50

#: What may be chosen beside a partner.
LEAVE, NEVER, CREATE = "Leave it open", "Never send its time", "Create it in QuickBooks"

#: The same of somebody for whom QuickBooks has nearly the same name.
CREATE_OTHER = "It is another: create it in QuickBooks"

_CREATES = (CREATE, CREATE_OTHER)

_NAMELESS = "It has no name yet."
_WHY = {
    Problem.MISSING: "QuickBooks has no such name.",
    Problem.GONE: "Deleted in Clockify; known from entries.",
}


@dataclass(frozen=True)
class Question:
    """One user or project without a partner.

    Attributes:
        kind: User or project.
        clockify_id: Clockify's id.
        name: Its name, with its client before it; `None` where it has none.
        why: Why it has no partner.
        choices: The partner that each label means; `None` for one of the words above.
    """

    kind: Kind
    clockify_id: str
    name: str | None
    why: str
    choices: Mapping[str, Partner | None]


def review_links(
    context: RunContext, request: SyncRequest, show: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Sync, ask about everybody without a partner, and do what somebody chose.

    Returns the document of the sync after that, with what was `decided`.

    Raises:
        AskPerson: The run has no page to wait in, or see `flows.directory.sync.sync`.
    """
    waitable()
    result = run_as_task(sync, context, request)
    plan = quickbooks_planner(context, result.comparison)
    all_asked = questions(result.comparison, plan)
    if not all_asked:
        return sync_document(result) | {"decided": []}
    asked, later = all_asked[:MOST_QUESTIONS], len(all_asked[MOST_QUESTIONS:])
    answer = _answer(context, asked, later, lambda: show(sync_document(result)))
    labels = [getattr(answer, f"choice_{nth}") for nth in range(len(asked))]
    chosen = [(one, label) for one, label in zip(asked, labels, strict=True) if label != LEAVE]
    not_made = _carry_out(context, plan, chosen)
    get_run_logger().info(
        f"{answer.who.strip()} (claimed, not verified) decided about {len(chosen)} of {len(asked)}."
    )
    result = run_as_task(sync, context, SyncRequest())
    document = sync_document(replace(result, failed=[*result.failed, *not_made]))
    return document | {"decided": [_decided(*one) for one in chosen]}


def questions(comparison: Comparison, plan: Plan) -> list[Question]:
    """Return what to ask: about users first, those with a likely partner before the others."""
    near = [*comparison.users.near, *comparison.projects.near]
    others = {one.unmatched.clockify_id for one in near}
    as_others = {(one.kind, one.clockify_id): CREATE_OTHER for one in plan(others).wanted}
    creatable = as_others | {(one.kind, one.clockify_id): CREATE for one in plan(()).wanted}
    asked = []
    for kind, matches in ((Kind.USER, comparison.users), (Kind.PROJECT, comparison.projects)):
        likely = _by_id([*matches.near, *matches.ambiguous])
        open_ = matches.unlinked[~matches.unlinked["problem"].isin(BY_HAND)]
        for row in records(open_.sort_values(["clockify_name", "clockify_id"])):
            id_ = row["clockify_id"]
            found = likely.get(id_, [])
            words = [*([creatable[kind, id_]] if (kind, id_) in creatable else []), NEVER]
            why = _why(row, found)
            choices = _choices(words, [one.partner for one in found], matches)
            asked.append(Question(kind, id_, row["clockify_name"], why, choices))
    unlikely = {*_WHY.values(), _NAMELESS}
    asked.sort(key=lambda one: (one.kind != Kind.USER, one.why in unlikely))
    return asked


def _why(row: Mapping[str, Any], likely: Sequence[Candidate]) -> str:
    if not likely:
        return _WHY.get(row["problem"], "") if row["clockify_name"] else _NAMELESS
    if row["problem"] == Problem.AMBIGUOUS:
        return f"{likely[0].why[:1].upper()}{likely[0].why[1:]}."
    return f"QuickBooks has {likely[0].partner.shown!r}: {likely[0].why}."


def _by_id(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for one in candidates:
        found.setdefault(one.unmatched.clockify_id, []).append(one)
    return found


def _choices(
    words: Sequence[str], likely: Sequence[Partner], matches: Matches
) -> dict[str, Partner | None]:
    """Return the likely partners first, then those whom nobody is linked to."""
    partners = list(dict.fromkeys([*likely, *matches.unused]))[:MOST_NAMES]
    labels = {f"Link to {clean(one.shown)} ({one.qbo_kind} {one.qbo_id})": one for one in partners}
    return {LEAVE: None, **labels, **dict.fromkeys(words)}


def _answer(
    context: RunContext, asked: Sequence[Question], later: int, show: Callable[[], None]
) -> Any:
    hours = context.settings.review_hours
    seen = json.dumps([[one.kind, one.clockify_id, one.name, *one.choices] for one in asked])
    key = f"links-{hashlib.sha256(seen.encode()).hexdigest()}"

    def show_it() -> None:
        show()
        get_run_logger().info("The links wait: press Resume on this page (new ones: ⋮, Resume).")

    return ask(_form(asked, later, hours), key=key, timeout_s=int(hours * 3600), show=show_it)


def _form(asked: Sequence[Question], later: int, hours: float) -> type[RunInput]:
    fields: dict[str, Any] = {
        f"choice_{nth}": (
            Literal[tuple(one.choices)],
            Field(
                LEAVE,
                title=f"{clean(one.name or one.clockify_id)} ({one.kind})",
                description=one.why,
            ),
        )
        for nth, one in enumerate(asked)
    }
    made: type[RunInput] = pydantic.create_model("Decide", __base__=Answer, who=WHO, **fields)
    more = f" {later:,} more come with the next run." if later else ""
    return made.with_initial_data(
        description="## Who is who?\n\nThe arrows at the right of a field open its list. What you"
        f" leave open is asked again by the next run.{more} If nobody decides within {hours:g}"
        " hours, nothing is changed."
    )


def _carry_out(
    context: RunContext, plan: Plan, chosen: Sequence[tuple[Question, str]]
) -> list[NotMade]:
    """Link, exclude and create; return what could not be created."""
    links = context.store.links
    for one, label in chosen:
        partner = one.choices[label]
        if partner is not None:
            links.link(_link(one, partner))
        elif label == NEVER:
            links.exclude(one.kind, one.clockify_id, one.name)
    ids = {one.clockify_id for one, label in chosen if label in _CREATES}
    creation = plan(ids)
    made = create_in_quickbooks(context, creation.only(ids))
    # Of two that would have the same name, each could be created, but not both.
    blocked = [one for one in creation.blocked if one.wanted.clockify_id in ids]
    return [*blocked, *(one for one in made if isinstance(one, NotMade))]


def _link(one: Question, partner: Partner) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "clockify_id": one.clockify_id,
        "clockify_name": one.name,
        "qbo_kind": str(partner.qbo_kind),
        "qbo_id": partner.qbo_id,
        "qbo_name": partner.shown,
        "origin": str(Origin.MANUAL),
    }


def _decided(one: Question, label: str) -> dict[str, Any]:
    partner = one.choices[label]
    return {
        "kind": str(one.kind),
        "clockify_id": one.clockify_id,
        "clockify_name": one.name,
        "decision": "link" if partner else "never" if label == NEVER else "create",
        "qbo_id": partner.qbo_id if partner else None,
    }
