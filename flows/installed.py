"""Where Clockbooks is installed, in a checkout or from a wheel, and where its files and data are.

A wheel carries what the code reads beside the packages; `pyproject.toml` lists it.
"""

from pathlib import Path

from platformdirs import user_data_dir

from connectors.errors import AskPerson

_CARRIED = Path(__file__).with_name("carried")

#: Whether the code runs from a checkout, where these files have places of their own.
IN_CHECKOUT = not _CARRIED.is_dir()

#: The folder with `prefect.yaml`, the demo's files in `data/`, and `docs/`.
FILES = Path(__file__).parents[1] if IN_CHECKOUT else _CARRIED

#: What Clockbooks keeps in its folder for data.
_KEPT = ("clockbooks.db", "clockbooks.key", "prefect/ui.lock")


def shown(name: str) -> str:
    """Return where a person finds one of `FILES`: in a checkout by *name*, else by its path."""
    return name if IN_CHECKOUT else str(FILES / name)


def data_folder() -> Path:
    """Return the folder for the database, its key and Prefect's data.

    In a checkout that is `data` in the working folder. From a wheel it is the platform's own, made
    here for its owner alone; but where an earlier version left data in the working folder, they are
    used further.

    Raises:
        AskPerson: The folder cannot be made.
    """
    here = Path("data")
    if IN_CHECKOUT or any((here / name).exists() for name in _KEPT):
        return here
    folder = Path(user_data_dir("clockbooks", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise AskPerson(
            f"Cannot make the folder {folder} for the database ({error.strerror}): fix its"
            " permissions, or set CLOCKBOOKS_DATABASE_URL to a place that you may write to."
        ) from None
    return folder


def default_database_url() -> str:
    """Return the address of the SQLite database in `data_folder`."""
    return f"sqlite:///{data_folder() / 'clockbooks.db'}"
