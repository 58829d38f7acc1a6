"""Changes ledger, settling and loading a token at a time, and sees whether a test notices.

    python tests/proof/mutants.py [--every N] [--first N] [FILE…]

Unlike `breaks.py`, nobody chose the changes: each comparison is turned around, each condition and
each statement left out, in every Nth place. A mutant that no test kills is a line that no test
holds, or one that makes no difference.
"""

import argparse
import ast
import importlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from breaks import ROOT, throwaway_copy

_STORE = "tests/connectors/store"
_LEDGER = [f"{_STORE}/test_{name}.py" for name in ("ledger", "claims_in_doubt", "history")]
_LEDGER += [f"{_STORE}/test_entry_contents.py"]
_OTHERS = [f"{_STORE}/test_{name}.py" for name in ("neighbors", "changes", "last_outcomes")]
_SENDS = ["tests/exactly_once/test_proof.py", "tests/flows/sending/test_broken_sends.py"]
_CRASHES = ["tests/exactly_once/test_crash_points.py", "tests/exactly_once/test_suspended.py"]
_REPAIRS = [f"tests/flows/reconciliation/test_{name}.py" for name in ("drift", "in_doubt")]
_PARTS = [f"{_STORE}/test_parts.py", "tests/flows/sending/test_parts.py"]

_LINES = [f"{_STORE}/test_lines.py", "tests/flows/sending/test_lines.py"]

#: What is mutated, and the tests that may notice: the quick ones first.
CHECKS: dict[str, list[list[str]]] = {
    "connectors/store/ledger.py": [_LEDGER, _OTHERS, _SENDS, _CRASHES, _PARTS],
    "connectors/store/claims_in_doubt.py": [_LEDGER, _OTHERS, _SENDS, _CRASHES, _REPAIRS],
    "connectors/store/books.py": [_LEDGER, _OTHERS, _SENDS],
    "connectors/store/lines.py": [_OTHERS, _LINES, ["tests/exactly_once/test_lines.py"]],
    "connectors/store/parts.py": [_OTHERS, _PARTS, ["tests/exactly_once/test_parts.py"]],
    "flows/sending/settle_doubts.py": [_SENDS, _CRASHES],
    "flows/sending/replay.py": [_SENDS, _CRASHES, _REPAIRS],
    "flows/sending/batches.py": [_SENDS, _CRASHES, _PARTS, _LINES],
    "flows/sending/load.py": [_SENDS, _CRASHES, _PARTS, _LINES],
    "flows/sending/mend.py": [_PARTS, ["tests/exactly_once/test_parts.py"]],
}

#: A mutant that takes more seconds, or more CPU seconds, counts as noticed: it hangs, or loops.
PATIENCE_S = 900
CPU_S = 300

_TURNED: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_CONDITIONS = {"and_", "or_", "where"}


@dataclass(frozen=True)
class Mutant:
    """One change of a file: the characters from *start* to *end* become *new*."""

    file: str
    line: int
    start: int
    end: int
    new: str
    old: str

    def applied(self, text: str) -> str:
        """Return a file's text with the change in it."""
        return text[: self.start] + self.new + text[self.end :]

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.file}:{self.line}  {self.old!r} -> {self.new!r}"


class _Finder(ast.NodeVisitor):
    """Finds the places of one file that can be changed."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.found: list[Mutant] = []
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.visit(ast.parse(text))

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1]
        in_bytes = self.text[before : self._lines[line]].encode()
        return before + len(in_bytes[:column].decode())

    def _span(self, node: ast.AST) -> tuple[int, int]:
        place = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self._at(*place[:2]), self._at(*place[2:])

    def _change(self, node: ast.AST, start: int, end: int, new: str) -> None:
        line = node.lineno  # type: ignore[attr-defined]
        self.found.append(Mutant(self.file, line, start, end, new, self.text[start:end]))

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            start, end = self._span(node.left)[1], self._span(node.comparators[0])[0]
            opened = self.text[start:end].count("(")
            closed = self.text[start:end].count(")")
            new = ")" * closed + f" {_TURNED[type(node.ops[0])]} " + "(" * opened
            self._change(node, start, end, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._change(node, self._span(node)[0], self._span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for value in node.values:  # each operand alone decides less
            stays = "True" if isinstance(node.op, ast.And) else "False"
            self._change(value, *self._span(value), stays)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _CONDITIONS and len(node.args) > 1:
            for argument in node.args:
                self._change(argument, *self._span(argument), "sa.true()")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._change(node, *self._span(node), "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._change(node, *self._span(node), "pass")

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
            start, end = self._span(node.test)
            self._change(node, start, end, f"not {self.text[start:end]}")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._change(node, *self._span(node), "return None")
        self.generic_visit(node)


def mutants_of(file: str) -> list[Mutant]:
    """Return all changes of a file, from its top to its end."""
    found = _Finder(file, (ROOT / file).read_text()).found
    return sorted(found, key=lambda one: (one.start, one.new))


def noticed_by(one: Mutant, copy: Path) -> str | None:
    """Return the tests that notice a mutant, by the first file's name; `None` if none do."""
    path = copy / one.file
    whole = path.read_text()
    path.write_text(one.applied(whole))
    try:
        for tests in CHECKS[one.file]:
            if not _pass(tests, copy):
                return tests[0]
    finally:
        path.write_text(whole)
    return None


def _pass(tests: list[str], copy: Path) -> bool:
    """Run tests in a fork that has imported the libraries, but nothing of ours."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE_S)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        import pytest

        quick = ["-q", "-x", "-n0", "-p", "no:cacheprovider", "-m", "not slow"]
        quick += ["-W", "ignore:Module already imported"]  # by this process, for all forks
        os._exit(pytest.main([*quick, "-k", "not postgresql", *tests]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _chosen(asked: argparse.Namespace) -> Iterator[Mutant]:
    for file in asked.files or CHECKS:
        yield from mutants_of(file)[asked.first :: asked.every]


def main() -> int:
    """Try the chosen mutants, and name those that survive; 1 if any does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", help="what to mutate; all unless named")
    parser.add_argument("--every", type=int, default=1, help="only each Nth mutant of a file")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests" / name) for name in ("bench", "support")]
    from own_postgres import running_postgres

    for library in ("pandas", "pandera.pandas", "prefect", "pytest", "sqlalchemy", "xdist"):
        importlib.import_module(library)  # once, for all forks

    tried = survived = 0
    with throwaway_copy() as copy, running_postgres("fsync=off"):
        for one in _chosen(asked):
            found = noticed_by(one, copy)
            tried, survived = tried + 1, survived + (found is None)
            sys.stdout.write(f"{'killed' if found else 'SURVIVES'}  {one}  {found or ''}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{tried} mutants, {survived} survive\n")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
