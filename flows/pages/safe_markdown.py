"""Writes markdown in which what people typed stays text: no link, no picture, no HTML.

Prefect's pages show markdown and let HTML through, even pictures from other servers: a description
could tell those servers who reads it, and when.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from flows.text import clean

#: Longer texts are cut, so that tables stay readable.
LONGEST = 160

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
#: Without the characters that matter only at the start of a line, where no such text is. A written
#: address still becomes a link, which shows where it leads.
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")

#: A command in a text that is safe already: nothing in it but words, options and quotes.
_COMMAND = re.compile(r"""\\`(clockbooks (?:[\w .:=,'"+@/…-]|\\_)*)\\`""")


def safe(text: object, longest: int = LONGEST) -> str:
    r"""Return a text as markdown that shows it as it is, on one line.

    It uses named entities and backslashes: one of Prefect's two interfaces shows numbered ones raw.

    Examples:
        >>> safe("<img src=x> [*now*](http://e)")
        '&lt;img src=x&gt; \\[\\*now\\*\\](http://e)'
    """
    words = clean(" ".join(str(text).split()))
    if len(words) > longest:
        words = words[: longest - 1].rstrip() + "…"
    return _SPECIAL.sub(r"\\\1", words.translate(_HTML))


def sentence(text: object, longest: int = LONGEST) -> str:
    r"""Return a sentence of ours as `safe` does, with its commands shown as code.

    Examples:
        >>> sentence("Run `clockbooks link user ID QBO_ID`, *now*.")
        'Run `clockbooks link user ID QBO_ID`, \\*now\\*.'
    """
    return _COMMAND.sub(lambda found: f"`{found[1]}`".replace("\\_", "_"), safe(text, longest))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return a table of cells that are markdown already; *right* has the columns of numbers."""
    marks = ["---:" if column in right else "---" for column in columns]
    lines = [columns, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def picture(words: str, svg: bytes) -> str:
    """Return a picture that is part of the text itself, so that it needs no server."""
    return f"![{safe(words)}](data:image/svg+xml;base64,{b64encode(svg).decode()})\n"
