"""Judges one sent entry: what differs between Clockify, the ledger and QuickBooks, and what helps.

What somebody changed in QuickBooks is theirs. A repair touches it only when it is told to prefer
Clockify, or names the entry; and it never touches what is billed, or lies in closed books.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from schemas.words import Block, Reason, Verdict
from transforms.reconciliation.sides import (
    FIELDS,
    Now,
    Sent,
    books_values,
    clockify_values,
    differing,
    has_moved,
    ledger_values,
    own_share,
    was_touched,
)

#: The fields that may not be written while a reason for a send to leave an entry holds; of reasons
#: that are not here, none may be. A link that a change needs is asked for by `_blocked`.
_CONCERNS = {
    Reason.TOO_LONG: {"minutes"},
    Reason.ROUNDS_TO_ZERO: {"minutes"},
    Reason.BILLABLE_WITHOUT_PROJECT: {"project"},
    Reason.UNLINKED_USER: {"user"},
    Reason.UNLINKED_PROJECT: {"project"},
    Reason.AMBIGUOUS_NAME: {"user", "project"},
    Reason.RATE_CURRENCY: set[str](),
    Reason.BILLABLE_WITHOUT_RATE: set[str](),
}

#: Reasons about these come last, so that any other reason may hide one.
_JUDGED_LAST = {"billable", "rate"}


class Step(StrEnum):
    """What a repair would do."""

    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"  # delete, and create for another person or customer
    RESEND = "resend"
    CATCH_UP = "catch_up"  # QuickBooks is right already: the ledger follows
    FORGET = "forget"  # both have deleted it: the ledger follows


@dataclass(frozen=True)
class Rules:
    """What a reconciliation judges by.

    Attributes:
        closed_until: The books are closed through this day; `None` if they are open.
        prefer_clockify: Whether what somebody changed in QuickBooks may be overwritten.
        entry_ids: Entries of which it may be overwritten in any case.
        resend: Whether what is gone from QuickBooks is to be created again.
    """

    closed_until: date | None = None
    prefer_clockify: bool = False
    entry_ids: Collection[str] = field(default_factory=frozenset)
    resend: bool = False

    def is_closed(self, *days: str | None) -> bool:
        """Whether one of some days, YYYY-MM-DD, lies in closed books."""
        until = self.closed_until.isoformat() if self.closed_until else ""
        return any(day is not None and day <= until for day in days)


@dataclass(frozen=True)
class Judged:
    """What was found out about one sent entry.

    Attributes:
        verdict: What differs.
        detail: What a person can do about it; empty if it agrees.
        blocked: What forbids a repair.
        sides: All fields, as Clockify, the ledger and QuickBooks have them; a side without the
            entry is left out.
        step: What would repair it; `None` if nothing would, or may.
        fields: The fields that Clockify changed, which a repair writes.
        anew: Whether the next send sends it anew once it was taken out of QuickBooks.
    """

    verdict: Verdict
    detail: str = ""
    blocked: Block | None = None
    sides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    step: Step | None = None
    fields: tuple[str, ...] = ()
    anew: bool = False

    @property
    def differs(self) -> dict[str, dict[str, Any]]:
        """The fields that differ, with what each side says."""
        return {
            field: {name: side[field] for name, side in self.sides.items()}
            for field in FIELDS
            if len({side[field] for side in self.sides.values()}) > 1
        }


def judge(sent: Sent, now: Now | None, activity: Mapping[str, Any] | None, rules: Rules) -> Judged:
    """Compare the three sides of a sent entry, of a part of one, or of an entry of a line.

    The latter are never written anew: their step, also if they agree, says whether they may be
    taken back with the others.

    Args:
        sent: What the ledger has.
        now: What Clockify has; `None` if the entry is gone from there.
        activity: The TimeActivity in QuickBooks; `None` if it is gone.
        rules: What counts, and what may be done.
    """
    seen = _see(sent, now, own_share(sent, activity))
    if seen.verdict == Verdict.AGREES and sent.unit is None:
        return Judged(seen.verdict, sides=seen.sides)
    is_part, theirs = sent.unit is not None, seen.theirs
    deletes = seen.stays_out or seen.verdict == Verdict.UNAPPROVED_SINCE
    step = _step(seen.clockify, seen.books, deletes=deletes)
    if is_part and step == Step.CATCH_UP:
        step = Step.UPDATE
    if (step == Step.DELETE or is_part) and was_touched(sent, seen.activity):
        theirs = [*theirs, "SyncToken"]
    blocked = _blocked(step, seen.clockify, seen.ledger, seen.activity, rules)
    refusal = _refusal(blocked, rules) or (
        _unsendable(step, sent, now, seen.ours) or _not_allowed(step, theirs, sent.entry_id, rules)
    )
    anew = is_part and step not in {Step.DELETE, Step.FORGET}
    if anew:
        step = Step.FORGET if seen.books is None else Step.DELETE
    helps = refusal or (_ANEW[sent.line is not None] if anew else _HELPS[step])
    return Judged(
        verdict=seen.verdict,
        detail=" ".join(filter(None, [*_found(seen, now), helps])),
        blocked=blocked,
        sides=seen.sides,
        step=None if refusal else step,
        fields=tuple(seen.ours),
        anew=anew,
    )


def _found(seen: "_Seen", now: Now | None) -> list[str]:
    """Return what to say of a difference; empty texts say nothing."""
    found = _FOUND.get(seen.verdict, "")
    if now is not None and seen.verdict == Verdict.CHANGED_IN_CLOCKIFY:
        found = now.other_hours or found
    return [found, _STAYS_OUT if seen.stays_out else ""]


class _Seen(NamedTuple):
    """The three sides of a sent entry, and what differs: ours in Clockify, theirs in QuickBooks."""

    clockify: Mapping[str, Any] | None
    ledger: Mapping[str, Any]
    books: Mapping[str, Any] | None
    activity: Mapping[str, Any] | None
    ours: Sequence[str]
    theirs: Sequence[str]
    stays_out: bool
    verdict: Verdict

    @property
    def sides(self) -> dict[str, Mapping[str, Any]]:
        named = {"clockify": self.clockify, "ledger": self.ledger, "quickbooks": self.books}
        return {name: side for name, side in named.items() if side is not None}


def _see(sent: Sent, now: Now | None, activity: Mapping[str, Any] | None) -> _Seen:
    ledger = ledger_values(sent)
    new_body = None if now is None else now.body
    books = None if activity is None else books_values(activity, sent.body, new_body)
    clockify = _clockify(sent, now, ledger, books)
    ours, theirs = _changed_here(sent, now, clockify, ledger), differing(books, ledger)
    stays_out = now is not None and not now.is_work
    verdict = None if stays_out else _verdict(sent, now, clockify, books)
    verdict = verdict or _changed(("type",) if stays_out else ours, theirs)
    return _Seen(clockify, ledger, books, activity, ours, theirs, stays_out, verdict)


def _changed_here(
    sent: Sent, now: Now | None, clockify: dict[str, Any] | None, ledger: dict[str, Any]
) -> Sequence[str]:
    """Return what Clockify changed; a part that begins at another time has other minutes.

    An entry of a line may move within its day.
    """
    ours = differing(clockify, ledger)
    is_part = sent.unit is not None and sent.line is None
    if is_part and now is not None and "minutes" not in ours:
        return [*ours, "minutes"] if now.other_hours or has_moved(sent, now) else ours
    return ours


def _clockify(
    sent: Sent, now: Now | None, ledger: dict[str, Any], books: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    if now is None:  # of a file, Clockify may never have had it
        return ledger if sent.from_file else None
    values = clockify_values(sent, now, ledger)
    # Of merged customers, QuickBooks shows the time of one under the other. Once the project is
    # linked to that one, both say the same.
    for name in ("user", "project"):
        if books is not None and books[name] == now.row[f"qbo_{name}"]:
            values[name] = books[name]
    return values


def _verdict(
    sent: Sent,
    now: Now | None,
    clockify: Mapping[str, Any] | None,
    books: Mapping[str, Any] | None,
) -> Verdict | None:
    """Return what is true whatever the fields say; `None` if they decide."""
    if clockify is None:
        return Verdict.GONE_FROM_CLOCKIFY
    if now is not None and not now.approved and sent.was_approved:
        return Verdict.UNAPPROVED_SINCE  # also if it is gone: nothing may send it again
    return Verdict.GONE_FROM_QUICKBOOKS if books is None else None


def _changed(ours: Sequence[str], theirs: Sequence[str]) -> Verdict:
    if ours and theirs:
        return Verdict.CHANGED_IN_BOTH
    if ours:
        return Verdict.CHANGED_IN_CLOCKIFY
    return Verdict.CHANGED_IN_QUICKBOOKS if theirs else Verdict.AGREES


def _step(
    clockify: Mapping[str, Any] | None, books: Mapping[str, Any] | None, *, deletes: bool
) -> Step:
    if deletes or clockify is None:
        return Step.FORGET if books is None else Step.DELETE
    if books is None:
        return Step.RESEND
    if clockify == books:
        return Step.CATCH_UP
    moved = any(clockify[field] != books[field] for field in ("user", "project"))
    return Step.REPLACE if moved else Step.UPDATE


def _blocked(
    step: Step,
    clockify: Mapping[str, Any] | None,
    ledger: Mapping[str, Any],
    activity: Mapping[str, Any] | None,
    rules: Rules,
) -> Block | None:
    if step in {Step.FORGET, Step.CATCH_UP}:
        return None
    if activity is not None and is_billed(activity):
        return Block.BILLED
    writes = clockify is not None and step != Step.DELETE
    days = [ledger["date"], activity and str(activity.get("TxnDate"))[:10]]
    if rules.is_closed(*days, clockify["date"] if clockify and writes else None):
        return Block.BOOKS_CLOSED
    if clockify and writes and None in (clockify["user"], clockify["project"]):
        return Block.LINK_LOST
    return None


def is_billed(activity: Mapping[str, Any]) -> bool:
    """Whether a TimeActivity is on an invoice (FACTS, QBO, 1.1)."""
    return activity.get("BillableStatus") == "HasBeenBilled"


def _refusal(blocked: Block | None, rules: Rules) -> str | None:
    return None if blocked is None else _BLOCKED[blocked].format(day=rules.closed_until)


def _unsendable(step: Step, sent: Sent, now: Now | None, ours: Sequence[str]) -> str | None:
    """Say why what Clockify changed may not go to QuickBooks; `None` if it may."""
    writes = step in {Step.UPDATE, Step.REPLACE, Step.RESEND}
    if not writes or now is None or now.reason is None:
        return None
    if sent.unit is not None:  # all of the entry would go anew, whatever has changed
        what = "Its parts stay as they are" if sent.line is None else "The TimeActivity stays"
        return f"{what}, because no send would take the entry: {now.detail}"
    concerns = _CONCERNS.get(Reason(now.reason))
    if now.body is None or concerns is None or (concerns | _JUDGED_LAST) & set(ours):
        return now.detail
    return None


def _not_allowed(step: Step, theirs: Sequence[str], entry_id: str, rules: Rules) -> str | None:
    """Say what has to be asked for; `None` if the step may be taken."""
    if step == Step.RESEND and not rules.resend:
        return (
            "If that was a mistake, `--repair --resend` sends it again. If somebody typed it in"
            f" again, `clockbooks recall --entry {entry_id}` and then `clockbooks adopt` take that"
            " over."
        )
    prefers = rules.prefer_clockify or entry_id in rules.entry_ids
    if theirs and step != Step.CATCH_UP and not prefers:
        edited = f"{_TOUCHED} " if step == Step.DELETE else ""
        return (
            f"{edited}A repair leaves that alone, except with `--prefer clockify` for all such"
            f" entries, or `--entry {entry_id}` for this one."
        )
    return None


_FOUND = {
    Verdict.CHANGED_IN_CLOCKIFY: "It was edited in Clockify after it was sent.",
    Verdict.GONE_FROM_CLOCKIFY: "It was deleted in Clockify after it was sent.",
    Verdict.UNAPPROVED_SINCE: "Its approval in Clockify was withdrawn after it was sent.",
    Verdict.CHANGED_IN_QUICKBOOKS: "Somebody edited it in QuickBooks.",
    Verdict.CHANGED_IN_BOTH: "It was edited in Clockify and in QuickBooks.",
    Verdict.GONE_FROM_QUICKBOOKS: "Somebody deleted it in QuickBooks.",
}

_TOUCHED = "Somebody changed it in QuickBooks too, if only its service, class or cost."

#: A break, a holiday or time off; see `Now.is_work`.
_STAYS_OUT = "It is no longer worked time."

_HELPS = {
    Step.UPDATE: "`--repair` writes what Clockify has to QuickBooks.",
    Step.DELETE: "`--repair` takes it out of QuickBooks.",
    Step.REPLACE: "`--repair` deletes it in QuickBooks and creates it for the right person and"
    " customer.",
    Step.RESEND: "`--repair` sends it again.",
    Step.CATCH_UP: "Both say the same now; `--repair` notes that in the ledger.",
    Step.FORGET: "QuickBooks does not have it either; `--repair` notes that in the ledger.",
}

#: By whether it went in a line.
_ANEW = {
    False: "`--repair` takes all parts of the entry out of QuickBooks; the next send sends it"
    " anew.",
    True: "`--repair` takes the TimeActivity out of QuickBooks, with all entries that went in it;"
    " the next send sends them anew.",
}

_BLOCKED = {
    Block.BILLED: "It is on an invoice, so it stays as it is: correct the invoice in QuickBooks.",
    Block.BOOKS_CLOSED: "The books are closed through {day}, so it stays as it is: reopen them in"
    " QuickBooks, or correct it there.",
    Block.LINK_LOST: "Its person or project has no link now: add one with `clockbooks link`, then"
    " repair.",
}
