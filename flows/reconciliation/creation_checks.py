"""Finds out why a TimeActivity should not be created, before another one is deleted for it.

Nothing is created beside what somebody typed in again, and what QuickBooks would refuse to create
takes nothing out of the books.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pandas as pd

from connectors.quickbooks.batch import part_of
from connectors.store.unknown_time import UnknownRow
from flows.connections.unknown_time import person_of, read_unknown, unknown_rows
from flows.context import RunContext
from flows.text import named
from schemas.part_ids import in_parts
from schemas.quickbooks import Company
from schemas.words import TimeKind
from transforms.identity.match_books import content_of, content_of_body

#: What a TimeActivity names, and QuickBooks has lists of (FACTS, QBO, 1.1).
_NAMED = ("Employee", "Vendor", "Customer")

#: TimeActivities that a sentence names; the others are counted.
_MOST_NAMED = 3


def why_not_made(
    context: RunContext, company: Company, bodies: Mapping[str, str], *, names: bool
) -> dict[str, str]:
    """Find out which TimeActivities should not be created, and why.

    Args:
        context: What to work with.
        company: The QuickBooks company.
        bodies: TimeActivities to create, by entry id.
        names: Whether to ask QuickBooks, too, if it has what they name.

    Returns:
        For each such entry, what to do about it.

    Raises:
        TryAgain: QuickBooks could not be read.
    """
    if not bodies:
        return {}
    found = untried_payroll(context, company, bodies) | typed_again(context, bodies)
    return found | (unusable_names(context, bodies) if names else {})


def typed_beside(
    context: RunContext, before: Mapping[str, Mapping[str, Any]], bodies: Mapping[str, str]
) -> dict[str, str]:
    """Find updates that would bring a person's day time that somebody may have typed in already.

    Takes TimeActivities before and after, by entry id, and returns the same as `why_not_made`.
    """
    more: dict[str, str] = {}
    for id_, body in bodies.items():
        was, will = content_of(before[id_]), content_of_body(body)
        stays = (was.person, was.day) == (will.person, will.day) and was.minutes.is_finite()
        if not stays or will.minutes > was.minutes:
            more[id_] = body
    return typed_again(context, more)


def typed_again(context: RunContext, bodies: Mapping[str, str]) -> dict[str, str]:
    """Find TimeActivities whose work somebody may have typed into QuickBooks again.

    Takes and returns the same as `why_not_made`.
    """
    wanted = {id_: json.loads(body) for id_, body in bodies.items()}
    unknown: dict[tuple[str, str], list[UnknownRow]] = defaultdict(list)
    for day in sorted({body["TxnDate"] for body in wanted.values()}):
        rows = unknown_rows(read_unknown(context, day, day))
        others = context.store.unknown_time.others(rows)
        for row in rows:
            if row.time_activity_id not in others:
                unknown[row.person, day].append(row)
    said = context.store.unknown_time.other_than(list(wanted))
    keys = {id_: (person_of(body), body["TxnDate"]) for id_, body in wanted.items()}
    ids = pd.Series(list(bodies), dtype="str")
    parts = set(ids[in_parts(ids)])
    left = {
        id_: [row.time_activity_id for row in unknown.get(key, []) if row not in said.get(id_, ())]
        for id_, key in keys.items()
    }
    return {
        id_: (_TYPED + (_PARTS if id_ in parts else _WHOLE)).format(
            rows=named(rows, _MOST_NAMED), id=id_, day=keys[id_][1]
        )
        for id_, rows in left.items()
        if rows
    }


def unusable_names(context: RunContext, bodies: Mapping[str, str]) -> dict[str, str]:
    """Find TimeActivities whose person or customer QuickBooks no longer has, or has as inactive.

    Takes and returns the same as `why_not_made`.
    """
    wanted = {id_: json.loads(body) for id_, body in bodies.items()}
    links = context.store.links.stored()
    linked = set(zip(links["qbo_kind"].str.capitalize(), links["qbo_id"], strict=True))
    found: dict[str, str] = {}
    for kind in _NAMED:
        parts = {id_: part_of(body, f"{kind}Ref") for id_, body in wanted.items()}
        ids = {id_: part["value"] for id_, part in parts.items() if "value" in part}
        rows = context.quickbooks.by_ids(kind, sorted(set(ids.values())))
        active = {row["Id"]: row.get("Active") is True for row in rows}
        names = {row["Id"]: row for row in rows}
        for id_, value in ids.items():
            if not active.get(value):
                helps = _LINK if (kind, value) in linked else _RECALL.format(id_)
                found[id_] = f"{_unusable(kind, value, names.get(value))} {helps}"
    return found


def untried_payroll(
    context: RunContext, company: Company, bodies: Mapping[str, str]
) -> dict[str, str]:
    """Find TimeActivities that a company with payroll may not take, or that are not to go there.

    Takes and returns the same as `why_not_made`.
    """
    allowed = context.settings.allow_payroll
    if not company.has_payroll or allowed:
        return {}
    if allowed is False:
        return dict.fromkeys(bodies, _FORBIDDEN)
    payroll = context.store.payroll
    times = {id_: _kind_of(json.loads(body)) for id_, body in bodies.items()}
    taken = {kind for kind in TimeKind if payroll.taken_at(kind) is not None}
    if TimeKind.PLAIN in taken:  # the books may have given it a pay type, with which it goes back
        taken.add(TimeKind.PAID)
    return {id_: _UNTRIED for id_, kind in times.items() if kind not in taken}


def _kind_of(activity: Mapping[str, Any]) -> TimeKind:
    if activity["NameOf"] != "Employee":
        return TimeKind.CONTRACTORS
    return TimeKind.PAID if "PayrollItemRef" in activity else TimeKind.PLAIN


def _unusable(kind: str, id_: str, row: Mapping[str, Any] | None) -> str:
    if row is None:
        what = f"{kind} {id_} is not in QuickBooks"
    else:
        what = f"{kind} {row.get('DisplayName') or id_} is inactive in QuickBooks"
    return f"{what}, so its time stays as it is. Make it active there,"


_TYPED = (
    "QuickBooks has time of that person and day that nobody sent from here (TimeActivity {rows}):"
    " somebody may have typed it in again. "
)

_WHOLE = (
    "Run `clockbooks recall --entry {id}`; then `clockbooks adopt --start {day} --end {day}` takes"
    " that time over, or, if it is other work, `clockbooks send --not-in-books` sends the entry."
)

#: One part alone is never adopted.
_PARTS = (
    "If so, delete TimeActivity {rows} in QuickBooks and repair. If it is other work, run"
    " `clockbooks recall --entry {id}`; then `clockbooks send --not-in-books` sends the entry."
)

_LINK = "or link another one with `clockbooks link`; then repair."

#: What was sent keeps the person and customer of then, whatever is linked now.
_RECALL = "or run `clockbooks recall --entry {}`: the next send books it for what is linked now."

_UNTRIED = (
    "The company has QuickBooks Payroll, and whether QuickBooks takes time there is not known yet,"
    " so none is made anew. Send other time first: once QuickBooks has taken some, repair. Or set"
    " CLOCKBOOKS_ALLOW_PAYROLL=true."
)

_FORBIDDEN = (
    "The company has QuickBooks Payroll, which CLOCKBOOKS_ALLOW_PAYROLL forbids, so none is made"
    " anew."
)
