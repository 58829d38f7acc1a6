"""Transforms do as their examples say, and nothing but compute."""

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import transforms

MODULES = [found.name for found in pkgutil.walk_packages(transforms.__path__, prefix="transforms.")]

#: Calls that read a clock, chance, the environment or a file.
IMPURE = {"now", "utcnow", "today", "open", "print", "input", "read_text", "write_text", "getenv"}

#: What transforms may import; whoever needs more asks here.
ALLOWED = {
    "schemas", "transforms", "bisect", "collections", "dataclasses", "datetime", "decimal",
    "enum", "functools", "hashlib", "json", "numpy", "pandas", "pyarrow", "rapidfuzz", "re",
    "shlex", "itertools", "types", "typing", "unicodedata", "zoneinfo",
}  # fmt: skip


def test_every_module_is_looked_at():
    """Those in packages, and in folders that are no package by mistake."""
    top = Path(transforms.__file__).parent
    files = set(top.rglob("*.py")) - {top / "__init__.py"}

    assert {Path(importlib.import_module(name).__file__) for name in MODULES} == files
    assert len(MODULES) > 30


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    """What a docstring shows is what happens."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples():
    """The examples are found: rounding alone has four."""
    assert doctest.testmod(importlib.import_module("transforms.plan.rounding")).attempted >= 4


@pytest.mark.parametrize("name", MODULES)
def test_a_transform_imports_nothing_that_acts(name):
    """No network, database, scheduler, process or file: only data and arithmetic."""
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("" if node.level else node.module.partition(".")[0])
    assert imported <= ALLOWED


@pytest.mark.parametrize("name", MODULES)
def test_a_transform_reads_no_clock(name):
    """The same frames give the same answer, on any day: time comes in as an argument."""
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert called & IMPURE == set()
