"""The Clockify stand-in's people: the key's user, the workspace, its users (FACTS 2.1 to 2.4)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import (
    Asked,
    AskedPage,
    Caller,
    CurrentCaller,
    SortOrder,
    Unpaged,
    contains,
    many,
    not_modelled,
    paged,
)
from connectors.standins.clockify.state import Row, State, is_admin, refuse, shown_email, shown_name

router = APIRouter()
here = APIRouter(prefix="/workspaces/{workspace_id}")

Memberships = Literal["ALL", "NONE", "WORKSPACE", "PROJECT", "USERGROUP"]

ROLES = {"WORKSPACE_ADMIN", "OWNER", "TEAM_MANAGER", "PROJECT_MANAGER"}

# Accounts that a list shows unless asked for others: LIMITED and DELETED stay hidden (FACTS 2.4).
LISTED_ACCOUNTS = {"ACTIVE", "PENDING_EMAIL_VERIFICATION", "NOT_REGISTERED"}

# The rest of a profile, as captured (FACTS 2.1); the scenario gives what matters.
PROFILE: Row = {
    "weekStart": "MONDAY",
    "timeZone": "UTC",
    "timeFormat": "HOUR24",
    "dateFormat": "DD/MM/YYYY",
    "sendNewsletter": False,
    "weeklyUpdates": True,
    "longRunning": True,
    "scheduledReports": True,
    "approval": True,
    "pto": True,
    "alerts": True,
    "reminders": True,
    "timeTrackingManual": False,
    "summaryReportSettings": {"group": "Project", "subgroup": "Time Entry"},
    "isCompactViewOn": True,
    "dashboardSelection": "ME",
    "dashboardViewType": "PROJECT",
    "dashboardPinToTop": False,
    "projectListCollapse": 50,
    "collapseAllProjectLists": False,
    "groupSimilarEntriesDisabled": True,
    "myStartOfDay": "09:00",
    "projectPickerTaskFilter": True,
    "lang": "EN",
    "multiFactorEnabled": False,
    "theme": "DEFAULT",
    "scheduling": True,
    "onboarding": True,
    "showOnlyWorkingDays": False,
}


class UserFilter(AskedPage):
    """Which users to list: the query of `GET …/users`, and of `POST …/users/info` the body."""

    email: str = ""
    name: str = ""
    project_id: str = ""
    status: Literal["PENDING", "ACTIVE", "DECLINED", "INACTIVE", "ALL"] = "ALL"
    account_statuses: list[str] = Field(default=[])
    memberships: Memberships = "NONE"
    include_roles: bool = False
    sort_column: Literal[
        "ID", "EMAIL", "NAME", "NAME_LOWERCASE", "ACCESS", "HOURLYRATE", "COSTRATE"
    ] = "EMAIL"
    sort_order: SortOrder = "ASCENDING"


class UserBody(UserFilter):
    """As a body: `accountStatuses`; and it alone can filter by role."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    roles: list[str] = Field(default=[])


class Invitation(BaseModel):
    """The body of an invitation."""

    email: str


class UserStatus(BaseModel):
    """The body that activates a member, or deactivates one."""

    status: Literal["ACTIVE", "INACTIVE"]


class OwnQuery(Asked):
    """What to show of the key's user."""

    include_memberships: bool = False


class WorkspacesQuery(Unpaged):
    """Which workspaces to list: those where the key's user has one of these roles."""

    roles: list[str] = Field(default=[])


@router.get("/user")
async def show_user(caller: CurrentCaller, asked: Annotated[OwnQuery, Query()]) -> JSONResponse:
    memberships: Memberships = "ALL" if asked.include_memberships else "NONE"
    rates = caller.sees_rates
    return JSONResponse(user_row(caller.state, caller.user, memberships=memberships, rates=rates))


@router.get("/workspaces")
async def list_workspaces(
    caller: CurrentCaller, asked: Annotated[WorkspacesQuery, Query()]
) -> JSONResponse:
    wanted = _known(many(asked.roles))
    # Here an owner is not an admin (FACTS 2.3): one who asks for admins alone finds nothing.
    if wanted and not wanted.intersection(caller.user.get("roles") or []):
        return JSONResponse([])
    return JSONResponse([workspace_row(caller.state, rates=caller.sees_rates)])


@here.get("")
async def show_workspace(caller: CurrentCaller) -> JSONResponse:
    return JSONResponse(workspace_row(caller.state, rates=caller.sees_rates))


@here.get("/users")
async def list_users(caller: CurrentCaller, query: Annotated[UserFilter, Query()]) -> JSONResponse:
    return _listed(caller, query, roles=set())


@here.post("/users/info")
async def list_users_by_body(caller: CurrentCaller, body: UserBody) -> JSONResponse:
    roles = _known(set(body.roles))
    if "WORKSPACE_ADMIN" in roles:
        roles.add("OWNER")  # here, unlike in the list of workspaces, owners are admins
    return _listed(caller, body, roles=roles)


@here.post("/users")
async def invite_user(caller: CurrentCaller, body: Invitation) -> JSONResponse:
    """Invite by e-mail; the answer is the workspace, not the user (FACTS 2.4)."""
    caller.must_be_admin()
    state = caller.state
    if state.workspace.get("featureSubscriptionType") == "FREE":
        refuse("Forbidden", status=403)
    email = body.email.strip()
    name, _, domain = email.partition("@")
    if not name or "." not in domain or " " in email:
        refuse("Email is not valid")
    living = (user for user in state.users.values() if user.get("status") != "DELETED")
    if email.casefold() in {str(user.get("email")).casefold() for user in living}:
        refuse("User with this email already exists")
    id_ = state.new_id()
    state.users[id_] = {
        "id": id_,
        "name": None,
        "email": email,
        "status": "NOT_REGISTERED",
        "settings": None,
        "membershipStatus": "PENDING",
        "roles": [],
    }
    return JSONResponse(workspace_row(state))


@here.put("/users/{user_id}")
async def set_status(caller: CurrentCaller, user_id: str, body: UserStatus) -> JSONResponse:
    """Activate or deactivate a member; only the membership tells (FACTS 2.4)."""
    state = caller.state
    user = state.find("User", user_id)
    caller.must_be_admin()
    user["membershipStatus"] = body.status
    event = "ACTIVATED" if body.status == "ACTIVE" else "DEACTIVATED"
    state.outbox.publish(
        f"USER_{event}_ON_WORKSPACE", {**user, "userId": user_id}, lambda: user_row(state, user)
    )
    return JSONResponse(workspace_row(state))


router.include_router(here)


def user_row(
    state: State,
    user: Row,
    *,
    memberships: Memberships = "NONE",
    with_roles: bool = False,
    rates: bool = True,
) -> Row:
    """Show a user; memberships only when asked for (FACTS 2.4)."""
    settings = user.get("settings")
    row = {
        "id": user["id"],
        "email": shown_email(user, state),
        "name": shown_name(user),
        "memberships": _memberships(state, user, memberships, rates=rates),
        "profilePicture": "https://img.clockify.me/no-user-image.png",
        "activeWorkspace": state.workspace_id,
        "defaultWorkspace": state.workspace_id,
        "settings": None if settings is None else {**PROFILE, **settings},
        "status": user.get("status", "ACTIVE"),
        "customFields": [],
    }
    if with_roles:
        row["roles"] = [_role(state, role) for role in user.get("roles") or []]
    return row


def workspace_row(state: State, *, rates: bool = True) -> Row:
    """Show the workspace, with a membership for each user (FACTS 2.2)."""
    given, nothing = state.workspace, {"amount": 0, "currency": state.currency["code"]}
    return {
        "id": given["id"],
        "name": given["name"],
        "hourlyRate": (given.get("hourlyRate") or nothing) if rates else None,
        "costRate": (given.get("costRate") or nothing) if rates else None,
        "memberships": [
            _workspace_membership(state, user, rates=rates) for user in state.users.values()
        ],
        "workspaceSettings": _settings(state),
        "imageUrl": "",
        "featureSubscriptionType": given.get("featureSubscriptionType", "FREE"),
        "features": given.get("features", []),
        "currencies": given.get("currencies") or [state.currency],
        "subdomain": {"name": None, "enabled": False},
        "cakeOrganizationId": None,
    }


def _settings(state: State) -> Row:
    """Show the settings, the rounding's mode in the words that a switch chooses."""
    rule = state.settings["round"]
    words = rule["round"]
    if state.switches.rounding_words == "short":
        words = words.removesuffix(" to")
    elif state.switches.rounding_words == "capitals":
        words = words.upper().replace(" ", "_")
    return {**state.settings, "round": {**rule, "round": words}}


def _known(roles: set[str]) -> set[str]:
    for role in sorted(roles - ROLES):
        refuse(f"Method parameter 'roles': Invalid value [{role}]", code=3000)
    return roles


def _listed(caller: Caller, wanted: UserFilter, *, roles: set[str]) -> JSONResponse:
    state = caller.state
    project = state.find("Project", wanted.project_id) if wanted.project_id else None
    if wanted.sort_column in {"ACCESS", "HOURLYRATE", "COSTRATE"}:
        not_modelled(f"sort-column {wanted.sort_column}")
    accounts = many(wanted.account_statuses) or LISTED_ACCOUNTS
    rows = [
        user
        for user in state.users.values()
        if user.get("status", "ACTIVE") in accounts
        and _is_wanted(state, user, wanted)
        and _has_access(project, user)
        and _has_role(roles, user)
    ]
    field = {"ID": "id", "NAME": "name", "NAME_LOWERCASE": "name"}.get(wanted.sort_column, "email")
    rows.sort(
        key=lambda user: str(user.get(field) or "").lower(),
        reverse=wanted.sort_order == "DESCENDING",
    )
    return paged(
        state,
        rows,
        wanted,
        lambda user: user_row(
            state,
            user,
            memberships=wanted.memberships,
            with_roles=wanted.include_roles,
            rates=caller.sees_rates,
        ),
    )


def _has_role(wanted: set[str], user: Row) -> bool:
    return not wanted or bool(wanted.intersection(user.get("roles") or []))


def _has_access(project: Row | None, user: Row) -> bool:
    """Return whether a user may track time on a project: on a private one, members and admins."""
    if project is None:
        return True
    members = {membership["userId"] for membership in project.get("memberships", [])}
    return bool(project.get("public", True) or user["id"] in members or is_admin(user))


def _is_wanted(state: State, user: Row, wanted: UserFilter) -> bool:
    return (
        wanted.status in {"ALL", user.get("membershipStatus", "ACTIVE")}
        and contains(shown_name(user), wanted.name)
        and contains(shown_email(user, state), wanted.email)
    )


def shown_membership(membership: Row, *, rates: bool) -> Row:
    """Show a membership, without its rates to those who may not see them (FACTS 2.3)."""
    return membership if rates else membership | {"hourlyRate": None, "costRate": None}


def _memberships(state: State, user: Row, wanted: Memberships, *, rates: bool) -> list[Row]:
    found = []
    if wanted in {"ALL", "WORKSPACE"}:
        found.append(_workspace_membership(state, user, rates=rates))
    if wanted in {"ALL", "PROJECT"}:
        found += [
            shown_membership(membership, rates=rates)
            for project in state.projects.values()
            for membership in project.get("memberships", [])
            if membership["userId"] == user["id"]
        ]
    return found


def _workspace_membership(state: State, user: Row, *, rates: bool) -> Row:
    """Show a membership: the only place that tells a deactivated user (FACTS 2.4)."""
    membership = {
        "userId": user["id"],
        "hourlyRate": user.get("hourlyRate"),
        "costRate": user.get("costRate"),
        "targetId": state.workspace_id,
        "membershipType": "WORKSPACE",
        "membershipStatus": user.get("membershipStatus", "ACTIVE"),
    }
    return shown_membership(membership, rates=rates)


def _role(state: State, role: str) -> Row:
    whole = role in {"OWNER", "WORKSPACE_ADMIN"}
    here = {"id": state.workspace_id, "name": state.workspace["name"]}
    return {"role": role, "entities": [here] if whole else []}
