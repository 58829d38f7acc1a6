"""Intuit's tokens: encrypted, renewed in time and once, and stored before they are used."""

import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.database import writing
from connectors.encryption import Vault
from connectors.errors import AskPerson, TryAgain
from connectors.intuit.oauth_app import OAuthApp, Tokens
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.store import connections
from connectors.store.credentials import all_lifetimes
from connectors.store.tokens import LEASE, MARGIN, TokenStore
from schemas.tables import metadata, secrets

TOKEN_PATH = "/oauth2/v1/tokens/bearer"
SCENARIO = {
    "realm_id": "77",
    "client_id": "the-client",
    "client_secret": "the-secret-of-the-app",
    "refresh_token": "refresh-token-of-the-consent",
}


@pytest.fixture
def standin(clock):
    """Return Intuit's token service, whose every refresh kills the old refresh token."""
    return QuickBooksStandin(
        SCENARIO, now=lambda: clock.now, switches=Switches(rotates_every_refresh=True)
    )


@pytest.fixture
def app(serve, standin):
    """Return the app that the service knows."""
    return OAuthApp("the-client", "the-secret-of-the-app", serve(standin.app) + TOKEN_PATH)


@pytest.fixture
def store(engine, app, vault, clock, joined):
    """Return the tokens of a connection whose access token lives for another hour."""
    tokens = Tokens(
        "first-access-token", clock.now + timedelta(hours=1), SCENARIO["refresh_token"], None
    )
    made = connections.store_connection(
        engine, "studio", joined(tokens=tokens), vault=vault, now=clock.now
    )
    return TokenStore(engine, made.id, lambda: clock.now, app=app, vault=vault)


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
    # The old refresh token is dead by now: only the new one can be exchanged.
    assert vault.unlock(kept.refresh_token) != SCENARIO["refresh_token"]
    clock.now += timedelta(hours=2)
    assert store.access_token() not in {token, "first-access-token"}
    standin.oauth.check(f"Bearer {store.access_token()}")


def test_a_token_that_could_not_be_stored_is_not_used(store, engine, clock, standin):
    """If the database fails, the caller gets no token that only memory knows."""
    clock.now += timedelta(hours=2)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE secrets SET access_token"):
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
        TokenStore(engine, store.connection_id, store.now, app=app, vault=vault) for _ in range(4)
    ]

    def work(one):
        barrier.wait()
        return one.access_token() if ask == "access_token" else one.renew(stale)

    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(work, stores))

    assert len(tokens) == 1
    assert tokens != {stale}
    assert refreshes(standin) == 1


# --- under a lease -----------------------------------------------------------------------------


@pytest.fixture
def another(engine, store, vault, clock):
    """Return a way to open the same tokens as another process does."""

    def make(app, **options):
        known = {"app": app, "vault": vault, "now": store.now, "sleep": clock.sleep}
        return TokenStore(engine, store.connection_id, **{**known, **options})

    return make


class Interrupted(OAuthApp):
    """An app whose answer takes so long that a test does something first, or instead."""

    before = after = staticmethod(lambda: None)

    def refresh(self, refresh_token, *, now):
        self.before()
        tokens = super().refresh(refresh_token, now=now)
        self.after()
        return tokens


def interrupted(app, **hooks):
    slow = Interrupted(app.client_id, app.client_secret, app.token_url)
    for name, hook in hooks.items():
        object.__setattr__(slow, name, hook)
    return slow


def take_lease(engine, clock, life=LEASE):
    with writing(engine) as connection:
        connection.execute(
            secrets.update().values(refresher="a dead process", refresher_until=clock.now + life)
        )


def test_no_transaction_is_open_while_intuit_is_asked(engine, app, another, clock):
    """Another process may write meanwhile: a slow Intuit stops nobody's ledger."""
    clock.now += timedelta(hours=2)
    wrote = []

    def write():
        with writing(engine) as connection:
            connection.execute(sa.text("UPDATE connections SET company_name = 'Other'"))
            wrote.append(True)

    another(interrupted(app, before=write)).access_token()

    assert wrote == [True]


def test_who_comes_while_another_asks_waits_for_the_token(app, another, clock, standin, store):
    """The second one looks again after short pauses, and takes what the first one stored."""
    clock.now += timedelta(hours=2)
    pauses = []

    def first_answers(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            waiting.set()
            answered.wait(10)

    waiting, answered = threading.Event(), threading.Event()
    first = another(interrupted(app, before=lambda: waiting.wait(10)))
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(first.access_token)
        while row(store.engine).refresher is None:
            pass
        second = pool.submit(another(app, sleep=first_answers).access_token)
        token = asked.result(10)
        answered.set()

        assert second.result(10) == token
    assert pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert refreshes(standin) == 1


def test_a_token_that_still_lives_is_used_meanwhile(app, another, clock, engine, standin):
    """In its last minutes the old one opens the company yet: nobody waits for the new one."""
    clock.now += timedelta(hours=1) - timedelta(minutes=2)
    take_lease(engine, clock)

    assert another(app).access_token() == "first-access-token"
    assert (clock.slept, refreshes(standin)) == ([], 0)


def test_a_lease_that_ran_out_is_taken_over(app, another, clock, engine, standin):
    """A process that died while it asked stops the others for a minute, not for ever."""
    clock.now += timedelta(hours=2)
    take_lease(engine, clock)

    another(app).access_token()

    assert 60 <= sum(clock.slept) < 61
    assert max(clock.slept) == 0.5
    assert refreshes(standin) == 1
    assert row(engine).refresher is None


def test_an_unclear_answer_lets_the_next_one_try(script, serve, another, clock, engine):
    """Nobody waits for a lease whose holder has failed already."""
    clock.now += timedelta(hours=2)
    script.answers = [(503, "")]
    app = OAuthApp("the-client", "the-secret-of-the-app", serve(script) + TOKEN_PATH)

    for _ in range(2):
        with pytest.raises(TryAgain):
            another(app).access_token()

    assert clock.slept == []
    assert row(engine).refresher is None
    assert row(engine).consent_ended_at is None


def test_who_comes_late_lets_no_other_lease_go(app, another, clock, engine):
    """Its own ran out, and another process asks by now: a third one still waits for that."""
    clock.now += timedelta(hours=2)

    def another_asks():
        clock.now += LEASE
        take_lease(engine, clock)
        raise TryAgain("no answer")

    with pytest.raises(TryAgain):
        another(interrupted(app, before=another_asks)).access_token()

    assert row(engine).refresher == "a dead process"


def test_a_slow_holder_does_not_overwrite_a_younger_token(app, another, clock, standin, engine):
    """Its lease was taken over and the token exchanged meanwhile: what it brings is older."""
    standin.switches.rotates_every_refresh = False
    clock.now += timedelta(hours=25)
    younger = []

    def others_finish():
        clock.now += LEASE
        younger.append(another(app).access_token())
        clock.now += timedelta(hours=25)
        younger.append(another(app).access_token())

    slow = another(interrupted(app, after=others_finish))

    assert slow.access_token() == younger[1]
    kept = row(engine)
    clock.now += timedelta(hours=25)  # past the grace of every older one
    assert another(app).access_token()
    assert kept.refresher is None


def test_who_is_refused_finds_the_younger_token(app, another, clock, standin, engine):
    """A process that exchanged the token has stored the next one: the consent has not ended."""
    clock.now += timedelta(hours=2)
    younger = []

    def another_is_faster():
        clock.now += LEASE
        younger.append(another(app).access_token())

    assert another(interrupted(app, before=another_is_faster)).access_token() == younger[0]
    assert row(engine).consent_ended_at is None
    assert refreshes(standin) == 2


def test_a_late_answer_takes_an_end_back(app, another, clock, engine):
    """One was refused because a slow one was given the token just before, and not stored it yet."""
    clock.now += timedelta(hours=2)

    def another_is_refused():
        clock.now += LEASE
        with pytest.raises(AskPerson, match="clockbooks connect"):
            another(app).access_token()
        assert row(engine).consent_ended_at == clock.now

    token = another(interrupted(app, after=another_is_refused)).access_token()

    assert row(engine).consent_ended_at is None
    assert another(app).access_token() == token


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_late_answer_brings_nothing_back(app, another, clock, engine, when):
    """Disconnected while Intuit was asked: the row stays away, and the person is told."""
    clock.now += timedelta(hours=2)

    def disconnect():
        with writing(engine) as connection:
            connection.execute(secrets.delete())

    with pytest.raises(AskPerson, match=r"is disconnected.*`clockbooks connect`"):
        another(interrupted(app, **{when: disconnect})).access_token()
    with pytest.raises(AskPerson, match=r"is disconnected.*`clockbooks connect`"):
        another(app).renew("first-access-token")

    with engine.connect() as connection:
        assert connection.execute(sa.select(secrets)).all() == []


@pytest.mark.parametrize(("days", "lives_on"), [(0.9, True), (1.1, False)])
def test_a_crash_before_the_commit_costs_nothing_for_a_day(
    app, another, clock, standin, days, lives_on
):
    """The old refresh token is exchanged again for a day; then the person connects again."""
    standin.switches.rotates_every_refresh = False
    clock.now += timedelta(hours=25)  # the next refresh brings a new refresh token

    def crash():
        raise KeyboardInterrupt  # no handler of ours stands between

    with pytest.raises(KeyboardInterrupt):
        another(interrupted(app, after=crash)).access_token()
    clock.now += timedelta(days=days)

    if lives_on:
        standin.oauth.check(f"Bearer {another(app).access_token()}")
        return
    for _ in range(3):
        with pytest.raises(AskPerson, match="Run `clockbooks connect` again"):
            another(app).access_token()
    assert refreshes(standin) == 2


def test_connecting_again_ends_the_end(app, store, another, clock, engine, vault, joined, standin):
    """What Intuit refused once does not matter to the tokens of a new consent."""
    standin.oauth.revoke(SCENARIO["refresh_token"])
    clock.now += timedelta(hours=2)
    with pytest.raises(AskPerson):
        store.access_token()
    tokens = Tokens("second-access-token", clock.now + timedelta(hours=1), "second-refresh", None)

    connections.store_connection(
        engine, "studio", joined(tokens=tokens), vault=vault, now=clock.now
    )

    assert another(app).access_token() == "second-access-token"


def test_the_end_of_the_consent_is_kept(app, another, clock, engine, store):
    """Intuit tells the day that no refresh puts off; it is the earlier of the two ends at last."""
    clock.now += timedelta(hours=2)
    another(app).access_token()

    kept = all_lifetimes(engine)[store.connection_id]

    assert kept.refresh_until == clock.now + timedelta(days=101)
    assert kept.consent_until == clock.now + timedelta(days=5 * 365) - timedelta(hours=2)
    assert kept.until == kept.refresh_until


# --- refused -----------------------------------------------------------------------------------


def test_a_consent_that_ended_asks_the_person(store, standin, clock, engine):
    """The person connects again; ledger and links stay, and no token is told."""
    standin.oauth.revoke(SCENARIO["refresh_token"])
    before = row(engine)
    clock.now += timedelta(hours=2)

    for _ in range(3):
        with pytest.raises(AskPerson, match="Run `clockbooks connect` again") as raised:
            store.access_token()
    with pytest.raises(AskPerson, match="Run `clockbooks connect` again"):
        store.renew("first-access-token")

    assert "The ledger and the links are kept" in str(raised.value)
    assert SCENARIO["refresh_token"] not in str(raised.value)
    assert row(engine).consent_ended_at == clock.now
    after = row(engine)._asdict()
    assert {**after, "consent_ended_at": None} == before._asdict()
    assert refreshes(standin) == 1  # Intuit is never asked again, until somebody connects


@pytest.mark.parametrize(("name", "value"), [("client_id", "x"), ("client_secret", "x")])
def test_an_unknown_app_asks_the_person(standin, serve, clock, name, value):
    """Another app's keys are told apart from an ended consent; no secret is told."""
    keys = {"client_id": "the-client", "client_secret": "the-secret-of-the-app", name: value}
    app = OAuthApp(**keys, token_url=serve(standin.app) + TOKEN_PATH)

    with pytest.raises(AskPerson, match="Intuit does not know the app") as raised:
        app.refresh(SCENARIO["refresh_token"], now=lambda: clock.now)

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
    told = {"clockify-key", SCENARIO["refresh_token"], store.access_token()}
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
    """With another secret key the stored tokens are useless; the message says what to restore."""
    other = TokenStore(
        engine,
        store.connection_id,
        app=app,
        vault=Vault("another passphrase"),
        now=lambda: clock.now,
    )

    with pytest.raises(AskPerson, match="CLOCKBOOKS_SECRET_KEY"):
        other.access_token()
