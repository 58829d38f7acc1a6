"""A wheel carries all that Clockbooks needs: it works where there is no checkout."""

import os
import shutil
import socket
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import requests
from kept_environment import kept_environment

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "transforms", "schemas", "connectors")
BIN = Path(sys.executable).parent

#: What it carries beside the packages.
CARRIED = (
    "prefect.yaml",
    "data/demo_scenario.yaml",
    "data/demo_rules.yaml",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").iterdir())),
)

WHERE_FLOWS_ARE = """
import inspect
from flows.operations.deployments import flow_of, listed
for item in listed():
    print(inspect.getsourcefile(flow_of(item).fn))
"""


@pytest.fixture(scope="module", name="wheel")
def wheel_fixture(tmp_path_factory) -> Path:
    """Build it, without the network."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module", name="unpacked")
def unpacked_fixture(wheel, tmp_path_factory) -> Path:
    """Return its content, which a process may import instead of the checkout."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(name="user")
def user_fixture(tmp_path) -> dict[str, str]:
    """Return the environment of somebody with an empty home."""
    (tmp_path / "home").mkdir()
    (tmp_path / "empty").mkdir()
    return {**kept_environment(), "HOME": str(tmp_path / "home"), "DO_NOT_TRACK": "1"}


def run(command: list[Any], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a command, and return its code and all that it printed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_the_wheel_has_every_file_and_nothing_else(wheel):
    """All packages with their migrations, and what the code reads: each as it is in the tree."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if "dist-info" not in name}

    packages = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    carried = {f"flows/carried/{name}": (ROOT / name).read_bytes() for name in CARRIED}
    assert "schemas/migrations/script.py.mako" in packages
    assert held == packages | carried


def test_the_wheel_names_the_pinned_versions(wheel):
    """Its metadata say what an installer takes where there is no lock."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if each.endswith("/METADATA")]
        wanted = message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])

    for pinned in ("prefect==", "sqlalchemy==", "pandas==", "pandera[pandas]=="):
        assert any(each.lower().startswith(pinned) for each in wanted), pinned


@pytest.mark.parametrize(
    "earlier", ["", "clockbooks.db", pytest.param("clockbooks.key", marks=pytest.mark.slow)]
)
def test_data_go_to_the_user_s_own_folder_unless_there_are_some(
    unpacked, user, tmp_path, earlier, monkeypatch
):
    """It is its owner's alone; what an earlier version left in the working folder stays in use."""
    monkeypatch.chdir(tmp_path / "empty")
    if earlier:
        Path("data").mkdir()
        Path("data", earlier).touch(mode=0o600)
    user["XDG_DATA_HOME"] = str(tmp_path / "home" / "share")

    code, said = run(
        [sys.executable, "-P", "-m", "flows.cli.main", "check"],
        Path.cwd(),
        user | {"PYTHONPATH": str(unpacked)},
    )

    own = tmp_path / "home" / "share" / "clockbooks"
    database = Path("data" if earlier else own).absolute() / "clockbooks.db"
    assert code == 1
    assert f"The database is {database}." in said
    assert database.stat().st_size > 0
    assert own.exists() == (not earlier)
    assert Path("data").exists() == bool(earlier)
    if not earlier:
        assert own.stat().st_mode & 0o777 == 0o700


def test_the_deployments_are_found_without_a_checkout(unpacked, user, tmp_path):
    """Each flow of prefect.yaml comes from the wheel's own modules."""
    code, said = run(
        [sys.executable, "-P", "-c", WHERE_FLOWS_ARE],
        tmp_path / "empty",
        user | {"PYTHONPATH": str(unpacked), "PREFECT_HOME": str(tmp_path / "home")},
    )

    assert code == 0, said
    assert len(said.splitlines()) > 10
    assert all(line.startswith(f"{unpacked}/flows/") for line in said.splitlines())


@pytest.mark.slow
def test_an_installed_wheel_runs_the_demo_and_the_pages(wheel, user, tmp_path, until):
    """In an empty environment, outside the tree; the registry gives what it depends on.

    From an environment in a cache, as `uvx` makes one, no service is set up: it may vanish.
    """
    place = tmp_path / "cache" / "environments" / "one"
    empty, command = tmp_path / "empty", place / "bin" / "clockbooks"
    for words in (
        ["venv", "-q", "--python", sys.executable, place],
        ["pip", "install", "-q", "--python", place / "bin" / "python", wheel],
    ):
        code, said = run([BIN / "uv", *words], empty, {**os.environ})
        assert code == 0, said

    code, said = run([command, "demo"], empty, user)
    assert code == 0, said
    assert "The ledger holds the same ones, with the same minutes." in said
    assert f"{place}/lib" in said
    assert "clockbooks entries --state rejected" in said

    assert _deployments(command, empty, user, until) > 10
    assert list(empty.iterdir()) == []

    code, said = run([command, "service"], empty, user)
    assert (code, f"ExecStart={command} ui" in said) == (0, True)
    shutil.copy(place / "CACHEDIR.TAG", tmp_path / "cache")
    code, said = run([command, "service"], empty, user)
    assert (code, "uv tool install" in said) == (1, True)


def _deployments(command: Path, folder: Path, user: dict[str, str], until: Any) -> int:
    """Start the pages, and return how many deployments they have."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = Path(user["HOME"]) / "ui.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [command, "ui", "--port", str(port)], cwd=folder, env=user, stdout=out, stderr=out
        ) as ui,
    ):
        try:
            until(lambda: "it logs in once" in log.read_text() or ui.poll() is not None)
            assert ui.poll() is None, log.read_text()
            [password] = Path(user["HOME"]).rglob("prefect/password")
            answer = requests.post(
                f"http://127.0.0.1:{port}/api/deployments/filter",
                json={}, auth=("clockbooks", password.read_text().strip()), timeout=30,
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
            return len(answer.json())
        finally:
            ui.terminate()
            ui.wait(timeout=60)
