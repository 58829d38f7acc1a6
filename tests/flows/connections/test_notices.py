"""`clockbooks notify`: where notifications go, and whether they arrive."""

import pytest

pytestmark = [
    pytest.mark.usefixtures("in_this_process"),
    pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning"),  # Apprise's mail
]


def line(house, **environment):
    """Return what `check` says of notifications."""
    checks = house.run("check", "--json", **environment).document["checks"]
    return next(row for row in checks if row["name"] == "Notifications")


def test_a_test_arrives_and_the_address_is_not_shown(synced, webhook):
    """Each address gets a test; the terminal names its service alone."""
    ran = synced.run("notify", "--test", CLOCKBOOKS_NOTIFY=webhook.url)

    assert ran.code == 0, ran.err
    assert "1. JSON: accepted" in ran.out
    assert webhook.told("Clockbooks: a test", "Nothing is wrong")
    found = line(synced, CLOCKBOOKS_NOTIFY=webhook.url)
    assert found["state"] == "ok"
    for shown in (ran.out, ran.err, found["found"]):
        assert "a-secret-path" not in shown


def test_an_address_that_takes_nothing_is_told(synced):
    """Exit code 3: a person sees which of several does not work."""
    ran = synced.run("notify", "--test", CLOCKBOOKS_NOTIFY="json://127.0.0.1:9/a-secret-path")

    assert ran.code == 3
    assert "1. JSON: not accepted" in ran.out
    assert "a-secret-path" not in ran.out + ran.err


def test_what_is_no_address_is_told_by_check(synced):
    """A plain mail address is taken by nobody: `check` warns, and says what an address is."""
    found = line(synced, CLOCKBOOKS_NOTIFY="joan@example.com")

    assert found["state"] == "warning"
    assert "address number 1 is not valid" in found["found"]
    assert "mailtos://" in found["found"]
    assert "joan" not in str(found)
    ran = synced.run("notify", CLOCKBOOKS_NOTIFY="joan@example.com")
    assert (ran.code, "joan" in ran.out + ran.err) == (1, False)


def test_nobody_is_notified_unless_somebody_says_whom(synced):
    """Without the setting, `check` says so, and `notify` says what to set."""
    assert "nobody" in line(synced)["found"]
    ran = synced.run("notify")
    assert (ran.code, "CLOCKBOOKS_NOTIFY" in ran.err) == (1, True)
