"""Makes what a sync was told to: customers and employees in batches, clients and projects singly.

Each link is stored as soon as its partner is there, so that a run that dies half-way leaves what
it made linked. A run that is started again finds the rest by name: both services keep a name for
one thing only, and Clockify is asked before each write besides.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import uuid4

from connectors.errors import Refused, TryAgain, Unsure
from connectors.quickbooks.batch import Created, NotCreated
from flows.context import RunContext
from schemas.words import Kind, Origin, QboKind, Side
from transforms.directory.create_in_quickbooks import split_name
from transforms.directory.creation_plan import Key, NotMade, Wanted
from transforms.directory.match import Partner, placed_name

#: Writes to Clockify at a time; it allows 50 requests a second (FACTS, Clockify, 1.3).
AT_A_TIME = 8

ENTITIES = {QboKind.CUSTOMER: "Customer", QboKind.EMPLOYEE: "Employee"}


@dataclass(frozen=True)
class Made:
    """Something that was made.

    Attributes:
        wanted: What was planned.
        id: Its id on the side where it was made; `None` where it would only be made.
    """

    wanted: Wanted
    id: str | None = None


Ended = Made | NotMade


def make_in_quickbooks(context: RunContext, wanted: Sequence[Wanted]) -> Iterator[Ended]:
    """Make customers and employees, parents first, in batches.

    Args:
        context: What to work with.
        wanted: As `transforms.directory.create_in_quickbooks` planned it.

    Yields:
        How each one ended; what could not be reached any more is not made, and says so.
    """
    ids: dict[Key, str] = {}
    customers = [one for one in wanted if one.kind != Kind.USER]
    steps = [
        *[list(step) for _, step in groupby(customers, key=lambda one: one.level)],
        [one for one in wanted if one.kind == Kind.USER],
    ]
    size = context.settings.qbo_batch_size
    halted: str | None = None
    for step in steps:
        ready, orphans = _with_places(step, ids)
        yield from (NotMade(one, "The customer above it was not made.") for one in orphans)
        for first in range(0, len(ready), size):
            batch = ready[first : first + size]
            if halted is None:
                try:
                    yield from _batch(context, batch, ids)
                    continue
                except TryAgain as error:
                    halted = str(error)
            yield from (NotMade(one, f"Not tried: {halted}") for one in batch)


def make_in_clockify(context: RunContext, wanted: Sequence[Wanted]) -> Iterator[Ended]:
    """Make clients, then projects, then invitations; some at a time.

    Args:
        context: What to work with.
        wanted: As `transforms.directory.create_in_clockify` planned it.

    Yields:
        How each one ended.
    """
    if not wanted:
        return
    maker = _InClockify(context)
    ids: dict[Key, str] = {}
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as workers:
        for kind in (Kind.CLIENT, Kind.PROJECT, Kind.USER):
            step = [one for one in wanted if one.kind == kind]
            ready, orphans = _with_places(step, ids)
            yield from (NotMade(one, "Its client was not made.") for one in orphans)
            for ended in workers.map(lambda one: maker.make(*one), _placed(ready, ids)):
                if isinstance(ended, Made) and ended.id is not None:
                    ids[ended.wanted.key] = ended.id
                yield ended


class _InClockify:
    """What the workers that write to Clockify share."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._halted: str | None = None
        settings = context.clockify.workspace().get("workspaceSettings") or {}
        self._public = settings.get("isProjectPublicByDefault") is not False
        self._billable = settings.get("defaultBillableProjects") is not False

    def make(self, wanted: Wanted, place_id: str | None) -> Ended:
        if self._halted is not None:
            return NotMade(wanted, f"Not tried: {self._halted}")
        try:
            made = Made(wanted, self._ensure(wanted, place_id))
        except TryAgain as error:
            self._halted = str(error)
            return NotMade(wanted, str(error))
        except Refused as error:
            return NotMade(wanted, f"{error}. Mend that in Clockify, then sync again.")
        except Unsure as error:
            return NotMade(wanted, str(error))
        _keep_links(self._context, [made])
        return made

    def _ensure(self, wanted: Wanted, place_id: str | None) -> str:
        clockify = self._context.clockify
        if wanted.kind == Kind.CLIENT:
            return clockify.ensure_client(wanted.name)
        if wanted.kind == Kind.USER:
            return clockify.ensure_user(wanted.email or "")
        return clockify.ensure_project(
            wanted.name, client_id=place_id, public=self._public, billable=self._billable
        )


def _batch(context: RunContext, batch: Sequence[Wanted], ids: dict[Key, str]) -> list[Ended]:
    bodies = [_body(one, place_id) for one, place_id in _placed(batch, ids)]
    entity = ENTITIES[batch[0].qbo_kind]
    try:
        outcomes = context.quickbooks.create_names(entity, bodies, request_id=uuid4().hex)
    except Refused as error:
        return [
            NotMade(one, f"{error}. Mend that in QuickBooks, then sync again.") for one in batch
        ]
    ended = [_ended(one, outcome) for one, outcome in zip(batch, outcomes, strict=True)]
    made = [one for one in ended if isinstance(one, Made)]
    ids |= {one.wanted.key: one.id for one in made if one.id is not None}
    _keep_links(context, made)
    return ended


def _ended(wanted: Wanted, outcome: Created | NotCreated | None) -> Ended:
    if isinstance(outcome, Created):
        return Made(wanted, outcome.qbo_id)
    if isinstance(outcome, NotCreated):
        reason = f"QuickBooks refused it: {outcome.fault}. Mend that, then sync again."
        return NotMade(wanted, reason)
    return NotMade(
        wanted,
        "QuickBooks gave no clear answer: it may be there or not. Run `clockbooks sync` again,"
        " which looks before it makes anything.",
    )


def _body(wanted: Wanted, place_id: str | None) -> dict[str, Any]:
    """Write the object that QuickBooks is to make (FACTS, QBO, 5.1 and 5.3)."""
    if wanted.kind == Kind.USER:
        given, family = split_name(wanted.name)
        body: dict[str, Any] = {"DisplayName": wanted.name, "GivenName": given}
        if family:
            body["FamilyName"] = family
        if wanted.email:
            body["PrimaryEmailAddr"] = {"Address": wanted.email}
        return body
    above = {"Job": True, "ParentRef": {"value": place_id}} if place_id else {}
    return {"DisplayName": wanted.name, **above}


def _with_places(
    wanted: Sequence[Wanted], ids: dict[Key, str]
) -> tuple[list[Wanted], list[Wanted]]:
    """Part those whose place is there from those whose place could not be made."""
    ready: list[Wanted] = []
    orphans: list[Wanted] = []
    for one in wanted:
        lost = one.place is not None and one.place.key is not None and one.place.key not in ids
        (orphans if lost else ready).append(one)
    return ready, orphans


def _placed(wanted: Sequence[Wanted], ids: dict[Key, str]) -> list[tuple[Wanted, str | None]]:
    return [(one, _place_id(one, ids)) for one in wanted]


def _place_id(wanted: Wanted, ids: dict[Key, str]) -> str | None:
    if wanted.place is None:
        return None
    return ids[wanted.place.key] if wanted.place.key is not None else wanted.place.id


def _keep_links(context: RunContext, made: Sequence[Made]) -> None:
    """Link what was made; clients only group projects, and are not linked."""
    rows = [link_of(one) for one in made if one.wanted.kind != Kind.CLIENT]
    if rows:
        context.store.links.add(rows)


def link_of(made: Made) -> dict[str, str | None]:
    """Give the members of a link for something that was made, or would be."""
    wanted = made.wanted
    place = wanted.place.name if wanted.place else ""
    if wanted.side == Side.CLOCKIFY and wanted.partner is not None:
        name = None if wanted.kind == Kind.USER else placed_name(place, wanted.name)
        return _row(wanted.kind, made.id, name, wanted.partner.qbo_kind, *_told(wanted.partner))
    path = f"{place}:{wanted.name}" if place else wanted.name
    return _row(
        wanted.kind, wanted.clockify_id, wanted.clockify_name, wanted.qbo_kind, made.id, path
    )


def _told(partner: Partner) -> tuple[str, str]:
    return partner.qbo_id, partner.shown


def _row(
    kind: Kind,
    clockify_id: str | None,
    clockify_name: str | None,
    qbo_kind: QboKind,
    qbo_id: str | None,
    qbo_name: str,
) -> dict[str, str | None]:
    return {
        "kind": kind,
        "clockify_id": clockify_id,
        "clockify_name": clockify_name,
        "qbo_kind": qbo_kind,
        "qbo_id": qbo_id,
        "qbo_name": qbo_name,
        "origin": Origin.CREATED,
    }
