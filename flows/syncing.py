"""Compares both directories and keeps the links: what the sync does, without Prefect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from connectors import links
from flows.preflight import check_workspace
from flows.world import World
from schemas.frames import Sieved
from schemas.words import Kind
from transforms.directories import read_customers, read_people, read_projects, read_users
from transforms.linking import Matches, Partner, match_projects, match_users


@dataclass(frozen=True)
class SyncResult:
    """What a comparison of both directories found.

    Attributes:
        links: All `Links` of the connection, old and new.
        new: How many of them are new.
        unlinked: `Unlinked`: Clockify's users and projects without a partner.
        unused: QuickBooks' people and customers without a partner.
        set_aside: Rows of either service that could not be read, with the reason.
    """

    links: pd.DataFrame
    new: int
    unlinked: pd.DataFrame
    unused: list[Partner]
    set_aside: list[str]


def sync(world: World) -> SyncResult:
    """Compare both directories, store links for names that match, and create nothing.

    Raises:
        AskPerson: The key may not read the whole workspace.
        TryAgain: One of the services was not to be read to the end; nothing was changed.
    """
    check_workspace(world.clockify)
    users = read_users(world.clockify.users())
    projects = read_projects(world.clockify.projects(), world.clockify.clients())
    people = read_people(world.quickbooks.employees(), world.quickbooks.vendors())
    customers = read_customers(world.quickbooks.customers())

    stored = links.stored(world.engine, world.connection.id)
    found = [
        match_users(
            users.good, people.good, linked=stored, link_vendors=world.connection.link_vendors
        ),
        match_projects(projects.good, customers.good, linked=stored),
    ]
    new = pd.concat([matches.links for matches in found], ignore_index=True)
    unlinked = pd.concat([matches.unlinked for matches in found], ignore_index=True)
    links.store(world.engine, world.connection.id, new=new, lost=unlinked, now=world.now())
    return SyncResult(
        links=links.stored(world.engine, world.connection.id),
        new=len(new),
        unlinked=unlinked,
        unused=_unused(found),
        set_aside=_set_aside(
            {"user": users, "project": projects, "person": people, "customer": customers}
        ),
    )


def sync_document(result: SyncResult) -> dict[str, Any]:
    """Give a sync as its JSON document."""
    lost = {
        problem: [
            _item(row.kind, row.clockify_id, row.clockify_name, candidates=row.candidates)
            for row in result.unlinked.itertuples(index=False)
            if row.problem == problem
        ]
        for problem in ("missing", "near", "ambiguous")
    }
    here = [
        _item(_kind_of(partner), None, None, partner.qbo_kind, partner.qbo_id, partner.shown)
        for partner in result.unused
    ]
    return {
        "links": [
            _item(
                row.kind, row.clockify_id, row.clockify_name, row.qbo_kind, row.qbo_id, row.qbo_name
            )
            for row in result.links.itertuples(index=False)
        ],
        "missing": lost["missing"] + here,
        "near_misses": lost["near"],
        "ambiguous": lost["ambiguous"],
        "created": [],
        "set_aside": result.set_aside,
    }


def _item(
    kind: str,
    clockify_id: str | None,
    clockify_name: Any,
    qbo_kind: str | None = None,
    qbo_id: str | None = None,
    qbo_name: str | None = None,
    **more: str,
) -> dict[str, Any]:
    return {
        "kind": str(kind),
        "clockify_id": clockify_id,
        "clockify_name": clockify_name if isinstance(clockify_name, str) else None,
        "qbo_kind": str(qbo_kind) if qbo_kind else None,
        "qbo_id": qbo_id,
        "qbo_name": qbo_name,
        **more,
    }


def _kind_of(partner: Partner) -> Kind:
    return Kind.PROJECT if partner.qbo_kind == "customer" else Kind.USER


def _unused(found: list[Matches]) -> list[Partner]:
    return [partner for matches in found for partner in matches.unused]


def _set_aside(read: Mapping[str, Sieved]) -> list[str]:
    return [
        f"{what}: {problem}" for what, rows in read.items() for problem in rows.problems.values()
    ]
