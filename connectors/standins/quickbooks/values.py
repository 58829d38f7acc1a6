"""Values of members: the types that the service's strict parser takes (FACTS 1.1, 11.2)."""

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from connectors.standins.quickbooks import faults

LONGEST_TEXT = 4000
WIDEST = 2**31  # of a whole number


def read_value(member: str, value: object, kind: str) -> Any:
    """Read a value of a *kind*: date, time, flag, whole, number or text."""
    if not _TYPES[kind](value):
        raise faults.bad_property(f'Can not deserialize value of "{member}" from {value!r}:')
    if kind == "date":
        return str(value)[:10]
    if kind == "text" and len(str(value)) > LONGEST_TEXT:
        raise faults.too_long(member, str(value), LONGEST_TEXT)
    return value


def read_values(body: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Read the members of *body* that have a kind, where they have a value."""
    return {
        member: read_value(member, body[member], kind)
        for member, kind in kinds.items()
        if body.get(member) is not None
    }


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -WIDEST <= value < WIDEST


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_date(value: object) -> bool:
    """Return whether *value* is a day, or a time whose day counts: both are in Intuit's samples."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", value):
        return False
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        time.fromisoformat(value.rpartition("T")[2])
    except ValueError:
        return False
    return True


_TYPES: dict[str, Callable[[object], bool]] = {
    "date": _is_date,
    "time": _is_time,
    "flag": lambda value: isinstance(value, bool),
    "whole": _is_whole,
    "number": _is_number,
    "text": lambda value: isinstance(value, str),
}
