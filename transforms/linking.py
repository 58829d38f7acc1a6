"""Names to links: who in Clockify is who in QuickBooks. Matched, missing, near or ambiguous.

Nothing is ever guessed: a name links only when exactly one partner bears it on each side. Links
are held by id, so what is linked stays linked; matching is for what is not linked yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from schemas.links import Links, Unlinked
from schemas.words import Kind, QboKind
from transforms.names import DELETED_USER, same_form, without_case, without_suffix

#: What separates a client from its project, for people's eyes.
ARROW = " › "


@dataclass(frozen=True)
class Partner:
    """Somebody or something in QuickBooks that a Clockify row may be linked to.

    Attributes:
        qbo_kind: Employee, vendor or customer.
        qbo_id: QuickBooks' id.
        name: DisplayName.
        shown: The name as a person needs it to find the row: with the parents.
    """

    qbo_kind: QboKind
    qbo_id: str
    name: str
    shown: str

    def __str__(self) -> str:
        return f"{self.qbo_kind} {self.shown!r} (id {self.qbo_id})"


@dataclass(frozen=True)
class Seeker:
    """A Clockify user or project that looks for its partner.

    Attributes:
        kind: User or project.
        clockify_id: Clockify's id.
        shown: Its name, with its client before it.
        key: What its partner must equal, in the form in which names are compared; `None` when
            nothing can be looked for (a deleted user, a user without a name yet).
    """

    kind: Kind
    clockify_id: str
    shown: str | None
    key: tuple[str, ...] | None


@dataclass(frozen=True)
class Candidates:
    """The partners by the keys under which they may be found.

    Attributes:
        by_key: Exact keys; a list with more than one partner is ambiguous.
        near: Keys for near misses: the same without case, or elsewhere in the hierarchy.
    """

    by_key: Mapping[tuple[str, ...], list[Partner]]
    near: Mapping[tuple[str, ...], list[Partner]]


@dataclass
class Matches:
    """What a comparison of both directories comes to.

    Attributes:
        links: `Links` that are new.
        unlinked: `Unlinked`: Clockify rows without a partner, and why.
        unused: QuickBooks' active rows that nobody is linked to.
    """

    links: pd.DataFrame
    unlinked: pd.DataFrame
    unused: list[Partner] = field(default_factory=list)


def match_users(
    users: pd.DataFrame, people: pd.DataFrame, *, linked: pd.DataFrame, link_vendors: bool
) -> Matches:
    """Match Clockify's users with QuickBooks' employees, and with vendors where allowed.

    Args:
        users: `Users`.
        people: `People`; only active rows are matched.
        linked: `Links` there are; their users are left as they are.
        link_vendors: Whether contractors may be linked; an employee of the same name wins.
    """
    active = people[people["active"]]
    partners = [
        Partner(QboKind(row.qbo_kind), row.qbo_id, row.name, row.name)
        for row in active.itertuples(index=False)
        if link_vendors or row.qbo_kind == QboKind.EMPLOYEE
    ]
    seekers = [
        Seeker(Kind.USER, row.clockify_id, _text(row.name), _user_key(_text(row.name)))
        for row in users.itertuples(index=False)
    ]
    by_key: dict[tuple[str, ...], list[Partner]] = {}
    for partner in partners:
        by_key.setdefault((same_form(partner.name),), []).append(partner)
    for key, found in by_key.items():
        employees = [partner for partner in found if partner.qbo_kind == QboKind.EMPLOYEE]
        by_key[key] = employees or found
    near: dict[tuple[str, ...], list[Partner]] = {}
    for partner in partners:
        near.setdefault((without_case(partner.name),), []).append(partner)
    return _match(seekers, Candidates(by_key, near), partners, linked)


def match_projects(
    projects: pd.DataFrame, customers: pd.DataFrame, *, linked: pd.DataFrame
) -> Matches:
    """Match Clockify's projects with QuickBooks' customers, sub-customers and projects.

    Client › project is parent › sub-customer, at any depth. A project without a client is the
    top-level customer of its name or, when there is none, the only sub-customer of that name.

    Args:
        projects: `Projects`.
        customers: `Customers`; only active rows are matched, inactive ones still name a parent.
        linked: `Links` there are; their projects are left as they are.
    """
    rows = list(customers.itertuples(index=False))
    names = {row.qbo_id: without_suffix(row.name) for row in rows}
    placed = [
        (
            names.get(row.parent_id, ""),
            Partner(QboKind.CUSTOMER, row.qbo_id, row.name, (_text(row.full_name) or row.name)),
        )
        for row in rows
        if row.active
    ]
    seekers = []
    for row in projects.itertuples(index=False):
        client = _text(row.client_name) or ""
        shown = f"{client}{ARROW}{row.name}" if client else row.name
        key = (same_form(client), same_form(row.name))
        seekers.append(Seeker(Kind.PROJECT, row.clockify_id, shown, key))
    return _match(seekers, _customer_candidates(placed), [partner for _, partner in placed], linked)


def _customer_candidates(placed: Sequence[tuple[str, Partner]]) -> Candidates:
    by_key: dict[tuple[str, ...], list[Partner]] = {}
    near: dict[tuple[str, ...], list[Partner]] = {}
    subs: dict[str, list[Partner]] = {}
    for parent, partner in placed:
        name = same_form(partner.name)
        by_key.setdefault((same_form(parent), name), []).append(partner)
        near.setdefault((without_case(parent), without_case(name)), []).append(partner)
        near.setdefault(("*", without_case(name)), []).append(partner)
        if parent:
            subs.setdefault(name, []).append(partner)
    for name, found in subs.items():
        by_key.setdefault(("", name), found)  # the client decides; without one the name must do
    return Candidates(by_key, near)


def _user_key(name: str | None) -> tuple[str, ...] | None:
    form = same_form(name or "")
    return None if form in {"", DELETED_USER} else (form,)


def _match(
    seekers: Sequence[Seeker],
    candidates: Candidates,
    partners: Sequence[Partner],
    linked: pd.DataFrame,
) -> Matches:
    done = set(zip(linked["kind"], linked["clockify_id"], strict=True))
    open_seekers = [seeker for seeker in seekers if (seeker.kind, seeker.clockify_id) not in done]
    rivals: dict[tuple[str, ...], int] = {}
    for seeker in seekers:
        if seeker.key is not None:
            rivals[seeker.key] = rivals.get(seeker.key, 0) + 1
    links: list[dict[str, str | None]] = []
    unlinked: list[dict[str, str | None]] = []
    for seeker in open_seekers:
        found = candidates.by_key.get(seeker.key, []) if seeker.key is not None else []
        if len(found) == 1 and rivals[seeker.key or ()] == 1:
            links.append(_link(seeker, found[0]))
        else:
            unlinked.append(_why_not(seeker, found, candidates))
    taken = set(zip(linked["qbo_kind"], linked["qbo_id"], strict=True))
    taken |= {(str(link["qbo_kind"]), str(link["qbo_id"])) for link in links}
    return Matches(
        Links.validate(pd.DataFrame(links, columns=list(Links.to_schema().columns))),
        Unlinked.validate(pd.DataFrame(unlinked, columns=list(Unlinked.to_schema().columns))),
        [partner for partner in partners if (partner.qbo_kind, partner.qbo_id) not in taken],
    )


def _link(seeker: Seeker, partner: Partner) -> dict[str, str | None]:
    return {
        "kind": seeker.kind,
        "clockify_id": seeker.clockify_id,
        "clockify_name": seeker.shown,
        "qbo_kind": partner.qbo_kind,
        "qbo_id": partner.qbo_id,
        "qbo_name": partner.shown,
        "origin": "name",
    }


def _why_not(
    seeker: Seeker, found: Sequence[Partner], candidates: Candidates
) -> dict[str, str | None]:
    problem = "ambiguous" if found else "missing"
    if not found and seeker.key is not None:
        folded = tuple(without_case(part) for part in seeker.key)
        found = candidates.near.get(folded) or candidates.near.get(("*", folded[-1])) or []
        problem = "near" if found else "missing"
    return {
        "kind": seeker.kind,
        "clockify_id": seeker.clockify_id,
        "clockify_name": seeker.shown,
        "problem": problem,
        "candidates": ", ".join(str(partner) for partner in found),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
