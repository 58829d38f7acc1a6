"""What could be created on one side because the other has it, planned before anything is created.

Everything that is known to be impossible is found here, so that a dry run reports it too.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from schemas.words import Kind, QboKind, Side
from transforms.directory.candidates import Candidate, Partner
from transforms.directory.near_misses import ELSEWHERE

Key = tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """The client or customer under which something is created; it may have to be created first.

    Attributes:
        name: Its name.
        id: Its id, if it exists.
        key: Its `Wanted.key`, if it has yet to be created.
    """

    name: str
    id: str | None = None
    key: Key | None = None


@dataclass(frozen=True)
class Wanted:
    """Something that only one side has, and what it would be on the other.

    Attributes:
        side: Where it would be created.
        kind: A user is an employee in QuickBooks; a client is a customer with sub-customers.
        name: What it would be called.
        parent: The client or customer above it; `None` at the top.
        clockify_id: Clockify's id; `None` if it is to be created there.
        clockify_name: Its name in Clockify, with its client.
        partner: What it is in QuickBooks; `None` if it is to be created there.
        email: The address to invite, or to store with an employee.
        level: Its level in QuickBooks' tree; 0 at the top.
    """

    side: Side
    kind: Kind
    name: str
    parent: Parent | None = None
    clockify_id: str | None = None
    clockify_name: str | None = None
    partner: Partner | None = None
    email: str | None = None
    level: int = 0

    @property
    def key(self) -> Key:
        """What distinguishes it from everything else that is to be created."""
        above = (self.parent.id or "", *(self.parent.key or ())) if self.parent else ()
        kind = self.kind if self.side == Side.CLOCKIFY or self.kind == Kind.USER else "customer"
        return (self.side, kind, self.name.casefold(), *above)

    @property
    def qbo_kind(self) -> QboKind:
        """What it is in QuickBooks."""
        if self.partner is not None:
            return self.partner.qbo_kind
        return QboKind.EMPLOYEE if self.kind == Kind.USER else QboKind.CUSTOMER


@dataclass(frozen=True)
class NotMade:
    """Something that cannot be created, and why.

    Attributes:
        wanted: What would have been created.
        reason: Why not, and what a person can do.
    """

    wanted: Wanted
    reason: str


@dataclass
class Creation:
    """What could be created on one side.

    Attributes:
        wanted: In the order in which it is to be created: parents first.
        blocked: What cannot be created.
    """

    wanted: list[Wanted] = field(default_factory=list)
    blocked: list[NotMade] = field(default_factory=list)

    def add(self, wanted: Wanted, *checks: Callable[[Wanted], str | None]) -> Wanted | None:
        """Add *wanted*, unless one of *checks* returns a reason against it.

        Returns:
            *wanted*, or `None` if it was blocked.
        """
        for check in checks:
            reason = check(wanted)
            if reason is not None:
                self.blocked.append(NotMade(wanted, reason))
                return None
        self.wanted.append(wanted)
        return wanted

    def only(self, clockify_ids: Collection[str]) -> list[Wanted]:
        """Return some users and projects of what is wanted, with the parents that they need."""
        keys = {
            one.key
            for one in self.wanted
            if one.kind != Kind.CLIENT and one.clockify_id in clockify_ids
        }
        for one in reversed(self.wanted):  # parents come before
            if one.key in keys and one.parent is not None and one.parent.key is not None:
                keys.add(one.parent.key)
        return [one for one in self.wanted if one.key in keys]


def misspelled(candidates: Iterable[Candidate]) -> dict[tuple[str, str], Candidate]:
    """Return the near misses, by both of their ids: what may exist already, spelled differently.

    A customer of the same name under a different parent is left out: it is another customer.
    """
    found: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        if candidate.why != ELSEWHERE:
            found.setdefault((candidate.unmatched.kind, candidate.unmatched.clockify_id), candidate)
            found.setdefault((candidate.partner.qbo_kind, candidate.partner.qbo_id), candidate)
    return found


def link_command(kind: Kind, clockify_id: str, partner: Partner) -> str:
    """Return the command that links the two by hand."""
    return f"`clockbooks link {kind} {clockify_id} {partner.qbo_id}`"
