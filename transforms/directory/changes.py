"""What has changed about linked people and projects: renamed, deactivated, deleted or gone.

A link holds ids, so none of this breaks it; it is reported so that nobody is surprised later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from schemas.words import Kind, QboKind
from transforms.directory.candidates import placed_name
from transforms.directory.customer_tree import Tree
from transforms.directory.names import DELETED_USER, OWN_ID, same_form, without_suffix
from transforms.directory.read_directory import Directory


@dataclass(frozen=True)
class Change:
    """One thing that happened to one side of a link.

    Attributes:
        link: The link, as a row of `Links`.
        what: `renamed`, `deactivated`, `deleted` or `gone`.
        message: What a person should know, and what to do where something must be done.
    """

    link: dict[str, str | None]
    what: str
    message: str


@dataclass(frozen=True)
class _Now:
    """How one side of a link looks today."""

    name: str | None
    active: bool


def changes(directory: Directory, linked: pd.DataFrame) -> list[Change]:
    """Compare every link with what both sides look like now.

    Args:
        directory: Both sides.
        linked: `Links`.
    """
    clockify = _clockify_now(directory)
    quickbooks = _quickbooks_now(directory)
    found: list[Change] = []
    for link in linked.astype(object).where(linked.notna(), None).to_dict("records"):
        if link["clockify_id"].startswith(OWN_ID):
            continue  # a name from a file: it is not in Clockify
        here = clockify.get((link["kind"], link["clockify_id"]))
        there = quickbooks.get((link["qbo_kind"], link["qbo_id"]))
        found += [Change(link, *change) for change in _in_clockify(link, here)]
        found += [Change(link, *change) for change in _in_quickbooks(link, there)]
    return found


def _clockify_now(directory: Directory) -> dict[tuple[str, str], _Now]:
    now: dict[tuple[str, str], _Now] = {}
    for row in directory.users.itertuples(index=False):
        now[Kind.USER, row.clockify_id] = _Now(_text(row.name), bool(row.active))
    for row in directory.projects.itertuples(index=False):
        name = placed_name(_text(row.client_name), row.name)
        now[Kind.PROJECT, row.clockify_id] = _Now(name, bool(row.active))
    return now


def _quickbooks_now(directory: Directory) -> dict[tuple[str, str], _Now]:
    now: dict[tuple[str, str], _Now] = {}
    for row in directory.people.itertuples(index=False):
        name = row.name if row.active else without_suffix(row.name)
        now[row.qbo_kind, row.qbo_id] = _Now(name, bool(row.active))
    for customer in Tree(directory.customers):
        now[QboKind.CUSTOMER, customer.qbo_id] = _Now(customer.path, customer.active)
    return now


def _in_clockify(link: dict[str, str | None], now: _Now | None) -> Iterator[tuple[str, str]]:
    name = link["clockify_name"]
    if now is None:
        yield "gone", f"Clockify no longer has the {link['kind']} {name!r}. The link is kept."
    elif link["kind"] == Kind.USER and now.name == DELETED_USER:
        yield "deleted", f"The user {name!r} was deleted in Clockify. Their time is still sent."
    elif now.name and name and same_form(now.name) != same_form(name):
        yield "renamed", f"{name!r} was renamed to {now.name!r} in Clockify. The link is kept."


def _in_quickbooks(link: dict[str, str | None], now: _Now | None) -> Iterator[tuple[str, str]]:
    kind, name = link["qbo_kind"], link["qbo_name"] or ""
    by_hand = f"`clockbooks link {link['kind']} {link['clockify_id']} …`"
    if now is None:
        message = (
            f"QuickBooks no longer has the {kind} {name!r}. If it was merged into another one, link"
            f" {link['clockify_name']!r} to that one with {by_hand}."
        )
        yield "gone", message
        return
    if not now.active:
        message = (
            f"The {kind} {name!r} is inactive, so QuickBooks refuses its time. Make it active"
            f" again, or link {link['clockify_name']!r} to another one with {by_hand}."
        )
        yield "deactivated", message
    if now.name and same_form(now.name) != same_form(name):
        yield "renamed", f"{name!r} was renamed to {now.name!r} in QuickBooks. The link is kept."


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
