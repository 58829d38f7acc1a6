"""Checks a spreadsheet before it is opened, so that a small file cannot take all memory.

calamine allocates every cell between a sheet's first and last one, and copies a shared text into
each cell that names it (https://github.com/tafia/calamine/issues/693). So each part is parsed here
first, in little memory. calamine then gets a copy of exactly the bytes that were checked: two
readers of one zip archive may disagree about its names and sizes.
"""

import sys
import zipfile
from array import array
from functools import lru_cache
from pathlib import Path
from xml.parsers import expat

#: Bytes of all parts, unpacked: a million rows of 30 columns have 1.4 GB.
LARGEST_WORKBOOK = 2 << 30

#: Cells between a sheet's first and last one: all of its 1,048,576 rows, with 32 columns.
MOST_CELLS = 1 << 25

#: Up to here a sheet may be as sparse as it likes; beyond, one cell in so many must be filled.
_CHEAP_CELLS, _SPARSEST = 1 << 22, 20

#: Where every sheet ends: its last cell is XFD1048576.
_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 1 << 14

#: UTF-8 bytes of the shared texts, each counted as often as a cell shows it; characters of a text.
_MOST_TEXT, _LONGEST_TEXT = 1 << 29, 1 << 15

_MOST_SHARED_TEXTS, _MOST_SHEETS, _MOST_PARTS = 1 << 24, 1000, 10_000

#: Spreadsheets pack to a tenth, bombs to a thousandth. Small parts may pack as they like.
_BEST_PACKED, _SMALL_PART = 200, 64 << 20

_XML = (".xml", ".rels")
_BLOCK = 1 << 20
_DIGITS = "0123456789"


class TooMuchError(ValueError):
    """The file is sound, but reading it would take too much memory; the text says what is."""


def copy_checked(path: Path, copy: Path) -> None:
    """Copy the XML parts of the workbook at *path*, and check each.

    Raises:
        TooMuchError: Reading it would take too much memory.
        ValueError: Its XML is damaged, or declares entities, which no spreadsheet does.
        zipfile.BadZipFile: The archive is damaged, or has two parts of one name.
    """
    with zipfile.ZipFile(path) as given, _new_archive(copy) as checked:
        parts = [part for part in given.infolist() if part.filename.lower().endswith(_XML)]
        _check_sizes(parts)
        # Sheets name shared texts by number: those come first.
        parts.sort(key=lambda part: "sharedstrings" not in part.filename.lower())
        lengths = array("I")
        for part in parts:
            check = _Check(lengths)
            with given.open(part) as source, checked.open(part.filename, "w") as target:
                while block := source.read(_BLOCK):
                    check.feed(block)
                    target.write(block)
            check.close()


def _new_archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)


def _check_sizes(parts: list[zipfile.ZipInfo]) -> None:
    if len({part.filename.lower() for part in parts}) < len(parts):
        raise zipfile.BadZipFile("two parts have one name")
    if len(parts) > _MOST_PARTS:
        raise TooMuchError(f"has {len(parts):,} parts")
    if (size := sum(part.file_size for part in parts)) > LARGEST_WORKBOOK:
        raise TooMuchError(f"unpacks to {size >> 20:,} MB")
    for part in parts:
        times = part.file_size // max(1, part.compress_size)
        if part.file_size > _SMALL_PART and times > _BEST_PACKED:
            raise TooMuchError(f"unpacks to {times:,} times its size")


class _Check:
    """Counts what calamine would hold of one part; half of its time goes into the check.

    What calamine and this parser would read differently is refused: rows, cells and texts inside
    each other, and numbers of shared texts that are anything but digits.
    """

    def __init__(self, lengths: "array[int]") -> None:
        self._lengths = lengths  # of the shared texts
        self._has_texts = False  # whether this part is the one of the shared texts
        self._sheets = self._text = self._length = self._filled = 0
        # As calamine counts places: from 0, and from the one before where the file gives none.
        self._row, self._column = -1, 0
        self._cell: tuple[int, int] | None = None
        self._in_row = self._in_cell = self._in_text = False
        self._shared = self._has_value = False  # whether the cell names a shared text, has a <v>
        self._index, self._index_at = "", -1  # which text, and its first byte while it is read
        self._last_row = -1
        self._columns = (sys.maxsize, -1)  # the first and the last one filled
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_entities
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, block: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError as error:
            raise ValueError(f"its XML is damaged: {error}") from None

    def close(self) -> None:
        self.feed(b"", last=True)
        if not self._filled:
            return
        rows = self._last_row + 1  # python-calamine fills the rows above the first one
        columns = self._columns[1] - self._columns[0] + 1
        if rows * columns > max(_CHEAP_CELLS, self._filled * _SPARSEST):
            raise TooMuchError(
                f"has {self._filled:,} filled cells, but they reach over {rows:,} rows and"
                f" {columns:,} columns: delete what is far outside of the table"
            )
        if rows * columns > MOST_CELLS:
            raise TooMuchError(f"has a sheet of {rows * columns:,} cells")

    def _start(self, name: str, attributes: dict[str, str], prefix: int = 0) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in {"v", "is"}:
            if self._cell is not None:
                self._fill(*self._cell)
            self._start_value(name, len("<v>") + prefix)
        elif name == "row":
            self._start_row(attributes)
        elif name == "si":
            self._start_text()
        elif name == "sheet":
            self._start_sheet()
        elif ":" in name:
            before, _, local = name.partition(":")
            if ":" in local:
                raise ValueError(f"the name {name} has two colons")
            self._start(local, attributes, len(before) + 1)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        if self._in_cell:
            raise ValueError("a cell is inside another")
        self._in_cell, self._has_value, self._length = True, False, 0
        given = attributes.get("r")
        if given:
            letters = given.rstrip(_DIGITS)
            self._column = _column(letters)
            self._cell = int(given[len(letters) :]) - 1, self._column
        else:
            self._cell = self._row, self._column
        self._column += 1
        self._shared = attributes.get("t") == "s"

    def _end(self, name: str) -> None:
        if name == "c":
            self._in_cell = False
        elif name == "v":
            if self._index_at >= 0:
                self._look_up()
        elif name == "row":
            self._in_row = False
        elif name == "si":
            self._in_text = False
        elif ":" in name:
            self._end(name.partition(":")[2])

    def _fill(self, row: int, column: int) -> None:
        """Count a cell, now that it turns out to hold something."""
        self._cell = None
        self._filled += 1
        if not self._in_row:
            raise ValueError("a cell is outside of the rows")
        if row >= _MOST_ROWS or column >= _MOST_COLUMNS:
            raise TooMuchError(
                f"has a cell in row {row + 1:,}, column {column + 1:,}, but a sheet ends at row"
                f" {_MOST_ROWS:,}, column {_MOST_COLUMNS:,}"
            )
        self._last_row = max(self._last_row, row)
        first, last = self._columns
        if not first <= column <= last:
            self._columns = min(first, column), max(last, column)

    def _start_value(self, name: str, tag_size: int) -> None:
        if name != "v" or not self._in_cell:
            return
        if self._has_value:
            raise ValueError("a cell has two values")
        self._has_value = True
        if self._shared:
            self._index, self._index_at = "", self._parser.CurrentByteIndex + tag_size

    def _start_row(self, attributes: dict[str, str]) -> None:
        if self._in_row or self._in_cell:
            raise ValueError("a row is inside another or a cell")
        self._in_row = True
        given = attributes.get("r")
        self._row = int(given) - 1 if given else self._row + 1
        self._column = 0

    def _start_text(self) -> None:
        if self._in_text or (self._lengths and not self._has_texts):
            raise ValueError("its shared texts are inside each other, or in two parts")
        self._has_texts = self._in_text = True
        self._lengths.append(0)
        self._length = 0
        if len(self._lengths) > _MOST_SHARED_TEXTS:
            raise TooMuchError(f"has more than {_MOST_SHARED_TEXTS:,} texts")

    def _start_sheet(self) -> None:
        self._sheets += 1
        if self._sheets > _MOST_SHEETS:
            raise TooMuchError(f"has more than {_MOST_SHEETS:,} sheets")

    def _characters(self, text: str) -> None:
        if self._index_at >= 0:
            self._index += text
        elif self._has_texts or self._filled:
            self._length += len(text)
            if self._length > _LONGEST_TEXT:
                raise TooMuchError(f"has a cell with more than {_LONGEST_TEXT:,} characters")
            if self._has_texts:
                self._lengths[-1] += len(text.encode())

    def _look_up(self) -> None:
        """Count the shared text that the cell names.

        calamine reads up to the first comment, reference or tag, and takes what is no number for 0.
        """
        size, self._index_at = self._parser.CurrentByteIndex - self._index_at, -1
        index = self._index
        if not index:
            return
        if size != len(index) or not (index.isascii() and index.isdigit()):
            raise ValueError(f"a cell names the text {index[:20]!r}, which is not a plain number")
        try:
            self._text += self._lengths[int(index)]
        except IndexError:
            raise ValueError("a cell names a text that is not there") from None
        if self._text > _MOST_TEXT:
            raise TooMuchError(f"has more than {_MOST_TEXT >> 20:,} MB of text")


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _refuse_entities(*_: object) -> None:
    raise ValueError("its XML declares entities")
