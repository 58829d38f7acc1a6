"""Links by hand: `clockbooks link`, `unlink` and `links`."""

from dataclasses import dataclass
from typing import Any

from connectors.errors import AskPerson
from flows.context import RunContext, open_context, open_store
from schemas.words import Kind, Origin, QboKind
from transforms.directory.candidates import Partner, as_partner, placed_name
from transforms.directory.customer_tree import Tree
from transforms.directory.names import DELETED_USER, OWN_ID, without_suffix
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
    """Link a `user` or `project` by its id, after checking that both sides exist.

    If both of QuickBooks' lists have the id, *qbo_kind* says `employee` or `vendor`.

    Raises:
        AskPerson: One of them does not exist, or both lists have the id.
    """
    with open_context(connection) as context:
        name = _name_in_clockify(context, Kind(kind), clockify_id)
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


def unlink(connection: str | None, kind: str, clockify_id: str, *, rematch: bool) -> Done:
    """Remove a link.

    Raises:
        AskPerson: There is none.
    """
    with open_store(connection) as (_, store, _):
        gone = store.links.unlink(Kind(kind), clockify_id, rematch=rematch)
    if gone is None:
        raise AskPerson(
            f"The {kind} {clockify_id!r} is not linked. `clockbooks links` lists the links."
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
    """Say that the time of a user or project is never to be sent.

    Raises:
        AskPerson: Clockify has no such user or project.
    """
    with open_context(connection) as context:
        name = _name_in_clockify(context, Kind(kind), clockify_id)
        context.store.links.exclude(Kind(kind), clockify_id, name)
    row = {"kind": kind, "clockify_id": clockify_id, "clockify_name": name}
    undo = f"clockbooks unlink {kind} {clockify_id} --rematch"
    return Done(row, [f"Never sent: the {kind} {name or clockify_id!r}. To undo that: {undo}"])


def listed(connection: str | None) -> list[dict[str, Any]]:
    """Return the stored links of a connection, by kind and name."""
    with open_store(connection) as (_, store, _):
        rows = store.links.listed()
    return [
        {name: row[name] for name in MEMBERS if name != "linked_at"}
        | {"linked_at": row["linked_at"].isoformat(timespec="seconds")}
        for row in rows
    ]


def _name_in_clockify(context: RunContext, kind: Kind, clockify_id: str) -> str | None:
    """Return the name of a user or project, with its client; `None` for a deleted user.

    Ids of ours, for what only files name, contain the name. Those that Clockify no longer lists
    may still be known here, from entries or a link.
    """
    if clockify_id.startswith(OWN_ID):
        return clockify_id.removeprefix(OWN_ID)
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
    for frame in (context.store.links.stored(), context.store.links.unlinked()):
        rows = frame[frame["kind"] == kind]
        names = dict(zip(rows["clockify_id"], rows["clockify_name"], strict=True)) | names
    if clockify_id not in names:
        raise AskPerson(
            f"Clockify has no {kind} with the id {clockify_id!r}. `clockbooks sync` shows the ids."
        )
    name = names[clockify_id]
    return name if isinstance(name, str) and name != DELETED_USER else None


def _find(context: RunContext, kind: Kind, qbo_id: str, qbo_kind: str | None) -> Found:
    if kind == Kind.USER:
        wanted, found = qbo_kind or "employee or vendor", _people(context, qbo_id, qbo_kind)
    elif qbo_kind is None:
        wanted, found = "customer", _customers(context, qbo_id)
    else:
        raise AskPerson("--as is for users: a project is always linked to a customer.")
    if not found:
        raise AskPerson(
            f"QuickBooks has no {wanted} with the id {qbo_id!r}. `clockbooks sync` shows the ids."
        )
    if len(found) > 1:
        both = " and ".join(str(row.partner) for row in found)
        raise AskPerson(f"This id is that of {both}: add --as employee or --as vendor.")
    return found[0]


def _customers(context: RunContext, qbo_id: str) -> list[Found]:
    tree = Tree(read_customers(context.quickbooks.by_ids("Customer", [qbo_id])).good)
    return [Found(as_partner(customer), customer.active) for customer in tree]


def _people(context: RunContext, qbo_id: str, qbo_kind: str | None) -> list[Found]:
    people = read_people(
        context.quickbooks.by_ids("Employee", [qbo_id]),
        context.quickbooks.by_ids("Vendor", [qbo_id]),
    ).good
    return [
        Found(Partner(QboKind(row.qbo_kind), row.qbo_id, name, name), bool(row.active))
        for row in people.itertuples(index=False)
        for name in [row.name if row.active else without_suffix(row.name)]
        if qbo_kind in {None, row.qbo_kind}
    ]
