"""What must be true before time is sent: the key's role, both plans, the company's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.clockify.answers import unknown_workspace
from connectors.clockify.client import Clockify
from connectors.errors import AskPerson
from schemas.quickbooks import Company

#: Only they may send; owners do not count as admins (FACTS, Clockify, 2.3).
ROLES = ("WORKSPACE_ADMIN", "OWNER")

#: A plan is recognized by this feature, never by its name (FACTS, Clockify, 2.2).
FEATURE = "QUICKBOOKS_INTEGRATION"

#: Plans that take time, as their names end (FACTS, QBO, 6.1 and 6.3).
PLANS = ("essentials", "plus", "advanced")

#: Subscriptions with which QuickBooks accepts no data (FACTS, QBO, 6.1 and code 6190).
ENDED = {"RESTRICTED", "SUSPENDED", "EXPIRED", "CANCELLED"}


@dataclass(frozen=True)
class Problem:
    """What keeps time from being sent.

    Attributes:
        found: What is wrong, in a sentence.
        fix: What a person does about it.
        option: The parameter of a job that tries anyway; each surface has its own spelling.
    """

    found: str
    fix: str
    option: str = ""


class NotReady(AskPerson):
    """One of these checks failed; it runs before anything is changed.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: Problem) -> None:
        anyway = f" Set {problem.option} to try anyway." if problem.option else ""
        super().__init__(f"{problem.found} {problem.fix}{anyway} Nothing was changed.")
        self.problem = problem


def check_workspace(clockify: Clockify) -> dict[str, Any]:
    """Check the key's role and the workspace's plan, before anything else is read.

    Returns:
        The workspace, with its settings and currencies.

    Raises:
        NotReady: The key may not send, or the plan lacks the integration.
        AskPerson: The key does not see the workspace.
    """
    _stop_at(role_problem(clockify))
    workspace = clockify.workspace()
    _stop_at(feature_problem(workspace))
    return workspace


def _stop_at(problem: Problem | None) -> None:
    if problem:
        raise NotReady(problem)


def role_problem(clockify: Clockify) -> Problem | None:
    """Return a problem if the key's user is neither owner nor admin of the workspace.

    Raises:
        AskPerson: They do not see the workspace at all.
    """
    mine = {workspace.get("id") for workspace in clockify.workspaces(roles=ROLES)}
    if clockify.workspace_id in mine:
        return None
    known = clockify.workspaces()
    if clockify.workspace_id not in {workspace.get("id") for workspace in known}:
        raise unknown_workspace(clockify.workspace_id, known)
    return Problem(
        "The Clockify key belongs to a user who is neither owner nor admin of the workspace, and"
        " would see only part of its time.",
        "Use the key of an owner or admin.",
    )


def feature_problem(workspace: Mapping[str, Any]) -> Problem | None:
    """Return a problem if the workspace's plan lacks the QuickBooks integration."""
    if FEATURE in (workspace.get("features") or []):
        return None
    return Problem(
        f"The Clockify workspace {workspace.get('name')!r} is on a plan without the QuickBooks"
        " integration.",
        "Standard, Pro or Enterprise includes it.",
    )


def check_company(company: Company, *, allow_payroll: bool | None) -> None:
    """Check that the company accepts plain time activities, as far as it says.

    Args:
        company: The company.
        allow_payroll: `False` refuses one with payroll; otherwise QuickBooks is asked, by sending.

    Raises:
        NotReady: It does not.
    """
    for problem_of in (plan_problem, subscription_problem, time_problem):
        _stop_at(problem_of(company))
    if allow_payroll is False:
        _stop_at(payroll_problem(company))


def plan_problem(company: Company) -> Problem | None:
    """Return a problem if the company's plan is known to have no time tracking."""
    if not company.plan.strip().lower().endswith("simple start"):
        return None
    return Problem(
        f"The company {company.name!r} is on {company.plan}, which has no time tracking.",
        "QuickBooks Online Essentials, Plus and Advanced have it.",
    )


def knows_plan(company: Company) -> bool:
    """Whether the plan is known to accept time; other regions have other names (6.1)."""
    return company.plan.strip().lower().endswith(PLANS)


def subscription_problem(company: Company) -> Problem | None:
    """Return a problem if the company's subscription has ended."""
    if company.subscription.upper() not in ENDED:
        return None
    return Problem(
        f"The QuickBooks subscription of {company.name!r} is {company.subscription.lower()},"
        " so it accepts no data.",
        "Renew it in QuickBooks.",
    )


def time_problem(company: Company) -> Problem | None:
    """Return a problem if time tracking is off."""
    if company.tracks_time:
        return None
    return Problem(
        f"Time tracking is off in {company.name!r}.",
        "Turn it on in QuickBooks under Account and settings, Time.",
    )


def payroll_problem(company: Company) -> Problem | None:
    """Return a problem if the company has payroll (6.3), for who allows none."""
    if not company.has_payroll:
        return None
    return Problem(
        f"The company {company.name!r} has QuickBooks Payroll, which you do not allow.",
        "To let one entry go first, and the others only if QuickBooks takes it, take away the"
        " option or setting that forbids it.",
        option="allow_payroll",
    )


def default_currency(workspace: Mapping[str, Any]) -> str | None:
    """Return the workspace's default currency, which entries have that name none."""
    for currency in workspace.get("currencies") or []:
        if isinstance(currency, Mapping) and currency.get("isDefault"):
            return str(currency["code"])
    rate = workspace.get("hourlyRate")
    return str(rate["currency"]) if isinstance(rate, Mapping) and rate.get("currency") else None
