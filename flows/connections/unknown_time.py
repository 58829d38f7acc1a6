"""Reads the TimeActivities that no ledger of the company accounts for.

Other work, or work that somebody put into QuickBooks in another way than from here: before an entry
goes, `flows.sending.unknown_time` asks; `flows.adopting` takes it over.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors.errors import TryAgain
from connectors.quickbooks.batch import created_at
from connectors.store.unknown_time import UnknownRow
from flows.context import RunContext
from transforms.identity.match_books import (
    CLOCK_MARGIN,
    Found,
    Wanted,
    content_of,
    content_of_body,
    match_books,
)


def read_unknown(
    context: RunContext, first_day: str, last_day: str, *, but_edited: bool = False
) -> list[dict[str, Any]]:
    """Read the TimeActivities of some days that no ledger of the company accounts for.

    What equals an entry that is on its way, or in doubt, is left to whoever settles that; so ask
    while nothing of this run is on its way.

    Args:
        context: What to work with.
        first_day: YYYY-MM-DD.
        last_day: Likewise, included.
        but_edited: Whether what may be such an entry with an edit is left out, too.

    Raises:
        TryAgain: QuickBooks could not be read, or its list lacks time that it has.
    """
    rows = _read_whole(context, first_day, last_day)
    accounted, _ = context.store.books.accounted(list(rows))
    unknown = {id_: row for id_, row in rows.items() if id_ not in accounted and person_of(row)}
    theirs = _on_their_way(context, unknown, edited=but_edited)
    left = {id_: row for id_, row in unknown.items() if id_ not in theirs}
    # What was on its way at the first look, and was recorded as sent before the second.
    arrived, _ = context.store.books.accounted(list(left))
    return [row for id_, row in left.items() if id_ not in arrived]


def _read_whole(context: RunContext, first_day: str, last_day: str) -> dict[str, dict[str, Any]]:
    """Read the TimeActivities of some days by id, and check that none that was sent is missing."""
    asked_at = context.quickbooks.time
    rows = context.quickbooks.time_activities(first_day, last_day, created_from=None)
    by_id = {str(row["Id"]): row for row in rows}
    sent = {one.time_activity_id for one in context.store.sent.between(first_day, last_day)}
    missing = context.quickbooks.time_activities_by_id(sorted(sent - by_id.keys()))
    check_whole(missing, (first_day, last_day), asked_at)
    return by_id


def check_whole(
    missing: Iterable[Mapping[str, Any]], days: tuple[str, str], asked_at: datetime | None
) -> None:
    """Check that TimeActivities that a list of some days lacks are of other days, or younger.

    Args:
        missing: TimeActivities that are not in the list.
        days: First and last day of the list, YYYY-MM-DD.
        asked_at: When it was asked for, by QuickBooks' own clock; what others have sent since
            need not be in it. `None` if nobody knows.

    Raises:
        TryAgain: The list was not whole: what it lacks besides would be overlooked.
    """

    def is_young(row: Mapping[str, Any]) -> bool:
        made = created_at(row)
        return bool(made and asked_at and made >= asked_at.replace(microsecond=0))

    first_day, last_day = days
    if any(
        first_day <= str(row["TxnDate"])[:10] <= last_day and not is_young(row) for row in missing
    ):
        raise TryAgain(
            "QuickBooks' list of time lacks some that it has. Nothing was changed.",
            to_do="Run the command again.",
        )


def _on_their_way(
    context: RunContext, rows: Mapping[str, Mapping[str, Any]], *, edited: bool
) -> set[str]:
    """Return those that equal entries on their way or in doubt, or may be *edited* ones."""
    if not rows:
        return set()
    claims = [
        Wanted(str(nth), content_of_body(body), time and time - CLOCK_MARGIN)
        for nth, (body, time) in enumerate(context.store.unknown_time.company_claims())
    ]
    found = [_found(row) for row in rows.values()] if claims else []
    matches = match_books(claims, [], found)
    theirs = set(matches.found.values())
    for near in matches.near.values() if edited else []:
        theirs |= set([id_ for id_ in near if id_ not in theirs][:1])
    return theirs


def person_of(row: Mapping[str, Any]) -> str:
    """Return kind and id of who worked, such as `employee:61`; empty for anybody else."""
    kind = str(row.get("NameOf", ""))
    reference = row.get(f"{kind}Ref") if kind in {"Employee", "Vendor"} else None
    return f"{kind.lower()}:{reference['value']}" if isinstance(reference, Mapping) else ""


def unknown_rows(rows: Iterable[Mapping[str, Any]]) -> list[UnknownRow]:
    """Return what is kept of TimeActivities."""
    found = [(_found(row), person_of(row)) for row in rows]
    return [
        UnknownRow(one.id, person, one.content.day, _whole(one.content.minutes))
        for one, person in found
    ]


def _whole(minutes: Any) -> int:
    return 0 if minutes.is_nan() else int(minutes)


def _found(row: Mapping[str, Any]) -> Found:
    return Found(str(row["Id"]), content_of(row), created_at(row))
