"""Connecting with what does not fit: each mistake is told in a sentence, and leaves no trace."""

import json
from copy import deepcopy
from typing import Any

import pytest
from cryptography.fernet import Fernet

pytestmark = pytest.mark.usefixtures("in_this_process")


def _garble(part: str, body: str) -> Any:
    def change(house: Any) -> None:
        side = house.clockify if part.startswith("/api") else house.quickbooks
        side.faults.plan(part, "answer", status=200, body=body, times=9)

    return change


def _time_tracking_off(house: Any) -> None:
    house.quickbooks.preferences["OtherPrefs"]["NameValue"] = [
        {"Name": "TimeTrackingFeatureEnabled", "Value": "false"}
    ]


def _no_zone(house: Any) -> None:
    for user in house.clockify.users.values():
        user["settings"] = None


def _setting(name: str) -> tuple[dict[str, str], None, str]:
    return {name: ""}, None, f"{name} is not set"


BAD: dict[str, tuple[dict[str, str], Any, str]] = {
    "no client id": _setting("CLOCKBOOKS_QBO_CLIENT_ID"),
    "no client secret": _setting("CLOCKBOOKS_QBO_CLIENT_SECRET"),
    "wrong client id": ({"CLOCKBOOKS_QBO_CLIENT_ID": "AB"}, None, "does not know the app"),
    "foreign http for Clockify": (
        {"CLOCKBOOKS_CLOCKIFY_URL": "http://api.clockify.example/api/v1"},
        None,
        "CLOCKBOOKS_CLOCKIFY_URL",
    ),
    "foreign http for tokens": (
        {"CLOCKBOOKS_QBO_TOKEN_URL": "http://tokens.example/"},
        None,
        "CLOCKBOOKS_QBO_TOKEN_URL",
    ),
    "loopback in name only": (
        {"CLOCKBOOKS_QBO_URL": "http://127.0.0.1@books.example"},
        None,
        "CLOCKBOOKS_QBO_URL",
    ),
    "no number": ({"CLOCKBOOKS_QBO_BATCH_SIZE": "31"}, None, "CLOCKBOOKS_QBO_BATCH_SIZE"),
    "no zone of the user's": ({}, _no_zone, "CLOCKBOOKS_TIMEZONE"),
    "time tracking off": ({}, _time_tracking_off, "Time tracking is off"),
    "workspaces of another shape": ({}, _garble("/api/v1/workspaces", "[1]"), "list of objects"),
    "a list for a user": ({}, _garble("/api/v1/user$", "[]"), "a list instead"),
    "tokens of another shape": ({}, _garble("tokens/bearer", "[]"), "no clear answer"),
    "no company": ({}, _garble("/v3/", '{"QueryResponse":{}}'), "no CompanyInfo"),
    "rows of another shape": (
        {},
        _garble("/v3/", '{"QueryResponse":{"CompanyInfo":[1]}}'),
        "no CompanyInfo",
    ),
}  # fmt: skip


def _assert_no_trace(house: Any, rows_of: Any) -> None:
    assert rows_of(house, "sqlite_master") == [] or (
        rows_of(house, "connections") == [] and rows_of(house, "secrets") == []
    )


def _told(ran: Any) -> str:
    assert "Traceback" not in ran.out + ran.err
    return " ".join(ran.err.split())


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_fit_is_told_and_nothing_is_stored(house, rows_of, bad):
    """The message names what is wrong; the JSON document says the same; no secret is shown."""
    environment, change, words = BAD[bad]
    if change is not None:
        change(house)

    ran = house.connect("--json", **environment)

    assert ran.code == 1, ran.out + ran.err
    assert words in _told(ran)
    assert words in " ".join(ran.document["error"]["message"].split())
    secrets = [
        house.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        house.scenario["quickbooks"]["client_secret"],
        house.scenario["quickbooks"]["refresh_token"],
    ]
    assert not [secret for secret in secrets if secret in ran.out + ran.err]
    _assert_no_trace(house, rows_of)


def test_a_refresh_token_that_intuit_does_not_know_is_not_stored(house, rows_of):
    """Somebody whose token is refused is told to get another one; the token is not repeated."""
    options = ("--realm-id", house.scenario["quickbooks"]["realm_id"], "--refresh-token-file", "-")
    ran = house.run("connect", *options, stdin="RT1-a-token-of-another-app")

    assert ran.code == 1
    told = _told(ran)
    assert "refresh token" in told
    assert "stored consent" not in told
    assert "RT1-a-token" not in ran.out + ran.err
    _assert_no_trace(house, rows_of)


def test_a_company_that_the_token_does_not_open_is_not_connected(house, rows_of):
    """A mistyped realm id is found out before anything is stored."""
    options = ("--realm-id", "123", "--refresh-token-file", "-")
    ran = house.run("connect", *options, stdin=house.scenario["quickbooks"]["refresh_token"])

    assert ran.code == 1
    assert "--realm-id" in _told(ran)
    _assert_no_trace(house, rows_of)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b" \n", "is empty"), (b"\xff\xfe\x00", "not a text file")],
)
def test_a_refresh_token_file_that_holds_none_is_told(house, rows_of, content, words):
    """The file is named, with what is wrong with it."""
    if content is not None:
        (house.folder / "token").write_bytes(content)

    ran = house.run("connect", "--realm-id", "1", "--refresh-token-file", "token")

    assert ran.code == 1
    assert words in _told(ran)
    _assert_no_trace(house, rows_of)


@pytest.mark.parametrize(
    "options", [("--realm-id", "1"), ("--refresh-token-file", "-"), ("--refresh-token", "x")]
)
def test_wrong_usage_has_its_own_exit_code(house, options):
    """A missing or unknown option is wrong usage (2); no option takes a secret."""
    ran = house.run("connect", *options)

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert list(house.folder.iterdir()) == []


def test_the_refresh_token_may_come_from_a_file(house):
    """A file's last line break is no part of the token."""
    (house.folder / "token").write_text(house.scenario["quickbooks"]["refresh_token"] + "\n")
    realm_id = house.scenario["quickbooks"]["realm_id"]

    ran = house.run("connect", "--realm-id", realm_id, "--refresh-token-file", "token", "--json")

    assert ran.code == 0, ran.err
    assert ran.document == {
        "connection": "main",
        "workspace_id": house.clockify.workspace_id,
        "workspace": "Tallgrass Studio",
        "realm_id": realm_id,
        "company": "Tallgrass Studio",
        "timezone": "America/Chicago",
    }


def test_connecting_again_brings_new_secrets_and_nothing_else(synced, rows_of):
    """Links, ledger and name stay; key and tokens are the new ones, encrypted with the same key."""
    vault = Fernet((synced.folder / "clockbooks.key").read_bytes())
    kept = {name: rows_of(synced, name) for name in ("links", "unlinked", "ledger", "runs")}
    before = rows_of(synced, "secrets")[0]

    assert synced.connect().code == 0

    after = rows_of(synced, "secrets")[0]
    assert {name: rows_of(synced, name) for name in kept} == kept
    for name, in_clear in (
        ("clockify_api_key", synced.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"]),
        ("refresh_token", synced.scenario["quickbooks"]["refresh_token"]),
    ):
        assert vault.decrypt(after[name]).decode() == in_clear
        assert after[name] != before[name]
    opens = vault.decrypt(after["access_token"]).decode()
    assert opens.encode() not in (synced.folder / "clockbooks.db").read_bytes()


def test_another_company_needs_another_name(synced, open_house, tmp_path_factory, rows_of):
    """One name, one company: a second company is refused under it, and accepted under its own.

    From then on a command must say which one it means.
    """
    scenario = deepcopy(synced.scenario)
    scenario["quickbooks"] |= {"realm_id": "777"}
    scenario["quickbooks"]["company"]["CompanyName"] = "Another Company"
    with open_house(scenario, tmp_path_factory.mktemp("other")) as other:
        same = {"CLOCKBOOKS_DATABASE_URL": synced.environment["CLOCKBOOKS_DATABASE_URL"]}
        kept = {name: rows_of(synced, name) for name in ("connections", "secrets", "links")}

        for options in ((), ("--connection", "main")):
            refused = other.connect(*options, **same)
            assert refused.code == 1
            assert "--connection" in _told(refused)
            assert "Another Company" in _told(refused)
            assert {name: rows_of(synced, name) for name in kept} == kept

        assert other.connect("--connection", "second", **same).code == 0
        unnamed = other.run("sync", "--json", **same)
        assert unnamed.code == 1
        assert "main, second" in unnamed.document["error"]["message"]
        assert other.run("sync", "--connection", "second", **same).code == 0
    twice = synced.connect("--connection", "third")
    assert twice.code == 1
    assert "'main'" in _told(twice)
    assert [row["name"] for row in rows_of(synced, "connections")] == ["main", "second"]


def test_a_lost_or_foreign_key_is_told(synced):
    """Without the key, what is encrypted stays so; nothing is overwritten with a new key."""
    ran = synced.run("sync", "--json", CLOCKBOOKS_SECRET_KEY="a key of nobody here")

    assert ran.code == 1
    assert "another key" in json.dumps(ran.document)
    (synced.folder / "clockbooks.key").chmod(0o644)
    assert "chmod 600" in _told(synced.run("sync"))


@pytest.mark.slow
def test_services_that_are_down_are_named(house, rows_of):
    """A closed port is reported with its address, and nothing is stored."""
    for setting, service in (
        ("CLOCKBOOKS_CLOCKIFY_URL", "Clockify at 127.0.0.1:9"),
        ("CLOCKBOOKS_QBO_URL", "QuickBooks at 127.0.0.1:9"),
        ("CLOCKBOOKS_QBO_TOKEN_URL", "Intuit's token service"),
    ):
        ran = house.connect("--json", **{setting: "http://127.0.0.1:9"})
        assert ran.code == 1
        assert service in _told(ran)
        assert service in ran.document["error"]["message"]
        _assert_no_trace(house, rows_of)
