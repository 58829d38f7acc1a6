"""Matches names: links Clockify's users and projects with QuickBooks' people and customers.

Nothing is guessed: a name links only if exactly one on each side has it. Links hold ids, so what is
linked stays linked; only what is not linked yet is matched. What nearly matches is found in
`transforms.directory.near_misses`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from schemas.links import Links, Unlinked
from schemas.words import Kind, Origin, Problem, QboKind
from transforms.directory.candidates import (
    Candidate,
    Key,
    Matches,
    Partner,
    PartnerIndex,
    Unmatched,
    as_candidates,
    as_partner,
    placed_name,
)
from transforms.directory.customer_tree import Customer, Tree
from transforms.directory.names import DELETED_USER, OWN_ID, same_form, without_case, without_suffix
from transforms.directory.near_misses import near_candidates

#: Nobody was unlinked or excluded by hand.
NOBODY: Mapping[str, Problem] = MappingProxyType({})


def match_users(
    users: pd.DataFrame,
    people: pd.DataFrame,
    *,
    linked: pd.DataFrame,
    link_vendors: bool,
    apart: Mapping[str, Problem] = NOBODY,
) -> Matches:
    """Match Clockify's users with QuickBooks' employees, and with vendors where allowed.

    Args:
        users: `Users`.
        people: `People`; only active rows are matched.
        linked: Existing `Links`; their users are left as they are.
        link_vendors: Whether contractors may be linked; an employee of the same name wins.
        apart: Ids of users whom a person has unlinked or excluded; no name links them again.
    """
    unmatched = [
        Unmatched(
            Kind.USER,
            row.clockify_id,
            _text(row.name),
            _user_key(_text(row.name)),
            _text(row.email),
        )
        for row in users.itertuples(index=False)
    ]
    return _match(unmatched, _people(people, link_vendors=link_vendors), linked, apart)


def _people(people: pd.DataFrame, *, link_vendors: bool) -> PartnerIndex:
    by_key: dict[Key, list[Partner]] = {}
    inactive: dict[Key, list[Partner]] = {}
    by_email: dict[str, list[Partner]] = {}
    named: list[tuple[str, Partner]] = []
    # Employees first, then by name and id, whatever the order of the rows.
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
    return PartnerIndex(by_key, named, inactive, by_email=by_email)


def match_projects(
    projects: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    linked: pd.DataFrame,
    apart: Mapping[str, Problem] = NOBODY,
) -> Matches:
    """Match Clockify's projects with QuickBooks' customers, sub-customers and projects.

    Client › project matches parent › sub-customer, at any depth; the client's name may also be the
    parent's whole path, `Customer:Sub 1`. A project without a client matches the top-level
    customer of its name, the customer of that path or, if there is neither, the only sub-customer
    of that name.

    Args:
        projects: `Projects`.
        customers: `Customers`; only active rows are matched, but inactive ones count as parents.
        linked: Existing `Links`; their projects are left as they are.
        apart: Ids of projects that a person has unlinked or excluded; no name links them again.
    """
    unmatched = []
    for row in projects.itertuples(index=False):
        client = _text(row.client_name) or ""
        key = (same_form(client), same_form(row.name))
        unmatched.append(
            Unmatched(Kind.PROJECT, row.clockify_id, placed_name(client, row.name), key)
        )
    return _match(unmatched, _customers(Tree(customers)), linked, apart)


def _customers(tree: Tree) -> PartnerIndex:
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
    # Without a client, the name alone must do, unless it is a top-level customer's.
    loose: dict[Key, list[Partner]] = {("", name): found for name, found in subs.items()}
    for key in by_key.keys() | inactive.keys():
        loose.pop(key, None)
    return PartnerIndex(by_key | loose, named, inactive, loose=loose, anywhere=anywhere)


def _keys(customer: Customer) -> set[Key]:
    """Return the pairs of client and project name that match a customer."""
    name = same_form(customer.name)
    keys = {(same_form(customer.parent_name), name), (same_form(customer.parent_path), name)}
    return keys | {("", same_form(customer.path))}


def _user_key(name: str | None) -> Key | None:
    form = same_form(name or "")
    return None if form in {"", DELETED_USER} else (form,)


def _match(
    unmatched: Sequence[Unmatched],
    partners: PartnerIndex,
    linked: pd.DataFrame,
    apart: Mapping[str, Problem],
) -> Matches:
    done = set(zip(linked["kind"], linked["clockify_id"], strict=True))
    rivals = _Rivals.of(unmatched, partners, linked)
    links: list[dict[str, str | None]] = []
    problems: list[tuple[Unmatched, Problem, list[Candidate]]] = []
    without_partner: list[Unmatched] = []
    for one in unmatched:
        if (one.kind, one.clockify_id) in done:
            continue
        found = partners.of(one)
        if one.clockify_id in apart:
            problem = apart[one.clockify_id]
            problems.append((one, problem, as_candidates(one, found, f"{problem} by hand")))
        elif not found:
            without_partner.append(one)
        elif why := rivals.why_ambiguous(one, found):
            problems.append((one, Problem.AMBIGUOUS, as_candidates(one, found, why)))
        else:
            links.append(new_link(one, found[0], Origin.NAME))
    new_links = pd.DataFrame(links, columns=list(Links.to_schema().columns))
    unused = _unused(partners, pd.concat([linked, new_links]))
    for one, candidates in near_candidates(without_partner, partners, unused):
        problems.append((one, Problem.NEAR if candidates else Problem.MISSING, candidates))
    problems.sort(key=lambda row: (row[0].shown or "", row[0].clockify_id))

    def candidates_with(problem: Problem) -> list[Candidate]:
        return [one for _, its, candidates in problems if its == problem for one in candidates]

    return Matches(
        links=Links.validate(new_links),
        unlinked=_unlinked(problems),
        near=candidates_with(Problem.NEAR),
        ambiguous=candidates_with(Problem.AMBIGUOUS),
        unused=[partner for _, partner in unused],
    )


def _unused(partners: PartnerIndex, linked: pd.DataFrame) -> list[tuple[str, Partner]]:
    taken = set(zip(linked["qbo_kind"], linked["qbo_id"], strict=True))
    return [
        (name, partner)
        for name, partner in partners.named
        if (partner.qbo_kind, partner.qbo_id) not in taken
    ]


@dataclass(frozen=True)
class _Rivals:
    """Who else in Clockify may claim the same partner.

    Attributes:
        partners: What they are matched against.
        same_name: How many have the name of each partner; those without a client apart.
        holders: For each partner that is linked by name, the row of `Links`.
    """

    partners: PartnerIndex
    same_name: Counter[tuple[Partner, bool]]
    holders: Mapping[tuple[str, str], Any]

    @classmethod
    def of(
        cls, unmatched: Sequence[Unmatched], partners: PartnerIndex, linked: pd.DataFrame
    ) -> "_Rivals":
        by_name = linked[linked["origin"] != Origin.MANUAL]
        same_name = Counter(
            (partner, one.key in partners.loose)
            for one in unmatched
            for partner in partners.of(one)
        )
        holders = {(row.qbo_kind, row.qbo_id): row for row in by_name.itertuples(index=False)}
        return cls(partners, same_name, holders)

    def why_ambiguous(self, one: Unmatched, found: Sequence[Partner]) -> str:
        """Return why none of the partners found is chosen; empty if the only one is."""
        loose = one.key in self.partners.loose
        rivals = self.same_name[found[0], loose]
        if loose and len(found) == 1:
            rivals += self.same_name[found[0], False]
        holder = _rival(self.holders.get((found[0].qbo_kind, found[0].qbo_id)), one)
        reasons = []
        if len(found) > 1:
            reasons.append(f"{len(found)} in QuickBooks have this name")
        if rivals > 1:
            reasons.append(f"{rivals} in Clockify have this name")
        if len(found) == 1 and holder:
            reasons.append(f"already linked to the {holder}")
        return ", and ".join(reasons)


def _rival(holder: Any, one: Unmatched) -> str | None:
    """Name who has the partner already; whom only files knew may have come to Clockify since."""
    if holder is None:
        return None
    if holder.clockify_id.startswith(OWN_ID) and not one.clockify_id.startswith(OWN_ID):
        return None
    return f"{holder.kind} {holder.clockify_name!r} (id {holder.clockify_id})"


def new_link(unmatched: Unmatched, partner: Partner, origin: Origin) -> dict[str, str | None]:
    """Return a row of `Links`."""
    return {
        "kind": unmatched.kind,
        "clockify_id": unmatched.clockify_id,
        "clockify_name": unmatched.shown,
        "qbo_kind": partner.qbo_kind,
        "qbo_id": partner.qbo_id,
        "qbo_name": partner.shown,
        "origin": origin,
    }


def _unlinked(problems: Sequence[tuple[Unmatched, Problem, list[Candidate]]]) -> pd.DataFrame:
    rows = [
        {
            "kind": one.kind,
            "clockify_id": one.clockify_id,
            "clockify_name": one.shown,
            "problem": problem,
            "candidates": ", ".join(_shown(it, problem, len(candidates)) for it in candidates),
        }
        for one, problem, candidates in problems
    ]
    return Unlinked.validate(pd.DataFrame(rows, columns=list(Unlinked.to_schema().columns)))


def _shown(candidate: Candidate, problem: Problem, candidates: int) -> str:
    """Describe a partner, with the reason unless the list of partners shows it."""
    explains = problem == Problem.NEAR or (problem == Problem.AMBIGUOUS and candidates == 1)
    return f"{candidate.partner}, {candidate.why}" if explains else str(candidate.partner)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
