"""Attack: somebody has the database and guesses the secret with which its tokens are encrypted."""

import base64
import json

import pytest
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from typer.testing import CliRunner

from connectors.encryption import Vault, keys_from_file
from connectors.errors import AskPerson
from flows.cli.main import app
from flows.settings import read_settings

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def _once_derived(passphrase):
    """Derive a key as every installation did before: one salt for all, at little cost."""
    salt = b"clockbooks tokens at rest"
    stretched = Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(stretched))


@pytest.mark.parametrize("secret", ["a", "hunter2", "clockbooks", "x" * 19])
def test_a_secret_that_can_be_guessed_is_refused(monkeypatch, secret):
    """The person learns how to get a better one, and how to move what is encrypted."""
    monkeypatch.setenv("CLOCKBOOKS_SECRET_KEY", secret)

    with pytest.raises(AskPerson, match="rotate-key --generate") as raised:
        read_settings()

    assert "20 characters" in str(raised.value)
    assert "CLOCKBOOKS_OLD_SECRET_KEY" in str(raised.value)
    assert len(secret) < 3 or secret not in str(raised.value).replace("`clockbooks ", "")


def test_a_key_file_of_a_short_word_is_refused(tmp_path):
    """Somebody wrote it by hand."""
    path = tmp_path / "clockbooks.key"
    path.write_text("hunter2")
    path.chmod(0o600)

    with pytest.raises(AskPerson, match="rotate-key"):
        keys_from_file(path)


@pytest.mark.parametrize("password", ["admin", "x" * 11])
def test_a_password_of_the_page_that_can_be_guessed_is_refused(monkeypatch, password):
    """It opens everything that the page can do."""
    monkeypatch.setenv("CLOCKBOOKS_UI_PASSWORD", password)

    with pytest.raises(AskPerson, match=r"CLOCKBOOKS_UI_PASSWORD.*12 characters"):
        read_settings()


def test_guesses_are_of_no_use_for_a_second_database():
    """The same passphrase gives another key for each: no table of guesses opens both."""
    one, other = Vault(PASSPHRASE).lock("token"), Vault(PASSPHRASE).lock("token")

    salts = {locked.split(":")[1] for locked in (one, other)}

    assert len(salts) == 2
    for locked in (one, other):
        with pytest.raises(InvalidToken):
            _once_derived(PASSPHRASE).decrypt(locked.rpartition(":")[2])
        assert Vault(PASSPHRASE).unlock(locked) == "token"


def test_a_guess_costs_memory_and_time():
    """128 MiB for each one, as OWASP's list of 2023 has it for scrypt; not the 16 of before."""
    locked = Vault(PASSPHRASE).lock("token")
    version, salt, token = locked.split(":")

    costly = Scrypt(salt=base64.urlsafe_b64decode(salt), length=32, n=2**17, r=8, p=1)
    key = base64.urlsafe_b64encode(costly.derive(PASSPHRASE.encode()))

    assert version == "scrypt1"
    assert Fernet(key).decrypt(token) == b"token"


def test_what_was_locked_before_opens_and_says_how_to_move():
    """A database of the derivation before is not lost; once rotated, nothing is told any more."""
    told = []
    before = _once_derived(PASSPHRASE).encrypt(b"token").decode()
    vault = Vault(PASSPHRASE, outdated=lambda: told.append(True))

    assert [vault.unlock(before), vault.unlock(before)] == ["token", "token"]
    assert told == [True]
    anew = vault.lock("token")
    assert Vault(PASSPHRASE, outdated=lambda: told.append(True)).unlock(anew) == "token"
    assert told == [True]
    # A short one from before opens as the old key.
    short = _once_derived("a").encrypt(b"token").decode()
    assert Vault(Fernet.generate_key().decode(), "a").unlock(short) == "token"


@pytest.mark.parametrize("damaged", ["scrypt1:", "scrypt1::x", "scrypt1:AAAA:x", "scrypt1:ü:x:y"])
def test_a_row_that_was_tampered_with_is_no_secret(damaged):
    """Whoever can write the table gets a sentence, no traceback, and no cost without end."""
    with pytest.raises(AskPerson, match="another key"):
        Vault(PASSPHRASE).unlock(damaged)


def test_a_generated_key_is_one_that_nobody_guesses(monkeypatch, tmp_path):
    """32 random bytes, for the environment; nothing is changed, and scripts get it alone."""
    monkeypatch.setenv("CLOCKBOOKS_SECRET_KEY", "short")

    ran = CliRunner().invoke(app, ["rotate-key", "--generate"])
    other = json.loads(CliRunner().invoke(app, ["rotate-key", "--generate", "--json"]).stdout)

    assert ran.exit_code == 0, ran.output
    key = ran.stdout.strip()
    assert len(base64.urlsafe_b64decode(key)) == 32
    assert len({key, other["generated"]}) == 2
    assert "CLOCKBOOKS_OLD_SECRET_KEY" in ran.stderr
    assert list(tmp_path.iterdir()) == []
