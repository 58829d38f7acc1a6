"""`clockbooks sync --create`: each name once, whatever breaks, and each one linked."""

import csv
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from copy import deepcopy
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

EMPTY_CLOCKIFY = ("clients", "projects", "tasks", "tags", "entries")
EMPTY_QUICKBOOKS = ("customers", "employees", "vendors")

#: The domain's example: four levels, and one without any below it.
FOUR_LEVELS = [
    {"Id": "1", "DisplayName": "Customer"},
    {"Id": "2", "DisplayName": "Sub 1", "ParentRef": {"value": "1"}},
    {"Id": "3", "DisplayName": "Sub 2", "ParentRef": {"value": "2"}},
    {"Id": "4", "DisplayName": "Sub 3", "ParentRef": {"value": "3"}},
    {"Id": "5", "DisplayName": "Lonely"},
]


@pytest.fixture
def settle_in(open_house, tmp_path, shared_house):
    """Yield a function that opens a connected house in which some lists of the demo are empty."""
    houses = []

    def settle(*, clockify=(), quickbooks=(), customers=None, employees=None) -> Any:
        scenario = deepcopy(shared_house.scenario)
        scenario["clockify"] |= {name: [] for name in clockify}
        scenario["quickbooks"] |= {name: [] for name in quickbooks}
        if customers is not None:
            scenario["quickbooks"]["customers"] = customers
        if employees is not None:
            scenario["quickbooks"]["employees"] = employees
        opened = open_house(scenario, tmp_path)
        houses.append(opened)
        house = opened.__enter__()
        house.environment["CLOCKBOOKS_QBO_BATCH_SIZE"] = "10"
        # Connected already, and not synced yet.
        shutil.copy(shared_house.folder / "connected.db", tmp_path / "clockbooks.db")
        shutil.copy(shared_house.folder / "clockbooks.key", tmp_path)
        return house

    yield settle
    for opened in houses:
        opened.__exit__(None, None, None)


def clockify_names(house):
    """Return how often Clockify has each client, and each project with its client."""
    clients = {client["id"]: client["name"] for client in house.clockify.clients.values()}
    return Counter(clients.values()), Counter(
        (clients.get(project["clientId"], ""), project["name"])
        for project in house.clockify.projects.values()
    )


def quickbooks_names(house):
    """Return QuickBooks' active customers by their full names, and its employees."""
    return tuple(
        Counter(row[name] for row in rows.values() if row["Active"])
        for rows, name in (
            (house.quickbooks.customers, "FullyQualifiedName"),
            (house.quickbooks.employees, "DisplayName"),
        )
    )


def create(house, side, *more):
    return house.run("sync", "--create", side, "--json", *more)


def killed_at(house, standin, where, skip, *arguments):
    """Run a command that is killed when the answer to a write is on its way: the work is done."""
    running = []

    def kill(answer):
        running[0].kill()
        return answer

    standin.faults.plan(where, "edit", skip=skip, edit=kill)
    process = house.fork(*arguments)
    running.append(process)
    process.communicate(timeout=60)
    assert process.returncode == -9
    standin.faults.clear()


# --- from QuickBooks to Clockify ----------------------------------------------------------------


def test_the_hierarchy_of_the_domain(settle_in):
    """Each customer is linked as the table says, all projects too; nothing is created twice."""
    house = settle_in(clockify=EMPTY_CLOCKIFY, customers=FOUR_LEVELS)

    document = create(house, "clockify").document

    assert clockify_names(house) == (
        {"Customer": 1, "Sub 1": 1, "Sub 2": 1},
        {
            ("Customer", "Sub 1"): 1,
            ("Sub 1", "Sub 2"): 1,
            ("Sub 2", "Sub 3"): 1,
            ("", "Lonely"): 1,
        },
    )
    made = [(item["kind"], item["clockify_name"], item["qbo_id"]) for item in document["created"]]
    assert sorted(made) == [
        ("client", "Customer", "1"),
        ("client", "Sub 1", "2"),
        ("client", "Sub 2", "3"),
        ("project", "Customer › Sub 1", "2"),
        ("project", "Lonely", "5"),
        ("project", "Sub 1 › Sub 2", "3"),
        ("project", "Sub 2 › Sub 3", "4"),
    ]
    assert all(item["clockify_id"] for item in document["created"])
    linked = {item["clockify_id"] for item in document["links"] if item["kind"] == "project"}
    assert linked == set(house.clockify.projects)
    assert [item for item in document["missing"] if item["kind"] != "user"] == []

    before = deepcopy((house.clockify.clients, house.clockify.projects))
    assert create(house, "clockify").document["created"] == []
    assert (house.clockify.clients, house.clockify.projects) == before


def test_the_way_back_gives_the_same_tree(settle_in):
    """Clockify's clients and projects of the hierarchy become the customers that they came from."""
    house = settle_in(clockify=EMPTY_CLOCKIFY, customers=FOUR_LEVELS)
    create(house, "clockify")
    tree = quickbooks_names(house)[0]
    house.quickbooks.customers.clear()
    with closing(sqlite3.connect(house.folder / "clockbooks.db")) as database, database:
        database.execute("DELETE FROM links")

    document = create(house, "quickbooks").document

    assert quickbooks_names(house)[0] == tree
    projects = [item for item in document["created"] if item["kind"] == "project"]
    assert {item["clockify_id"] for item in projects} == set(house.clockify.projects)
    assert {item["qbo_id"] for item in projects} <= set(house.quickbooks.customers)
    assert create(house, "both").document["created"] == []


def test_the_whole_company_is_pulled(settle_in):
    """Every customer of the demo; projects are open to the team as the workspace's settings say."""
    house = settle_in(clockify=EMPTY_CLOCKIFY)

    ran = create(house, "clockify")

    assert ran.code == 0
    customers = {item["qbo_id"] for item in ran.document["links"] if item["kind"] == "project"}
    parents = {
        row["ParentRef"]["value"]
        for row in house.quickbooks.customers.values()
        if "ParentRef" in row and row["Active"]
    }
    tops = {id_ for id_ in parents if "ParentRef" not in house.quickbooks.customers[id_]}
    active = {id_ for id_, row in house.quickbooks.customers.items() if row["Active"]}
    assert customers == active - tops
    clients = {client["name"] for client in house.clockify.clients.values()}
    assert clients == {house.quickbooks.customers[id_]["DisplayName"] for id_ in parents}
    assert {project["public"] for project in house.clockify.projects.values()} == {True}


def test_employees_with_an_address_are_invited_and_linked(settle_in):
    """By e-mail only; the new user is linked at once, whatever name they choose."""
    employees = [
        {"Id": "90", "DisplayName": "Uma Vance", "GivenName": "Uma", "FamilyName": "Vance",
         "PrimaryEmailAddr": {"Address": "uma@example.com"}},
        {"Id": "91", "DisplayName": "Vic Ward", "GivenName": "Vic", "FamilyName": "Ward"},
    ]  # fmt: skip
    house = settle_in(employees=employees)

    document = create(house, "clockify").document

    invited = [item for item in document["created"] if item["kind"] == "user"]
    assert [item["qbo_id"] for item in invited] == ["90"]
    [user] = [u for u in house.clockify.users.values() if u["email"] == "uma@example.com"]
    assert invited[0]["clockify_id"] == user["id"]
    [vic] = [item for item in document["not_created"] if item["qbo_id"] == "91"]
    assert "no address" in vic["why"]

    user["name"] = "Uma V."
    again = create(house, "clockify").document
    assert [item for item in again["created"] if item["kind"] == "user"] == []
    assert user["id"] in {item["clockify_id"] for item in again["links"]}


@pytest.mark.parametrize(
    "skip", [20, *[pytest.param(skip, marks=pytest.mark.slow) for skip in (0, 4, 9, 10, 33)]]
)
def test_a_run_that_dies_while_it_makes_clients_and_projects_makes_nothing_twice(settle_in, skip):
    """Killed when a write was done and its answer not read yet: the next run looks first."""
    house = settle_in(clockify=EMPTY_CLOCKIFY)
    where = "POST .*/(clients|projects)"
    killed_at(house, house.clockify, where, skip, "sync", "--create", "clockify")
    # Several writes are under way at once: those before this one need not all be done.
    assert house.clockify.clients or house.clockify.projects

    document = create(house, "clockify").document

    clients, projects = clockify_names(house)
    assert set(clients.values()) == set(projects.values()) == {1}
    assert (len(clients), len(projects)) == (10, 24)
    linked = {item["clockify_id"] for item in document["links"] if item["kind"] == "project"}
    assert linked == set(house.clockify.projects)
    assert create(house, "clockify").document["created"] == []


@pytest.mark.parametrize("kind", ["drop_after", pytest.param("cut", marks=pytest.mark.slow)])
def test_a_lost_answer_of_clockify_is_looked_for(settle_in, kind):
    """What was created is found and linked within the same run."""
    house = settle_in(clockify=EMPTY_CLOCKIFY, customers=FOUR_LEVELS)
    house.clockify.faults.plan("POST .*/(clients|projects)", kind, times=3)

    ran = create(house, "clockify")

    assert ran.code == 0, ran.err
    assert len(ran.document["created"]) == 7
    assert [set(names.values()) for names in clockify_names(house)] == [{1}, {1}]


def test_what_clockify_refuses_is_told_and_stops_nothing_else(settle_in):
    """The refused client, and what would be under it; the rest is created. Exit code 3."""
    house = settle_in(clockify=EMPTY_CLOCKIFY, customers=FOUR_LEVELS)
    house.clockify.faults.plan(
        "POST .*/clients", "answer", status=400, body='{"message":"No more clients","code":501}',
        content_type="application/json",
    )  # fmt: skip

    ran = create(house, "clockify")

    assert ran.code == 3
    refused = {(item["kind"], item["qbo_id"]): item["why"] for item in ran.document["not_created"]}
    [client] = [id_ for kind, id_ in refused if kind == "client"]  # any: some are made at a time
    assert "No more clients" in refused["client", client]
    below = next(row["Id"] for row in FOUR_LEVELS if row.get("ParentRef") == {"value": client})
    assert refused["project", below] == "Its client was not created."
    assert len(ran.document["created"]) == 5
    assert len(create(house, "clockify").document["created"]) == 2


# --- from Clockify to QuickBooks ----------------------------------------------------------------


def test_customers_and_employees_are_made_from_projects_and_users(settle_in):
    """Each customer has the right parent; active users become employees, with their names split."""
    house = settle_in(quickbooks=EMPTY_QUICKBOOKS)

    ran = create(house, "quickbooks")

    assert ran.code == 0, ran.err
    customers, employees = quickbooks_names(house)
    assert set(customers.values()) == set(employees.values()) == {1}
    assert set(customers) >= {
        "Lakeshore University",
        "Lakeshore University:Courtyard",
        "Lakeshore University:School of Engineering:Lab Building:Phase 1",
        "Hôtel Saint-Clair:Rooftop Terrace",
        "O'Brien & Sons Brewery",
    }
    zoe = next(r for r in house.quickbooks.employees.values() if r["GivenName"] == "Zoë")
    assert (zoe["FamilyName"], zoe["DisplayName"]) == ("Lindqvist", "Zoë Lindqvist")
    active = {
        user["id"]
        for user in house.clockify.users.values()
        if user.get("name") and user.get("membershipStatus", "ACTIVE") == "ACTIVE"
    }
    assert {item["clockify_id"] for item in ran.document["links"] if item["kind"] == "user"} == (
        active
    )
    told = {item["clockify_id"]: item["why"] for item in ran.document["not_created"]}
    assert "archived" in told["64b0000000000000000000ae"]
    assert create(house, "quickbooks").document["created"] == []


@pytest.mark.parametrize(
    ("skip", "memory"),
    [
        (3, False),
        *[
            pytest.param(skip, memory, marks=pytest.mark.slow)
            for skip in (0, 1, 3, 4)
            for memory in (True, False)
            if (skip, memory) != (3, False)
        ],
    ],
)
def test_a_run_that_dies_while_it_makes_customers_makes_nothing_twice(settle_in, skip, memory):
    """Killed when a batch was done and its answer not read yet, with any memory of request ids."""
    house = settle_in(quickbooks=EMPTY_QUICKBOOKS)
    house.quickbooks.switches.remembers_request_ids = memory
    killed_at(house, house.quickbooks, "POST .*/batch", skip, "sync", "--create", "quickbooks")
    assert house.quickbooks.customers

    document = create(house, "quickbooks").document

    customers, employees = quickbooks_names(house)
    assert set(customers.values()) == set(employees.values()) == {1}
    assert [item for item in document["not_created"] if item["tried"]] == []
    assert create(house, "quickbooks").document["created"] == []


@pytest.mark.parametrize(
    "kind",
    ["drop_after", *[pytest.param(k, marks=pytest.mark.slow) for k in ("cut", "drop_before")]],
)
def test_a_lost_answer_of_quickbooks_is_asked_for_again(settle_in, kind):
    """Under the same request id; each name is there once, and linked."""
    house = settle_in(quickbooks=EMPTY_QUICKBOOKS)
    house.quickbooks.faults.plan("POST .*/batch", kind, skip=1)

    ran = create(house, "quickbooks")

    assert ran.code == 0, ran.err
    assert [set(names.values()) for names in quickbooks_names(house)] == [{1}, {1}]
    assert create(house, "quickbooks").document["created"] == []


def test_names_that_cannot_be_held_are_told_before_anything_is_made(settle_in):
    """In a dry run too, which creates nothing; the next run creates the others."""
    house = settle_in(quickbooks=EMPTY_QUICKBOOKS)
    project = house.clockify.projects["64b0000000000000000000b5"]
    project["name"] = "Kessler: House"

    planned = create(house, "quickbooks", "--dry-run").document

    assert quickbooks_names(house) == ({}, {})
    [told] = [item for item in planned["not_created"] if item["clockify_id"] == project["id"]]
    assert "colon" in told["why"]
    assert told["tried"] is False
    made = create(house, "quickbooks").document
    names = [
        sorted(item["clockify_name"] for item in found["created"]) for found in (planned, made)
    ]
    assert names[0] == names[1]
    assert not any("Kessler" in name for name in quickbooks_names(house)[0])


def test_a_dry_run_changes_nothing_anywhere(settle_in, rows_of):
    """Neither service, nor the links, nor what the last sync could not link."""
    house = settle_in(clockify=("clients", "projects"))
    sides = (house.clockify.users, house.clockify.clients, house.clockify.projects,
             house.quickbooks.customers, house.quickbooks.employees)  # fmt: skip
    before = deepcopy(sides)

    ran = create(house, "both", "--dry-run")

    assert ran.code == 0
    assert ran.document["dry_run"] is True
    assert len(ran.document["created"]) > 30
    assert sides == before
    assert rows_of(house, "links") == rows_of(house, "unlinked") == []


def test_a_person_reads_what_was_made_and_a_spreadsheet_gets_all_of_it(settle_in):
    """What would be created, and what not and why, in the terminal; in CSV one row each."""
    house = settle_in(clockify=EMPTY_CLOCKIFY)

    ran = house.run("sync", "--create", "clockify", "--dry-run", "--csv", "out.csv")

    assert ran.code == 0
    for words in ("Would be created", "Lakeshore University › Courtyard", "Not created",
                  "no address", "Nothing was changed"):  # fmt: skip
        assert words in ran.out
    text = (house.folder / "out.csv").read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(text.splitlines())
    assert ",".join(head) == "status,kind,clockify_name,clockify_id,qbo_kind,qbo_name,qbo_id,why"
    statuses = Counter(row[0] for row in rows)
    assert statuses["created in Clockify"] == 34
    assert statuses["linked"] == 12
    assert statuses["near miss"] == 1
