"""The lines of `clockbooks check`: what was found, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from connectors.errors import ClockbooksError
from flows.connections.requirements import Problem
from flows.context import RunContext
from flows.text import typed

Answer = TypeVar("Answer")

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """One line.

    Attributes:
        name: What was checked.
        state: `ok`, `warning` (a send runs anyway) or `problem` (it does not).
        found: What is so.
        to_do: How to fix it; empty when there is nothing to do.
    """

    name: str
    state: str
    found: str
    to_do: str = ""


@dataclass
class Checks:
    """The lines so far."""

    context: RunContext
    lines: list[Check] = field(default_factory=list)

    def add(self, name: str, found: str, to_do: str = "") -> None:
        """Add a line: a warning if there is something to do."""
        self.lines.append(Check(name, WARNING if to_do else OK, found, to_do))

    def add_unless(self, problem: Problem | None, name: str, found: str) -> None:
        """Add a line: a problem, which stops a send, if there is one."""
        if problem:
            self.lines.append(Check(name, PROBLEM, problem.found, fix_of(problem)))
        else:
            self.add(name, found)

    def ask(self, name: str, question: Callable[[], Answer]) -> Answer | None:
        """Ask a service; if it does not answer, add that as a problem and return `None`."""
        try:
            return question()
        except ClockbooksError as error:
            to_do = error.to_do or "Correct that, then run `clockbooks check` again."
            self.lines.append(
                Check(name, PROBLEM, f"It could not be checked. {error.found}", to_do)
            )
            return None


def fix_of(problem: Problem) -> str:
    """Return how to fix a problem, with the option that does so."""
    return f"{problem.fix} Add {typed(problem.option)}." if problem.option else problem.fix
