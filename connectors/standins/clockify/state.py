"""What the Clockify stand-in holds: one workspace, its people, its directory, its entries."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from itertools import count
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.standins.clockify.changes import Change, Changes
from connectors.standins.clockify.limits import Throttle
from connectors.standins.clockify.outbox import Outbox
from connectors.standins.clockify.switches import Switches

Row = dict[str, Any]

ADMIN_ROLES = frozenset({"OWNER", "WORKSPACE_ADMIN"})

# What a workspace says when the scenario says nothing else (FACTS 2.2).
WORKSPACE_SETTINGS: Row = {
    "timeRoundingInReports": False,
    "round": {"round": "Round to nearest", "minutes": "15"},
    "durationFormat": "FULL",
    "lockTimeEntries": None,
    "lockTimeZone": None,
    "automaticLock": None,
    "forceProjects": False,
    "forceTasks": False,
    "forceTags": False,
    "forceDescription": False,
    "defaultBillableProjects": True,
    "activeBillableHours": True,
    "isProjectPublicByDefault": True,
    "onlyAdminsSeeBillableRates": False,
    "onlyAdminsSeeAllTimeEntries": True,
    "onlyAdminsCanChangeBillableStatus": False,
    "numberFormat": "COMMA_PERIOD",
    "currencyFormat": "CURRENCY_SPACE_VALUE",
    "timeTrackingMode": "DEFAULT",
    "trackTimeDownToSecond": True,
    "workingDays": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"],
    "canSeeTimeSheet": True,
    "canSeeTracker": True,
    "multiFactorEnabled": False,
    "onlyAdminsCreateProject": True,
    "onlyAdminsCreateTag": True,
    "onlyAdminsCreateTask": True,
    "onlyAdminsSeeDashboard": False,
    "onlyAdminsSeePublicProjectsEntries": False,
    "projectFavorites": True,
    "projectPickerSpecialFilter": False,
    "projectLabel": "Project",
    "taskLabel": "Task",
    "projectGroupingLabel": "Client",
    "entityCreationPermissions": {
        "whoCanCreateProjectsAndClients": "ADMINS",
        "whoCanCreateTags": "ADMINS",
        "whoCanCreateTasks": "ADMINS",
    },
}


class ClockifyError(Exception):
    """A refusal in Clockify's words (FACTS 1.4)."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def refuse(message: str, *, status: int = 400, code: int = 501) -> NoReturn:
    """Refuse a request; 400 with code 501 is Clockify's answer to most mistakes."""
    raise ClockifyError(status, code, message)


class State:
    """The workspace behind the server; every request reads it anew.

    Attributes:
        workspace: Fields of the workspace; `workspaceSettings` holds every setting.
        api_keys: User id by key.
        users: Users by id, as in the scenario.
        clients: Clients by id.
        projects: Projects by id.
        tasks: Tasks by id.
        tags: Tags by id.
        user_groups: User groups by id, with the ids of their users.
        custom_fields: Custom fields of time entries by id.
        entries: Time entries by id, as in the scenario.
        throttle: How many requests it takes.
        webhooks: Webhooks by id, as they are shown.
        outbox: What they are told.
        timesheets: Approval requests by id, once something happened to them (`timesheets`).
        changes: What was created, updated and deleted since the beginning.
        now: The clock.
        switches: Answers to what FACTS leaves open.
    """

    def __init__(
        self, scenario: Mapping[str, Any], *, now: Callable[[], datetime], switches: Switches
    ) -> None:
        given = scenario["clockify"]
        self.workspace: Row = deepcopy(given["workspace"])
        chosen = self.workspace.get("workspaceSettings") or {}
        self.workspace["workspaceSettings"] = {**deepcopy(WORKSPACE_SETTINGS), **chosen}
        self.api_keys: dict[str, str] = dict(given["api_keys"])
        self.users = _by_id(deepcopy(given["users"]))
        self.clients = _by_id(deepcopy(given.get("clients", [])))
        self.projects = _by_id(deepcopy(given.get("projects", [])))
        self.tasks = _by_id(deepcopy(given.get("tasks", [])))
        self.tags = _by_id(deepcopy(given.get("tags", [])))
        self.user_groups = _by_id(deepcopy(given.get("user_groups", [])))
        self.custom_fields = _by_id(deepcopy(given.get("custom_fields", [])))
        # A million of them: a flat copy each, as nothing in them is changed in place.
        entries = given.get("entries", [])
        self.entries = _by_id(dict(entry) for entry in entries)
        if not isinstance(entries, list):  # made as they are asked for, and gone now
            entries = list(self.entries.values())
        self.now = now
        self.switches = switches
        self.throttle = Throttle(self.workspace, now=now, switches=switches)
        self.webhooks: dict[str, Row] = {}
        self.outbox = Outbox(self.webhooks, now=now, switches=switches)
        self.timesheets: dict[str, Any] = {}
        self.changes = Changes(
            lambda: self.kinds,
            {
                "CLIENTS": given.get("clients", []),
                "PROJECTS": given.get("projects", []),
                "TAGS": given.get("tags", []),
                "TASKS": given.get("tasks", []),
                "TIME_ENTRY": entries,
            },
            now=now,
            seen=self._seen,
        )
        self._serial = count(1)

    @property
    def kinds(self) -> dict[str, dict[str, Row]]:
        """What the change feed watches, by its words for it (FACTS 3)."""
        return {
            "CLIENTS": self.clients,
            "PROJECTS": self.projects,
            "TAGS": self.tags,
            "TASKS": self.tasks,
            "TIME_ENTRY": self.entries,
        }

    def _seen(self, change: Change) -> None:
        """Be told of a change: the server tells its webhooks."""

    @property
    def workspace_id(self) -> str:
        return str(self.workspace["id"])

    @property
    def settings(self) -> Row:
        settings: Row = self.workspace["workspaceSettings"]
        return settings

    @property
    def currency(self) -> Row:
        """The workspace's default currency, `{id, code, isDefault}`."""
        currencies: list[Row] = self.workspace.get("currencies") or []
        default = next((one for one in currencies if one.get("isDefault")), None)
        return default or {"id": "0" * 24, "code": "USD", "isDefault": True}

    def currency_by_id(self, id_: str) -> Row:
        """Return the currency of an id."""
        currencies: list[Row] = self.workspace.get("currencies") or [self.currency]
        found = next((one for one in currencies if one["id"] == id_), None)
        return found or refuse("Currency doesn't belong to Workspace")

    def currency_id(self, code: str) -> str:
        """Return the id of a currency's code; a code that the workspace lacks has its default's."""
        currencies: list[Row] = self.workspace.get("currencies") or []
        found = next((one for one in currencies if one["code"] == code), self.currency)
        id_: str = found["id"]
        return id_

    def window_user(self, asking: Row) -> Row:
        """Return the user whose zone the core host's windows are read in (FACTS 1.6(2) and 11)."""
        if self.switches.window_zone == "user":
            return asking
        owners = (user for user in self.users.values() if "OWNER" in (user.get("roles") or []))
        return next(owners, asking)

    @property
    def features(self) -> list[str]:
        """What the workspace's plan includes: tested by name, not by plan (FACTS 2.2)."""
        features: list[str] = self.workspace.get("features") or []
        return features

    def new_id(self) -> str:
        """Make an id as Clockify does: seconds since 1970, then a serial number, in hex."""
        return f"{int(self.now().timestamp()):08x}{next(self._serial):016x}"

    def project_of(self, entry: Row) -> Row:
        """Return an entry's project; empty where it has none."""
        return self.projects.get(entry.get("projectId") or "", {})

    def client_of(self, project: Row) -> Row:
        """Return a project's client; empty where it has none."""
        return self.clients.get(project.get("clientId") or "", {})

    def task_of(self, entry: Row) -> Row:
        """Return an entry's task; empty where it has none."""
        return self.tasks.get(entry.get("taskId") or "", {})

    def tags_of(self, entry: Row) -> list[Row]:
        """Return an entry's tags that still exist."""
        return [self.tags[id_] for id_ in entry.get("tagIds") or [] if id_ in self.tags]

    def find(self, kind: str, id_: object) -> Row:
        """Look up the *kind* ("Project", "Client", …) of an id.

        Unknown, deleted and another workspace's cannot be told apart, and are never 404
        (FACTS 1.4).
        """
        rows = {
            "Client": self.clients,
            "Project": self.projects,
            "Task": self.tasks,
            "Tag": self.tags,
            "Custom field": self.custom_fields,
            "User": self.users,
            "Time entry": self.entries,
            "Webhook": self.webhooks,
        }
        row = rows[kind].get(str(id_))
        if row is None:
            refuse(f"{kind} doesn't belong to Workspace")
        return row

    def is_taken(self, name: str, neighbours: Iterable[Row]) -> bool:
        """Return whether one of *neighbours* has *name*; archived ones keep theirs (FACTS 2.6)."""
        if self.switches.case_insensitive_names:
            return name.casefold() in {row["name"].casefold() for row in neighbours}
        return name in {row["name"] for row in neighbours}


def _by_id(rows: Iterable[Row]) -> dict[str, Row]:
    return {row["id"]: row for row in rows}


def is_admin(user: Row) -> bool:
    return bool(ADMIN_ROLES.intersection(user.get("roles") or []))


def shown_name(user: Row) -> str | None:
    """Name a user; all deleted users share one name (FACTS 4)."""
    if user.get("status") == "DELETED":
        return "DeletedUser"
    name: str | None = user.get("name")
    return name


def shown_email(user: Row, state: State) -> str | None:
    if user.get("status") == "DELETED":
        return state.switches.deleted_user_email
    email: str | None = user.get("email")
    return email


def zone_of(user: Row) -> ZoneInfo:
    """Return the time zone of a user's profile; one who was never onboarded has UTC (our guess)."""
    return ZoneInfo((user.get("settings") or {}).get("timeZone") or "UTC")


def named_zone(name: str) -> ZoneInfo:
    """Return the time zone that a request names."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        refuse(f"Unknown time-zone ID: {name}")
