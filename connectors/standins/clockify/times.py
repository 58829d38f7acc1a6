"""Clockify's times: stored in UTC, asked for by wall clock, shown in a zone (FACTS 1.6)."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from connectors.standins.clockify.state import refuse

SECOND = timedelta(seconds=1)


def parse(stored: str) -> datetime:
    return datetime.fromisoformat(stored)


def parse_instant(text: str) -> datetime:
    """Read an instant that a write gives, or refuse it."""
    moment = _read(text)
    if moment is None or moment.tzinfo is None:
        refuse("Start and end must be in the format yyyy-MM-ddThh:mm:ssZ")
    return moment.astimezone(UTC)


def _read(text: str) -> datetime | None:
    """Read a time; none from the first or the last years, in which no zone can be reckoned."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if 1 < moment.year < 9999 else None


def stored(moment: datetime) -> str:
    """Write an instant as entries hold it; these texts sort as the instants do."""
    # `%Y` would write early years without their zeros.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def bound(text: str, zone: tzinfo, *, needs_offset: bool = False) -> datetime:
    """Read a bound of a window, and walk into the trap with the caller (FACTS 1.6(2) and (3)).

    The text is turned to UTC; then the digits of that clock are read again as a clock in
    *zone*. An offset or `Z` does not choose the window.

    Args:
        text: The bound as it was sent.
        zone: The zone in which the digits count.
        needs_offset: The core host takes `…Z` only, the reports host digits alone, too.
    """
    moment = _read(text)
    if moment is None or "T" not in text or (needs_offset and moment.tzinfo is None):
        refuse(
            "Failed to convert value of type 'java.lang.String' to required type "
            f"'java.time.Instant'; Invalid date value [{text}]",
            code=3000,
        )
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def first_second(moment: datetime) -> str:
    """Write the first whole second that is not before *moment*."""
    return stored(moment + SECOND - timedelta(microseconds=1))


def shown(moment: datetime, zone: tzinfo) -> str:
    """Write an instant as the reports host does: `…+10:00`, and `Z` where the offset is none."""
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def shown_newer(start: datetime, end: datetime, zone: tzinfo, name: str) -> dict[str, Any]:
    """Write an interval in the newer style: `Z`, with the zone's reading beside it."""
    fields: dict[str, Any] = {"start": stored(start), "end": stored(end)}
    zoned = {"Start": start.astimezone(zone), "End": end.astimezone(zone)}
    fields["timeZone"] = name
    for edge, moment in zoned.items():
        fields[f"zoned{edge}"] = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    for edge, moment in zoned.items():
        offset = moment.utcoffset() or timedelta()
        fields[f"off{edge}"] = int(offset.total_seconds())
    return fields


def seconds_of(entry: dict[str, Any]) -> int:
    """Count the whole seconds of a finished entry."""
    return int((parse(entry["end"]) - parse(entry["start"])).total_seconds())


def iso_duration(seconds: int) -> str:
    """Write seconds as the core host does: ISO 8601, never with days (`PT79H12M`)."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "H"), (minutes, "M"), (rest, "S")]
    return "PT" + ("".join(f"{value}{unit}" for value, unit in parts if value) or "0S")
