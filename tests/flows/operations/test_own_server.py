"""The password of our own server finds its way to our own commands, and to nobody else's server."""

import os

import pytest

from connectors.errors import AskPerson
from flows.operations.home import Address, log_in, opened_home, own_server, write_address
from flows.settings import Settings

OURS = "http://127.0.0.1:4242/api"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Return the settings of an installation of its own, in an environment without Prefect's."""
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return Settings(database_url=f"sqlite:///{tmp_path}/clockbooks.db")


@pytest.fixture
def serving(settings):
    """Let a server run, as far as the commands can see."""
    with opened_home(settings) as home:
        login = home.login()
        write_address(home, Address("127.0.0.1", 4242))
        yield login


@pytest.mark.parametrize("named", [OURS, f"{OURS}/", "http://localhost:4242/api"])
def test_commands_find_the_password_of_our_own_server(settings, serving, monkeypatch, named):
    """Whoever can read the file need not type it."""
    monkeypatch.setenv("PREFECT_API_URL", named)

    log_in(settings)

    assert os.environ.pop("PREFECT_API_AUTH_STRING") == serving


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    "named",
    [
        "http://127.0.0.1:4243/api",
        "http://books.example:4242/api",
        "http://127.0.0.1.evil.example:4242/api",
        "http://127.0.0.1:4242@evil.example/api",
        "https://127.0.0.1:4242/api",
        "http://[",
        "",
    ],
)
def test_no_other_server_gets_it(settings, monkeypatch, named):
    """A planted PREFECT_API_URL does not draw the password out."""
    monkeypatch.setenv("PREFECT_API_URL", named)

    log_in(settings)

    assert "PREFECT_API_AUTH_STRING" not in os.environ


def test_while_our_server_does_not_run_nobody_gets_it(settings, monkeypatch):
    """Another user's program may listen on its port meanwhile."""
    with opened_home(settings) as home:
        home.login()
        write_address(home, Address("127.0.0.1", 4242))
    monkeypatch.setenv("PREFECT_API_URL", OURS)

    log_in(settings)

    assert own_server(settings) is None
    assert "PREFECT_API_AUTH_STRING" not in os.environ


@pytest.mark.usefixtures("serving")
def test_what_the_environment_says_stays(settings, monkeypatch):
    """A password that somebody sets is used."""
    monkeypatch.setenv("PREFECT_API_URL", OURS)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "clockbooks:mine")

    log_in(settings)

    assert os.environ["PREFECT_API_AUTH_STRING"] == "clockbooks:mine"


@pytest.mark.usefixtures("serving")
def test_a_password_that_others_can_read_is_refused(settings, tmp_path):
    """It says what to do; a password that was read may be known."""
    (tmp_path / "prefect" / "password").chmod(0o644)

    with pytest.raises(AskPerson, match="chmod 600"):
        own_server(settings)
