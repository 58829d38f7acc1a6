"""A new key for all that is encrypted; a crash at any point leaves all of it readable."""

import pytest
import sqlalchemy as sa

from connectors.database import writing
from connectors.encryption import Vault, keys_from_file, write_key_file
from connectors.errors import AskPerson
from connectors.store import connections, key_rotation
from connectors.store.key_rotation import rotate_file, rotate_to
from schemas.tables import revocations, secrets


@pytest.fixture
def path(tmp_path):
    """Return a key file with one key."""
    found = tmp_path / "clockbooks.key"
    keys_from_file(found)
    return found


@pytest.fixture
def filled(engine, path, joined, clock):
    """Return a database with two connections, and a token that is still to be revoked."""
    vault = Vault(*keys_from_file(path))
    for name, realm in (("studio", "77"), ("other", "78")):
        made = connections.store_connection(
            engine, name, joined(realm_id=realm, api_key=f"key-of-{name}"), vault=vault,
            now=clock.now,
        )  # fmt: skip
    with writing(engine) as connection:
        connection.execute(
            revocations.insert().values(
                connection_id=made.id, refresh_token=vault.lock("old-token"), asked_at=clock.now
            )
        )
    return engine


def opened(engine, *keys):
    """Read every secret with these keys alone."""
    vault = Vault(*keys)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(secrets).order_by(secrets.c.connection_id)).all()
        told = [
            vault.unlock(locked)
            for row in rows
            for locked in (row.clockify_api_key, row.access_token, row.refresh_token)
        ]
        left = connection.scalars(sa.select(revocations.c.refresh_token)).all()
    return [*told, *[vault.unlock(locked) for locked in left]]


ALL = ["key-of-studio", "access-1", "refresh-1", "key-of-other", "access-1", "refresh-1",
       "old-token"]  # fmt: skip


def test_every_secret_is_encrypted_anew(filled, path):
    """All of them open with the new key; the old one opens none, and is in no file any more."""
    (old,) = keys_from_file(path)

    assert rotate_file(filled, path, old=[]) == len(ALL)

    (new,) = keys_from_file(path)
    assert new != old
    assert opened(filled, new) == ALL
    with pytest.raises(AskPerson):
        opened(filled, old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.glob("clockbooks.key*")] == [path.name]


@pytest.mark.parametrize("step", range(5))
def test_a_crash_leaves_everything_readable(filled, path, monkeypatch, step):
    """Whichever step is the last, the file's keys open every row, and a new try ends it."""
    steps = [
        (key_rotation, "write_key_file", 1),
        (key_rotation, "_encrypt_again", 1),
        (key_rotation, "_all_open", 1),
        (key_rotation, "write_key_file", 2),
        (Vault, "lock", 4),
    ]
    where, name, nth = steps[step]
    real, calls = getattr(where, name), []

    def crash(*args):
        calls.append(name)
        if len(calls) == nth:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, crash)
        with pytest.raises(KeyboardInterrupt):
            rotate_file(filled, path, old=[])

    assert opened(filled, *keys_from_file(path)) == ALL
    rotate_file(filled, path, old=[])
    (new,) = keys_from_file(path)
    assert opened(filled, new) == ALL


def test_two_rotations_do_not_drop_each_others_key(filled, path, monkeypatch):
    """One is half-way when another begins and ends: every row opens with what the file keeps."""
    real = key_rotation._encrypt_again  # noqa: SLF001
    begun = []

    def other_first(connection, vault):
        if not begun:
            begun.append(True)
            # As if the other had put its key there just before.
            write_key_file(path, ["the other's key, newer", *keys_from_file(path)])
        return real(connection, vault)

    monkeypatch.setattr(key_rotation, "_encrypt_again", other_first)

    rotate_file(filled, path, old=[])

    assert keys_from_file(path)[0] == "the other's key, newer"
    assert opened(filled, *keys_from_file(path)) == ALL


@pytest.mark.parametrize("old", ["setting", "file"])
def test_a_key_of_the_settings_takes_over(filled, path, old):
    """From a former setting and from the key file alike; afterwards it opens all by itself."""
    before = keys_from_file(path)
    if old == "setting":
        rotate_to(filled, "a former passphrase", old=before)
        before = ["a former passphrase"]

    assert rotate_to(filled, "a passphrase of ours", old=before) == len(ALL)

    assert opened(filled, "a passphrase of ours") == ALL


def test_a_row_under_a_lost_key_stops_the_rotation(filled, path):
    """Nothing is half done: what opened before opens still, and the person is told."""
    before = keys_from_file(path)
    with writing(filled) as connection:
        lost = Vault("a lost key").lock("token")
        connection.execute(revocations.update().values(refresh_token=lost))

    with pytest.raises(AskPerson, match="encrypted with another key"):
        rotate_file(filled, path, old=[])

    assert keys_from_file(path)[1:] == before
    assert opened(filled, *before, "a lost key")[:6] == ALL[:6]


def test_a_process_that_runs_meanwhile_reads_the_new_key(filled, path):
    """It was started with the old key: it opens what is there now, and locks with the new key."""
    running = Vault(*keys_from_file(path), source=lambda: keys_from_file(path))
    rotate_file(filled, path, old=[])
    with filled.connect() as connection:
        locked = connection.scalars(sa.select(secrets.c.access_token)).first()

    assert running.unlock(locked) == "access-1"
    assert Vault(*keys_from_file(path)).unlock(running.lock("next")) == "next"


def test_a_process_that_only_writes_locks_with_the_new_key_too(filled, path):
    """What it stores after the rotation does not need the key that the file has dropped."""
    running = Vault(*keys_from_file(path), source=lambda: keys_from_file(path))

    rotate_file(filled, path, old=[])

    assert Vault(*keys_from_file(path)).unlock(running.lock("next")) == "next"
