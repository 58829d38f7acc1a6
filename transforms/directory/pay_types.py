"""Reads from TimeActivities which pay types employees have.

The API that lists pay types is not open to everybody, and a TimeActivity shows its own (FACTS, QBO,
1.1 and 13.1).
"""

from collections.abc import Iterable, Mapping
from typing import Any

#: The longest ids that are kept; a person's is as long as those of links.
_LONGEST_PERSON, _LONGEST_ID = 20, 100


def pay_types_of(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str | None]:
    """Return names of pay types by the employee's id and their own, as QuickBooks answers rows.

    A name is `None` where no answer has it; of several, the last one counts.
    """
    found: dict[tuple[str, str], str | None] = {}
    for row in rows:
        person_id, _ = _reference(row.get("EmployeeRef"))
        id_, name = _reference(row.get("PayrollItemRef"))
        if row.get("NameOf") != "Employee" or not person_id or not id_:
            continue
        if len(person_id) <= _LONGEST_PERSON and len(id_) <= _LONGEST_ID:
            found[person_id, id_] = name or found.get((person_id, id_))
    return found


def _reference(value: Any) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        return "", ""
    return tuple(str(value.get(name) or "").strip() for name in ("value", "name"))  # type: ignore[return-value]
