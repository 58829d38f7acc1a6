"""`clockbooks service` writes a unit that systemd reads, and says what to do with it."""

import subprocess
from configparser import ConfigParser
from itertools import product
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

VARIANTS = [[*scope, *worker] for scope, worker in product(([], ["--system"]), ([], ["--worker"]))]


@pytest.fixture(name="home")
def home_fixture(house, tmp_path, monkeypatch):
    """Give the user a home without settings of systemd's."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    house.environment["HOME"] = str(tmp_path / "home")
    return tmp_path / "home"


def read(text: str) -> ConfigParser:
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str
    unit.read_string(text)
    return unit


@pytest.mark.parametrize("options", VARIANTS)
def test_a_unit_names_the_command_its_folder_and_its_settings(house, home, options):
    """Each path is absolute, the command is there, and it starts again after a failure."""
    ran = house.run("service", *options)

    unit = read(ran.out)["Service"]
    command, *arguments = unit["ExecStart"].split()
    assert ran.code == 0
    assert Path(command).is_absolute()
    assert Path(command).exists()
    assert arguments[0] == ("prefect" if "--worker" in options else "ui")
    assert unit["WorkingDirectory"] == str(house.folder)
    assert unit["Restart"] == "on-failure"
    assert unit["NoNewPrivileges"] == "yes"
    system = "--system" in options
    assert unit.get("User") == (house.folder.owner() if system else None)
    assert unit.get("PrivateTmp") == ("yes" if system else None)
    where = "/etc" if system else str(home / ".config")
    optional = "" if "--worker" in options else "-"
    assert unit["EnvironmentFile"] == f"{optional}{where}/clockbooks.env"


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="there is no systemd")
def test_systemd_finds_nothing_wrong(house, options):
    """Not in a folder with blanks, quotes and percent signs either."""
    house.folder = house.folder / "a 'b' \"c\" 100%n"
    house.folder.mkdir()
    name = "clockbooks-worker" if "--worker" in options else "clockbooks"
    file = house.folder.with_name(f"{name}.service")
    file.write_text(house.run("service", *options).out)

    checked = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", "--man=no", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_written_unit_is_where_systemd_looks_and_nobody_s_changes_are_lost(house, home):
    """A second time nothing differs; one that somebody edited stays as it is."""
    file = home / ".config" / "systemd" / "user" / "clockbooks.service"
    printed = house.run("service").out
    ran = house.run("service", "--write")
    assert (ran.code, ran.out, file.read_text()) == (0, "", printed)
    assert "systemctl --user enable --now clockbooks" in ran.err
    assert "loginctl enable-linger" in ran.err
    assert house.run("service", "--write").code == 0

    file.write_text(f"{printed}# mine\n")
    refused = house.run("service", "--write")

    assert refused.code == 1
    assert "differs: nothing was written" in refused.err
    assert file.read_text().endswith("# mine\n")


def test_settings_that_the_service_would_lack_are_named(house):
    """By name, so that it finds the same database; their values stay secret."""
    ran = house.run("service", CLOCKBOOKS_DATABASE_URL="sqlite:///elsewhere.db")

    assert "CLOCKBOOKS_DATABASE_URL" in ran.err
    assert "clockbooks.env" in ran.err
    assert "elsewhere" not in ran.err + ran.out


def test_a_worker_is_told_to_need_settings(house):
    """It must know the server, so systemd does not start it without the file."""
    assert "First fill" in house.run("service", "--worker").err


def test_no_folder_s_name_adds_a_line_to_a_unit(house):
    """Somebody may have planted the folder."""
    house.folder = house.folder / "x\nUser=root"
    house.folder.mkdir()

    ran = house.run("service")

    assert (ran.code, ran.out) == (1, "")
    assert "use another folder" in ran.err
