"""`clockbooks rotate-key`: re-encrypts the stored secrets, and says what to do next."""

from typing import Any

from connectors.database import closing_database
from connectors.encryption import keys_from_file, new_key
from connectors.store.key_rotation import rotate_file, rotate_to
from flows.settings import read_settings


def generated() -> dict[str, Any]:
    """Return a new key for CLOCKBOOKS_SECRET_KEY; nothing is stored or changed.

    Returns:
        `generated`: the key, a secret; `message`: what to do with it.
    """
    return _with_message(
        {"generated": new_key()},
        "To use it, set it as CLOCKBOOKS_SECRET_KEY, and the previous secret, if there was one, as"
        " CLOCKBOOKS_OLD_SECRET_KEY. Then run `clockbooks rotate-key`. Keep a copy elsewhere:"
        " without the key, the stored tokens are lost.",
    )


def rotate_key() -> dict[str, Any]:
    """Encrypt every secret in the database, of all connections, with a new key.

    With CLOCKBOOKS_SECRET_KEY the person has set the new key there, and the old one is in
    CLOCKBOOKS_OLD_SECRET_KEY or in the key file. Otherwise the key file gets a new one.

    Returns:
        `encrypted`: how many secrets; `key`: `setting` or `file`; `message`: what to do next.

    Raises:
        AskPerson: A secret opens with none of the keys, or the key file cannot be written.
    """
    settings = read_settings()
    path = settings.key_file
    old = [settings.old_secret_key.get_secret_value()] if settings.old_secret_key else []
    unset = " Remove CLOCKBOOKS_OLD_SECRET_KEY from the environment." if old else ""
    with closing_database(settings.database_url) as engine:
        if settings.secret_key is None:
            number = rotate_file(engine, path, old=old)
            message = f"The key file {path} has a new key only. Keep a copy of it elsewhere.{unset}"
            return _with_message({"encrypted": number, "key": "file"}, message)
        unused = f" The key file {path} is no longer used: delete it." if path.exists() else ""
        old += keys_from_file(path) if unused else []
        number = rotate_to(engine, settings.secret_key.get_secret_value(), old=old)
    message = f"CLOCKBOOKS_SECRET_KEY alone now decrypts everything.{unset}{unused}"
    return _with_message({"encrypted": number, "key": "setting"}, message)


def _with_message(document: dict[str, Any], message: str) -> dict[str, Any]:
    return {**document, "message": message, "told": message}  # `told`: its name in 0.1
