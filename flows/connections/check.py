"""`clockbooks check`: everything that can be known before a send, and how to fix what is wrong.

What stops a send is asked of the functions that stop it (`flows.connections.requirements`). One
failure does not stop the others: only what depends on a service that did not answer is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from connectors.encryption import keys_from_file
from connectors.errors import ClockbooksError
from connectors.store.key_rotation import outdated
from flows.connections import requirements
from flows.connections.choices import in_words, judge_rules
from flows.connections.consent_expiry import ends_soon
from flows.connections.payroll import payroll_state
from flows.connections.requirements import Problem
from flows.connections.rule_state import checked
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import OUTDATED, RunContext, open_context
from flows.settings import strangers_told
from flows.settings_file import FILE
from flows.text import hours, typed
from schemas.quickbooks import Company
from schemas.words import Kind, LedgerState

Answer = TypeVar("Answer")

#: Days in which `check` looks for time that came from elsewhere, today included.
_DAYS_BEFORE = 31

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """One line.

    Attributes:
        name: What was checked.
        state: `ok`, `warning` (a send runs anyway) or `problem` (it does not).
        found: What is so.
        to_do: How to fix it; empty when there is nothing to do.
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

    def add(self, name: str, found: str, to_do: str = "") -> None:
        """Add a line: a warning if there is something to do."""
        self.lines.append(Check(name, WARNING if to_do else OK, found, to_do))

    def add_unless(self, problem: Problem | None, name: str, found: str) -> None:
        """Add a line: a problem, which stops a send, if there is one."""
        if problem:
            self.lines.append(Check(name, PROBLEM, problem.found, _fix(problem)))
        else:
            self.add(name, found)

    def ask(self, name: str, question: Callable[[], Answer]) -> Answer | None:
        """Ask a service; if it does not answer, add that as a problem and return `None`."""
        try:
            return question()
        except ClockbooksError as error:
            to_do = error.to_do or "Correct that, then run `clockbooks check` again."
            self.lines.append(
                Check(name, PROBLEM, f"It could not be checked. {error.found}", to_do)
            )
            return None


def check(name: str | None, *, allow_payroll: bool | None) -> dict[str, Any]:
    """Check everything that a send of the connection *name* depends on; change nothing.

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
        if company is not None:
            _rules(checks, company)
        if company is not None and workspace is not None:
            _choices(checks, workspace, company)
        _ledger(checks)
        if company is not None:
            _unknown_time(checks)
        for add in (_tokens, _limits, _addresses, _settings_file, _key, _database):
            add(checks)
    return {
        "connection": context.connection.name,
        "checks": [asdict(line) for line in checks.lines],
    }


def _fix(problem: Problem) -> str:
    return f"{problem.fix} Add {typed(problem.option)}." if problem.option else problem.fix


def _clockify(checks: Checks) -> Mapping[str, Any] | None:
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


def _quickbooks(checks: Checks, *, allow_payroll: bool | None) -> Company | None:
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


def _choices(checks: Checks, workspace: Mapping[str, Any], company: Company) -> None:
    """Add how time goes by the settings: a wrong one stops a send."""
    context, settings = checks.context, checks.context.settings
    rules = checks.ask(
        "How time goes", lambda: judge_rules(settings, workspace, company, context.timezone)
    )
    if rules is not None:
        said = in_words(rules, settings.day_zone)
        checks.add("How time goes", " ".join(said) or "As in Clockify: no setting changes it.")


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


def _currency(checks: Checks, workspace: Mapping[str, Any] | None, company: Company | None) -> None:
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
            f"Billable entries with a rate in {own} are rejected: set Clockify's rates in"
            f" {company.currency}.",
        )
    else:
        checks.add("Currency", f"Both use {company.currency}.{many}")


def _timezone(checks: Checks, company: Company | None) -> None:
    context = checks.context
    zone = str(context.timezone)
    origin = "CLOCKBOOKS_TIMEZONE" if context.settings.zone else "the connection"
    other = company.timezone if company else ""
    differs = other and other != zone
    checks.add(
        "Time zone",
        f"An entry's day is its day in {zone}, which comes from {origin}."
        + (f" The company's time zone is {other}." if differs else ""),
        "Entries near midnight may fall on another day than people expect. If that is wrong, set"
        " CLOCKBOOKS_TIMEZONE."
        if differs
        else "",
    )


def _links(checks: Checks) -> None:
    context = checks.context
    synced = context.connection.synced_at
    if synced is None:
        checks.add("Links", "There has been no sync yet.", "Run `clockbooks sync`.")
        return
    stored, unlinked = context.store.links.stored(), context.store.links.unlinked()
    users, projects = (
        f"{(stored['kind'] == kind).sum():,} of"
        f" {(stored['kind'] == kind).sum() + (unlinked['kind'] == kind).sum():,}"
        for kind in (Kind.USER, Kind.PROJECT)
    )
    checks.add(
        "Links",
        f"{users} users and {projects} projects are linked. Last sync: {_local(context, synced)}.",
        "Entries of the others are rejected. Run `clockbooks sync` to see what to do."
        if len(unlinked)
        else "",
    )


def _rules(checks: Checks, company: Company) -> None:
    line = checks.ask("Rules", lambda: checked(checks.context, company.takes))
    if line is not None:
        checks.add("Rules", *line)


def _ledger(checks: Checks) -> None:
    counts = checks.context.store.ledger.count()
    sent, doubts = counts.get(LedgerState.SENT, 0), counts.get(LedgerState.SENDING, 0)
    checks.add(
        "Ledger",
        f"{sent:,} entries were sent; {doubts:,} are in doubt."
        if doubts
        else f"{sent:,} entries were sent; none is in doubt.",
        "The next send asks QuickBooks about them first. To ask now, run `clockbooks settle`."
        if doubts
        else "",
    )


def _unknown_time(checks: Checks) -> None:
    """Before the first send: say how much time of linked people QuickBooks holds already."""
    context = checks.context
    if context.store.ledger.count():
        return
    last = context.now().astimezone(context.timezone).date()
    first = last - timedelta(days=_DAYS_BEFORE - 1)
    found = checks.ask("Unknown time", lambda: read_unknown(context, f"{first}", f"{last}"))
    links = context.store.links.stored()
    people = set(links["qbo_kind"] + ":" + links["qbo_id"])
    rows = [row for row in unknown_rows(found or []) if row.person in people]
    others = context.store.unknown_time.others(row.time_activity_id for row in rows)
    minutes = [row.minutes for row in rows if row.time_activity_id not in others]
    if minutes:
        checks.add(
            "Unknown time",
            f"QuickBooks holds {len(minutes):,} TimeActivities ({hours(sum(minutes))}) of linked"
            f" people, from {first} through {last}, that did not come from here.",
            f"Run `clockbooks adopt --start {first} --end {last}` before the first send, and for"
            " earlier days too, if you send them.",
        )


def _tokens(checks: Checks) -> None:
    context = checks.context
    found = context.store.credentials.lifetimes()
    if found is None or found.ended_at is not None:
        return  # QuickBooks could not be asked, which is a line already
    ends = ", ".join(
        f"{what} until {_local(context, end)}"
        for what, end in (
            ("access token", found.access_until),
            ("refresh token", found.refresh_until),
            ("consent", found.consent_until),
        )
        if end is not None
    )
    checks.add(
        "Tokens",
        f"{ends[:1].upper()}{ends[1:]}. Each run renews the first two.",
        "Run `clockbooks connect` again before it ends." if ends_soon(found, context.now()) else "",
    )


def _limits(checks: Checks) -> None:
    own = checks.context.settings
    checks.add(
        "Limits",
        f"Batches of {own.qbo_batch_size}; {own.qbo_batches_per_minute:,} batches and"
        f" {own.qbo_requests_per_minute:,} requests a minute,"
        f" {own.qbo_requests_per_second:,} requests a second, {own.qbo_concurrency} at once;"
        f" a timeout of {own.qbo_timeout_s:g} s.",
    )


def _addresses(checks: Checks) -> None:
    own = checks.context.settings
    if own.strangers:
        found = " ".join(strangers_told(own))
        checks.add("Addresses", found, "Unset what you did not set yourself.")
    elif own.standins:
        checks.add("Addresses", f"{', '.join(own.standins)}: on this machine, for stand-ins.")
    else:
        checks.add("Addresses", "All lead to Clockify's and Intuit's own hosts.")


def _settings_file(checks: Checks) -> None:
    path = Path(FILE)
    if path.exists() and path.stat().st_mode & 0o044:
        checks.add(
            "Settings",
            f"Others on this machine can read {path.absolute()} and the keys in it.",
            f"Run `chmod 600 {path.absolute()}`.",
        )


def _key(checks: Checks) -> None:
    own = checks.context.settings
    old_key = own.old_secret_key is not None
    if own.secret_key is not None:
        found = "Secrets are encrypted with CLOCKBOOKS_SECRET_KEY."
        if outdated(checks.context.engine, own.secret_key.get_secret_value()):
            checks.add("Key", OUTDATED, "Run `clockbooks rotate-key`.")
            return
    else:
        found = f"Secrets are encrypted with the key file {own.key_file}, which only you can read."
        old_key = old_key or len(keys_from_file(own.key_file)) > 1
    if old_key:
        checks.add("Key", f"{found} An old key is still there.", "Run `clockbooks rotate-key`.")
    else:
        checks.add("Key", found)


def _database(checks: Checks) -> None:
    address = sa.make_url(checks.context.settings.database_url)
    if address.get_backend_name() != "sqlite":
        checks.add("Database", "PostgreSQL, which any number of machines may share.")
        return
    path = Path(address.database or "")
    if path.exists() and path.stat().st_mode & 0o077:
        checks.add(
            "Database",
            f"SQLite. Others on this machine can read {path}, with its names, hours and rates.",
            f"Run `chmod 600 {path}`.",
        )
    else:
        checks.add("Database", f"SQLite, in {path}, for one machine.")


def _local(context: RunContext, instant: datetime) -> str:
    return f"{instant.astimezone(context.timezone):%Y-%m-%d %H:%M}"
