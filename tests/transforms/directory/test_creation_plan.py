"""What could be made where it is missing: the domain's table, both ways, and every obstacle."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_frames import validated

from schemas.clockify import Clients, Projects, Users
from schemas.links import Links
from schemas.quickbooks import Customers, People
from schemas.words import Kind, Origin, Problem, QboKind, Side
from transforms.directory.candidates import placed_name
from transforms.directory.changes import changes
from transforms.directory.create_in_clockify import plan_for_clockify
from transforms.directory.create_in_quickbooks import plan_for_quickbooks
from transforms.directory.match import match_projects, match_users
from transforms.directory.names import same_form
from transforms.directory.read_directory import Directory

NO_LINKS = Links.validate(pd.DataFrame(columns=list(Links.to_schema().columns), dtype="str"))


class Two:
    """A model of both services that executes plans as the services would."""

    def __init__(self):
        self.users, self.clients, self.projects = {}, {}, {}
        self.people, self.customers = {}, {}
        self.links = NO_LINKS

    def user(self, name, *, email=None, active=True):
        return self._add(self.users, "u", name=name, email=email, active=active)

    def client(self, name, *, active=True):
        return self._add(self.clients, "c", name=name, active=active)

    def project(self, name, client_id=None, *, active=True):
        row = {"name": name, "client_id": client_id, "active": active}
        return self._add(self.projects, "p", **row)

    def person(self, name, kind=QboKind.EMPLOYEE, *, email=None, active=True):
        return self._add(self.people, "1", name=name, qbo_kind=kind, email=email, active=active)

    def customer(self, name, parent_id=None, *, active=True):
        return self._add(self.customers, "2", name=name, parent_id=parent_id, active=active)

    def path(self, *names):
        """Return the id of the customer at a path; create it if it is missing."""
        parent = None
        for name in names:
            found = [
                id_
                for id_, row in self.customers.items()
                if (row["name"], row["parent_id"]) == (name, parent)
            ]
            parent = found[0] if found else self.customer(name, parent)
        return parent

    def _add(self, rows, prefix, **row):
        id_ = f"{prefix}{len(rows):04d}"
        rows[id_] = row
        return id_

    @property
    def directory(self):
        clockify = [
            validated(schema, ({"clockify_id": id_, **row} for id_, row in rows.items()))
            for schema, rows in ((Users, self.users), (Clients, self.clients))
        ]
        projects = [
            {
                "clockify_id": id_,
                "client_name": self.clients[row["client_id"]]["name"] if row["client_id"] else None,
                **row,
            }
            for id_, row in self.projects.items()
        ]
        return Directory(
            *clockify,
            validated(Projects, projects),
            validated(People, ({"qbo_id": id_, **row} for id_, row in self.people.items())),
            validated(Customers, ({"qbo_id": id_, **row} for id_, row in self.customers.items())),
            [],
        )

    def sync(self, directory=None):
        """Match, keep the links, and return what a plan needs."""
        directory = directory or self.directory
        users = match_users(directory.users, directory.people, linked=self.links, link_vendors=True)
        projects = match_projects(directory.projects, directory.customers, linked=self.links)
        self.links = pd.concat([self.links, users.links, projects.links], ignore_index=True)
        return {"users": users, "projects": projects, "linked": self.links}

    def plan(self, side, **more):
        plan = plan_for_clockify if side == Side.CLOCKIFY else plan_for_quickbooks
        directory = self.directory
        return plan(directory, **self.sync(directory), **more)

    def make(self, side, **more):
        """Execute a plan, parents first, and link what was created."""
        creation = self.plan(side, **more)
        ids = {}
        for one in creation.wanted:
            above = None if one.parent is None else one.parent.id or ids[one.parent.key]
            ids[one.key] = self._make(one, above)
        return creation

    def _make(self, one, above):
        if one.side == Side.CLOCKIFY:
            if one.kind == Kind.CLIENT:
                assert one.name not in [row["name"] for row in self.clients.values()]
                return self.client(one.name)
            id_ = (
                self.user(None, email=one.email)
                if one.kind == Kind.USER
                else self._new_project(one.name, above)
            )
            self._link(one, id_, one.partner.qbo_id)
            return id_
        if one.kind == Kind.USER:
            id_ = self.person(one.name)
        else:
            id_ = self._new_customer(one.name, above)
        if one.kind != Kind.CLIENT:
            self._link(one, one.clockify_id, id_)
        return id_

    def _new_project(self, name, above):
        assert (name, above) not in [(r["name"], r["client_id"]) for r in self.projects.values()]
        return self.project(name, above)

    def _new_customer(self, name, above):
        there = [(r["name"].casefold(), r["parent_id"]) for r in self.customers.values()]
        assert (name.casefold(), above) not in there
        return self.customer(name, above)

    def _link(self, one, clockify_id, qbo_id):
        row = {"kind": one.kind, "clockify_id": clockify_id, "clockify_name": None,
               "qbo_kind": one.qbo_kind, "qbo_id": qbo_id, "qbo_name": one.name,
               "origin": Origin.CREATED}  # fmt: skip
        self.links = pd.concat([self.links, validated(Links, [row])], ignore_index=True)

    def places(self):
        """Return the clients and the projects of Clockify, as people read them."""
        named = {id_: row["name"] for id_, row in self.clients.items()}
        projects = sorted(
            placed_name(named.get(row["client_id"]), row["name"]) for row in self.projects.values()
        )
        return sorted(named.values()), projects

    def paths(self):
        """Return the paths of QuickBooks' customers."""

        def path(id_):
            row = self.customers[id_]
            return f"{path(row['parent_id'])}:{row['name']}" if row["parent_id"] else row["name"]

        return sorted(path(id_) for id_ in self.customers)


def reasons(creation):
    return {one.wanted.clockify_name or one.wanted.name: one.reason for one in creation.blocked}


@pytest.fixture
def two():
    return Two()


# --- the domain's table -------------------------------------------------------------------------


def test_the_table_of_the_domain_from_quickbooks_and_back(two):
    """Each customer becomes what the table says; the way back gives the same tree."""
    two.path("Lonely")
    two.path("Customer", "Sub 1", "Sub 2", "Sub 3")
    two.path("Customer", "Leaf")
    tree = two.paths()

    two.make(Side.CLOCKIFY)

    assert two.places() == (
        ["Customer", "Sub 1", "Sub 2"],
        ["Customer › Leaf", "Customer › Sub 1", "Lonely", "Sub 1 › Sub 2", "Sub 2 › Sub 3"],
    )
    assert set(two.links["clockify_id"]) == set(two.projects)
    again = two.make(Side.CLOCKIFY)
    assert (again.wanted, again.blocked) == ([], [])

    back = Two()
    back.clients, back.projects = two.clients, two.projects
    back.make(Side.QUICKBOOKS)
    assert back.paths() == tree
    assert set(back.links["clockify_id"]) == set(two.projects)
    again = back.make(Side.QUICKBOOKS)
    assert (again.wanted, again.blocked) == ([], [])


def test_twins_under_parents_of_one_name_get_the_whole_path_as_client(two):
    """`A:Site:Kitchen` and `B:Site:Kitchen`: one client `Site` could not hold both."""
    for top in "AB":
        two.path(top, "Site", "Kitchen")
    two.make(Side.CLOCKIFY)
    assert two.places()[1] == [
        "A › Site", "A:Site › Kitchen", "B › Site", "B:Site › Kitchen"
    ]  # fmt: skip
    two.links = NO_LINKS  # even if the links were lost, the names alone find the way
    assert len(two.sync()["projects"].links) == 4


def test_a_renamed_client_gets_no_twin(two):
    """If its projects are linked, the client is known, whatever its name is now."""
    two.path("Acme", "Garden")
    two.make(Side.CLOCKIFY)
    [client] = two.clients
    two.clients[client]["name"] = "ACME Incorporated"
    two.path("Acme", "Kitchen")

    two.make(Side.CLOCKIFY)

    assert two.places() == (
        ["ACME Incorporated"],
        ["ACME Incorporated › Garden", "ACME Incorporated › Kitchen"],
    )


def test_a_renamed_customer_gets_no_twin(two):
    """The same the other way round."""
    client = two.client("Acme")
    two.project("Garden", client)
    two.make(Side.QUICKBOOKS)
    top = next(id_ for id_, row in two.customers.items() if row["parent_id"] is None)
    two.customers[top]["name"] = "Acme Incorporated"
    two.project("Kitchen", client)

    two.make(Side.QUICKBOOKS)

    assert two.paths() == [
        "Acme Incorporated", "Acme Incorporated:Garden", "Acme Incorporated:Kitchen"
    ]  # fmt: skip


def test_a_project_of_its_clients_name_is_the_clients_customer(two):
    """A project `Acme` without a client, and projects of a client `Acme`: one customer."""
    two.project("Garden", two.client("Acme"))
    two.project("Acme")
    two.make(Side.QUICKBOOKS)
    assert two.paths() == ["Acme", "Acme:Garden"]
    assert len(two.links) == 2


def test_rings_of_names_end(two):
    """Each of two projects has the name of the other's client."""
    a, b = two.client("A"), two.client("B")
    two.project("B", a)
    two.project("A", b)
    two.make(Side.QUICKBOOKS)
    assert len(two.links) == 2
    assert two.make(Side.QUICKBOOKS).wanted == []


# --- what QuickBooks cannot hold ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("A: B", "colon"),
        ("A\tB", "tab"),
        ("A\nB", "line break"),
        ("x" * 501, "characters"),
    ],
)
def test_names_that_quickbooks_does_not_take_are_told_before(two, name, told):
    """For projects, clients and users alike; what depends on them is reported too."""
    two.project(name)
    two.user(f"{name} Li"[:600])
    two.project("Garden", two.client(f"{name}."))
    creation = two.plan(Side.QUICKBOOKS)
    assert creation.wanted == []
    assert len(creation.blocked) == 4
    assert sum(told in one.reason for one in creation.blocked) >= 2
    assert "client" in reasons(creation)[placed_name(f"{name}.", "Garden")]


def test_a_name_in_use_by_another_kind_is_told_with_its_holder(two):
    """A name at the top is used once among customers, vendors and employees, whatever its case."""
    two.person("Bo Li", QboKind.VENDOR)
    two.person("Acme", QboKind.EMPLOYEE)
    two.path("Ann Lee")
    two.project("BO LI")
    two.project("Garden", two.client("acme"))
    two.user("Ann Lee")
    creation = two.plan(Side.QUICKBOOKS)
    assert creation.wanted == []
    told = reasons(creation)
    assert "vendor 'Bo Li'" in told["BO LI"]
    assert "employee 'Acme'" in told["acme"]
    assert "customer 'Ann Lee'" in told["Ann Lee"]


def test_a_sub_customer_may_bear_a_name_that_is_used_at_the_top(two):
    """What must differ is the whole path."""
    two.person("Bo Li", QboKind.VENDOR)
    two.path("Acme")
    two.project("Bo Li", two.client("Acme"))
    two.make(Side.QUICKBOOKS)
    assert two.paths() == ["Acme", "Acme:Bo Li"]


def test_a_fifth_level_below_the_top_is_told(two):
    """QuickBooks has four."""
    two.path("A", "B", "C", "D", "E")
    two.project("F", two.client("E"))
    creation = two.plan(Side.QUICKBOOKS)
    assert creation.wanted == []
    assert "5 levels below" in reasons(creation)["E › F"]


def test_who_may_be_there_already_is_not_made_again(two):
    """A person must decide about a near miss: neither side gets a duplicate."""
    two.user("Jon Smith", email="jon@example.com")
    two.person("John Smith", email="jonathan@example.com")
    two.project("Garden", two.client("Acme"))
    two.path("Acme", "Gardens")
    for side in Side:
        creation = two.plan(side)
        assert [one for one in creation.wanted if one.kind != Kind.CLIENT] == []
        assert all("one letter" in one.reason for one in creation.blocked)
        assert all("`clockbooks link " in one.reason for one in creation.blocked)
    assert reasons(two.plan(Side.CLOCKIFY)).keys() == {"John Smith", "Gardens"}


def test_who_is_called_another_is_made_in_spite_of_a_near_miss(two):
    """Only those whom somebody has named, and not where QuickBooks takes the names for one."""
    jon, kim = two.user("Jon Smith"), two.user("Kim Ode")
    two.user("Ann LEE")
    for name in ("John Smith", "Kim Odes", "Ann Lee"):
        two.person(name)
    garden = two.project("Garden", two.client("Acme"))
    two.path("Acme", "Gardens")

    creation = two.plan(Side.QUICKBOOKS, others={jon, garden})
    assert {one.clockify_id for one in creation.wanted} == {jon, garden}
    assert reasons(creation).keys() == {"Kim Ode", "Ann LEE"}
    everybody = two.plan(Side.QUICKBOOKS, others={*two.users, *two.projects})
    assert {one.clockify_id for one in everybody.wanted} == {jon, kim, garden}
    assert "has this name already" in reasons(everybody)["Ann LEE"]


def test_a_client_that_may_be_there_already_is_not_made_again(two):
    """`Acme, Inc.` in QuickBooks, `Acme Inc` in Clockify: make the names equal."""
    two.path("Acme, Inc.")
    two.project("Garden", two.client("Acme Inc"))
    creation = two.plan(Side.QUICKBOOKS)
    assert creation.wanted == []
    assert "punctuation" in reasons(creation)["Acme Inc"]


def test_a_namesake_under_another_customer_is_another_project(two):
    """The client decides: it is made."""
    two.path("A", "Kitchen")
    two.project("Kitchen", two.client("B"))
    two.make(Side.QUICKBOOKS)
    assert two.paths() == ["A", "A:Kitchen", "B", "B:Kitchen"]


def test_what_is_over_is_not_made(two):
    """Archived projects, and users who left or never joined, are not created."""
    two.user("Gone Girl", active=False)
    two.user(None, email="new@example.com")
    two.project("Done", active=False)
    two.path("Old", "Sub")
    for row in two.customers.values():
        row |= {"active": False, "name": f"{row['name']} (deleted)"}
    creation = two.plan(Side.QUICKBOOKS)
    assert creation.wanted == []
    assert len(creation.blocked) == 3
    assert two.plan(Side.CLOCKIFY).wanted == []


def test_with_payroll_no_employee_is_made(two):
    """QuickBooks then requires an address, which Clockify does not have; customers are created."""
    two.user("Ann Lee")
    two.project("Garden")
    creation = two.plan(Side.QUICKBOOKS, has_payroll=True)
    assert [one.name for one in creation.wanted] == ["Garden"]
    assert "Payroll" in reasons(creation)["Ann Lee"]


def test_two_of_a_name_are_not_made_into_one(two):
    """Users with the same name, and projects that differ only in case."""
    for name in ("Ann Lee", "Ann Lee"):
        two.user(name)
    two.project("Garden")
    two.project("GARDEN")
    creation = two.plan(Side.QUICKBOOKS)
    assert len(creation.wanted) == len(creation.blocked) == 2
    assert all("same name" in one.reason for one in creation.blocked)


# --- what Clockify cannot hold ------------------------------------------------------------------


def test_names_that_clockify_does_not_take_are_told_before(two):
    """Projects have 2 to 250 characters, clients at most 100; their children are reported too."""
    two.path("X")
    two.path("y" * 251)
    two.path("z" * 101, "Garden")
    creation = two.plan(Side.CLOCKIFY)
    assert creation.wanted == []
    told = reasons(creation)
    assert "2 to 250" in told["X"]
    assert "251 characters" in told["y" * 251]
    assert "101 characters" in told["z" * 101]
    assert "its client" in told["Garden"]


def test_invitations_need_one_address_that_nobody_has(two):
    """By e-mail only. Vendors are never invited, because most of them are suppliers."""
    two.person("No Address")
    two.person("Two Addresses", email="a@example.com, b@example.com")
    two.person("Known Already", email="Known@example.com")
    two.person("First", email="both@example.com")
    two.person("Second", email="both@example.com")
    two.person("Stone & Sons", QboKind.VENDOR, email="stone@example.com")
    two.user("Somebody Else", email="known@example.com")
    creation = two.plan(Side.CLOCKIFY)
    assert [(one.name, one.email) for one in creation.wanted] == [("First", "both@example.com")]
    told = reasons(creation)
    assert "no address" in told["No Address"]
    assert "not a single e-mail address" in told["Two Addresses"]
    assert "e-mail address" in told["Known Already"]
    assert "another employee" in told["Second"].lower()


def test_a_project_that_was_unlinked_is_not_made_again(two):
    """It exists, and the person who removed the link decides."""
    two.path("Garden")
    garden = two.project("Garden")
    directory = two.directory
    found = {
        "users": match_users(directory.users, directory.people, linked=NO_LINKS, link_vendors=True),
        "projects": match_projects(
            directory.projects,
            directory.customers,
            linked=NO_LINKS,
            apart={garden: Problem.UNLINKED},
        ),
        "linked": NO_LINKS,
    }
    creation = plan_for_clockify(directory, **found)
    assert creation.wanted == []
    assert f"`clockbooks link project {garden} 20000`" in reasons(creation)["Garden"]
    assert plan_for_quickbooks(directory, **found).wanted == []


def test_projects_of_an_archived_client_are_told(two):
    """Clockify would accept them, and nobody would see them."""
    two.path("Acme", "Garden")
    two.client("Acme", active=False)
    creation = two.plan(Side.CLOCKIFY)
    assert creation.wanted == []
    assert "archived" in reasons(creation)["Garden"]


# --- what happens to links ----------------------------------------------------------------------


def test_what_happens_to_linked_ones_is_told_and_breaks_nothing(two):
    """Renamed, deleted, inactive or merged on either side: it is reported, and the link stays."""
    for name in ("Ann Lee", "Bo Li", "Cy Ray", "Di Fox", "Ed Orr"):
        two.user(name)
        two.person(name)
    two.project("Garden", two.client("Acme"))
    two.path("Acme", "Garden")
    two.sync()
    before = two.links

    two.users["u0000"]["name"] = "Ann Miller"
    two.people["10001"]["name"] = "Robert Li"
    two.users["u0002"] |= {"name": "DeletedUser", "active": False}
    two.people["10003"] |= {"name": "Di Fox (deleted)", "active": False}
    del two.people["10004"]
    two.clients["c0000"]["name"] = "ACME"
    two.sync()

    assert two.links.equals(before)
    told = [(one.link["clockify_name"], one.what) for one in changes(two.directory, two.links)]
    assert sorted(told) == [
        ("Acme › Garden", "renamed"), ("Ann Lee", "renamed"), ("Bo Li", "renamed"),
        ("Cy Ray", "deleted"), ("Di Fox", "deactivated"), ("Ed Orr", "gone"),
    ]  # fmt: skip


# --- properties ---------------------------------------------------------------------------------

NAMES = [
    "Ann Lee",
    "Lee Ann",
    "ann lee",
    "Bo Li",
    "Bo Lí",
    "Acme",
    "ACME",
    "Site",
    "Kitchen",
    "A:B",
]
names = st.sampled_from(NAMES)
addresses = st.sampled_from([None, "ann@example.com", "bo@example.com"])


@st.composite
def scenarios(draw):
    """Two directories of a few confusable names."""
    two = Two()
    for name in draw(st.lists(names | st.none(), max_size=4)):
        two.user(name, email=draw(addresses), active=draw(st.booleans()))
    client_ids = [two.client(name) for name in draw(st.lists(names, max_size=3, unique=True))]
    placed = st.tuples(names, st.sampled_from([None, *client_ids]))
    for name, client_id in draw(st.lists(placed, max_size=4, unique=True)):
        two.project(name, client_id, active=draw(st.booleans()))
    used = set()
    for name in draw(st.lists(names, max_size=3, unique_by=str.casefold)):
        used.add(name.casefold())
        kind = draw(st.sampled_from([QboKind.EMPLOYEE, QboKind.VENDOR]))
        two.person(name.replace(":", " "), kind, email=draw(addresses))
    for path in draw(st.lists(st.lists(names, min_size=1, max_size=4), max_size=4)):
        clean = [name.replace(":", " ").title() for name in path]  # one spelling, as QuickBooks has
        if clean[0].casefold() not in used:
            two.path(*clean)
    return two


@settings(max_examples=settings().max_examples // 4)
@given(scenarios(), st.permutations(list(Side)))
def test_what_was_made_is_never_made_again(two, sides):
    """Creating on both sides ends, and creates nothing twice: the model refuses duplicates."""
    made = []
    for _ in range(4):
        made += [one.key for side in sides for one in two.make(side).wanted]
    for side in sides:
        assert two.plan(side).wanted == []
    assert len(set(made)) == len(made)
    linked = [(row.kind, row.clockify_id) for row in two.links.itertuples()]
    assert len(set(linked)) == len(linked)


@settings(max_examples=settings().max_examples // 2)
@given(scenarios(), st.randoms(use_true_random=False))
def test_syncing_again_and_renaming_changes_no_link(two, random):
    """A second sync finds nothing new; a rename on either side keeps every link as it is."""
    two.sync()
    links = two.links
    two.sync()
    assert two.links.equals(links)
    for rows in (two.users, two.projects, two.people, two.customers):
        for row in rows.values():
            if random.random() < 0.5 and row["name"]:
                row["name"] = f"{row['name']} {random.randrange(10_000)}"
    two.sync()
    assert two.links.head(len(links)).equals(links)


@given(scenarios())
def test_no_link_is_ever_guessed(two):
    """Each linked row has the name of its only partner, and no other row has it."""
    two.sync()
    for row in two.links.itertuples():
        if row.kind == Kind.USER:
            name = same_form(two.users[row.clockify_id]["name"])
            assert [same_form(u["name"] or "") for u in two.users.values()].count(name) == 1
            rows = [p for p in two.people.values() if same_form(p["name"]) == name]
            kinds = [p["qbo_kind"] for p in rows]
            assert kinds.count(QboKind.EMPLOYEE) == 1 or kinds == [QboKind.VENDOR]
        else:
            project = two.projects[row.clockify_id]
            tree = two.directory.customers
            wanted = project["name"].split(":")[-1]
            assert two.customers[row.qbo_id]["name"] == wanted
            assert len(tree[tree["name"] == wanted]) >= 1
