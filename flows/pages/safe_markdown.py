"""Writes markdown in which what people typed stays text: no link, no picture, no HTML of theirs.

Prefect's pages show markdown and let HTML through, pictures of other servers among it: a
description that said so would tell those servers who reads it, and when.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from flows.text import clean

#: Longer texts are cut: a table of them could not be read.
LONGEST = 160

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
#: Not those that mean something at the start of a line alone: no text of theirs stands there. An
#: address that is written out becomes a link, as everywhere: it says where it leads.
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def safe(text: object, longest: int = LONGEST) -> str:
    r"""Write a text so that markdown shows it as it is, on one line.

    Only named entities and backslashes: one of Prefect's two pages shows numbered entities raw.

    Examples:
        >>> safe("<img src=x> [*now*](http://e)")
        '&lt;img src=x&gt; \\[\\*now\\*\\](http://e)'
    """
    words = clean(" ".join(str(text).split()))
    if len(words) > longest:
        words = words[: longest - 1].rstrip() + "…"
    return _SPECIAL.sub(r"\\\1", words.translate(_HTML))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Write a table of cells that are markdown already.

    Args:
        columns: The heads.
        rows: The cells, one for each column.
        right: Heads of the columns that are aligned to the right: numbers.
    """
    marks = ["---:" if column in right else "---" for column in columns]
    lines = [columns, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def picture(words: str, svg: bytes) -> str:
    """Put a picture into the text itself: it needs no server, and no permission to read one."""
    return f"![{safe(words)}](data:image/svg+xml;base64,{b64encode(svg).decode()})\n"
