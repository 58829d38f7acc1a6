"""A connection has one name, one workspace and one company, and they have it alone."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import AskPerson
from connectors.intuit.oauth_app import Tokens
from connectors.store import connections
from connectors.store.credentials import Credentials
from connectors.store.pay_types import PayTypes
from flows.context import utc_now
from schemas.tables import secrets


@pytest.fixture
def store(engine, joined, vault, clock):
    """Return a way to store a connection under a name."""

    def put(name, **fields):
        return connections.store_connection(
            engine, name, joined(**fields), vault=vault, now=clock.now
        )

    return put


def other(number):
    return {
        "workspace_id": f"w{number}",
        "workspace_name": f"Studio {number}",
        "realm_id": f"r{number}",
        "company_name": f"Company {number}",
    }


def test_a_connection_comes_back_as_it_was_stored(engine, store, joined, vault):
    """What connect found out is kept; vendors may be linked unless somebody says no."""
    made = store("studio", timezone="Europe/Oslo")

    assert connections.find_connection(engine, "studio") == made
    assert connections.all_connections(engine) == [made]
    assert (made.workspace_id, made.workspace_name) == ("w1", "Studio")
    assert (made.realm_id, made.company_name) == ("77", "Studio Ltd")
    assert (made.timezone, made.link_vendors, made.synced_at) == ("Europe/Oslo", True, None)
    assert Credentials(engine, made.id, utc_now).clockify_key(vault) == joined().api_key


def test_connecting_again_renews_secrets_and_keeps_the_rest(engine, store, vault, clock):
    """The same pair under the same name is the same connection: its links and ledger stay.

    What is read of its books by what has changed is read from the beginning.
    """
    first = store("studio")
    pay_types = PayTypes(engine, first.id, utc_now)
    pay_types.learn({("55", "71"): "Regular"}, clock.now)
    assert pay_types.as_of() == clock.now
    tokens = Tokens("access-2", clock.now, "refresh-2", clock.now + timedelta(days=1))

    second = store("studio", api_key="another-key", tokens=tokens, company_name="Renamed Ltd")

    assert (second.id, second.company_name) == (first.id, "Renamed Ltd")
    assert Credentials(engine, second.id, utc_now).clockify_key(vault) == "another-key"
    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(secrets)).all()
    assert vault.unlock(row.access_token) == "access-2"
    assert vault.unlock(row.refresh_token) == "refresh-2"
    assert pay_types.as_of() is None
    assert len(pay_types.stored()) == 1


@pytest.mark.parametrize("changed", ["workspace_id", "realm_id"])
def test_a_name_belongs_to_one_pair(engine, store, vault, changed):
    """Another company under an old name would write into the old one's ledger."""
    before = store("studio")

    same = {"workspace_id": "w1", "realm_id": "77", changed: "new"}

    with pytest.raises(AskPerson) as raised:
        store("studio", **{**other(2), **same}, api_key="another-key")

    assert str(raised.value) == (
        "The connection 'studio' joins 'Studio' and 'Studio Ltd', not 'Studio 2' and 'Company 2':"
        " choose another name with --connection."
    )
    assert connections.all_connections(engine) == [before]
    assert Credentials(engine, before.id, utc_now).clockify_key(vault) == "clockify-key"


def test_a_pair_has_one_name(engine, store):
    """A second ledger for the same pair would send everything twice."""
    before = store("studio")

    with pytest.raises(AskPerson) as raised:
        store("again")

    assert str(raised.value) == (
        "'Studio' and 'Studio Ltd' are already joined, as 'studio': a second ledger for them would"
        " send everything twice. Use --connection studio."
    )
    assert connections.all_connections(engine) == [before]


def test_one_workspace_may_go_to_two_companies(engine, store):
    """And one company may get time from two workspaces: only the pair is one connection's alone."""
    store("a", **other(1))
    store("b", **{**other(1), "realm_id": "r2"})
    store("c", **{**other(1), "workspace_id": "w2"})

    assert [one.name for one in connections.all_connections(engine)] == ["a", "b", "c"]


def test_the_only_connection_needs_no_name(engine, store):
    """With one there is nothing to choose."""
    made = store("studio")

    assert connections.find_connection(engine, None) == made


def test_of_several_one_is_named(engine, store):
    """With more, none is guessed, and the names are told."""
    store("west", **other(1))
    east = store("east", **other(2))

    assert connections.find_connection(engine, "east") == east
    with pytest.raises(AskPerson) as raised:
        connections.find_connection(engine, None)
    assert str(raised.value) == (
        "There are several connections: add --connection with one of east, west."
    )


@pytest.mark.parametrize("name", [None, "studio"])
def test_without_a_connection_the_person_is_told_to_connect(engine, name):
    """The first step is named."""
    with pytest.raises(AskPerson, match=r"^Nothing is connected yet: run `clockbooks connect`"):
        connections.find_connection(engine, name)


def test_a_name_that_is_not_there_is_told_with_those_that_are(engine, store):
    """A slip of the pen is easy to mend."""
    store("studio")

    with pytest.raises(AskPerson) as raised:
        connections.find_connection(engine, "studoi")

    assert str(raised.value) == "No connection is called 'studoi'. There are: studio."


def test_the_demo_steps_back(engine, store):
    """It serves alone; as soon as there is a real connection, that one is meant without a name."""
    demo = store("demo", **other(1))
    assert connections.find_connection(engine, None) == demo

    real = store("studio", **other(2))
    assert connections.find_connection(engine, None) == real
    assert connections.find_connection(engine, "demo") == demo

    store("third", **other(3))
    with pytest.raises(AskPerson, match="several connections"):
        connections.find_connection(engine, None)


def test_a_connection_that_is_forgotten_leaves_nothing(engine, store):
    """What was never real goes with its secrets; its neighbors stay."""
    store("demo", **other(1))
    kept = store("studio", **other(2))

    connections.delete_connection(engine, "demo")

    assert connections.all_connections(engine) == [kept]
    with engine.connect() as connection:
        assert list(connection.scalars(sa.select(secrets.c.connection_id))) == [kept.id]
