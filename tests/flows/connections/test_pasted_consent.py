"""Connecting where no browser can come back: the person pastes the address where theirs ended."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests


def _start(house: Any, *options: str) -> tuple[Any, str]:
    """Start the command, and return it with the address that it prints."""
    process = house.fork("connect", "--no-browser", *options, talks=True)
    while "/connect/oauth2" not in (line := process.stderr.readline()):
        assert line, "it ended without an address"
    return process, line.strip()


def _decide(address: str, decision: str) -> str:
    """Press a button on Intuit's page, and return the address to which it sends the browser."""
    query = parse_qs(urlsplit(address).query)
    form = {name: query[name][0] for name in ("client_id", "redirect_uri", "state")}
    answer = requests.post(
        address.partition("?")[0],
        data={**form, "decision": decision},
        allow_redirects=False,
        timeout=10,
    )
    return answer.headers["location"]


def _paste(process: Any, text: str) -> tuple[int, str, str]:
    out, err = process.communicate(f"{text}\n", timeout=60)
    return process.returncode, out, " ".join(err.split())


@pytest.mark.parametrize("options", [(), ("--redirect-uri", "https://studio.example/intuit")])
def test_the_pasted_address_connects(house, options):
    """Whether or not the redirect address is the person's own; the company is the chosen one."""
    process, address = _start(house, *options, "--json")
    landed = _decide(address, "allow")
    if options:
        assert landed.startswith(options[1])

    code, out, err = _paste(process, f"  {landed} ")

    assert code == 0, err
    assert house.scenario["quickbooks"]["realm_id"] in out
    assert parse_qs(urlsplit(landed).query)["code"][0] not in out + err
    assert house.run_here("sync").code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda landed: landed.replace("state=", "state=x"), "does not belong to this"),
        (lambda landed: landed.replace("code=", "kode="), "has no usable code"),
        (lambda landed: landed.replace("realmId=", "realm="), "names no company"),
        (lambda _: "http://[", "does not belong to this"),
        (lambda _: "nonsense", "does not belong to this"),
    ],
)
def test_a_wrong_address_is_told_and_nothing_is_stored(house, rows_of, change, words):
    """It is checked as a browser's answer is."""
    process, address = _start(house)

    code, _, err = _paste(process, change(_decide(address, "allow")))

    assert code == 1
    assert words in err
    assert rows_of(house, "sqlite_master") == [] or rows_of(house, "secrets") == []


def test_a_refusal_may_be_pasted(house):
    """Intuit sends a refusal to the same address."""
    process, address = _start(house)

    code, _, err = _paste(process, _decide(address, "deny"))

    assert code == 1
    assert "consent was refused" in err


def test_nobody_gives_the_consent(house):
    """If the browser opens nothing, the command ends by itself, and says what to do."""
    process = house.fork("connect", "--timeout-s", "1", BROWSER="true")

    _, err = process.communicate(timeout=60)

    assert process.wait() == 1
    assert "not given within 1 seconds" in " ".join(err.split())


@pytest.mark.usefixtures("in_this_process")
def test_nothing_on_standard_input_is_wrong_usage(house):
    """Without a terminal nobody is asked: exit code 2."""
    ran = house.run("connect", "--no-browser")

    assert ran.code == 2
    assert "standard input" in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "uri", ["http://studio.example/back", "ftp://127.0.0.1/", "nonsense", "http://127.0.0.1:99999/"]
)
def test_a_redirect_address_that_is_not_safe_is_wrong_usage(house, uri):
    """Plain http is for this machine only: the code would travel in clear text."""
    ran = house.run("connect", "--redirect-uri", uri)

    assert ran.code == 2
    assert list(house.folder.iterdir()) == []


@pytest.mark.usefixtures("in_this_process")
def test_clockify_is_checked_before_anybody_is_asked_for_consent(house):
    """A key that may not send is reported at once; Intuit is not called."""
    ran = house.run(
        "connect",
        "--no-browser",
        CLOCKBOOKS_CLOCKIFY_API_KEY="demo-clockify-key-of-a-plain-member-may-not-send",
    )

    assert ran.code == 1
    assert "neither owner nor admin" in " ".join(ran.err.split())
    assert "/connect/oauth2" not in ran.err


def test_connecting_to_another_company_under_the_name_is_refused_and_taken_back(synced, rows_of):
    """The stored connection stays as it was; the unused consent is ended at Intuit."""
    kept = rows_of(synced, "secrets")
    synced.quickbooks.oauth.realm_id = "777"
    synced.quickbooks.books.company.realm_id = "777"
    process, address = _start(synced, "--connection", "main")

    code, _, err = _paste(process, _decide(address, "allow"))

    assert code == 1
    assert "another name" in err
    assert rows_of(synced, "secrets") == kept
    assert len(synced.quickbooks.oauth._consents) == 1  # noqa: SLF001 - what the stand-in holds


def test_nothing_is_revoked_at_a_company_that_is_connected(synced, rows_of):
    """A second name is refused: revoking it might end the first consent too."""
    kept = rows_of(synced, "secrets")
    process, address = _start(synced, "--connection", "again")

    code, _, err = _paste(process, _decide(address, "allow"))

    assert code == 1
    assert "already joined" in err
    assert rows_of(synced, "secrets") == kept
    assert not [path for _, path, _ in synced.quickbooks.requests if path.endswith("/revoke")]
