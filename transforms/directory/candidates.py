"""Who is compared: Clockify's unmatched, QuickBooks' partners, and the candidates among them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from schemas.words import Kind, QboKind
from transforms.directory.customer_tree import Customer

#: What separates a client from its project, for people's eyes.
ARROW = " › "

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
class Unmatched:
    """A Clockify user or project whose partner is to be found.

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
class Candidate:
    """A partner that was not linked, and why a person may want it.

    Attributes:
        unmatched: Who has no partner.
        partner: Who may be it.
        why: For a person: what speaks for it, or why nothing was chosen.
    """

    unmatched: Unmatched
    partner: Partner
    why: str


@dataclass(frozen=True)
class PartnerIndex:
    """The partners, and under what they may be found.

    Attributes:
        by_key: Exact keys; a list with more than one partner is ambiguous.
        loose: Those of them that leave the client out: they yield to a key that names it.
        named: Each active partner with the whole name that near misses are looked for in.
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

    def of(self, one: "Unmatched") -> list[Partner]:
        """Return the partners whose exact key somebody has."""
        return [] if one.key is None else self.by_key.get(one.key, [])


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
    near: list[Candidate] = field(default_factory=list)
    ambiguous: list[Candidate] = field(default_factory=list)
    unused: list[Partner] = field(default_factory=list)


def placed_name(client: str | None, name: str) -> str:
    """Write a project with its client, as people read it."""
    return f"{client}{ARROW}{name}" if client else name


def as_partner(customer: Customer) -> Partner:
    """Give a customer as somebody that a project may be linked to."""
    return Partner(QboKind.CUSTOMER, customer.qbo_id, customer.name, customer.path)
