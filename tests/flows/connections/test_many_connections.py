"""Several connections in one installation: each has its own secrets, settings and end."""

import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.connections.configure import NAMES, WrongSetting, read_changes
from flows.settings import Settings

pytestmark = pytest.mark.usefixtures("in_this_process")

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


def _set(house: Any, *options: str, **environment: str) -> Any:
    ran = house.run("configure", *options, "--json", **environment)
    assert ran.code == 0, ran.err
    return {row["name"]: row for row in ran.document["settings"]}


def _update_secrets(house: Any, **columns: Any) -> None:
    with closing(sqlite3.connect(house.folder / "clockbooks.db")) as connection:
        for name, value in columns.items():
            text = f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
            connection.execute(f"UPDATE secrets SET {name} = ?", (text,))
        connection.commit()


# --- the list ----------------------------------------------------------------------------------


def test_without_a_connection_the_list_is_empty(house):
    """That is not an error; the text says how to begin."""
    assert house.run("connections", "--json").document == {"connections": []}
    assert "clockbooks connect" in house.run("connections").out


def test_the_list_says_what_is_joined_and_until_when(synced):
    """Names, ids, time zone, last sync, own settings, and the end of the consent."""
    synced.run("configure", "--set", "timezone=Asia/Tokyo")

    (row,) = synced.run("connections", "--json").document["connections"]
    shown = synced.run("connections").out

    assert row["connection"] == "main"
    assert row["workspace"] == row["company"] == "Tallgrass Studio"
    assert row["realm_id"] == synced.scenario["quickbooks"]["realm_id"]
    assert row["timezone"] == "Asia/Tokyo"
    assert row["state"] == "connected"
    assert row["settings"] == {"timezone": "Asia/Tokyo"}
    ends = datetime.fromisoformat(row["consent_ends_at"])
    assert timedelta(days=99) < ends - datetime.now(UTC) < timedelta(days=102)
    assert datetime.fromisoformat(row["synced_at"]) < datetime.now(UTC)
    assert "connected" in shown
    assert "main has its own settings: timezone=Asia/Tokyo." in shown
    assert synced.run("connections", "--connection", "other").code == 1


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"consent_expires_at": timedelta(days=13)}, "consent ends soon"),
        ({"refresh_expires_at": timedelta(days=13)}, "consent ends soon"),
        ({"consent_expires_at": timedelta(days=15)}, "connected"),
        ({"refresh_expires_at": timedelta(seconds=-1)}, "consent ended"),
        ({"consent_ended_at": timedelta(days=-1)}, "consent ended"),
        ({"refresh_expires_at": None, "consent_expires_at": None}, "connected"),
    ],
)
def test_the_earlier_end_counts(synced, columns, state):
    """The end of the refresh token, or the hard end of the consent, early enough to act."""
    now = datetime.now(UTC)
    moments = {name: now + left if left else None for name, left in columns.items()}
    _update_secrets(synced, **moments)

    (row,) = synced.run("connections", "--json").document["connections"]

    assert row["state"] == state
    ends = min((moment for moment in moments.values() if moment), default=None)
    told = row["consent_ends_at"]
    assert (datetime.fromisoformat(told) if told else None) == ends
    if state != "connected":
        assert "clockbooks connect --connection main" in synced.run("connections").out


# --- own settings ------------------------------------------------------------------------------


def test_without_options_the_settings_are_shown_with_their_source(synced):
    """All that a connection may have of its own, with what holds now and why."""
    rows = _set(synced, CLOCKBOOKS_ROUNDING="up:6")

    assert set(rows) == set(NAMES)
    assert rows["rounding"] == {"name": "rounding", "value": "up:6", "source": "environment"}
    assert rows["timezone"]["value"] == "America/Chicago"
    assert rows["qbo_concurrency"]["source"] == "default"
    assert rows["link_vendors"]["value"] is True
    assert "America/Chicago" in synced.run("configure").out


def test_an_option_beats_the_own_setting_which_beats_the_environment(week):
    """Rounding, from each of the four places; unset, the next one holds again."""

    def minutes(*options: str, **environment: str) -> set[int]:
        ran = week.run("send", *DAY, "--dry-run", "--json", *options, **environment)
        return {entry["minutes"] % 60 for entry in ran.document["entries"]}

    quarters = minutes()
    assert quarters <= {0, 15, 30, 45}
    hours = minutes(CLOCKBOOKS_ROUNDING="up:60")
    assert hours == {0}
    _set(week, "--set", "rounding=up:50")
    own = minutes(CLOCKBOOKS_ROUNDING="up:60")
    assert own not in (quarters, hours)
    assert minutes("--rounding", "up:60") == {0}
    _set(week, "--unset", "rounding")
    assert minutes() == quarters


@pytest.mark.slow
def test_approved_only_may_be_a_connections_own(week):
    """The connection's default holds back what is not approved; the option overrides it."""

    def reasons(*options: str) -> set[Any]:
        ran = week.run("send", *DAY, "--dry-run", "--json", *options)
        return {entry["reason"] for entry in ran.document["entries"]}

    for entry in week.clockify.entries.values():
        entry["approved"] = False
    assert reasons() == {None}
    assert reasons("--approved-only") == {"not_approved"}
    _set(week, "--set", "approved_only=true")

    assert reasons() == {"not_approved"}
    assert reasons("--no-approved-only") == {None}


def test_payroll_may_be_allowed_for_a_connection(week):
    """The operator has decided for this company; an option still overrides it."""
    week.quickbooks.company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    no = {"CLOCKBOOKS_ALLOW_PAYROLL": "no"}
    assert week.run("send", *DAY, "--dry-run").code == 0
    assert week.run("send", *DAY, "--dry-run", **no).code == 1

    rows = _set(week, "--set", "allow-payroll=yes")

    assert rows["allow_payroll"] == {"name": "allow_payroll", "value": True, "source": "own"}
    assert week.run("send", *DAY, "--dry-run", **no).code == 0
    assert week.run("send", *DAY, "--dry-run", "--no-allow-payroll").code == 1
    assert _set(week, "--unset", "allow-payroll")["allow_payroll"]["value"] is None


def test_the_time_zone_may_be_a_connections_own(week):
    """Days count in it: the entries of an American morning are of the same day, or the next."""
    before = week.run("send", *DAY, "--dry-run", "--json").document
    assert {entry["date"] for entry in before["entries"]} == {"2026-09-22"}

    _set(week, "--set", "timezone=Pacific/Kiritimati", CLOCKBOOKS_TIMEZONE="UTC")
    after = week.run(
        "send", "--start", "2026-09-22", "--end", "2026-09-23", "--dry-run", "--json"
    ).document

    assert {entry["date"] for entry in after["entries"]} == {"2026-09-23"}


@pytest.mark.slow
def test_a_send_may_sync_first_for_one_connection(house):
    """Without links nothing goes; with the own setting the send compares first."""
    assert house.connect().code == 0
    before = house.run("send", *DAY, "--dry-run", "--json").document
    assert "unlinked_user" in before["counts"]["rejected"]

    _set(house, "--set", "sync_before_send=true")

    after = house.run("send", *DAY, "--dry-run", "--json").document
    assert after["counts"]["ready"] > 0
    assert house.run("send", *DAY, "--dry-run", "--no-sync", "--json").document == before


def test_limits_may_be_a_connections_own(week, send_day):
    """Nine entries go in batches of the own size, whatever the environment says."""
    _set(week, "--set", "qbo_batch_size=2", "--set", "qbo_concurrency=1")

    assert send_day(week, CLOCKBOOKS_QBO_BATCH_SIZE="30").document["counts"]["sent"] == 9

    batches = [path for _, path, _ in week.quickbooks.requests if path.endswith("/batch")]
    assert len(batches) == 5


def test_vendors_may_be_left_out_of_the_links(house):
    """With `link_vendors` off nobody is linked to a contractor; on again, they are."""

    def vendors() -> int:
        links = house.run("sync", "--json", "--dry-run").document["links"]
        return sum(link["qbo_kind"] == "vendor" for link in links)

    assert house.connect().code == 0
    assert vendors() > 0
    _set(house, "--set", "link_vendors=no")
    assert vendors() == 0
    assert house.connect().code == 0
    assert vendors() == 0
    _set(house, "--unset", "link_vendors")
    assert vendors() > 0


@pytest.mark.parametrize(
    ("wanted", "unwanted", "words"),
    [
        (["colour=red"], [], "colour"),
        (["rounding"], [], "NAME=VALUE|=VALUE"),
        (["rounding=sideways:3"], [], "sideways"),
        (["timezone=Mars/Olympus"], [], "timezone"),
        (["qbo_batch_size=31"], [], "30"),
        (["approved_only=perhaps"], [], "approved_only"),
        (["link_vendors=perhaps"], [], "true or false"),
        (["database_url=sqlite://"], [], "database_url"),
        ([], ["colour"], "colour"),
        (["rounding=none"], ["rounding"], "both set and unset"),
    ],
)
def test_what_cannot_be_set_is_told(wanted, unwanted, words):
    """Before anything is opened or changed."""
    with pytest.raises(WrongSetting, match=words):
        read_changes(wanted, unwanted)


def test_a_wrong_setting_is_wrong_usage(house):
    """Exit code 2, and nothing was created."""
    ran = house.run("configure", "--set", "qbo_batch_size=31")

    assert ran.code == 2
    assert list(house.folder.iterdir()) == []


def test_a_wrong_environment_is_not_the_own_settings_fault(monkeypatch):
    """What is set is judged by itself; the environment is judged when it is read."""
    monkeypatch.setenv("CLOCKBOOKS_QBO_CONCURRENCY", "0")

    assert read_changes(["rounding=up:6"], []) == ({"rounding": "up:6"}, [])


def test_an_own_setting_that_no_longer_fits_is_told_with_its_remedy(synced):
    """A later version may accept less than an earlier one stored: the fixing command is named.

    That command works.
    """
    with closing(sqlite3.connect(synced.folder / "clockbooks.db")) as connection:
        connection.execute(
            "INSERT INTO own_settings VALUES (1, 'qbo_batch_size', '99', '2026-01-01 00:00:00')"
        )
        connection.commit()

    ran = synced.run("links")

    assert ran.code == 1
    assert "--unset qbo_batch_size" in " ".join(ran.err.split())
    _set(synced, "--unset", "qbo_batch_size")
    assert synced.run("links").code == 0


def test_every_own_setting_is_one_of_the_environments_too():
    """But for `link_vendors`: one table of names, checked in one place."""
    assert set(NAMES) - {"link_vendors"} <= set(Settings.model_fields)


# --- several -----------------------------------------------------------------------------------


@pytest.fixture
def two(synced, open_house, tmp_path_factory):
    """Yield two houses whose connections are in one database: `main` and `second`."""
    scenario = deepcopy(synced.scenario)
    scenario["quickbooks"] |= {"realm_id": "777", "refresh_token": "AB1-another-refresh-token"}
    scenario["quickbooks"]["company"]["CompanyName"] = "Another Company"
    scenario["clockify"]["workspace"]["id"] = "64aaaaaaaaaaaaaaaaaaaaaa"
    keys = scenario["clockify"]["api_keys"]
    scenario["clockify"]["api_keys"] = {f"another-{key}": user for key, user in keys.items()}
    with open_house(scenario, tmp_path_factory.mktemp("second")) as other:
        other.environment["CLOCKBOOKS_DATABASE_URL"] = synced.environment["CLOCKBOOKS_DATABASE_URL"]
        ran = other.connect("--connection", "second")
        assert ran.code == 0, ran.err
        yield synced, other


def test_each_connection_uses_its_own_key(two):
    """A key in the environment is used for its own workspace alone."""
    first, second = two
    main = first.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"]

    # The environment speaks of the first workspace, or of none: the second's own key is used.
    for extra in ({}, {"CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": first.clockify.workspace_id}):
        environment = {"CLOCKBOOKS_CLOCKIFY_API_KEY": main, **extra}
        ran = second.run("sync", "--connection", "second", **environment)
        assert ran.code == 0, ran.err
    wrong = {
        "CLOCKBOOKS_CLOCKIFY_API_KEY": "wrong-key",
        "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": second.clockify.workspace_id,
    }
    assert "API key" in second.run("sync", "--connection", "second", **wrong).err


def test_own_settings_and_disconnects_are_of_one_connection(two, rows_of):
    """What is set, or ended, for one leaves the other as it was."""
    first, second = two
    _set(second, "--connection", "second", "--set", "rounding=none")

    ran = second.run("disconnect", "--yes", "--json", "--connection", "second")
    assert (ran.code, ran.document["revocation"]) == (0, "revoked")

    rows = first.run("connections", "--json").document["connections"]
    assert [(row["connection"], row["state"]) for row in rows] == [
        ("main", "connected"),
        ("second", "disconnected"),
    ]
    assert [row["settings"] for row in rows] == [{}, {"rounding": "none"}]
    assert first.run("sync", "--connection", "main").code == 0
    assert len(rows_of(first, "secrets")) == 1


def test_a_consent_that_another_connection_uses_is_not_ended(two, rows_of):
    """Of two connections to one company, disconnecting the first keeps the consent, and says so."""
    first, second = two
    with closing(sqlite3.connect(first.folder / "clockbooks.db")) as connection:
        connection.execute("UPDATE connections SET realm_id = '777'")
        connection.commit()

    ran = second.run("disconnect", "--yes", "--json", "--connection", "second")

    assert (ran.code, ran.document["revocation"]) == (0, "kept")
    assert "end it for main too" in ran.document["told"][0]
    assert len(second.quickbooks.oauth._consents) == 1  # noqa: SLF001
    assert rows_of(first, "revocations") == []
    assert len(rows_of(first, "secrets")) == 1
    last = first.run("disconnect", "--yes", "--json", "--connection", "main")
    assert last.document["revocation"] == "revoked"
