"""`clockbooks rotate-key`: which keys there are, and what a person does afterwards."""

from typing import Any

from connectors.database import closing_database
from connectors.encryption import keys_from_file, new_key
from connectors.store.key_rotation import rotate_file, rotate_to
from flows.settings import read_settings


def generated() -> dict[str, Any]:
    """Make a key for CLOCKBOOKS_SECRET_KEY; nothing is stored, and nothing changes.

    Returns:
        `generated`: the key, a secret; `told`: what to do with it.
    """
    return {
        "generated": new_key(),
        "told": "To use it, set it as CLOCKBOOKS_SECRET_KEY and the secret before it, if there was"
        " one, as CLOCKBOOKS_OLD_SECRET_KEY, then run `clockbooks rotate-key`. Keep a copy apart:"
        " without it the stored tokens are lost.",
    }


def rotate_key() -> dict[str, Any]:
    """Encrypt every secret in the database, of all connections, with a new key.

    With CLOCKBOOKS_SECRET_KEY the person has set the new key there, and the old one in
    CLOCKBOOKS_OLD_SECRET_KEY, or it is in the key file. Otherwise the key file gets a new one.

    Returns:
        `encrypted`: how many secrets; `key`: `setting` or `file`; `told`: what to do next.

    Raises:
        AskPerson: A secret opens with none of the keys, or the key file cannot be written.
    """
    settings = read_settings()
    path = settings.key_file
    old = [settings.old_secret_key.get_secret_value()] if settings.old_secret_key else []
    with closing_database(settings.database_url) as engine:
        if settings.secret_key is None:
            number = rotate_file(engine, path, old=old)
            told = f"The key file {path} has a new key, and no old one. Keep a copy of it apart."
        else:
            left = path.exists()
            old += keys_from_file(path) if left else []
            number = rotate_to(engine, settings.secret_key.get_secret_value(), old=old)
            told = "Everything opens with CLOCKBOOKS_SECRET_KEY alone."
            if settings.old_secret_key:
                told += " Take CLOCKBOOKS_OLD_SECRET_KEY out of the environment."
            if left:
                told += f" The key file {path} is not used any more: delete it."
        if settings.secret_key is None and settings.old_secret_key:
            told += " Take CLOCKBOOKS_OLD_SECRET_KEY out of the environment."
    kind = "file" if settings.secret_key is None else "setting"
    return {"encrypted": number, "key": kind, "told": told}
