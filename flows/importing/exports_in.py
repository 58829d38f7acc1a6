"""Which exports are in a folder."""

import stat
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from connectors.errors import AskPerson

#: What an export's name ends in.
SUFFIXES = (".csv", ".xlsx")


def exports_of(paths: Iterable[Path]) -> list[Path]:
    """Return files as they are, and of folders the exports in them, by name.

    Raises:
        AskPerson: A folder has none, or one of them is a link.
    """
    return list(chain(*(_all_of(path) if path.is_dir() else [path] for path in paths)))


def _all_of(folder: Path) -> list[Path]:
    files, links = exports_in(folder)
    if links:
        raise AskPerson(f"{links[0]} is a link or no file: put the file itself there.")
    if not files:
        raise AskPerson(f"The folder {folder} has no {' or '.join(SUFFIXES)} file.")
    return files


def exports_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the exports in a folder by name; and what is called so and is no file of its own."""
    named = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~$"))
    )
    files = [path for path in named if stat.S_ISREG(path.lstat().st_mode)]
    return files, [path for path in named if path not in files]
