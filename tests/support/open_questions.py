"""Which other answers the stand-ins' switches have."""

from dataclasses import fields
from typing import Any, get_args, get_type_hints


def other_answers(switches: type) -> dict[str, list[Any]]:
    """Return the answers that are not the usual ones, by switch; none where any number is one."""
    types, usual = get_type_hints(switches), switches()
    return {
        one.name: [value for value in _values(types[one.name]) if value != getattr(usual, one.name)]
        for one in fields(switches)
    }


def _values(type_: Any) -> list[Any]:
    """List the values of a type that has only a few."""
    if type_ is bool:
        return [True, False]
    if type_ is type(None):
        return [None]
    parts = get_args(type_)
    if not any(isinstance(part, type) for part in parts):
        return [value for part in parts for value in (_values(part) or [part])]  # of Literals
    if {int, float, str} & set(parts):
        return []
    return [value for part in parts for value in _values(part)]
