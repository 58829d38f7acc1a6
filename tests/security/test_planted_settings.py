"""Attack: a `.env` that somebody else put into the working folder leads keys and data elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from connectors.errors import AskPerson
from connectors.hosts import CLOCKIFY, INTUIT, plain_host
from flows.operations.home import Address, Home
from flows.settings import read_settings
from flows.settings_file import check_prefect_files

COMMAND = Path(sys.executable).parent / "clockbooks"

KEY = "a-clockify-key-of-ours"

#: Lines of a planted `.env`, each of which leads something elsewhere.
REDIRECTIONS = [
    "CLOCKBOOKS_CLOCKIFY_URL=https://api.clockify.me.evil.example/api/v1",
    "clockbooks_clockify_url=https://evil.example/api/v1",
    "export CLOCKBOOKS_CLOCKIFY_REPORTS_URL='https://evil.example/v1'",
    "CLOCKBOOKS_QBO_URL=https://quickbooks.api.intuit.com.evil.example",
    "CLOCKBOOKS_QBO_URL=https://evil-intuit.com",
    "CLOCKBOOKS_QBO_URL=http://127.0.0.1:8000",
    "CLOCKBOOKS_QBO_TOKEN_URL=https://evil.example/token",
    "CLOCKBOOKS_QBO_AUTHORIZE_URL=https://evil.example/consent",
    "CLOCKBOOKS_QBO_REVOKE_URL=https://evil.example/revoke",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u:p@evil.example/books",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u:p@127.0.0.1/books?hostaddr=192.0.2.7",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u:p@127.0.0.1/books?host=evil.example",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u@localhost/b?conninfo=hostaddr%3D192.0.2.7",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u@localhost/b?service=x&servicefile=evil.conf",
    "CLOCKBOOKS_DATABASE_URL=postgresql+psycopg://u@localhost/b?dbname=host%3Devil.example",
    "CLOCKBOOKS_DATABASE_URL=postgresql+pg8000://u@localhost/b?unix_sock=/tmp/evil",
    "CLOCKBOOKS_DATABASE_URL=mysql+pymysql://u@localhost/b",
    "CLOCKBOOKS_UI_PASSWORD=known-to-evil-planter",
    "CLOCKBOOKS_UI_HOSTS=evil.example",
    "CLOCKBOOKS_UI_USER_HEADER=Accept-Language",
    "CLOCKBOOKS_NOTIFY=json://evil.example/",
    "CLOCKBOOKS_IMPORT_FOLDER=/tmp/hours-that-nobody-worked",
    "PREFECT_API_URL=https://evil.example/api",
    "PREFECT_LOGGING_SETTINGS_PATH=/tmp/runs_code.yml",
    "CLOCKBOOKS_ALLOW_OTHER_HOSTS=1",
]


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Return a function to put a `.env` into the folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CLOCKBOOKS_", "PREFECT_"))]:
        monkeypatch.delenv(name)

    def put(*lines, mode=0o600):
        path = tmp_path / ".env"
        path.write_text("\n".join([*lines, ""]))
        path.chmod(mode)
        return path

    return put


@pytest.fixture
def attacker() -> Iterator[tuple[str, list[str]]]:
    """Serve an address, and keep what secrets arrive there."""
    caught: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            caught.append(str(self.headers))
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", caught
    server.shutdown()
    thread.join()
    server.server_close()


# --- whose file it is --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664])
def test_a_file_that_others_can_write_is_refused(plant, mode):
    """Not one line of it counts, and the person learns the command that mends it."""
    path = plant(f"CLOCKBOOKS_CLOCKIFY_API_KEY={KEY}", mode=mode)

    with pytest.raises(AskPerson, match=rf"chmod 600 {path}"):
        read_settings()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_of_another_user_is_refused(plant, tmp_path, kind):
    """Whoever owns it can fill it; a link of theirs may lead to a download of ours."""
    path = plant("CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID=planted")
    if kind == "file":
        os.chown(path, 65534, 65534)
    else:
        path.rename(tmp_path / "downloaded.txt")
        path.symlink_to(tmp_path / "downloaded.txt")
        os.chown(path, 65534, 65534, follow_symlinks=False)

    with pytest.raises(AskPerson, match="belongs to another user"):
        read_settings()


# --- where it leads ----------------------------------------------------------------------------


@pytest.mark.parametrize("line", REDIRECTIONS)
def test_a_file_leads_nothing_elsewhere(plant, line):
    """The setting is named, its value is not shown, and nothing of the file is used."""
    plant(f"CLOCKBOOKS_CLOCKIFY_API_KEY={KEY}", line)

    with pytest.raises(AskPerson, match=r"CLOCKBOOKS_ALLOW_OTHER_HOSTS=1") as raised:
        read_settings()

    assert line.removeprefix("export ").partition("=")[0].upper() in str(raised.value)
    assert "evil" not in str(raised.value)


def test_the_key_does_not_arrive_at_the_attacker(house, attacker):
    """The installed command, started in a folder with a planted file, asks the attacker nothing."""
    url, caught = attacker
    planted = house.folder / ".env"
    planted.write_text(f"CLOCKBOOKS_CLOCKIFY_URL={url}\nCLOCKBOOKS_QBO_TOKEN_URL={url}\n")
    planted.chmod(0o600)
    del house.environment["CLOCKBOOKS_CLOCKIFY_URL"], house.environment["CLOCKBOOKS_QBO_TOKEN_URL"]

    ran = house.connect()

    assert caught == []
    assert ran.code == 1
    assert "CLOCKBOOKS_CLOCKIFY_URL" in ran.err


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("prefect.toml", '[api]\nurl = "https://evil.example/api"\n'),
        ("pyproject.toml", '[tool.prefect.api]\nurl = "https://evil.example/api"\n'),
        ("pyproject.toml", '[tool."pre\\u0066ect".api]\nurl = "https://evil.example/api"\n'),
        (".env", "PREFECT_API_KEY=planted\n"),
    ],
)
def test_no_file_of_the_folder_redirects_prefect(plant, tmp_path, monkeypatch, file, text):
    """Prefect reads two more files there, which may name a server and what is executed."""
    plant()
    (tmp_path / file).write_text(text)

    with pytest.raises(AskPerson, match=f"{file}.*CLOCKBOOKS_ALLOW_OTHER_HOSTS=1"):
        check_prefect_files()

    monkeypatch.setenv("CLOCKBOOKS_ALLOW_OTHER_HOSTS", "1")
    check_prefect_files()


def test_a_project_file_without_prefects_table_is_no_harm(plant, tmp_path):
    """A checkout has one, and it may depend on Prefect."""
    plant()
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["prefect"]\n')

    check_prefect_files()


def test_a_recorded_command_looks_at_them_before_prefect_does(house):
    """The installed command ends before Prefect has read its settings."""
    (house.folder / "prefect.toml").write_text('[api]\nurl = "https://evil.example/api"\n')

    ran = house.run("settle", PREFECT_API_URL="http://127.0.0.1:1/api")

    assert ran.code == 1
    assert "prefect.toml" in ran.err


def _prefect_version(folder):
    return subprocess.run(
        [COMMAND, "prefect", "version"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_prefects_own_command_looks_at_them_too(plant, tmp_path):
    """`clockbooks prefect` ends before Prefect reads a planted file."""
    plant()
    (tmp_path / "prefect.toml").write_text('[api]\nurl = "https://evil.example/api"\n')

    ran = _prefect_version(tmp_path)

    assert ran.returncode == 1
    assert "prefect.toml" in ran.stderr


def test_python_files_of_the_folder_are_not_executed(plant, tmp_path):
    """`clockbooks prefect` imports the installed httpx, not a planted file of that name."""
    plant()
    (tmp_path / "httpx.py").write_text("import os; os.mkdir('pwned')\n")

    _prefect_version(tmp_path)

    assert not (tmp_path / "pwned").exists()


def test_runs_of_the_page_import_nothing_from_the_folder(tmp_path):
    """Server and runs start as `python -m`, which would look in the working folder first."""
    environment = Home(tmp_path).environment(Address("127.0.0.1", 4200))

    assert environment["PYTHONSAFEPATH"] == "1"


def test_what_the_environment_says_goes(plant, monkeypatch):
    """The user's own environment may name any host, overrule the file, and trust the file."""
    plant("CLOCKBOOKS_QBO_URL=https://one.example")
    monkeypatch.setenv("CLOCKBOOKS_QBO_URL", "https://two.example")
    assert read_settings().qbo_url == "https://two.example"

    monkeypatch.delenv("CLOCKBOOKS_QBO_URL")
    monkeypatch.setenv("CLOCKBOOKS_ALLOW_OTHER_HOSTS", "1")
    assert read_settings().qbo_url == "https://one.example"


def test_a_file_of_ones_own_keeps_working(plant):
    """Keys, a database on this machine, and the services' own other hosts."""
    plant(
        f"CLOCKBOOKS_CLOCKIFY_API_KEY={KEY}",
        "CLOCKBOOKS_CLOCKIFY_URL=https://euc1.clockify.me/api/v1",
        "CLOCKBOOKS_QBO_URL=https://sandbox-quickbooks.api.intuit.com",
        "CLOCKBOOKS_DATABASE_URL=sqlite:///books/own.db",
        "CLOCKBOOKS_ROUNDING=",
        mode=0o644,
    )

    settings = read_settings()

    assert settings.clockify_api_key.get_secret_value() == KEY
    assert settings.clockify_url == "https://euc1.clockify.me/api/v1"
    assert settings.qbo_url == "https://sandbox-quickbooks.api.intuit.com"
    assert settings.database_url == "sqlite:///books/own.db"
    assert settings.rounding is None


# --- who is named ------------------------------------------------------------------------------

OWN = ["https://quickbooks.api.intuit.com", "https://QuickBooks.API.Intuit.com:443/v3",
       "https://intuit.com"]  # fmt: skip
STRANGERS = [
    "https://quickbooks.api.intuit.com.evil.example", "https://notintuit.com",
    "https://intuit.com.", "https://intuit.com.evil.example:443", "https://192.0.2.7",
    "https://xn--ntuit-x2a.com", "https://evil.example/quickbooks.api.intuit.com",
    "https://evil.example%2f.intuit.com", "https://intuit.co", "https://api.clockify.me",
]  # fmt: skip


@pytest.mark.parametrize("url", OWN)
def test_the_vendors_own_hosts_are_theirs(url):
    """Whatever the case, the port or the path."""
    assert INTUIT.fullmatch(plain_host(url) or "")


@pytest.mark.parametrize("url", STRANGERS)
def test_no_other_host_passes_for_the_vendors(url):
    """A suffix counts from a dot on, and up to the very end."""
    assert not INTUIT.fullmatch(plain_host(url) or "")


def test_no_other_host_passes_for_clockifys():
    """The same for the other service; regional hosts and subdomains are its own."""
    hosts = ["api.clockify.me", "euc1.clockify.me", "studio.clockify.me", "evilclockify.me",
             "clockify.me.evil.example", "api.intuit.com"]  # fmt: skip
    assert [bool(CLOCKIFY.fullmatch(host)) for host in hosts] == [True] * 3 + [False] * 3


def test_other_hosts_are_named_at_every_start(house):
    """Whoever set it in the environment is told; a stand-in on this machine is no stranger."""
    elsewhere = {"CLOCKBOOKS_QBO_REVOKE_URL": "https://intuit.com.evil.example/revoke"}

    quiet = house.run("connections")
    told = house.run("connections", **elsewhere)

    assert (quiet.code, quiet.err) == (0, "")
    assert told.err.count("intuit.com.evil.example") == 1
    assert "CLOCKBOOKS_QBO_REVOKE_URL" in told.err
