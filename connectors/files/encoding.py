"""What a file's bytes are: which encoding, or which other kind of file that is no table.

Nothing is held whole: the encoding is proved by one pass over the file in blocks, so that a file
that says so fails before its first row is read, not half-way through.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from charset_normalizer import from_bytes

from connectors.errors import AskPerson

BLOCK = 1 << 20

#: What people are asked for when a file is none; ends a refusal's sentence.
NEEDED = "a time export is needed, as a .csv or .xlsx file: export the detailed report again"

#: First bytes of what people may choose by mistake.
_SIGNATURES = [
    (b"%PDF", "a PDF"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel file (.xls), or a spreadsheet with a password",
    ),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "a text document (RTF)"),
]

_BOMS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]

#: Windows' code pages that spreadsheets write; charset-normalizer chooses among these alone.
_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "cp949", "gb18030", "big5"]

#: Control characters that text has no use for.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

#: Bytes outside ASCII that are enough to tell one code page from another.
_SAMPLE = 16_384


def refuse(path: Path, found: str) -> AskPerson:
    """Return the error that says what *path* looks like, and what is needed."""
    return AskPerson(f"{path} {found}; {NEEDED}.")


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are those of another kind than text.

    Raises:
        AskPerson: It is a PDF, an archive, a picture, a web page, JSON or binary data.
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            raise refuse(path, f"is {kind}")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if re.match(rb"<(!doctype html|html|head|body|table|!--)", text):
        raise refuse(path, "is a web page (HTML), perhaps of a sign-in that ran out")
    if text.startswith(b"<?xml"):
        raise refuse(path, "is an XML file")
    if re.match(rb'(\{\s*["}]|\[\s*[{\["\]\d])', text):
        raise refuse(path, "is a JSON file")


def find_encoding(path: Path, head: bytes, given: str | None) -> tuple[str, str]:
    """Find the encoding of the whole file, or prove the one that a person gave.

    UTF-8 and UTF-16 are known by their mark or because all bytes fit; what is neither is taken
    for the Windows code page that it looks like, windows-1252 where that is possible at all.
    Returns the name, as Python spells it, and a note for a person; empty when the choice is sure.

    Raises:
        AskPerson: The bytes are no text, are cut within a character, or do not fit *given*.
    """
    if given is not None:
        name = _known(given)
        _decode_all(path, name, chosen=True)
        return name, ""
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), None)
    wide = marked or _utf16_without_mark(head)
    if wide:
        _decode_all(path, wide)
        return wide, ""
    if len(_CONTROLS.findall(head)) * 25 > len(head) or b"\x00" in head:
        raise refuse(path, "holds binary data, not text")
    if _is_utf8(path):
        return "utf-8", ""
    return _code_page(path)


def _known(given: str) -> str:
    try:
        found = codecs.lookup(given)
        "".encode(given)  # rot13 and base64 are codecs, too, but not of text
    except (LookupError, ValueError):
        raise AskPerson(
            f"There is no encoding {given!r}: use one such as utf-8, utf-16 or windows-1252."
        ) from None
    return found.name


def _utf16_without_mark(head: bytes) -> str | None:
    """Recognize UTF-16 by its NULs: a header is mostly ASCII, so every other byte is one."""
    sample = head[:4096]
    pairs = len(sample) // 2
    high, low = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if pairs and low > 0.6 * pairs and high < 0.1 * pairs:
        return "utf-16-le"
    if pairs and high > 0.6 * pairs and low < 0.1 * pairs:
        return "utf-16-be"
    return None


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(BLOCK), b"")


def _decode_all(path: Path, name: str, *, chosen: bool = False) -> None:
    decoder = codecs.getincrementaldecoder(name)()
    with path.open("rb") as stream:
        try:
            for block in _blocks(stream):
                if "\x00" in decoder.decode(block):
                    raise refuse(path, "holds NUL characters, which no text has")
        except (UnicodeError, ValueError) as error:
            hint = "; leave --encoding out, or use another" if chosen else ""
            raise refuse(path, f"cannot be read as {name}{hint}") from error
        try:
            decoder.decode(b"", final=True)
        except (UnicodeError, ValueError) as error:
            raise refuse(path, "ends in the middle of a character: it is cut") from error


def _is_utf8(path: Path) -> bool:
    """Read all as UTF-8; refuse a file that has more than ASCII, and is cut in a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    beyond_ascii = False
    with path.open("rb") as stream:
        for block in _blocks(stream):
            if b"\x00" in block:
                raise refuse(path, "holds NUL characters, which no text has")
            try:
                beyond_ascii |= not decoder.decode(block).isascii()
            except UnicodeDecodeError:
                return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if beyond_ascii:
            raise refuse(path, "ends in the middle of a character: it is cut") from error
        return False
    return True


def _code_page(path: Path) -> tuple[str, str]:
    sample = _beyond_ascii(path)
    if len(_CONTROLS.findall(sample)) * 100 > len(sample):
        raise refuse(path, "holds binary data, not text")
    name = next((page for page in _likely_pages(sample) if _fits(path, page)), None)
    if name is None:
        raise AskPerson(
            f"The encoding of {path} cannot be determined: name it with --encoding, or export the"
            " file again as UTF-8."
        )
    label = name.replace("cp125", "windows-125")
    note = f"The file is not UTF-8; it was read as {label}. If names look wrong, use --encoding."
    return name, note


def _likely_pages(sample: bytes) -> list[str]:
    """Return the code pages to try: the Western one first, unless another clearly fits better.

    Short samples fit many pages. But Western letters beyond ASCII stand alone between others, and
    those of other alphabets in rows.
    """
    likely = from_bytes(sample, cp_isolation=_PAGES)
    best = likely.best()
    if best is None:
        return ["cp1252"]
    in_rows = sum(map(len, re.findall(rb"[\x80-\xff]{3,}", sample)))
    other_alphabet = in_rows * 2 > sum(byte > 0x7F for byte in sample)
    other_language = best.coherence >= 0.3 and "cp1252" not in [one.encoding for one in likely]
    if other_alphabet or other_language:
        return [best.encoding]
    return ["cp1252", best.encoding]


def _beyond_ascii(path: Path) -> bytes:
    """Collect lines with more than ASCII in them, as many as tell a code page."""
    found = bytearray()
    with path.open("rb") as stream:
        while len(found) < _SAMPLE and (line := stream.readline(_SAMPLE)):
            if not line.isascii():
                found += line
    return bytes(found)


def _fits(path: Path, name: str) -> bool:
    """Return whether every byte of the file is a character of that code page."""
    try:
        with path.open(encoding=name, newline="") as stream:
            while stream.read(BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True
