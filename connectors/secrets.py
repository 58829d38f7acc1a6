"""Encrypts what must stay secret in the database, with a key that is not in it.

Fernet: authenticated encryption from the `cryptography` library.
"""

import base64
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from connectors.errors import AskPerson
from connectors.masking import remember

#: A passphrase is stretched with a fixed salt: every machine must come to the same key.
_SALT = b"clockbooks tokens at rest"


class Vault:
    """Encrypts and decrypts texts: the first key locks, every key unlocks."""

    def __init__(self, *keys: str, source: Callable[[], Sequence[str]] | None = None) -> None:
        """Use *keys*: made by `Fernet.generate_key`, or any other text as a passphrase.

        Args:
            keys: The newest first.
            source: Reads the keys anew, where they may change while this vault is in use: another
                process may rotate them.
        """
        self._source = source
        self._use(keys)

    def _use(self, keys: Sequence[str]) -> None:
        remember(*keys)
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def lock(self, text: str) -> str:
        """Encrypt *text* with the newest key, as it is now.

        Raises:
            AskPerson: The keys are to be read anew, and cannot be.
        """
        remember(text)
        if self._source is not None:
            self._use(self._source())  # under an old key, a rotation would leave it unreadable
        return self._fernet.encrypt(text.encode()).decode()

    def unlock(self, locked: str) -> str:
        """Decrypt what `lock` gave.

        Raises:
            AskPerson: It was locked with another key.
        """
        try:
            text = self._decrypt(locked)
        except InvalidToken:
            raise AskPerson(
                "The stored tokens were encrypted with another key: set CLOCKBOOKS_SECRET_KEY (or"
                " put back the key file) as it was, or run `clockbooks connect` again."
            ) from None
        remember(text)
        return text

    def _decrypt(self, locked: str) -> str:
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            if self._source is None:
                raise
        self._use(self._source())
        return self._fernet.decrypt(locked.encode()).decode()


@lru_cache(maxsize=16)
def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        stretched = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(key.encode())
        return Fernet(base64.urlsafe_b64encode(stretched))


def keys_from_file(path: Path) -> list[str]:
    """Read the key file, or make it at first use, readable by its owner alone.

    Returns:
        Its keys, the newest first: one, unless a rotation is at work or was broken off.

    Raises:
        AskPerson: Others can read it, it is empty, or it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make_once(path, new_key())
        if path.stat().st_mode & 0o077:
            raise AskPerson(f"The key file {path} can be read by others: run `chmod 600 {path}`.")
        keys = path.read_text().split("\n")
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be read or made ({error.strerror}):"
            " set CLOCKBOOKS_SECRET_KEY, or mend the file's rights."
        ) from None
    keys = [key.strip() for key in keys if key.strip()]
    if not keys:
        raise AskPerson(
            f"The key file {path} is empty: put back the key as it was, or delete the file and run"
            " `clockbooks connect` again."
        )
    return keys


def new_key() -> str:
    """Make a key that nobody can guess."""
    return Fernet.generate_key().decode()


def write_key_file(path: Path, keys: Sequence[str]) -> None:
    """Put *keys*, the newest first, into the key file, whole or not at all.

    Raises:
        AskPerson: It cannot be written; the keys in it are as they were.
    """
    try:
        handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write("\n".join(keys))
                file.flush()
                os.fsync(file.fileno())  # rows under a key that a power cut took are lost
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be written ({error.strerror}): mend the folder's rights."
            " Its keys are as they were."
        ) from None


def make_once(path: Path, secret: str) -> None:
    """Write *secret* into a new file for its owner alone; leave a file that is there as it is.

    It is written whole under another name and then linked: two that start together, be they threads
    or processes, end with one secret, and nobody ever reads half of one.

    Raises:
        OSError: It cannot be written.
    """
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # for its owner alone
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
