"""Reads both services' JSON lists as frames: users, clients, projects, people, customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schemas.clockify import Clients, Projects, Users
from schemas.frames import Validated, validate_rows
from schemas.quickbooks import Customers, People
from schemas.words import QboKind


@dataclass(frozen=True)
class Directory:
    """The people and customers of both sides.

    Attributes:
        users: `Users` of Clockify.
        clients: `Clients`.
        projects: `Projects`.
        people: `People` of QuickBooks: employees and vendors.
        customers: `Customers`, sub-customers and projects among them.
        set_aside: Rows of either service that could not be read, with the reason.
    """

    users: pd.DataFrame
    clients: pd.DataFrame
    projects: pd.DataFrame
    people: pd.DataFrame
    customers: pd.DataFrame
    set_aside: list[str]


def read_directory(
    *,
    users: Sequence[Mapping[str, Any]],
    clients: Sequence[Mapping[str, Any]],
    projects: Sequence[Mapping[str, Any]],
    employees: Sequence[Mapping[str, Any]],
    vendors: Sequence[Mapping[str, Any]],
    customers: Sequence[Mapping[str, Any]],
) -> Directory:
    """Read the lists of both services; bad rows are set aside, with the reason."""
    read = {
        "users": read_users(users),
        "clients": read_clients(clients),
        "projects": read_projects(projects, clients),
        "people": read_people(employees, vendors),
        "customers": read_customers(customers),
    }
    return Directory(
        **{name: validated.good for name, validated in read.items()},
        set_aside=[
            f"{name}: {problem}"
            for name, validated in read.items()
            for problem in validated.problems.values()
        ],
    )


def read_users(rows: Sequence[Mapping[str, Any]]) -> Validated:
    """Read Clockify's users (FACTS, Clockify, 2.4); names and e-mails may be missing."""
    return _read(
        Users,
        [
            {
                "clockify_id": row.get("id"),
                "name": row.get("name"),
                "email": row.get("email"),
                "active": _is_active_user(row),
                "invited": _is_invited(row),
            }
            for row in rows
        ],
    )


def read_clients(rows: Sequence[Mapping[str, Any]]) -> Validated:
    """Read Clockify's clients (2.5)."""
    return _read(
        Clients,
        [
            {
                "clockify_id": row.get("id"),
                "name": row.get("name"),
                "active": row.get("archived") is not True,
            }
            for row in rows
        ],
    )


def read_projects(
    rows: Sequence[Mapping[str, Any]], clients: Sequence[Mapping[str, Any]]
) -> Validated:
    """Read Clockify's projects (2.6), with the names of their clients.

    Clockify sends the client's name, but does not document it; where it is missing, it comes from
    the list of clients.
    """
    names = {client.get("id"): client.get("name") for client in clients}
    return _read(
        Projects,
        [
            {
                "clockify_id": row.get("id"),
                "name": row.get("name"),
                "client_id": row.get("clientId") or None,
                "client_name": row.get("clientName") or names.get(row.get("clientId")) or None,
                "active": row.get("archived") is not True,
            }
            for row in rows
        ],
    )


def read_people(
    employees: Sequence[Mapping[str, Any]], vendors: Sequence[Mapping[str, Any]]
) -> Validated:
    """Read QuickBooks' employees and vendors (FACTS, QBO, 5.3 and 5.4)."""
    kinds = [(QboKind.EMPLOYEE, employees), (QboKind.VENDOR, vendors)]
    return _read(
        People,
        [
            {
                "qbo_id": row.get("Id"),
                "qbo_kind": kind,
                "name": row.get("DisplayName"),
                "email": _part(row, "PrimaryEmailAddr").get("Address"),
                "active": row.get("Active", True),
            }
            for kind, rows in kinds
            for row in rows
        ],
    )


def read_customers(rows: Sequence[Mapping[str, Any]]) -> Validated:
    """Read QuickBooks' customers, sub-customers and projects (FACTS, QBO, 5.1 and 5.2)."""
    return _read(
        Customers,
        [
            {
                "qbo_id": row.get("Id"),
                "name": row.get("DisplayName"),
                "parent_id": _part(row, "ParentRef").get("value"),
                "full_name": row.get("FullyQualifiedName"),
                "active": row.get("Active", True),
            }
            for row in rows
        ],
    )


def _is_active_user(row: Mapping[str, Any]) -> bool:
    """Whether a user is active; only the membership shows who was deactivated (2.4)."""
    states = _memberships(row)
    gone = {"DELETED", "LIMITED_DELETED"}
    return row.get("status") not in gone and not (states and states <= {"INACTIVE", "DECLINED"})


def _is_invited(row: Mapping[str, Any]) -> bool:
    """Whether an active user has not accepted the invitation yet, or has no account (2.1, 2.4)."""
    waiting = {"PENDING_EMAIL_VERIFICATION", "NOT_REGISTERED"}
    is_pending = row.get("status") in waiting or _memberships(row) == {"PENDING"}
    return is_pending and _is_active_user(row)


def _memberships(row: Mapping[str, Any]) -> set[Any]:
    """Return the states of a user's membership in the workspace; empty where it is not told."""
    memberships = row.get("memberships")
    return {
        membership.get("membershipStatus")
        for membership in (memberships if isinstance(memberships, list) else [])
        if isinstance(membership, Mapping) and membership.get("membershipType") == "WORKSPACE"
    }


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, Mapping) else {}


def _read(schema: Any, records: list[dict[str, Any]]) -> Validated:
    names = list(schema.to_schema().columns)
    return validate_rows(schema, pd.DataFrame(records, columns=names, dtype=object))
