"""Reads the `.env` file of the working folder, and lets it redirect nothing.

A folder may come from somebody else: an archive, a checkout, a shared directory. So its `.env` must
be the user's own file, and may not say where secrets and data go. Only the environment may, which
nobody can plant.
"""

import os
import sys
from pathlib import Path
from typing import TextIO

import sqlalchemy as sa
from dotenv import dotenv_values

from connectors.database import stays_here
from connectors.errors import AskPerson
from connectors.hosts import CLOCKIFY, INTUIT, plain_host

FILE = ".env"

PREFIX = "CLOCKBOOKS_"

#: `1` in the environment lets files of the working folder set addresses.
ALLOW = "CLOCKBOOKS_ALLOW_OTHER_HOSTS"

#: What only the environment may set: trust in the file, where notices go, who may use the pages,
#: and from where time is taken.
ENVIRONMENT_ONLY = frozenset({
    ALLOW, f"{PREFIX}NOTIFY", f"{PREFIX}UI_PASSWORD", f"{PREFIX}UI_HOSTS",
    f"{PREFIX}UI_USER_HEADER", f"{PREFIX}IMPORT_FOLDER",
})  # fmt: skip

#: The settings that say where secrets go, and the hosts that each may name.
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
    """Read the settings in `.env`, by field name in lower case; none if there is no file.

    Raises:
        AskPerson: Others own the file or can write it, it cannot be read, or it redirects
            something.
    """
    path = Path(FILE)
    if not path.is_file():  # reading a pipe could wait forever
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            _check_owner(path, file)
            found = dotenv_values(stream=file)
    except (OSError, UnicodeDecodeError):
        raise AskPerson(
            f"{path.absolute()} cannot be read. It must be UTF-8 text that you may read."
        ) from None
    given = {name.upper(): value for name, value in found.items() if value}
    _refuse_redirects(path, given)
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in given.items()
        if name.startswith(PREFIX)
    }


def _refuse_redirects(path: Path, given: dict[str, str]) -> None:
    leading = [name for name, value in given.items() if _redirects(name, value)]
    overridden = {name.upper() for name, value in os.environ.items() if value} - {ALLOW}
    redirected = [name for name in leading if name not in overridden]
    if redirected and not other_hosts_allowed():
        raise AskPerson(
            f"{path.absolute()} may not set {', '.join(redirected)}: that decides where secrets and"
            " data go, where time comes from or who may use the pages, and anybody could have put"
            f" the file there. Set it in the environment instead; or, if the file is yours, set"
            f" {ALLOW}=1 in the environment."
        )


def other_hosts_allowed() -> bool:
    """Whether the environment lets files of the folder set addresses."""
    return os.environ.get(ALLOW) in {"1", "true"}


def check_prefect_files() -> None:
    """Make sure that no file of the working folder redirects Prefect, which reads two more.

    Raises:
        AskPerson: There is a `prefect.toml`, or a table `tool.prefect` in `pyproject.toml`.
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
        f"Prefect would read settings from {found} in this folder, which decide where data go and"
        " what is run. Set them in the environment instead; or, if the file is yours, set"
        f" {ALLOW}=1 there."
    )


def _has_prefect_table(project: Path) -> bool:
    """Whether Prefect finds settings in *project*; keys may be escaped, so it is parsed."""
    import tomllib

    try:
        tool = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False  # Prefect cannot read it either
    return isinstance(tool, dict) and "prefect" in tool


def _check_owner(path: Path, file: TextIO) -> None:
    """Refuse a file that somebody else could have filled.

    The open file is checked, so that nobody can swap it in between. A link counts by who made it,
    because it could lead to a file that we downloaded.
    """
    if sys.platform == "win32":
        return  # no owner and no mode there
    opened = os.fstat(file.fileno())
    trusted = {os.geteuid(), 0}
    if opened.st_uid not in trusted or path.lstat().st_uid not in trusted:
        raise AskPerson(
            f"{path.absolute()} belongs to another user, who could send your secrets anywhere."
            " Nothing was read. Delete it; or read it, then make it yours with `chown`."
        )
    if opened.st_mode & 0o022:
        raise AskPerson(
            f"Others can change {path.absolute()}, and so send your secrets anywhere. Nothing was"
            f" read. Check its content, then run `chmod 600 {path.absolute()}`."
        )


def _redirects(name: str, value: str) -> bool:
    if name in ADDRESSES:
        return not (value.startswith("https://") and is_own(name, value))
    if name == f"{PREFIX}DATABASE_URL":
        return not _is_here(value)
    return name in ENVIRONMENT_ONLY or name.startswith("PREFECT_")


def is_own(name: str, url: str) -> bool:
    """Whether the address *url* of the setting *name* is at the service's own domain."""
    return ADDRESSES[name].fullmatch(plain_host(url) or "") is not None


def _is_here(database_url: str) -> bool:
    try:
        address = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        return True  # it leads nowhere, which is reported when the database is opened
    return stays_here(address)
