"""Who matches whom: equal names link, nothing is ever guessed."""

import unicodedata
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.links import Links
from transforms.linking import match_projects, match_users
from transforms.names import same_form, without_case

NOBODY = Links.validate(pd.DataFrame(columns=list(Links.to_schema().columns), dtype="str"))

#: Few letters, so that equal names, near misses and spaces come often.
names = st.text(alphabet="aAéß .'", min_size=1, max_size=4).filter(str.strip)


def pairs(matches: Any) -> dict[str, str]:
    """Give the new links as ids."""
    return dict(zip(matches.links["clockify_id"], matches.links["qbo_id"], strict=True))


def problems(matches: Any) -> dict[str, str]:
    """Give why the others have no link."""
    return dict(zip(matches.unlinked["clockify_id"], matches.unlinked["problem"], strict=True))


@given(names)
def test_a_name_is_the_same_composed_or_not_and_with_any_spaces(name):
    """NFC and collapsed white space: what looks equal is equal, however often it is compared."""
    decomposed = f"  {unicodedata.normalize('NFD', name).replace(' ', '   ')} "

    assert same_form(decomposed) == same_form(name)
    assert same_form(same_form(name)) == same_form(name)
    assert without_case(name.upper()) == without_case(name.upper().lower().upper())


@given(st.lists(names, max_size=6), st.lists(names, max_size=6))
def test_no_user_is_guessed_and_each_is_told(users, people):
    """A link needs exactly one user and one employee of the name; all others get their problem."""
    frame_users = _users(users)
    frame_people = _people(people)

    matches = match_users(frame_users, frame_people, linked=NOBODY, link_vendors=True)

    found = pairs(matches)
    for row in frame_users.itertuples():
        same_users = sum(same_form(name) == same_form(row.name) for name in users)
        same_people = [
            id_ for id_, name in enumerate(people) if same_form(name) == same_form(row.name)
        ]
        if same_users == 1 and len(same_people) == 1:
            assert found[row.clockify_id] == str(same_people[0])
        else:
            assert row.clockify_id not in found
    assert set(found) | set(problems(matches)) == set(frame_users["clockify_id"])
    assert not set(found) & set(problems(matches))


@given(st.lists(names, max_size=6), st.lists(names, max_size=6), st.randoms())
def test_matching_does_not_depend_on_order_and_is_done_once(users, people, dice):
    """Shuffled lists give the same links; a second sync with these links adds none."""
    frame_users, frame_people = _users(users), _people(people)
    first = match_users(frame_users, frame_people, linked=NOBODY, link_vendors=True)
    shuffled = match_users(
        frame_users.sample(frac=1, random_state=dice.randrange(1000)),
        frame_people.sample(frac=1, random_state=dice.randrange(1000)),
        linked=NOBODY,
        link_vendors=True,
    )
    again = match_users(frame_users, frame_people, linked=first.links, link_vendors=True)

    assert pairs(shuffled) == pairs(first)
    assert pairs(again) == {}


def _users(found: list[str]) -> pd.DataFrame:
    rows = [(f"u{number}", name, None) for number, name in enumerate(found)]
    return pd.DataFrame(rows, columns=["clockify_id", "name", "email"])


def _people(found: list[str]) -> pd.DataFrame:
    rows = [(str(number), "employee", name, True) for number, name in enumerate(found)]
    return pd.DataFrame(rows, columns=["qbo_id", "qbo_kind", "name", "active"])


def test_the_employee_wins_over_the_vendor(users, people):
    """Where both exist the employee is meant; vendors only where the connection allows them."""
    both = people(("employee", "1", "Ann Lee"), ("vendor", "2", "Ann Lee"), ("vendor", "3", "Bo"))

    allowed = match_users(users("Ann Lee", "Bo"), both, linked=NOBODY, link_vendors=True)
    forbidden = match_users(users("Ann Lee", "Bo"), both, linked=NOBODY, link_vendors=False)

    assert pairs(allowed) == {"u1": "1", "u2": "3"}
    assert pairs(forbidden) == {"u1": "1"}


@pytest.mark.parametrize("name", ["DeletedUser", None, "  "])
def test_nobody_is_found_by_a_name_that_is_none(users, people, name):
    """Deleted users all read DeletedUser, new ones have no name: neither links by it."""
    matches = match_users(
        users(name), people(("employee", "1", "DeletedUser")), linked=NOBODY, link_vendors=True
    )

    assert pairs(matches) == {}


def test_case_alone_is_a_near_miss(users, people):
    """A pair that agrees only without case is named, not linked."""
    matches = match_users(
        users("Dana mcallister"),
        people(("employee", "61", "Dana McAllister")),
        linked=NOBODY,
        link_vendors=True,
    )

    assert problems(matches) == {"u1": "near"}
    assert "'Dana McAllister' (id 61)" in matches.unlinked["candidates"].iloc[0]


@pytest.mark.parametrize(
    ("project", "links_to"),
    [
        ("Solo", "Solo"),  # top-level without sub-customers: project, without client
        ("Customer › Sub 1", "Customer:Sub 1"),  # sub-customer with subs: project of its parent
        ("Sub 1 › Sub 2", "Customer:Sub 1:Sub 2"),
        ("Sub 2 › Sub 3", "Customer:Sub 1:Sub 2:Sub 3"),
        ("Customer", "Customer"),  # a top-level customer with subs, as project without client
        ("Sub 3", "Customer:Sub 1:Sub 2:Sub 3"),  # the only one of that name
        ("Jack Doe", "Jack Doe"),  # the top one, not the one below "Doe, Jack"
        ("Doe, Jack › Jack Doe", "Doe, Jack:Jack Doe"),
        ("Gone", None),  # inactive
        ("Customer › Sub 3", None),  # right name, wrong client
        ("Phase", None),  # below two parents
        ("North › Phase", "North:Phase"),
    ],
)
def test_the_hierarchy_table_holds(projects, customers, project, links_to):
    """Client › project is parent › sub-customer at every depth, as the domain's table says."""
    full_names = [
        "Solo",
        "Customer",
        "Customer:Sub 1",
        "Customer:Sub 1:Sub 2",
        "Customer:Sub 1:Sub 2:Sub 3",
        "Jack Doe",
        "Doe, Jack",
        "Doe, Jack:Jack Doe",
        "Gone (deleted)",
        "North",
        "North:Phase",
        "South",
        "South:Phase",
    ]

    matches = match_projects(projects(project), customers(*full_names), linked=NOBODY)

    expected = {"p1": str(full_names.index(links_to) + 1)} if links_to else {}
    assert pairs(matches) == expected
    if project == "Phase":
        assert problems(matches) == {"p1": "ambiguous"}
    if project == "Customer › Sub 3":
        assert problems(matches) == {"p1": "near"}
