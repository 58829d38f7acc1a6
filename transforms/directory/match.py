"""Names to links: who in Clockify is who in QuickBooks. Matched, missing, near or ambiguous.

Nothing is ever guessed: a name links only when exactly one partner bears it on each side. Links
are held by id, so what is linked stays linked; matching is for what is not linked yet.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from schemas.links import Links, Unlinked
from schemas.words import Kind, Origin, Problem, QboKind
from transforms.directory.customer_tree import Customer, Tree
from transforms.directory.names import DELETED_USER, OWN_ID, same_form, without_case, without_suffix
from transforms.directory.near_misses import CROWD, DIFFERS_IN_CASE, MOST, Like, likely

#: What separates a client from its project, for people's eyes.
ARROW = " › "

#: Why somebody without a partner may belong to one, besides those of
#: `transforms.directory.near_misses`.
INACTIVE = "inactive in QuickBooks"
SAME_EMAIL = "the same e-mail address"
ELSEWHERE = "stands in another place of the hierarchy"

Key = tuple[str, ...]


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
        email: Its e-mail address, if it has one.
    """

    kind: Kind
    clockify_id: str
    shown: str | None
    key: Key | None
    email: str | None = None


@dataclass(frozen=True)
class Lead:
    """A partner that was not linked, and why a person may want it.

    Attributes:
        seeker: Who has no partner.
        partner: Who may be it.
        why: For a person: what speaks for it, or why nothing was chosen.
    """

    seeker: Seeker
    partner: Partner
    why: str


@dataclass(frozen=True)
class Candidates:
    """The partners, and under what they may be found.

    Attributes:
        by_key: Exact keys; a list with more than one partner is ambiguous.
        loose: Those of them that leave the client out: they yield to a key that names it.
        named: Each active partner with the whole name by which likeness is judged.
        inactive: Those that QuickBooks would refuse, by exact keys.
        by_email: People by their e-mail addresses, without case.
        anywhere: Customers by their names alone, without case.
    """

    by_key: Mapping[Key, list[Partner]]
    named: Sequence[tuple[str, Partner]]
    inactive: Mapping[Key, list[Partner]]
    loose: Collection[Key] = ()
    by_email: Mapping[str, list[Partner]] = field(default_factory=dict)
    anywhere: Mapping[str, list[Partner]] = field(default_factory=dict)


@dataclass
class Matches:
    """What a comparison of both directories comes to.

    Attributes:
        links: `Links` that are new.
        unlinked: `Unlinked`: Clockify rows without a partner, and why.
        near: The likeliest partners of those whose names are nearly borne.
        ambiguous: Every candidate of those of whom none was chosen.
        unused: QuickBooks' active rows that nobody is linked to.
    """

    links: pd.DataFrame
    unlinked: pd.DataFrame
    near: list[Lead] = field(default_factory=list)
    ambiguous: list[Lead] = field(default_factory=list)
    unused: list[Partner] = field(default_factory=list)


def match_users(
    users: pd.DataFrame,
    people: pd.DataFrame,
    *,
    linked: pd.DataFrame,
    link_vendors: bool,
    apart: Collection[str] = (),
) -> Matches:
    """Match Clockify's users with QuickBooks' employees, and with vendors where allowed.

    Args:
        users: `Users`.
        people: `People`; only active rows are matched.
        linked: `Links` there are; their users are left as they are.
        link_vendors: Whether contractors may be linked; an employee of the same name wins.
        apart: Ids of users that a person has unlinked: not linked by name again.
    """
    seekers = [
        Seeker(
            Kind.USER,
            row.clockify_id,
            _text(row.name),
            _user_key(_text(row.name)),
            _text(row.email),
        )
        for row in users.itertuples(index=False)
    ]
    by_key: dict[Key, list[Partner]] = {}
    inactive: dict[Key, list[Partner]] = {}
    by_email: dict[str, list[Partner]] = {}
    named: list[tuple[str, Partner]] = []
    # Employees first: of their kind, by name and id, whatever the order of the rows.
    for row in people.sort_values(["qbo_kind", "name", "qbo_id"]).itertuples(index=False):
        if not link_vendors and row.qbo_kind != QboKind.EMPLOYEE:
            continue
        partner = Partner(QboKind(row.qbo_kind), row.qbo_id, row.name, row.name)
        if not row.active:
            inactive.setdefault((same_form(without_suffix(row.name)),), []).append(partner)
            continue
        named.append((row.name, partner))
        by_key.setdefault((same_form(row.name),), []).append(partner)
        if _text(row.email):
            by_email.setdefault(row.email.strip().casefold(), []).append(partner)
    for key, found in by_key.items():
        employees = [partner for partner in found if partner.qbo_kind == QboKind.EMPLOYEE]
        by_key[key] = employees or found
    return _match(seekers, Candidates(by_key, named, inactive, by_email=by_email), linked, apart)


def match_projects(
    projects: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    linked: pd.DataFrame,
    apart: Collection[str] = (),
) -> Matches:
    """Match Clockify's projects with QuickBooks' customers, sub-customers and projects.

    Client › project is parent › sub-customer, at any depth; the client may also bear the
    parent's whole path, `Customer:Sub 1`. A project without a client is the top-level customer
    of its name, the customer of that path or, when there is none, the only sub-customer of that
    name.

    Args:
        projects: `Projects`.
        customers: `Customers`; only active rows are matched, inactive ones still name a parent.
        linked: `Links` there are; their projects are left as they are.
        apart: Ids of projects that a person has unlinked: not linked by name again.
    """
    seekers = []
    for row in projects.itertuples(index=False):
        client = _text(row.client_name) or ""
        key = (same_form(client), same_form(row.name))
        seekers.append(Seeker(Kind.PROJECT, row.clockify_id, placed_name(client, row.name), key))
    return _match(seekers, _customers(Tree(customers)), linked, apart)


def placed_name(client: str | None, name: str) -> str:
    """Write a project with its client, as people read it."""
    return f"{client}{ARROW}{name}" if client else name


def as_partner(customer: Customer) -> Partner:
    """Give a customer as somebody that a project may be linked to."""
    return Partner(QboKind.CUSTOMER, customer.qbo_id, customer.name, customer.path)


def _customers(tree: Tree) -> Candidates:
    by_key: dict[Key, list[Partner]] = {}
    inactive: dict[Key, list[Partner]] = {}
    anywhere: dict[str, list[Partner]] = {}
    subs: dict[str, list[Partner]] = {}
    named: list[tuple[str, Partner]] = []
    for customer in tree:
        partner = as_partner(customer)
        if not customer.active:
            for key in _keys(customer):
                inactive.setdefault(key, []).append(partner)
            continue
        for key in _keys(customer):
            by_key.setdefault(key, []).append(partner)
        named.append((f"{customer.parent_name} {customer.name}", partner))
        anywhere.setdefault(without_case(customer.name), []).append(partner)
        if customer.parent_name:
            subs.setdefault(same_form(customer.name), []).append(partner)
    # The client decides; without one the name must do, unless it is a top-level customer's.
    loose: dict[Key, list[Partner]] = {("", name): found for name, found in subs.items()}
    for key in by_key.keys() | inactive.keys():
        loose.pop(key, None)
    return Candidates(by_key | loose, named, inactive, loose=loose, anywhere=anywhere)


def _keys(customer: Customer) -> set[Key]:
    """Give the names of client and project under which a customer is known."""
    name = same_form(customer.name)
    keys = {(same_form(customer.parent_name), name), (same_form(customer.parent_path), name)}
    return keys | {("", same_form(customer.path))}


def _user_key(name: str | None) -> Key | None:
    form = same_form(name or "")
    return None if form in {"", DELETED_USER} else (form,)


def _match(
    seekers: Sequence[Seeker],
    candidates: Candidates,
    linked: pd.DataFrame,
    apart: Collection[str],
) -> Matches:
    done = set(zip(linked["kind"], linked["clockify_id"], strict=True))
    by_name = linked[linked["origin"] != Origin.MANUAL]
    holders = {(row.qbo_kind, row.qbo_id): row for row in by_name.itertuples(index=False)}
    rivals: Counter[tuple[Partner, bool]] = Counter()
    for seeker in seekers:
        if seeker.key is not None:
            loose = seeker.key in candidates.loose
            rivals.update((partner, loose) for partner in candidates.by_key.get(seeker.key, ()))
    links: list[dict[str, str | None]] = []
    lost: list[tuple[Seeker, Problem, list[Lead]]] = []
    alone: list[Seeker] = []
    for seeker in seekers:
        if (seeker.kind, seeker.clockify_id) in done:
            continue
        found = candidates.by_key.get(seeker.key, []) if seeker.key is not None else []
        if seeker.clockify_id in apart:
            lost.append((seeker, Problem.UNLINKED, _leads(seeker, found, "unlinked by hand")))
        elif found:
            partner, loose = found[0], seeker.key in candidates.loose
            bear = rivals[partner, loose]
            if loose and len(found) == 1:
                bear += rivals[partner, False]
            holder = holders.get((partner.qbo_kind, partner.qbo_id))
            if why := _why_none(len(found), bear, _rival(holder, seeker)):
                lost.append((seeker, Problem.AMBIGUOUS, _leads(seeker, found, why)))
            else:
                links.append(new_link(seeker, partner, Origin.NAME))
        else:
            alone.append(seeker)
    taken = set(zip(linked["qbo_kind"], linked["qbo_id"], strict=True))
    taken |= {(str(link["qbo_kind"]), str(link["qbo_id"])) for link in links}
    unused = [
        (name, partner)
        for name, partner in candidates.named
        if (partner.qbo_kind, partner.qbo_id) not in taken
    ]
    for seeker, leads in _near(alone, candidates, unused):
        lost.append((seeker, Problem.NEAR if leads else Problem.MISSING, leads))
    lost.sort(key=lambda row: (row[0].shown or "", row[0].clockify_id))
    return Matches(
        links=Links.validate(pd.DataFrame(links, columns=list(Links.to_schema().columns))),
        unlinked=_unlinked(lost),
        near=[lead for _, problem, leads in lost if problem == Problem.NEAR for lead in leads],
        ambiguous=[
            lead for _, problem, leads in lost if problem == Problem.AMBIGUOUS for lead in leads
        ],
        unused=[partner for _, partner in unused],
    )


def _near(
    seekers: Sequence[Seeker], candidates: Candidates, unused: Sequence[tuple[str, Partner]]
) -> Iterable[tuple[Seeker, list[Lead]]]:
    """Find who may have been meant; only a difference in case may point at somebody taken."""
    by_case: dict[Key, dict[Partner, None]] = {}
    for key, partners in candidates.by_key.items():
        by_case.setdefault(_folded(key), {}).update(dict.fromkeys(partners))
    alike = likely(
        [(seeker.clockify_id, " ".join(seeker.key)) for seeker in seekers if seeker.key], unused
    )
    for seeker in seekers:
        found: list[Like[Partner]] = []
        if seeker.key is not None:
            found = _likes(by_case.get(_folded(seeker.key), ()), DIFFERS_IN_CASE)
            found = found or _likes(candidates.inactive.get(seeker.key, ()), INACTIVE)
        if not found and seeker.email:
            found = _likes(candidates.by_email.get(seeker.email.strip().casefold(), ()), SAME_EMAIL)
        found = found or alike.get(seeker.clockify_id, [])
        if not found and seeker.key is not None:
            namesakes = candidates.anywhere.get(without_case(seeker.key[-1]), ())
            found = _likes(namesakes, ELSEWHERE) if len(namesakes) <= CROWD else []
        yield seeker, [Lead(seeker, like.item, like.why) for like in found[:MOST]]


def _folded(key: Key) -> Key:
    return tuple(without_case(part) for part in key)


def _likes(partners: Iterable[Partner], why: str) -> list[Like[Partner]]:
    return [Like(partner, why) for partner in partners]


def _leads(seeker: Seeker, partners: Iterable[Partner], why: str) -> list[Lead]:
    return [Lead(seeker, partner, why) for partner in partners]


def _rival(holder: Any, seeker: Seeker) -> str | None:
    """Name who has the partner already; whom only files knew may have come to Clockify since."""
    if holder is None:
        return None
    if holder.clockify_id.startswith(OWN_ID) and not seeker.clockify_id.startswith(OWN_ID):
        return None
    return f"{holder.kind} {holder.clockify_name!r} (id {holder.clockify_id})"


def _why_none(candidates: int, rivals: int, holder: str | None) -> str:
    """Say why none of the candidates is taken; empty when the only one is."""
    reasons = []
    if candidates > 1:
        reasons.append(f"{candidates} in QuickBooks bear this name")
    if rivals > 1:
        reasons.append(f"{rivals} in Clockify bear this name")
    if candidates == 1 and holder:
        reasons.append(f"already linked to the {holder}")
    return ", and ".join(reasons)


def new_link(seeker: Seeker, partner: Partner, origin: Origin) -> dict[str, str | None]:
    """Give a row of `Links`."""
    return {
        "kind": seeker.kind,
        "clockify_id": seeker.clockify_id,
        "clockify_name": seeker.shown,
        "qbo_kind": partner.qbo_kind,
        "qbo_id": partner.qbo_id,
        "qbo_name": partner.shown,
        "origin": origin,
    }


def _unlinked(lost: Sequence[tuple[Seeker, Problem, list[Lead]]]) -> pd.DataFrame:
    rows = [
        {
            "kind": seeker.kind,
            "clockify_id": seeker.clockify_id,
            "clockify_name": seeker.shown,
            "problem": problem,
            "candidates": ", ".join(_told(lead, problem, len(leads)) for lead in leads),
        }
        for seeker, problem, leads in lost
    ]
    return Unlinked.validate(pd.DataFrame(rows, columns=list(Unlinked.to_schema().columns)))


def _told(lead: Lead, problem: Problem, leads: int) -> str:
    """Name a partner; with the reason, unless that is the number of those who are named."""
    tells = problem == Problem.NEAR or (problem == Problem.AMBIGUOUS and leads == 1)
    return f"{lead.partner}, {lead.why}" if tells else str(lead.partner)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
