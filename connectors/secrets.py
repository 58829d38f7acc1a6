"""Encrypts what must stay secret in the database, with a key that is not in it.

Fernet: authenticated encryption from the `cryptography` library.
"""

import base64
import os
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
        AskPerson: Others can read it, or it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written whole under another name and then linked: two processes that start together
        # end with one key, and nobody ever reads half of one.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        if not path.exists():
            with os.fdopen(
                os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            ) as file:
                file.write(Fernet.generate_key())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        if path.stat().st_mode & 0o077:
            raise AskPerson(f"The key file {path} can be read by others: run `chmod 600 {path}`.")
        return path.read_text().strip()
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be read or made ({error.strerror}):"
            " set CLOCKBOOKS_SECRET_KEY, or mend the file's rights."
        ) from None
