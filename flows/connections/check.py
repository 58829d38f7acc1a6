"""`clockbooks check`: everything that can be known before a send, each line with what to do.

What stops a send is asked of the functions that stop it (`flows.connections.preflight`). One
failure does not stop the others: what depends on a service that did not answer is left out, all
else is told.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from connectors.encryption import keys_from_file
from connectors.errors import ClockbooksError
from connectors.store.key_rotation import outdated
from flows.connections import preflight
from flows.connections.consent_expiry import ends_soon
from flows.connections.preflight import Problem
from flows.context import OUTDATED, RunContext, open_context
from flows.settings import strangers_told
from flows.settings_file import FILE
from flows.text import typed
from schemas.quickbooks import Company
from schemas.words import Kind, LedgerState

Answer = TypeVar("Answer")

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """One line.

    Attributes:
        name: What was looked at.
        state: `ok`, `warning` (a send runs all the same) or `problem` (it does not).
        found: What is so.
        to_do: What a person does about it; empty when there is nothing to do.
    """

    name: str
    state: str
    found: str
    to_do: str = ""


@dataclass
class Checks:
    """The lines so far."""

    context: RunContext
    lines: list[Check] = field(default_factory=list)

    def ok(self, name: str, found: str) -> None:
        """Add a line about something that is well."""
        self.lines.append(Check(name, OK, found))

    def warn(self, name: str, found: str, to_do: str) -> None:
        """Add a line about something that a person should see."""
        self.lines.append(Check(name, WARNING, found, to_do))

    def unless(self, problem: Problem | None, name: str, found: str) -> None:
        """Add a line that is well unless there is a problem, which stops a send."""
        if problem:
            option = f" Add {typed(problem.option)}." if problem.option else ""
            self.lines.append(Check(name, PROBLEM, problem.found, problem.fix + option))
        else:
            self.ok(name, found)

    def ask(self, name: str, question: Callable[[], Answer]) -> Answer | None:
        """Ask a service; `None` when it gives no answer, which then is a line."""
        try:
            return question()
        except ClockbooksError as error:
            self.lines.append(Check(name, PROBLEM, "It could not be looked at.", str(error)))
            return None


def check(name: str | None, *, allow_payroll: bool | None) -> dict[str, Any]:
    """Look at everything that a send of the connection *name* depends on, and change nothing.

    Returns:
        `connection`, and `checks`: the lines, each with `name`, `state`, `found`, `to_do`.

    Raises:
        AskPerson: There is no such connection, or a setting is wrong.
    """
    with open_context(name) as context:
        checks = Checks(context)
        if allow_payroll is None:
            allow_payroll = context.settings.allow_payroll
        workspace = _clockify(checks)
        company = _quickbooks(checks, allow_payroll=allow_payroll)
        _currency(checks, workspace, company)
        _timezone(checks, company)
        _links(checks)
        _ledger(checks)
        _tokens(checks)
        _limits(checks)
        _addresses(checks)
        _settings_file(checks)
        _key(checks)
        _database(checks)
    return {
        "connection": context.connection.name,
        "checks": [asdict(line) for line in checks.lines],
    }


def _clockify(checks: Checks) -> Mapping[str, Any] | None:
    clockify = checks.context.clockify
    me = checks.ask("Clockify", clockify.me)
    if me is None:
        return None
    checks.ok("Clockify", f"Answers; the key is {me.get('name') or 'nameless'}'s.")
    before = len(checks.lines)
    problem = checks.ask("Clockify role", lambda: preflight.role_problem(clockify))
    if len(checks.lines) == before:
        checks.unless(
            problem, "Clockify role", "The key's user is owner or admin of the workspace."
        )
    workspace = checks.ask("Clockify plan", clockify.workspace)
    if workspace is None:
        return None
    checks.unless(
        preflight.feature_problem(workspace),
        "Clockify plan",
        f"The workspace {workspace.get('name')!r} has the QuickBooks integration.",
    )
    return workspace


def _quickbooks(checks: Checks, *, allow_payroll: bool) -> Company | None:
    company = checks.ask("QuickBooks", checks.context.quickbooks.company)
    if company is None:
        return None
    checks.ok("QuickBooks", f"Answers; the company is {company.name!r}.")
    _plan(checks, company)
    subscription = company.subscription.lower() or "not told"
    checks.unless(preflight.subscription_problem(company), "Subscription", f"It is {subscription}.")
    _payroll(checks, company, allow_payroll=allow_payroll)
    checks.unless(preflight.time_problem(company), "Time tracking", "It is on.")
    _billing(checks, company)
    closed = company.closed_until
    checks.ok(
        "Books",
        f"Closed up to and with {closed}: entries of those days are rejected."
        if closed
        else "No closing date is set.",
    )
    return company


def _plan(checks: Checks, company: Company) -> None:
    problem = preflight.plan_problem(company)
    if problem or preflight.knows_plan(company):
        checks.unless(problem, "QuickBooks plan", f"It is {company.plan}.")
        return
    checks.warn(
        "QuickBooks plan",
        f"It is {company.plan or 'not told'}, which Clockbooks does not know.",
        "Make sure that it has time tracking: Essentials, Plus and Advanced do. Send a single"
        " entry first.",
    )


def _payroll(checks: Checks, company: Company, *, allow_payroll: bool) -> None:
    problem = preflight.payroll_problem(company)
    if problem and allow_payroll:
        checks.warn(
            "Payroll",
            problem.found,
            f"{problem.fix} Add {typed(problem.option)}.",
        )
    else:
        checks.unless(problem, "Payroll", "The company has none.")


def _billing(checks: Checks, company: Company) -> None:
    if company.bills_customers:
        checks.ok("Billable time", "Customers are billed for time.")
    elif company.bills_customers is None:
        checks.warn(
            "Billable time",
            "QuickBooks does not say whether customers are billed for time.",
            "Plans without time tracking lack the setting: send a single billable entry first.",
        )
    else:
        checks.warn(
            "Billable time",
            "QuickBooks does not bill customers for time, so it may refuse billable entries.",
            "Switch it on in QuickBooks under Account and settings, Time.",
        )


def _currency(checks: Checks, workspace: Mapping[str, Any] | None, company: Company | None) -> None:
    if company is None or workspace is None:
        return
    own = preflight.default_currency(workspace)
    many = " It keeps books in several currencies." if company.many_currencies else ""
    if not company.currency:
        checks.warn(
            "Currency",
            "QuickBooks does not tell its home currency.",
            "Compare rates in a --dry-run before the first send.",
        )
    elif own and own != company.currency:
        checks.warn(
            "Currency",
            f"The workspace counts in {own}, the company in {company.currency}.{many}",
            f"Billable entries with a rate in {own} are rejected: set Clockify's rates in"
            f" {company.currency}.",
        )
    else:
        checks.ok("Currency", f"Both count in {company.currency}.{many}")


def _timezone(checks: Checks, company: Company | None) -> None:
    context = checks.context
    zone = str(context.timezone)
    origin = "CLOCKBOOKS_TIMEZONE" if context.settings.zone else "the connection"
    found = f"Days are counted in {zone}, from {origin}."
    other = company.timezone if company else ""
    if other and other != zone:
        checks.warn(
            "Time zone",
            f"{found} The company's own is {other}.",
            "Entries near midnight may fall on another day than people expect: set"
            " CLOCKBOOKS_TIMEZONE if that is wrong.",
        )
    else:
        checks.ok("Time zone", found)


def _links(checks: Checks) -> None:
    context = checks.context
    stored = context.store.links.stored()
    apart = context.store.links.unlinked()
    users, projects = (
        f"{(stored['kind'] == kind).sum():,} of"
        f" {(stored['kind'] == kind).sum() + (apart['kind'] == kind).sum():,}"
        for kind in (Kind.USER, Kind.PROJECT)
    )
    synced = context.connection.synced_at
    if synced is None:
        checks.warn("Links", "There was no sync yet.", "Run `clockbooks sync`.")
        return
    found = f"{users} users and {projects} projects are linked; synced {_moment(context, synced)}."
    if len(apart):
        checks.warn(
            "Links",
            found,
            "Entries of the others are rejected: `clockbooks sync` says what to do.",
        )
    else:
        checks.ok("Links", found)


def _ledger(checks: Checks) -> None:
    counts = checks.context.store.ledger.count()
    sent, doubts = counts.get(LedgerState.SENT, 0), counts.get(LedgerState.SENDING, 0)
    if doubts:
        checks.warn(
            "Ledger",
            f"{sent:,} entries were sent; {doubts:,} were handed over and not confirmed.",
            "The next send asks QuickBooks about them first, or run `clockbooks settle`.",
        )
    else:
        checks.ok("Ledger", f"{sent:,} entries were sent; none is in doubt.")


def _tokens(checks: Checks) -> None:
    context = checks.context
    found = context.store.credentials.lifetimes()
    if found is None or found.ended_at is not None:
        return  # told already: QuickBooks could not be asked
    ends = ", ".join(
        f"{what} until {_moment(context, end)}"
        for what, end in (
            ("access token", found.access_until),
            ("refresh token", found.refresh_until),
            ("consent", found.consent_until),
        )
        if end is not None
    )
    told = f"{ends[:1].upper()}{ends[1:]}; each run renews the first two."
    if ends_soon(found, context.now()):
        checks.warn("Tokens", told, "Run `clockbooks connect` again before it ends.")
    else:
        checks.ok("Tokens", told)


def _limits(checks: Checks) -> None:
    own = checks.context.settings
    checks.ok(
        "Limits",
        f"Batches of {own.qbo_batch_size}; {own.qbo_batches_per_minute:,} batches and"
        f" {own.qbo_requests_per_minute:,} requests a minute,"
        f" {own.qbo_requests_per_second:,} requests a second, {own.qbo_concurrency} at once;"
        f" {own.qbo_timeout_s:g} s for an answer.",
    )


def _addresses(checks: Checks) -> None:
    own = checks.context.settings
    if own.strangers:
        checks.warn(
            "Addresses",
            " ".join(strangers_told(own)),
            "Unset what you did not set yourself.",
        )
    elif own.standins:
        checks.ok("Addresses", f"{', '.join(own.standins)}: on this machine, for stand-ins.")
    else:
        checks.ok("Addresses", "All lead to Clockify's and Intuit's own hosts.")


def _settings_file(checks: Checks) -> None:
    path = Path(FILE)
    if path.exists() and path.stat().st_mode & 0o044:
        checks.warn(
            "Settings",
            f"Others on this machine can read {path.absolute()}, with the keys in it.",
            f"Run `chmod 600 {path.absolute()}`.",
        )


def _key(checks: Checks) -> None:
    own = checks.context.settings
    if own.secret_key is not None:
        found = "Secrets are encrypted with CLOCKBOOKS_SECRET_KEY."
        left = own.old_secret_key is not None
    else:
        found = f"Secrets are encrypted with the key file {own.key_file}, its owner's alone."
        left = own.old_secret_key is not None or len(keys_from_file(own.key_file)) > 1
    if own.secret_key and outdated(checks.context.engine, own.secret_key.get_secret_value()):
        checks.warn("Key", OUTDATED, "Run `clockbooks rotate-key`.")
    elif left:
        checks.warn("Key", f"{found} An old key is still there.", "Run `clockbooks rotate-key`.")
    else:
        checks.ok("Key", found)


def _database(checks: Checks) -> None:
    address = sa.make_url(checks.context.settings.database_url)
    if address.get_backend_name() != "sqlite":
        checks.ok("Database", "PostgreSQL, which any number of machines may share.")
        return
    path = Path(address.database or "")
    if path.exists() and path.stat().st_mode & 0o077:
        checks.warn(
            "Database",
            f"SQLite; others on this machine can read {path}, with its names, hours and rates.",
            f"Run `chmod 600 {path}`.",
        )
    else:
        checks.ok("Database", f"SQLite, in {path}: for one machine.")


def _moment(context: RunContext, moment: datetime) -> str:
    return f"{moment.astimezone(context.timezone):%Y-%m-%d %H:%M}"
