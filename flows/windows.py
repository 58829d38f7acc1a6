"""Which days a run takes: two given ones, or so many before today, as a schedule needs it."""

from datetime import date, timedelta

from connectors.errors import AskPerson


def days_of(
    start: date | None, end: date | None, last_days: int | None, *, today: date
) -> tuple[date, date]:
    """Give the first and the last day.

    Args:
        start: First day, with *end*.
        end: Last day, included, with *start*.
        last_days: So many days before today, instead. Today is not among them: its hours are not
            all there yet.
        today: The day in the connection's time zone.

    Raises:
        AskPerson: Not exactly one way was taken, or the end lies before the start.

    Examples:
        >>> days_of(None, None, 7, today=date(2026, 11, 24))
        (datetime.date(2026, 11, 17), datetime.date(2026, 11, 23))
    """
    if last_days is not None:
        if start is not None or end is not None:
            raise AskPerson("Say either start and end, or last_days, not both.")
        return today - timedelta(days=last_days), today - timedelta(days=1)
    if start is None or end is None:
        raise AskPerson(
            "Say which days: both start and end; or last_days, for so many days before today."
        )
    if end < start:
        raise AskPerson(f"The end, {end:%Y-%m-%d}, lies before the start, {start:%Y-%m-%d}.")
    return start, end
