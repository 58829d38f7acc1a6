"""Decides which service item, class, location and pay type each entry's time gets.

For each of the four, the first rule that matches an entry decides, and no other one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd

from schemas.quickbooks import Company
from schemas.rules import Rules
from schemas.words import QboKind, Target
from transforms.directory.names import DELETED_USER, same_form
from transforms.directory.targets import what_is_wrong
from transforms.plan.pay_types import no_pay_types, pay_type_ids

#: The conditions of a rule.
CONDITIONS = ("task", "tag", "project", "client", "user_group", "user", "billable", "hours")

#: The column of `Plan` for what a rule gives.
COLUMNS = {
    Target.ITEM: "qbo_item_id",
    Target.CLASS: "qbo_class_id",
    Target.LOCATION: "qbo_department_id",
    Target.PAY_TYPE: "qbo_pay_type_id",
}

#: The columns of an entry that a name or an id may be in.
_NAMED = {
    "task": ("task_name",),
    "project": ("project_name", "project_id"),
    "client": ("client_name", "client_id"),
    "user": ("user_name", "user_id"),
}


@cache  # validating takes longer than judging a day
def no_rules() -> pd.DataFrame:
    """Return `Rules` without a row."""
    return Rules.validate(pd.DataFrame(columns=list(Rules.to_schema().columns)))


@dataclass(frozen=True)
class RuleBook:
    """The rules of a connection, and what it takes to apply them.

    Attributes:
        rules: `Rules`, in their order.
        groups: The ids of each user group's users, by the group's name and by its id.
        required: What the company wants on every TimeActivity.
        pay_types: `PayTypes`: what pay types are for each employee.
    """

    rules: pd.DataFrame = field(default_factory=no_rules)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    required: frozenset[Target] = frozenset()
    pay_types: pd.DataFrame = field(default_factory=no_pay_types)


def place(
    entries: pd.DataFrame, book: RuleBook, company: Company, people: pd.DataFrame
) -> pd.DataFrame:
    """Return what each entry is given by the rules, where the company takes it.

    Payroll pays employees alone: nobody else's time gets a pay type, or is to have one.

    Args:
        entries: `TimeEntries`, or `FileEntries`.
        book: The rules.
        company: The QuickBooks company.
        people: Whose time each entry is: `qbo_kind` and `qbo_person_id`, missing without a link.

    Returns:
        For each entry, with the index of *entries*: the columns `COLUMNS` and `decided_by` of
        `Plan`; `rule_problem`, what is wrong with a rule that decides; `lacking`, what the company
        wants and no rule gives. All are missing where there is nothing to say.
    """
    concerned = book.required.union(book.rules["gives"]) & company.takes
    takes = [target for target in Target if target in concerned]
    none = pd.Series(None, index=entries.index, dtype="str")
    problems = {rule["number"]: _problem(rule) for rule in _rows(book.rules)}
    ids = {rule["number"]: rule["qbo_id"] for rule in _rows(book.rules)}
    placed = pd.DataFrame(dict.fromkeys((*COLUMNS.values(), "rule_problem", "lacking"), none))
    words = none.fillna("")
    is_employees = people["qbo_kind"] == QboKind.EMPLOYEE
    for target in takes:
        gets = is_employees | (target != Target.PAY_TYPE)
        numbers = decide(entries, book, target).where(gets)
        if target == Target.PAY_TYPE:
            asked = people.assign(number=numbers, user=entries["user_name"])
            found, problem = pay_type_ids(asked, book.rules, book.pay_types)
        else:
            found, problem = _mapped(numbers, ids), _mapped(numbers, problems)
        placed[COLUMNS[target]] = found
        words += _mapped(numbers, {number: f", {target} {number}" for number in ids}).fillna("")
        placed["rule_problem"] = placed["rule_problem"].fillna(problem)
        if target in book.required:
            lacking = none.mask(numbers.isna() & gets, str(target))
            placed["lacking"] = placed["lacking"].fillna(lacking)
    placed["decided_by"] = words.str.removeprefix(", ").replace("", None)
    return placed


def decide(entries: pd.DataFrame, book: RuleBook, target: Target) -> pd.Series:
    """Return the number of the rule that decides about each entry; missing where none matches."""
    decided = pd.Series(pd.NA, index=entries.index, dtype="Int64")
    for rule in _rows(book.rules[book.rules["gives"] == target]):
        undecided = decided.isna()
        if not undecided.any():
            break
        matching = meets(entries, rule, book.groups).all(axis="columns")
        decided[undecided & matching] = rule["number"]
    return decided


def meets(
    entries: pd.DataFrame, rule: Mapping[str, Any], groups: Mapping[str, frozenset[str]]
) -> pd.DataFrame:
    """Return whether each entry meets each condition that a rule has: a column for each."""
    tests = {
        name: _meets(entries, name, rule[name], groups)
        for name in CONDITIONS
        if not pd.isna(rule[name])
    }
    return pd.DataFrame(tests, index=entries.index, dtype=bool)


def meets_any(entries: pd.DataFrame, condition: str, names: Iterable[str]) -> pd.Series:
    """Return whether each entry meets a condition for one of some names."""
    tests = {name: _meets(entries, condition, name, {}) for name in names}
    return pd.DataFrame(tests, index=entries.index).any(axis="columns")


def _meets(
    entries: pd.DataFrame, condition: str, wanted: Any, groups: Mapping[str, frozenset[str]]
) -> pd.Series:
    if condition == "billable":
        return (entries["billable"] == wanted).astype(bool)
    if condition == "hours":  # known only where overtime is computed
        known = "hours" in entries
        return (entries["hours"] == wanted if known else entries["billable"].isin([])).astype(bool)
    if condition == "user_group":
        return entries["user_id"].isin(groups.get(same_form(wanted), frozenset()))
    if condition == "tag":
        form = _tags(wanted)
        return _forms(entries["tags"], _tags).map(lambda tags: form in tags).astype(bool)
    form, (names, *ids) = same_form(wanted), _NAMED[condition]
    same = (_forms(entries[names], same_form) == form) & (form != DELETED_USER)
    for column in ids:
        same |= (entries[column] == form).fillna(value=False)
    return same.astype(bool)


def _tags(text: str) -> str:
    """Return tags in the form in which they are compared.

    They are joined by commas, and a tag may have commas of its own: it is then several in a row.
    """
    return "".join(f"{same_form(tag)}," for tag in f",{text}".split(","))


def _forms(column: pd.Series, form: Any) -> pd.Series:
    """Apply a function to each different text once; a missing one becomes an empty one."""
    texts = column.dropna().unique()
    return column.map({text: form(text) for text in texts}).astype("str").fillna("")


def _mapped(numbers: pd.Series, values: Mapping[Any, Any]) -> pd.Series:
    # By way of objects: an empty result would have another type.
    return numbers.astype(object).map(values, na_action="ignore").astype("str")


def _rows(rules: pd.DataFrame) -> Sequence[dict[str, Any]]:
    rows: Sequence[dict[str, Any]] = rules.to_dict("records")
    return rows


def _problem(rule: Mapping[str, Any]) -> str | None:
    return None if pd.isna(rule["problem"]) else what_is_wrong(rule)


def parse_targets(text: str) -> frozenset[Target]:
    """Read what a company wants on all time, as people write it: `class, pay type`.

    Raises:
        ValueError: Something in it is none of these.
    """
    words = {re.sub("[ -]", "_", word.strip().lower()) for word in text.split(",")} - {""}
    if unknown := sorted(words - set(Target)):
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(Target)}")
    return frozenset(map(Target, words))


def never_decides(rules: pd.DataFrame) -> str | None:
    """Say which rule can never decide, as one before it matches every entry; `None` if none is.

    Args:
        rules: `Rules`, in their order.
    """
    defaults: dict[str, int] = {}
    for rule in _rows(rules):
        before = defaults.get(rule["gives"])
        if before is not None:
            what = str(rule["gives"]).replace("_", " ")
            return (
                f"Rule {rule['number']} would never decide: rule {before} has no condition, so it"
                f" gives every entry its {what}. Put it before rule {before}."
            )
        if is_default(rule):
            defaults[rule["gives"]] = rule["number"]
    return None


def is_default(rule: Mapping[str, Any]) -> bool:
    """Whether a rule has no condition."""
    return all(pd.isna(rule[name]) for name in CONDITIONS)
