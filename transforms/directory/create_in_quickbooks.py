"""Plans what to create in QuickBooks: employees from users, customers from projects.

FACTS, QBO, 5.1 and 5.3 have the rules: a name has no colon, tab or newline; a name at the top is
unique, whatever its case, among customers, vendors and employees; there are at most five levels.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from schemas.words import Kind, Problem, QboKind, Side
from transforms.directory.candidates import Candidate, Matches, Partner, as_partner, placed_name
from transforms.directory.creation_plan import Creation, Parent, Wanted, link_command, misspelled
from transforms.directory.customer_tree import COLON, DEEPEST, Customer, Tree
from transforms.directory.names import same_form, without_case
from transforms.directory.near_misses import near_misses
from transforms.directory.read_directory import Directory

LONGEST_NAME = 500
LONGEST_PART = 100


def plan_for_quickbooks(
    directory: Directory,
    *,
    users: Matches,
    projects: Matches,
    linked: pd.DataFrame,
    has_payroll: bool = False,
    others: Collection[str] = (),
) -> Creation:
    """Plan the employees and customers for what is in Clockify only.

    Args:
        directory: Both sides.
        users: How the people were matched.
        projects: How the projects were matched.
        linked: `Links`, old and new.
        has_payroll: If so, QuickBooks requires more of an employee than Clockify knows.
        others: Clockify's ids of those whose near misses somebody has called others.
    """
    leads = [*users.near, *projects.near]
    near = misspelled(one for one in leads if one.unmatched.clockify_id not in others)
    planner = _Planner(directory, near, projects, linked, has_payroll=has_payroll)
    for row in planner.open_projects:
        planner.want_project(row)
    for row in _in_order(directory.users, users.unlinked):
        planner.want_user(row)
    # Parents before their sub-customers.
    planner.creation.wanted.sort(key=lambda wanted: wanted.level)
    return planner.creation


def split_name(name: str) -> tuple[str, str]:
    """Split a name into QuickBooks' GivenName and FamilyName, which is the last word.

    Examples:
        >>> split_name("Hannah Vogel Reyes")
        ('Hannah Vogel', 'Reyes')
        >>> split_name("Madonna")
        ('Madonna', '')
    """
    given, _, family = name.rpartition(" ")
    return (given, family) if given else (family, "")


class _Planner:
    def __init__(
        self,
        directory: Directory,
        near: Mapping[tuple[str, str], Candidate],
        projects: Matches,
        linked: pd.DataFrame,
        *,
        has_payroll: bool,
    ) -> None:
        self.creation = Creation()
        self._has_payroll = has_payroll
        self._tree = Tree(directory.customers)
        self._near = near
        self.open_projects = _in_order(directory.projects, projects.unlinked)
        self._open_by_name: dict[str, list[Any]] = {}
        for row in self.open_projects:
            self._open_by_name.setdefault(same_form(row.name), []).append(row)
        self._wanted: dict[str, Wanted | None] = {}
        self._customer_of_client: dict[str, Parent | str] = {}
        self._made: dict[tuple[str, ...], Wanted] = {}
        self._clients = {row.clockify_id: row for row in directory.clients.itertuples(index=False)}
        self._used = _names_in_use(directory, self._tree)
        self._by_name: dict[str, list[Customer]] = {}
        self._by_path: dict[str, list[Customer]] = {}
        self._inactive: dict[str, Customer] = {}
        for customer in self._tree:
            if not customer.active:
                self._inactive.setdefault(same_form(customer.path), customer)
                continue
            self._by_name.setdefault(same_form(customer.name), []).append(customer)
            self._by_path.setdefault(same_form(customer.path), []).append(customer)
        self._parents = _parents_by_client(directory, linked, self._tree)
        self._near_clients = self._like_customers()

    # --- projects: customers and those above them ---

    def want_project(self, row: Any) -> Wanted | None:
        """Plan the customer for a project, and its parent for the project's client."""
        if row.clockify_id not in self._wanted:
            self._wanted[row.clockify_id] = None  # until it is known: ends a circle of names
            self._wanted[row.clockify_id] = self._want_project(row)
        return self._wanted[row.clockify_id]

    def _want_project(self, row: Any) -> Wanted | None:
        client_id, client_name = _text(row.client_id), _text(row.client_name)
        parent = self._customer_of(client_id, client_name) if client_name and row.active else None
        lost = parent if isinstance(parent, str) else None
        wanted = Wanted(
            Side.QUICKBOOKS,
            Kind.PROJECT,
            same_form(row.name),
            parent=None if isinstance(parent, str) else parent,
            clockify_id=row.clockify_id,
            clockify_name=placed_name(client_name, row.name),
            level=self._level_below(parent),
        )
        if row.active and self._replaces_client(wanted):
            return wanted
        made = self.creation.add(
            wanted,
            lambda _: None if row.active else "It is archived in Clockify. Restore it first.",
            self._is_not_near,
            lambda _: _writable(row.name),
            lambda _: lost,
            _is_not_too_deep,
            self._is_free,
            self._is_only_one,
        )
        if made is not None:
            self._made[made.key] = made
        return made

    def _replaces_client(self, wanted: Wanted) -> bool:
        """Replace the client's planned customer if this project bears the client's name."""
        same = self._made.get(wanted.key)
        if same is None or same.kind != Kind.CLIENT:
            return False
        self.creation.wanted[self.creation.wanted.index(same)] = wanted
        self._made[wanted.key] = wanted
        return True

    def _level_below(self, parent: Parent | str | None) -> int:
        if not isinstance(parent, Parent):
            return 0
        if parent.key is not None:
            return self._made[parent.key].level + 1
        return self._tree.by_id[parent.id or ""].level + 1

    def _customer_of(self, client_id: str | None, name: str) -> Parent | str:
        """Return the customer that a client is, planning it if it is not there, or why not."""
        key = client_id or name
        if key not in self._customer_of_client:
            self._customer_of_client[key] = self._find_parent(client_id, name) or self._want_parent(
                client_id, name
            )
        return self._customer_of_client[key]

    def _find_parent(self, client_id: str | None, name: str) -> Parent | str | None:
        # If projects of the client are linked, its customer is known, whatever its name.
        known = self._parents.get(client_id or "", set())
        if len(known) == 1:
            [parent] = known
            return Parent(parent.path, id=parent.qbo_id)
        namesakes = self._by_name.get(same_form(name), [])
        at_top = [customer for customer in namesakes if customer.level == 0]
        found = at_top or self._by_path.get(same_form(name), []) or namesakes
        if len(found) > 1:
            shown = ", ".join(str(as_partner(customer)) for customer in found)
            return (
                f"The name of its client {name!r} is ambiguous: {shown}. Link one of the client's"
                " projects by hand."
            )
        if found:
            return Parent(found[0].path, id=found[0].qbo_id)
        return self._find_middle(name)

    def _find_middle(self, name: str) -> Parent | str | None:
        """Look for a project with the client's name under another client: they are one customer.

        A sub-customer that has sub-customers is both a client and a project in Clockify.
        """
        rows = [
            row
            for row in self._open_by_name.get(same_form(name), [])
            if isinstance(row.client_name, str) and same_form(row.client_name) != same_form(name)
        ]
        made = [wanted for wanted in map(self.want_project, rows) if wanted is not None]
        if len(made) > 1:
            shown = ", ".join(repr(wanted.clockify_name) for wanted in made)
            return (
                f"Its client {name!r} could be any of the projects {shown}. Make the names differ."
            )
        if not made:
            return None
        above = made[0].parent.name if made[0].parent else ""
        return Parent(f"{above}{COLON}{made[0].name}", key=made[0].key)

    def _want_parent(self, client_id: str | None, name: str) -> Parent | str:
        wanted = Wanted(
            Side.QUICKBOOKS, Kind.CLIENT, same_form(name), clockify_id=client_id, clockify_name=name
        )
        same = self._made.get(wanted.key)  # a top-level project of that name is this customer
        made = same or self.creation.add(
            wanted,
            lambda _: _writable(name),
            lambda _: self._near_clients.get(client_id or ""),
            self._is_free,
        )
        if made is None:
            return f"Its client {name!r} cannot be created in QuickBooks. See the client's reason."
        self._made[made.key] = made
        return Parent(made.name, key=made.key)

    def _like_customers(self) -> dict[str, str]:
        """Find clients whose customers may exist already, with a slightly different name."""
        names = {same_form(row.name) for row in self._clients.values()}
        at_top = [
            (customer.name, as_partner(customer))
            for customer in self._tree
            if customer.active and customer.level == 0 and same_form(customer.name) not in names
        ]
        open_clients = [
            (row.clockify_id, row.name)
            for row in self._clients.values()
            if same_form(row.name) not in self._by_name and row.clockify_id not in self._parents
        ]
        return {
            client_id: f"QuickBooks has {near[0].item} ({near[0].why}). Make the names match."
            for client_id, near in near_misses(open_clients, at_top).items()
        }

    def _is_free(self, wanted: Wanted) -> str | None:
        """Explain who has the name already: QuickBooks ignores case, and checks all three lists."""
        path = COLON.join([*([wanted.parent.name] if wanted.parent else []), wanted.name])
        user = self._used.get(without_case(path))
        if user is not None:
            return (
                f"The {user} in QuickBooks has this name already. Customers, vendors and employees"
                " cannot share a name: change one of the two."
            )
        gone = self._inactive.get(same_form(path))
        if gone is not None and wanted.kind != Kind.USER:
            return f"QuickBooks has it, but inactive ({as_partner(gone)}). Make it active again."
        return None

    def _is_only_one(self, wanted: Wanted) -> str | None:
        other = self._made.get(wanted.key)
        if other is None:
            return None
        return (
            f"In Clockify, {other.clockify_name!r} (id {other.clockify_id}) has what is the same"
            " name to QuickBooks. Make the names differ, or link them by hand."
        )

    def _is_not_near(self, wanted: Wanted) -> str | None:
        lead = self._near.get((wanted.kind, wanted.clockify_id or ""))
        if lead is None:
            return None
        command = link_command(lead.unmatched.kind, lead.unmatched.clockify_id, lead.partner)
        return (
            f"QuickBooks has {lead.partner} ({lead.why}). Make the names match, or link them by"
            f" hand with {command}."
        )

    # --- users: employees ---

    def want_user(self, row: Any) -> None:
        """Plan an employee for a user who has a name and is still active."""
        name = row.name if isinstance(row.name, str) else ""
        wanted = Wanted(
            Side.QUICKBOOKS,
            Kind.USER,
            same_form(name),
            clockify_id=row.clockify_id,
            clockify_name=name or None,
            email=row.email.strip() if isinstance(row.email, str) and row.email.strip() else None,
        )

        def is_somebody(_: Wanted) -> str | None:
            if not row.active:
                return (
                    "The user is no longer active in Clockify. Add the employee in QuickBooks, or"
                    " link one by hand."
                )
            return None if wanted.name else "The user has no name yet. Wait until they join."

        made = self.creation.add(
            wanted,
            is_somebody,
            self._is_not_near,
            lambda _: _writable(name),
            _parts_fit,
            self._is_free,
            self._is_free_of_wanted,
            self._is_only_one,
            self._may_make_employees,
        )
        if made is not None:
            self._made[made.key] = made

    def _is_free_of_wanted(self, wanted: Wanted) -> str | None:
        """Keep an employee from taking the name of a customer that will be created."""
        customer = (Side.QUICKBOOKS, "customer", wanted.name.casefold())
        if customer in self._made:
            return f"A customer named {wanted.name!r} will be created. Change one of the two names."
        return None

    def _may_make_employees(self, _: Wanted) -> str | None:
        if self._has_payroll:
            return (
                "With QuickBooks Payroll, an employee needs an address, which Clockify does not"
                " have. Add the employee in QuickBooks."
            )
        return None


def _in_order(rows: pd.DataFrame, unlinked: pd.DataFrame) -> list[Any]:
    """Return the rows that QuickBooks lacks, or has a near miss for, by name and id."""
    open_ = unlinked["problem"].isin([Problem.MISSING, Problem.NEAR])
    ids = set(unlinked.loc[open_, "clockify_id"])
    chosen = rows[rows["clockify_id"].isin(ids)].sort_values(["name", "clockify_id"])
    found: list[Any] = list(chosen.itertuples(index=False))
    return found


def _names_in_use(directory: Directory, tree: Tree) -> dict[str, Partner]:
    """Return who has each name, of those who are active, by the name without case."""
    used = {without_case(c.path): as_partner(c) for c in tree if c.active}
    for row in directory.people.itertuples(index=False):
        if row.active:
            used.setdefault(
                without_case(row.name),
                Partner(QboKind(row.qbo_kind), row.qbo_id, row.name, row.name),
            )
    return used


def _parents_by_client(
    directory: Directory, linked: pd.DataFrame, tree: Tree
) -> dict[str, set[Customer]]:
    """Return, by client id, the parents of the customers that its projects are linked to."""
    client_of = {
        row.clockify_id: row.client_id
        for row in directory.projects.itertuples(index=False)
        if isinstance(row.client_id, str)
    }
    found: dict[str, set[Customer]] = {}
    projects = linked[linked["kind"] == Kind.PROJECT]
    for clockify_id, qbo_id in zip(projects["clockify_id"], projects["qbo_id"], strict=True):
        client_id, customer = client_of.get(clockify_id), tree.by_id.get(qbo_id)
        above = tree.by_id.get(customer.parent_id or "") if customer else None
        if client_id is not None and above is not None and above.active:
            found.setdefault(client_id, set()).add(above)
    return found


def _is_not_too_deep(wanted: Wanted) -> str | None:
    if wanted.level > DEEPEST:
        return f"It would be {wanted.level} levels below the top; QuickBooks allows {DEEPEST}."
    return None


def _writable(name: str) -> str | None:
    forbidden = {":": "a colon", "\t": "a tab", "\n": "a line break", "\r": "a line break"}
    found = [word for letter, word in forbidden.items() if letter in name]
    if found:
        return f"The name has {found[0]}, which QuickBooks does not allow. Change it in Clockify."
    if len(name) > LONGEST_NAME:
        return (
            f"The name has {len(name)} characters; QuickBooks allows {LONGEST_NAME}. Shorten it in"
            " Clockify."
        )
    return None


def _parts_fit(wanted: Wanted) -> str | None:
    if any(len(part) > LONGEST_PART for part in split_name(wanted.name)):
        return (
            f"The first or last name has more than {LONGEST_PART} characters, QuickBooks' limit."
            " Shorten it in Clockify."
        )
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
