"""Reads exports to their ends: first how each is written, then its rows, into the staging.

Nothing of a file is used before all of it was read: one that is cut off, or is no table at all, is
refused as a whole, and a row that cannot be read is listed with its line and column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from connectors.errors import AskPerson
from connectors.files.reader import DELIMITERS, ExportFile, open_export
from connectors.store.staging import FILE_ROW, Staging
from flows.context import RunContext
from flows.importing.exports_in import exports_of
from flows.sending.extract import microseconds
from flows.sending.facts import Facts
from flows.sending.request import ImportRequest
from flows.sending.spool import Spool
from flows.settings import mapping_lines
from schemas.exports import BadCell, DateOrder, NotAnExport, Note, WrongMapping, add_up
from schemas.words import Reason
from transforms.entries.local_days import local_days, zone
from transforms.exports.date_order import in_words
from transforms.exports.read import Conclusion, Format, Survey, parse_mapping, read_rows, recognize

#: What each format is called, and where its time is tracked.
_FORMATS = {
    "clockify-detailed": ("Clockify's detailed report", "Clockify"),
    "toggl-detailed": ("Toggl's detailed report", "Toggl"),
    "toggl-import": ("Toggl's import layout", "Toggl"),
    "harvest-detailed": ("Harvest's detailed time report", "Harvest"),
    "harvest-import": ("Harvest's import layout", "Harvest"),
    "mapped": ("columns as mapped", "the time tracker"),
}

#: Columns of `Contents` of which a file says nothing when it lacks the column for a field.
_UNTOLD = {
    "project": ("project", "project_id", "client"),
    "client": ("client",),
    "task": ("task",),
    "description": ("description",),
    "rate": ("rate",),
}

#: Steps to which trackers round durations in reports, minutes: FACTS, Clockify, section 5.
_ROUNDING_STEPS = (60, 30, 15, 12, 10, 6, 5, 1)


@dataclass
class FileRead:
    """How one file was read.

    Attributes:
        name: As it was given.
        tracker: Where its time is tracked, for people.
        message: How it was read, in a sentence.
        untold: Columns of `Contents` of which it says nothing.
        silent: Reasons of which it cannot say whether they apply.
        found: What was found out about it, for scripts.
        notes: What a person should know about its rows.
    """

    name: str
    tracker: str
    message: str
    untold: tuple[str, ...]
    silent: frozenset[Reason]
    found: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        # `told` is the older name of `message`.
        return {"file": self.name, **self.found, "message": self.message, "told": self.message}


class WrongFile(AskPerson):
    """A file cannot be imported as it is; another may."""


@dataclass(frozen=True)
class _Reader:
    """What all files of an import are read with."""

    request: ImportRequest
    staged: Staging
    set_aside: Spool[dict[str, Any]]
    days_in: ZoneInfo
    clocks_in: ZoneInfo
    currency: str | None
    kept_mapping: Sequence[str]


def read_files(
    context: RunContext,
    request: ImportRequest,
    facts: Facts,
    staged: Staging,
    set_aside: Spool[dict[str, Any]],
) -> list[FileRead]:
    """Read every file to its end, and stage its rows; one that is named twice is read once.

    A folder stands for the exports in it.

    Rows that are no entries are *set_aside*, as objects.

    Raises:
        WrongFile: A file cannot be read, is no export, or does not say enough; the text says what
            is needed. Nothing was sent.
    """
    reader = _Reader(
        request,
        staged,
        set_aside,
        days_in=context.timezone,
        clocks_in=zone(request.timezone) if request.timezone else context.timezone,
        currency=facts.currency,
        kept_mapping=mapping_lines(context.settings.import_map or ""),
    )
    different = {path.resolve(): path for path in exports_of(request.files)}
    read = []
    for number, path in enumerate(different.values()):
        try:
            read.append(_read_file(reader, number, path))
        except AskPerson as error:
            raise WrongFile(error.found, to_do=error.to_do) from error
        except (NotAnExport, WrongMapping) as error:
            raise WrongFile(f"{path}: {error}") from None
    return read


def _read_file(reader: _Reader, number: int, path: Path) -> FileRead:
    request = reader.request
    with open_export(path, encoding=request.encoding, delimiter=request.delimiter) as export:
        fmt = _recognize(export, path.name, request.mapping, reader.kept_mapping)
        if request.approved_only and "approved" not in fmt.columns:
            raise AskPerson(
                f"{path} does not say which time is approved: export only approved time, and send"
                " it with --no-approved-only; or map the column that says so with --map. Nothing"
                " was sent."
            )
        columns, used = fmt.of_used_columns()
        conclusion = _survey(export, columns, used, path.name, request.date_order)
        notes: list[Note] = list(conclusion.notes)
        rows = bad_rows = 0
        for chunk in export.chunks(columns=columns):
            read = read_rows(
                chunk.frame,
                used,
                order=conclusion.order,
                timezone=reader.clocks_in,
                currency=reader.currency,
                decimal_mark=conclusion.decimal_mark,
                spreadsheet=export.kind == "xlsx",
            )
            reader.staged.add(_to_stage(read.entries, fmt, number, reader.days_in))
            bad = list(_by_row(path, [*chunk.bad, *read.bad]))
            reader.set_aside.extend(bad)
            notes = add_up([*notes, *read.notes])
            rows += len(read.entries)
            bad_rows += len(bad)
    name, tracker = _FORMATS[fmt.name]
    return FileRead(
        name=str(path),
        tracker=tracker,
        message=_sentence(name, export, conclusion, rows, bad_rows),
        untold=tuple(
            column
            for name, columns in _UNTOLD.items()
            if name not in fmt.columns
            for column in columns
        ),
        silent=_silent(fmt),
        found={
            "format": fmt.name,
            "encoding": export.encoding or None,
            "delimiter": export.delimiter or None,
            "date_order": str(conclusion.order),
            "rows": rows,
            "bad_rows": bad_rows,
        },
        notes=[f"{path}: {text}" for text in [*export.notes, *fmt.notes, *map(_as_text, notes)]],
    )


def _silent(fmt: Format) -> frozenset[Reason]:
    """Return the reasons that such a file cannot show."""
    has, silent = fmt.columns.keys(), set()
    if "type" not in has:
        silent.add(Reason.BREAK)
    if not {"rate", "billable"} <= has or not (fmt.currency or "currency" in has):
        silent.add(Reason.RATE_CURRENCY)
    if "billable" not in has:
        silent |= {Reason.BILLABLE_WITHOUT_PROJECT, Reason.BILLABLE_WITHOUT_RATE}
    return frozenset(silent)


def _recognize(
    export: ExportFile, name: str, mapping: Sequence[str], kept_mapping: Sequence[str]
) -> Format:
    try:
        return recognize(export.header, name, parse_mapping(mapping))
    except NotAnExport:
        if mapping or not kept_mapping:
            raise
    return recognize(export.header, name, parse_mapping(kept_mapping))


def read_mapping(file: Path) -> list[str]:
    """Read a mapping of columns from a file: one per line; a line with `#` first is a comment.

    Raises:
        AskPerson: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise AskPerson(f"The mapping cannot be read from {file} ({reason}).") from None
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _survey(
    export: ExportFile, columns: list[int], fmt: Format, name: str, order: str | None
) -> Conclusion:
    survey = Survey(fmt, name, spreadsheet=export.kind == "xlsx")
    for chunk in export.chunks(columns=columns):
        survey.feed(chunk.frame)
    return survey.conclude(DateOrder(order) if order else None)


def _to_stage(entries: pd.DataFrame, fmt: Format, number: int, days_in: ZoneInfo) -> pd.DataFrame:
    rows = entries.assign(
        file=number,
        start_us=microseconds(entries["start"]),
        end_us=microseconds(entries["end"]),
        wall=entries["start_local"].str[:16],  # to the minute
        slack_s=_slack_s(entries),
        approved=entries["approved"].fillna(value=False),
    )
    for name in ("project", "client", "task"):
        if name in fmt.columns:  # empty, which says more than a missing column
            rows[f"{name}_name"] = rows[f"{name}_name"].fillna("")
    timed = rows["start"].notna()
    rows.loc[timed, "day"] = local_days(rows.loc[timed, "start"], days_in)
    return rows[list(FILE_ROW)]


def _slack_s(entries: pd.DataFrame) -> pd.Series:
    """Return by how much the durations may be off; see `Contents.slack_s`.

    Start and end are shown as they are, to the second or the minute. A duration without an end may
    have been rounded in the report: to any step that divides it, where the start tells the entry
    from others; otherwise only as far as two decimals of an hour, or minutes, show it.
    """
    shown = (entries["precision_s"] - 1).astype("Int64")
    alone = entries["end_local"].isna()
    whole = entries["duration_s"] % 60 == 0
    step_s = pd.Series(60, index=entries.index, dtype="Int64")
    for step in reversed(_ROUNDING_STEPS):
        step_s = step_s.mask(entries["duration_s"] % (step * 60) == 0, step * 60)
    rounded = (step_s - 1).where(whole, 18)
    by_day = pd.Series(59, index=entries.index, dtype="Int64").where(whole, 18)
    return shown.mask(alone, rounded.where(entries["has_clock"], by_day))


def _by_row(path: Path, cells: Sequence[BadCell]) -> Iterator[dict[str, Any]]:
    """Yield one object for each row that is no entry, however many of its cells are bad."""
    rows: dict[int, list[BadCell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.line):
        rows.setdefault(cell.line, []).append(cell)
    for line, bad in rows.items():
        yield {
            "entry_id": None,
            "problem": " ".join(map(_problem, bad)),
            "file": str(path),
            "line": line,
            "column": bad[0].column or None,
        }


def _problem(cell: BadCell) -> str:
    return f"{cell.column} is {cell.value!r}: {cell.why}" if cell.column else cell.why


def _as_text(note: Note) -> str:
    if not note.count:
        return note.text
    lines = ", ".join(map(str, note.lines))
    more = f" and {note.count - len(note.lines):,} more" if note.count > len(note.lines) else ""
    return f"{note.text} ({note.count:,} rows: lines {lines}{more})"


def _sentence(
    name: str, export: ExportFile, conclusion: Conclusion, rows: int, bad_rows: int
) -> str:
    parts = [name]
    if export.kind == "xlsx":
        parts.append("spreadsheet")
    else:
        parts += [export.encoding, DELIMITERS[export.delimiter]]
    parts.append(f"{rows + bad_rows:,} rows")
    shape = ", ".join(parts)
    bad = f" {bad_rows:,} rows cannot be read." if bad_rows else ""
    return f"{shape}; dates are {in_words(conclusion.order)}: {conclusion.because}.{bad}"
