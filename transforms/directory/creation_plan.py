"""What could be made on one side because it stands on the other: planned before anything is made.

Everything that can be known to be impossible is found here, so that a dry run tells it too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from schemas.words import Kind, QboKind, Side
from transforms.directory.candidates import Candidate, Partner
from transforms.directory.match import ELSEWHERE

Key = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where something is to be made: under what is there, or under what is made before it.

    Attributes:
        id: Id of the client or customer above, where it is there.
        key: `Wanted.key` of the one above, where it has yet to be made.
        name: Its name.
    """

    name: str
    id: str | None = None
    key: Key | None = None


@dataclass(frozen=True)
class Wanted:
    """One thing that is on one side only, and what it would be on the other.

    Attributes:
        side: Where it would be made.
        kind: A user is an employee in QuickBooks; a client, a customer with others below it.
        name: What it would be called.
        place: The client or customer above it; `None` at the top.
        clockify_id: Clockify's id; `None` for what is to be made there.
        clockify_name: Its name in Clockify, with its client.
        partner: Who it is in QuickBooks; `None` for what is to be made there.
        email: An address to invite, or to note with an employee.
        level: How deep it would stand in QuickBooks' tree; 0 at the top.
    """

    side: Side
    kind: Kind
    name: str
    place: Place | None = None
    clockify_id: str | None = None
    clockify_name: str | None = None
    partner: Partner | None = None
    email: str | None = None
    level: int = 0

    @property
    def key(self) -> Key:
        """What tells it from everything else that is to be made."""
        above = (self.place.id or "", *(self.place.key or ())) if self.place else ()
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
    """Something that is not made, and why.

    Attributes:
        wanted: What would have been made.
        reason: Why not, and what a person can do.
    """

    wanted: Wanted
    reason: str


@dataclass
class Creation:
    """What could be made on one side.

    Attributes:
        wanted: In the order in which it is to be made: parents first.
        blocked: What cannot be made.
    """

    wanted: list[Wanted] = field(default_factory=list)
    blocked: list[NotMade] = field(default_factory=list)

    def add(self, wanted: Wanted, *checks: Callable[[Wanted], str | None]) -> Wanted | None:
        """Take *wanted* in, unless one of *checks* gives a reason against it."""
        for check in checks:
            reason = check(wanted)
            if reason is not None:
                self.blocked.append(NotMade(wanted, reason))
                return None
        self.wanted.append(wanted)
        return wanted


def misspelt(candidates: Iterable[Candidate]) -> dict[tuple[str, str], Candidate]:
    """Give the near misses by both of their ids: who may be there already, under another spelling.

    A namesake under a different parent is somebody else: there the client decides.
    """
    found: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        if candidate.why != ELSEWHERE:
            found.setdefault((candidate.unmatched.kind, candidate.unmatched.clockify_id), candidate)
            found.setdefault((candidate.partner.qbo_kind, candidate.partner.qbo_id), candidate)
    return found


def link_command(kind: Kind, clockify_id: str, partner: Partner) -> str:
    """Write the command that links two by hand."""
    return f"`clockbooks link {kind} {clockify_id} {partner.qbo_id}`"
