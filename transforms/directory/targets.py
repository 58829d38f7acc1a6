"""Finds the service items, classes and locations that rules name.

As with people and customers, names are compared exactly, after Unicode NFC and with white space
collapsed; what a name may mean several of is not guessed; and what was found once is known by its
id, so that a new name in QuickBooks changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schemas.frames import Validated, validate_rows
from schemas.quickbooks import Targets
from schemas.rules import Rules
from schemas.words import Target, TargetProblem
from transforms.directory.names import same_form, skeleton, without_suffix

#: What people call each.
CALLED = {
    Target.ITEM: "service item",
    Target.CLASS: "class",
    Target.LOCATION: "location",
    Target.PAY_TYPE: "pay type",
}

#: So many names are shown of those that are meant, perhaps.
_SHOWN = 5


def read_targets(lists: Mapping[Target, Sequence[Mapping[str, Any]]]) -> Validated:
    """Read rows of Item, Class and Department as `Targets`; of items, those of type Service."""
    rows = [
        {
            "gives": target,
            "qbo_id": row.get("Id"),
            "name": row.get("Name"),
            "full_name": row.get("FullyQualifiedName") or row.get("Name"),
            "active": row.get("Active", True),
        }
        for target, found in lists.items()
        for row in found
        if target != Target.ITEM or row.get("Type") == "Service"
    ]
    columns = list(Targets.to_schema().columns)
    return validate_rows(Targets, pd.DataFrame(rows, columns=columns))


def resolve_targets(rules: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Return `Rules` with what each gives found among `Targets`, or with the problem.

    What has an id is known by it as long as that row is active. A rule gets the full name of what
    was found, so that another row of the same name makes it ambiguous no more. A pay type has an id
    for each employee, and none here.
    """
    known = targets.to_dict("records")
    rows = [
        rule
        if rule["gives"] == Target.PAY_TYPE
        else rule | _found(rule, [row for row in known if row["gives"] == rule["gives"]])
        for rule in rules.to_dict("records")
    ]
    return Rules.validate(pd.DataFrame(rows, columns=rules.columns, dtype=object))


def _found(rule: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    active = [row for row in known if row["active"]]
    by_id = [row for row in active if row["qbo_id"] == rule["qbo_id"]]
    form = same_form(rule["name"])
    found = by_id or _named(form, active)
    if len(found) == 1:
        return _outcome(found[0], None, found[0]["full_name"])
    if found:
        return _outcome(None, TargetProblem.AMBIGUOUS, rule["name"], found)
    left = [row for row in known if row["qbo_id"] == rule["qbo_id"]] or _named(form, known)
    if left:
        only = left[0] if len(left) == 1 else None
        return _outcome(only, TargetProblem.INACTIVE, without_suffix(left[0]["full_name"]))
    near = [row for row in active if skeleton(row["name"]) == skeleton(rule["name"])]
    return _outcome(None, TargetProblem.MISSING, rule["name"], near)


def _named(form: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of a name: the one that has it in full, else all that have it themselves."""
    for column in ("full_name", "name"):
        same = [row for row in rows if same_form(without_suffix(row[column])) == form]
        if same:
            return same
    return []


def _outcome(
    row: Mapping[str, Any] | None,
    problem: TargetProblem | None,
    name: str,
    candidates: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    names = [repr(one["full_name"]) for one in candidates[:_SHOWN]]
    return {
        "qbo_id": row["qbo_id"] if row is not None else None,
        "problem": problem,
        "name": name,
        "candidates": ", ".join(names) or None,
    }


def flag(target: str) -> str:
    """Return the option of `clockbooks rules add` that gives one.

    Examples:
        >>> flag(Target.PAY_TYPE)
        '--pay-type'
    """
    return f"--{target.replace('_', '-')}"


def what_is_wrong(rule: Mapping[str, Any]) -> str:
    """Say what keeps a row of `Rules` from being used, and what a person does about it."""
    called, name = CALLED[Target(rule["gives"])], rule["name"]
    begin, candidates = f"Rule {rule['number']} gives the {called} {name!r}", rule["candidates"]
    if rule["problem"] == TargetProblem.AMBIGUOUS:
        return (
            f"{begin}, but QuickBooks has several: {candidates}. Name one in full in the rule; the"
            " next send takes the entry."
        )
    if rule["problem"] == TargetProblem.INACTIVE:
        return (
            f"{begin}, which is inactive in QuickBooks. Make it active there and run `clockbooks"
            " sync`, or change the rule; the next send takes the entry."
        )
    near = "" if pd.isna(candidates) else f" QuickBooks has {candidates}."
    return (
        f"{begin}, which QuickBooks does not have.{near} Add it there and run `clockbooks sync`, or"
        " change the rule; the next send takes the entry."
    )
