"""Writes data/FIDELITY.md: each rule of the contract suite, and where it was seen to hold.

python tests/support/fidelity.py > data/FIDELITY.md
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import FunctionType
from typing import Any

import contract_records as records
from contract_rules import NAMES, REAL, SWITCHES, Rule, settings_of, takes_numbers

SUITE = Path(__file__).parents[1] / "contract"

HEAD = """\
# Fidelity

Made by `make fidelity`; do not edit.

Each rule of the two services that Clockbooks relies on, the test that shows it, and where it held.
Every rule holds on the stand-ins, which `make test` sees to. With keys, `make contract` asks the
real services too: [docs/contract.md](../docs/contract.md) says how. A date is that of the last
recorded answer; without one, a rule is known from its source alone.

Where the answer is not known, a switch of the stand-in gives either one, and the test must see
which. The product may rely on neither, with one exception: nothing is done of what QuickBooks
throttles (`works_when_throttled`).
"""


@dataclass(frozen=True)
class Shown:
    """A rule, and the test that shows it."""

    rule: Rule
    test: str
    module: str
    promise: str

    @property
    def where(self) -> str:
        """Say where the rule was seen to hold, and since when."""
        if self.rule.only:
            return f"stand-in only: {self.rule.only}"
        target = REAL[self.rule.service]
        found = records.read_all(target, self.test)
        if not found:
            return "stand-in"
        date = min(record["date"] for record in found)
        seen = [f"`{value}`" for record in found for value in record["observed"].values()]
        if not seen and not all(record["passed"] for record in found):
            seen = ["not so"]
        return ": ".join([f"{target} {date}", *seen])

    @property
    def link(self) -> str:
        """Return a link to the test."""
        return f"[{self.test}](../tests/contract/{self.module})"

    @property
    def row(self) -> str:
        rule = self.rule
        source = f"[{rule.section}](../docs/vendor-facts.md#{rule.service}-{rule.section})"
        switch = f"`{rule.switch}`" if rule.switch else ""
        return f"| {self.link} | {self.promise} | {source} | {self.where} | {switch} |"


def shown() -> list[Shown]:
    """Return every rule of the suite, in the order of its files."""
    found = list(_found())
    return sorted(found, key=lambda one: _place(one.rule))


def _found() -> Iterator[Shown]:
    for path in sorted(SUITE.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"contract_suite_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, test in vars(module).items():
            if isinstance(test, FunctionType) and name.startswith("test_"):
                for mark in getattr(test, "pytestmark", []):
                    if mark.name == "rule":
                        promise = " ".join((test.__doc__ or "").split())
                        yield Shown(mark.args[0], name, path.name, promise)


def _place(rule: Rule) -> tuple[Any, ...]:
    return (list(NAMES).index(rule.service), *map(int, rule.section.split(".")))


def render() -> str:
    """Return the page."""
    rules = shown()
    parts = [HEAD]
    for service, name in NAMES.items():
        mine = [one for one in rules if one.rule.service == service]
        parts += [
            f"## {name}\n",
            "| Test | Rule | Source | Shown on | Switch |",
            "| --- | --- | --- | --- | --- |",
            *(one.row for one in mine),
            "",
            f"### Switches of {name}\n",
            "| Switch | Settings | Default | Test |",
            "| --- | --- | --- | --- |",
            *_switches(service, mine),
            "",
        ]
    return "\n".join(parts)


def _switches(service: str, rules: list[Shown]) -> Iterator[str]:
    tests = {one.rule.switch: one for one in rules if one.rule.switch}
    for field in fields(SWITCHES[service]):
        test = tests.get(field.name)
        settings = test.rule.all_settings() if test else settings_of(service, field.name)
        numbers = ["any number"] if takes_numbers(service, field.name) else []
        shown_settings = ", ".join([f"`{one}`" for one in settings] + numbers)
        link = test.link if test else "the stand-in's own"
        yield f"| `{field.name}` | {shown_settings} | `{field.default}` | {link} |"


if __name__ == "__main__":
    sys.stdout.write(render())
