"""Encrypts what must stay secret in the database, with a key that is not in it.

Fernet: authenticated encryption from the `cryptography` library.
"""

import base64
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from connectors.errors import AskPerson

#: A passphrase is stretched with a fixed salt: every machine must come to the same key.
_SALT = b"clockbooks tokens at rest"


class Vault:
    """Encrypts and decrypts texts with one key."""

    def __init__(self, key: str) -> None:
        """Use *key*: one made by `Fernet.generate_key`, or any other text as a passphrase."""
        try:
            self._fernet = Fernet(key)
        except ValueError:
            stretched = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(key.encode())
            self._fernet = Fernet(base64.urlsafe_b64encode(stretched))

    def lock(self, text: str) -> str:
        """Encrypt *text*."""
        return self._fernet.encrypt(text.encode()).decode()

    def unlock(self, locked: str) -> str:
        """Decrypt what `lock` gave.

        Raises:
            AskPerson: It was locked with another key.
        """
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            raise AskPerson(
                "The stored tokens were encrypted with another key: set CLOCKBOOKS_SECRET_KEY (or"
                " put back the key file) as it was, or run `clockbooks connect` again."
            ) from None


def key_from_file(path: Path) -> str:
    """Read the key file, or make it at first use, readable by its owner alone.

    Raises:
        AskPerson: Others can read it, it is empty, or it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_key_file(path)
        if path.stat().st_mode & 0o077:
            raise AskPerson(f"The key file {path} can be read by others: run `chmod 600 {path}`.")
        key = path.read_text().strip()
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be read or made ({error.strerror}):"
            " set CLOCKBOOKS_SECRET_KEY, or mend the file's rights."
        ) from None
    if not key:
        raise AskPerson(
            f"The key file {path} is empty: put back the key as it was, or delete the file and run"
            " `clockbooks connect` again."
        )
    return key


def _make_key_file(path: Path) -> None:
    # Written whole under another name and then linked: two that start together, be they threads
    # or processes, end with one key, and nobody ever reads half of one.
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
