"""The imports between the layers, and what Prefect needs of the flows."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
TRANSFORMS = sorted((ROOT / "transforms").rglob("*.py"))


def test_layers_import_only_what_lies_below():
    """Flows import all; transforms and connectors only schemas; schemas nothing of ours."""
    lint = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout


def test_the_transforms_are_looked_at():
    """What follows would also hold for an empty folder."""
    assert len(TRANSFORMS) > 30


@pytest.mark.parametrize("module", TRANSFORMS, ids=lambda path: path.relative_to(ROOT).as_posix())
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


def test_every_flow_is_deployed_from_its_own_file():
    """prefect.yaml names each flow there is, by an entrypoint that works from a fresh checkout."""
    listed = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]

    flows = set()
    modules = sorted((ROOT / "flows").rglob("*.py"))
    assert len(modules) > 60
    for path in modules:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(mark).startswith("flow(") for mark in node.decorator_list
            ):
                module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                flows.add(f"{module}.{node.name}")
    assert {item["entrypoint"] for item in listed} == flows
    assert not any(plan["active"] for item in listed for plan in item.get("schedules", []))


def test_no_module_of_the_flows_hides_a_library():
    """Prefect puts the folder of a flow's file before all libraries when it loads the flow.

    A `flows/markdown.py` was imported by a library that wanted Python's Markdown, and no worker
    could start a run.
    """
    libraries = set(packages_distributions()) | set(sys.stdlib_module_names)
    modules_and_packages = {path.stem for path in (ROOT / "flows").iterdir()}

    assert "send_time" in modules_and_packages
    assert not modules_and_packages & libraries
