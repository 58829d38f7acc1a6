"""Reads the `.env` of the working folder, and lets it redirect nothing.

A folder may come from somebody else: an archive, a checkout, a directory that others share. So its
`.env` has to be the user's own file, and may not say where secrets and data go: only the
environment may, which nobody plants.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import sqlalchemy as sa
from dotenv import dotenv_values

from connectors.database import stays_here
from connectors.errors import AskPerson
from connectors.hosts import CLOCKIFY, INTUIT, plain_host

FILE = ".env"

PREFIX = "CLOCKBOOKS_"

#: In the environment, `1` trusts the files of the working folder with addresses.
ALLOW = "CLOCKBOOKS_ALLOW_OTHER_HOSTS"

#: What the environment alone may set: who trusts the file, where notices go, who enters the page.
ENVIRONMENT_ONLY = frozenset({
    ALLOW, f"{PREFIX}NOTIFY", f"{PREFIX}UI_PASSWORD", f"{PREFIX}UI_HOSTS",
    f"{PREFIX}UI_USER_HEADER",
})  # fmt: skip

#: The settings that say where secrets go, and whose hosts are theirs.
ADDRESSES = {
    "CLOCKBOOKS_CLOCKIFY_URL": CLOCKIFY,
    "CLOCKBOOKS_CLOCKIFY_REPORTS_URL": CLOCKIFY,
    "CLOCKBOOKS_QBO_URL": INTUIT,
    "CLOCKBOOKS_QBO_TOKEN_URL": INTUIT,
    "CLOCKBOOKS_QBO_AUTHORIZE_URL": INTUIT,
    "CLOCKBOOKS_QBO_REVOKE_URL": INTUIT,
    "CLOCKBOOKS_QBO_DISCOVERY_URL": INTUIT,
}


def file_settings() -> dict[str, str]:
    """Read the settings in `.env`, by field name in lower case; none where there is no file.

    Raises:
        AskPerson: Others own the file or can write it, it cannot be read, or it redirects
            something.
    """
    path = Path(FILE)
    if not path.is_file():  # a pipe would let us wait for whoever fills it
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            _check_owner(path, file)
            found = dotenv_values(stream=file)
    except (OSError, UnicodeDecodeError):
        raise AskPerson(
            f"{path.absolute()} cannot be read: make it UTF-8 text that you may read."
        ) from None
    given = {name.upper(): value for name, value in found.items() if value}
    redirected = [] if other_hosts_allowed() else list(_redirections(given))
    if redirected:
        raise AskPerson(
            f"{path.absolute()} may not set {', '.join(redirected)}, because that says where"
            " secrets and data go or who may use the page, and anybody may have put the file"
            " there. Set it in the environment instead; or, if the file is yours, set"
            f" {ALLOW}=1 in the environment."
        )
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in given.items()
        if name.startswith(PREFIX)
    }


def other_hosts_allowed() -> bool:
    """Say whether the environment trusts the folder's files with addresses."""
    return os.environ.get(ALLOW) in {"1", "true"}


def check_prefect_files() -> None:
    """Make sure that no file of the working folder redirects Prefect, which reads two more there.

    Raises:
        AskPerson: `prefect.toml`, or a table `tool.prefect` of `pyproject.toml`, is there.
    """
    file_settings()  # and with it `PREFECT_…` in .env
    if other_hosts_allowed():
        return
    if Path("prefect.toml").exists():
        found = "prefect.toml"
    elif _has_prefect_table(Path("pyproject.toml")):
        found = "pyproject.toml (tool.prefect)"
    else:
        return
    raise AskPerson(
        f"Prefect would read its settings from {found} in this folder, which says where data go and"
        " what is executed. Set them in the environment instead; or, if the file is yours, set"
        f" {ALLOW}=1 in the environment."
    )


def _has_prefect_table(project: Path) -> bool:
    """Say whether Prefect finds settings in *project*; a key may be escaped, so it is parsed."""
    import tomllib

    try:
        tool = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False  # Prefect cannot read it either
    return isinstance(tool, dict) and "prefect" in tool


def _check_owner(path: Path, file: TextIO) -> None:
    """Refuse a file that somebody else could have filled.

    The open file is looked at, so that nobody exchanges it in between; a link counts by who made
    it, because it could lead to a download of ours.

    Raises:
        AskPerson: See above.
    """
    if sys.platform == "win32":
        return  # no owner and no mode there
    opened = os.fstat(file.fileno())
    trusted = {os.geteuid(), 0}
    if opened.st_uid not in trusted or path.lstat().st_uid not in trusted:
        raise AskPerson(
            f"{path.absolute()} belongs to another user, who could send your secrets anywhere."
            " Nothing was read. Delete it, or make it yours once you have read it."
        )
    if opened.st_mode & 0o022:
        raise AskPerson(
            f"Others can write {path.absolute()}, and so send your secrets anywhere. Nothing was"
            f" read. Check what it says, then run `chmod 600 {path.absolute()}`."
        )


def _redirections(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the names in the file that lead elsewhere, unless the environment overrules them."""
    overruled = {name.upper() for name, value in os.environ.items() if value}
    for name, value in given.items():
        if name in overruled and name != ALLOW:
            continue
        if name in ADDRESSES:
            leads_away = not (value.startswith("https://") and is_own(name, value))
        elif name == f"{PREFIX}DATABASE_URL":
            leads_away = not _is_here(value)
        else:
            leads_away = name in ENVIRONMENT_ONLY or name.startswith("PREFECT_")
        if leads_away:
            yield name


def is_own(name: str, url: str) -> bool:
    """Say whether the address *url* of the setting *name* is at the service's own domain."""
    return ADDRESSES[name].fullmatch(plain_host(url) or "") is not None


def _is_here(database_url: str) -> bool:
    try:
        address = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        return True  # it leads nowhere; told when the database is opened
    return stays_here(address)
