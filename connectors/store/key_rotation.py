"""Encrypts the secrets in the database again, under a new key.

Whatever a crash leaves, every row opens with a key that is kept: a new key is in its file before
the first row is locked with it, and an old one leaves the file only when no row needs it. Each step
is a transaction that keeps other rotations out, so that two at once do not drop each other's key.
"""

from pathlib import Path

import sqlalchemy as sa

from connectors.database import changing
from connectors.encryption import (
    STRETCHED,
    Vault,
    is_generated,
    keys_from_file,
    new_key,
    write_key_file,
)
from connectors.errors import AskPerson
from schemas.tables import revocations, secrets

#: Every column that is encrypted, by the table's key.
ENCRYPTED = (
    (secrets.c.connection_id, (secrets.c.clockify_api_key, secrets.c.access_token,
                               secrets.c.refresh_token)),
    (revocations.c.id, (revocations.c.refresh_token,)),
)  # fmt: skip


def rotate_file(engine: sa.Engine, path: Path, *, old: list[str]) -> int:
    """Put a new key into the key file, encrypt all rows with it, and drop the keys before it.

    Rows may be locked with *old* keys too. Returns how many secrets were encrypted again.

    Raises:
        AskPerson: The file cannot be written, or a row opens with none of the keys; nothing is
            lost, and the command may be run again.
    """
    with changing(engine):
        write_key_file(path, [new_key(), *keys_from_file(path)])
    with changing(engine) as connection:
        number = _encrypt_again(connection, Vault(*keys_from_file(path), *old))
    with changing(engine) as connection:
        newest = keys_from_file(path)[0]
        if _all_open(connection, Vault(newest)):  # not while another rotation is half-way
            write_key_file(path, [newest])
    return number


def rotate_to(engine: sa.Engine, key: str, *, old: list[str]) -> int:
    """Encrypt all rows with *key*, which a person has set; see `rotate_file`."""
    with changing(engine) as connection:
        return _encrypt_again(connection, Vault(key, *old))


def outdated(engine: sa.Engine, key: str) -> bool:
    """Return whether a stored secret is locked as passphrases were used before; see `Vault`."""
    if is_generated(key):
        return False
    with engine.connect() as connection:
        rows = connection.execute(sa.select(secrets.c.clockify_api_key, secrets.c.refresh_token))
        return any(not locked.startswith(STRETCHED) for row in rows for locked in row)


def _encrypt_again(connection: sa.Connection, vault: Vault) -> int:
    number = 0
    for key, columns in ENCRYPTED:
        # Locked: a token that is being stored right now is read afterwards, or waits.
        rows = connection.execute(sa.select(key, *columns).with_for_update()).all()
        for row in rows:
            values = {
                column.name: vault.lock(vault.unlock(locked))
                for column, locked in zip(columns, row[1:], strict=True)
            }
            connection.execute(key.table.update().where(key == row[0]).values(values))
            number += len(values)
    return number


def _all_open(connection: sa.Connection, vault: Vault) -> bool:
    for key, columns in ENCRYPTED:
        for row in connection.execute(sa.select(key, *columns)):
            try:
                for locked in row[1:]:
                    vault.unlock(locked)
            except AskPerson:
                return False
    return True
