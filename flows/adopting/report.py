"""What people and scripts read of an adoption: the JSON document, and its long lists on disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from connectors.errors import ClockbooksError
from flows.connections.unknown_time import person_of
from flows.sending.spool import Spool
from schemas.words import Kind, QboKind
from transforms.identity.match_books import Content, content_of

#: What the fields of a content are called in the document, where that is another word.
_FIELDS = {"customer_id": "project"}


@dataclass(frozen=True)
class Near:
    """An entry that is nearly a TimeActivity, or one of several that add up to it.

    Attributes:
        entry_id: The entry.
        time_activity_id: The TimeActivity.
        date: Their day.
        minutes: The entry's, rounded.
        user: Who worked.
        project: What QuickBooks calls the entry's customer; empty without one.
        description: The entry's.
        differs: The fields that differ, with both values.
        sum_of: The entries that add up to the TimeActivity; empty if it is one alone.
    """

    entry_id: str
    time_activity_id: str
    date: str
    minutes: int
    user: str
    project: str
    description: str
    differs: dict[str, dict[str, Any]]
    sum_of: list[str]


class AdoptReport:
    """The result of an adoption, however many entries: long lists are kept on disk.

    Attributes:
        notes: What a person should know besides.
        latest: The document that was made last.
        ended_early: Whether what else there is was not looked at any more.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.latest: dict[str, Any] = {}
        self.ended_early = False
        self._people: dict[str, str] = {}
        self._customers: dict[str, str] = {}
        self._lists = {name: Spool[dict[str, Any]]() for name in ("adopted", "near", "unknown")}
        self._of_linked = 0

    def names(self, links: pd.DataFrame) -> None:
        """Take people's and customers' names from `Links`."""
        people = links[links["kind"] == Kind.USER]
        keys = people["qbo_kind"] + ":" + people["qbo_id"]
        self._people = dict(zip(keys, people["clockify_name"], strict=True))
        customers = links[links["qbo_kind"] == QboKind.CUSTOMER]
        self._customers = dict(zip(customers["qbo_id"], customers["qbo_name"], strict=True))

    def begin(self) -> None:
        """Start from zero: what was shown is adopted now."""
        self.close()
        self._lists = {name: Spool[dict[str, Any]]() for name in self._lists}
        self._of_linked = 0

    def add_adopted(self, pairs: Mapping[str, str]) -> None:
        """Add entries that are TimeActivities."""
        names = ("entry_id", "time_activity_id")
        self._lists["adopted"].extend(dict(zip(names, pair, strict=True)) for pair in pairs.items())

    @property
    def has_adopted(self) -> bool:
        """Whether an entry was added as adopted."""
        return len(self._lists["adopted"]) > 0

    def end_early(self, error: ClockbooksError) -> None:
        """Say that what was adopted until now is all, and why."""
        self.ended_early = True
        self.notes.append(
            "The run ended early. What was adopted until then stands; run the command again for the"
            f" rest. Why: {error}"
        )

    def add_near(self, found: Iterable[Near]) -> None:
        """Add entries that are nearly TimeActivities."""
        self._lists["near"].extend(dict(vars(one)) for one in found)

    def add_unknown(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add TimeActivities that no entry is like."""
        for row in rows:
            person, content = person_of(row), content_of(row)
            is_linked = person in self._people
            self._of_linked += is_linked
            one = {
                "time_activity_id": str(row["Id"]),
                "date": content.day,
                "minutes": _plain(content.minutes),
                "user": self._people.get(person) or _name(row, f"{row['NameOf']}Ref"),
                "project": _name(row, "CustomerRef"),
                "description": str(row.get("Description") or ""),
                "linked": is_linked,
            }
            self._lists["unknown"].extend([one])

    def near(
        self,
        entry_id: str,
        row: Mapping[str, Any],
        mine: Content,
        theirs: Content,
        differs: Mapping[str, tuple[Any, Any]],
        *,
        sum_of: Sequence[str] = (),
    ) -> Near:
        """Describe an entry beside a TimeActivity that it may be."""
        names = dict(self._customers)
        names[theirs.customer_id] = _name(row, "CustomerRef") or theirs.customer_id
        shown = {
            _FIELDS.get(name, name): {
                "clockify": names.get(value, value) if name == "customer_id" else _plain(value),
                "quickbooks": names.get(other, other) if name == "customer_id" else _plain(other),
            }
            for name, (value, other) in differs.items()
        }
        return Near(
            entry_id=entry_id,
            time_activity_id=str(row["Id"]),
            date=mine.day,
            minutes=int(mine.minutes),
            user=self._people.get(person_of(row), ""),
            project=names.get(mine.customer_id, mine.customer_id),
            description=mine.description,
            differs=shown,
            sum_of=list(sum_of),
        )

    def document(self, run_id: str | None) -> dict[str, Any]:
        """Return the JSON document; *run_id* is `None` for what was only looked at."""
        self.latest = {
            "run_id": run_id,
            "dry_run": run_id is None,
            "counts": {name: len(found) for name, found in self._lists.items()},
            **self._lists,
            "unknown_of_linked": self._of_linked,
            "notes": list(self.notes),
        }
        return self.latest

    def close(self) -> None:
        """Delete the lists."""
        for found in self._lists.values():
            found.close()


def _name(row: Mapping[str, Any], member: str) -> str:
    reference = row.get(member)
    return str(reference.get("name", "")) if isinstance(reference, Mapping) else ""


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: whole numbers as such, other amounts as text."""
    if not isinstance(value, Decimal):
        return value
    if value.is_nan():
        return None
    return int(value) if value == value.to_integral_value() else str(value)
