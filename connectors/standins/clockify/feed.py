"""The Clockify stand-in's change feed: `entities/created`, `updated` and `deleted` (FACTS 3).

Paging is ignored: everything comes at once, in an array. A new rate of an entry is of a type of its
own, which is not modelled: what its rows look like is not known.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from connectors.standins.clockify.changes import Change
from connectors.standins.clockify.http import (
    Caller,
    CurrentCaller,
    Unpaged,
    deny,
    get_caller,
    many,
    not_modelled,
    not_of,
)
from connectors.standins.clockify.rows import SHOWN
from connectors.standins.clockify.state import Row, State, refuse, zone_of
from connectors.standins.clockify.times import bound, parse_instant, stored

TYPES = sorted({*SHOWN, "SCHEDULED_ASSIGNMENT", "TIME_ENTRY_CUSTOM_FIELD_VALUE", "TIME_ENTRY_RATE"})
RANGE = timedelta(days=30)


class FeedQuery(Unpaged):
    """Of which types, and in which range of time; 30 days where an edge is missing."""

    type: list[str]
    start: str | None = None
    end: str | None = None
    limit: str = ""


async def must_be_served(caller: Annotated[Caller, Depends(get_caller)]) -> None:
    """Refuse who is no admin, and everybody where the feed is switched off."""
    caller.must_be_admin()
    if not caller.state.switches.serves_change_feed:
        deny()


router = APIRouter(
    prefix="/workspaces/{workspace_id}/entities", dependencies=[Depends(must_be_served)]
)


@router.get("/created")
async def list_created(caller: CurrentCaller, asked: Annotated[FeedQuery, Query()]) -> JSONResponse:
    """Show what was created in the range and is still there, be it updated since or not."""
    state, (first, last) = caller.state, _range(caller, asked)
    state.changes.notice()
    return JSONResponse(
        [
            _shown(state, type_, id_)
            for type_ in _types(asked)
            for id_ in list(state.kinds[type_])
            if first <= state.changes.created(type_, id_) <= last
        ]
    )


@router.get("/updated")
async def list_updated(caller: CurrentCaller, asked: Annotated[FeedQuery, Query()]) -> JSONResponse:
    """Show what was last updated in the range and created before it."""
    state, (first, last) = caller.state, _range(caller, asked)
    state.changes.notice()
    types = _types(asked)
    return JSONResponse(
        [
            _shown(state, type_, id_)
            for (type_, id_), at in state.changes.updated.items()
            if type_ in types
            and first <= at <= last
            and id_ in state.kinds[type_]
            and not first <= state.changes.created(type_, id_) <= last
        ]
    )


@router.get("/deleted")
async def list_deleted(caller: CurrentCaller, asked: Annotated[FeedQuery, Query()]) -> JSONResponse:
    """Show what was deleted in the range and created before it, a while after it was deleted."""
    state, (first, last) = caller.state, _range(caller, asked)
    state.changes.notice()
    types = _types(asked)
    settled = state.now() - timedelta(seconds=state.switches.deleted_lag_s)
    return JSONResponse(
        [
            _shown_deleted(state, change)
            for change in state.changes.deleted
            if change.kind in types
            and first <= change.at <= min(last, settled)
            and not first <= state.changes.created(change.kind, _id(change)) <= last
        ]
    )


def _types(asked: FeedQuery) -> list[str]:
    wanted = many(asked.type)
    if not wanted or wanted - set(TYPES):
        refuse(not_of("type", ", ".join(TYPES)))
    for type_ in sorted(wanted - set(SHOWN)):
        not_modelled(f"type {type_}")
    return sorted(wanted)


def _range(caller: Caller, asked: FeedQuery) -> tuple[datetime, datetime]:
    """Return both edges of the range, which count as in it."""

    def moment(text: str) -> datetime:
        if caller.state.switches.feed_window_on_account_clock:
            return bound(text, zone_of(caller.state.window_user(caller.user)), needs_offset=True)
        return parse_instant(text)

    start = None if asked.start is None else moment(asked.start)
    end = None if asked.end is None else moment(asked.end)
    if end is None:
        end = caller.state.now() if start is None else start + RANGE
    return start or end - RANGE, end


def _shown(state: State, type_: str, id_: str) -> Row:
    row = SHOWN[type_](state, state.kinds[type_][id_])
    return {**row, "documentCode": type_, "auditMetadata": _audit(state, type_, id_)}


def _shown_deleted(state: State, change: Change) -> Row:
    """Show a deletion, with as little of what was deleted as was seen."""
    row, id_ = change.before or {}, _id(change)
    document = {
        "_id": id_,
        "workspaceId": state.workspace_id,
        "auditMetadata": _audit(state, change.kind, id_),
    }
    for key in ("name", "userId"):
        if key in row:
            document[key] = row[key]
    return {
        "id": id_,
        "deletedAt": f"{change.at:%Y-%m-%dT%H:%M:%S}.{change.at.microsecond // 1000:03}Z",
        "documentCode": change.kind,
        "document": document,
    }


def _id(change: Change) -> str:
    id_: str = (change.before or {})["id"]
    return id_


def _audit(state: State, type_: str, id_: str) -> Row:
    created = state.changes.created(type_, id_)
    updated = state.changes.updated.get((type_, id_), created)
    return {"createdAt": stored(created), "updatedAt": stored(updated)}
