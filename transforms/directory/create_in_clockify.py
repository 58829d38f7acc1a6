"""Plans what to create in Clockify: clients and projects from customers, invitations to employees.

A customer without sub-customers becomes a project, one with sub-customers a client, and one in
between both (`transforms.directory.customer_tree`). FACTS, Clockify, 2.4 to 2.6 have the limits.
"""

import re

import pandas as pd

from schemas.words import Kind, QboKind, Side
from transforms.directory.candidates import Matches, Partner, as_partner, placed_name
from transforms.directory.creation_plan import Creation, Parent, Wanted, link_command, misspelled
from transforms.directory.customer_tree import Customer, Tree
from transforms.directory.names import same_form, without_case
from transforms.directory.read_directory import Directory

LONGEST_CLIENT = 100
SHORTEST_PROJECT, LONGEST_PROJECT = 2, 250

#: One plain address: QuickBooks' field may hold several.
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


def plan_for_clockify(
    directory: Directory, *, users: Matches, projects: Matches, linked: pd.DataFrame
) -> Creation:
    """Plan the clients, projects and invitations for what is in QuickBooks only.

    Args:
        directory: Both sides.
        users: How the people were matched.
        projects: How the projects were matched.
        linked: `Links`, old and new.
    """
    planner = _Planner(directory, users, projects, linked)
    unused = {partner.qbo_id for partner in projects.unused}
    for customer in planner.tree:
        if customer.active:
            planner.want_customer(customer, unused=customer.qbo_id in unused)
    for partner in users.unused:
        if partner.qbo_kind == QboKind.EMPLOYEE:  # most vendors are suppliers, not workers
            planner.want_user(partner)
    # Clients before their projects, whatever the order of their names.
    planner.creation.wanted.sort(key=lambda wanted: wanted.kind != Kind.CLIENT)
    return planner.creation


class _Planner:
    def __init__(
        self, directory: Directory, users: Matches, projects: Matches, linked: pd.DataFrame
    ) -> None:
        self.creation = Creation()
        self.tree = Tree(directory.customers)
        self._near = misspelled([*users.near, *projects.near])
        self._clients = {row.clockify_id: row for row in directory.clients.itertuples(index=False)}
        self._client_ids = {same_form(row.name): row.clockify_id for row in self._clients.values()}
        self._project_ids: dict[tuple[str, str], str] = {}
        self._client_of_project: dict[str, str] = {}
        for row in directory.projects.itertuples(index=False):
            client_id = row.client_id if isinstance(row.client_id, str) else ""
            self._project_ids[client_id, same_form(row.name)] = row.clockify_id
            self._client_of_project[row.clockify_id] = client_id
        self._linked = _projects_by_customer(linked)
        self._emails = {
            row.email.strip().casefold(): row
            for row in directory.users.itertuples(index=False)
            if isinstance(row.email, str)
        }
        self._people_emails = {
            (row.qbo_kind, row.qbo_id): row.email.strip()
            for row in directory.people.itertuples(index=False)
            if isinstance(row.email, str)
        }
        self._long_names = _shared_with_namesakes(self.tree)
        self._client_of_customer: dict[str, Parent | None] = {}
        self._made: set[tuple[str, ...]] = set()

    # --- customers: clients and projects ---

    def want_customer(self, customer: Customer, *, unused: bool) -> None:
        """Plan the client, the project, or both, that *customer* becomes in Clockify."""
        if self.tree.is_client(customer):
            self._client(customer)
        if unused and self.tree.is_project(customer):
            self._want_project(customer)

    def _client(self, customer: Customer) -> Parent | None:
        """Return the client that *customer* is; plan it if it is not there."""
        if customer.qbo_id not in self._client_of_customer:
            self._client_of_customer[customer.qbo_id] = self._find_client(
                customer
            ) or self._want_client(customer)
        return self._client_of_customer[customer.qbo_id]

    def _find_client(self, customer: Customer) -> Parent | None:
        # If projects of its sub-customers are linked, their client is known, whatever its name.
        ids = {
            self._client_of_project.get(project_id, "")
            for child in self.tree.below(customer.qbo_id)
            for project_id in self._linked.get(child.qbo_id, ())
        } - {""}
        named = self._client_ids.get(same_form(self._client_name(customer)))
        found = ids.pop() if len(ids) == 1 else named
        client = self._clients.get(found or "")
        return Parent(client.name, id=client.clockify_id) if client is not None else None

    def _want_client(self, customer: Customer) -> Parent | None:
        wanted = Wanted(
            Side.CLOCKIFY,
            Kind.CLIENT,
            same_form(self._client_name(customer)),
            partner=as_partner(customer),
        )
        if wanted.key in self._made:  # two customers of the same name are one client
            return Parent(wanted.name, key=wanted.key)
        made = self.creation.add(wanted, _fits_client)
        if made is None:
            return None
        self._made.add(made.key)
        return Parent(made.name, key=made.key)

    def _client_name(self, customer: Customer) -> str:
        return customer.path if customer.qbo_id in self._long_names else customer.name

    def _want_project(self, customer: Customer) -> None:
        name = same_form(customer.name)
        parent, lost = None, None
        if customer.level:
            above = self.tree.by_id.get(customer.parent_id or "")
            lost = f"its parent {customer.parent_path!r} is inactive in QuickBooks"
            if above is not None and above.active:
                parent = self._client(above)
                lost = f"its client {self._client_name(above)!r} cannot be created in Clockify"
        wanted = Wanted(
            Side.CLOCKIFY, Kind.PROJECT, name, parent=parent, partner=as_partner(customer)
        )

        def has_client(_: Wanted) -> str | None:
            return f"Not created: {lost}." if customer.level and parent is None else None

        made = self.creation.add(
            wanted, has_client, self._client_is_open, _fits_project, self._is_not_near, self._is_new
        )
        if made is not None:
            self._made.add(made.key)

    def _client_is_open(self, wanted: Wanted) -> str | None:
        client = self._clients.get(wanted.parent.id or "") if wanted.parent else None
        if client is None or client.active:
            return None
        return f"The client {client.name!r} is archived in Clockify. Restore it first."

    def _is_new(self, wanted: Wanted) -> str | None:
        parent = wanted.parent or Parent("")
        shown = placed_name(parent.name, wanted.name)
        there = self._project_ids.get((parent.id or "", wanted.name)) if not parent.key else None
        if there is not None and wanted.partner is not None:
            command = link_command(Kind.PROJECT, there, wanted.partner)
            return (
                f"Clockify already has a project {shown!r} that is not linked to this customer. If"
                f" it is the same, run {command}."
            )
        if wanted.key in self._made:
            return (
                f"Another customer becomes the same project {shown!r} in Clockify. Rename one of"
                " them in QuickBooks, or link them by hand."
            )
        return None

    def _is_not_near(self, wanted: Wanted) -> str | None:
        partner = wanted.partner
        lead = self._near.get((partner.qbo_kind, partner.qbo_id)) if partner else None
        if lead is None or partner is None:
            return None
        command = link_command(lead.unmatched.kind, lead.unmatched.clockify_id, partner)
        return (
            f"Clockify has {lead.unmatched.shown or lead.unmatched.email!r} ({lead.why}). Make the"
            f" names match, or link them by hand with {command}."
        )

    # --- people: invitations ---

    def want_user(self, partner: Partner) -> None:
        """Plan an employee's invitation, which goes by e-mail only."""
        email = self._people_emails.get((partner.qbo_kind, partner.qbo_id))
        wanted = Wanted(
            Side.CLOCKIFY, Kind.USER, same_form(partner.name), partner=partner, email=email
        )
        made = self.creation.add(
            wanted, self._is_not_near, _has_address, self._is_not_there, self._is_only_one
        )
        if made is not None:
            self._made.add(("email", (made.email or "").casefold()))

    def _is_not_there(self, wanted: Wanted) -> str | None:
        user = self._emails.get((wanted.email or "").casefold())
        if user is None or wanted.partner is None:
            return None
        command = link_command(Kind.USER, user.clockify_id, wanted.partner)
        return f"{wanted.email} is already a user in Clockify. If they are the same, run {command}."

    def _is_only_one(self, wanted: Wanted) -> str | None:
        if ("email", (wanted.email or "").casefold()) in self._made:
            return (
                f"Another employee has the same address, {wanted.email}, and is invited. Give each"
                " their own address in QuickBooks."
            )
        return None


def _projects_by_customer(linked: pd.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    projects = linked[linked["kind"] == Kind.PROJECT]
    for qbo_id, clockify_id in zip(projects["qbo_id"], projects["clockify_id"], strict=True):
        found.setdefault(qbo_id, []).append(clockify_id)
    return found


def _shared_with_namesakes(tree: Tree) -> set[str]:
    """Find the customers whose client in Clockify must bear the whole path as its name.

    They share their name, and the name of a sub-customer, with another customer: one client of
    that name would hold two projects of the same name.
    """
    seen: dict[tuple[str, str], list[Customer]] = {}
    for customer in tree:
        if not customer.active:
            continue
        for child in tree.below(customer.qbo_id):
            pair = (without_case(customer.name), without_case(child.name))
            seen.setdefault(pair, []).append(customer)
    return {
        customer.qbo_id
        for namesakes in seen.values()
        if len({customer.qbo_id for customer in namesakes}) > 1
        for customer in namesakes
    }


def _fits_client(wanted: Wanted) -> str | None:
    if len(wanted.name) > LONGEST_CLIENT:
        return (
            f"The name has {len(wanted.name)} characters; Clockify allows {LONGEST_CLIENT} for a"
            " client. Shorten it in QuickBooks."
        )
    return None


def _fits_project(wanted: Wanted) -> str | None:
    if not SHORTEST_PROJECT <= len(wanted.name) <= LONGEST_PROJECT:
        return (
            f"The name has {len(wanted.name)} characters; Clockify allows {SHORTEST_PROJECT} to"
            f" {LONGEST_PROJECT} for a project. Change it in QuickBooks."
        )
    return None


def _has_address(wanted: Wanted) -> str | None:
    if not wanted.email:
        return (
            "Clockify invites people by e-mail only, and QuickBooks has no address for this"
            " employee. Add one in QuickBooks, or invite them in Clockify."
        )
    if not _ADDRESS.fullmatch(wanted.email):
        return f"{wanted.email!r} is not a single e-mail address. Correct it in QuickBooks."
    return None
