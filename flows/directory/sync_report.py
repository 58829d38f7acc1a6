"""The report of a sync: one JSON document, and the same as rows for a CSV file."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from connectors.store.scope import records
from flows.directory.create_missing import Made, link_of
from flows.directory.rules import shown_rule
from flows.directory.sync import SyncResult
from schemas.words import Kind, Problem, QboKind, Side
from transforms.directory.candidates import Candidate, Partner
from transforms.directory.creation_plan import Creation, NotMade, Wanted

Item = dict[str, Any]

#: The lists of the document, what needs action first, and the word for each in the CSV file.
STATUS = {
    "created": "created",
    "not_created": "not created",
    "near_misses": "near miss",
    "ambiguous": "ambiguous",
    "changes": "changed since linked",
    "unlinked": "unlinked by hand",
    "excluded": "never sent",
    "missing": "missing",
    "invited": "invited",
    "links": "linked",
}

#: The services' own names.
SIDES = {Side.CLOCKIFY: "Clockify", Side.QUICKBOOKS: "QuickBooks"}

CSV_MEMBERS = (
    "status", "kind", "clockify_name", "clockify_id", "qbo_kind", "qbo_name", "qbo_id", "why",
)  # fmt: skip


def sync_document(result: SyncResult) -> dict[str, Any]:
    """Return the JSON document of a sync."""
    comparison = result.comparison
    everybody = (comparison.users, comparison.projects)
    here = comparison.missing_in(Side.CLOCKIFY)
    there = comparison.missing_in(Side.QUICKBOOKS)
    return {
        "dry_run": result.request.dry_run,
        "links": [_item(link, origin=str(link["origin"])) for link in records(comparison.linked)],
        "missing": [*_missing_in_quickbooks(result, there), *_missing_in_clockify(result, here)],
        "near_misses": [_candidate(one) for matches in everybody for one in matches.near],
        "ambiguous": [_candidate(one) for matches in everybody for one in matches.ambiguous],
        "unlinked": _unlinked(result, Problem.UNLINKED),
        "excluded": _unlinked(result, Problem.EXCLUDED, why="its time is never sent"),
        "invited": _invited(comparison.directory.users),
        "changes": [
            _item(change.link, change=change.what, why=change.message) for change in result.changes
        ],
        "created": [
            _item(link_of(made), created_in=str(made.wanted.side)) for made in result.created
        ],
        "not_created": [
            *[_not_made(not_made, tried=False) for not_made in result.blocked],
            *[_not_made(not_made, tried=True) for not_made in result.failed],
        ],
        "rules": [shown_rule(rule) for rule in records(comparison.rules)],
        "set_aside": comparison.directory.set_aside,
        "notes": result.notes,
    }


def sync_summary(document: Mapping[str, Any]) -> str:
    """Return in one line what a sync comes to."""
    users = sum(link["kind"] == Kind.USER for link in document["links"])
    ambiguous = {(row["kind"], row["clockify_id"]) for row in document["ambiguous"]}
    near = len(document["near_misses"])
    numbers = {
        "would be created" if document["dry_run"] else "created": len(document["created"]),
        "not created": len(document["not_created"]),
        "near miss" if near == 1 else "near misses": near,
        "missing": len(document["missing"]),
        "ambiguous": len(ambiguous),
    }
    parts = [f"{number:,} {what}" for what, number in numbers.items() if number]
    linked = f"Linked: {users:,} users, {len(document['links']) - users:,} projects."
    return f"{linked} {', '.join(parts)}." if parts else linked


def sync_rows(document: Mapping[str, Any]) -> list[Item]:
    """Return the document as rows of a table, what needs action first."""
    rows = []
    for name, status in STATUS.items():
        for item in document[name]:
            side = item.get("missing_in") or item.get("created_in")
            place = f" in {SIDES[side]}" if side else ""
            rows.append({**item, "status": f"{status}{place}", "why": item.get("why")})
    return rows


def _missing_in_quickbooks(result: SyncResult, plan: Creation) -> list[Item]:
    clients = [one for one in _all(plan) if one.kind == Kind.CLIENT]
    return [
        *_unlinked(result, Problem.MISSING, missing_in=str(Side.QUICKBOOKS)),
        *[_wanted(one, missing_in=str(Side.QUICKBOOKS)) for one in clients],
    ]


def _missing_in_clockify(result: SyncResult, plan: Creation) -> list[Item]:
    vendors = [
        _item({"kind": Kind.USER, **_partner(partner)}, missing_in=str(Side.CLOCKIFY))
        for partner in result.comparison.users.unused
        if partner.qbo_kind == QboKind.VENDOR
    ]
    return [*[_wanted(one, missing_in=str(Side.CLOCKIFY)) for one in _all(plan)], *vendors]


def _all(plan: Creation) -> list[Wanted]:
    return [*plan.wanted, *[not_made.wanted for not_made in plan.blocked]]


def _unlinked(result: SyncResult, problem: Problem, **more: Any) -> list[Item]:
    rows = result.comparison.unlinked
    return [
        _item(row, **(more or {"why": f"its name would match: {row['candidates'] or 'nobody'}"}))
        for row in records(rows[rows["problem"] == problem])
    ]


def _invited(users: pd.DataFrame) -> list[Item]:
    """Return who has not accepted Clockify's invitation yet."""
    waiting = records(users[users["invited"].fillna(value=False)].sort_values("clockify_id"))
    return [
        _item(
            {"kind": Kind.USER, "clockify_id": row["clockify_id"], "clockify_name": row["name"]},
            email=row["email"],
            why=f"has not accepted Clockify's invitation to {row['email'] or 'no address'} yet",
        )
        for row in waiting
    ]


def _wanted(wanted: Wanted, **more: Any) -> Item:
    """Return what only one side has, as that side has it."""
    item = link_of(Made(wanted))
    gone = ("clockify_name",) if wanted.side == Side.CLOCKIFY else ("qbo_kind", "qbo_name")
    return _item({**item, **dict.fromkeys(gone)}, **more)


def _not_made(not_made: NotMade, *, tried: bool) -> Item:
    side = str(not_made.wanted.side)
    return _item(link_of(Made(not_made.wanted)), missing_in=side, tried=tried, why=not_made.reason)


def _candidate(candidate: Candidate) -> Item:
    one = candidate.unmatched
    ours = {"kind": one.kind, "clockify_id": one.clockify_id, "clockify_name": one.shown}
    return _item(ours | _partner(candidate.partner), why=candidate.why)


def _partner(partner: Partner) -> Item:
    return {"qbo_kind": partner.qbo_kind, "qbo_id": partner.qbo_id, "qbo_name": partner.shown}


def _item(link: Mapping[str, Any], **more: Any) -> Item:
    """Return an object of the document: the six members that each has, and more."""
    names = ("kind", "clockify_id", "clockify_name", "qbo_kind", "qbo_id", "qbo_name")
    return {name: _word(link.get(name)) for name in names} | more


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
