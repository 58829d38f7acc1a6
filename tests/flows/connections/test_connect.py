"""Connecting and syncing through the installed command, and every way in which it can go wrong."""

import json
import stat
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_connecting_stores_secrets_encrypted_and_shows_none(house):
    """No key or token is stored in clear text; only its owner can read the key file."""
    ran = house.connect("--json")

    assert ran.code == 0, ran.err
    assert ran.document["connection"] == "main"
    secrets = [
        house.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        house.scenario["quickbooks"]["client_secret"],
        house.scenario["quickbooks"]["refresh_token"],
        house.quickbooks.access_token(),
    ]
    for path in house.folder.iterdir():
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
    assert not [secret for secret in secrets if secret in ran.out + ran.err]
    key_file = house.folder / "clockbooks.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def _name_value(house: Any, name: str, value: str) -> None:
    pairs = [pair for pair in house.quickbooks.company["NameValue"] if pair["Name"] != name]
    house.quickbooks.company["NameValue"] = [*pairs, {"Name": name, "Value": value}]


def _plan_without_feature(house: Any) -> None:
    house.clockify.workspace["features"] = ["APPROVAL"]


BAD = {
    "wrong key": ({"CLOCKBOOKS_CLOCKIFY_API_KEY": "wrong-key"}, None, "not accept the API key"),
    "no key": ({"CLOCKBOOKS_CLOCKIFY_API_KEY": ""}, None, "CLOCKBOOKS_CLOCKIFY_API_KEY is not set"),
    "wrong workspace": (
        {"CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": "f" * 24},
        None,
        "does not see the workspace",
    ),
    "not an admin": (
        {"CLOCKBOOKS_CLOCKIFY_API_KEY": "demo-clockify-key-of-a-plain-member-may-not-send"},
        None,
        "neither owner nor admin",
    ),
    "no feature": ({}, _plan_without_feature, "without the QuickBooks integration"),
    "wrong client": ({"CLOCKBOOKS_QBO_CLIENT_SECRET": "wrong-one"}, None, "does not know the app"),
    "simple start": (
        {},
        lambda house: _name_value(house, "OfferingSku", "QuickBooks Online Simple Start"),
        "no time tracking",
    ),
    "payroll": (
        {"CLOCKBOOKS_ALLOW_PAYROLL": "no"},
        lambda house: _name_value(house, "PayrollFeature", "true"),
        "--allow-payroll",
    ),
    "expired": ({}, lambda house: _name_value(house, "SubscriptionStatus", "EXPIRED"), "expired"),
    "foreign http": ({"CLOCKBOOKS_QBO_URL": "http://example.com"}, None, "CLOCKBOOKS_QBO_URL"),
    "no such zone": ({"CLOCKBOOKS_TIMEZONE": "Mars/Olympus"}, None, "CLOCKBOOKS_TIMEZONE"),
    "clockify garbled": (
        {},
        lambda house: house.clockify.faults.plan("GET .*", "answer", status=200, body="<html>"),
        "cannot be read",
    ),
    "quickbooks garbled": (
        {},
        lambda house: house.quickbooks.faults.plan(
            "GET .*", "answer", status=200, body='{"QueryRes'
        ),
        "cannot be read",
    ),
    "nobody there": ({"CLOCKBOOKS_DATABASE_URL": "postgresql+psycopg://x:pw9@127.0.0.1:9/d"}, None,
                     "CLOCKBOOKS_DATABASE_URL"),
}  # fmt: skip


#: Others are slow: `check` tells most of them with the same words.
TELLING = ("wrong workspace", "not an admin", "no feature", "simple start", "quickbooks garbled")


@pytest.mark.parametrize(
    "bad", [pytest.param(bad, marks=() if bad in TELLING else pytest.mark.slow) for bad in BAD]
)
def test_a_connection_that_cannot_work_is_refused_and_nothing_is_stored(house, bad):
    """Both sides are checked first; the message says what to do, and shows no secret."""
    environment, change, words = BAD[bad]
    if change is not None:
        change(house)

    ran = house.connect(**environment)

    assert ran.code == 1, ran.out + ran.err
    assert words in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert "pw9" not in ran.err
    assert "Nothing is connected" in house.run("sync").err


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--allow-payroll",), 0), (("--no-allow-payroll",), 1)]
)
def test_a_company_with_payroll_is_connected_unless_somebody_says_no(house, options, code):
    """Its first send tries one entry; an option is the operator's word."""
    _name_value(house, "PayrollFeature", "true")

    assert house.connect(*options).code == code


def test_the_state_of_both_sides_is_checked_before_each_send(synced):
    """What was right at connect time may be wrong when something is sent."""
    _name_value(synced, "OfferingSku", "QuickBooks Online Simple Start")

    ran = synced.run("send", "--start", "2026-09-01", "--end", "2026-09-30", "--yes")

    assert ran.code == 1
    assert "no time tracking" in ran.err
    assert synced.quickbooks.activities == {}


def test_connecting_again_keeps_links_and_ledger(synced):
    """New tokens for the same company change nothing else."""
    before = synced.run("sync", "--json").document["links"]
    synced.run("send", "--start", "2026-09-01", "--end", "2026-09-02", "--yes")

    assert synced.connect().code == 0
    assert synced.run("sync", "--json").document["links"] == before
    again = synced.run("send", "--start", "2026-09-01", "--end", "2026-09-02", "--yes", "--json")
    assert again.document["counts"]["sent"] == 0


def test_a_sync_links_equal_names_and_creates_nothing(house):
    """Both directories stay as they are; the lists say what a person may do."""
    house.connect()
    before = json.dumps(
        [house.clockify.users, house.clockify.projects, house.quickbooks.customers], default=str
    )

    found = house.run("sync", "--json").document

    assert set(found) >= {"links", "missing", "near_misses", "ambiguous", "created"}
    assert found["created"] == []
    assert {item["clockify_name"] for item in found["near_misses"]} >= {"Dana mcallister"}
    assert {item["clockify_name"] for item in found["ambiguous"]} == {"Courtyard"}
    members = {"kind", "clockify_id", "clockify_name", "qbo_kind", "qbo_id", "qbo_name"}
    assert all(
        set(item) >= members
        for name in found
        if name not in {"set_aside", "dry_run"}
        for item in found[name]
    )
    after = json.dumps(
        [house.clockify.users, house.clockify.projects, house.quickbooks.customers], default=str
    )
    assert after == before
    assert house.run("sync", "--json").document == found


def test_a_rename_keeps_the_link(synced):
    """Links hold ids: somebody who changes their name is still the same person."""
    link = next(
        item
        for item in synced.run("sync", "--json").document["links"]
        if item["clockify_name"] == "Zoë Lindqvist"
    )
    synced.clockify.users[link["clockify_id"]]["name"] = "Zoë Marchetti"

    ids = {
        item["clockify_id"]: item["qbo_id"]
        for item in synced.run("sync", "--json").document["links"]
    }

    assert ids[link["clockify_id"]] == link["qbo_id"]


@pytest.mark.parametrize("name", ["connect", "sync", "send", "settle", "entries", "demo"])
def test_every_command_helps_with_an_example(house, name):
    """--help needs nothing, and shows how the command is used."""
    ran = house.run(name, "--help")

    assert ran.code == 0
    assert f"Example: clockbooks {name}" in ran.out
