"""Links by hand: `clockbooks link`, `unlink` and `links`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import AskPerson
from connectors.store.connection_store import ConnectionStore
from flows.context import RunContext, open_context, open_store
from schemas.words import Kind, Origin, QboKind
from transforms.directory.candidates import ARROW, Partner, as_partner, placed_name
from transforms.directory.customer_tree import Tree
from transforms.directory.names import DELETED_USER, OWN_ID, same_form, without_suffix
from transforms.directory.near_misses import did_you_mean
from transforms.directory.read_directory import (
    read_customers,
    read_people,
    read_projects,
    read_users,
)

#: Members of a link in JSON and CSV.
MEMBERS = (
    "kind", "clockify_id", "clockify_name", "qbo_kind", "qbo_id", "qbo_name", "origin", "linked_at",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a command did: for scripts, and for people, a line each."""

    document: dict[str, Any]
    messages: list[str]


@dataclass(frozen=True)
class Found:
    """A row of QuickBooks that a link may point to."""

    partner: Partner
    active: bool


def link(
    connection: str | None, kind: str, clockify_id: str, qbo_id: str, *, qbo_kind: str | None
) -> Done:
    """Link a `user` or `project` by ids, or by names that only one has.

    If both of QuickBooks' lists have the id, *qbo_kind* says `employee` or `vendor`.

    Raises:
        AskPerson: One of them does not exist, or several have the name or the id.
    """
    with open_context(connection) as context:
        clockify_id, name = _in_clockify(context, Kind(kind), clockify_id)
        found = _find(context, Kind(kind), qbo_id, qbo_kind)
        partner = found.partner
        row = {
            "kind": kind,
            "clockify_id": clockify_id,
            "clockify_name": name,
            "qbo_kind": str(partner.qbo_kind),
            "qbo_id": partner.qbo_id,
            "qbo_name": partner.shown,
            "origin": str(Origin.MANUAL),
        }
        context.store.links.link(row)
    messages = [
        f"Linked by hand: {kind} {name or clockify_id!r} is {partner}. No sync changes that."
    ]
    if not found.active:
        messages.append(
            f"{partner.shown!r} is inactive in QuickBooks, which refuses its time until it is"
            " active again."
        )
    return Done(row, messages)


def unlink(connection: str | None, kind: str, wanted: str, *, rematch: bool) -> Done:
    """Remove the link of a user or project, given by id or by a name that only it has.

    Raises:
        AskPerson: There is none, or several have the name.
    """
    with open_store(connection) as (_, store, _):
        names = _known_names(store, Kind(kind))
        found = _only_one(kind, wanted, names, "The last sync knew")
        clockify_id = wanted if found is None else found
        gone = store.links.unlink(Kind(kind), clockify_id, rematch=rematch)
    if gone is None:
        near = did_you_mean(wanted, list(_usable(names).values())) if found is None else ""
        raise AskPerson(
            f"The {kind} {wanted!r} is not linked.{near} `clockbooks links` lists the links."
        )
    row = {name: gone.get(name) for name in MEMBERS if name != "linked_at"}
    name = gone["clockify_name"] or clockify_id
    then = (
        "The next sync may link it by name again."
        if rematch
        else "No sync links it by name again. To link it by hand, use `clockbooks link`; to let"
        f" its name decide again, run `clockbooks unlink {kind} {clockify_id} --rematch`."
    )
    return Done({**row, "rematch": rematch}, [f"Unlinked: {kind} {name!r}. {then}"])


def never(connection: str | None, kind: str, clockify_id: str) -> Done:
    """Say that the time of a user or project, given by id or name, is never to be sent.

    Raises:
        AskPerson: Clockify has no such user or project, or several of the name.
    """
    with open_context(connection) as context:
        clockify_id, name = _in_clockify(context, Kind(kind), clockify_id)
        context.store.links.exclude(Kind(kind), clockify_id, name)
    row = {"kind": kind, "clockify_id": clockify_id, "clockify_name": name}
    undo = f"clockbooks unlink {kind} {clockify_id} --rematch"
    return Done(row, [f"Never sent: the {kind} {name or clockify_id!r}. To undo that: {undo}"])


def listed(connection: str | None) -> tuple[list[dict[str, Any]], str]:
    """Return the stored links of a connection, by kind and name, and the name of its time zone."""
    with open_store(connection) as (settings, store, found):
        rows = store.links.listed()
    return [
        {name: row[name] for name in MEMBERS if name != "linked_at"}
        | {"linked_at": row["linked_at"].isoformat(timespec="seconds")}
        for row in rows
    ], settings.timezone or found.timezone


def _in_clockify(context: RunContext, kind: Kind, wanted: str) -> tuple[str, str | None]:
    """Return id and name, with its client, of a user or project; no name for a deleted user.

    Ids of ours, for what only files name, contain the name. Those that Clockify no longer lists
    may still be known here, from entries or a link.
    """
    if wanted.startswith(OWN_ID):
        return wanted, wanted.removeprefix(OWN_ID)
    if kind == Kind.USER:
        people = read_users(context.clockify.users()).good
        names = dict(zip(people["clockify_id"], people["name"], strict=True))
    else:
        frame = read_projects(context.clockify.projects(), context.clockify.clients()).good
        names = {
            row.clockify_id: placed_name(
                row.client_name if isinstance(row.client_name, str) else None, row.name
            )
            for row in frame.itertuples(index=False)
        }
    names = _known_names(context.store, kind) | names
    found = _only_one(kind, wanted, names, "Clockify has")
    if found is not None:
        return found, _usable(names).get(found)
    raise AskPerson(
        f"Clockify has no {kind} with the id or name {wanted!r}."
        f"{did_you_mean(wanted, list(_usable(names).values()))} `clockbooks sync` shows the ids."
    )


def _known_names(store: ConnectionStore, kind: Kind) -> dict[str, str | None]:
    """Return by id what users or projects were called when they were linked, or could not be."""
    names: dict[str, str | None] = {}
    for frame in (store.links.unlinked(), store.links.stored()):
        rows = frame[frame["kind"] == kind]
        names |= dict(zip(rows["clockify_id"], rows["clockify_name"], strict=True))
    return names


def _usable(names: Mapping[str, str | None]) -> dict[str, str]:
    """Return the names that distinguish: all deleted users share one."""
    shown = {id_: name for id_, name in names.items() if isinstance(name, str)}
    return {id_: name for id_, name in shown.items() if name != DELETED_USER}


def _only_one(kind: str, wanted: str, names: Mapping[str, str | None], who_has: str) -> str | None:
    """Return the id that is wanted, or the only one with that name; `None` if there is none.

    Raises:
        AskPerson: Several have the name.
    """
    if wanted in names:
        return wanted
    shown = _usable(names)
    found = [id_ for id_, name in shown.items() if _is_called(wanted, name, name.split(ARROW)[-1])]
    if len(found) > 1:
        several = "; ".join(f"{id_} ({shown[id_]})" for id_ in found)
        raise AskPerson(f"{who_has} several {kind}s named {wanted!r}; use an id: {several}.")
    return found[0] if found else None


def _is_called(wanted: str, *names: str) -> bool:
    return same_form(wanted) in map(same_form, names)


def _find(context: RunContext, kind: Kind, wanted: str, qbo_kind: str | None) -> Found:
    """Return the person or customer with an id, or else the only one with a name."""
    if kind == Kind.PROJECT and qbo_kind is not None:
        raise AskPerson("--as is for users: a project is always linked to a customer.")
    is_id = wanted.isascii() and wanted.isdigit()
    found = _partners(context, kind, wanted, qbo_kind) if is_id else []
    if not found:
        everybody = _partners(context, kind, None, qbo_kind)
        found = [
            one for one in everybody if _is_called(wanted, one.partner.name, one.partner.shown)
        ]
    if len(found) == 1:
        return found[0]
    if not found:
        what = "customer" if kind == Kind.PROJECT else qbo_kind or "employee or vendor"
        near = did_you_mean(wanted, [one.partner.shown for one in everybody])
        raise AskPerson(
            f"QuickBooks has no {what} with the id or name {wanted!r}.{near}"
            " `clockbooks sync` shows the ids."
        )
    several = " and ".join(str(row.partner) for row in found)
    kinds = {one.partner.qbo_kind for one in found}
    how = "add --as employee or --as vendor" if len(kinds) == len(found) else "use the id"
    raise AskPerson(f"{wanted!r} is {several}: {how}.")


def _partners(
    context: RunContext, kind: Kind, qbo_id: str | None, qbo_kind: str | None
) -> list[Found]:
    """Return those with an id, or all of them."""
    books = context.quickbooks
    if kind == Kind.PROJECT:
        rows = books.customers() if qbo_id is None else books.by_ids("Customer", [qbo_id])
        tree = Tree(read_customers(rows).good)
        return [Found(as_partner(customer), customer.active) for customer in tree]
    lists = (
        [books.employees(), books.vendors()]
        if qbo_id is None
        else [books.by_ids(entity, [qbo_id]) for entity in ("Employee", "Vendor")]
    )
    people = read_people(*lists).good
    return [
        Found(Partner(QboKind(row.qbo_kind), row.qbo_id, name, name), bool(row.active))
        for row in people.itertuples(index=False)
        for name in [row.name if row.active else without_suffix(row.name)]
        if qbo_kind in {None, row.qbo_kind}
    ]
