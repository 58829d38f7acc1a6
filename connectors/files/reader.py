"""Opens a time export, whatever its bytes, and yields its rows as text, chunk by chunk.

The file is gone over twice by whoever reads it: once to learn how it writes dates and numbers,
once for its rows. So nothing is kept here but one chunk, and what is wrong with the file as a
whole (it is cut, it is no table) is known before the second pass begins.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import pandas as pd

from connectors.errors import AskPerson
from connectors.files.encoding import BLOCK, find_encoding, refuse, refuse_other_kinds
from connectors.files.spreadsheets import Sheet, open_sheet
from schemas.exports import BadCell

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

#: Characters that a line, and a row of several lines, may have (a description has 3000: FACTS 9.2).
#: A file beyond is no export; the bound keeps memory flat on noise without line ends.
#: The csv module's own limit of a field is 131,072.
LONGEST_LINE = 1 << 20

#: Exports have dozens of columns. Short rows are filled up: each column costs memory and time in
#: every row, so that a reader asks for those that it uses.
MOST_COLUMNS = 1000

#: A name of a column may have line ends in it, but not this many.
_HEADER_LINES = 20

#: A chunk ends at so many rows, or with the row that brings it to so many characters.
CHUNK_ROWS = 10_000
_CHUNK_CHARACTERS = 1 << 24

#: One record: the line it begins on and its fields, or what is wrong with it.
_Record = tuple[int, list[str]] | BadCell


@dataclass(frozen=True)
class Chunk:
    """Some rows of an export, in the file's order.

    Attributes:
        frame: Text columns named as in the file's header (names may repeat); the index is the
            number of the line on which the row begins, from 1. Fields that a short row lacks at
            its end are missing (NA), not empty.
        bad: Rows that are no rows of this table, and why; they are not in the frame.
    """

    frame: pd.DataFrame
    bad: list[BadCell]


@dataclass(frozen=True)
class ExportFile:
    """An open export.

    Attributes:
        path: Where it is.
        kind: `csv` or `xlsx`.
        encoding: As Python spells it; empty for a spreadsheet.
        delimiter: The character between fields; empty for a spreadsheet.
        header: Names of the columns, as they are written.
        notes: What a person should know about how the file was read.
    """

    path: Path
    kind: str
    encoding: str
    delimiter: str
    header: list[str]
    notes: list[str]
    records: Callable[[], Iterator[_Record]]

    def chunks(
        self, size: int = CHUNK_ROWS, *, columns: Sequence[int] | None = None
    ) -> Iterator[Chunk]:
        """Yield all rows after the header, from the beginning again at each call.

        Args:
            size: The most rows of a chunk.
            columns: Positions of the columns that a chunk has, from 0; all of them by default.

        Every line that is not blank is in a chunk's frame or in its bad rows. A row of nothing
        but delimiters, as spreadsheets write below a table, is blank too.

        Raises:
            AskPerson: The file ends within a row: it is cut. All of the file must have been gone
                over before anything of it is acted on.
        """
        wanted = range(len(self.header)) if columns is None else columns
        batch: list[_Record] = []
        held = 0
        for record in self.records():
            batch.append(record)
            held += sum(map(len, record[1])) if isinstance(record, tuple) else 0
            if len(batch) == size or held > _CHUNK_CHARACTERS:
                yield _chunk(self.header, batch, wanted)
                batch, held = [], 0
        if batch:
            yield _chunk(self.header, batch, wanted)


@contextmanager
def open_export(
    path: Path | str, *, encoding: str | None = None, delimiter: str | None = None
) -> Iterator[ExportFile]:
    """Open a CSV file or an .xlsx spreadsheet; encoding and delimiter are found when not given.

    Args:
        path: The file.
        encoding: As Python spells it (`utf-8`, `utf-16`, `windows-1252`); not for spreadsheets.
        delimiter: `,`, `;`, a tab, or their names `comma`, `semicolon`, `tab`.

    Raises:
        AskPerson: It cannot be read, or is no table; one sentence says what it looks like and
            what is needed.
    """
    path = Path(path)
    try:
        head = _head(path)
        if head.startswith(b"PK"):
            with open_sheet(path) as sheet:
                yield _spreadsheet(path, sheet)
        else:
            refuse_other_kinds(path, head)
            yield _csv(path, head, encoding, _delimiter(delimiter))
    except OSError as error:
        raise AskPerson(f"{path} cannot be read: {error.strerror or error}.") from error


def _head(path: Path) -> bytes:
    if not path.exists():
        raise AskPerson(f"There is no file {path}: check its name and folder.")
    if path.is_dir():
        raise AskPerson(f"{path} is a folder: give the file in it that was exported.")
    if not path.is_file():
        raise AskPerson(f"{path} is not a file: save the export as one, and give that.")
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    if not head.strip():
        raise refuse(path, "is empty")
    return head


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    by_name = {name: character for character, name in DELIMITERS.items()} | {"\\t": "\t"}
    character = by_name.get(given.strip().lower() or given, given)
    if character not in DELIMITERS:
        raise AskPerson(
            f"{given!r} is not a delimiter: use comma, semicolon or tab, or leave --delimiter out."
        )
    return character


def _spreadsheet(path: Path, sheet: Sheet) -> ExportFile:
    filled = ((line, cells) for line, cells in sheet.rows() if any(cells))
    at, first = next(filled, (0, None))
    if first is None:
        raise refuse(path, "is a spreadsheet without rows")
    header = _header(path, first)

    def records() -> Iterator[_Record]:
        rows = (_fitted(line, cells, len(header)) for line, cells in sheet.rows() if line > at)
        return (row for row in rows if row is not None)

    _require_rows(path, records())
    return ExportFile(path, "xlsx", "", "", header, sheet.notes, records)


def _csv(path: Path, head: bytes, encoding: str | None, delimiter: str | None) -> ExportFile:
    name, note = find_encoding(path, head, encoding)
    with path.open(encoding=name, newline="") as stream:
        top = _top(path, stream)
    delimiter = delimiter or top.delimiter or _likely_delimiter(top.header)
    if delimiter is None:
        raise refuse(path, "is no table: its first line has no comma, semicolon or tab")
    try:
        header = _header(path, next(csv.reader(top.header, delimiter=delimiter)))
    except csv.Error as error:
        raise refuse(path, f"is no table: its header cannot be read ({error})") from error
    if len(header) < 2:
        raise refuse(path, f"has no {DELIMITERS[delimiter]} in its first line")

    def records() -> Iterator[_Record]:
        return _records(path, name, delimiter, skip=top.lines, width=len(header))

    _require_rows(path, records())
    return ExportFile(path, "csv", name, delimiter, header, [note] if note else [], records)


@dataclass(frozen=True)
class _Top:
    """The lines above the rows: how many, the header's, and the delimiter that they name."""

    lines: int
    header: list[str]
    delimiter: str | None


def _top(path: Path, stream: TextIO) -> _Top:
    header: list[str] = []
    delimiter = None
    for count, line in enumerate(_lines(path, stream), start=1):
        named = re.fullmatch(r'"?sep=([,;\t])"?\s*', line)  # what Excel reads, and removes
        if named and not header:
            delimiter = named[1]
        elif header or line.strip("\ufeff \r\n"):
            header.append(line)
            if "".join(header).count('"') % 2 == 0:
                return _Top(count, header, delimiter)
            if len(header) == _HEADER_LINES:
                break
    raise refuse(path, "is no table: its first line has a quotation mark that never closes")


def _likely_delimiter(header: list[str]) -> str | None:
    """Take the delimiter that makes the most columns of the header, quotes respected."""
    columns = {}
    for delimiter in DELIMITERS:
        try:
            columns[delimiter] = len(next(csv.reader(header, delimiter=delimiter, strict=True)))
        except csv.Error:
            columns[delimiter] = 0
    best = max(columns, key=columns.__getitem__)
    return best if columns[best] > 1 else None


def _header(path: Path, first: list[str]) -> list[str]:
    names = [name.strip("\ufeff \t\r\n\xa0") for name in first]
    while names and not names[-1]:
        names.pop()
    if len(names) > MOST_COLUMNS:
        raise refuse(path, f"is no export: it has {len(names):,} columns")
    return names


def _lines(path: Path, stream: TextIO) -> Iterator[str]:
    try:
        while line := stream.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise refuse(path, f"is no table: it has a line of {LONGEST_LINE:,} characters")
            yield line
    except UnicodeError as error:
        raise AskPerson(f"{path} changed while it was read: read it again.") from error


def _records(
    path: Path, encoding: str, delimiter: str, *, skip: int, width: int
) -> Iterator[_Record]:
    last, taken = "", 0

    def lines(stream: TextIO) -> Iterator[str]:
        nonlocal last, taken
        for last in islice(_lines(path, stream), skip, None):
            taken += len(last)
            if taken > LONGEST_LINE:
                raise refuse(path, f"is no table: it has a row of {taken:,} characters")
            yield last

    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(lines(stream), delimiter=delimiter, strict=True)
        while True:
            line = skip + reader.line_num + 1
            taken = 0
            try:
                fields = next(reader, None)
            except csv.Error as error:
                if "unexpected end" in str(error):
                    raise _cut(path, line, "a quotation mark that never closes") from error
                yield _malformed(line, skip + reader.line_num, last)
                continue
            if fields is None:
                return
            if len(fields) < width and fields and not last.endswith(("\n", "\r")):
                raise _cut(path, line, "fewer fields than the header and no line end")
            record = _fitted(line, fields, width)
            if record is not None:
                yield record


def _cut(path: Path, line: int, what: str) -> AskPerson:
    return AskPerson(
        f"{path} is cut: its last row, on line {line}, has {what}; export it again, or end the row."
    )


def _malformed(first: int, last: int, text: str) -> BadCell:
    lines = f"Lines {first} to {last} are" if last > first else "The line is"
    return BadCell(
        first,
        "",
        text.strip()[:80],
        f"{lines} not readable as a row: a quotation mark is where none may be. Correct it in the"
        " file (a quotation mark within a text is written twice), or export again.",
    )


def _fitted(line: int, fields: list[str], width: int) -> _Record | None:
    """Bring a row to the header's width; `None` for a row of nothing."""
    if len(fields) == width and fields[0]:  # nearly all
        return line, fields
    if not any(map(str.strip, fields)):
        return None
    beyond = fields[width:]
    if any(map(str.strip, beyond)):
        return BadCell(
            line,
            "",
            ", ".join(beyond)[:80],
            f"The row has {len(fields)} fields, the header {width}: a text with the delimiter in"
            " it needs quotation marks. Correct it in the file, or export again.",
        )
    return line, fields[:width]


def _require_rows(path: Path, records: Iterator[_Record]) -> None:
    if next(records, None) is None:
        raise refuse(path, "has only a header, no rows")


def _chunk(header: list[str], batch: list[_Record], columns: Sequence[int]) -> Chunk:
    rows = [record for record in batch if isinstance(record, tuple)]
    frame = pd.DataFrame(
        [[fields[at] if at < len(fields) else None for at in columns] for _, fields in rows],
        index=pd.Index([line for line, _ in rows], dtype="int64", name="line"),
        columns=[header[at] for at in columns],
        dtype="str",
    )
    return Chunk(frame, [record for record in batch if isinstance(record, BadCell)])
