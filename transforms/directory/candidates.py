"""What is compared: Clockify's unmatched rows, QuickBooks' partners, candidates among them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from schemas.words import Kind, QboKind
from transforms.directory.customer_tree import Customer

#: What separates a client from its project, for people.
ARROW = " › "

Key = tuple[str, ...]


@dataclass(frozen=True)
class Partner:
    """A person or customer in QuickBooks that a Clockify row may be linked to.

    Attributes:
        qbo_kind: Employee, vendor or customer.
        qbo_id: QuickBooks' id.
        name: DisplayName.
        shown: The name with its parents, by which a person finds the row.
    """

    qbo_kind: QboKind
    qbo_id: str
    name: str
    shown: str

    def __str__(self) -> str:
        return f"{self.qbo_kind} {self.shown!r} (id {self.qbo_id})"


@dataclass(frozen=True)
class Unmatched:
    """A Clockify user or project that needs a partner.

    Attributes:
        kind: User or project.
        clockify_id: Clockify's id.
        shown: Its name, with its client before it.
        key: The key that its partner must have, in the form in which names are compared; `None`
            without a usable name (a deleted user, or one without a name yet).
        email: Its e-mail address, if it has one.
    """

    kind: Kind
    clockify_id: str
    shown: str | None
    key: Key | None
    email: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A possible partner that was not linked, and why a person may want it.

    Attributes:
        unmatched: Who has no partner.
        partner: The possible partner.
        why: For a person: why it may be the right one, or why none was chosen.
    """

    unmatched: Unmatched
    partner: Partner
    why: str


@dataclass(frozen=True)
class PartnerIndex:
    """The partners, and the keys under which they are found.

    Attributes:
        by_key: By exact key; a list with more than one partner is ambiguous.
        named: Each active partner, with the whole name in which near misses are looked for.
        inactive: Inactive ones, whose time QuickBooks would refuse, by exact key.
        loose: The exact keys that leave the client out; a key that names it goes first.
        by_email: People by e-mail address, without case.
        anywhere: Customers by name alone, without case.
    """

    by_key: Mapping[Key, list[Partner]]
    named: Sequence[tuple[str, Partner]]
    inactive: Mapping[Key, list[Partner]]
    loose: Collection[Key] = ()
    by_email: Mapping[str, list[Partner]] = field(default_factory=dict)
    anywhere: Mapping[str, list[Partner]] = field(default_factory=dict)

    def of(self, one: "Unmatched") -> list[Partner]:
        """Return the partners with the exact key of *one*."""
        return [] if one.key is None else self.by_key.get(one.key, [])


@dataclass
class Matches:
    """The result of comparing both directories.

    Attributes:
        links: New `Links`.
        unlinked: `Unlinked`: Clockify rows without a partner, and why.
        near: The likeliest partners, where a name is a near miss.
        ambiguous: All candidates, where a name is ambiguous.
        unused: QuickBooks' active rows that nobody is linked to.
    """

    links: pd.DataFrame
    unlinked: pd.DataFrame
    near: list[Candidate] = field(default_factory=list)
    ambiguous: list[Candidate] = field(default_factory=list)
    unused: list[Partner] = field(default_factory=list)


def placed_name(client: str | None, name: str) -> str:
    """Write a project with its client, as people read it."""
    return f"{client}{ARROW}{name}" if client else name


def as_partner(customer: Customer) -> Partner:
    """Return a customer as a partner that a project may be linked to."""
    return Partner(QboKind.CUSTOMER, customer.qbo_id, customer.name, customer.path)


def as_candidates(unmatched: Unmatched, partners: Iterable[Partner], why: str) -> list[Candidate]:
    """Return partners as candidates that share one reason."""
    return [Candidate(unmatched, partner, why) for partner in partners]
