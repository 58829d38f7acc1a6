"""What is installed: named by hash, no more than is needed, and all that is imported."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PRODUCT = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
RUN_TIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"
PEERS = ["tests/peers/python.lock", "tests/peers/airbyte.lock"]


def lines(lock: str) -> list[str]:
    """The requirements of a lock, each in one line with its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if not line.startswith("#")]


def versions(lock: str) -> dict[str, set[str]]:
    """The versions that a lock names, by package; several where they depend on the platform."""
    found: dict[str, set[str]] = {}
    for line in lines(lock):
        wanted = Requirement(line.partition("--hash")[0])
        found.setdefault(canonicalize_name(wanted.name), set()).add(str(wanted.specifier)[2:])
    return found


@pytest.mark.parametrize("lock", [RUN_TIME, DEVELOPMENT, *PEERS])
def test_every_locked_package_has_one_version_and_hashes(lock):
    """No package comes from elsewhere, or changes between two installations."""
    pinned = re.compile(r"[a-z0-9-]+==[\w.]+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")

    assert [line for line in lines(lock) if not pinned.fullmatch(line)] == []
    assert len(lines(lock)) > 25
    assert "://" not in (ROOT / lock).read_text()


def test_users_get_nothing_that_only_developers_need():
    """Whoever runs the commands installs no test runner, type checker or browser driver."""
    development = {
        canonicalize_name(Requirement(each).name) for each in PROJECT["dependency-groups"]["dev"]
    }

    assert {"pytest", "mypy", "playwright"} <= development
    assert not development & set(versions(RUN_TIME))
    assert development <= set(versions(DEVELOPMENT))


def test_both_locks_agree():
    """Tests run against the versions that users get."""
    run_time, development = versions(RUN_TIME), versions(DEVELOPMENT)

    differing = {
        name
        for name in run_time.keys() & development.keys()
        if not development[name] <= run_time[name]
    }
    assert differing == set()


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (RUN_TIME, PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]),
        (DEVELOPMENT, PROJECT["dependency-groups"]["dev"]),
    ],
)
def test_the_locks_are_up_to_date(lock, wanted):
    """Every range in pyproject.toml holds the locked version: else run `make lock`."""
    locked = versions(lock)

    for requirement in map(Requirement, wanted):
        for version in locked[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("name", ["prefect", "sqlalchemy", "pandas", "pandera"])
def test_the_wheel_pins_what_decides_how_clockbooks_behaves(name):
    """Whoever installs a wheel has no lock, and still gets the versions that the tests ran with."""
    wanted = {
        canonicalize_name(each.name): each.specifier
        for each in map(Requirement, PROJECT["project"]["dependencies"])
    }

    assert {str(wanted[name])} == {f"=={version}" for version in versions(RUN_TIME)[name]}


def test_the_run_time_lock_covers_every_import():
    """The commands run with the run-time lock alone."""
    imported = {
        name.partition(".")[0]
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    } - {*sys.stdlib_module_names, *PRODUCT}
    distributions, locked = packages_distributions(), set(versions(RUN_TIME))

    missing = {
        name
        for name in imported
        if not {canonicalize_name(each) for each in distributions[name]} & locked
    }
    assert len(imported) > 20
    assert missing == set()
