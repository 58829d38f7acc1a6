"""Adds up minutes and amounts: as tracked, as rounded, in the ledger, and in QuickBooks."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

SIDES = ("clockify", "rounded", "ledger", "quickbooks")

_CENT = Decimal("0.01")


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

    def add(self, side: str, looks: Mapping[str, Any], seconds: int, rate: Decimal) -> None:
        """Add one entry or TimeActivity.

        Args:
            side: One of `SIDES`.
            looks: Its `date`, `user`, `client` and `project`.
            seconds: How long it is.
            rate: Currency units an hour; 0 unless it is billable.
        """
        monday = _monday(looks["date"])
        week = self._weeks[looks["user"] or "", monday]
        project = self._projects[looks["client"] or "", looks["project"] or ""]
        for one in (self._all, week, project):
            one.add(side, seconds, rate)

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


def _monday(day: str) -> str:
    one = date.fromisoformat(day)
    return (one - timedelta(days=one.weekday())).isoformat()


def _rounded(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), ROUND_HALF_UP))
