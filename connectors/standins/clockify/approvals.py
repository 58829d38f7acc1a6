"""The Clockify stand-in's approval requests: one a user and week with approved time (FACTS 6).

The scenario marks entries, Clockify approves periods: the requests are made from the marks. What is
not marked was never submitted, so that no request is pending.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from connectors.standins.clockify.http import AskedPage, CurrentCaller, SortOrder, paged
from connectors.standins.clockify.rows import entry_row, minor_units
from connectors.standins.clockify.state import (
    Row,
    State,
    is_admin,
    shown_email,
    shown_name,
    zone_of,
)
from connectors.standins.clockify.times import SECOND, iso_duration, parse, seconds_of, stored

router = APIRouter(prefix="/workspaces/{workspace_id}")

WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

Weeks = Mapping[tuple[str, date], list[Row]]


class RequestQuery(AskedPage):
    """Which requests to list."""

    status: Literal["PENDING", "APPROVED", "WITHDRAWN_APPROVAL"] | None = None
    sort_column: Literal["ID", "USER_ID", "START", "UPDATED_AT"] = "START"
    sort_order: SortOrder = "ASCENDING"


@router.get("/approval-requests")
async def list_requests(
    caller: CurrentCaller, asked: Annotated[RequestQuery, Query()]
) -> JSONResponse:
    state = caller.state
    weeks = [
        {"userId": user_id, "start": first_day, "entries": entries}
        for (user_id, first_day), entries in _approved_weeks(state).items()
        if asked.status in {None, "APPROVED"} and (caller.is_admin or user_id == caller.user["id"])
    ]

    def place(week: Row) -> tuple[object, ...]:
        id_ = request_id(week["userId"], week["start"])
        leading = {"ID": id_, "USER_ID": week["userId"]}.get(asked.sort_column, week["start"])
        return (leading, week["start"], id_)

    weeks.sort(key=place, reverse=asked.sort_order == "DESCENDING")
    return paged(state, weeks, asked, lambda week: _request_row(state, week))


def approval_of(state: State, entry: Row) -> str | None:
    """Name the request that an entry belongs to; an entry that is not approved has none."""
    owner = state.users.get(entry["userId"])
    if not entry.get("approved") or owner is None:
        return None
    return request_id(owner["id"], _first_day(owner, entry))


def request_id(user_id: str, first_day: date) -> str:
    """Make a request's id from what it is about, so that it stays the same."""
    return sha256(f"{user_id} {first_day}".encode()).hexdigest()[:24]


def _approved_weeks(state: State) -> Weeks:
    weeks: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for entry in list(state.entries.values()):
        if entry.get("approved") and entry["end"] is not None and entry["userId"] in state.users:
            owner = state.users[entry["userId"]]
            weeks[owner["id"], _first_day(owner, entry)].append(entry)
    return weeks


def _first_day(owner: Row, entry: Row) -> date:
    """Return the first day of the owner's week, in the owner's zone, in which an entry starts."""
    day = parse(entry["start"]).astimezone(zone_of(owner)).date()
    return day - timedelta((day.weekday() - WEEKDAYS.index(_week_start(owner))) % 7)


def _week_start(owner: Row) -> str:
    return (owner.get("settings") or {}).get("weekStart") or "MONDAY"


def _request_row(state: State, week: Row) -> Row:
    owner, entries = state.users[week["userId"]], week["entries"]
    zone = zone_of(owner)
    start = datetime.combine(week["start"], time(), zone)
    end = datetime.combine(week["start"] + timedelta(7), time(), zone) - SECOND
    judge = next((user for user in state.users.values() if is_admin(user)), owner)
    breaks = [entry for entry in entries if entry.get("type") == "BREAK"]
    billable = [entry for entry in entries if entry.get("billable")]
    return {
        "approvalRequest": {
            "id": request_id(owner["id"], week["start"]),
            "workspaceId": state.workspace_id,
            "dateRange": {"start": stored(start), "end": stored(end)},
            "owner": {
                "userId": owner["id"],
                "userName": shown_name(owner),
                "timeZone": str(zone),
                "startOfWeek": _week_start(owner),
            },
            "creator": {
                "userId": owner["id"],
                "userName": shown_name(owner),
                "userEmail": shown_email(owner, state),
            },
            "status": {
                "state": "APPROVED",
                "updatedBy": judge["id"],
                "updatedByUserName": shown_name(judge),
                "updatedAt": stored(end),
                "note": "",
            },
        },
        "approvedTime": _sum(entries),
        "billableTime": _sum(billable),
        "breakTime": _sum(breaks),
        "pendingTime": _sum([]),
        "trackedTime": _sum(entries),
        "billableAmount": _amount(billable),
        "costAmount": 0,
        "expenseTotal": 0,
        "entries": [_entry_row(state, entry) for entry in entries],
        "expenses": [],
    }


def _entry_row(state: State, entry: Row) -> Row:
    """Show an entry in the shape that the request lists: without the flat ids (OpenAPI)."""
    row = entry_row(state, entry, hydrated=True)
    flat = {"userId", "user", "projectId", "taskId", "tagIds", "workspaceId", "kiosk", "kioskId"}
    return {
        **{key: value for key, value in row.items() if key not in flat},
        "approvalRequestId": approval_of(state, entry),
    }


def _sum(entries: list[Row]) -> str:
    return iso_duration(sum(seconds_of(entry) for entry in entries))


def _amount(entries: list[Row]) -> int | float:
    """Add up what entries earn, in minor units: perhaps a fraction of one (FACTS 1.7)."""
    rates_times_seconds = sum((entry.get("rate") or 0) * seconds_of(entry) for entry in entries)
    return minor_units(rates_times_seconds)
