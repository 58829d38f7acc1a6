"""Which files a plan of an import was made of, and whether they still are what they were."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from connectors.errors import AskPerson
from connectors.store.plan_files import PlanFile
from flows.importing.exports_in import exports_of


def files_to_read(named: Iterable[Path], folder: str | None) -> tuple[Path, ...]:
    """Return the files that somebody named in a form; all exports of the import folder for none.

    Names without a whole path are of files in that folder, where it is set.

    Raises:
        AskPerson: No file is named, and the folder is not set.
    """
    files = tuple(named)
    if not files and folder is None:
        raise AskPerson(
            "Name the files; or set CLOCKBOOKS_IMPORT_FOLDER, whose exports are taken where no file"
            " is named."
        )
    if folder is None:
        return files
    return tuple(Path(folder) / one for one in files) or (Path(folder),)


def fingerprints(files: Iterable[Path]) -> tuple[PlanFile, ...]:
    """Return files, and the exports in folders among them, with the SHA-256 of their bytes.

    Raises:
        AskPerson: One cannot be read; or see `exports_of`.
    """
    return tuple(PlanFile(str(one.absolute()), _sha256(one)) for one in exports_of(files))


def what_has_changed(files: Iterable[PlanFile]) -> str | None:
    """Say which file is no longer what it was; `None` if all are."""
    for one in files:
        try:
            same = _sha256(Path(one.path)) == one.sha256
        except AskPerson as error:
            return str(error)
        if not same:
            return f"{one.path} has changed since."
    return None


def _sha256(path: Path) -> str:
    if not path.is_file():  # opening a pipe would wait for somebody to write to it
        raise AskPerson(f"There is no file {path}: check its name and folder.")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AskPerson(f"{path} cannot be read ({error.strerror}).") from None
