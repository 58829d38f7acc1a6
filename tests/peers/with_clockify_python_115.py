"""Calls all that clockify-python-115 offers for what the stand-in has.

Arguments: address, workspace, key.
"""

import asyncio
import sys
from typing import Any

import httpx
from calls import call, check
from clockify import ClockifyClient
from clockify.operations.registry import ALL_OPERATIONS

ADDRESS, WORKSPACE, KEY = sys.argv[1:]


class ToStandin(httpx.AsyncHTTPTransport):
    """Sends to the stand-in what goes to Clockify: the client takes no address without TLS."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request there."""
        below = "/report" if request.url.host.startswith("reports.") else ""
        request.url = httpx.URL(ADDRESS).copy_with(raw_path=below.encode() + request.url.raw_path)
        return await super().handle_async_request(request)


LOOP = asyncio.new_event_loop()
HTTP = httpx.AsyncClient(transport=ToStandin())
CLOCKIFY = ClockifyClient(api_key=KEY, workspace_id=WORKSPACE, http_client=HTTP)
#: What no code of Clockbooks meets, and the stand-in does not have: resources, and single calls.
NOT_MODELLED = {
    "audit_log", "expense_categories", "expenses", "files", "holidays", "invoice_items",
    "invoice_payments", "invoice_settings", "invoices", "member_profiles", "scheduling",
    "shared_reports", "time_off_balance_assignments", "time_off_balances", "time_off_policies",
    "time_off_requests", "user_groups",
}  # fmt: skip
NOT_MODELLED_ALONE = {
    "approvals.submit_for_user_with_type", "approvals.submit_with_type",  # of expenses
    "custom_fields.list_for_project", "custom_fields.remove_from_project",
    "custom_fields.update_for_project", "custom_fields.update_for_workspace",
    "projects.create_from_template", "projects.set_members", "projects.update_estimate",
    "projects.update_memberships", "projects.update_template", "reports.attendance",
    "reports.expense_details", "reports.summary", "reports.weekly", "time_entries.get_many",
    "users.add_limited_to_workspace", "users.grant_manager_role", "users.list_managers",
    "users.revoke_manager_role", "users.update_custom_field_value",
    "webhooks.list_event_statuses", "webhooks.list_for_addon", "workspaces.create",
}  # fmt: skip
CALLED: set[str] = set()
DAY = {"start": "2026-09-07T00:00:00Z", "end": "2026-09-08T00:00:00Z"}


def ask(operation: str, *arguments: Any, how: str = "", **options: Any) -> Any:
    """Make one call of a resource's method, such as `tags.list`; *how* tells two apart."""
    resource, _, method = operation.partition(".")
    CALLED.add(operation)
    work = getattr(getattr(CLOCKIFY, resource), method)
    name = f"{operation} {how}".strip()
    return call(name, lambda: LOOP.run_until_complete(work(*arguments, **options)))


def ask_by_each(operation: str, *arguments: Any, **parameters: Any) -> None:
    """Make a call once with each of the query's parameters, alone."""
    for name, value in parameters.items():
        ask(operation, *arguments, how=f"by {name}", **{name: value})


def look_at_people(me: str, project: str) -> None:
    """Read the workspace and who is there, and set rates."""
    ask("workspaces.list")
    ask_by_each("workspaces.list", roles=["OWNER", "WORKSPACE_ADMIN"])
    ask("workspaces.get")
    ask("workspaces.update_billable_rate", {"amount": 2000, "currency": "USD"})
    ask("workspaces.update_cost_rate", {"amount": 1000})
    ask("users.me", how="with memberships", include_memberships=True)
    ask_by_each(
        "users.list",
        email="zoe@",
        project_id=project,
        status="ACTIVE",
        account_statuses=["LIMITED", "DELETED"],
        name="Zo",
        sort_column="NAME",
        sort_order="DESCENDING",
        page=2,
        page_size=5,
        memberships="ALL",
        include_roles=True,
    )
    ask("users.filter", {"page": 1, "pageSize": 50, "includeRoles": True, "roles": ["OWNER"]})
    ask("users.add_to_workspace", {"email": "new@peer.example"}, send_email=False)
    other = "64d0000000000000000000a4"
    ask("users.update_status", other, {"status": "INACTIVE"})
    ask("users.update_status", other, {"status": "ACTIVE"}, how="back")
    ask("users.update_hourly_rate", me, {"amount": 3000, "since": "2026-09-01T00:00:00Z"})
    ask("users.update_cost_rate", me, {"amount": 1500})


def keep_clients() -> Any:
    """Create, read, change, list, archive and delete clients; return one that stays."""
    ask("clients.create", {"name": "Peer", "email": "peer@peer.example", "note": "n"})
    one = ask("clients.create", {"name": "Short-lived"}, how="to be deleted")
    ask("clients.get", one.id)
    ask("clients.list")
    ask_by_each(
        "clients.list",
        name="Peer",
        archived=False,
        sort_column="NAME",
        sort_order="DESCENDING",
        page=1,
        page_size=2,
    )
    archived = {"name": "Short-lived", "archived": True}
    ask("clients.update", one.id, archived, archive_projects=True, mark_tasks_as_done=True)
    ask("clients.delete", one.id)
    return ask("clients.create", {"name": "Kept"}, how="to stay")


def keep_projects(me: str, client: str) -> Any:
    """Create, read, change, list, archive and delete projects; return one that stays."""
    ask("projects.create", {"name": "Plain"}, how="with a name")
    one = ask(
        "projects.create",
        {
            "name": "Peer's project",
            "clientId": client,
            "billable": True,
            "isPublic": True,
            "color": "#9C27B0",
            "note": "n",
            "hourlyRate": {"amount": 5000},
            "costRate": {"amount": 2500},
            "estimate": {"estimate": "PT10H", "type": "MANUAL"},
            "memberships": [{"userId": me}],
            "tasks": [{"name": "First"}],
        },
    )
    ask("projects.get", one.id)
    ask_by_each("projects.get", one.id, hydrated=True, custom_field_entity_type="TIMEENTRY")
    ask("projects.list")
    ask_by_each(
        "projects.list",
        name="Peer",
        strict_name_search=True,
        archived=True,
        billable=True,
        clients=[client],
        contains_client=False,
        client_status="ACTIVE",
        users=[me],
        contains_user=False,
        user_status="ALL",
        is_template=False,
        sort_column="NAME",
        sort_order="ASCENDING",
        hydrated=True,
        page=2,
        page_size=3,
        access="PUBLIC",
    )
    ask("projects.update_user_hourly_rate", one.id, me, {"amount": 6000})
    ask("projects.update_user_cost_rate", one.id, me, {"amount": 3000})
    changed = ask("projects.update", one.id, {"name": "Peer's other", "billable": False})
    check("a rate that is left out stays", holds=changed.hourly_rate.amount == 5000)
    gone = ask("projects.create", {"name": "Gone soon"}, how="to be deleted")
    ask("projects.update", gone.id, {"name": "Gone soon", "archived": True}, how="into the archive")
    ask("projects.delete", gone.id)
    return one


def keep_tasks(project: str, me: str) -> Any:
    """Create, read, change, list, finish and delete tasks; return one that stays."""
    one = ask("tasks.create", project, {"name": "Peer's task", "assigneeIds": [me]})
    ask(
        "tasks.create", project, {"name": "Another"}, how="with an assignee", contains_assignee=True
    )
    ask("tasks.get", project, one.id)
    ask("tasks.list", project)
    ask_by_each(
        "tasks.list",
        project,
        name="Peer",
        strict_name_search=False,
        is_active=True,
        page=1,
        page_size=1,
        sort_column="NAME",
        sort_order="DESCENDING",
    )
    ask("tasks.update_billable_rate", project, one.id, {"amount": 7000})
    ask("tasks.update_cost_rate", project, one.id, {"amount": 3500})
    ask("tasks.update", project, one.id, {"name": "Peer's task", "billable": True})
    gone = ask("tasks.create", project, {"name": "Gone"}, how="to be deleted")
    ask("tasks.update", project, gone.id, {"name": "Gone", "status": "DONE"}, how="as done")
    ask("tasks.delete", project, gone.id)
    return one


def keep_tags() -> Any:
    """Create, read, change, list and delete tags; return one that stays."""
    one = ask("tags.create", {"name": "Peer"})
    ask("tags.get", one.id)
    ask("tags.list")
    ask_by_each(
        "tags.list",
        name="Peer",
        strict_name_search=True,
        excluded_ids=[one.id],
        archived=False,
        sort_column="NAME",
        sort_order="DESCENDING",
        page=1,
        page_size=1,
    )
    gone = ask("tags.create", {"name": "Gone"}, how="to be deleted")
    ask("tags.update", gone.id, {"name": "Renamed", "archived": True})
    ask("tags.delete", gone.id)
    return one


def keep_fields() -> Any:
    """Create, list and delete custom fields; return one that stays."""
    body = {"name": "Order", "type": "TXT", "status": "VISIBLE", "entityType": "TIMEENTRY"}
    one = ask("custom_fields.create_for_workspace", body)
    ask("custom_fields.list_for_workspace")
    ask_by_each(
        "custom_fields.list_for_workspace",
        name="Order",
        status="VISIBLE",
        entity_type=["TIMEENTRY"],
        page=1,
        page_size=1,
    )
    gone = ask("custom_fields.create_for_workspace", body | {"name": "Gone"}, how="to be deleted")
    ask("custom_fields.delete_for_workspace", gone.id)
    return one


def keep_time(me: str, project: str, task: str, tag: str, field: str) -> None:
    """Create, read, change, list, stop, duplicate and delete time."""
    body = {
        "start": "2026-09-07T08:00:00Z",
        "end": "2026-09-07T09:30:00Z",
        "billable": True,
        "description": "Peer's work",
        "projectId": project,
        "taskId": task,
        "tagIds": [tag],
        "type": "REGULAR",
    }
    fields = {"customFields": [{"customFieldId": field, "value": "A-1"}]}
    one = ask("time_entries.create", body)
    two = ask("time_entries.create_for_user", "64d0000000000000000000a4", body | fields)
    ask("time_entries.create_for_user", me, body, how="from an entry", from_entry=one.id)
    ask("time_entries.create", {"start": "2026-09-07T10:00:00Z"}, how="as a timer")
    ask("time_entries.list_in_progress")
    ask_by_each("time_entries.list_in_progress", page=1, page_size=1)
    ask("time_entries.stop_timer_for_user", me, {"end": "2026-09-07T11:00:00Z"})
    ask("time_entries.get", one.id)
    ask_by_each("time_entries.get", one.id, hydrated=True)
    ask("time_entries.list_for_user", me)
    ask_by_each(
        "time_entries.list_for_user",
        me,
        description="Peer",
        start=DAY["start"],
        end=DAY["end"],
        project=project,
        task=task,
        tags=[tag],
        project_required=True,
        task_required=True,
        hydrated=True,
        in_progress=True,
        get_week_before="2026-09-14T00:00:00Z",
        page=2,
        page_size=1,
    )
    changed = ask("time_entries.update", one.id, body | {"description": "Changed"} | fields)
    check("time is changed", holds=changed.description == "Changed")
    ask(
        "time_entries.update",
        one.id,
        {"start": body["start"], "end": body["end"]},
        how="with the least",
    )
    many = [{"id": one.id, "start": body["start"], "end": body["end"], "projectId": project}]
    ask("time_entries.bulk_update_for_user", me, many)
    ask("time_entries.bulk_update_for_user", me, many, how="hydrated", hydrated=True)
    again = ask("time_entries.duplicate", me, one.id)
    ask("time_entries.mark_invoiced", {"timeEntryIds": [one.id], "invoiced": True})
    ask("time_entries.mark_invoiced", {"timeEntryIds": [one.id], "invoiced": False}, how="back")
    ask("time_entries.delete_all_for_user", me, time_entry_ids=[again.id])
    ask("time_entries.delete", two.id)


def keep_approvals() -> None:
    """Submit, approve, withdraw and reject; list."""
    period = {"period": "WEEKLY", "periodStart": "2026-11-09T00:00:00Z"}
    work = {"start": "2026-11-10T08:00:00Z", "end": "2026-11-10T09:00:00Z"}
    ask("time_entries.create", work, how="in November")
    request = ask("approvals.submit", period)
    for state in ("APPROVED", "WITHDRAWN_APPROVAL"):
        ask("approvals.update_status", request.id, {"state": state, "note": "n"}, how=state)
    ask("approvals.resubmit", period)
    other = "64d0000000000000000000a4"
    ask("time_entries.create_for_user", other, work, how="in November")
    second = ask("approvals.submit_for_user", other, period)
    ask("approvals.update_status", second.id, {"state": "REJECTED"}, how="REJECTED")
    ask("approvals.resubmit_for_user", other, period)
    ask("approvals.list")
    ask_by_each(
        "approvals.list",
        status="APPROVED",
        sort_column="START",
        sort_order="DESCENDING",
        page=1,
        page_size=2,
    )


def keep_webhooks(project: str) -> None:
    """Create, read, change, list and delete webhooks."""
    body = {
        "name": "Peer's",
        "url": "https://peer.example/hook",
        "webhookEvent": "NEW_TIME_ENTRY",
        "triggerSourceType": "PROJECT_ID",
        "triggerSource": [project],
    }
    one = ask("webhooks.create", body)
    ask("webhooks.get", one.id)
    ask("webhooks.list")
    ask_by_each("webhooks.list", type="USER_CREATED")
    ask("webhooks.update", one.id, body | {"name": "Changed"})
    ask("webhooks.rotate_token", one.id)
    span = {"from": "2026-09-01T00:00:00Z", "to": "2026-09-08T00:00:00Z"}
    ask("webhooks.search_logs", one.id, span)
    ask("webhooks.delete", one.id)


def look_back(me: str, project: str) -> None:
    """Read the feed of changes and the detailed report."""
    span = {"start": "2026-11-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"}
    for kind in ("created", "updated", "deleted"):
        ask(f"entity_changes.list_{kind}", type=["TIME_ENTRY"], **span)
    window = {
        "dateRangeStart": DAY["start"],
        "dateRangeEnd": "2026-09-12T00:00:00Z",
        "detailedFilter": {"page": 1, "pageSize": 50},
    }
    whole = ask("reports.detailed", window)
    check("the report has entries", holds=len(whole.model_dump()["timeentries"]) > 0)
    for name, more in {
        "in a zone": {"timeZone": "Europe/Oslo"},
        "rounded": {"rounding": True},
        "of a project": {"projects": {"ids": [project], "contains": "CONTAINS", "status": "ALL"}},
        "of a user": {"users": {"ids": [me], "contains": "CONTAINS", "status": "ALL"}},
        "that is billable": {"billable": True},
        "by description": {"description": "a"},
        "without a match": {"description": "nothing of the kind"},
        "approved": {"approvalState": "APPROVED"},
        "sorted": {"sortOrder": "DESCENDING"},
        "as JSON": {"exportType": "JSON"},
        "with earnings": {"amountShown": "EARNED"},
    }.items():
        ask("reports.detailed", window | more, how=name)


me = ask("users.me").id
client = keep_clients()
project = keep_projects(me, client.id)
task = keep_tasks(project.id, me)
tag = keep_tags()
field = keep_fields()
look_at_people(me, project.id)
keep_time(me, project.id, task.id, tag.id, field.id)
keep_approvals()
keep_webhooks(project.id)
look_back(me, project.id)
LOOP.run_until_complete(HTTP.aclose())
offered = {
    f"{one.resource}.{one.sdk_method}" for one in ALL_OPERATIONS if one.resource not in NOT_MODELLED
}
check(
    "every operation is called, or known to be missing",
    holds=offered - NOT_MODELLED_ALONE == CALLED,
)
