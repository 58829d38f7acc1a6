"""Names and addresses of files mean one person of Clockify, or nobody is guessed."""

import pandas as pd
import pytest

from schemas.clockify import Users
from transforms.exports.resolve_names import resolve_people


def users(*people):
    """Make `Users` of names and addresses; ids count from u1."""
    rows = [
        {"clockify_id": f"u{number}", "name": name, "email": email, "active": True}
        for number, (name, email) in enumerate(people, 1)
    ]
    columns = list(Users.to_schema().columns)
    return Users.validate(pd.DataFrame(rows, columns=columns, dtype=object))


def resolve(name, email, *people):
    """Resolve the names of one row of a file."""
    names = pd.DataFrame({"user_name": [name], "user_email": [email]}, dtype="str")
    return resolve_people(names, users(*people))


@pytest.mark.parametrize(
    ("email", "theirs"),
    [(None, "ann@a.example"), ("ann@a.example", None), (" Ann@A.example", "ann@a.example ")],
)
def test_the_name_decides_where_an_address_is_missing_or_equal(email, theirs):
    """If the file or the user has no address, the name decides."""
    assert resolve("Ann Lee", email, ("Ann Lee", theirs)).ids.tolist() == ["u1"]


def test_a_namesake_with_another_address_is_not_paid():
    """Somebody of the same name is somebody else until a person says otherwise."""
    found = resolve("Ann Lee", "ann@b.example", ("Ann Lee", "ann@a.example"))

    assert found.ids.tolist() == ["name:Ann Lee <ann@b.example>"]
    assert found.strangers.empty
    [row] = found.ambiguous.to_dict("records")
    assert (row["clockify_id"], row["problem"]) == (found.ids[0], "ambiguous")
    assert row["candidates"] == "Clockify's user u1 (ann@a.example)"


def test_a_namesake_without_an_address_is_not_taken_beside_one_with_another():
    """Two have the name: that one has another address does not make it the other's."""
    two = [("Ann Lee", "ann@a.example"), ("Ann Lee", None)]

    found = resolve("Ann Lee", "ann@b.example", *two)

    assert found.ids.tolist() == ["name:Ann Lee <ann@b.example>"]
    assert len(found.ambiguous) == 1


def test_a_stranger_has_one_id_whoever_else_is_in_the_file():
    """The address is part of it: what is linked by hand under it stays linked."""
    ann, namesake = ("Ann Lee", " Ann@A.example"), ("Ann Lee", "ann@b.example")
    alone = resolve(*ann).ids.tolist()
    names = pd.DataFrame([ann, namesake], columns=["user_name", "user_email"], dtype="str")

    together = resolve_people(names, users()).ids.tolist()

    assert alone == together[:1] == ["name:Ann Lee <ann@a.example>"]
    assert together[1:] == ["name:Ann Lee <ann@b.example>"]
    assert resolve("Ann Lee", None).ids.tolist() == ["name:Ann Lee"]


@pytest.mark.parametrize("theirs", [None, "ann@c.example"])
def test_a_name_with_several_addresses_is_matched_by_no_name_alone(theirs):
    """Two addresses under one name are two people; a user of that name may be neither."""
    emails = ["ann@a.example", "ann@b.example", None]
    names = pd.DataFrame({"user_name": "Ann Lee", "user_email": emails}, dtype="str")

    found = resolve_people(names, users(("Ann Lee", theirs)))

    assert found.ids.nunique() == 3
    assert "u1" not in set(found.ids)
    assert len(found.ambiguous) == 3


def test_who_shares_an_address_is_told_apart_by_the_name():
    """If two users share an address, the name decides between them, and nobody else is taken."""
    people = [("Ann Lee", "office@a.example"), ("Bo Li", "office@a.example"), ("Cy Wu", None)]

    assert resolve("Bo Li", "office@a.example", *people).ids.tolist() == ["u2"]
    assert resolve("Cy Wu", "office@a.example", *people).ids.tolist() == ["u3"]
