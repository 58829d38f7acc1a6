"""A workweek of one employee: what tests of overtime track, send, and find in the books."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

#: Sunday to Saturday; the employee works on Monday to Friday.
WEEK = ("--start", "2026-09-20", "--end", "2026-09-26")
FRIDAY = ("--start", "2026-09-25", "--end", "2026-09-25")

_ZONE = ZoneInfo("America/Chicago")


def track(house: Any, *lasts: tuple[str, int], at: int = 8) -> dict[str, dict[str, Any]]:
    """Let Clockify have entries of the employee alone: days and minutes; return them by day."""
    house.clockify.entries.clear()
    for number, (day, minutes) in enumerate(lasts, start=1):
        start = datetime.fromisoformat(day).replace(hour=at, tzinfo=_ZONE)
        add(house, f"{number:024x}", start, minutes)
    return {day: house.clockify.entries[f"{n:024x}"] for n, (day, _) in enumerate(lasts, start=1)}


def add(house: Any, id_: str, start: datetime, minutes: int, **members: Any) -> dict[str, Any]:
    """Let Clockify have one entry more of the employee."""
    entry = {**house.employee, **members, "id": id_, "start": _utc(start)}
    house.clockify.entries[id_] = entry
    last(entry, minutes)
    return entry


def last(entry: dict[str, Any], minutes: int) -> None:
    """Let an entry last so long from its start."""
    start = datetime.fromisoformat(entry["start"])
    entry["end"] = _utc(start + timedelta(minutes=minutes))


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def done(house: Any, *command: str, code: int = 0) -> Any:
    """Run a command, and return its document."""
    ran = house.run(*command, "--json")
    assert ran.code == code, ran.err or ran.out
    return ran.document


def send(house: Any, *options: str, days: tuple[str, ...] = WEEK, code: int = 0) -> Any:
    return done(house, "send", *days, "--yes", *options, code=code)


def reconcile(house: Any, *options: str, days: tuple[str, ...] = WEEK) -> Any:
    ran = house.run("reconcile", *days, *options, "--json")
    assert ran.document is not None, ran.err
    return ran.document


def books(house: Any) -> list[tuple[str, str | None, int]]:
    """Return day, pay type and minutes of what is in the books, in order."""
    names = house.quickbooks.pay_types[house.person]
    return sorted(
        (
            row["TxnDate"],
            names.get(row.get("PayrollItemRef", {}).get("value")),
            row["Hours"] * 60 + row["Minutes"],
        )
        for row in house.quickbooks.activities.values()
    )
