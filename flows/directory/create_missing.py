"""Creates what a sync was asked to: in QuickBooks in batches, in Clockify one by one.

Each link is stored as soon as both sides exist, so that a crash leaves everything linked that was
created. The next run finds the rest by name: both services allow a name only once, and Clockify is
asked before each write.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import uuid4

from connectors.errors import Refused, TryAgain, Unsure
from connectors.quickbooks.batch import Done, NotDone, Outcome
from flows.context import RunContext
from schemas.words import Kind, Origin, QboKind, Side
from transforms.directory.candidates import placed_name
from transforms.directory.create_in_quickbooks import split_name
from transforms.directory.creation_plan import Key, NotMade, Wanted

#: Concurrent writes to Clockify; it allows 50 requests a second (FACTS, Clockify, 1.3).
AT_A_TIME = 8

ENTITIES = {QboKind.CUSTOMER: "Customer", QboKind.EMPLOYEE: "Employee"}


@dataclass(frozen=True)
class Made:
    """Something that was created as planned, and its id there; `None` in a dry run."""

    wanted: Wanted
    id: str | None = None


Result = Made | NotMade


def create_in_quickbooks(context: RunContext, wanted: Sequence[Wanted]) -> Iterator[Result]:
    """Create customers and employees, parents first, in batches.

    Takes what `transforms.directory.create_in_quickbooks` planned; yields what became of each one.
    """
    ids: dict[Key, str] = {}
    halted = ""
    size = context.settings.qbo_batch_size
    for step in _steps(wanted):
        ready, orphans = _split_by_parent(step, ids)
        yield from (NotMade(one, "The customer above it was not created.") for one in orphans)
        for first in range(0, len(ready), size):
            batch = ready[first : first + size]
            if not halted:
                try:
                    yield from _send_batch(context, batch, ids)
                    continue
                except TryAgain as error:
                    halted = str(error)
            yield from (NotMade(one, f"Not tried: {halted}") for one in batch)


def _steps(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Return the customers, level by level, then the employees."""
    customers = [one for one in wanted if one.kind != Kind.USER]
    employees = [one for one in wanted if one.kind == Kind.USER]
    return [*[list(step) for _, step in groupby(customers, key=lambda one: one.level)], employees]


def create_in_clockify(context: RunContext, wanted: Sequence[Wanted]) -> Iterator[Result]:
    """Create clients, then projects, then invitations, several at a time.

    Takes what `transforms.directory.create_in_clockify` planned; yields what became of each one.
    """
    if not wanted:
        return
    creator = _InClockify(context)
    ids: dict[Key, str] = {}
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as workers:
        for kind in (Kind.CLIENT, Kind.PROJECT, Kind.USER):
            step = [one for one in wanted if one.kind == kind]
            ready, orphans = _split_by_parent(step, ids)
            yield from (NotMade(one, "Its client was not created.") for one in orphans)
            for result in workers.map(lambda one: creator.create(*one), _with_parents(ready, ids)):
                if isinstance(result, Made) and result.id is not None:
                    ids[result.wanted.key] = result.id
                yield result


class _InClockify:
    """Creates things in Clockify; shared by several threads."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._halted: str | None = None
        settings = context.clockify.workspace().get("workspaceSettings") or {}
        self._public = settings.get("isProjectPublicByDefault") is not False
        self._billable = settings.get("defaultBillableProjects") is not False

    def create(self, wanted: Wanted, parent_id: str | None) -> Result:
        if self._halted is not None:
            return NotMade(wanted, f"Not tried: {self._halted}")
        try:
            made = Made(wanted, self._ensure(wanted, parent_id))
        except TryAgain as error:
            self._halted = str(error)
            return NotMade(wanted, str(error))
        except Refused as error:
            return NotMade(wanted, f"{error}. Fix that in Clockify, then sync again.")
        except Unsure as error:
            return NotMade(wanted, str(error))
        _keep_links(self._context, [made])
        return made

    def _ensure(self, wanted: Wanted, parent_id: str | None) -> str:
        clockify = self._context.clockify
        if wanted.kind == Kind.CLIENT:
            return clockify.ensure_client(wanted.name)
        if wanted.kind == Kind.USER:
            return clockify.ensure_user(wanted.email or "")
        return clockify.ensure_project(
            wanted.name, client_id=parent_id, public=self._public, billable=self._billable
        )


def _send_batch(context: RunContext, batch: Sequence[Wanted], ids: dict[Key, str]) -> list[Result]:
    bodies = [_body(one, parent_id) for one, parent_id in _with_parents(batch, ids)]
    entity = ENTITIES[batch[0].qbo_kind]
    try:
        outcomes = context.quickbooks.create_names(entity, bodies, request_id=uuid4().hex)
    except Refused as error:
        return [NotMade(one, f"{error}. Fix that in QuickBooks, then sync again.") for one in batch]
    results = [_result(one, outcome) for one, outcome in zip(batch, outcomes, strict=True)]
    made = [one for one in results if isinstance(one, Made)]
    ids |= {one.wanted.key: one.id for one in made if one.id is not None}
    _keep_links(context, made)
    return results


def _result(wanted: Wanted, outcome: Outcome | None) -> Result:
    if isinstance(outcome, Done):
        return Made(wanted, outcome.qbo_id)
    if isinstance(outcome, NotDone):
        reason = f"QuickBooks refused it: {outcome.fault}. Fix that, then sync again."
        return NotMade(wanted, reason)
    return NotMade(
        wanted,
        "QuickBooks gave no clear answer, so it may exist or not. Run `clockbooks sync` again: it"
        " looks before it creates anything.",
    )


def _body(wanted: Wanted, parent_id: str | None) -> dict[str, Any]:
    """Return the object that QuickBooks is to create (FACTS, QBO, 5.1 and 5.3)."""
    if wanted.kind == Kind.USER:
        given, family = split_name(wanted.name)
        body: dict[str, Any] = {"DisplayName": wanted.name, "GivenName": given}
        if family:
            body["FamilyName"] = family
        if wanted.email:
            body["PrimaryEmailAddr"] = {"Address": wanted.email}
        return body
    above = {"Job": True, "ParentRef": {"value": parent_id}} if parent_id else {}
    return {"DisplayName": wanted.name, **above}


def _split_by_parent(
    wanted: Sequence[Wanted], ids: dict[Key, str]
) -> tuple[list[Wanted], list[Wanted]]:
    """Split what can be created from what lacks the client or customer above it."""
    ready: list[Wanted] = []
    orphans: list[Wanted] = []
    for one in wanted:
        lost = one.parent is not None and one.parent.key is not None and one.parent.key not in ids
        (orphans if lost else ready).append(one)
    return ready, orphans


def _with_parents(wanted: Sequence[Wanted], ids: dict[Key, str]) -> list[tuple[Wanted, str | None]]:
    return [(one, _parent_id(one, ids)) for one in wanted]


def _parent_id(wanted: Wanted, ids: dict[Key, str]) -> str | None:
    if wanted.parent is None:
        return None
    return ids[wanted.parent.key] if wanted.parent.key is not None else wanted.parent.id


def _keep_links(context: RunContext, made: Sequence[Made]) -> None:
    """Store links for what was created; clients are not linked."""
    rows = [link_of(one) for one in made if one.wanted.kind != Kind.CLIENT]
    if rows:
        context.store.links.add(rows)


def link_of(made: Made) -> dict[str, str | None]:
    """Return something that was created, or would be, as a link."""
    wanted = made.wanted
    parent = wanted.parent.name if wanted.parent else ""
    ids: tuple[str | None, str | None]
    if wanted.side == Side.CLOCKIFY and wanted.partner is not None:
        name = None if wanted.kind == Kind.USER else placed_name(parent, wanted.name)
        ids = (made.id, wanted.partner.qbo_id)
        names = (name, wanted.partner.shown)
    else:
        path = f"{parent}:{wanted.name}" if parent else wanted.name
        ids = (wanted.clockify_id, made.id)
        names = (wanted.clockify_name, path)
    return {
        "kind": wanted.kind,
        "clockify_id": ids[0],
        "clockify_name": names[0],
        "qbo_kind": wanted.qbo_kind,
        "qbo_id": ids[1],
        "qbo_name": names[1],
        "origin": Origin.CREATED,
    }
