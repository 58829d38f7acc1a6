"""Both services' lists to directories: what the real ones give, and rows that are none."""

import json

import pandas as pd
import pytest

from schemas.links import Links
from transforms.directory.match import match_projects
from transforms.directory.read_directory import (
    read_customers,
    read_people,
    read_projects,
    read_users,
)

NO_LINKS = Links.validate(pd.DataFrame(columns=list(Links.to_schema().columns), dtype="str"))


def sample(path, entity):
    return json.loads(path.read_text(encoding="utf-8"))["QueryResponse"][entity]


def rows_of(validated):
    frame = validated.good
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.fixture
def real_customers(shared_samples):
    """Return the customers of a real company."""
    return sample(shared_samples("qbo/samples/http-qbo_api/all_customers.1.json"), "Customer")


def test_every_customer_of_a_real_company_is_read(real_customers):
    """Nobody is set aside; sub-customers know their parent, others have none."""
    validated = read_customers(real_customers)

    assert validated.problems == {}
    assert len(validated.good) == len(real_customers) == 41
    by_id = {row["qbo_id"]: row for row in rows_of(validated)}
    assert by_id["8"] == {
        "qbo_id": "8",
        "name": "0969 Ocean View Road",
        "parent_id": "7",
        "full_name": "Freeman Sporting Goods:0969 Ocean View Road",
        "active": True,
    }
    assert by_id["7"]["parent_id"] is None


def test_a_name_that_a_real_company_has_twice(real_customers, projects):
    """`Jack Doe` is a customer (60) and a sub-customer of `Doe, Jack` (64): the client decides."""
    matches = match_projects(
        projects("Jack Doe", "Doe, Jack › Jack Doe", "Doe, Jack", "Doe, Jane › Jack Doe"),
        read_customers(real_customers).good,
        linked=NO_LINKS,
    )

    found = dict(zip(matches.links["clockify_id"], matches.links["qbo_id"], strict=True))
    assert found == {"p1": "60", "p2": "64", "p3": "62"}
    assert matches.unlinked["problem"].tolist() == ["near"]
    assert "id 60" in matches.unlinked["candidates"][0]
    assert "id 64" in matches.unlinked["candidates"][0]


def test_employees_and_vendors_of_a_real_company(shared_samples):
    """Both are in one frame; inactive ones are marked, with the name that QuickBooks shows."""
    folder = "qbo/samples/http-qbo_api/"
    employees = sample(shared_samples(f"{folder}all_employees_including_active.1.json"), "Employee")
    vendors = sample(shared_samples(f"{folder}all_vendors_by_5.1.json"), "Vendor")

    validated = read_people(employees, vendors)

    assert validated.problems == {}
    people = [tuple(row.values()) for row in rows_of(validated)]
    assert people[:3] == [
        ("55", "employee", "Emily Platt (deleted)", None, False),
        ("54", "employee", "John Johnson", None, True),
        ("56", "vendor", "Bob's Burger Joint", None, True),
    ]
    assert len(people) == 7


@pytest.mark.parametrize("year", ["hydrated", "unhydrated"])
def test_real_projects_are_read(shared_samples, year):
    """With the name of their client, from the project or from the list of clients."""
    path = shared_samples(f"clockify/samples/json/core_projects_list_{year}_2023.json")
    rows = json.loads(path.read_text(encoding="utf-8"))

    validated = read_projects(rows, [])

    assert validated.problems == {}
    assert [row["clockify_id"] for row in rows_of(validated)] == [row["id"] for row in rows]
    assert [row["client_name"] for row in rows_of(validated)] == [
        row.get("clientName") or None for row in rows
    ]


def test_a_project_finds_its_clients_name():
    """From the row, else from the list; empty means none, and so does an unknown client."""
    rows = [
        {"id": "1", "name": "A", "clientId": "c", "clientName": "On the wire"},
        {"id": "2", "name": "B", "clientId": "c"},
        {"id": "3", "name": "C", "clientId": "c", "clientName": ""},
        {"id": "4", "name": "D", "clientId": "", "clientName": ""},
        {"id": "5", "name": "E"},
        {"id": "6", "name": "F", "clientId": "unknown"},
    ]

    validated = read_projects(rows, [{"id": "c", "name": "In the list"}])

    assert [row["client_name"] for row in rows_of(validated)] == [
        "On the wire", "In the list", "In the list", None, None, None,
    ]  # fmt: skip


def test_users_without_a_name_stay():
    """A user who never signed in has no name, but may have entries."""
    validated = read_users([{"id": "u1", "name": None, "email": "a@b"}, {"id": "u2"}])
    assert validated.problems == {}
    assert [row["name"] for row in rows_of(validated)] == [None, None]


@pytest.mark.parametrize(
    ("status", "membership", "invited"),
    [
        ("ACTIVE", "ACTIVE", False),
        ("ACTIVE", "PENDING", True),
        ("PENDING_EMAIL_VERIFICATION", "ACTIVE", True),
        ("NOT_REGISTERED", "PENDING", True),
        ("NOT_REGISTERED", "DECLINED", False),
        ("PENDING_EMAIL_VERIFICATION", "INACTIVE", False),
        ("DELETED", "PENDING", False),
    ],
)
def test_who_has_yet_to_accept_is_invited(status, membership, invited):
    """The account or the membership tells; who declined, left or was deleted is not asked again."""
    here = {"membershipType": "WORKSPACE", "membershipStatus": membership}
    elsewhere = {"membershipType": "PROJECT", "membershipStatus": "PENDING"}
    row = {"id": "u1", "status": status, "memberships": [here, elsewhere]}
    assert rows_of(read_users([row]))[0]["invited"] is invited


def test_what_does_not_say_that_it_is_inactive_is_active():
    """QuickBooks may leave out what is true."""
    validated = read_people([{"Id": "1", "DisplayName": "Ann"}], [])
    assert rows_of(validated)[0]["active"] is True


@pytest.mark.parametrize(
    ("row", "about"),
    [
        ({"DisplayName": "No id"}, "qbo_id"),
        ({"Id": "9"}, "name"),
        ({"Id": "9", "DisplayName": ""}, "name"),
        ({"Id": "1", "DisplayName": "Again"}, "qbo_id"),
    ],
)
def test_a_row_that_is_none_is_set_aside(row, about):
    """With its reason; the other rows stay."""
    validated = read_customers(
        [{"Id": "2", "DisplayName": "Good"}, row, {"Id": "1", "DisplayName": "x"}]
    )
    assert "Good" in validated.good["name"].tolist()
    assert any(f"{about} is" in problem for problem in validated.problems.values())


def test_empty_lists_are_empty_directories():
    """A new company has nobody yet."""
    for validated in (
        read_users([]),
        read_projects([], []),
        read_people([], []),
        read_customers([]),
    ):
        assert len(validated.good) == 0
        assert validated.problems == {}
