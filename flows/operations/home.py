"""The folder of `clockbooks ui`, and the settings with which it runs Prefect.

The folder `prefect/`, beside the database, holds Prefect's own database, its encryption key and the
password of its pages. Only their owner can read the key and the password.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from connectors.database import stays_here
from connectors.encryption import check_private, make_once, new_key
from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK
from connectors.masking import remember
from flows.server_address import ALLOW_PLAIN
from flows.settings import Settings

#: Addresses that mean all networks of this machine.
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

#: The user name that goes with the password, which Prefect requires.
USER = "clockbooks"

#: Settings that the environment may override.
_DEFAULTS = {
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # it hides Resume in a menu, and calls Amplitude
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; shows that a machine is alive
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",  # seconds
    # So that a concurrency slot outlives neither the server nor its holder.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    # Runs go after 90 days, with their logs and pages; events after 7.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",
}

#: Nothing here calls home.
_SILENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True)
class Address:
    """Where the server listens: at one of `EVERYWHERE` for all networks."""

    host: str
    port: int

    @property
    def only_here(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK

    @property
    def page(self) -> str:
        """The address that a person opens."""
        return self._at(socket.gethostname() if self.host in EVERYWHERE else self.host)

    @property
    def api(self) -> str:
        """The address for commands and runs of this machine."""
        return f"{self._at('127.0.0.1' if self.host in EVERYWHERE else self.host)}/api"

    def _at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True)
class Home:
    """The folder, locked: nobody else serves from it."""

    folder: Path

    @property
    def password_file(self) -> Path:
        """The file of the password for our own commands and workers."""
        return self.folder / "password"

    def login(self) -> str:
        """Return the user and password of our server; made at the first start.

        Raises:
            AskPerson: The password file cannot be used.
        """
        return f"{USER}:{_kept(self.password_file, lambda: secrets.token_urlsafe(24))}"

    def environment(self, address: Address) -> dict[str, str]:
        """Return the environment of the server, the runner and the runs.

        Raises:
            AskPerson: A key or password file cannot be used.
        """
        defaults = {name: os.environ.get(name, value) for name, value in _DEFAULTS.items()}
        login = self.login()
        page = os.environ.get("PREFECT_UI_URL", address.page)  # another one behind a proxy
        return {
            **defaults,
            **_SILENT,
            **_database_tls(),
            "PYTHONSAFEPATH": "1",  # runs start with -m, which would import from the working folder
            # The runs here reach the server at an address of this machine.
            ALLOW_PLAIN: "1",
            "PREFECT_HOME": str(self.folder),
            "PREFECT_API_URL": address.api,
            # With `prefect server start --port`, the pages would still call port 4200.
            "PREFECT_SERVER_API_HOST": address.host,
            "PREFECT_SERVER_API_PORT": str(address.port),
            "PREFECT_UI_URL": page,
            "PREFECT_SERVER_API_BASE_PATH": "/api",  # `flows.operations.page_guard` expects it
            "PREFECT_UI_API_URL": "/api",  # under any host name
            # By default Prefect lets any web page call it; this allows its own pages only.
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": page,
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(self.folder / "pages"),
            "PREFECT_SERVER_ENCRYPTION_KEY": _kept(self.folder / "encryption.key", new_key),
            "PREFECT_SERVER_API_AUTH_STRING": login,
            "PREFECT_API_AUTH_STRING": login,
        }

    def empty_folder(self) -> Path:
        """Make the folder, and return it, in which nobody but its owner can put anything."""
        folder = self.folder / "empty"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def write_sign_in(self, address: str) -> Path:
        """Write a file that opens *address*, so that no process list shows the address.

        Raises:
            AskPerson: It cannot be written.
        """
        path = self.folder / "sign-in.html"
        try:
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">')
        except OSError as error:
            raise AskPerson(f"Cannot write {path} ({error.strerror}).") from None
        return path


@contextmanager
def opened_home(settings: Settings) -> Iterator[Home]:
    """Lock the folder for a block; create it at first use.

    Raises:
        AskPerson: Another `clockbooks ui` serves from it, it is not writable, or others own it or
            can write to it.
    """
    import fcntl  # not on Windows, where the rest of Clockbooks runs

    folder = (settings.folder / "prefect").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(folder)
        lock = os.open(folder / "ui.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise AskPerson(
            f"Cannot write to the folder {folder} ({error.strerror}): fix its permissions."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            running = os.read(lock, 500).decode(errors="replace").partition("\n")[0]
            raise AskPerson(
                f"`clockbooks ui` is already running{f', at {running}' if running else ''}. Open"
                " that, or stop it first with Ctrl-C."
            ) from None
        os.truncate(lock, 0)  # the address of an earlier one
        yield Home(folder)
    finally:
        os.close(lock)  # and with it the lock


def _make_private(folder: Path) -> None:
    """Keep others out of *folder*; do not trust one in which they could write.

    Raises:
        AskPerson: Somebody else owns it or can write to it.
        OSError: Its permissions cannot be changed.
    """
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise AskPerson(
            f"Others own {folder} or can write to it, so they could plant code or a password there."
            f" Check its content, make your user its owner, and run `chmod 700 {folder}`."
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def write_address(home: Home, address: Address) -> None:
    """Write down the address for our commands, and for whoever starts a second one."""
    text = f"{address.page} (process {os.getpid()})\n{address.api}\n"
    (home.folder / "ui.lock").write_text(text)


def own_server(settings: Settings) -> tuple[str, str] | None:
    """Return the API address and the login of the `clockbooks ui` that runs here, if one does.

    The lock shows whether it runs; otherwise another program may have its port.

    Raises:
        AskPerson: The password file cannot be used.
    """
    import fcntl

    home = Home((settings.folder / "prefect").absolute())
    try:
        with (home.folder / "ui.lock").open() as file:
            lines = file.read(500).splitlines()
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None  # nobody holds it
    except OSError:
        return None
    return (lines[1], home.login()) if len(lines) > 1 else None


def log_in(settings: Settings) -> None:
    """Log Prefect's client in to our own server, if PREFECT_API_URL names it.

    The password goes to no other address. A PREFECT_API_AUTH_STRING that is set stays.

    Raises:
        AskPerson: The password file cannot be used.
    """
    named = os.environ.get("PREFECT_API_URL", "")
    if "PREFECT_API_AUTH_STRING" in os.environ or not named:
        return
    own = own_server(settings)
    if own and _place(named) == _place(own[0]):
        os.environ["PREFECT_API_AUTH_STRING"] = own[1]


def _place(url: str) -> tuple[str, str, int | None, str]:
    """Return what an address points to; all names of this machine count as one."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        place = "127.0.0.1" if host in LOOPBACK else host
        return parts.scheme, place, parts.port, parts.path.rstrip("/")
    except ValueError:
        return "", "", None, url


def other_server(address: Address) -> str | None:
    """Return the server that the environment names, if it is not ours."""
    named = os.environ.get("PREFECT_API_URL")
    same = named is None or urlsplit(named)[:3] == urlsplit(address.api)[:3]
    return None if same else named


def _database_tls() -> dict[str, str]:
    """Make Prefect check its database's certificate, unless the address says how."""
    name = "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_TLS_ENABLED"
    named = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    if not named or name in os.environ:
        return {}
    address = sa.make_url(named)
    said = {"ssl", "sslmode"} & set(address.query)
    safe = address.get_backend_name() != "postgresql" or stays_here(address)
    return {} if said or safe else {name: "true"}


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a secret from its file, which only its owner can read; make it at first use."""
    try:
        if not path.exists():
            make_once(path, make())
        check_private(path)
        secret = path.read_text().strip()
    except OSError as error:
        raise AskPerson(
            f"Cannot read or create {path} ({error.strerror}): fix the folder's permissions."
        ) from None
    if not secret:
        raise AskPerson(f"{path} is empty. Restore its content, or delete it to get a new one.")
    remember(secret)
    return secret
