"""The rules of a connection: listed, changed, and found in QuickBooks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, TryAgain
from connectors.quickbooks.client import ENTITY_OF
from connectors.store.connection_store import ConnectionStore
from connectors.store.scope import records
from flows.connections.rule_state import not_taken, pay_type_notes
from flows.context import RunContext, open_context, open_store
from flows.directory.pay_types import learn_pay_types
from flows.directory.rules_file import as_written, numbered, read_rule, read_rules, write_rules
from transforms.directory.names import same_form
from transforms.directory.targets import read_targets, resolve_targets, what_is_wrong
from transforms.plan.rules import is_default, never_decides

Row = dict[str, Any]


def listed(connection: str | None) -> dict[str, Any]:
    """Return the rules, as they were found last; asks neither service."""
    with open_store(connection) as (_, store, _):
        return document(store.rules.stored())


def exported(connection: str | None) -> tuple[str, dict[str, Any]]:
    """Return the rules as the text of a file, and as a document."""
    with open_store(connection) as (_, store, _):
        rules = store.rules.stored()
    return write_rules(rules), document(rules)


def added(connection: str | None, written: Mapping[str, Any], at: int | None) -> dict[str, Any]:
    """Add a rule: at a place, else last, but before a rule of its kind without a condition.

    Raises:
        AskPerson: It is no rule, QuickBooks does not have what it gives, or it never decides.
    """
    rule = read_rule(written, "The rule")
    with open_context(connection) as context:
        [found] = records(resolved(context, numbered([rule])))
        after = _edit(context.store, lambda rows: _insert(rows, found, at))
        place = next(row["number"] for row in records(after) if _same(row, found))
        _refuse_problems([{**found, "number": place}])
        notes = _notes(context, after)
    return document(after, notes)


def removed(connection: str | None, numbers: Sequence[int]) -> dict[str, Any]:
    """Remove the rules with these numbers; the others move up.

    Raises:
        AskPerson: There is no such rule.
    """

    def remove(rows: list[Row]) -> list[Row]:
        for number in numbers:
            _at(rows, number)
        return [row for row in rows if row["number"] not in numbers]

    with open_store(connection) as (_, store, _):
        return document(_edit(store, remove))


def moved(connection: str | None, number: int, place: int) -> dict[str, Any]:
    """Move a rule to another place.

    Raises:
        AskPerson: There is no such rule or place, or a rule would never decide.
    """

    def move(rows: list[Row]) -> list[Row]:
        rule = _at(rows, number)
        _at(rows, place)
        rows.remove(rule)
        return [*rows[: place - 1], rule, *rows[place - 1 :]]

    with open_store(connection) as (_, store, _):
        return document(_edit(store, move))


def read_in(connection: str | None, path: Path) -> dict[str, Any]:
    """Put the rules of a file in the place of those that are there.

    Raises:
        AskPerson: The file has no rules, QuickBooks does not have what one gives, or one never
            decides.
    """
    wanted = read_rules(path)
    with open_context(connection) as context:
        found = records(resolved(context, wanted))
        _refuse_problems(found)
        after = _edit(context.store, lambda _: found)
        notes = _notes(context, after)
    return document(after, notes)


def document(rules: pd.DataFrame, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the JSON document of rules."""
    return {"rules": [shown_rule(rule) for rule in records(rules)], "notes": list(notes)}


def shown_rule(rule: Mapping[str, Any]) -> Row:
    """Return one rule as an object of the document."""
    gives = str(rule["gives"])
    when = {name: value for name, value in as_written(rule).items() if name != gives}
    problem = rule["problem"]
    return {
        "number": int(rule["number"]),
        "gives": gives,
        "name": rule["name"],
        "qbo_id": rule["qbo_id"],
        "when": when,
        "problem": None if problem is None else str(problem),
        "detail": None if problem is None else what_is_wrong(rule),
    }


def resolved(context: RunContext, rules: pd.DataFrame) -> pd.DataFrame:
    """Return rules with what they give found in QuickBooks, or with the problem.

    Reads the lists from which rules give something; none without rules.
    """
    if rules.empty:
        return rules
    kinds = [target for target in ENTITY_OF if target in set(rules["gives"])]
    targets = read_targets({kind: context.quickbooks.targets(kind) for kind in kinds})
    return resolve_targets(rules, targets.good)


def user_groups(context: RunContext, rules: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return the ids of each group's users, by its name and by its id; reads only for rules."""
    if rules["user_group"].isna().all():
        return {}
    groups: dict[str, frozenset[str]] = {}
    for row in context.clockify.user_groups():
        users = frozenset(map(str, row.get("userIds") or ()))
        for key in (same_form(str(row.get("name", ""))), str(row.get("id"))):
            groups[key] = groups.get(key, frozenset()) | users
    return groups


def _edit(store: ConnectionStore, change: Callable[[list[Row]], Sequence[Row]]) -> pd.DataFrame:
    """Change the stored rules, and return them.

    Raises:
        AskPerson: A rule would never decide.
        TryAgain: Somebody else changed them meanwhile.
    """
    before = store.rules.stored()
    after = numbered(change(records(before)))
    if problem := never_decides(after):
        raise AskPerson(f"{problem} Nothing was changed.")
    if not store.rules.replace(before, after):
        raise TryAgain(
            "Somebody else changed the rules at the same time. Nothing was changed.",
            to_do="Run the command again.",
        )
    return after


def _insert(rows: list[Row], rule: Row, at: int | None) -> list[Row]:
    _refuse_problems([{**rule, "number": at or len(rows) + 1}])
    if at is not None:
        if not 1 <= at <= len(rows) + 1:
            raise AskPerson(f"There is no place {at}: there are {len(rows)} rules.")
        return [*rows[: at - 1], rule, *rows[at - 1 :]]
    defaults = [row["number"] for row in rows if is_default(row) and row["gives"] == rule["gives"]]
    if defaults and not is_default(rule):
        return _insert(rows, rule, defaults[0])
    return [*rows, rule]


def _same(row: Row, rule: Row) -> bool:
    return {**row, "number": None} == {**rule, "number": None}


def _at(rows: Sequence[Row], number: int) -> Row:
    for row in rows:
        if row["number"] == number:
            return row
    raise AskPerson(f"There is no rule {number}: `clockbooks rules` lists them.")


def _refuse_problems(rows: Sequence[Row]) -> None:
    problems = [what_is_wrong(row) for row in rows if row["problem"] is not None]
    if problems:
        raise AskPerson(f"{' '.join(problems)} Nothing was changed.")


def _notes(context: RunContext, rules: pd.DataFrame) -> list[str]:
    """Say what of the rules does nothing, or nothing yet; learns the pay types of new rules."""
    company = context.quickbooks.company()
    learn_pay_types(context, rules, company)
    return [
        *not_taken(rules, company.takes),
        *pay_type_notes(context, rules, company.takes),
        *_unknown_conditions(context, rules),
    ]


def _unknown_conditions(context: RunContext, rules: pd.DataFrame) -> list[str]:
    """Name the conditions of which Clockify has nothing of that name or id."""
    clockify = context.clockify
    readers: dict[str, Callable[[], Sequence[Mapping[str, Any]]]] = {
        "tag": clockify.tags,
        "project": clockify.projects,
        "client": clockify.clients,
        "user_group": clockify.user_groups,
        "user": clockify.users,
    }
    notes = []
    for name, read in readers.items():
        wanted = {same_form(text): text for text in rules[name].dropna()}
        if not wanted:
            continue
        there = {form for row in read() for form in (same_form(str(row.get("name"))), row["id"])}
        called = name.replace("_", " ")
        notes += [
            f"Clockify has no {called} {text!r}: until it does, the rule matches no entry from"
            " there."
            for form, text in wanted.items()
            if form not in there
        ]
    return notes
