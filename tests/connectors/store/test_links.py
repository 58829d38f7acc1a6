"""Links are kept by id; what has no partner is what the last sync said."""

import pandas as pd
import pytest

from connectors.store import connections
from connectors.store.links import Links
from schemas import links as schema
from schemas.words import Kind, QboKind


def link(clockify_id, qbo_id, *, kind=Kind.USER, name="Ada", qbo_kind=QboKind.EMPLOYEE):
    return {
        "kind": kind,
        "clockify_id": clockify_id,
        "clockify_name": name,
        "qbo_kind": qbo_kind,
        "qbo_id": qbo_id,
        "qbo_name": "Ada",
        "origin": "name",
    }


def lost(clockify_id, problem="missing", *, kind=Kind.USER, name="Bo"):
    return {
        "kind": kind,
        "clockify_id": clockify_id,
        "clockify_name": name,
        "problem": problem,
        "candidates": "",
    }


def frame(schema, *rows):
    return schema.validate(pd.DataFrame(list(rows), columns=list(schema.to_schema().columns)))


@pytest.fixture
def links(engine, connection_id, clock):
    """Return the links of a connection, none as yet."""
    return Links(engine, connection_id, lambda: clock.now)


@pytest.fixture
def store(links):
    """Return a way to store what a sync found."""

    def put(new=(), without=(), links=links):
        links.store(new=frame(schema.Links, *new), lost=frame(schema.Unlinked, *without))

    return put


def test_links_come_back_as_they_were_stored(links, store):
    """Users and projects, with their names when linked; a deleted user has none."""
    project = link("p1", "21", kind=Kind.PROJECT, name="Acme › Garden", qbo_kind=QboKind.CUSTOMER)
    store([link("u2", "56", name=None), link("u1", "55"), project])

    rows = links.stored()

    assert list(rows["clockify_id"]) == ["p1", "u1", "u2"]
    assert list(rows["qbo_id"]) == ["21", "55", "56"]
    assert list(rows["clockify_name"].isna()) == [False, False, True]
    assert links.unlinked().empty


def test_a_sync_adds_links_and_keeps_the_old_ones(links, store):
    """A link holds ids: no later sync takes it away, whatever became of the names."""
    store([link("u1", "55")])
    store([link("u2", "56")])
    store()

    assert list(links.stored()["clockify_id"]) == ["u1", "u2"]


def test_what_has_no_partner_is_replaced_by_each_sync(links, store):
    """Only the last sync says what lacks: what was mended since is no longer told."""
    store(without=[lost("u1"), lost("u2", "near")])
    store([link("u1", "55")], [lost("u2", "ambiguous"), lost("u3", name=None)])

    rows = links.unlinked()

    assert list(rows["clockify_id"]) == ["u2", "u3"]
    assert list(rows["problem"]) == ["ambiguous", "missing"]


def test_a_link_is_never_overwritten(links, store):
    """What another sync or a person linked meanwhile stays; the rest of the sync is kept."""
    store([link("u1", "55")], [lost("u2")])
    store([link("u3", "57"), link("u1", "99")], [lost("u2", "near")])

    rows = links.stored()
    assert list(zip(rows["clockify_id"], rows["qbo_id"], strict=True)) == [
        ("u1", "55"),
        ("u3", "57"),
    ]
    assert list(links.unlinked()["problem"]) == ["near"]


def test_a_link_by_hand_takes_the_place_of_any_other(links, store):
    """And what the last sync said of that user is no longer told."""
    store([link("u1", "55")], [lost("u2")])
    by_hand = {"origin": "manual"}
    links.link({**link("u1", "77"), **by_hand})
    links.link({**link("u2", "78"), **by_hand})
    store([link("u1", "55")], [lost("u2")])

    rows = links.stored()
    assert list(zip(rows["clockify_id"], rows["qbo_id"], rows["origin"], strict=True)) == [
        ("u1", "77", "manual"),
        ("u2", "78", "manual"),
    ]
    assert links.unlinked().empty


def test_what_was_unlinked_by_hand_stays_so_until_somebody_says_otherwise(links, store):
    """No sync brings it back by name; `rematch` lets the next one try, a link by hand ends it."""
    store([link("u1", "55"), link("u2", "56")])
    for user in ("u1", "u2"):
        gone = links.unlink(Kind.USER, user, rematch=False)
        assert gone["qbo_id"] in {"55", "56"}
    store([link("u1", "55")], [lost("u2")])

    rows = links.unlinked()
    assert list(rows["problem"]) == ["unlinked", "unlinked"]
    assert list(rows["candidates"]) == ["employee 'Ada' (id 55)", "employee 'Ada' (id 56)"]
    assert links.stored().empty

    again = links.unlink(Kind.USER, "u1", rematch=True)
    assert again["problem"] == "unlinked"
    store([link("u1", "55"), link("u2", "56")])
    assert list(links.stored()["clockify_id"]) == ["u1"]


def test_what_is_not_linked_cannot_be_unlinked(links, store):
    """Neither a stranger, nor somebody whom the last sync could not link."""
    store(without=[lost("u2", "near")])
    for user in ("u1", "u2"):
        for rematch in (False, True):
            assert links.unlink(Kind.USER, user, rematch=rematch) is None
    assert list(links.unlinked()["problem"]) == ["near"]


def test_what_was_created_is_linked_at_once(links, store):
    """It is no longer told as missing; whoever is linked already stays so."""
    store([link("u1", "55")], [lost("u2")])
    new = [{**link(user, "90"), "origin": "created"} for user in ("u1", "u2")]
    links.add(new)

    rows = links.stored()
    assert list(zip(rows["clockify_id"], rows["qbo_id"], strict=True)) == [
        ("u1", "55"),
        ("u2", "90"),
    ]
    assert links.unlinked().empty


def test_what_a_person_keeps_out_is_not_linked_as_created(links):
    """Also if they said so while the run that links it was under way."""
    links.exclude(Kind.USER, "u1", "Zoe")
    links.add([{**link("u1", "90"), "origin": "created"}])

    assert links.stored().empty
    assert list(links.unlinked()["problem"]) == ["excluded"]


def test_connections_do_not_see_each_others_links(engine, links, store, joined, vault, clock):
    """The same user may be another person's employee in another company."""
    second = connections.store_connection(
        engine, "second", joined(realm_id="78"), vault=vault, now=clock.now
    )
    others = Links(engine, second.id, links.now)
    store([link("u1", "55")], [lost("u2")])
    store([link("u1", "99")], links=others)

    assert list(others.stored()["qbo_id"]) == ["99"]
    assert others.unlinked().empty
    assert list(links.stored()["qbo_id"]) == ["55"]
    assert len(links.unlinked()) == 1


def test_the_time_of_the_sync_is_kept(engine, store, clock):
    """A send can say when the directories were last compared."""
    store()

    assert connections.find_connection(engine, "studio").synced_at == clock.now


def test_who_is_gone_stays_known_until_a_sync_sees_them_again(links, store):
    """Seen in entries alone, they are in no sync's findings, and no sync forgets them."""
    links.add_gone([lost(id_, "gone") for id_ in ("u1", "u2", "u3")])
    links.add_gone([lost("u1", "gone")])
    store([link("u1", "55")], [lost("u2", "near")])

    found = links.unlinked()
    assert dict(zip(found["clockify_id"], found["problem"], strict=True)) == {
        "u2": "near",
        "u3": "gone",
    }
