"""Which approval requests there are in the Clockify stand-in, and of what (FACTS 6).

Clockify approves periods of a user. A request is made through the API, or it follows from what a
scenario marks in its entries: `submitted` ones wait in a pending request, `approved` ones belong to
an approved one. An entry names its request from submission on: a name proves no approval.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from connectors.standins.clockify.state import Row, State, is_admin, zone_of
from connectors.standins.clockify.times import SECOND, parse, stored

WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

Days = tuple[date, date]


@dataclass
class Timesheet:
    """One request for approval.

    Attributes:
        id: Its id.
        owner: Whose time it is.
        days: The first day of the period and the first one after it, in the owner's zone.
        status: PENDING, APPROVED, REJECTED, WITHDRAWN_SUBMISSION or WITHDRAWN_APPROVAL.
        creator: Who asked for it.
        updated_by: Who changed its status last.
        updated_at: When, in UTC.
        note: What they wrote.
    """

    id: str
    owner: Row
    days: Days
    status: str
    creator: Row
    updated_by: Row
    updated_at: str
    note: str = ""

    @property
    def range(self) -> tuple[str, str]:
        """The first and the last second of the period, in UTC."""
        first, after = (datetime.combine(day, time(), zone_of(self.owner)) for day in self.days)
        return stored(first), stored(after - SECOND)


def timesheets(state: State) -> list[tuple[Timesheet, list[Row]]]:
    """Return all requests with their entries, in the order of their periods."""
    entries: dict[str, list[Row]] = defaultdict(list)
    for entry in list(state.entries.values()):
        id_ = request_of(state, entry)
        if id_ is not None and entry["end"] is not None:
            entries[id_].append(entry)
    found = {id_: _marked(state, id_, marked) for id_, marked in entries.items()}
    found |= state.timesheets
    return [
        (sheet, entries.get(id_, []))
        for id_, sheet in sorted(found.items(), key=lambda item: (item[1].days, item[0]))
    ]


def request_of(state: State, entry: Row) -> str | None:
    """Name the request that an entry belongs to; one that was never submitted has none."""
    if "approvalRequestId" in entry:
        named: str | None = entry["approvalRequestId"]
        return named
    owner = state.users.get(entry["userId"])
    if owner is None or not (entry.get("approved") or entry.get("submitted")):
        return None
    first_day, _ = period_of(state, owner, _day(owner, entry))
    # Made of what it is about, so that it stays the same.
    return sha256(f"{owner['id']} {first_day}".encode()).hexdigest()[:24]


def period_of(state: State, owner: Row, day: date) -> Days:
    """Return the period of approval in which a day lies: its first day, and the one after it."""
    length = state.workspace.get("approvalPeriod", "WEEKLY")
    next_month = (day.replace(day=1) + timedelta(31)).replace(day=1)
    if length == "MONTHLY":
        return day.replace(day=1), next_month
    if length == "SEMI_MONTHLY":
        half = day.replace(day=16)
        return (day.replace(day=1), half) if day < half else (half, next_month)
    first = day - timedelta((day.weekday() - WEEKDAYS.index(week_start(owner))) % 7)
    return first, first + timedelta(7)


def week_start(owner: Row) -> str:
    return (owner.get("settings") or {}).get("weekStart") or "MONDAY"


def open_entries(state: State, owner: Row, days: Days) -> list[Row]:
    """Return the finished entries of a period that neither wait for approval nor have it."""
    return [
        entry
        for entry in state.entries.values()
        if entry["userId"] == owner["id"]
        and entry["end"] is not None
        and not entry.get("approved")
        and not entry.get("submitted")
        and days[0] <= _day(owner, entry) < days[1]
    ]


def mark(sheet: Timesheet, entries: Iterable[Row], *, keeps_id: bool) -> None:
    """Write into entries what the status of their request means for them."""
    is_open = sheet.status in {"PENDING", "APPROVED"}
    for entry in entries:
        entry["submitted"] = sheet.status == "PENDING"
        entry["approved"] = sheet.status == "APPROVED"
        entry["approvalRequestId"] = sheet.id if is_open or keeps_id else None


def _marked(state: State, id_: str, entries: list[Row]) -> Timesheet:
    """Return the request that follows from marked entries."""
    owner = state.users[entries[0]["userId"]]
    is_pending = any(entry.get("submitted") for entry in entries)
    admin = next((user for user in state.users.values() if is_admin(user)), owner)
    sheet = Timesheet(
        id=id_,
        owner=owner,
        days=period_of(state, owner, _day(owner, entries[0])),
        status="PENDING" if is_pending else "APPROVED",
        creator=owner,
        updated_by=owner if is_pending else admin,
        updated_at="",
    )
    sheet.updated_at = sheet.range[1]
    return sheet


def _day(owner: Row, entry: Row) -> date:
    """Return the day on which an entry starts, in its owner's zone."""
    return parse(entry["start"]).astimezone(zone_of(owner)).date()
