"""The pay types of employees: learned from the books, listed, and said by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from connectors.errors import AskPerson
from connectors.store.connection_store import ConnectionStore
from connectors.store.scope import records
from flows.context import RunContext, open_store
from flows.directory.lists import OVERLAP
from schemas.quickbooks import Company
from schemas.words import Kind, PayOrigin, QboKind, Target
from transforms.directory.names import same_form
from transforms.directory.near_misses import did_you_mean
from transforms.directory.pay_types import pay_types_of

#: From so long before the first look on, time tells its pay types: all that are paid every month.
_LOOK_BACK = timedelta(days=92)

_LONGEST_ID = 100


@dataclass(frozen=True)
class Employee:
    """A linked employee: QuickBooks' id, and the names that both sides have."""

    id: str
    names: tuple[str, ...]


def learn_pay_types(
    context: RunContext, rules: pd.DataFrame, company: Company | None = None
) -> list[str]:
    """Learn pay types from time that has changed in QuickBooks since the last look.

    Reads are metered (FACTS, QBO, 13.2): nothing is read unless a rule gives a pay type, and the
    *company* has payroll, which is read if it is not known.

    Returns:
        What a person should know of it.

    Raises:
        TryAgain: QuickBooks could not be read to the end; nothing was learned.
    """
    if not (rules["gives"] == Target.PAY_TYPE).any():
        return []
    if not (company or context.quickbooks.company()).has_payroll:
        return []
    store, began = context.store.pay_types, context.now()
    as_of = store.as_of()
    since = began - _LOOK_BACK if as_of is None else as_of - OVERLAP
    rows = context.quickbooks.changed_time(since)
    time = context.quickbooks.time
    # A clock may be set back; what changes while pages are read is read again next time.
    read_until = None if time is None else time - max(context.now() - began, timedelta())
    new = store.learn(pay_types_of(rows), read_until)
    note = (
        f"New pay types of employees were found in QuickBooks: {new:,}. `clockbooks pay-types`"
        " lists them."
    )
    return [note] if new else []


def listed(connection: str | None) -> dict[str, Any]:
    """Return what is known, by employee; asks neither service."""
    with open_store(connection) as (_, store, _):
        return _document(store)


def put(connection: str | None, wanted: str, name: str, id_: str) -> dict[str, Any]:
    """Say which id a pay type has for an employee, by QuickBooks' id or a name.

    Raises:
        AskPerson: No such employee is linked, or it is no id.
    """
    name, id_ = " ".join(name.split()), id_.strip()
    if not name:
        raise AskPerson("A pay type has a name. Nothing was changed.")
    if not 0 < len(id_) <= _LONGEST_ID or not id_.isascii() or not id_.isprintable() or " " in id_:
        raise AskPerson(f"{id_!r} is no id of a pay type in QuickBooks. Nothing was changed.")
    with open_store(connection) as (_, store, _):
        employee = _employee(store, wanted)
        known = store.pay_types.stored()
        by_hand = _called(known, employee.id, name) & (known["origin"] == PayOrigin.BY_HAND)
        store.pay_types.put(employee.id, name, id_, known.loc[by_hand, "pay_type_id"].tolist())
        return _document(store)


def removed(connection: str | None, wanted: str, name: str) -> dict[str, Any]:
    """Forget a pay type of an employee, by its name or id, however it is known.

    Raises:
        AskPerson: No such employee is linked, or they have no such pay type.
    """
    with open_store(connection) as (_, store, _):
        employee = _employee(store, wanted)
        known = store.pay_types.stored()
        theirs = known["qbo_person_id"] == employee.id
        gone = _called(known, employee.id, name) | (theirs & (known["pay_type_id"] == name))
        if not gone.any():
            near = did_you_mean(name, known.loc[theirs, "name"].dropna().tolist())
            raise AskPerson(
                f"No pay type {name!r} is known for {employee.names[0]!r}.{near} `clockbooks"
                " pay-types` lists what is."
            )
        store.pay_types.remove(employee.id, known.loc[gone, "pay_type_id"].tolist())
        return _document(store)


def _called(known: pd.DataFrame, person_id: str, name: str) -> pd.Series:
    form = same_form(name)
    same = known["name"].map(same_form, na_action="ignore") == form
    return (known["qbo_person_id"] == person_id) & same.fillna(value=False).astype(bool)


def _document(store: ConnectionStore) -> dict[str, Any]:
    names = {row["qbo_id"]: row["qbo_name"] for row in _people(store, QboKind.EMPLOYEE)}
    rows = [
        {
            "qbo_id": row["qbo_person_id"],
            "employee": names.get(row["qbo_person_id"]),
            "name": row["name"],
            "pay_type_id": row["pay_type_id"],
            "origin": row["origin"],
        }
        for row in records(store.pay_types.stored())
    ]
    return {"pay_types": sorted(rows, key=lambda row: row["employee"] or "")}


def _people(store: ConnectionStore, kind: QboKind) -> list[dict[str, Any]]:
    links = store.links.stored()
    return records(links[(links["kind"] == Kind.USER) & (links["qbo_kind"] == kind)])


def _employee(store: ConnectionStore, wanted: str) -> Employee:
    """Return the linked employee with an id, or the only one with a name.

    Raises:
        AskPerson: There is none, or several.
    """
    employees = _people(store, QboKind.EMPLOYEE)
    found = {row["qbo_id"]: row for row in employees if wanted == row["qbo_id"]}
    found = found or {row["qbo_id"]: row for row in employees if _is_called(wanted, row)}
    if len(found) == 1:
        [(id_, row)] = found.items()
        return Employee(id_, _names(row))
    if found:
        ids = ", ".join(sorted(found))
        raise AskPerson(f"Several employees are called {wanted!r}; use an id: {ids}.")
    vendors = _people(store, QboKind.VENDOR)
    if any(wanted == row["qbo_id"] or _is_called(wanted, row) for row in vendors):
        raise AskPerson(
            f"{wanted!r} is a contractor: payroll pays employees alone, so their time gets no pay"
            " type."
        )
    near = did_you_mean(wanted, [name for row in employees for name in _names(row)])
    raise AskPerson(
        f"No linked employee has the id or name {wanted!r}.{near} `clockbooks links` lists them."
    )


def _names(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (row["qbo_name"], row["clockify_name"])))


def _is_called(wanted: str, row: Mapping[str, Any]) -> bool:
    return same_form(wanted) in map(same_form, _names(row))
