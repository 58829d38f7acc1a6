"""Every command at debug level: no secret in anything that is written or shown anywhere."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
import requests
from kept_environment import kept_environment

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


@dataclass
class Case:
    """One command, and what goes wrong with it on purpose.

    Attributes:
        arguments: As they are typed.
        code: How it ends; `None` for either.
        stdin: What it reads.
        trouble: Changes the house first.
        environment: Settings of its own.
    """

    arguments: tuple[str, ...]
    code: int | None = 0
    stdin: str = ""
    trouble: Any = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)


def _echo(side, where, status):
    """Let a service repeat in its answer what it was sent, and what it gave."""

    def change(house):
        tokens = sorted(house.secrets - house.keys)  # no service has ever seen the key file's
        body = json.dumps({
            "Fault": {
                "Error": [{
                    "Message": f"Token expired: {tokens} \x1b[31m",
                    "Detail": f"Authorization: Bearer {tokens}", "code": "3200",
                }],
                "type": "ValidationFault",
            },
            "message": f"Api key does not exist: {tokens}", "code": 4003,
        })  # fmt: skip
        getattr(house, side).faults.plan(
            where, "answer", status=status, body=body, content_type="application/json", times=99
        )

    return change


def _expired(house):
    house.execute(house, "UPDATE secrets SET access_expires_at = '2026-01-01 00:00:00.000000'")


def _cut(house):
    house.quickbooks.faults.plan(
        "/v3/", "answer", status=400, body="{" + ",".join(house.secrets - house.keys)
    )


def _export(house):
    header = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date"
    row = "Nobody,,,,,x,No,2026-09-22,09:00:00,2026-09-22,10:00:00,01:00:00,"
    (house.folder / "toggl.csv").write_text(f"{header},End time,Duration,Tags\n{row}\n")


#: One line a command; {realm} stands for the company.
CASES = {
    "connect": Case(("connect", "--realm-id", "{realm}", "--refresh-token-file", "-"),
                    stdin="{refresh}"),
    "connect refused": Case(("connect", "--realm-id", "{realm}", "--refresh-token-file", "-"), 1,
                            stdin="RT1-refresh-of-another-app"),
    "sync with a refresh": Case(("sync",), trouble=_expired),
    "sync --create": Case(("sync", "--create", "both", "--csv", "sync.csv", "--json"), None),
    "send": Case(("send", *DAY, "--yes", "--json"), None),
    "settle": Case(("settle",)),
    "entries": Case(("entries", "--csv", "entries.csv")),
    "link": Case(("link", "user", "64d0000000000000000000ae", "61")),
    "unlink": Case(("unlink", "user", "64d0000000000000000000ae")),
    "links": Case(("links", "--csv", "links.csv", "--json")),
    "check": Case(("check", "--json")),
    "import": Case(("import", "toggl.csv", "--yes"), None, trouble=_export),
    "import what is none": Case(("import", "clockbooks.key", "--yes"), 1),
    "connections": Case(("connections", "--json")),
    "configure": Case(("configure", "--set", "rounding=up:6")),
    "rotate-key": Case(("rotate-key",)),
    "check after it": Case(("check",)),
    "another key": Case(("sync",), 1,
                        environment={"CLOCKBOOKS_SECRET_KEY": "passphrase-of-nobody-42"}),
    "wrong Clockify key": Case(("sync",), 1,
                               environment={"CLOCKBOOKS_CLOCKIFY_API_KEY": "wrong-key-of-nobody"}),
    "bad setting": Case(("check",), 1, environment={
        "CLOCKBOOKS_QBO_URL": "https://user:password-in-an-address@127.0.0.1"}),
    "bad database": Case(("links",), 1, environment={
        "CLOCKBOOKS_DATABASE_URL":
            "postgresql+psycopg://who:password-of-the-database@127.0.0.1:1/x"}),
    "Clockify echoes": Case(("sync",), 1, trouble=_echo("clockify", "/workspaces", 403)),
    "QuickBooks echoes": Case(("check", "--json"), 1, trouble=_echo("quickbooks", "/v3/", 400)),
    "QuickBooks refuses the token": Case(("sync",), 1,
                                         trouble=_echo("quickbooks", "/v3/", 401)),
    "Intuit echoes": Case(("sync",), 1,
                          trouble=lambda house: (_expired(house),
                                                 _echo("quickbooks", "bearer", 500)(house))),
    "QuickBooks breaks": Case(("check",), 1, trouble=_cut),
    "disconnect, Intuit echoes": Case(("disconnect", "--yes"), 3,
                                      trouble=_echo("quickbooks", "revoke", 500)),
    "disconnect again": Case(("disconnect", "--yes", "--json")),
    "connect again": Case(("connect", "--realm-id", "{realm}", "--refresh-token-file", "-"), None,
                          stdin="{refresh}"),
    "a crash": Case(("links", "--csv", "/dev/full"), None),
    "wrong usage": Case(("send", "--start", "yesterday", "--json"), 2),
}  # fmt: skip


def forms(secret):
    """Return the ways in which a secret may be written down."""
    coded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), quote_plus(secret), coded, coded.rstrip("=")}


def leaks(secrets, written):
    """Name the places where one of *secrets* is to be read."""
    return sorted(
        {
            f"{place}: {secret[:6]}…"
            for place, text in written.items()
            for secret in secrets
            if any(form in text for form in forms(secret))
        }
    )


@pytest.fixture
def watched(synced, execute, in_this_process):  # noqa: ARG001 - to connect
    """Return a house that notes every secret that it knows, and every token that Intuit gives."""
    quickbooks, oauth = synced.scenario["quickbooks"], synced.quickbooks.oauth
    client_id, client_secret = quickbooks["client_id"], quickbooks["client_secret"]
    synced.execute = execute
    synced.secrets = {
        synced.environment["CLOCKBOOKS_CLOCKIFY_API_KEY"],
        client_secret,
        quickbooks["refresh_token"],
        f"{client_id}:{client_secret}",
    }
    synced.keys = {(synced.folder / "clockbooks.key").read_text()}
    synced.secrets |= synced.keys
    grant = oauth.grant

    def noting(*args, **options):
        answer = grant(*args, **options)
        synced.secrets |= {answer["access_token"], answer["refresh_token"]}
        return answer

    oauth.grant = noting
    # The house is a copy of shared_house, whose access token no longer works: it needs its own.
    assert synced.connect().code == 0
    synced.environment |= {
        "CLOCKBOOKS_DEBUG": "1",
        "CLOCKBOOKS_QBO_AT_WORK_S": "0.01",
        "HOME": str(synced.folder / "home"),
    }
    (synced.folder / "home").mkdir()
    return synced


def run(house, case, *, forks=False):
    """Run a command, and give its end and all that it wrote, with what the process list showed.

    A fork shows what it was forked from, and is quicker.
    """
    case.trouble(house)
    quickbooks = house.scenario["quickbooks"]
    known = {"realm": quickbooks["realm_id"], "refresh": quickbooks["refresh_token"]}
    if forks:
        process = house.fork(*case.arguments, **case.environment)
        out, err = process.communicate(timeout=120)
        house.quickbooks.faults.clear()
        house.clockify.faults.clear()
        return process.wait(), {"stdout": out, "stderr": err}
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "clockbooks"),
         *[argument.format(**known) for argument in case.arguments]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=house.folder, env=house._environment(case.environment),  # noqa: SLF001
    )  # fmt: skip
    shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
    out, err = process.communicate(case.stdin.format(**known), timeout=120)
    house.quickbooks.faults.clear()
    house.clockify.faults.clear()
    return process.returncode, {"stdout": out, "stderr": err, "process list": shown}


def files(house):
    """Return the names and contents of all files of a house, but for the key's own."""
    paths = [path for path in house.folder.rglob("*") if path.is_file()]
    written = {
        str(path): path.read_bytes().decode("latin-1") for path in paths if path.suffix != ".key"
    }
    return {**written, "names of files": " ".join(map(str, paths))}


@pytest.mark.parametrize(
    "names",
    [
        ("connect", "sync with a refresh", "send", "rotate-key", "QuickBooks echoes"),
        pytest.param(tuple(CASES), marks=pytest.mark.slow),
    ],
    ids=["some", "all"],
)
def test_no_command_writes_a_secret(watched, names):
    """Output, logs at debug level, database, files, process list: none has a key or a token."""
    found = {}
    for name in names:
        case = CASES[name]
        # One started command shows the process list, whatever else is forked.
        code, written = run(watched, case, forks=names != tuple(CASES) and not case.stdin)
        watched.keys |= {(watched.folder / "clockbooks.key").read_text()}
        watched.secrets |= watched.keys
        if case.code is not None:
            assert code == case.code, (name, written["stderr"][-3000:])
        more = {value for key, value in case.environment.items() if "URL" not in key}
        more |= {"password-in-an-address", "password-of-the-database", "RT1-refresh-of-another-app"}
        found[name] = leaks(watched.secrets | more, {**written, **files(watched)})
        if name in {"connect", "sync with a refresh", "check"}:
            assert "DEBUG" in written["stderr"], name  # the test would prove nothing otherwise
        assert "\x1b" not in written["stdout"] + written["stderr"]

    assert {name: leaked for name, leaked in found.items() if leaked} == {}
    modes = {path.name: path.stat().st_mode & 0o077 for path in watched.folder.glob("clockbooks.*")}
    assert modes["clockbooks.key"] == 0


def test_the_code_of_a_consent_is_written_nowhere(watched):
    """Intuit's redirect brings it in an address: no log, page or file keeps it."""
    process = watched.fork("connect", talks=True, BROWSER="true")
    told = ""
    while "state=" not in told:
        told += process.stderr.readline()
    address = next(word for word in told.split() if "state=" in word and word.startswith("http"))
    asked, question = address.split("?")
    form = dict(parse_qsl(question)) | {"decision": "allow"}
    location = requests.post(asked, data=form, timeout=10, allow_redirects=False).headers[
        "location"
    ]
    code = dict(parse_qsl(location.split("?")[1]))["code"]

    page = requests.get(location, timeout=30).text
    out, err = process.communicate(timeout=60)

    assert process.wait() == 0, err
    assert "DEBUG" in err
    written = {"stdout": out, "stderr": told + err, "page": page, **files(watched)}
    assert leaks({*watched.secrets, code}, written) == []


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def server(tmp_path_factory) -> Iterator[Any]:
    """Start a Prefect server with a folder of its own; return the settings that name it."""
    folder = tmp_path_factory.mktemp("prefect")
    port = str(_free_port())
    environment = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "DO_NOT_TRACK": "1",
    }
    kept = kept_environment()
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start"],
        stdout=log, stderr=log, cwd=folder, env={**kept, **environment}, start_new_session=True,
    ) as process:  # fmt: skip
        pause = threading.Event()
        try:
            for _ in range(600):
                try:
                    if requests.get(f"{environment['PREFECT_API_URL']}/health", timeout=5).ok:
                        break
                except requests.ConnectionError:
                    pause.wait(0.2)
            yield folder, environment
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.mark.slow
def test_prefects_database_has_no_secret(watched, server):
    """Runs that succeed and runs that fail: parameters, logs, states and results are clean."""
    folder, environment = server
    for name in ("sync with a refresh", "send", "settle", "QuickBooks echoes", "Intuit echoes",
                 "wrong Clockify key"):  # fmt: skip
        case = CASES[name]
        case = Case(
            case.arguments if name != "QuickBooks echoes" else ("settle",),
            trouble=case.trouble,
            environment={**case.environment, **environment},
        )
        _, written = run(watched, case)
        assert leaks(watched.secrets, written) == [], name
    stored = {
        str(path): path.read_bytes().decode("latin-1")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert any("send-time" in text for text in stored.values())
    assert leaks({*watched.secrets, "wrong-key-of-nobody"}, stored) == []
