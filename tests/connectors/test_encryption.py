"""What is locked opens with the same key alone; the key file is its owner's alone, made once."""

import base64
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from connectors.encryption import Vault, keys_from_file
from connectors.errors import AskPerson

FERNET = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER_FERNET = base64.urlsafe_b64encode(b"o" * 32).decode()
VAULTS = {"fernet": Vault(FERNET), "passphrase": Vault("correct horse battery staple")}


@pytest.mark.parametrize("kind", VAULTS)
@given(text=st.text())
def test_what_is_locked_comes_back(kind, text):
    """Every text survives, and does not stand in what is stored."""
    vault = VAULTS[kind]
    locked = vault.lock(text)

    assert vault.unlock(locked) == text
    assert len(text) < 8 or text not in locked


def test_the_same_text_never_looks_the_same():
    """Nobody sees from the database that a token stayed the same."""
    assert VAULTS["fernet"].lock("token") != VAULTS["fernet"].lock("token")


@pytest.mark.parametrize("key", [FERNET, "correct horse battery staple", "ö"])
def test_every_machine_comes_to_the_same_key(key):
    """Two machines with the same setting read each other's tokens."""
    assert Vault(key).unlock(Vault(key).lock("token")) == "token"


@pytest.mark.parametrize("other", [OTHER_FERNET, "another passphrase"])
@pytest.mark.parametrize("kind", VAULTS)
def test_another_key_asks_the_person(kind, other):
    """With another key nothing comes out, and the person learns what to put back."""
    locked = VAULTS[kind].lock("token-5a17")

    with pytest.raises(AskPerson, match="CLOCKBOOKS_SECRET_KEY") as raised:
        Vault(other).unlock(locked)

    assert "token-5a17" not in str(raised.value)
    assert other not in str(raised.value)


@pytest.mark.parametrize("broken", ["", "not locked at all", "gAAAAA=="])
def test_what_was_never_locked_asks_the_person(broken):
    """A row that was tampered with is no token."""
    with pytest.raises(AskPerson):
        VAULTS["fernet"].unlock(broken)


# --- the key file ------------------------------------------------------------------------------


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path):
    """At first use a key is made, folders included; from then on it is that key."""
    path = tmp_path / "data" / "deep" / "clockbooks.key"

    (key,) = keys_from_file(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert keys_from_file(path) == [key]
    assert list(path.parent.iterdir()) == [path]
    Fernet(key)


def test_threads_that_start_together_end_with_one_key(tmp_path):
    """Whoever comes first makes the key; nobody fails, and nobody reads half of one."""
    for attempt in range(20):
        path = tmp_path / str(attempt) / "clockbooks.key"
        barrier = threading.Barrier(6)

        def ask(_, path=path, barrier=barrier):
            barrier.wait()
            return keys_from_file(path)[0]

        with ThreadPoolExecutor(6) as pool:
            keys = set(pool.map(ask, range(6)))

        assert keys == {path.read_text()}
        assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_end_with_one_key(tmp_path):
    """The same for two commands that are started at once."""
    path = tmp_path / "clockbooks.key"
    # Each waits on its standard input until all are up.
    code = (
        "import sys, pathlib; from connectors.encryption import keys_from_file; print(flush=True);"
        " sys.stdin.readline(); print(*keys_from_file(pathlib.Path(sys.argv[1])))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=30)[0].strip() for process in started}

    assert [process.returncode for process in started] == [0, 0, 0]
    assert keys == {path.read_text()}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    """The person is told which file, and the command that mends it."""
    path = tmp_path / "clockbooks.key"
    path.write_text(FERNET)
    path.chmod(mode)

    with pytest.raises(AskPerson, match=f"chmod 600 {path}") as raised:
        keys_from_file(path)

    assert FERNET not in str(raised.value)


def test_a_key_file_that_cannot_be_made_asks_the_person(tmp_path):
    """A folder that cannot be is told of, with what to do instead."""
    (tmp_path / "file").write_text("")

    with pytest.raises(AskPerson, match="set CLOCKBOOKS_SECRET_KEY"):
        keys_from_file(tmp_path / "file" / "clockbooks.key")


def test_an_empty_key_file_asks_the_person(tmp_path):
    """An empty file is no key: tokens locked with nothing would be open to all."""
    path = tmp_path / "clockbooks.key"
    path.write_text("\n")
    path.chmod(0o600)

    with pytest.raises(AskPerson, match=str(path)):
        keys_from_file(path)
