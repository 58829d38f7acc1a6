"""Resolves the names in a file to Clockify's ids, and makes ids for names that Clockify lacks.

A file has names and addresses, never ids. Whoever Clockify knows is linked as usual. Whoever it
does not know (in another tool's export, or because they left long ago) gets an id of ours, made
from the name, is matched with QuickBooks by the same rules, and can be linked by hand.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from schemas.clockify import Projects, Users
from schemas.links import Unlinked
from schemas.words import Kind, Problem
from transforms.directory.candidates import ARROW, placed_name
from transforms.directory.names import DELETED_USER, OWN_ID, same_form

#: The longest id that fits the database.
_LONGEST_ID = 64

#: An address after a name, as in our ids.
_ADDRESS = re.compile(r" <[^<>]*>$")


@dataclass(frozen=True)
class Resolved:
    """The users or projects that the names in files mean.

    Attributes:
        ids: An id for each distinct name, with the index of the names.
        strangers: `Users` or `Projects` that Clockify does not know, with ids of ours.
        ambiguous: `Unlinked`: names that several in Clockify have.
    """

    ids: pd.Series
    strangers: pd.DataFrame
    ambiguous: pd.DataFrame


def resolve_people(names: pd.DataFrame, users: pd.DataFrame) -> Resolved:
    """Resolve people by their e-mail address, else by their name.

    The name decides only if the row or the user has no address, and no other row has a different
    one for that name: a namesake is somebody else, until a person links them.

    The id for somebody whom Clockify does not know includes the address if the row has one, so it
    is the same in every file, and namesakes never share it.

    Args:
        names: Distinct `user_name` and `user_email`; either may be missing.
        users: `Users` of Clockify.
    """
    by_email = _grouped(users["email"].str.strip().str.casefold(), users["clockify_id"])
    by_name = _grouped(users["name"].map(same_form, na_action="ignore"), users["clockify_id"])
    address_of = dict(zip(users["clockify_id"], _texts(users["email"]), strict=True))
    addresses = names["user_email"].str.strip().str.casefold().replace("", None)
    told = addresses.groupby(names["user_name"].map(same_form, na_action="ignore")).nunique()
    several = set(told.index[told > 1])
    ids: list[str] = []
    strangers: dict[str, dict[str, object]] = {}
    ambiguous: dict[str, dict[str, str]] = {}

    def candidates(form: str, address: str) -> list[str]:
        found = by_email.get(address, []) if address else []
        if len(found) != 1 and form not in {"", DELETED_USER}:
            found = by_name.get(form, [])
        return found

    for name, email in zip(_texts(names["user_name"]), _texts(names["user_email"]), strict=True):
        form, address = same_form(name), email.strip().casefold()
        found = candidates(form, address)
        sure = len(found) == 1 and not _may_differ(
            address, address_of[found[0]].strip().casefold(), several=form in several
        )
        own = own_id(f"{form} <{address}>".strip() if address else form)
        ids.append(found[0] if sure else own)
        if found and not sure:
            ambiguous[own] = _ambiguous(Kind.USER, own, name, _with_addresses(found, address_of))
        elif not found:
            strangers[own] = {
                "clockify_id": own, "name": name or None, "email": email or None, "active": True,
            }  # fmt: skip
    return _resolved(ids, names.index, Users, strangers, ambiguous)


def _with_addresses(ids: list[str], address_of: dict[str, str]) -> list[str]:
    return [f"{id_} ({address_of[id_]})" if address_of[id_] else id_ for id_ in ids]


def resolve_projects(names: pd.DataFrame, projects: pd.DataFrame) -> Resolved:
    """Resolve projects by their name and, if the file has it, their client's name.

    Args:
        names: Distinct `project_name`, never missing, and `client_name`: missing if the file does
            not say, empty without a client.
        projects: `Projects` of Clockify.
    """
    forms = projects["name"].map(same_form)
    clients = projects["client_name"].fillna("").map(same_form)
    by_both = _grouped(pd.Series(list(zip(clients, forms, strict=True))), projects["clockify_id"])
    by_name = _grouped(forms, projects["clockify_id"])
    ids: list[str] = []
    strangers: dict[str, dict[str, object]] = {}
    ambiguous: dict[str, dict[str, str]] = {}
    for name, client in zip(names["project_name"], names["client_name"], strict=True):
        form, told = same_form(name), isinstance(client, str)
        found = by_both.get((same_form(client), form), []) if told else by_name.get(form, [])
        shown = placed_name(client if told else None, name)
        own = own_id(same_form(shown))
        ids.append(found[0] if len(found) == 1 else own)
        if len(found) > 1:
            ambiguous[own] = _ambiguous(Kind.PROJECT, own, shown, found)
        elif not found:
            strangers[own] = {
                "clockify_id": own, "name": name, "client_id": None,
                "client_name": client if told and client else None, "active": True,
            }  # fmt: skip
    return _resolved(ids, names.index, Projects, strangers, ambiguous)


def namesakes(kind: Kind, strangers: pd.DataFrame, by_hand: pd.DataFrame) -> pd.DataFrame:
    """Find strangers with a name that a person has unlinked or excluded: maybe the same ones.

    Clockify may list those no more, or under another name, and a file may leave out their address
    or client.

    Args:
        kind: What the strangers are.
        strangers: Those of `Resolved`.
        by_hand: `Unlinked`: what a person has unlinked or excluded.

    Returns:
        `Unlinked`: the strangers, as ambiguous.
    """
    holders = {}
    for row in by_hand[by_hand["kind"] == kind].itertuples(index=False):
        if isinstance(row.clockify_name, str):
            name = same_form(_ADDRESS.sub("", row.clockify_name))
            holders[name] = row
            holders.setdefault(name.rpartition(ARROW)[2], row)
    lost = []
    for row in strangers.itertuples(index=False):
        client, name = getattr(row, "client_name", None), row.name
        name = name if isinstance(name, str) else ""
        shown = placed_name(client if isinstance(client, str) else None, name)
        holder = holders.get(same_form(shown))
        if holder is not None:
            why = f"the {kind} with the id {holder.clockify_id}, {holder.problem} by hand, has it"
            lost.append({
                "kind": kind, "clockify_id": row.clockify_id, "clockify_name": shown,
                "problem": Problem.AMBIGUOUS, "candidates": why,
            })  # fmt: skip
    return Unlinked.validate(pd.DataFrame(lost, columns=list(Unlinked.to_schema().columns)))


def own_id(name: str) -> str:
    """Return our id for a name; a long one is shortened, and stays unique.

    Examples:
        >>> own_id("Ann Lee")
        'name:Ann Lee'
    """
    whole = f"{OWN_ID}{name}"
    if len(whole) <= _LONGEST_ID:
        return whole
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{whole[: _LONGEST_ID - 13]} {digest}"


def _may_differ(one: str, other: str, *, several: bool) -> bool:
    """Whether two of the same name may be two people; a missing address may be any of *several*."""
    return one != other if one and other else several


def _texts(column: pd.Series) -> list[str]:
    return [value if isinstance(value, str) else "" for value in column]


def _grouped(keys: pd.Series, ids: pd.Series) -> dict[object, list[str]]:
    groups: dict[object, list[str]] = {}
    for key, id_ in zip(keys, ids, strict=True):
        if isinstance(key, str | tuple):
            groups.setdefault(key, []).append(id_)
    return groups


def _ambiguous(kind: Kind, own: str, name: str, found: Sequence[str]) -> dict[str, str]:
    candidates = ", ".join(f"Clockify's {kind} {id_}" for id_ in found)
    return {
        "kind": kind,
        "clockify_id": own,
        "clockify_name": name,
        "problem": Problem.AMBIGUOUS,
        "candidates": candidates,
    }


def _resolved(
    ids: Sequence[str],
    index: pd.Index,
    schema: type[Users] | type[Projects],
    strangers: Mapping[str, Mapping[str, object]],
    ambiguous: Mapping[str, Mapping[str, str]],
) -> Resolved:
    names = list(schema.to_schema().columns)
    lost = list(Unlinked.to_schema().columns)
    return Resolved(
        ids=pd.Series(ids, index=index, dtype="str"),
        strangers=schema.validate(
            pd.DataFrame(list(strangers.values()), columns=names, dtype=object)
        ),
        ambiguous=Unlinked.validate(pd.DataFrame(list(ambiguous.values()), columns=lost)),
    )
