"""Rows of an .xlsx spreadsheet as text, so that they read like those of a CSV file.

Dates and times are typed there: they become ISO text, which no reader can take for another day.
A sheet is held whole while it is read (a sheet ends at 1,048,576 rows): for more, use CSV. How much
that can be is checked before; see `connectors.files.sheet_check`.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from connectors.errors import AskPerson
from connectors.files.encoding import refuse
from connectors.files.sheet_check import TooMuchError, copy_checked

#: What zipfile raises for an archive that is cut, damaged or encrypted.
_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)

#: Day 0 of a spreadsheet's calendar, and the year under which a date is a span of time.
_DAY_0 = datetime(1899, 12, 31)  # noqa: DTZ001 - a spreadsheet knows no time zones
_FIRST_YEAR = 1901


@dataclass(frozen=True)
class Sheet:
    """The sheet that is read.

    Attributes:
        rows: Gives each row's number in the sheet, from 1, and its cells as text.
        notes: What a person should know, such as the sheets that were not read.
    """

    rows: Callable[[], Iterator[tuple[int, list[str]]]]
    notes: list[str]


@contextmanager
def open_sheet(path: Path) -> Iterator[Sheet]:
    """Open the first visible sheet with anything in it.

    Raises:
        AskPerson: It is another kind of zip archive, damaged, too large, or empty.
    """
    _require_workbook(path)
    with TemporaryDirectory(prefix="clockbooks-") as folder:
        copy = Path(folder) / "export.xlsx"
        try:
            copy_checked(path, copy)
            workbook = CalamineWorkbook.from_path(str(copy))
        except TooMuchError as error:
            raise AskPerson(
                f"{path} {error}. That is too much for a spreadsheet to be read: save the sheet"
                " with the time as .csv, and give that."
            ) from error
        except (CalamineError, ValueError, *_DAMAGED) as error:
            raise refuse(path, f"is a damaged spreadsheet ({error})") from error
        with workbook:
            yield _first_filled(path, workbook)


def _require_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            kind = b""
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    kind = part.read(100)
    except (ValueError, *_DAMAGED) as error:
        raise refuse(path, "is a damaged or cut spreadsheet or archive") from error
    if "xl/workbook.bin" in names:
        raise refuse(path, "is a binary spreadsheet (.xlsb)")
    if b"opendocument" in kind:
        raise refuse(path, "is an OpenDocument file (.ods)")
    if "word/document.xml" in names:
        raise refuse(path, "is a text document (.docx)")
    if "xl/workbook.xml" not in names:
        raise refuse(path, "is a zip archive: unpack it first")


def _first_filled(path: Path, workbook: CalamineWorkbook) -> Sheet:
    shown = [
        found.name
        for found in workbook.sheets_metadata
        if found.typ == SheetTypeEnum.WorkSheet and found.visible == SheetVisibleEnum.Visible
    ]
    for name in shown:
        try:
            sheet = workbook.get_sheet_by_name(name)
        except (CalamineError, ValueError, OSError) as error:
            raise refuse(path, f"is a damaged spreadsheet ({error})") from error
        if sheet.height:
            others = ", ".join(repr(other) for other in shown if other != name)
            note = f"Only the sheet {name!r} was read, not {others}."
            return Sheet(partial(_rows, sheet), [note] if others else [])
    raise refuse(path, "is a spreadsheet without rows")


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [cell if isinstance(cell, str) else _as_text(cell) for cell in cells]


def _as_text(cell: Any) -> str:
    """Write a typed cell as text.

    Examples:
        >>> _as_text(8.0), _as_text(8.25), _as_text(time(15, 0)), _as_text(timedelta(hours=30))
        ('8', '8.25', '15:00:00', '30:00:00')
        >>> _as_text(datetime(2026, 2, 19)), _as_text(datetime(2026, 2, 19, 15, 0, 0, 1))
        ('2026-02-19', '2026-02-19T15:00:00')
    """
    if isinstance(cell, float):
        # 0.1 + 0.2 and the like: a spreadsheet shows 15 digits, and people mean what it shows
        return f"{cell:.15g}" if abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, timedelta):
        return _span(cell)
    if isinstance(cell, datetime):
        if cell.year < _FIRST_YEAR:
            return _span(cell - _DAY_0)
        rounded = _to_second(cell)
        return f"{rounded:%Y-%m-%d}" if rounded.time() == time(0) else rounded.isoformat()
    if isinstance(cell, time):
        return f"{_to_second(datetime.combine(date(2000, 1, 1), cell)):%H:%M:%S}"
    return str(cell)


def _to_second(moment: datetime) -> datetime:
    """Undo the fraction that a day as a floating-point number leaves."""
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def _span(span: timedelta) -> str:
    total_s = (span + timedelta(milliseconds=500)) // timedelta(seconds=1)
    sign = "-" if total_s < 0 else ""
    hours, rest_s = divmod(abs(total_s), 3600)
    return f"{sign}{hours}:{rest_s // 60:02}:{rest_s % 60:02}"
