"""Renders data/DICTIONARY.md: what every column of the frames and of the database means.

All of it comes from the schemas and tables themselves, so that there is one place to change.
`make dictionary` writes the file; a test fails when it is stale.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

import pandera.pandas as pa
import sqlalchemy as sa

from schemas.clockify import Clients, Projects, TimeEntries, Users
from schemas.contents import Contents
from schemas.exports import ExportEntries
from schemas.file_entries import FileEntries
from schemas.links import Links, Unlinked
from schemas.plan import Activities, Plan
from schemas.quickbooks import Customers, People, Targets
from schemas.rules import PayTypes, Rules
from schemas.tables import Utc, metadata

#: The frames, in the order in which an entry passes through them.
FRAMES: tuple[type[pa.DataFrameModel], ...] = (
    TimeEntries, ExportEntries, FileEntries, Contents, Users, Clients, Projects, People, Customers,
    Links, Unlinked, Targets, Rules, PayTypes, Plan, Activities,
)  # fmt: skip

_INTRODUCTION = """\
# Data dictionary

Made by `make dictionary` from `schemas/`; edit the descriptions there. The first part has the
frames that the steps of a run hand to each other, the second the tables of the database. An
instant is a date and time in UTC. FACTS stands for [docs/vendor-facts.md](../docs/vendor-facts.md).
"""

_TYPES = {
    "string[pyarrow]": "text",
    "bool": "true or false",
    "boolean": "true or false",
    "Int64": "integer",
    "datetime64[us, UTC]": "instant",
}


def render() -> str:
    """Return the whole file."""
    parts = [_INTRODUCTION, "## Frames"]
    for model in FRAMES:
        parts += [
            f"### {model.__name__}",
            _sentence(model.__doc__),
            _table(("Column", "Type", "Unit", "Empty", "Meaning", "Source"), _columns(model)),
        ]
    parts.append("## Tables")
    for table in metadata.tables.values():
        rows = (
            (
                f"`{one.name}`",
                _stored_as(one),
                _key(one),
                "yes" * bool(one.nullable),
                str(one.comment),
            )
            for one in table.columns
        )
        parts += [
            f"### {table.name}",
            str(table.comment),
            _table(("Column", "Type", "Key", "Null", "Meaning"), rows),
        ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _columns(model: type[pa.DataFrameModel]) -> Iterator[tuple[str, ...]]:
    for name, column in model.to_schema().columns.items():
        told = column.metadata or {}
        yield (
            f"`{name}`",
            _TYPES[str(column.dtype)],
            told.get("unit") or "",
            "yes" if column.nullable else "",
            f"{column.description or ''}{_allowed(column)}",
            told.get("source") or "",
        )


def _allowed(column: pa.Column) -> str:
    words = [
        str(word)
        for check in column.checks
        if check.name == "isin"
        for word in check.statistics["allowed_values"]
    ]
    return f" One of {_listed(words)}." if words else ""


def _stored_as(column: sa.Column[object]) -> str:
    kind = column.type
    if isinstance(kind, sa.Enum):
        return f"one of {_listed(kind.enums)}"
    if isinstance(kind, sa.String):
        return f"text, at most {kind.length}" if kind.length else "text"
    if isinstance(kind, Utc):
        return "instant"
    return "true or false" if isinstance(kind, sa.Boolean) else "integer"


def _key(column: sa.Column[object]) -> str:
    others = [f"→ `{foreign.target_fullname}`" for foreign in column.foreign_keys]
    return ", ".join([*(["primary"] if column.primary_key else []), *others])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _sentence(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((docstring or "").partition("\n\n")[0].split())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    # Where no row fills a column, as with units of plain texts, the table is shorter without it.
    kept = [place for place in range(len(head)) if any(row[place] for row in cells)]
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line[place] for place in kept)} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(render())
