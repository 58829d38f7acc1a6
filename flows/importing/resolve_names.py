"""Finds out which people and projects the names of files mean, and who they are in QuickBooks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from connectors.store.scope import records
from connectors.store.staging import Staging
from flows.context import RunContext
from flows.importing.read_files import WrongFile
from flows.sending.facts import LinkState
from flows.sending.request import ImportRequest
from schemas.links import Links
from schemas.words import BY_HAND, Kind
from transforms.directory.match import match_projects, match_users
from transforms.directory.names import same_form
from transforms.directory.read_directory import (
    read_customers,
    read_people,
    read_projects,
    read_users,
)
from transforms.exports.resolve_names import (
    Resolved,
    namesakes,
    own_id,
    resolve_people,
    resolve_projects,
)
from transforms.plan.judge import Filters
from transforms.plan.rules import meets_any


@dataclass(frozen=True)
class ResolvedNames:
    """Which people and projects the names of an import mean.

    Attributes:
        people: Distinct `user_name` and `user_email`, with `id`.
        projects: Distinct `project_name` and `client_name`, with `id`.
        link_state: Who is who; includes those whom Clockify does not know.
        new: `Links` among them that are not stored yet.
    """

    people: pd.DataFrame
    projects: pd.DataFrame
    link_state: LinkState
    new: pd.DataFrame

    def user_ids(self, rows: pd.DataFrame) -> pd.Series:
        """Return the id of each row's user."""
        return _look_up(rows, self.people, ["user_name", "user_email"])

    def project_ids(self, rows: pd.DataFrame) -> pd.Series:
        """Return the id of each row's project; missing where it has none."""
        return _look_up(rows, self.projects, ["project_name", "client_name"])

    def filters(self, request: ImportRequest, staged: Staging) -> Filters:
        """Find the ids that people mean, among those of the files: by name, address or id.

        Tasks and tags of files have no ids; groups are Clockify's.

        Raises:
            WrongFile: No row has such a name.
        """
        client_ids = self.projects["client_name"].map(client_id, "ignore")
        with_clients = self.projects.assign(client_id=client_ids)
        return Filters(
            user_ids=_chosen(
                "user", request.users, self.people, ["user_name", "user_email", "id"], "id"
            ),
            client_ids=_chosen(
                "client", request.clients, with_clients, ["client_name"], "client_id"
            ),
            project_ids=_chosen(
                "project", request.projects, self.projects, ["project_name", "id"], "id"
            ),
            tasks=_there("task", request.tasks, staged.distinct("task_name")),
            tags=_there("tag", request.tags, staged.distinct("tags")),
            description=request.description or "",
            billable=request.billable,
        )


def client_id(name: str) -> str:
    """Return the id by which a client is filtered; a file has only its name."""
    return own_id(same_form(name))


def resolve_names(context: RunContext, staged: Staging, link_state: LinkState) -> ResolvedNames:
    """Find Clockify's users and projects of the staged names, and match the others with QuickBooks.

    QuickBooks' lists are read only when somebody is neither known to Clockify nor linked.
    """
    people = staged.distinct("user_name", "user_email")
    projects = staged.distinct("project_name", "client_name")
    projects = projects[projects["project_name"].fillna("") != ""].reset_index(drop=True)
    clients = context.clockify.clients()
    who = resolve_people(people, read_users(context.clockify.users()).good)
    what = resolve_projects(projects, read_projects(context.clockify.projects(), clients).good)
    new, lost = _match_strangers(context, who, what, link_state)
    unlinked = [link_state.unlinked, lost, who.ambiguous, what.ambiguous]
    return ResolvedNames(
        people=people.assign(id=who.ids),
        projects=projects.assign(id=what.ids),
        link_state=replace(
            link_state,
            links=pd.concat([link_state.links, new], ignore_index=True),
            unlinked=pd.concat(unlinked, ignore_index=True).drop_duplicates(
                ["kind", "clockify_id"]
            ),
        ),
        new=new,
    )


def keep_links(context: RunContext, names: ResolvedNames) -> None:
    """Store the links of those whom Clockify does not know, so that they last like all others."""
    context.store.links.add(records(names.new))


def _match_strangers(
    context: RunContext, who: Resolved, what: Resolved, link_state: LinkState
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match those whom Clockify does not know with QuickBooks, by the rules of the sync."""
    linked, unlinked = link_state.links, link_state.unlinked
    by_hand = unlinked[unlinked["problem"].isin(BY_HAND)]
    known = {*linked["clockify_id"], *by_hand["clockify_id"]}
    users = who.strangers[~who.strangers["clockify_id"].isin(known)]
    projects = what.strangers[~what.strangers["clockify_id"].isin(known)]
    apart = pd.concat([
        namesakes(Kind.USER, users, by_hand), namesakes(Kind.PROJECT, projects, by_hand)
    ])  # fmt: skip
    users = users[~users["clockify_id"].isin(apart["clockify_id"])]
    projects = projects[~projects["clockify_id"].isin(apart["clockify_id"])]
    matches = []
    if len(users):
        people = read_people(context.quickbooks.employees(), context.quickbooks.vendors()).good
        link_vendors = context.connection.link_vendors
        matches.append(match_users(users, people, linked=linked, link_vendors=link_vendors))
    if len(projects):
        customers = read_customers(context.quickbooks.customers()).good
        matches.append(match_projects(projects, customers, linked=linked))
    found = [linked.iloc[:0], *(one.links for one in matches)]
    lost = [apart, *(one.unlinked for one in matches)]
    return Links.validate(pd.concat(found, ignore_index=True)), pd.concat(lost, ignore_index=True)


def _look_up(rows: pd.DataFrame, names: pd.DataFrame, keys: list[str]) -> pd.Series:
    # As texts, because a missing name equals no other one in a join; no name is this letter.
    left, right = (frame[keys].astype(object).fillna("\uffff") for frame in (rows, names))
    found = left.merge(right.assign(id=names["id"].to_numpy()), on=keys, how="left")["id"]
    return found.set_axis(rows.index).astype("str")


def _chosen(
    kind: str, wanted: Sequence[str], names: pd.DataFrame, columns: list[str], id_: str
) -> frozenset[str]:
    ids: set[str] = set()
    for text in wanted:
        form = same_form(text).casefold() if "@" in text else same_form(text)
        fits = pd.Series(False, index=names.index)
        for column in columns:
            values = names[column].map(same_form, na_action="ignore")
            values = values.str.casefold() if column == "user_email" else values
            fits |= (values == form).fillna(value=False)
        if not fits.any():
            raise _no_row(kind, text)
        ids |= set(names.loc[fits, id_])
    return frozenset(ids)


def _there(kind: str, wanted: Sequence[str], rows: pd.DataFrame) -> dict[str, str]:
    """Return the names themselves, once each is found in a row."""
    for name in wanted:
        if not meets_any(rows, kind, [name]).any():
            raise _no_row(kind, name)
    return {name: name for name in wanted}


def _no_row(kind: str, name: str) -> WrongFile:
    return WrongFile(
        f"No row of the files has the {kind} {name!r}: use the {kind}'s exact name as the file has"
        " it. Nothing was sent."
    )
