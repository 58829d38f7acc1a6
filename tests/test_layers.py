"""The arrows between the layers, and what the documents promise."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import Settings

ROOT = Path(__file__).parent.parent


def test_layers_import_only_what_lies_below():
    """Flows import all; transforms and connectors only schemas; schemas nothing of ours."""
    lint = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("module", sorted((ROOT / "transforms").glob("*.py")), ids=lambda p: p.stem)
def test_transforms_are_pure(module):
    """No transform touches network, database, environment, clock or chance."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }

    assert not imported & {"requests", "sqlalchemy", "prefect", "os", "time", "random", "socket"}


def test_the_readme_names_every_setting():
    """A setting that nobody can find does not exist."""
    readme = (ROOT / "README.md").read_text()

    for name in Settings.model_fields:
        assert f"CLOCKBOOKS_{name.upper()}`" in readme, name
