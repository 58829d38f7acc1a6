"""Says which rules match an entry, and which of them decides: `clockbooks rules --explain`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, TryAgain
from connectors.quickbooks.batch import instant_of, part_of
from connectors.store.scope import records
from connectors.store.staging import staging_entries
from flows.context import RunContext, open_context
from flows.directory.rules import shown_rule
from flows.sending.extract import as_entries, extract
from flows.sending.facts import (
    NO_HOURS,
    Facts,
    LinkState,
    check_both_sides,
    read_links,
    read_rules,
    rule_notes,
    with_defaults,
)
from flows.sending.request import SendRequest
from schemas.words import Kind, QboKind, Target
from transforms.plan.lookups import link_state as looked_up
from transforms.plan.rules import COLUMNS, RuleBook, decide, meets, place


def explained(connection: str | None, entry_id: str) -> dict[str, Any]:
    """Return what each rule says of one entry of Clockify's, as it is now.

    Raises:
        AskPerson: Clockify does not have it.
        TryAgain: A service could not be read.
    """
    with open_context(connection) as context:
        day = _day_of(context, entry_id)
        # A day more at each side: the worker's own time zone may decide.
        days = (day - timedelta(days=1), day + timedelta(days=1))
        request = SendRequest(*days, dry_run=True, allow_payroll=True, approved_only=False)
        request = with_defaults(replace(request, overtime="none"), context.settings)
        facts = check_both_sides(context, request)
        link_state = read_links(context, request)
        facts = read_rules(context, facts, link_state)
        staged = _read(context, request, facts, entry_id)
    entries = as_entries(staged)
    [entry] = records(entries)
    return {
        "entry_id": entry_id,
        "date": staged["day"].iloc[0],
        "user": entry["user_name"],
        "client": entry["client_name"],
        "project": entry["project_name"],
        "task": entry["task_name"],
        "tags": entry["tags"],
        "billable": bool(entry["billable"]),
        **_decisions(entries, facts, _people(entries, link_state)),
        "notes": [note for note in rule_notes(facts) if note != NO_HOURS] + _of_hours(facts),
    }


def _of_hours(facts: Facts) -> list[str]:
    """Say where the plan shows what one entry alone does not."""
    if facts.rules.book.rules["hours"].isna().all():
        return []
    return [_BY_THE_WEEK]


_BY_THE_WEEK = (
    "Rules for overtime depend on all time of the workweek: `clockbooks send --dry-run --json` has"
    " in `decided_by` what they decide."
)


def _day_of(context: RunContext, entry_id: str) -> date:
    found = context.clockify.entry(entry_id)
    if found is None:
        raise AskPerson(
            f"Clockify has no entry {entry_id!r}. `clockbooks send --dry-run --json` shows the ids"
            " of entries. Of a row of a file, `clockbooks import --dry-run --json` says which rules"
            " decide."
        )
    start = instant_of(part_of(found, "timeInterval").get("start"))
    if start is None:
        raise TryAgain(f"Clockify's answer about the entry {entry_id!r} cannot be read.")
    return start.astimezone(context.timezone).date()


def _read(context: RunContext, request: SendRequest, facts: Facts, entry_id: str) -> pd.DataFrame:
    """Read the entry from the report, as a send does."""
    with staging_entries() as staged:
        extract(context, request, (request.start, request.end), facts, staged)
        for rows in staged.slices(1):
            mine = rows[rows["entry_id"] == entry_id]
            if len(mine):
                return mine.reset_index(drop=True)
    raise TryAgain(
        f"Clockify's report does not have the entry {entry_id!r} now.", to_do="Try again."
    )


def _people(entries: pd.DataFrame, link_state: LinkState) -> pd.DataFrame:
    """Return whose time each entry is: `qbo_kind` and `qbo_person_id`."""
    found = looked_up(entries["user_id"], Kind.USER, link_state.links, link_state.unlinked)
    return found.rename(columns={"qbo_id": "qbo_person_id"})[["qbo_kind", "qbo_person_id"]]


def _decisions(
    entries: pd.DataFrame, facts: Facts, people: pd.DataFrame
) -> dict[str, list[dict[str, Any]]]:
    """Return what the entry is given, and what each rule says of it."""
    book, takes = facts.rules.book, facts.company.takes
    first = {target: decide(entries, book, target).dropna().tolist() for target in Target}
    rules = [
        shown_rule(rule)
        | {
            "not_met": _not_met(entries, rule, book),
            "decides": rule["number"] in first[Target(rule["gives"])],
        }
        for rule in records(book.rules)
    ]
    paying = replace(book, rules=book.rules[book.rules["gives"] == Target.PAY_TYPE])
    [placed] = records(place(entries, paying, facts.company, people))
    decided = [
        {name: rule[name] for name in ("gives", "number", "name", "qbo_id", "detail")}
        | {"is_sent": rule["gives"] in takes and rule["problem"] is None}
        | (_pay_type(placed, people) if rule["gives"] == Target.PAY_TYPE else {})
        for rule in rules
        if rule["decides"]
    ]
    return {"decided": decided, "rules": rules}


def _pay_type(placed: Mapping[str, Any], people: pd.DataFrame) -> dict[str, Any]:
    """Return what a rule's pay type is for the entry's person."""
    id_, detail = placed[COLUMNS[Target.PAY_TYPE]], placed["rule_problem"]
    if (people["qbo_kind"] != QboKind.EMPLOYEE).all():
        detail = "It gets no pay type: it is not an employee's, whom alone payroll pays."
    return {"qbo_id": id_, "detail": None if id_ else detail, "is_sent": id_ is not None}


def _not_met(entries: pd.DataFrame, rule: Mapping[str, Any], book: RuleBook) -> list[str]:
    [met] = meets(entries, rule, book.groups).to_dict("records") or [{}]
    return [name.removeprefix("user_") for name, is_met in met.items() if not is_met]
