"""The order of day and month in an export: decided from the whole file, never guessed.

Depending on a user's profile, Clockify writes April 3 as 04/03/2026 or 03/04/2026, and no export
says which (FACTS, Clockify, 9.1). One day after the 12th decides for the whole file, and so may the
range of days in the file's name. Otherwise a person must decide.
"""

import re
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from schemas.exports import DateOrder, UndecidedDates

_MDY, _DMY, _YMD = DateOrder.MDY, DateOrder.DMY, DateOrder.YMD

_DATE = re.compile(
    r"([0-9]{1,4})(?P<mark>[./-])\s?([0-9]{1,2})(?P=mark)\s?([0-9]{1,4})\.?(?:[T\s]\s*(\S.*))?",
    re.ASCII | re.DOTALL,
)
_IN_NAME = re.compile(
    r"(?<![0-9])([0-9]{1,2})[_.-]([0-9]{1,2})[_.-]([0-9]{4})[-_ ]+"
    r"([0-9]{1,2})[_.-]([0-9]{1,2})[_.-]([0-9]{4})(?![0-9])",
    re.ASCII,
)

#: The years that an entry may be in; any other is a typing error.
_YEARS = range(1990, 2101)

_WORDS = {_MDY: "month, day, year", _DMY: "day, month, year", _YMD: "year, month, day"}


def in_words(order: DateOrder) -> str:
    """Return an order in words, such as `day, month, year`."""
    return _WORDS[order]


def split_date(text: str) -> tuple[str, str, str, str] | None:
    """Split a date into its three numbers and what follows: a time, or nothing.

    Examples:
        >>> split_date("03/04/2024"), split_date("2026-02-19T15:00:00"), split_date("3 April")
        (('03', '04', '2024', ''), ('2026', '02', '19', '15:00:00'), None)
    """
    parts = _DATE.fullmatch(text.strip())
    return (parts[1], parts[3], parts[4], parts[5] or "") if parts else None


def read_day(text: str, order: DateOrder) -> date | None:
    """Read a date written in that order; one that begins with a four-digit year needs no order.

    A two-digit year is in this century.

    Examples:
        >>> read_day("03/04/2024", DateOrder.DMY), read_day("2026-02-19", DateOrder.DMY)
        (datetime.date(2024, 4, 3), datetime.date(2026, 2, 19))
        >>> read_day("13/15/2024", DateOrder.MDY), read_day("03/04/24", DateOrder.YMD)
        (None, datetime.date(2003, 4, 24))
    """
    parts = split_date(text)
    return _day(parts[0], parts[1], parts[2], order) if parts else None


def _day(first: str, second: str, third: str, order: DateOrder) -> date | None:
    if len(first) == 4 or (order is _YMD and len(third) <= 2):
        year, month, day = first, second, third
    elif order is _MDY:
        month, day, year = first, second, third
    elif order is _DMY:
        day, month, year = first, second, third
    else:
        return None
    return _date(year, month, day)


def _date(year: str, month: str, day: str) -> date | None:
    if len(year) not in {2, 4} or len(month) > 2 or len(day) > 2:
        return None
    try:
        found = date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None
    return found if found.year in _YEARS else None


@dataclass(frozen=True)
class DecidedOrder:
    """The order of a file's dates, and the reason for it."""

    order: DateOrder
    because: str


@dataclass(frozen=True)
class _Example:
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} on line {self.line}"


@dataclass
class DateSurvey:
    """What the dates of a file show about their order, in a fixed amount of memory.

    Feed it each column of dates, chunk by chunk, and then let it decide.
    """

    _only: dict[DateOrder, _Example] = field(default_factory=dict)  # readable in one order only
    _either: _Example | None = None  # a different day in each order
    _short_year: _Example | None = None
    _year_last: _Example | None = None
    _spans: dict[DateOrder, tuple[date, date]] = field(default_factory=dict)

    def feed(self, texts: pd.Series, *, starts: bool) -> None:
        """Take in a column of dates.

        Args:
            texts: As in the file; the index is the line.
            starts: Whether entries start on these days, which the file's name may bound.
        """
        for line, text in texts.drop_duplicates().items():
            parts = split_date(text)
            if parts and len(parts[0]) <= 2:
                self._take(parts, _Example(int(line), text), starts=starts)

    def _take(self, parts: tuple[str, str, str, str], seen: _Example, *, starts: bool) -> None:
        first, second, third, _ = parts
        self._note_year(third, seen)
        found = ((order, _day(first, second, third, order)) for order in (_MDY, _DMY))
        days = {order: day for order, day in found if day}
        if len(days) == 1:
            self._only.setdefault(next(iter(days)), seen)
        elif len(set(days.values())) == 2:
            self._either = self._either or seen
        if starts:
            self._widen_spans(days)

    def _note_year(self, third: str, seen: _Example) -> None:
        if len(third) == 2:
            self._short_year = self._short_year or seen
        elif len(third) == 4:
            self._year_last = self._year_last or seen

    def _widen_spans(self, days: dict[DateOrder, date]) -> None:
        for order, day in days.items():
            low, high = self._spans.get(order, (day, day))
            self._spans[order] = (min(low, day), max(high, day))

    def decide(self, *, file_name: str = "", given: DateOrder | None = None) -> DecidedOrder:
        """Decide the order for the whole file.

        Args:
            file_name: May hold a range, as in `…_01_02_2026-28_02_2026.csv`.
            given: The order that a person chose; it wins, unless a date contradicts it.

        Raises:
            UndecidedDates: Nothing decides, or *given* is contradicted; the text says what to do.
        """
        if given is not None:
            self._hold_against(given)
            return DecidedOrder(given, "you said so")
        if self._short_year:
            raise UndecidedDates(
                f"The dates have two-digit years, such as {self._short_year}. Give their order"
                " with --date-order mdy, dmy or ymd."
            )
        if len(self._only) == 2:
            raise UndecidedDates(
                f"The dates contradict each other: in {self._only[_MDY]} the month comes first, in"
                f" {self._only[_DMY]} the day. Correct the file, or choose an order with"
                " --date-order mdy or --date-order dmy; rows in the other order are then reported."
            )
        for order, example in self._only.items():
            return DecidedOrder(order, f"{example} can only be {in_words(order)}")
        if self._year_last is None:
            return DecidedOrder(_YMD, "every date begins with the year")
        if self._either is None:
            return DecidedOrder(_MDY, "day and month are the same number in every date")
        return self._by_name(file_name)

    def _hold_against(self, given: DateOrder) -> None:
        other = {_MDY: _DMY, _DMY: _MDY}.get(given)
        against = self._year_last if other is None else self._only.get(other)
        if against and given not in self._only:
            instead = f"--date-order {other}" if other else "--date-order mdy or dmy"
            raise UndecidedDates(
                f"{against} cannot be {in_words(given)}, which --date-order says. Use {instead}, or"
                " leave the option out."
            )

    def _by_name(self, file_name: str) -> DecidedOrder:
        fitting = [order for order in (_MDY, _DMY) if self._within(file_name, order)]
        if len(fitting) == 1:
            return DecidedOrder(fitting[0], f"the days in the file name {file_name} say so")
        raise UndecidedDates(
            "These dates do not show which number is the day and which the month:"
            f" {self._either} could be read either way, and so could all others. Say which comes"
            " first with --date-order mdy or --date-order dmy."
        )

    def _within(self, file_name: str, order: DateOrder) -> bool:
        """Whether the file name has a range of days in that order that includes every start."""
        found = _IN_NAME.search(file_name)
        if found is None or order not in self._spans:
            return False
        low, high = (_day(found[at], found[at + 1], found[at + 2], order) for at in (1, 4))
        first, last = self._spans[order]
        return low is not None and high is not None and low <= first and last <= high
