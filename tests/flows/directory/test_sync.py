"""What a sync says and keeps: every link and every gap of the demo's directories, and no more."""

from copy import deepcopy
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

MEMBERS = {"kind", "clockify_id", "clockify_name", "qbo_kind", "qbo_id", "qbo_name"}

USERS = {
    "Zoë Lindqvist": ("employee", "51"), "Priya Raman": ("employee", "52"),
    "Marcus O'Brien": ("employee", "53"), "Inés Núñez": ("employee", "54"),
    "Tomasz Wo\u0301jcik": ("employee", "55"), "Grace Okafor": ("employee", "56"),
    "Hannah Vogel-Reyes": ("employee", "57"), "Kofi Mensah": ("employee", "58"),
    "Mei-Ling Chen": ("employee", "59"), "Sam D'Angelo": ("employee", "60"),
    "Lucía Ferreira": ("vendor", "71"), "Bjørn Aas": ("vendor", "72"),
}  # fmt: skip

PROJECTS = {
    "Lakeshore University › School of Engineering": "2",
    "School of Engineering › Lab Building": "3",
    "Lab Building › Phase 1": "4",
    "Lab Building › Phase 2": "5",
    "Lakeshore University › Courtyard": "6",
    "Hôtel Saint-Clair › Courtyard": "11",
    "Hôtel Saint-Clair › Rooftop Terrace": "12",
    "Riverside Park District": "7",
    "Riverside Park District › Maple Street Playground": "8",
    "Riverside Park District › North Lagoon Restoration": "9",
    "Ana Delgado": "15",
    "Delgado, Ana › Ana Delgado": "14",
    "St. Brigid Parish › Parish Hall": "17",
    "St. Brigid Parish › Cemetery Wall": "18",
    "City of Harmony Falls › Fire Station No. 7": "20",
    "City of Harmony Falls › Library Annex": "21",
    "Núñez Bakery": "22",
    "O'Brien & Sons Brewery": "23",
    "Oakhurst Homeowners' Association": "24",
    "Kessler Residence": "25",
    "Chloë's Flower Market": "26",
    "Brasserie Lenoir › Terrace": "28",
    "Meridian Capital Partners": "30",
}


@pytest.fixture(scope="module")
def found(shared_house: Any) -> dict[str, Any]:
    """Return the JSON document of a sync of the demo's scenario."""
    ran = shared_house.run("sync", "--json")
    assert ran.code == 0, ran.err
    document: dict[str, Any] = ran.document
    return document


def test_each_list_has_the_promised_members(found):
    """Scripts find the same six members in every object of every list."""
    for name in ("links", "missing", "near_misses", "ambiguous", "created", "invited"):
        assert all(set(item) >= MEMBERS for item in found[name])
    assert found["created"] == []
    assert found["set_aside"] == []


def test_who_has_not_accepted_the_invitation_is_told(found, shared_house):
    """By the address that it went to; on a terminal, too."""
    (one,) = found["invited"]

    assert (one["kind"], one["clockify_id"]) == ("user", "64d0000000000000000000b1")
    assert one["email"] in one["why"]
    assert one["email"] in shared_house.run("sync").out


def test_who_bears_the_same_name_is_linked_and_nobody_else(found):
    """Employees before vendors; apart from accents and spaces, names must be equal."""
    users = {
        item["clockify_name"]: (item["qbo_kind"], item["qbo_id"])
        for item in found["links"]
        if item["kind"] == "user"
    }
    assert users == USERS


def test_a_project_is_the_sub_customer_of_its_client(found):
    """Four levels of QuickBooks, twins under two parents, a customer and a house of one name."""
    projects = {
        item["clockify_name"]: item["qbo_id"]
        for item in found["links"]
        if item["kind"] == "project"
    }
    assert projects == PROJECTS
    assert {item["qbo_kind"] for item in found["links"] if item["kind"] == "project"} == {
        "customer"
    }


def test_near_misses_and_double_names_are_told_with_their_candidates(found):
    """Nothing is guessed; the ids let a person decide."""
    near = [(item["clockify_name"], item["qbo_id"], item["why"]) for item in found["near_misses"]]
    assert near == [
        ("Dana mcallister", "61", "differs in case"),
        ("Riverside Park District › Parish Hall", "17", "is under a different parent"),
        ("Willow creek Vineyard", "29", "differs in case"),
    ]
    double = [(item["clockify_name"], item["qbo_id"]) for item in found["ambiguous"]]
    assert double == [("Courtyard", "11"), ("Courtyard", "6")]
    assert all(item["why"].startswith("2 in QuickBooks") for item in found["ambiguous"])


def test_what_is_on_one_side_only_is_missing_from_the_other(found):
    """Active rows without a partner are listed with their id; a deleted user is known by id."""
    here = {item["clockify_id"] for item in found["missing"] if item["clockify_id"]}
    assert here == {
        "64d0000000000000000000ae",  # Theo Park
        "64d0000000000000000000af",  # DeletedUser
        "64d0000000000000000000b1",  # invited, without a name yet
        "64b0000000000000000000ba",  # Pocket Park Competition
    }
    there = {
        (item["qbo_kind"], item["qbo_id"]) for item in found["missing"] if not item["clockify_id"]
    }
    assert {id_ for kind, id_ in there if kind == "employee"} == {"61", "62", "63"}
    assert {id_ for kind, id_ in there if kind == "vendor"} == {"73", "74"}
    customers = {id_ for kind, id_ in there if kind == "customer"}
    assert customers >= {"29", "31", "32"}
    assert not customers & {*PROJECTS.values(), "33"}


def test_a_second_sync_changes_nothing_anywhere(synced, rows_of):
    """Both services and the stored links are as before, to the last member."""
    tables = ("links", "unlinked", "ledger", "verdicts", "runs")

    def everything() -> list[Any]:
        clockify, quickbooks = synced.clockify, synced.quickbooks
        sides = [clockify.users, clockify.clients, clockify.projects, clockify.tags,
                 clockify.entries, quickbooks.customers, quickbooks.employees,
                 quickbooks.vendors, quickbooks.activities]  # fmt: skip
        return [*(rows_of(synced, table) for table in tables), *deepcopy(sides)]

    before = everything()
    first, second = (synced.run("sync", "--json") for _ in range(2))

    assert first.document == second.document
    assert everything() == before
    writes = [path for method, path, _ in synced.quickbooks.requests if method != "GET"]
    assert {path.rpartition("/")[2] for path in writes} <= {"bearer"}


def test_a_link_outlives_names_and_activity_on_both_sides(synced, rows_of):
    """Renamed, deactivated and deleted: links hold ids, so they and later sends do not break."""
    clockify, quickbooks = synced.clockify, synced.quickbooks
    clockify.users["64d0000000000000000000a1"]["name"] = "Zoë Marchetti"
    clockify.users["64d0000000000000000000a9"] |= {
        "status": "DELETED",
        "membershipStatus": "INACTIVE",
    }
    clockify.projects["64b0000000000000000000b5"]["name"] = "Kessler House"
    quickbooks.employees["53"]["DisplayName"] = "M. O'Brien"
    before = rows_of(synced, "links")

    assert synced.run("sync").code == 0
    assert rows_of(synced, "links") == before
    day = ("--start", "2026-09-08", "--end", "2026-09-10")
    sent = synced.run("send", *day, "--yes", "--json").document

    reasons = set(sent["counts"]["rejected"])
    assert not reasons & {"unlinked_user", "unlinked_project", "ambiguous_name"}
    people = {row.get("EmployeeRef", {}).get("value") for row in quickbooks.activities.values()}
    assert people >= {"51", "53", "59"}


def test_the_words_for_people_name_the_same(shared_house):
    """Without --json, a person sees the counts, the near misses and what is missing."""
    ran = shared_house.run("sync")

    assert ran.code == 0
    assert "Linked: 12 users, 23 projects." in ran.out
    for name in ("Dana mcallister", "Theo Park", "Courtyard", "Fernwood Elementary School"):
        assert name in ran.out
