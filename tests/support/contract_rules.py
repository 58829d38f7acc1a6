"""What a test of the contract suite says of itself: which rule of which service it shows."""

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.switches import Switches as QuickBooksSwitches

Service = Literal["qbo", "clockify"]

SWITCHES: dict[str, type] = {"qbo": QuickBooksSwitches, "clockify": ClockifySwitches}
NAMES = {"qbo": "QuickBooks Online", "clockify": "Clockify"}

#: What runs of the suite on the real services are called in data/FIDELITY.md.
REAL = {"qbo": "sandbox", "clockify": "production"}


@dataclass(frozen=True)
class Rule:
    """One rule that the product relies on, or a question that it must not rely on.

    Attributes:
        service: `qbo` or `clockify`; also the fixture that its test asks for.
        section: The section of docs/vendor-facts.md.
        switch: The stand-in's switch, where the answer is not known. The test then runs with
            each setting, and must see which one it is.
        settings: The switch's settings; empty: those that its type names.
        only: Why a real service cannot be made to show it; empty where it can.
    """

    service: Service
    section: str
    switch: str = ""
    settings: tuple[Any, ...] = ()
    only: str = ""

    def all_settings(self) -> tuple[Any, ...]:
        """Return the settings that the test runs with."""
        return self.settings or settings_of(self.service, self.switch)


def rule(section: str, **fields: Any) -> pytest.MarkDecorator:
    """Mark a test with its `Rule`; *section* is `QBO 2.1` or `Clockify 3`."""
    service, number = section.split()
    return pytest.mark.rule(Rule(service.lower(), number, **fields))


def settings_of(service: str, switch: str) -> tuple[Any, ...]:
    """Return the settings of a switch, as far as its type names them."""
    return _choices(typing.get_type_hints(SWITCHES[service])[switch])


def takes_numbers(service: str, switch: str) -> bool:
    """Return whether a switch may be any number."""
    hint = typing.get_type_hints(SWITCHES[service])[switch]
    return bool({int, float} & {hint, *typing.get_args(hint)})


def _choices(hint: Any) -> tuple[Any, ...]:
    if hint is bool:
        return (False, True)
    if hint is types.NoneType:
        return (None,)
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        return tuple(choice for part in typing.get_args(hint) for choice in _choices(part))
    return ()
