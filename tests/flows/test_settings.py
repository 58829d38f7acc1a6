"""Addresses that two readers could read differently are refused; so are those that others hear."""

import pytest

from connectors.errors import AskPerson
from flows.settings import read_settings

GOOD = ["https://quickbooks.api.intuit.com", "http://127.0.0.1:8000/x", "http://localhost:1",
        "http://[::1]:8000", "https://sandbox.example/v3"]  # fmt: skip
BAD = [
    "http://quickbooks.api.intuit.com", "http://127.0.0.1.example", "http://localhost@evil.example",
    "https://127.0.0.1\\@evil.example", "http://127.0.0.1\\@evil.example",
    "http://localhost#@evil.example", "http://localhost?@evil.example", "https://who:pass@x.example",
    "https://x.example/#part", "https://x.example/?query=1", "ftp://localhost", "localhost",
    "https://", "http://0.0.0.0:80", "http://127.0.0.1 .evil.example", "http://loc\u0430lhost",
]  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Read no settings file of anybody's."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("url", GOOD)
def test_a_plain_address_is_taken(monkeypatch, url):
    """TLS everywhere, plain HTTP on this machine."""
    monkeypatch.setenv("CLOCKBOOKS_QBO_URL", url)

    assert read_settings().qbo_url == url


@pytest.mark.parametrize("url", BAD)
def test_what_would_carry_a_secret_elsewhere_is_refused(monkeypatch, url):
    """The setting is named, and its value, which may bear a password, is not shown."""
    monkeypatch.setenv("CLOCKBOOKS_QBO_URL", url)

    with pytest.raises(AskPerson, match="CLOCKBOOKS_QBO_URL") as raised:
        read_settings()

    assert "evil" not in str(raised.value)
    assert "who:pass" not in str(raised.value)
