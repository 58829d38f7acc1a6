"""Reads single cells of an export: numbers, durations, times of day, yes and no.

A column has few distinct texts, so a plain function reads each of them once, for all its rows.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import pandas as pd

from schemas.currencies import CURRENCY_CODES

Mark = Literal[".", ","]

#: How exact a written duration is, in seconds to either side. Seconds: `h:mm:ss`, or hours with
#: four or more decimals. Minutes: `h:mm`, where Clockify counts a started minute and others do not
#: (FACTS, Clockify, 5). Hours and thousandths: hours rounded to two, or three, decimals.
SLACK_S = {"seconds": 0, "minutes": 59, "hours": 18, "thousandths": 2}

#: 10,000 hours: no entry is that long.
LONGEST_S = 36_000_000

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'\u2019]+")
_AROUND_MONEY = re.compile(r"^(?:[€$£¥₹]|R\$)|[€$£¥₹]$")
_TIME = re.compile(
    r"([0-9]{1,2})[:.h]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,]0+)?)?(?:([ap])\.?m\.?)?", re.ASCII
)
_CLOCK_SPAN = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_ISO_SPAN = re.compile(
    r"pt(?=[0-9])(?:([0-9]{1,5})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?", re.ASCII
)

_YES = {"yes", "ja", "sim", "oui", "sí", "si", "true", "wahr", "verdadeiro", "vrai", "y", "x", "1"}
_NO = {"no", "nein", "não", "nao", "non", "false", "falsch", "falso", "faux", "n", "0"}

_TYPES = {
    "": "REGULAR", "regular": "REGULAR", "regulär": "REGULAR", "break": "BREAK", "pause": "BREAK",
    "pausa": "BREAK", "holiday": "HOLIDAY", "feiertag": "HOLIDAY", "feriado": "HOLIDAY",
    "time off": "TIME_OFF", "time_off": "TIME_OFF", "abwesenheit": "TIME_OFF",
}  # fmt: skip


def read_each(
    texts: pd.Series, read: Callable[[str], object], *, dtype: str = "Int64"
) -> pd.Series:
    """Read each distinct text once; where *read* returns `None`, the value is missing."""
    codes, distinct = pd.factorize(texts)
    values = pd.array([*(read(text) for text in distinct), None], dtype=dtype)
    return pd.Series(values.take(codes), index=texts.index)


def decimal_mark(text: str) -> Mark | Literal["", "?"] | None:
    """Return the decimal mark that a number shows.

    Returns:
        The mark; empty if there is none; `?` if it could be either (`1.000`); `None` if the text is
        not a number.

    Examples:
        >>> [decimal_mark(text) for text in ["2.000,0", "1,234.5", "20,0", "8", "1.000", "0.125"]]
        [',', '.', ',', '', '?', '.']
        >>> decimal_mark("1,000,000"), decimal_mark("1.2.3"), decimal_mark("eight")
        ('.', None, None)
    """
    number = re.sub("^[-+]", "", _bare(text))
    if re.fullmatch(r"[0-9]{1,20}", number):
        return ""
    single = re.fullmatch(r"([0-9]{0,20})([.,])([0-9]{1,20})", number)
    if single:
        whole, mark, part = single.groups()
        either = len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
        return "?" if either else mark  # type: ignore[return-value]
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3}){1,6}\.[0-9]{1,20}|[0-9]{1,3}(,[0-9]{3}){2,6}", number):
        return "."
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3}){1,6},[0-9]{1,20}|[0-9]{1,3}(\.[0-9]{3}){2,6}", number):
        return ","
    return None


def read_number(text: str, mark: Mark | None) -> Decimal | None:
    """Read a number as the file writes them.

    Args:
        text: The number, with or without thousands separators and a currency sign.
        mark: The file's decimal mark; `None` if nothing in the file shows it.

    Returns:
        The number; `None` if the text is none, or is not written with that mark.

    Examples:
        >>> read_number("2.000,5 €", ","), read_number("1.000", "."), read_number("1.000", ",")
        (Decimal('2000.5'), Decimal('1.000'), Decimal('1000'))
        >>> read_number("1.000", None), read_number("2,5", ".")
        (None, None)
    """
    shown = decimal_mark(text)
    if (
        shown is None
        or (shown == "?" and mark is None)
        or (shown in {".", ","} and mark not in {shown, None})
    ):
        return None
    used = mark if shown == "?" else shown
    thousands = "." if used == "," else ","
    return Decimal(_bare(text).replace(thousands, "").replace(",", "."))


def _bare(text: str) -> str:
    return _AROUND_MONEY.sub("", _SPACES.sub("", text))


def read_micros(text: str, mark: Mark | None) -> int | None:
    """Read a rate in millionths of the currency unit; `None` below 0 and above a billion."""
    number = read_number(text, mark)
    if number is None or not 0 <= number <= 10**9:
        return None
    return int((number * 1_000_000).to_integral_value(ROUND_HALF_UP))


def number_wanted(mark: Mark | None) -> str:
    """Explain how to write a number that could not be read."""
    if mark is None:
        return (
            "Nothing in the file shows whether the decimal mark is a point or a comma. Write such"
            " numbers with two decimals."
        )
    return f"Use {mark!r} as the decimal mark, as in the rest of the file."


def currency_code(text: str) -> str | None:
    """Return the last ISO 4217 code in a text such as `Euro - EUR`; names may have capitals too."""
    codes = [word for word in re.findall(r"[A-Z]{3,}", text) if word in CURRENCY_CODES]
    return codes[-1] if codes else None


def read_duration(
    text: str, mark: Mark | None, *, bare_hours: bool = True
) -> tuple[int, str] | None:
    """Read a duration in seconds, with a word of `SLACK_S` for how exact its text is.

    Args:
        text: `h:mm:ss`, `h:mm`, ISO 8601 (`PT1H30M`) or decimal hours.
        mark: The file's decimal mark.
        bare_hours: Whether a bare number is hours. If not, it is not read: it could be minutes, or
            a spreadsheet's fraction of a day.

    Examples:
        >>> read_duration("01:30:05", "."), read_duration("3:30", "."), read_duration("PT90M", ".")
        ((5405, 'seconds'), (12600, 'minutes'), (5400, 'seconds'))
        >>> read_duration("2.97", "."), read_duration("20", ".", bare_hours=False)
        ((10692, 'hours'), None)
    """
    bare = _SPACES.sub("", text).casefold()
    span = _CLOCK_SPAN.fullmatch(bare) or _ISO_SPAN.fullmatch(bare)
    if span:
        hours, minutes, seconds = (int(part or 0) for part in span.groups())
        exact = "seconds" if span[3] or bare.startswith("pt") else "minutes"
        total_s = hours * 3600 + minutes * 60 + seconds
        return (total_s, exact) if total_s <= LONGEST_S else None
    number = read_number(bare, mark) if bare_hours else None
    return None if number is None else _decimal_hours(number)


def _decimal_hours(number: Decimal) -> tuple[int, str] | None:
    if not 0 <= number * 3600 <= LONGEST_S:
        return None
    decimals = -int(number.as_tuple().exponent)
    exact = "hours" if decimals < 3 else "thousandths" if decimals == 3 else "seconds"
    return int((number * 3600).to_integral_value(ROUND_HALF_UP)), exact


def read_time(text: str) -> tuple[int, int] | None:
    """Read a time of day: seconds after midnight, and its precision, 1 or 60 seconds.

    Examples:
        >>> read_time("10:23:52 AM"), read_time("12:05 p.\u00a0m."), read_time("15:00")
        ((37432, 1), (43500, 60), (54000, 60))
        >>> read_time("24:00"), read_time("13:00 PM"), read_time("9")
        (None, None, None)
    """
    parts = _TIME.fullmatch(_SPACES.sub("", text).casefold())
    if parts is None:
        return None
    hour, minute, second = (int(part or 0) for part in parts.group(1, 2, 3))
    half = parts[4]
    hours = range(1, 13) if half else range(24)
    if hour not in hours or max(minute, second) > 59:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 3600 + minute * 60 + second, 1 if parts[3] else 60


def read_yes(text: str) -> bool | None:
    """Read yes or no in the languages of the exports; `None` for anything else."""
    word = text.strip().casefold()
    return True if word in _YES else False if word in _NO else None


def read_type(text: str) -> str | None:
    """Read the type of an entry; empty means REGULAR, as in reports that have no types yet."""
    return _TYPES.get(" ".join(text.casefold().split()))
