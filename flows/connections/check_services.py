"""What `clockbooks check` asks Clockify and QuickBooks: what a send would stop at."""

from collections.abc import Mapping
from typing import Any

from flows.connections import requirements
from flows.connections.check_lines import Checks
from flows.connections.payroll import payroll_state
from schemas.quickbooks import Company


def check_clockify(checks: Checks) -> Mapping[str, Any] | None:
    """Add the lines about Clockify, and return its workspace if it answers."""
    clockify = checks.context.clockify
    me = checks.ask("Clockify", clockify.me)
    if me is None:
        return None
    checks.add("Clockify", f"It answers. The key belongs to {me.get('name') or 'a nameless user'}.")
    before = len(checks.lines)
    problem = checks.ask("Clockify role", lambda: requirements.role_problem(clockify))
    if len(checks.lines) == before:
        found = "The key's user is an owner or admin of the workspace."
        checks.add_unless(problem, "Clockify role", found)
    workspace = checks.ask("Clockify plan", clockify.workspace)
    if workspace is not None:
        checks.add_unless(
            requirements.feature_problem(workspace),
            "Clockify plan",
            f"The plan of {workspace.get('name')!r} includes the QuickBooks integration.",
        )
    return workspace


def check_quickbooks(checks: Checks, *, allow_payroll: bool | None) -> Company | None:
    """Add the lines about QuickBooks, and return its company if it answers."""
    company = checks.ask("QuickBooks", checks.context.quickbooks.company)
    if company is None:
        return None
    checks.add("QuickBooks", f"It answers. The company is {company.name!r}.")
    _plan(checks, company)
    subscription = company.subscription.lower() or "unknown"
    checks.add_unless(
        requirements.subscription_problem(company), "Subscription", f"It is {subscription}."
    )
    if company.has_payroll and allow_payroll is not False:
        state = payroll_state(checks.context, tries_one=allow_payroll is None)
        checks.add("Payroll", *state)
    else:
        no_payroll = "The company has no QuickBooks Payroll."
        checks.add_unless(requirements.payroll_problem(company), "Payroll", no_payroll)
    checks.add_unless(requirements.time_problem(company), "Time tracking", "It is on.")
    checks.add("Billable time", *_BILLING[company.bills_customers])
    closed = company.closed_until
    checks.add(
        "Books",
        f"Closed through {closed}: entries of those days are rejected."
        if closed
        else "No closing date is set.",
    )
    return company


def _plan(checks: Checks, company: Company) -> None:
    problem = requirements.plan_problem(company)
    if problem or requirements.knows_plan(company):
        checks.add_unless(problem, "QuickBooks plan", f"It is {company.plan}.")
    else:
        checks.add(
            "QuickBooks plan",
            f"It is {company.plan or 'not named'}, which Clockbooks does not know.",
            "Make sure that it has time tracking: Essentials, Plus and Advanced do. Send a single"
            " entry first.",
        )


#: What is said of billing customers for time, and what to do about it.
_BILLING = {
    True: ("Customers are billed for time.",),
    None: (
        "QuickBooks does not say whether customers are billed for time.",
        "Plans without time tracking lack the setting: send a single billable entry first.",
    ),
    False: (
        "QuickBooks does not bill customers for time, so it may refuse billable entries.",
        "Turn it on in QuickBooks under Account and settings, Time.",
    ),
}


def check_currency(
    checks: Checks, workspace: Mapping[str, Any] | None, company: Company | None
) -> None:
    """Add whether both keep the same currency."""
    if company is None or workspace is None:
        return
    own = requirements.default_currency(workspace)
    many = " It keeps books in several currencies." if company.many_currencies else ""
    if not company.currency:
        checks.add(
            "Currency",
            "QuickBooks does not name its home currency.",
            "Compare the rates in a dry run before the first send.",
        )
    elif own and own != company.currency:
        checks.add(
            "Currency",
            f"The workspace uses {own}, the company {company.currency}.{many}",
            f"Billable entries with a rate in {own} are rejected, unless a setting says otherwise:"
            f" set Clockify's rates in {company.currency}.",
        )
    else:
        checks.add("Currency", f"Both use {company.currency}.{many}")
