"""The Clockify stand-in's approval requests: submitted, approved, rejected, withdrawn (FACTS 6)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    AskedPage,
    Caller,
    CurrentCaller,
    SortOrder,
    get_caller,
    not_of,
    paged,
)
from connectors.standins.clockify.rows import entry_row, summed_amount
from connectors.standins.clockify.state import (
    Row,
    State,
    refuse,
    shown_email,
    shown_name,
    zone_of,
)
from connectors.standins.clockify.times import (
    iso_duration,
    parse,
    parse_instant,
    seconds_of,
    shown_newer,
    stored,
)
from connectors.standins.clockify.timesheets import (
    Days,
    Timesheet,
    mark,
    open_entries,
    period_of,
    request_of,
    timesheets,
    week_start,
)

PROJECT_KEYS = ("id", "name", "color", "clientId", "clientName")

LISTED = ["PENDING", "APPROVED", "WITHDRAWN_APPROVAL"]

# From which states a request may go into a state, and whether its owner may do that.
MOVES: dict[str, tuple[set[str], bool]] = {
    "PENDING": ({"REJECTED", "WITHDRAWN_SUBMISSION", "WITHDRAWN_APPROVAL"}, True),
    "APPROVED": ({"PENDING"}, False),
    "REJECTED": ({"PENDING"}, False),
    "WITHDRAWN_SUBMISSION": ({"PENDING"}, True),
    "WITHDRAWN_APPROVAL": ({"APPROVED"}, False),
}


class RequestQuery(AskedPage):
    """Which requests to list; of whom and of when is ignored, as it was seen to be (FACTS 6)."""

    status: str | None = None
    sort_column: Literal["ID", "USER_ID", "START", "UPDATED_AT"] = "START"
    sort_order: SortOrder = "ASCENDING"
    user_id: str = Field(default="", alias="userId")
    start: str = ""
    end: str = ""


class Submission(BaseModel):
    """The body that submits a period; the period must be as long as the workspace's."""

    model_config = ConfigDict(alias_generator=to_camel)

    period: Literal["WEEKLY", "SEMI_MONTHLY", "MONTHLY"] | None = None
    period_start: str


class Decision(BaseModel):
    """The body that changes a request's state."""

    state: Literal["PENDING", "APPROVED", "REJECTED", "WITHDRAWN_SUBMISSION", "WITHDRAWN_APPROVAL"]
    note: str = ""


async def needs_approval(caller: Annotated[Caller, Depends(get_caller)]) -> None:
    """Refuse where the plan has no approval."""
    caller.needs_feature("APPROVAL")


router = APIRouter(
    prefix="/workspaces/{workspace_id}/approval-requests", dependencies=[Depends(needs_approval)]
)


@router.get("")
async def list_requests(
    caller: CurrentCaller, asked: Annotated[RequestQuery, Query()]
) -> JSONResponse:
    state = caller.state
    if asked.status not in {None, *LISTED} and not state.switches.lists_every_approval_state:
        refuse(not_of("status", ", ".join(LISTED)))
    rows: list[Row] = [
        {"sheet": sheet, "entries": entries}
        for sheet, entries in timesheets(state)
        if asked.status in {None, sheet.status}
        and (caller.is_admin or sheet.owner["id"] == caller.user["id"])
    ]

    def place(row: Row) -> tuple[Any, ...]:
        sheet: Timesheet = row["sheet"]
        leading = {"ID": "", "USER_ID": sheet.owner["id"], "UPDATED_AT": sheet.updated_at}
        return (leading.get(asked.sort_column, sheet.range[0]), sheet.id)

    rows.sort(key=place, reverse=asked.sort_order == "DESCENDING")
    return paged(state, rows, asked, lambda row: _details(caller, row["sheet"], row["entries"]))


async def get_owner(request: Request, caller: CurrentCaller) -> Row:
    """Return whose time a route is about: the caller's own, or for an admin anybody's."""
    if "user_id" not in request.path_params:
        return caller.user
    owner = caller.state.find("User", request.path_params["user_id"])
    caller.must_be_admin()
    return owner


Owner = Annotated[Row, Depends(get_owner)]


@router.post("")
@router.post("/users/{user_id}")
async def submit(caller: CurrentCaller, owner: Owner, body: Submission) -> JSONResponse:
    state = caller.state
    days = _days_of(state, owner, body)
    if any(sheet.status in {"PENDING", "APPROVED"} for sheet in _requests(state, owner, days)):
        refuse("Approval request for this period already exists")  # the text is ours
    entries = open_entries(state, owner, days)
    if not entries:
        refuse("There is nothing to submit in this period")  # the text is ours
    sheet = Timesheet(state.new_id(), owner, days, "PENDING", caller.user, caller.user, "")
    _move(caller, sheet, entries, "PENDING", "")
    return JSONResponse(_request_row(state, sheet), 201)


@router.post("/resubmit-entries-for-approval")
@router.post("/users/{user_id}/resubmit-entries-for-approval")
async def resubmit(caller: CurrentCaller, owner: Owner, body: Submission) -> JSONResponse:
    """Add what is open in a period to the request that there is; it then waits once more."""
    state = caller.state
    days = _days_of(state, owner, body)
    sheet = next(_requests(state, owner, days), None)
    if sheet is None:
        refuse("Approval request doesn't belong to Workspace")
    _move(caller, sheet, open_entries(state, owner, days), "PENDING", sheet.note)
    return JSONResponse(_request_row(state, sheet))


@router.patch("/{request_id}")
async def decide(caller: CurrentCaller, request_id: str, body: Decision) -> JSONResponse:
    sheet, entries = _find(caller.state, request_id)
    before, owner_may = MOVES[body.state]
    if not owner_may or sheet.owner["id"] != caller.user["id"]:
        caller.must_be_admin()
    if sheet.status not in before:
        refuse(f"Approval request can't be changed from {sheet.status} to {body.state}")
    if body.state == "PENDING":
        entries = open_entries(caller.state, sheet.owner, sheet.days)
    _move(caller, sheet, entries, body.state, body.note)
    return JSONResponse(_request_row(caller.state, sheet))


def _days_of(state: State, owner: Row, body: Submission) -> Days:
    """Return the period in which a submission starts; its digits count on the owner's clock."""
    if body.period not in {None, state.workspace.get("approvalPeriod", "WEEKLY")}:
        refuse("Approval period doesn't match the workspace's")  # the text is ours
    return period_of(state, owner, parse_instant(body.period_start).date())


def _requests(state: State, owner: Row, days: Days) -> Iterator[Timesheet]:
    """Yield the requests of somebody's period."""
    return (sheet for sheet, _ in timesheets(state) if (sheet.owner, sheet.days) == (owner, days))


def _find(state: State, request_id: str) -> tuple[Timesheet, list[Row]]:
    for sheet, entries in timesheets(state):
        if sheet.id == request_id:
            return sheet, entries
    return refuse("Approval request doesn't belong to Workspace")


def _move(caller: Caller, sheet: Timesheet, entries: list[Row], status: str, note: str) -> None:
    state = caller.state
    is_known = bool(sheet.updated_at)
    sheet.status, sheet.note = status, note
    sheet.updated_by, sheet.updated_at = caller.user, stored(state.now())
    state.timesheets[sheet.id] = sheet
    mark(sheet, entries, keeps_id=state.switches.keeps_request_id)
    state.outbox.publish(
        "APPROVAL_REQUEST_STATUS_UPDATED" if is_known else "NEW_APPROVAL_REQUEST",
        {"id": sheet.id, "userId": sheet.owner["id"]},
        lambda: _request_row(state, sheet),
    )


def _request_row(state: State, sheet: Timesheet) -> Row:
    start, end = sheet.range
    return {
        "id": sheet.id,
        "workspaceId": state.workspace_id,
        "dateRange": {"start": start, "end": end},
        "owner": {
            "userId": sheet.owner["id"],
            "userName": shown_name(sheet.owner),
            "timeZone": str(zone_of(sheet.owner)),
            "startOfWeek": week_start(sheet.owner),
        },
        "creator": {
            "userId": sheet.creator["id"],
            "userName": shown_name(sheet.creator),
            "userEmail": shown_email(sheet.creator, state),
        },
        "status": {
            "state": sheet.status,
            "updatedBy": sheet.updated_by["id"],
            "updatedByUserName": shown_name(sheet.updated_by),
            "updatedAt": sheet.updated_at,
            "note": sheet.note,
        },
    }


def _with(entries: list[Row], mark: str) -> list[Row]:
    return [entry for entry in entries if entry.get(mark)]


def _details(caller: Caller, sheet: Timesheet, entries: list[Row]) -> Row:
    state = caller.state
    billable = _with(entries, "billable")
    return {
        "approvalRequest": _request_row(state, sheet),
        "approvedTime": _sum(_with(entries, "approved")),
        "billableTime": _sum(billable),
        "breakTime": _sum([entry for entry in entries if entry.get("type") == "BREAK"]),
        "pendingTime": _sum(_with(entries, "submitted")),
        "trackedTime": _sum(entries),
        "billableAmount": summed_amount(billable, "rate") if caller.sees_rates else None,
        "costAmount": summed_amount(entries, "cost") if caller.sees_rates else None,
        "expenseTotal": 0,
        "entries": [_entry_row(caller, entry) for entry in entries],
        "expenses": [],
    }


def _entry_row(caller: Caller, entry: Row) -> Row:
    """Show an entry in the shape that requests have for it: no flat ids, less detail (OpenAPI)."""
    row = entry_row(caller.state, entry, hydrated=True, rates=caller.sees_rates)
    flat = {"userId", "user", "projectId", "taskId", "tagIds", "workspaceId", "kiosk", "kioskId"}
    project, task = row["project"], row["task"]
    return {
        **{key: value for key, value in row.items() if key not in flat},
        "approvalRequestId": request_of(caller.state, entry),
        "customFieldValues": [
            {
                "customFieldId": id_,
                "timeEntryId": entry["id"],
                "value": value,
                "sourceType": "WORKSPACE",
            }
            for id_, value in (entry.get("customFields") or {}).items()
        ],
        "project": project and {key: project[key] for key in PROJECT_KEYS},
        "task": task and {"id": task["id"], "name": task["name"]},
        "timeInterval": _interval(caller.state, entry),
    }


def _interval(state: State, entry: Row) -> Row:
    """Show an entry's times, with its owner's reading of them beside them."""
    zone = zone_of(state.users[entry["userId"]])
    times = shown_newer(parse(entry["start"]), parse(entry["end"]), zone, str(zone))
    times["offsetStart"], times["offsetEnd"] = times.pop("offStart"), times.pop("offEnd")
    return {**times, "duration": iso_duration(seconds_of(entry))}


def _sum(entries: list[Row]) -> str:
    return iso_duration(sum(seconds_of(entry) for entry in entries))
