"""What must be so before time may go: who asks, both plans, and the state of the company."""

from collections.abc import Mapping
from typing import Any

from connectors.clockify import Clockify, unknown_workspace
from connectors.errors import AskPerson
from schemas.quickbooks import Company

#: Only they may send; owners do not count as admins (FACTS, Clockify, 2.3).
ROLES = ("WORKSPACE_ADMIN", "OWNER")

#: The plan is tested by this feature, never by the plan's name (FACTS, Clockify, 2.2).
FEATURE = "QUICKBOOKS_INTEGRATION"

#: Subscriptions with which QuickBooks takes no data (FACTS, QBO, 6.1 and code 6190).
ENDED = {"RESTRICTED", "SUSPENDED", "EXPIRED", "CANCELLED"}


def check_workspace(clockify: Clockify) -> dict[str, Any]:
    """Check the key's role and the workspace's plan, before anything else is read.

    Returns:
        The workspace, with its settings and currencies.

    Raises:
        AskPerson: The key may not, or the plan lacks the integration.
    """
    mine = {workspace.get("id") for workspace in clockify.workspaces(roles=ROLES)}
    if clockify.workspace_id not in mine:
        known = clockify.workspaces()
        if clockify.workspace_id not in {workspace.get("id") for workspace in known}:
            raise unknown_workspace(clockify.workspace_id, known)
        raise AskPerson(
            "The Clockify key belongs to a user who is neither owner nor admin of the workspace,"
            " and would see only part of its time. Use the key of an admin."
        )
    workspace = clockify.workspace()
    if FEATURE not in (workspace.get("features") or []):
        raise AskPerson(
            f"The Clockify workspace {workspace.get('name')!r} is on a plan without the QuickBooks"
            " integration: it takes Standard, Pro or Enterprise. Nothing was sent."
        )
    return workspace


def check_company(company: Company, *, allow_payroll: bool) -> None:
    """Check that the company takes plain time activities.

    Raises:
        AskPerson: It does not; the text says why.
    """
    if company.plan.strip().lower().endswith("simple start"):
        raise AskPerson(
            f"The company {company.name!r} is on {company.plan}, which has no time tracking:"
            " QuickBooks Online Essentials, Plus or Advanced is needed. Nothing was sent."
        )
    if company.subscription.upper() in ENDED:
        raise AskPerson(
            f"The QuickBooks subscription of {company.name!r} is {company.subscription.lower()},"
            " so it takes no data: renew it in QuickBooks. Nothing was sent."
        )
    if not company.tracks_time:
        raise AskPerson(
            f"Time tracking is off in {company.name!r}: switch it on in QuickBooks under Account"
            " and settings, Time. Nothing was sent."
        )
    if company.has_payroll and not allow_payroll:
        raise AskPerson(
            f"The company {company.name!r} has QuickBooks Payroll, with which QuickBooks usually"
            " refuses plain time activities. --allow-payroll tries all the same. Nothing was sent."
        )


def default_currency(workspace: Mapping[str, Any]) -> str | None:
    """Give the workspace's default currency: that of entries which name none."""
    for currency in workspace.get("currencies") or []:
        if isinstance(currency, Mapping) and currency.get("isDefault"):
            return str(currency["code"])
    rate = workspace.get("hourlyRate")
    return str(rate["currency"]) if isinstance(rate, Mapping) and rate.get("currency") else None
