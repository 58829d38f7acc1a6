"""Finds which id of QuickBooks' a pay type has for each employee.

A rule gives a pay type by its name, and each employee has an id of their own for it (FACTS, QBO,
13.1). Names are compared as all others are, and what may mean several ids is not guessed. What a
person said counts before what was learned.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from shlex import quote
from typing import Any

import pandas as pd

from schemas.rules import PayTypes
from schemas.words import PayOrigin, Target
from transforms.directory.names import same_form

#: Ids by the employee's id and the name's form, and by how they are known.
_Known = dict[tuple[str, str], dict[str, set[str]]]


@cache
def no_pay_types() -> pd.DataFrame:
    """Return `PayTypes` without a row."""
    return PayTypes.validate(pd.DataFrame(columns=list(PayTypes.to_schema().columns)))


def pay_type_ids(
    asked: pd.DataFrame, rules: pd.DataFrame, pay_types: pd.DataFrame
) -> tuple[pd.Series, pd.Series]:
    """Return the id of each entry's pay type, and why there is none; missing where none is asked.

    Args:
        asked: Of each entry, the `number` of the rule that decides, missing if none does;
            `qbo_person_id` of its employee; and `user`, their name.
        rules: `Rules`.
        pay_types: `PayTypes`.
    """
    names = dict(zip(rules["number"], rules["name"], strict=True))
    known = _by_name(pay_types)
    keys = ["number", "qbo_person_id"]
    answers: dict[tuple[Any, ...], tuple[str | None, str | None]] = {}
    for row in asked.dropna(subset="number").drop_duplicates(keys).itertuples(index=False):
        name = names[row.number]
        ids = _ids(known, row.qbo_person_id, name)
        problem = None if len(ids) == 1 else _problem(row, name, ids, pay_types)
        answers[row.number, row.qbo_person_id] = (None if problem else ids[0], problem)
    found = [
        answers[key] if pd.notna(key[0]) else (None, None)
        for key in asked[keys].itertuples(index=False, name=None)
    ]
    frame = pd.DataFrame(found, index=asked.index, columns=["id", "problem"], dtype="str")
    return frame["id"], frame["problem"]


def of_another(pay_types: pd.DataFrame, id_: str, before: str, after: str) -> str | None:
    """Return the id that an employee's pay type has for another one; `None` if it is not known."""
    theirs = pay_types[pay_types["qbo_person_id"] == before]
    names = theirs.loc[theirs["pay_type_id"] == id_, ["origin", "name"]].dropna()
    known = _by_name(pay_types)
    found = {id_ for name in names["name"] for id_ in _ids(known, after, name)}
    return found.pop() if len(found) == 1 else None


def who_has(pay_types: pd.DataFrame, name: str) -> set[str]:
    """Return the ids of employees who have a pay type of that name."""
    form = same_form(name)
    return {person_id for person_id, known in _by_name(pay_types) if known == form}


def told(rules: pd.DataFrame, pay_types: pd.DataFrame, employees: Iterable[str]) -> dict[str, bool]:
    """Say which pay types of rules some of these employees do not have, and whether nobody has."""
    linked = set(employees)
    notes = {}
    for name in dict.fromkeys(rules.loc[rules["gives"] == Target.PAY_TYPE, "name"]):
        have = linked & who_has(pay_types, name)
        if have != linked or not linked:
            known = sorted(set(pay_types["name"].dropna()) - {name})
            others = "" if have or not known else f" Known are {', '.join(map(repr, known))}."
            notes[
                f"The id of the pay type {name!r} is known for {len(have):,} of {len(linked):,}"
                f" linked employees; entries of the others to which a rule gives it are"
                f" rejected.{others} `clockbooks pay-types` lists what is known, and `clockbooks"
                " pay-types set` adds to it."
            ] = not have
    return notes


def _by_name(pay_types: pd.DataFrame) -> _Known:
    known: _Known = {}
    named = pay_types.dropna(subset="name")
    for row in named.itertuples(index=False):
        ids = known.setdefault((row.qbo_person_id, same_form(row.name)), {})
        ids.setdefault(row.origin, set()).add(row.pay_type_id)
    return known


def _ids(known: _Known, person_id: str, name: str) -> tuple[str, ...]:
    by_origin: Mapping[str, set[str]] = known.get((person_id, same_form(name)), {})
    return tuple(sorted(by_origin.get(PayOrigin.BY_HAND) or by_origin.get(PayOrigin.LEARNED) or ()))


def _problem(asked: Any, name: str, ids: tuple[str, ...], pay_types: pd.DataFrame) -> str:
    begin = f"Rule {asked.number} gives the pay type {name!r}"
    by_hand = f"`clockbooks pay-types set {quote(asked.qbo_person_id)} {quote(name)} ID`"
    if ids:
        return (
            f"{begin}, of which QuickBooks has several for {asked.user!r}: ids {', '.join(ids)}."
            f" Say which one it is with {by_hand}; the next send takes the entry."
        )
    theirs = pay_types[pay_types["qbo_person_id"] == asked.qbo_person_id]
    shown = {
        f"id {id_}" if pd.isna(known) else repr(known)
        for known, id_ in zip(theirs["name"], theirs["pay_type_id"], strict=True)
    }
    others = f" Known for them: {', '.join(sorted(shown))}." if shown else ""
    return (
        f"{begin}, whose id is not known for {asked.user!r}.{others} Enter some of their time"
        " with it in QuickBooks and run `clockbooks sync`, or give its id with"
        f" {by_hand}; the next send takes the entry."
    )
