"""What must be so before time may go: who asks, both plans, and the state of the company."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.clockify.client import Clockify, unknown_workspace
from connectors.errors import AskPerson
from schemas.quickbooks import Company

#: Only they may send; owners do not count as admins (FACTS, Clockify, 2.3).
ROLES = ("WORKSPACE_ADMIN", "OWNER")

#: The plan is tested by this feature, never by the plan's name (FACTS, Clockify, 2.2).
FEATURE = "QUICKBOOKS_INTEGRATION"

#: Plans that take time, as their names end (FACTS, QBO, 6.1 and 6.3).
PLANS = ("essentials", "plus", "advanced")

#: Subscriptions with which QuickBooks takes no data (FACTS, QBO, 6.1 and code 6190).
ENDED = {"RESTRICTED", "SUSPENDED", "EXPIRED", "CANCELLED"}


@dataclass(frozen=True)
class Problem:
    """What keeps time from going.

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
        AskPerson: The key may not, or the plan lacks the integration.
    """
    check_role(clockify)
    workspace = clockify.workspace()
    problem = feature_problem(workspace)
    if problem:
        raise NotReady(problem)
    return workspace


def check_role(clockify: Clockify) -> None:
    """Check that the key's user may send.

    Raises:
        AskPerson: They are neither owner nor admin, or do not see the workspace.
    """
    problem = role_problem(clockify)
    if problem:
        raise NotReady(problem)


def role_problem(clockify: Clockify) -> Problem | None:
    """Say that the key's user is neither owner nor admin of the workspace, if so.

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
        "Use the key of an admin.",
    )


def feature_problem(workspace: Mapping[str, Any]) -> Problem | None:
    """Say what is wrong with the workspace's plan; `None` when it has the integration."""
    if FEATURE in (workspace.get("features") or []):
        return None
    return Problem(
        f"The Clockify workspace {workspace.get('name')!r} is on a plan without the QuickBooks"
        " integration.",
        "Standard, Pro or Enterprise is needed.",
    )


def check_company(company: Company, *, allow_payroll: bool) -> None:
    """Check that the company takes plain time activities.

    Raises:
        AskPerson: It does not; the text says why.
    """
    problems = [plan_problem(company), subscription_problem(company), time_problem(company)]
    if not allow_payroll:
        problems.append(payroll_problem(company))
    for problem in problems:
        if problem:
            raise NotReady(problem)


def plan_problem(company: Company) -> Problem | None:
    """Say what is wrong with the company's plan, if it is known to be too small."""
    if not company.plan.strip().lower().endswith("simple start"):
        return None
    return Problem(
        f"The company {company.name!r} is on {company.plan}, which has no time tracking.",
        "QuickBooks Online Essentials, Plus or Advanced is needed.",
    )


def knows_plan(company: Company) -> bool:
    """Say whether the plan is one that takes time; other regions have names of their own (6.1)."""
    return company.plan.strip().lower().endswith(PLANS)


def subscription_problem(company: Company) -> Problem | None:
    """Say what is wrong with the company's subscription, if it has ended."""
    if company.subscription.upper() not in ENDED:
        return None
    return Problem(
        f"The QuickBooks subscription of {company.name!r} is {company.subscription.lower()},"
        " so it takes no data.",
        "Renew it in QuickBooks.",
    )


def time_problem(company: Company) -> Problem | None:
    """Say that time tracking is off, if it is."""
    if company.tracks_time:
        return None
    return Problem(
        f"Time tracking is off in {company.name!r}.",
        "Switch it on in QuickBooks under Account and settings, Time.",
    )


def payroll_problem(company: Company) -> Problem | None:
    """Say that the company has payroll, if it does (6.3)."""
    if not company.has_payroll:
        return None
    return Problem(
        f"The company {company.name!r} has QuickBooks Payroll, with which QuickBooks usually"
        " refuses plain time activities.",
        "Try it with a single entry first.",
        option="allow_payroll",
    )


def default_currency(workspace: Mapping[str, Any]) -> str | None:
    """Give the workspace's default currency: that of entries which name none."""
    for currency in workspace.get("currencies") or []:
        if isinstance(currency, Mapping) and currency.get("isDefault"):
            return str(currency["code"])
    rate = workspace.get("hourlyRate")
    return str(rate["currency"]) if isinstance(rate, Mapping) and rate.get("currency") else None
