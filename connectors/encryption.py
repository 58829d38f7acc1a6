"""Encrypts what must stay secret in the database, with a key that is not in it.

Fernet: authenticated encryption from the `cryptography` library.
"""

import base64
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from connectors.errors import AskPerson
from connectors.masking import remember

#: Fewest characters of a passphrase; what `new_key` makes has 44.
SHORTEST_PASSPHRASE = 20

#: Marks what was locked with a passphrase: how it was stretched, its salt, then Fernet's text.
STRETCHED = "scrypt1"

#: 128 MiB and some 0.3 s for each guess (OWASP's recommendation of 2023 for scrypt).
_COST = 2**17

#: How earlier versions stretched every passphrase: this opens what they locked, and locks nothing.
_OLD_SALT, _OLD_COST = b"clockbooks tokens at rest", 2**14


class Vault:
    """Encrypts and decrypts texts: the first key locks, every key unlocks.

    A generated key is used as it is. A passphrase is stretched with a random salt, which is kept
    with each text that it locked: every machine comes to the same key, and no two databases do.
    """

    def __init__(
        self,
        *keys: str,
        source: Callable[[], Sequence[str]] | None = None,
        outdated: Callable[[], None] | None = None,
    ) -> None:
        """Use *keys*: made by `new_key`, or any other text as a passphrase.

        Args:
            keys: The newest first.
            source: Reads the keys anew, where another process may rotate them meanwhile.
            outdated: Called once when a text turns out to be locked as it was done before.
        """
        self._source = source
        self._outdated = outdated
        self._salt = os.urandom(16)
        self._use(keys)

    def _use(self, keys: Sequence[str]) -> None:
        remember(*keys)
        self._keys = tuple(keys)

    def lock(self, text: str) -> str:
        """Encrypt *text* with the newest key, as it is now.

        Raises:
            AskPerson: The keys are to be read anew, and cannot be.
        """
        remember(text)
        if self._source is not None:
            self._use(self._source())  # under an old key, a rotation would leave it unreadable
        key = self._keys[0]
        if is_generated(key):
            return Fernet(key).encrypt(text.encode()).decode()
        locked = _stretched(key, self._salt, _COST).encrypt(text.encode()).decode()
        return f"{STRETCHED}:{base64.urlsafe_b64encode(self._salt).decode()}:{locked}"

    def unlock(self, locked: str) -> str:
        """Decrypt what `lock` returned.

        Raises:
            AskPerson: It was locked with another key.
        """
        try:
            text = self._decrypt(locked)
        except (InvalidToken, ValueError):
            raise AskPerson(
                "The stored tokens were encrypted with another key.",
                to_do="Set CLOCKBOOKS_SECRET_KEY, or restore the key file, as it was; or run"
                " `clockbooks connect` again.",
            ) from None
        remember(text)
        return text

    def _decrypt(self, locked: str) -> str:
        try:
            return self._try_keys(locked)
        except InvalidToken:
            if self._source is None:
                raise
        self._use(self._source())
        return self._try_keys(locked)

    def _try_keys(self, locked: str) -> str:
        kind, _, rest = locked.partition(":")
        if kind == STRETCHED:
            return self._open_stretched(*rest.partition(":")[::2])
        for key in self._keys:
            with suppress(InvalidToken):
                text = _as_before(key).decrypt(locked.encode()).decode()
                if not is_generated(key):
                    self._tell_outdated()
                return text
        raise InvalidToken

    def _open_stretched(self, encoded: str, token: str) -> str:
        salt = base64.urlsafe_b64decode(encoded.encode())
        if len(salt) != len(self._salt):
            raise InvalidToken
        for key in self._keys:
            if not is_generated(key):
                with suppress(InvalidToken):
                    text = _stretched(key, salt, _COST).decrypt(token.encode()).decode()
                    self._salt = salt  # also for what this vault locks: one derivation does
                    return text
        raise InvalidToken

    def _tell_outdated(self) -> None:
        if self._outdated is not None:
            self._outdated()
            self._outdated = None


def is_generated(key: str) -> bool:
    """Return whether *key* is one of `new_key`, not a passphrase."""
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _as_before(key: str) -> Fernet:
    return Fernet(key) if is_generated(key) else _stretched(key, _OLD_SALT, _OLD_COST)


@lru_cache(maxsize=16)  # once a process for each salt
def _stretched(passphrase: str, salt: bytes, cost: int) -> Fernet:
    stretched = Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(stretched))


def keys_from_file(path: Path) -> list[str]:
    """Read the key file, or make it at first use, readable by its owner alone.

    Returns:
        Its keys, the newest first: one, unless a rotation is at work or was broken off.

    Raises:
        AskPerson: Others own it or can read it, it is empty, or it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make_once(path, new_key())
        check_private(path)
        keys = path.read_text().split("\n")
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be read or made ({error.strerror}):"
            " set CLOCKBOOKS_SECRET_KEY, or correct the file's permissions."
        ) from None
    keys = [key.strip() for key in keys if key.strip()]
    if keys and len(keys[0]) < SHORTEST_PASSPHRASE:
        raise AskPerson(
            f"The key in {path} is easy to guess: it has fewer than {SHORTEST_PASSPHRASE}"
            " characters. Set it as CLOCKBOOKS_OLD_SECRET_KEY, delete the file, then run"
            " `clockbooks rotate-key`."
        )
    if not keys:
        raise AskPerson(
            f"The key file {path} is empty: restore the key, or delete the file and run"
            " `clockbooks connect` again."
        )
    return keys


def check_private(path: Path) -> None:
    """Check that nobody else owns or can read the file at *path*.

    Raises:
        AskPerson: Somebody else does.
        OSError: There is no such file.
    """
    found = path.stat()
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise AskPerson(
            f"{path} belongs to another user, who knows what is in it. Delete it to get a new one;"
            " or, if you created it, make your own user its owner."
        )
    if found.st_mode & 0o077:
        raise AskPerson(f"{path} can be read by others: run `chmod 600 {path}`.")


def new_key() -> str:
    """Make a key that nobody can guess: 32 random bytes, in base64."""
    return Fernet.generate_key().decode()


def write_key_file(path: Path, keys: Sequence[str]) -> None:
    """Put *keys*, the newest first, into the key file, whole or not at all.

    Raises:
        AskPerson: It cannot be written; the keys in it are as they were.
    """
    try:
        with _draft(path, "\n".join(keys)) as draft:
            draft.replace(path)
    except OSError as error:
        raise AskPerson(
            f"The key file {path} cannot be written ({error.strerror}): correct the folder's"
            " permissions. Its keys are as they were."
        ) from None


def make_once(path: Path, secret: str) -> None:
    """Write *secret* into a new file for its owner alone; leave a file that is there as it is.

    It is written whole under another name and then linked: two that start together, be they threads
    or processes, end with one secret, and nobody ever reads half of one.

    Raises:
        OSError: It cannot be written.
    """
    with _draft(path, secret) as draft, suppress(FileExistsError):
        os.link(draft, path)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """Write a text beside *path*, whole and for its owner alone, for a block to put it there."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # rows under a key that a power cut took are lost
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
