"""Recognizes an export by its header: which format it is, and which column holds what.

Headers depend on the language, labels and columns that the exporting person chose, so each column
is known by its name alone, wherever it is (FACTS, Clockify, section 9). Unknown columns are ignored
and reported; a person's mapping overrides what is known.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.currencies import CURRENCY_CODES
from schemas.exports import NotAnExport, WrongMapping

#: What a column can be mapped to; `date` is another word for `start_date`.
FIELDS = (
    "user", "first_name", "last_name", "email", "client", "project", "task", "description", "tags",
    "billable", "type", "date", "start_date", "start_time", "end_date", "end_time", "duration",
    "hours", "rate", "currency", "approved",
)  # fmt: skip

#: Fields that are read too, but cannot be mapped.
_CREATED = "created"  # a day, which shows how the file writes days
_AMOUNT = "amount"  # not used as money, which rates decide; it shows how the file writes numbers

#: Names of columns: in English as seen (FACTS, Clockify, 9.1 to 9.3), in German and Portuguese as
#: far as known.
_NAMES = {
    "user": ["user", "benutzer", "usuário", "team member", "member"],
    "first_name": ["first name"],
    "last_name": ["last name"],
    "email": ["email", "e-mail"],
    "client": ["client", "kunde", "cliente"],
    "project": ["project", "projekt", "projeto"],
    "task": ["task", "activity", "aufgabe", "tätigkeit", "tarefa"],
    "description": ["description", "notes", "beschreibung", "descrição"],
    "tags": ["tags", "tag", "etiquetas"],
    "billable": ["billable", "billable?", "abrechenbar", "faturável"],
    "type": ["type", "typ", "tipo"],
    "start_date": ["start date", "date", "startdatum", "data de início", "data inicial"],
    "start_time": ["start time", "startzeit", "hora de início", "hora inicial"],
    "end_date": ["end date", "enddatum", "data de término", "data final", "data de fim"],
    "end_time": ["end time", "endzeit", "hora de término", "hora final", "hora de fim"],
    "duration": ["duration (h)", "duration", "dauer (h)", "duração (h)"],
    "hours": ["duration (decimal)", "hours", "dauer (dezimal)", "duração (decimal)"],
    "rate": ["billable rate", "taxa faturável", "abrechenbarer satz"],
    "currency": ["currency"],
    "approved": ["approved?", "approved"],
    _AMOUNT: ["billable amount", "amount", "valor faturável"],
    _CREATED: ["date of creation", "erstellungsdatum", "data de criação"],
}  # fmt: skip
_FIELD_OF = {name: found for found, names in _NAMES.items() for name in names}

#: Columns whose header includes the currency's label.
_PRICED = {name: found for name, found in _FIELD_OF.items() if found in {"rate", _AMOUNT}}

#: Columns that are known but not needed.
_NOT_NEEDED = re.compile(
    r"group|gruppe|grupo|invoiced\??|invoice id|(cost|profit) (amount|rate)|project code|roles|"
    r"employee\?|external reference url"
)

#: Words in a column's name that say its numbers are hours; `(h)` too.
_HOURS = re.compile(r"\b(h|hrs?|hours?|std|stunden?|horas?|heures?|decimal|dezimal|décimale?s?)\b")

#: Words that say its numbers are minutes or seconds, and words that say they are not.
_SHORTER = re.compile(r"\b(min|mins|minut(e|es|en|os?)|sec|secs|se[ck]und(en|e|os?)|seconds?)\b")
_IN_HOURS = re.compile(r"\b(h|hrs?|hours?|std|stunden?|horas?|heures?)\b")

#: With so many known columns a table is an export, and its first line a header that may be shown.
_TELLING_COLUMNS = 2

#: So many names of columns are shown in a message.
_MOST_SHOWN = 12

_LABELLED = re.compile(r"(.+?)\s*\(([^()]+)\)")

_DETAILED = (
    "export the detailed report of Clockify, Toggl or Harvest, or say which column is which with"
    ' --map, as in --map "Worked on=date"'
)


@dataclass(frozen=True)
class Format:
    """What the columns of an export hold.

    Attributes:
        name: `clockify-detailed`, `toggl-detailed`, `toggl-import`, `harvest-detailed`,
            `harvest-import` or `mapped`.
        columns: The position, from 0, of the column for each field that the file has.
        header: The names of all columns.
        currency: The ISO 4217 code in the header of the rate, if there is one.
        notes: What a person should know, such as ignored columns and unknown currencies.
    """

    name: str
    columns: Mapping[str, int]
    header: tuple[str, ...]
    currency: str | None = None
    notes: tuple[str, ...] = field(default=())

    def column(self, found: str) -> str:
        """Return the name of a field's column in the file."""
        return self.header[self.columns[found]]

    def of_used_columns(self) -> "tuple[list[int], Format]":
        """Return the positions of the used columns, and the format of a table with only those."""
        used = sorted(self.columns.values())
        columns = {name: used.index(at) for name, at in self.columns.items()}
        return used, replace(self, columns=columns, header=tuple(self.header[at] for at in used))

    @property
    def durations_are_hours(self) -> bool:
        """Whether the header says that bare numbers in the duration column are hours."""
        return bool(_HOURS.search(_key(self.column("duration"))))

    @property
    def durations_are_shorter(self) -> bool:
        """Whether the header says that bare numbers there are minutes or seconds."""
        return _are_shorter(_key(self.column("duration")))


def parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """Read mappings `column=field`, as people type them; return the column for each field.

    Examples:
        >>> parse_mapping(["Worked on=date", "Who = user", "a=b=hours"])
        {'start_date': 'Worked on', 'user': 'Who', 'hours': 'a=b'}

    Raises:
        WrongMapping: One has no `=`, an unknown field, or a field that was given before.
    """
    mapping: dict[str, str] = {}
    for text in texts:
        column, sign, name = (part.strip() for part in text.rpartition("="))
        name = name.casefold().replace("-", "_").replace(" ", "_")
        if not (sign and column and name):
            raise WrongMapping(f"{text!r} is not a mapping. Write column=field, as in Who=user.")
        if name not in FIELDS:
            raise WrongMapping(f"There is no field {name!r}. The fields are {', '.join(FIELDS)}.")
        name = "start_date" if name == "date" else name
        if name in mapping:
            raise WrongMapping(
                f"Both {mapping[name]!r} and {column!r} are mapped to {name}. Choose one."
            )
        mapping[name] = column
    return mapping


def recognize(
    header: Sequence[str], file_name: str = "", mapping: Mapping[str, str] | None = None
) -> Format:
    """Recognize an export by the names of its columns.

    Args:
        header: As in the file; case, surrounding white space and Unicode form do not matter.
        file_name: For the text of an error.
        mapping: The column for each field that a person mapped; other fields are found by name.

    Raises:
        NotAnExport: It is another kind of table, or lacks who, when or how long.
        WrongMapping: A mapped column is not in the header, or is there twice.
    """
    keys = [_key(name) for name in header]
    told = _mapped(header, keys, mapping or {})
    columns, notes = _known(header, keys, told)
    name = _name(header, keys, columns, mapped=bool(told))
    if name == "clockify-detailed":
        _by_place(header, columns, notes)
    _refuse_others(file_name, header, keys, columns, mapped=bool(told))
    currency, currency_notes = _currency(header, columns)
    ignored = [
        header[at]
        for at, key in enumerate(keys)
        if at not in columns.values() and not _NOT_NEEDED.fullmatch(_unlabeled(key))
    ]
    if ignored:
        notes.append(f"Unused columns: {', '.join(map(repr, ignored))}.")
    if "billable" not in columns:
        notes.append(
            "No known column says what is billable, so no row is billable. If one does, name it"
            " with --map COLUMN=billable."
        )
    return Format(name, columns, tuple(header), currency, (*notes, *currency_notes))


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _unlabeled(key: str) -> str:
    """Remove the currency's label, as in `billable rate (usd)`."""
    labeled = _LABELLED.fullmatch(key)
    return labeled[1] if labeled else key


def _are_shorter(key: str) -> bool:
    return bool(_SHORTER.search(key)) and not _IN_HOURS.search(key)


def _mapped(header: Sequence[str], keys: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    told = {}
    for name, column in mapping.items():
        places = _places(column, header, keys)
        if not places:
            shown = _shown(header, keys)
            columns = f" The columns are {shown}." if shown else ""
            raise WrongMapping(f"There is no column {column!r}.{columns}")
        if len(places) > 1:
            raise WrongMapping(f"There are {len(places)} columns {column!r}. Rename all but one.")
        if name == "hours" and _are_shorter(keys[places[0]]):
            raise WrongMapping(
                f"By its name, {column!r} holds minutes or seconds, not hours. Write them like 0:15"
                f" in the file and map {column}=duration, or rename the column if it holds hours."
            )
        told["start_date" if name == "date" else name] = places[0]
    return told


def _places(column: str, header: Sequence[str], keys: list[str]) -> list[int]:
    exact = [at for at, found in enumerate(header) if found == column]
    return exact or [at for at, key in enumerate(keys) if key == _key(column)]


def _known(
    header: Sequence[str], keys: list[str], told: dict[str, int]
) -> tuple[dict[str, int], list[str]]:
    columns = dict(told)
    notes = []
    for at, key in enumerate(keys):
        found = _FIELD_OF.get(key) or _PRICED.get(_unlabeled(key))
        if found is None or at in told.values() or found in told:
            continue
        if found in columns:
            notes.append(
                f"Column {at + 1}, {header[at]!r}, means the same as column {columns[found] + 1},"
                f" {header[columns[found]]!r}, which was used."
            )
            continue
        columns[found] = at
    return columns, notes


def _name(
    header: Sequence[str], keys: list[str], columns: Mapping[str, int], *, mapped: bool
) -> str:
    if mapped:
        return "mapped"
    if "hours" in columns and keys[columns["hours"]] == "hours":
        return "harvest-detailed" if "billable" in columns else "harvest-import"
    if _is_toggl(header, keys, columns):
        return "toggl-detailed" if "end_time" in columns else "toggl-import"
    return "clockify-detailed"


def _is_toggl(header: Sequence[str], keys: list[str], columns: Mapping[str, int]) -> bool:
    if "duration" in columns:
        return keys[columns["duration"]] == "duration"
    # Clockify writes "Start Date", Toggl "Start date": sometimes nothing else tells them apart.
    return "start_date" in columns and header[columns["start_date"]] == "Start date"


def _by_place(header: Sequence[str], columns: dict[str, int], notes: list[str]) -> None:
    """Find Project, Client and Task under other names, which workspaces may choose.

    Clockify's exports begin with Project, Client, Description, Task, User (FACTS, Clockify, 9.1).
    """
    described = columns.get("description")
    if described is None:
        return
    places = {
        "client": described - 1 if columns.get("project") == described - 2 else None,
        "project": described - 2 if columns.get("client") == described - 1 else None,
        "task": described + 1 if columns.get("user") == described + 2 else None,
    }
    for name, at in places.items():
        if name not in columns and at is not None and at >= 0 and at not in columns.values():
            columns[name] = at
            notes.append(
                f"Column {header[at]!r} was read as the {name}, because of its position. If that is"
                f" wrong, name the right one with --map COLUMN={name}."
            )


def _refuse_others(
    file_name: str,
    header: Sequence[str],
    keys: list[str],
    columns: Mapping[str, int],
    *,
    mapped: bool,
) -> None:
    lacking = _lacking(columns)
    looks = None if mapped else _looks_like(set(keys), columns)
    if not lacking and not looks:
        return
    this = file_name or "This table"
    if looks:
        raise NotAnExport(f"{this} looks like {looks}, not a list of entries: {_DETAILED}.")
    shown = _shown(header, keys)
    where = f"in its columns ({shown})" if shown else "in any column with a known name"
    raise NotAnExport(f"{this} does not say {' or '.join(lacking)} {where}: {_DETAILED}.")


def _shown(header: Sequence[str], keys: list[str]) -> str | None:
    """Return the names of the columns for a person; `None` if the table may not be an export.

    People who may start an import need not be allowed to read every file, so a first line that is
    not a header is not shown.
    """
    if sum(map(_is_known, keys)) < _TELLING_COLUMNS:
        return None
    more = ", …" if len(header) > _MOST_SHOWN else ""
    return ", ".join(repr(name[:40]) for name in header[:_MOST_SHOWN]) + more


def _is_known(key: str) -> bool:
    plain = _unlabeled(key)
    return key in _FIELD_OF or plain in _PRICED or bool(_NOT_NEEDED.fullmatch(plain))


def _lacking(columns: Mapping[str, int]) -> list[str]:
    has = columns.keys()
    lacking = []
    if not ({"user"} <= has or {"email"} <= has or {"first_name", "last_name"} <= has):
        lacking.append("who worked")
    if "start_date" not in has:
        lacking.append("on which day")
    ends = {"start_time", "end_time"} <= has or {"start_date", "end_date"} <= has
    if not (ends or "duration" in has or "hours" in has):
        lacking.append("for how long")
    return lacking


def _looks_like(keys: set[str], columns: Mapping[str, int]) -> str | None:
    """Name the kind of table, if people often choose it by mistake (FACTS, Clockify, 9.1, 9.3)."""
    if keys & {"tracked (h)", "visibility", "billability", "estimated (h)"}:
        return "Clockify's list of projects"
    if keys & {"transaction date", "service item", "payroll item"}:
        return "a time import for QuickBooks"
    if keys & {"time (h)", "time (decimal)"} and "start_time" not in columns:
        return "a Clockify summary report"
    if "duration" in columns and "start_date" not in columns:
        return "a summary report"
    return None


def _currency(
    header: Sequence[str], columns: Mapping[str, int]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the currency in the rate's header if it is a code: `(USD)`, not `(EURO)` or `($)`."""
    if "rate" not in columns:
        return None, ()
    labeled = _LABELLED.fullmatch(header[columns["rate"]].strip())
    if not labeled:
        return None, ()
    label = labeled[2].strip()
    if label in CURRENCY_CODES:
        return label, ()
    return None, (f"{label!r} is not a currency code; rates are in the connection's currency.",)
