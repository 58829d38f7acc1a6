"""Adds up minutes and amounts: as tracked, as rounded, in the ledger, and in QuickBooks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from transforms.directory.names import same_form

SIDES = ("clockify", "rounded", "ledger", "quickbooks")

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Share:
    """What one entry or TimeActivity adds to one side.

    Attributes:
        side: One of `SIDES`.
        date: Local day, YYYY-MM-DD.
        user: Whose it is.
        client: For whom.
        project: On what.
        seconds: How long it is.
        rate: Currency units an hour; 0 unless it is billable.
    """

    side: str
    date: str
    user: str
    client: str
    project: str
    seconds: int
    rate: Decimal


#: A side's fields, and a call that returns the user, client and project that people know it by.
Known = tuple[Mapping[str, Any], Callable[[], Mapping[str, Any]]]


def shares(sides: Mapping[str, Known], tracked_s: int | None) -> Iterator[Share]:
    """Yield what an entry adds to each side.

    Args:
        sides: `clockify`, `ledger` and `quickbooks`, where they have it. Sides with the same
            person, or customer, use the names of the first of them: a new name makes no difference.
        tracked_s: Seconds in Clockify, before rounding; `None` if they are those of the fields.
    """
    known: dict[tuple[str, Any], Mapping[str, Any]] = {}
    for fields, looks in sides.values():
        for name in ("user", "project"):
            if (name, fields[name]) not in known:
                known[name, fields[name]] = looks()
    for side, (fields, _) in sides.items():
        place = known["project", fields["project"]]
        named = {
            "date": fields["date"],
            "user": same_form(known["user", fields["user"]]["user"] or ""),
            "client": place["client"] or "",
            "project": place["project"] or "",
            "rate": fields["rate"] or Decimal(0),
        }
        seconds = int(fields["minutes"] or 0) * 60
        if side == "clockify":
            yield Share(side, seconds=seconds if tracked_s is None else tracked_s, **named)
        yield Share("rounded" if side == "clockify" else side, seconds=seconds, **named)


@dataclass
class _Sum:
    """Seconds and amount of each side; an amount is in seconds times currency units an hour."""

    seconds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    amount: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SIDES, Decimal(0)))

    def add(self, side: str, seconds: int, rate: Decimal) -> None:
        self.seconds[side] += seconds
        self.amount[side] += seconds * rate

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return minutes and amounts; half a minute and half a cent go up."""
        minutes = {side: _rounded(Decimal(value) / 60) for side, value in self.seconds.items()}
        amounts = {
            side: str((value / 3600).quantize(_CENT, ROUND_HALF_UP))
            for side, value in self.amount.items()
        }
        return {"minutes": minutes, "amounts": amounts}


class Totals:
    """The sums of a reconciliation: of everything, per person and week, and per project."""

    def __init__(self) -> None:
        """Start from zero."""
        self._all = _Sum()
        self._weeks: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._projects: dict[tuple[str, str], _Sum] = defaultdict(_Sum)

    def add(self, one: Share) -> None:
        """Add what one entry or TimeActivity adds to one side."""
        week = self._weeks[one.user, _monday(one.date)]
        project = self._projects[one.client, one.project]
        for sums in (self._all, week, project):
            sums.add(one.side, one.seconds, one.rate)

    def add_all(self, some: Iterable[Share]) -> None:
        """Add what several add."""
        for one in some:
            self.add(one)

    def repair(self, entry: Iterable[Share], *, kept: bool) -> None:
        """Let the ledger and QuickBooks have an entry as Clockify has it; *kept* if it has it."""
        for one in entry:
            if one.side in {"ledger", "quickbooks"}:
                self.add(replace(one, seconds=-one.seconds))
            elif one.side == "rounded" and kept:
                self.add(replace(one, side="ledger"))
                self.add(replace(one, side="quickbooks"))

    def document(self) -> dict[str, Any]:
        """Return the sums, exact until they are shown."""
        return {
            **self._all.shown(),
            "weeks": [
                {"user": user, "week": monday, **one.shown()}
                for (user, monday), one in sorted(self._weeks.items())
            ],
            "projects": [
                {"client": client, "project": project, **one.shown()}
                for (client, project), one in sorted(self._projects.items())
            ],
        }


@cache
def _monday(day: str) -> str:
    one = date.fromisoformat(day)
    return (one - timedelta(days=one.weekday())).isoformat()


def _rounded(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), ROUND_HALF_UP))
