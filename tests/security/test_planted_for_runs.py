"""Files that are planted in the working folder while `clockbooks ui` runs: no run obeys them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.standins.scenario import load_scenario

pytestmark = pytest.mark.slow  # a server of its own, and runs

#: Names that a run imports, early and late: from Python's own library, from others, and ours.
MODULES = (
    "sitecustomize", "usercustomize", "json", "secrets", "prefect", "pandas", "numpy", "httpx",
    "sqlalchemy", "flows", "connectors", "schemas", "settle", "uv", "site",
)  # fmt: skip

#: Prefect's logging, by which a file of its settings may name what is called.
LOGGING = """version: 1
handlers:
  planted:
    (): os.mkdir
    path: {}
root:
  handlers: [planted]
"""


@pytest.fixture(scope="module")
def ui(
    open_house: Any, demo_scenario: Any, tmp_path_factory: pytest.TempPathFactory, running_ui: Any
) -> Iterator[Any]:
    """Let `clockbooks ui` run in a folder that others get at."""
    folder = tmp_path_factory.mktemp("shared")
    with open_house(load_scenario(demo_scenario), folder) as house:
        assert house.connect().code == 0
        with running_ui(house) as running:
            yield running


@pytest.fixture
def plant(ui: Any) -> Iterator[Any]:
    """Yield a way to plant files, which are gone after the test; each would make this folder."""
    pwned = ui.house.folder / "pwned"
    planted: list[Path] = []

    def write(name: str, text: str) -> Path:
        path = Path(ui.house.folder / name)
        planted.append(path)
        path.write_text(text)
        return pwned

    yield write
    for path in planted:
        path.unlink()
    if pwned.exists():
        pwned.rmdir()


def test_no_python_file_is_executed(ui, plant):
    """Whatever its name is: a run imports what was installed."""
    for name in MODULES:
        pwned = plant(f"{name}.py", "import os; os.makedirs('pwned', exist_ok=True)\n")

    state = ui.ended(ui.start("settle/hourly"))

    assert not pwned.exists()
    assert state["type"] == "COMPLETED", state


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prefect.toml", "[logging]\nconfig_path = {0}\n"),
        ("pyproject.toml", "[tool.prefect.logging]\nconfig_path = {0}\n"),
        (".env", "PREFECT_LOGGING_CONFIG_PATH={0}\n"),
        (".env", "CLOCKBOOKS_NOTIFY=https://evil.example\n"),
    ],
)
def test_no_settings_of_the_folder_are_obeyed(ui, plant, name, text):
    """Prefect does not see them; those that Clockbooks reads end the run, which says so."""
    plant("logging.yml", LOGGING.format(json.dumps(str(ui.house.folder / "pwned"))))
    pwned = plant(name, text.format(json.dumps(str(ui.house.folder / "logging.yml"))))

    state = ui.ended(ui.start("settle/hourly"))

    assert not pwned.exists()
    assert state["type"] == ("FAILED" if name == ".env" else "COMPLETED"), state
    assert name != ".env" or "/.env may not set" in state["message"]
