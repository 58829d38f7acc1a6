"""What somebody can ask of a send and of an import: the one list of their options.

The requests are made of these options; the commands and the Prefect flows take them as parameters
of their own (`spread`). Nothing here is slow to import, because `--help` needs it.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, Literal, get_type_hints

from connectors.errors import AskPerson

#: What is wrong with a description of blanks alone.
BLANK = (
    "The text to look for in descriptions is blank: write a word of them, or leave the filter out."
    " Nothing was sent."
)


def is_blank(text: str) -> bool:
    """Whether a text is empty but for white space, which comparisons collapse."""
    return not text.strip()


def option(default: Any, help_: str, *, flag: str = "", metavar: str | None = None) -> Any:
    """Describe one option of a request.

    Args:
        default: What it is unless somebody says otherwise.
        help_: What it does, for the help of the command and the form of the flow.
        flag: How the command spells it, where that is not the field's name.
        metavar: What the command's help shows for the value.
    """
    return field(default=default, metadata={"help": help_, "flag": flag, "metavar": metavar})


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a send and an import are both asked; `None` leaves an option to the settings."""

    users: tuple[str, ...] = option((), "Only these users: names or ids.", flag="--user")
    clients: tuple[str, ...] = option((), "Only these clients: names or ids.", flag="--client")
    projects: tuple[str, ...] = option((), "Only these projects: names or ids.", flag="--project")
    tasks: tuple[str, ...] = option(
        (), "Only these tasks, of whichever project: names or ids.", flag="--task"
    )
    tags: tuple[str, ...] = option(
        (), "Only entries with one of these tags: names or ids.", flag="--tag"
    )
    groups: tuple[str, ...] = option(
        (), "Only users who are in one of these groups: names or ids.", flag="--group"
    )
    description: str | None = option(
        None, "Only entries with this text in their description; case is ignored.", metavar="TEXT"
    )
    billable: bool | None = option(
        None,
        "Only billable entries, or only others; default: both.",
        flag="--billable/--non-billable",
    )
    approved_only: bool | None = option(
        None,
        "Leave out entries whose timesheet is not approved; default: what the settings say, or no.",
    )
    rounding: str | None = option(
        None,
        "nearest:15, up:6, down:30, or none; default: what the settings say, else the workspace's"
        " own.",
        metavar="MODE:MINUTES",
    )
    rate: Literal["clockify", "item", "person"] | None = option(
        None,
        "Whose rate billable time goes at: the entry's own; the price of its service item in"
        " QuickBooks; or its person's billing rate there; default: what the settings say, or"
        " clockify.",
    )
    missing_rate: Literal["reject", "zero", "item"] | None = option(
        None,
        "What becomes of billable time without a rate; zero: it goes at a rate of 0; item: at the"
        " price of its service item in QuickBooks; default: what the settings say, or reject.",
    )
    foreign_rate: Literal["reject", "zero", "item"] | None = option(
        None,
        "The same of billable time with a rate in another currency than the company's.",
    )
    rounding_per: Literal["entry", "day"] | None = option(
        None,
        "entry: each on its own; day: a person's day on a project adds up as if rounded once;"
        " default: what the settings say, or entry.",
    )
    overtime: Literal["none", "weekly", "daily", "both"] | None = option(
        None,
        "weekly: employees' time over 40 hours a week gets the pay type of the rules for overtime;"
        " daily: over 8 hours a day, and over 12 that of double time; both: by the day and the"
        " week; never of rows of files; default: what the settings say, or none.",
    )
    day_zone: Literal["connection", "worker"] | None = option(
        None,
        "Whose time zone decides on which day an entry falls; rows of files keep theirs; default:"
        " what the settings say, or connection.",
    )
    description_template: str | None = option(
        None,
        "How descriptions are written, such as '[{task}: ]{description}'; see docs/settings.md;"
        " default: what the settings say, or as in Clockify.",
        metavar="TEMPLATE",
    )
    description_marker: bool | None = option(
        None,
        "End descriptions with the entry's id, to find the entry by in QuickBooks; default: what"
        " the settings say, or no.",
    )
    sent_tag: str | None = option(
        None,
        "Put this tag on sent entries in Clockify, and take it off again when they are recalled;"
        " see docs/settings.md; default: what the settings say, or no tag.",
        metavar="NAME",
    )
    allow_payroll: bool | None = option(
        None,
        "Whether a company with QuickBooks Payroll gets all entries at once, or none; default: what"
        " the settings say, or one entry first, alone, and the others only if it is taken.",
    )
    retry_refused: bool = option(
        False, "Try entries again that QuickBooks refused, even if nothing about them has changed."
    )
    not_in_books: bool = option(
        False,
        "The unknown time that QuickBooks holds of these people and days is other work: send in"
        " spite of it.",
    )
    only_what_was_shown: bool = False  # `not_in_books` means what an earlier run has shown
    sync: bool | None = option(
        None, "Compare both directories first; default: CLOCKBOOKS_SYNC_BEFORE_SEND, or no."
    )
    dry_run: bool = option(False, "Show the plan; send nothing, change nothing.")

    def __post_init__(self) -> None:
        """Take lists for tuples, and an empty text, as a form gives it, for none.

        Raises:
            AskPerson: Every description would have the text.
        """
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(one.default, tuple):
                value = tuple(value or ())
            object.__setattr__(self, one.name, None if value == "" else value)
        if self.description is not None and is_blank(self.description):
            raise AskPerson(BLANK)


@dataclass(frozen=True)
class SendRequest(JobRequest):
    """What somebody asks a send to do on some local days, the last one included."""

    start: date
    end: date
    split: Literal["none", "midnight"] | None = option(
        None,
        "midnight: an entry that crosses midnight, or is longer than 23 h 55 min, goes in parts,"
        " one on each of its days, all of them or none; none: it goes whole on its first day, and"
        " not at all if it is too long; default: what the settings say, or none.",
    )
    line_per: Literal["entry", "day"] | None = option(
        None,
        "day: entries of one person, day, customer, item, class, location and rate go as one"
        " TimeActivity, with their texts; entry: each goes alone; default: what the settings say,"
        " or entry.",
    )


@dataclass(frozen=True, kw_only=True)
class ImportRequest(JobRequest):
    """What somebody asks an import to do; users, clients and projects go by the files' names."""

    files: tuple[Path, ...]
    date_order: Literal["mdy", "dmy", "ymd"] | None = option(
        None, "Order of day and month; default: found out from the whole file."
    )
    timezone: str | None = option(
        None,
        "Time zone of the file's clock times, its exporter's; default: the connection's.",
        metavar="NAME",
    )
    encoding: str | None = option(None, "utf-8, utf-16, windows-1252, …; default: found out.")
    delimiter: str | None = option(None, "comma, semicolon or tab; default: found out.")
    mapping: tuple[str, ...] = option(
        (),
        "What a column holds, as column=field; see docs/files.md.",
        flag="--map",
        metavar="COLUMN=FIELD",
    )
    strict: bool = option(False, "Send nothing unless every row is good.")
    users: tuple[str, ...] = option(
        (), "Only these users: names or e-mail addresses.", flag="--user"
    )
    clients: tuple[str, ...] = option((), "Only these clients: names.", flag="--client")
    projects: tuple[str, ...] = option((), "Only these projects: names.", flag="--project")
    tasks: tuple[str, ...] = option((), "Only these tasks: names.", flag="--task")
    tags: tuple[str, ...] = option((), "Only rows with one of these tags: names.", flag="--tag")
    approved_only: bool | None = option(
        None,
        "Leave out rows that the file does not call approved; default: what the settings say, or"
        " no.",
    )


def spread(
    function: Callable[..., Any],
    request: type[JobRequest],
    annotate: Callable[[Any, Field[Any]], Any] = lambda type_, _: type_,
    **defaults: Any,
) -> Callable[..., Any]:
    """Return a function with a parameter for each option in place of `options`, a dictionary.

    Whatever reads signatures sees them where `options` stands: by keyword, as all others must be.

    Args:
        function: Takes `options`, among others.
        request: Whose options.
        annotate: Makes the annotation from the type of a parameter and the field of its option.
        defaults: Defaults in place of the request's.
    """
    hints = get_type_hints(request)
    parameters = {}
    for one in _options(request):
        repeats = isinstance(one.default, tuple)
        type_ = list[str] if repeats else hints[one.name]
        default = defaults.get(one.name, [] if repeats else one.default)
        parameters[one.name] = inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotate(type_, one),
            default=default,
        )

    @wraps(function)
    def call(**given: Any) -> Any:
        options = {name: given.pop(name) for name in parameters}
        return function(options=options, **given)

    all_: list[inspect.Parameter] = []
    for own in inspect.signature(function, eval_str=True).parameters.values():
        all_ += parameters.values() if own.name == "options" else [own]
    call.__signature__ = inspect.Signature(all_)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in all_}
    return call


def as_parameters(request: JobRequest) -> dict[str, Any]:
    """Return a request as the parameters of its flow: its options, and what has no default."""
    asked = [one.name for one in fields(request) if one.metadata or one.default is MISSING]
    return {name: getattr(request, name) for name in asked}


def help_of(request: type[JobRequest]) -> dict[str, str]:
    """Return what each option of a request does."""
    return {one.name: one.metadata["help"] for one in _options(request)}


def _options(request: type[JobRequest]) -> list[Field[Any]]:
    """Return the fields that are options; what a request has besides `JobRequest` comes first."""
    shared = {one.name for one in fields(JobRequest)}
    options = [one for one in fields(request) if one.metadata]
    return sorted(options, key=lambda one: one.name in shared)


#: Days between which both services, and the days around a window, are sure to have a calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def wrong_days(start: date, end: date) -> str | None:
    """Say what is wrong with the first and the last day of a run; `None` if nothing is."""
    if end < start:
        return f"The end, {end:%Y-%m-%d}, is before the start, {start:%Y-%m-%d}."
    if start < FIRST_DAY or end > LAST_DAY:
        return f"Use days from {FIRST_DAY} through {LAST_DAY}."
    return None


def days_of(
    start: date | None, end: date | None, last_days: int | None, *, today: date
) -> tuple[date, date]:
    """Return the first and the last day of a run.

    Args:
        start: First day, with *end*.
        end: Last day, included, with *start*.
        last_days: This many days before today, instead. Today is not included: its hours are not
            all there yet.
        today: The day in the connection's time zone.

    Raises:
        AskPerson: Neither or both ways were used, or the days are wrong.

    Examples:
        >>> days_of(None, None, 7, today=date(2026, 11, 24))
        (datetime.date(2026, 11, 17), datetime.date(2026, 11, 23))
    """
    if last_days is not None:
        if start is not None or end is not None:
            raise AskPerson("Use either start and end, or last_days, not both.")
        return today - timedelta(days=last_days), today - timedelta(days=1)
    if start is None or end is None:
        raise AskPerson(
            "Give the days: start and end, or last_days for that many days before today."
        )
    if wrong := wrong_days(start, end):
        raise AskPerson(wrong)
    return start, end
