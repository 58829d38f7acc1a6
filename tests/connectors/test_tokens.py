"""Intuit's tokens: encrypted, renewed in time and once, and stored before they are used."""

import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors import connections
from connectors.errors import AskPerson, TryAgain
from connectors.secrets import Vault
from connectors.standins.quickbooks import QuickBooksStandin, Switches
from connectors.tokens import MARGIN, OAuthApp, Tokens, TokenStore
from schemas.tables import metadata, secrets

TOKEN_PATH = "/oauth2/v1/tokens/bearer"
WORLD = {
    "realm_id": "77",
    "client_id": "the-client",
    "client_secret": "the-secret-of-the-app",
    "refresh_token": "refresh-token-of-the-consent",
}


@pytest.fixture
def standin(clock):
    """Give Intuit's token service, whose every refresh kills the old refresh token."""
    return QuickBooksStandin(
        WORLD, now=lambda: clock.now, switches=Switches(rotates_every_refresh=True)
    )


@pytest.fixture
def app(serve, standin):
    """Give the app that the service knows."""
    return OAuthApp("the-client", "the-secret-of-the-app", serve(standin.app) + TOKEN_PATH)


@pytest.fixture
def store(engine, app, vault, clock, joined):
    """Give the tokens of a connection whose access token lives for another hour."""
    tokens = Tokens(
        "first-access-token", clock.now + timedelta(hours=1), WORLD["refresh_token"], None
    )
    made = connections.store(engine, "studio", joined(tokens=tokens), vault=vault, now=clock.now)
    return TokenStore(engine, made.id, app=app, vault=vault, now=lambda: clock.now)


def row(engine):
    with engine.connect() as connection:
        return connection.execute(sa.select(secrets)).one()


def refreshes(standin):
    return sum(path == TOKEN_PATH for _, path, _ in standin.requests)


# --- in time -----------------------------------------------------------------------------------


def test_a_fresh_token_is_used_as_it_is(store, standin):
    """While it lives, nobody asks Intuit."""
    assert store.access_token() == "first-access-token"
    assert standin.requests == []


@pytest.mark.parametrize(
    ("life", "count"),
    [
        (MARGIN + timedelta(seconds=1), 0),
        (MARGIN, 1),
        (timedelta(0), 1),
        (timedelta(days=-3), 1),
    ],
)
def test_a_token_is_renewed_before_it_ends(store, standin, clock, life, count):
    """A token with less life than a long call may take is exchanged first, once."""
    clock.now += timedelta(hours=1) - life

    token = store.access_token()

    assert refreshes(standin) == count
    assert store.access_token() == token
    assert refreshes(standin) == count


def test_new_tokens_are_stored_before_they_are_used(store, standin, engine, vault, clock):
    """What Intuit gave is in the database, encrypted, with its ends, when the call returns."""
    clock.now += timedelta(hours=2)

    token = store.access_token()

    kept = row(engine)
    assert vault.unlock(kept.access_token) == token
    assert kept.access_expires_at == clock.now + timedelta(hours=1)
    assert kept.refresh_expires_at == clock.now + timedelta(days=101)
    assert kept.changed_at == clock.now
    # The old refresh token is dead by now: only the new one buys the next.
    assert vault.unlock(kept.refresh_token) != WORLD["refresh_token"]
    clock.now += timedelta(hours=2)
    assert store.access_token() not in {token, "first-access-token"}
    standin.oauth.check(f"Bearer {store.access_token()}")


def test_a_token_that_could_not_be_stored_is_not_used(store, engine, clock, standin):
    """If the database fails, the caller gets no token that only memory knows."""
    clock.now += timedelta(hours=2)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE secrets"):
            raise RuntimeError("the disk is full")

    try:
        with pytest.raises(RuntimeError, match="the disk is full"):
            store.access_token()
    finally:
        sa.event.remove(engine, "before_cursor_execute", fail)
    assert refreshes(standin) == 1


def test_a_refused_token_is_exchanged_for_another(store, standin):
    """The API refused it although its hour is not over: Intuit gives another."""
    first = store.access_token()

    second = store.renew(first)

    assert second != first
    assert store.access_token() == second
    assert refreshes(standin) == 1


def test_a_token_that_another_process_renewed_is_taken_over(store, standin):
    """Whoever comes with the old token finds the new one, and asks nobody."""
    first = store.access_token()
    second = store.renew(first)

    assert store.renew(first) == second
    assert refreshes(standin) == 1


@pytest.mark.parametrize("ask", ["access_token", "renew"])
def test_two_that_ask_at_once_refresh_once(store, standin, engine, app, vault, clock, ask):
    """With strict rotation a second refresh would end the consent: one asks, the others wait."""
    stale = store.access_token()
    if ask == "access_token":
        clock.now += timedelta(hours=2)
    barrier = threading.Barrier(4)
    # Stores of their own, as in four processes: the database alone stands between them.
    stores = [
        TokenStore(engine, store._connection_id, app=app, vault=vault, now=lambda: clock.now)  # noqa: SLF001
        for _ in range(4)
    ]

    def work(one):
        barrier.wait()
        return one.access_token() if ask == "access_token" else one.renew(stale)

    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(work, stores))

    assert len(tokens) == 1
    assert tokens != {stale}
    assert refreshes(standin) == 1


# --- refused -----------------------------------------------------------------------------------


def test_a_consent_that_ended_asks_the_person(store, standin, clock, engine):
    """The person connects again; ledger and links stay, and no token is told."""
    standin.oauth.revoke(WORLD["refresh_token"])
    before = row(engine)
    clock.now += timedelta(hours=2)

    with pytest.raises(AskPerson, match="run `clockbooks connect` again") as raised:
        store.access_token()

    assert "The ledger and the links stay" in str(raised.value)
    assert WORLD["refresh_token"] not in str(raised.value)
    assert row(engine) == before


@pytest.mark.parametrize(("name", "value"), [("client_id", "x"), ("client_secret", "x")])
def test_an_unknown_app_asks_the_person(standin, serve, clock, name, value):
    """Another app's keys are told apart from an ended consent; no secret is told."""
    keys = {"client_id": "the-client", "client_secret": "the-secret-of-the-app", name: value}
    app = OAuthApp(**keys, token_url=serve(standin.app) + TOKEN_PATH)

    with pytest.raises(AskPerson, match="Intuit does not know the app") as raised:
        app.refresh(WORLD["refresh_token"], now=lambda: clock.now)

    assert "CLOCKBOOKS_QBO_CLIENT_ID" in str(raised.value)
    assert "CLOCKBOOKS_QBO_CLIENT_SECRET" in str(raised.value)
    assert "the-secret-of-the-app" not in str(raised.value)


GARBLED = [
    "",
    "<html>",
    "{",
    "null",
    "7",
    "[]",
    '"text"',
    "{}",
    '{"access_token": null, "expires_in": 3600}',
    '{"access_token": 7, "expires_in": 3600}',
    '{"access_token": "a", "refresh_token": null, "expires_in": 3600}',
    '{"access_token": "a", "refresh_token": "r", "expires_in": "soon"}',
    '{"access_token": "a", "refresh_token": "r", "x_refresh_token_expires_in": "late"}',
    '{"access_token": "a", "refresh_token": "r", "expires_in": 1e300}',
    '{"error": "server_error"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("status", [200, 400, 500, 503])
@pytest.mark.parametrize("content", GARBLED, ids=lambda content: content[:60] or "nothing")
def test_an_unclear_answer_may_be_asked_for_again(script, clock, status, content):
    """A broken token service is no refusal: the consent may be as good as before."""
    script.answers = [(status, content, {"content-type": "application/json"})]
    app = OAuthApp("the-client", "the-secret-of-the-app", script.url + TOKEN_PATH)

    gc.collect()
    gc.disable()  # a finalizer that runs in the depths of the nested answer has no stack left
    try:
        with pytest.raises(TryAgain, match="Run the command again") as raised:
            app.refresh("secret-refresh-token", now=lambda: clock.now)
    finally:
        gc.enable()

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("trouble", ["drop", "cut", "redirect"])
def test_silence_may_be_asked_again(script, clock, trouble):
    """Neither does a lost answer end the consent, nor is a redirect followed with the secret."""
    moved = (307, "", {"Location": f"{script.url}/elsewhere"})
    script.answers = [{"drop": script.DROP, "cut": script.CUT, "redirect": moved}[trouble]]
    app = OAuthApp("the-client", "the-secret-of-the-app", script.url + TOKEN_PATH)

    with pytest.raises(TryAgain) as raised:
        app.refresh("secret-refresh-token", now=lambda: clock.now)

    assert "secret" not in str(raised.value)
    assert {asked.path for asked in script.asked} == {TOKEN_PATH}


def test_a_recorded_answer_is_read(script, clock, shared_samples):
    """The members that Intuit documents give the tokens and their ends."""
    script.answers = [
        shared_samples("qbo/samples/oauth-dotnet-sdk/success_token_response.json").read_text()
    ]
    app = OAuthApp("the-client", "the-secret-of-the-app", script.url + TOKEN_PATH)

    tokens = app.refresh("old", now=lambda: clock.now)

    assert tokens == Tokens(
        "access_token",
        clock.now + timedelta(seconds=3600),
        "refresh_token",
        clock.now + timedelta(seconds=15_552_000),
    )
    (asked,) = script.asked
    assert asked.headers["authorization"].startswith("Basic ")
    assert b"the-secret" not in asked.body


def test_a_refresh_token_that_did_not_change_is_kept(script, clock):
    """An answer without a new refresh token leaves the old one in force."""
    script.answers = [json.dumps({"token_type": "bearer", "access_token": "a", "expires_in": 60})]
    app = OAuthApp("the-client", "the-secret-of-the-app", script.url + TOKEN_PATH)

    tokens = app.refresh("old", now=lambda: clock.now)

    assert (tokens.refresh_token, tokens.refresh_expires_at) == ("old", None)


# --- at rest -----------------------------------------------------------------------------------


def test_nothing_stands_in_the_database_in_the_clear(store, engine, clock, vault, tmp_path):
    """No token and no key can be read in any table, nor in the file, before and after a refresh."""
    told = {"clockify-key", WORLD["refresh_token"], store.access_token()}
    for _ in range(2):
        clock.now += timedelta(hours=2)
        told |= {store.access_token(), vault.unlock(row(engine).refresh_token)}
        with engine.connect() as connection:
            tables = [connection.execute(sa.select(table)) for table in metadata.sorted_tables]
            text = str([list(rows) for rows in tables])
        assert not [secret for secret in told if secret in text]

    engine.dispose()
    files = b"".join(path.read_bytes() for path in tmp_path.glob("clockbooks.db*"))
    assert not [secret for secret in told if secret.encode() in files]


def test_another_key_asks_the_person(store, engine, app, clock):
    """With another secret key the stored tokens are of no use, and say what to put back."""
    other = TokenStore(
        engine,
        store._connection_id,  # noqa: SLF001
        app=app,
        vault=Vault("another passphrase"),
        now=lambda: clock.now,
    )

    with pytest.raises(AskPerson, match="CLOCKBOOKS_SECRET_KEY"):
        other.access_token()
