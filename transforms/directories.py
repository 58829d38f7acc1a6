"""Both services' JSON lists to the frames of the directory: users, projects, people, customers."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schemas.clockify import Projects, Users
from schemas.frames import Sieved, sieve
from schemas.quickbooks import Customers, People
from schemas.words import QboKind


def read_users(rows: Sequence[Mapping[str, Any]]) -> Sieved:
    """Read Clockify's users (FACTS, Clockify, 2.4); names and e-mails may be missing."""
    return _read(
        Users,
        [
            {"clockify_id": row.get("id"), "name": row.get("name"), "email": row.get("email")}
            for row in rows
        ],
    )


def read_projects(
    rows: Sequence[Mapping[str, Any]], clients: Sequence[Mapping[str, Any]]
) -> Sieved:
    """Read Clockify's projects (2.6), with the names of their clients.

    The client's name stands on the wire although it is documented nowhere: where it is missing,
    the list of clients gives it.
    """
    names = {client.get("id"): client.get("name") for client in clients}
    return _read(
        Projects,
        [
            {
                "clockify_id": row.get("id"),
                "name": row.get("name"),
                "client_name": row.get("clientName") or names.get(row.get("clientId")) or None,
            }
            for row in rows
        ],
    )


def read_people(
    employees: Sequence[Mapping[str, Any]], vendors: Sequence[Mapping[str, Any]]
) -> Sieved:
    """Read QuickBooks' employees and vendors (FACTS, QBO, 5.3 and 5.4)."""
    kinds = [(QboKind.EMPLOYEE, employees), (QboKind.VENDOR, vendors)]
    return _read(
        People,
        [
            {
                "qbo_id": row.get("Id"),
                "qbo_kind": kind,
                "name": row.get("DisplayName"),
                "active": row.get("Active", True),
            }
            for kind, rows in kinds
            for row in rows
        ],
    )


def read_customers(rows: Sequence[Mapping[str, Any]]) -> Sieved:
    """Read QuickBooks' customers, sub-customers and projects (FACTS, QBO, 5.1 and 5.2)."""
    return _read(
        Customers,
        [
            {
                "qbo_id": row.get("Id"),
                "name": row.get("DisplayName"),
                "parent_id": (row.get("ParentRef") or {}).get("value"),
                "full_name": row.get("FullyQualifiedName"),
                "active": row.get("Active", True),
            }
            for row in rows
        ],
    )


def _read(schema: Any, records: list[dict[str, Any]]) -> Sieved:
    names = list(schema.to_schema().columns)
    return sieve(schema, pd.DataFrame(records, columns=names, dtype=object))
