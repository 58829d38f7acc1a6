"""`clockbooks check`: everything that can be known before a send, and how to fix what is wrong.

What stops a send is asked of the functions that stop it (`flows.connections.requirements`). One
failure does not stop the others: only what depends on a service that did not answer is left out.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.encryption import keys_from_file
from connectors.errors import AskPerson
from connectors.store.key_rotation import outdated
from flows.connections.check_lines import Checks
from flows.connections.check_services import check_clockify, check_currency, check_quickbooks
from flows.connections.consent_expiry import ends_soon
from flows.connections.own_rates import checked_rates
from flows.connections.rule_state import checked, without_overtime
from flows.connections.send_options import in_words, judge_rules
from flows.connections.unknown_time import read_unknown, unknown_rows
from flows.context import OUTDATED, RunContext, open_context
from flows.settings import strangers_told
from flows.settings_file import FILE
from flows.text import hours
from schemas.quickbooks import Company
from schemas.words import Kind, LedgerState

#: Days in which `check` looks for time that came from elsewhere, today included.
_DAYS_BEFORE = 31

#: The share of the month's reads from which on `check` warns.
_MOST_READS = 0.8


def check(name: str | None, *, allow_payroll: bool | None) -> dict[str, Any]:
    """Check everything that a send of the connection *name* depends on; change nothing.

    Returns:
        `connection`; `checks`: the lines, each with `name`, `state`, `found`, `to_do`; and `reads`:
        what the app has read from QuickBooks this month, with `month`, `used`, `allowance`.

    Raises:
        AskPerson: There is no such connection, or a setting is wrong.
    """
    with open_context(name) as context:
        checks = Checks(context)
        if allow_payroll is None:
            allow_payroll = context.settings.allow_payroll
        workspace = check_clockify(checks)
        company = check_quickbooks(checks, allow_payroll=allow_payroll)
        check_currency(checks, workspace, company)
        _timezone(checks, company)
        _links(checks)
        if company is not None:
            _rules(checks, company)
        if company is not None and workspace is not None:
            _choices(checks, workspace, company)
        _ledger(checks)
        if company is not None:
            _unknown_time(checks)
        for add in (_tokens, _limits, _addresses, _notices, _settings_file, _key, _database):
            add(checks)
        reads = _reads(checks)
    return {
        "connection": context.connection.name,
        "checks": [asdict(line) for line in checks.lines],
        "reads": reads,
    }


def _choices(checks: Checks, workspace: Mapping[str, Any], company: Company) -> None:
    """Add how time is sent, by the settings: a wrong one stops a send."""
    context, settings = checks.context, checks.context.settings
    rules = checks.ask(
        "How time is sent",
        lambda: judge_rules(settings, workspace, company, context.timezone, settings),
    )
    if rules is not None:
        said = in_words(rules, settings)
        store = context.store
        lacking = rules.overtime and without_overtime(store.rules.stored(), rules.overtime)
        how = " ".join(said) or "As in Clockify: no setting changes it."
        checks.add("How time is sent", how, lacking or "")
        line = checks.ask(
            "Rates",
            lambda: checked_rates(context, rules.rates, store.rules.stored(), store.links.stored()),
        )
        if line is not None:
            checks.add("Rates", *line)


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
    found = checks.ask(
        "Unknown time", lambda: read_unknown(context, f"{first}", f"{last}", but_edited=True)
    )
    links = context.store.links.stored()
    people = set(links["qbo_kind"] + ":" + links["qbo_id"])
    rows = [row for row in unknown_rows(found or []) if row.person in people]
    others = context.store.unknown_time.others(rows)
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
        f"{ends[:1].upper()}{ends[1:]}. Each run that asks QuickBooks renews the first two.",
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


def _reads(checks: Checks) -> dict[str, Any]:
    """Add how much of the month's reads is used, over all connections of the app."""
    allowance = checks.context.settings.qbo_reads_per_month
    month, used = checks.context.reads.of_month()
    checks.add(
        "Reads",
        f"QuickBooks reads this month: {used:,} of {allowance:,}, counted here for all connections"
        " of your Intuit app.",
        "Intuit blocks all reads of the app until the next month once they are used up. Run fewer"
        " schedules, or move the app to a higher tier at developer.intuit.com and set"
        " CLOCKBOOKS_QBO_READS_PER_MONTH."
        if used >= _MOST_READS * allowance
        else "",
    )
    return {"month": month, "used": used, "allowance": allowance}


def _addresses(checks: Checks) -> None:
    own = checks.context.settings
    if own.strangers:
        found = " ".join(strangers_told(own))
        checks.add("Addresses", found, "Unset what you did not set yourself.")
    elif own.standins:
        checks.add("Addresses", f"{', '.join(own.standins)}: on this machine, for stand-ins.")
    else:
        checks.add("Addresses", "All lead to Clockify's and Intuit's own hosts.")


def _notices(checks: Checks) -> None:
    from flows.connections.notices import addresses, services  # slow to import

    try:
        found = services(addresses(checks.context.settings))
    except AskPerson as error:
        checks.add("Notifications", str(error), "Correct it, then run `clockbooks notify --test`.")
        return
    to = f"To {', '.join(found)}: `clockbooks notify --test` tries it." if found else ""
    checks.add("Notifications", to or "To nobody: CLOCKBOOKS_NOTIFY is not set.")


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
