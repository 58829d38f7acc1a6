"""Where `clockbooks ui` keeps Prefect's things, and the settings with which it runs Prefect.

Beside the database: `prefect/` with Prefect's own database, the key that encrypts what is secret in
it, and the password of its pages. A key and a password are their owner's alone to read.
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

#: Addresses that mean every network of this machine.
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

#: The name that goes with the password: Prefect wants both in one.
USER = "clockbooks"

#: What the environment may say otherwise.
_USUAL = {
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # its Resume hides in a menu, and it calls Amplitude
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; by it a dead machine is found
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",  # seconds
    # A slot of Prefect's that somebody uses all the same outlives neither server nor holder.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",  # runs go after 90 days
}

#: Nothing of ours calls home.
_SILENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    Attributes:
        host: A name or an address of this machine; one of `EVERYWHERE` for all networks.
        port: The port.
    """

    host: str
    port: int

    @property
    def only_here(self) -> bool:
        """Whether nothing but this machine reaches it."""
        return self.host in LOOPBACK

    @property
    def page(self) -> str:
        """What a person opens."""
        return self._at(socket.gethostname() if self.host in EVERYWHERE else self.host)

    @property
    def api(self) -> str:
        """Where this machine's own commands and runs reach it."""
        return f"{self._at('127.0.0.1' if self.host in EVERYWHERE else self.host)}/api"

    def _at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True)
class Home:
    """The folder, opened: nobody else serves from it meanwhile.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def password_file(self) -> Path:
        """Where the password is kept that lets our own commands and workers in."""
        return self.folder / "password"

    def login(self) -> str:
        """Give user and password that every server of ours takes; made at the first start.

        Raises:
            AskPerson: The password's file cannot be used.
        """
        return f"{USER}:{_kept(self.password_file, lambda: secrets.token_urlsafe(24))}"

    def environment(self, address: Address) -> dict[str, str]:
        """Give the environment of server, runner and runs; what it may say otherwise stays.

        Raises:
            AskPerson: A secret's file cannot be used.
        """
        usual = {name: os.environ.get(name, value) for name, value in _USUAL.items()}
        login = self.login()
        page = os.environ.get("PREFECT_UI_URL", address.page)  # behind a proxy it is another
        return {
            **usual,
            **_SILENT,
            **_database_tls(),
            "PYTHONSAFEPATH": "1",  # runs start with -m: import nothing from the working folder
            # The server's own runs reach it at an address of this machine: nothing leaves it.
            ALLOW_PLAIN: "1",
            "PREFECT_HOME": str(self.folder),
            "PREFECT_API_URL": address.api,
            # With `prefect server start --port` the pages would go on asking port 4200.
            "PREFECT_SERVER_API_HOST": address.host,
            "PREFECT_SERVER_API_PORT": str(address.port),
            "PREFECT_UI_URL": page,
            "PREFECT_SERVER_API_BASE_PATH": "/api",  # where `flows.operations.page_guard` looks
            "PREFECT_UI_API_URL": "/api",  # under whatever name the page was opened
            # Prefect allows every web page that somebody visits to call it; ours, its own alone.
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
        """Write the file that opens *address*: one that no list of processes shows.

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
            raise AskPerson(f"{path} cannot be written ({error.strerror}).") from None
        return path


@contextmanager
def opened_home(settings: Settings) -> Iterator[Home]:
    """Open the folder for a block; it is made at first use.

    Raises:
        AskPerson: Another `clockbooks ui` serves from it, it cannot be written, or others own it
            or can write in it.
    """
    import fcntl  # not on Windows, where the rest of Clockbooks runs all the same

    folder = (settings.folder / "prefect").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _shut(folder)
        lock = os.open(folder / "ui.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise AskPerson(
            f"The folder {folder} cannot be written ({error.strerror}): mend its rights."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            running = os.read(lock, 500).decode(errors="replace").partition("\n")[0]
            raise AskPerson(
                f"`clockbooks ui` runs already{f', at {running}' if running else ''}: open that,"
                " or stop it first (Ctrl-C where it runs)."
            ) from None
        os.truncate(lock, 0)  # where an earlier one served
        yield Home(folder)
    finally:
        os.close(lock)  # and with it the lock


def _shut(folder: Path) -> None:
    """Keep others out of *folder*; what they could write in it is not trusted.

    Raises:
        AskPerson: Somebody else owns it or can write in it.
        OSError: Its rights cannot be changed.
    """
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise AskPerson(
            f"Others own {folder} or can write in it, so they could plant code and a password."
            f" Check what is in it, make your user its owner, and run `chmod 700 {folder}`."
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def write_address(home: Home, address: Address) -> None:
    """Keep the address for whoever starts a second one; see `opened_home`."""
    told = f"{address.page} (process {os.getpid()})\n{address.api}\n"
    (home.folder / "ui.lock").write_text(told)


def own_server(settings: Settings) -> tuple[str, str] | None:
    """Give the API's address and the login of the `clockbooks ui` that runs here, if one does.

    The lock tells that it runs: when it does not, another program may have its port.

    Raises:
        AskPerson: The password's file cannot be used.
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
    """Let Prefect's client in at our own server, where PREFECT_API_URL names it.

    The password goes to no other address. What PREFECT_API_AUTH_STRING says stays.

    Raises:
        AskPerson: The password's file cannot be used.
    """
    named = os.environ.get("PREFECT_API_URL", "")
    if "PREFECT_API_AUTH_STRING" in os.environ or not named:
        return
    own = own_server(settings)
    if own and _place(named) == _place(own[0]):
        os.environ["PREFECT_API_AUTH_STRING"] = own[1]


def _place(url: str) -> tuple[str, str, int | None, str]:
    """Give what an address names; the names of this machine itself are one."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        place = "127.0.0.1" if host in LOOPBACK else host
        return parts.scheme, place, parts.port, parts.path.rstrip("/")
    except ValueError:
        return "", "", None, url


def other_server(address: Address) -> str | None:
    """Say where the environment sends recorded commands, when that is not our server."""
    named = os.environ.get("PREFECT_API_URL")
    same = named is None or urlsplit(named)[:3] == urlsplit(address.api)[:3]
    return None if same else named


def _database_tls() -> dict[str, str]:
    """Let Prefect check its database's certificate, as we do ours, unless its address says how."""
    name = "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_TLS_ENABLED"
    named = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    if not named or name in os.environ:
        return {}
    address = sa.make_url(named)
    said = {"ssl", "sslmode"} & set(address.query)
    safe = address.get_backend_name() != "postgresql" or stays_here(address)
    return {} if said or safe else {name: "true"}


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a secret from its file, or make it at first use; only its owner can read it."""
    try:
        if not path.exists():
            make_once(path, make())
        check_private(path)
        secret = path.read_text().strip()
    except OSError as error:
        raise AskPerson(
            f"{path} cannot be read or made ({error.strerror}): mend the folder's rights."
        ) from None
    if not secret:
        raise AskPerson(f"{path} is empty: put back what it held, or delete it for a new one.")
    remember(secret)
    return secret
