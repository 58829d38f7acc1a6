"""Writes what a bookkeeper reads of an entry: its description, by a template.

`[{task}: ]{description}[ #{tags}]` gives `Design: Kitchen #urgent`. A section in brackets vanishes
where one of its fields is empty. What is too long for QuickBooks is cut at a word.
"""

import re
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import pandas as pd

from transforms.entries.local_days import local_minutes

#: QuickBooks' limit for `Description`, counted as Java counts: in UTF-16 units (FACTS, QBO, 1.1).
DESCRIPTION_LIMIT = 4000

#: What a template may name.
FIELDS = ("description", "task", "tags", "project", "client", "user", "start", "end")

#: A doubled bracket stands for itself, and \n for a line break.
_TOKEN = re.compile(r"\[\[|\]\]|\{\{|\}\}|\\n|\[|\]|\{([a-z]+)\}|[^\\\[\]{}]+|.", re.DOTALL)
_LITERAL = {"[[": "[", "]]": "]", "{{": "{", "}}": "}", "\\n": "\n"}


@dataclass(frozen=True)
class _Section:
    """Part of a template: texts and, marked as such, names of fields.

    Attributes:
        parts: Each with whether it is a field.
        vanishes: Whether it is left out where a field of it is empty.
    """

    parts: tuple[tuple[bool, str], ...]
    vanishes: bool

    def write(self, values: dict[str, str]) -> str:
        if self.vanishes and not all(values[text] for is_field, text in self.parts if is_field):
            return ""
        return "".join(values[text] if is_field else text for is_field, text in self.parts)


@dataclass(frozen=True)
class Template:
    """How descriptions are written; made by `parse_template`."""

    sections: tuple[_Section, ...]

    def write(self, **values: str) -> str:
        """Write one description, with a value for each of `FIELDS`; without space at the ends."""
        return "".join(section.write(values) for section in self.sections).strip()


def parse_template(text: str) -> Template:
    """Read a template as people write it.

    Raises:
        ValueError: It names an unknown field, or its brackets do not fit.

    Examples:
        >>> values = dict.fromkeys(FIELDS, "") | {"task": "Design", "description": "Kitchen"}
        >>> parse_template("[{task}: ]{description}[ ({tags})]").write(**values)
        'Design: Kitchen'
    """
    sections: list[_Section] = []
    parts: list[tuple[bool, str]] = []
    is_open = False
    for token in _TOKEN.finditer(text):
        if token[1]:
            _check_field(token[1])
            parts.append((True, token[1]))
        elif token[0] in "[]":
            if is_open == (token[0] == "["):
                raise ValueError(f"it has a {token[0]!r} too many.")
            if is_open and not any(is_field for is_field, _ in parts):
                raise ValueError("it has a section in brackets that names no field.")
            sections.append(_Section(tuple(parts), is_open))
            parts, is_open = [], not is_open
        elif token[0] in "{}":
            raise ValueError(f"it has a {token[0]!r} too many; write {token[0] * 2} for one.")
        else:
            parts.append((False, _LITERAL.get(token[0], token[0])))
    if is_open:
        raise ValueError("it has a section in brackets that does not end.")
    return Template((*sections, _Section(tuple(parts), vanishes=False)))


def _check_field(name: str) -> None:
    if name not in FIELDS:
        raise ValueError(f"{{{name}}} is not a field. There are: {', '.join(FIELDS)}.")


def described(
    entries: pd.DataFrame, template: Template | None, timezone: ZoneInfo, *, marked: bool
) -> pd.Series:
    """Write the description of each entry.

    Args:
        entries: `TimeEntries` or `FileEntries`, with `user`, `project` and `client` for the names.
        template: `None` for their own descriptions.
        timezone: Whose clock shows start and end.
        marked: Whether the entry's id stands at the end, to find the entry by in QuickBooks.

    Returns:
        Texts, with the index of *entries*; those with an id at most `DESCRIPTION_LIMIT` long.
    """
    texts = entries["description"]
    if template is not None:
        values = entries.rename(columns={"task_name": "task"}).assign(
            start=_clock(entries["start"], timezone), end=_clock(entries["end"], timezone)
        )
        rows = values[list(FIELDS)].astype(object).fillna("").to_dict("records")
        texts = pd.Series([template.write(**row) for row in rows], entries.index, dtype="str")
    if not marked:
        return texts
    marks = " [clockbooks:" + entries["entry_id"] + "]"
    room = DESCRIPTION_LIMIT - int(marks.str.len().max()) if len(marks) else 0
    return (texts.map(partial(fit, limit=room)) + marks).str.removeprefix(" ").astype("str")


def _clock(instants: pd.Series, timezone: ZoneInfo) -> pd.Series:
    """Return what a clock shows, HH:MM; empty where there is no time."""
    return local_minutes(instants, timezone).str[11:]


def fit(text: str, limit: int = DESCRIPTION_LIMIT) -> str:
    """Cut a text to so many UTF-16 units, at a word, with an ellipsis."""
    if len(text) * 2 <= limit or _utf16(text) <= limit:
        return text
    room = limit - 1
    cut = text.encode("utf-16-le")[: room * 2].decode("utf-16-le", errors="ignore")
    in_word = not cut[-1].isspace() and not text[len(cut)].isspace()
    at_word = (cut.removesuffix(cut.rsplit(maxsplit=1)[-1]) if in_word else cut).rstrip()
    # If the second half has no space, the text is cut in the middle of a word.
    return (at_word if _utf16(at_word) * 2 > room else cut.rstrip()) + "…"


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
