"""Disconnecting: told to Intuit at once or later, and nothing but the secrets is lost."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.database import closing_database, writing
from flows.connections.disconnect import disconnect
from flows.context import Clock, open_installation
from schemas.tables import secrets

pytestmark = pytest.mark.usefixtures("in_this_process")

REVOKE = "tokens/revoke"


def _unreachable(house: Any, times: int = 99) -> None:
    house.quickbooks.faults.plan(REVOKE, "drop_before", times=times)


def _revocations(house: Any) -> int:
    return sum(REVOKE in path for _, path, _ in house.quickbooks.requests)


def _consents(house: Any) -> int:
    return len(house.quickbooks.oauth._consents)  # noqa: SLF001 - what the stand-in holds


def _an_hour_passes(house: Any) -> None:
    with closing(sqlite3.connect(house.folder / "clockbooks.db")) as connection:
        connection.execute("UPDATE revocations SET tried_at = '2026-01-01 00:00:00.000000'")
        connection.commit()


def test_the_consent_ends_and_the_secrets_go(week, send_day, rows_of):
    """Intuit is told; ledger and links stay and can be read; what needs a service says what to do.

    Connecting again goes on where it was: nothing is sent twice.
    """
    assert week.run("sync").code == 0
    assert send_day(week).document["counts"]["sent"] == 9
    kept = {name: rows_of(week, name) for name in ("connections", "ledger", "links")}

    ran = week.run("disconnect", "--yes", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert ran.document["connection"] == "main"
    assert ran.document["revocation"] == "revoked"
    assert _consents(week) == 0
    assert rows_of(week, "secrets") == rows_of(week, "revocations") == []
    assert rows_of(week, "list_copies") == []  # names and addresses that nothing needs now
    assert {name: rows_of(week, name) for name in kept} == kept
    assert len(week.run("entries", "--json").document["entries"]) == 9
    assert week.run("links").code == 0
    for command in (("sync",), ("settle",)):
        refused = week.run(*command)
        assert refused.code == 1
        assert "clockbooks connect --connection main" in " ".join(refused.err.split())
    assert send_day(week).code == 1
    (listed,) = week.run("connections", "--json").document["connections"]
    assert listed["state"] == "disconnected"

    token = week.quickbooks.oauth
    token._consents.append(token._new_consent(week.scenario["quickbooks"]["refresh_token"]))  # noqa: SLF001
    assert week.connect().code == 0
    assert send_day(week).document["counts"]["sent"] == 0


def test_without_a_terminal_it_needs_a_word(synced, rows_of):
    """Nobody can be asked: exit code 2, and nothing happens."""
    ran = synced.run("disconnect")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert len(rows_of(synced, "secrets")) == 1
    assert _revocations(synced) == 0


def test_intuit_out_of_reach_is_told_later(synced, rows_of):
    """The secrets are deleted at once; a later command revokes the token, and says so.

    In between it is tried once an hour at most, and never keeps a command from its work.
    """
    _unreachable(synced, times=2)

    ran = synced.run("disconnect", "--yes", "--json")

    assert ran.code == 3
    assert ran.document["revocation"] == "pending"
    assert "could not be revoked" in " ".join(ran.document["told"])
    assert rows_of(synced, "secrets") == []
    (kept,) = rows_of(synced, "revocations")
    assert synced.scenario["quickbooks"]["refresh_token"] not in str(kept)
    (listed,) = synced.run("connections", "--json").document["connections"]
    assert listed["revocation_pending"]
    assert synced.run("links").err == ""  # not within the hour

    _an_hour_passes(synced)
    tried = synced.run("links", "--json")
    assert tried.code == 0
    assert tried.document["links"]
    assert "could not be revoked" in tried.err

    _an_hour_passes(synced)
    done = synced.run("links", "--json")
    assert done.code == 0
    assert "The consent of main was revoked at Intuit" in done.err
    assert done.document["links"]
    assert rows_of(synced, "revocations") == []
    assert _consents(synced) == 0
    assert synced.run("links").err == ""


def test_opening_the_database_asks_nobody(synced, monkeypatch, capfd):
    """Flows and pages that open the database do not call Intuit, and print nothing."""
    _unreachable(synced, times=1)
    synced.run("disconnect", "--yes")
    _an_hour_passes(synced)
    for name, value in synced.environment.items():
        monkeypatch.setenv(name, value)
    asked = len(synced.quickbooks.requests)
    capfd.readouterr()

    with open_installation():
        pass

    assert len(synced.quickbooks.requests) == asked
    assert capfd.readouterr() == ("", "")


def test_a_second_disconnect_tries_again_at_once(synced, rows_of):
    """A pending revocation is tried at once; the command says that nothing else is pending."""
    _unreachable(synced, times=1)
    synced.run("disconnect", "--yes")

    again = synced.run("disconnect", "--yes", "--json")

    assert again.code == 0
    assert not again.document["was_connected"]
    assert again.document["revocation"] == "revoked"
    assert rows_of(synced, "revocations") == []
    third = synced.run("disconnect", "--yes")
    assert third.code == 0
    assert "already disconnected" in third.out


@pytest.mark.parametrize("problem", ["unreachable", "wrong app", "lost key"])
def test_force_forgets_what_cannot_be_told(synced, rows_of, problem):
    """Nothing is kept, and the person learns where else the consent can be ended."""
    environment = {
        "unreachable": {},
        "wrong app": {"CLOCKBOOKS_QBO_CLIENT_SECRET": ""},
        "lost key": {"CLOCKBOOKS_SECRET_KEY": "another one than before"},
    }[problem]
    if problem == "unreachable":
        _unreachable(synced)

    ran = synced.run("disconnect", "--yes", "--force", "--json", **environment)

    assert ran.code == 0
    assert ran.document["revocation"] == "forgotten"
    assert "QuickBooks" in " ".join(ran.document["told"])
    assert rows_of(synced, "secrets") == rows_of(synced, "revocations") == []


def test_a_consent_that_intuit_has_ended_counts_as_revoked(synced, rows_of):
    """The person ended it in QuickBooks: nothing is left to do."""
    synced.quickbooks.oauth._consents.clear()  # noqa: SLF001 - as QuickBooks' own page does

    ran = synced.run("disconnect", "--yes")

    assert ran.code == 0
    assert "had already ended" in ran.out
    assert rows_of(synced, "revocations") == []


def test_a_refresh_under_way_is_waited_for(synced, monkeypatch, rows_of):
    """The newest token is the one that is revoked: none stays valid."""
    for name, value in synced.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(synced.folder)
    url = synced.environment["CLOCKBOOKS_DATABASE_URL"]
    now = datetime.now(UTC)
    waits = []
    with closing_database(url) as engine:
        with writing(engine) as connection:
            connection.execute(
                secrets.update().values(
                    refresher="another process", refresher_until=now + timedelta(seconds=60)
                )
            )

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:  # the other one has stored what it bought
                with writing(engine) as connection:
                    connection.execute(
                        secrets.update().values(refresher=None, refresher_until=None)
                    )

        document = disconnect(
            None, force=False, approve=lambda _: True, clock=Clock(now=lambda: now, sleep=sleep)
        )

    assert len(waits) == 3
    assert document["revocation"] == "revoked"
    assert rows_of(synced, "secrets") == []


def test_who_says_no_keeps_everything(synced, monkeypatch, rows_of):
    """The question names the connection; no is no."""
    for name, value in synced.environment.items():
        monkeypatch.setenv(name, value)
    asked = []

    def refuse(found: Any) -> bool:
        asked.append(found.name)
        return False

    assert disconnect(None, force=True, approve=refuse) is None
    assert asked == ["main"]
    assert len(rows_of(synced, "secrets")) == 1
    assert _revocations(synced) == 0


def test_both_databases_catch_up(house, empty_database):
    """Connected, disconnected while Intuit was away, and revoked later, on either database."""
    database = {
        "CLOCKBOOKS_DATABASE_URL": empty_database,
        "CLOCKBOOKS_SECRET_KEY": "a passphrase of the tests",
    }
    assert house.connect(**database).code == 0
    _unreachable(house, times=1)

    assert house.run("disconnect", "--yes", **database).code == 3
    assert house.run("disconnect", "--yes", **database).code == 0
    assert _consents(house) == 0
